"""Combined conditions: three answers each, put together as Kleene's logic says, counted as somebody would by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.coverage import LIMIT_SLACK_M
from layers.analysis import reach_m, unit_table
from layers.areas import units_in_area
from layers.cards import card
from layers.condition_text import (
    GRAMMAR,
    MOST_CHARACTERS,
    MOST_CONDITIONS,
    Condition,
    conditions_text,
    read_conditions,
    saved_conditions,
)
from layers.condition_words import title
from layers.conditions import NO, UNKNOWN, YES, met, verdicts
from layers.dwellings import dwellings
from layers.indicators import SEATS, is_double_none
from layers.problems import BadParameter, Forbidden, NotSignedIn
from layers.queries import ViewQuery
from layers.questions import full_answer
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import read_standards
from layers.units import units
from layers.views import View, unit_positions, view
from layers.visitors import Area
from tests.district import small_district

FULL = Sight(aggregates="full", floating="all")
UNITS = ("communities", "square:100", "management", "neighbourhoods")
NAMES = {int(NO): "no", int(UNKNOWN): "unknown", int(YES): "yes"}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    district, frames = small_district()
    return Snapshot(1, district, read_standards(Path(__file__).parents[2] / "data"), frames)


def query_of(snapshot: Snapshot, where: str, unit: str = "communities", **more: str) -> ViewQuery:
    given = {"question": "double_none", "unit": unit, "where": where, **more}
    return ViewQuery.from_params(given, snapshot, FULL)


def seen(snapshot: Snapshot, where: str, unit: str = "communities", **more: str) -> View:
    return view(snapshot, query_of(snapshot, where, unit, **more), FULL)


def answers(snapshot: Snapshot, where: str, unit: str = "communities", **more: str) -> dict[str, str]:
    """Return by unit how it meets the conditions."""
    found = met(snapshot, query_of(snapshot, where, unit, **more), FULL).verdicts
    return {code: NAMES[int(verdict)] for code, verdict in zip(units(snapshot, unit).ids, found, strict=True)}


def those(snapshot: Snapshot, where: str, answer: str) -> set[str]:
    return {code for code, found in answers(snapshot, where).items() if found == answer}


# What the small district says by hand (tests/district.py).
BY_HAND = {
    "double_none": ({"C03", "C07", "C08"}, {"C06", "C10", "C12"}),
    "!double_none": ({"C01", "C02", "C04", "C05", "C09", "C11"}, {"C06", "C10", "C12"}),
    "kind:old_estate": ({"C03", "C04", "C06", "C07", "C08"}, set()),
    "residents:900": ({"C01", "C05", "C09", "C11", "C12"}, {"C06"}),
    "!residents:900": ({"C02", "C03", "C04", "C07", "C08", "C10"}, {"C06"}),
    "seat:owners_committee:unknown": ({"C06", "C10", "C11"}, set()),
    "!seat:owners_committee:unknown": (
        {"C01", "C02", "C03", "C04", "C05", "C07", "C08", "C09", "C12"},
        set(),
    ),
    "seat:owners_committee:no": ({"C02", "C03", "C07", "C08", "C09", "C12"}, {"C06", "C10", "C11"}),
    "seat:property_management:yes": ({"C01", "C02", "C05", "C09", "C11"}, {"C06", "C12"}),
    "subdistrict:S2": ({"C07", "C08", "C09", "C10", "C11", "C12"}, set()),
    "class:double_none:no_committee": ({"C02", "C09"}, {"C06", "C10", "C11", "C12"}),
    "class:double_none:unknown": ({"C06", "C10", "C11", "C12"}, set()),
    # Half of the residents float, rounded down: C01 has 450 of 900. Nobody lives in C10, C06 is not known.
    "floating:40": (
        {"C01", "C02", "C03", "C04", "C05", "C07", "C08", "C09", "C11", "C12"},
        {"C06", "C10"},
    ),
    "floating:60": (set(), {"C06", "C10"}),
    "double_none~residents:500": ({"C03"}, {"C06", "C12"}),
    "double_none~kind:old_estate~!subdistrict:S1": ({"C07", "C08"}, set()),
}


@pytest.mark.parametrize("where", BY_HAND)
def test_conditions_are_what_somebody_counts_by_hand(snapshot: Snapshot, where: str) -> None:
    matches, open_cases = BY_HAND[where]
    assert those(snapshot, where, "yes") == matches
    assert those(snapshot, where, "unknown") == open_cases


def test_complaints_are_those_of_the_period(snapshot: Snapshot) -> None:
    ever = answers(snapshot, "complaints:30", **{"from": "2000-01-01", "to": "2019-12-31"})
    assert {code for code, answer in ever.items() if answer == "yes"} == {"C03", "C07", "C08"}
    one_day = answers(snapshot, "complaints:30", **{"from": "2019-12-31", "to": "2019-12-31"})
    assert set(one_day.values()) == {"no"}


def naive(snapshot: Snapshot, condition: Condition, unit: str) -> list[str]:
    """Return the answers of one condition, unit by unit, the slow way."""
    found = units(snapshot, unit)
    communities = snapshot.frame("communities")
    own = [
        [position] if unit == "communities" else np.flatnonzero(found.of_community == position).tolist()
        for position in range(len(found))
    ]
    answer = [_naive_one(snapshot, condition, unit, at, own[at], communities) for at in range(len(found))]
    return [_naive_not(one) if condition.negated else one for one in answer]


def _naive_not(answer: str) -> str:
    return {"yes": "no", "no": "yes"}.get(answer, answer)


def _naive_any(answers: list[str]) -> str:
    return "yes" if "yes" in answers else "unknown" if "unknown" in answers else "no"


def _naive_one(
    snapshot: Snapshot, condition: Condition, unit: str, at: int, own: list[int], communities: Any
) -> str:
    values = condition.values
    rows = [communities.iloc[one] for one in own]
    if condition.kind == "double_none":
        double = [str(is_double_none(communities.iloc[[one]])[0]) for one in own]
        return _naive_any(double)
    if condition.kind == "kind":
        return _naive_any(["yes" if row["kind"] == values[0] else "no" for row in rows])
    if condition.kind == "seat":
        facts = [str(row[values[0]]) for row in rows]
        if values[1] == "unknown":
            return _naive_any(["yes" if fact == "unknown" else "no" for fact in facts])
        wanted = values[1]
        return _naive_any(["unknown" if f == "unknown" else "yes" if f == wanted else "no" for f in facts])
    if condition.kind == "residents":
        return _naive_residents(snapshot, unit, at, own, communities, int(values[0]))
    if condition.kind == "subdistrict":
        of = int(units(snapshot, unit).subdistrict[at])
        code = snapshot.frame("subdistricts").index[of]
        return "unknown" if of < 0 else "yes" if code == values[0] else "no"
    assert condition.kind == "gap"
    homes = np.flatnonzero(units(snapshot, unit).of_dwelling == at)
    if not len(homes):
        return "no"
    walk = reach_m(snapshot, units(snapshot, unit), values[0])[1][at]
    return "unknown" if np.isnan(walk) else "yes" if walk > float(values[1]) + LIMIT_SLACK_M else "no"


def _naive_residents(
    snapshot: Snapshot, unit: str, at: int, own: list[int], communities: Any, least: int
) -> str:
    if unit == "communities":
        known = communities["residents"].iloc[at]
        return "unknown" if pd.isna(known) else "yes" if known >= least else "no"
    homes = dwellings(snapshot)
    here = homes.residents[units(snapshot, unit).of_dwelling == at]
    if round(float(np.nansum(here)), 6) >= least:
        return "yes"
    return "unknown" if np.isnan(here).any() else "no"


ONE = st.one_of(
    st.just(("double_none", ())),
    st.tuples(st.just("kind"), st.sampled_from([("old_estate",), ("garden_estate",), ("urban_village",)])),
    st.tuples(st.just("seat"), st.tuples(st.sampled_from(SEATS), st.sampled_from(["yes", "no", "unknown"]))),
    st.tuples(st.just("residents"), st.tuples(st.integers(1, 5000).map(str))),
    st.tuples(st.just("subdistrict"), st.sampled_from([("S1",), ("S2",)])),
    st.tuples(
        st.just("gap"), st.tuples(st.sampled_from(["day_care", "library"]), st.integers(100, 1000).map(str))
    ),
)
CONDITION = st.builds(lambda one, negated: Condition(one[0], one[1], negated), ONE, st.booleans())
ENOUGH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ENOUGH
@given(condition=CONDITION, unit=st.sampled_from(UNITS))
def test_every_condition_agrees_with_looking_at_one_unit_after_the_other(
    snapshot: Snapshot, condition: Condition, unit: str
) -> None:
    query = replace(query_of(snapshot, "", unit), where=(condition,))
    found = [NAMES[int(one)] for one in verdicts(snapshot, query, FULL, condition)]
    assert found == naive(snapshot, condition, unit)


@ENOUGH
@given(where=st.lists(CONDITION, min_size=1, max_size=5, unique=True), unit=st.sampled_from(UNITS))
def test_conditions_are_combined_as_kleene_says(
    snapshot: Snapshot, where: list[Condition], unit: str
) -> None:
    query = replace(query_of(snapshot, "", unit), where=tuple(where))
    found = met(snapshot, query, FULL)
    singles = [verdicts(snapshot, query, FULL, one) for one in where]
    for at, together in enumerate(found.verdicts):
        answers = [int(one[at]) for one in singles]
        wanted = (
            NO if int(NO) in answers else UNKNOWN if int(UNKNOWN) in answers else YES
        )  # one no decides; else one unknown leaves it open
        assert together == wanted
    # Whatever the order, the same units are left.
    turned = replace(query, where=tuple(reversed(where)))
    assert (met(snapshot, turned, FULL).verdicts == found.verdicts).all()
    # Each condition leaves fewer that can still match, and never more matches than before.
    for before, after in itertools.pairwise(found.steps):
        assert (after <= before).all()
    assert found.verdicts.dtype == np.int8


@ENOUGH
@given(condition=CONDITION, unit=st.sampled_from(UNITS))
def test_the_opposite_of_a_condition_answers_the_opposite(
    snapshot: Snapshot, condition: Condition, unit: str
) -> None:
    query = replace(query_of(snapshot, "", unit), where=(condition,))
    one = verdicts(snapshot, query, FULL, condition)
    other = verdicts(snapshot, query, FULL, replace(condition, negated=not condition.negated))
    assert ((one == UNKNOWN) == (other == UNKNOWN)).all()
    assert ((one == YES) == (other == NO)).all()


@ENOUGH
@given(where=st.lists(CONDITION, min_size=1, max_size=4, unique=True), unit=st.sampled_from(UNITS))
def test_running_counts_never_grow_and_the_view_shows_the_last(
    snapshot: Snapshot, where: list[Condition], unit: str
) -> None:
    shown = seen(snapshot, conditions_text(tuple(where)), unit).as_dict("en")
    items = shown["conditions"]["items"]
    assert [item["text"] for item in items] == [str(one) for one in where]
    matches = [item["matches"] for item in items]
    open_to = [item["matches"] + item["unknown"] for item in items]
    assert matches == sorted(matches, reverse=True) and open_to == sorted(open_to, reverse=True)
    last = shown["conditions"]
    assert (last["matches"], last["unknown"]) == (items[-1]["matches"], items[-1]["unknown"])
    assert len(shown["rows"]["id"]) == last["matches"] + last["unknown"]
    assert last["of"] == len(shown["rows"]["id"]) + len(shown["rest"]["id"])
    assert shown["list"]["count"] == last["matches"]
    together = [*shown["rows"]["id"], *shown["rest"]["id"]]
    found = units(snapshot, unit)
    assert sorted(together) == sorted(found.ids.tolist())
    # The map draws those that do not match as well, where there are many by their places.
    places = unit_positions(snapshot, unit)
    told = [[*shown["rows"][axis], *shown["rest"][axis]] for axis in ("lon", "lat")]
    at = [found.ids.tolist().index(unit_id) for unit_id in together]
    np.testing.assert_allclose(told, np.array(places)[:, at], atol=1e-6)
    empty = last["emptied_by"]
    assert empty == next((at for at, number in enumerate(matches) if number == 0), None)


def test_the_strip_follows_those_that_match(snapshot: Snapshot) -> None:
    shown = seen(snapshot, "double_none", question="double_none").as_dict("en")
    told = {item["title"]: item["value_text"] for item in shown["strip"]}
    # C03, C07 and C08 with 760, 430 and 260 residents and 8 buildings each.
    assert told["Communities"] == "3" and told["Cannot tell"] == "3"
    assert told["Buildings"] == "24" and told["Residents"] == "1,450"
    everybody = 900 + 810 + 760 + 520 + 1200 + 430 + 260 + 1500 + 980 + 4200
    assert told["Of all residents"] == f"{100 * 1450 / everybody:.1f}%"


def test_the_filters_of_before_are_conditions_too(snapshot: Snapshot) -> None:
    shown = seen(snapshot, "double_none", subdistrict="S2", community_kind="old_estate").as_dict("en")
    assert set(shown["rows"]["id"]) == {"C07", "C08"}
    assert shown["conditions"]["of"] == 2 and shown["rest"]["id"] == []


def test_matches_come_first_each_group_worst_first(snapshot: Snapshot) -> None:
    shown = seen(snapshot, "seat:owners_committee:no").as_dict("en")
    matches = shown["conditions"]["matches"]
    first, second = shown["rows"]["id"][:matches], shown["rows"]["id"][matches:]
    assert set(first) == {"C02", "C03", "C07", "C08", "C09", "C12"}
    assert set(second) == {"C06", "C10", "C11"}
    plain = view(snapshot, query_of(snapshot, ""), FULL).as_dict("en")["rows"]["id"]
    for group in (first, second):
        assert group == [one for one in plain if one in group]


def test_a_download_says_which_rows_cannot_be_told(snapshot: Snapshot) -> None:
    rows = seen(snapshot, "double_none").frame("en")
    assert dict(zip(rows["Unit"], rows["Conditions"], strict=True)) == {
        **dict.fromkeys(("C03", "C07", "C08"), "met"),
        **dict.fromkeys(("C06", "C10", "C12"), "cannot tell"),
    }


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("question", ["gap", "double_none", "hotspots"])
def test_every_class_of_a_legend_is_a_condition(snapshot: Snapshot, question: str, unit: str) -> None:
    query = replace(query_of(snapshot, "", unit), question=question)  # type: ignore[arg-type]
    answered = full_answer(snapshot, query)
    classes = answered.table["class"].to_numpy()
    for item in answered.classes:
        kind = f"gap:{query.kind}:300" if question == "gap" else question
        found = answers(snapshot, f"class:{kind}:{item.id}", unit)
        yes = {code for code, answer in found.items() if answer == "yes"}
        assert yes == set(units(snapshot, unit).ids[classes == item.id])


def test_hot_spots_hold_what_is_hotter(snapshot: Snapshot) -> None:
    classes = full_answer(snapshot, replace(query_of(snapshot, "", "square:100"), question="hotspots")).table[
        "class"
    ]
    for level, wanted in (("90", ["hot_90", "hot_95", "hot_99"]), ("99", ["hot_99"])):
        found = answers(snapshot, f"hot:{level}", "square:100")
        yes = {code for code, answer in found.items() if answer == "yes"}
        assert yes == set(units(snapshot, "square:100").ids[np.isin(classes, wanted)])
    assert those(snapshot, "hot:90", "unknown") == {"C06"}  # of unknown residents


def test_where_a_layer_is_missing_nothing_can_be_told() -> None:
    district, frames = small_district()
    standards = read_standards(Path(__file__).parents[2] / "data")
    bare = {
        name: frame.iloc[:0] if name in ("facilities", "complaints") else frame
        for name, frame in frames.items()
    }
    snapshot = Snapshot(1, district, standards, bare)
    for where in ("gap:day_care:300", "complaints:1", "hot:95", "!hot:95", "class:hotspots:none"):
        assert set(answers(snapshot, where).values()) == {"unknown"}, where
    # A kind of which there is none is another thing: nobody has one near.
    some = {**frames, "facilities": frames["facilities"][frames["facilities"]["kind"] != "library"]}
    snapshot = Snapshot(1, district, standards, some)
    assert set(answers(snapshot, "gap:library:800").values()) == {"yes"}


def test_an_area_sees_its_own_units_alone(snapshot: Snapshot) -> None:
    own = Sight(aggregates="area", area=Area("subdistricts", frozenset({"S2"})), floating="area")
    given = {"question": "double_none", "unit": "communities", "where": "double_none~floating:40"}
    shown = view(snapshot, ViewQuery.from_params(given, snapshot, own), own).as_dict("en")
    here = set(units(snapshot, "communities").ids[units_in_area(snapshot, "communities", own.area)])
    assert {*shown["rows"]["id"], *shown["rest"]["id"]} == here
    assert shown["conditions"]["items"][0]["matches"] == 2 and shown["conditions"]["of"] == 6
    assert {item["title"] for item in shown["strip"]} >= {"Of your area"}


def test_the_floating_share_is_for_those_who_are_told_of_it(snapshot: Snapshot) -> None:
    leader = Sight(aggregates="full", floating="none")
    given = {"unit": "communities", "where": "double_none~floating:50"}
    with pytest.raises(Forbidden, match="floating"):
        ViewQuery.from_params(given, snapshot, leader)
    # Outside of the area in which somebody is told of it, it cannot be told.
    partly = Sight(aggregates="full", floating="area", area=Area("subdistricts", frozenset({"S1"})))
    query = ViewQuery.from_params({"unit": "communities", "where": "floating:40"}, snapshot, partly)
    found = met(snapshot, query, partly).verdicts
    outside = ~units_in_area(snapshot, "communities", partly.area)
    assert (found[outside] == UNKNOWN).all() and (found[~outside] == YES).any()


def test_the_public_sets_no_conditions(snapshot: Snapshot) -> None:
    for sight, kind in (
        (Sight(aggregates="public", signed_in=False), NotSignedIn),
        (Sight(aggregates="public"), Forbidden),
    ):
        with pytest.raises(kind, match="conditions"):
            ViewQuery.from_params({"unit": "communities", "where": "double_none"}, snapshot, sight)


@ENOUGH
@given(where=st.lists(CONDITION, max_size=6, unique=True).map(tuple))
def test_text_and_conditions_are_one(snapshot: Snapshot, where: tuple[Condition, ...]) -> None:
    text = conditions_text(where)
    assert (read_conditions(text, snapshot, "communities") if text else ()) == where


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", ["Condition 1", "character 1", "'nonsense'", "double_none"]),
        ("double_none~", ["Condition 2", "character 13"]),
        ("double_none~gap:day_care", ["Condition 2", "2 values"]),
        ("gap:daycare:300", ["facility kind", "'daycare'", "day_care"]),
        ("gap:day_care:12", ["limit of the walk", "'12'", "100 to 1000"]),
        ("gap:day_care:3e2", ["'3e2'"]),
        ("gap:day_care:３００", ["limit"]),
        ("floating:55", ["'55'", "50, 60"]),
        ("residents:0", ["whole numbers from 1"]),
        ("residents:99999999999999999999", ["whole numbers"]),
        ("seat:manager:no", ["'manager'", "property_management"]),
        ("seat:owners_committee:maybe", ["yes, no, unknown"]),
        ("kind:castle", ["old_estate"]),
        ("subdistrict:S9", ["S1, S2"]),
        ("class:double_none:dn-1", ["'dn-1'"]),
        ("class:gap:day_care:300:gap-9", ["'gap-9'"]),
        ("!!double_none", ["Condition 1"]),
        ("x~y~double_none~z", ["Condition 1", "Condition 2", "Condition 4", "character 17"]),
        ("~".join(["double_none"] * (MOST_CONDITIONS + 1)), ["At most 12"]),
        ("x" * (MOST_CHARACTERS + 1), ["At most"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(snapshot: Snapshot, text: str, said: list[str]) -> None:
    with pytest.raises(BadParameter) as caught:
        read_conditions(text, snapshot, "communities")
    for part in said:
        assert part in str(caught.value)
    assert caught.value.message.zh != caught.value.message.en


def test_conditions_of_communities_are_asked_of_nothing_else(snapshot: Snapshot) -> None:
    with pytest.raises(BadParameter, match="communities only"):
        read_conditions("floating:50", snapshot, "square:100")


def test_numbers_and_repetitions_have_one_spelling(snapshot: Snapshot) -> None:
    found = read_conditions("residents:0050~residents:50~double_none~double_none", snapshot, "communities")
    assert conditions_text(found) == "residents:50~double_none"


def test_codes_may_hold_any_sign(snapshot: Snapshot) -> None:
    frame = snapshot.frame("subdistricts")
    odd = frame.rename(index={"S1": "a:b~c%7E!"})
    other = Snapshot(1, snapshot.district, snapshot.standards, {**_frames(snapshot), "subdistricts": odd})
    one = Condition("subdistrict", ("a:b~c%7E!",), negated=True)
    assert read_conditions(str(one), other, "communities") == (one,)
    assert "~" not in str(one)


def _frames(snapshot: Snapshot) -> dict[str, Any]:
    return {name: rows.frame() for name, rows in snapshot.rows.items()}


@pytest.mark.parametrize("unit", UNITS)
def test_every_kind_has_words_in_both_languages(snapshot: Snapshot, unit: str) -> None:
    query = query_of(snapshot, "", unit)
    for kind, places in GRAMMAR.items():
        values: tuple[str, ...] = ()
        for place in places:
            choices = place(snapshot, unit, values)
            values += (choices.words[0] if choices.words else str((choices.numbers or (1, 1))[0]),)
        said = [title(snapshot, query, Condition(kind, values, negated)) for negated in (False, True)]
        assert len({text.zh for text in said}) == len({text.en for text in said}) == 2, kind
        assert all(text.zh.strip() and text.en.strip() for text in said)


def test_a_card_says_how_the_unit_meets_each_condition(snapshot: Snapshot) -> None:
    query = query_of(snapshot, "double_none~residents:500~!subdistrict:S1")
    told = {
        code: [
            one["answer"]
            for one in card(snapshot, "communities", code, query, FULL).as_dict("en")["conditions"]
        ]
        for code in ("C03", "C08", "C06", "C01")
    }
    assert told == {
        "C03": ["yes", "yes", "no"],
        "C08": ["yes", "no", "yes"],
        "C06": ["unknown", "unknown", "no"],
        "C01": ["no", "yes", "no"],
    }
    plain = card(snapshot, "communities", "C01", query_of(snapshot, ""), FULL).as_dict("en")
    assert plain["conditions"] == []


def test_saved_conditions_are_checked() -> None:
    content = {"where": "double_none", "unit": "communities", "limit_m": ""}
    assert saved_conditions(content) == {"where": "double_none", "unit": "communities"}
    for wrong in (
        {},
        {"where": ""},
        {"where": 1},
        {"where": "x", "extra": "1"},
        {"where": "x" * 401},
        {"unit": "x"},
    ):
        with pytest.raises(BadParameter, match="content"):
            saved_conditions(wrong)


def test_what_conditions_find_is_not_kept(snapshot: Snapshot) -> None:
    for number in range(1, 40):
        seen(snapshot, f"residents:{number}")
    kept = len(snapshot._derived)
    for number in range(40, 80):
        seen(snapshot, f"residents:{number}")
    assert len(snapshot._derived) == kept


def test_unit_tables_and_conditions_speak_of_the_same_residents(snapshot: Snapshot) -> None:
    table = unit_table(snapshot, units(snapshot, "square:100"), period=(None, None))
    found = answers(snapshot, "residents:100", "square:100")
    for code, people in zip(table["cell"], table["residents"], strict=True):
        if found[code] == "yes":
            assert people >= 100 - 1e-6
