"""The records of one GeoPackage, within a transaction that the caller holds: its versions, and what they replaced."""

# ruff: noqa: S608 - names of tables come from the schema; values are always bound

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import apsw

from layers.epochs import Epoch
from layers.schema import LAYERS, Field, Layer
from layers.store import Authorship, Change, Mark
from layers.stores.contents import ChangeRow, HistoryRow, KeyRow, change_of, day_of, instant_of
from layers.stores.geopackage import ddl
from layers.stores.geopackage.blobs import plain
from layers.stores.history import Undo
from layers.stores.rows import Damaged, Row, geometry_type, value_fields

_CHANGE, _REPLACED = ", ".join(ChangeRow._fields), ", ".join(HistoryRow._fields)
_KEY = ", ".join(KeyRow._fields)
_INSERT_CHANGE = f"INSERT INTO {ddl.CHANGES} ({_CHANGE}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_INSERT_HISTORY = f"INSERT INTO {ddl.HISTORY} ({_REPLACED}) VALUES (?, ?, ?, ?, ?)"
_VERSION = f"SELECT coalesce(max(version), 0) FROM {ddl.CHANGES}"
_SCHEMA_AND_VERSION = f"SELECT (SELECT value FROM {ddl.META} WHERE key = 'schema_version'), ({_VERSION})"
_TRACES = "erased_traces"
_TOUCHED_AMONG = " AND t.value IN (SELECT value FROM json_each(?))"


def record(connection: apsw.Connection, change: ChangeRow, history: Sequence[HistoryRow]) -> None:
    """Record a write and what it replaced."""
    connection.execute(_INSERT_CHANGE, change)
    if history:
        connection.executemany(_INSERT_HISTORY, history)


def record_all(
    connection: apsw.Connection, changes: Iterable[ChangeRow], history: Iterable[HistoryRow]
) -> None:
    """Record writes and what they replaced."""
    connection.executemany(_INSERT_CHANGE, changes)
    connection.executemany(_INSERT_HISTORY, history)


def keep(connection: apsw.Connection, rows: Iterable[KeyRow]) -> None:
    """Keep requests that were done."""
    connection.executemany(f"INSERT INTO {ddl.KEYS} ({_KEY}) VALUES (?, ?, ?, ?)", rows)


def kept(connection: apsw.Connection, keys: Sequence[str]) -> list[KeyRow]:
    """Return the requests that are kept by these keys, those there are."""
    query = f"SELECT {_KEY} FROM {ddl.KEYS} WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key"
    return [KeyRow(*row) for row in connection.execute(query, [json.dumps(list(keys))])]


def all_kept(connection: apsw.Connection) -> Iterator[KeyRow]:
    """Return all requests that are kept, by key."""
    found: Iterable[Row] = connection.execute(f"SELECT {_KEY} FROM {ddl.KEYS} ORDER BY key")
    return (KeyRow(*row) for row in found)


def changes(connection: apsw.Connection, *, since: int = 0) -> Iterable[ChangeRow]:
    """Return the rows of the table of changes after version `since`, oldest first."""
    query = f"SELECT {_CHANGE} FROM {ddl.CHANGES} WHERE version > ? ORDER BY version"
    found: Iterable[Row] = connection.execute(query, [since])
    return (ChangeRow(*row) for row in found)


def mark(connection: apsw.Connection, version: int) -> Mark | None:
    """Return what is kept of the write that made `version` to know it by.

    Raises
    ------
    Damaged
        When it cannot be read.
    """
    query = (
        "SELECT layer, json_array_length(codes), who, note, effective, at "
        f"FROM {ddl.CHANGES} WHERE version = ?"
    )
    for layer, count, who, note, effective, at in connection.execute(query, [version]):
        try:
            by = Authorship(who=who, note=note, effective=day_of(effective))
            return Mark(version, layer, count, by, instant_of(at))
        except (TypeError, ValueError) as error:
            raise Damaged(f"{ddl.CHANGES}: {error}") from error
    return None


def told(row: ChangeRow) -> Change:
    """Return a row of the table of changes as people are told of it.

    Raises
    ------
    Damaged
        When it cannot be read.
    """
    try:
        change = change_of(row)
        if not all(isinstance(code, str) for code in change.codes):
            raise TypeError(f"the codes of version {row.version}")
        return change
    except (TypeError, ValueError) as error:
        raise Damaged(f"{ddl.CHANGES}: {error}") from error


def history(connection: apsw.Connection) -> Iterable[HistoryRow]:
    """Return the rows of the table of history, by version and code."""
    columns = {name: geometry_type(layer) for name, layer in LAYERS.items()}
    found: Iterable[Row] = connection.execute(
        f"SELECT c.layer, h.{_REPLACED.replace(', ', ', h.')} FROM {ddl.HISTORY} h "
        f"LEFT JOIN {ddl.CHANGES} c USING (version) ORDER BY h.version, h.code"
    )
    for layer, version, code, deleted, wkb, before in found:
        if layer not in columns:
            raise Damaged(f"{ddl.HISTORY}: version {version} of {layer}")
        kept = None if wkb is None else plain(wkb, columns[layer])
        yield HistoryRow(version, code, bool(deleted), kept, before)


def naming(connection: apsw.Connection, layer: Layer, field: Field) -> list[HistoryRow]:
    """Return the rows of the table of history of a layer in which the field is named."""
    found: Iterable[Row] = connection.execute(
        f"SELECT h.{_REPLACED.replace(', ', ', h.')} FROM {ddl.HISTORY} h JOIN {ddl.CHANGES} c USING (version) "
        "WHERE c.layer = ? AND instr(h.before, ?) ORDER BY h.version, h.code",
        [layer.name, f'"{field.name}":'],
    )
    return [HistoryRow(*row) for row in found]


def replace(connection: apsw.Connection, rows: Iterable[HistoryRow]) -> None:
    """Write what is kept before over that of the same version and code."""
    connection.executemany(
        f"UPDATE {ddl.HISTORY} SET before = ? WHERE version = ? AND code = ?",
        ((row.before, row.version, row.code) for row in rows),
    )


def note_traces(connection: apsw.Connection, *, there: bool) -> None:
    """Note whether the file may still hold traces of what was erased."""
    connection.execute(f"DELETE FROM {ddl.META} WHERE key = ?", [_TRACES])
    if there:
        connection.execute(f"INSERT INTO {ddl.META} (key, value) VALUES (?, 'yes')", [_TRACES])


def traces_noted(connection: apsw.Connection) -> bool:
    """Whether the file may still hold traces of what was erased."""
    return meta(connection, _TRACES) is not None


def undos(
    connection: apsw.Connection, layer: Layer, codes: Sequence[str] | None = None, *, since: int = 0
) -> Iterator[Undo]:
    """Return what takes back the writes to a layer after version `since`, newest first, of all or of `codes`.

    Raises
    ------
    Damaged
        When something of it cannot be read.
    """
    return (undo_of(layer, row) for row in touches(connection, layer, codes, since=since))


def touches(
    connection: apsw.Connection, layer: Layer, codes: Sequence[str] | None = None, *, since: int = 0
) -> Iterable[Row]:
    """Return the rows of which `undo_of` makes the undos that `undos` returns."""
    among, values = ("", []) if codes is None else (_TOUCHED_AMONG, [json.dumps(list(codes))])
    found: Iterable[Row] = connection.execute(
        "SELECT c.version, t.value, h.deleted, h.wkb, h.before, c.who, c.note, c.effective, c.at "
        f"FROM {ddl.CHANGES} c, json_each(c.codes) t "
        f"LEFT JOIN {ddl.HISTORY} h ON h.version = c.version AND h.code = t.value "
        f"WHERE c.version > ? AND c.layer = ?{among} ORDER BY c.version DESC, t.value",
        [since, layer.name, *values],
    )
    return found


def undo_of(layer: Layer, row: Row) -> Undo:
    """Return what takes back a write to a feature.

    Raises
    ------
    Damaged
        When it cannot be read.
    """
    version, code, deleted, wkb, before, who, note, effective, at = row
    try:
        by = Authorship(who=who, note=note, effective=day_of(effective))
        if not isinstance(code, str):
            raise TypeError("a code that is none")
        if deleted is None:
            return Undo(version, code, "insert", by=by, at=instant_of(at))
        values = json.loads(before)
        names = {field.name for field in value_fields(layer)}
        if not isinstance(values, dict) or values.keys() - names:
            raise ValueError("the values before")
        # A field that it does not have came with a later schema.
        if deleted and (wkb is None or not values):
            raise ValueError("not the whole feature")
        kept = None if wkb is None else plain(wkb, geometry_type(layer))
        return Undo(version, code, "delete" if deleted else "update", kept, values, by, instant_of(at))
    except (TypeError, ValueError) as error:
        raise Damaged(f"{ddl.HISTORY}: version {version}, {code}: {error}") from error


def meta(connection: apsw.Connection, key: str) -> str | None:
    """Return what the store says of itself under `key`."""
    said: str | None = connection.execute(f"SELECT value FROM {ddl.META} WHERE key = ?", [key]).get
    return said


def epoch(connection: apsw.Connection) -> Epoch:
    """Return what tells the store's versions from another's.

    Raises
    ------
    Damaged
        When the store does not say.
    """
    known, since = meta(connection, "epoch"), meta(connection, "epoch_since")
    try:
        if known and since:
            return Epoch(known, instant_of(since))
    except (TypeError, ValueError) as error:
        raise Damaged(f"{ddl.META}: epoch_since") from error
    raise Damaged(f"{ddl.META}: epoch")


def history_since(connection: apsw.Connection) -> int:
    """Return the version from which on history is kept.

    Raises
    ------
    Damaged
        When the store does not say.
    """
    said = meta(connection, "history_since")
    if not isinstance(said, str) or not said.isdecimal():
        raise Damaged(f"{ddl.META}: history_since")
    return int(said)


def version(connection: apsw.Connection) -> int:
    """Return the number of the last write; 0 before the first."""
    last: int = connection.execute(_VERSION).get
    return last


def schema_and_version(connection: apsw.Connection) -> tuple[str | None, int]:
    """Return the schema that the store says it has, and the number of the last write."""
    found: tuple[str | None, int] = connection.execute(_SCHEMA_AND_VERSION).get
    return found
