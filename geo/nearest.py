"""Straight distance from each position to the nearest facility."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.parts import in_parts

if TYPE_CHECKING:
    from scipy.spatial import KDTree

# Two facilities whose distances differ by less tie: coordinates of millions of metres are rounded to 5e-10 m.
TIE_M = 1e-6

# Pixels for each facility, and how many facilities a pixel lists: of evenly spread ones hardly any has more.
_PIXELS_EACH = 8
_MOST_PIXELS = 1_000_000
_LISTED = 8
# Positions looked up in one go: with some twenty numbers for each they stay in the processor's cache.
_AT_ONCE = 4_096
# So many pixels lie around the outermost facilities on each side.
_AROUND = 4
# No place on Earth is so far from the origin of a metric CRS; squares of what is farther would overflow.
_NOWHERE_M = 1e9

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


def nearest_distances(
    x: ArrayLike, y: ArrayLike, facility_x: ArrayLike, facility_y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find the nearest facility of each position: `NearestIndex` for one use.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Positions in a metric CRS.
    facility_x, facility_y : array_like of float, shape (m,)
        Facilities in the same CRS. One that is nowhere (not finite, or beyond 1e9 m) is never nearest.

    Returns
    -------
    distance_m : ndarray of float64, shape (n,)
        Straight metres. Infinite where there is no facility at all; NaN where the position is nowhere.
    position : ndarray of int64, shape (n,)
        Which facility; -1 where there is none. Of several equally near (within 1e-6 m) the lowest.

    Raises
    ------
    ValueError
        If an x array and its y array differ in length.
    """
    return NearestIndex(facility_x, facility_y).query(x, y)


class NearestIndex:
    """Facilities, ready to be asked which of them is nearest.

    Many questions are answered from a raster: each pixel lists the facilities that can be nearest to any
    position in it. Those are at most twice its half diagonal farther from its middle than the one nearest to
    the middle, by the triangle inequality. Where a pixel would list too many, and beyond the raster, a k-d tree
    is asked (Bentley 1975; `scipy.spatial.KDTree`), and so it is for few questions. The answers are the same.

    Parameters
    ----------
    x, y : array_like of float, shape (m,)
        In a metric CRS. A facility that is nowhere (not finite, or beyond 1e9 m) is never nearest.

    Raises
    ------
    ValueError
        If x and y differ in length.
    """

    def __init__(self, x: ArrayLike, y: ArrayLike) -> None:
        from scipy.spatial import KDTree

        first, second = _points(x, y, "facilities")
        placed = np.flatnonzero(_somewhere(first, second))
        places = np.column_stack((first, second))[placed]
        # Facilities at one place would make every visit a tie: keep the first of each place, in their order.
        kept = np.sort(np.unique(places, axis=0, return_index=True)[1])
        self._x, self._y = places[kept].T.copy()
        self._number = np.append(placed[kept], -1)  # position -1 has number -1
        self._tree = KDTree(places[kept]) if kept.size else None
        self._raster: _Raster | None = None

    def query(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Find the nearest facility of each position.

        Parameters
        ----------
        x, y : array_like of float, shape (n,)
            In the facilities' CRS.

        Returns
        -------
        distance_m : ndarray of float64, shape (n,)
            Straight metres. Infinite where there is no facility at all; NaN where the position is nowhere.
        position : ndarray of int64, shape (n,)
            Which facility; -1 where there is none. Of several equally near (within 1e-6 m) the lowest.

        Raises
        ------
        ValueError
            If x and y differ in length.
        """
        here_x, here_y = _points(x, y, "positions")
        known = _somewhere(here_x, here_y)
        distance = np.where(known, np.inf, np.nan)
        position = np.full(len(here_x), -1, dtype=np.int64)
        if self._tree is None:
            return distance, position
        if self._raster is None and len(here_x) > _PIXELS_EACH * len(self._x):
            self._raster = _Raster.made(self._x, self._y, self._tree)
        if self._raster is not None:
            look = self._raster.nearest

            def look_up(part: slice) -> None:
                distance[part], position[part] = look(here_x[part], here_y[part])

            in_parts(look_up, len(here_x), most=_AT_ONCE)
            distance[~known], position[~known] = np.nan, -1
        at = np.flatnonzero(known & (position < 0))
        if at.size:
            distance[at], position[at] = self._search(here_x[at], here_y[at], self._tree)
        return distance, self._number[position]

    def _search(self, x: _Floats, y: _Floats, tree: "KDTree") -> tuple[_Floats, _Ints]:
        """Ask the tree: the distance, and which of the places."""
        here = np.column_stack((x, y))
        two = min(2, len(self._x))
        near, at = (np.reshape(found, (len(x), two)) for found in tree.query(here, k=two))
        position = at[:, 0].astype(np.int64)
        east, north = self._x[position] - x, self._y[position] - y
        tied = np.flatnonzero(near[:, -1] - near[:, 0] <= TIE_M) if two > 1 else position[:0]
        if tied.size:
            candidates = tree.query_ball_point(here[tied], near[tied, 0] + TIE_M)
            position[tied] = [min(found) for found in candidates]
        return np.sqrt(east * east + north * north), position


@dataclass(frozen=True)
class _Raster:
    """Which places can be nearest to positions in each pixel.

    Attributes
    ----------
    listed : int array, shape (rows * columns, 8)
        Places in ascending order, filled up with the number of places; the first is -1 where the tree must be
        asked.
    x, y : float arrays, one longer than there are places
        The places, and infinity behind them.
    """

    west: float
    south: float
    size_m: float
    columns: int
    rows: int
    listed: NDArray[np.int32]
    x: _Floats
    y: _Floats

    @classmethod
    def made(cls, x: _Floats, y: _Floats, tree: "KDTree") -> "_Raster":
        """List for each pixel the places that can be nearest in it."""
        wide, high = float(np.ptp(x)), float(np.ptp(y))
        most = min(_PIXELS_EACH * len(x), _MOST_PIXELS)
        size = max(float(np.sqrt(wide * high / most)), max(wide, high) / most, 1.0)
        if len(x) <= _LISTED:
            size = _NOWHERE_M  # every pixel lists them all
        west, south = float(x.min()) - _AROUND * size, float(y.min()) - _AROUND * size
        columns, rows = int(wide / size) + 2 * _AROUND + 1, int(high / size) + 2 * _AROUND + 1
        row, column = np.divmod(np.arange(rows * columns), columns)
        middle = np.column_stack((west + (column + 0.5) * size, south + (row + 0.5) * size))
        far, place = map(np.asarray, tree.query(middle, k=_LISTED + 1))
        # Rounding may take a position over the edge of its pixel, or a distance beyond the limit.
        slack = TIE_M + 1e-12 * float(np.abs((x, y)).max()) + 1e-9 * size
        can_be = far <= far[:, :1] + np.sqrt(2.0) * size + slack
        listed = np.sort(np.where(can_be, place, len(x))[:, :_LISTED], axis=1).astype(np.int32)
        listed[can_be[:, _LISTED], 0] = -1
        ends = np.append(x, np.inf), np.append(y, np.inf)
        return cls(west, south, size, columns, rows, listed, *ends)

    def nearest(self, x: _Floats, y: _Floats) -> tuple[_Floats, _Ints]:
        """Return the distance to, and which of the places is nearest; -1 where the tree must be asked."""
        column, row = (x - self.west) / self.size_m, (y - self.south) / self.size_m
        inside = (column >= 0.0) & (column < self.columns) & (row >= 0.0) & (row < self.rows)  # false for NaN
        if not inside.all():
            column, row = np.where(inside, column, 0.0), np.where(inside, row, 0.0)
            x, y = np.where(inside, x, np.nan), np.where(inside, y, np.nan)
        pixel = row.astype(np.intp) * self.columns + column.astype(np.intp)
        listed = self.listed.take(pixel, axis=0)
        places, squares = [], []
        for one in range(_LISTED):
            place = listed[:, one].astype(np.intp)
            east, north = self.x.take(place) - x, self.y.take(place) - y
            places.append(place)
            squares.append(east * east + north * north)
        distance = np.sqrt(np.minimum.reduce(squares))
        tied = np.square(distance + TIE_M)
        position = places[-1]
        for place, square in zip(places[-2::-1], squares[-2::-1], strict=True):
            np.copyto(position, place, where=square <= tied)
        position[~inside | (places[0] < 0)] = -1
        return distance, position


def _somewhere(x: _Floats, y: _Floats) -> NDArray[np.bool_]:
    return (np.abs(x) < _NOWHERE_M) & (np.abs(y) < _NOWHERE_M)  # false for NaN


def _points(x: ArrayLike, y: ArrayLike, what: str) -> tuple[_Floats, _Floats]:
    first, second = np.atleast_1d(np.asarray(x, np.float64)), np.atleast_1d(np.asarray(y, np.float64))
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            f"the {what} have x of shape {first.shape} and y of shape {second.shape}; give two of one length"
        )
    return first, second
