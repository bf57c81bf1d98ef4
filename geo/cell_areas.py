"""How much ground of polygons lies in each cell: buildings, green, a community's share."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.parts import in_turns
from geo.rings import Rings, expand, rings_of
from geo.shapes import prepared_copies
from geo.tessellation import Cells

if TYPE_CHECKING:
    from scipy import sparse

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

_NOTHING_M2 = 1e-6
"""What shares no more has no ground in common: rounding makes less than this of bodies that touch."""
_MANY_EDGES = 20_000
"""Pairs of so many edges times edges are left to GEOS, whose work grows with their sum."""
_MOSTLY = 8
"""Of a cell's edges hardly more reach into the range of a building."""
_AT_ONCE = 60_000
"""Edges times edges looked at in one go: what is made of them stays in the processor's cache."""


def polygon_area_by_cell(
    cells: Cells, polygons: NDArray[np.object_] | Rings, *, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Add up the ground of polygons in each cell.

    Parameters
    ----------
    cells : Cells
        Where cells overlap each counts for itself.
    polygons : ndarray of shapely polygons or multipolygons, shape (n,), or Rings
        In the cells' CRS; valid. Holes are left out; where polygons overlap each counts. What is None, empty or no
        polygon has no ground.
    weights : array_like of float, shape (n,), optional
        What a square metre of each polygon counts, for example its storeys.

    Returns
    -------
    ndarray of float64, shape (len(cells),)
        Square metres (times weight), each share exact to 1e-6 m2.

    Raises
    ------
    ValueError
        If there is not one finite weight for each polygon.
    """
    rings = polygons if isinstance(polygons, Rings) else rings_of(polygons)
    of, cell, area_m2 = cells.shares(rings)
    area_m2[area_m2 <= _NOTHING_M2] = 0.0
    if weights is not None:
        weight = np.asarray(weights, dtype=np.float64)
        if weight.shape != (len(rings),) or not np.isfinite(weight).all():
            raise ValueError(
                f"{len(rings)} polygons came with weights of shape {weight.shape}; give each a finite number"
            )
        area_m2 = area_m2 * weight[of]
    return np.bincount(cell, weights=area_m2, minlength=len(cells)).astype(np.float64)


def area_shares(
    cells: Cells, polygons: NDArray[np.object_] | Rings
) -> "sparse.csr_array[Any, tuple[int, int]]":
    """Tell which part of each polygon's area lies in each cell.

    Parameters
    ----------
    cells : Cells
        Where cells overlap each counts for itself.
    polygons : ndarray of shapely polygons or multipolygons, shape (n,), or Rings
        In the cells' CRS; valid.

    Returns
    -------
    scipy.sparse.csr_array of float64, shape (n, len(cells))
        Parts from 0 to 1; a row adds up to 1 where cells cover the polygon without overlap. Shares of 1e-6 m2 or
        less are left out, and so is what has no area.
    """
    rings = polygons if isinstance(polygons, Rings) else rings_of(polygons)
    of, cell, area_m2 = cells.shares(rings)
    kept = area_m2 > _NOTHING_M2
    of, cell, area_m2 = of[kept], cell[kept], area_m2[kept]
    part = np.minimum(area_m2 / rings.area_m2[of], 1.0)
    from scipy import sparse

    return sparse.csr_array((part, (of, cell)), shape=(len(rings), len(cells)))


def shared_areas(one: Rings, other: Rings, of_one: _Ints, of_other: _Ints) -> _Floats:
    """Measure the ground that polygons have in common, pair by pair.

    Both are sums of the ground below their edges (see `Rings`), and what lies below two edges reaches up to the
    lower of them. So the area in common is the sum over all pairs of edges

        sign * sign' * integral of min(y, y') dx,    over the x that both span,

    and min(y, y') = y - max(y - y', 0), where the sum over y is 0, the signs of a ring adding up to 0 at every
    x. This is continuous: edges and corners in common make no difference, no crossing is ever computed.

    Parameters
    ----------
    one, other : Rings
        In the same CRS.
    of_one, of_other : ndarray of int, shape (k,)
        Which polygons to compare.

    Returns
    -------
    ndarray of float64, shape (k,)
        Square metres.
    """
    edges, other_edges = np.diff(one.first)[of_one], np.diff(other.first)[of_other]
    area_m2 = np.zeros(len(of_one))
    large = edges * other_edges > _MANY_EDGES
    area_m2[large] = _by_geos(one.polygons, other.polygons, of_one[large], of_other[large])
    small = np.flatnonzero(~large)
    # Consecutive pairs together, as many as make up what is looked at in one go.
    group = np.cumsum((edges * np.minimum(other_edges, _MOSTLY))[small]) // _AT_ONCE

    def measure(pairs: _Ints) -> None:
        area_m2[pairs] = _by_edges(one, other, of_one[pairs], of_other[pairs])

    in_turns(measure, np.split(small, np.flatnonzero(np.diff(group)) + 1))
    return area_m2


def _by_edges(one: Rings, other: Rings, of_one: _Ints, of_other: _Ints) -> _Floats:
    # Of the other's edges only those below the polygon's top, and not beside it, take part.
    west, _, east, north = one.bounds[of_one].T
    pair, lower = other.spanning(of_other, west, east)
    near = (other.west[lower] < east[pair]) & (other.east[lower] > west[pair])
    near &= other.lowest[lower] < north[pair]
    pair, lower = pair[near], lower[near]
    at, upper = expand(one.first[of_one[pair]], one.first[of_one[pair] + 1])
    lower = lower[at]
    left = np.maximum(one.west[upper], other.west[lower])
    width = np.minimum(one.east[upper], other.east[lower]) - left
    meet = np.flatnonzero(width > 0.0)
    upper, lower, left, width, pair = upper[meet], lower[meet], left[meet], width[meet], pair[at[meet]]
    slope, lower_slope = one.slope[upper], other.slope[lower]
    above = one.west_y[upper] - other.west_y[lower]
    above += (left - one.west[upper]) * slope - (left - other.west[lower]) * lower_slope
    width *= one.sign[upper] * other.sign[lower] * mean_above(above, above + width * (slope - lower_slope))
    return -np.bincount(pair, weights=width, minlength=len(of_one)).astype(np.float64)


def mean_above(start: _Floats, end: _Floats) -> _Floats:
    """Return the mean of max(h, 0) where h goes evenly from start to end."""
    mean = np.maximum(start, 0.0)
    mean += np.maximum(end, 0.0)
    mean *= 0.5
    crossing = np.flatnonzero((start > 0.0) != (end > 0.0))
    # There one end counts, for that part of the way that is above 0.
    mean[crossing] *= 2.0 * mean[crossing] / np.abs(start[crossing] - end[crossing])
    return mean


def _by_geos(one: NDArray[np.object_], other: NDArray[np.object_], of_one: _Ints, of_other: _Ints) -> _Floats:
    used, at = np.unique(of_one, return_inverse=True)
    body, cell = prepared_copies(one[used])[at], other[of_other]
    area_m2 = np.zeros(len(of_one))
    whole = np.asarray(shapely.covers(body, cell), dtype=bool)
    area_m2[whole] = shapely.area(cell[whole])
    area_m2[~whole] = shapely.area(shapely.intersection(body[~whole], cell[~whole]))
    return area_m2
