"""What other processes do to a store in test_store_processes.py: importable, so that they can start there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import apsw

from layers.problems import StoreBusy, WanggeError
from layers.schema import LAYERS
from layers.store import Authorship, Store, create_store, migrate_store, open_store
from layers.stores.geopackage import turns
from layers.stores.geopackage.store import GeoPackageStore
from layers.stores.geopackage.turns import turn
from tests.layers.store_contract import PLACE, points

BULK = 1200
BULK_EVERY = 8


def codes_of(name: str, step: int) -> list[str]:
    """Return what writer `name` writes in one step: mostly one feature, at times enough for a bulk load."""
    return [f"{name}-{step}-{k}" for k in range(BULK if step % BULK_EVERY == BULK_EVERY - 1 else 1)]


def write_for_ever(url: str, name: str, log: str) -> None:
    """Write step after step while the tests live, and log each step only once it is acknowledged."""
    tests = multiprocessing.parent_process()
    assert tests is not None
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with open_store(url) as store:
        for step in count():
            if not tests.is_alive():
                return
            store.upsert("complaints", points(codes_of(name, step)), by=Authorship(who=name))
            os.write(handle, f"{name} {step}\n".encode())


def create_slowly(url: str, started: Connection) -> None:
    """Create a store with many rows, telling when the first of them are in."""

    def tell(*_: object) -> None:
        started.send("going")

    create_store(url, PLACE, layers={"complaints": points([f"{k:06}" for k in range(40_000)])}, progress=tell)
    started.send("done")


def obey(url: str, orders: Connection) -> None:
    """Do what is sent: codes to write, or None to close and end."""
    with open_store(url) as store:
        orders.send(store.version())
        while (codes := orders.recv()) is not None:
            orders.send(store.upsert("complaints", points(codes)).version)
    orders.send("closed")


def fork_and_write(url: str, answer: Connection) -> None:
    """Write from a parent and its forked child, with a store open and the turn taken across the fork."""
    store, other = open_store(url), open_store(url)
    store.upsert("complaints", points(["before"]))
    assert other.version() == 1
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with turn(Path(url.partition(":")[2]), 30):
            held.set()
            over.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    ours, childs = multiprocessing.Pipe()
    child = os.fork()
    if child == 0:
        ours.close()
        with _ending_here(), open_store(url) as own:
            for _ in range(2):
                childs.recv()
                for writer, name in ((own, "own"), (store, "child"), (other, "other")):
                    _write_some(writer, name)
                childs.send("written")
    childs.close()
    over.set()
    holder.join()
    ours.send("go on")
    _write_some(store, "parent")
    ours.recv()
    store.close()
    other.close()
    ours.send("go on")
    ours.recv()
    _, status = os.waitpid(child, 0)
    answer.send(os.waitstatus_to_exitcode(status))


def become_a_daemon(url: str, orders: Connection) -> None:
    """Open a store, go on in a child while the parent ends, and write what is sent."""
    parent = os.getpid()
    store = open_store(url)
    store.upsert("complaints", points(["before"]))
    ours, childs = multiprocessing.Pipe()
    if os.fork() > 0:
        ours.recv()
        store.close()
        os._exit(0)
    with _ending_here():
        childs.send(store.version())
        while os.getppid() == parent:
            time.sleep(0.005)
        orders.send("alone")
        orders.send(store.upsert("complaints", points(orders.recv())).version)


def fork_while_a_thread_writes(url: str, answer: Connection) -> None:
    """Answer with what a child is told that was forked while its parent was writing, and what came of the write."""
    store = open_store(url)
    held, over = threading.Event(), threading.Event()

    def write() -> None:
        with _writing(store):
            held.set()
            over.wait()
        store.upsert("complaints", points(["thread"]))

    writer = threading.Thread(target=write)
    writer.start()
    held.wait()
    ours, childs = multiprocessing.Pipe()
    child = os.fork()
    if child == 0:
        with _ending_here():
            childs.send([_refusal(lambda: open_store(url)), _refusal(store.version)])
            store.close()
            grandchild = os.fork()
            if grandchild == 0:
                childs.send([_refusal(store.version)])
                os._exit(0)
            os.waitpid(grandchild, 0)
    told = ours.recv() + ours.recv()
    os.waitpid(child, 0)
    over.set()
    writer.join()
    answer.send((told, sorted(store.read("complaints").index)))


def fork_while_threads_wait(url: str, answer: Connection) -> None:
    """Answer with how a child ended that was forked while threads waited for their turn, and what these wrote."""
    store = open_store(url)
    assert isinstance(store, GeoPackageStore)
    threads = [
        threading.Thread(target=store.insert, args=("complaints", points([f"parent {k}"]))) for k in range(3)
    ]
    with turn(store.path, 30):
        for thread in threads:
            thread.start()
        while len(store._intake._line._waiting) < len(threads) - 1:
            time.sleep(0.002)
        child = os.fork()
        if child == 0:
            with _ending_here():
                assert store.insert("complaints", points(["child"])).inserted == 1
                store.close()
    for thread in threads:
        thread.join()
    _, status = os.waitpid(child, 0)
    found = store.read("complaints").filter(like="parent", axis=0)
    answer.send([os.waitstatus_to_exitcode(status), sorted(found.index)])


def fork_within_a_write(url: str, answer: Connection) -> None:
    """Answer with what a child is told that leaves the write within which it was forked, and with what was written."""
    store = open_store(url)
    ours, childs = multiprocessing.Pipe()
    try:
        with _writing(store) as connection:
            connection.execute("UPDATE district SET name = 'ours'")
            child = os.fork()
            if child == 0:
                connection.execute("UPDATE district SET name = 'theirs'")
            else:
                told = ours.recv()
                os.waitpid(child, 0)
    except WanggeError as error:
        childs.send([error.sentence("en")])
        os._exit(0)
    answer.send((told, store.district().name))


@contextmanager
def _ending_here() -> Iterator[None]:
    """End a forked child where the block ends: with 1 after any error."""
    code = 1
    try:
        yield
        code = 0
    finally:
        os._exit(code)


def _writing(store: Store) -> AbstractContextManager[apsw.Connection]:
    assert isinstance(store, GeoPackageStore)
    return store._database.writing()


def _refusal(act: Callable[[], object]) -> str:
    try:
        act()
    except WanggeError as error:
        return error.sentence("en")
    return "nothing"


def _write_some(store: Store, name: str) -> None:
    for _ in range(5):
        code = f"{name}{len(store.read('complaints').filter(like=name, axis=0))}"
        assert store.insert("complaints", points([code])).inserted == 1
        assert code in store.read("complaints").index


def summary(url: str, answer: Connection) -> None:
    """Answer with what another process sees."""
    with open_store(url, read_only=True) as store:
        seen: dict[str, Any] = {name: store.read(name).index.tolist() for name in LAYERS}
        answer.send((store.version(), seen["complaints"]))


def look_through(folder: str, answer: Connection) -> None:
    """Do all one can with each file in a folder, and answer for each what it was refused for, and its faults."""
    seen: dict[str, tuple[list[str], list[str]]] = {}
    for path in sorted(Path(folder).iterdir()):
        refusals: list[str] = []
        faults: list[str] = []
        for look in LOOKS:
            try:
                with open_store(f"gpkg:{path}") as store:
                    faults += look(store)
            except WanggeError as error:
                refusals.append(type(error).__name__)
                assert str(path) in error.sentence("zh") and str(path) in error.sentence("en")
        seen[path.name] = (refusals, faults)
    answer.send(seen)


def _verified(store: Store) -> list[str]:
    return [fault.id for fault in store.verify()]


def _read(store: Store) -> list[str]:
    for name in LAYERS:
        store.read(name)
        store.read(name, version=store.history_since())
        store.read(name, on=date(2019, 1, 1))
    store.read("buildings", bbox=(114, 22, 115, 23))
    store.history("complaints", "C07-001")
    store.changes(since=0)
    store.counts()
    store.district()
    return []


def _copied(store: Store) -> list[str]:
    with store.contents() as contents:
        for rows in contents.layers.values():
            list(rows)
        list(contents.changes)
        list(contents.history)
    return []


def _written(store: Store) -> list[str]:
    store.upsert("complaints", points(["C07-001", "new"]))
    store.delete("buildings", ["B90", "C01-B1"])
    return []


LOOKS = (_verified, _read, _copied, _written)


def migrate_and_die(url: str, moment: str) -> None:
    """Migrate a store, and be killed before the first statement that has `moment` in it."""

    def before_each(cursor: apsw.Cursor, statement: str, values: object) -> bool:
        if moment in statement:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    apsw.connection_hooks.append(lambda connection: connection.set_exec_trace(before_each))
    migrate_store(url)


def stand_in_line(path: str, name: str, log: str, timeout_s: float, go_on: Connection | None) -> None:
    """Take the turn to write and log it; the holder keeps it until told to go on. Who waits is rung up, or never wakes."""
    turns._PAUSE_S = 3600.0
    try:
        with turn(Path(path), timeout_s), Path(log).open("a") as file:
            file.write(name)
            if go_on is not None:
                file.flush()
                go_on.recv()
    except StoreBusy:
        with Path(log).open("a") as file:
            file.write(name.lower())
