"""What every kind of access store gives: transactions that take the same SQL.

Statements are plain SQL that SQLite and PostgreSQL both understand, with ``?`` for each value. Moments
are microseconds since 1970 in UTC, booleans 0 and 1, lists JSON texts.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.resources import files
from typing import Any, Protocol

SCHEMA_VERSION = 3
SCHEMA = "wangge_access"
"""Where it is in a database."""

_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
_KEPT = (
    "accounts",
    "recovery_codes",
    "sessions",
    "links",
    "attempts",
    "known_addresses",
    "devices",
    "keys",
    "flows",
    "saved",
)
PRIVILEGES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_KEPT, _ALL),
    "audit": ("SELECT", "INSERT"),
    "package_keys": ("SELECT", "INSERT"),
    "audit_checkpoints": ("SELECT",),
    "head": ("SELECT", "UPDATE"),
    "meta": ("SELECT",),
}
"""What the application's role may do in a database: the log and the keys it may only add to; all else is the owner's."""

Value = str | int | None


class Transaction(Protocol):
    """A transaction; of a writing one nobody else writes until it ends."""

    def run(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        """Run one statement, and return its rows."""


class Backend(Protocol):
    """Where accounts, sessions and the audit log are kept.

    Attributes
    ----------
    generation_age_s : float
        For how long what another process may have changed meanwhile is taken to hold: at most a second.
    read_only : bool
    """

    generation_age_s: float
    read_only: bool

    def reading(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that sees one state.

        Raises
        ------
        StoreMissing, StoreOutdated, StoreUnusable, StoreBusy, StoreAway
        """

    def writing(self, *, wait: bool = True) -> AbstractContextManager[Transaction]:
        """Open a transaction that has the only turn to write: kept on leaving, undone on any error.

        Parameters
        ----------
        wait : bool
            Wait for the turn while others have it; else that is `StoreBusy`.

        Raises
        ------
        StoreMissing, StoreOutdated, StoreUnusable, StoreBusy, StoreAway, StoreReadOnly, StoreFull
        """

    def generation(self) -> str:
        """Return what differs after every write that changes who somebody is.

        Every request depends on it: where the answer takes longer than a moment there is none.

        Raises
        ------
        StoreBusy, StoreAway, StoreUnusable
        """

    def close(self) -> None:
        """Give back what is held; closing twice is fine."""


def script(kind: str, number: int) -> str:
    """Return the SQL that makes schema `number` of the one before it."""
    folder = files("layers.stores.access").joinpath("sql")
    return folder.joinpath(f"{kind}_{number:04}.sql").read_text("utf-8")
