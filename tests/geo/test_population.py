"""Residents spread to buildings: sums, the choice of basis, and what is unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from geo.population import spread_residents

COMMUNITIES = 5
areas = st.one_of(st.just(np.nan), st.just(0.0), st.floats(1.0, 1e5))


@given(
    hnp.arrays(np.float64, COMMUNITIES, elements=st.one_of(st.just(np.nan), st.floats(0.0, 1e5))),
    st.integers(0, 40).flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.int64, n, elements=st.integers(-1, COMMUNITIES - 1)),
            hnp.arrays(np.float64, n, elements=areas),
            hnp.arrays(np.float64, n, elements=areas),
        )
    ),
)
def test_sums_are_preserved_and_the_basis_is_what_was_used(
    residents: NDArray[np.float64],
    buildings: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    community, floor, ground = buildings
    spread, basis = spread_residents(
        residents=residents, community_of_building=community, floor_area_m2=floor, area_m2=ground
    )
    assert not spread[community == -1].any()
    for c in range(COMMUNITIES):
        mine = community == c
        if np.isnan(residents[c]):
            assert basis[c] == "unknown"
            assert np.isnan(spread[mine]).all()
        elif not mine.any():
            assert basis[c] == "no_buildings"
        else:
            assert spread[mine].sum() == pytest.approx(residents[c], rel=1e-9, abs=1e-300)
            weights = {"floor_area": floor, "area": ground, "equal": np.ones(len(floor))}[basis[c]][mine]
            assert (weights > 0).all()
            np.testing.assert_allclose(spread[mine], residents[c] * weights / weights.sum(), rtol=1e-9)
            if basis[c] != "floor_area":
                assert not (floor[mine] > 0).all()
            if basis[c] == "equal":
                assert not (ground[mine] > 0).all()


def test_each_basis() -> None:
    nan = np.nan
    spread, basis = spread_residents(
        residents=[100.0, 100.0, 100.0, nan, 50.0, 0.0],
        community_of_building=[0, 0, 1, 1, 2, 2, 3, -1, 5],
        floor_area_m2=[300.0, 100.0, nan, 500.0, nan, 9.0, 9.0, 9.0, 9.0],
        area_m2=[1.0, 1.0, 20.0, 30.0, nan, 1.0, 1.0, 1.0, 1.0],
    )
    assert basis.tolist() == ["floor_area", "area", "equal", "unknown", "no_buildings", "floor_area"]
    np.testing.assert_allclose(spread, [75.0, 25.0, 40.0, 60.0, 50.0, 50.0, nan, 0.0, 0.0])


def test_nothing_to_spread() -> None:
    spread, basis = spread_residents(residents=[], community_of_building=[], floor_area_m2=[], area_m2=[])
    assert spread.shape == basis.shape == (0,)


@pytest.mark.parametrize(
    ("residents", "community", "floor", "said"),
    [
        ([1.0], [0, 0], [1.0], "2 buildings came with 1 floor areas"),
        ([1.0], [1], [1.0], "building 0 names community 1, but there are 1"),
        ([1.0], [-2], [1.0], "names community -2"),
        ([1.0, -5.0], [0], [1.0], "community 1 has -5.0 residents"),
        ([np.inf], [0], [1.0], "community 0 has inf residents"),
    ],
)
def test_bad_input(residents: list[float], community: list[int], floor: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spread_residents(
            residents=residents, community_of_building=community, floor_area_m2=floor, area_m2=floor
        )
