"""Transactions as `layers.stores.base` asks for them, with as few journeys to the server as it takes.

A write makes two: one takes the turn and reads what is there, one writes and commits. What only writes is
gathered until then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from layers.epochs import Epoch
from layers.schema import Field, Layer
from layers.stores.base import Step
from layers.stores.contents import ChangeRow, HistoryRow, KeyRow
from layers.stores.history import Undo
from layers.stores.postgis import ddl, faults, tables
from layers.stores.rows import Row, Rows

if TYPE_CHECKING:
    from layers.stores.postgis.addresses import Address
    from layers.stores.postgis.connection import Connection

Check = Callable[[int], None]
"""Called with the schema of the store; raises where this program must not write to it."""

_BULK_ROWS = 200
_AT_ONCE = 6
# A writer that stops in the middle (a laptop closed) would keep everybody else from writing.
_LONGEST_PAUSE = "5min"
_TAKE_TURN = (
    "SELECT version, set_config('idle_in_transaction_session_timeout', {}, true){} FROM {} FOR UPDATE"
)
TURN, TURN_FOR_ONE = (
    sql.SQL(_TAKE_TURN).format(sql.Literal(_LONGEST_PAUSE), sql.SQL(more), ddl.table(ddl.HEAD)).as_bytes()
    # Of a single write the server would make a new plan each time, which takes longer than the write.
    for more in ("", ", set_config('plan_cache_mode', 'force_generic_plan', true)")
)
_STAGED = sql.Identifier("staged")


class ReadTransaction:
    """Reads of one version, on a connection that is in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def version(self) -> int:
        """Return the number of the last write, 0 before the first."""
        return tables.version(self.connection)

    def epoch(self) -> Epoch:
        """Return what tells the versions from another store's."""
        return tables.epoch(self.connection)

    def history_since(self) -> int:
        """Return the version from which on history is kept."""
        return int(tables.meta(self.connection, "history_since") or 0)

    def rows(self, layer: Layer, codes: Sequence[str] | None = None) -> list[Row]:
        """Return the present rows by code, all or those there are of `codes`."""
        query = tables.select(layer.name, among=codes is not None)
        return self._ask(query, [] if codes is None else [list(codes)])

    def undos(self, layer: Layer, codes: Sequence[str] | None = None, *, since: int = 0) -> list[Undo]:
        """Return what takes back the writes after version `since`, newest first."""
        query, values = tables.undos(layer, codes, since=since)
        return [tables.undo_of(row) for row in self._ask(query, values)]

    def remembered(self, layer: Layer, field: Field) -> list[HistoryRow]:
        """Return what is kept of the past of a layer, as far as it names the field."""
        return [HistoryRow(*row) for row in self._ask(*tables.naming(layer, field))]

    def kept(self, keys: Sequence[str]) -> list[KeyRow]:
        """Return the requests that are kept by these keys, those there are."""
        return [KeyRow(*row) for row in self._ask(tables.KEPT_AMONG, [list(keys)])]

    def _ask(self, query: bytes, values: Any) -> list[Row]:
        return self.connection.cursor(binary=True).execute(query, values).fetchall()


class WriteTransaction(ReadTransaction):
    """The turn to write, from the first question on until `commit` or the end of the connection's transaction."""

    def __init__(self, connection: Connection, address: Address, check: Check) -> None:
        super().__init__(connection)
        # The first statement begins a transaction, on the same journey.
        connection.autocommit = False
        self._address = address
        self._check = check
        self._version: int | None = None
        self._waiting: list[tables.Statement] = []

    def version(self) -> int:
        """Return the number of the last write, 0 before the first."""
        if self._version is None:
            self._ask(tables.VERSION, [])
        assert self._version is not None
        return self._version

    def insert(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Insert rows whose codes are not there."""
        if len(rows.records) > _BULK_ROWS:
            self._flush()
            self._without_hurry()
            tables.copy_features(self.connection, ddl.table(layer.name), layer, rows.records, step)
        else:
            self._wait(tables.inserts(layer, rows), len(rows.records), step)

    def update(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Write rows over those with their codes."""
        if len(rows.records) > _BULK_ROWS:
            self._flush()
            self._without_hurry()
            self._update_many(layer, rows, step)
        else:
            self._wait(tables.updates(layer, rows), len(rows.records), step)

    def delete(self, layer: Layer, codes: Sequence[str]) -> None:
        """Delete the rows with these codes."""
        self._waiting.append(tables.delete(layer, codes))

    def record(self, change: ChangeRow, history: Sequence[HistoryRow]) -> None:
        """Record the write, and wake those who wait for it."""
        if len(history) > _BULK_ROWS:
            self._flush()
            tables.copy_history(self.connection, history)
        else:
            self._waiting += [(tables.INSERT_HISTORY, row) for row in history]
        self._waiting += [
            tables.insert_change(change),
            (tables.SET_VERSION, [change.version, ddl.CHANNEL, str(change.version)]),
        ]

    def keep(self, row: KeyRow) -> None:
        """Keep a request whose key is not there."""
        self._waiting.append((tables.INSERT_KEY, row))

    def forget(self, rows: Sequence[HistoryRow]) -> None:
        """Let these rows take the place of those with their version and code."""
        self._waiting += tables.replacements(rows)

    def commit(self) -> None:
        """Write what is gathered, and commit.

        Raises
        ------
        StoreAway
            The server was lost: it is not known whether it kept the write, if there was any.
        """
        wrote = bool(self._waiting)
        try:
            with self.connection.pipeline():
                self._send()
                self.connection.execute("COMMIT")
        except psycopg.OperationalError as error:
            if wrote and faults.may_be_kept(error):
                raise faults.unknown_outcome(self._address, str(error)) from error
            raise

    def _ask(self, query: bytes, values: Any) -> list[Row]:
        with self.connection.pipeline():
            self._send()
            if self._version is None:
                turn = self.connection.execute(TURN, prepare=True)
                # A statement of its own, so that it sees what was committed while the turn was waited for.
                schema = self.connection.execute(tables.META, ["schema_version"], prepare=True)
            cursor = self.connection.cursor(binary=True).execute(query, values)
        if self._version is None:
            ((self._version, _),) = turn.fetchall()
            ((found,),) = schema.fetchall()
            self._check(int(found))
        return cursor.fetchall()

    def _wait(self, statements: Sequence[tables.Statement], rows: int, step: Step) -> None:
        self._waiting += statements
        if rows:
            step(rows)

    def _flush(self) -> None:
        with self.connection.pipeline():
            self._send()

    def _send(self) -> None:
        """Send what is gathered: few statements as one, for each costs more here than at the server."""
        waiting, self._waiting = self._waiting, []
        if 1 < len(waiting) <= _AT_ONCE:
            statement = tables.at_once(tuple(statement for statement, _ in waiting))
            waiting = [(statement, [value for _, values in waiting for value in values])]
        for statement, values in waiting:
            self.connection.execute(statement, values, prepare=True)

    def _without_hurry(self) -> None:
        # How long many rows take depends on how many there are.
        self.connection.execute("SET LOCAL statement_timeout = 0")

    def _update_many(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Copy the rows into a table that ends with the transaction, and write all over in one statement."""
        names = ddl.columns(layer)
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        of = ddl.table(layer.name)
        stage = sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
        self.connection.execute(stage.format(_STAGED, columns, of))
        tables.copy_features(self.connection, _STAGED, layer, rows.records, step)
        each = sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in names[1:])
        self.connection.execute(
            sql.SQL("UPDATE {} t SET {} FROM {} s WHERE t.code = s.code").format(of, each, _STAGED)
        )
