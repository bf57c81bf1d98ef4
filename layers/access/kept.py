"""What every part of `Access` stands on: the kept state, the clock, the policy, and who is known already."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from cachetools import LRUCache

from layers.access import audit
from layers.access.audit import Deed
from layers.access.names import clean, name_key
from layers.access.rows import AccountRow, account_row, micros
from layers.problems import NotFound, StoreAway, StoreBusy
from layers.text import Text

if TYPE_CHECKING:
    from layers.access.model import Outcome
    from layers.access.passwords import Passwords
    from layers.policy import Policy
    from layers.store import Clock
    from layers.stores.access.base import Backend, Transaction
    from layers.visitors import Visitor

MOST_KNOWN = 20_000
GRACE_S = 300.0
"""For so long people stay known while the database that knows them does not answer."""
_ID = re.compile(r"[0-9a-f]{12}")

Who = TypeVar("Who")


class Known(Generic[Who]):
    """Who is behind a secret, as it was last read.

    Everything in it is of one generation of the access store: a write that changes who somebody is makes
    another one. What this process writes counts at once; what others do, as soon as the generation is
    asked for again. One thread asks, and no other waits for it. While there is no answer, those who are
    known stay so for some minutes; whoever is not is told so at once.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock, self._asking = threading.Lock(), threading.Lock()
        self._found: LRUCache[str, tuple[str, Who]] = LRUCache(MOST_KNOWN)
        self._generation = ""
        self._asked_at = self._told_at = float("-inf")
        self._turns = 0
        self._problem: StoreAway | StoreBusy | None = None

    @property
    def away(self) -> bool:
        """Whether the database did not answer when it was last asked."""
        return isinstance(self._problem, StoreAway)

    def get(self, secret: str, read: Callable[[Transaction], Who | None]) -> Who | None:
        """Return who is behind the hash of a secret; `read` finds out where that is not known."""
        generation = self._current()
        with self._lock:
            found = self._found.get(secret)
        if found is not None and found[0] == generation:
            return found[1]
        return self.read(secret, read)

    def read(self, secret: str, read: Callable[[Transaction], Who | None]) -> Who | None:
        """Return who is behind the hash of a secret, by what is kept now."""
        if self.away:
            # To wait for nothing, one by one, would take all threads from those who are known.
            self._say_again()
        with self._backend.reading() as transaction:
            ((generation,),) = transaction.run("SELECT generation FROM head")
            who = read(transaction)
        with self._lock:
            if who is None:
                self._found.pop(secret, None)
            else:
                self._found[secret] = (generation, who)
        return who

    def turned(self, generation: str) -> None:
        """Take note of the generation that this process has just made."""
        with self._lock:
            self._turns += 1
            self._generation, self._asked_at = generation, time.monotonic()
            self._told_at = self._asked_at
            self._problem = None

    def _current(self) -> str:
        if time.monotonic() - self._asked_at >= self._backend.generation_age_s and self._asking.acquire(
            blocking=False
        ):
            try:
                self._ask()
            finally:
                self._asking.release()
        if self._problem is not None and time.monotonic() - self._told_at > GRACE_S:
            self._say_again()
        return self._generation

    def _ask(self) -> None:
        turns, now = self._turns, time.monotonic()
        try:
            generation = self._backend.generation()
        except (StoreAway, StoreBusy) as problem:
            # Nobody can be shut out in a database that is away: who was known a moment ago still is. It is asked
            # again some time after it has failed to answer, however long that took.
            with self._lock:
                self._problem, self._asked_at = problem, time.monotonic()
            return
        with self._lock:
            self._problem = None
            # An answer from before must not take the place of what `turned` has said meanwhile.
            if turns == self._turns:
                self._generation, self._asked_at, self._told_at = generation, now, now

    def _say_again(self) -> None:
        if (problem := self._problem) is not None:
            raise type(problem)(problem.message, problem.remedy) from problem


class Kept:
    """The part of `Access` that all others share.

    Parameters
    ----------
    words : sequence of str
        The district's names: no part of a good password.
    """

    def __init__(
        self,
        backend: Backend,
        policy: Policy,
        *,
        clock: Clock,
        passwords: Passwords,
        words: Sequence[str] = (),
    ) -> None:
        self._backend = backend
        self._policy = policy
        self._clock = clock
        self._passwords = passwords
        self._words = tuple(words)
        self._known: Known[object] = Known(backend)
        self._touching = threading.Lock()

    def _now(self) -> int:
        return micros(self._clock())

    @contextmanager
    def _writing(self, *, changes_who: bool = False) -> Iterator[Transaction]:
        """Open the turn to write.

        Parameters
        ----------
        changes_who : bool
            What is written ends or alters what some secret stands for.
        """
        generation = secrets.token_hex(8)
        with self._backend.writing() as transaction:
            yield transaction
            if changes_who:
                transaction.run("UPDATE head SET generation = ?", generation)
        if changes_who:
            self._known.turned(generation)

    def _record(
        self,
        transaction: Transaction,
        who: Visitor,
        action: str,
        what: str = "",
        *,
        origin: str = "",
        outcome: Outcome = "done",
    ) -> None:
        """Record something that was done, in the transaction that does it."""
        deed = Deed(action=action, what=what, origin=origin or origin_of(who), outcome=outcome)
        audit.append(transaction, who, deed, self._now())

    def _row(self, transaction: Transaction, name_or_id: str) -> AccountRow:
        """Return the account of this name or id, or raise `NotFound`."""
        found = None
        if _ID.fullmatch(name_or_id):
            found = account_row(transaction, "id", name_or_id)
        found = found or account_row(transaction, "name_key", name_key(name_or_id))
        if found is None:
            raise NotFound(
                Text("没有账号“{n}”。", "There is no account {n!r}.").format(n=clean(name_or_id)),
                Text("wangge user list 列出所有账号。", "`wangge user list` lists them all."),
            )
        return found


def origin_of(who: Visitor) -> str:
    """Return from where somebody acts, as far as who it is tells that."""
    return "command" if who.via == "operator" else ""
