"""The follower: changes are in memory before anybody asks, and an outage of the store is nobody's error."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from layers import following
from layers.following import Snapshots
from layers.problems import StoreAway, WanggeError
from layers.standards import Standards
from layers.store import Store, backup_store, copy_store, create_store, open_store
from layers.text import both
from tests.district import small_district
from tests.layers import store_workers
from tests.processes import PROCESSES

PATIENCE_S = 60.0

T = TypeVar("T")


def eventually(found: Callable[[], T | None]) -> T:
    """Wait for something to happen or to be there, as long as a busy machine may take."""
    deadline = time.monotonic() + PATIENCE_S
    while not (there := found()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.01)
    return there


def reaches(snapshots: Snapshots, version: int) -> None:
    eventually(lambda: snapshots.current().version == version)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path}/small.gpkg", district, layers=frames) as made:
        yield made


@contextmanager
def followed(store: Store, standards: Standards) -> Iterator[Snapshots]:
    snapshots = Snapshots(store, standards)
    snapshots.start()
    try:
        yield snapshots
    finally:
        snapshots.stop()


class Failing:
    """A store that can be away; it counts what is asked of it, by thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.error: Exception | None = None
        self.failures = 0
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if threading.current_thread() is threading.main_thread():
            self.asked.append(name)
        if self.error is not None:
            self.failures += 1
            raise self.error
        return getattr(self._store, name)


def renamed(store: Store, name: str) -> int:
    return store.upsert("facilities", store.read("facilities", codes=["F01"]).assign(name=name)).version


def test_what_another_process_writes_is_there_without_asking(store: Store, standards: Standards) -> None:
    watched: Any = Failing(store)
    with followed(watched, standards) as snapshots:
        watched.asked.clear()
        ours, theirs = PROCESSES.Pipe()
        process = PROCESSES.Process(target=store_workers.obey, args=(store.url, theirs))
        process.start()
        ours.recv()
        for n in range(3):
            ours.send([f"new{n}"])
            version = ours.recv()
            reaches(snapshots, version)
            assert f"new{n}" in snapshots.current().frame("complaints").index
        ours.send(None)
        ours.recv()
        process.join()
        assert watched.asked == []


def test_without_a_follower_each_request_asks(store: Store, standards: Standards) -> None:
    before = threading.enumerate()
    snapshots = Snapshots(store, standards)
    assert snapshots.latest() == (None, None)
    first = snapshots.current()
    version = renamed(store, "新")
    assert first.version < version == snapshots.current().version
    assert set(threading.enumerate()) <= set(before)


def test_it_waits_where_it_would_miss_nothing(store: Store, standards: Standards) -> None:
    """It waits from the version that it has read, so that a change in between ends the wait at once."""
    waited: list[int] = []

    class Waiting(Failing):
        def wait(self, *, since: int, timeout_s: float) -> int:
            waited.append(since)
            assert timeout_s <= 0.5
            if len(waited) == 3:
                renamed(store, "新")
            return store.wait(since=since, timeout_s=0.01)

    watched: Any = Waiting(store)
    with followed(watched, standards) as snapshots:
        start = waited[0] if waited else store.version()
        eventually(lambda: len(waited) > 4)
        eventually(lambda: snapshots.current().version == start + 1)
    assert waited == sorted(waited)
    assert waited[-1] == start + 1


def test_an_outage_is_told_once_and_pages_stay(
    store: Store, standards: Standards, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(following, "_LAST_RETRY_S", 0.01)
    watched: Any = Failing(store)
    with caplog.at_level(logging.WARNING, "wangge"), followed(watched, standards) as snapshots:
        before = snapshots.current()
        for outage in range(2):
            caplog.clear()
            watched.failures, watched.error = 0, StoreAway(both("it is away"), both("wait"))
            eventually(lambda: watched.failures > 20)
            assert snapshots.current() is before
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            assert "it is away wait" in caplog.text
            version = renamed(store, f"第 {outage} 次")
            watched.error = None
            reaches(snapshots, version)
            eventually(lambda: "back, at version" in caplog.text)
            assert len(caplog.records) == 2
            before = snapshots.current()


def test_retries_come_further_and_further_apart(
    store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    watched: Any = Failing(store)
    snapshots = Snapshots(watched, standards)
    first = snapshots.current()

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            paused.append(timeout)
            if len(paused) == 8:
                watched.error = None
            if len(paused) == 10:
                watched.error = StoreAway(both("again"))
            if len(paused) == 11:
                self.set()
            return self.is_set()

    watched.error = StoreAway(both("x"))
    snapshots._follow(first, Stop())
    assert paused[:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert max(paused[8:10]) <= 0.2
    assert paused[10] == 0.2


def test_what_nobody_foresaw_is_logged_and_does_not_end_it(
    store: Store, standards: Standards, caplog: pytest.LogCaptureFixture
) -> None:
    watched: Any = Failing(store)
    with caplog.at_level(logging.WARNING, "wangge"), followed(watched, standards) as snapshots:
        watched.error = RuntimeError("a mistake in the program")
        eventually(lambda: "a mistake in the program" in caplog.text)
        assert caplog.records[0].exc_info
        watched.error = None
        version = renamed(store, "新")
        reaches(snapshots, version)


def test_a_store_of_the_same_version_put_in_its_place_is_noticed(
    store: Store, standards: Standards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_LOOK_S", 0.0)
    district, frames = small_district()
    frames["facilities"] = frames["facilities"].assign(name="另一库")
    create_store(f"gpkg:{tmp_path}/other.gpkg", district, layers=frames).close()
    with followed(store, standards) as snapshots:
        before = snapshots.current()
        path = tmp_path / "small.gpkg"
        for file in tmp_path.glob("small.gpkg?*"):
            file.unlink()
        (tmp_path / "other.gpkg").rename(path)
        eventually(lambda: snapshots.current() is not before)
        assert snapshots.current().version == before.version
        assert snapshots.current().frame("facilities").loc["F01", "name"] == "另一库"


def restored_beside(store: Store, folder: Path, name: str) -> int:
    """Write to a store, and otherwise to what is restored of its backup; return the version of both."""
    backup_store(store, folder / "backup.gpkg")
    renamed(store, "恢复前")
    with open_store(f"gpkg:{folder}/backup.gpkg") as backup:
        copy_store(backup, f"gpkg:{folder}/restored.gpkg")
    with open_store(f"gpkg:{folder}/restored.gpkg") as restored:
        return renamed(restored, name)


def put_in_its_place(folder: Path) -> None:
    for file in folder.glob("small.gpkg?*"):
        file.unlink()
    (folder / "restored.gpkg").rename(folder / "small.gpkg")


@pytest.mark.parametrize("follower", [False, True])
def test_a_restored_store_that_has_come_to_the_same_version_is_not_the_one_that_was_read(
    store: Store, standards: Standards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follower: bool
) -> None:
    monkeypatch.setattr(following, "_LOOK_S", 10 * PATIENCE_S)
    version = restored_beside(store, tmp_path, "恢复后")
    snapshots = Snapshots(store, standards)
    if follower:
        snapshots.start()
    try:
        before = snapshots.current()
        assert before.frame("facilities").loc["F01", "name"] == "恢复前"
        put_in_its_place(tmp_path)
        if follower:
            eventually(lambda: snapshots.current() is not before)
        after = snapshots.current()
        assert after.frame("facilities").loc["F01", "name"] == "恢复后"
        assert after.version == before.version == version
        assert after.district.epoch == store.epoch() != before.district.epoch
    finally:
        snapshots.stop()


def test_the_age_says_how_long_nothing_was_heard(store: Store, standards: Standards) -> None:
    watched: Any = Failing(store)
    with followed(watched, standards) as snapshots:
        eventually(lambda: (snapshots.latest()[1] or 9) < 0.5)
        watched.error = StoreAway(both("x"))
        eventually(lambda: (snapshots.latest()[1] or 0) > 1.5)


def test_it_starts_only_on_a_store_that_can_be_read_and_only_once(store: Store, standards: Standards) -> None:
    watched: Any = Failing(store)
    watched.error = StoreAway(both("x"))
    snapshots = Snapshots(watched, standards)
    with pytest.raises(WanggeError):
        snapshots.start()
    watched.error = None
    snapshots.start()
    with pytest.raises(RuntimeError, match="already"):
        snapshots.start()
    snapshots.stop()
    snapshots.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "wangge-follower"]
    with pytest.raises(StoreAway):
        watched.error = StoreAway(both("x"))
        snapshots.current()


def test_nothing_is_logged_when_it_is_told_to_stop(
    store: Store, standards: Standards, caplog: pytest.LogCaptureFixture
) -> None:
    """Its owner closes the store next, while the follower may still be waiting."""
    entered, stop = threading.Event(), threading.Event()

    class Closing(Failing):
        def wait(self, *, since: int, timeout_s: float) -> int:
            entered.set()
            stop.wait(PATIENCE_S)
            raise StoreAway(both("closed"))

    watched: Any = Closing(store)
    snapshots = Snapshots(watched, standards)
    first = snapshots.current()
    thread = threading.Thread(target=snapshots._follow, args=(first, stop))
    thread.start()
    assert entered.wait(PATIENCE_S)
    stop.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert caplog.records == []
