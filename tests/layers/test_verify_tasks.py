"""What is to be asked on the ground: which facts are in doubt, in which order, and that an answer settles them."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.indicators import SEATS
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards, Verification, read_standards
from layers.verify_tasks import GROUPS, LAYERS_ASKED, Doubt, doubts_of_community, rank, tasks, verifiable
from layers.visitors import RESIDENT, Area, Visitor
from tests.district import AS_OF, small_district
from tests.visitors import POLICY

RULES = Verification(stale_days=365, ask_again_days=30)
DAY = date(2019, 12, 31)
VALUES = st.sampled_from(["yes", "no", "unknown", None])
DAYS = st.none() | st.dates(date(2016, 1, 1), date(2022, 12, 31))
VERIFIED = st.none() | st.dates(date(2016, 1, 1), DAY)


EVERYTHING = {"communities": SEATS, "mediation_rooms": ("shared",)}


@pytest.fixture(scope="module")
def standards() -> Standards:
    return read_standards(Path(__file__).parents[2] / "data")


@pytest.fixture(scope="module")
def snapshot(standards: Standards) -> Snapshot:
    district, frames = small_district()
    return Snapshot(1, district, standards, frames)


def seen(role: str, area: Area) -> dict[str, Any]:
    who = Visitor(role, area, account="0" * 12, via="session")
    return {layer: POLICY.seen(who, layer, way_out="api") for layer in LAYERS_ASKED}


def listed(snapshot: Snapshot, area: Area, role: str = "grid_worker", **options: Any) -> list[dict[str, Any]]:
    given = {"most": 1000} | options
    found = tasks(snapshot, seen(role, area), EVERYTHING, area, date(2030, 1, 1), **given)
    return list(found.listed)


CELLS = Area("management_cells", frozenset({"G05", "G06"}))

# ---- the order

DOUBTS = st.builds(
    Doubt,
    st.sampled_from(["communities", "mediation_rooms"]),
    st.sampled_from(["C01", "C02", "C10"]),
    st.sampled_from(SEATS),
    st.sampled_from(["unknown", "ended", "contradicts", "undated", "stale"]),
    st.none() | st.integers(0, 900),
    st.booleans(),
    st.none() | st.integers(0, 5000),
)


def comes_first(one: Doubt, other: Doubt) -> bool:
    """Whether the first is at least as urgent, by the words of the module."""
    if GROUPS.index(one.group) != GROUPS.index(other.group):
        return GROUPS.index(one.group) < GROUPS.index(other.group)
    if one.group == "age" and one.days != other.days:
        return one.days is None or (other.days is not None and one.days > other.days)
    if one.residents != other.residents:
        return other.residents is None or (one.residents is not None and one.residents > other.residents)
    return (one.code, one.layer, one.field) <= (other.code, other.layer, other.field)


@given(st.lists(DOUBTS, max_size=30))
def test_the_order_is_that_of_the_stated_rule(doubts: list[Doubt]) -> None:
    ranked = rank(doubts)
    assert sorted(map(repr, ranked)) == sorted(map(repr, doubts))
    assert all(comes_first(one, other) for one, other in itertools.pairwise(ranked))


@given(st.permutations(range(12)), st.lists(DOUBTS, min_size=12, max_size=12, unique_by=repr))
def test_the_order_does_not_depend_on_that_of_the_rows(order: list[int], doubts: list[Doubt]) -> None:
    def keys(found: list[Doubt]) -> list[tuple[Any, ...]]:
        return [
            (one.group, one.days if one.group == "age" else None, one.residents, one.code) for one in found
        ]

    assert keys(rank(doubts)) == keys(rank([doubts[at] for at in order]))


# ---- what is in doubt

COMMUNITY = st.fixed_dictionaries(
    {
        **dict.fromkeys(SEATS, VALUES),
        **{f"{seat}_date": VERIFIED for seat in SEATS},
        "contract_start": DAYS,
        "contract_end": DAYS,
        "committee_term_start": DAYS,
        "committee_term_end": DAYS,
        "property_staff": st.none() | st.integers(0, 20),
        "party_branch_mode": st.sampled_from([None, "joint"]),
        "residents": st.none() | st.integers(0, 3000),
    }
)
PERIODS = {
    "property_management": ("contract_start", "contract_end"),
    "owners_committee": ("committee_term_start", "committee_term_end"),
}


def kind_by_hand(row: dict[str, Any], fact: str) -> str | None:
    """Say what is in doubt of a fact, rule by rule, in another way than the code does."""
    value, verified = row[fact], row[f"{fact}_date"]
    lately = verified is not None and verified > DAY - timedelta(days=30)
    start, end = (row[name] for name in PERIODS[fact]) if fact in PERIODS else (None, None)
    over = end is not None and end < DAY
    runs = end is not None and not over and not (start is not None and start > DAY)
    other_yes = {
        "property_management": runs or (row["property_staff"] or 0) > 0,
        "owners_committee": runs,
        "residents_group": False,
        "party_branch": row["party_branch_mode"] is not None,
    }[fact]
    rules = (
        ("unknown", value not in ("yes", "no") and not lately),
        ("ended", value == "yes" and over and not (verified is not None and verified > end)),
        ("contradicts", value == "no" and other_yes and not lately),
        ("undated", value in ("yes", "no") and verified is None),
        ("stale", value in ("yes", "no") and verified is not None and (DAY - verified).days > 365),
    )
    return next((kind for kind, applies in rules if applies), None)


@given(COMMUNITY)
def test_doubts_are_those_found_by_hand(row: dict[str, Any]) -> None:
    found = {doubt.field: doubt for doubt in doubts_of_community("C", row, DAY, RULES)}
    by_hand = {fact: kind for fact in SEATS if (kind := kind_by_hand(row, fact)) is not None}
    assert {field: doubt.kind for field, doubt in found.items()} == by_hand
    for field, doubt in found.items():
        other = {"property_management": "owners_committee", "owners_committee": "property_management"}.get(
            field
        )
        real = doubt.kind in ("unknown", "ended", "contradicts")
        open_ = other is not None and (row[other] != "yes" or by_hand.get(other) == "ended")
        assert doubt.stakes == (real and open_)
        assert doubt.residents == row["residents"]


@given(COMMUNITY, st.sampled_from(SEATS), st.sampled_from(["yes", "no", "unknown"]))
def test_an_answer_of_the_day_settles_the_question(row: dict[str, Any], fact: str, answer: str) -> None:
    answered = row | {fact: answer, f"{fact}_date": DAY}
    asked = {doubt.field for doubt in doubts_of_community("C", answered, DAY, RULES)}
    # What ends on the very day that it is looked at has not ended.
    assert fact not in asked


@given(COMMUNITY)
def test_a_field_that_may_not_be_seen_is_not_asked_about(row: dict[str, Any]) -> None:
    hidden = {name: value for name, value in row.items() if name not in ("owners_committee", "residents")}
    for doubt in doubts_of_community("C", hidden, DAY, RULES):
        assert doubt.field != "owners_committee"
        assert doubt.residents is None
        assert not doubt.stakes


@pytest.mark.parametrize(
    ("verified", "kind"),
    [
        (date(2018, 12, 31), None),
        (date(2018, 12, 30), "stale"),
        (None, "undated"),
        (DAY, None),
        (date(2020, 5, 1), None),  # later than the district's own day
    ],
)
def test_a_year_is_not_yet_out_of_date(verified: date | None, kind: str | None) -> None:
    row = {"residents_group": "yes", "residents_group_date": verified}
    assert [doubt.kind for doubt in doubts_of_community("C", row, DAY, RULES)] == ([kind] if kind else [])


@pytest.mark.parametrize(("days", "kinds"), [(29, []), (30, ["unknown"])])
def test_what_could_not_be_told_is_asked_again_after_a_month(days: int, kinds: list[str]) -> None:
    row = {"party_branch": "unknown", "party_branch_date": DAY - timedelta(days=days)}
    assert [doubt.kind for doubt in doubts_of_community("C", row, DAY, RULES)] == kinds


def test_a_contract_ends_at_the_end_of_its_last_day() -> None:
    row = {"property_management": "yes", "property_management_date": date(2019, 1, 1)}
    assert doubts_of_community("C", row | {"contract_end": DAY}, DAY, RULES) == []
    (ended,) = doubts_of_community("C", row | {"contract_end": date(2019, 12, 30)}, DAY, RULES)
    assert (ended.kind, ended.days) == ("ended", 1)


# ---- of a district


def test_the_questions_of_two_cells(snapshot: Snapshot) -> None:
    found = listed(snapshot, CELLS)
    assert [(one["id"], one["why"]["kind"], one["group"]) for one in found] == [
        ("communities/C06/owners_committee", "unknown", "double_none"),
        ("communities/C06/property_management", "unknown", "double_none"),
        ("communities/C06/residents_group", "unknown", "unknown"),
        ("communities/C05/party_branch", "undated", "age"),
        ("communities/C05/residents_group", "undated", "age"),
        ("communities/C04/party_branch", "undated", "age"),
        ("communities/C04/residents_group", "undated", "age"),
        ("communities/C06/party_branch", "undated", "age"),
    ]
    assert [one["rank"] for one in found] == list(range(1, len(found) + 1))
    assert [one["residents"] for one in found] == [None, None, None, 1200, 1200, 520, 520, None]


def test_what_is_told_of_a_question(snapshot: Snapshot) -> None:
    area = Area("communities", frozenset({"C11"}))
    found = {one["field"]: one for one in listed(snapshot, area, role="community_staff")}
    one = found["owners_committee"]
    assert one["name"] == {"zh": "水库新居", "en": "Reservoir Homes"}
    assert one["place"] == {"zh": "东街道 · 东北社区", "en": "East · East North"}
    assert one["question"] == {"zh": "有没有业委会？", "en": "Is there an owners' committee?"}
    assert (one["group"], one["residents"]) == ("unknown", 980)  # there is a manager: nothing hangs on it
    assert one["record"] == {
        "value": "unknown",
        "text": {"zh": "不明", "en": "unknown"},
        "date": None,
        "details": [],
    }
    west, south, east, north = snapshot.frame("communities").loc[["C11"]].total_bounds
    assert (one["lon"], one["lat"]) == pytest.approx((west, south), abs=1e-6)
    assert (one["lon"], one["lat"]) == pytest.approx((east, north), abs=1e-6)


def changed(snapshot: Snapshot, code: str, **values: Any) -> Snapshot:
    communities = snapshot.frame("communities").copy()
    for name, value in values.items():
        communities.loc[code, name] = value
    frames = {layer: snapshot.frame(layer) for layer in LAYERS} | {"communities": communities}
    return Snapshot(2, snapshot.district, snapshot.standards, frames)


def test_an_ended_contract_and_a_contradiction_in_words(snapshot: Snapshot) -> None:
    later = changed(snapshot, "C05", contract_end="2019-02-10", property_management_date="2018-11-02")
    later = changed(later, "C04", property_staff=3)
    _, _, ended, contradicts, *_ = listed(later, CELLS)
    assert ended["id"] == "communities/C05/property_management"
    assert ended["why"] == {
        "kind": "ended",
        "days": 324,
        "text": {"zh": "合同已到期 324 天", "en": "its contract ended 324 days ago"},
        "urgent": True,
    }
    assert ended["group"] == "ended"
    assert ended["record"]["text"] == {"zh": "有，合同到 2019-02-10", "en": "yes; contract until 2019-02-10"}
    assert ended["record"]["date"] == "2018-11-02"
    assert [detail["field"] for detail in ended["record"]["details"]] == [
        "property_company",
        "contract_end",
        "property_staff",
    ]
    assert ended["record"]["details"][2]["text"] == {"zh": "12 人", "en": "12 people"}
    assert contradicts["id"] == "communities/C04/property_management"
    assert contradicts["why"]["kind"] == "contradicts"


def test_rooms_of_which_nobody_knows_whether_they_are_shared(snapshot: Snapshot) -> None:
    found = listed(snapshot, Area("subdistricts", frozenset({"S2"})), "subdistrict_staff")
    (room,) = [one for one in found if one["layer"] == "mediation_rooms"]
    assert (room["code"], room["field"], room["residents"], room["group"]) == (
        "M3",
        "shared",
        1500,
        "unknown",
    )
    assert room["ask"]["zh"] == "现在向周边小区开放吗？"


def test_only_ones_own_area_is_asked_about(snapshot: Snapshot) -> None:
    everything = listed(snapshot, Area("subdistricts", frozenset({"S1", "S2"})), "subdistrict_staff")
    for code in ("S1", "S2"):
        part = {
            one["id"]
            for one in listed(snapshot, Area("subdistricts", frozenset({code})), "subdistrict_staff")
        }
        of = {"S1": "C01 C02 C03 C04 C05 C06 M1 M2", "S2": "C07 C08 C09 C10 C11 C12 M3"}[code].split()
        assert part == {one["id"] for one in everything if one["code"] in of}
        assert part
    assert listed(snapshot, Area("management_cells", frozenset({"gone"}))) == []


def test_what_may_not_be_verified_is_not_asked(snapshot: Snapshot) -> None:
    staff = Visitor("subdistrict_staff", Area("subdistricts", frozenset({"S2"})), via="session")
    allowed = verifiable(POLICY, staff)
    assert allowed["mediation_rooms"] == {"code", "name", "name_en", "subdistrict", "neighbourhood"} | {
        *("community", "mediators", "shared", "opened", "entrance_lon", "entrance_lat")
    }
    assert "households" not in allowed["communities"] and set(SEATS) <= allowed["communities"]
    assert verifiable(POLICY, RESIDENT) == {"communities": frozenset(), "mediation_rooms": frozenset()}
    rooms = {"communities": (), "mediation_rooms": ("shared",)}
    area = staff.area
    found = tasks(snapshot, seen("subdistrict_staff", area), rooms, area, date(2030, 1, 1), most=100)
    assert [one["id"] for one in found.listed] == ["mediation_rooms/M3/shared"]


def test_a_long_list_says_how_long_it_is(snapshot: Snapshot) -> None:
    found = tasks(snapshot, seen("grid_worker", CELLS), EVERYTHING, CELLS, date(2030, 1, 1), most=3)
    assert (found.total, len(found.listed)) == (8, 3)
    assert found.as_dict()["day"] == AS_OF.isoformat()


def test_without_an_as_of_day_it_is_reckoned_from_today(standards: Standards) -> None:
    district, frames = small_district()
    timeless = Snapshot(1, dataclasses.replace(district, as_of=None), standards, frames)
    found = tasks(timeless, seen("grid_worker", CELLS), EVERYTHING, CELLS, date(2023, 5, 1), most=100)
    assert found.day == date(2023, 5, 1)
    ended = {one["id"]: one["why"]["days"] for one in found.listed if one["why"]["kind"] == "ended"}
    assert ended == {
        "communities/C04/owners_committee": 1096,
        "communities/C05/owners_committee": 1096,
        "communities/C05/property_management": 121,
    }


def test_every_question_is_in_both_languages(snapshot: Snapshot) -> None:
    def pairs(value: Any) -> Any:
        if isinstance(value, dict) and value.keys() == {"zh", "en"}:
            yield value
        elif isinstance(value, dict):
            for each in value.values():
                yield from pairs(each)
        elif isinstance(value, list):
            for each in value:
                yield from pairs(each)

    own = {"question", "ask", "group_text"}
    for one in listed(snapshot, Area("subdistricts", frozenset({"S1", "S2"})), "subdistrict_staff"):
        for text in pairs(one):
            assert text["zh"] and text["en"]
        for name in own:
            assert not any("\u4e00" <= letter <= "\u9fff" for letter in one[name]["en"])
            assert any("\u4e00" <= letter <= "\u9fff" for letter in one[name]["zh"])
