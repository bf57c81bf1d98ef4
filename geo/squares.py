"""Square cells in a metric CRS; `geo.cells` is the interface to them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from geo.cell_areas import shared_areas
from geo.parts import PART, in_parts
from geo.rings import Rings, rings_of
from geo.shapes import prepared_copies
from geo.square_shares import square_shares
from geo.tessellation import MOST_CELLS, Cells, too_many, usable_features, usable_outline

if TYPE_CHECKING:
    from scipy import sparse

# A cell's key is row * 2^32 + column + 2^31: keys order cells by row, then column, and differ by a constant
# from those of the cell's neighbours. Rows and columns stay within 2^30, so no key wraps.
_ROW = 2**32
_COLUMN_ZERO = 2**31
_FARTHEST = 2**30

# Cells are found in a table of all rows and columns unless that would hold little else than gaps.
_SMALL_TABLE, _SPARSE_TABLE = 1_000_000, 8
# What is looked up in the table is counted in 2^-20 of a cell, which four bytes hold for so many cells.
_BITS = 20
_LONGEST_TABLE = 2**11 - 1

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


def _index(coordinate: _Floats, size_m: float) -> _Ints:
    """Count cells along one axis, so that index * size <= coordinate < (index + 1) * size."""
    index = np.floor(coordinate / size_m)
    # The quotient is rounded; the products are what the cells' edges are made of.
    index -= coordinate < index * size_m
    index += coordinate >= (index + 1.0) * size_m
    return index.astype(np.int64)


def _clipped_index(coordinate: _Floats, size_m: float, first: int, count: int) -> _Ints:
    """Count cells along one axis as `_index` does, from `first`; 0 and count - 1 stand for all beyond, 0 for NaN."""
    nearest = np.fmin(np.fmax(coordinate, first * size_m), (first + count - 0.5) * size_m)
    return _index(nearest, size_m) - first


def _table_index(coordinate: _Floats, size_m: float, first: int, count: int) -> NDArray[np.int32]:
    """Count cells along one axis as `_clipped_index` does, much quicker; what is beyond may be at either end.

    Positions are taken in units of 2^-20 of a cell, 1.5 units too far: rounding moves them by less than 0.5,
    rows and columns being below 2^30. So only those of the first three units of a cell can have come there
    over its edge, and are counted exactly.
    """
    unit_m = size_m / 2**_BITS
    with np.errstate(invalid="ignore", over="ignore"):
        fine = coordinate - (first * size_m - 1.5 * unit_m)
        fine *= 1.0 / unit_m
        index: NDArray[np.int32] = fine.astype(np.int32)
    units = index & (2**_BITS - 1)
    index >>= _BITS
    if units.min(initial=3) < 3:
        # What is nowhere, or too far for four bytes, becomes their least number, and so comes here,
        # or their greatest, which is beyond.
        unsure = np.flatnonzero(units < 3)
        index[unsure] = _clipped_index(coordinate[unsure], size_m, first, count)
    # Without a sign what is negative is far beyond.
    np.minimum(index.view(np.uint32), count - 1, out=index.view(np.uint32))
    return index


def _keys(column: _Ints, row: _Ints) -> _Ints:
    return row * _ROW + column + _COLUMN_ZERO


def _columns_and_rows(keys: _Ints) -> tuple[_Ints, _Ints]:
    return keys % _ROW - _COLUMN_ZERO, keys // _ROW


def _boxes(column: _Ints, row: _Ints, size_m: float, level: int = 0) -> NDArray[np.object_]:
    """Make the polygons of blocks of 2^level by 2^level cells."""
    step = 2**level
    west, south = column * step * size_m, row * step * size_m
    east, north = (column + 1) * step * size_m, (row + 1) * step * size_m
    return np.asarray(shapely.box(west, south, east, north), dtype=object)


@dataclass(frozen=True, eq=False)
class _Table:
    west: int
    south: int
    columns: int
    rows: int
    positions: _Ints


@dataclass(frozen=True, eq=False)
class _SquareCells:
    keys: _Ints  # sorted, unique
    size_m: float
    crs: str

    @property
    def scheme(self) -> str:
        size = int(self.size_m) if self.size_m.is_integer() else self.size_m
        return f"square:{size}"

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        column, row = _columns_and_rows(self.keys)
        names = [f"E{c}N{r}" for c, r in zip(column.tolist(), row.tolist(), strict=True)]
        return np.array(names, dtype=object)

    @property
    def polygons(self) -> NDArray[np.object_]:
        return _boxes(*_columns_and_rows(self.keys), self.size_m)

    def polygons_at(self, at: _Ints) -> NDArray[np.object_]:
        return _boxes(*_columns_and_rows(self.keys[at]), self.size_m)

    @cached_property
    def rings(self) -> Rings:
        return rings_of(self.polygons)

    def shares(self, bodies: Rings) -> tuple[_Ints, _Ints, _Floats]:
        body, column, row, area_m2 = square_shares(bodies, self.size_m)
        cell = self._at(column, row)
        if cell.min(initial=0) < 0:
            here = np.flatnonzero(cell >= 0)
            body, cell, area_m2 = body[here], cell[here], area_m2[here]
        large = np.flatnonzero(np.isnan(area_m2))
        if large.size:
            area_m2[large] = shared_areas(bodies, self.rings, body[large], cell[large])
        return body, cell, area_m2

    def _at(self, column: _Floats, row: _Floats) -> _Ints:
        """Find cells by their whole numbers of columns and rows; -1 where there is none."""
        table = self._table
        if table is None:
            return self._positions(_keys(column.astype(np.int64), row.astype(np.int64)))
        # The border of the table is empty.
        down = np.clip(row - table.south, 0, table.rows - 1)
        down *= table.columns
        down += np.clip(column - table.west, 0, table.columns - 1)
        return table.positions[down.astype(np.intp)]

    def _positions(self, keys: _Ints) -> _Ints:
        if not len(self.keys):
            return np.full(keys.shape, -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)

    @cached_property
    def _table(self) -> _Table | None:
        """The cells as a table of rows and columns, one free of cells all around; None where it would be large."""
        column, row = _columns_and_rows(self.keys)
        if not len(self.keys):
            return None
        west, south = int(column.min()) - 1, int(row.min()) - 1
        columns, rows = int(column.max()) - west + 2, int(row.max()) - south + 2
        wasteful = columns * rows > max(_SMALL_TABLE, _SPARSE_TABLE * len(self.keys))
        if wasteful or max(columns, rows) > _LONGEST_TABLE:
            return None
        positions = np.full(rows * columns, -1, dtype=np.int64)
        positions[(row - south) * columns + column - west] = np.arange(len(self.keys))
        return _Table(west, south, columns, rows, positions)

    def cell_of(self, x: ArrayLike, y: ArrayLike) -> _Ints:
        first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        flat_x, flat_y = first.ravel(), second.ravel()
        locate = self._locate if self._table is None else self._look_up
        if flat_x.size <= PART:
            return locate(flat_x, flat_y).reshape(first.shape)
        found = np.empty(flat_x.size, dtype=np.int64)

        def fill(part: slice) -> None:
            found[part] = locate(flat_x[part], flat_y[part])

        in_parts(fill, flat_x.size)
        return found.reshape(first.shape)

    def _look_up(self, x: _Floats, y: _Floats) -> _Ints:
        table = self._table
        assert table is not None
        # Everything from elsewhere is looked up in the empty border.
        at = _table_index(y, self.size_m, table.south, table.rows)
        at *= np.int32(table.columns)
        at += _table_index(x, self.size_m, table.west, table.columns)
        return table.positions.take(at.astype(np.intp), mode="clip")

    def _locate(self, x: _Floats, y: _Floats) -> _Ints:
        reach = _FARTHEST * self.size_m
        usable = (np.abs(x) < reach) & (np.abs(y) < reach)  # false for NaN
        column = _index(np.where(usable, x, 0.0), self.size_m)
        row = _index(np.where(usable, y, 0.0), self.size_m)
        return np.where(usable, self._positions(_keys(column, row)), -1)

    def neighbours(self) -> "sparse.csr_array[Any, tuple[int, int]]":
        here = np.arange(len(self.keys), dtype=np.int32)
        pairs = []
        for step in (1, _ROW - 1, _ROW, _ROW + 1):
            there = self._positions(self.keys + step)
            pairs.append((here[there >= 0], there[there >= 0].astype(np.int32)))
        low = np.concatenate([pair[0] for pair in pairs])
        high = np.concatenate([pair[1] for pair in pairs])
        both = (np.concatenate((low, high)), np.concatenate((high, low)))
        from scipy import sparse

        return sparse.csr_array((np.ones(2 * low.size), both), shape=(here.size, here.size))


def square_cells(
    size_m: float,
    *,
    crs: str,
    outline: BaseGeometry | None = None,
    features: NDArray[np.object_] | None = None,
) -> "Cells":
    """Cover an outline, or features, with square cells.

    Parameters
    ----------
    size_m : float
        Edge of a cell, metres.
    crs : str
        The metric CRS, "EPSG:nnnn"; the origin of the cells is at multiples of the size in it.
    outline : shapely polygon or multipolygon, optional
        In `crs`. Cells that touch it are made (a cell counts with all its edges here).
    features : ndarray of shapely geometries, optional
        In `crs`; used where there is no outline. Cells touched by any feature are made (points by the
        half-open rule, all others by intersection), and one ring of eight neighbours around them. None and
        empty geometries touch nothing.

    Returns
    -------
    Cells
        Sorted by row, then column; ids "E<column>N<row>", counted from the CRS's origin. A position belongs
        to the cell with west <= x < east and south <= y < north.

    Raises
    ------
    ValueError
        If the size is not a positive number, would make more than 2,000,000 cells, neither outline nor
        features are given, or a geometry cannot be used.
    """
    size_m = float(size_m)
    if not (np.isfinite(size_m) and size_m > 0.0):
        raise ValueError(f"a cell size of {size_m} m cannot be used; give a number of metres above 0")
    if outline is not None:
        keys = _touched(usable_outline(outline), size_m)
    elif features is not None:
        points, shapes = usable_features(features)
        inside = np.unique(_point_keys(points, size_m))
        keys = np.unique(np.concatenate((inside, _touched(shapes, size_m))))
        if len(keys) > MOST_CELLS:
            raise _too_small(size_m)
        steps = np.array([row * _ROW + column for row in (-1, 0, 1) for column in (-1, 0, 1)], dtype=np.int64)
        keys = np.unique(keys[:, None] + steps)
    else:
        raise ValueError("nothing says where the cells are to be; give an outline or features")
    if len(keys) > MOST_CELLS:
        raise _too_small(size_m)
    return _SquareCells(keys, size_m, crs)


def _too_small(size_m: float) -> ValueError:
    return too_many(f"a cell size of {size_m:g} m")


def _point_keys(points: _Floats, size_m: float) -> _Ints:
    if np.abs(points).max(initial=0.0) >= _FARTHEST * size_m:
        raise _too_small(size_m)
    return _keys(_index(points[:, 0], size_m), _index(points[:, 1], size_m))


def _touched(shapes: NDArray[np.object_], size_m: float) -> _Ints:
    """Find the keys of all cells that intersect any of the geometries, edges included.

    Blocks of 2^level by 2^level cells are tested before single cells, so the work grows with the length of
    the boundaries: a block inside a polygon is taken whole, a block outside is dropped.
    """
    if not len(shapes):
        return np.empty(0, dtype=np.int64)
    bounds = shapely.bounds(shapes)
    if np.abs(bounds).max() >= _FARTHEST * size_m or shapely.area(shapes).max() > MOST_CELLS * size_m**2:
        raise _too_small(size_m)
    shapes = prepared_copies(shapes)
    first = _index(bounds[:, :2], size_m)
    first -= bounds[:, :2] <= first * size_m  # the cell whose east or north edge is touched
    last = _index(bounds[:, 2:], size_m)
    start = np.maximum(np.log2((last - first).max(axis=1) + 1.0).astype(np.int64) - 1, 0)

    found: list[_Ints] = []
    shape, column, row = (np.empty(0, dtype=np.int64) for _ in range(3))
    for level in range(int(start.max()), -1, -1):
        begin = _blocks_of_bounds(np.flatnonzero(start == level), first >> level, last >> level)
        shape, column, row = (np.concatenate(pair) for pair in zip((shape, column, row), begin, strict=True))
        boxes = _boxes(column, row, size_m, level)
        hit = shapely.intersects(shapes[shape], boxes)
        shape, column, row, boxes = shape[hit], column[hit], row[hit], boxes[hit]
        # Every block that is hit has at least one cell of its own that is.
        blocks = np.unique(_keys(column, row))
        if len(blocks) > MOST_CELLS:
            raise _too_small(size_m)
        if level == 0:
            found.append(blocks)
            break
        whole = shapely.contains_properly(shapes[shape], boxes)
        found.append(_cells_of_blocks(np.unique(_keys(column[whole], row[whole])), level, size_m))
        shape, column, row = shape[~whole], column[~whole], row[~whole]
        shape = np.repeat(shape, 4)
        column = (2 * column[:, None] + np.array([0, 1, 0, 1])).ravel()
        row = (2 * row[:, None] + np.array([0, 0, 1, 1])).ravel()
    return np.unique(np.concatenate(found))


def _blocks_of_bounds(chosen: _Ints, first: _Ints, last: _Ints) -> tuple[_Ints, _Ints, _Ints]:
    """List every block between the first and the last of each chosen geometry: geometry, column, row."""
    spans = last[chosen] - first[chosen] + 1
    counts = spans.prod(axis=1)
    shape = np.repeat(chosen, counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    wide = np.repeat(spans[:, 0], counts)
    return shape, first[shape, 0] + within % wide, first[shape, 1] + within // wide


def _cells_of_blocks(blocks: _Ints, level: int, size_m: float) -> _Ints:
    """List the keys of all cells in blocks of 2^level by 2^level cells."""
    if len(blocks) * 4**level > MOST_CELLS:
        raise _too_small(size_m)
    column, row = _columns_and_rows(blocks)
    step = np.arange(2**level)
    columns = (column[:, None] << level) + step
    rows = (row[:, None] << level) + step
    return _keys(columns[:, None, :], rows[:, :, None]).ravel()
