"""The datum guard's rule at its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.imports.guard import Evidence, EvidenceKind, Reading, Verdict, judge, sign_test
from layers.text import Text, both

POINTS = Text("点", "points")


def verdict_of(
    *fits: list[bool], kind: EvidenceKind = "named", more: list[list[list[bool]]] | None = None
) -> Verdict:
    """Judge readings of which it is said, for each piece of evidence, which records fit: the first is declared."""
    pieces = [list(fits), *(more or [])]
    readings = [
        Reading(f"r{n}", both(f"R{n}"), np.full(len(fits[0]), float(n)), np.zeros(len(fits[0])))
        for n in range(len(fits))
    ]

    def piece(at: int) -> Evidence:
        told = pieces[at]

        def fit(lon: Any, lat: Any) -> Any:
            return np.array(told[int(lon[0])], dtype=bool)

        return Evidence(f"e{at}", kind, both("fit"), np.ones(len(fits[0]), dtype=bool), fit)

    return judge(readings, [piece(at) for at in range(len(pieces))], noun=POINTS)


def yes(count: int, of: int) -> list[bool]:
    return [True] * count + [False] * (of - count)


def test_the_sign_test() -> None:
    assert sign_test(7, 0) == pytest.approx(1 / 128)
    assert sign_test(6, 0) == pytest.approx(1 / 64)
    assert sign_test(0, 5) == 1.0
    assert sign_test(0, 0) == 1.0
    assert sign_test(1, 1) == pytest.approx(0.75)


def test_seven_to_none_refuses_and_six_to_none_does_not() -> None:
    """Where a record fits under neither reading, so that the better one is not too good for chance."""
    assert verdict_of(yes(92, 100), yes(99, 100)).status == "refused"
    assert verdict_of(yes(93, 100), yes(99, 100)).status == "not_verified"


def test_a_reading_that_all_fit_refuses_three_that_do_not() -> None:
    for kind in ("named", "area"):
        assert verdict_of(yes(97, 100), yes(100, 100), kind=kind).status == "refused"
        assert verdict_of(yes(98, 100), yes(100, 100), kind=kind).status == "not_verified"
        assert verdict_of(yes(2, 5), yes(5, 5), kind=kind).status == "refused"
    assert verdict_of(yes(97, 100), yes(100, 100), kind="near").status == "not_verified"


def test_what_is_not_verified_says_how_many_fit_under_each() -> None:
    found = verdict_of(yes(98, 100), yes(100, 100))
    assert found.sentence.en.endswith("(98 of 100 points fit; 100 as R1).")
    assert "按 R1 100 个" in found.sentence.zh


def test_labels_that_are_mostly_contradicted_are_said() -> None:
    found = verdict_of(yes(1, 12), yes(0, 12), more=[[yes(12, 12), yes(0, 12)]])
    assert found.status == "fits"
    assert found.sentence.en == "Taken as R0, though only 1 of 12 points fit: check what the rows name."


def test_losses_count_against_gains() -> None:
    declared = yes(93, 100)
    other = [False] * 2 + [True] * 98  # seven gained, two lost
    assert sign_test(7, 2) > 0.01
    assert verdict_of(declared, other).status == "not_verified"
    assert verdict_of(yes(80, 100), other).status == "refused"


def test_a_single_record() -> None:
    assert verdict_of([True], [True]).status == "not_verified"
    assert verdict_of([True], [False]).status == "fits"
    assert verdict_of([False], [False]).status == "not_verified"
    assert verdict_of([False], [True]).status == "refused"


def test_none_against_most() -> None:
    assert verdict_of(yes(0, 4), yes(2, 4)).status == "not_verified"
    assert verdict_of(yes(0, 4), yes(3, 4)).status == "refused"
    assert verdict_of(yes(2, 4), yes(4, 4)).status == "not_verified"


def test_mislabelled_records_change_nothing() -> None:
    assert verdict_of(yes(511, 516), yes(483, 516)).status == "fits"
    assert verdict_of(yes(490, 516), yes(470, 516)).status == "fits"


def test_the_best_readings_are_named_with_all_that_fit_equally() -> None:
    found = verdict_of(yes(483, 516), yes(516, 516), yes(500, 516), yes(516, 516))
    assert found.better == ("r1", "r3")
    assert found.sentence.en == "R1 and R3 fit: 516 of 516 points fit, as R0 only 483."
    assert found.sentence.zh == "R1和R3 相符：516 个点中有 516 个fit，按 R0 只有 483 个。"
    assert "as R0 none." in verdict_of(yes(0, 9), yes(9, 9)).sentence.en


def test_weaker_evidence_chooses_among_equals() -> None:
    wrong, right = yes(0, 20), yes(20, 20)
    assert verdict_of(wrong, right, right).better == ("r1", "r2")
    assert verdict_of(
        wrong, right, right, more=[[wrong, wrong, wrong], [right, yes(5, 20), right]]
    ).better == ("r2",)


def test_the_declared_reading_wins_a_tie_and_the_equals_are_named() -> None:
    found = verdict_of(yes(9, 9), yes(9, 9), yes(8, 9), yes(9, 9))
    assert (found.status, found.equal) == ("not_verified", ("r1", "r3"))
    assert "Datum not verified" in found.sentence.en
    assert "R0, R1 and R3" in found.sentence.en
    assert "基准未核实" in found.sentence.zh


def test_weaker_evidence_does_not_bring_back_a_reading_that_is_out() -> None:
    declared, other = yes(100, 100), yes(50, 100)
    assert verdict_of(declared, other, more=[[other, declared]]).status == "fits"
    assert verdict_of(declared, declared, more=[[other, declared]]).status == "refused"
    assert verdict_of(declared, declared, more=[[declared, other]]).status == "fits"


def test_an_area_speaks_only_for_a_reading_that_it_nearly_holds() -> None:
    assert verdict_of(yes(70, 100), yes(89, 100), kind="area").status == "not_verified"
    assert verdict_of(yes(70, 100), yes(90, 100), kind="area").status == "refused"
    assert verdict_of(yes(0, 10), yes(8, 10), kind="area").status == "not_verified"


def test_nearness_does_not_tell_apart_by_a_single_record() -> None:
    assert verdict_of(yes(9, 9), yes(8, 9)).status == "fits"
    assert verdict_of(yes(9, 9), yes(8, 9), kind="near").status == "not_verified"
    assert verdict_of(yes(0, 4), yes(4, 4), kind="near").status == "not_verified"


def test_without_records_or_evidence_nothing_is_verified() -> None:
    nothing = Reading("r", both("R"), np.array([]), np.array([]))
    empty = Evidence("e", "named", both("fit"), np.array([], dtype=bool), lambda lon, lat: lon > 0)
    for pieces in ([], [empty]):
        assert judge([nothing], pieces, noun=POINTS).status == "not_verified"


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_rule_is_fair(records: list[tuple[bool, bool, bool]]) -> None:
    columns = [list(column) for column in zip(*records, strict=True)]
    found = verdict_of(*columns)
    if all(columns[0]):
        assert found.status != "refused"
    if found.status == "refused":
        best = int(found.better[0][1:])
        assert sum(columns[best]) > sum(columns[0])
        assert sum(columns[best]) >= max(
            sum(column) for column in columns if verdict_of(columns[0], column).better
        )
        # Whoever declares what was named is not sent back.
        assert verdict_of(columns[best], columns[0]).status != "refused"
    # The order of the records and of the other readings says nothing.
    shuffled = [list(column) for column in zip(*reversed(records), strict=True)]
    assert verdict_of(*shuffled).status == found.status
    assert verdict_of(columns[0], columns[2], columns[1]).status == found.status
