"""In which polygon each position lies: a raster that answers nearly all of them by one look.

The ground is divided into square pixels, and each knows one of three things:

whole
    no boundary touches it: all of it lies in one polygon, or in none;
one line
    a single straight piece of boundary crosses it: the side decides (the sign of a cross product), where
    rounding cannot have turned it;
mixed
    anything else: corners, several lines. Its few polygons are asked exactly.

So a position costs a multiplication and a look, however many corners the polygons have, and the answer is
that of `shapely.intersects_xy` to the last bit. The raster is made once for a set of polygons.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

_PIXELS = 4_000_000
"""At most so many, 4 bytes each; finer ones would save few questions and cost more to make."""
_FINEST_M = 0.5
_PIXELS_PER_CORNER = 64
_SLACK_M = 1e-5
"""A boundary counts for the pixels within so many metres of it: far more than rounding can move it."""
_ROUNDING_M = 1e-8
"""Coordinates of millions of metres are off by less; along a steep line it counts many times over."""
_PART = 65_536
"""Positions looked up at a time: what one part needs stays in the processor's cache."""
# Shewchuk (1997), "Adaptive precision floating-point arithmetic", Discrete & Computational Geometry 18,
# section 4: the sign of a 2 x 2 determinant of differences is certain beyond (3 + 16 eps) eps of its terms.
_CERTAIN = (3.0 + 16.0 * 2.0**-53) * 2.0**-53

_NONE = -1
_MIXED = -2
UNSURE = -2


@dataclass(frozen=True)
class _Pixels:
    """The pixels that boundaries touch: a line each, and the polygons that must be asked where it is mixed.

    Attributes
    ----------
    line : float array, shape (n, 4)
        x and y of the start, and the vector to the end.
    left, right : int arrays
        The polygon to the left and to the right of the line, -1 for none; both -2 where the pixel is mixed.
    first : int array, shape (n + 1,)
        Where each pixel's polygons begin in `polygon`.
    polygon : int array
        In ascending order for each pixel.
    """

    line: _Floats
    left: _Ints
    right: _Ints
    first: _Ints
    polygon: _Ints


class PolygonRaster:
    """Polygons, ready to be asked in which of them positions lie.

    Parameters
    ----------
    polygons : ndarray of shapely polygons or multipolygons
        In one metric CRS; valid, not empty. They may overlap and leave gaps.
    """

    def __init__(self, polygons: NDArray[np.object_]) -> None:
        # With the inside to the left of every line, outer boundaries and holes alike.
        self._polygons = np.asarray(shapely.orient_polygons(polygons), dtype=object)
        shapely.prepare(self._polygons)
        corners = int(shapely.get_num_coordinates(self._polygons).sum())
        west, south, east, north = shapely.total_bounds(self._polygons)
        most = min(_PIXELS, max(1024, _PIXELS_PER_CORNER * corners))
        self._size_m = max(_FINEST_M, float(np.sqrt((east - west + 1.0) * (north - south + 1.0) / most)))
        # A very long and narrow ground has more pixels in one direction than an area would tell.
        self._size_m = max(self._size_m, max(east - west, north - south) / most)
        # The outermost pixels are touched by nothing: positions from elsewhere are looked up there.
        self._west, self._south = west - 2.0 * self._size_m, south - 2.0 * self._size_m
        self._columns = int((east - self._west) / self._size_m) + 4
        self._rows = int((north - self._south) / self._size_m) + 4
        self._codes, self._pixels, self._doubly = self._draw()

    def locate(self, x: _Floats, y: _Floats) -> _Ints:
        """Find the polygon of each position: of several the first, -1 for none.

        Parameters
        ----------
        x, y : ndarray of float64, shape (n,)
            In the polygons' CRS.

        Returns
        -------
        ndarray of int64, shape (n,)
            Boundaries belong to their polygon; a position that is not finite lies in none.
        """
        found = np.empty(len(x), dtype=np.int64)
        for start in range(0, len(x), _PART):
            part = slice(start, start + _PART)
            found[part] = self._locate(x[part], y[part])
        return found

    def wholly_in(self, bounds: _Floats) -> _Ints:
        """Find the polygon in which all of each box lies.

        Parameters
        ----------
        bounds : ndarray of float64, shape (n, 4)
            West, south, east, north; NaN for no box.

        Returns
        -------
        ndarray of int64, shape (n,)
            The one polygon that the box lies in; -1 if it lies in none; -2 (`UNSURE`) if a boundary is near, or
            polygons overlap.
        """
        west, south, east, north = bounds.T
        column = (0.5 * (west + east) - self._west) / self._size_m
        row = (0.5 * (south + north) - self._south) / self._size_m
        inside = (column >= 0.0) & (column < self._columns) & (row >= 0.0) & (row < self._rows)
        column, row = np.where(inside, column, 0.0), np.where(inside, row, 0.0)
        pixel = row.astype(np.intp) * self._columns + column.astype(np.intp)
        # The middle is anywhere in its pixel: one more.
        reach = np.where(inside, np.maximum(east - west, north - south) / (2.0 * self._size_m) + 1.0, np.inf)
        return np.where(self._room[pixel] > reach, self._codes[pixel], UNSURE).astype(np.int64)

    @cached_property
    def _room(self) -> NDArray[np.uint16]:
        """How many pixels it is to the next that a boundary touches or several polygons cover, diagonals as 1."""
        from scipy.ndimage import distance_transform_cdt

        plain = self._codes >= _NONE
        plain[self._doubly] = False
        room = distance_transform_cdt(plain.reshape(self._rows, self._columns), metric="chessboard")
        least: NDArray[np.uint16] = np.minimum(room, np.iinfo(np.uint16).max).astype(np.uint16)
        return least.ravel()

    def _locate(self, x: _Floats, y: _Floats) -> _Ints:
        scale = 1.0 / self._size_m
        column, row = (x - self._west) * scale, (y - self._south) * scale
        # False for NaN. Beyond the last row and column there is nothing.
        inside = (column >= 0.0) & (column < self._columns) & (row >= 0.0) & (row < self._rows)
        if not inside.all():
            column, row = np.where(inside, column, 0.0), np.where(inside, row, 0.0)
        pixel = row.astype(np.intp) * self._columns + column.astype(np.intp)
        found: _Ints = self._codes[pixel].astype(np.int64)
        touched = np.flatnonzero(found < _NONE)
        if touched.size:
            found[touched] = self._beside_boundaries(x[touched], y[touched], -found[touched] + _MIXED)
        return found

    def _beside_boundaries(self, x: _Floats, y: _Floats, pixel: _Ints) -> _Ints:
        line = self._pixels.line[pixel]
        one, other = line[:, 2] * (y - line[:, 1]), line[:, 3] * (x - line[:, 0])
        side = one - other
        found = np.where(side > 0.0, self._pixels.left[pixel], self._pixels.right[pixel])
        unsure = np.flatnonzero(
            (found == _MIXED) | (np.abs(side) <= _CERTAIN * (np.abs(one) + np.abs(other)))
        )
        if unsure.size:
            found[unsure] = self._ask(x[unsure], y[unsure], pixel[unsure])
        return found

    def _ask(self, x: _Floats, y: _Floats, pixel: _Ints) -> _Ints:
        first = self._pixels.first
        at, which = _expand(first[pixel], first[pixel + 1] - 1)
        polygon = self._pixels.polygon[which]
        inside = shapely.intersects_xy(self._polygons[polygon], x[at], y[at])
        found = np.full(len(x), _NONE, dtype=np.int64)
        # Of several the first: written last.
        found[at[inside][::-1]] = polygon[inside][::-1]
        return found

    def _draw(self) -> tuple[NDArray[np.int32], _Pixels, _Ints]:
        start, end, owner = _lines(self._polygons)
        line, line_of = _distinct(start, end)
        at, column, row = self._touched(line[:, :2], line[:, 2:])
        key = row * self._columns + column
        pixels, pixel_of, lines_in = np.unique(key, return_inverse=True, return_counts=True)
        codes = np.full(self._rows * self._columns, _NONE, dtype=np.int32)
        codes[pixels] = _MIXED - np.arange(len(pixels), dtype=np.int32)

        covered, by = self._covered(start, end, owner)
        beside = codes[covered] < _NONE
        codes[covered[~beside]] = by[~beside]  # of several the first: it comes last
        doubly = covered[~beside][codes[covered[~beside]] != by[~beside]]

        # Polygons to be asked: those whose boundary touches the pixel, and those that cover its middle.
        order = np.argsort(line_of, kind="stable")
        first = np.searchsorted(line_of[order], np.arange(len(line) + 1))
        pair, used = _expand(first[at], first[at + 1] - 1)
        number = len(self._polygons)
        asked = np.unique(
            np.concatenate(
                (
                    pixel_of[pair] * number + owner[order[used]],
                    (_MIXED - codes[covered[beside]].astype(np.int64)) * number + by[beside],
                )
            )
        )
        pixel, polygon = asked // number, asked % number
        begins = np.searchsorted(pixel, np.arange(len(pixels) + 1))

        # A single line that is the boundary of at most one polygon on each side, and no other polygon there.
        forward = _one_owner(line_of, owner, (start == line[line_of, :2]).all(axis=1), len(line))
        backward = _one_owner(line_of, owner, (start == line[line_of, 2:]).all(axis=1), len(line))
        only = np.zeros(len(pixels), dtype=np.int64)
        only[pixel_of] = at
        sides = (forward[only] >= 0).astype(np.int64) + (backward[only] >= 0)
        plain = (
            (lines_in == 1)
            & (np.diff(begins) == sides)
            & (forward[only] > _MIXED)
            & (backward[only] > _MIXED)
        )
        vector = np.column_stack((line[only, :2], line[only, 2:] - line[only, :2]))
        left, right = (np.where(plain, owners[only], _MIXED) for owners in (forward, backward))
        return codes, _Pixels(vector, left, right, begins, polygon), doubly

    def _touched(self, start: _Floats, end: _Floats) -> tuple[_Ints, _Ints, _Ints]:
        """List the pixels that each line touches or all but touches: line, column, row."""
        size, origin = self._size_m, np.array([self._west, self._south])
        one, two = start - origin, end - origin
        turned = (one[:, 0] > two[:, 0])[:, None]
        one, two = np.where(turned, two, one), np.where(turned, one, two)
        at, column = _expand(_floor((one[:, 0] - _SLACK_M) / size), _floor((two[:, 0] + _SLACK_M) / size))
        run, rise = (two - one)[at].T
        slope = np.divide(rise, run, out=np.zeros(len(at)), where=run > 0.0)
        # Where the line enters and leaves the column; an upright line has all its height there.
        enters = np.clip(column * size - _SLACK_M, one[at, 0], two[at, 0])
        leaves = np.clip((column + 1) * size + _SLACK_M, one[at, 0], two[at, 0])
        begins = one[at, 1] + slope * (enters - one[at, 0])
        ends = np.where(run > 0.0, one[at, 1] + slope * (leaves - one[at, 0]), two[at, 1])
        unsure = np.abs(slope) * _ROUNDING_M
        lowest, highest = np.minimum(one[at, 1], two[at, 1]), np.maximum(one[at, 1], two[at, 1])
        low = np.maximum(np.minimum(begins, ends) - unsure, lowest) - _SLACK_M
        high = np.minimum(np.maximum(begins, ends) + unsure, highest) + _SLACK_M
        piece, row = _expand(_floor(low / size), _floor(high / size))
        return at[piece], column[piece], row

    def _covered(self, start: _Floats, end: _Floats, owner: _Ints) -> tuple[_Ints, NDArray[np.int32]]:
        """List the pixels whose middle lies in a polygon, and which: the polygons in descending order.

        Row by row the boundary of a polygon is crossed going in and going out. Where rounding decides on
        which side of a line a middle lies, the line touches the pixel, and its polygon is asked there anyway.
        """
        size = self._size_m
        low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
        # Rows whose middle m has low <= m < high, so that a corner on a middle counts once.
        at, row = _expand(
            np.ceil((low - self._south) / size - 0.5).astype(np.int64),
            np.ceil((high - self._south) / size - 0.5).astype(np.int64) - 1,
        )
        middle = self._south + (row + 0.5) * size
        share = (middle - start[at, 1]) / (end[at, 1] - start[at, 1])
        ends = start[at, 0], end[at, 0]
        crossing = np.clip(ends[0] + share * (ends[1] - ends[0]), np.minimum(*ends), np.maximum(*ends))
        order = np.lexsort((crossing, row, -owner[at]))
        goes_in, goes_out = order[::2], order[1::2]
        run, column = _expand(
            np.ceil((crossing[goes_in] - self._west) / size - 0.5).astype(np.int64),
            np.ceil((crossing[goes_out] - self._west) / size - 0.5).astype(np.int64) - 1,
        )
        covered = row[goes_in[run]] * self._columns + column
        return covered, owner[at[goes_in[run]]].astype(np.int32)


def _floor(values: _Floats) -> _Ints:
    return np.floor(values).astype(np.int64)


def _expand(first: _Ints, last: _Ints) -> tuple[_Ints, _Ints]:
    """List every whole number from each first to its last: which pair it comes from, and the number."""
    counts = np.maximum(last - first + 1, 0)
    at = np.repeat(np.arange(len(counts)), counts)
    return at, np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts - first, counts)


def _lines(polygons: NDArray[np.object_]) -> tuple[_Floats, _Floats, _Ints]:
    """List the straight pieces of all boundaries: start, end, polygon; the polygon lies to the left."""
    parts, part_of = shapely.get_parts(polygons, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    polygon = part_of[ring_of]
    joined = (ring[1:] == ring[:-1]) & (corners[1:] != corners[:-1]).any(axis=1)
    return corners[:-1][joined], corners[1:][joined], polygon[ring[:-1][joined]].astype(np.int64)


def _distinct(start: _Floats, end: _Floats) -> tuple[_Floats, _Ints]:
    """Return each line once whatever its direction, shape (n, 4), and which of them each given one is."""
    turned = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    both = np.where(turned[:, None], np.hstack((end, start)), np.hstack((start, end)))
    order = np.lexsort(both.T)
    ordered = both[order]
    new = np.ones(len(both), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    which = np.empty(len(both), dtype=np.int64)
    which[order] = np.cumsum(new) - 1
    return ordered[new], which


def _one_owner(line_of: _Ints, owner: _Ints, chosen: NDArray[np.bool_], number: int) -> _Ints:
    """Return per line the polygon that uses it in the chosen direction: -1 for none, -2 for several."""
    found = np.full(number, _NONE, dtype=np.int64)
    found[line_of[chosen]] = owner[chosen]
    found[np.bincount(line_of[chosen], minlength=number) > 1] = _MIXED
    return found
