"""Irregular cells, such as management cells; `geo.cells` is the interface to them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.cell_areas import shared_areas
from geo.parts import in_turns
from geo.polygon_raster import UNSURE, PolygonRaster
from geo.rings import Rings, rings_of
from geo.tessellation import Cells

if TYPE_CHECKING:
    from scipy import sparse

# Two management cells closer than this share a border; survey files leave gaps of millimetres.
_TOUCHING_M = 0.01
# Polygons whose validity is asked in one go.
_AT_ONCE = 500

_Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PolygonCells:
    """Irregular cells; see `polygon_cells`."""

    ids: NDArray[np.object_]
    polygons: NDArray[np.object_]
    crs: str
    scheme: str = "management"

    def __len__(self) -> int:
        return len(self.ids)

    def polygons_at(self, at: NDArray[np.int64]) -> NDArray[np.object_]:
        """Give the shapes of some cells."""
        return self.polygons[at]

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.polygons)

    @cached_property
    def _raster(self) -> PolygonRaster:
        return PolygonRaster(self.polygons)

    @cached_property
    def rings(self) -> Rings:
        """Give the edges of each cell."""
        return rings_of(self.polygons)

    def cell_of(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        """Find the cell of each position."""
        first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if not len(self.ids):
            return np.full(first.shape, -1, dtype=np.int64)
        return self._raster.locate(first.ravel(), second.ravel()).reshape(first.shape)

    def shares(self, bodies: Rings) -> tuple[_Ints, _Ints, NDArray[np.float64]]:
        """Measure the ground that bodies have in cells."""
        if not len(self.ids) or not len(bodies):
            nothing = np.empty(0, dtype=np.int64)
            return nothing, nothing, nothing.astype(np.float64)
        only = self._raster.wholly_in(bodies.bounds)
        within, unsure = np.flatnonzero(only >= 0), np.flatnonzero(only == UNSURE)
        which, cell = self._tree.query(bodies.polygons[unsure])
        parted = unsure[which]
        return (
            np.concatenate((within, parted)),
            np.concatenate((only[within], cell)),
            np.concatenate((bodies.area_m2[within], shared_areas(bodies, self.rings, parted, cell))),
        )

    def neighbours(self) -> "sparse.csr_array[Any, tuple[int, int]]":
        """Tell which cells touch."""
        here, there = self._tree.query(self.polygons, predicate="dwithin", distance=_TOUCHING_M)
        apart = here != there
        here, there = here[apart], there[apart]
        shape = (len(self.ids), len(self.ids))
        from scipy import sparse

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
    bad = ~polygonal

    def look(part: slice) -> None:
        bad[part] |= ~shapely.is_valid(shapes[part])

    in_turns(look, [slice(start, start + _AT_ONCE) for start in range(0, len(shapes), _AT_ONCE)])
    if bad.any():
        worst = int(np.flatnonzero(bad)[0])
        why = shapely.is_valid_reason(shapes[worst]) if polygonal[worst] else "not a polygon with an area"
        raise ValueError(f"cell {names[worst]!r} cannot be used ({why}); repair or remove it")
    return PolygonCells(names, shapes, crs)
