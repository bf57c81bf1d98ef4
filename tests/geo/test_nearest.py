"""Nearest facilities: against geopandas and against every pair."""

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.nearest import TIE_M, nearest_distances

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
    assert nearest_distances([], [], [1.0], [1.0])[0].shape == (0,)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="the facilities have x of shape"):
        nearest_distances([1.0], [1.0], [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="the positions have x of shape"):
        nearest_distances([1.0], [1.0, 2.0], [1.0], [1.0])
