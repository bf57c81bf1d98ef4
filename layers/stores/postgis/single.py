"""A write of one feature that is thought out before its turn: nobody waits for the turn while its holder computes.

One journey reads what is there. On the next goes all that follows from it: take the turn, write if nobody has
touched the feature since, commit. Who was not quick enough begins anew. Of a feature that is said to be new nothing
is read: that it is not there is found out with the turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from layers.schema import Layer, layer_named
from layers.stores.base import Step
from layers.stores.contents import ChangeRow, HistoryRow
from layers.stores.postgis import ddl, faults, tables
from layers.stores.postgis.transaction import TURN_FOR_ONE, Check
from layers.stores.rows import Row, Rows

if TYPE_CHECKING:
    from layers.stores.postgis.addresses import Address
    from layers.stores.postgis.connection import Connection

# How many writes by others are looked through, so that this never takes long.
_MOST_MEANWHILE = 50
_FOUND = """
SELECT h.version, m.value, r.* FROM {head} h JOIN {meta} m ON h.one AND m.key = 'schema_version'
LEFT JOIN ({rows}) r ON r.code = %s
"""
_WRITE = """
WITH turn AS (
  UPDATE {head} SET version = version + 1
  WHERE one AND (SELECT value FROM {meta} WHERE key = 'schema_version') = {schema} AND {as_seen}
  RETURNING version
), recorded AS (
  INSERT INTO {changes} ({change}) SELECT version, %s, %s::text[], %s, %s, %s, %s FROM turn
), written AS (
  {feature}
) SELECT version, pg_notify(%s, version::text) FROM turn
"""
_NOT_THERE = "NOT EXISTS (SELECT FROM {table} WHERE code = %s)"
_UNTOUCHED = """(version = %s OR version <= %s AND NOT EXISTS (
    SELECT FROM (SELECT layer, codes FROM {changes} WHERE version > %s ORDER BY version LIMIT {most}) c
    WHERE c.layer = %s AND c.codes @> ARRAY[%s]))"""
_INSERT = "INSERT INTO {table} ({columns}) SELECT %s, {places} FROM turn"
_UPDATE = """UPDATE {table} t SET ({columns}) = ROW({places}) FROM turn WHERE t.code = %s
), replaced AS (
  INSERT INTO {history} ({replaced}) SELECT version, %s, false, %s::bytea, %s FROM turn"""


class SingleWrite:
    """What `layers.stores.base` does to write one feature, on a connection that is in no transaction."""

    def __init__(self, connection: Connection, address: Address, check: Check) -> None:
        self._connection = connection
        self._address = address
        self._check = check
        self._seen = 0
        self._statement = b""
        self._as_seen: Sequence[Any] = ()
        self._feature: Sequence[Any] = ()
        self._record: Sequence[Any] = ()

    def version(self) -> int:
        """Return the version that `rows` has seen."""
        return self._seen

    def rows(self, layer: Layer, codes: Sequence[str]) -> list[Row]:
        """Return the present row with the one code there is."""
        cursor = self._connection.cursor(binary=True).execute(_found(layer.name), codes, prepare=True)
        ((self._seen, schema, *row),) = cursor.fetchall()
        self._check(int(schema))
        return [] if row[0] is None else [tuple(row)]

    def insert(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Insert the row."""
        self._statement = _write(layer.name, update=False)
        (self._feature,) = rows.records
        self._as_seen = self._feature[:1]
        step(1)

    def update(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Write the row over the one with its code."""
        self._statement = _write(layer.name, update=True)
        ((code, *values),) = rows.records
        self._feature = (*values, code)
        self._as_seen = (self._seen, self._seen + _MOST_MEANWHILE, self._seen, layer.name, code)
        step(1)

    def record(self, change: ChangeRow, history: Sequence[HistoryRow]) -> None:
        """Record the write, under the version that it will have, and announce it to those who wait for it."""
        _, *why = tables.change_values(change)
        replaced = [value for row in history for value in (row.code, row.wkb, row.before)]
        self._record = (*why, *self._feature, *replaced, ddl.CHANNEL)

    def commit(self) -> int | None:
        """Write what is gathered, and commit; return the version, None where nothing was written.

        Then the feature is not, or no longer, as it was seen, or the store has been migrated.

        Raises
        ------
        StoreAway
            The server was lost: it is not known whether it kept the write.
        """
        if not self._record:
            return self._seen
        connection = self._connection
        # The first statement begins a transaction, on the same journey.
        connection.autocommit = False
        try:
            with connection.pipeline():
                # A statement of its own, so that the next sees what was committed while the turn was waited for.
                connection.execute(TURN_FOR_ONE, prepare=True)
                written = connection.execute(self._statement, (*self._as_seen, *self._record), prepare=True)
                connection.execute("COMMIT", prepare=True)
        except psycopg.OperationalError as error:
            if faults.may_be_kept(error):
                raise faults.unknown_outcome(self._address, str(error)) from error
            raise
        found = written.fetchone()
        return None if found is None else int(found[0])


@cache
def _found(name: str) -> bytes:
    head, meta = ddl.table(ddl.HEAD), ddl.table(ddl.META)
    rows = sql.SQL(tables.select(name).decode())
    return sql.SQL(_FOUND).format(head=head, meta=meta, rows=rows).as_bytes()


@cache
def _write(name: str, *, update: bool) -> bytes:
    layer = layer_named(name)
    columns = ddl.columns(layer)
    names = {
        "table": ddl.table(name),
        "head": ddl.table(ddl.HEAD),
        "meta": ddl.table(ddl.META),
        "changes": ddl.table(ddl.CHANGES),
        "history": ddl.table(ddl.HISTORY),
        "change": tables.names(ChangeRow._fields),
        "replaced": tables.names(HistoryRow._fields),
        "columns": tables.names(columns[1:] if update else columns),
        "places": sql.SQL(", ").join(tables.places(layer)),
        "schema": sql.Literal(str(ddl.SCHEMA_VERSION)),
        "most": sql.Literal(_MOST_MEANWHILE),
    }
    as_seen = sql.SQL(_UNTOUCHED if update else _NOT_THERE).format(**names)
    feature = sql.SQL(_UPDATE if update else _INSERT).format(**names)
    return sql.SQL(_WRITE).format(**names, as_seen=as_seen, feature=feature).as_bytes()
