"""The benchmark does what it says, tried on a few rows: what it measures is not tested, that is no matter of right or wrong."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
import shapely

from bench import data, harness
from bench.contender import LAYER
from bench.geopackage import PlainApsw
from bench.harness import LOADING, WRITING, Limits, Once, TooMuch
from bench.report import section
from bench.run import OPERATIONS, Plan, Results, Series, Writes, run
from bench.wangge import Wangge
from layers.frames import conform
from tests.postgres import Cluster

pytestmark = pytest.mark.long

TINY = Plan(sizes=(600,), repeats=1, reads=1, boxes=2, writers=(1, 2), seconds=0.1, stock=50, settle=False)


@pytest.fixture(scope="module")
def results(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return what comes of a run, which itself checks that all read the same and that every write is there."""
    return run(TINY, tmp_path_factory.mktemp("bench"), print, cluster=postgres)


def test_every_contender_does_everything(results: Results) -> None:
    done = [(s.kind, s.name, s.operation) for s in results.series if len(s.onces) == TINY.repeats]
    wanted = {
        (one.kind, one.name, operation)
        for one in LOADING
        for operation in OPERATIONS
        if operation == "bulk load" or not one.only_loads
    }
    assert set(done) == wanted and len(done) == len(wanted)
    assert not [s.problem for s in results.series if s.problem]
    assert all(len(s.onces[0].seconds) == (2 if s.operation == "read a box" else 1) for s in results.series)
    wrote = {(w.kind, w.name, w.writers) for w in results.writes if len(w.seconds[0]) > 0}
    assert wrote == {(one.kind, one.name, writers) for one in WRITING for writers in TINY.writers}


def test_the_section_has_every_figure_and_names_no_place(results: Results) -> None:
    text = section(TINY, results)
    assert text.count("bulk load at most") == text.count("read all at most") == 2
    for name in [one.name for one in LOADING] + [one.name for one in WRITING]:
        assert f"| {name} |" in text
    assert "/tmp" not in text and str(Path.home()) not in text
    assert text.count("**missed**") + text.count("| met |") == 2 * 2 + 2 * 2 + 1
    assert "nan" not in text


def contents(file: Path) -> dict[str, list[Any]]:
    """Return the rows of every table, columns by name."""
    with closing(apsw.Connection(str(file))) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        found: dict[str, list[Any]] = {}
        for (name,) in names:
            columns = sorted(row[1] for row in connection.execute(f'PRAGMA table_info("{name}")'))
            listed = ", ".join(f'"{column}"' for column in columns if column != "at")
            found[str(name)] = connection.execute(f'SELECT {listed} FROM "{name}" ORDER BY 1, 2').fetchall()
    return found


@pytest.mark.parametrize("features", [False, True])
def test_a_plain_loop_leaves_the_rows_that_wangge_leaves(tmp_path: Path, features: bool) -> None:
    frame = data.buildings(60)
    grown = []
    for name, writer in (("ours", Wangge("GeoPackage")), ("plain", PlainApsw(features=features))):
        file = tmp_path / name
        writer.prepare(str(file), frame.iloc[:50])
        before = contents(file)
        with writer.writer(str(file)) as write:
            for feature in writer.features(frame.iloc[50:]):
                write(feature)
        grown.append({table: rows for table, rows in contents(file).items() if rows != before[table]})
    ours, plain = grown
    # The tables behind the boxes are SQLite's own.
    assert {name for name in ours if not name.startswith("rtree_buildings_geom_")} == {
        "buildings", "rtree_buildings_geom", "wangge_changes", "gpkg_contents",
    }  # fmt: skip
    assert ours["buildings"] == plain["buildings"] and len(plain["buildings"]) == 60
    assert ours["rtree_buildings_geom"] == plain["tree"]
    codes, version = 0, 4  # columns stand in the order of their names
    assert len(plain["changes"]) == 10
    # Wangge's own load was a version too.
    counted = {
        row[codes]: (*row[:version], row[version] + 1, *row[version + 1 :]) for row in plain["changes"]
    }
    assert {row[codes]: row for row in ours["wangge_changes"] if row[codes] in counted} == counted
    (said,) = (row for row in ours["gpkg_contents"] if "buildings" in row)
    assert [value for value in said if isinstance(value, float)] == list(plain["contents"][0][:4])


def once(*seconds: float) -> Once:
    return Once(list(seconds), 0.5, 2**20)


def test_ratios_are_of_medians_and_verdicts_follow_from_them() -> None:
    def series(operation: str, name: str, *laps: float) -> Series:
        return Series("GeoPackage", 7, operation, name, [once(lap) for lap in laps])

    slow = Series("GeoPackage", 7, "read all", "slow", problem="over 10 minutes")
    made = Results(
        series=[
            series("bulk load", "Wangge", 1.3, 1.3, 99),
            series("bulk load", "Wangge, into an empty store", 0.1, 0.1, 0.1),
            series("bulk load", "pyogrio", 1, 1, 1),
            series("read all", "Wangge", 2, 2, 2),
            series("read all", "pyogrio", 1.5, 9, 1.5),
            slow,
            series("read a box", "Wangge", 1, 1, 1),
        ],
        writes=[
            Writes("GeoPackage", 8, "Wangge", [[0.001] * 98 + [0.02] * 2], [1.0]),
            Writes("GeoPackage", 8, "plain", [[0.001] * 124], [1.0]),
        ],
        loads=[0.0],
        flushes_s=[0.001],
    )
    text = section(Plan(), made)
    assert "bulk load at most 1.3 × the best | 1.30 × pyogrio | met |" in text
    assert "read all at most 1.3 × the best | 1.33 × pyogrio | **missed** |" in text
    assert "at least 0.8 × the plain loop | 0.81 × | met |" in text
    assert "p99 of 8 writers under 10 × the median | 20.0 × | **missed** |" in text
    assert "| slow | over 10 minutes |" in text
    assert "| pyogrio | 1.5 | 1.5 | 1.33 |" in text


def test_a_contender_that_takes_too_much_is_stopped() -> None:
    with pytest.raises(TooMuch, match=r"over 0\.01 minutes"):
        harness.in_process(partial(time.sleep, 60), Limits(seconds=0.6))
    with pytest.raises(TooMuch, match=r"over 0\.0625 GB"):
        harness.in_process(partial(time.sleep, 60), Limits(memory_bytes=2**26))


def test_a_contender_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        harness.in_process(partial(divmod, 1, 0), Limits())


def test_the_district_is_the_same_each_time_and_fit_to_be_kept() -> None:
    frame = data.buildings(10_000)
    assert frame.iloc[:300].equals(data.buildings(300))
    assert frame.equals(conform(frame, LAYER))
    assert frame.index.is_monotonic_increasing and frame.index.is_unique
    assert frame.geometry.is_valid.all()
    corners = shapely.get_num_coordinates(
        shapely.get_exterior_ring(frame.geometry[frame.geom_type == "Polygon"])
    )
    assert set((corners - 1).tolist()) == {4, 6, 8, 10, 12}
    assert (shapely.get_num_interior_rings(frame.geometry.to_numpy()) > 0).any()
    assert (frame.geom_type == "MultiPolygon").any()
    filled = frame.notna().mean()
    assert ((filled[["name", "floors", "floor_area_m2", "entrance_lon"]] % 1) > 0).all()


def test_no_building_meets_the_edge_of_a_box() -> None:
    bounds = shapely.bounds(data.buildings(20_000).geometry.to_numpy())
    found = set()
    for box in data.boxes(20_000, 30):
        west, south, east, north = box
        meets = (bounds[:, 2:] >= [west, south]).all(axis=1) & (bounds[:, :2] <= [east, north]).all(axis=1)
        inside = (bounds[:, :2] > [west, south]).all(axis=1) & (bounds[:, 2:] < [east, north]).all(axis=1)
        assert np.array_equal(meets, inside)
        found.add(int(meets.sum()))
    assert found == {576}


def test_contenders_that_read_otherwise_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["1 rows", "2 rows"])
    monkeypatch.setattr(harness, "in_process", lambda *_: next(answers))
    from bench.run import _check_alike

    series = {("read all", at): Series("GeoPackage", 1, "read all", LOADING[at].name) for at in (0, 2)}
    with pytest.raises(RuntimeError, match="do not read the same rows"):
        _check_alike(TINY, series, {0: "a", 2: "b"}, [])
