"""Rows in and out of the tables of one schema, within a transaction that the caller holds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Any

import shapely
from psycopg import sql
from psycopg.copy import QueuedLibpqWriter

from layers.epochs import Epoch
from layers.schema import LAYERS, Field, Layer, layer_named
from layers.store import Authorship, District, Mark
from layers.stores.base import STEP_ROWS, Step
from layers.stores.contents import (
    CHUNK_ROWS,
    ChangeRow,
    HistoryRow,
    KeyRow,
    codes_text,
    day_of,
    day_text,
    instant_of,
    instant_text,
)
from layers.stores.history import Undo
from layers.stores.postgis import ddl
from layers.stores.rows import PART_ROWS, Row, Rows, geometries_of, plain_geometries, wkb_of

if TYPE_CHECKING:
    from layers.stores.postgis.connection import Connection

Statement = tuple[bytes, Sequence[Any]]
"""A statement, composed once and for all, and its values."""

VERSION = sql.SQL("SELECT version FROM {}").format(ddl.table(ddl.HEAD)).as_bytes()
META = sql.SQL("SELECT value FROM {} WHERE key = %s").format(ddl.table(ddl.META)).as_bytes()
SET_VERSION = (
    sql.SQL("UPDATE {} SET version = %s RETURNING pg_notify(%s, %s)").format(ddl.table(ddl.HEAD)).as_bytes()
)


def names(columns: Iterable[str]) -> sql.Composed:
    """Return names of columns as a list."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


INSERT_HISTORY = (
    sql.SQL("INSERT INTO {} ({}) VALUES (%s, %s, %s, %s::bytea, %s)")
    .format(ddl.table(ddl.HISTORY), names(HistoryRow._fields))
    .as_bytes()
)
_INSERT_CHANGE = (
    sql.SQL("INSERT INTO {} ({}) VALUES (%s, %s, %s::text[], %s, %s, %s, %s)")
    .format(ddl.table(ddl.CHANGES), names(ChangeRow._fields))
    .as_bytes()
)
_CHANGES = sql.SQL("SELECT {} FROM {}").format(names(ChangeRow._fields), ddl.table(ddl.CHANGES)).as_bytes()
_MARK = (
    sql.SQL("SELECT layer, cardinality(codes), who, note, effective, at FROM {} WHERE version = %s")
    .format(ddl.table(ddl.CHANGES))
    .as_bytes()
)
_HISTORY = (
    sql.SQL("SELECT {} FROM {} ORDER BY version, code")
    .format(names(HistoryRow._fields), ddl.table(ddl.HISTORY))
    .as_bytes()
)
_UNDOS = """
SELECT c.version, t.code, h.deleted, h.wkb, h.before, c.who, c.note, c.effective, c.at
FROM {source} LEFT JOIN {history} h ON h.version = c.version AND h.code = t.code
WHERE c.layer = %(layer)s AND c.version > %(since)s {among} ORDER BY c.version DESC, t.code
"""
# A single code is looked up in the index of changes; for many it is quicker to go through the changes.
_BY_INDEX = "unnest(%(codes)s::text[]) AS t(code) JOIN {changes} c ON c.codes @> ARRAY[t.code]"
_BY_CHANGE = "{changes} c CROSS JOIN LATERAL unnest(c.codes) AS t(code)"
_FEW_CODES = 50
_NAMING = """
SELECT {columns} FROM {history} h JOIN {changes} c USING (version)
WHERE c.layer = %s AND strpos(h.before, %s) > 0 ORDER BY h.version, h.code
"""
_REPLACE = (
    sql.SQL("UPDATE {} SET before = %s WHERE version = %s AND code = %s")
    .format(ddl.table(ddl.HISTORY))
    .as_bytes()
)
INSERT_KEY = (
    sql.SQL("INSERT INTO {} ({}) VALUES (%s, %s, %s, %s)")
    .format(ddl.table(ddl.KEYS), names(KeyRow._fields))
    .as_bytes()
)
_KEPT = sql.SQL("SELECT {} FROM {}").format(names(KeyRow._fields), ddl.table(ddl.KEYS)).as_bytes()
KEPT_AMONG = _KEPT + b" WHERE key = ANY(%s::text[]) ORDER BY key"
_DISTRICT = ("geom", "name", "name_en", "metric_crs", "as_of", "invented")
_CHANGES_AT_ONCE = 50
_STREAMS = itertools.count()


def _select(name: str, *, days: str) -> sql.Composed:
    layer = layer_named(name)
    wanted: list[sql.Composable] = [sql.SQL("code"), sql.SQL("ST_AsBinary(geom, 'NDR')")]
    for column, kind in _fields(layer):
        wanted.append(sql.Identifier(column) + sql.SQL(days if kind == "date" else ""))
    return sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(wanted), ddl.table(name))


@cache
def select(name: str, *, among: bool = False, in_box: bool = False) -> bytes:
    """Return the query for rows of the layer called `name` by code: all, or those of some codes or near a box.

    A row is code, WKB, then the fields in order, days as texts.
    """
    conditions = []
    if among:
        conditions.append(sql.SQL("code = ANY(%s::text[])"))
    if in_box:
        # By boxes in single precision, rounded outward: a little too much.
        conditions.append(sql.SQL(f"geom && ST_MakeEnvelope(%s, %s, %s, %s, {ddl.SRID})"))
    where = sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("")
    return (_select(name, days="::text") + where + sql.SQL(" ORDER BY code")).as_bytes()


@cache
def select_days(name: str) -> bytes:
    """Return the query for all rows of a layer by code, days as the server's own type."""
    return (_select(name, days="") + sql.SQL(" ORDER BY code")).as_bytes()


@cache
def _insert(name: str) -> bytes:
    layer = layer_named(name)
    values = sql.SQL(", ").join([sql.SQL("%s"), *places(layer)])
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})")
    return statement.format(ddl.table(name), names(ddl.columns(layer)), values).as_bytes()


@cache
def _update(name: str) -> bytes:
    layer = layer_named(name)
    pairs = zip(ddl.columns(layer)[1:], places(layer), strict=True)
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(column), place) for column, place in pairs]
    values = sql.SQL(", ").join(assignments)
    return sql.SQL("UPDATE {} SET {} WHERE code = %s").format(ddl.table(name), values).as_bytes()


def _fields(layer: Layer) -> list[tuple[str, str]]:
    return list(zip(ddl.columns(layer)[2:], ddl.column_types(layer)[2:], strict=True))


def places(layer: Layer) -> list[sql.SQL]:
    """Return the places of a row's values, without its code."""
    geometry = sql.SQL(f"ST_GeomFromWKB(%s::bytea, {ddl.SRID})")
    return [geometry, *(sql.SQL(f"%s::{kind}") for _, kind in _fields(layer))]


def inserts(layer: Layer, rows: Rows) -> list[Statement]:
    """Return the statements that insert rows."""
    return [(_insert(layer.name), row) for row in rows.records]


def updates(layer: Layer, rows: Rows) -> list[Statement]:
    """Return the statements that write rows over those with their codes."""
    return [(_update(layer.name), (*row[1:], row[0])) for row in rows.records]


def delete(layer: Layer, codes: Sequence[str]) -> Statement:
    """Return the statement that deletes the rows with these codes."""
    statement = sql.SQL("DELETE FROM {} WHERE code = ANY(%s::text[])")
    return statement.format(ddl.table(layer.name)).as_bytes(), [list(codes)]


def insert_change(change: ChangeRow) -> Statement:
    """Return the statement that records a write."""
    return _INSERT_CHANGE, change_values(change)


def change_values(change: ChangeRow) -> tuple[Any, ...]:
    """Return a row of the table of changes as its columns take it."""
    at, effective = instant_of(change.at), day_of(change.effective)
    return (change.version, change.layer, json.loads(change.codes), at, change.who, change.note, effective)


@cache
def at_once(statements: tuple[bytes, ...]) -> bytes:
    """Return one statement that does what `statements`, which touch different rows, do one after another."""
    parts = [b"s%d AS (%s)" % (number, statement) for number, statement in enumerate(statements[:-1])]
    return b"WITH %s %s" % (b", ".join(parts), statements[-1])


# Reading


def version(connection: Connection) -> int:
    """Return the number of the last write, 0 before the first."""
    return int(_one(connection, VERSION))


def meta(connection: Connection, key: str) -> str | None:
    """Return what the store notes under `key`."""
    found = connection.execute(META, [key]).fetchone()
    return None if found is None else str(found[0])


def epoch(connection: Connection) -> Epoch:
    """Return what tells the store's versions from another's; none where a DBA took it away: then nothing matches."""
    return Epoch(meta(connection, "epoch") or "", instant_of(meta(connection, "epoch_since")))


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of features per layer."""
    each = [sql.SQL("(SELECT count(*) FROM {})").format(ddl.table(name)) for name in LAYERS]
    found = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(each))).fetchall()
    return dict(zip(LAYERS, found[0], strict=True))


def size_bytes(connection: Connection, layer: Layer) -> int:
    """Return how much the server keeps of a layer, without its indexes."""
    name = ddl.table(layer.name).as_string()
    return int(_one(connection, b"SELECT pg_table_size(%s::regclass)", [name]))


def district(connection: Connection) -> District:
    """Return what the store says of itself."""
    query = sql.SQL("SELECT ST_AsBinary(geom, 'NDR'), {} FROM {}").format(
        names(_DISTRICT[1:]), ddl.table(ddl.DISTRICT)
    )
    ((outline, name, name_en, metric_crs, as_of, invented),) = connection.cursor(binary=True).execute(query)
    return District(
        name=name,
        name_en=name_en,
        metric_crs=metric_crs,
        as_of=as_of,
        outline=None if outline is None else geometries_of([outline])[0],
        invented=invented,
        epoch=epoch(connection),
    )


def changes(connection: Connection, *, since: int) -> list[ChangeRow]:
    """Return the rows of the table of changes after version `since`, oldest first."""
    found = connection.cursor(binary=True).execute(
        _CHANGES + b" WHERE version > %s ORDER BY version", [since]
    )
    return [_change_of(row) for row in found]


def mark(connection: Connection, version: int) -> Mark | None:
    """Return what is kept of the write that made `version` to know it by."""
    found = connection.cursor(binary=True).execute(_MARK, [version]).fetchone()
    if found is None:
        return None
    layer, count, who, note, effective, at = found
    by = Authorship(who=who, note=note, effective=effective)
    return Mark(version, layer, count, by, None if at is None else at.astimezone(UTC))


def all_changes(connection: Connection) -> Iterator[ChangeRow]:
    """Return the rows of the table of changes, oldest first, within a transaction."""
    # One change may name every code of a layer.
    for rows in streamed(connection, _CHANGES + b" ORDER BY version", rows=_CHANGES_AT_ONCE):
        yield from map(_change_of, rows)


def _change_of(row: Row) -> ChangeRow:
    number, layer, codes, at, who, note, effective = row
    moment = None if at is None else instant_text(at)
    return ChangeRow(number, layer, codes_text(codes), moment, who, note, day_text(effective))


def all_history(connection: Connection) -> Iterator[HistoryRow]:
    """Return the rows of the table of history, by version and code, within a transaction."""
    for rows in streamed(connection, _HISTORY):
        yield from itertools.starmap(HistoryRow, rows)


def all_keys(connection: Connection) -> Iterator[KeyRow]:
    """Return the rows of the table of keys, by key, within a transaction."""
    for rows in streamed(connection, _KEPT + b" ORDER BY key"):
        yield from itertools.starmap(KeyRow, rows)


def chunks(connection: Connection, layer: Layer) -> Iterator[Rows]:
    """Return a layer's rows by code, some at a time, within a transaction."""
    for records in streamed(connection, select(layer.name)):
        yield Rows(records, shapely.bounds(geometries_of([record[1] for record in records])))


def parts(connection: Connection, layer: Layer) -> Iterator[list[Row]]:
    """Return a layer's rows by code, some at a time: while they are made use of, the server goes on."""
    found = connection.cursor(binary=True).stream(select(layer.name), size=PART_ROWS)
    while some := list(itertools.islice(found, PART_ROWS)):
        yield some


def streamed(connection: Connection, query: bytes, *, rows: int = CHUNK_ROWS) -> Iterator[list[Row]]:
    """Return what a query without parameters finds, some `rows` at a time, within a transaction."""
    name = f"stream_{next(_STREAMS)}".encode()
    connection.execute(b"DECLARE %s NO SCROLL CURSOR FOR %s" % (name, query))
    fetch = b"FETCH FORWARD %d FROM %s" % (rows, name)
    while found := connection.cursor(binary=True).execute(fetch).fetchall():
        yield found
    connection.execute(b"CLOSE %s" % name)


def naming(layer: Layer, field: Field) -> Statement:
    """Return the query for the rows of history of a layer in which the field is named."""
    columns = sql.SQL(", ").join(sql.Identifier("h", name) for name in HistoryRow._fields)
    query = sql.SQL(_NAMING).format(
        columns=columns, history=ddl.table(ddl.HISTORY), changes=ddl.table(ddl.CHANGES)
    )
    return query.as_bytes(), [layer.name, f'"{field.name}":']


def replacements(rows: Iterable[HistoryRow]) -> list[Statement]:
    """Return the statements that write what is kept before over that of the same version and code."""
    return [(_REPLACE, (row.before, row.version, row.code)) for row in rows]


def undos(layer: Layer, codes: Sequence[str] | None, *, since: int) -> tuple[bytes, dict[str, Any]]:
    """Return the query for what `undo_of` reads, newest first, with its values."""
    values = {
        "layer": layer.name,
        "since": since,
        "codes": None if codes is None else list(dict.fromkeys(codes)),
    }
    return _undos(None if codes is None else len(codes) <= _FEW_CODES), values


@cache
def _undos(few: bool | None) -> bytes:
    among = sql.SQL("AND t.code = ANY(%(codes)s::text[])" if few is False else "")
    source = sql.SQL(_BY_INDEX if few else _BY_CHANGE).format(changes=ddl.table(ddl.CHANGES))
    parts = {"source": source, "among": among, "history": ddl.table(ddl.HISTORY)}
    return sql.SQL(_UNDOS).format(**parts).as_bytes()


def undo_of(row: Row) -> Undo:
    """Return what a row of `undos` says."""
    number, code, deleted, wkb, before, who, note, effective, at = row
    by = Authorship(who=who, note=note, effective=effective)
    if deleted is None:
        return Undo(number, code, "insert", by=by, at=at)
    return Undo(number, code, "delete" if deleted else "update", wkb, json.loads(before), by, at)


def _one(connection: Connection, query: bytes, values: Sequence[Any] = ()) -> Any:
    ((found,),) = connection.execute(query, values).fetchall()
    return found


# Writing in bulk


def copy_features(
    connection: Connection, table: sql.Composable, layer: Layer, rows: Iterable[Row], step: Step
) -> None:
    """Copy rows into `table`, which has the columns of `layer`."""
    kinds = ddl.column_types(layer)
    days = [at for at, kind in enumerate(kinds) if kind == "date"]

    def typed(row: Row) -> Sequence[Any]:
        values = list(row)
        for at in days:
            values[at] = day_of(values[at])
        return values

    _copy(connection, table, ddl.columns(layer), kinds, rows, typed if days else tuple, step)


def copy_changes(connection: Connection, rows: Iterable[ChangeRow]) -> None:
    """Copy rows into the table of changes."""
    # As texts: one change may name every code of a layer, and each would be put into binary by itself.
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(ddl.table(ddl.CHANGES), names(ChangeRow._fields))
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row._replace(codes=_array_text(row.codes)))


def _array_text(codes: str) -> str:
    """Return codes, given as `codes_text` makes them, as the text of an array."""
    if "\\" in codes:
        quoted = (code.replace("\\", r"\\").replace('"', r"\"") for code in json.loads(codes))
        return "{" + ",".join(f'"{code}"' for code in quoted) + "}"
    # Without anything escaped, only the brackets differ.
    return "{" + codes[1:-1] + "}"


def copy_history(connection: Connection, rows: Iterable[HistoryRow]) -> None:
    """Copy rows into the table of history."""
    kinds = ["bigint", "text", "boolean", "bytea", "text"]
    _copy(connection, ddl.table(ddl.HISTORY), HistoryRow._fields, kinds, rows, tuple, lambda _: None)


def copy_keys(connection: Connection, rows: Iterable[KeyRow]) -> None:
    """Copy rows into the table of keys."""
    kinds = ["text", "text", "bigint", "text"]
    _copy(connection, ddl.table(ddl.KEYS), KeyRow._fields, kinds, rows, tuple, lambda _: None)


def _copy(
    connection: Connection,
    table: sql.Composable,
    columns: Sequence[str],
    kinds: Sequence[str],
    rows: Iterable[Any],
    values: Callable[[Any], Sequence[Any]],
    step: Step,
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(table, names(columns))
    cursor = connection.cursor()
    number = 0
    # A thread sends: while the server takes some rows, the next are made.
    with cursor.copy(statement, writer=QueuedLibpqWriter(cursor)) as copy:
        copy.set_types(kinds)
        for number, row in enumerate(rows, 1):
            copy.write_row(values(row))
            if number % STEP_ROWS == 0:
                step(STEP_ROWS)
    if number % STEP_ROWS:
        step(number % STEP_ROWS)


def set_district(connection: Connection, described: District) -> None:
    """Write what the store says of itself."""
    outline = None
    if described.outline is not None:
        outline = wkb_of(plain_geometries([described.outline]), "MULTIPOLYGON")[0]
    connection.execute(sql.SQL("DELETE FROM {}").format(ddl.table(ddl.DISTRICT)))
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES (ST_GeomFromWKB(%s::bytea, {}), %s, %s, %s, %s, %s)").format(
            ddl.table(ddl.DISTRICT), names(_DISTRICT), sql.Literal(ddl.SRID)
        ),
        [
            outline,
            described.name,
            described.name_en,
            described.metric_crs,
            described.as_of,
            described.invented,
        ],
    )
