"""The clock goes backwards: the order is that of versions, and everybody still follows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from layers.following import Snapshots
from layers.standards import Standards
from layers.store import Store, open_store
from tests.faults.kinds import Kind, made, sound
from tests.faults.work import HOT, SINGLES, Task, digest_of

NOON = datetime(2019, 12, 31, 12, tzinfo=UTC)
TURNED_BACK = [
    timedelta(),
    timedelta(hours=-1),
    timedelta(days=-3650),
    timedelta(seconds=1),
    timedelta(),
    timedelta(),
]


@pytest.fixture
def url(kind: Kind) -> str:
    return made(kind)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Return a store whose clock jumps at every write."""
    moments = (NOON + by for by in TURNED_BACK)
    with open_store(url, clock=lambda: next(moments)) as opened:
        yield opened


def test_the_order_is_that_of_versions(kind: Kind, url: str, store: Store) -> None:
    seen = []
    for stamp in range(len(TURNED_BACK)):
        Task(f"w0/{stamp}", "upsert", (HOT[0],), None, stamp + 1, 2 + stamp).run(store)
        seen.append(digest_of(store.read(SINGLES), SINGLES))
    changes = store.changes(since=2)
    assert [change.version for change in changes] == list(range(3, 3 + len(TURNED_BACK)))
    assert [change.at for change in changes] == [NOON + by for by in TURNED_BACK]
    assert [change.by.note for change in changes] == [f"w0/{k}" for k in range(len(TURNED_BACK))]
    assert [edit.version for edit in store.history(SINGLES, HOT[0])][1:] == [
        change.version for change in changes
    ]
    for change, digest in zip(changes, seen, strict=True):
        assert digest_of(store.read(SINGLES, version=change.version), SINGLES) == digest
    with sound(kind, url) as other:
        assert other.changes(since=2) == changes


def test_who_follows_sees_every_write(url: str, store: Store, standards: Standards) -> None:
    with open_store(url, read_only=True) as reader:
        snapshots = Snapshots(reader, standards)
        snapshots.start()
        try:
            for stamp in range(len(TURNED_BACK)):
                written = Task(f"w0/{stamp}", "upsert", (HOT[0],), None, stamp + 1).run(store)
                deadline = time.monotonic() + 30
                while (snapshot := snapshots.current()).version < written["version"]:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                assert snapshot.version == written["version"]
                assert digest_of(snapshot.frame(SINGLES), SINGLES) == digest_of(store.read(SINGLES), SINGLES)
        finally:
            snapshots.stop()
