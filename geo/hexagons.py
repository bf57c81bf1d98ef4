"""H3 cells in a metric CRS; `geo.cells` is the interface to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from geo.crs import from_metric, points_from_metric, points_to_metric
from geo.polygon_cells import PolygonCells
from geo.rings import Rings
from geo.shapes import prepared_copies
from geo.tessellation import MOST_CELLS, Cells, too_many, usable_features, usable_outline

if TYPE_CHECKING:
    from scipy import sparse

# Coarser, an edge that is straight in the metric CRS is metres off H3's own; finer (13 is 44 m2), a cell is
# smaller than a flat.
COARSEST_H3, FINEST_H3 = 5, 13


@dataclass(frozen=True, eq=False)
class _H3Cells:
    numbers: NDArray[np.uint64]  # H3 indexes, sorted, unique
    resolution: int
    crs: str

    @property
    def scheme(self) -> str:
        return f"h3:{self.resolution}"

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        return np.array([f"{number:x}" for number in self.numbers.tolist()], dtype=object)

    @cached_property
    def polygons(self) -> NDArray[np.object_]:
        return _polygons(self.numbers, self.crs)

    def polygons_at(self, at: NDArray[np.int64]) -> NDArray[np.object_]:
        return self.polygons[at]

    @cached_property
    def _shapes(self) -> PolygonCells:
        return PolygonCells(self.ids, self.polygons, self.crs)

    @property
    def rings(self) -> Rings:
        return self._shapes.rings

    def shares(self, bodies: Rings) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        return self._shapes.shares(bodies)

    @cached_property
    def _position(self) -> dict[int, int]:
        return {number: at for at, number in enumerate(self.numbers.tolist())}

    def cell_of(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        found = np.full(first.size, -1, dtype=np.int64)
        usable = np.isfinite(first.ravel()) & np.isfinite(second.ravel())
        numbers = _numbers(first.ravel()[usable], second.ravel()[usable], self.resolution, self.crs)
        found[usable] = [self._position.get(number, -1) for number in numbers]
        return found.reshape(first.shape)

    def neighbours(self) -> "sparse.csr_array[Any, tuple[int, int]]":
        from h3.api import basic_int as h3

        here, there = [], []
        for at, number in enumerate(self.numbers.tolist()):
            around = [self._position[cell] for cell in h3.grid_ring(number, 1) if cell in self._position]
            here += [at] * len(around)
            there += around
        from scipy import sparse

        return sparse.csr_array((np.ones(len(here)), (here, there)), shape=(len(self), len(self)))


def _numbers(x: NDArray[np.float64], y: NDArray[np.float64], resolution: int, crs: str) -> list[int]:
    """Find the H3 index of each position of the metric CRS; 0, which is no index, where it is nowhere."""
    from h3.api import basic_int as h3

    lon, lat = points_from_metric(x, y, crs)
    somewhere = np.isfinite(lon) & np.isfinite(lat)
    return [
        h3.latlng_to_cell(north, east, resolution) if there else 0
        for north, east, there in zip(lat.tolist(), lon.tolist(), somewhere.tolist(), strict=True)
    ]


def _polygons(numbers: NDArray[np.uint64], crs: str) -> NDArray[np.object_]:
    from h3.api import basic_int as h3

    rings = [h3.cell_to_boundary(number) for number in numbers.tolist()]
    corners = np.array([corner for ring in rings for corner in ring], dtype=np.float64).reshape(-1, 2)
    cell = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    x, y = points_to_metric(corners[:, 1], corners[:, 0], crs)
    # linearrings closes each ring. It has five to ten corners: more than six across an icosahedron edge.
    return np.asarray(shapely.polygons(shapely.linearrings(x, y, indices=cell)), dtype=object)


def h3_cells(
    resolution: int,
    *,
    crs: str,
    outline: BaseGeometry | None = None,
    features: NDArray[np.object_] | None = None,
) -> "Cells":
    """Cover an outline, or features, with H3 cells.

    Parameters
    ----------
    resolution : int
        5 to 13; 10 has cells of about 15,000 m2.
    crs : str
        The metric CRS, "EPSG:nnnn". Lon and lat of EPSG:4490 are taken as WGS 84.
    outline : shapely polygon or multipolygon, optional
        In `crs`. Cells that overlap it are made.
    features : ndarray of shapely geometries, optional
        In `crs`; used where there is no outline. The cells that hold any feature are made, and one ring of
        neighbours around them. None and empty geometries touch nothing.

    Returns
    -------
    Cells
        Sorted by id, which is the H3 index in hexadecimal. A position belongs to the cell H3 assigns it to.

    Raises
    ------
    ValueError
        If the resolution is not one of 5 to 13, would make more than 2,000,000 cells, neither outline nor
        features are given, or a geometry cannot be used.

    Notes
    -----
    H3: Uber's hexagonal hierarchical index, https://h3geo.org.
    """
    if not COARSEST_H3 <= resolution <= FINEST_H3:
        raise ValueError(
            f"H3 resolution {resolution} cannot be used; give one from {COARSEST_H3} to {FINEST_H3}"
        )
    if outline is not None:
        numbers = _of_outline(usable_outline(outline), resolution, crs)
    elif features is not None:
        numbers = _of_features(*usable_features(features), resolution, crs)
    else:
        raise ValueError("nothing says where the cells are to be; give an outline or features")
    if len(numbers) > MOST_CELLS:
        raise too_many(f"H3 resolution {resolution}")
    return _H3Cells(np.array(sorted(numbers), dtype=np.uint64), resolution, crs)


def _with_ring(numbers: Iterable[int]) -> set[int]:
    from h3.api import basic_int as h3

    return {cell for number in set(numbers) for cell in h3.grid_disk(number, 1)}


def _cells_in(shapes: NDArray[np.object_], resolution: int, crs: str, contain: str) -> set[int]:
    """Ask H3 for the cells of polygons of the metric CRS."""
    from h3.api import basic_int as h3

    cell_m2 = h3.average_hexagon_area(resolution, unit="m^2")
    if shapely.area(shapes).max(initial=0.0) / cell_m2 > MOST_CELLS:
        raise too_many(f"H3 resolution {resolution}")
    cells: set[int] = set()
    for part in shapely.get_parts(from_metric(shapes, crs)):
        rings = [np.column_stack(ring.xy[::-1]).tolist() for ring in (part.exterior, *part.interiors)]
        cells.update(h3.h3shape_to_cells_experimental(h3.LatLngPoly(*rings), resolution, contain))
        if len(cells) > MOST_CELLS:
            raise too_many(f"H3 resolution {resolution}")
    return cells


def _of_outline(outline: NDArray[np.object_], resolution: int, crs: str) -> set[int]:
    from h3.api import basic_int as h3

    near = np.array(sorted(_with_ring(_cells_in(outline, resolution, crs, "overlap"))), dtype=np.uint64)
    # H3 overlaps in degrees, and its edges are great circles. What counts here is the outline in the metric
    # CRS, with a thousandth of an edge to spare, so that no position in it is left without a cell.
    spare_m = h3.average_hexagon_edge_length(resolution, unit="m") / 1000.0
    whole = prepared_copies(outline)[0]
    return set(near[shapely.dwithin(whole, _polygons(near, crs), spare_m)].tolist())


def _of_features(
    points: NDArray[np.float64], shapes: NDArray[np.object_], resolution: int, crs: str
) -> set[int]:
    from h3.api import basic_int as h3

    # Along lines and boundaries a position every half edge: what falls between is in the ring around.
    half_edge_m = h3.average_hexagon_edge_length(resolution, unit="m") / 2.0
    if shapely.length(shapes).sum() / half_edge_m > 10 * MOST_CELLS:
        raise too_many(f"H3 resolution {resolution}")
    along = shapely.get_coordinates(shapely.segmentize(shapes, half_edge_m))
    places = np.concatenate((points, along))
    numbers = set(_numbers(places[:, 0], places[:, 1], resolution, crs)) - {0}
    area = shapely.area(shapes)
    wide = shapes[area > h3.average_hexagon_area(resolution, unit="m^2")]
    polygons = shapely.get_parts(shapely.get_parts(wide))  # twice: a collection may hold multipolygons
    polygons = polygons[shapely.get_type_id(polygons) == 3]
    return _with_ring(numbers | _cells_in(polygons, resolution, crs, "center"))
