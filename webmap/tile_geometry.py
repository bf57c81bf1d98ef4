"""Shapes on the grid of vector tiles: Web Mercator to whole units, clipped, thinned, wound.

Pure: arrays in, same-order arrays out. A tile is `EXTENT` units wide, y runs down, and one CSS pixel is
8 units at the 512 px that MapLibre draws a tile with. All tiles of a zoom share one grid, that of the
world: its units count from the north-west corner of Web Mercator's square. What is rounded to it is rounded alike
for every tile that shows it.
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


def corner(x: int, y: int) -> tuple[int, int]:
    """Return the north-west corner of a tile in the world's units of its zoom."""
    return x * EXTENT, y * EXTENT


def in_units(xy: Floats, zoom: int) -> Floats:
    """Return places (EPSG:3857, shape (n, 2)) in the world's units of a zoom, not yet whole ones."""
    per_m = 1 / unit_m(zoom)
    placed: Floats = (xy - (-WORLD_M / 2, WORLD_M / 2)) * (per_m, -per_m)
    return placed


def clearances(polygons: Geometries, vertices: Floats, starts: Positions) -> Floats:
    """Return how far apart corners and edges that do not meet are at least, 0 where rounding needs care at any scale.

    That is in polygons that are not valid, and in those that have a vertex twice in a row.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon
    vertices : float array of shape (number of vertices, 2)
        Theirs, each ring's first one again at its end, shells clockwise where y runs up.
    starts : int array
        Polygon `p` has the vertices from ``starts[p]`` to ``starts[p + 1]``.

    Notes
    -----
    In a convex polygon no corner is nearer to an edge than to the line that this is part of. So for polygons
    of four corners, most of all buildings, the least of these heights does; it is a tenth of the work.
    """
    made = np.zeros(len(polygons))
    four = np.flatnonzero(np.diff(starts) == 5)
    corners = vertices[starts[four, None] + np.arange(4)]
    edges = np.roll(corners, -1, axis=1) - corners
    with np.errstate(divide="ignore", invalid="ignore"):
        for ahead in (2, 3):
            to = np.roll(corners, -ahead, axis=1) - corners
            heights = (edges[..., 1] * to[..., 0] - edges[..., 0] * to[..., 1]) / np.hypot(
                *np.moveaxis(edges, 2, 0)
            )
            least = heights.min(axis=1)
            made[four] = least if ahead == 2 else np.minimum(made[four], least)
    others = np.flatnonzero(~(made > 0))
    made[others] = np.where(
        shapely.is_valid(polygons[others]), shapely.minimum_clearance(polygons[others]), 0.0
    )
    # GEOS takes a vertex that is there twice for one; so are some that only reprojecting has brought together.
    (x, y), polygon = (each.T for each in shapely.get_coordinates(polygons[others], return_index=True))
    twice = (x[1:] == x[:-1]) & (y[1:] == y[:-1]) & (polygon[1:] == polygon[:-1])
    made[others[polygon[1:][twice]]] = 0.0
    return made


def whole_units(polygons: Geometries, *, grain: int = 1) -> Geometries:
    """Return polygons on whole units: valid, exterior rings clockwise on the screen, never less than a unit.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon
        In the world's units of a zoom.
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
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])


def clipped(polygons: Geometries, x: int, y: int) -> tuple[Geometries, Positions]:
    """Return what of polygons (in the world's units) a tile and its buffer hold, and of which they hold any."""
    west, north = corner(x, y)
    far = EXTENT + BUFFER
    inside = shapely.clip_by_rect(polygons, west - BUFFER, north - BUFFER, west + far, north + far)
    at = np.flatnonzero((shapely.get_dimensions(inside) == 2) & (shapely.area(inside) > 0))
    return np.asarray(inside, dtype=object)[at], at


def one_per_pixel(places: Floats) -> Positions:
    """Return the positions of points (in the world's units, shape (n, 2)) of which each is the first in its pixel.

    Pixels do not cross the edges of tiles, so neighbouring tiles choose alike.
    """
    pixels = np.floor(places / PIXEL).astype(np.int64)
    _, first = np.unique(pixels[:, 0] << 32 | pixels[:, 1], return_index=True)
    return np.sort(first)
