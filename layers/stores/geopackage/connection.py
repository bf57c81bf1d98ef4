"""Connections to one GeoPackage file: opened as the file and its folder allow, lent out, given back.

Only this package's SQLite (apsw's) may touch a live store within a process. A second copy, such as
GDAL's, would share the process's POSIX locks, and whichever closed the file first would drop the
other's: GDAL belongs in another process, or on another file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import apsw

from layers.problems import StoreFull, WanggeError
from layers.stores.geopackage import faults, files, forks
from layers.stores.geopackage.files import Signature, connect, connect_at_rest, prepare, use_wal
from layers.stores.geopackage.turns import turn
from layers.text import Text

Check = Callable[[apsw.Connection], None]


def free_of_wal_reset_bug(version: int) -> bool:
    """Tell whether a SQLite (``3051003`` is 3.51.3) keeps commits when processes race a checkpoint.

    Up to 3.51.2 a checkpoint that resets the write-ahead log while another process commits could lose
    that commit; 3.50.7 and 3.44.6 carry the repair too.
    """
    return version >= 3051003 or 3050007 <= version < 3051000 or 3044006 <= version < 3045000


@dataclass(frozen=True)
class _Borrowed:
    """A connection on loan; without a signature it serves only once."""

    connection: apsw.Connection
    signature: Signature | None


class Database:
    """A GeoPackage file that threads share; other processes have their own.

    Every use borrows a connection for one transaction, so that a read waits for nobody and a long
    task holds up no checkpoint. A forked child may go on with its parent's object, on connections of its
    own, unless any store was being used at the moment of the fork: then it is refused (see `forks`).

    Parameters
    ----------
    path : Path
        Absolute.
    check : callable
        Called with each new connection; raises when the file is not what it should be.
    """

    def __init__(self, path: Path, *, check: Check, read_only: bool, busy_timeout_s: float) -> None:
        self.path = path
        self._check = check
        self._read_only = read_only
        self.busy_timeout_s = busy_timeout_s
        self._idle: list[tuple[apsw.Connection, Signature]] = []
        self._closed = False
        forks.close_before(self)
        if not free_of_wal_reset_bug(version := apsw.SQLITE_VERSION_NUMBER):
            raise faults.unusable(
                path,
                Text(
                    "SQLite {version} 在多个进程同时写入时可能丢失数据",
                    "SQLite {version} can lose data when several processes write",
                ).format(version=version),
                Text("请升级 apsw。", "Update apsw."),
            )

    @contextmanager
    def reading(self, *, once: bool = False) -> Iterator[apsw.Connection]:
        """Lend a connection for reading; what is read in one statement is of one version.

        Parameters
        ----------
        once : bool
            Close the connection afterwards, with whatever has been read from it only in part: that would
            keep its version for the next who borrows it.
        """
        with forks.using(self.path):
            try:
                borrowed = self._borrow(files.signature(self.path))
            except StoreFull:
                # SQLite found no room for its files beside the store; while nobody writes it can do without.
                if not files.at_rest(self.path):
                    raise
                borrowed = _Borrowed(self._open(connect_at_rest), None)
            with _Loan(self, replace(borrowed, signature=None) if once else borrowed) as connection:
                yield connection
        of = borrowed.signature
        if of is not None and of.immutable and files.signature(self.path) != of:
            # Somebody began to write meanwhile: what was read may be half old and half new.
            raise faults.busy(self.path)

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """Lend a connection in a write transaction: committed on leaving, undone on any error.

        Raises
        ------
        StoreMissing, StoreReadOnly, StoreBusy, StoreFull, StoreUnusable
        """
        with self.begun(wait_s=self.busy_timeout_s) as connection:
            yield connection
            self.commit(connection)

    @contextmanager
    def begun(self, *, wait_s: float) -> Iterator[apsw.Connection]:
        """Lend a connection in a write transaction, undone on leaving unless `commit` has been called.

        Parameters
        ----------
        wait_s : float
            How long to wait for the turn.

        Raises
        ------
        StoreMissing, StoreReadOnly, StoreBusy, StoreFull, StoreUnusable
        """
        signature = files.signature(self.path)
        if not signature.writable or self._read_only:
            raise faults.read_only(self.path)
        with (
            turn(self.path, wait_s),
            forks.using(self.path),
            _Loan(self, self._begun(signature)) as connection,
        ):
            try:
                yield connection
            finally:
                # SQLite has undone it already after some errors; a failing ROLLBACK must not hide the cause.
                if not forks.inherited() and connection.in_transaction:
                    with suppress(apsw.Error):
                        connection.execute("ROLLBACK")

    def commit(self, connection: apsw.Connection) -> None:
        """Commit what was begun: when this returns, it is on the disk."""
        forks.refuse_inherited(self.path)
        connection.execute("COMMIT")

    def _begun(self, signature: Signature) -> _Borrowed:
        """Borrow a connection in a write transaction, to the file that is in its place.

        While we wait for another program's write the file may be replaced: what we wrote then would be lost.
        """
        while True:
            borrowed = self._borrow(signature)
            connection = borrowed.connection
            try:
                with faults.said(self.path, connection):
                    connection.execute("BEGIN IMMEDIATE")
                if signature.is_of(files.stat(self.path)):
                    return borrowed
            except BaseException:
                connection.close(True)
                raise
            connection.close(True)
            signature = files.signature(self.path)

    def rewrite(self) -> None:
        """Write the file anew, so that nothing of what was deleted is left in its pages or its log.

        Raises
        ------
        StoreBusy
            Somebody is reading what the log holds, or writing.
        """
        if not files.signature(self.path).writable or self._read_only:
            raise faults.read_only(self.path)
        with (
            turn(self.path, self.busy_timeout_s),
            forks.using(self.path),
            _Loan(self, self._borrow(files.signature(self.path))) as connection,
        ):
            connection.execute("VACUUM")
            ((held, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if held:
                raise faults.traces_left(self.path)

    def close(self) -> None:
        """Close what is idle now, and what is lent out when it comes back."""
        with forks.guard():
            self._closed = True
            if not forks.inherited():
                self.close_idle()

    def close_idle(self) -> None:
        """Close what nobody uses; the caller holds `forks.guard`."""
        while self._idle:
            self._idle.pop()[0].close(True)

    def take_back(self, borrowed: _Borrowed, *, sound: bool) -> None:
        """Let others use the connection, unless it has served its time."""
        connection, of = borrowed.connection, borrowed.signature
        if forks.inherited():
            forks.leave_alone(connection)
            return
        if sound and of is not None and connection.txn_state() == apsw.SQLITE_TXN_NONE:
            with forks.guard():
                if not self._closed:
                    self._idle.append((connection, of))
                    return
        connection.close(True)

    def _borrow(self, signature: Signature) -> _Borrowed:
        if self._closed:
            raise ValueError(f"the store {self.path} has been closed")
        while True:
            with forks.guard():
                if not self._idle:
                    break
                connection, of = self._idle.pop()
            if of == signature:
                return _Borrowed(connection, of)
            connection.close(True)
        return _Borrowed(self._open(connect), signature)

    def _open(self, opened: Callable[[Path], apsw.Connection]) -> apsw.Connection:
        with faults.said(self.path):
            connection = opened(self.path)
        try:
            connection.set_busy_timeout(round(self.busy_timeout_s * 1000))
            with faults.said(self.path, connection):
                prepare(connection)
                self._check(connection)
                _check_length(connection, self.path)
                if self._read_only:
                    connection.pragma("query_only", True)
                elif not connection.readonly("main"):
                    use_wal(connection)
        except BaseException:
            connection.close(True)
            raise
        return connection


class _Loan:
    """Lends what was borrowed, says what goes wrong in the words of `faults`, and gives it back."""

    __slots__ = ("_borrowed", "_database")

    def __init__(self, database: Database, borrowed: _Borrowed) -> None:
        self._database = database
        self._borrowed = borrowed

    def __enter__(self) -> apsw.Connection:
        return self._borrowed.connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # A write that is refused has been undone: SQLite did nothing wrong.
        sound = error is None or isinstance(error, WanggeError)
        try:
            faults.said(self._database.path, self._borrowed.connection).__exit__(None, error, None)
        finally:
            self._database.take_back(self._borrowed, sound=sound)


def _check_length(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file that ends within a page: SQLite would read what is cut off as zeros.

    While the log holds something it may hold the page, which a full disk has cut short.
    """
    if files.bytes_at(files.beside(path)[0]) == 0 and files.bytes_at(path) % connection.pragma("page_size"):
        raise faults.damaged(path, "it ends within a page")
