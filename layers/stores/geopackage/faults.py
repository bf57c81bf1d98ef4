"""SQLite's faults, said as the problems of `layers.problems`."""

from __future__ import annotations

import errno
from contextlib import AbstractContextManager
from pathlib import Path

import apsw

from layers.problems import StoreBusy, StoreFull, StoreReadOnly, StoreUnusable, WanggeError
from layers.stores.rows import Damaged
from layers.text import Text

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# A constraint, a type or a size that does not fit was checked before, and a text was one when it was written.
DAMAGE = (
    apsw.CorruptError,
    apsw.FormatError,
    apsw.SQLError,
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.TooBigError,
    apsw.NoMemError,
    UnicodeDecodeError,
    Damaged,
)
_RESTORE = Text("请用备份恢复该文件。", "Restore the file from a backup.")


def busy(path: Path) -> StoreBusy:
    """Say that somebody else has been writing for too long."""
    return StoreBusy(
        Text("存储 {path} 正被其他程序写入。", "Another program is writing to the store {path}.").format(
            path=path
        ),
        Text("请稍后再试。", "Try again later."),
    )


def traces_left(path: Path) -> StoreBusy:
    """Say that something was erased, but that the log beside the file may still hold it."""
    return StoreBusy(
        Text(
            "内容已删去，但其他程序正在读取 {path}，其旁的日志文件中可能还有残留。",
            "It is erased, but while other programs read {path} the log beside it may hold traces.",
        ).format(path=path),
        Text("请稍后再执行一次。", "Do the same again later."),
    )


def full(path: Path) -> StoreFull:
    """Say that there is no room, and that nothing was kept."""
    return StoreFull(
        Text(
            "写入 {path} 时磁盘已满，本次写入未保存。",
            "The disk is full: nothing of this write to {path} was kept.",
        ).format(path=path),
        Text("请腾出空间后重试。", "Make room and try again."),
    )


def read_only(path: Path) -> StoreReadOnly:
    """Say that the store may only be read."""
    return StoreReadOnly(
        Text("存储 {path} 只能读取，不能写入。", "The store {path} can be read but not written.").format(
            path=path
        ),
        Text("请检查文件及其所在文件夹的写权限。", "Check the write permissions of the file and its folder."),
    )


def unusable(path: Path, why: Text, remedy: Text = _RESTORE) -> StoreUnusable:
    """Say why the store at `path` cannot be used."""
    return StoreUnusable(
        Text("无法使用存储 {path}：{why}。", "The store {path} cannot be used: {why}.").format(
            path=path, why=why
        ),
        remedy,
    )


def damaged(path: Path, detail: str) -> StoreUnusable:
    """Say that the content is not what a store's should be."""
    why = Text("文件已损坏（{detail}）", "the file is damaged ({detail})")
    return unusable(path, why.format(detail=detail))


def from_os(path: Path, error: OSError) -> WanggeError:
    """Return the problem that an operating system's error on the store's file or folder is."""
    if error.errno in _NO_ROOM:
        return full(path)
    detail = error.strerror or str(error)
    return unusable(
        path,
        Text("无法写入该位置（{detail}）", "that place cannot be written ({detail})").format(detail=detail),
        Text("请选择可写的文件夹。", "Choose a folder that can be written."),
    )


def said(path: Path, connection: apsw.Connection | None = None) -> AbstractContextManager[None]:
    """Raise SQLite's errors as problems; what no person can put right goes on as it is."""
    return _Said(path, connection)


class _Said:
    """Each write passes several: a generator would take as long as a statement."""

    __slots__ = ("_connection", "_path")

    def __init__(self, path: Path, connection: apsw.Connection | None) -> None:
        self._path = path
        self._connection = connection

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            problem = _problem(self._path, error, self._connection)
            if problem is not None:
                raise problem from error


def named(path: Path, error: Exception, connection: apsw.Connection) -> Exception:
    """Return the problem that an error is, caused by it, where it is SQLite's or damage; else the error."""
    problem = _problem(path, error, connection)
    if problem is None:
        return error
    problem.__cause__ = error
    return problem


def _problem(path: Path, error: BaseException, connection: apsw.Connection | None) -> WanggeError | None:
    """Return the problem that an error is, where it is SQLite's or damage."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return busy(path)
    if isinstance(error, apsw.FullError):
        return full(path)
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError | apsw.AuthError):
        return read_only(path)
    if isinstance(error, apsw.NotADBError):
        return unusable(
            path,
            Text("它不是 GeoPackage 文件", "it is not a GeoPackage"),
            Text(
                "请检查路径；新建存储请用 wangge init。", "Check the path; `wangge init` makes a new store."
            ),
        )
    if isinstance(error, apsw.CantOpenError):
        return _cannot_open(path, str(error))
    if isinstance(error, apsw.IOError):
        if connection is not None and connection.system_errno in _NO_ROOM:
            return full(path)
        why = Text("读写磁盘出错（{detail}）", "the disk failed ({detail})").format(detail=error)
        return unusable(path, why, Text("请检查磁盘后重试。", "Check the disk and try again."))
    return damaged(path, str(error)) if isinstance(error, DAMAGE) else None


def _cannot_open(path: Path, detail: str) -> StoreUnusable:
    return unusable(
        path,
        Text("无法打开（{detail}）", "it cannot be opened ({detail})").format(detail=detail),
        Text(
            "请检查该文件、同名 -wal 文件及其文件夹的权限。",
            "Check the permissions of the file, of the -wal file beside it and of their folder.",
        ),
    )
