"""Coverage by facilities: walking access, limits, covered area, and means and shares per group."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

# Distance times factor is rounded; without this a building at exactly the limit could fall outside it.
LIMIT_SLACK_M = 1e-6

# A circle is drawn with 4 x this many edges, inside the true one.
_QUAD_SEGS = 64


def walking_access_m(distance_m: ArrayLike, *, detour_factor: float) -> NDArray[np.float64]:
    """Estimate the walk to a facility where there is no path network.

    Parameters
    ----------
    distance_m : array_like of float
        Straight metres; infinite where there is no facility, NaN where unknown.
    detour_factor : float
        How much longer the walk is than the straight line, declared with the result; at least 1.

    Returns
    -------
    ndarray of float64
        ``distance_m * detour_factor``, same shape.

    Raises
    ------
    ValueError
        If the factor is below 1 or not finite.
    """
    if not (np.isfinite(detour_factor) and detour_factor >= 1.0):
        raise ValueError(
            f"detour factor {detour_factor} cannot be used; "
            "no walk is shorter than the straight line: give 1 or more"
        )
    return np.asarray(distance_m, dtype=np.float64) * detour_factor


def is_covered(access_m: ArrayLike, limit_m: float) -> NDArray[np.bool_]:
    """Whether each access keeps the limit, the limit itself included (to a micrometre).

    Parameters
    ----------
    access_m : array_like of float
        Metres. Infinite (no facility) and NaN (unknown) are not covered; see `is_unknown`.
    limit_m : float
        Metres, 0 or more.

    Returns
    -------
    ndarray of bool
        Same shape.

    Raises
    ------
    ValueError
        If the limit is negative or not finite.
    """
    if not (np.isfinite(limit_m) and limit_m >= 0.0):
        raise ValueError(f"a coverage limit of {limit_m} m cannot be used; give metres, 0 or more")
    return np.asarray(np.asarray(access_m, dtype=np.float64) <= limit_m + LIMIT_SLACK_M)


def is_unknown(access_m: ArrayLike) -> NDArray[np.bool_]:
    """Whether each access is unknown (NaN), which is neither covered nor not covered."""
    return np.asarray(np.isnan(np.asarray(access_m, dtype=np.float64)))


def covered_area_m2(
    area_geometry: BaseGeometry | None, facility_x: ArrayLike, facility_y: ArrayLike, *, radius_m: float
) -> tuple[float, float]:
    """Measure how much of an area lies within a radius of any facility.

    Parameters
    ----------
    area_geometry : shapely polygon or multipolygon, or None
        In a metric CRS.
    facility_x, facility_y : array_like of float, shape (n,)
        Facilities in the same CRS; one whose coordinates are not finite covers nothing.
    radius_m : float
        Straight metres (for a walking limit: the limit divided by the detour factor).

    Returns
    -------
    covered_m2, total_m2 : float
        0 covered where there is no facility; 0 and 0 where the area is None or empty.

    Raises
    ------
    ValueError
        If the radius is negative or not finite, or the facilities' arrays differ in length.

    Notes
    -----
    Circles are drawn as inscribed polygons of n = 256 edges, which are too small by the fraction
    ``1 - sin(2 pi / n) / (2 pi / n)``: the covered area is short by at most 0.0101 % of the circles' area.
    """
    if not (np.isfinite(radius_m) and radius_m >= 0.0):
        raise ValueError(f"a radius of {radius_m} m cannot be used; give metres, 0 or more")
    x, y = np.asarray(facility_x, dtype=np.float64), np.asarray(facility_y, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(
            f"the facilities have {x.size} x and {y.size} y; give one of each for every facility"
        )
    if area_geometry is None or area_geometry.is_empty:
        return 0.0, 0.0
    total = float(area_geometry.area)
    placed = np.isfinite(x) & np.isfinite(y)
    points = np.asarray(shapely.points(x[placed], y[placed]), dtype=object)
    points = points[shapely.dwithin(points, area_geometry, radius_m)]
    if not len(points):
        return 0.0, total
    # Circles lie in groups apart from each other: only those of a group are worth joining.
    circles = shapely.disjoint_subset_union_all(shapely.buffer(points, radius_m, quad_segs=_QUAD_SEGS))
    return min(float(shapely.intersection(area_geometry, circles).area), total), total


def weighted_mean_by(
    group: ArrayLike, values: ArrayLike, weights: ArrayLike, n_groups: int
) -> NDArray[np.float64]:
    """Average values per group, weighted where that is possible.

    Parameters
    ----------
    group : array_like of int, shape (n,)
        Which group each value belongs to, 0 to n_groups - 1; -1 for none.
    values : array_like of float, shape (n,)
        NaN is left out; infinite makes its group infinite, unless it has no weight.
    weights : array_like of float, shape (n,)
        For example residents; NaN where unknown.
    n_groups : int
        How many groups there are.

    Returns
    -------
    ndarray of float64, shape (n_groups,)
        The weighted mean of a group whose weights are all known and not all zero; the plain mean of any other
        group; NaN for a group without values.

    Raises
    ------
    ValueError
        If lengths differ, a group does not exist, or a weight is negative or infinite.
    """
    member, value, weight = _grouped(group, values, weights, n_groups)
    kept = (member >= 0) & ~np.isnan(value)
    member, value, weight = member[kept], value[kept], weight[kept]
    # One unknown weight makes its group's sum NaN, which is not above zero.
    weighted = np.bincount(member, weights=weight, minlength=n_groups) > 0.0
    weight = np.where(weighted[member], weight, 1.0)
    heavy = weight > 0.0  # infinity times zero is not a number
    total = np.bincount(member, weights=weight, minlength=n_groups)
    value_sum = np.bincount(member[heavy], weights=value[heavy] * weight[heavy], minlength=n_groups)
    return _ratio(value_sum, total)


def coverage_share_by(
    group: ArrayLike, covered: ArrayLike, weights: ArrayLike, n_groups: int
) -> NDArray[np.float64]:
    """Compute the covered share of each group's weight, such as its residents.

    Parameters
    ----------
    group : array_like of int, shape (n,)
        Which group each row belongs to, 0 to n_groups - 1; -1 for none.
    covered : array_like of bool, shape (n,)
        From `is_covered`.
    weights : array_like of float, shape (n,)
        Residents, or ones to count rows. A row of NaN is left out of both sides of the share: give NaN where
        the residents are unknown, and where it is unknown whether they are covered.
    n_groups : int
        How many groups there are.

    Returns
    -------
    ndarray of float64, shape (n_groups,)
        Between 0 and 1; NaN for a group without known weight.

    Raises
    ------
    ValueError
        If lengths differ, a group does not exist, or a weight is negative or infinite.
    """
    member, inside, weight = _grouped(group, covered, weights, n_groups)
    kept = (member >= 0) & ~np.isnan(weight)
    member, weight, inside = member[kept], weight[kept], inside[kept]
    total = np.bincount(member, weights=weight, minlength=n_groups)
    part = np.bincount(member, weights=weight * inside, minlength=n_groups)
    return _ratio(part, total)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with NaN where the whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0.0))


def _grouped(
    group: ArrayLike, values: ArrayLike, weights: ArrayLike, n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    member = np.asarray(group, dtype=np.int64)
    value, weight = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if not len(member) == len(value) == len(weight):
        raise ValueError(
            f"{len(member)} groups came with {len(value)} values and {len(weight)} weights; "
            "give one of each per row"
        )
    wrong = (member < -1) | (member >= n_groups)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"row {at} is in group {member[at]}, but there are {n_groups}; give -1 for no group")
    wrong = (weight < 0.0) | np.isinf(weight)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"row {at} has weight {weight[at]}; give 0 or more, NaN where unknown")
    return member, value, weight
