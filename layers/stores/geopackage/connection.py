"""Connections to one GeoPackage file: opened as the file and its folder allow, lent out, given back.

Only this package's SQLite (apsw's) may touch a live store within a process. A second copy, such as
GDAL's, would share the process's POSIX locks, and whichever closed the file first would drop the
other's: GDAL belongs in another process, or on another file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import apsw

from layers.problems import StoreFull, WanggeError
from layers.stores.geopackage import faults, files, forks
from layers.stores.geopackage.files import Signature, connect, connect_at_rest, prepare, use_wal
from layers.stores.geopackage.turns import lock_path, turn
from layers.text import Text

Check = Callable[[apsw.Connection], None]


def free_of_wal_reset_bug(version: int) -> bool:
    """Tell whether a SQLite (``3051003`` is 3.51.3) keeps commits when processes race a checkpoint.

    Up to 3.51.2 a checkpoint that resets the write-ahead log while another process commits could lose
    that commit; 3.50.7 and 3.44.6 carry the repair too.
    """
    return version >= 3051003 or 3050007 <= version < 3051000 or 3044006 <= version < 3045000


class _Borrowed(NamedTuple):
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
        self._file = str(path)
        self.lock_file = str(lock_path(path))
        self._check = check
        self._read_only = read_only
        self.busy_timeout_s = busy_timeout_s
        self._idle: list[_Borrowed] = []
        self._closed = False
        self._writable_with: tuple[int, int, int] | None = None
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
            with _Loan(self, borrowed._replace(signature=None) if once else borrowed) as connection:
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

    def begun(self, *, wait_s: float) -> Begun:
        """Lend a connection in a write transaction, undone on leaving unless `commit` has been called.

        Parameters
        ----------
        wait_s : float
            How long to wait for the turn.

        Raises
        ------
        StoreMissing, StoreReadOnly, StoreBusy, StoreFull, StoreUnusable
            On entering.
        """
        return Begun(self, wait_s)

    def commit(self, connection: apsw.Connection) -> None:
        """Commit what was begun: when this returns, it is on the disk."""
        forks.refuse_inherited(self.path)
        connection.execute("COMMIT")

    def begin(self) -> _Borrowed:
        """Borrow a connection in a write transaction, to the file that is in its place; the caller has the turn.

        While we wait for another program's write the file may be replaced: what we wrote then would be lost.
        """
        while True:
            borrowed = self._borrow_idle(files.stat(self.path, self._file)) or self._borrow(self._to_write())
            connection = borrowed.connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                there = files.stat(self.path, self._file)
                if borrowed.signature is not None and borrowed.signature.is_of(there):
                    return borrowed
            except BaseException as error:
                try:
                    faults.said(self.path, connection).__exit__(None, error, None)
                finally:
                    connection.close(True)
                raise
            connection.close(True)

    def check_writable(self) -> None:
        """Raise where nothing may be written, or nothing is there; where something is idle, that is found out later."""
        if self._read_only:
            raise faults.read_only(self.path)
        with forks.guard():
            idle = self._idle_to_write()
        if not idle:
            self._to_write()

    def _to_write(self) -> Signature:
        """Return the signature of a file that may be written."""
        of = files.stat(self.path)
        signature = files.signature(self.path)
        if not signature.writable:
            raise faults.read_only(self.path)
        self._writable_with = _rights(of)
        return signature

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
            self._idle.pop().connection.close(True)

    def take_back(self, borrowed: _Borrowed, *, sound: bool) -> None:
        """Let others use the connection, unless it has served its time."""
        connection, of = borrowed.connection, borrowed.signature
        if forks.inherited():
            forks.leave_alone(connection)
            return
        if sound and of is not None and connection.txn_state() == apsw.SQLITE_TXN_NONE:
            with forks.guard():
                if not self._closed:
                    self._idle.append(borrowed)
                    return
        connection.close(True)

    def _borrow_idle(self, there: os.stat_result) -> _Borrowed | None:
        """Borrow an idle connection to the file that is `there`, if there is one and nobody's rights have changed."""
        with forks.guard():
            if not self._idle_to_write() or _rights(there) != self._writable_with:
                return None
            of = self._idle[-1].signature
            return self._idle.pop() if of is not None and of.is_of(there) else None

    def _idle_to_write(self) -> bool:
        """Tell whether there is one; the caller holds `forks.guard`."""
        return bool(self._idle) and (of := self._idle[-1].signature) is not None and of.writable

    def _borrow(self, signature: Signature) -> _Borrowed:
        if self._closed:
            raise ValueError(f"the store {self.path} has been closed")
        while True:
            with forks.guard():
                if not self._idle:
                    break
                borrowed = self._idle.pop()
            if borrowed.signature == signature:
                return borrowed
            borrowed.connection.close(True)
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


class Begun:
    """A connection in a write transaction, until the end of the block.

    A class, for each write passes it: a generator would take as long as a statement.
    """

    __slots__ = ("_borrowed", "_database", "_turn")

    def __init__(self, database: Database, wait_s: float) -> None:
        self._database = database
        self._turn = turn(database.path, wait_s, database.lock_file)

    def __enter__(self) -> apsw.Connection:
        database = self._database
        database.check_writable()
        self._turn.__enter__()
        try:
            forks.use(database.path)
            try:
                self._borrowed = database.begin()
            except BaseException:
                forks.leave()
                raise
        except BaseException:
            self._turn.__exit__(None, None, None)
            raise
        return self._borrowed.connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._borrowed.connection
        try:
            # SQLite has undone it already after some errors; a failing ROLLBACK must not hide the cause.
            if not forks.inherited() and connection.in_transaction:
                with suppress(apsw.Error):
                    connection.execute("ROLLBACK")
        finally:
            try:
                # What is left to do is nobody else's concern.
                self._turn.__exit__(None, None, None)
            finally:
                try:
                    _Loan(self._database, self._borrowed).__exit__(kind, error, trace)
                finally:
                    forks.leave()


class _Loan:
    """Lends what was borrowed, says what goes wrong in the words of `faults`, and gives it back."""

    __slots__ = ("_borrowed", "_database")

    def __init__(self, database: Database, borrowed: _Borrowed) -> None:
        self._database = database
        self._borrowed = borrowed

    def __enter__(self) -> apsw.Connection:
        return self._borrowed.connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._database.take_back(self._borrowed, sound=True)
            return
        # A write that is refused has been undone: SQLite did nothing wrong.
        sound = isinstance(error, WanggeError)
        try:
            faults.said(self._database.path, self._borrowed.connection).__exit__(None, error, None)
        finally:
            self._database.take_back(self._borrowed, sound=sound)


def _rights(there: os.stat_result) -> tuple[int, int, int]:
    """Return what says who may write a file; what else keeps somebody from writing it SQLite says."""
    return there.st_mode, there.st_uid, there.st_gid


def _check_length(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file that ends within a page: SQLite would read what is cut off as zeros.

    While the log holds something it may hold the page, which a full disk has cut short.
    """
    if files.bytes_at(files.beside(path)[0]) == 0 and files.bytes_at(path) % connection.pragma("page_size"):
        raise faults.damaged(path, "it ends within a page")
