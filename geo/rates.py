"""Change of a count between two periods."""

import numpy as np


def relative_change(before: float, after: float) -> tuple[float, float, float]:
    """Compare two counts of the same places over periods of the same length.

    Parameters
    ----------
    before, after : float
        Whole numbers, 0 or more.

    Returns
    -------
    change, low, high : float
        ``after / before - 1`` with its exact 95 % interval, taking the counts as Poisson; -0.324 is a fall by
        32.4 %. All NaN where `before` is 0: there is no base to compare with.

    Raises
    ------
    ValueError
        If a count is negative or not a whole number.

    Notes
    -----
    Given the total, `after` is binomial with p = ratio / (1 + ratio) (Przyborowski and Wilenski 1940,
    Biometrika 31, 313-323); the interval of p is Clopper and Pearson's (1934, Biometrika 26, 404-413). It is
    too narrow where complaints come in bursts.
    """
    for name, count in (("before", before), ("after", after)):
        if not (np.isfinite(count) and count >= 0 and float(count).is_integer()):
            raise ValueError(f"the count {name} is {count}; give a whole number, 0 or more")
    from scipy import special

    if before == 0:
        return np.nan, np.nan, np.nan
    low = float(special.betaincinv(after, before + 1, 0.025)) if after > 0 else 0.0
    high = float(special.betaincinv(after + 1, before, 0.975))
    return after / before - 1.0, low / (1.0 - low) - 1.0, high / (1.0 - high) - 1.0
