"""Ground of polygons per cell: as shapely cuts it, whatever the cells and however degenerate the polygons."""

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo import cell_areas, square_shares
from geo.cell_areas import area_shares, polygon_area_by_cell, shared_areas
from geo.cells import Cells, h3_cells, polygon_cells, square_cells
from geo.crs import points_to_metric
from geo.rings import rings_of

CRS = "EPSG:4547"
X0, Y0 = (float(value) for value in points_to_metric(114.13, 22.55, CRS))
Shapes = NDArray[np.object_]


def array(*geometries: BaseGeometry | None) -> Shapes:
    return np.array(geometries, dtype=object)


def numbered(polygons: Shapes) -> Cells:
    return polygon_cells(polygons, np.array([f"M{i}" for i in range(len(polygons))], dtype=object), crs=CRS)


def voronoi(seed: int, count: int, size: float) -> Shapes:
    ground = shapely.box(0, 0, size, size)
    places = shapely.multipoints(np.random.default_rng(seed).uniform(0, size, (count, 2)))
    parts = shapely.get_parts(shapely.voronoi_polygons(places, extend_to=ground))
    cut = np.asarray(shapely.intersection(parts, ground), dtype=object)
    return cut[shapely.area(cut) > 0.0]


def houses(seed: int, count: int, size: float) -> Shapes:
    """Make polygons of every sort: turned boxes, with courts, slivers, on whole metres, of two parts, alike."""
    random = np.random.default_rng(seed)
    at = random.uniform(-0.1 * size, 1.1 * size, (count, 2))
    low = np.floor(at)
    plain = np.asarray(shapely.box(*low.T, *(low + random.integers(1, 40, (count, 2))).T), dtype=object)
    angle = random.uniform(0, 90, count)
    made: list[BaseGeometry] = []
    for one, (shape, turn) in enumerate(zip(plain, angle, strict=True)):
        kind = one % 8
        if kind == 1:
            shape = shapely.affinity.rotate(shape, turn)
        elif kind == 2:
            shape = shapely.difference(shape.buffer(3), shape.centroid.buffer(1.5, quad_segs=2))
        elif kind == 3:
            shape = shapely.affinity.scale(shapely.affinity.rotate(shape, turn), 1.0, 1e-6)
        elif kind == 4:
            shape = shapely.union(shape, shapely.affinity.translate(shape, 97.0, 13.0))
        elif kind == 5:
            shape = made[-1]
        elif kind == 6:
            shape = shape.reverse()
        elif kind == 7:
            shape = shape.buffer(random.uniform(0.1, 200.0), quad_segs=3)
        made.append(shape)
    shapes = np.array(made, dtype=object)
    return shapes[shapely.is_valid(shapes)]


def by_shapely(cells: Cells, polygons: Shapes) -> NDArray[np.float64]:
    return np.array([shapely.area(shapely.intersection(one, cells.polygons)) for one in polygons]).reshape(
        len(polygons), len(cells)
    )


def check(cells: Cells, polygons: Shapes, tolerance_m2: float = 2e-6) -> None:
    expected = by_shapely(cells, polygons)
    weights = np.arange(len(polygons)) % 5 - 1.0
    near = tolerance_m2 * max(1, len(polygons))
    np.testing.assert_allclose(
        polygon_area_by_cell(cells, polygons), expected.sum(axis=0), rtol=1e-9, atol=near
    )
    weighted = polygon_area_by_cell(cells, polygons, weights=weights)
    np.testing.assert_allclose(weighted, (weights[:, None] * expected).sum(axis=0), rtol=1e-9, atol=4 * near)
    shares = area_shares(cells, polygons)
    assert shares.shape == expected.shape
    shared = shares.toarray() * shapely.area(polygons)[:, None]
    np.testing.assert_allclose(shared, expected, rtol=1e-9, atol=tolerance_m2)
    assert (shares.data > 0.0).all()
    assert (shares.data <= 1.0).all()
    again = polygon_area_by_cell(cells, rings_of(polygons))
    assert again.tolist() == polygon_area_by_cell(cells, polygons).tolist()


def moved(shapes: Shapes, by: tuple[float, float]) -> Shapes:
    return np.asarray(shapely.transform(shapes, lambda xy: xy + by), dtype=object)


shifts = st.sampled_from([(0.0, 0.0), (5e5, 2.49e6), (-1e7, 1e7)])
seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 30), st.sampled_from([37.0, 100.0, 12.5]), shifts)
def test_squares(seed: int, count: int, size: float, shift: tuple[float, float]) -> None:
    ground = shapely.box(*np.array(shift), *(np.array(shift) + 250.0))
    cells = square_cells(size, crs=CRS, outline=ground)
    check(cells, moved(houses(seed, count, 250.0), shift), 2e-6 if shift[1] < 1e7 else 2e-5)


@given(seeds, st.integers(1, 30), st.integers(2, 25), st.booleans(), shifts)
def test_irregular_cells(
    seed: int, count: int, cells: int, overlapping: bool, shift: tuple[float, float]
) -> None:
    shapes = voronoi(seed, cells, 300.0)
    shapes = np.asarray(shapely.segmentize(shapes, 11.0), dtype=object)
    bodies = houses(seed + 1, count, 300.0)
    if overlapping:
        shapes = np.concatenate((shapes, array(shapely.box(50, 50, 220, 180), shapely.box(60, 60, 250, 90))))
    shapes, bodies = moved(shapes, shift), moved(bodies, shift)
    sound = shapely.is_valid(shapes)
    check(numbered(shapes[sound]), bodies, 2e-6 if shift[1] < 1e7 else 2e-5)


@given(seeds)
def test_hexagons(seed: int) -> None:
    bodies = moved(houses(seed, 16, 300.0), (X0, Y0))
    cells = h3_cells(11, crs=CRS, outline=shapely.box(X0 + 20, Y0 + 20, X0 + 250, Y0 + 250))
    check(cells, bodies)


@given(seeds, st.integers(0, 6))
@example(0, 0)
def test_cells_and_what_lies_in_them_alike(seed: int, count: int) -> None:
    """Boundaries in common along their whole length, corners on corners, and parts of themselves."""
    shapes = voronoi(seed, 9, 300.0)
    cells = numbered(shapes)
    unions = [shapely.union_all(shapes[one : one + 3]) for one in range(count)]
    bodies = np.concatenate((shapes, np.array(unions, dtype=object), array(shapely.box(0, 0, 300, 300))))
    check(cells, bodies[shapely.is_valid(bodies)])
    grid = [shapely.box(c * 50, r * 50, c * 50 + 50, r * 50 + 50) for c in range(4) for r in range(4)]
    check(
        square_cells(50, crs=CRS, outline=shapely.box(1, 1, 199, 199)), array(*grid, shapely.union_all(grid))
    )
    check(square_cells(25, crs=CRS, outline=shapely.box(1, 1, 199, 199)), array(*grid))


@settings(max_examples=8)
@given(seeds)
def test_what_has_many_corners_is_left_to_geos_and_comes_out_alike(seed: int) -> None:
    random = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 1500, endpoint=False)
    radius = 90.0 + random.uniform(0, 9, len(angle))
    round_one = shapely.Polygon(np.column_stack((100 + radius * np.cos(angle), 100 + radius * np.sin(angle))))
    hole = shapely.Point(100, 100).buffer(40, quad_segs=200)
    bodies = array(round_one, shapely.difference(round_one, hole), shapely.box(90, 90, 110, 110))
    cells = numbered(np.concatenate((voronoi(seed, 5, 200.0), array(hole))))
    check(cells, bodies)
    one, other = rings_of(bodies), cells.rings
    pairs = np.repeat(np.arange(3), len(cells)), np.tile(np.arange(len(cells)), 3)
    by_edges = cell_areas._by_edges(one, other, *pairs)
    np.testing.assert_allclose(by_edges, shared_areas(one, other, *pairs), rtol=1e-9, atol=1e-6)
    assert (np.diff(one.first)[:2] * np.diff(other.first)[-1] > cell_areas._MANY_EDGES).all()


def test_many_are_the_sum_of_their_parts() -> None:
    """So many that threads take turns."""
    bodies = houses(3, 6000, 4000.0)
    cells = numbered(np.asarray(shapely.segmentize(voronoi(4, 150, 4000.0), 20.0), dtype=object))
    parts = [polygon_area_by_cell(cells, bodies[start : start + 50]) for start in range(0, len(bodies), 50)]
    np.testing.assert_allclose(polygon_area_by_cell(cells, bodies), np.sum(parts, axis=0), rtol=1e-12)
    total = np.nansum(shapely.area(shapely.intersection(bodies, shapely.box(0, 0, 4000, 4000))))
    assert polygon_area_by_cell(cells, bodies).sum() == pytest.approx(total, rel=1e-9)


@settings(max_examples=10)
@given(seeds, st.sampled_from([12.5, 30.0]))
def test_squares_cut_through_lines_as_through_their_edges(seed: int, size: float) -> None:
    bodies = houses(seed, 40, 250.0)
    cells = square_cells(size, crs=CRS, outline=shapely.box(20, 20, 230, 230))
    by_lines = area_shares(cells, bodies).toarray()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(square_shares, "_FEW", 0)
        by_edges = area_shares(cells, bodies).toarray()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(square_shares, "_AT_ONCE", 7)
        np.testing.assert_array_equal(area_shares(cells, bodies).toarray(), by_lines)
    of_area = 2e-6 / np.maximum(shapely.area(bodies)[:, None], 2e-6)
    assert (np.abs(by_lines - by_edges) <= 1e-9 + of_area).all()


def test_what_is_no_polygon_has_no_ground() -> None:
    bodies = array(
        None,
        shapely.Point(5, 5),
        shapely.Polygon(),
        shapely.LineString([(0, 0), (9, 9)]),
        shapely.box(2, 2, 4, 4),
        shapely.MultiPolygon(),
        shapely.GeometryCollection([shapely.box(0, 0, 5, 5)]),
    )
    for cells in (
        square_cells(10, crs=CRS, outline=shapely.box(1, 1, 9, 9)),
        numbered(array(shapely.box(0, 0, 9, 9))),
    ):
        assert polygon_area_by_cell(cells, bodies).sum() == 4.0
        assert area_shares(cells, bodies).sum(axis=1).tolist() == [0, 0, 0, 0, 1.0, 0, 0]
        assert polygon_area_by_cell(cells, array()).tolist() == [0.0] * len(cells)
        assert polygon_area_by_cell(cells, bodies[:4]).sum() == 0.0
    nowhere = square_cells(10, crs=CRS, features=array(None))
    assert polygon_area_by_cell(nowhere, bodies).shape == (0,)
    assert area_shares(nowhere, bodies).shape == (7, 0)
    assert polygon_area_by_cell(numbered(array()), bodies).shape == (0,)


def test_an_upright_line_given_as_a_polygon_has_no_ground() -> None:
    """It is not valid, has a box, and no edge of which something lies below."""
    upright = shapely.Polygon([(15, 5), (15, 35), (15, 20), (15, 5)])
    cells = square_cells(10, crs=CRS, outline=shapely.box(1, 1, 39, 39))
    for bodies in (array(upright), array(shapely.box(5, 5, 15, 15), upright), array(upright, upright)):
        found = polygon_area_by_cell(cells, bodies)
        assert found.sum() == shapely.area(bodies).sum()
        assert np.count_nonzero(found) == (4 if len(bodies) == 2 and bodies[0] is not upright else 0)


def test_bodies_that_touch_share_nothing() -> None:
    cells = numbered(array(shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)))
    touching = array(
        shapely.box(3, 3, 10, 5), shapely.box(4, 10, 16, 12), shapely.Polygon([(10, 10), (9, 9), (9, 10)])
    )
    assert area_shares(cells, touching).toarray().tolist() == [[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    assert polygon_area_by_cell(cells, touching[1:2]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("weights", [[1.0], [1.0, np.nan], [[1.0, 2.0]], 3.0])
def test_each_polygon_has_a_weight(weights: object) -> None:
    cells = numbered(array(shapely.box(0, 0, 10, 10)))
    with pytest.raises(ValueError, match="2 polygons came with weights of shape"):
        polygon_area_by_cell(cells, array(shapely.box(0, 0, 1, 1), shapely.box(0, 0, 2, 2)), weights=weights)  # type: ignore[arg-type]
