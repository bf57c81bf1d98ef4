"""Straight pieces of boundary joined in corners, and on which side of them positions lie."""

import numpy as np
from numpy.typing import NDArray

from geo.boundaries import same
from geo.parts import in_parts

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

# Shewchuk (1997), "Adaptive precision floating-point arithmetic", Discrete & Computational Geometry 18,
# section 4: the sign of a 2 x 2 determinant of differences is certain beyond (3 + 16 eps) eps of its terms.
_CERTAIN = (3.0 + 16.0 * 2.0**-53) * 2.0**-53

MIXED = -2
"""Instead of a polygon: what lies there is more than one boundary parts."""


def joined_lines(
    line: _Floats,
    one: _Ints,
    two: _Ints,
    lines_in: _Ints,
    forward: _Ints,
    backward: _Ints,
    polygons_in: _Ints,
) -> tuple[
    _Floats, NDArray[np.int32], NDArray[np.int32], NDArray[np.int8], NDArray[np.int32], NDArray[np.int32]
]:
    """Join one or two lines in each pixel to a boundary, where it parts no more than two polygons.

    Parameters
    ----------
    line : ndarray of float64, shape (m, 4)
        x and y of the start and of the end.
    one, two : ndarray of int, shape (n,)
        A line of each pixel, and another where there are two.
    lines_in, polygons_in : ndarray of int, shape (n,)
        How many lines touch each pixel, and how many polygons may have part in it.
    forward, backward : ndarray of int, shape (m,)
        The polygon to the left of each line, and to its right: -1 for none, -2 for several.

    Returns
    -------
    line, into, out, turn, left, right : ndarray
        As `geo.polygon_raster` keeps them: lines in both directions with the vector to the end, and per pixel the one
        that leads to the corner, the one that leads from it, the turn there, and the polygons on both sides.
    """
    number = len(line)
    directed = np.empty((2 * number, 4))
    left, right = np.concatenate((forward, backward)), np.concatenate((backward, forward))
    into, out = one.astype(np.int32), one.astype(np.int32)
    turn = np.zeros(len(one), dtype=np.int8)
    to_left, to_right = (np.full(len(one), MIXED, dtype=np.int32) for _ in range(2))

    def turn_round(part: slice) -> None:
        back = slice(number + part.start, number + part.stop)
        directed[part, :2], directed[back, :2] = line[part, :2], line[part, 2:]
        np.subtract(line[part, 2:], line[part, :2], out=directed[part, 2:])
        np.negative(directed[part, 2:], out=directed[back, 2:])

    def join(part: slice) -> None:
        joined = lines_in[part] == 1
        double = np.flatnonzero(lines_in[part] == 2)
        pixel = double + part.start
        # The corner is the end of the one and the start of the other, once they are turned.
        first, second = line.take(one[pixel], axis=0), line.take(two[pixel], axis=0)
        starts, others = second[:, :2], second[:, 2:]
        meets_end = same(first[:, 2:], starts) | same(first[:, 2:], others)
        corner = np.where(meets_end[:, None], first[:, 2:], first[:, :2])
        starts_there = same(starts, corner)
        joined[double] = starts_there | same(others, corner)
        into[pixel] += np.where(meets_end, 0, number).astype(np.int32)
        out[pixel] = two[pixel] + np.where(starts_there, 0, number)
        turn[pixel] = side_of(directed, into[pixel], *np.where(starts_there[:, None], others, starts).T)
        on_left, on_right = left.take(into[part]), right.take(into[part])
        sides = (on_left >= 0).astype(np.int64) + (on_right >= 0)
        plain = joined & (polygons_in[part] == sides) & (on_left > MIXED) & (on_right > MIXED)
        plain &= (on_left == left.take(out[part])) & (on_right == right.take(out[part]))
        to_left[part][plain], to_right[part][plain] = on_left[plain], on_right[plain]

    in_parts(turn_round, number)
    in_parts(join, len(one))
    return directed, into, out, turn, to_left, to_right


def side_of(line: _Floats, which: NDArray[np.integer], x: _Floats, y: _Floats) -> NDArray[np.int8]:
    """Tell on which side of a line each position lies: 1 left, -1 right, 0 where rounding may have decided."""
    start_x, start_y, run, rise = line.take(which, axis=0).T
    one, other = run * (y - start_y), rise * (x - start_x)
    side = one - other
    certain = np.abs(side) > _CERTAIN * (np.abs(one) + np.abs(other))
    found: NDArray[np.int8] = np.sign(side).astype(np.int8) * certain
    return found
