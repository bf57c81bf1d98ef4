"""Counts per cell and category: as pandas counts what geopandas joins, and as every cell's box tells."""

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.cells import Cells, h3_cells, polygon_cells, square_cells
from geo.counting import cell_counts
from geo.crs import points_to_metric
from geo.parts import PART

CRS = "EPSG:4547"
X0, Y0 = (float(value) for value in points_to_metric(114.13, 22.55, CRS))
GROUND = shapely.box(X0 - 900, Y0 - 900, X0 + 900, Y0 + 900)


def scatter(seed: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    return X0 + random.uniform(-1200, 1200, count), Y0 + random.uniform(-1200, 1200, count)


def irregular(seed: int = 1, count: int = 40) -> Cells:
    places = shapely.multipoints(np.column_stack(scatter(seed, count)))
    parts = shapely.get_parts(shapely.voronoi_polygons(places, extend_to=GROUND))
    shapes = np.asarray(shapely.intersection(parts, GROUND), dtype=object)
    shapes = shapes[~shapely.is_empty(shapes)]
    return polygon_cells(shapes, np.array([f"M{i}" for i in range(len(shapes))], dtype=object), crs=CRS)


def every_kind() -> list[Cells]:
    return [
        square_cells(100, crs=CRS, outline=GROUND),
        h3_cells(9, crs=CRS, outline=GROUND),
        irregular(),
    ]


def by_hand(
    cells: Cells, x: NDArray[np.float64], y: NDArray[np.float64], kind: NDArray[np.int64], kinds: int
) -> NDArray[np.int64]:
    counts = np.zeros((len(cells), kinds), dtype=np.int64)
    for cell, of in zip(cells.cell_of(x, y), kind, strict=True):
        if cell >= 0 and of >= 0:
            counts[cell, of] += 1
    return counts


@pytest.mark.parametrize("make", [lambda: square_cells(100, crs=CRS, outline=GROUND), irregular])
def test_agrees_with_geopandas_and_pandas(make: Callable[[], Cells]) -> None:
    cells = make()
    x, y = scatter(2, 5000)
    kind = np.random.default_rng(3).integers(0, 6, len(x))
    points = gpd.GeoDataFrame({"kind": kind}, geometry=gpd.points_from_xy(x, y), crs=CRS)
    joined = points.sjoin(gpd.GeoDataFrame({"at": range(len(cells))}, geometry=cells.polygons, crs=CRS))
    expected = joined.groupby(["at", "kind"]).size().unstack(fill_value=0)
    expected = expected.reindex(index=range(len(cells)), columns=range(6), fill_value=0)
    found = cell_counts(cells, x, y, category=kind, n_categories=6)
    np.testing.assert_array_equal(found, expected.to_numpy())
    np.testing.assert_array_equal(cell_counts(cells, x, y)[:, 0], expected.sum(axis=1))


@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(1, 4), st.booleans())
def test_is_what_counting_one_by_one_gives(seed: int, count: int, kinds: int, same: bool) -> None:
    x, y = scatter(seed, count)
    if same:
        x[:], y[:] = X0, Y0
    x[::7], y[3::9] = np.nan, np.inf
    kind = np.random.default_rng(seed).integers(-1, kinds, count)
    for cells in every_kind():
        found = cell_counts(cells, x, y, category=kind, n_categories=kinds)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, by_hand(cells, x, y, kind, kinds))


@pytest.mark.parametrize("make", [lambda: square_cells(250, crs=CRS, outline=GROUND), irregular])
def test_many_positions_are_the_sum_of_their_parts(make: Callable[[], Cells]) -> None:
    cells = make()
    x, y = scatter(5, 700_001)
    day = np.random.default_rng(5).integers(-1, 365, len(x)).astype(np.int16)
    whole = cell_counts(cells, x, y, category=day, n_categories=365)
    step = PART - 7
    pieces = [slice(start, start + step) for start in range(0, len(x), step)]
    summed = sum(cell_counts(cells, x[p], y[p], category=day[p], n_categories=365) for p in pieces)
    np.testing.assert_array_equal(whole, summed)
    at = cells.cell_of(x, y)
    assert whole.sum() == ((at >= 0) & (day >= 0)).sum()
    np.testing.assert_array_equal(
        cell_counts(cells, x, y)[:, 0], np.bincount(at[at >= 0], minlength=len(cells))
    )


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint64])
def test_categories_of_every_integer_type(kind: type[np.integer]) -> None:
    cells = irregular()
    x, y = scatter(6, 500)
    category = np.random.default_rng(6).integers(0, 120, 500)
    np.testing.assert_array_equal(
        cell_counts(cells, x, y, category=category.astype(kind), n_categories=120),
        by_hand(cells, x, y, category, 120),
    )


def test_nothing_and_nowhere() -> None:
    empty = square_cells(100, crs=CRS, features=np.array([None], dtype=object))
    for cells in (*every_kind(), empty):
        assert cell_counts(cells, [], [], category=[], n_categories=3).tolist() == [[0] * 3] * len(cells)
        assert not cell_counts(cells, [np.nan, 1e300, 0.0], [Y0, Y0, -np.inf]).any()
    assert not cell_counts(irregular(), [X0, X0], [Y0, Y0], category=[-1, -1]).any()
    assert cell_counts(irregular(), [X0, X0], [Y0, Y0], category=[-1, 0]).sum() == 1


@pytest.mark.parametrize(
    ("x", "category", "n", "said"),
    [
        ([X0], None, 1, r"x of shape \(1,\), y of shape \(2,\); give each of one length"),
        ([X0, X0], [0], 1, r"and categories of shape \(1,\); give each of one length"),
        ([X0, X0], [0, 3], 3, "position 1 is of category 3, but there are 3; give -1"),
        ([X0, X0], [0, -2], 3, "position 1 is of category -2, but there are 3"),
        ([X0, X0], [0.0, 1.0], 3, "categories are float64; give whole numbers"),
        ([X0, X0], [True, False], 2, "categories are bool; give whole numbers"),
        ([X0, X0], None, 0, "0 categories cannot be counted; give 1 or more"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    x: list[float], category: list[int] | None, n: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        cell_counts(irregular(), x, [Y0, Y0], category=category, n_categories=n)


def test_a_wrong_category_is_named_by_its_place_among_many() -> None:
    x, y = scatter(7, 600_000)
    category = np.zeros(600_000, dtype=np.int8)
    category[550_000] = 6
    with pytest.raises(ValueError, match="position 550000 is of category 6"):
        cell_counts(irregular(), x, y, category=category, n_categories=6)


def test_no_cells_hold_nothing() -> None:
    none = polygon_cells(np.array([], dtype=object), np.array([], dtype=object), crs=CRS)
    x, y = scatter(1, 5)
    counted = cell_counts(none, x, y, category=np.array([0, -1, 1, -1, 0]), n_categories=2)
    assert counted.shape == (0, 2)
    with pytest.raises(ValueError, match="category 7"):
        cell_counts(none, x, y, category=np.full(5, 7), n_categories=2)
