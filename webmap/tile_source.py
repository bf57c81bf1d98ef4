"""A tile layer of one version: features found by blocks, and put together per tile.

Features are sorted into blocks: the tiles of one zoom that holds some hundreds of them each. A block is brought to
arrays when the first tile needs it, so that no tile waits for a whole district, and is kept within a bound.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo import crs
from webmap import tile_geometry as tiling
from webmap.display import displayed, displayed_boxes
from webmap.kept import Kept
from webmap.tile_blocks import EVERY_FROM_ZOOM, WEB_MERCATOR, Block, Rule, drawn, make_block
from webmap.tile_encoding import tile
from webmap.tile_placed import Placed, place, small_tile

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.installation import MapDatum
    from webmap.tile_geometry import Floats, Geometries
    from webmap.tile_texts import Texts

_FINEST_BLOCKS = 17
_BLOCK_ROWS = 200
_READY_BYTES = 64 * 2**20
_PLACED_BYTES = 32 * 2**20
_serials = itertools.count()


class ReadyBlocks(NamedTuple):
    """Blocks by source and number, and what of them is ready for a zoom."""

    blocks: Kept[tuple[int, int], Block]
    placed: Kept[tuple[int, int, int], Placed]


def room_for_blocks() -> ReadyBlocks:
    """Return room for blocks of several sources."""
    return ReadyBlocks(
        Kept(_READY_BYTES, lambda block: block.size), Kept(_PLACED_BYTES, lambda placed: placed.size)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """One tile layer of one version.

    Attributes
    ----------
    name : str
    rule : Rule
    frame : GeoDataFrame
        What it was made from; a snapshot that holds the same frame has the same tiles.
    texts : Texts
        Of all rows of the frame.
    rows : int array
        Those that are drawn, block by block.
    starts : int array
        Block `b` has the rows ``rows[starts[b]:starts[b + 1]]``.
    boxes : float array of shape (number of blocks, 4)
        What the features of each lie in: west, south, east, north in EPSG:3857.
    datum : {"wgs84", "gcj02"}
        What the tiles are drawn in.
    ready : Kept
        Blocks of this and of other sources.
    serial : int
        Different for every source that this process has made.
    """

    name: str
    rule: Rule
    frame: gpd.GeoDataFrame
    texts: Texts
    rows: NDArray[np.int32]
    starts: NDArray[np.intp]
    boxes: Floats
    datum: MapDatum = "wgs84"
    ready: ReadyBlocks = field(default_factory=room_for_blocks)
    serial: int = field(default_factory=lambda: next(_serials))

    def part(self, inside: NDArray[np.bool_]) -> Source:
        """Return the tile layer of some of the frame's rows alone: what is left out leaves no trace in it."""
        return source_of(
            self.name, self.rule, self.frame, self.texts, self.ready, np.flatnonzero(inside), datum=self.datum
        )

    def encode(self, zoom: int, x: int, y: int) -> bytes:
        """Return a tile as Mapbox Vector Tile 2.1, empty bytes where nothing is to be drawn."""
        if zoom < self.rule.from_zoom:
            return b""
        near = self._near(zoom, x, y)
        if zoom >= EVERY_FROM_ZOOM:
            placed = [
                self.ready.placed.get((self.serial, one, zoom), partial(self._place, one, zoom))
                for one in near
            ]
            made = small_tile(self.name, self.texts, placed, zoom, x, y)
            if made is not None:
                return made
        blocks = [self._ready(one) for one in near]
        shown = drawn(blocks, zoom, x, y, self.rule, self._shapes)
        if shown is None:
            return b""
        order = np.argsort(shown.rows)
        keys, values, table = self.texts.table(shown.rows[order], shown.codes[order])
        return tile(self.name, keys, shown.figures, order, values, table)

    def _near(self, zoom: int, x: int, y: int) -> list[int]:
        west, south, east, north = tiling.tile_box(zoom, x, y, buffer=tiling.BUFFER)
        boxes = self.boxes
        near = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
        found: list[int] = near.nonzero()[0].tolist()
        return found

    def _place(self, number: int, zoom: int) -> Placed:
        return place(self._ready(number), zoom)

    def _ready(self, number: int) -> Block:
        return self.ready.blocks.get((self.serial, number), partial(self._block, number))

    def _block(self, number: int) -> Block:
        rows = self.rows[self.starts[number] : self.starts[number + 1]]
        return make_block(self._shapes(rows), rows, self.texts.codes_of(rows), as_points=self.rule.as_points)

    def _shapes(self, rows: NDArray[np.int32]) -> Geometries:
        # Of large layers geometries are made when they are taken.
        return displayed(np.asarray(self.frame.geometry.array[rows], dtype=object), self.datum)


def source_of(
    name: str,
    rule: Rule,
    frame: gpd.GeoDataFrame,
    texts: Texts,
    ready: ReadyBlocks,
    rows: NDArray[np.intp] | None = None,
    *,
    datum: MapDatum = "wgs84",
) -> Source:
    """Return the tile layer of a frame (EPSG:4490), or of some of its rows, drawn in a datum."""
    geometries: Any = frame.geometry.array
    bounds = displayed_boxes((geometries if rows is None else geometries[rows]).bounds, datum)
    rows = np.arange(len(frame)) if rows is None else rows
    middle = crs.points_to_metric(
        (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2, WEB_MERCATOR
    )
    block_of = _blocks_of(*middle)
    order = np.argsort(block_of, kind="stable")
    begins = np.flatnonzero(np.diff(block_of[order], prepend=-1))
    boxes = np.empty((len(begins), 4))
    if len(begins):
        boxes[:, :2] = np.minimum.reduceat(bounds[order, :2], begins)
        boxes[:, 2:] = np.maximum.reduceat(bounds[order, 2:], begins)
    for lon, lat in ((0, 1), (2, 3)):
        boxes[:, lon], boxes[:, lat] = crs.points_to_metric(boxes[:, lon], boxes[:, lat], WEB_MERCATOR)
    return Source(
        name=name,
        rule=rule,
        frame=frame,
        texts=texts,
        rows=rows[order].astype(np.int32),
        starts=np.append(begins, len(rows)),
        boxes=boxes,
        datum=datum,
        ready=ready,
    )


def _blocks_of(x: Floats, y: Floats) -> NDArray[np.int64]:
    """Return for each place (EPSG:3857) the number of its block: the finest with enough rows in each."""
    side = tiling.WORLD_M / 2**_FINEST_BLOCKS
    column, row = (np.floor(axis / side).astype(np.int64) + 2 ** (_FINEST_BLOCKS - 1) for axis in (x, -y))
    for coarser in range(_FINEST_BLOCKS + 1):
        block_of: NDArray[np.int64] = (column >> coarser) << _FINEST_BLOCKS | row >> coarser
        if len(np.unique(block_of)) * _BLOCK_ROWS <= len(x):
            break
    else:
        block_of = np.zeros(len(x), dtype=np.int64)
    return block_of
