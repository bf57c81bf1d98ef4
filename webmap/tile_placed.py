"""Features that rounding leaves as they are, ready for every tile of a zoom, and tiles put together of them one by one.

What a figure looks like is told by steps, so that between tiles only its first vertex differs. Most tiles have few
features: there each call of numpy takes longer than what it works out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from webmap import tile_geometry as tiling
from webmap.tile_blocks import Block, keep_their_shape, meeting, outlines
from webmap.tile_encoding import (
    FEATURE,
    GEOMETRY,
    MOVE_TO_ONE,
    POINT,
    POLYGON,
    TAGS,
    TYPE,
    layer_message,
    ring_figures,
    varint,
)

if TYPE_CHECKING:
    from webmap.tile_geometry import Floats

_FEATURE_BYTES = 400
_START = 3
"""A figure that begins at 0, 0 has so many bytes before the steps that follow."""

Feature = tuple[int, int, int, int, bytes, tuple[bytes | None, ...]]
"""Row, type, the first vertex in the world's units, commands after it, values as they stand in their table."""

_FEATURE, _TAGS, _MOVE = bytes([FEATURE]), bytes([TAGS]), bytes([MOVE_TO_ONE])
_KINDS = {kind: bytes([TYPE, kind, GEOMETRY]) for kind in (POINT, POLYGON)}
_varint = lru_cache(maxsize=2**15)(varint)


@dataclass(frozen=True, eq=False)
class Placed:
    """A block at one zoom.

    Attributes
    ----------
    bounds : float array of shape (4, n)
        Of the block's features.
    features : list of Feature
        In the same order; None where the shape depends on the tile, or has to be mended.
    """

    bounds: Floats
    features: list[Feature | None]

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return _FEATURE_BYTES * len(self.features) + sum(len(one[4]) for one in self.features if one)


def place(block: Block, zoom: int, told: Sequence[tuple[bytes | None, ...]]) -> Placed:
    """Return a block at one zoom; `told` are its features' values, None where nothing is known."""
    rows = block.rows.tolist()
    points = np.rint(tiling.in_units(block.bounds[:2, : block.points].T, zoom)).astype(np.int64).tolist()
    made: list[Feature | None] = [
        (rows[at], POINT, column, line, b"", told[at]) for at, (column, line) in enumerate(points)
    ]
    if len(block.rings) == 0:
        return Placed(block.bounds, made)
    whole = np.rint(tiling.in_units(block.xy, zoom))
    firsts = whole[block.starts[:-1]].astype(np.int64)
    vertices, lengths = outlines(whole - np.repeat(firsts, np.diff(block.starts), axis=0), block.closes)
    figures = ring_figures(vertices, lengths, block.rings)
    commands, ends = figures.commands.tobytes(), figures.ends.tolist()
    keeps = keep_their_shape(block, zoom).tolist()
    for at, (column, line) in enumerate(firsts.tolist()):
        steps = commands[ends[at] + _START : ends[at + 1]]
        of_all = block.points + at
        made.append((rows[of_all], POLYGON, column, line, steps, told[of_all]) if keeps[at] else None)
    return Placed(block.bounds, made)


def small_tile(
    name: str, keys: Sequence[str], placed: Sequence[Placed], zoom: int, x: int, y: int
) -> bytes | None:
    """Return a tile as `tile_encoding.tile` makes it, None where not all of its features are placed.

    Parameters
    ----------
    name : str
        Of the layer.
    keys : sequence of str
        Of the features' values.
    placed : sequence of Placed
        Blocks in which the tile's features are.
    zoom, x, y : int
        The tile, of a zoom at which no feature is left out.
    """
    box = tiling.tile_box(zoom, x, y, buffer=tiling.BUFFER)
    shown: list[Feature] = []
    for one in placed:
        for at in meeting(one.bounds, box).nonzero()[0].tolist():
            feature = one.features[at]
            if feature is None:
                return None
            shown.append(feature)
    if not shown:
        return b""
    shown.sort()
    used = [at for at in range(len(keys)) if any(feature[5][at] is not None for feature in shown)]
    west, north = tiling.corner(x, y)
    numbers: dict[bytes, int] = {}
    pieces: list[bytes] = []
    for _, kind, column, line, steps, values in shown:
        tags = b""
        for key, at in enumerate(used):
            value = values[at]
            if value is not None:
                tags += _varint(key) + _varint(numbers.setdefault(value, len(numbers)))
        column -= west
        line -= north
        start = _varint(column << 1 ^ column >> 63) + _varint(line << 1 ^ line >> 63)
        size = 1 + len(start) + len(steps)
        head = b"%b%b%b%b%b" % (_TAGS, _varint(len(tags)), tags, _KINDS[kind], _varint(size))
        pieces += (_FEATURE, _varint(len(head) + size), head, _MOVE, start, steps)
    return layer_message(name, b"".join(pieces), [keys[at] for at in used], list(numbers))
