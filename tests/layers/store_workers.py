"""What other processes do to a store in test_store_processes.py: importable, so that they can start there."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from typing import Any

from layers.schema import LAYERS
from layers.store import Store, create_store, open_store
from tests.layers.store_contract import PLACE, points

BULK = 1200
BULK_EVERY = 8


def codes_of(name: str, step: int) -> list[str]:
    """Return what writer `name` writes in one step: mostly one feature, at times enough for a bulk load."""
    return [f"{name}-{step}-{k}" for k in range(BULK if step % BULK_EVERY == BULK_EVERY - 1 else 1)]


def write_for_ever(url: str, name: str, log: str) -> None:
    """Write step after step, and log each one only once it has been acknowledged."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with open_store(url) as store:
        for step in range(1_000_000):
            store.upsert("complaints", points(codes_of(name, step)), note=name)
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
    """Write from a parent and its forked child, with connections open and locks held across the fork."""
    with open_store(url) as store:
        store.upsert("complaints", points(["before"]))
        with store._database.reading():  # type: ignore[attr-defined]
            child = os.fork()
        _write_some(store, "child" if child == 0 else "parent")
        if child == 0:
            os._exit(0)
        _, status = os.waitpid(child, 0)
        answer.send(
            (os.waitstatus_to_exitcode(status), sorted(store.read("complaints").index), store.version())
        )


def _write_some(store: Store, name: str) -> None:
    for k in range(10):
        store.upsert("complaints", points([f"{name}{k}"]))
        assert f"{name}{k}" in store.read("complaints").index


def summary(url: str, answer: Connection) -> None:
    """Answer with what another process sees."""
    with open_store(url, read_only=True) as store:
        seen: dict[str, Any] = {name: store.read(name).index.tolist() for name in LAYERS}
        answer.send((store.version(), seen["complaints"]))
