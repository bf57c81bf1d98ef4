"""The server's faults, said as the problems of `layers.problems`; none of them shows a password."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from layers.problems import (
    StoreAway,
    StoreBusy,
    StoreFull,
    StoreMissing,
    StoreReadOnly,
    StoreUnusable,
    WanggeError,
)
from layers.stores.postgis.addresses import Address
from layers.stores.rows import Damaged
from layers.text import Text, both

_LOCK_NOT_AVAILABLE, _QUERY_CANCELED = "55P03", "57014"
_RETRY = Text("请稍后再试。", "Try again later.")
_ASK_DBA = Text("请数据库管理员执行：{lines}", "Have a database administrator run: {lines}")
# Servers say so in their own language; what is not recognised counts as being away, which passes.
_NO_DATABASE = r"database \".*\" does not exist|数据库 *\".*\" *不存在"
_NOT_LET_IN = (
    r"password authentication failed|no password supplied|role \".*\" does not exist|no pg_hba.conf entry"
    r"|(Peer|Ident|GSSAPI|LDAP|PAM) authentication failed|certificate|认证失败|角色 *\".*\" *不存在|没有用于"
)
_MAY_NOT_CONNECT = r"permission denied for database|数据库.*权限不够"
_NO_ROOM_FOR_MORE = r"too many clients|connection slots|too many connections|客户|连接槽"


class Lost(StoreAway):
    """A connection broke in use: what only reads may be tried again with another."""


def away(address: Address, detail: str) -> StoreAway:
    """Say that the server does not answer."""
    return StoreAway(*_away(address, detail))


def lost(address: Address, detail: str) -> Lost:
    """Say that the server was lost in the middle; what was being written is not kept."""
    return Lost(*_away(address, detail))


def _away(address: Address, detail: str) -> tuple[Text, Text]:
    return (
        Text("数据库 {url} 没有应答（{detail}）。", "The database {url} does not answer ({detail}).").format(
            url=address.shown, detail=_one_line(detail)
        ),
        Text(
            "请确认数据库服务器正在运行并可以连接，然后重试。",
            "Make sure that the database server runs and can be reached, then try again.",
        ),
    )


def may_be_kept(error: psycopg.Error) -> bool:
    """Tell whether a commit that ended in `error` may be kept all the same.

    It is not where the server refused it; where it said nothing, or only that it is going, it may have
    committed before.
    """
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


def unknown_outcome(address: Address, detail: str) -> StoreAway:
    """Say that the server was lost in the moment of the commit."""
    return StoreAway(
        Text(
            "提交时失去与数据库 {url} 的连接（{detail}），不能确定本次写入是否已保存。",
            "The connection to the database {url} was lost during the commit ({detail}): "
            "it is not known whether this write was kept.",
        ).format(url=address.shown, detail=_one_line(detail)),
        Text("请先查看数据，再决定是否重新提交。", "Look at the data before you submit it again."),
    )


def pool_exhausted(address: Address, size: int, seconds: float) -> StoreBusy:
    """Say that all connections were taken for too long."""
    return StoreBusy(
        Text(
            "数据库 {url} 的 {size} 个连接在 {s:g} 秒内都没有空闲。",
            "None of the {size} connections to the database {url} became free within {s:g} s.",
        ).format(url=address.shown, size=size, s=seconds),
        Text("请稍后再试，或增大连接池。", "Try again later, or allow for a larger pool."),
    )


def read_only(address: Address) -> StoreReadOnly:
    """Say that the store was opened for reading, or that its server is a standby."""
    return StoreReadOnly(
        Text("存储 {url} 只能读取，不能写入。", "The store {url} can be read but not written.").format(
            url=address.shown
        ),
        Text(
            "该存储以只读方式打开，或者服务器是备用服务器；写入请连接主服务器。",
            "It was opened for reading, or the server is a standby: connect to the primary server to write.",
        ),
    )


def unusable(address: Address, why: Text, remedy: Text) -> StoreUnusable:
    """Say why the store at `address` cannot be used."""
    return StoreUnusable(
        Text("无法使用存储 {url}：{why}。", "The store {url} cannot be used: {why}.").format(
            url=address.shown, why=why
        ),
        remedy,
    )


def to_run(lines: Sequence[str]) -> Text:
    """Return what a database administrator is to run."""
    return _ASK_DBA.format(lines=both("\n" + "\n".join(lines)))


def not_allowed(
    address: Address, detail: str, *, reading: Sequence[str] = (), writing: Sequence[str] = ()
) -> WanggeError:
    """Say what the role may not do, with the lines of SQL that allow it to read and to write."""
    if reading or not writing:
        why = Text("权限不足（{detail}）", "permissions are missing ({detail})").format(
            detail=_one_line(detail)
        )
        owner = Text("请用拥有该存储的角色执行此操作。", "Do this as the role that owns the store.")
        return unusable(address, why, to_run([*reading, *writing]) if reading else owner)
    return StoreReadOnly(
        Text(
            "当前数据库角色只能读取存储 {url}（{detail}）。",
            "This database role may only read the store {url} ({detail}).",
        ).format(url=address.shown, detail=_one_line(detail)),
        to_run(writing),
    )


def not_connected(address: Address, error: Exception) -> WanggeError:
    """Return the problem that a failed attempt to connect is."""
    detail = str(error)
    user, database = sql.Identifier(address.user), sql.Identifier(address.database)
    if re.search(_NO_DATABASE, detail):
        make = sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0;").format(
            database, user
        )
        return StoreMissing(
            Text("没有数据库 {url}。", "There is no database {url}.").format(url=address.shown),
            to_run([make.as_string(), f"\\c {database.as_string()}", "CREATE EXTENSION postgis;"]),
        )
    if re.search(_MAY_NOT_CONNECT, detail):
        why = Text("该角色不得连接", "this role may not connect")
        grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {};").format(database, user)
        return unusable(address, why, to_run([grant.as_string()]))
    if re.search(_NOT_LET_IN, detail):
        why = Text("服务器拒绝登录（{detail}）", "the server does not let this user in ({detail})")
        remedy = Text(
            "请检查用户名、密码和服务器的 pg_hba.conf。",
            "Check the user, the password and the server's pg_hba.conf.",
        )
        return unusable(address, why.format(detail=_one_line(detail)), remedy)
    if re.search(_NO_ROOM_FOR_MORE, detail):
        return _busy(address, Text("没有空闲的连接", "has no connection left"))
    return away(address, detail)


@contextmanager
def said(address: Address) -> Iterator[None]:
    """Raise the server's errors as problems; what no person can put right goes on as it is."""
    try:
        yield
    except psycopg.Error as error:
        problem = problem_of(address, error.sqlstate, error)
        if problem is None:
            raise
        raise problem from error
    except Damaged as error:
        raise _damaged(address, str(error)) from error


def problem_of(address: Address, state: str | None, error: Exception) -> WanggeError | None:
    """Return the problem that the server's error is, by its SQLSTATE; None where it is a fault of the program."""
    detail = str(error)
    if state is None:
        return lost(address, detail) if isinstance(error, psycopg.OperationalError) else None
    if state in _BY_STATE:
        return _busy(address, _BY_STATE[state])
    if state[:2] == "08" or state in ("57P01", "57P02", "57P03", "57P05", "25P03", "25P04"):
        return lost(address, detail)
    if state in ("53100", "53400"):
        return _full(address)
    if state == "25006":
        return read_only(address)
    if state[:2] == "54":
        why = Text(
            "某个值超过了数据库的限度（{detail}）", "a value is beyond a limit of the database ({detail})"
        )
        remedy = Text("请缩短过长的编码或文本。", "Shorten the code or text that is too long.")
        return unusable(address, why.format(detail=_one_line(detail)), remedy)
    if state == "42501":
        return not_allowed(address, detail)
    if state in ("3F000", "42P01", "42703"):
        why = Text("它的表与本程序不符（{detail}）", "its tables are not those of this program ({detail})")
        remedy = Text(
            "请运行 wangge migrate；如仍不行，请用备份恢复。", "Run `wangge migrate`, or restore a backup."
        )
        return unusable(address, why.format(detail=_one_line(detail)), remedy)
    return _damaged(address, detail) if state[:2] in ("XX", "58") else None


_BY_STATE = {
    _LOCK_NOT_AVAILABLE: Text("正被其他程序写入", "is being written by another program"),
    _QUERY_CANCELED: Text("未能在规定时间内完成操作", "did not finish within the time set for a statement"),
    "40001": Text("正被其他程序写入", "is being written by another program"),
    "40P01": Text("正被其他程序写入", "is being written by another program"),
    "23505": Text("刚被其他程序写入", "has just been written by another program"),
    "53200": Text("内存不足", "is short of memory"),
    "53300": Text("没有空闲的连接", "has no connection left"),
}


def _busy(address: Address, why: Text) -> StoreBusy:
    return StoreBusy(
        Text("数据库 {url} {why}。", "The database {url} {why}.").format(url=address.shown, why=why), _RETRY
    )


def _full(address: Address) -> StoreFull:
    return StoreFull(
        Text(
            "数据库 {url} 的磁盘已满，本次写入未保存。",
            "The disk of the database {url} is full: nothing of this write was kept.",
        ).format(url=address.shown),
        Text("请在服务器上腾出空间后重试。", "Make room on the server and try again."),
    )


def _damaged(address: Address, detail: str) -> StoreUnusable:
    why = Text("数据已损坏（{detail}）", "its data are damaged ({detail})").format(detail=_one_line(detail))
    return unusable(
        address,
        why,
        Text("请检查服务器的磁盘，并用备份恢复。", "Check the server's disk and restore a backup."),
    )


def _one_line(detail: str) -> str:
    return " ".join(detail.split())
