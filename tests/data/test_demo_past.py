"""The demonstration district's past: dated, at one with what stands today, and the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from data.demo_past import FIRST, REVIEWED, past
from layers.earlier import FACT_LAYERS, Earlier
from layers.facts import unpacked_note
from layers.loading import load
from layers.sight import Sight
from layers.standards import Standards
from layers.store import Change, Store, open_store
from layers.wall import wall
from layers.wall_figures import NO_EARLIER

AS_OF, YEAR_BEFORE, AT_FIRST = date(2019, 12, 31), date(2018, 12, 31), date(2016, 12, 31)
LOADED = 9


@pytest.fixture(scope="module")
def store(demo_url: str) -> Iterator[Store]:
    with open_store(demo_url, read_only=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def changes(store: Store) -> list[Change]:
    """All writes after the layers were loaded."""
    return store.changes(since=LOADED)


def communities(store: Store, day: date) -> gpd.GeoDataFrame:
    """Return the 929 as they were on a day."""
    frame = store.read("communities", on=day)
    assert len(frame) == 971
    return frame[frame["kind"] != "urban_village"]


def test_nothing_of_today_is_changed_by_its_past(store: Store) -> None:
    assert store.verify() == []
    for layer in FACT_LAYERS:
        on_the_day, now = store.read(layer, on=AS_OF), store.read(layer)
        assert on_the_day.equals(now), layer


def test_writes_follow_each_other_and_say_from_where_they_are_known(changes: list[Change]) -> None:
    days = [change.by.effective or REVIEWED for change in changes]
    assert days == sorted(days)
    assert FIRST <= days[0] < date(2017, 2, 1) and date(2019, 12, 1) < days[-1] <= AS_OF
    assert {change.layer for change in changes} == set(FACT_LAYERS)
    for change in changes:
        source, _ = unpacked_note(change.by.note)
        assert source


def test_a_few_mistakes_were_corrected_and_are_no_new_facts(store: Store, changes: list[Change]) -> None:
    corrected = [change for change in changes if change.by.effective is None]
    assert {change.layer for change in corrected} == set(FACT_LAYERS)
    assert 5 <= sum(len(change.codes) for change in corrected) <= 30
    households = next(one for one in corrected if "户数" in one.by.note)
    for day in (AT_FIRST, YEAR_BEFORE):
        then, now = (
            frame.loc[list(households.codes), "households"]
            for frame in (store.read("communities", on=day), store.read("communities"))
        )
        assert then.equals(now)
    before = store.read("communities", version=households.version - 1)
    assert (before.loc[list(households.codes), "households"] > now).all()


def test_figures_have_moved_towards_those_published(store: Store) -> None:
    told = []
    for day in (AT_FIRST, YEAR_BEFORE, AS_OF):
        frame = communities(store, day)
        unmanaged, none = frame["property_management"] == "no", frame["owners_committee"] == "no"
        told.append(
            (
                int(unmanaged.sum()),
                int((unmanaged & none).sum()),
                int((frame["owners_committee"] == "yes").sum()),
                int((frame["party_branch"] == "yes").sum()),
                len(store.read("mediation_rooms", on=day)),
            )
        )
    first, before, now = told
    assert now == (145, 118, 186, 920, 411)
    assert now < before
    assert 5 <= before[1] - now[1] <= 20 and 5 <= now[2] - before[2] <= 30 and 15 <= now[3] - before[3] <= 60
    assert first[3] < before[3] and first[4] < before[4] < now[4]


def test_what_was_signed_elected_and_set_up_holds_together_on_any_day(store: Store) -> None:
    for day in pd.date_range(AT_FIRST, AS_OF, freq="97D"):
        frame = store.read("communities", on=day.date())
        for fact, start, end in (
            ("property_management", "contract_start", "contract_end"),
            ("owners_committee", "committee_term_start", "committee_term_end"),
        ):
            yes = frame[frame[fact] == "yes"]
            assert not (yes[start] > day).any()
            assert not (frame[start] > frame[end]).any()
            assert frame.loc[frame[fact] == "unknown", f"{fact}_date"].isna().all()
            assert frame.loc[frame[fact] != "unknown", f"{fact}_date"].notna().all()
        verified = [name for name in frame if str(name).endswith("_date") and name != "residents_date"]
        assert not any((frame[name] > day).any() for name in verified)
        without = frame[frame["party_branch"] == "no"]
        assert without["party_branch_mode"].isna().all()
        for layer in ("mediation_rooms", "facilities"):
            there = store.read(layer, on=day.date())
            assert not (there["opened"] > day).any()
            assert there["community"].dropna().isin(frame.index).all()


def test_a_day_care_opened_last_spring_and_one_place_was_closed(store: Store) -> None:
    now, winter = store.read("facilities"), store.read("facilities", on=date(2019, 2, 28))
    summer = store.read("facilities", on=date(2019, 6, 30))
    new = now.loc[summer.index.difference(winter.index)]
    assert "day_care" in set(new["kind"])
    closed = winter.index.difference(now.index)
    assert len(closed) == 1
    assert [edit.kind for edit in store.history("facilities", closed[0])] == ["insert", "delete"]


def test_cards_have_histories(store: Store, changes: list[Change]) -> None:
    touched = {code for change in changes if change.layer == "communities" for code in change.codes}
    assert len(touched) == 971
    renewed = next(change for change in changes if change.by.note.endswith("合同续签"))
    edits = store.history("communities", renewed.codes[0])
    assert edits[0].kind == "insert" and edits[0].by.effective is None
    one = next(edit for edit in edits if edit.version == renewed.version)
    assert set(one.fields) == {"contract_start", "contract_end"}
    assert one.fields["contract_start"][1] == renewed.by.effective.isoformat()  # type: ignore[union-attr]


def test_every_figure_of_the_wall_that_is_counted_has_a_trend(store: Store, standards: Standards) -> None:
    present = load(store, standards)
    earlier = Earlier(store).of(present)
    assert earlier is not None and earlier.day == YEAR_BEFORE and earlier.changed == set(FACT_LAYERS)
    told: dict[str, Any] = wall(present, Sight(aggregates="full"), earlier, "zh")
    shown = [*told["questions"], *told["pair"], *(f for one in told["linkages"] for f in one["figures"])]
    trends = {one["id"]: one["trend"] for one in shown if one["recorded"]}
    assert len(trends) == 8
    for name, trend in trends.items():
        assert trend != NO_EARLIER.zh, name
        # Hot cells follow complaints, which are no part of this past: two years may have as many.
        assert name == "hotspots" or "持平" not in trend, name
    assert trends["double_none"] == "较 2018-12-31 −7 个"


def test_the_past_is_the_same_every_time_and_another_by_another_seed(
    store: Store, changes: list[Change]
) -> None:
    frames = {layer: store.read(layer) for layer in FACT_LAYERS}
    made = past(frames)
    assert [(one.layer, tuple(one.replaced), one.effective, one.note) for one in made] == [
        (one.layer, one.codes, one.by.effective, one.by.note) for one in changes
    ]
    assert made == past(frames)
    assert made != past(frames, seed=1)
