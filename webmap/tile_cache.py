"""Encoded tiles in memory: bounded in bytes, dropped when what is behind them changes.

Everybody who may see the same shares the same tiles. Tiles of single areas have a bound of their own, so that
a thousand of them never push out what the whole district looks at.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

from webmap.responses import compressed
from webmap.tile_layers import Drawn, Source, belonging_of, frame_of, make_source

if TYPE_CHECKING:
    from layers.areas import Belonging
    from layers.snapshot import Snapshot
    from layers.visitors import Area

_SOURCES = 24
_OVERHEAD_BYTES = 256
_PARTS_SHARE = 4
"""One in so many bytes is for tiles of single areas."""
_PARTS_ROWS = 200_000
"""Rows of all sources of single areas together; at 100 bytes a row and zoom."""
_PART_OVERHEAD_ROWS = 100


@dataclass(frozen=True)
class Tile:
    """A tile's bytes, compressed, and its entity tag, which follows from them; an empty tile has no bytes."""

    body: bytes
    etag: str


@dataclass(frozen=True)
class _Part:
    """A source of one area, and what it was cut out by: boundaries may move where the source stays."""

    source: Source
    belonging: Belonging
    rows: int


class TileCache:
    """Tiles by what they show, zoom and place.

    Parameters
    ----------
    most_bytes : int
        Encoded tiles kept take at most so much; the least recently asked for goes first.
    """

    def __init__(self, most_bytes: int) -> None:
        of_parts = most_bytes // _PARTS_SHARE
        self._tiles = _tiles(most_bytes - of_parts)
        self._tiles_of_parts = _tiles(of_parts)
        self._sources: LRUCache[tuple[str, tuple[str, ...]], Source] = LRUCache(_SOURCES)
        self._parts: LRUCache[tuple[int, Area], _Part] = LRUCache(
            _PARTS_ROWS, getsizeof=lambda part: min(part.rows, _PARTS_ROWS // 4) + _PART_OVERHEAD_ROWS
        )
        self._making = threading.Lock()
        self._keeping = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """How much the kept tiles take."""
        return int(self._tiles.currsize + self._tiles_of_parts.currsize)

    @property
    def kept_rows(self) -> int:
        """How many rows the kept sources of single areas have, as far as they count."""
        return int(self._parts.currsize)

    def tile(self, snapshot: Snapshot, drawn: Drawn, zoom: int, x: int, y: int) -> Tile:
        """Return the tile, encoded on first use.

        Raises
        ------
        NotFound
            There is no such tile layer.
        """
        source, tiles = self._source(snapshot, drawn), self._tiles
        if drawn.area is not None:
            whole, source = source, self._part(snapshot, source, drawn.name, drawn.area)
            tiles = self._tiles if source is whole else self._tiles_of_parts
        key = (source.serial, zoom, x, y)
        with self._keeping:
            kept = tiles.get(key)
        if kept is not None:
            return kept
        body = source.encode(zoom, x, y)
        made = Tile(compressed(body) if body else b"", hashlib.sha256(body).hexdigest()[:16])
        with self._keeping:
            if len(made.body) + _OVERHEAD_BYTES <= tiles.maxsize:
                tiles[key] = made
        return made

    def _source(self, snapshot: Snapshot, drawn: Drawn) -> Source:
        frame, key = frame_of(snapshot, drawn.name), (drawn.name, drawn.fields)
        with self._making:
            source = self._sources.get(key)
            if source is None or source.frame is not frame:
                source = self._sources[key] = make_source(drawn.name, frame, drawn.fields)
            return source

    def _part(self, snapshot: Snapshot, whole: Source, name: str, area: Area) -> Source:
        belonging, key = belonging_of(snapshot, name, area), (whole.serial, area)
        with self._making:
            part = self._parts.get(key)
            if part is None or part.belonging is not belonging:
                inside = belonging.mask(area)
                part = _Part(whole, belonging, 0)
                if not inside.all():
                    part = _Part(whole.part(inside), belonging, int(inside.sum()))
                self._parts[key] = part
            return part.source


def _tiles(most_bytes: int) -> LRUCache[tuple[int, int, int, int], Tile]:
    return LRUCache(most_bytes, getsizeof=lambda tile: len(tile.body) + _OVERHEAD_BYTES)
