"""A new feature and its record, written by one statement.

The statement goes to a view of the connection's own, whose trigger writes the feature, its box, the extent and the
row of changes. SQLite undoes it whole or not at all, so that it needs no savepoint among the writes that share a
commit; and it is begun once instead of five times. That the code is not there is left to the index of codes.
"""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import apsw

from layers.schema import Layer, layer_named
from layers.store import Written
from layers.stores.base import Inserting, Putting, Step
from layers.stores.contents import ChangeRow, HistoryRow
from layers.stores.geopackage import ddl
from layers.stores.geopackage.blobs import blob_of
from layers.stores.geopackage.tables import growing
from layers.stores.geopackage.transaction import Transaction
from layers.stores.rows import Rows, value_fields

_CHANGE = ", ".join(ChangeRow._fields)
_BOX = ("west", "south", "east", "north")


class _CodeTaken(Exception):
    """The feature is not new: nothing has been written."""


def put_as_new(
    put: Callable[[Putting], Written], put_new: Callable[[Inserting], Written], transaction: Transaction
) -> Written:
    """Let `put_new` write one feature; where it finds that it is there, let `put` do, or refuse, what is asked."""
    try:
        return put_new(_Insert(transaction))
    except _CodeTaken:
        return put(transaction)


class _Insert:
    """Inserts one feature, and finds out by the way whether it is there."""

    __slots__ = ("_feature", "_layer", "_transaction")

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def version(self) -> int:
        """Return the number of the last write."""
        return self._transaction.version()

    def insert(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Keep the row for `record`."""
        self._layer, self._feature = layer.name, rows
        step(1)

    def record(self, change: ChangeRow, history: Sequence[HistoryRow]) -> None:
        """Write the row and its record.

        Raises
        ------
        _CodeTaken
        """
        ((code, wkb, *values),) = self._feature.records
        (box,) = self._feature.bounds.tolist()
        row = (code, blob_of(wkb, box, ddl.SRS_ID), *values, *box, *change)
        statements = _statements(self._layer)
        connection = self._transaction.connection
        try:
            try:
                connection.execute(statements.insert, row)
            except apsw.SQLError:
                # A connection's first, or the transaction in which they were made has been undone.
                connection.execute(statements.made)
                connection.execute(statements.insert, row)
        except apsw.ConstraintError as error:
            if getattr(error, "extendedresult", 0) == apsw.SQLITE_CONSTRAINT_UNIQUE:
                raise _CodeTaken from error
            raise
        self._transaction.recorded(change)


class _Statements(NamedTuple):
    """A layer's SQL.

    Attributes
    ----------
    made : str
        Makes the view and its trigger, where they are not there.
    insert : str
    """

    made: str
    insert: str


@cache
def _statements(name: str) -> _Statements:
    layer = layer_named(name)
    columns = ["code", "geom", *(f'"{field.name}"' for field in value_fields(layer))]
    places = len(columns) + len(_BOX) + len(ChangeRow._fields)
    given = [f"NEW.p{place}" for place in range(places)]
    feature, box, change = (
        given[: len(columns)],
        given[len(columns) : -len(ChangeRow._fields)],
        given[-len(ChangeRow._fields) :],
    )
    west, south, east, north = box
    view = f'"new_{name}"'
    made = f"""
    CREATE TEMP VIEW IF NOT EXISTS {view} AS SELECT {", ".join(f"NULL AS p{place}" for place in range(places))};
    CREATE TEMP TRIGGER IF NOT EXISTS "new_{name}_written" INSTEAD OF INSERT ON {view} BEGIN
      INSERT INTO "{name}" ({", ".join(columns)}) VALUES ({", ".join(feature)});
      INSERT OR REPLACE INTO "rtree_{name}_geom"
      VALUES (last_insert_rowid(), {west}, {east}, {south}, {north});
      {growing(west, south, east, north, f"'{name}'")};
      INSERT INTO {ddl.CHANGES} ({_CHANGE}) VALUES ({", ".join(change)});
    END;
    """
    return _Statements(made, f"INSERT INTO temp.{view} VALUES ({', '.join('?' * places)})")
