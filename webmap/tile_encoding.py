"""Shapes in whole units to the bytes of a Mapbox Vector Tile (version 2.1), for all of them at once.

Field numbers are those of vector_tile.proto; bytes are those of protobuf.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely

from webmap.tile_geometry import EXTENT, Geometries, Integers, Positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

POINT, POLYGON = 1, 3
MOVE_TO_ONE, _LINE_TO, _CLOSE = 1 | 1 << 3, 2, 7 | 1 << 3
_BYTES, _NUMBER = 2, 0
_LAYER = 3 << 3 | _BYTES
_NAME, FEATURE, _KEY, _VALUE = (number << 3 | _BYTES for number in (1, 2, 3, 4))
_STRING = 1 << 3 | _BYTES
TAGS, TYPE, GEOMETRY = 2 << 3 | _BYTES, 3 << 3 | _NUMBER, 4 << 3 | _BYTES
_SHORT = [bytes([_VALUE, size + 2, _STRING, size]) for size in range(126)]
"""Before a string of so many bytes: making it anew for each takes longer than all else of a code."""
_ZERO = np.zeros(1, dtype=np.int32)
_LONGER = np.array([1 << 7, 1 << 14, 1 << 21])
"""From each of these a varint takes a byte more."""


@dataclass(frozen=True, eq=False)
class Figures:
    """What shapes look like in a tile.

    Attributes
    ----------
    kinds : uint8 array
        `POINT` or `POLYGON`.
    commands : uint8 array
        One after the other, how each is drawn, as the format says it.
    ends : int32 array of n + 1
        Figure `i` has ``commands[ends[i]:ends[i + 1]]``.
    """

    kinds: Bytes
    commands: Bytes
    ends: NDArray[np.int32]


def zigzag(steps: Integers) -> Integers:
    """Return signed numbers as protobuf's sint: small ones stay small."""
    made: Integers = (steps << 1) ^ (steps >> 63)
    return made


def varints(numbers: NDArray[Any]) -> tuple[Bytes, NDArray[np.bool_]]:
    """Return numbers from 0 as groups of 7 bits, the lowest first, and which of the groups are needed.

    Both have one axis more than `numbers`; the bytes of all are ``groups[needed]``.
    """
    width = max(-(-int(numbers.max(initial=0)).bit_length() // 7), 1)
    groups = np.empty((*numbers.shape, width), dtype=np.uint8)
    needed = np.empty(groups.shape, dtype=bool)
    needed[..., 0] = True
    for place in range(width):
        low = (numbers >> 7 * place).astype(np.uint8) & 0x7F
        if place + 1 < width:
            needed[..., place + 1] = more = numbers >= 1 << 7 * (place + 1)
            low |= more.view(np.uint8) << 7
        groups[..., place] = low
    return groups, needed


def point_figures(places: Integers) -> Figures:
    """Return points, shape (n, 2), in whole units of a tile, as figures."""
    numbers = np.full((len(places), 3), MOVE_TO_ONE, dtype=np.int64)
    numbers[:, 1:] = zigzag(places)
    return _figures(POINT, numbers.ravel(), np.arange(0, 3 * len(places) + 1, 3))


def outlines_of(polygons: Geometries) -> tuple[Integers, Positions, Positions]:
    """Return the vertices of polygons as `ring_figures` takes them: places, lengths, rings of each.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon, none of them empty
        In whole units of a tile, y down, valid, exterior rings with positive area.
    """
    parts, shape_of_part = shapely.get_parts(polygons, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    counts = shapely.get_num_coordinates(rings).astype(np.int64)
    opens = np.ones(counts.sum(), dtype=bool)
    opens[np.cumsum(counts) - 1] = False
    places = shapely.get_coordinates(rings)[opens].astype(np.int64)
    return places, counts - 1, np.bincount(shape_of_part[part_of_ring], minlength=len(polygons))


def ring_figures(places: Integers, lengths: Positions, rings_each: Positions) -> Figures:
    """Return polygons, given by their vertices, as figures.

    Parameters
    ----------
    places : int array of shape (number of vertices, 2)
        Ring by ring, the first vertex of a ring once.
    lengths : int array
        Vertices of each ring, at least three.
    rings_each : int array
        Rings of each polygon.
    """
    last_ring = np.cumsum(rings_each)
    ends_of_rings = np.cumsum(lengths)
    starts_of_rings = ends_of_rings - lengths
    # Every vertex is told by its step from the one before, through all rings of a polygon.
    steps = places.copy()
    steps[1:] -= places[:-1]
    begins = starts_of_rings[last_ring - rings_each]
    steps[begins] = places[begins]

    # A ring of n vertices takes 2 n + 3 integers: move, x, y, line, (x, y) n - 1 times, close.
    ends = 2 * ends_of_rings + 3 * np.arange(1, len(lengths) + 1)
    starts = ends - 2 * lengths - 3
    commands = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    commands[starts] = MOVE_TO_ONE
    commands[starts + 3] = _LINE_TO | (lengths - 1) << 3
    commands[ends - 1] = _CLOSE
    at = 2 * np.arange(len(places)) + np.repeat(3 * np.arange(len(lengths)) + 2, lengths)
    at[starts_of_rings] -= 1
    commands[at], commands[at + 1] = zigzag(steps).T
    return _figures(POLYGON, commands, np.concatenate((_ZERO, ends[last_ring - 1])))


def _figures(kind: int, numbers: Integers, ends: Integers) -> Figures:
    """Return figures of one kind from all their numbers; figure `i` has ``numbers[ends[i]:ends[i + 1]]``."""
    groups, needed = varints(numbers)
    sizes = np.cumsum(needed.sum(axis=1, dtype=np.int32), dtype=np.int32)
    byte_ends = np.concatenate((_ZERO, sizes[ends[1:] - 1]))
    return Figures(np.full(len(ends) - 1, kind, np.uint8), groups[needed], byte_ends)


def joined(figures: Sequence[Figures]) -> Figures:
    """Return figures one after the other."""
    if len(figures) == 1:
        return figures[0]
    starts = np.cumsum([0, *(len(one.commands) for one in figures)])
    ends = [one.ends[:-1] + start for one, start in zip(figures, starts[:-1], strict=True)]
    return Figures(
        np.concatenate([one.kinds for one in figures]),
        np.concatenate([one.commands for one in figures]),
        np.concatenate([*ends, starts[-1:]]).astype(np.int32),
    )


def value_messages(texts: Iterable[str]) -> list[bytes]:
    """Return strings as they stand in a layer's table of values."""
    raws = [text.encode() for text in texts]
    return [
        _SHORT[len(raw)] + raw if len(raw) < len(_SHORT) else _field(_VALUE, _field(_STRING, raw))
        for raw in raws
    ]


def tile(
    name: str,
    keys: Sequence[str],
    figures: Figures,
    order: Positions,
    values: Integers,
    table: NDArray[np.object_],
) -> bytes:
    """Return a tile with one layer.

    Parameters
    ----------
    name : str
        Of the layer.
    keys : sequence of str
        Of the features' values, each of which is used.
    figures : Figures
        Of the features.
    order : int array
        In which they are drawn.
    values : int array of shape (number of features, len(keys))
        In this order: per feature and key the position in `table`, -1 for none.
    table : object array of bytes
        What `value_messages` makes, each of them used and none twice.
    """
    geometry = (figures.ends[1:] - figures.ends[:-1])[order]
    there = values >= 0
    tags = ((1 + _lengths(values)) * there).sum(axis=1)
    feature = 1 + _lengths(tags) + tags + 2 + 1 + _lengths(geometry) + geometry
    # All that comes before the geometry, as pairs of a byte and the number that follows it.
    numbers = np.empty((len(order), 4 + len(keys)), dtype=np.int32)
    numbers[:, 0], numbers[:, 1], numbers[:, 2:-2] = feature, tags, values
    numbers[:, -2], numbers[:, -1] = figures.kinds[order], geometry
    groups, needed = varints(numbers)
    heads = np.empty((*numbers.shape, 1 + groups.shape[2]), dtype=np.uint8)
    heads[:, :, 0] = [FEATURE, TAGS, *range(len(keys)), TYPE, GEOMETRY]
    heads[:, :, 1:] = groups
    shown = np.ones(heads.shape, dtype=bool)
    shown[:, :, 1:] = needed
    shown[:, 2:-2] &= there[:, :, None]
    head_ends = np.cumsum(1 + _lengths(feature) + feature - geometry, dtype=np.int32)
    features = _interleaved(heads[shown], head_ends, figures, order)
    return layer_message(name, features, keys, table.tolist())


def layer_message(name: str, features: bytes, keys: Iterable[str], table: list[bytes]) -> bytes:
    """Return a tile of the messages of its features and values."""
    told = b"".join([_field(_KEY, key.encode()) for key in keys] + table)
    return _field(_LAYER, _field(_NAME, name.encode()) + features + told + _EXTENT_AND_VERSION)


def _interleaved(heads: Bytes, head_ends: NDArray[np.int32], figures: Figures, order: Positions) -> bytes:
    """Return head, geometry, head, geometry: Arrow takes pieces of any length out of one buffer."""
    pieces = np.concatenate((heads, figures.commands))
    offsets = np.concatenate((_ZERO, head_ends, figures.ends[1:] + head_ends[-1]))
    count = len(order)
    at = np.empty(2 * count, dtype=np.int64)
    at[::2], at[1::2] = np.arange(count), count + order
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(pieces)]
    taken: bytes = pa.Array.from_buffers(pa.binary(), 2 * count, buffers).take(pa.array(at)).buffers()[2]
    return bytes(memoryview(taken)[: len(pieces)])


def _lengths(numbers: Integers) -> Integers:
    """Return how many bytes numbers under 2^28 take as varints."""
    made: Integers = np.searchsorted(_LONGER, numbers, side="right") + 1
    return made


def varint(number: int) -> bytes:
    """Return a number from 0 as protobuf's varint."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*made, number))


def _field(key: int, content: bytes) -> bytes:
    return bytes([key]) + varint(len(content)) + content


_EXTENT_AND_VERSION = bytes([5 << 3 | _NUMBER]) + varint(EXTENT) + bytes([15 << 3 | _NUMBER, 2])
