"""Features that rounding leaves as they are, ready for every tile of a zoom, and tiles put together of them one by one.

What a figure looks like is told by steps, so that between tiles only its first vertex differs. Most tiles have few
features: there each call of numpy takes longer than what it works out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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

Feature = tuple[int, int, int, int, bytes, bytes, list[bytes | None]]
"""Row, type, the first vertex in the world's units, commands after it; code and values as they stand in their table."""

_ID = b"\0"
"""The number of the first key."""
_FEATURE, _TAGS, _MOVE = bytes([FEATURE]), bytes([TAGS]), bytes([MOVE_TO_ONE])
_KINDS = {kind: bytes([TYPE, kind, GEOMETRY]) for kind in (POINT, POLYGON)}
_KEPT_VARINTS = 2**15


class _Varints(dict[int, bytes]):
    """Numbers as varints: each is made when it is first asked for, and the smaller ones are kept."""

    def __missing__(self, number: int) -> bytes:
        made = varint(number)
        if number < _KEPT_VARINTS:
            self[number] = made
        return made


_VARINTS = _Varints()


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
    used = [key for key in range(len(texts.names)) if any(feature[6][key] is not None for feature in shown)]
    keys = ["id", *(texts.names[key] for key in used)]
    tagged = [(key, bytes([number])) for number, key in enumerate(used, start=1)]
    numbers: dict[bytes, int] = {}
    features = _messages(shown, tagged, numbers, tiling.corner(x, y))
    return layer_message(name, features, keys, list(numbers))


def _messages(
    shown: Sequence[Feature],
    tagged: Sequence[tuple[int, bytes]],
    numbers: dict[bytes, int],
    corner: tuple[int, int],
) -> bytes:
    """Return features as they stand in a tile, and number their values as they come."""
    varints = _VARINTS
    west, north = corner
    pieces: list[bytes] = []
    for _, kind, column, line, steps, code, values in shown:
        tags = _ID + varints[numbers.setdefault(code, len(numbers))]
        for key, tag in tagged:
            value = values[key]
            if value is not None:
                tags += tag + varints[numbers.setdefault(value, len(numbers))]
        column -= west
        line -= north
        start = varints[column << 1 ^ column >> 63] + varints[line << 1 ^ line >> 63]
        size = 1 + len(start) + len(steps)
        head = _TAGS + varints[len(tags)] + tags + _KINDS[kind] + varints[size]
        pieces += (_FEATURE, varints[len(head) + size], head, _MOVE, start, steps)
    return b"".join(pieces)


def _features(placed: Placed, at: Positions, texts: Texts) -> Iterator[Feature]:
    """Return some features of a block, ready to be put into a tile."""
    block, commands = placed.block, placed.commands
    rows = block.rows[at]
    points = int(np.searchsorted(at, block.points))
    polygons = at[points:] - block.points
    begins, ends = (placed.ends[polygons] + _START).tolist(), placed.ends[polygons + 1].tolist()
    steps = [b""] * points
    steps += [commands[begin:end] for begin, end in zip(begins, ends, strict=True)]
    columns, lines = placed.firsts[at].T.tolist()
    return zip(
        rows.tolist(),
        [POINT] * points + [POLYGON] * len(polygons),
        columns,
        lines,
        steps,
        block.codes[at].tolist(),
        texts.told(rows).tolist(),
        strict=True,
    )
