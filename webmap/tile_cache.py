"""Encoded tiles in memory: bounded in bytes, dropped when the layer behind them changes."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

from webmap.responses import compressed
from webmap.tile_layers import Source, frame_of, make_source

if TYPE_CHECKING:
    from layers.snapshot import Snapshot

_SOURCES = 24
_OVERHEAD_BYTES = 256


@dataclass(frozen=True)
class Tile:
    """A tile's bytes, compressed, and its entity tag, which follows from them; an empty tile has no bytes."""

    body: bytes
    etag: str


class TileCache:
    """Tiles by layer, zoom and place.

    Parameters
    ----------
    most_bytes : int
        Encoded tiles kept take at most so much; the least recently asked for goes first.
    """

    def __init__(self, most_bytes: int) -> None:
        self._tiles: LRUCache[tuple[int, int, int, int], Tile] = LRUCache(
            most_bytes, getsizeof=lambda tile: len(tile.body) + _OVERHEAD_BYTES
        )
        self._sources: LRUCache[str, Source] = LRUCache(_SOURCES)
        self._making = threading.Lock()
        self._keeping = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """How much the kept tiles take."""
        return int(self._tiles.currsize)

    def tile(self, snapshot: Snapshot, layer: str, zoom: int, x: int, y: int) -> Tile:
        """Return the tile, encoded on first use.

        Raises
        ------
        NotFound
            There is no such tile layer.
        """
        source = self._source(snapshot, layer)
        key = (source.serial, zoom, x, y)
        with self._keeping:
            kept = self._tiles.get(key)
        if kept is not None:
            return kept
        body = source.encode(zoom, x, y)
        made = Tile(compressed(body) if body else b"", hashlib.sha256(body).hexdigest()[:16])
        with self._keeping:
            if len(made.body) + _OVERHEAD_BYTES <= self._tiles.maxsize:
                self._tiles[key] = made
        return made

    def _source(self, snapshot: Snapshot, layer: str) -> Source:
        frame = frame_of(snapshot, layer)
        with self._making:
            source = self._sources.get(layer)
            if source is None or source.frame is not frame:
                source = self._sources[layer] = make_source(layer, frame)
            return source
