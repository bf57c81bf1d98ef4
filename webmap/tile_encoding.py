"""Shapes in whole units to the bytes of a Mapbox Vector Tile (version 2.1), for all of them at once.

A feature's geometry is a list of steps, each from the vertex before. Only the first one says where the feature is,
so all after it, the tail, is the same in every tile: it is made once, and a tile is mostly put together from
tails. Field numbers are those of vector_tile.proto; bytes are those of protobuf.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_MOVE_TO_ONE, _LINE_TO, _CLOSE = 1 | 1 << 3, 2, 7 | 1 << 3
_BYTES, _NUMBER = 2, 0
_LAYER = 3 << 3 | _BYTES
_NAME, _FEATURE, _KEY, _VALUE = (number << 3 | _BYTES for number in (1, 2, 3, 4))
_STRING = 1 << 3 | _BYTES
_TAGS, _TYPE, _GEOMETRY = 2 << 3 | _BYTES, 3 << 3 | _NUMBER, 4 << 3 | _BYTES
_LONGER = np.array([1 << 7, 1 << 14, 1 << 21])
"""From each of these a varint takes a byte more."""
_VERSION_2 = bytes([15 << 3 | _NUMBER, 2])


@dataclass(frozen=True, eq=False)
class Figures:
    """What shapes look like, whatever tile they are in.

    Attributes
    ----------
    kinds : uint8 array
        `POINT` or `POLYGON`.
    firsts : int array of shape (n, 2)
        The first vertex, in the world's units.
    tails : uint8 array
        One after the other, what follows on the first vertex.
    ends : int32 array of n + 1
        The tail of figure `i` is ``tails[ends[i]:ends[i + 1]]``.
    """

    kinds: Bytes
    firsts: Integers
    tails: Bytes
    ends: NDArray[np.int32]

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return self.kinds.nbytes + self.firsts.nbytes + self.tails.nbytes + self.ends.nbytes


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
    """Return points, shape (n, 2), in whole units, as figures."""
    count = len(places)
    ends = np.zeros(count + 1, dtype=np.int32)
    return Figures(np.full(count, POINT, np.uint8), places, np.empty(0, np.uint8), ends)


def polygon_figures(polygons: Geometries) -> Figures:
    """Return polygons and multipolygons as figures.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon, none of them empty
        In whole units, y down, valid, exterior rings with positive area.
    """
    parts, shape_of_part = shapely.get_parts(polygons, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    places, ring_of = shapely.get_coordinates(rings, return_index=True)
    is_last = np.append(ring_of[1:] != ring_of[:-1], True)[: len(ring_of)]
    places, ring_of = places[~is_last].astype(np.int64), ring_of[~is_last]
    lengths = np.bincount(ring_of, minlength=len(rings))
    shape_of_ring = shape_of_part[part_of_ring]
    steps = zigzag(np.diff(places, axis=0, prepend=0))

    # A ring of n vertices takes 2 n + 3 integers: move, x, y, line, (x, y) n - 1 times, close.
    sizes = 2 * lengths + 3
    ends = np.cumsum(sizes)
    starts = ends - sizes
    commands = np.empty(int(sizes.sum()), dtype=np.int64)
    commands[starts] = _MOVE_TO_ONE
    commands[starts + 3] = _LINE_TO | (lengths - 1) << 3
    commands[ends - 1] = _CLOSE
    in_ring = np.arange(len(places)) - (np.cumsum(lengths) - lengths)[ring_of]
    at = starts[ring_of] + 1 + 2 * in_ring + (in_ring > 0)
    commands[at], commands[at + 1] = steps.T

    # Of each shape's first ring the move and its place are no part of the tail.
    opens = np.append(True, shape_of_ring[1:] != shape_of_ring[:-1])[: len(rings)]
    groups, needed = varints(commands)
    needed[starts[opens, None] + np.arange(3)] = False
    closes = np.append(opens[1:], True)[: len(rings)]
    tail_ends = np.zeros(len(polygons) + 1, dtype=np.int32)
    tail_ends[1:] = np.cumsum(needed.sum(axis=1))[ends[closes] - 1]
    firsts = places[(np.cumsum(lengths) - lengths)[opens]]
    return Figures(np.full(len(polygons), POLYGON, np.uint8), firsts, groups[needed], tail_ends)


def joined(figures: Sequence[Figures]) -> Figures:
    """Return figures one after the other."""
    if len(figures) == 1:
        return figures[0]
    starts = np.cumsum([0, *(len(one.tails) for one in figures)])
    ends = [one.ends[:-1] + start for one, start in zip(figures, starts[:-1], strict=True)]
    return Figures(
        np.concatenate([one.kinds for one in figures]),
        np.concatenate([one.firsts for one in figures]),
        np.concatenate([one.tails for one in figures]),
        np.concatenate([*ends, starts[-1:]]).astype(np.int32),
    )


def value_message(text: str) -> bytes:
    """Return a string as it stands in a layer's table of values."""
    raw = text.encode()
    return _field(_VALUE, _field(_STRING, raw))


def tile(
    name: str,
    keys: Sequence[str],
    figures: Figures,
    at: Positions,
    corner: tuple[int, int],
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
    at : int array
        Which of them, in this order, are the tile's features.
    corner : tuple of int
        The tile's north-west corner in the world's units.
    values : int array of shape (len(at), len(keys))
        Per feature and key the position in `table`, -1 for none.
    table : object array of bytes
        What `value_message` makes, each of them used and none twice.
    """
    tails, sizes = figures.ends[at], figures.ends[at + 1]
    sizes = sizes - tails
    steps = zigzag(figures.firsts[at] - corner)
    there = values >= 0
    # Everything before the tail, as pairs of a byte and the number that follows it.
    length = _lengths(values)
    tags = ((1 + length) * there).sum(axis=1)
    geometry = 1 + _lengths(steps).sum(axis=1) + sizes
    feature = 1 + _lengths(tags) + tags + 2 + 1 + _lengths(geometry) + geometry
    columns = 6 + len(keys)
    numbers = np.empty((len(at), columns), dtype=np.int32)
    numbers[:, 0], numbers[:, 1], numbers[:, 2:-4] = feature, tags, values
    numbers[:, -4], numbers[:, -3], numbers[:, -2:] = figures.kinds[at], geometry, steps
    groups, needed = varints(numbers)
    heads = np.empty((len(at), columns, 1 + groups.shape[2]), dtype=np.uint8)
    heads[:, :, 0] = [_FEATURE, _TAGS, *range(len(keys)), _TYPE, _GEOMETRY, _MOVE_TO_ONE, 0]
    heads[:, :, 1:] = groups
    shown = np.ones(heads.shape, dtype=bool)
    shown[:, :, 1:] = needed
    shown[:, -1, 0] = False
    shown[:, 2:-4] &= there[:, :, None]
    head_ends = np.cumsum(1 + _lengths(feature) + feature - sizes, dtype=np.int32)
    features = _interleaved(heads[shown], head_ends, figures, at)
    told = b"".join([_field(_KEY, key.encode()) for key in keys] + table.tolist())
    extent = bytes([5 << 3 | _NUMBER]) + _varint(EXTENT)
    return _field(_LAYER, _field(_NAME, name.encode()) + features + told + extent + _VERSION_2)


def _interleaved(heads: Bytes, head_ends: NDArray[np.int32], figures: Figures, at: Positions) -> bytes:
    """Return head, tail, head, tail: Arrow takes pieces of any length out of one buffer."""
    pieces = np.concatenate((heads, figures.tails))
    offsets = np.concatenate((np.zeros(1, np.int32), head_ends, figures.ends[1:] + head_ends[-1]))
    order = np.empty(2 * len(at), dtype=np.int64)
    order[::2], order[1::2] = np.arange(len(at)), len(at) + at
    found = pa.Array.from_buffers(
        pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(pieces)]
    ).take(pa.array(order))
    size = int(head_ends[-1]) + int((figures.ends[at + 1] - figures.ends[at]).sum())
    taken: bytes = found.buffers()[2].slice(0, size).to_pybytes()
    return taken


def _lengths(numbers: Integers) -> Integers:
    """Return how many bytes numbers under 2^28 take as varints."""
    made: Integers = np.searchsorted(_LONGER, numbers, side="right") + 1
    return made


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*made, number))


def _field(key: int, content: bytes) -> bytes:
    return bytes([key]) + _varint(len(content)) + content
