"""Small writes of one process that share a commit: flushing to the disk takes longer than all they do before.

Whoever writes while nobody does leads. He waits for the turn between processes and then runs, each by itself,
his own write and those that have queued up behind him, commits once, and tells the others. Nobody waits to
have company: alone, a write is committed as soon as it is run. The first of those that came too late leads next.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import apsw

from layers.stores.geopackage import faults
from layers.stores.geopackage.connection import Database
from layers.stores.geopackage.transaction import Transaction

T = TypeVar("T")

# Other processes have their turn, and the first of a batch its answer, within a bound.
_MOST_WRITES = 256
_LONGEST_S = 0.05


class _Undone(Exception):
    """SQLite has undone the whole transaction, for the sake of one write in it."""


class _Write:
    """A write on its way to the disk, and what came of it."""

    __slots__ = ("act", "due", "error", "leads", "outcome", "settled", "whole", "woken")

    def __init__(self, act: Callable[[Transaction], Any], due: float, *, whole: bool = False) -> None:
        self.act = act
        self.whole = whole
        self.due = due
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.leads = False
        self.settled = False
        self.woken = threading.Lock()
        self.woken.acquire()


class _Line:
    """The writes of one process that wait, and whether one leads: one of them, the first, or one just taken out."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._guard = threading.Lock()
        self._waiting: deque[_Write] = deque()
        self._led = False

    def join(self, write: _Write) -> None:
        """Queue up; where nobody leads, lead."""
        with self._guard:
            self._waiting.append(write)
            if not self._led:
                self._led = write.leads = True

    def take(self) -> _Write | None:
        """Take the first out of the line; None where nobody waits."""
        with self._guard:
            return self._waiting.popleft() if self._waiting else None

    def put_back(self, writes: Sequence[_Write]) -> None:
        """Let writes stand first again, in their order."""
        with self._guard:
            self._waiting.extendleft(reversed(writes))

    def give_up(self, write: _Write) -> bool:
        """Take a write out that nobody has begun; tell whether it was one."""
        with self._guard:
            if write.leads or write not in self._waiting:
                return False
            self._waiting.remove(write)
            return True

    def leave(self, write: _Write) -> None:
        """Take a write out, if it is there; where it leads, the first of those that wait leads next."""
        with self._guard:
            if not write.settled and write in self._waiting:
                self._waiting.remove(write)
            if write.leads:
                write.leads = False
                self._led = bool(self._waiting)
                if self._led:
                    self._waiting[0].leads = True
                    self._waiting[0].woken.release()


class Intake:
    """Where the small writes of all threads to one file come in.

    Parameters
    ----------
    head : callable
        Called in each transaction before anything is written; returns the number of the last write, and raises
        when the file is not what it should be.
    """

    def __init__(self, database: Database, *, head: Callable[[apsw.Connection], int]) -> None:
        self._database = database
        self._head = head
        self._line = _Line()

    def share(self, act: Callable[[Transaction], T], *, whole: bool = False) -> T:
        """Run `act` in a transaction that others may share, and return what it returned once that is on the disk.

        An error of `act` undoes what it did, and nothing else. It runs in the thread of any of those that
        share the commit, and again where another's fault has undone it; the last time counts.

        Parameters
        ----------
        whole : bool
            `act` writes by one statement at most, and lastly: SQLite undoes it by itself.

        Raises
        ------
        StoreMissing, StoreReadOnly, StoreBusy, StoreFull, StoreUnusable
        """
        line = self._line
        if line.process != os.getpid():
            line = self._line = _Line()  # who leads the line of our parent does not lead here
        write = _Write(act, time.monotonic() + self._database.busy_timeout_s, whole=whole)
        try:
            line.join(write)
            if not write.leads:
                self._wait(line, write)
            while not write.settled:
                self._commit(line, write)
        finally:
            if write.leads or not write.settled:
                line.leave(write)
        if write.error is not None:
            raise write.error
        outcome: T = write.outcome
        return outcome

    def _wait(self, line: _Line, write: _Write) -> None:
        """Wait until a write is settled or leads."""
        if not write.woken.acquire(timeout=max(write.due - time.monotonic(), 0.0)):
            if line.give_up(write):
                raise faults.busy(self._database.path)
            write.woken.acquire()

    def _commit(self, line: _Line, mine: _Write) -> None:
        """Run and commit those in line, of which `mine` is the first."""
        line.take()
        batch = [mine]
        again: list[_Write] = []
        committed = False
        try:
            with self._database.begun(wait_s=mine.due - time.monotonic()) as connection:
                self._run(connection, self._head(connection), line, batch)
                try:
                    self._database.commit(connection)
                except Exception:
                    raise
                except BaseException:
                    # Who is interrupted while the disk works hears of it when that is done.
                    committed = not connection.in_transaction
                    raise
                committed = True
        except _Undone:
            again = [write for write in batch if write.error is None]
        except Exception as error:
            if committed:
                raise
            for write in batch:
                write.error = write.error or error
        except BaseException:
            if not committed:
                again = [write for write in batch[1:] if write.error is None]
            raise
        finally:
            if again:
                line.put_back(again)
            for write in batch:
                if write not in again:
                    write.settled = True
                    write.woken.release()

    def _run(self, connection: apsw.Connection, head: int, line: _Line, batch: list[_Write]) -> None:
        """Run the first write of `batch`, and add and run those in line, each so that its errors are its own.

        Parameters
        ----------
        head : int
            The number of the last write before them.
        """
        until = time.monotonic() + _LONGEST_S
        write: _Write | None = batch[0]
        while write is not None:
            transaction = Transaction(connection, head)
            if not write.whole:
                connection.execute("SAVEPOINT one")
            try:
                write.outcome = write.act(transaction)
                head = transaction.version()
            except Exception as error:
                write.error = faults.named(self._database.path, error, connection)
                if not connection.in_transaction:
                    raise _Undone from error
                if not write.whole:
                    connection.execute("ROLLBACK TO one")
            if not write.whole:
                connection.execute("RELEASE one")
            full = len(batch) == _MOST_WRITES or time.monotonic() > until
            write = None if full else line.take()
            if write is not None:
                batch.append(write)
