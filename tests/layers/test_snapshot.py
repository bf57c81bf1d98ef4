"""Snapshots follow the store: only what changed is read again."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.crs import to_metric
from layers.analysis import analyse
from layers.following import Snapshots
from layers.queries import QUESTIONS, ViewQuery
from layers.questions import full_answer
from layers.schema import LAYERS
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import create_store
from layers.summary import summary
from layers.units import units
from layers.views import view
from tests.district import small_district


def test_only_changed_layers_are_read_again(tmp_path: Path, standards: Standards) -> None:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store:
        snapshots = Snapshots(store, standards)
        first = snapshots.current()
        assert snapshots.current() is first
        changed = store.read("facilities").iloc[[0]].assign(name="新名字")
        store.upsert("facilities", changed)
        second = snapshots.current()
        assert second.version > first.version
        assert second.frame("facilities").loc["F01", "name"] == "新名字"
        assert first.frame("facilities").loc["F01", "name"] != "新名字"
        for name in LAYERS:
            assert (second.frame(name) is first.frame(name)) == (name != "facilities")


def test_a_write_that_changes_nothing_keeps_the_snapshot(tmp_path: Path, standards: Standards) -> None:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store:
        snapshots = Snapshots(store, standards)
        first = snapshots.current()
        store.upsert("communities", store.read("communities"))
        assert snapshots.current() is first


def test_results_of_many_schemes_do_not_pile_up(standards: Standards) -> None:
    district, frames = small_district()
    snapshot = Snapshot(1, district, standards, frames)
    for size in range(100, 160):
        units(snapshot, f"square:{size}")
    kept = [key for key in snapshot._derived if key[0] == "units"]
    assert len(kept) <= 8
    assert ("units", "square:159") in kept
    assert ("dwellings",) in snapshot._derived


def test_results_of_which_there_is_no_end_are_kept_by_their_bytes(
    standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layers.snapshot._KEPT_BYTES", 1_000)
    district, frames = small_district()
    snapshot = Snapshot(1, district, standards, frames)

    def keep(number: int, size: int) -> int:
        return snapshot.derived(
            ("period", number), lambda: number, scheme="management", size_of=lambda _: size
        )

    def kept(now: Snapshot) -> list[Hashable]:
        return [key[1] for key in now._derived if key[0] == "period"]

    snapshot.derived(("all periods",), lambda: "large, and not one of many", scheme="management")
    for number in range(10):
        assert keep(number, 300) == number
    assert kept(snapshot) == [7, 8, 9]
    keep(7, 300)  # asked for again, and not made again
    keep(10, 300)
    assert kept(snapshot) == [9, 7, 10]
    keep(11, 5_000)  # by itself too much: whoever asked for it may ask again at once
    assert kept(snapshot) == [11]
    assert ("all periods",) in snapshot._derived
    later = Snapshot(2, district, standards, snapshot.rows, before=snapshot)
    later.derived(("period", 12), lambda: 12, scheme="management", size_of=lambda _: 300)
    assert kept(later) == [12]


def test_counts_of_many_periods_and_their_answers_are_kept_by_their_bytes(
    standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layers.snapshot._KEPT_BYTES", 60_000)
    district, frames = small_district()
    snapshot = Snapshot(1, district, standards, frames)
    for day in range(1, 29):
        query = ViewQuery(
            "hotspots", "square:100", "library", None, None, (date(2019, 1, day), date(2019, 12, 31))
        )
        full_answer(snapshot, query)
        sizes = [entry.size for entry in snapshot._derived.values()]
        assert sum(sizes) <= 60_000
    assert sum(1 for size in sizes if size) >= 2
    of_periods = [key for key, entry in snapshot._derived.items() if entry.size]
    assert {key[0] for key in of_periods} == {"complaints", "hotspots", "view"}
    assert ("units", "square:100") in snapshot._derived


def test_what_is_asked_makes_no_objects_of_all_codes(standards: Standards) -> None:
    """Where numpy is given a column, pandas makes a hash table of the codes: of a million some hundred megabytes."""
    district, frames = small_district()
    fresh = {
        name: frame.set_axis(pd.Index(frame.index.tolist(), dtype="str")) for name, frame in frames.items()
    }
    snapshot = Snapshot(1, district, standards, fresh)
    sight = Sight(aggregates="full")
    for question in QUESTIONS:
        query = ViewQuery.from_params({"question": question, "unit": "square:100"}, snapshot, sight)
        view(snapshot, query, sight).as_dict("en")
    summary(snapshot)
    codes: list[Any] = [snapshot.frame(layer).index for layer in ("buildings", "complaints")]
    assert ["_engine" in index._cache for index in codes] == [False, False]
    np.asarray(snapshot.frame("buildings")["use"])
    assert ["_engine" in index._cache for index in codes] == [True, False]


def test_a_slow_result_does_not_keep_others_waiting(standards: Standards) -> None:
    district, frames = small_district()
    snapshot = Snapshot(1, district, standards, frames)
    started, release = threading.Event(), threading.Event()

    def slow() -> str:
        started.set()
        assert release.wait(10)
        return "slow"

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(snapshot.derived, ("slow",), slow) for _ in range(2)]
        assert started.wait(10)
        assert snapshot.derived(("quick",), lambda: "quick") == "quick"
        release.set()
        assert [future.result(10) for future in waiting] == ["slow", "slow"]


def test_a_result_knows_the_layers_of_the_results_it_was_made_of(standards: Standards) -> None:
    district, frames = small_district()
    snapshot = Snapshot(1, district, standards, frames)

    def fail() -> None:
        snapshot.frame("complaints")
        raise ZeroDivisionError

    def make() -> int:
        with pytest.raises(ZeroDivisionError):
            snapshot.derived(("fails",), fail)
        return len(snapshot.derived(("inner",), lambda: snapshot.frame("buildings")))

    snapshot.derived(("outer",), make)
    again = snapshot.derived(("around",), lambda: snapshot.derived(("outer",), make))
    assert again == len(frames["buildings"])
    changed = {**frames, "buildings": frames["buildings"].iloc[1:]}
    later = Snapshot(2, district, standards, changed, before=snapshot)
    assert not later._derived
    same_buildings = {**frames, "facilities": frames["facilities"].iloc[1:]}
    assert {("inner",), ("outer",), ("around",)} <= Snapshot(
        2, district, standards, same_buildings, before=snapshot
    )._derived.keys()


@pytest.mark.parametrize("layer", ["subdistricts", "communities", "management_cells"])
def test_a_shape_that_projection_makes_invalid_still_counts(standards: Standards, layer: str) -> None:
    """Valid in degrees, where the hole hangs within the shell's southern edge; in zone 117 E it crosses it."""
    district, frames = small_district()
    district = replace(district, metric_crs="EPSG:32650")
    geometry = frames[layer].geometry.to_numpy().copy()
    west, south, east, north = geometry[0].bounds
    hanging = next(
        shape
        for x in np.linspace(west, east, 40)[1:-1]
        if (
            shape := shapely.Polygon(
                [(west, south), (east, south), (east, north), (west, north)],
                [[(x, south), (x + 1e-5, south + 1e-4), (x - 1e-5, south + 1e-4)]],
            )
        ).is_valid
        and not to_metric(np.array([shape], dtype=object), "EPSG:32650")[0].is_valid
    )
    geometry[0] = hanging
    frames[layer] = frames[layer].set_geometry(gpd.GeoSeries(geometry, index=frames[layer].index, crs=4490))
    made = Snapshot(1, replace(district, outline=hanging), standards, frames)
    assert shapely.is_valid(made.metric(layer)).all()
    assert made.outline().is_valid
    summary(made)
    assert len(analyse(made, "management")) == len(frames["management_cells"])
    assert len(analyse(made, "square:100"))
