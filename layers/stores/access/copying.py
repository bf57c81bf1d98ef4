"""Accounts and log of one access store, copied whole into one that has none yet."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from layers.problems import StoreExists
from layers.stores.access.base import Transaction, Value
from layers.text import Text

if TYPE_CHECKING:
    from layers.stores.access.base import Backend

COPIED = (
    "accounts",
    "recovery_codes",
    "attempts",
    "known_addresses",
    "devices",
    "keys",
    "saved",
    "package_keys",
    "audit_checkpoints",
)
"""Tables, those first that others refer to; the log besides. Sessions and what lasts for minutes stay behind."""

_AT_ONCE, _PAGE = 200, 5000


def has_entries(transaction: Transaction) -> bool:
    """Return whether something was done there: there is no account without an entry of the log."""
    ((seq,),) = transaction.run("SELECT seq FROM head")
    return bool(seq)


def copy_all(source: Backend, target: Backend, where: str) -> int:
    """Copy all that lasts from `source` to `target`, which has nothing yet; return how many accounts there are.

    In one transaction of each, so that both are consistent whoever writes meanwhile.

    Raises
    ------
    StoreExists
        There is something in `target` already, which is `where`.

    Notes
    -----
    Both have the present schema, whose columns have the same order in both kinds.
    """
    with source.reading() as read, target.writing() as write:
        if has_entries(write):
            raise taken(where)
        for table in COPIED:
            _insert(write, table, read.run(f"SELECT * FROM {table} ORDER BY 1, 2"))  # noqa: S608 - our own names
        last = -1
        while rows := read.run("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", last, _PAGE):
            _insert(write, "audit", rows)
            last = rows[-1][0]
        ((seq, found),) = read.run("SELECT seq, hash FROM head")
        write.run("UPDATE head SET generation = ?, seq = ?, hash = ?", secrets.token_hex(8), seq, found)
        ((count,),) = write.run("SELECT count(*) FROM accounts")
        return int(count)


def taken(where: str) -> StoreExists:
    """Say that there are accounts already."""
    return StoreExists(
        Text(
            "存储 {url} 已有账号或审计日志，不会被覆盖。",
            "The store {url} has accounts or an audit log already; they are not overwritten.",
        ).format(url=where),
        Text(
            "请恢复到新建的存储；GeoPackage 旁的 .access 文件也可连同其 -wal、-shm 先移走。",
            "Restore into a store that is made by it; or move the file .access beside the GeoPackage, with its -wal and "
            "-shm, away first.",
        ),
    )


def _insert(transaction: Transaction, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
    for at in range(0, len(rows), _AT_ONCE):
        some = rows[at : at + _AT_ONCE]
        marks = f"({', '.join('?' * len(some[0]))})"
        values = [value for row in some for value in row]
        transaction.run(f"INSERT INTO {table} VALUES {', '.join([marks] * len(some))}", *values)  # noqa: S608
