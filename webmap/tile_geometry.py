"""Shapes on the grid of a vector tile: Web Mercator to whole tile units, clipped, thinned, wound.

Pure: arrays in, same-order arrays out. A tile is `EXTENT` units wide, y runs down, and one CSS pixel is
8 units at the 512 px that MapLibre draws a tile with. Units of neighbouring tiles fall on one common
grid, so that what crosses an edge is rounded alike on both sides.
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
Positions = NDArray[np.intp]


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


def simplified(shapes: Geometries, zoom: int, *, coverage: bool) -> Geometries:
    """Return shapes without the detail that a zoom does not show: half a pixel.

    Done per zoom and not per tile, so that neighbouring tiles show one line; with `coverage`, edges that
    two polygons share stay shared.
    """
    tolerance = PIXEL / 2 * unit_m(zoom)
    made = shapes.copy()
    areas = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    if coverage:
        made[areas] = shapely.coverage_simplify(list(shapes[areas]), tolerance)
    else:
        made[areas] = shapely.simplify(shapes[areas], tolerance)
    gone = areas[shapely.is_empty(made[areas])]
    made[gone] = shapes[gone]
    return made


def on_tile(shapes: Geometries, zoom: int, x: int, y: int) -> Geometries:
    """Return shapes (EPSG:3857) in the units of a tile, clipped to it and its buffer; not yet whole units."""
    box = tile_box(zoom, x, y, buffer=BUFFER)
    crossing = ~shapely.covers(shapely.box(*box), shapes)
    clipped = shapes.copy()
    clipped[crossing] = shapely.clip_by_rect(shapes[crossing], *box)
    west, _, _, north = tile_box(zoom, x, y)
    unit = unit_m(zoom)
    placed: Geometries = shapely.transform(clipped, lambda xy: (xy - (west, north)) * (1 / unit, -1 / unit))
    return placed


def whole_units(shapes: Geometries) -> Geometries:
    """Return shapes on whole units: valid, exterior rings clockwise on the screen, never less than a unit.

    A polygon that rounding breaks is rounded by GEOS's snapping; one too small for a unit becomes the unit
    square that it stands on, so that nothing there is lost.
    """
    made: Geometries = shapely.transform(shapes, np.rint)
    areas = shapely.get_dimensions(shapes) == 2
    broken = areas & ~shapely.is_valid(made)
    # A line to where one stands already is not allowed in a tile.
    made[areas & ~broken] = shapely.remove_repeated_points(made[areas & ~broken])
    made[broken] = shapely.set_precision(shapely.make_valid(shapes[broken]), 1.0)
    lost = areas & ((shapely.get_dimensions(made) < 2) | shapely.is_empty(made) | (shapely.area(made) == 0))
    if lost.any():
        corner = np.floor(shapely.get_coordinates(shapely.centroid(shapes[lost])))
        made[lost] = shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + 1, corner[:, 1] + 1)
    mixed = areas & (shapely.get_type_id(made) == shapely.GeometryType.GEOMETRYCOLLECTION)
    made[mixed] = [_areas_of(shape) for shape in made[mixed]]
    # y runs down: counter-clockwise by numbers is clockwise to the eye, as the tile format wants it.
    wound: Geometries = np.asarray(shapely.orient_polygons(made), dtype=object)
    return wound


def _areas_of(shape: Any) -> Any:
    parts = shapely.get_parts(shape)
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])


def large_enough(shapes: Geometries, *, units2: float) -> NDArray[np.bool_]:
    """Return which shapes are to be drawn: points, and areas of at least `units2` square units."""
    return np.asarray((shapely.get_dimensions(shapes) < 2) | (shapely.area(shapes) >= units2))


def one_per_pixel(x: NDArray[np.float64], y: NDArray[np.float64], zoom: int) -> Positions:
    """Return the positions of points (EPSG:3857) of which each is the first in its pixel at a zoom.

    The pixels are those of the world and not of a tile, so that neighbouring tiles choose alike.
    """
    pixel = PIXEL * unit_m(zoom)
    cells = np.stack((np.floor(x / pixel), np.floor(y / pixel)), axis=1)
    _, first = np.unique(cells, axis=0, return_index=True)
    return np.sort(first)
