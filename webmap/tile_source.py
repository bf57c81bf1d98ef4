"""A tile layer of one version: found by blocks, brought to a zoom block by block, put together per tile.

Features are sorted into blocks: the tiles of one zoom that holds some hundreds of them each. What a zoom shows of a
block is prepared when the first tile of that zoom needs it, so that no tile waits for a whole district, and is
kept within a bound.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from webmap import tile_geometry as tiling
from webmap.kept import Kept
from webmap.tile_blocks import Block, Rule, make_block
from webmap.tile_encoding import joined, polygon_figures, tile

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from webmap.tile_geometry import Floats, Geometries
    from webmap.tile_texts import Texts

WEB_MERCATOR = "EPSG:3857"
_FINEST_BLOCKS = 17
_BLOCK_ROWS = 400
_PREPARED_BYTES = 64 * 2**20
_serials = itertools.count()

Prepared = Kept[tuple[int, int, int], Block]


def prepared_blocks() -> Prepared:
    """Return room for prepared blocks by source, zoom and number."""
    return Kept(_PREPARED_BYTES, lambda block: block.size)


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
    prepared : Kept
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
    prepared: Prepared = field(default_factory=prepared_blocks)
    serial: int = field(default_factory=lambda: next(_serials))

    def part(self, inside: NDArray[np.bool_]) -> Source:
        """Return the tile layer of some of the frame's rows alone: what is left out leaves no trace in it."""
        return source_of(self.name, self.rule, self.frame, self.texts, self.prepared, np.flatnonzero(inside))

    def encode(self, zoom: int, x: int, y: int) -> bytes:
        """Return a tile as Mapbox Vector Tile 2.1, empty bytes where nothing is to be drawn."""
        if zoom < self.rule.from_zoom:
            return b""
        corner = x * tiling.EXTENT, y * tiling.EXTENT
        far = tiling.EXTENT + tiling.BUFFER
        box = corner[0] - tiling.BUFFER, corner[1] - tiling.BUFFER, corner[0] + far, corner[1] + far
        figures, found, rows, codes, first = [], [], [], [], 0
        for block in self._blocks(zoom, x, y):
            whole, across = block.in_box(box)
            pieces = [(block.figures, whole, whole)] if len(whole) else []
            if len(across):
                clipped, there = tiling.clipped(block.shapes[across], box)
                if len(there):
                    pieces.append(
                        (polygon_figures(clipped), np.arange(len(there)), block.large[across[there]])
                    )
            for figure, at, in_block in pieces:
                figures.append(figure)
                found.append(at + first)
                rows.append(block.rows[in_block])
                codes.append(block.codes[in_block])
                first += len(figure.kinds)
        if not figures:
            return b""
        row = np.concatenate(rows)
        order = np.argsort(row)
        keys, values, table = self.texts.table(row[order], np.concatenate(codes)[order])
        return tile(self.name, keys, joined(figures), np.concatenate(found)[order], corner, values, table)

    def _blocks(self, zoom: int, x: int, y: int) -> list[Block]:
        west, south, east, north = tiling.tile_box(zoom, x, y, buffer=tiling.BUFFER + tiling.PIXEL)
        boxes = self.boxes
        near = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
        return [
            self.prepared.get((self.serial, zoom, number), partial(self._prepare, zoom, number))
            for number in np.flatnonzero(near).tolist()
        ]

    def _prepare(self, zoom: int, number: int) -> Block:
        rows = self.rows[self.starts[number] : self.starts[number + 1]]
        shapes = crs.to_metric(_geometries(self.frame)[rows], WEB_MERCATOR)
        if self.rule.as_points:
            shapes = shapely.point_on_surface(shapes)
        return make_block(shapes, rows, self.texts.codes_of(rows), zoom, self.rule)


def source_of(
    name: str,
    rule: Rule,
    frame: gpd.GeoDataFrame,
    texts: Texts,
    prepared: Prepared,
    rows: NDArray[np.intp] | None = None,
) -> Source:
    """Return the tile layer of a frame (EPSG:4490), or of some of its rows."""
    rows = np.arange(len(frame)) if rows is None else rows
    bounds = shapely.bounds(_geometries(frame)[rows]).reshape(-1, 4)
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
        prepared=prepared,
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


def _geometries(frame: gpd.GeoDataFrame) -> Geometries:
    return np.asarray(frame.geometry.array, dtype=object)
