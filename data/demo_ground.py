"""The demonstration district's ground: outline, greens, main roads and the superblocks between them.

Everything here is drawn by hand in ``luohu.json``, in degrees of EPSG:4490, and worked on in metres of
EPSG:4547; `built_up` is brought to its published area by moving the foot of the hills.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from geo.crs import points_to_metric

METRIC_CRS = "EPSG:4547"
BUILT_UP_M2 = 33_720_000.0
CENTRE = (114.1158, 22.5545)
"""Longitude and latitude of the old market that the town grew around."""

_VERGE_M = 9.0
_GREEN_CELL_M2 = 110_000.0
_WHOLE_GREEN_M2 = 900_000.0


@dataclass(frozen=True)
class Ground:
    """The land before anybody builds on it, in EPSG:4547.

    Attributes
    ----------
    outline, built_up : polygon
        The district, and what is left of it after hills, water and parks.
    superblocks : ndarray of polygons
        Faces between the main roads' centre lines; together they are `built_up`.
    superblock_nets : ndarray of polygons
        What is left of each after the roads and a verge along the greens; may be empty or in parts.
    greens : ndarray of polygons
        Hills, water and parks, cut along invented ridges; together they are the rest of `outline`.
    places : ndarray of shape (109, 2)
        Where each neighbourhood starts.
    centre : ndarray of shape (2,)
    """

    outline: Polygon
    built_up: BaseGeometry
    superblocks: NDArray[np.object_]
    superblock_nets: NDArray[np.object_]
    greens: NDArray[np.object_]
    places: NDArray[np.float64]
    centre: NDArray[np.float64]


def read_drawing() -> dict[str, Any]:
    """Return what is drawn and named by hand in ``luohu.json``."""
    drawing: dict[str, Any] = json.loads((files("data") / "luohu.json").read_text("utf-8"))
    return drawing


def lay_ground(drawing: dict[str, Any], rng: np.random.Generator) -> Ground:
    """Return the ground of `drawing`."""
    outline = _area(drawing["outline"], passes=1)
    hills = shapely.union_all([_area(ring) for ring in drawing["hills"].values()])
    others = [_area(ring) for ring in drawing["water"].values()]
    others += [_area(ring, passes=1) for ring in drawing["parks"].values()]
    built_up = _with_published_area(outline, hills, shapely.union_all(others))
    roads = [(_road(road["line"]), road["width_m"] / 2) for road in drawing["arterials"]]
    superblocks = _faces([built_up.boundary, *(line for line, _ in roads)])
    paved = shapely.union_all([shapely.buffer(line, half, cap_style="flat") for line, half in roads])
    free = shapely.difference(shapely.buffer(built_up, -_VERGE_M), paved)
    return Ground(
        outline=outline,
        built_up=built_up,
        superblocks=superblocks,
        superblock_nets=shapely.intersection(superblocks, free),
        greens=_cut_greens(shapely.difference(outline, built_up), rng),
        places=_metres([place["at"] for place in drawing["neighbourhoods"]]),
        centre=_metres([CENTRE])[0],
    )


def backdrop(drawing: dict[str, Any], ground: Ground) -> pd.DataFrame:
    """Return what a map shows around and between the communities: greens, water and main roads, in EPSG:4547."""
    # A hand's breadth inside, so that rounding never takes a corner over the outline.
    inside = shapely.buffer(ground.outline, -0.1)
    water = shapely.intersection([_area(ring) for ring in drawing["water"].values()], inside)
    parks = [_area(ring, passes=1) for ring in drawing["parks"].values()]
    wooded = shapely.difference(inside, shapely.union_all([ground.built_up, *water, *parks]))
    roads = [
        shapely.buffer(_road(road["line"]), road["width_m"] / 2, cap_style="flat")
        for road in drawing["arterials"]
    ]
    paved = shapely.intersection(shapely.intersection(shapely.union_all(roads), ground.built_up), inside)
    shapes = {
        "water": polygons_of(water),
        "green": polygons_of(np.array([wooded, *parks], dtype=object)),
        "road": np.array([paved], dtype=object),
    }
    rows = [(kind, shape) for kind, found in shapes.items() for shape in found if shape.area > _VERGE_M**2]
    return pd.DataFrame(
        {
            "code": [f"DT{number:03d}" for number in range(1, len(rows) + 1)],
            "kind": [kind for kind, _ in rows],
            "geometry": [shape for _, shape in rows],
        }
    )


def polygons_of(geometry: BaseGeometry | NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the polygons of a geometry or of an array of geometries, without lines and points."""
    parts: NDArray[np.object_] = shapely.get_parts(shapely.get_parts(geometry))
    solid = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    return np.asarray(parts[solid], dtype=object)


def _metres(points: list[Any]) -> NDArray[np.float64]:
    lon_lat = np.asarray(points, dtype=float)
    return np.column_stack(points_to_metric(lon_lat[:, 0], lon_lat[:, 1], METRIC_CRS))


def _area(ring: list[Any], *, passes: int = 2) -> Polygon:
    return Polygon(_smooth(_metres(ring), closed=True, passes=passes))


def _road(line: list[Any]) -> LineString:
    return LineString(_smooth(_metres(line), closed=False, passes=2))


def _smooth(points: NDArray[np.float64], *, closed: bool, passes: int) -> NDArray[np.float64]:
    """Round the corners of a drawn line by Chaikin's corner cutting."""
    for _ in range(passes):
        following = np.roll(points, -1, axis=0) if closed else points[1:]
        leading = points if closed else points[:-1]
        cut = np.empty((2 * len(leading), 2))
        cut[0::2], cut[1::2] = 0.75 * leading + 0.25 * following, 0.25 * leading + 0.75 * following
        points = cut if closed else np.vstack([points[:1], cut, points[-1:]])
    return points


def _with_published_area(outline: Polygon, hills: BaseGeometry, others: BaseGeometry) -> BaseGeometry:
    """Move the foot of the hills until the built-up area is the published one."""
    land = shapely.difference(outline, others)
    low, high = -150.0, 250.0
    for _ in range(40):
        offset = (low + high) / 2
        built_up = shapely.difference(land, shapely.buffer(hills, offset))
        low, high = (offset, high) if built_up.area > BUILT_UP_M2 else (low, offset)
    return built_up


def _faces(lines: list[BaseGeometry]) -> NDArray[np.object_]:
    """Return the faces between lines, those inside holes of the built-up area left out."""
    boundary = lines[0]
    inside = shapely.build_area(boundary)
    faces = polygons_of(shapely.polygonize([shapely.union_all(lines)]))
    return faces[shapely.contains(inside, shapely.point_on_surface(faces))]


def _cut_greens(greens: BaseGeometry, rng: np.random.Generator) -> NDArray[np.object_]:
    """Cut large greens into irregular pieces, so that a border can cross a hill or the water."""
    pieces = polygons_of(greens)
    whole = shapely.area(pieces) < _WHOLE_GREEN_M2
    large = shapely.union_all(pieces[~whole])
    west, south, east, north = large.bounds
    wanted = int((east - west) * (north - south) / _GREEN_CELL_M2)
    scattered = rng.uniform((west, south), (east, north), (wanted, 2))
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(scattered), extend_to=large))
    return np.concatenate([pieces[whole], polygons_of(shapely.intersection(cells, large))])
