"""Snapshots are what the store holds: brought up to date by the codes touched, never torn, past states too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers import loading
from layers.analysis import analyse
from layers.loading import load
from layers.problems import NotFound, WanggeError
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Authorship, Store, backup_store, copy_store, create_store, open_store
from layers.summary import summary
from layers.views import Sight, ViewQuery, view
from tests.district import small_district

WRITTEN = ("complaints", "facilities", "communities", "buildings")

# In one of the layers: delete features, give features another value, or put back some as they were at first.
Write = tuple[str, str, frozenset[int]]
WRITES = st.lists(
    st.tuples(
        st.sampled_from(WRITTEN),
        st.sampled_from(["delete", "change", "put back"]),
        st.frozensets(st.integers(0, 999), min_size=1, max_size=40),
    ),
    max_size=6,
)
ON_ONE_STORE = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


district_once = cache(small_district)


def same(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> None:
    """Assert that two frames are equal in values, types, order, index, CRS, and in geometries to the byte."""
    assert left.crs == right.crs
    assert left.geometry.to_wkb().equals(right.geometry.to_wkb())
    pd.testing.assert_frame_equal(
        pd.DataFrame(left.drop(columns="geometry")), pd.DataFrame(right.drop(columns="geometry"))
    )
    assert left.dtypes.to_dict() == right.dtypes.to_dict()


def write(store: Store, step: Write, first: dict[str, gpd.GeoDataFrame]) -> None:
    layer, what, numbers = step
    rows = first[layer].iloc[sorted({number % len(first[layer]) for number in numbers})]
    if what == "delete":
        store.delete(layer, list(rows.index))
    elif what == "change":
        moved = rows.set_geometry(rows.geometry.translate(1e-4 * len(rows)))
        store.upsert(layer, moved.assign(subdistrict="S2"))
    else:
        store.upsert(layer, rows)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    district, frames = district_once()
    with create_store(f"gpkg:{tmp_path}/small.gpkg", district, layers=frames) as made:
        yield made


@pytest.fixture(params=["gpkg", "postgis"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    district, frames = district_once()
    url = f"gpkg:{tmp_path}/small.gpkg" if request.param == "gpkg" else request.getfixturevalue("postgis_url")
    with create_store(url, district, layers=frames) as made:
        yield made


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the small district have layers of which much and of which little is touched."""
    monkeypatch.setattr(loading, "_FEW_CODES", 10)


@ON_ONE_STORE
@given(batches=st.lists(WRITES, max_size=3))
@pytest.mark.usefixtures("few")
def test_a_snapshot_brought_up_to_date_is_one_read_anew(
    any_store: Store, standards: Standards, batches: list[list[Write]]
) -> None:
    _, first = district_once()
    now = load(any_store, standards)
    for steps in batches:
        before, touched = now, {layer for layer, *_ in steps}
        for step in steps:
            write(any_store, step, first)
        now = load(any_store, standards, before=before)
        assert now.version == any_store.version()
        for name in LAYERS:
            same(now.frame(name), any_store.read(name))
            assert name in touched or now.frame(name) is before.frame(name)
        assert (now is before) == (now.version == before.version)


class Interfered:
    """A store to which somebody writes before and after everything that is asked of it."""

    def __init__(self, store: Store, meanwhile: Callable[[str], None]) -> None:
        self._store = store
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._store, name)

        def ask(*arguments: Any, **options: Any) -> Any:
            self._meanwhile(name)
            try:
                return asked(*arguments, **options)
            finally:
                self._meanwhile(name)

        return ask


@ON_ONE_STORE
@given(steps=st.lists(WRITES.filter(len).map(lambda found: found[0]), min_size=1, max_size=40))
@pytest.mark.usefixtures("few")
def test_no_snapshot_is_torn_however_others_write(
    any_store: Store, standards: Standards, steps: list[Write]
) -> None:
    _, first = district_once()
    coming = iter(steps)

    def meanwhile(_: str) -> None:
        if (step := next(coming, None)) is not None:
            write(any_store, step, first)

    busy: Any = Interfered(any_store, meanwhile)
    snapshot = None
    for _ in range(3):
        snapshot = load(busy, standards, before=snapshot)
        for name in LAYERS:
            same(snapshot.frame(name), any_store.read(name, version=snapshot.version))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("count", [1, 100], ids=["by code", "whole"])
def test_a_write_between_the_change_and_its_reading_does_not_tear(
    any_store: Store, standards: Standards, count: int
) -> None:
    before = load(any_store, standards)
    _, first = district_once()
    codes = range(count)
    writes = iter([("complaints", "put back", frozenset(codes)), ("complaints", "delete", frozenset({3, 7}))])

    def meanwhile(name: str) -> None:
        if name == "read" and (step := next(writes, None)) is not None:
            write(any_store, step, first)

    write(any_store, ("complaints", "change", frozenset(codes)), first)
    busy: Any = Interfered(any_store, meanwhile)
    now = load(busy, standards, before=before)
    assert any_store.version() == before.version + 3
    for name in LAYERS:
        same(now.frame(name), any_store.read(name, version=now.version))


def test_writers_without_a_pause_hold_up_nobody(store: Store, standards: Standards) -> None:
    names = (f"{n}号" for n in range(10_000))

    def meanwhile(_: str) -> None:
        store.upsert("facilities", store.read("facilities", codes=["F01"]).assign(name=next(names)))

    busy: Any = Interfered(store, meanwhile)
    first = load(busy, standards)
    second = load(busy, standards, before=first)
    assert second.version > first.version


def at_its_place(store: Store, other: Path) -> None:
    """Put another file at the place of an open store, as a restore does."""
    path = Path(store.url.partition(":")[2])
    for file in path.parent.glob(path.name + "*"):
        file.unlink()
    other.rename(path)


def renamed(store: Store, name: str) -> None:
    store.upsert("facilities", store.read("facilities", codes=["F01"]).assign(name=name))


def test_a_store_set_back_to_a_backup_is_read_anew(
    store: Store, standards: Standards, tmp_path: Path
) -> None:
    """Whether its versions have come as far again or not: of the same number they are others."""
    backup_store(store, tmp_path / "backup.gpkg")
    renamed(store, "一")
    renamed(store, "二")
    newest = load(store, standards)
    summary(newest)
    for name in ("三", "四", "五"):
        at_its_place(store, _copied(tmp_path / "backup.gpkg", tmp_path / "restored.gpkg"))
        assert store.version() == newest.version - 2
        back = load(store, standards, before=newest)
        assert (back.version, back.frame("facilities").loc["F01", "name"]) == (store.version(), "F01号设施")
        assert back.touched_since(newest.mark) is None
        assert not back._derived
        renamed(store, name)
        renamed(store, name + "又")
        again = load(store, standards, before=newest)
        assert again.version == newest.version
        assert again.frame("facilities").loc["F01", "name"] == name + "又"
        assert again.touched_since(newest.mark) is None
        renamed(store, name + "再")
        further = load(store, standards, before=newest)
        for layer in LAYERS:
            same(further.frame(layer), store.read(layer))


def _copied(file: Path, target: Path) -> Path:
    with open_store(f"gpkg:{file}", read_only=True) as source:
        copy_store(source, f"gpkg:{target}")
    return target


def test_another_district_at_its_place_is_noticed_though_neither_has_rows(
    tmp_path: Path, standards: Standards
) -> None:
    district, _ = district_once()
    create_store(f"gpkg:{tmp_path}/other.gpkg", replace(district, name="另一区")).close()
    with create_store(f"gpkg:{tmp_path}/small.gpkg", district) as store:
        before = load(store, standards)
        at_its_place(store, tmp_path / "other.gpkg")
        assert load(store, standards, before=before).district.name == "另一区"


@pytest.mark.parametrize("kind", ["gpkg", "postgis"])
@pytest.mark.parametrize("anew", [True, False])
def test_an_empty_store_filled_while_it_is_read_is_read_as_the_copy_left_it(
    tmp_path: Path, standards: Standards, request: pytest.FixtureRequest, kind: str, anew: bool
) -> None:
    """Whichever question the copy comes before: its versions are not on another district's ground."""
    district, frames = district_once()
    few = {name: frames[name] for name in ("subdistricts", "facilities")}
    source = create_store(f"gpkg:{tmp_path}/source.gpkg", district, layers=few)
    placeholder = replace(district, name="待恢复", metric_crs="EPSG:4526", outline=None)
    url = request.getfixturevalue("postgis_url") if kind == "postgis" else f"gpkg:{tmp_path}/0.gpkg"
    for step in range(8 if anew else 4) if kind == "gpkg" else (3 if anew else 2,):
        if kind == "gpkg":
            url = f"gpkg:{tmp_path}/{step}.gpkg"
        with create_store(url, placeholder) as store:
            asked = iter(range(1000))
            before = None if anew else load(store, standards)

            def meanwhile(_: str, url: str = url, step: int = step, asked: Iterator[int] = asked) -> None:
                if next(asked) == step:
                    copy_store(source, url)

            busy: Any = Interfered(store, meanwhile)
            found = load(busy, standards, before=before)
            assert (found.version, found.district) in ((0, placeholder), (2, district)), step
            assert len(found.frame("facilities")) == (len(few["facilities"]) if found.version else 0)
            now = load(store, standards, before=found)
            assert (now.version, now.district) == (2, district)
    source.close()


def test_who_looks_whether_it_is_the_same_store_reads_no_codes(
    any_store: Store, standards: Standards
) -> None:
    """The last write may have touched a hundred thousand features."""
    now = load(any_store, standards)
    told: list[int] = []

    class Counted(Interfered):
        def changes(self, *, since: int) -> Any:
            found = any_store.changes(since=since)
            told.extend(len(change.codes) for change in found)
            return found

    counted: Any = Counted(any_store, lambda _: None)
    assert load(counted, standards, before=now) is now
    assert told == []
    any_store.delete("complaints", ["C01-001"])
    assert load(counted, standards, before=now).version == now.version + 1
    assert told == [1]


def test_a_store_replaced_while_it_is_read_is_read_again(
    store: Store, standards: Standards, tmp_path: Path
) -> None:
    _, first = district_once()
    store.delete("complaints", list(first["complaints"].index[:50]))
    copy_store(store, f"gpkg:{tmp_path}/other.gpkg")
    with open_store(f"gpkg:{tmp_path}/other.gpkg") as other:
        renamed(other, "另一库")
        other.delete("complaints", list(first["complaints"].index[50:60]))
    renamed(store, "原库")
    asked = iter(range(100))

    def meanwhile(name: str) -> None:
        if name == "read" and next(asked) == 9:
            at_its_place(store, tmp_path / "other.gpkg")

    busy: Any = Interfered(store, meanwhile)
    found = load(busy, standards)
    assert found.frame("facilities").loc["F01", "name"] == "另一库"
    for name in LAYERS:
        same(found.frame(name), store.read(name))


def test_a_store_replaced_without_end_is_said(store: Store, standards: Standards) -> None:
    class Changing(Interfered):
        def mark(self, version: int) -> None:
            return None

    never: Any = Changing(store, lambda _: None)
    with pytest.raises(WanggeError, match="Try again"):
        load(never, standards)


# What follows from a snapshot


QUESTIONS = ("gap", "double_none", "hotspots")


def answers(snapshot: Snapshot) -> list[Any]:
    asked = {"question": "gap", "unit": "communities"}
    everything = Sight(aggregates="full")
    queries = [ViewQuery.from_params(asked | {"question": q}, snapshot, everything) for q in QUESTIONS]
    shown = [view(snapshot, query, everything) for query in queries]
    cells = [analyse(snapshot, scheme).to_json() for scheme in ("square:200", "management", "subdistricts")]
    return [summary(snapshot), *(one.as_dict("zh") for one in shown), *cells]


@settings(ON_ONE_STORE, max_examples=5)
@given(steps=WRITES.filter(len))
def test_what_is_taken_over_is_what_would_be_computed(
    store: Store, standards: Standards, steps: list[Write]
) -> None:
    district, first = district_once()
    before = load(store, standards)
    answers(before)
    for step in steps:
        write(store, step, first)
    now = load(store, standards, before=before)
    anew = Snapshot(now.version, district, standards, {name: store.read(name) for name in LAYERS})
    assert answers(now) == answers(anew)


def test_only_what_follows_from_a_changed_layer_is_computed_anew(store: Store, standards: Standards) -> None:
    before = load(store, standards)
    answers(before)
    store.delete("complaints", ["C01-001"])
    now = load(store, standards, before=before)
    assert np.shares_memory(now.points("buildings")[0], before.points("buildings")[0])
    kept, gone = now._derived.keys(), before._derived.keys() - now._derived.keys()
    assert {("dwellings",), ("outline",), ("places", "buildings")} <= kept
    assert {"comparison", "ids", "subdistrict", "units"} <= {key[0] for key in kept}
    assert {("summary",), ("places", "complaints")} <= gone
    pending = [
        (key, entry.made, len(entry.last.replaced))
        for key, entry in now._derived.items()
        if entry.last is not None and "complaints" in entry.last.layers
    ]
    follows = {(key[0], made, steps) for key, made, steps in pending}
    assert follows == {("complaints", False, 1), ("measured", False, 1)}


# Which features were touched


def test_it_is_known_what_was_touched_between_two_snapshots(store: Store, standards: Standards) -> None:
    first = load(store, standards)
    renamed(store, "一")
    store.delete("complaints", ["C01-001", "C02-001"])
    second = load(store, standards, before=first)
    store.delete("complaints", ["C03-001"])
    third = load(store, standards, before=second)
    assert third.touched_since(third.mark) == {}
    assert third.touched_since(second.mark) == {"complaints": ("C03-001",)}
    assert third.touched_since(first.mark) == {
        "facilities": ("F01",),
        "complaints": ("C01-001", "C02-001", "C03-001"),
    }
    assert second.touched_since(third.mark) is None
    assert load(store, standards).touched_since(third.mark) is None
    assert third.touched_since((third.lineage.root, third.version - 2)) is None


@pytest.mark.usefixtures("few")
def test_a_layer_of_which_much_was_touched_is_touched_throughout(store: Store, standards: Standards) -> None:
    first = load(store, standards)
    store.delete("complaints", list(first.frame("complaints").index[:100]))
    second = load(store, standards, before=first)
    assert second.touched_since(first.mark) == {"complaints": None}
    store.delete("complaints", [second.frame("complaints").index[0]])
    third = load(store, standards, before=second)
    assert third.touched_since(first.mark) == {"complaints": None}


# Past states


def test_a_past_version_is_read_as_it_stood(store: Store, standards: Standards) -> None:
    now = load(store, standards)
    renamed(store, "新")
    store.delete("complaints", ["C01-001"])
    past = load(store, standards, version=now.version)
    assert past.version == now.version
    for name in LAYERS:
        same(past.frame(name), now.frame(name))
    for missing in (-1, store.version() + 1):
        with pytest.raises(NotFound, match="no version"):
            load(store, standards, version=missing)


def test_what_held_on_a_day_is_of_that_day(store: Store, standards: Standards) -> None:
    new = store.read("communities", codes=["C03"]).assign(owners_committee="yes")
    store.update("communities", new, by=Authorship(effective=date(2020, 5, 1)))
    fixed = store.read("communities", codes=["C04"]).assign(households=181)
    store.update("communities", fixed)
    day = date(2020, 4, 30)
    past = load(store, standards, on=day)
    assert past.district.as_of == day
    assert (past.frame("communities").loc["C03", "owners_committee"]) == "no"
    assert (past.frame("communities").loc["C04", "households"]) == 181
    held = load(store, standards, on=date(2020, 5, 1))
    assert (held.frame("communities").loc["C03", "owners_committee"]) == "yes"


def test_a_day_is_not_read_half_before_and_half_after_a_write(store: Store, standards: Standards) -> None:
    writes = iter(["一", "二", "三"])

    def meanwhile(name: str) -> None:
        if name == "read" and (next_name := next(writes, None)):
            renamed(store, next_name)

    busy: Any = Interfered(store, meanwhile)
    found = load(busy, standards, on=date(2030, 1, 1))
    assert found.version == store.version()
    assert found.frame("facilities").loc["F01", "name"] == "三"
