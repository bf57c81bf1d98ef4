"""How often a wrong password may be tried: counted in the access store, for all processes and restarts.

Attempts are counted per account and per address, of accounts that do not exist too. After 5 failures an
account's next attempt waits 1, 2, 4, … seconds, after 10 it is locked for 15 minutes. An address, which a
whole office may share, has 20 failures before it waits. From an address where the account's owner has
signed in within 30 days, only the failures of that account at that address count: strangers cannot lock
anybody out of their own office. An attempt is counted before the password is looked at, so that many at
once gain nothing.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from layers.access.names import clean
from layers.access.rows import micros_of, one
from layers.access.tokens import digest
from layers.problems import TooMany
from layers.text import Text

if TYPE_CHECKING:
    from layers.stores.access.base import Transaction

Kind = Literal["account", "known", "address", "own"]
"""Strangers' attempts on an account; those from an address it knows; those of an address; of who is signed in."""

LOCK = timedelta(minutes=15)
KNOWN = timedelta(days=30)
FREE, LOCKED_AT = 5, 10
FREE_OF_ADDRESS = 20

_SECOND = 1_000_000
_LOCK = micros_of(LOCK)


@dataclass(frozen=True)
class Counter:
    """What attempts are counted under."""

    kind: Kind
    subject: str


def network(address: str) -> str:
    """Return what counts as one address: of IPv6 the /64 that one subscriber has."""
    try:
        ip = ipaddress.ip_address(address.strip())
    except ValueError:
        return clean(address, 64)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)


def counters(
    transaction: Transaction, *, account: str | None, name_key: str, address: str, now: int
) -> tuple[Counter, ...]:
    """Return under what an attempt to sign in counts."""
    if account is not None and is_known(transaction, account, address, now):
        return (Counter("known", f"{account} {address}"),)
    return (_of_name(name_key), Counter("address", address))


def is_known(transaction: Transaction, account: str, address: str, now: int) -> bool:
    """Tell whether the account's owner has signed in from an address of late."""
    query = "SELECT last FROM known_addresses WHERE account = ? AND address = ? AND last > ?"
    return bool(transaction.run(query, account, address, now - micros_of(KNOWN)))


def remember(transaction: Transaction, account: str, address: str, now: int) -> None:
    """Note that the account's owner has signed in from an address."""
    transaction.run(
        "INSERT INTO known_addresses VALUES (?, ?, ?) "
        "ON CONFLICT (account, address) DO UPDATE SET last = excluded.last",
        account,
        address,
        now,
    )


def reserve(transaction: Transaction, counted: tuple[Counter, ...], now: int) -> None:
    """Count an attempt as failed in advance.

    Raises
    ------
    TooMany
        One of the counters asks for a pause; nothing is counted.
    """
    wait = max(_state(transaction, counter, now)[1] for counter in counted) - now
    if wait > 0:
        raise _too_many(wait)
    for counter in counted:
        failures = _state(transaction, counter, now)[0] + 1
        transaction.run(
            "INSERT INTO attempts VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, subject) DO UPDATE "
            "SET failures = excluded.failures, last = excluded.last, until = excluded.until",
            counter.kind,
            counter.subject,
            failures,
            now,
            now + _pause(counter.kind, failures),
        )


def locks(transaction: Transaction, counted: tuple[Counter, ...], now: int) -> bool:
    """Tell whether the failures of an account have just come to the number that locks it."""
    return any(
        counter.kind != "address" and _state(transaction, counter, now)[0] == LOCKED_AT for counter in counted
    )


def take_back(transaction: Transaction, counted: tuple[Counter, ...]) -> None:
    """Forget an account's failures after one success; of the address's, which are others' too, one."""
    for counter in counted:
        if counter.kind == "address":
            uncount(transaction, (counter,))
        else:
            forget(transaction, counter)


def uncount(transaction: Transaction, counted: tuple[Counter, ...]) -> None:
    """Take one attempt back that was counted in advance: the earlier failures stay."""
    for counter in counted:
        transaction.run(
            "UPDATE attempts SET failures = failures - 1, until = 0 WHERE kind = ? AND subject = ? "
            "AND failures > 0",
            counter.kind,
            counter.subject,
        )


def forget(transaction: Transaction, counter: Counter) -> None:
    """Begin to count anew."""
    transaction.run("DELETE FROM attempts WHERE kind = ? AND subject = ?", counter.kind, counter.subject)


def unlock(transaction: Transaction, account: str, name_key: str) -> None:
    """Let an account's owner in again, from wherever."""
    forget(transaction, _of_name(name_key))
    forget(transaction, Counter("own", account))
    for (address,) in transaction.run("SELECT address FROM known_addresses WHERE account = ?", account):
        forget(transaction, Counter("known", f"{account} {address}"))


def locked_until(transaction: Transaction, now: int) -> dict[str, int]:
    """Return until when accounts are locked for strangers, by `subject_of` their names."""
    query = "SELECT subject, until FROM attempts WHERE kind = 'account' AND failures >= ? AND until > ?"
    return dict(transaction.run(query, LOCKED_AT, now))


def subject_of(name_key: str) -> str:
    """Return what stands for a name in the counters: what was typed there may have been a password."""
    return digest(name_key)


def tidy(transaction: Transaction, now: int) -> None:
    """Delete what counts for nothing any more."""
    transaction.run("DELETE FROM attempts WHERE last < ?", now - _LOCK)
    transaction.run("DELETE FROM known_addresses WHERE last < ?", now - micros_of(KNOWN))


def _of_name(name_key: str) -> Counter:
    return Counter("account", subject_of(name_key))


def _state(transaction: Transaction, counter: Counter, now: int) -> tuple[int, int]:
    """Return the failures that still count, and until when the next attempt waits."""
    found = one(
        transaction.run(
            "SELECT failures, until FROM attempts WHERE kind = ? AND subject = ? AND last > ?",
            counter.kind,
            counter.subject,
            now - _LOCK,
        )
    )
    if found is None:
        return 0, 0
    failures, until = found
    if counter.kind != "address" and failures >= LOCKED_AT and until <= now:
        return 0, 0  # a lock that is over
    return failures, until


def _pause(kind: Kind, failures: int) -> int:
    """Return for how long the attempt after so many failures waits."""
    if kind != "address" and failures >= LOCKED_AT:
        return _LOCK
    over = failures - (FREE_OF_ADDRESS if kind == "address" else FREE)
    return 0 if over < 0 else min(_SECOND << min(over, 30), _LOCK)


def _too_many(wait: int) -> TooMany:
    seconds = -(-wait // _SECOND)
    return TooMany(
        Text("登录失败次数过多。", "There were too many failed attempts to sign in."),
        Text(
            "请等 {n} 秒后再试，或请管理员重置账号。",
            "Try again in {n} seconds, or ask an administrator to reset the account.",
        ).format(n=seconds),
        retry_after_s=seconds,
    )
