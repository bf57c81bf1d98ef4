"""Cells: every position in exactly one, covers without overlap, neighbours, and agreement with others."""

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from libpysal.weights import Queen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.cells import MOST_CELLS, Cells, h3_cells, parse_scheme, polygon_cells, square_cells
from geo.crs import points_from_metric, points_to_metric

CRS = "EPSG:4547"
X0, Y0 = (float(value) for value in points_to_metric(114.13, 22.55, CRS))

both_kinds = pytest.mark.parametrize(
    "make", [lambda **k: square_cells(100, crs=CRS, **k), lambda **k: h3_cells(9, crs=CRS, **k)]
)
sizes = st.one_of(st.sampled_from([50.0, 100.0, 250.0]), st.floats(20.0, 300.0))
offsets = st.floats(-2000.0, 2000.0)


def array(*geometries: BaseGeometry | None) -> NDArray[np.object_]:
    return np.array(geometries, dtype=object)


def scatter(seed: int, count: int, spread: float = 1500.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    return X0 + random.uniform(-spread, spread, count), Y0 + random.uniform(-spread, spread, count)


def star(seed: int) -> BaseGeometry:
    """Make a ragged polygon with a hole."""
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0.0, 2 * np.pi, 40))
    radius = random.uniform(300.0, 1500.0, 40)
    ragged = shapely.Polygon(np.column_stack((X0 + radius * np.cos(angle), Y0 + radius * np.sin(angle))))
    return shapely.difference(shapely.make_valid(ragged), shapely.Point(X0, Y0).buffer(150.0))


def blocks(seed: int, count: int = 200) -> NDArray[np.object_]:
    x, y = scatter(seed, count)
    random = np.random.default_rng(seed + 1)
    return np.asarray(shapely.box(x, y, x + random.uniform(5, 90, count), y + random.uniform(5, 400, count)))


def voronoi(seed: int, count: int = 60) -> NDArray[np.object_]:
    x, y = scatter(seed, count)
    return np.asarray(
        shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(np.column_stack((x, y)))))
    )


def numbered(polygons: NDArray[np.object_]) -> Cells:
    return polygon_cells(polygons, np.array([f"M{i}" for i in range(len(polygons))], dtype=object), crs=CRS)


# Square cells


@given(sizes, st.lists(st.tuples(offsets, offsets), min_size=1, max_size=20))
def test_every_point_is_in_exactly_one_square_and_inside_it(
    size: float, offset: list[tuple[float, float]]
) -> None:
    x, y = X0 + np.array([o[0] for o in offset]), Y0 + np.array([o[1] for o in offset])
    cells = square_cells(size, crs=CRS, features=np.asarray(shapely.points(x, y)))
    west, south, east, north = shapely.bounds(cells.polygons).T
    inside = (west <= x[:, None]) & (x[:, None] < east) & (south <= y[:, None]) & (y[:, None] < north)
    np.testing.assert_array_equal(inside.sum(axis=1), 1)
    np.testing.assert_array_equal(cells.cell_of(x, y), inside.argmax(axis=1))


@pytest.mark.parametrize("size", [100.0, 0.1, 33.3, 7.7])
def test_edges_belong_to_the_cell_east_and_north_of_them(size: float) -> None:
    columns = np.arange(-30, 30)
    edges = columns * size
    cells = square_cells(size, crs=CRS, outline=shapely.box(-20 * size, -20 * size, 20 * size, 20 * size))
    found = cells.cell_of(edges, np.full(len(edges), 0.5 * size))
    names = [cells.ids[at] if at >= 0 else None for at in found]
    assert names == [f"E{column}N0" if -21 <= column <= 20 else None for column in columns]
    below = cells.cell_of(np.nextafter(edges, -np.inf)[15:25], np.full(10, 0.5 * size))
    assert [cells.ids[at] for at in below] == [f"E{column - 1}N0" for column in columns[15:25]]


@given(
    st.one_of(st.sampled_from([100.0, 1.0, 0.1, 33.3, 7.7, 250.0, 12.5]), st.floats(0.05, 3000.0)),
    st.sampled_from([0.0, -1e6, 5e5, 2.49e6, 1e7]),
    st.integers(1, 12),
    st.integers(0, 2**32 - 1),
)
def test_positions_next_to_edges_are_where_the_boxes_say(
    size: float, start: float, many: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    first = int(start // size)
    low, high = (first + 0.5) * size, (first + many + 0.5) * size
    cells = square_cells(size, crs=CRS, outline=shapely.box(low, low, high, high))
    edges = random.integers(first - 1, first + many + 3, 400) * size
    step = random.choice([0.0, 2**-20, 1.5 * 2**-20, 3 * 2**-20, 2**-10, 0.3], 400) * size
    near = edges + random.choice([-1.0, 1.0], 400) * step
    for _ in range(3):
        near = np.nextafter(near, random.choice([-np.inf, np.inf, 0.0], 400))
    x, y = np.where(random.random(400) < 0.3, edges, near), random.permutation(near)
    west, south, east, north = shapely.bounds(cells.polygons).T[:, :, None]
    inside = (west <= x) & (x < east) & (south <= y) & (y < north)
    expected = np.where(inside.any(axis=0), inside.argmax(axis=0), -1)
    np.testing.assert_array_equal(cells.cell_of(x, y), expected)


def test_squares_far_apart_are_found_without_a_table() -> None:
    x, y = X0 + np.array([0.0, 9e5, -9e5, 3e5]), Y0 + np.array([0.0, 9e5, 2e5, 2e5])
    cells = square_cells(100, crs=CRS, features=np.asarray(shapely.points(x, y)))
    assert cells._table is None  # type: ignore[attr-defined]
    west, south, east, north = shapely.bounds(cells.polygons[cells.cell_of(x, y)]).T
    assert ((west <= x) & (x < east) & (south <= y) & (y < north)).all()
    assert cells.cell_of(x + 5e4, y).tolist() == [-1] * 4


def test_a_long_row_of_squares_is_found_without_a_table() -> None:
    cells = square_cells(100, crs=CRS, outline=shapely.box(50, 50, 300_050, 80))
    at = np.arange(3001)
    np.testing.assert_array_equal(cells.cell_of(at * 100.0, np.full(3001, 99.0)), at)


@given(st.integers(0, 10_000), sizes)
def test_squares_cover_the_outline_without_overlap(seed: int, size: float) -> None:
    outline = star(seed)
    cells = square_cells(size, crs=CRS, outline=outline)
    assert shapely.area(cells.polygons).sum() == pytest.approx(shapely.union_all(cells.polygons).area)
    assert shapely.difference(outline, shapely.union_all(cells.polygons)).area == pytest.approx(0, abs=1e-6)
    assert shapely.intersects(cells.polygons, outline).all()


@given(st.integers(0, 10_000), st.sampled_from([40.0, 100.0, 130.0]))
def test_squares_of_an_outline_are_all_that_touch_it(seed: int, size: float) -> None:
    outline = star(seed)
    west, south, east, north = outline.bounds
    column = np.arange(np.floor(west / size) - 2, np.ceil(east / size) + 2)
    row = np.arange(np.floor(south / size) - 2, np.ceil(north / size) + 2)
    all_rows, all_columns = (grid.ravel() for grid in np.meshgrid(row, column, indexing="ij"))
    every = shapely.box(all_columns * size, all_rows * size, (all_columns + 1) * size, (all_rows + 1) * size)
    touching = shapely.intersects(every, outline)
    expected = [f"E{int(c)}N{int(r)}" for c, r in zip(all_columns[touching], all_rows[touching], strict=True)]
    assert square_cells(size, crs=CRS, outline=outline).ids.tolist() == expected


def test_an_outline_on_the_grid_gets_the_cells_it_touches_from_outside() -> None:
    cells = square_cells(100, crs=CRS, outline=shapely.box(0, 0, 300, 200))
    assert len(cells) == 5 * 4
    assert cells.ids[0] == "E-1N-1"
    assert cells.cell_of([300.0, 0.0], [200.0, 0.0]).min() >= 0


def test_squares_of_features_are_those_touched_and_one_ring() -> None:
    size = 100.0
    features = array(*blocks(3), None, shapely.Point(), shapely.LineString([(X0, Y0), (X0 + 777, Y0 - 333)]))
    cells = square_cells(size, crs=CRS, features=features)
    everywhere = square_cells(size, crs=CRS, outline=shapely.box(X0 - 3000, Y0 - 3000, X0 + 3000, Y0 + 3000))
    tree = shapely.STRtree(everywhere.polygons)
    touched = np.unique(tree.query(features[~shapely.is_missing(features)], predicate="intersects")[1])
    ring = np.unique(everywhere.neighbours()[touched].indices)
    expected = everywhere.ids[np.union1d(touched, ring)]
    assert cells.ids.tolist() == expected.tolist()


def test_a_point_on_an_edge_touches_one_square_and_a_polygon_on_it_two() -> None:
    point = square_cells(100, crs=CRS, features=array(shapely.Point(500, 500)))
    assert point.ids[len(point) // 2] == "E5N5"
    assert len(point) == 9
    multi = square_cells(100, crs=CRS, features=array(shapely.MultiPoint([(500, 500), (550, 550)])))
    assert multi.ids.tolist() == point.ids.tolist()
    polygon = square_cells(100, crs=CRS, features=array(shapely.box(500, 520, 560, 540)))
    assert len(polygon) == 12


@both_kinds
def test_a_polygon_gets_every_cell_inside_it(make: Callable[..., Cells]) -> None:
    area = star(7)
    cells = make(features=array(area))
    of_outline = make(outline=area)
    assert set(of_outline.ids) <= set(cells.ids)


def test_scheme_order_and_ids_are_stable() -> None:
    cells = square_cells(250, crs=CRS, outline=star(1))
    assert cells.scheme == "square:250"
    assert cells.crs == CRS
    assert square_cells(12.5, crs=CRS, outline=shapely.box(0, 0, 50, 50)).scheme == "square:12.5"
    bounds = shapely.bounds(cells.polygons)
    assert np.lexsort((bounds[:, 0], bounds[:, 1])).tolist() == list(range(len(cells)))
    assert square_cells(250, crs=CRS, outline=star(1)).ids.tolist() == cells.ids.tolist()


def test_positions_outside_or_unknown_have_no_cell() -> None:
    for cells in (
        square_cells(100, crs=CRS, outline=star(1)),
        h3_cells(9, crs=CRS, outline=star(1)),
        numbered(voronoi(1)),
    ):
        x = [[X0 + 1e5, np.nan, np.inf], [X0, -1e300, X0]]
        y = [[Y0, Y0, Y0], [np.nan, -1e300, -np.inf]]
        found = cells.cell_of(x, y)
        assert found.shape == (2, 3)
        assert (found == -1).all()


@pytest.mark.parametrize("size", [0.0, -1.0, np.nan, np.inf])
def test_size_must_be_a_positive_number(size: float) -> None:
    with pytest.raises(ValueError, match="give a number of metres above 0"):
        square_cells(size, crs=CRS, outline=star(1))


@pytest.mark.parametrize("size", [1.0, 0.01, 1e-6])
def test_too_small_squares_are_refused(size: float) -> None:
    outline = shapely.Point(X0, Y0).buffer(1200.0)
    assert outline.area > MOST_CELLS
    for where in ({"outline": outline}, {"features": array(outline)}):
        with pytest.raises(ValueError, match="more than 2,000,000 cells here; choose larger cells"):
            square_cells(size, crs=CRS, **where)
    with pytest.raises(ValueError, match="choose larger cells"):
        square_cells(1e-6, crs=CRS, features=array(shapely.Point(X0, Y0)))


@both_kinds
@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({}, "give an outline or features"),
        ({"outline": shapely.Point(X0, Y0)}, "Point without an area"),
        ({"outline": shapely.Polygon()}, "without an area"),
        ({"outline": shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])}, "not a valid polygon"),
        ({"outline": shapely.box(0, 0, np.inf, 1)}, "not finite"),
        ({"features": array(shapely.Point(1, 1), shapely.Point(np.inf, 1))}, "feature 1 has coordinates"),
    ],
)
def test_bad_places_are_refused(make: Callable[..., Cells], where: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(**where)


@both_kinds
def test_nothing_makes_no_cells(make: Callable[..., Cells]) -> None:
    cells = make(features=array(None, shapely.Point()))
    assert len(cells) == len(cells.ids) == len(cells.polygons) == 0
    assert cells.cell_of([X0], [Y0]).tolist() == [-1]
    assert cells.neighbours().shape == (0, 0)


# H3 cells


def test_h3_agrees_with_h3() -> None:
    from h3 import cell_area, grid_disk, latlng_to_cell

    x, y = scatter(5, 500)
    cells = h3_cells(10, crs=CRS, features=np.asarray(shapely.points(x, y)))
    lon, lat = points_from_metric(x, y, CRS)
    expected = [latlng_to_cell(north, east, 10) for east, north in zip(lon, lat, strict=True)]
    assert cells.ids[cells.cell_of(x, y)].tolist() == expected
    assert set(cells.ids) == {cell for name in expected for cell in grid_disk(name, 1)}
    assert cells.ids.tolist() == sorted(cells.ids)
    assert cells.scheme == "h3:10"
    areas = [cell_area(name, unit="m^2") for name in cells.ids]
    # H3 measures on a sphere, the metric CRS on the ellipsoid.
    np.testing.assert_allclose(shapely.area(cells.polygons), areas, rtol=0.01)


@given(st.integers(0, 10_000), st.sampled_from([8, 9, 10]))
def test_h3_covers_the_outline(seed: int, resolution: int) -> None:
    outline = star(seed)
    cells = h3_cells(resolution, crs=CRS, outline=outline)
    boundary = shapely.get_coordinates(shapely.segmentize(outline, 25.0))
    assert (cells.cell_of(boundary[:, 0], boundary[:, 1]) >= 0).all()
    x, y = scatter(seed, 200)
    inside = shapely.intersects_xy(outline, x, y)
    assert (cells.cell_of(x[inside], y[inside]) >= 0).all()
    assert shapely.dwithin(cells.polygons, outline, 1.0).all()


def test_h3_position_is_in_its_polygon() -> None:
    cells = h3_cells(9, crs=CRS, outline=shapely.box(X0 - 2000, Y0 - 2000, X0 + 2000, Y0 + 2000))
    x, y = scatter(6, 2000)
    at = cells.cell_of(x, y)
    inside = shapely.intersects_xy(shapely.buffer(cells.polygons[at], 0.05), x, y)
    assert inside.all()


def test_h3_features_of_every_kind() -> None:
    line = shapely.LineString([(X0, Y0), (X0 + 1800, Y0 + 50)])
    area = shapely.box(X0 - 900, Y0 - 900, X0 + 900, Y0 + 900)
    features = array(line, shapely.GeometryCollection([shapely.MultiPolygon([area])]), None)
    cells = h3_cells(10, crs=CRS, features=features)
    along = shapely.get_coordinates(shapely.segmentize(line, 1.0))
    assert (cells.cell_of(along[:, 0], along[:, 1]) >= 0).all()
    x, y = scatter(8, 2000, spread=900.0)
    assert (cells.cell_of(x, y) >= 0).all()


@pytest.mark.parametrize("resolution", [4, 14, -1])
def test_h3_resolution_is_limited(resolution: int) -> None:
    with pytest.raises(ValueError, match="give one from 5 to 13"):
        h3_cells(resolution, crs=CRS, outline=star(1))


def test_too_many_h3_cells_are_refused() -> None:
    wide = shapely.Point(X0, Y0).buffer(10_000.0)
    line = shapely.LineString([(X0 + 7 * i, Y0 + 9e4 * (i % 2)) for i in range(1000)])
    for where in ({"outline": wide}, {"features": array(wide)}, {"features": array(line)}):
        with pytest.raises(ValueError, match="H3 resolution 13 would make more than 2,000,000 cells"):
            h3_cells(13, crs=CRS, **where)


# Irregular cells


@given(st.integers(0, 10_000))
def test_polygon_cells_agree_with_sjoin(seed: int) -> None:
    cells = numbered(voronoi(seed))
    x, y = scatter(seed + 1, 300, spread=2500.0)
    found = cells.cell_of(x, y)
    joined = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs=CRS).sjoin(
        gpd.GeoDataFrame({"at": range(len(cells))}, geometry=cells.polygons, crs=CRS), how="left"
    )
    expected = joined["at"].groupby(level=0).min().fillna(-1).astype(int)
    assert found.tolist() == expected.tolist()


def test_square_counts_agree_with_sjoin() -> None:
    cells = square_cells(100, crs=CRS, outline=star(2))
    x, y = scatter(9, 3000)
    counts = np.bincount(cells.cell_of(x, y) + 1, minlength=len(cells) + 1)[1:]
    joined = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs=CRS).sjoin(
        gpd.GeoDataFrame({"at": range(len(cells))}, geometry=cells.polygons, crs=CRS)
    )
    assert counts.tolist() == joined["at"].value_counts().reindex(range(len(cells)), fill_value=0).tolist()


def test_boundary_goes_to_the_first_cell() -> None:
    grid = [shapely.box(c, r, c + 1, r + 1) for r in (0, 1) for c in (0, 1)]
    x, y = [1.0, 1.0, 0.5, 1.0, 0.0, 2.0], [0.5, 1.0, 1.0, 1.5, 0.0, 2.0]
    assert numbered(array(*grid)).cell_of(x, y).tolist() == [0, 0, 0, 2, 0, 3]
    assert numbered(array(*grid[::-1])).cell_of(x, y).tolist() == [2, 0, 1, 0, 3, 0]


def test_overlap_goes_to_the_first_cell() -> None:
    cells = numbered(array(shapely.box(0, 0, 3, 3), shapely.box(2, 2, 5, 5)))
    assert cells.cell_of([2.5, 4.0], [2.5, 4.0]).tolist() == [0, 1]
    assert cells.scheme == "management"


@pytest.mark.parametrize(
    ("polygons", "ids", "said"),
    [
        ([shapely.box(0, 0, 1, 1)], ["A", "B"], "1 polygons came with 2 ids"),
        ([shapely.box(0, 0, 1, 1)] * 2, ["A", "A"], "'A' stands for several cells"),
        ([shapely.box(0, 0, 1, 1), None], ["A", "B"], "'B' cannot be used"),
        ([shapely.Point(0, 0)], ["A"], "not a polygon with an area"),
        ([shapely.Polygon()], ["A"], "not a polygon with an area"),
        ([shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])], ["A"], "Self-intersection"),
    ],
)
def test_bad_polygons_are_refused(polygons: list[BaseGeometry | None], ids: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        polygon_cells(array(*polygons), np.array(ids, dtype=object), crs=CRS)


# Neighbours


def test_neighbours_are_queen_contiguity() -> None:
    scattered = np.asarray(shapely.points(*scatter(3, 60)))
    for cells in (
        square_cells(100, crs=CRS, outline=star(4)),
        square_cells(150, crs=CRS, features=scattered),
        numbered(voronoi(4)),
    ):
        queen = Queen.from_iterable(list(cells.polygons), silence_warnings=True)
        assert abs(cells.neighbours() - queen.sparse).sum() == 0


def test_neighbours_of_hexagons() -> None:
    from h3 import grid_ring

    cells = h3_cells(9, crs=CRS, outline=star(4))
    ours = cells.neighbours()
    for at, name in enumerate(cells.ids):
        assert set(cells.ids[ours[[at]].indices]) == set(grid_ring(name, 1)) & set(cells.ids)


@given(st.integers(0, 10_000))
def test_neighbours_are_symmetric_binary_and_not_of_themselves(seed: int) -> None:
    for cells in (
        square_cells(200, crs=CRS, outline=star(seed)),
        h3_cells(9, crs=CRS, outline=star(seed)),
        numbered(voronoi(seed)),
    ):
        matrix = cells.neighbours()
        assert matrix.shape == (len(cells), len(cells))
        assert abs(matrix - matrix.T).sum() == 0
        assert set(matrix.data.tolist()) <= {1.0}
        assert not matrix.diagonal().any()


def test_cells_a_millimetre_apart_are_neighbours() -> None:
    near = numbered(array(shapely.box(0, 0, 1, 1), shapely.box(1.001, 0, 2, 1), shapely.box(2.1, 0, 3, 1)))
    assert near.neighbours().toarray().tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


# Schemes


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("square:100", ("square", 100.0)),
        (" square:12.5 ", ("square", 12.5)),
        ("h3:10", ("h3", 10)),
        ("management", ("management",)),
    ],
)
def test_parse_scheme(text: str, scheme: tuple[object, ...]) -> None:
    assert parse_scheme(text) == scheme


@pytest.mark.parametrize(
    "text",
    [
        *("", "square", "square:", "square:0", "square:-5", "square:1e3", "square:１００", "square:nan"),
        *("square:100m", "square:100:2", "h3", "h3:4", "h3:14", "h3:9.5", "h3:-1", "hex:9", "management:1"),
    ],
)
def test_parse_scheme_lists_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"square:SIZE.*h3:RESOLUTION from 5 to 13.*management"):
        parse_scheme(text)
