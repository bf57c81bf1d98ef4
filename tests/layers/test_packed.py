"""Packed geometry is geometry as any other: everything that frames do with it gives the same."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from geopandas.array import GeometryArray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from layers import packed as packing
from layers import parts, snapshot
from layers.analysis import analyse
from layers.loading import load
from layers.measures import measures_of, metric_points
from layers.packed import PackedGeometry, packed
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import create_store
from layers.summary import summary
from tests.district import small_district

HOLED = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(1, 1), (2, 1), (2, 2)]])
SHAPES = (
    None,
    shapely.Point(1e7, -1e7),
    shapely.Point(),
    HOLED,
    shapely.MultiPolygon([HOLED, shapely.box(20, 20, 21, 21)]),
    shapely.Polygon(),
    shapely.box(0.1, 0.2, 0.3, 1e-9),
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a handful of geometries be many."""
    monkeypatch.setattr(packing, "_WORTH_PACKING", 1)
    monkeypatch.setattr(parts, "_PART", 3)
    monkeypatch.setattr(snapshot, "_MOST_SHAPES", 5)
    yield


def pair(chosen: list[int]) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """The same frame, plain and packed."""
    shapes = np.array([SHAPES[at] for at in chosen], dtype=object)
    index = pd.Index([f"k{at}" for at in range(len(chosen))], name="code")
    plain = gpd.GeoDataFrame({"n": np.arange(len(chosen))}, geometry=list(shapes), crs=4490, index=index)
    small = packed(plain)
    assert isinstance(small.geometry.array, PackedGeometry) == (len(chosen) > 0)
    return plain, small


def equal(left: Any, right: Any) -> None:
    if isinstance(left, gpd.GeoDataFrame):
        assert left.crs == right.crs
        assert left.geometry.to_wkb().tolist() == right.geometry.to_wkb().tolist()
        pd.testing.assert_frame_equal(
            pd.DataFrame(left.drop(columns="geometry")), pd.DataFrame(right.drop(columns="geometry"))
        )
    elif isinstance(left, GeometryArray):
        assert left.crs == right.crs
        assert shapely.to_wkb(np.asarray(left)).tolist() == shapely.to_wkb(np.asarray(right)).tolist()
    elif isinstance(left, shapely.Geometry) or left is None:
        assert shapely.to_wkb(left) == shapely.to_wkb(right)
    elif isinstance(left, np.ndarray) and left.dtype == object:
        assert shapely.to_wkb(left).tolist() == shapely.to_wkb(right).tolist()
    else:
        np.testing.assert_array_equal(left, right)


ASKED: tuple[Callable[[Any], Any], ...] = (
    lambda frame: frame,
    lambda frame: frame.iloc[::-1],
    lambda frame: frame.iloc[1:3],
    lambda frame: frame.iloc[3:1],
    lambda frame: frame.iloc[::2],
    lambda frame: frame[frame["n"] % 2 == 0],
    lambda frame: frame.loc[[code for code in frame.index if code != "k1"]],
    lambda frame: frame.reindex(["k9", "k0", "k77"]),
    lambda frame: pd.concat([frame, frame.iloc[:2]]),
    lambda frame: pd.concat([frame.iloc[:1], pair([3, 0])[0]]),
    lambda frame: frame.copy(),
    lambda frame: copy.deepcopy(frame),
    lambda frame: pickle.loads(pickle.dumps(frame)),
    lambda frame: frame.assign(m=1),
    lambda frame: frame.geometry.array.bounds,
    lambda frame: frame.bounds.to_numpy(),
    lambda frame: frame.total_bounds,
    lambda frame: frame.geometry.isna().to_numpy(),
    lambda frame: frame.geometry.is_valid.to_numpy(),
    lambda frame: frame.geometry.array[:],
    lambda frame: frame.geometry.array[np.arange(len(frame)) % 3 == 0],
    lambda frame: frame.geometry.array[np.array([-1, 0], dtype=int)] if len(frame) else None,
    lambda frame: frame.geometry.iloc[-1] if len(frame) else None,
    lambda frame: frame.geometry.array.take([-1, 0, -1], allow_fill=True) if len(frame) else None,
    lambda frame: (
        frame.geometry.array.take([-1, 0], allow_fill=True, fill_value=HOLED) if len(frame) else None
    ),
    lambda frame: frame.geometry.to_numpy(),
    lambda frame: frame.sjoin(pair([3])[0].drop(columns="n")).drop(columns="code_right", errors="ignore"),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(chosen=st.lists(st.integers(0, len(SHAPES) - 1), max_size=8))
def test_packed_geometry_is_geometry_as_any_other(chosen: list[int]) -> None:
    """However many bytes it has: where each begins is told by four of them or by eight."""
    for most in (packing._MOST_NARROW_BYTES, 300, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(packing, "_MOST_NARROW_BYTES", most)
            plain, small = pair(chosen)
            assert len(small.geometry.array) == small.geometry.array.size == len(chosen)
            for ask in ASKED:
                equal(ask(plain), ask(small))


POINTS = (None, shapely.Point(1e7, -1e7), shapely.Point(), shapely.Point(0.1, np.inf), shapely.Point(3, 4))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    chosen=st.lists(st.sampled_from(POINTS), max_size=8),
    others=st.lists(
        st.sampled_from([HOLED, shapely.Point(1, 2, 3), shapely.MultiPoint([(1, 1)])]), max_size=1
    ),
    first=st.integers(0, 3),
)
def test_points_are_read_where_they_lie(
    chosen: list[Any], others: list[shapely.Geometry], first: int
) -> None:
    shapes = np.array([*chosen, *others, None], dtype=object)[:-1]
    narrow = packing._wkb_of(shapes)
    assert narrow.type == pa.binary()
    array = PackedGeometry(narrow, None)[first:]
    wide = PackedGeometry(narrow.cast(pa.large_binary()), None)[first:]
    np.testing.assert_equal(wide.coordinates(), array.coordinates())
    shapes = shapes[first:]
    found = array.coordinates()
    if found is None:
        assert (
            (shapely.get_type_id(shapes) > 0).any()
            or shapely.has_z(shapes).any()
            or shapely.is_missing(shapes).all()
        )
    else:
        nowhere = (np.nan, np.nan)
        there = [nowhere if one is None or one.is_empty else (one.x, one.y) for one in shapes]
        np.testing.assert_array_equal(found, np.array(there))
    frame = gpd.GeoDataFrame(geometry=array, crs=4490)
    if not others:
        plain = gpd.GeoDataFrame(geometry=list(shapes), crs=4490)
        equal(metric_points(plain, "EPSG:4547"), metric_points(frame, "EPSG:4547"))


def test_who_writes_into_it_writes_into_nothing_else() -> None:
    plain, small = pair([1, 3, 4])
    changed: Any = small.copy()
    changed.loc["k1", "geometry"] = shapely.Point(5, 5)
    assert changed.geometry["k1"] == shapely.Point(5, 5)
    assert isinstance(changed.geometry.array, PackedGeometry)
    equal(plain, small)
    refused: tuple[Callable[[Any], Any], ...] = (
        lambda array: array[7],
        lambda array: array.take([3]),
        lambda array: array.take([-2], allow_fill=True),
    )
    for wrong in refused:
        with pytest.raises((IndexError, ValueError)):
            wrong(small.geometry.array)


def test_what_is_taken_of_it_stays_packed_and_takes_less() -> None:
    _, small = pair([1, 3, 4, 3, 3])
    for part in (small.iloc[1:3], small.iloc[[0, 2]], pd.concat([small, small]), small.copy()):
        assert isinstance(part.geometry.array, PackedGeometry)
    assert small.geometry.array.nbytes < 1500


def test_a_store_read_packed_says_the_same(tmp_path: Path, standards: Standards) -> None:
    district, frames = small_district()
    plain = Snapshot(1, district, standards, frames)
    with create_store(f"gpkg:{tmp_path}/small.gpkg", district, layers=frames) as store:
        small = load(store, standards)
        for name in frames:
            assert isinstance(small.frame(name).geometry.array, PackedGeometry)
            equal(plain.metric(name), small.metric(name))
            last = np.array([len(frames[name]) - 1, 0])
            equal(plain.metric(name, last), small.metric(name, last))
            equal(plain.points(name), small.points(name))
            equal(plain.area_m2(name), small.area_m2(name))
        assert summary(plain) == summary(small)
        equal(analyse(plain, "square:100"), analyse(small, "square:100"))
        row = store.read("complaints", codes=["C01-001"])
        store.upsert("complaints", row.set_axis(pd.Index(["C01-0015"], name="code")))
        store.delete("buildings", [str(small.frame("buildings").index[0])])
        again = load(store, standards, before=small)
        for name in ("complaints", "buildings"):
            assert isinstance(again.frame(name).geometry.array, PackedGeometry)
            equal(store.read(name), again.frame(name))


def test_only_what_was_written_is_measured_anew(
    tmp_path: Path, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    district, frames = small_district()
    measured: list[int] = []

    def counted(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
        measured.append(len(shapes))
        return measures_of(shapes)

    monkeypatch.setattr("layers.snapshot.measures_of", counted)
    with create_store(f"gpkg:{tmp_path}/small.gpkg", district, layers=frames) as store:
        small = load(store, standards)
        for name in frames:
            small.points(name)
        for name in ("buildings", "communities", "complaints"):
            rows = store.read(name)
            shifted = rows.iloc[[1]].set_geometry(rows.iloc[[1]].translate(1e-4, 1e-4))
            store.upsert(name, shifted)
            store.upsert(name, rows.iloc[[2]].set_axis(pd.Index([f"{rows.index[2]}-"], name="code")))
            store.delete(name, [str(rows.index[0]), str(rows.index[-1])])
        measured.clear()
        again, anew = load(store, standards, before=small), load(store, standards)
        for name in frames:
            equal(again.points(name), tuple(anew.points(name)))
            equal(again.area_m2(name), anew.area_m2(name))
        whole = sum(len(anew.frame(name)) for name in frames if LAYERS[name].geometry != ("point",))
        # Two buildings and two communities; all the rest is what the new reading measures.
        assert sum(measured) == 4 + whole
