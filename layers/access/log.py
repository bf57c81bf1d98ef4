"""Writing, reading and verifying the audit log, as methods of `Access`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from layers.access import audit
from layers.access.audit import Deed, Head
from layers.access.kept import Kept, origin_of
from layers.access.model import AuditFault, Entry, Outcome
from layers.access.rows import micros
from layers.problems import StoreOutdated, StoreUnusable

if TYPE_CHECKING:
    from layers.visitors import Visitor


class Log(Kept):
    """What concerns the audit log."""

    def record(
        self,
        who: Visitor,
        action: str,
        *,
        what: str = "",
        layer: str = "",
        codes: Sequence[str] = (),
        count: int | None = None,
        fields: Sequence[str] = (),
        purpose: str = "",
        origin: str = "",
        outcome: Outcome = "done",
    ) -> int:
        """Record what somebody did or was refused; on return it is on disk. Return the entry's number.

        Parameters
        ----------
        codes : sequence of str
            Of the features concerned; the first 100 are kept.
        count : int, optional
            How many features were concerned; by default as many as there are codes.
        origin : str
            From where: a network address; ``command`` for the operator, if nothing is given.
        """
        deed = Deed(
            action=action,
            what=what,
            layer=layer,
            codes=codes,
            count=count,
            fields=fields,
            purpose=purpose,
            origin=origin or origin_of(who),
            outcome=outcome,
        )
        with self._writing() as transaction:
            return audit.append(transaction, who, deed, self._now())

    def entries(
        self,
        *,
        since: int = 0,
        before: int | None = None,
        limit: int = 100,
        who: str | None = None,
        action: str | None = None,
        first: datetime | None = None,
        last: datetime | None = None,
    ) -> list[Entry]:
        """Return entries of the log, oldest first; with `before` the newest of those first.

        Parameters
        ----------
        since : int
            Those with greater numbers only.
        before : int, optional
            Those with smaller numbers only, the newest first: for looking back page by page.
        limit : int
            At most so many.
        who : str, optional
            The id of an account, or the name of a visitor as it was then.
        first, last : datetime, optional
            From this moment on, and up to this one.
        """
        with self._backend.reading() as transaction:
            return audit.entries(
                transaction,
                since=since,
                before=before,
                limit=limit,
                who=who,
                action=action,
                first=first,
                last=last,
            )

    def head(self) -> Head:
        """Return number and hash of the last entry: noted elsewhere, they prove that the log was not made anew."""
        with self._backend.reading() as transaction:
            return audit.head(transaction)

    def verify(self, *, expect: Head | None = None) -> list[AuditFault]:
        """Return what is wrong with the log: changed, missing or swapped entries, a lost end.

        Parameters
        ----------
        expect : (seq, hash), optional
            A head that was noted elsewhere: that entry must still be there, as it was.
        """
        try:
            with self._backend.reading() as transaction:
                return list(audit.verify(transaction, expect))
        except StoreOutdated:
            raise
        except StoreUnusable as error:
            return [audit.unreadable(error.message)]

    def delete_entries(self, before: datetime, *, by: Visitor, origin: str = "") -> int:
        """Delete the entries from before a moment, because they are due, and return how many there were.

        A checkpoint takes their place, and the log says so itself. In a database only the store's owner may.

        Raises
        ------
        StoreReadOnly, StoreUnusable
            The database role may not delete from the log.
        """
        with self._writing() as transaction:
            return audit.delete_before(
                transaction, micros(before), by, origin=origin or origin_of(by), now=self._now()
            )
