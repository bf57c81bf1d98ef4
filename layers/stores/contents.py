"""Everything a store holds, on its way from one store into another.

What a store is equal to is just this: two stores of equal contents answer every question alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from layers.epochs import new_epoch
from layers.schema import LAYERS, layer_named
from layers.store import Authorship, Change
from layers.stores.rows import Rows, by_code, row_parts, storable

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.store import District

CHUNK_ROWS = 10_000
_ENCODED = json.encoder.encode_basestring


class ChangeRow(NamedTuple):
    """One row of the table of changes.

    Attributes
    ----------
    codes : str
        JSON array of the codes touched, ordered, without blanks between them.
    at, effective : str or None
        ISO 8601: the moment in UTC to the microsecond, ending in Z; the day.
    """

    version: int
    layer: str
    codes: str
    at: str | None
    who: str
    note: str
    effective: str | None


class HistoryRow(NamedTuple):
    """What one version replaced of one feature; a feature touched without such a row was inserted.

    Attributes
    ----------
    deleted : bool
        The whole feature is here; otherwise only what the version changed of it.
    wkb : bytes or None
        The geometry before; None where it did not change.
    before : str
        JSON object of the fields' values before, in the layer's order.
    """

    version: int
    code: str
    deleted: bool
    wkb: bytes | None
    before: str


class KeyRow(NamedTuple):
    """One request that was done, by the key that its client gave it.

    Attributes
    ----------
    version : int
        In which it was written, or the store's own when nothing was to be written.
    fields : str
        JSON array of the fields that were.
    """

    key: str
    digest: str
    version: int
    fields: str


@dataclass(frozen=True)
class Contents:
    """One version of a store, whole.

    Attributes
    ----------
    history_since : int
        The version from which on history is kept.
    counts : mapping of layer to int
        How many rows are to come, for progress.
    layers : mapping of layer to chunks of rows
        Ordered by code; to be read once, in order, before `changes`.
    changes : iterable of ChangeRow
        Ordered by version.
    history : iterable of HistoryRow
        Ordered by version, then code; to be read after `changes`.
    keys : iterable of KeyRow
        Ordered by key; to be read last.
    """

    district: District
    history_since: int
    counts: Mapping[str, int]
    layers: Mapping[str, Iterable[Rows]]
    changes: Iterable[ChangeRow]
    history: Iterable[HistoryRow]
    keys: Iterable[KeyRow] = ()


def contents_of_frames(
    district: District, frames: Mapping[str, gpd.GeoDataFrame], *, by: Authorship, at: datetime
) -> Contents:
    """Return what a new store holds: a version for each layer that has rows, in the order of the layers.

    Rows are made when they are read, so that a large district is never in memory twice, and a server works
    on what it has meanwhile. What `row_parts` raises is raised then.
    """
    ordered = {name: by_code(frame, layer_named(name)) for name, frame in frames.items()}
    given = [name for name in LAYERS if name in ordered and len(ordered[name])]
    changes = [
        change_row(version, name, ordered[name].index.tolist(), by, at)
        for version, name in enumerate(given, 1)
    ]
    counts = {name: len(ordered[name]) for name in given}
    layers = {name: row_parts(ordered[name], layer_named(name)) for name in given}
    begun = replace(district, epoch=new_epoch(at))
    return Contents(begun, 0, counts, layers, changes, ())


def change_row(version: int, layer: str, codes: Iterable[str], by: Authorship, at: datetime) -> ChangeRow:
    """Return a write as the table of changes keeps it.

    Raises
    ------
    ValueError
        When the author or the note holds what no store can keep.
    """
    if not storable(by.who + by.note):
        raise ValueError("who writes or why holds the character NUL or half a character")
    return ChangeRow(
        version, layer, codes_text(codes), instant_text(at), by.who, by.note, day_text(by.effective)
    )


def change_of(row: ChangeRow) -> Change:
    """Return a row of the table of changes as people are told of it."""
    by = Authorship(who=row.who, note=row.note, effective=day_of(row.effective))
    return Change(row.version, row.layer, tuple(json.loads(row.codes)), by, instant_of(row.at))


def codes_text(codes: Iterable[str]) -> str:
    """Return codes as `ChangeRow` keeps them."""
    return f"[{','.join(map(_ENCODED, codes))}]"


def instant_text(at: datetime) -> str:
    """Return a moment as `ChangeRow` keeps it."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return f"{at.isoformat(timespec='microseconds')[:-6]}Z"


def instant_of(text: str | None) -> datetime | None:
    """Return the moment that `instant_text` wrote."""
    return None if text is None else datetime.fromisoformat(text)


def day_text(day: date | None) -> str | None:
    """Return a day as `ChangeRow` keeps it."""
    return None if day is None else day.isoformat()


def day_of(text: str | None) -> date | None:
    """Return the day that `day_text` wrote."""
    return None if text is None else date.fromisoformat(text)
