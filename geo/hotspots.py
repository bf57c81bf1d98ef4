"""Where values concentrate: Getis-Ord Gi*, permutations, smoothed rates.

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
        If the matrix does not fit the values, or a value is infinite.

    Notes
    -----
    Getis and Ord (1996), "Local spatial statistics: an overview", equation 14.2, p. 263: the variance of the
    values is taken with n, not n - 1.
    """
    known, value, linked = _known_part(values, neighbours)
    return _put_back(GiStar(linked).z(value), known)


class GiStar:
    """Gi* over cells of which each has a value; what follows from the cells alone is computed once.

    Parameters
    ----------
    neighbours : scipy.sparse.csr_array, shape (n, n)
        See the module's text.
    """

    def __init__(self, neighbours: Neighbours) -> None:
        n = neighbours.shape[0]
        self.neighbours = neighbours
        # Links have the weight 1, and the cell itself is one of those around it.
        self._weight = np.diff(neighbours.indptr) + 1.0
        self._root = np.sqrt(np.maximum(self._weight * (n - self._weight), 0.0) / max(n - 1, 1))

    def z(self, values: FloatArray) -> FloatArray:
        """Compute z of each cell, none of the values being NaN; see `getis_ord_gi_star`."""
        around: FloatArray = self.neighbours @ values
        return self.standardised(values, around)

    def standardised(self, values: FloatArray, around: FloatArray) -> FloatArray:
        """Compute z of each cell, `around` being what its neighbours sum to."""
        if len(values) < 2:
            return np.zeros(len(values))
        mean = values.mean()
        from_mean = values - mean
        deviation = np.sqrt(np.mean(np.square(from_mean, out=from_mean)))
        # Rounding leaves a deviation of about 1e-16 of the mean where all values are equal.
        if deviation <= 1e-12 * max(values.max(), -values.min()):
            return np.zeros(len(values))
        above = values + around
        above -= mean * self._weight
        spread = deviation * self._root
        # Where every cell is a neighbour nothing can stand out.
        z = np.zeros(len(values))
        np.divide(above, spread, out=z, where=spread > 0.0)
        return z


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
        self._known, value, linked = _known_part(values, neighbours)
        self._place = np.cumsum(self._known) - 1
        self._cells = GiStar(linked)
        # The caller's array stays the caller's.
        self._value = value.copy()
        self._around = linked @ value
        self._changes = 0

    @property
    def values(self) -> FloatArray:
        """The values as they stand, NaN where a cell is left out."""
        return _put_back(self._value, self._known)

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
        at, linked = self._place[cell], self._cells.neighbours
        self._value[at] += amount
        first, last = linked.indptr[at], linked.indptr[at + 1]
        self._around[linked.indices[first:last]] += amount
        self._changes += 1
        if self._changes >= len(self._value):
            self._around = linked @ self._value
            self._changes = 0

    def z(self) -> FloatArray:
        """Compute z of every cell as its values now are; see `getis_ord_gi_star`."""
        return _put_back(self._cells.standardised(self._value, self._around), self._known)


def _put_back(found: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Return what was found of the cells that have a value for all cells, NaN where a cell is left out."""
    if len(found) == len(known):
        return found
    result = np.full(len(known), np.nan)
    result[known] = found
    return result


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
    known, value, linked = _known_part(values, neighbours)
    if not len(value):
        return np.full(len(known), np.nan)
    degree = np.diff(linked.indptr).astype(np.int64)
    larger, equal = _count_draws(value, degree, linked @ value, permutations, seed)
    tail = np.minimum(larger, permutations - larger)
    return _put_back(np.where(equal == permutations, 1.0, (tail + 1.0) / (permutations + 1.0)), known)


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
) -> tuple[NDArray[np.bool_], FloatArray, Neighbours]:
    """Return which cells have a value, and of these the values and which touch."""
    value = np.asarray(values, dtype=np.float64)
    if neighbours.shape != (len(value), len(value)):
        raise ValueError(
            f"{len(value)} values came with a neighbour matrix of shape {neighbours.shape}; "
            "give both for one set of cells"
        )
    known = np.isfinite(value)
    if known.all():
        return known, value, neighbours
    if np.isinf(value).any():
        at = int(np.flatnonzero(np.isinf(value))[0])
        raise ValueError(f"the value of cell {at} is infinite; give a number, or NaN to leave the cell out")
    return known, value[known], neighbours[known][:, known]


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
        if numbers.min(initial=0.0) >= 0.0 and numbers.max(initial=0.0) < np.inf:
            continue
        wrong = (numbers < 0.0) | np.isinf(numbers)  # of neither, where one is NaN
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"the {name} of cell {at} is {numbers[at]}; give 0 or more, NaN where unknown")
    rates = np.full(events.shape, np.nan)
    found = (people > 0.0) & ~np.isnan(events)
    usable: Any = slice(None) if found.all() else found
    events, people = events[usable], people[usable]
    if not events.size:
        return rates
    overall = events.sum() / people.sum()
    apart = events / people - overall
    variance = (people * apart**2).sum() / people.sum() - overall / people.mean()
    if variance <= 0.0:
        rates[usable] = overall
    else:
        trust = variance / (variance + overall / people)
        rates[usable] = overall + trust * apart
    return rates
