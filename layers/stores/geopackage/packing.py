"""An R-tree made whole: SQLite's own insertion, box by box, takes half of the time of a bulk load.

The boxes are sorted into tiles and packed from the leaves up (Leutenegger, Lopez and Edgington 1997: STR),
then written into the three tables in which SQLite's R-tree module keeps a tree, in its own format: a node
is its depth, its number of cells, and per cell an id and four coordinates in single precision, all
big-endian; node 1 is the root, and the one whose depth counts.
"""

# ruff: noqa: S608 - names of tables come from the schema; values are always bound

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import apsw
    from numpy.typing import NDArray

# Nodes have room left, as those that have grown: else the first write to each would have to split it.
_FILL = 0.8
_NODE_BYTES, _CELL_BYTES = 4, 24
_OUTWARD = np.array([-1, 1, -1, 1])


class _Level(NamedTuple):
    """The nodes of one depth: of each cell its node (counted from 0 within the level), its id and its box."""

    node: NDArray[np.intp]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]


def is_empty(connection: apsw.Connection, tree: str) -> bool:
    """Tell whether the R-tree has no box."""
    return not connection.execute(f'SELECT EXISTS (SELECT 1 FROM "{tree}_rowid")').get


def pack(connection: apsw.Connection, tree: str, ids: NDArray[np.int64], bounds: NDArray[np.float64]) -> None:
    """Fill an empty R-tree.

    Parameters
    ----------
    ids : array of int
        All different.
    bounds : array of shape (n, 4)
        West, south, east, north.
    """
    node_bytes: int = connection.execute(f'SELECT length(data) FROM "{tree}_node" WHERE nodeno = 1').get
    room = (node_bytes - _NODE_BYTES) // _CELL_BYTES
    levels = list(_levels(ids, _single(bounds), fill=max(int(room * _FILL), 2)))
    # Node 1 is the root; below it each level's nodes follow those above.
    counts = [int(level.node[-1]) + 1 for level in levels]
    first = [1 + sum(counts[depth + 1 :]) for depth in range(len(levels))]
    for depth, level in enumerate(levels):
        numbers = level.node + first[depth]
        below = level.ids if depth == 0 else level.ids + first[depth - 1]
        data = _packed(level._replace(ids=below), room, node_bytes, depth if level is levels[-1] else 0)
        connection.executemany(
            f'INSERT OR REPLACE INTO "{tree}_node" VALUES (?, ?)', enumerate(data, first[depth])
        )
        column = f'"{tree}_{"parent" if depth else "rowid"}"'
        order = np.argsort(below)
        pairs = zip(below[order].tolist(), numbers[order].tolist(), strict=True)
        connection.executemany(f"INSERT INTO {column} VALUES (?, ?)", pairs)


def _levels(ids: NDArray[np.int64], boxes: NDArray[np.float32], *, fill: int) -> Iterator[_Level]:
    """Yield the levels from the leaves up to the root, which is one node."""
    while True:
        order = _tiled(boxes, fill)
        ids, boxes = ids[order], boxes[order]
        # Evenly filled: a last node of one or two cells would be less than SQLite itself leaves.
        nodes = -(-len(ids) // fill)
        node = np.arange(len(ids)) * nodes // len(ids)
        yield _Level(node, ids, boxes)
        if nodes == 1:
            return
        starts = np.searchsorted(node, np.arange(nodes))
        low, high = (f.reduceat(boxes, starts) for f in (np.minimum, np.maximum))
        ids, boxes = np.arange(nodes), np.stack([low[:, 0], high[:, 1], low[:, 2], high[:, 3]], axis=1)


def _tiled(boxes: NDArray[np.float32], fill: int) -> NDArray[np.intp]:
    """Return the order in which each `fill` boxes in turn lie near one another: in strips, and along them."""
    across, up = boxes[:, 0] + boxes[:, 1], boxes[:, 2] + boxes[:, 3]
    strips = int(np.ceil(np.sqrt(len(boxes) / fill)))
    strip = np.empty(len(boxes), dtype=np.intp)
    strip[np.argsort(across, kind="stable")] = np.arange(len(boxes)) * strips // len(boxes)
    return np.lexsort((up, strip))


def _single(bounds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return (west, east, south, north) in single precision, rounded outward."""
    exact = bounds[:, [0, 2, 1, 3]]
    rounded = exact.astype(np.float32)
    next_outward = np.nextafter(rounded, (_OUTWARD * np.inf).astype(np.float32))
    return np.where((exact - rounded) * _OUTWARD > 0, next_outward, rounded)


def _packed(level: _Level, room: int, node_bytes: int, depth: int) -> Iterator[bytes]:
    """Yield the level's nodes as SQLite keeps them."""
    nodes = int(level.node[-1]) + 1
    counts = np.bincount(level.node, minlength=nodes)
    place = np.arange(len(level.node)) - np.repeat(np.cumsum(counts) - counts, counts)
    cell = np.dtype([("id", ">i8"), ("box", ">f4", 4)])
    made = np.zeros(
        nodes,
        np.dtype(
            {
                "names": ["depth", "count", "cells"],
                "formats": [">i2", ">i2", (cell, room)],
                "offsets": [0, 2, _NODE_BYTES],
                "itemsize": node_bytes,
            }
        ),
    )
    made["depth"][0], made["count"] = depth, counts
    made["cells"]["id"][level.node, place] = level.ids
    made["cells"]["box"][level.node, place] = level.boxes
    raw = made.tobytes()
    return (raw[at : at + node_bytes] for at in range(0, len(raw), node_bytes))
