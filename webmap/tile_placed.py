"""Features that rounding leaves as they are, ready for every tile of a zoom, and tiles put together of them one by one.

What a figure looks like is told by steps, so that between tiles only its first vertex differs. Most tiles have few
features: there each call of numpy takes longer than what it works out.
"""

from __future__ import annotations

import itertools
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
    from numpy.typing import NDArray

    from webmap.tile_geometry import Integers, Positions
    from webmap.tile_texts import Texts

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
    block : Block
    firsts : int array of shape (n, 2)
        The first vertex of each of the block's features, in the world's units.
    commands : bytes
        Of the figures of all polygons, end to end; each begins at 0, 0.
    ends : int array of shape (number of polygons + 1,)
        The figure of polygon `p` is ``commands[ends[p]:ends[p + 1]]``.
    keeps : bool array of shape (n,)
        Of the features, those of which the shape neither depends on the tile nor has to be mended.
    """

    block: Block
    firsts: Integers
    commands: bytes
    ends: Integers
    keeps: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """About how many bytes it takes besides the block."""
        return len(self.commands) + self.firsts.nbytes + self.ends.nbytes + self.keeps.nbytes


def place(block: Block, zoom: int) -> Placed:
    """Return a block at one zoom."""
    points = np.rint(tiling.in_units(block.bounds[:2, : block.points].T, zoom)).astype(np.int64)
    keeps = np.ones(len(block.rows), dtype=bool)
    if len(block.rings) == 0:
        return Placed(block, points, b"", np.zeros(1, dtype=np.int64), keeps)
    whole = np.rint(tiling.in_units(block.xy, zoom))
    firsts = whole[block.starts[:-1]].astype(np.int64)
    vertices, lengths = outlines(whole - np.repeat(firsts, np.diff(block.starts), axis=0), block.closes)
    figures = ring_figures(vertices, lengths, block.rings)
    keeps[block.points :] = keep_their_shape(block, zoom)
    return Placed(
        block, np.vstack((points, firsts)), figures.commands.tobytes(), figures.ends.astype(np.int64), keeps
    )


def small_tile(name: str, texts: Texts, placed: Sequence[Placed], zoom: int, x: int, y: int) -> bytes | None:
    """Return a tile as `tile_encoding.tile` makes it, None where not all of its features are placed.

    Parameters
    ----------
    name : str
        Of the layer.
    texts : Texts
        What is told of its features.
    placed : sequence of Placed
        Blocks in which the tile's features are.
    zoom, x, y : int
        The tile, of a zoom at which no feature is left out.
    """
    box = tiling.tile_box(zoom, x, y, buffer=tiling.BUFFER)
    shown: list[Feature] = []
    for one in placed:
        at = meeting(one.block.bounds, box).nonzero()[0]
        if not len(at):
            continue
        if not one.keeps[at].all():
            return None
        shown += _features(one, at, texts)
    if not shown:
        return b""
    shown.sort()
    keys = ("id", *texts.names)
    used = [key for key in range(len(keys)) if any(feature[5][key] is not None for feature in shown)]
    west, north = tiling.corner(x, y)
    numbers: dict[bytes, int] = {}
    pieces: list[bytes] = []
    for _, kind, column, line, steps, values in shown:
        tags = b""
        for number, key in enumerate(used):
            value = values[key]
            if value is not None:
                tags += _varint(number) + _varint(numbers.setdefault(value, len(numbers)))
        column -= west
        line -= north
        start = _varint(column << 1 ^ column >> 63) + _varint(line << 1 ^ line >> 63)
        size = 1 + len(start) + len(steps)
        head = b"%b%b%b%b%b" % (_TAGS, _varint(len(tags)), tags, _KINDS[kind], _varint(size))
        pieces += (_FEATURE, _varint(len(head) + size), head, _MOVE, start, steps)
    return layer_message(name, b"".join(pieces), [keys[key] for key in used], list(numbers))


def _features(placed: Placed, at: Positions, texts: Texts) -> list[Feature]:
    """Return some features of a block, ready to be put into a tile."""
    block, commands, ends = placed.block, placed.commands, placed.ends
    rows = block.rows[at]
    polygons = at[np.searchsorted(at, block.points) :] - block.points
    points = [(POINT, 0, 0)] * (len(at) - len(polygons))
    figures = zip(
        itertools.repeat(POLYGON),
        (ends[polygons] + _START).tolist(),
        ends[polygons + 1].tolist(),
        strict=False,
    )
    return [
        (row, kind, column, line, commands[begin:end], (code, *others))
        for row, (column, line), (kind, begin, end), code, others in zip(
            rows.tolist(),
            placed.firsts[at].tolist(),
            itertools.chain(points, figures),
            block.codes[at].tolist(),
            texts.told(rows).tolist(),
            strict=True,
        )
    ]
