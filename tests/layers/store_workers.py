"""What other processes do to a store in test_store_processes.py: importable, so that they can start there."""

from __future__ import annotations

import multiprocessing
import os
import threading
from contextlib import AbstractContextManager
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import apsw

from layers.schema import LAYERS
from layers.store import Authorship, Store, create_store, open_store
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
    """Write from a parent and its forked child, with connections open and the turn taken across the fork."""
    with open_store(url) as store, open_store(url) as other:
        store.upsert("complaints", points(["before"]))
        held, over = threading.Event(), threading.Event()

        def hold() -> None:
            with turn(Path(url.partition(":")[2]), 30):
                held.set()
                over.wait()

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        with _connection_of(store) as idle, _connection_of(other) as lent:
            pass
        with _connection_of(other):
            child = os.fork()
        if child == 0:
            with _connection_of(store) as first, _connection_of(other) as second:
                inherited = first is idle or second is lent
            _write_some(other, "other")
            _write_some(store, "child")
            os._exit(int(inherited))
        over.set()
        holder.join()
        _write_some(store, "parent")
        _, status = os.waitpid(child, 0)
        answer.send(
            (os.waitstatus_to_exitcode(status), sorted(store.read("complaints").index), store.version())
        )


def _connection_of(store: Store) -> AbstractContextManager[apsw.Connection]:
    assert isinstance(store, GeoPackageStore)
    return store._database.reading()


def _write_some(store: Store, name: str) -> None:
    for k in range(10):
        store.upsert("complaints", points([f"{name}{k}"]))
        assert f"{name}{k}" in store.read("complaints").index


def summary(url: str, answer: Connection) -> None:
    """Answer with what another process sees."""
    with open_store(url, read_only=True) as store:
        seen: dict[str, Any] = {name: store.read(name).index.tolist() for name in LAYERS}
        answer.send((store.version(), seen["complaints"]))
