"""Connections to one GeoPackage file: opened as the file and its folder allow, lent out, given back.

Only this package's SQLite (apsw's) may touch a live store within a process. A second copy, such as
GDAL's, would share the process's POSIX locks, and whichever closed the file first would drop the
other's: GDAL belongs in another process, or on another file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import apsw

from layers.problems import StoreFull, StoreMissing, WanggeError
from layers.stores.geopackage import faults, forks
from layers.stores.geopackage.turns import turn
from layers.text import Text

Check = Callable[[apsw.Connection], None]

_WAL_LIMIT_BYTES = 64 * 2**20
# SQLite makes its index of the log in pieces of this size: a smaller file has never served anybody.
_SHM_BYTES = 32 * 2**10
_BY_EFFECTIVE_IDS = os.access in os.supports_effective_ids


def free_of_wal_reset_bug(version: int) -> bool:
    """Tell whether a SQLite (``3051003`` is 3.51.3) keeps commits when processes race a checkpoint.

    Up to 3.51.2 a checkpoint that resets the write-ahead log while another process commits could lose
    that commit; 3.50.7 and 3.44.6 carry the repair too.
    """
    return version >= 3051003 or 3050007 <= version < 3051000 or 3044006 <= version < 3045000


class Signature(NamedTuple):
    """What a connection depends on.

    A connection to a file that has since been replaced would read, and write, into nothing; one that
    takes the file as immutable must be given up when it has changed.
    """

    device: int
    inode: int
    changed_ns: int | None = None
    size: int | None = None
    immutable: bool = False

    @property
    def writable(self) -> bool:
        """Whether the file may be written; else what became of it must be watched."""
        return self.changed_ns is None

    def is_of(self, there: os.stat_result) -> bool:
        """Tell whether the file that is `there` is the one that the connection is to."""
        return (self.device, self.inode) == (there.st_dev, there.st_ino)


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
        self._busy_timeout_ms = round(busy_timeout_s * 1000)
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
                borrowed = self._borrow(_signature(self.path))
            except StoreFull:
                # SQLite found no room for its files beside the store; while nobody writes it can do without.
                if not _at_rest(self.path):
                    raise
                borrowed = _Borrowed(self._open(connect_at_rest), None)
            with self._lending(replace(borrowed, signature=None) if once else borrowed):
                yield borrowed.connection
        of = borrowed.signature
        if of is not None and of.immutable and _signature(self.path) != of:
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
            How long to wait for others' writes.

        Raises
        ------
        StoreMissing, StoreReadOnly, StoreBusy, StoreFull, StoreUnusable
        """
        signature = _signature(self.path)
        if not signature.writable or self._read_only:
            raise faults.read_only(self.path)
        deadline = time.monotonic() + wait_s
        with (
            turn(self.path, wait_s),
            forks.using(self.path),
            self._lending(self._begun(signature, deadline)) as connection,
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

    def _begun(self, signature: Signature, deadline: float) -> _Borrowed:
        """Borrow a connection in a write transaction, to the file that is in its place.

        While we wait for another program's write the file may be replaced: what we wrote then would be lost.
        """
        while True:
            borrowed = self._borrow(signature)
            connection = borrowed.connection
            try:
                with faults.said(self.path, connection):
                    connection.set_busy_timeout(round(1000 * max(deadline - time.monotonic(), 0.0)))
                    connection.execute("BEGIN IMMEDIATE")
                    connection.set_busy_timeout(self._busy_timeout_ms)
                if signature.is_of(_stat(self.path)):
                    return borrowed
            except BaseException:
                connection.close(True)
                raise
            connection.close(True)
            signature = _signature(self.path)

    def rewrite(self) -> None:
        """Write the file anew, so that nothing of what was deleted is left in its pages or its log.

        Raises
        ------
        StoreBusy
            Somebody is reading what the log holds, or writing.
        """
        if not _signature(self.path).writable or self._read_only:
            raise faults.read_only(self.path)
        with (
            turn(self.path, self.busy_timeout_s),
            forks.using(self.path),
            self._lending(self._borrow(_signature(self.path))) as connection,
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

    @contextmanager
    def _lending(self, borrowed: _Borrowed) -> Iterator[apsw.Connection]:
        sound = False
        try:
            with faults.said(self.path, borrowed.connection):
                try:
                    yield borrowed.connection
                    sound = True
                except WanggeError:  # a write that is refused has been undone: SQLite did nothing wrong
                    sound = True
                    raise
        finally:
            self._take_back(borrowed, sound=sound)

    def _take_back(self, borrowed: _Borrowed, *, sound: bool) -> None:
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
            connection.set_busy_timeout(self._busy_timeout_ms)
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


def prepare(connection: apsw.Connection) -> None:
    """Set what every connection needs: durable commits, distrust of the file's pages, and no triggers.

    The triggers in the file are for other programs. Wangge writes the R-tree itself, for a trigger would
    call six functions for each feature, and records its own versions.
    """
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    # Else SQLite takes the quoted name of a column that is not there for a text.
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    # FULL, and where a desktop program keeps the file out of WAL mode the folder too: else the journal of a
    # committed write could be there again after a power cut, and undo it.
    connection.pragma("synchronous", "EXTRA")
    connection.pragma("temp_store", "MEMORY")
    connection.pragma("journal_size_limit", _WAL_LIMIT_BYTES)
    connection.pragma("cell_size_check", True)


def use_wal(connection: apsw.Connection) -> None:
    """Let readers and a writer work side by side; desktop programs set the file back when they close it."""
    # While another program holds the file the old way, that way is safe too, only slower.
    with suppress(apsw.BusyError):
        connection.pragma("journal_mode", "wal")


def beside(path: Path) -> list[Path]:
    """Return where SQLite keeps its files beside the database at `path`."""
    return [path.with_name(path.name + ending) for ending in ("-wal", "-shm", "-journal")]


def logs(path: Path) -> list[Path]:
    """Return those of the files beside the database at `path` without which it may not be whole."""
    return [path.with_name(path.name + ending) for ending in ("-wal", "-journal")]


def connect(path: Path) -> apsw.Connection:
    """Open the file at `path` as it and its folder allow."""
    if _writable(path):
        return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    return connect_at_rest(path) if _at_rest(path) else _connect_to_uri(path, "mode=ro")


def connect_at_rest(path: Path) -> apsw.Connection:
    """Open the file at `path` for reading, taking it that nobody writes, and making no files beside it."""
    return _connect_to_uri(path, "immutable=1")


def _connect_to_uri(path: Path, mode: str) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"file:{quote(str(path))}?{mode}", flags=flags)


def _writable(path: Path) -> bool:
    return all(os.access(place, os.W_OK, effective_ids=_BY_EFFECTIVE_IDS) for place in _written(path))


@lru_cache
def _written(path: Path) -> tuple[str, str]:
    """Return what must be writable: the file, and the folder for those beside it."""
    return str(path), str(path.parent)


def _at_rest(path: Path) -> bool:
    """Tell whether nobody has the store open: SQLite can then read it without files beside it.

    Where we may not write, it could not make those files; where somebody else has made them, it reads
    along with them.
    """
    wal, shm, _ = beside(path)
    return not wal.exists() or (bytes_at(wal) == 0 and bytes_at(shm) < _SHM_BYTES)


def _check_length(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file that ends within a page: SQLite would read what is cut off as zeros.

    While the log holds something it may hold the page, which a full disk has cut short.
    """
    if bytes_at(beside(path)[0]) == 0 and bytes_at(path) % connection.pragma("page_size"):
        raise faults.damaged(path, "it ends within a page")


def bytes_at(path: Path) -> int:
    """Return the size of the file at `path`, 0 where there is none."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError as error:
        raise missing(path) from error
    except OSError as error:
        raise faults.unusable(path, Text("无法打开", "it cannot be opened")) from error


def _signature(path: Path) -> Signature:
    """Return what a connection to the file as it is now depends on."""
    of = _stat(path)
    if _writable(path):
        return Signature(of.st_dev, of.st_ino)
    return Signature(of.st_dev, of.st_ino, of.st_mtime_ns, of.st_size, _at_rest(path))


def missing(path: Path) -> StoreMissing:
    """Say that there is no store, and how to make one."""
    return StoreMissing(
        Text("没有找到存储 {path}。", "There is no store at {path}.").format(path=path),
        Text(
            "新建空区请用 wangge init，演示区请用 wangge demo。",
            "`wangge init` makes an empty district, `wangge demo` the demonstration district.",
        ),
    )
