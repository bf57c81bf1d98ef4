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

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.boundaries import distinct, lines, owners, sharing
from geo.joined_lines import MIXED, joined_lines, side_of
from geo.parts import PART, in_parts, in_turns
from geo.rings import expand

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

_PIXELS = 8_000_000
"""At most so many, 4 bytes each; finer ones would save few questions and cost more to make."""
_FINEST_M, _PIXELS_PER_CORNER = 0.5, 32
_LINES_AT_ONCE = 20_000
"""Lines drawn in one go: what is made of them stays in the processor's cache."""
_SLACK_M = 1e-5
"""A boundary counts for the pixels within so many metres of it: far more than rounding can move it."""
_ROUNDING_M = 1e-8
"""Coordinates of millions of metres are off by less; along a steep line it counts many times over."""

_NONE, UNSURE = -1, -2


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
    first: NDArray[np.int32]
    polygon: NDArray[np.int32]


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
            found[touched] = self._beside_boundaries(x[touched], y[touched], -found[touched] + MIXED)
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
        side = side_of(pixels.line, into, x, y)
        corner = np.flatnonzero(into != out)
        after = side_of(pixels.line, out[corner], x[corner], y[corner])
        before = side[corner]
        decided = np.where(before == after, before, -pixels.turn.take(pixel[corner]))
        side[corner] = np.where((before == 0) | (after == 0), 0, decided)
        found = np.where(side > 0, pixels.left.take(pixel), pixels.right.take(pixel)).astype(np.int64)
        unsure = np.flatnonzero((side == 0) | (found == MIXED))
        if unsure.size:
            found[unsure] = self._ask(x[unsure], y[unsure], pixel[unsure])
        return found

    def _ask(self, x: _Floats, y: _Floats, pixel: _Ints) -> _Ints:
        first = self._pixels.first
        at, which = expand(first[pixel].astype(np.int64), first[pixel + 1].astype(np.int64))
        polygon = self._pixels.polygon[which]
        with self._asking:
            inside = shapely.intersects_xy(self._polygons[polygon], x[at], y[at])
        found = np.full(len(x), _NONE, dtype=np.int64)
        # Of several the first: written last.
        found[at[inside][::-1]] = polygon[inside][::-1]
        return found

    def _draw(self) -> tuple[NDArray[np.int32], _Pixels, _Ints]:
        start, end, owner = lines(self._polygons)
        with ThreadPoolExecutor(1) as other:
            # Neither needs the other, and much of both is work of one thread.
            covering = other.submit(self._covered, start, end, owner)
            line, line_of, turned = distinct(start, end)
            at, column, row = self._touched(line)
            codes, shared, by = covering.result()
        key = row * self._columns + column
        order = np.argsort(key)
        at, key = at[order], key[order]
        new = np.flatnonzero(np.diff(key, prepend=-1))
        pixels, lines_in = key[new], np.diff(new, append=len(key))
        below = codes[pixels]
        covered = np.flatnonzero(below >= 0)
        codes[pixels] = MIXED - np.arange(len(pixels), dtype=np.int32)
        beside = codes[shared] < _NONE

        # Polygons to be asked: those whose boundary touches the pixel, and those that cover its middle.
        forward, backward = owners(len(line), line_of, turned, owner)
        number = len(self._polygons)
        base = np.repeat(np.arange(len(pixels)) * number, lines_in)
        to_left, to_right = forward.take(at), backward.take(at)
        several, used = sharing(line_of, owner, at, forward, backward)
        asked = np.concatenate(
            (
                (base + to_left)[to_left >= 0],
                (base + to_right)[to_right >= 0],
                base[several] + used,
                covered * number + below[covered],
                (MIXED - codes[shared[beside]].astype(np.int64)) * number + by[beside],
            )
        )
        asked.sort()  # and each once: many times quicker than numpy.unique
        first = np.ones(len(asked), dtype=bool)
        np.not_equal(asked[1:], asked[:-1], out=first[1:])
        asked = asked[first]
        pixel = asked // number
        asked -= pixel * number
        polygons_in = np.bincount(pixel, minlength=len(pixels))
        begins = np.concatenate(([0], np.cumsum(polygons_in)))
        drawn = joined_lines(
            line, at[new], at[new + (lines_in == 2)], lines_in, forward, backward, polygons_in
        )
        return codes, _Pixels(*drawn, begins.astype(np.int32), asked.astype(np.int32)), shared[~beside]

    def _touched(self, line: _Floats) -> tuple[_Ints, _Ints, _Ints]:
        """List the pixels that each line touches or all but touches: line, column, row."""
        starts = range(0, len(line), _LINES_AT_ONCE)
        found: dict[int, tuple[_Ints, _Ints, _Ints]] = {}

        def touch(number: int) -> None:
            at, column, row = self._touched_by(line[starts[number] : starts[number] + _LINES_AT_ONCE])
            at += starts[number]
            found[number] = at, column, row

        in_turns(touch, range(len(starts)))
        at, column, row = (
            np.concatenate(parts) for parts in zip(*(found[number] for number in sorted(found)), strict=True)
        )
        return at, column, row

    def _touched_by(self, line: _Floats) -> tuple[_Ints, _Ints, _Ints]:
        size = self._size_m
        # From west to east, as lines are given; an upright one from south to north.
        west, south, east, north = (line - (self._west, self._south, self._west, self._south)).T.copy()
        slope = np.divide(north - south, east - west, out=np.zeros(len(line)), where=east > west)
        at, column = _expand(_floor((west - _SLACK_M) / size), _floor((east + _SLACK_M) / size))
        west, south, east, slope = west.take(at), south.take(at), east.take(at), slope.take(at)
        north = north.take(at)
        # Where the line enters and leaves the column; an upright line has all its height there.
        enters = np.clip(column * size - _SLACK_M, west, east)
        leaves = np.clip((column + 1) * size + _SLACK_M, west, east)
        begins = south + slope * (enters - west)
        ends = np.where(east > west, south + slope * (leaves - west), north)
        unsure = np.abs(slope) * _ROUNDING_M
        low = np.maximum(np.minimum(begins, ends) - unsure, np.minimum(south, north)) - _SLACK_M
        high = np.minimum(np.maximum(begins, ends) + unsure, np.maximum(south, north)) + _SLACK_M
        piece, row = _expand(_floor(low / size), _floor(high / size))
        return at.take(piece), column.take(piece), row

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
        # Rows whose middle m has low <= m < high, so that a corner on a middle counts once; few lines have any.
        first, last = (
            np.ceil((pick(start[:, 1], end[:, 1]) - self._south) / size - 0.5)
            for pick in (np.minimum, np.maximum)
        )
        crossed = np.flatnonzero(last > first)
        piece, row = expand(first[crossed].astype(np.int64), last[crossed].astype(np.int64))
        at = crossed[piece]
        start, end, of = start.take(at, axis=0), end.take(at, axis=0), owner.take(at)
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
