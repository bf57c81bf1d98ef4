"""Processes that do the same work beside each other, forked from one that has loaded what they share.

What the parent has read before the fork is in memory once, until somebody writes to it. So the parent keeps what it
read and nothing else: no thread, no connection. It replaces workers that die, renews them all without a gap, and
ends when the last one has.
"""

from __future__ import annotations

import gc
import logging
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

LOGGER = logging.getLogger("wangge")

GRACE_S = 40.0
"""A worker that was told to stop and has not ended after this is killed."""

_SHORT_LIFE_S, _LONGEST_PAUSE_S = 5.0, 10.0
_SIGNALS = (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


class Life:
    """What a worker knows of its parent.

    Attributes
    ----------
    place : int
        Which of the workers it is; who replaces it has the same.
    column : int
        What no other worker has at the same time, not even the one that it replaces.
    """

    def __init__(self, place: int, column: int, ready: int, parent: int) -> None:
        self.place, self.column = place, column
        self._ready = ready
        self._parent = parent

    def ready(self) -> None:
        """Tell the parent that the work has begun."""
        os.write(self._ready, b"r")

    def wait(self) -> None:
        """Return when the worker is to stop: its parent says so by SIGTERM, or is no more."""
        with suppress(_Told):
            os.read(self._parent, 1)  # there is never anything to read but the end


class _Told(BaseException):
    """SIGTERM has come: whatever is under way is left as by an exception."""


Work = Callable[[Life], None]


@dataclass
class _Worker:
    pid: int
    place: int
    column: int
    generation: int
    ready_end: int
    is_ready: bool = False
    kill_at: float | None = None
    born: float = field(default_factory=time.monotonic)


class Workers:
    """Keeps so many workers at work.

    Parameters
    ----------
    number : int
    work : callable
        What a worker does, in its process: it says when it is ready, waits, and returns when all is finished.
    renew : callable
        Reads in the parent what new workers are to have, before they are forked on SIGHUP. Where it raises, or a
        new worker ends before it is ready, the old ones go on.
    begun : callable
        Called once, when all are ready.
    missing : callable
        Called with the place of a worker that has died while others are at work.
    """

    def __init__(
        self,
        number: int,
        work: Work,
        *,
        renew: Callable[[], None] = lambda: None,
        begun: Callable[[], None] = lambda: None,
        missing: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.number = number
        self._work = work
        self._renew = renew
        self._begun: Callable[[], None] | None = begun
        self._missing = missing
        self._workers: dict[int, _Worker] = {}
        self._generation = 0
        self._due: list[tuple[float, int]] = []
        self._pause_s = 0.0
        self._stopping = False
        self._again = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Work until SIGTERM or SIGINT, and return the exit code: 1 where the first workers did not begin."""
        self._alive, self._alive_end = os.pipe()
        told, tell = socket.socketpair()
        for end in (told, tell):
            end.setblocking(False)
        before = {number: signal.signal(number, _noted) for number in _SIGNALS}
        was_told = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
        self._selector.register(told, selectors.EVENT_READ)
        self._inherited = (told.fileno(), tell.fileno(), self._alive_end)
        try:
            return self._run(told)
        finally:
            for pid in self._workers:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            signal.set_wakeup_fd(was_told)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            told.close()
            tell.close()
            os.close(self._alive)
            os.close(self._alive_end)

    def _run(self, told: socket.socket) -> int:
        self._fork_all()
        while self._workers or self._due:
            for key, _ in self._selector.select(self._timeout_s()):
                if key.fileobj is told:
                    for number in told.recv(4096):
                        self._hear(number)
                else:
                    self._note_ready(key.data)
            self._bury()
            if self._begun is not None and not self._workers and not self._stopping:
                return 1
            self._do_what_is_due()
        return 0

    def _timeout_s(self) -> float | None:
        moments = [moment for moment, _ in self._due]
        moments += [one.kill_at for one in self._workers.values() if one.kill_at is not None]
        return max(min(moments) - time.monotonic(), 0.0) if moments else None

    def _hear(self, number: int) -> None:
        if number == signal.SIGHUP and not self._stopping and self._begun is None:
            self._start_anew()
        elif number in (signal.SIGTERM, signal.SIGINT):
            again, self._stopping = self._stopping, True
            self._due.clear()
            for one in self._workers.values():
                self._stop(one, grace_s=0.0 if again else GRACE_S)

    def _start_anew(self) -> None:
        if any(one.generation == self._generation and not one.is_ready for one in self._workers.values()):
            self._again = True  # as soon as these have begun
            return
        try:
            self._renew()
        except Exception as error:
            LOGGER.error("nothing was renewed, the workers go on as they are: %s", error)
            return
        self._due.clear()
        self._generation += 1
        try:
            self._fork_all()
        except (OSError, RuntimeError) as error:
            LOGGER.error("no new workers can be started, the old ones go on: %s", error)
            self._go_back()

    def _go_back(self) -> None:
        """Do without the newest workers: those before them go on, each place with one."""
        for one in self._workers.values():
            if one.generation == self._generation and one.kill_at is None:
                self._stop(one)
        at_work = [one for one in self._workers.values() if one.kill_at is None]
        self._generation = max((one.generation for one in at_work), default=self._generation)
        due = {place for _, place in self._due} | {one.place for one in at_work}
        self._due += [(time.monotonic(), place) for place in range(self.number) if place not in due]

    def _fork_all(self) -> None:
        if threading.active_count() > 1:
            raise RuntimeError(f"there are threads, which a fork would break: {threading.enumerate()}")
        if self._generation:
            gc.unfreeze()
            gc.collect()  # what was read before is read anew
        gc.freeze()  # the collector would write to all that is shared
        for place in range(self.number):
            self._fork(place)

    def _fork(self, place: int) -> None:
        taken = {one.column for one in self._workers.values()}
        column = next((free for free in range(columns_of(self.number)) if free not in taken), 0)
        ready, ready_end = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal to the child before it has handlers of its own would be heard by the parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._be_a_worker(Life(place, column, ready_end, self._alive), ready)
        except OSError:
            os.close(ready)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.close(ready_end)
        worker = self._workers[pid] = _Worker(pid, place, column, self._generation, ready)
        self._selector.register(ready, selectors.EVENT_READ, worker)

    def _be_a_worker(self, life: Life, ready: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, _raise_told)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(
                signal.SIGINT, signal.SIG_IGN
            )  # from a terminal it comes to all; the parent says when
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._selector.close()
            others = [one.ready_end for one in self._workers.values() if one.ready_end >= 0]
            for end in (ready, *self._inherited, *others):
                os.close(end)
            self._work(life)
            code = 0
        except _Told:
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            LOGGER.exception("a worker failed")
        finally:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # what the parent has open is the parent's to close

    def _note_ready(self, worker: _Worker) -> None:
        worker.is_ready = os.read(worker.ready_end, 1) == b"r"
        self._forget_ready_end(worker)
        newest = [one for one in self._workers.values() if one.generation == self._generation]
        if len(newest) < self.number or not all(one.is_ready for one in newest):
            return
        if self._begun is not None:
            self._begun()
            self._begun = None
        for one in self._workers.values():
            if one.generation != self._generation and one.kill_at is None:
                self._stop(one)
        if self._again and not self._stopping:
            self._again = False
            self._start_anew()

    def _forget_ready_end(self, worker: _Worker) -> None:
        if worker.ready_end >= 0:
            self._selector.unregister(worker.ready_end)
            os.close(worker.ready_end)
            worker.ready_end = -1

    def _stop(self, worker: _Worker, *, grace_s: float = GRACE_S) -> None:
        worker.kill_at = time.monotonic() + grace_s
        os.kill(worker.pid, signal.SIGTERM)

    def _bury(self) -> None:
        """Take note of the workers that have ended."""
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            worker = self._workers.pop(pid, None)
            if worker is None:
                continue
            self._forget_ready_end(worker)
            if worker.kill_at is None and not self._stopping:
                self._miss(worker, os.waitstatus_to_exitcode(status))

    def _miss(self, worker: _Worker, code: int) -> None:
        """Do without a worker that was not told to stop: another takes its place."""
        if self._begun is not None:  # the first ones did not even begin, and have said why
            for one in self._workers.values():
                self._stop(one)
            return
        others = [one for one in self._workers.values() if one.generation != worker.generation]
        if not worker.is_ready and any(one.kill_at is None for one in others):
            LOGGER.error("a new worker ended (%d) before it was ready: the old ones go on", code)
            self._go_back()
            return
        newest = [one.place for one in self._workers.values() if one.generation == self._generation]
        if worker.generation != self._generation and worker.place in newest:
            return  # its successor is there already
        LOGGER.error("worker %d ended (%d) and is replaced", worker.pid, code)
        lived_s = time.monotonic() - worker.born
        short = lived_s < _SHORT_LIFE_S
        self._pause_s = min(max(2 * self._pause_s, 0.2), _LONGEST_PAUSE_S) if short else 0.0
        self._due.append((time.monotonic() + self._pause_s, worker.place))
        if any(one.is_ready and one.kill_at is None for one in self._workers.values()):
            self._missing(worker.place)

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        for due in [due for due in self._due if due[0] <= now]:
            self._due.remove(due)
            try:
                self._fork(due[1])
            except OSError as error:
                LOGGER.error("no worker can be started now: %s", error)
                self._due.append((now + _LONGEST_PAUSE_S, due[1]))
        for one in self._workers.values():
            if one.kill_at is not None and one.kill_at <= now:
                os.kill(one.pid, signal.SIGKILL)
                one.kill_at = now + GRACE_S


def columns_of(number: int) -> int:
    """Return how many places so many workers need, with those who come after them and those who die between."""
    return 3 * number + 2


def _noted(number: int, frame: object) -> None:
    """Do nothing: `Workers.run` hears of the signal by its number."""


def _raise_told(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Told
