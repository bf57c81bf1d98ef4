"""Cells that cover a district, square, hexagonal (H3) or irregular, behind one interface.

All cells live in a metric CRS. Every position belongs to at most one cell, by a stated edge rule:

square
    Origin at multiples of the size in the metric CRS, half-open: the west and the south edge belong.
H3
    H3's own assignment of a position (lon, lat of EPSG:4490 taken as WGS 84) to a cell.
irregular
    A boundary position belongs to the cell that comes first.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from geo.hexagons import COARSEST_H3, FINEST_H3, h3_cells
from geo.polygon_raster import PolygonRaster
from geo.squares import square_cells
from geo.tessellation import MOST_CELLS, Cells

__all__ = ["MOST_CELLS", "Cells", "Scheme", "h3_cells", "parse_scheme", "polygon_cells", "square_cells"]

Scheme = tuple[Literal["square"], float] | tuple[Literal["h3"], int] | tuple[Literal["management"]]

# Two management cells closer than this share a border; survey files leave gaps of millimetres.
_TOUCHING_M = 0.01


def parse_scheme(text: str) -> Scheme:
    """Read the name of a kind of cells.

    Parameters
    ----------
    text : str
        "square:100" (metres), "h3:10" (resolution) or "management".

    Returns
    -------
    tuple
        ("square", 100.0), ("h3", 10) or ("management",).

    Raises
    ------
    ValueError
        If it is none of these; the message lists what is allowed.
    """
    name, colon, value = text.strip().partition(":")
    if name == "management" and not colon:
        return ("management",)
    if name == "square" and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) and float(value) > 0.0:
        return ("square", float(value))
    if name == "h3" and re.fullmatch(r"[0-9]+", value) and COARSEST_H3 <= int(value) <= FINEST_H3:
        return ("h3", int(value))
    raise ValueError(
        f"cells {text!r} are not known; give square:SIZE with a size in metres above 0 (square:100), "
        f"h3:RESOLUTION from {COARSEST_H3} to {FINEST_H3} (h3:10), or management"
    )


@dataclass(frozen=True, eq=False)
class _PolygonCells:
    ids: NDArray[np.object_]
    polygons: NDArray[np.object_]
    crs: str
    scheme: str = "management"

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.polygons)

    @cached_property
    def _raster(self) -> PolygonRaster:
        return PolygonRaster(self.polygons)

    def cell_of(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if not len(self.ids):
            return np.full(first.shape, -1, dtype=np.int64)
        return self._raster.locate(first.ravel(), second.ravel()).reshape(first.shape)

    def neighbours(self) -> "sparse.csr_array[Any, tuple[int, int]]":
        here, there = self._tree.query(self.polygons, predicate="dwithin", distance=_TOUCHING_M)
        apart = here != there
        here, there = here[apart], there[apart]
        shape = (len(self.ids), len(self.ids))
        return sparse.csr_array((np.ones(here.size), (here, there)), shape=shape)


def polygon_cells(polygons: NDArray[np.object_], ids: NDArray[np.object_], *, crs: str) -> Cells:
    """Make cells of irregular polygons, such as a district's management cells.

    Parameters
    ----------
    polygons : ndarray of shapely polygons or multipolygons
        In `crs`; valid. They may leave gaps, and may overlap.
    ids : ndarray of str
        One per polygon, unique.
    crs : str
        The metric CRS, "EPSG:nnnn".

    Returns
    -------
    Cells
        In the given order; a position on a common boundary, or in an overlap, belongs to the cell that comes
        first. Cells within 0.01 m are neighbours. The scheme is "management".

    Raises
    ------
    ValueError
        If the lengths differ, an id repeats, or a polygon is missing, empty, invalid or not a polygon.
    """
    shapes = np.asarray(polygons, dtype=object)
    names = np.array([str(name) for name in ids], dtype=object)
    if shapes.shape != names.shape or shapes.ndim != 1:
        raise ValueError(f"{shapes.size} polygons came with {names.size} ids; give one id for each polygon")
    unique, count = np.unique(names.astype(str), return_counts=True)
    if (count > 1).any():
        raise ValueError(
            f"cell id {str(unique[count > 1][0])!r} stands for several cells; give every cell its own"
        )
    polygonal = np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes)
    bad = ~(polygonal & shapely.is_valid(shapes))
    if bad.any():
        worst = int(np.flatnonzero(bad)[0])
        why = shapely.is_valid_reason(shapes[worst]) if polygonal[worst] else "not a polygon with an area"
        raise ValueError(f"cell {names[worst]!r} cannot be used ({why}); repair or remove it")
    return _PolygonCells(names, shapes, crs)
