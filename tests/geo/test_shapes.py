"""Shapes: representative points, footprints, faults, and repairs that lose nothing."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.shapes import (
    footprint_area_m2,
    geometry_faults,
    mend_polygons,
    prepared_copies,
    repair_lossless,
    representative_points,
)

SQUARE = shapely.box(0, 0, 2, 2)
BOW_TIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
# One ring that touches itself at (1, 1), both lobes on the same side of it.
TOUCHING = shapely.Polygon([(0, 0), (1, 1), (2, 0), (2, 2), (1, 1), (0, 2)])
# One ring whose inner loop makes a hole that hangs at (2, 4).
HANGING_HOLE = shapely.Polygon([(0, 0), (4, 0), (4, 4), (2, 4), (3, 2), (1, 2), (2, 4), (0, 4)])
# The same with the loop the other way round: the inner part is covered twice.
DOUBLE_COVER = shapely.Polygon([(0, 0), (4, 0), (4, 4), (2, 4), (1, 2), (3, 2), (2, 4), (0, 4)])
CROSSING_AT_A_VERTEX = shapely.Polygon([(0, 0), (1, 1), (2, 2), (2, 0), (1, 1), (0, 2)])
SPIKE = shapely.Polygon([(0, 0), (4, 0), (4, 4), (2, 4), (2, 6), (2, 4), (0, 4)])
OVERLAPPING = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2)])
HOLE_OUTSIDE = shapely.Polygon(SQUARE.exterior, [[(5, 5), (6, 5), (6, 6)]])

coordinates = st.integers(0, 5).map(float)
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=12)


def array(*geometries: BaseGeometry | None) -> NDArray[np.object_]:
    return np.array(geometries, dtype=object)


def broken_by_nan(geometry: BaseGeometry) -> BaseGeometry:
    """Put NaN where x is 5, in the bytes: as it comes from a file."""
    five, nan = np.float64(5.0).tobytes(), np.float64(np.nan).tobytes()
    with np.errstate(invalid="ignore"):
        return shapely.from_wkb(shapely.to_wkb(geometry, byte_order=1).replace(five, nan))


def vertices(geometry: BaseGeometry) -> set[tuple[float, ...]]:
    return set(map(tuple, shapely.get_coordinates(geometry).tolist()))


def test_representative_points() -> None:
    horseshoe = shapely.Polygon([(0, 0), (9, 0), (9, 9), (6, 9), (6, 3), (3, 3), (3, 9), (0, 9)])
    line = shapely.LineString([(0, 0), (4, 4)])
    given_ = array(shapely.Point(7, 8), horseshoe, line, None, shapely.Polygon(), shapely.Point(np.nan, 1))
    x, y = representative_points(given_)
    assert (x[0], y[0]) == (7.0, 8.0)
    assert not shapely.intersects_xy(horseshoe, *horseshoe.centroid.coords[0])
    assert shapely.intersects_xy(horseshoe, x[1], y[1])
    assert shapely.intersects_xy(line, x[2], y[2])
    assert np.isnan(x[3:]).all()
    assert np.isnan(y[3:]).all()


@given(rings)
def test_representative_point_is_in_the_polygon(ring: list[tuple[float, float]]) -> None:
    polygon = shapely.make_valid(shapely.Polygon(ring))
    x, y = representative_points(array(polygon))
    assert shapely.dwithin(polygon, shapely.Point(x[0], y[0]), 1e-9)


def test_footprints() -> None:
    given_ = array(SQUARE, shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)]), None, shapely.Polygon())
    np.testing.assert_array_equal(footprint_area_m2(given_), [4.0, np.nan, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(
    ("geometry", "fault"),
    [
        (SQUARE, None),
        (shapely.Point(1, 1), None),
        (None, "missing"),
        (shapely.Point(), "empty"),
        (shapely.MultiPolygon(), "empty"),
        (shapely.Point(np.nan, 1.0), "not_finite"),
        (shapely.Point(np.inf, 1.0), "not_finite"),
        (broken_by_nan(shapely.LineString([(0, 0), (5, 1)])), "not_finite"),
        (broken_by_nan(shapely.Polygon([(0, 0), (1, 1), (5, 0), (2, 2)])), "not_finite"),
        (shapely.Polygon([(0, 0), (1, 1), (np.inf, 0), (2, 2)]), "not_finite"),
        (BOW_TIE, "invalid:self_intersection"),
        (TOUCHING, "invalid:ring_self_intersection"),
        (HOLE_OUTSIDE, "invalid:hole_lies_outside_shell"),
        (shapely.LineString([(0, 0), (0, 0)]), "invalid:too_few_points_in_geometry_component"),
    ],
)
def test_faults(geometry: BaseGeometry | None, fault: str | None) -> None:
    assert geometry_faults(array(SQUARE, geometry, None)).tolist() == [None, fault, "missing"]


def test_no_geometries() -> None:
    nothing = array()
    assert representative_points(nothing)[0].shape == (0,)
    assert footprint_area_m2(nothing).shape == geometry_faults(nothing).shape == (0,)
    assert [part.shape for part in repair_lossless(nothing)] == [(0,), (0,)]


@pytest.mark.parametrize(
    ("broken", "repair", "expected"),
    [
        (TOUCHING, "self_touching", "MULTIPOLYGON (((0 0, 1 1, 0 2, 0 0)), ((2 0, 2 2, 1 1, 2 0)))"),
        (HANGING_HOLE, "self_touching", "POLYGON ((0 0, 4 0, 4 4, 2 4, 0 4, 0 0), (2 4, 1 2, 3 2, 2 4))"),
        (
            shapely.Polygon([(0, 0), (0, 0), (2, 0), (2, 2), (2, 2), (2, 2), (0, 2)]),
            "repeated_points",
            "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))",
        ),
        (shapely.LineString([(0, 0), (1, 1), (1, 1)]), "repeated_points", "LINESTRING (0 0, 1 1)"),
        (
            shapely.Polygon([(0, 0), (1, 1), (1, 1), (2, 0), (2, 2), (1, 1), (0, 2)]),
            "self_touching",
            "MULTIPOLYGON (((0 0, 1 1, 0 2, 0 0)), ((2 0, 2 2, 1 1, 2 0)))",
        ),
    ],
)
def test_repairs(broken: BaseGeometry, repair: str, expected: str) -> None:
    repaired, repairs = repair_lossless(array(SQUARE, broken, None))
    assert repairs.tolist() == [None, repair, None]
    assert repaired[0] is SQUARE
    assert repaired[1].is_valid
    assert repaired[1].normalize().equals_exact(shapely.from_wkt(expected).normalize())
    assert repaired[2] is None


@pytest.mark.parametrize(
    "broken",
    [
        BOW_TIE,
        CROSSING_AT_A_VERTEX,
        DOUBLE_COVER,
        SPIKE,
        OVERLAPPING,
        HOLE_OUTSIDE,
        shapely.Polygon([(0, 0), (4, 0), (0, 0)]),
        shapely.Polygon([(0, 0), (0, 0), (0, 0), (0, 0)]),
        broken_by_nan(shapely.Polygon([(0, 0), (1, 1), (5, 0), (5, 0), (2, 2), (2, 2)])),
        shapely.LineString([(0, 0), (0, 0)]),
        shapely.MultiPoint([(0, 0), (0, 0)]),
        shapely.Point(),
    ],
)
def test_what_would_change_is_left_alone(broken: BaseGeometry) -> None:
    repaired, repairs = repair_lossless(array(broken))
    fault = geometry_faults(array(broken))
    if repairs[0] == "repeated_points":  # and it is as broken as before
        assert vertices(repaired[0]) == vertices(broken)
    else:
        assert repairs[0] is None
        assert repaired[0] is broken
    assert geometry_faults(repaired).tolist() == fault.tolist()


@given(rings, st.lists(st.integers(0, 11), max_size=4))
def test_repair_keeps_area_vertices_and_dimension(
    ring: list[tuple[float, float]], doubled: list[int]
) -> None:
    for at in doubled:
        ring = [*ring[: at % len(ring)], ring[at % len(ring)], *ring[at % len(ring) :]]
    broken = shapely.Polygon(ring)
    repaired, repairs = repair_lossless(array(broken))
    assert repaired[0].area == pytest.approx(broken.area, rel=1e-12, abs=0.0)
    assert vertices(repaired[0]) == vertices(broken)
    assert repaired[0].geom_type in ("Polygon", "MultiPolygon")
    if repairs[0] == "self_touching":
        assert not broken.is_valid
        assert repaired[0].is_valid
        # The parts keep inside what winds around inside: even-odd, point by point, off the lines.
        x, y = (grid.ravel() for grid in np.meshgrid(np.arange(0.05, 5, 0.37), np.arange(0.07, 5, 0.41)))
        off = shapely.distance(shapely.LineString([*ring, ring[0]]), shapely.points(x, y)) > 1e-9
        inside = shapely.intersects_xy(repaired[0], x[off], y[off])
        np.testing.assert_array_equal(inside, even_odd(ring, x[off], y[off]))
    if broken.is_valid:
        assert shapely.symmetric_difference(repaired[0], broken).area == 0.0


def even_odd(
    ring: list[tuple[float, float]], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Count the edges to the east of each position."""
    inside = np.zeros(len(x), dtype=bool)
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            inside ^= crosses & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return inside


def test_input_is_not_changed() -> None:
    given_ = array(TOUCHING)
    repair_lossless(given_)
    assert given_[0] is TOUCHING


def test_mending_keeps_the_ground_and_leaves_the_rest_alone() -> None:
    # A hole that hung on the shell and pokes through it by a millimetre once projected.
    poking = shapely.Polygon(SQUARE.exterior, [[(-0.001, 1), (1, 1.2), (1, 0.8)]])
    given_ = array(poking, SQUARE, None, shapely.Point(1, 1))
    mended = mend_polygons(given_)
    assert not poking.is_valid
    assert mended[0].is_valid
    assert mended[0].geom_type in ("Polygon", "MultiPolygon")
    assert mended[0].area == pytest.approx(SQUARE.area - 0.2, abs=0.001)
    assert all(after is before for after, before in zip(mended[1:], given_[1:], strict=True))


def test_prepared_copies_leave_alone_what_others_hold() -> None:
    held = np.array([shapely.box(0, 0, 1, 1), None, shapely.Point(2, 3)], dtype=object)
    copies = prepared_copies(held)
    assert shapely.is_prepared(copies).tolist() == [True, False, True]
    assert not shapely.is_prepared(held).any()
    assert shapely.equals_exact(copies[[0, 2]], held[[0, 2]]).all()
    assert copies[1] is None
