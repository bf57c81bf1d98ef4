"""Where values concentrate: Getis-Ord Gi*, permutations, smoothed rates, false discovery rate, classes.

`neighbours` is always the matrix of `geo.cells.Cells.neighbours`: binary, symmetric, zero on the diagonal. A
cell whose value is NaN is left out: it has no result, and it is nobody's neighbour.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from scipy import sparse

FloatArray = NDArray[np.float64]
Neighbours: TypeAlias = "sparse.csr_array[Any, tuple[int, int]]"

_LIMITS = np.array([0.01, 0.05, 0.10])
_CLASSES = np.array(["cold_99", "cold_95", "cold_90", "none", "hot_90", "hot_95", "hot_99", "masked"])


def getis_ord_gi_star(values: ArrayLike, neighbours: Neighbours) -> FloatArray:
    """Compute the standardised Getis-Ord Gi* of each cell, binary weights, the cell itself included.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        Rates or counts; NaN leaves a cell out.
    neighbours : scipy.sparse.csr_array, shape (n, n)
        See the module's text.

    Returns
    -------
    ndarray of float64, shape (n,)
        z; high values concentrate around cells above 0, low ones around cells below. 0 where nothing can
        stand out: all values equal, or every cell a neighbour. NaN where the value is.

    Raises
    ------
    ValueError
        If the matrix does not fit the values.

    Notes
    -----
    Getis and Ord (1996), "Local spatial statistics: an overview", equation 14.2, p. 263: the variance of the
    values is taken with n, not n - 1.
    """
    value, known, linked = _known_part(values, neighbours)
    weight, around = _around(value, known, linked)
    return _standardised(value, known, value + around, 1.0 + weight)


class RunningGiStar:
    """Gi* of counts that change a little at a time, as `getis_ord_gi_star` computes it of all of them.

    What a cell and its neighbours sum to is kept, and a change is added where it counts: to the cell and its
    neighbours. Mean and deviation are those of the cells' values, so they cost no more than the result has
    cells; the points that were counted are not needed again.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        Counts; NaN leaves a cell out for good.
    neighbours : scipy.sparse.csr_array, shape (n, n)
        See the module's text.

    Raises
    ------
    ValueError
        If the matrix does not fit the values.

    Notes
    -----
    Sums of whole numbers are exact (below 2^53), so z is that of the whole computation to the last bit, however
    often something was added. Other numbers drift by a rounding of the sum at each change; the sums are made
    anew after as many changes as there are cells, which keeps that below n * 2^-52 of the largest sum.
    """

    def __init__(self, values: ArrayLike, neighbours: Neighbours) -> None:
        value, self._known, self._linked = _known_part(values, neighbours)
        # The caller's array stays the caller's.
        self._value = value.copy()
        self._weight, self._around = _around(self._value, self._known, self._linked)
        self._changes = 0

    @property
    def values(self) -> FloatArray:
        """The values as they stand, NaN where a cell is left out."""
        return np.where(self._known, self._value, np.nan)

    def add(self, cell: int, amount: float) -> None:
        """Add to the value of a cell.

        Raises
        ------
        ValueError
            If the cell is left out, or the amount is not a finite number.
        """
        if not (self._known[cell] and np.isfinite(amount)):
            raise ValueError(
                f"{amount} cannot be added to cell {cell}: it has no value, or that is no number"
            )
        self._value[cell] += amount
        first, last = self._linked.indptr[cell], self._linked.indptr[cell + 1]
        self._around[self._linked.indices[first:last]] += amount
        self._changes += 1
        if self._changes >= len(self._value):
            self._around = self._linked @ self._value
            self._changes = 0

    def z(self) -> FloatArray:
        """Compute z of every cell as its values now are; see `getis_ord_gi_star`."""
        return _standardised(self._value, self._known, self._value + self._around, 1.0 + self._weight)


def _around(value: FloatArray, known: NDArray[np.bool_], linked: Neighbours) -> tuple[FloatArray, FloatArray]:
    """Count each cell's neighbours that have a value, and sum these."""
    # Links have the weight 1, so where all have a value there are as many neighbours as links.
    weight = np.diff(linked.indptr).astype(np.float64) if known.all() else linked @ known.astype(np.float64)
    return weight, linked @ value


def _standardised(
    values: FloatArray, known: NDArray[np.bool_], local_sum: FloatArray, weight: FloatArray
) -> FloatArray:
    """Standardise what cells and their neighbours sum to; NaN where a cell is left out."""
    result = np.where(known, 0.0, np.nan)
    value = values[known]
    n = len(value)
    if n < 2:
        return result
    mean = value.mean()
    deviation = np.sqrt(np.mean((value - mean) ** 2))
    # Rounding leaves a deviation of about 1e-16 of the mean where all values are equal.
    if deviation <= 1e-12 * np.abs(value).max():
        return result
    spread = deviation * np.sqrt(np.maximum(weight * (n - weight), 0.0) / (n - 1))
    np.divide(local_sum - mean * weight, spread, out=result, where=known & (spread > 0.0))
    return result


def two_sided_p(z: ArrayLike) -> FloatArray:
    """Compute the probability of a standard normal value at least as far from 0 as each z; NaN stays NaN."""
    from scipy import special

    return np.asarray(special.erfc(np.abs(np.asarray(z, dtype=np.float64)) / np.sqrt(2.0)))


def permutation_p(
    values: ArrayLike,
    neighbours: Neighbours,
    *,
    permutations: int = 999,
    seed: int,
) -> FloatArray:
    """Compute the pseudo-probability of each cell's Gi* by conditional permutation, the smaller tail.

    The cell's own value is held and its neighbours' values are drawn, without replacement, from all others.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        Rates or counts; NaN leaves a cell out.
    neighbours : scipy.sparse.csr_array, shape (n, n)
        See the module's text.
    permutations : int, optional
        How many draws; all cells share them, as in esda.
    seed : int
        The same seed gives the same result everywhere.

    Returns
    -------
    ndarray of float64, shape (n,)
        ``(min(larger, permutations - larger) + 1) / (permutations + 1)`` with `larger` the draws whose sum
        is at least the observed one (one-sided: at most about 0.5). 1 where every draw equals the observed
        sum, as in an isolated cell. NaN where the value is.

    Raises
    ------
    ValueError
        If the matrix does not fit the values, or `permutations` is below 1.

    Notes
    -----
    Anselin (1995), "Local indicators of spatial association - LISA", Geographical Analysis 27(2), 93-115, for
    conditional permutation; the tail is chosen as in esda ("directed"). Draws equal to the observed sum count
    as larger, so among many equal values (cells without any complaint) low cells look rarer than they are.
    """
    if permutations < 1:
        raise ValueError(f"{permutations} permutations cannot be used; give 1 or more, usually 999")
    value, known, linked = _known_part(values, neighbours)
    result = np.full(len(known), np.nan)
    if known.any():
        degree, observed = _around(value, known, linked)
        larger, equal = _count_draws(
            value[known], degree[known].astype(np.int64), observed[known], permutations, seed
        )
        tail = np.minimum(larger, permutations - larger)
        result[known] = np.where(equal == permutations, 1.0, (tail + 1.0) / (permutations + 1.0))
    return result


def _count_draws(
    value: FloatArray, degree: NDArray[np.int64], observed: FloatArray, permutations: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count, for each cell, the draws at least as large as the observed sum, and those equal to it.

    One draw of k + 1 cells serves every cell with k neighbours: its first k, and where the cell itself is one
    of these, the last in its place. That is a uniform draw of k from the others.
    """
    n = len(value)
    # Sums of the same values in another order differ by rounding; such sums are equal.
    slack = 1e-12 * np.abs(value).max() * (degree.max() + 1)
    draws = _draws(np.random.default_rng(seed), n, int(degree.max()) + 1, permutations)
    sums = np.cumsum(value[draws], axis=1)

    larger = np.empty(n, dtype=np.int64)
    equal = np.empty(n, dtype=np.int64)
    for k in np.unique(degree):
        cells = np.flatnonzero(degree == k)
        drawn = sums[:, k - 1] if k else np.zeros(permutations)
        ranked = np.sort(drawn)
        larger[cells] = permutations - np.searchsorted(ranked, observed[cells] - slack, side="left")
        equal[cells] = larger[cells] - (
            permutations - np.searchsorted(ranked, observed[cells] + slack, side="right")
        )
        # The draws that hold the cell itself: take their sums out of the counts and the replaced ones in.
        draw, place = np.nonzero(degree[draws[:, :k]] == k)
        cell = draws[draw, place]
        for sign, total in ((-1, drawn[draw]), (1, drawn[draw] - value[cell] + value[draws[draw, k]])):
            np.add.at(larger, cell, sign * (total >= observed[cell] - slack))
            np.add.at(equal, cell, sign * (np.abs(total - observed[cell]) <= slack))
    return larger, equal


def _draws(rng: np.random.Generator, n: int, size: int, permutations: int) -> NDArray[np.int64]:
    """Draw rows of `size` different numbers below n, in any order: all rows are equally likely."""
    if size * size > n:
        return np.stack([rng.choice(n, size, replace=False) for _ in range(permutations)])
    # Rows with a number twice are hardly more than a third, and drawn again.
    draws = rng.integers(n, size=(permutations, size))
    again = np.arange(permutations)
    while again.size:
        ordered = np.sort(draws[again], axis=1)
        again = again[(ordered[:, 1:] == ordered[:, :-1]).any(axis=1)]
        draws[again] = rng.integers(n, size=(len(again), size))
    return draws


def _known_part(
    values: ArrayLike, neighbours: Neighbours
) -> tuple[FloatArray, NDArray[np.bool_], Neighbours]:
    """Return the values, 0 where there is none, which cells have one, and which touch."""
    value = np.asarray(values, dtype=np.float64)
    if neighbours.shape != (len(value), len(value)):
        raise ValueError(
            f"{len(value)} values came with a neighbour matrix of shape {neighbours.shape}; "
            "give both for one set of cells"
        )
    if np.isinf(value).any():
        at = int(np.flatnonzero(np.isinf(value))[0])
        raise ValueError(f"the value of cell {at} is infinite; give a number, or NaN to leave the cell out")
    from scipy import sparse

    known = ~np.isnan(value)
    return np.where(known, value, 0.0), known, sparse.csr_array(neighbours)


def empirical_bayes_rates(counts: ArrayLike, population: ArrayLike) -> FloatArray:
    """Smooth rates towards the district's own, the more so the fewer people a cell has.

    Parameters
    ----------
    counts : array_like of float, shape (n,)
        Events, 0 or more.
    population : array_like of float, shape (n,)
        People; NaN where unknown.

    Returns
    -------
    ndarray of float64, shape (n,)
        Events per person. NaN where the population is unknown or 0, or the count is NaN: such cells have no
        rate, and no part in the district's.

    Raises
    ------
    ValueError
        If lengths differ, or a number is negative or infinite.

    Notes
    -----
    Marshall (1991), "Mapping disease and mortality rates using empirical Bayes estimators", Applied
    Statistics 40(2), 283-294, the global estimator. Where the rates vary less than chance alone would make
    them, its variance is taken as 0, as there, and every cell gets the district's rate.
    """
    events, people = np.asarray(counts, dtype=np.float64), np.asarray(population, dtype=np.float64)
    if events.shape != people.shape:
        raise ValueError(f"{events.size} counts came with {people.size} populations; give one for each")
    for name, numbers in (("count", events), ("population", people)):
        wrong = (numbers < 0.0) | np.isinf(numbers)
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"the {name} of cell {at} is {numbers[at]}; give 0 or more, NaN where unknown")
    rates = np.full(events.shape, np.nan)
    usable = (people > 0.0) & ~np.isnan(events)
    events, people = events[usable], people[usable]
    if not events.size:
        return rates
    overall = events.sum() / people.sum()
    raw = events / people
    variance = (people * (raw - overall) ** 2).sum() / people.sum() - overall / people.mean()
    if variance <= 0.0:
        rates[usable] = overall
    else:
        trust = variance / (variance + overall / people)
        rates[usable] = overall + trust * (raw - overall)
    return rates


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Adjust probabilities for their number, so that a limit on them limits the false discovery rate.

    Parameters
    ----------
    p : array_like of float, shape (n,)
        NaN is left out of the number and stays NaN.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between the given probability and 1.

    Raises
    ------
    ValueError
        If a probability is outside 0 to 1.

    Notes
    -----
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57(1), 289-300.
    """
    given = np.asarray(p, dtype=np.float64)
    if ((given < 0.0) | (given > 1.0)).any():
        raise ValueError("a probability lies outside 0 to 1; give the p-values themselves")
    adjusted = np.full(given.shape, np.nan)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known])]
    scaled = given[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def hotspot_classes(z: ArrayLike, p_adjusted: ArrayLike, *, masked: ArrayLike) -> NDArray[np.str_]:
    """Name the class of each cell.

    Parameters
    ----------
    z : array_like of float, shape (n,)
        From `getis_ord_gi_star`: above 0 is hot, below 0 cold.
    p_adjusted : array_like of float, shape (n,)
        From `benjamini_hochberg`; the limits 0.01, 0.05 and 0.10 are inclusive.
    masked : array_like of bool, shape (n,)
        Cells that are not to be judged, such as those with too few residents.

    Returns
    -------
    ndarray of str, shape (n,)
        "hot_99", "hot_95", "hot_90", "none", "cold_90", "cold_95" or "cold_99"; "masked" for masked cells and
        for those without a z.

    Raises
    ------
    ValueError
        If lengths differ.
    """
    score, chance = np.asarray(z, dtype=np.float64), np.asarray(p_adjusted, dtype=np.float64)
    hidden = np.asarray(masked, dtype=bool)
    if not score.shape == chance.shape == hidden.shape:
        raise ValueError(
            f"{score.size} z came with {chance.size} probabilities and {hidden.size} masks; "
            "give one of each per cell"
        )
    level = np.searchsorted(_LIMITS, chance, side="left")
    # Level 3 is above every limit; a z of 0 is on no side.
    place = np.where(score > 0.0, 3 - level, np.where(score < 0.0, level - 3, 0))
    place[hidden | np.isnan(score)] = len(_CLASSES) - 4
    return np.asarray(_CLASSES[place + 3])
