"""Shapes in whole tile units to the bytes of a Mapbox Vector Tile (version 2.1).

The message itself is protobuf's and the definition that of mapbox-vector-tile; the geometry commands are
made here for all shapes at once, because that library makes them a vertex at a time, which takes ten
times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from mapbox_vector_tile.Mapbox import vector_tile_pb2
from numpy.typing import NDArray

from webmap.tile_geometry import EXTENT

_MOVE_TO, _LINE_TO, _CLOSE_PATH = 1, 2, 7
_MOVE_TO_ONE = _MOVE_TO | 1 << 3
_CLOSE = _CLOSE_PATH | 1 << 3

Integers = NDArray[np.int64]


def encode(name: str, shapes: NDArray[np.object_], properties: Sequence[Mapping[str, str]]) -> bytes:
    """Return a tile with one layer.

    Parameters
    ----------
    name : str
        Of the layer.
    shapes : array of Point, Polygon and MultiPolygon, none of them empty
        In whole tile units, y down, polygons valid, exterior rings with positive area.
    properties : sequence of mapping of str to str
        Per shape.
    """
    tile = vector_tile_pb2.tile()
    layer = tile.layers.add(name=name, version=2, extent=EXTENT)
    keys: dict[str, int] = {}
    values: dict[str, int] = {}
    areas = shapely.get_dimensions(shapes) == 2
    commands = np.empty(len(shapes), dtype=object)
    commands[areas] = _polygon_commands(shapes[areas])
    commands[~areas] = _point_commands(shapes[~areas])
    for command, is_area, row in zip(commands, areas, properties, strict=True):
        feature = layer.features.add()
        feature.type = tile.Polygon if is_area else tile.Point
        feature.geometry.extend(command)
        for key, value in row.items():
            feature.tags.append(keys.setdefault(key, len(keys)))
            feature.tags.append(values.setdefault(value, len(values)))
    layer.keys.extend(keys)
    for value in values:
        layer.values.add(string_value=value)
    body: bytes = tile.SerializeToString(deterministic=True)
    return body


def _zigzag(deltas: Integers) -> Integers:
    return (deltas << 1) ^ (deltas >> 63)


def _lists(commands: Integers, ends: Integers) -> NDArray[np.object_]:
    """Cut one array into a list per shape."""
    made = np.empty(len(ends), dtype=object)
    start = 0
    for position, end in enumerate(ends.tolist()):
        made[position] = commands[start:end].tolist()
        start = end
    return made


def _point_commands(points: NDArray[np.object_]) -> NDArray[np.object_]:
    places = shapely.get_coordinates(points).astype(np.int64)
    commands = np.column_stack((np.full(len(places), _MOVE_TO_ONE), _zigzag(places)))
    return _lists(commands.ravel(), 3 * np.arange(1, len(places) + 1))


def _polygon_commands(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return per polygon: for each ring a move, the lines, and the closing of the path.

    Every vertex is told by its step from the one before, through all rings of a feature.
    """
    if not len(polygons):
        return np.empty(0, dtype=object)
    parts, shape_of_part = shapely.get_parts(polygons, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    shape_of_ring = shape_of_part[part_of_ring]
    places, ring_of = shapely.get_coordinates(rings, return_index=True)
    is_last = np.append(ring_of[1:] != ring_of[:-1], True)
    places, ring_of = places[~is_last].astype(np.int64), ring_of[~is_last]

    lengths = np.bincount(ring_of, minlength=len(rings))
    first_vertex = np.cumsum(lengths) - lengths
    shape_of = shape_of_ring[ring_of]
    steps = np.diff(places, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    begins = np.append(True, shape_of[1:] != shape_of[:-1])
    steps[begins] = places[begins]

    # A ring of n vertices takes 2 n + 3 integers: move, x, y, line, (x, y) n - 1 times, close.
    sizes = 2 * lengths + 3
    ends = np.cumsum(sizes)
    starts = ends - sizes
    commands = np.empty(int(ends[-1]), dtype=np.int64)
    commands[starts] = _MOVE_TO_ONE
    commands[starts + 3] = _LINE_TO | (lengths - 1) << 3
    commands[ends - 1] = _CLOSE
    in_ring = np.arange(len(places)) - first_vertex[ring_of]
    at = starts[ring_of] + 1 + 2 * in_ring + (in_ring > 0)
    commands[at], commands[at + 1] = _zigzag(steps).T
    last_ring = np.append(shape_of_ring[1:] != shape_of_ring[:-1], True)
    return _lists(commands, ends[last_ring])
