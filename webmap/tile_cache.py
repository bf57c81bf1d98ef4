"""Encoded tiles in memory: bounded in bytes, dropped when what is behind them changes.

Everybody who may see the same shares the same tiles. Tiles of single areas have a bound of their own, so that
a thousand of them never push out what the whole district looks at.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from webmap.codings import WORTH_FROM_BYTES, Coding, compress
from webmap.kept import Kept
from webmap.tile_layers import Drawn, belonging_of, frame_of, make_source
from webmap.tile_source import Source, room_for_blocks

if TYPE_CHECKING:
    from layers.areas import Belonging
    from layers.installation import MapDatum
    from layers.snapshot import Snapshot
    from layers.visitors import Area

_SOURCES = 24
_OVERHEAD_BYTES = 256
_PARTS_SHARE = 4
"""One in so many bytes is for tiles of single areas."""
_PARTS_ROWS = 200_000
"""Rows of all sources of single areas together, at four bytes; their blocks are counted with all others."""
_PART_OVERHEAD_ROWS = 100


@dataclass(frozen=True)
class Tile:
    """A tile as it is sent; an empty one has no bytes.

    Attributes
    ----------
    body : bytes
    etag : str
        Follows from what the tile shows and from the coding.
    coding : {"zstd", "gzip", "identity"}
        How the body is compressed: as was asked for, or not at all where that would not help.
    """

    body: bytes
    etag: str
    coding: Coding


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
    datum : {"wgs84", "gcj02"}
        What they are drawn in.
    """

    def __init__(self, most_bytes: int, datum: MapDatum = "wgs84") -> None:
        self._datum = datum
        # One after the other: threads that hand Python's lock to and fro take a tenth more for the same.
        self._encoding = threading.Lock()
        of_parts = most_bytes // _PARTS_SHARE
        self._tiles = _tiles(most_bytes - of_parts)
        self._tiles_of_parts = _tiles(of_parts)
        self._blocks = room_for_blocks()
        self._sources: Kept[tuple[str, tuple[str, ...]], Source] = Kept(_SOURCES)
        self._parts: Kept[tuple[int, Area], _Part] = Kept(
            _PARTS_ROWS, lambda part: min(part.rows, _PARTS_ROWS // 4) + _PART_OVERHEAD_ROWS
        )

    @property
    def kept_bytes(self) -> int:
        """How much the kept tiles take."""
        return self._tiles.size + self._tiles_of_parts.size

    @property
    def kept_rows(self) -> int:
        """How many rows the kept sources of single areas have, as far as they count."""
        return self._parts.size

    def tile(
        self, snapshot: Snapshot, drawn: Drawn, zoom: int, x: int, y: int, coding: Coding = "identity"
    ) -> Tile:
        """Return the tile, encoded and compressed on first use, each coding by itself.

        Raises
        ------
        NotFound
            There is no such tile layer.
        """
        source, tiles = self._source(snapshot, drawn), self._tiles
        if drawn.area is not None:
            whole, source = source, self._part(snapshot, source, drawn.name, drawn.area)
            tiles = self._tiles if source is whole else self._tiles_of_parts
        key = (source.serial, zoom, x, y, coding)

        def make() -> Tile:
            with self._encoding:
                body = source.encode(zoom, x, y)
            return _coded(body, coding)

        return tiles.get(key, make)

    def _source(self, snapshot: Snapshot, drawn: Drawn) -> Source:
        frame = frame_of(snapshot, drawn.name)
        return self._sources.get(
            (drawn.name, drawn.fields),
            partial(make_source, drawn.name, frame, drawn.fields, self._blocks, datum=self._datum),
            still=lambda source: source.frame is frame,
        )

    def _part(self, snapshot: Snapshot, whole: Source, name: str, area: Area) -> Source:
        belonging = belonging_of(snapshot, name, area)

        def cut() -> _Part:
            inside = belonging.mask(area)
            if inside.all():
                return _Part(whole, belonging, 0)
            return _Part(whole.part(inside), belonging, int(inside.sum()))

        return self._parts.get(
            (whole.serial, area), cut, still=lambda part: part.belonging is belonging
        ).source


def _tiles(most_bytes: int) -> Kept[tuple[int, int, int, int, Coding], Tile]:
    return Kept(most_bytes, lambda tile: len(tile.body) + _OVERHEAD_BYTES)


def _coded(body: bytes, coding: Coding) -> Tile:
    tag = hashlib.sha256(body).hexdigest()[:16]
    if coding != "identity" and len(body) >= WORTH_FROM_BYTES:
        made = compress(body, coding)
        if len(made) < len(body):
            return Tile(made, f"{tag}-{coding}", coding)
    return Tile(body, tag, "identity")
