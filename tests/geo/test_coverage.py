"""Coverage: limits inclusive, areas against closed forms, means and shares against pandas."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from geo.coverage import (
    coverage_share_by,
    covered_area_m2,
    is_covered,
    is_unknown,
    walking_access_m,
    weighted_mean_by,
)

GROUPS = 4
AREA = shapely.box(0, 0, 1000, 1000)


def rows(
    value: st.SearchStrategy[float], weight: st.SearchStrategy[float]
) -> st.SearchStrategy[pd.DataFrame]:
    return st.integers(0, 30).flatmap(
        lambda n: st.builds(
            lambda group, values, weights: pd.DataFrame({"group": group, "value": values, "weight": weights}),
            hnp.arrays(np.int64, n, elements=st.integers(-1, GROUPS - 1)),
            hnp.arrays(np.float64, n, elements=value),
            hnp.arrays(np.float64, n, elements=weight),
        )
    )


def test_access_and_limit() -> None:
    access = walking_access_m([100.0, 300.0 / 1.3, 230.8, np.inf, np.nan], detour_factor=1.3)
    np.testing.assert_allclose(access, [130.0, 300.0, 300.04, np.inf, np.nan])
    assert is_covered(access, 300.0).tolist() == [True, True, False, False, False]
    assert is_unknown(access).tolist() == [False, False, False, False, True]


@given(st.integers(1, 2000), st.sampled_from([1.0, 1.1, 1.2, 1.3, 1.414]))
def test_the_limit_itself_is_covered(metres: int, factor: float) -> None:
    assert is_covered(walking_access_m([metres], detour_factor=factor), round(metres * factor, 6)).all()
    assert not is_covered(walking_access_m([metres + 0.001], detour_factor=factor), metres * factor).any()


@pytest.mark.parametrize("factor", [0.99, 0.0, -1.0, np.nan, np.inf])
def test_detour_factor_is_at_least_one(factor: float) -> None:
    with pytest.raises(ValueError, match="give 1 or more"):
        walking_access_m([1.0], detour_factor=factor)


@pytest.mark.parametrize("limit", [-1.0, np.nan, np.inf])
def test_limit_is_metres(limit: float) -> None:
    with pytest.raises(ValueError, match="give metres, 0 or more"):
        is_covered([1.0], limit)
    with pytest.raises(ValueError, match="give metres, 0 or more"):
        covered_area_m2(AREA, [0.0], [0.0], radius_m=limit)


def test_covered_area_of_circles() -> None:
    circle = np.pi * 100.0**2
    for x, y, expected in (
        ([500.0], [500.0], circle),
        ([0.0], [500.0], circle / 2),
        ([0.0], [0.0], circle / 4),
        ([200.0, 800.0], [500.0, 500.0], 2 * circle),
        ([500.0, 500.0], [500.0, 500.0], circle),
    ):
        covered, total = covered_area_m2(AREA, x, y, radius_m=100.0)
        assert total == 1_000_000.0
        assert expected * (1 - 1.01e-4) <= covered <= expected  # the bound that the function states


def test_covered_area_at_the_ends() -> None:
    assert covered_area_m2(AREA, [], [], radius_m=300.0) == (0.0, 1e6)
    assert covered_area_m2(AREA, [np.nan, np.inf], [1.0, 1.0], radius_m=300.0) == (0.0, 1e6)
    assert covered_area_m2(AREA, [5000.0], [0.0], radius_m=300.0) == (0.0, 1e6)
    assert covered_area_m2(AREA, [500.0], [500.0], radius_m=5000.0) == (1e6, 1e6)
    assert covered_area_m2(None, [500.0], [500.0], radius_m=50.0) == (0.0, 0.0)
    assert covered_area_m2(shapely.Polygon(), [500.0], [500.0], radius_m=50.0) == (0.0, 0.0)
    with pytest.raises(ValueError, match="1 x and 2 y"):
        covered_area_m2(AREA, [1.0], [1.0, 2.0], radius_m=1.0)


@given(
    hnp.arrays(np.float64, (6, 2), elements=st.floats(-500.0, 1500.0)),
    st.floats(0.0, 400.0),
    st.floats(0.0, 400.0),
)
def test_covered_area_grows_with_radius_and_facilities(
    places: NDArray[np.float64], radius: float, more: float
) -> None:
    radius, more = round(radius, 3), round(more, 3)
    covered, total = covered_area_m2(AREA, *places[:5].T, radius_m=radius)
    wider, _ = covered_area_m2(AREA, *places[:5].T, radius_m=radius + more)
    fuller, _ = covered_area_m2(AREA, *places.T, radius_m=radius)
    assert 0.0 <= covered <= total
    assert wider >= covered - 1e-6
    assert fuller >= covered - 1e-6


@given(
    rows(
        st.one_of(st.just(np.nan), st.just(np.inf), st.floats(0, 1e4)),
        st.one_of(st.just(np.nan), st.just(0.0), st.floats(1e-3, 1e4)),
    )
)
def test_means_agree_with_a_plain_loop(table: pd.DataFrame) -> None:
    result = weighted_mean_by(table["group"], table["value"], table["weight"], GROUPS)
    for group in range(GROUPS):
        mine = table[(table["group"] == group) & table["value"].notna()]
        if mine.empty:
            assert np.isnan(result[group])
            continue
        if mine["weight"].notna().all() and mine["weight"].sum() > 0:
            mine = mine[mine["weight"] > 0]
            expected = np.average(mine["value"], weights=mine["weight"])
        else:
            expected = mine["value"].mean()
        assert result[group] == pytest.approx(expected, rel=1e-9)


def test_mean_cases() -> None:
    nan, inf = np.nan, np.inf
    result = weighted_mean_by(
        [0, 0, 1, 1, 2, 2, 3, 4, 4, -1],
        [100.0, 200.0, 100.0, 200.0, 100.0, 200.0, nan, inf, 50.0, 1.0],
        [3.0, 1.0, nan, 1.0, 0.0, 0.0, 1.0, 0.0, 2.0, 1.0],
        6,
    )
    np.testing.assert_allclose(result, [125.0, 150.0, 150.0, nan, 50.0, nan])


@given(rows(st.sampled_from([0.0, 1.0]), st.one_of(st.just(np.nan), st.just(0.0), st.floats(1e-3, 1e4))))
def test_shares_agree_with_a_plain_loop(table: pd.DataFrame) -> None:
    result = coverage_share_by(table["group"], table["value"] == 1.0, table["weight"], GROUPS)
    for group in range(GROUPS):
        mine = table[(table["group"] == group) & table["weight"].notna()]
        total = mine["weight"].sum()
        if total == 0:
            assert np.isnan(result[group])
        else:
            assert result[group] == pytest.approx((mine["value"] * mine["weight"]).sum() / total)
            assert 0.0 <= result[group] <= 1.0 + 1e-12


@pytest.mark.parametrize("function", [weighted_mean_by, coverage_share_by])
def test_bad_rows_are_named(function: Callable[..., NDArray[np.float64]]) -> None:
    for group, value, weight, said in (
        ([0], [1.0, 2.0], [1.0, 1.0], "1 groups came with 2 values"),
        ([0, 9], [1.0, 1.0], [1.0, 1.0], "row 1 is in group 9, but there are 4"),
        ([0, 1], [1.0, 1.0], [1.0, -1.0], "row 1 has weight -1.0"),
        ([0, 1], [1.0, 1.0], [np.inf, 1.0], "row 0 has weight inf"),
    ):
        with pytest.raises(ValueError, match=said):
            function(group, value, weight, GROUPS)
