"""Shapes on the grid of vector tiles: Web Mercator to whole units, clipped, thinned, wound.

Pure: arrays in, same-order arrays out. A tile is `EXTENT` units wide, y runs down, and one CSS pixel is
8 units at the 512 px that MapLibre draws a tile with. All tiles of a zoom share one grid, that of the world:
its units count from the north-west corner of Web Mercator's square. A shape is brought to it once per zoom, so
every tile that shows it shows the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

EXTENT = 4096
BUFFER = 64
"""Units beyond the edge that are still drawn, so that outlines do not show where tiles meet."""
PIXEL = 8
WORLD_M = 40_075_016.685578488
MAX_ZOOM = 20

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Positions = NDArray[np.intp]
Box = tuple[int, int, int, int]
"""West, north, east, south in the world's units."""


def unit_m(zoom: int) -> float:
    """Return a tile unit in metres of EPSG:3857."""
    return WORLD_M / (1 << zoom) / EXTENT


def tile_box(zoom: int, x: int, y: int, *, buffer: int = 0) -> tuple[float, float, float, float]:
    """Return the bounds of a tile in EPSG:3857, widened by `buffer` units."""
    unit = unit_m(zoom)
    west, north = x * EXTENT * unit - WORLD_M / 2, WORLD_M / 2 - y * EXTENT * unit
    return (
        west - buffer * unit,
        north - (EXTENT + buffer) * unit,
        west + (EXTENT + buffer) * unit,
        north + buffer * unit,
    )


def in_units(shapes: Geometries, zoom: int) -> Geometries:
    """Return shapes (EPSG:3857) in the world's units of a zoom, not yet whole ones."""
    corner, per_m = np.array([-WORLD_M / 2, WORLD_M / 2]), np.array([1, -1]) / unit_m(zoom)
    placed: Geometries = shapely.transform(shapes, lambda xy: (xy - corner) * per_m)
    return placed


def simplified(polygons: Geometries) -> Geometries:
    """Return polygons (in units) without corners that stand out by less than half a pixel, each by itself."""
    made: Geometries = np.asarray(shapely.simplify(polygons, PIXEL / 2), dtype=object)
    gone = shapely.is_empty(made)
    made[gone] = polygons[gone]
    return made


def whole_units(polygons: Geometries, *, grain: int = 1) -> Geometries:
    """Return polygons on whole units: valid, exterior rings clockwise on the screen, never less than a unit.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon
        In units, valid.
    grain : int
        Corners go to the nearest multiple of it, wherever they are met: edges that polygons share stay shared.

    Notes
    -----
    A polygon that rounding breaks is rounded by GEOS's snapping instead, to whole units; one too small for a
    unit becomes the unit square that it stands on, so that nothing there is lost.
    """
    made: Geometries = shapely.transform(polygons, lambda xy: np.rint(xy / grain) * grain)
    sound = shapely.is_valid(made)
    # A line to where one stands already is not allowed in a tile.
    made[sound] = shapely.remove_repeated_points(made[sound])
    if not sound.all():
        made[~sound] = _mended(polygons[~sound])
    # y runs down: counter-clockwise by numbers is clockwise to the eye, as the tile format wants it.
    wound: Geometries = np.asarray(shapely.orient_polygons(made), dtype=object)
    return wound


def _mended(polygons: Geometries) -> Geometries:
    made = np.asarray(shapely.set_precision(shapely.make_valid(polygons), 1.0), dtype=object)
    mixed = shapely.get_type_id(made) == shapely.GeometryType.GEOMETRYCOLLECTION
    made[mixed] = [_areas_of(shape) for shape in made[mixed]]
    lost = (shapely.get_dimensions(made) < 2) | shapely.is_empty(made)
    if lost.any():
        corner = np.floor(shapely.get_coordinates(shapely.centroid(polygons[lost])))
        made[lost] = shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + 1, corner[:, 1] + 1)
    return made


def _areas_of(shape: Any) -> Any:
    parts = shapely.get_parts(shape)
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])


def clipped(polygons: Geometries, box: Box) -> tuple[Geometries, Positions]:
    """Return what of polygons (in whole units) lies in a box, in whole units, and the positions of those with any."""
    inside = np.asarray(shapely.clip_by_rect(polygons, *box), dtype=object)
    at = np.flatnonzero((shapely.get_dimensions(inside) == 2) & (shapely.area(inside) > 0))
    return whole_units(inside[at]), at


def one_per_pixel(x: Floats, y: Floats) -> Positions:
    """Return the positions of points (in units) of which each is the first in its pixel.

    The pixels are those of the world and not of a tile, so that neighbouring tiles choose alike.
    """
    pixels = np.floor(x / PIXEL).astype(np.int64) << 32 | np.floor(y / PIXEL).astype(np.int64)
    _, first = np.unique(pixels, return_index=True)
    return np.sort(first)
