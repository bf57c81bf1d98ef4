"""What is wrong with a store in PostGIS: its indexes, its counts, its geometries, its records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from layers.schema import LAYERS, Layer
from layers.store import EditKind, Fault
from layers.stores.postgis import ddl, tables
from layers.stores.rows import Row
from layers.stores.verification import SHOWN_CODES, history_faults, version_faults
from layers.text import Text

if TYPE_CHECKING:
    from layers.stores.postgis.connection import Connection

_INVALID = """
SELECT t.relname, i.relname FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = %s AND NOT (x.indisvalid AND x.indisready) ORDER BY 1, 2
"""
_REBUILD = Text(
    "请由存储的拥有者执行 REINDEX {what}; 不丢失任何内容。",
    "Let the store's owner run REINDEX {what}; nothing is lost by it.",
)
_SCANS = {
    "table": ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"),
    "index": ("enable_seqscan",),
}
# SQLSTATE classes of an internal error, such as a damaged page, and of a failing disk.
_UNREADABLE = ("XX", "58")
_EVERYWHERE = "geom && ST_MakeEnvelope('-infinity', '-infinity', 'infinity', 'infinity', 4490)"
_KINDS = {"point": ("ST_Point",), "polygon": ("ST_Polygon", "ST_MultiPolygon")}
_TOUCHES = """
SELECT t.code, h.deleted FROM {changes} c CROSS JOIN LATERAL unnest(c.codes) AS t(code)
LEFT JOIN {history} h ON h.version = c.version AND h.code = t.code
WHERE c.layer = {layer} AND c.version > {since} ORDER BY c.version DESC
"""
_ORPHANS = """
SELECT version, code FROM {history} EXCEPT SELECT version, unnest(codes) FROM {changes} ORDER BY 1, 2
"""


def faults_of(connection: Connection) -> list[Fault]:
    """Return what is wrong, within a transaction that sees one version."""
    found = [*_indexes(connection)]
    for layer in LAYERS.values():
        found += _of_layer(connection, layer)
    return [*found, *_records(connection)]


def _indexes(connection: Connection) -> Iterator[Fault]:
    for table, index in connection.execute(_INVALID, [ddl.SCHEMA]).fetchall():
        message = Text("索引 {name} 无效。", "Index {name} is not valid.")
        name = ddl.table(index).as_string()
        yield Fault(
            "index",
            table if table in LAYERS else None,
            message.format(name=name),
            remedy=_REBUILD.format(what=f"INDEX {name}"),
        )


def _of_layer(connection: Connection, layer: Layer) -> Iterator[Fault]:
    try:
        with connection.transaction():
            yield from [*_counts(connection, layer), *_geometries(connection, layer)]
            yield from _history(connection, layer)
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in _UNREADABLE:
            raise
        message = Text("{layer}无法读取（{detail}）。", "{layer} cannot be read ({detail}).")
        yield Fault("unreadable", layer.name, message.format(layer=layer.title, detail=error))


def _counts(connection: Connection, layer: Layer) -> Iterator[Fault]:
    """Compare what a scan of the table finds with what the indexes of codes and of geometries find."""
    table = ddl.table(layer.name)
    # An empty geometry is in no index.
    for name, all_there, indexed_all in (
        ("code", "true", "code >= ''"),
        ("geom", "NOT ST_IsEmpty(geom)", _EVERYWHERE),
    ):
        count = sql.SQL("SELECT count(*) FROM {} WHERE {}")
        there = _counted(connection, count.format(table, sql.SQL(all_there)), "table")
        indexed = _counted(connection, count.format(table, sql.SQL(indexed_all)), "index")
        if indexed != there:
            message = Text(
                "{layer}有 {there} 个，而 {name} 的索引中有 {indexed} 个。",
                "{layer} are {there}, but the index of {name} holds {indexed}.",
            )
            values = {"layer": layer.title, "there": there, "name": name, "indexed": indexed}
            remedy = _REBUILD.format(what=f"TABLE {table.as_string()}")
            yield Fault("count", layer.name, message.format(**values), remedy=remedy)


def _counted(connection: Connection, query: sql.Composed, scan: str) -> int:
    with connection.transaction():
        for setting in _SCANS[scan]:
            connection.execute(sql.SQL("SET LOCAL {} = off").format(sql.Identifier(setting)))
        ((found,),) = connection.execute(query).fetchall()
        for setting in _SCANS[scan]:
            connection.execute(sql.SQL("SET LOCAL {} = on").format(sql.Identifier(setting)))
    return int(found)


def _geometries(connection: Connection, layer: Layer) -> Iterator[Fault]:
    kinds = [name for kind in layer.geometry for name in _KINDS[kind]]
    query = sql.SQL(
        "SELECT code FROM {} WHERE ST_IsEmpty(geom) OR ST_GeometryType(geom) <> ALL(%s) ORDER BY code"
    ).format(ddl.table(layer.name))
    wrong = [code for (code,) in connection.execute(query, [kinds])]
    if wrong:
        message = Text(
            "{n} 个{layer}的几何为空或类型不符。",
            "The geometry of {n} of {layer} is empty or of another kind.",
        )
        yield Fault(
            "geometry",
            layer.name,
            message.format(n=len(wrong), layer=layer.title),
            tuple(wrong[:SHOWN_CODES]),
        )


def _history(connection: Connection, layer: Layer) -> list[Fault]:
    since = int(tables.meta(connection, "history_since") or 0)
    present = sql.SQL("SELECT code FROM {}").format(ddl.table(layer.name))
    touches = sql.SQL(_TOUCHES).format(
        changes=ddl.table(ddl.CHANGES),
        history=ddl.table(ddl.HISTORY),
        layer=sql.Literal(layer.name),
        since=sql.Literal(since),
    )
    return history_faults(
        layer,
        (code for (code,) in _each(connection, present)),
        ((code, _kind(deleted)) for code, deleted in _each(connection, touches)),
        from_nothing=since == 0,
    )


def _kind(deleted: bool | None) -> EditKind:
    if deleted is None:
        return "insert"
    return "delete" if deleted else "update"


def _records(connection: Connection) -> Iterator[Fault]:
    versions = sql.SQL("SELECT version FROM {} ORDER BY version").format(ddl.table(ddl.CHANGES))
    numbers = (number for (number,) in _each(connection, versions))
    yield from version_faults(tables.version(connection), numbers)
    query = sql.SQL(_ORPHANS).format(changes=ddl.table(ddl.CHANGES), history=ddl.table(ddl.HISTORY))
    orphans = connection.execute(query).fetchall()
    if orphans:
        message = Text("有 {n} 条历史记录不属于任何更改。", "{n} records of history belong to no change.")
        codes = tuple(dict.fromkeys(code for _, code in orphans))
        yield Fault("history", None, message.format(n=len(orphans)), codes[:SHOWN_CODES])


def _each(connection: Connection, query: sql.Composed) -> Iterator[Row]:
    for rows in tables.streamed(connection, query.as_bytes()):
        yield from rows
