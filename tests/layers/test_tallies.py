"""Counts of complaints follow what is written one by one, and are what counting all of them gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from layers import patches, tallies
from layers.analysis import unit_table
from layers.loading import load
from layers.patches import Rows
from layers.problems import BadParameter
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import District, Store, create_store
from layers.units import units
from tests.district import small_district

district_once = cache(small_district)

SCHEMES = ("square:100", "h3:9", "management", "communities", "neighbourhoods", "subdistricts")
PERIODS = ((None, None), (date(2019, 3, 1), date(2019, 8, 31)), (None, date(2018, 12, 31)))
DAY = date(2019, 12, 31)

Counts = dict[tuple[object, ...], NDArray[np.int64]]


def all_counts(snapshot: Snapshot) -> Counts:
    """Every count there is, of every scheme."""
    found: Counts = {}
    for scheme in SCHEMES:
        for period in PERIODS:
            found[scheme, period] = tallies.complaints_by_unit(snapshot, scheme, period)
            found[scheme, period, "groups"] = tallies.complaints_by_group(snapshot, scheme, period)
        found[scheme, "months"] = tallies.complaints_by_month(snapshot, scheme, DAY)
    for period in PERIODS:
        found[period] = np.array([tallies.complaints_in_period(snapshot, period)])
    return found


def equal(left: Counts, right: Counts) -> None:
    assert left.keys() == right.keys()
    for key, counts in left.items():
        np.testing.assert_array_equal(counts, right[key], err_msg=str(key))


def read_anew(store: Store, standards: Standards, district: District, version: int) -> Snapshot:
    return Snapshot(version, district, standards, {name: store.read(name) for name in LAYERS})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    district, frames = district_once()
    with create_store(f"gpkg:{tmp_path}/small.gpkg", district, layers=frames) as made:
        yield made


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["insert", "move", "delete", "other day", "other group", "other place", "community"]),
        st.integers(0, 10_000),
        st.floats(0.0, 1.0),
        st.floats(0.0, 1.0),
    ),
    max_size=6,
)


def change(store: Store, steps: list[tuple[str, int, float, float]]) -> None:
    """Write complaints anew, elsewhere, of another day, group or community, or not at all."""
    _, first = district_once()
    west, south, east, north = first["subdistricts"].total_bounds
    for what, number, x, y in steps:
        layer = "communities" if what == "community" else "complaints"
        here = store.read(layer)
        row = here.iloc[[number % len(here)]]
        # A little of it lies outside the district.
        where = [shapely.Point(west + (1.1 * x - 0.05) * (east - west), south + y * (north - south))]
        moved = row.set_geometry(gpd.GeoSeries(where, index=row.index, crs=4490))
        blank = (
            moved.assign(community=None, neighbourhood=None, subdistrict=None)
            if layer == "complaints"
            else row
        )
        if what == "delete":
            store.delete(layer, list(row.index))
        elif what == "other day":
            store.upsert(
                layer, row.assign(opened=pd.Timestamp(2018 + number % 2, 1 + number % 12, 1 + number % 28))
            )
        elif what == "other group":
            store.upsert(layer, row.assign(demand_group=[None, "safety", "environment"][number % 3]))
        elif what == "other place":
            store.upsert(layer, row.assign(community=None, neighbourhood=None, subdistrict="S2"))
        elif what == "community":
            store.upsert(layer, row.assign(neighbourhood=None, subdistrict=["S1", "S2"][number % 2]))
        else:
            index = row.index if what == "move" else pd.Index([f"C{number % 99:02}-9{number}"], name="code")
            store.upsert(layer, blank.set_axis(index))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    batches=st.lists(st.tuples(CHANGES, st.booleans()), min_size=1, max_size=4),
    with_outline=st.booleans(),
)
def test_counts_that_follow_are_counts_of_everything(
    store: Store,
    standards: Standards,
    batches: list[tuple[list[tuple[str, int, float, float]], bool]],
    with_outline: bool,
) -> None:
    """Without an outline a complaint may make a cell, and then all cells are others."""
    district, _ = district_once()
    district = district if with_outline else replace(district, outline=None)
    now = read_anew(store, standards, district, store.version())
    all_counts(now)
    for steps, asked in batches:
        before = now.rows["complaints"], now.rows["communities"]
        change(store, steps)
        now = follow(store, now, before)
        if asked:
            equal(all_counts(now), all_counts(read_anew(store, standards, district, now.version)))
    equal(all_counts(now), all_counts(read_anew(store, standards, district, now.version)))


def follow(store: Store, snapshot: Snapshot, known: tuple[Rows, Rows]) -> Snapshot:
    """Bring a snapshot up to date as `load` does, whatever the outline is."""
    rows, replaced = dict(snapshot.rows), {}
    version = store.version()
    for layer, before in zip(("complaints", "communities"), known, strict=True):
        codes = sorted(
            {
                code
                for one in store.changes(since=snapshot.version)
                if one.layer == layer
                for code in one.codes
            }
        )
        if codes:
            fresh = store.read(layer, codes=codes, version=version)
            replaced[layer] = (patches.Replaced(before.at(codes), fresh),)
            rows[layer] = before.then(fresh, codes)
    return Snapshot(version, snapshot.district, snapshot.standards, rows, before=snapshot, replaced=replaced)


def test_a_new_complaint_is_counted_without_looking_at_the_others(
    store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(store, standards)
    counts = all_counts(before)
    table = unit_table(before, units(before, "square:100"), period=(None, None))
    row = store.read("complaints", codes=["C01-001"])
    store.upsert("complaints", row.set_axis(pd.Index(["C01-999"], name="code")))

    def refuse(*_: object) -> None:
        raise AssertionError("the whole frame was made")

    with monkeypatch.context() as patch:
        patch.setattr(Rows, "frame", lambda rows: refuse() if rows._state.written else rows._state.base)
        now = load(store, standards, before=before)
        again = all_counts(now)
        assert units(now, "square:100") is units(before, "square:100")
        after = unit_table(now, units(now, "square:100"), period=(None, None))
    assert after["complaints"].sum() == table["complaints"].sum() + 1
    assert again[PERIODS[0]] == counts[PERIODS[0]] + 1
    equal(counts, all_counts(before))
    assert "C01-999" in now.frame("complaints").index


class Hurried:
    """A store to which somebody writes one more complaint while a whole layer is read."""

    def __init__(self, store: Store) -> None:
        self._store, self._wrote = store, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self, layer: str, **options: Any) -> Any:
        if not self._wrote and not options:
            self._wrote = True
            row = self._store.read("complaints", codes=["C01-001"])
            self._store.insert("complaints", row.set_axis(pd.Index(["N1"], name="code")))
        return self._store.read(layer, **options)


def test_a_small_write_behind_a_large_one_does_not_hide_it(
    store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layers.loading._FEW_CODES", 2)
    before = load(store, standards)
    all_counts(before)
    store.delete("complaints", [code for code in store.read("complaints").index if code != "C01-001"])
    hurried: Any = Hurried(store)
    now = load(hurried, standards, before=before)
    assert now.count("complaints") == 2
    district, _ = district_once()
    equal(all_counts(now), all_counts(read_anew(store, standards, district, now.version)))


def test_periods_do_not_fill_the_memory(store: Store, standards: Standards) -> None:
    now = load(store, standards)
    for days in range(500):
        tallies.complaints_in_period(now, (date(2018, 1, 1), date(2018, 1, 1) + timedelta(days)))
    assert len(now._derived) < 300


@pytest.mark.parametrize("bound", ["_MOST_REPLACED", "_MOST_STEPS"])
def test_what_was_replaced_too_often_is_counted_anew(
    store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(f"layers.snapshot.{bound}", 3)
    now = load(store, standards)
    all_counts(now)
    for number in range(3):
        row = store.read("complaints", codes=["C01-001"])
        store.upsert("complaints", row.set_axis(pd.Index([f"N{number}"], name="code")))
        now = load(store, standards, before=now)
        pending = [entry for key, entry in now._derived.items() if key[0] == "complaints"]
        assert bool(pending) == (number < 3)
    store.delete("complaints", ["N0"])
    now = load(store, standards, before=now)
    assert not [key for key in now._derived if key[0] == "complaints"]
    district, _ = district_once()
    equal(all_counts(now), all_counts(read_anew(store, standards, district, now.version)))


def test_a_period_that_ends_before_it_begins(store: Store, standards: Standards) -> None:
    with pytest.raises(BadParameter):
        tallies.complaints_by_unit(load(store, standards), "square:100", (date(2019, 2, 1), date(2019, 1, 1)))


# Rows


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    writes=st.lists(
        st.dictionaries(st.integers(0, 30), st.none() | st.integers(0, 5), min_size=1, max_size=12),
        max_size=5,
    ),
    looked=st.sets(st.integers(0, 5)),
    most=st.sampled_from([2, 10, 2000]),
)
def test_rows_are_what_was_written(
    monkeypatch: pytest.MonkeyPatch, writes: list[dict[int, int | None]], looked: set[int], most: int
) -> None:
    monkeypatch.setattr(patches, "_MOST_PENDING", most)
    model = {f"k{number:02}": 9 for number in range(0, 30, 2)}
    rows = Rows(frame_of(model))
    for at, write in enumerate(writes):
        if at in looked:
            assert rows.frame() is rows.frame()
        codes = {f"k{number:02}": value for number, value in write.items()}
        gone = rows.at(codes)
        assert dict(zip(gone.index, gone["value"], strict=True)) == {
            code: model[code] for code in codes if code in model
        }
        fresh = {code: value for code, value in sorted(codes.items()) if value is not None}
        before, rows = rows, rows.then(frame_of(fresh), sorted(codes))
        pd.testing.assert_frame_equal(before.frame(), frame_of(model))
        model = dict(sorted(({code: v for code, v in model.items() if code not in codes} | fresh).items()))
    pd.testing.assert_frame_equal(rows.frame(), frame_of(model))
    assert len(rows) == len(model)


def frame_of(values: dict[str, int]) -> gpd.GeoDataFrame:
    index = pd.Index(list(values), name="code", dtype="str")
    points = shapely.points(np.zeros(len(values)), np.array(list(values.values()), dtype=float))
    return gpd.GeoDataFrame(
        {"value": np.array(list(values.values()), dtype=np.int64)}, geometry=points, crs=4490, index=index
    )
