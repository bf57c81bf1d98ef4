"""Hotspots: published values, esda, exact enumeration of the permutations."""

import csv
import json
import warnings
from itertools import combinations
from itertools import permutations as permutations_of
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from libpysal.weights import WSP, DistanceBand
from numpy.typing import NDArray
from scipy import sparse, stats

from geo import hotspots
from geo.cells import square_cells
from geo.hotspots import (
    RunningGiStar,
    empirical_bayes_rates,
    getis_ord_gi_star,
    permutation_p,
)

CRS = "EPSG:4547"
SIDE = 12
GRID = square_cells(1, crs=CRS, outline=shapely.box(0.5, 0.5, SIDE - 0.5, SIDE - 0.5)).neighbours()
FINITE = st.floats(-1e3, 1e3).map(lambda value: round(value, 6))
fields = hnp.arrays(np.float64, SIDE * SIDE, elements=FINITE)


def esda_gi_star(values: NDArray[np.float64], neighbours: Any, permutations: int = 0) -> Any:
    import esda

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # esda's own, on its next release and on dividing by zero
        weights = WSP(neighbours.copy()).to_W(silence_warnings=True)
        return esda.G_Local(
            values, weights, transform="B", star=True, permutations=permutations, n_jobs=1, seed=5
        )


def patchy(seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    values = random.gamma(1.5, 2.0, SIDE * SIDE)
    values[:30] += 3.0
    return values


# Gi*


def test_getis_and_ord_1996(test_data: Path) -> None:
    published = json.loads((test_data / "reference" / "values.json").read_text())["getis_ord_1996"]
    with (test_data / "reference" / "stats" / "getisord_1996_grid.csv").open(newline="") as lines:
        grid = list(csv.DictReader(lines))
    points = np.array([(float(row["x"]), float(row["y"])) for row in grid])
    values = np.array([float(row["val"]) for row in grid])
    # Cells within 30 m: rook neighbours on this grid of 30 m.
    near = np.hypot(*(points[:, None] - points).transpose(2, 0, 1)) <= 30.0
    neighbours = sparse.csr_array((near & ~np.eye(len(grid), dtype=bool)).astype(float))
    z = getis_ord_gi_star(values, neighbours)
    at = published["cell_index_1based"] - 1
    assert z[at] == pytest.approx(published["Gi_star_binary_z_30_var_n"], abs=5e-6)
    assert z[at] != pytest.approx(published["Gi_star_binary_z_30_var_n_minus_1"], abs=1e-3)


def test_six_points_of_esda(test_data: Path) -> None:
    toy = json.loads((test_data / "reference" / "values.json").read_text())["esda_6pt_toy"]
    weights = DistanceBand(toy["points"], threshold=15, binary=True, silence_warnings=True)
    z = getis_ord_gi_star(toy["y"], sparse.csr_array(weights.sparse))
    assert z[0] == pytest.approx(toy["Gi_star_z_first_binary"], abs=1e-8)


@given(fields)
def test_gi_star_agrees_with_esda(values: NDArray[np.float64]) -> None:
    values = values - values.min() + 1.0  # esda divides by the mean
    z = getis_ord_gi_star(values, GRID)
    if np.ptp(values) > 1e-3:
        np.testing.assert_allclose(z, esda_gi_star(values, GRID).Zs, atol=1e-6)


@given(fields, st.floats(0.1, 10.0), st.floats(-100.0, 100.0))
def test_gi_star_does_not_depend_on_unit_or_origin(
    values: NDArray[np.float64], unit: float, origin: float
) -> None:
    if np.ptp(values) > 1e-3:
        z = getis_ord_gi_star(values, GRID)
        np.testing.assert_allclose(getis_ord_gi_star(values * unit + origin, GRID), z, atol=1e-6)
        np.testing.assert_allclose(getis_ord_gi_star(-values, GRID), -z, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e9, 1e-9])
def test_equal_values_stand_out_nowhere(value: float) -> None:
    values = np.full(SIDE * SIDE, value)
    assert not getis_ord_gi_star(values, GRID).any()
    assert (permutation_p(values, GRID, seed=1) == 1.0).all()


def test_cells_without_a_value_are_left_out() -> None:
    values = patchy(1)
    left_out = np.arange(len(values)) % 5 == 0
    kept = sparse.csr_array(GRID[~left_out][:, ~left_out])
    holed = np.where(left_out, np.nan, values)
    z, p = getis_ord_gi_star(holed, GRID), permutation_p(holed, GRID, seed=3)
    assert np.isnan(z[left_out]).all()
    assert np.isnan(p[left_out]).all()
    np.testing.assert_array_equal(z[~left_out], getis_ord_gi_star(values[~left_out], kept))
    np.testing.assert_array_equal(p[~left_out], permutation_p(values[~left_out], kept, seed=3))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_cells(n: int) -> None:
    alone, all_linked = sparse.csr_array((n, n)), sparse.csr_array(np.ones((n, n)) - np.eye(n))
    values = np.arange(n, dtype=float)
    assert not getis_ord_gi_star(values, all_linked).any()  # every cell a neighbour
    assert (permutation_p(values, all_linked, seed=1) == 1.0).all()
    assert (permutation_p(values, alone, seed=1) == 1.0).all()
    expected = stats.zscore(values) if n > 1 else np.zeros(n)
    np.testing.assert_allclose(getis_ord_gi_star(values, alone), expected)
    assert np.isnan(getis_ord_gi_star(np.full(n, np.nan), alone)).all()
    assert np.isnan(permutation_p(np.full(n, np.nan), alone, seed=1)).all()


@pytest.mark.parametrize("function", [getis_ord_gi_star, lambda v, w: permutation_p(v, w, seed=1)])
def test_bad_values_are_named(function: Any) -> None:
    with pytest.raises(ValueError, match="3 values came with a neighbour matrix of shape"):
        function([1.0, 2.0, 3.0], GRID)
    with pytest.raises(ValueError, match="the value of cell 1 is infinite"):
        function([1.0, np.inf], sparse.csr_array((2, 2)))


# Gi* of counts that change


CHANGES = st.lists(st.tuples(st.integers(0, SIDE * SIDE - 1), st.integers(-3, 40)), max_size=400)


@given(hnp.arrays(np.int64, SIDE * SIDE, elements=st.integers(0, 50)), CHANGES, st.sampled_from([0, 3, 7]))
def test_running_gi_star_of_counts_is_the_whole_computation_to_the_last_bit(
    counts: NDArray[np.int64], changes: list[tuple[int, int]], holes: int
) -> None:
    values = counts.astype(np.float64)
    if holes:
        values[::holes] = np.nan
    running = RunningGiStar(values, GRID)
    for cell, amount in changes:
        if not np.isnan(values[cell]):
            running.add(cell, amount)
            values[cell] += amount
    np.testing.assert_array_equal(running.values, values)
    np.testing.assert_array_equal(running.z(), getis_ord_gi_star(values, GRID))


@given(fields, st.lists(st.tuples(st.integers(0, SIDE * SIDE - 1), FINITE), min_size=300, max_size=400))
def test_running_gi_star_of_other_numbers_hardly_drifts(
    values: NDArray[np.float64], changes: list[tuple[int, float]]
) -> None:
    """More changes than cells, so that the sums have been made anew in between."""
    running = RunningGiStar(values, GRID)
    for cell, amount in changes:
        running.add(cell, amount)
    whole = getis_ord_gi_star(running.values, GRID)
    if np.ptp(running.values) > 1e-3:
        np.testing.assert_allclose(running.z(), whole, atol=1e-6)


def test_running_gi_star_keeps_its_own_values_and_says_what_it_cannot_add() -> None:
    values = np.array([1.0, np.nan, 3.0, 4.0])
    row = sparse.csr_array(np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1))
    running = RunningGiStar(values, row)
    running.add(0, 2.0)
    assert values[0] == 1.0
    for cell, amount in ((1, 1.0), (0, np.nan), (0, np.inf)):
        with pytest.raises(ValueError, match="cannot be added to cell"):
            running.add(cell, amount)
    np.testing.assert_array_equal(running.z(), getis_ord_gi_star([3.0, np.nan, 3.0, 4.0], row))


# Permutations


@pytest.mark.parametrize(("n", "size"), [(5, 2), (3, 3), (9, 3), (4, 1)])
def test_every_row_of_different_cells_is_drawn_as_often_as_any_other(n: int, size: int) -> None:
    draws = hotspots._draws(np.random.default_rng(7), n, size, 40_000)
    rows, times = np.unique(draws, axis=0, return_counts=True)
    assert rows.tolist() == [list(row) for row in permutations_of(range(n), size)]
    expected = 40_000 / len(rows)
    # Six standard deviations of a binomial count.
    assert np.abs(times - expected).max() < 6.0 * np.sqrt(expected)


@given(fields, st.integers(0, 2**32), st.sampled_from([1, 19, 99]))
def test_permutation_p_is_a_probability_and_repeats(
    values: NDArray[np.float64], seed: int, permutations: int
) -> None:
    p = permutation_p(values, GRID, permutations=permutations, seed=seed)
    assert ((p > 0.0) & (p <= 1.0)).all()
    steps = p * (permutations + 1)
    np.testing.assert_allclose(steps, np.round(steps))
    np.testing.assert_array_equal(p, permutation_p(values, GRID, permutations=permutations, seed=seed))


def test_permutation_p_agrees_with_a_plain_loop() -> None:
    values = np.round(patchy(2))  # whole numbers, so that sums tie
    p = permutation_p(values, GRID, permutations=199, seed=8)
    degree = np.diff(GRID.indptr)
    draws = hotspots._draws(np.random.default_rng(8), len(values), int(degree.max()) + 1, 199)
    for cell in range(len(values)):
        k = degree[cell]
        sums = []
        for draw in draws:
            others = [int(draw[k]) if one == cell else int(one) for one in draw[:k]]
            assert cell not in others
            sums.append(values[others].sum())
        larger = np.sum(np.array(sums) >= (GRID @ values)[cell])
        assert p[cell] == (min(larger, 199 - larger) + 1) / 200


def test_permutations_are_uniform() -> None:
    """Against every possible draw of the neighbours' values from the others."""
    values = np.array([3.0, 1.0, 4.1, 1.5, 9.2, 2.6, 5.3])
    linked = np.zeros((7, 7))
    for a, b in ((0, 1), (0, 2), (0, 3), (1, 2), (3, 4), (4, 5), (5, 6), (4, 6)):
        linked[a, b] = linked[b, a] = 1.0
    count = 40_000
    p = permutation_p(values, sparse.csr_array(linked), permutations=count, seed=4)
    for cell in range(7):
        others = np.delete(values, cell)
        sums = np.array([sum(drawn) for drawn in combinations(others, int(linked[cell].sum()))])
        larger = np.mean(sums >= (linked @ values)[cell] - 1e-9)
        exact = min(larger, 1.0 - larger)
        assert p[cell] == pytest.approx(exact, abs=5 * np.sqrt(0.25 / count) + 1 / count)


def test_permutation_p_agrees_with_esda() -> None:
    values = patchy(3)
    reference = esda_gi_star(values, GRID, permutations=9999)
    ours = permutation_p(values, GRID, permutations=9999, seed=1)
    # Two estimates of the same probability from 9,999 draws each.
    assert np.abs(ours - reference.p_sim).max() < 5 * np.sqrt(2 * 0.25 / 9999)
    assert np.corrcoef(ours, reference.p_sim)[0, 1] > 0.999


def test_permutation_p_does_not_change_with_the_platform() -> None:
    p = permutation_p(np.arange(SIDE * SIDE) ** 2 % 101, GRID, seed=2019)
    known = [0.243, 0.296, 0.156, 0.229, 0.235]
    np.testing.assert_allclose(p[[0, 1, 13, 77, 143]], known, atol=1e-12)


def test_rounding_does_not_break_ties() -> None:
    """Sums of the same values in any order are equal."""
    values = np.tile([0.1, 0.2, 0.3], SIDE * SIDE // 3)
    scaled = np.tile([1.0, 2.0, 3.0], SIDE * SIDE // 3)
    np.testing.assert_array_equal(permutation_p(values, GRID, seed=6), permutation_p(scaled, GRID, seed=6))


def test_number_of_permutations() -> None:
    with pytest.raises(ValueError, match="give 1 or more, usually 999"):
        permutation_p(patchy(1), GRID, permutations=0, seed=1)


# Empirical Bayes


@given(st.integers(0, 10_000))
def test_empirical_bayes_agrees_with_esda(seed: int) -> None:
    from esda.smoothing import Empirical_Bayes

    random = np.random.default_rng(seed)
    population = random.integers(1, 3000, 80).astype(float)
    counts = random.poisson(population * random.gamma(0.5, 0.02, 80)).astype(float)
    if counts.sum():
        ours = empirical_bayes_rates(counts, population)
        np.testing.assert_allclose(ours, Empirical_Bayes(counts, population).r.ravel(), rtol=1e-9)


@given(st.integers(0, 10_000))
def test_empirical_bayes_lies_between_the_cell_and_the_district(seed: int) -> None:
    random = np.random.default_rng(seed)
    population = random.integers(1, 500, 40).astype(float)
    counts = random.poisson(3.0, 40).astype(float)
    smooth = empirical_bayes_rates(counts, population)
    raw, overall = counts / population, counts.sum() / population.sum()
    assert (np.minimum(raw, overall) - 1e-12 <= smooth).all()
    assert (smooth <= np.maximum(raw, overall) + 1e-12).all()


def test_rates_that_vary_less_than_chance_are_the_district_s() -> None:
    np.testing.assert_allclose(empirical_bayes_rates([10.0, 10.0, 11.0], [100.0, 100.0, 100.0]), 31 / 300)


def test_cells_without_people_have_no_rate() -> None:
    nan = np.nan
    counts, population = [1.0, 90.0, 5.0, 7.0, nan], [100.0, 100.0, 0.0, nan, 50.0]
    smooth = empirical_bayes_rates(counts, population)
    np.testing.assert_array_equal(np.isnan(smooth), [False, False, True, True, True])
    np.testing.assert_array_equal(smooth[:2], empirical_bayes_rates(counts[:2], population[:2]))
    assert np.isnan(empirical_bayes_rates([1.0], [0.0])).all()
    assert not empirical_bayes_rates([0.0, 0.0], [10.0, 20.0]).any()


def test_bad_rates_are_named() -> None:
    with pytest.raises(ValueError, match="1 counts came with 2 populations"):
        empirical_bayes_rates([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"the count of cell 1 is -1\.0"):
        empirical_bayes_rates([1.0, -1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="the population of cell 0 is inf"):
        empirical_bayes_rates([1.0], [np.inf])
