"""The audit log: who did what to what, why and from where; append-only, each entry bound to the one before.

An entry's hash is SHA-256 over the canonical JSON of everything else in its row, the hash of the entry
before it among them; so one that was changed, taken out or put in shows. Whoever may write the whole file
could make the chain anew: `head`, noted elsewhere from time to time and given to `verify`, shows that too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, get_args

from layers.access.model import AuditFault, AuditFaultId, Entry, Outcome
from layers.access.names import clean
from layers.access.rows import list_of, list_text, micros, moment, one
from layers.text import Text

if TYPE_CHECKING:
    from layers.stores.access.base import Transaction
    from layers.visitors import Visitor

MOST_CODES = 100
MOST_CHARACTERS = 400

COLUMNS = (
    "seq",
    "at",
    "actor",
    "name",
    "role",
    "via",
    "action",
    "what",
    "layer",
    "codes",
    "count",
    "fields",
    "purpose",
    "origin",
    "outcome",
    "previous",
)
_ALL = ", ".join((*COLUMNS, "hash"))
_AT_ONCE = 5_000
_ACTION, _WHAT = COLUMNS.index("action"), COLUMNS.index("what")
RETENTION = "retention"

Head = tuple[int, str]
"""Number and hash of the last entry."""


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What is to be recorded; see `Entry`."""

    action: str
    what: str = ""
    layer: str = ""
    codes: Sequence[str] = ()
    count: int | None = None
    fields: Sequence[str] = ()
    purpose: str = ""
    origin: str = ""
    outcome: Outcome = "done"


def append(transaction: Transaction, who: Visitor, deed: Deed, now: int) -> int:
    """Write an entry and return its number; the transaction has the turn to write."""
    if deed.outcome not in get_args(Outcome):
        raise ValueError(f"{deed.outcome!r} is no outcome")
    last, previous = head(transaction)
    count = len(deed.codes) if deed.count is None and deed.codes else deed.count
    row: dict[str, Any] = {
        "seq": last + 1,
        "at": now,
        "actor": who.account or "",
        "name": clean(who.name),
        "role": who.role,
        "via": f"{who.via}:{clean(who.means)}" if who.means else who.via,
        "action": deed.action,
        "what": clean(deed.what, MOST_CHARACTERS),
        "layer": clean(deed.layer),
        "codes": list_text([clean(code) for code in deed.codes[:MOST_CODES]]),
        "count": count,
        "fields": list_text([clean(field) for field in deed.fields[:MOST_CODES]]),
        "purpose": clean(deed.purpose, MOST_CHARACTERS),
        "origin": clean(deed.origin),
        "outcome": deed.outcome,
        "previous": previous,
    }
    found = _hash(tuple(row.values()))
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    transaction.run(f"INSERT INTO audit ({_ALL}) VALUES ({marks})", *row.values(), found)  # noqa: S608
    transaction.run("UPDATE head SET seq = ?, hash = ?", last + 1, found)
    return last + 1


def head(transaction: Transaction) -> Head:
    """Return the number and hash of the last entry, 0 and an empty text before the first."""
    ((seq, found),) = transaction.run("SELECT seq, hash FROM head")
    return seq, found


def entries(
    transaction: Transaction,
    *,
    since: int,
    before: int | None,
    limit: int,
    who: str | None,
    action: str | None,
    first: datetime | None,
    last: datetime | None,
) -> list[Entry]:
    """Return entries after number `since`, or those before number `before`; see `Access.entries`."""
    asked: list[tuple[str, tuple[str | int, ...]]] = [("seq > ?", (since,))]
    if before is not None:
        asked.append(("seq < ?", (before,)))
    if who is not None:
        asked.append(("(actor = ? OR name = ?)", (who, who)))
    if action is not None:
        asked.append(("action = ?", (action,)))
    if first is not None:
        asked.append(("at >= ?", (micros(first),)))
    if last is not None:
        asked.append(("at <= ?", (micros(last),)))
    where = " AND ".join(condition for condition, _ in asked)
    values = [value for _, given in asked for value in given]
    order = "seq" if before is None else "seq DESC"
    query = f"SELECT {_ALL} FROM audit WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608 - conditions from above
    return [_entry(row) for row in transaction.run(query, *values, limit)]


def verify(transaction: Transaction, expect: Head | None) -> Iterator[AuditFault]:
    """Yield what is wrong with the log; see `Access.verify`."""
    checkpoint = one(
        transaction.run("SELECT seq, hash FROM audit_checkpoints ORDER BY seq DESC LIMIT 1")
    ) or (0, "")
    last, link = checkpoint
    unnoted = last > 0
    anchor = link if expect is not None and expect[0] == last else None
    while rows := _after(transaction, last):
        for *row, kept in rows:
            seq = row[0]
            if seq != last + 1:
                yield _fault("gap", last + 1)
            elif row[-1] != link:
                yield _fault("link", seq)
            if _hash(row) != kept:
                yield _fault("changed", seq)
            if row[_ACTION] == RETENTION and row[_WHAT] == _note(checkpoint):
                unnoted = False
            if expect is not None and seq == expect[0]:
                anchor = kept
            last, link = seq, kept
    if unnoted:
        yield _fault("checkpoint", checkpoint[0])
    found = one(transaction.run("SELECT seq, hash FROM head"))
    if found is None or found != (last, link):
        yield _fault("tail" if found is not None and found[0] > last else "head", last)
    if expect is not None and anchor != expect[1]:
        yield _fault("anchor", expect[0])


def delete_before(transaction: Transaction, before: int, who: Visitor, *, origin: str, now: int) -> int:
    """Delete the entries from before a moment, leave a checkpoint, and return how many there were.

    The checkpoint is noted in the log itself, so that the chain still verifies and the deletion shows.
    """
    ((later,),) = transaction.run("SELECT min(seq) FROM audit WHERE at >= ?", before)
    last = head(transaction)[0] if later is None else later - 1
    found = one(transaction.run("SELECT seq, hash FROM audit WHERE seq = ?", last))
    if found is None:
        return 0
    ((count,),) = transaction.run("SELECT count(*) FROM audit WHERE seq <= ?", last)
    append(transaction, who, Deed(action=RETENTION, what=_note(found), count=count, origin=origin), now)
    transaction.run("INSERT INTO audit_checkpoints VALUES (?, ?, ?)", *found, now)
    transaction.run("DELETE FROM audit WHERE seq <= ?", last)
    return int(count)


def _note(checkpoint: tuple[Any, ...]) -> str:
    """Return how the log itself names the last of its entries that were deleted."""
    return f"audit <= {checkpoint[0]} {checkpoint[1]}"


def _after(transaction: Transaction, seq: int) -> list[tuple[Any, ...]]:
    return transaction.run(f"SELECT {_ALL} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", seq, _AT_ONCE)  # noqa: S608


def _hash(row: Sequence[Any]) -> str:
    values = dict(zip(COLUMNS, row, strict=True))
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _entry(row: tuple[Any, ...]) -> Entry:
    values = dict(zip((*COLUMNS, "hash"), row, strict=True))
    values["at"] = moment(values["at"])
    for name in ("codes", "fields"):
        values[name] = tuple(list_of(values[name]))
    return Entry(**values)


_FAULTS: dict[AuditFaultId, Text] = {
    "changed": Text("第 {n} 条已被改动。", "Entry {n} has been changed."),
    "link": Text("第 {n} 条与前一条不衔接。", "Entry {n} does not follow from the one before."),
    "gap": Text("从第 {n} 条起缺失。", "Entries are missing from {n} on."),
    "tail": Text("第 {n} 条之后的记录缺失。", "The entries after {n} are missing."),
    "head": Text("末条标记与第 {n} 条不符。", "The mark of the last entry does not agree with entry {n}."),
    "anchor": Text(
        "第 {n} 条不是别处记下的那一条，或已到期删除；若确为到期删除，请重新记下 wangge audit head。",
        "Entry {n} is not the one that was noted elsewhere, or was deleted because it was due; "
        "if so, note a new `wangge audit head`.",
    ),
    "checkpoint": Text(
        "第 {n} 条及以前的记录被删除，但日志中没有到期删除的记录。",
        "The entries up to {n} were deleted, and no entry says that they were due.",
    ),
    "unreadable": Text("日志无法读取。", "The log cannot be read."),
}


def _fault(kind: AuditFaultId, seq: int) -> AuditFault:
    return AuditFault(kind, seq, _FAULTS[kind].format(n=seq))


def unreadable(why: Text) -> AuditFault:
    """Return the fault of a log that cannot be read."""
    told = _FAULTS["unreadable"]
    return AuditFault("unreadable", None, Text(told.zh + why.zh, f"{told.en} {why.en}"))
