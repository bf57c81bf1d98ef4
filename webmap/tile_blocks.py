"""What a zoom shows of some neighbouring features: left out, simplified, brought to the grid and encoded, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely

from webmap import tile_geometry as tiling
from webmap.tile_encoding import Figures, joined, point_figures, polygon_figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from webmap.tile_geometry import Box, Geometries, Integers, Positions

EVERY_FROM_ZOOM = 16
"""From here on every feature is in its tile."""
WHOLE_FROM_ZOOM = 15
"""From here on with every corner: the map draws these tiles at all larger scales."""
HALF_PIXEL = tiling.PIXEL // 2


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How a layer goes into tiles.

    Attributes
    ----------
    fields : tuple of str
        What is shown besides the id, as far as the policy lets it out.
    from_zoom : int
        Tiles below are empty.
    detail : {"each", "shared", "all"}
        How shapes lose detail before `WHOLE_FROM_ZOOM`: each by itself loses corners; where edges are shared,
        corners move to a grid of half a pixel; or they keep all, as cells have no detail to lose.
    smallest_units2 : float
        Areas below so many square units are left out before `EVERY_FROM_ZOOM`.
    one_per_pixel : bool
        Of points in one pixel the first is drawn, before `EVERY_FROM_ZOOM`.
    as_points : bool
        It is shown by symbols, one each: areas go in as a point on their surface.
    """

    fields: tuple[str, ...] = ()
    from_zoom: int = 0
    detail: Literal["each", "shared", "all"] = "each"
    smallest_units2: float = 4.0
    one_per_pixel: bool = False
    as_points: bool = False


@dataclass(frozen=True, eq=False)
class Block:
    """What a zoom shows of the features of one block, in any order.

    Attributes
    ----------
    rows : int array
        Positions in the frame.
    codes : object array of bytes
        As they stand in a table of values.
    bounds : int array of shape (4, n)
        In the world's units.
    figures : Figures
    large : int array
        Those larger than a tile, which are clipped.
    shapes : object array
        Their shapes.
    """

    rows: NDArray[np.int32]
    codes: NDArray[np.object_]
    bounds: Integers
    figures: Figures
    large: Positions
    shapes: Geometries

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        codes = sum(map(len, self.codes)) + 48 * len(self.codes)
        shapes = 16 * int(shapely.get_num_coordinates(self.shapes).sum())
        return self.rows.nbytes + self.bounds.nbytes + self.figures.size + codes + shapes

    def in_box(self, box: Box) -> tuple[Positions, Positions]:
        """Return which features meet a box and are drawn as they are, and which of `large` are to be clipped by it."""
        west, north, east, south = self.bounds
        meets = (west <= box[2]) & (east >= box[0]) & (north <= box[3]) & (south >= box[1])
        if not len(self.large):
            return meets.nonzero()[0], self.large
        west, north, east, south = self.bounds[:, self.large]
        across = (west < box[0]) | (north < box[1]) | (east > box[2]) | (south > box[3])
        across &= meets[self.large]
        meets[self.large[across]] = False
        return meets.nonzero()[0], across.nonzero()[0]


def make_block(
    shapes: Geometries, rows: NDArray[np.int32], codes: NDArray[np.object_], zoom: int, rule: Rule
) -> Block:
    """Return what a zoom shows of features.

    Parameters
    ----------
    shapes : array of Point, Polygon and MultiPolygon
        In EPSG:3857.
    rows, codes
        Theirs; see `Block`.
    """
    shapes = tiling.in_units(shapes, zoom)
    points = np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.POINT)
    areas = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    if zoom < EVERY_FROM_ZOOM:
        areas = areas[shapely.area(shapes[areas]) >= rule.smallest_units2]
        if rule.one_per_pixel:
            points = points[
                tiling.one_per_pixel(shapely.get_x(shapes[points]), shapely.get_y(shapes[points]))
            ]
    polygons = shapes[areas]
    less = zoom < WHOLE_FROM_ZOOM
    if less and rule.detail == "each":
        polygons = tiling.simplified(polygons)
    polygons = tiling.whole_units(polygons, grain=HALF_PIXEL if less and rule.detail == "shared" else 1)
    places = np.rint(shapely.get_coordinates(shapes[points])).astype(np.int64)
    order = np.concatenate((points, areas))
    bounds = np.concatenate((np.tile(places, 2), shapely.bounds(polygons).reshape(-1, 4).astype(np.int64)))
    large = np.flatnonzero((bounds[:, 2:] - bounds[:, :2] > tiling.EXTENT).any(axis=1))
    figures = joined([point_figures(places), polygon_figures(polygons)])
    return Block(
        rows[order],
        codes[order],
        np.ascontiguousarray(bounds.T),
        figures,
        large,
        polygons[large - len(points)],
    )
