"""Every kind of store is shared by threads and processes, who see each other's writes and lose none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from layers.problems import StoreConflict
from layers.store import Authorship, Store, create_store, open_store
from tests.layers import store_workers
from tests.layers.store_contract import PLACE, SOUTH, WEST, Contract, Kind, frame_of, points
from tests.processes import PROCESSES

# Longer than any machine is slow: who waits as long as that has not been told.
LONG_S = 120.0


@contextmanager
def another_process(url: str) -> Iterator[Callable[[str], int]]:
    """Return what lets another process insert a complaint by code, and tells the version that this made."""
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=store_workers.obey, args=(url, theirs))
    process.start()
    theirs.close()
    try:
        ours.recv()
        yield lambda code: _told(ours, [code])
        assert _told(ours, None) == "closed"
    finally:
        process.kill()
        process.join()


def _told(pipe: Connection, order: list[str] | None) -> Any:
    pipe.send(order)
    return pipe.recv()


def together(*work: Callable[[], object]) -> None:
    """Do all at once, each in a thread, and raise what any of them raised."""
    with ThreadPoolExecutor(len(work)) as threads:
        for done in [threads.submit(part) for part in work]:
            done.result()


class SharingContract(Contract):
    """Threads and processes at one store."""

    def test_shows_a_write_to_everybody_else_at_once(self, kind: Kind) -> None:
        url = kind.new_url()
        with (
            create_store(url, PLACE) as one,
            open_store(url) as two,
            open_store(url, read_only=True) as three,
        ):
            one.upsert("complaints", points(["a"]))
            two.upsert("complaints", points(["b"]))
            for store in (one, two, three):
                assert store.version() == 2
                assert store.read("complaints").index.tolist() == ["a", "b"]
                assert [change.codes for change in store.changes(since=0)] == [("a",), ("b",)]

    def test_shows_what_another_process_wrote(self, store: Store) -> None:
        store.upsert("complaints", points(["ours"]))
        with another_process(store.url) as insert:
            for k in range(3):
                assert insert(f"theirs{k}") == store.version() == k + 2
                assert store.changes(since=k + 1)[0].codes == (f"theirs{k}",)
                assert f"theirs{k}" in store.read("complaints").index
        assert store.upsert("complaints", points(["last"])).version == 5

    # Waiting: the bounds are generous, as nothing of a machine under load is wrong with a store.

    def test_wakes_who_waits_when_another_process_writes(self, store: Store) -> None:
        with another_process(store.url) as insert, ThreadPoolExecutor(1) as thread:
            for version in range(3):
                started = time.monotonic()
                waiting = thread.submit(store.wait, since=version, timeout_s=LONG_S)
                time.sleep(0.02)
                assert not waiting.done()
                assert insert(str(version)) == version + 1
                assert waiting.result() == version + 1
                assert time.monotonic() - started < LONG_S / 4

    @pytest.mark.parametrize("read_only", [False, True])
    def test_wakes_who_waits_when_a_thread_writes(self, store: Store, read_only: bool) -> None:
        with open_store(store.url, read_only=read_only) as other, ThreadPoolExecutor(1) as thread:
            for version in range(3):
                started = time.monotonic()
                waiting = thread.submit(other.wait, since=version, timeout_s=LONG_S)
                time.sleep(0.02)
                store.upsert("complaints", points([str(version)]))
                assert waiting.result() == version + 1
                assert time.monotonic() - started < LONG_S / 4

    def test_wakes_who_waits_for_its_own_writes(self, store: Store) -> None:
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(store.wait, since=0, timeout_s=LONG_S)
            store.upsert("complaints", points(["a"]))
            assert waiting.result() == 1

    def test_does_not_wait_for_what_is_there(self, store: Store) -> None:
        store.upsert("complaints", points(["a"]))
        store.upsert("complaints", points(["b"]))
        started = time.monotonic()
        assert store.wait(since=0, timeout_s=LONG_S) == 2
        assert store.wait(since=1, timeout_s=LONG_S) == 2
        assert store.wait(since=7, timeout_s=LONG_S) == 2  # of a store that was there before
        assert time.monotonic() - started < LONG_S / 4

    def test_waits_no_longer_than_it_is_told(self, store: Store) -> None:
        store.upsert("complaints", points(["a"]))
        started = time.monotonic()
        assert store.wait(since=1, timeout_s=0.0) == 1
        assert store.wait(since=1, timeout_s=0.3) == 1
        assert 0.3 <= time.monotonic() - started < LONG_S
        assert store.upsert("complaints", points(["b"])).version == store.wait(since=1, timeout_s=LONG_S) == 2

    # Threads

    def test_serves_threads_that_read_while_one_writes(self, store: Store) -> None:
        rounds, codes = 8, [str(k) for k in range(1200)]
        store.upsert("complaints", points(codes, category="0"))
        torn: list[Any] = []
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                found = store.read("complaints").category
                if len(found) != len(codes) or found.nunique() != 1:
                    torn.append(found)

        def write() -> None:
            try:
                for k in range(1, rounds):
                    store.upsert("complaints", points(codes, category=str(k)))
            finally:
                over.set()

        together(read, read, read, write)
        assert torn == []
        assert store.version() == rounds

    def test_reads_one_version_of_the_past_while_others_write(self, store: Store) -> None:
        codes = [str(k) for k in range(300)]
        store.upsert("complaints", points(codes, category="0"))
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                version = store.version()
                assert set(store.read("complaints", version=version).category) == {str(version - 1)}
                assert set(store.read("complaints", version=1).category) == {"0"}

        def write() -> None:
            try:
                for k in range(1, 12):
                    store.upsert("complaints", points(codes, category=str(k)))
            finally:
                over.set()

        together(read, read, write)
        assert store.version() == 12

    def test_lets_threads_write_in_turn(self, store: Store) -> None:
        def writer(name: str) -> Callable[[], None]:
            def write() -> None:
                for k in range(10):
                    store.upsert("complaints", points([f"{name}{k}"]), by=Authorship(who=name))

            return write

        together(*(writer(name) for name in "abcd"))
        assert store.counts()["complaints"] == 40
        changes = store.changes(since=0)
        assert [change.version for change in changes] == list(np.arange(1, 41))
        assert all(change.codes[0].startswith(change.by.who) for change in changes)

    def test_lets_nobody_lose_a_write_to_a_feature_that_all_change(self, store: Store) -> None:
        def community(residents: int, who: str) -> Any:
            count = pd.array([residents], dtype="Int64")
            return frame_of("communities", ["c"], [shapely.Point(WEST, SOUTH)], residents=count, name=[who])

        store.insert("communities", community(0, "start"))
        conflicts = 0

        def count_up(who: str) -> None:
            nonlocal conflicts
            for _ in range(5):
                done = False
                while not done:
                    seen = store.version()
                    residents = int(store.read("communities", version=seen).residents.iloc[0])
                    try:
                        store.update("communities", community(residents + 1, who), based_on=seen)
                        done = True
                    except StoreConflict as conflict:
                        assert {found.code for found in conflict.conflicts} == {"c"}
                        conflicts += 1

        together(*(lambda who=who: count_up(who) for who in "abcd"))
        assert store.read("communities").residents.tolist() == [20]
        assert store.version() == 21
        counted = [edit.fields["residents"][1] for edit in store.history("communities", "c")]
        assert counted == list(range(21))

    def test_closes_once_for_all(self, store: Store) -> None:
        store.upsert("complaints", points(["a"]))
        store.close()
        store.close()
        with pytest.raises(ValueError, match="closed"):
            store.version()
        with pytest.raises(ValueError, match="closed"):
            store.read("complaints")
        with pytest.raises(ValueError, match="closed"):
            store.upsert("complaints", points(["b"]))
