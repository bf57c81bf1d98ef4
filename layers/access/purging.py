"""Deleting what the access store has no need of any more: what is over, and entries of the log that are due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from layers.access import audit
from layers.access.kept import Kept, origin_of
from layers.access.rows import micros, micros_of
from layers.access.sessions import IDLE
from layers.access.throttle import KNOWN, LOCK

if TYPE_CHECKING:
    from layers.visitors import Visitor

# As far as `audit.delete_before` goes: what comes after an entry that stays, stays.
_DUE_ENTRIES = (
    "SELECT count(*) FROM audit "
    "WHERE seq < coalesce((SELECT min(seq) FROM audit WHERE at >= ?), 9223372036854775807)"
)


class Purging(Kept):
    """What concerns retention."""

    def purge(self, *, audit_before: datetime, by: Visitor, dry_run: bool = False) -> dict[str, int]:
        """Delete sessions, attempts, addresses and codes that are over, and entries of the log that are due.

        The log keeps a checkpoint and says that it was cut, so that it still verifies. In a database only
        the store's owner may.

        Parameters
        ----------
        audit_before : datetime
            Entries from before this moment are due.
        dry_run : bool
            Only count.

        Returns
        -------
        dict of str to int
            How many rows of each kind went, or would go.

        Raises
        ------
        StoreReadOnly, StoreUnusable
            The database role may not delete from the log.
        """
        now, due = self._now(), micros(audit_before)
        if dry_run:
            with self._backend.reading() as transaction:
                counts = {
                    name: int(transaction.run(f"SELECT count(*) FROM {over}", *values)[0][0])  # noqa: S608 - from below
                    for name, over, *values in _over(now)
                }
                counts["audit"] = int(transaction.run(_DUE_ENTRIES, due)[0][0])
            return counts
        with self._writing() as transaction:
            counts = {
                name: len(transaction.run(f"DELETE FROM {over} RETURNING 1", *values))  # noqa: S608 - from below
                for name, over, *values in _over(now)
            }
            counts["audit"] = audit.delete_before(transaction, due, by, origin=origin_of(by), now=now)
        return counts


def _over(now: int) -> Iterator[tuple[str, str, *tuple[int, ...]]]:
    """Yield what is over: what it is, where it is kept, and the moments that the condition compares with."""
    yield "sessions", "sessions WHERE expires <= ? OR last_seen <= ?", now, now - micros_of(IDLE)
    yield "attempts", "attempts WHERE last < ?", now - micros_of(LOCK)
    yield "addresses", "known_addresses WHERE last < ?", now - micros_of(KNOWN)
    yield "links", "links WHERE expires <= ?", now
    yield "flows", "flows WHERE expires <= ?", now
