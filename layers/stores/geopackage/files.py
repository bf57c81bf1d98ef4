"""The files of one store: whether they may be written, what a connection to them depends on, and how one is opened."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import apsw

from layers.problems import StoreExists, StoreMissing
from layers.stores.geopackage import faults
from layers.text import Text

_WAL_LIMIT_BYTES = 64 * 2**20
# SQLite makes its index of the log in pieces of this size: a smaller file has never served anybody.
_SHM_BYTES = 32 * 2**10
_BY_EFFECTIVE_IDS = os.access in os.supports_effective_ids
# A connection is lent to one thread at a time: SQLite need not lock it once for each value that is read.
_LENT = apsw.SQLITE_OPEN_NOMUTEX


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


def refuse_left_logs(path: Path) -> None:
    """Raise `StoreExists` where there is the log of a database that was at `path`: a new one would take it for its own."""
    for log in logs(path):
        # In this order: what another process has made there meanwhile has a log as well.
        if bytes_at(log) and not os.path.lexists(path):
            raise _left_behind(path, log)


def _left_behind(path: Path, log: Path) -> StoreExists:
    return StoreExists(
        Text(
            "{log} 是原在 {path} 的存储的日志，其中有它最后写入的内容，不会被删除。",
            "{log} is the log of a store that was at {path}; it holds what was written last and is not deleted.",
        ).format(log=log, path=path),
        Text(
            "请将它移到该存储现在所在的文件夹，并随之改名；如该存储已不再需要，请删除它；也可换一个路径。",
            "Move it to where that store is now, under that store's name with the same ending; delete it if "
            "you do not need that store any more; or give another path.",
        ),
    )


def connect(path: Path) -> apsw.Connection:
    """Open the file at `path` as it and its folder allow."""
    if _writable(path):
        return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | _LENT)
    return connect_at_rest(path) if at_rest(path) else _connect_to_uri(path, "mode=ro")


def connect_at_rest(path: Path) -> apsw.Connection:
    """Open the file at `path` for reading, taking it that nobody writes, and making no files beside it."""
    return _connect_to_uri(path, "immutable=1")


def _connect_to_uri(path: Path, mode: str) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI | _LENT
    return apsw.Connection(f"file:{quote(str(path))}?{mode}", flags=flags)


def _writable(path: Path) -> bool:
    file, folder = _written(path)
    return os.access(file, os.W_OK, effective_ids=_BY_EFFECTIVE_IDS) and os.access(
        folder, os.W_OK, effective_ids=_BY_EFFECTIVE_IDS
    )


@lru_cache
def _written(path: Path) -> tuple[str, str]:
    """Return what must be writable: the file, and the folder for those beside it."""
    return str(path), str(path.parent)


def at_rest(path: Path) -> bool:
    """Tell whether nobody has the store open: SQLite can then read it without files beside it.

    Where we may not write, it could not make those files; where somebody else has made them, it reads
    along with them.
    """
    wal, shm, _ = beside(path)
    return not wal.exists() or (bytes_at(wal) == 0 and bytes_at(shm) < _SHM_BYTES)


def bytes_at(path: Path) -> int:
    """Return the size of the file at `path`, 0 where there is none."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def stat(path: Path, name: str | None = None) -> os.stat_result:
    """Return what the system says of the file at `path`; its `name` is taken where it is known.

    Raises
    ------
    StoreMissing, StoreUnusable
    """
    try:
        return os.stat(name or path)  # noqa: PTH116 - a path would make its name anew for each write
    except FileNotFoundError as error:
        raise missing(path) from error
    except OSError as error:
        raise faults.unusable(path, Text("无法打开", "it cannot be opened")) from error


def signature(path: Path) -> Signature:
    """Return what a connection to the file as it is now depends on."""
    of = stat(path)
    if _writable(path):
        return Signature(of.st_dev, of.st_ino)
    return Signature(of.st_dev, of.st_ino, of.st_mtime_ns, of.st_size, at_rest(path))


def missing(path: Path) -> StoreMissing:
    """Say that there is no store, and how to make one."""
    return StoreMissing(
        Text("没有找到存储 {path}。", "There is no store at {path}.").format(path=path),
        Text(
            "新建空区请用 wangge init，演示区请用 wangge demo。",
            "`wangge init` makes an empty district, `wangge demo` the demonstration district.",
        ),
    )
