"""Polygons by their edges: the ground below them adds up to the polygon, in whatever direction rings run."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.rings import Rings, expand, rings_of


def polygon(seed: int) -> BaseGeometry:
    """Make a star, with a hole, as two parts, or as it comes."""
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0, 2 * np.pi, 12))
    radius = random.uniform(5, 50, 12)
    star = shapely.make_valid(
        shapely.Polygon(np.column_stack((radius * np.cos(angle), radius * np.sin(angle))))
    )
    if seed % 3 == 1:
        star = shapely.difference(star, shapely.Point(0, 0).buffer(4))
    if seed % 3 == 2:
        star = shapely.union(star, shapely.box(60, 0, 70, 9))
    if seed % 2:
        star = star.reverse()
    return star if star.geom_type in ("Polygon", "MultiPolygon") else shapely.box(0, 0, 1, 2)


def area_below(rings: Rings, one: int) -> float:
    """Add up the ground below a polygon's edges, down to some line."""
    edges = slice(rings.first[one], rings.first[one + 1])
    width = rings.east[edges] - rings.west[edges]
    height = rings.west_y[edges] + 0.5 * width * rings.slope[edges] - rings.lowest[edges].min() + 3.0
    return float((rings.sign[edges] * width * height).sum())


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=12))
def test_the_ground_below_edges_adds_up(seeds: list[int]) -> None:
    shapes = np.array([polygon(seed) for seed in seeds], dtype=object)
    rings = rings_of(shapes)
    assert len(rings) == len(shapes)
    assert (rings.west < rings.east).all()
    for one, shape in enumerate(shapes):
        assert area_below(rings, one) == pytest.approx(shape.area, rel=1e-9, abs=1e-9)
    np.testing.assert_array_equal(rings.area_m2, shapely.area(shapes))
    np.testing.assert_array_equal(rings.bounds, shapely.bounds(shapes))
    ends = rings.west_y + (rings.east - rings.west) * rings.slope
    np.testing.assert_allclose(np.minimum(ends, rings.west_y), rings.lowest, atol=1e-9)
    start, end, start_y, slope = rings.directed.T
    np.testing.assert_allclose(end - start, rings.sign * (rings.east - rings.west), rtol=1e-12)
    np.testing.assert_allclose(start_y, rings.west_y + (start - rings.west) * slope, rtol=1e-12)


def test_signs_say_on_which_side_the_polygon_lies() -> None:
    court = shapely.Polygon(
        shapely.box(0, 0, 9, 9).exterior.coords, [shapely.box(2, 3, 5, 6).exterior.coords]
    )
    for shape in (court, court.reverse(), shapely.orient_polygons(court)):
        rings = rings_of(np.array([shape], dtype=object))
        sides = dict(zip(rings.lowest.tolist(), rings.sign.tolist(), strict=True))
        assert sides == {0.0: -1.0, 3.0: 1.0, 6.0: -1.0, 9.0: 1.0}


def test_what_is_no_polygon_has_no_edges() -> None:
    shapes = np.array(
        [None, shapely.Point(1, 1), shapely.Polygon(), shapely.box(0, 0, 2, 1), None], dtype=object
    )
    rings = rings_of(shapes)
    assert rings.first.tolist() == [0, 0, 0, 0, 2, 2]
    assert rings.area_m2.tolist() == [0, 0, 0, 2, 0]
    assert np.isnan(rings.bounds[[0, 1, 2, 4]]).all()
    assert rings_of(np.array([], dtype=object)).first.tolist() == [0]


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 30]))
def test_spanning_leaves_out_no_edge(seed: int, corners: int) -> None:
    """With few corners, where all edges are taken, and with many, where they are searched."""
    random = np.random.default_rng(seed)
    shapes = shapely.buffer(
        shapely.points(random.uniform(0, 90, (6, 2))), random.uniform(1, 30, 6), quad_segs=corners
    )
    rings = rings_of(np.asarray(shapes, dtype=object))
    of = random.integers(0, 6, 20)
    ends: NDArray[np.float64] = np.sort(random.uniform(-40, 130, (20, 2)), axis=1)
    pair, edge = rings.spanning(of, *ends.T)
    listed = set(zip(pair.tolist(), edge.tolist(), strict=True))
    assert len(listed) == len(pair)
    for range_, (polygon_, (west, east)) in enumerate(zip(of, ends, strict=True)):
        own = np.arange(rings.first[polygon_], rings.first[polygon_ + 1])
        reach = own[(rings.west[own] < east) & (rings.east[own] > west)]
        assert {(range_, int(one)) for one in reach} <= listed
        assert {one for at, one in listed if at == range_} <= set(own.tolist())


def test_expand() -> None:
    at, number = expand(np.array([5, 2, 7]), np.array([8, 2, 8]))
    assert (at.tolist(), number.tolist()) == ([0, 0, 0, 2], [5, 6, 7, 7])
