"""The wall's figures: those of the views and the summary, counted by hand, and compared only with what is on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.earlier import Earlier, Past
from layers.figures import Figure
from layers.frames import conform
from layers.headlines import headlines, reached
from layers.linkages import period_before
from layers.loading import load
from layers.problems import Forbidden, StoreAway
from layers.queries import ViewQuery, default_period
from layers.references import references_of
from layers.schema import LAYERS
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Authorship, Store, create_store
from layers.summary import summary
from layers.text import LANGUAGES, Text
from layers.views import view
from layers.visitors import Area
from layers.wall import wall
from layers.wall_figures import NO_EARLIER, NOT_RECORDED, round_number, since, whole_percent
from tests.district import COMMUNITIES, small_district

FULL = Sight(aggregates="full")
YEAR_BEFORE = date(2018, 12, 31)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 's.gpkg'}", district, layers=frames) as made:
        yield made


def said(snapshot: Snapshot, past: Past | None = None, language: Any = "en") -> dict[str, Any]:
    return wall(snapshot, FULL, past, language)


def linkage(found: dict[str, Any], name: str) -> dict[str, Any]:
    (figure, *_) = next(one["figures"] for one in found["linkages"] if one["id"] == name)
    shown: dict[str, Any] = figure
    return shown


def question(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in found["questions"] if one["id"] == name)


def write(store: Store, layer: str, code: str, *, on: date | None, **values: Any) -> None:
    frame = store.read(layer, codes=[code])
    for name, value in values.items():
        frame[name] = frame[name].astype(object)
        frame.loc[code, name] = value
    store.update(layer, conform(frame.reset_index(), LAYERS[layer]), by=Authorship(who="test", effective=on))


def test_numbers_are_those_of_the_headlines_and_the_summary(snapshot: Snapshot) -> None:
    found, counted = said(snapshot), summary(snapshot)
    query = ViewQuery.from_params({}, snapshot, FULL)
    told = headlines(snapshot, query, FULL, reached(snapshot, query, FULL), "en")
    for one in found["questions"]:
        assert one["figure"] == told[one["id"]]["figure"]
        shown = view(snapshot, ViewQuery.from_params(one["view"], snapshot, FULL), FULL).as_dict("en")
        assert one["figure"] == shown["headlines"][one["id"]]["figure"]
    for one in (*found["pair"], *found["linkages"][0]["figures"]):
        assert one["figure"] == counted[one["id"]]
    assert linkage(found, "governance")["figure"] == {"count": 3, "of": 6, "unknown": 1, "rate": 0.5}
    assert counted["mediation"]["served"] == 3 and counted["mediation"]["eligible"] == 5


def test_the_two_coverages_are_always_two(snapshot: Snapshot) -> None:
    found = said(snapshot)
    assert [one["id"] for one in found["pair"]] == ["organisation_coverage", "owners_committee"]
    assert [one["id"] for one in found["linkages"][0]["figures"]] == [
        "organisation_coverage",
        "owners_committee",
    ]
    published = [row for row in COMMUNITIES if row[3] != "urban_village"]
    branches = [row[10] for row in published]
    assert found["pair"][0]["basis"] == f"{branches.count('yes')} of 11 communities"
    assert found["pair"][0]["rest"] == f"{branches.count('no')} no, {branches.count('unknown')} unknown"


def test_every_linkage_is_there_once_and_says_what_is_not_recorded(snapshot: Snapshot) -> None:
    found = said(snapshot)
    names = ["organisation", "mechanism", "governance", "information", "results", "stars"]
    assert [one["id"] for one in found["linkages"]] == names
    for name in ("mechanism", "results"):
        one = linkage(found, name)
        assert (one["recorded"], one["value"], one["figure"]) == (False, NOT_RECORDED.en, None)
        assert one["rest"] and one["definition"]


def test_every_figure_has_its_base_its_trend_its_definition_and_says_what_was_published(
    snapshot: Snapshot,
) -> None:
    for language in LANGUAGES:
        found = said(snapshot, language=language)
        shown = [
            *found["questions"],
            *found["pair"],
            *(f for one in found["linkages"] for f in one["figures"]),
        ]
        for one in shown:
            assert one["definition"] and one["reference"]["text"] and one["label"], one["id"]
            assert not one["recorded"] or (one["basis"] and one["trend"]), one["id"]


def test_published_figures_are_labelled_and_only_shares_become_lines(snapshot: Snapshot) -> None:
    found = said(snapshot)
    references = {one["id"]: one["reference"] for one in found["pair"]}
    assert references["organisation_coverage"] == {
        "text": "published 2018–19: 99%",
        "published": True,
        "share": 0.99,
    }
    assert references["owners_committee"]["share"] == 0.2
    assert linkage(found, "governance")["reference"]["share"] is None
    assert linkage(found, "mechanism")["reference"]["published"] is False


def test_standards_without_published_figures_name_none(snapshot: Snapshot, standards: Standards) -> None:
    assert references_of([]) == {}
    bare = Snapshot(1, snapshot.district, replace(standards, references={}), dict(snapshot.rows))
    assert not any(one["reference"]["published"] for one in said(bare)["pair"])


def test_only_those_who_see_the_whole_district_are_told(snapshot: Snapshot) -> None:
    for sight in (
        Sight(aggregates="public"),
        Sight(aggregates="area", area=Area("subdistricts", frozenset({"S1"}))),
    ):
        with pytest.raises(Forbidden):
            wall(snapshot, sight, None, "en")


def test_a_new_district_says_what_it_needs(standards: Standards) -> None:
    district, frames = small_district(outline=False)
    empty = {name: frame.iloc[:0] for name, frame in frames.items()}
    for language in LANGUAGES:
        found = said(Snapshot(0, replace(district, as_of=None), standards, empty), language=language)
        assert all(one["needs"] and not one["recorded"] for one in found["questions"])
        assert [one["value"] for one in found["pair"]] == [NOT_RECORDED.to(language)] * 2
        for one in (linkage(found, each["id"]) for each in found["linkages"]):
            assert (one["recorded"], one["value"]) == (False, NOT_RECORDED.to(language))
            assert "0" not in one["basis"] + one["rest"] or one["id"] == "organisation_coverage"
        assert found["as_of"] is None


# Trends


def test_without_a_dated_change_there_is_no_earlier_figure(store: Store, standards: Standards) -> None:
    present = load(store, standards)
    assert Earlier(store).of(present) is None
    found = said(present)
    assert {one["trend"] for one in (*found["questions"], *found["pair"])} == {NO_EARLIER.en}


def test_a_correction_is_no_trend(store: Store, standards: Standards) -> None:
    write(store, "communities", "C02", on=None, owners_committee="yes")
    assert Earlier(store).of(load(store, standards)) is None


def test_a_dated_fact_is_compared_with_a_year_before(store: Store, standards: Standards) -> None:
    write(store, "communities", "C07", on=date(2019, 6, 1), owners_committee="yes")
    present = load(store, standards)
    past = Earlier(store).of(present)
    assert past is not None and past.day == YEAR_BEFORE and past.changed == {"communities"}
    found = said(present, past)
    assert question(found, "double_none")["trend"] == "−1 vs 2018-12-31"
    assert found["pair"][1]["trend"] == "+1 vs 2018-12-31"
    assert found["pair"][0]["trend"] == "as on 2018-12-31", "its facts are dated, and it has not changed"
    assert question(found, "gap")["trend"] == "as on 2018-12-31"
    assert linkage(found, "governance")["trend"] == "as on 2018-12-31"
    before = load(store, standards, on=YEAR_BEFORE)
    assert summary(before)["owners_committee"]["count"] + 1 == found["pair"][1]["figure"]["count"]


def test_a_facility_that_opened_since_changes_the_first_question_alone(
    store: Store, standards: Standards
) -> None:
    row = store.read("facilities", codes=["F03"]).reset_index()
    row["kind"], row["code"] = "day_care", "F99"
    store.insert("facilities", conform(row, LAYERS["facilities"]), by=Authorship(effective=date(2019, 3, 1)))
    present = load(store, standards)
    past = Earlier(store).of(present)
    assert past is not None and past.changed == {"facilities"}
    found = said(present, past)
    query = ViewQuery.from_params({}, present, FULL)
    then = reached(load(store, standards, on=YEAR_BEFORE), query, FULL).residents.rate
    now = reached(present, query, FULL).residents.rate
    assert then is not None and now is not None and now > then
    assert question(found, "gap")["trend"] == f"−{round(100 * (now - then), 1)} points vs 2018-12-31"
    assert "buildings of today" in question(found, "gap")["definition"]
    assert {one["trend"] for one in found["pair"]} == {NO_EARLIER.en}


def test_the_past_is_read_again_only_when_its_layer_is_written(
    store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, "communities", "C07", on=date(2019, 6, 1), owners_committee="yes")
    earlier, present = Earlier(store), load(store, standards)
    read: list[str] = []
    whole = type(store).read

    def noted(self: Store, layer: str, **how: Any) -> Any:
        read.append(layer)
        return whole(self, layer, **how)

    monkeypatch.setattr(type(store), "read", noted)
    past = earlier.of(present)
    assert read == ["communities", "mediation_rooms", "facilities"]
    assert earlier.of(present) is past and len(read) == 3
    write(store, "complaints", "C01-001", on=None, channel="other")
    read.clear()
    later = load(store, standards, before=present)
    read.clear()
    again = earlier.of(later)
    assert read == [] and again is not None and again.day == YEAR_BEFORE


def test_a_store_that_is_away_takes_the_trend_away_and_nothing_else(
    store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = load(store, standards)

    def away(*_: Any, **__: Any) -> Any:
        raise StoreAway(Text("不在", "away"))

    monkeypatch.setattr(type(store), "read", away)
    assert Earlier(store).of(present) is None


def test_complaints_are_compared_where_they_reach_back(snapshot: Snapshot, standards: Standards) -> None:
    period = default_period(snapshot)
    assert period_before(snapshot, period) is None, "the first complaint is of 5 January 2018"
    frame = snapshot.frame("complaints").copy()
    frame.loc[frame.index[0], "opened"] = "2018-01-01"
    older = Snapshot(1, snapshot.district, standards, {**snapshot.rows, "complaints": frame})
    assert period_before(older, period) == (date(2018, 1, 1), YEAR_BEFORE)
    found = said(older)
    opened, closed = frame["opened"], frame["closed"]
    last_year = (opened >= "2018-01-01") & (opened <= "2018-12-31")
    this_year = (opened >= "2019-01-01") & (opened <= "2019-12-31")
    then = (last_year & (closed <= "2018-12-31")).sum() / last_year.sum()
    now = (this_year & (closed <= "2019-12-31")).sum() / this_year.sum()
    one = linkage(found, "information")
    assert one["figure"]["rate"] == now
    change = round(100 * (now - then), 1)
    assert one["trend"] == f"{'+' if change > 0 else '−'}{abs(change)} points vs 2018-12-31"
    assert question(found, "hotspots")["trend"] != NO_EARLIER.en


# Words


@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_a_round_share_never_says_all_or_nothing_where_it_is_not(count: int, of: int) -> None:
    rate = Figure(min(count, of), of, 0).rate
    assert rate is not None
    text = whole_percent(rate).en
    assert (text == "100%") == (rate == 1)
    assert (text == "0%") == (rate == 0)


def test_large_numbers_are_said_as_people_say_them() -> None:
    assert round_number(1_149_600) == Text("115 万", "1.15 million")
    assert round_number(505_400) == Text("51 万", "505,000")
    assert round_number(9_552) == Text("9,552", "9,552")
    assert whole_percent(None).zh == "—"


def test_changes_are_written_with_their_sign_and_day() -> None:
    day = date(2018, 12, 31)
    assert since(day, 0.5, 0.521, points=True) == Text("较 2018-12-31 −2.1 点", "−2.1 points vs 2018-12-31")
    assert since(day, 7, 7, points=False) == Text("较 2018-12-31 持平", "as on 2018-12-31")
    assert since(day, None, 7, points=False) == NO_EARLIER
