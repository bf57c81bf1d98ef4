"""Processes that die at a chosen point of their work: importable, so that they can start there."""

from __future__ import annotations

import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from layers.store import Written, open_store
from layers.stores.base import Inserting, KeptStore, Putting, Writing
from layers.stores.geopackage.store import GeoPackageStore
from layers.stores.kinds import path_of
from tests.faults.system_calls import Rule, install
from tests.faults.work import HOT, Task

T = TypeVar("T")

# SQLite's log: a header, then a frame for each page.
_LOG_HEADER_BYTES, _FRAME_HEADER_BYTES, _PAGE_BYTES = 32, 24, 4096
FRAME_BYTES = _FRAME_HEADER_BYTES + _PAGE_BYTES


def die_before_step(url: str, task: Task, step: int, answer: Connection) -> None:
    """Do a task and die before that step of its transaction; say so where it has fewer."""
    with open_store(url) as store:
        assert isinstance(store, KeptStore)
        write, share, put_one = store._writing, store._share, store._put_one

        @contextmanager
        def writing() -> Iterator[Writing]:
            with write() as transaction:
                yield _Counting(transaction, step)

        def share_counting(act: Callable[[Any], T]) -> T:
            return share(lambda transaction: act(_Counting(transaction, step)))

        def put_one_counting(
            put: Callable[[Putting], Written], put_new: Callable[[Inserting], Written] | None
        ) -> Written:
            return put_one(counting(put), None if put_new is None else counting(put_new))

        def counting(put: Callable[[Any], Written]) -> Callable[[Any], Written]:
            return lambda transaction: put(_Counting(transaction, step))

        # Some of them call others: what counts twice counts the same.
        store._writing, store._share = writing, share_counting  # type: ignore[method-assign]
        store._put_one = put_one_counting  # type: ignore[method-assign]
        answer.send(task.run(store))


class _Counting:
    """A transaction in which the process dies before a certain step."""

    def __init__(self, transaction: Putting, steps: int) -> None:
        self._transaction = transaction
        self._left = steps

    def __getattr__(self, name: str) -> Any:
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return getattr(self._transaction, name)


def die_at_write(url: str, warm: Task, task: Task, step: int, answer: Connection) -> None:
    """Do a task and die at that write to SQLite's log, two for each page; say so where it makes fewer.

    `warm` is done before, so that the log is there.
    """
    with open_store(url) as store:
        warm.run(store)
        log = f"{path_of(url)}-wal"
        page, half = divmod(step, 2)
        offset = end_of_log(Path(log)) + page * FRAME_BYTES + half * _FRAME_HEADER_BYTES
        install(Rule(("pwrite64",), kills=True, file=open_file(log), place="at", offset=offset))
        answer.send(task.run(store))


def die_at_sync(url: str, warm: Task, task: Task, answer: Connection) -> None:
    """Do a task and die when its log is to be put on the disk."""
    with open_store(url) as store:
        warm.run(store)
        install(Rule(("fdatasync", "fsync"), kills=True, file=open_file(f"{path_of(url)}-wal")))
        task.run(store)


SHARED = [
    Task("w0/insert", "insert", ("new",), None, 9),
    Task("w1/update", "update", (HOT[0],), None, 10, None, "2019-05-01"),
    Task("w2/delete", "delete", (HOT[1],)),
    Task("w3/two", "upsert", ("other", HOT[2]), None, 12),
    Task("w4/insert", "insert", ("third",), None, 13),
]
"""Writes of several threads that are to share a commit."""


class Caller(threading.Thread):
    """Calls something, and keeps what it returned or raised."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__()
        self._act = act
        self._outcome: Any = None
        self.start()

    def run(self) -> None:
        try:
            self._outcome = self._act()
        except BaseException as error:
            self._outcome = error

    def answer(self) -> Any:
        """Wait for what came of it."""
        self.join(60)
        assert not self.is_alive()
        return self._outcome


def together(store: GeoPackageStore, tasks: list[Task], *rules: Rule) -> list[Any]:
    """Do tasks in one commit, by a thread that meets `rules`, and return what each of them came to."""

    def lead() -> Any:
        install(*rules)
        return tasks[0].run(store)

    callers: list[Caller] = []
    deadline = time.monotonic() + 60
    with store._database.writing():
        for at, task in enumerate(tasks):
            callers.append(Caller(partial(task.run, store) if at else lead))
            while not store._intake._line._led or len(store._intake._line._waiting) < at:
                assert time.monotonic() < deadline
                time.sleep(0.001)
    return [caller.answer() for caller in callers]


def die_at_shared_write(url: str, warm: Task, step: int, answer: Connection) -> None:
    """Do what shares a commit and die at that write to SQLite's log, two for each page; answer where it makes fewer."""
    with GeoPackageStore(path_of(url)) as store:
        warm.run(store)
        log = f"{path_of(url)}-wal"
        page, half = divmod(step, 2)
        offset = end_of_log(Path(log)) + page * FRAME_BYTES + half * _FRAME_HEADER_BYTES
        rule = Rule(("pwrite64",), kills=True, file=open_file(log), place="at", offset=offset)
        answer.send(together(store, SHARED, rule))


def die_at_shared_sync(url: str, warm: Task, answer: Connection) -> None:
    """Do what shares a commit and die when the log is to be put on the disk."""
    with GeoPackageStore(path_of(url)) as store:
        warm.run(store)
        together(
            store,
            SHARED,
            Rule(("fdatasync", "fsync"), kills=True, file=open_file(f"{path_of(url)}-wal")),
        )


def write_and_die(url: str, tasks: list[Task], answer: Connection) -> None:
    """Do tasks and die with the store open, so that its log stays."""
    with open_store(url) as store:
        for task in tasks:
            task.run(store)
        os.kill(os.getpid(), signal.SIGKILL)


def die_at_page(url: str, page: int, answer: Connection) -> None:
    """Close a store, and die when that page of the log goes into the file."""
    store = open_store(url)
    store.version()
    file = open_file(str(path_of(url)))
    install(Rule(("pwrite64",), kills=True, file=file, place="at", offset=(page - 1) * _PAGE_BYTES))
    store.close()


def frames_of_log(log: Path) -> list[tuple[int, bool]]:
    """Return the page of each frame in a log, and whether a transaction ends with it; none without a log."""
    packed = log.read_bytes() if log.exists() else b""
    starts = range(_LOG_HEADER_BYTES, len(packed) - FRAME_BYTES + 1, FRAME_BYTES)
    heads = (struct.unpack_from(">II", packed, start) for start in starts)
    return [(page, size > 0) for page, size in heads]


def end_of_log(log: Path) -> int:
    """Return where the next transaction begins; what a dead writer left may be there."""
    ends = [at for at, (_, ends) in enumerate(frames_of_log(log), 1) if ends]
    return _LOG_HEADER_BYTES + max(ends, default=0) * FRAME_BYTES


def open_file(path: str) -> int:
    """Return the descriptor by which this process has a file open."""
    for link in Path("/proc/self/fd").iterdir():
        try:
            if str(link.readlink()) == path:
                return int(link.name)
        except OSError:
            continue
    raise LookupError(path)
