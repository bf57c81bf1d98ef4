"""Things that bear one label at one place."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree


def same_places(x: ArrayLike, y: ArrayLike, label: ArrayLike, *, within_m: float) -> list[NDArray[np.int64]]:
    """Group positions that bear the same label and lie together.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        In a metric CRS. What is not finite is nowhere.
    label : array_like of int, shape (n,)
        Small numbers; negative ones are no label.
    within_m : float
        Metres, positive, inclusive: two positions with one label belong together where they are so near, or
        linked by others.

    Returns
    -------
    list of ndarray of int64
        Positions in the arrays: each group has two or more, ascending; groups in the order of their first.
    """
    place = np.column_stack([np.asarray(values, dtype=np.float64) for values in (x, y, label)])
    known = np.flatnonzero(np.isfinite(place).all(axis=1) & (place[:, 2] >= 0))
    if not len(known):
        return []
    # Many at the very same place are one place to the tree; labels are too far apart for it to meet.
    spots, spot = np.unique(place[known], axis=0, return_inverse=True)
    pairs = KDTree(spots * (1.0, 1.0, 2.0 * within_m)).query_pairs(within_m, output_type="ndarray")
    linked = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(spots), len(spots)))
    _, cluster = connected_components(linked, directed=False)
    member = cluster[spot.ravel()]
    order = np.argsort(member, kind="stable")
    groups = np.split(known[order], np.flatnonzero(np.diff(member[order])) + 1)
    return sorted((group for group in groups if len(group) > 1), key=lambda group: int(group[0]))
