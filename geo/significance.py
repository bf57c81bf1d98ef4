"""What stands out by more than chance: probabilities, the false discovery rate, classes of hot and cold."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

CLASSES = ("cold_99", "cold_95", "cold_90", "none", "hot_90", "hot_95", "hot_99", "masked", "unknown")
"""The names of the classes, by code. `unknown` is given by those who know why a cell takes no part."""

_NONE, _MASKED = CLASSES.index("none"), CLASSES.index("masked")
_LIMITS = np.array([0.01, 0.05, 0.10])
_FAR = 1.644
"""A z nearer to 0 is above every limit before it is adjusted, and adjusting only raises it."""


def two_sided_p(z: ArrayLike) -> FloatArray:
    """Compute the probability of a standard normal value at least as far from 0 as each z; NaN stays NaN."""
    from scipy import special

    return np.asarray(special.erfc(np.abs(np.asarray(z, dtype=np.float64)) / np.sqrt(2.0)))


def benjamini_hochberg(p: ArrayLike, *, of: int | None = None) -> FloatArray:
    """Adjust probabilities for their number, so that a limit on them limits the false discovery rate.

    Parameters
    ----------
    p : array_like of float, shape (n,)
        NaN is left out of the number and stays NaN.
    of : int, optional
        Of how many probabilities those given are the smallest, where that is not all. What is left out must be
        above every limit that the result is compared with; below these the result is that of all.

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
    scaled = given[order] * (len(order) if of is None else of) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def class_codes(z: ArrayLike) -> NDArray[np.int8]:
    """Class each cell by its z, two-sided, as the false discovery rate allows.

    Parameters
    ----------
    z : array_like of float, shape (n,)
        From `geo.hotspots`: above 0 is hot, below 0 cold. A cell without one (NaN) is masked, and not among the tests.

    Returns
    -------
    ndarray of int8, shape (n,)
        Positions in `CLASSES`: by probabilities (`two_sided_p`) that `benjamini_hochberg` has adjusted, the limits
        0.01, 0.05 and 0.10 inclusive.
    """
    score = np.asarray(z, dtype=np.float64)
    unknown = np.isnan(score)
    codes = np.where(unknown, np.int8(_MASKED), np.int8(_NONE))
    # Only these can stand out, and there are few.
    far = np.flatnonzero(np.abs(score) > _FAR)
    adjusted = benjamini_hochberg(two_sided_p(score[far]), of=len(score) - int(np.count_nonzero(unknown)))
    level = len(_LIMITS) - np.searchsorted(_LIMITS, adjusted, side="left")
    codes[far] = _NONE + np.where(score[far] > 0.0, level, -level)
    return codes
