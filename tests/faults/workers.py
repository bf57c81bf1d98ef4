"""What the processes do that are killed, held up or looked over the shoulder: importable, so that they can start there."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from layers.problems import StoreAway, StoreBusy, StoreFull, WanggeError
from layers.store import Store, StoreSettings, open_store
from layers.stores.base import KeptStore, Writing
from tests.faults.system_calls import Rule, give_up_privileges, install
from tests.faults.work import (
    BULK,
    SET_ROWS,
    SETS,
    SINGLES,
    Book,
    Plans,
    Task,
    digest,
    digest_of,
    open_ends,
)

T = TypeVar("T")

STOP, DIE_IN_COMMIT = "stop", "die in commit"

PATIENT = StoreSettings(pool_size=2, connect_timeout_s=2.0, pool_wait_s=3.0, write_wait_s=30.0)

# How a writer takes it that the server has gone: it asks again after a while.
_PAUSE_S = 0.05


def write_for_ever(url: str, names: list[str], books: list[str], orders: Connection) -> None:
    """Write task after task while the tests live, under each name in a thread of its own with a book of its own."""
    _be_quiet()
    with _opened(url) as store, ThreadPoolExecutor(len(names)) as threads:
        over = threading.Event()
        writers = [
            threads.submit(_write_on, store, name, Path(book), over)
            for name, book in zip(names, books, strict=True)
        ]
        try:
            while not any(writer.done() for writer in writers) and _may_go_on(orders, store):
                time.sleep(0.001)
        finally:
            over.set()
        for writer in writers:
            writer.result()


def _write_on(store: Store, name: str, book: Path, over: threading.Event) -> None:
    """Write task after task, and keep book of what was intended and what was answered."""
    chance = random.Random(name)
    begun = open_ends(book) if book.exists() else []
    ledger = Book(book)
    plans = Plans(name, chance)
    ledger.note(born=name, process=os.getpid())
    due = [task.again(plans.next_id()) for task in begun]
    seen = 0
    while not over.is_set():
        task = due.pop() if due else plans.draw(seen)
        ledger.note(intent=_packed(task))
        start = time.perf_counter()
        try:
            answer = task.run(store)
        except WanggeError as error:
            ledger.note(refused=task.id, kind=type(error).__name__, said=error.sentence("en"))
            if isinstance(error, StoreAway | StoreBusy | StoreFull):
                due.append(task.again(plans.next_id()))
                time.sleep(_PAUSE_S)
        except Exception as error:
            ledger.note(broken=task.id, kind=type(error).__name__, said=repr(error))
            raise
        else:
            ledger.note(done=task.id, ms=round(1000 * (time.perf_counter() - start), 3), **answer)
            plans.done(task)
            # Some have looked at the store long before they write.
            if chance.random() < 0.7:
                seen = answer.get("version", seen)
    ledger.note(ended=name)


def _be_quiet() -> None:
    """Keep complaints about a server that is being killed out of the tests' output."""
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)


def _packed(task: Task) -> dict[str, Any]:
    return {name: value for name, value in task.__dict__.items() if value is not None}


def _may_go_on(orders: Connection, store: Store) -> bool:
    tests = multiprocessing.parent_process()
    if tests is None or not tests.is_alive():
        return False
    try:
        order = orders.recv() if orders.poll() else None
    except EOFError:
        return False
    if order == DIE_IN_COMMIT:
        _doom(store)
    return order != STOP


@contextmanager
def _opened(url: str, *, read_only: bool = False) -> Iterator[Store]:
    """Open the store, asking again while its server is away."""
    deadline = time.monotonic() + 60
    while True:
        try:
            store = open_store(url, read_only=read_only, settings=PATIENT)
            break
        except StoreAway:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
    with store:
        yield store


def _doom(store: Store) -> None:
    """Let this process die at a random moment of the next commit, or right after it, before it is acknowledged."""
    assert isinstance(store, KeptStore)
    write, share = store._writing, store._share
    chance = random.Random(os.getpid())

    def die(after_s: float) -> None:
        time.sleep(after_s)
        os.kill(os.getpid(), signal.SIGKILL)

    def doom() -> None:
        # A commit takes a millisecond or some; without delay, and long after it, are edges too.
        after_s = chance.choice((0.0, 0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008)) * chance.uniform(0.5, 1.5)
        threading.Thread(target=die, args=(after_s,), daemon=True).start()

    @contextmanager
    def writing() -> Iterator[Writing]:
        with write() as transaction:
            yield transaction
            doom()
        os.kill(os.getpid(), signal.SIGKILL)

    def shared(act: Callable[[Writing], T]) -> T:
        def act_and_doom(transaction: Writing) -> T:
            done = act(transaction)
            doom()
            return done

        share(act_and_doom)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("we are dead")

    store._writing = writing  # type: ignore[method-assign]
    store._share = shared  # type: ignore[method-assign]


def read_for_ever(url: str, name: str, book: str, orders: Connection) -> None:
    """Read in all ways that there are, and keep book of what was seen between which versions."""
    _be_quiet()
    chance = random.Random(name)
    ledger = Book(Path(book))
    with _opened(url, read_only=True) as store:
        last = 0
        while _may_go_on(orders, store):
            try:
                last = _look(store, ledger, chance, last)
            except (StoreAway, StoreBusy) as error:
                ledger.note(refused="read", kind=type(error).__name__, said=error.sentence("en"))
                time.sleep(_PAUSE_S)
            except Exception as error:
                ledger.note(broken="read", kind=type(error).__name__, said=repr(error))
                raise
    ledger.note(ended=name)


def _look(store: Store, ledger: Book, chance: random.Random, last: int) -> int:
    version = store.version()
    what = chance.choice(("now", "now", "past", "whole", "changes", "wait"))
    layer = chance.choice((SINGLES, BULK))
    if what == "now":
        frame = store.read(layer)
        after = store.version()
        seen: dict[str, Any] = {"layer": layer, "digest": digest_of(frame, layer)}
        ledger.note(saw="now", between=[version, after], torn=_torn(frame) if layer == BULK else [], **seen)
        version = after
    elif what == "past":
        at = max(version - chance.randrange(30), 2)
        ledger.note(
            saw="past", between=[at, at], layer=layer, digest=digest_of(store.read(layer, version=at), layer)
        )
    elif what == "whole":
        with store.contents() as contents:
            parts = {
                name: digest(row for rows in contents.layers[name] for row in rows.records)
                for name in (SINGLES, BULK)
            }
            at = max(change.version for change in contents.changes)
            list(contents.history)
        for part, found in parts.items():
            ledger.note(saw="whole", between=[at, at], layer=part, digest=found)
        ledger.note(saw="versions", after=version, found=[at])
        version = max(version, at)
    elif what == "changes":
        versions = [change.version for change in store.changes(since=last)]
        ledger.note(saw="changes", since=last, before=version, found=versions)
        version = max(version, versions[-1] if versions else version)
    else:
        version = store.wait(since=version, timeout_s=0.5)
    ledger.note(version=version)
    time.sleep(chance.uniform(0, 0.03))
    return version


def _torn(frame: Any) -> list[str]:
    """Return the sets that are not there whole, of one writing."""
    torn = []
    for name in SETS:
        part = frame.loc[frame.index.str.startswith(f"{name}-")]
        if len(part) not in (0, SET_ROWS) or part["channel"].nunique() > 1:
            torn.append(name)
    return torn


# One write at a time


def hold_turn(url: str, task: Task, answer: Connection) -> None:
    """Do a task and hold the turn before it is committed until told to go on; answer then, and when it is."""
    with open_store(url) as store:
        assert isinstance(store, KeptStore)
        share = store._share

        def shared(act: Callable[[Writing], T]) -> T:
            def act_and_hold(transaction: Writing) -> T:
                done = act(transaction)
                answer.send("held")
                answer.recv()
                answer.send(time.monotonic())
                return done

            return share(act_and_hold)

        store._share = shared  # type: ignore[method-assign]
        task.run(store)


def write_once(url: str, task: Task, settings: StoreSettings, answer: Connection) -> None:
    """Say so when ready, wait for the word, do one task, and answer with what came of it and how long it took."""
    with open_store(url, settings=settings) as store:
        answer.send("ready")
        answer.recv()
        start = time.monotonic()
        try:
            outcome: dict[str, Any] = task.run(store)
        except WanggeError as error:
            outcome = {"kind": type(error).__name__, "said": [error.sentence("en"), error.sentence("zh")]}
        answer.send((outcome, time.monotonic() - start, time.monotonic()))


# The command line


def back_up(url: str, file: str, rules: tuple[Rule, ...], answer: Connection) -> None:
    """Back a store up without a word in the audit log: system calls that fail are the backup's own."""
    from layers.store import backup_store

    with open_store(url, read_only=True) as store:
        install(*rules)
        answer.send("begun")
        backup_store(store, Path(file))


def command(
    arguments: list[str], output: str, plain: bool, rules: tuple[Rule, ...], answer: Connection
) -> None:
    """Run a command of `wangge` in this process; answer when it begins.

    Parameters
    ----------
    output : str
        The file that takes what it prints.
    plain : bool
        Permissions count, which they do not for root otherwise.
    rules : tuple of Rule
        System calls that fail.
    """
    import app

    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    os.environ["LC_ALL"] = "C.UTF-8"
    if plain:
        give_up_privileges()
    if rules:
        install(*rules)
    answer.send("begun")
    app.main(arguments)
