"""Polygons as arrays of their edges, for computations that need nothing else of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

_POLYGON, _MULTIPOLYGON = 3, 6

# Edges are searched by x where polygons have more of them; else taking all is quicker.
_FEW_EDGES = 12
_SLACK_M = 1e-3


@dataclass(frozen=True, eq=False)
class Rings:
    """Polygons by their edges, taken from west to east; upright ones are left out: no ground lies below them.

    With these signs a polygon is the sum of the ground below its edges: the area is the sum of sign times width
    times mean height, over any ground line (Green's theorem). Holes and parts need no more.

    Attributes
    ----------
    west, east : float arrays, shape (m,)
        x of an edge's ends, metres; west < east.
    west_y : float array, shape (m,)
        y at its west end.
    slope : float array, shape (m,)
        How much y grows with x along it.
    lowest : float array, shape (m,)
        The lesser y of its ends.
    sign : float array, shape (m,)
        1 where the polygon lies below the edge, -1 where it lies above.
    first : int array, shape (n + 1,)
        Polygon i has the edges from first[i] to before first[i + 1]; none, if it is None, empty or no polygon.
    bounds : float array, shape (n, 4)
        West, south, east, north; NaN where there are no edges.
    area_m2 : float array, shape (n,)
        Holes taken off; 0 where there are no edges.
    polygons : ndarray of shapely geometries, shape (n,)
        What they were made of.
    """

    west: _Floats
    east: _Floats
    west_y: _Floats
    slope: _Floats
    lowest: _Floats
    sign: _Floats
    first: _Ints
    bounds: _Floats
    area_m2: _Floats
    polygons: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.polygons)

    @cached_property
    def directed(self) -> _Floats:
        """Every edge as one row, run through so that its width has its sign: shape (m, 4).

        x where it starts, x where it ends, y where it starts, slope. What needs these of few edges here and there
        finds each of them in one place.
        """
        forward = self.sign > 0.0
        east_y = self.west_y + (self.east - self.west) * self.slope
        return np.column_stack(
            (
                np.where(forward, self.west, self.east),
                np.where(forward, self.east, self.west),
                np.where(forward, self.west_y, east_y),
                self.slope,
            )
        )

    @cached_property
    def _longest(self) -> _Floats:
        longest = np.zeros(len(self))
        np.maximum.at(longest, np.repeat(np.arange(len(self)), np.diff(self.first)), self.east - self.west)
        return longest

    @cached_property
    def _from_west(self) -> tuple[_Ints, _Floats, float, float]:
        """Sort each polygon's edges from west to east: which edges, by what, what polygons are apart in that."""
        least = float(self.west.min())
        apart = float(self.west.max()) - least + 1.0
        place = np.repeat(np.arange(len(self)), np.diff(self.first)) * apart + (self.west - least)
        order = np.argsort(place)
        return order, place[order], least, apart

    def spanning(self, of: _Ints, west: _Floats, east: _Floats) -> tuple[_Ints, _Ints]:
        """List the edges of polygons that may reach into a range of x, and few others.

        Parameters
        ----------
        of : ndarray of int, shape (k,)
            Which polygons.
        west, east : ndarray of float, shape (k,)
            The ranges.

        Returns
        -------
        pair, edge : ndarray of int
            For which range, and which edge; in the order of the ranges.
        """
        if len(self.west) <= _FEW_EDGES * len(self):
            return expand(self.first[of], self.first[of + 1])
        order, place, least, apart = self._from_west
        low, high = west - self._longest[of] - _SLACK_M - least, east + _SLACK_M - least
        first = np.searchsorted(place, of * apart + np.clip(low, 0.0, apart - 0.5))
        end = np.searchsorted(place, of * apart + np.clip(high, 0.0, apart - 0.5))
        pair, at = expand(first, end)
        return pair, order[at]


def expand(first: _Ints, end: _Ints) -> tuple[_Ints, _Ints]:
    """List every whole number from each first to before its end: which pair it comes from, and the number."""
    counts = end - first
    at = np.repeat(np.arange(len(counts)), counts)
    return at, np.arange(len(at)) + np.repeat(first - np.cumsum(counts) + counts, counts)


def rings_of(polygons: NDArray[np.object_]) -> Rings:
    """Take polygons apart into edges, in whatever direction their rings run.

    Parameters
    ----------
    polygons : ndarray of shapely geometries, shape (n,)
        In a metric CRS; polygons and multipolygons valid. Anything else has no area, and gets no edges.

    Returns
    -------
    Rings
        In the same order.
    """
    shapes = np.asarray(polygons, dtype=object)
    kind = shapely.get_type_id(shapes).astype(np.int64)
    solid = ((kind == _POLYGON) | (kind == _MULTIPOLYGON)) & ~shapely.is_empty(shapes)
    used = shapes.copy()
    used[~solid] = None
    sizes, outer, of = ring_sizes(used, kind)
    ends = np.cumsum(sizes)
    x, y = shapely.get_coordinates(used).T.copy()
    # From each corner to the next; the last of a ring would lead to another ring.
    run, rise = np.diff(x, append=0.0), np.diff(y, append=0.0)
    run[ends - 1] = 0.0
    below = run * (y - y[:1] + 0.5 * rise)
    anticlockwise = np.add.reduceat(below, ends - sizes) < 0.0 if len(ends) else outer
    backward = np.repeat(
        anticlockwise == outer, sizes
    )  # the polygon is left of its edges, so below those westward

    kept = np.flatnonzero(run)
    edges = np.concatenate(([0], np.cumsum(run != 0.0)))[np.concatenate(([0], ends))]
    x, y, run, rise, backward = x[kept], y[kept], run[kept], rise[kept], backward[kept]
    westward = run < 0.0
    return Rings(
        west=np.minimum(x, x + run),
        east=np.maximum(x, x + run),
        west_y=np.where(westward, y + rise, y),
        slope=rise / run,
        lowest=np.minimum(y, y + rise),
        sign=np.where(westward == backward, 1.0, -1.0),
        first=edges[np.searchsorted(of, np.arange(len(shapes) + 1))],
        bounds=shapely.bounds(used),
        area_m2=np.nan_to_num(shapely.area(used)),
        polygons=shapes,
    )


def ring_sizes(shapes: NDArray[np.object_], kind: _Ints) -> tuple[_Ints, NDArray[np.bool_], _Ints]:
    """List the rings of polygons, of which `kind` are the type ids, in the order of their corners.

    Returns
    -------
    size, outer, of : ndarray
        How many corners each has, whether it is an outer one, whose it is.
    """
    # Nearly all are of one ring: only the others are taken apart, which makes objects.
    sizes = shapely.get_num_coordinates(shapes).astype(np.int64)
    several = (kind == _MULTIPOLYGON) | (shapely.get_num_interior_rings(shapes) > 0)
    several &= sizes > 0
    parts, of_part = shapely.get_parts(shapes[several], return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    count = (sizes > 0).astype(np.int64)
    count[several] = np.bincount(of_part[part], minlength=int(several.sum()))
    of = np.repeat(np.arange(len(shapes)), count)
    size = sizes[of]
    outer = np.ones(len(of), dtype=bool)
    taken_apart = several[of]
    size[taken_apart] = shapely.get_num_coordinates(rings)
    outer[taken_apart] = np.diff(part, prepend=-1) != 0
    return size, outer, of
