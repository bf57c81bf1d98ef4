"""One transaction on a GeoPackage, as `layers.stores.base` asks for it."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from layers.epochs import Epoch
from layers.schema import Field, Layer
from layers.stores.base import Step
from layers.stores.contents import ChangeRow, HistoryRow, KeyRow
from layers.stores.geopackage import records, tables
from layers.stores.history import Undo
from layers.stores.rows import Row, Rows


class Transaction:
    """Reads and writes within the transaction that `connection` is in.

    Parameters
    ----------
    head : int, optional
        The number of the last write, where it is known.
    """

    def __init__(self, connection: apsw.Connection, head: int | None = None) -> None:
        self.connection = connection
        self._head = head

    def version(self) -> int:
        """Return the number of the last write, 0 before the first."""
        if self._head is None:
            self._head = records.version(self.connection)
        return self._head

    def epoch(self) -> Epoch:
        """Return what tells the versions from another store's."""
        return records.epoch(self.connection)

    def history_since(self) -> int:
        """Return the version from which on history is kept."""
        return records.history_since(self.connection)

    def rows(self, layer: Layer, codes: Sequence[str] | None = None) -> list[Row]:
        """Return the present rows by code, all or those there are of `codes`."""
        return tables.present(self.connection, layer, codes)

    def undos(self, layer: Layer, codes: Sequence[str] | None = None, *, since: int = 0) -> list[Undo]:
        """Return what takes back the writes after version `since`, newest first."""
        return list(records.undos(self.connection, layer, codes, since=since))

    def remembered(self, layer: Layer, field: Field) -> list[HistoryRow]:
        """Return what is kept of the past of a layer, as far as it names the field."""
        return records.naming(self.connection, layer, field)

    def kept(self, keys: Sequence[str]) -> list[KeyRow]:
        """Return the requests that are kept by these keys, those there are."""
        return records.kept(self.connection, keys)

    def keep(self, row: KeyRow) -> None:
        """Keep a request whose key is not there."""
        records.keep(self.connection, [row])

    def forget(self, rows: Sequence[HistoryRow]) -> None:
        """Let these rows take the place of those with their version and code, and note that traces remain."""
        records.replace(self.connection, rows)
        records.note_traces(self.connection, there=True)

    def insert(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Insert rows whose codes are not there."""
        tables.insert(self.connection, layer, rows, step)

    def update(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Write rows over those with their codes."""
        tables.update(self.connection, layer, rows, step)

    def delete(self, layer: Layer, codes: Sequence[str]) -> None:
        """Delete the rows with these codes."""
        tables.delete(self.connection, layer, codes)

    def record(self, change: ChangeRow, history: Sequence[HistoryRow]) -> None:
        """Record the write."""
        records.record(self.connection, change, history)
        self.recorded(change)

    def recorded(self, change: ChangeRow) -> None:
        """Take note that a write has been recorded."""
        self._head = change.version
