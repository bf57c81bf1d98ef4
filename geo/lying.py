"""In which of many polygons each of some points lies: for once, without anything made for the next time."""

import numpy as np
import shapely
from numpy.typing import NDArray

_AT_ONCE = 5_000
"""Points made into objects at a time."""


def first_containing(
    tree: shapely.STRtree, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the position of the first polygon that holds each point, its boundary included.

    The answer is that of `shapely.intersects_xy`, and of `geo.cells.polygon_cells`, whose raster is quicker
    where the same polygons are asked for millions of points or often, and takes much more memory.

    Parameters
    ----------
    tree : shapely.STRtree
        Of polygons and multipolygons.
    x, y : float arrays, shape (n,)
        In the CRS of the polygons.

    Returns
    -------
    ndarray of int, shape (n,)
        -1 where there is none.
    """
    none = len(tree.geometries)
    found = np.full(len(x), none, dtype=np.int64)
    for start in range(0, len(x), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        point, polygon = tree.query(shapely.points(x[part], y[part]), predicate="intersects")
        np.minimum.at(found[part], point, polygon)
    return np.where(found == none, -1, found)
