"""Decoders of vector tiles that are not ours, and what the specification asks of a tile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import mapbox_vector_tile
import numpy as np
import pyogrio
import shapely
from mapbox_vector_tile.Mapbox import vector_tile_pb2

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

Place = tuple[int, int, int]
"""Zoom, column, row."""
Ring = list[tuple[int, int]]

_MOVE_TO, _LINE_TO, _CLOSE_PATH = 1, 2, 7


def decoded(body: bytes) -> list[dict[str, Any]]:
    """Features in tile units, y down."""
    layers = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True}) if body else {}
    found: list[dict[str, Any]] = next(iter(layers.values()))["features"] if layers else []
    return found


def by_gdal(body: bytes, place: Place) -> gpd.GeoDataFrame:
    """Features in EPSG:3857, as GDAL reads them."""
    zoom, x, y = place
    frame: gpd.GeoDataFrame = pyogrio.read_dataframe(body, X=str(x), Y=str(y), Z=str(zoom), CLIP="NO")
    return frame


def as_text(body: bytes) -> str:
    """A tile as people read it: a line per feature, with what is told and where it is."""
    lines = []
    for feature in decoded(body):
        told = " ".join(f"{key}={value}" for key, value in feature["properties"].items())
        lines.append(f"{told} {shapely.geometry.shape(feature['geometry']).wkt}")
    return "\n".join(lines)


def broken_rules(body: bytes) -> list[str]:
    """What of the Mapbox Vector Tile specification 2.1 a tile of one layer does not keep."""
    if not body:
        return []
    tile = vector_tile_pb2.tile.FromString(body)
    found = []
    if tile.SerializeToString(deterministic=True) != body:
        found.append("not as protobuf writes it: another order, longer numbers or unknown fields")
    if len(tile.layers) != 1:
        return [*found, f"{len(tile.layers)} layers"]
    layer = tile.layers[0]
    found += [] if layer.version == 2 and layer.extent == 4096 and layer.name else ["head of the layer"]
    found += [] if layer.features else ["no feature"]
    ids = [feature.id for feature in layer.features if feature.HasField("id")]
    found += [] if len(ids) == len(set(ids)) else ["an id twice"]
    tags = [list(feature.tags) for feature in layer.features]
    for name, table, part in (("key", layer.keys, 0), ("value", layer.values, 1)):
        texts = [each if isinstance(each, str) else each.SerializeToString() for each in table]
        found += [] if len(set(texts)) == len(texts) else [f"a {name} twice"]
        used = {index for one in tags for index in one[part::2]}
        found += [] if used == set(range(len(texts))) else [f"a {name} not used, or not there"]
    for feature, one in zip(layer.features, tags, strict=True):
        found += [] if len(one) % 2 == 0 and len(set(one[::2])) == len(one) // 2 else ["a key twice"]
        found += _broken_geometry(feature.type, list(feature.geometry))
    return found


def _broken_geometry(kind: int, numbers: list[int]) -> Iterator[str]:
    if kind == vector_tile_pb2.tile.Point:
        if len(numbers) != 3 or numbers[0] != _MOVE_TO | 1 << 3:
            yield f"a point of {numbers}"
        return
    if kind != vector_tile_pb2.tile.Polygon:
        yield f"a geometry of kind {kind}"
        return
    shells = 0
    shapes: list[tuple[Ring, list[Ring]]] = []
    for ring in _rings(numbers):
        if ring is None:
            yield f"commands out of order in {numbers}"
            return
        if len(ring) < 3 or any(one == other for one, other in zip(ring, ring[1:] + ring[:1], strict=True)):
            yield f"a vertex again in {ring}"
        doubled = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
        if doubled == 0 or (doubled < 0 and not shells):
            yield f"a ring of area {doubled / 2}, number {len(shapes)}"
        if doubled > 0:
            shells += 1
            shapes.append((ring, []))
        elif shapes:
            shapes[-1][1].append(ring)
    if not shells:
        yield "a polygon without a ring"
    elif not shapely.MultiPolygon(shapes).is_valid:
        yield f"not a valid polygon: {shapes}"


def _rings(numbers: list[int]) -> Iterator[Ring | None]:
    """Rings as the specification's pen draws them; None where the commands are not those of polygons."""
    at, pen = 0, np.zeros(2, dtype=int)

    def steps(count: int) -> Iterator[tuple[int, int]]:
        nonlocal at
        for _ in range(count):
            for axis in (0, 1):
                pen[axis] += (numbers[at] >> 1) ^ -(numbers[at] & 1)
                at += 1
            yield int(pen[0]), int(pen[1])

    while at < len(numbers):
        if numbers[at] != _MOVE_TO | 1 << 3:
            yield None
            return
        at += 1
        ring = list(steps(1))
        if numbers[at] & 7 != _LINE_TO or numbers[at] >> 3 < 2:
            yield None
            return
        at += 1
        ring += list(steps(numbers[at - 1] >> 3))
        if numbers[at] != _CLOSE_PATH | 1 << 3:
            yield None
            return
        at += 1
        yield ring
