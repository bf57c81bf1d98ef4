"""The cross-table of two questions: it counts what the two views say, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from layers.crossing import Crossing, crossing, queries
from layers.problems import BadParameter, NotSignedIn
from layers.queries import QUESTIONS
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.visitors import Area
from tests.district import small_district

PAIRS = tuple(permutations(QUESTIONS, 2))
UNITS = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")
EVERYTHING = Sight(aggregates="full", floating="all")
PUBLIC = Sight(aggregates="public", signed_in=False)
WEST = Sight(aggregates="area", area=Area("subdistricts", frozenset({"S1"})))


def crossed(snapshot: Snapshot, sight: Sight = EVERYTHING, **params: str) -> Crossing:
    return crossing(snapshot, *queries(params, snapshot, sight), sight)


def cells(made: Crossing) -> dict[tuple[str, str], tuple[int, float | None]]:
    """Return units and residents by the ids of column and row."""
    return {
        (column.id, row.id): (
            int(made.units[j, i]),
            None if made.residents is None else float(made.residents[j, i]),
        )
        for j, row in enumerate(made.rows)
        for i, column in enumerate(made.columns)
    }


def test_communities_counted_by_hand(snapshot: Snapshot) -> None:
    made = crossed(snapshot, left="gap", right="double_none", unit="communities")
    found = {key: value for key, value in cells(made).items() if value[0]}
    # C01 and C05 lack nothing; C06 is unknown in both; nobody lives in C10, whose committee is unknown.
    assert found[("unknown", "unknown")] == (1, 0.0)
    assert found[("uninhabited", "unknown")] == (1, 0.0)
    assert sum(n for (_, row), (n, _) in found.items() if row == "double_none") == 3
    assert (
        sum(people or 0 for (_, row), (_, people) in found.items() if row == "double_none") == 760 + 430 + 260
    )
    worst = made.as_dict("zh")["worst"]
    assert worst["title"] == "够不到，又是双无"
    beyond = {key: n for key, (n, _) in found.items() if key[1] == "double_none" and key[0] != "gap-0"}
    assert worst["units"] == sum(beyond.values()) == 3


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("pair", PAIRS)
def test_it_agrees_with_counting_the_rows_of_both_views(
    snapshot: Snapshot, unit: str, pair: tuple[str, str]
) -> None:
    for more in ({}, {"subdistrict": "S2"}, {"community_kind": "old_estate"}, {"limit_m": "500"}):
        made = crossed(snapshot, EVERYTHING, left=pair[0], right=pair[1], unit=unit, **more)
        left, right = (shown.as_dict("en")["rows"] for shown in (made.left, made.right))
        class_of = dict(zip(right["id"], right["class"], strict=True))
        people_of = dict(zip(left["id"], left["residents"], strict=True))
        column_of = {name: one.id for one in made.columns for name in one.classes}
        row_of = {name: one.id for one in made.rows for name in one.classes}
        counted: Counter[tuple[str, str]] = Counter()
        people: Counter[tuple[str, str]] = Counter()
        for one, name in zip(left["id"], left["class"], strict=True):
            key = column_of[name], row_of[class_of[one]]
            counted[key] += 1
            people[key] += people_of[one] or 0
        for key, (units, residents) in cells(made).items():
            assert units == counted[key]
            assert residents == pytest.approx(people[key], abs=0.1)


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_is_lost_and_turning_it_round_gives_the_same(snapshot: Snapshot, unit: str) -> None:
    one = crossed(snapshot, left="gap", right="hotspots", unit=unit)
    other = crossed(snapshot, left="hotspots", right="gap", unit=unit)
    assert one.units.sum() == len(one.left.order)
    np.testing.assert_array_equal(one.units, other.units.T)
    assert one.residents is not None and other.residents is not None
    np.testing.assert_allclose(one.residents, other.residents.T)
    np.testing.assert_array_equal(one.unknown, other.unknown.T)
    told = one.as_dict("en")
    assert sum(cell["units"] for row in told["cells"] for cell in row) == told["total"]["units"]
    shares = [cell["share"] for row in told["cells"] for cell in row]
    assert sum(shares) == pytest.approx(1.0, abs=0.0001 * len(shares))


@pytest.mark.parametrize("pair", PAIRS)
def test_under_conditions_only_what_meets_them_is_counted(snapshot: Snapshot, pair: tuple[str, str]) -> None:
    made = crossed(snapshot, left=pair[0], right=pair[1], where="double_none", unit="communities")
    told = made.as_dict("en")
    rows = made.left.as_dict("en")["rows"]
    # Of three it cannot be told; they are in the rows of a view, and in no cell.
    assert set(rows["id"][:3]) == {"C03", "C07", "C08"} and set(rows["id"][3:]) == {"C06", "C10", "C12"}
    assert told["conditions"] == {
        "title": "Condition met",
        "of": 12,
        "of_text": "12",
        "matches": 3,
        "matches_text": "3",
        "unknown": 3,
        "unknown_text": "3",
    }
    assert made.units.sum() == told["total"]["units"] == 3
    assert told["total"]["residents"] == sum(rows["residents"][:3]) == 760 + 430 + 260
    assert sum(cell["share"] for row in told["cells"] for cell in row) == pytest.approx(1.0, abs=0.01)
    everything = crossed(snapshot, left=pair[0], right=pair[1], unit="communities")
    assert (made.units <= everything.units).all()
    assert everything.as_dict("en")["conditions"] is None


def test_what_is_unknown_stands_apart(snapshot: Snapshot) -> None:
    made = crossed(snapshot, left="gap", right="hotspots", unit="square:100")
    assert [one.id for one in made.columns if one.apart] == ["unknown", "uninhabited"]
    assert [one.id for one in made.rows] == ["hot", "none", "cold", "masked", "unknown"]
    assert made.unknown.sum() == 8
    at = [one.id for one in made.columns].index("unknown")
    assert made.unknown[:, at].sum() == 8
    assert not made.worst[:, at].any()


def test_the_public_is_told_units_and_no_residents(snapshot: Snapshot) -> None:
    made = crossed(snapshot, PUBLIC, left="gap", right="double_none")
    assert made.left.query.unit == "communities"
    assert made.residents is None
    told = json.dumps(made.as_dict("zh"))
    assert '"residents_told": false' in told
    assert all(cell["residents"] is None for row in made.as_dict("zh")["cells"] for cell in row)
    with pytest.raises(NotSignedIn):
        crossed(snapshot, PUBLIC, left="gap", right="hotspots")
    areas = crossed(snapshot, PUBLIC, left="double_none", right="hotspots")
    assert areas.left.query.unit == "neighbourhoods"
    assert areas.units.sum() == 4


def test_staff_of_an_area_see_their_area(snapshot: Snapshot) -> None:
    made = crossed(snapshot, WEST, left="gap", right="double_none")
    assert made.units.sum() == 6
    assert made.residents is not None
    assert made.residents.sum() == pytest.approx(900 + 810 + 760 + 520 + 1200)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"left": "gap", "right": "gap"}, "same question"),
        ({"left": "why"}, "left"),
        ({"right": "why"}, "right"),
        ({"left": "gap", "unit": "square:1"}, "unit"),
    ],
)
def test_a_parameter_out_of_range_is_refused_in_words(
    snapshot: Snapshot, params: dict[str, str], said: str
) -> None:
    with pytest.raises(BadParameter) as refused:
        queries(params, snapshot, EVERYTHING)
    assert said in refused.value.message.en


def test_what_is_not_said_has_a_default(snapshot: Snapshot) -> None:
    left, right = queries({}, snapshot, EVERYTHING)
    assert (left.question, right.question, left.unit) == ("gap", "hotspots", "square:100")
    assert queries({"right": "gap"}, snapshot, EVERYTHING)[0].question == "double_none"
    assert queries({"right": "gap"}, snapshot, EVERYTHING)[0].unit == "communities"
    assert [one.question for one in queries({}, snapshot, PUBLIC)] == ["gap", "double_none"]


def test_an_empty_district_has_an_empty_table(standards: Standards) -> None:
    district, frames = small_district()
    empty = Snapshot(0, district, standards, {name: frame.iloc[:0] for name, frame in frames.items()})
    made = crossed(empty, left="gap", right="hotspots", unit="communities")
    assert made.units.sum() == 0
    json.dumps(made.as_dict("en"), allow_nan=False)
