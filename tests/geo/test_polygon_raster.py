"""The raster of polygons answers as asking every polygon would, to the last bit."""

import time
from collections.abc import Sequence
from threading import Lock, get_ident

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo import parts, polygon_raster
from geo.polygon_raster import UNSURE, PolygonRaster

FARTHEST = (1e7, 1e7)


def first_by_asking(
    polygons: NDArray[np.object_], x: NDArray[np.float64], y: NDArray[np.float64]
) -> list[int]:
    """Return the first polygon of each position by asking all of them."""
    inside = np.array([shapely.intersects_xy(polygon, x, y) for polygon in polygons])
    found: list[int] = np.where(inside.any(axis=0), inside.argmax(axis=0), -1).tolist()
    return found


def telling_positions(
    polygons: NDArray[np.object_], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return corners, positions on boundaries and next to them, on the edges of pixels, and anywhere."""
    rng = np.random.default_rng(seed)
    corners = shapely.get_coordinates(polygons)
    lines = shapely.boundary(polygons)
    along = shapely.get_coordinates(
        shapely.line_interpolate_point(np.repeat(lines, 20), rng.random(20 * len(lines)), normalized=True)
    )
    west, south, east, north = shapely.total_bounds(polygons)
    anywhere = rng.uniform((west - 5, south - 5), (east + 5, north + 5), (300, 2))
    ulp = np.nextafter(along, np.inf), np.nextafter(along, -np.inf)
    raster = PolygonRaster(polygons)
    edges = anywhere.copy()
    edges[:, 0] = raster._west + np.round((edges[:, 0] - raster._west) / raster._size_m) * raster._size_m
    found = np.concatenate((corners, along, *ulp, along + 1e-5, along - 1e-6, edges, anywhere))
    return found[:, 0].copy(), found[:, 1].copy()


def districts_cells(ground: shapely.Polygon, count: int, seed: int) -> NDArray[np.object_]:
    """Return so many irregular cells that cover the ground."""
    west, south, east, north = ground.bounds
    places = np.random.default_rng(seed).uniform((west, south), (east, north), (count, 2))
    parts = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(places), extend_to=ground))
    return np.asarray(shapely.intersection(parts, ground), dtype=object)


def check(polygons: Sequence[BaseGeometry], seed: int = 0) -> None:
    shapes = np.array(polygons, dtype=object)
    x, y = telling_positions(shapes, seed)
    assert PolygonRaster(shapes).locate(x, y).tolist() == first_by_asking(shapes, x, y)


@st.composite
def valid_polygons(draw: st.DrawFn) -> list[BaseGeometry]:
    """Draw polygons with overlaps, gaps, holes, slivers and several parts, also far from the origin."""
    kind = draw(st.sampled_from(["voronoi", "triangles", "boxes"]))
    seed, count = draw(st.integers(0, 2**32 - 1)), draw(st.integers(2, 12))
    rng = np.random.default_rng(seed)
    size = draw(st.sampled_from([1.0, 40.0, 3000.0]))
    shapes: NDArray[np.object_]
    if kind == "voronoi":
        shapes = districts_cells(shapely.box(0, 0, size, size), count + 2, seed)
    elif kind == "triangles":
        flat = draw(st.sampled_from([1.0, 1e-6]))
        shapes = np.asarray(shapely.polygons(rng.uniform(0, size, (count, 3, 2)) * (1.0, flat)), dtype=object)
    else:  # corners and edges in common, on whole metres
        low = rng.integers(0, 10, (count, 2))
        high = low + rng.integers(1, 5, (count, 2))
        shapes = np.asarray(shapely.box(*low.T.astype(float), *high.T.astype(float)), dtype=object)
    if draw(st.booleans()):
        hole = shapely.buffer(shapely.point_on_surface(shapes), size / 30)
        shapes = shapely.difference(shapes, hole)
    if draw(st.booleans()):
        whole = shapely.union_all(shapes[: len(shapes) // 2])
        shapes = np.concatenate((shapes, np.array([whole], dtype=object)))
    shift = draw(st.sampled_from([(0.0, 0.0), (5e5, 2.49e6), FARTHEST]))
    shapes = shapely.transform(shapes, lambda xy: xy + shift)
    usable = (
        shapely.is_valid(shapes) & np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes)
    )
    return shapes[usable].tolist()  # type: ignore[no-any-return]


@settings(max_examples=400, deadline=None)
@given(valid_polygons(), st.integers(0, 1000))
@example([shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 1)], 0)
@example([shapely.box(0, 0, 1e5, 1), shapely.box(0, 1, 1e5, 2)], 0)
@example([shapely.box(0, 0, 1e-7, 50), shapely.box(1e-7, 0, 3e-7, 50), shapely.box(3e-7, 0, 1, 50)], 0)
@example([shapely.Polygon([(0, 0), (1e-5, 0), (3e-5, 900), (2e-5, 900)]), shapely.box(-1, -1, 1, 901)], 0)
@example([shapely.Polygon([(0, 0.5), (900, 0.5 + 1e-7), (900, 3)]), shapely.box(0, 0, 900, 0.5)], 0)
@example([shapely.Polygon([(0, 0), (0.4, 0), (0.25, 100), (0.15, 100)])], 0)
def test_it_answers_as_every_polygon_would(polygons: list[BaseGeometry], seed: int) -> None:
    if polygons:
        check(polygons, seed)


@pytest.mark.parametrize("count", [3, 40, 400])
def test_cells_of_a_district(count: int) -> None:
    check(districts_cells(shapely.box(5e5, 2.49e6, 5.02e5, 2.493e6), count, count).tolist(), count)


def test_what_is_nowhere_lies_in_none() -> None:
    raster = PolygonRaster(np.array([shapely.box(0, 0, 10, 10)], dtype=object))
    nowhere = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, 11.0])
    assert raster.locate(nowhere, np.full(6, 5.0)).tolist() == [-1] * 6
    assert raster.locate(np.full(6, 5.0), nowhere).tolist() == [-1] * 6
    assert raster.locate(np.array([]), np.array([])).tolist() == []


def test_a_raster_stays_small_however_large_or_narrow_the_ground() -> None:
    for shapes in (
        [shapely.box(0, 0, 4e6, 4e6)],
        [shapely.box(0, 0, 1e7, 1e-3)],
        [shapely.box(0, 0, 1e-4, 1e-4)],
    ):
        raster = PolygonRaster(np.array(shapes, dtype=object))
        assert len(raster._codes) < 5_000_000
        check(shapes)


def test_most_positions_are_answered_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    cells = districts_cells(shapely.box(0, 0, 5800, 5800), 600, 7)
    raster = PolygonRaster(shapely.segmentize(cells, 20.0))
    asked: list[int] = []

    def count(x: NDArray[np.float64], y: NDArray[np.float64], pixel: NDArray[np.int64]) -> NDArray[np.int64]:
        asked.append(len(x))
        return answer(x, y, pixel)

    answer = raster._ask
    monkeypatch.setattr(raster, "_ask", count)
    raster.locate(rng.uniform(0, 5800, 100_000), rng.uniform(0, 5800, 100_000))
    assert 0 < sum(asked) < 2_500


@given(valid_polygons(), st.integers(0, 1000))
@example([shapely.box(0, 0, 90, 90), shapely.box(30, 30, 60, 60)], 0)
@example([shapely.difference(shapely.box(0, 0, 90, 90), shapely.box(44, 44, 46, 46))], 0)
def test_a_box_wholly_in_a_polygon_is_in_no_other(polygons: list[BaseGeometry], seed: int) -> None:
    if not polygons:
        return
    shapes = np.array(polygons, dtype=object)
    random = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(shapes)
    wide = max(east - west, north - south, 1.0)
    low = random.uniform((west - 5, south - 5), (east + 5, north + 5), (200, 2))
    high = low + random.uniform(0, 1, (200, 2)) * wide * random.choice([0.001, 0.05, 0.5], (200, 1))
    found = PolygonRaster(shapes).wholly_in(np.hstack((low, high)))
    boxes = np.asarray(shapely.box(*low.T, *high.T), dtype=object)
    for box, answer in zip(boxes, found, strict=True):
        if answer != UNSURE:
            touched = np.flatnonzero(shapely.intersects(shapes, box)).tolist()
            assert touched == ([answer] if answer >= 0 else [])
            assert answer < 0 or shapely.covers(shapes[answer], box)


def test_most_small_boxes_are_known_to_lie_in_one_polygon() -> None:
    raster = PolygonRaster(districts_cells(shapely.box(0, 0, 5800, 5800), 300, 7))
    low = np.random.default_rng(8).uniform(0, 5800, (5000, 2))
    found = raster.wholly_in(np.hstack((low, low + 12.0)))
    assert (found >= 0).mean() > 0.5
    assert raster.wholly_in(np.full((2, 4), np.nan)).tolist() == [UNSURE] * 2
    assert raster.wholly_in(np.array([[1e9, 1e9, 1e9, 1e9]])).tolist() == [UNSURE]


def test_one_thread_at_a_time_asks_prepared_polygons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that ask one for the first time at once end the process, or hang it."""
    raster = PolygonRaster(districts_cells(shapely.box(0, 0, 90, 90), 12, 3))
    asking, answer, collided, asked = Lock(), shapely.intersects_xy, [], []

    def watched(polygons: NDArray[np.object_], x: NDArray[np.float64], y: NDArray[np.float64]) -> object:
        alone = asking.acquire(blocking=False)
        collided.append(not alone)
        asked.append(get_ident())
        time.sleep(0.002)
        if alone:
            asking.release()
        return answer(polygons, x, y)

    monkeypatch.setattr(shapely, "intersects_xy", watched)
    rng = np.random.default_rng(9)
    raster.locate(rng.uniform(0, 90, 900_000), rng.uniform(0, 90, 900_000))
    assert len(set(asked)) > 1
    assert not any(collided)


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_a_raster_drawn_in_small_parts_is_the_same(seed: int) -> None:
    """As that of many lines is: part by part, by threads."""
    shapes = np.asarray(shapely.segmentize(districts_cells(shapely.box(0, 0, 900, 700), 20, seed), 15.0))
    # Some that share their lines, and ground that two cover.
    shapes = np.concatenate((shapes, shapes[:2], np.array([shapely.box(100, 100, 400, 300)], dtype=object)))
    once = PolygonRaster(shapes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polygon_raster, "_LINES_AT_ONCE", 40)
        patch.setattr(parts, "_PART_ALONE", 50)
        again = PolygonRaster(shapes)
    np.testing.assert_array_equal(again._codes, once._codes)
    np.testing.assert_array_equal(again._doubly, once._doubly)
    for name, values in vars(once._pixels).items():
        np.testing.assert_array_equal(getattr(again._pixels, name), values)
