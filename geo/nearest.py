"""Straight distance from each position to the nearest facility."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

# Two facilities whose distances differ by less tie: coordinates of millions of metres are rounded to 5e-10 m.
TIE_M = 1e-6


def nearest_distances(
    x: ArrayLike, y: ArrayLike, facility_x: ArrayLike, facility_y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find the nearest facility of each position.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Positions in a metric CRS.
    facility_x, facility_y : array_like of float, shape (m,)
        Facilities in the same CRS. One whose coordinates are not finite is nowhere and never nearest.

    Returns
    -------
    distance_m : ndarray of float64, shape (n,)
        Straight metres. Infinite where there is no facility at all; NaN where the position is not finite.
    position : ndarray of int64, shape (n,)
        Which facility; -1 where there is none. Of several equally near (within 1e-6 m) the lowest.

    Raises
    ------
    ValueError
        If an x array and its y array differ in length.
    """
    here, there = _points(x, y, "positions"), _points(facility_x, facility_y, "facilities")
    known = np.isfinite(here).all(axis=1)
    distance = np.where(known, np.inf, np.nan)
    position = np.full(len(here), -1, dtype=np.int64)
    placed = np.flatnonzero(np.isfinite(there).all(axis=1))
    asked = np.flatnonzero(known)
    if not placed.size or not asked.size:
        return distance, position

    # Facilities at one place would make every visit a tie: keep the first of each place.
    places, first = np.unique(there[placed], axis=0, return_index=True)
    number = placed[first]
    tree = KDTree(places)
    near, at = tree.query(here[asked], k=min(2, len(places)))
    near, at = np.reshape(near, (len(asked), -1)), np.reshape(at, (len(asked), -1))
    distance[asked], position[asked] = near[:, 0], number[at[:, 0]]
    tied = np.flatnonzero(near[:, -1] - near[:, 0] <= TIE_M) if len(places) > 1 else asked[:0]
    if tied.size:
        candidates = tree.query_ball_point(here[asked[tied]], near[tied, 0] + TIE_M)
        position[asked[tied]] = [number[found].min() for found in candidates]
    return distance, position


def _points(x: ArrayLike, y: ArrayLike, what: str) -> NDArray[np.float64]:
    first, second = np.atleast_1d(np.asarray(x, np.float64)), np.atleast_1d(np.asarray(y, np.float64))
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            f"the {what} have x of shape {first.shape} and y of shape {second.shape}; give two of one length"
        )
    return np.column_stack((first, second))
