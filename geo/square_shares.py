"""How much ground of bodies lies in each square of a grid."""

import numpy as np
from numpy.typing import NDArray

from geo.cell_areas import mean_above
from geo.parts import in_parts
from geo.rings import Rings, expand

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

_FEW = 16
"""Squares of a body's box that lines are cut through; of larger ones most edges are far from most squares."""
_AT_ONCE = 2_000
"""Cuts made in one go: what is made of them stays in the processor's cache."""


def square_shares(rings: Rings, size_m: float) -> tuple[_Ints, _Floats, _Floats, _Floats]:
    """Measure bodies in the squares that start at multiples of a size.

    What lies in one square is measured already. Of other bodies the ground east of a line x and north of a line y
    is the sum over its edges (see `Rings`)

        F(x, y) = sum of sign * integral of max(edge - y, 0) dx,    east of x,

    and a square has the difference of its four corners' F: with (column, row) for its south-west corner

        F(column, row) - F(column + 1, row) - F(column, row + 1) + F(column + 1, row + 1).

    At the south-west of all F is the body's area, and beyond its box it is 0.

    Parameters
    ----------
    rings : Rings
    size_m : float
        Edge of a square.

    Returns
    -------
    body, column, row, area_m2 : ndarray, shape (k,)
        Each pair once: all squares that the box of a body touches, with what it has there, and NaN where it
        touches more than 16. Columns and rows are whole numbers.
    """
    west, south, east, north = np.floor(np.divide(rings.bounds.T, size_m, order="C"))
    across, up = east - west + 1.0, north - south + 1.0
    squares = across * up
    whole, parted = np.flatnonzero(squares == 1.0), np.flatnonzero(squares > 1.0)  # false for NaN
    across, up, squares = (numbers[parted].astype(np.int64) for numbers in (across, up, squares))
    at, within = expand(np.zeros(len(parted), dtype=np.int64), squares)
    body, wide = parted[at], across[at]
    down, right = np.divmod(within, wide)
    column, row = west[body] + right, south[body] + down
    beyond = rings.area_m2[body]  # F at the square's corner
    large = squares[at] > _FEW
    cut = np.flatnonzero((within > 0) & (beyond > 0.0) & ~large)

    def measure(some: slice) -> None:
        beyond[cut[some]] = _beyond(
            rings, body[cut[some]], column[cut[some]] * size_m, row[cut[some]] * size_m
        )

    in_parts(measure, len(cut), most=_AT_ONCE)
    inner = np.flatnonzero(right + 1 < wide)
    beyond[inner] -= beyond[inner + 1]
    inner = np.flatnonzero(down + 1 < up[at])
    beyond[inner] -= beyond[inner + wide[inner]]
    beyond[large] = np.nan
    return (
        np.concatenate((whole, body)),
        np.concatenate((west[whole], column)),
        np.concatenate((south[whole], row)),
        np.concatenate((rings.area_m2[whole], beyond)),
    )


def _beyond(rings: Rings, body: _Ints, x: _Floats, y: _Floats) -> _Floats:
    """Measure what of bodies lies east of x and north of y, pair by pair; all have an area, and so edges."""
    first = rings.first[body]
    counts = rings.first[body + 1] - first
    begins = np.cumsum(counts) - counts
    edge = np.repeat(first - begins, counts)
    edge += np.arange(len(edge))
    start_x, end_x, start_y, slope = rings.directed.take(edge, axis=0).T.copy()
    west = np.repeat(x, counts)
    start = np.maximum(start_x, west)
    width = np.maximum(end_x, west)
    width -= start  # nothing, where the edge lies west of x
    # How far the edge lies above y, where it starts and at its end.
    start -= start_x
    start *= slope
    start += start_y
    start -= np.repeat(y, counts)
    end = width * slope
    end += start
    width *= mean_above(start, end)
    beyond: _Floats = np.add.reduceat(width, begins)
    return beyond
