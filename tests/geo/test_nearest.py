"""Nearest facilities: against geopandas and against every pair."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.nearest import TIE_M, NearestIndex, nearest_distances

Floats = NDArray[np.float64]

places = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=15)


def test_agrees_with_sjoin_nearest() -> None:
    random = np.random.default_rng(1)
    x, y = random.uniform(500_000, 510_000, 2000), random.uniform(2_490_000, 2_500_000, 2000)
    fx, fy = random.uniform(500_000, 510_000, 150), random.uniform(2_490_000, 2_500_000, 150)
    distance, position = nearest_distances(x, y, fx, fy)
    joined = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs="EPSG:4547").sjoin_nearest(
        gpd.GeoDataFrame(geometry=gpd.points_from_xy(fx, fy), crs="EPSG:4547"), distance_col="metres"
    )
    np.testing.assert_allclose(distance, joined["metres"], atol=1e-6, rtol=0)
    np.testing.assert_array_equal(position, joined["index_right"])


@given(places, places)
def test_agrees_with_every_pair_and_ties_go_to_the_lowest(
    here: list[tuple[int, int]], there: list[tuple[int, int]]
) -> None:
    x, y = np.array(here, dtype=float).T
    fx, fy = np.array(there, dtype=float).T
    every = np.hypot(x[:, None] - fx, y[:, None] - fy)
    distance, position = nearest_distances(x, y, fx, fy)
    np.testing.assert_allclose(distance, every.min(axis=1), atol=1e-12)
    np.testing.assert_array_equal(position, (every <= every.min(axis=1)[:, None] + TIE_M).argmax(axis=1))


def test_ties_survive_large_coordinates() -> None:
    x, y = 513_371.7079834315, 2_494_709.9997386956
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    fx, fy = x + 300.1 * np.cos(turn), y + 300.1 * np.sin(turn)
    for shift in range(12):
        distance, position = nearest_distances([x], [y], np.roll(fx, shift), np.roll(fy, shift))
        assert position[0] == 0
        assert distance[0] == pytest.approx(300.1, abs=1e-6)


def by_every_pair(x: Floats, y: Floats, fx: Floats, fy: Floats) -> tuple[Floats, NDArray[np.int64]]:
    every = np.hypot(x[:, None] - fx, y[:, None] - fy)
    nearest = every.min(axis=1)
    return nearest, (every <= nearest[:, None] + TIE_M).argmax(axis=1)


@st.composite
def districts(draw: st.DrawFn) -> tuple[Floats, Floats, Floats, Floats]:
    """Draw positions, more than the raster has pixels, and facilities: even, in clumps, in rows, at one place."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 40))
    lie = draw(st.sampled_from(["even", "clumps", "lattice", "row", "one place", "all but one place"]))
    f: Floats = random.uniform(0, 3000, (count, 2))
    if lie == "clumps":
        f = random.uniform(0, 3000, (3, 2))[random.integers(0, 3, count)] + random.normal(0, 0.5, (count, 2))
    elif lie == "lattice":
        f = random.integers(0, 5, (count, 2)).astype(np.float64) * 100.0
    elif lie == "row":
        f[:, draw(st.sampled_from([0, 1]))] = 7.0
    elif lie == "one place":
        f[:] = f[0]
    elif lie == "all but one place":
        f = f[0] + random.uniform(0, 1e-6, (count, 2))
    p = random.uniform(-500, 3500, (400, 2))
    p[:100] = random.integers(-2, 12, (100, 2)) * 50.0  # halfway between those of a lattice
    p[100:150] = f[random.integers(0, count, 50)]
    shift = np.array(draw(st.sampled_from([(0.0, 0.0), (5e5, 2.49e6), (1e7, -1e7)])))
    return (*(p + shift).T.copy(), *(f + shift).T.copy())


@given(districts())
def test_the_raster_and_the_tree_agree_with_every_pair(
    district: tuple[Floats, Floats, Floats, Floats],
) -> None:
    x, y, fx, fy = district
    distance, position = by_every_pair(*district)
    index = NearestIndex(fx, fy)
    few = [index.query(x[part : part + 1], y[part : part + 1]) for part in range(20)]
    many = index.query(x, y)
    assert index._raster is not None
    np.testing.assert_allclose(many[0], distance, rtol=0, atol=TIE_M)
    # Which of those that tie to the last micrometre is chosen is a matter of rounding.
    chosen = np.hypot(x - fx[many[1]], y - fy[many[1]])
    assert (chosen <= distance + 1.01 * TIE_M).all()
    farther = np.hypot(x[:, None] - fx, y[:, None] - fy) - distance[:, None]
    clear = (np.abs(farther - TIE_M) > 1e-8).all(axis=1)
    np.testing.assert_array_equal(many[1][clear], position[clear])
    # The tree answers as the raster does, to the last bit, and so does one asked before.
    assert np.concatenate([one[0] for one in few]).tolist() == many[0][:20].tolist()
    for asked_again in (index.query(x, y), nearest_distances(x, y, fx, fy)):
        np.testing.assert_array_equal(asked_again, many)


def test_a_district_is_answered_as_shapely_answers() -> None:
    random = np.random.default_rng(4)
    middles = random.uniform(0, 20_000, (300, 2))
    p = np.repeat(middles, 2000, axis=0) + random.normal(0, 80, (600_000, 2))
    f = random.uniform(0, 20_000, (4000, 2))
    distance, position = NearestIndex(*f.T).query(*p.T)
    (_, expected), metres = shapely.STRtree(np.asarray(shapely.points(f))).query_nearest(
        np.asarray(shapely.points(p)), return_distance=True, all_matches=False
    )
    np.testing.assert_array_equal(position, expected)
    np.testing.assert_allclose(distance, metres, rtol=0, atol=1e-9)


def test_few_positions_are_not_worth_a_raster() -> None:
    f = np.random.default_rng(5).uniform(0, 1000, (100, 2))
    index = NearestIndex(*f.T)
    index.query(*f.T)
    assert index._raster is None


def test_the_raster_answers_nearly_all_without_the_tree() -> None:
    random = np.random.default_rng(6)
    f, p = random.uniform(0, 6000, (411, 2)), random.uniform(0, 6000, (20_000, 2))
    index = NearestIndex(*f.T)
    index.query(*p.T)
    assert index._raster is not None
    assert (index._raster.nearest(*p.T)[1] < 0).mean() < 0.02
    few = NearestIndex(*f[:8].T)
    few.query(*(p * 100.0).T)
    assert few._raster is not None
    assert (few._raster.nearest(*(p * 100.0).T)[1] >= 0).all()


def test_no_facility_is_infinitely_far() -> None:
    distance, position = nearest_distances([1.0, np.nan], [2.0, 0.0], [], [])
    np.testing.assert_array_equal(distance, [np.inf, np.nan])
    assert position.tolist() == [-1, -1]
    nowhere = nearest_distances([1.0], [2.0], [np.nan, 3.0], [1.0, np.inf])
    assert (nowhere[0][0], nowhere[1][0]) == (np.inf, -1)


def test_unknown_positions_and_facilities() -> None:
    distance, position = nearest_distances(
        [0.0, np.nan, np.inf, 0.0], [0.0, 0.0, 0.0, np.nan], [np.nan, 3], [0, 4]
    )
    np.testing.assert_array_equal(distance, [5.0, np.nan, np.nan, np.nan])
    assert position.tolist() == [1, -1, -1, -1]
    nowhere = [np.nan, np.inf, -np.inf, 1e300, -1e9, 1e9]
    for many in (1, 20):  # by the tree, and by the raster
        x, y = nowhere * many + [3.0], [1.0] * 6 * many + [4.0]
        for distance, position in (
            nearest_distances(x, y, [3.0], [0.0]),
            nearest_distances(y, x, [0.0], [3.0]),
        ):
            assert np.isnan(distance[:-1]).all()
            assert distance[-1] == 4.0
            assert position.tolist() == [-1] * 6 * many + [0]
    assert nearest_distances([1.0], [1.0], [1e300, 5.0], [0.0, 4.0])[1].tolist() == [1]
    assert nearest_distances([], [], [1.0], [1.0])[0].shape == (0,)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="the facilities have x of shape"):
        nearest_distances([1.0], [1.0], [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="the positions have x of shape"):
        nearest_distances([1.0], [1.0, 2.0], [1.0], [1.0])
