"""How far, and by how much, features lie outside the areas that they are said to lie in."""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.shapes import prepared_copies

_AREAL = (3, 6)


class Outside(NamedTuple):
    """How much of each feature lies outside its area, and how far; both 0 where it lies within."""

    share: NDArray[np.float64]
    reach_m: NDArray[np.float64]


def outside(features: NDArray[np.object_], areas: NDArray[np.object_], at: ArrayLike) -> Outside:
    """Measure how features lie outside the areas that they belong to.

    Parameters
    ----------
    features : ndarray of shapely geometries, shape (n,)
        In a metric CRS; polygons valid.
    areas : ndarray of shapely geometries, shape (m,)
        In the same CRS.
    at : array_like of int, shape (n,)
        Position in `areas` of each feature's area, -1 for none.

    Returns
    -------
    share : ndarray of float64, shape (n,)
        Part of a polygon's area that is outside; 1 or 0 for what has no area.
    reach_m : ndarray of float64, shape (n,)
        Metres from the farthest vertex to the area.
        Both are NaN where there is nothing to compare: no area is named, it is a point, one of the two is
        None or empty.
    """
    shapes, parents = np.asarray(features, dtype=object), np.asarray(areas, dtype=object)
    position = np.asarray(at, dtype=np.int64)
    share, reach = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
    areal = np.isin(shapely.get_type_id(parents), _AREAL) & ~shapely.is_empty(parents)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes)) & (position >= 0)
    there[there] = areal[position[there]]
    # One area after the other, as each is prepared once and then stays at hand.
    asked = np.flatnonzero(there)
    asked = asked[np.argsort(position[asked], kind="stable")]
    ready = parents.copy()
    ready[areal] = prepared_copies(parents[areal])
    within = shapely.covers(ready[position[asked]], shapes[asked])
    share[asked], reach[asked] = 0.0, 0.0
    out = asked[~within]
    if out.size:
        share[out], reach[out] = _measured(shapes[out], ready[position[out]])
    return Outside(share, reach)


def _measured(
    shapes: NDArray[np.object_], areas: NDArray[np.object_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    size = shapely.area(shapes)
    share = np.ones(len(shapes))
    solid = size > 0.0
    inside = shapely.area(shapely.intersection(shapes[solid], areas[solid]))
    share[solid] = np.clip(1.0 - inside / size[solid], 0.0, 1.0)
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    far = shapely.distance(areas[owner], np.asarray(shapely.points(points), dtype=object))
    return share, np.maximum.reduceat(far, np.flatnonzero(np.diff(owner, prepend=-1)))
