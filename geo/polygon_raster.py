"""In which polygon each position lies: a raster that answers nearly all of them by one look.

The ground is divided into square pixels, and each knows one of three things:

whole
    no boundary touches it: all of it lies in one polygon, or in none;
one line
    a single straight piece of boundary crosses it, or two that meet in a corner: the side decides (the sign of
    a cross product), where rounding cannot have turned it;
mixed
    anything else: several corners or boundaries. Its few polygons are asked exactly.

So a position costs a multiplication and a look, however many corners the polygons have, and the answer is
that of `shapely.intersects_xy` to the last bit. The raster is made once for a set of polygons.
"""

from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.boundaries import distinct, lines, owners, same, sharing
from geo.parts import PART, in_parts
from geo.rings import expand

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

_PIXELS = 8_000_000
"""At most so many, 4 bytes each; finer ones would save few questions and cost more to make."""
_FINEST_M, _PIXELS_PER_CORNER = 0.5, 32
_SLACK_M = 1e-5
"""A boundary counts for the pixels within so many metres of it: far more than rounding can move it."""
_ROUNDING_M = 1e-8
"""Coordinates of millions of metres are off by less; along a steep line it counts many times over."""
# Shewchuk (1997), "Adaptive precision floating-point arithmetic", Discrete & Computational Geometry 18,
# section 4: the sign of a 2 x 2 determinant of differences is certain beyond (3 + 16 eps) eps of its terms.
_CERTAIN = (3.0 + 16.0 * 2.0**-53) * 2.0**-53

_NONE, _MIXED, UNSURE = -1, -2, -2


@dataclass(frozen=True)
class _Pixels:
    """The pixels that boundaries touch: a boundary each, and the polygons that must be asked where it is mixed.

    Attributes
    ----------
    line : float array, shape (m, 4)
        Pieces of boundary, in both directions: x and y of the start, and the vector to the end.
    into, out : int arrays, shape (n,)
        The piece that leads to the corner in the pixel, and the one that leads from it; the same where there is
        no corner.
    turn : int array, shape (n,)
        1 where the boundary turns left at the corner, -1 where it turns right, 0 where that is not certain.
    left, right : int arrays, shape (n,)
        The polygon to the left and to the right, -1 for none; both -2 where the pixel is mixed.
    first : int array, shape (n + 1,)
        Where each pixel's polygons begin in `polygon`.
    polygon : int array
        In ascending order for each pixel.
    """

    line: _Floats
    into: NDArray[np.int32]
    out: NDArray[np.int32]
    turn: NDArray[np.int8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
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
        # Of prepared polygons only one thread at a time may ask, see `prepared_copies`.
        self._asking = Lock()
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
        if len(x) <= PART:
            return self._locate(x, y)
        found = np.empty(len(x), dtype=np.int64)

        def fill(part: slice) -> None:
            found[part] = self._locate(x[part], y[part])

        in_parts(fill, len(x))
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
        pixel = self._pixel_index(y, self._south, self._rows)
        pixel *= np.int32(self._columns)
        pixel += self._pixel_index(x, self._west, self._columns)
        code = self._codes.take(pixel.astype(np.intp), mode="clip")
        found = code.astype(np.int64)
        touched = np.flatnonzero(code < _NONE)
        if touched.size:
            found[touched] = self._beside_boundaries(x[touched], y[touched], -found[touched] + _MIXED)
        return found

    def _pixel_index(self, coordinate: _Floats, start: float, count: int) -> NDArray[np.int32]:
        """Count pixels along one axis; what is beyond them or nowhere is in the first or the last."""
        offset = coordinate - start
        with np.errstate(invalid="ignore", over="ignore"):
            offset *= 1.0 / self._size_m
            index: NDArray[np.int32] = offset.astype(np.int32)
        # What four bytes cannot hold becomes their least or greatest number; without a sign both are far beyond.
        np.minimum(index.view(np.uint32), count - 1, out=index.view(np.uint32))
        return index

    def _beside_boundaries(self, x: _Floats, y: _Floats, pixel: _Ints) -> _Ints:
        pixels = self._pixels
        into, out = pixels.into.take(pixel), pixels.out.take(pixel)
        # Left of a boundary that turns left is what lies left of both its pieces, of one that turns right what lies
        # left of either. Within the pixel that holds as long as the pieces do not end there.
        side = _side(pixels.line, into, x, y)
        corner = np.flatnonzero(into != out)
        after = _side(pixels.line, out[corner], x[corner], y[corner])
        before = side[corner]
        decided = np.where(before == after, before, -pixels.turn.take(pixel[corner]))
        side[corner] = np.where((before == 0) | (after == 0), 0, decided)
        found = np.where(side > 0, pixels.left.take(pixel), pixels.right.take(pixel)).astype(np.int64)
        unsure = np.flatnonzero((side == 0) | (found == _MIXED))
        if unsure.size:
            found[unsure] = self._ask(x[unsure], y[unsure], pixel[unsure])
        return found

    def _ask(self, x: _Floats, y: _Floats, pixel: _Ints) -> _Ints:
        first = self._pixels.first
        at, which = _expand(first[pixel], first[pixel + 1] - 1)
        polygon = self._pixels.polygon[which]
        with self._asking:
            inside = shapely.intersects_xy(self._polygons[polygon], x[at], y[at])
        found = np.full(len(x), _NONE, dtype=np.int64)
        # Of several the first: written last.
        found[at[inside][::-1]] = polygon[inside][::-1]
        return found

    def _draw(self) -> tuple[NDArray[np.int32], _Pixels, _Ints]:
        start, end, owner = lines(self._polygons)
        line, line_of = distinct(start, end)
        at, column, row = self._touched(line[:, :2], line[:, 2:])
        key = row * self._columns + column
        order = np.argsort(key)
        at, key = at[order], key[order]
        new = np.flatnonzero(np.diff(key, prepend=-1))
        pixels, lines_in = key[new], np.diff(new, append=len(key))
        codes, shared, by = self._covered(start, end, owner)
        below = codes[pixels]
        covered = np.flatnonzero(below >= 0)
        codes[pixels] = _MIXED - np.arange(len(pixels), dtype=np.int32)
        beside = codes[shared] < _NONE

        # Polygons to be asked: those whose boundary touches the pixel, and those that cover its middle.
        forward, backward = owners(line, line_of, start, owner)
        pixel_of = np.repeat(np.arange(len(pixels)), lines_in)
        number = len(self._polygons)
        several, used = sharing(line_of, owner, at, forward, backward)
        asked = np.concatenate(
            (
                (pixel_of * number + forward[at])[forward[at] >= 0],
                (pixel_of * number + backward[at])[backward[at] >= 0],
                pixel_of[several] * number + used,
                covered * number + below[covered],
                (_MIXED - codes[shared[beside]].astype(np.int64)) * number + by[beside],
            )
        )
        asked.sort()  # and each once: many times quicker than numpy.unique
        asked = asked[np.flatnonzero(np.diff(asked, prepend=-1))]
        begins = np.searchsorted(asked, np.arange(len(pixels) + 1) * number)
        drawn = _drawn(line, at[new], at[new + (lines_in == 2)], lines_in, forward, backward, np.diff(begins))
        return codes, _Pixels(*drawn, begins, asked % number), shared[~beside]

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

    def _covered(
        self, start: _Floats, end: _Floats, owner: _Ints
    ) -> tuple[NDArray[np.int32], _Ints, NDArray[np.int32]]:
        """Tell in which polygon each pixel's middle lies: of several the first, -1 for none.

        Where it lies in several, pixel and polygon are listed besides, each of them. Row by row the boundary of a
        polygon is crossed going in and going out. Where rounding decides on which side of a line a middle lies, the
        line touches the pixel, and its polygon is asked there anyway.
        """
        begins, ends, of = self._spans(start, end, owner)
        # What has begun and not ended yet covers a pixel; where that is one polygon, the sum is its number.
        codes = np.zeros(self._rows * self._columns, dtype=np.int32)
        cover = np.zeros(len(codes), dtype=np.int32)
        for sums, amount in ((codes, of + np.int32(1)), (cover, np.ones_like(of))):
            np.add.at(sums, begins, amount)
            np.subtract.at(sums, ends, amount)
            np.cumsum(sums, dtype=np.int32, out=sums)
        codes -= 1
        several = cover > 1
        if not several.any():
            return codes, begins[:0], of[:0]
        before = np.concatenate(([0], np.cumsum(several)))
        met = np.flatnonzero(before[ends] > before[begins])
        span, pixel = expand(begins[met], ends[met])
        chosen = several[pixel]
        shared, by = pixel[chosen], of[met][span[chosen]]
        codes[shared] = np.iinfo(np.int32).max
        np.minimum.at(codes, shared, by)
        return codes, shared, by

    def _spans(self, start: _Floats, end: _Floats, owner: _Ints) -> tuple[_Ints, _Ints, NDArray[np.int32]]:
        """List the pixels of each row whose middles lie in a polygon: the first, the one behind the last, which polygon."""
        size = self._size_m
        low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
        # Rows whose middle m has low <= m < high, so that a corner on a middle counts once.
        at, row = _expand(
            np.ceil((low - self._south) / size - 0.5).astype(np.int64),
            np.ceil((high - self._south) / size - 0.5).astype(np.int64) - 1,
        )
        start, end, of = start[at], end[at], owner[at]
        share = (self._south + (row + 0.5) * size - start[:, 1]) / (end[:, 1] - start[:, 1])
        ends = start[:, 0], end[:, 0]
        crossing = np.clip(ends[0] + share * (ends[1] - ends[0]), np.minimum(*ends), np.maximum(*ends))
        crossing -= self._west
        # Sorted by polygon, row and crossing, as one number: the crossing as finely as there is room, far below a
        # pixel. Where closer ones change places, their lines touch the pixel.
        key = of * self._rows + row
        bits = 62 - int(key.max(initial=0)).bit_length()
        key <<= bits
        key += (crossing * (2.0**bits / (self._columns * size))).astype(np.int64)
        order = np.argsort(key)
        column = np.ceil(crossing[order] / size - 0.5).astype(np.int64)
        column += row[order] * self._columns
        begins, ends_at, of = column[::2], column[1::2], of[order[::2]].astype(np.int32)
        kept = begins < ends_at
        return begins[kept], ends_at[kept], of[kept]


def _floor(values: _Floats) -> _Ints:
    return np.floor(values).astype(np.int64)


def _expand(first: _Ints, last: _Ints) -> tuple[_Ints, _Ints]:
    """List every whole number from each first to its last: which pair it comes from, and the number."""
    return expand(first, np.maximum(last, first - 1) + 1)


def _drawn(
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
    """Join one or two lines in each pixel to a boundary, where it parts no more than two polygons."""
    number, start, end = len(line), line[:, :2], line[:, 2:]
    directed = np.empty((2 * number, 4))
    directed[:number, :2], directed[number:, :2] = start, end
    np.subtract(end, start, out=directed[:number, 2:])
    np.negative(directed[:number, 2:], out=directed[number:, 2:])
    into, out = one.copy(), one.copy()
    turn = np.zeros(len(one), dtype=np.int8)
    joined = lines_in == 1
    # The corner is the end of the one and the start of the other, once they are turned.
    double = np.flatnonzero(lines_in == 2)
    first, second = one[double], two[double]
    ends, starts, others = end[first], start[second], end[second]
    meets_end = same(ends, starts) | same(ends, others)
    corner = np.where(meets_end[:, None], ends, start[first])
    starts_there = same(starts, corner)
    joined[double] = starts_there | same(others, corner)
    into[double] += np.where(meets_end, 0, number)
    out[double] = second + np.where(starts_there, 0, number)
    behind = np.where(starts_there[:, None], others, starts)
    turn[double] = _side(directed, into[double], *behind.T)
    left, right = np.concatenate((forward, backward)), np.concatenate((backward, forward))
    to_left, to_right = left[into], right[into]
    sides = (to_left >= 0).astype(np.int64) + (to_right >= 0)
    plain = joined & (polygons_in == sides) & (to_left > _MIXED) & (to_right > _MIXED)
    plain &= (to_left == left[out]) & (to_right == right[out])
    return (
        directed,
        into.astype(np.int32),
        out.astype(np.int32),
        turn,
        np.where(plain, to_left, _MIXED).astype(np.int32),
        np.where(plain, to_right, _MIXED).astype(np.int32),
    )


def _side(line: _Floats, which: NDArray[np.integer], x: _Floats, y: _Floats) -> NDArray[np.int8]:
    """Tell on which side of a line each position lies: 1 left, -1 right, 0 where rounding may have decided."""
    start_x, start_y, run, rise = line.take(which, axis=0).T
    one, other = run * (y - start_y), rise * (x - start_x)
    side = one - other
    certain = np.abs(side) > _CERTAIN * (np.abs(one) + np.abs(other))
    found: NDArray[np.int8] = np.sign(side).astype(np.int8) * certain
    return found
