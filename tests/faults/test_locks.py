"""Somebody holds the turn to write: who can wait gets it in the end, who cannot is told so, and nobody waits to read."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from layers.store import StoreSettings, open_store
from tests.faults import report, workers
from tests.faults.fleet import call
from tests.faults.kinds import Kind, made, sound
from tests.faults.work import HOT, SINGLES, Task, digest_of

WAITING = 4
SHORT_S = report.HELD_S / 4
LONG_S = report.HELD_S + 60
# Of two features: a single one is thought out before its turn.
HELD = Task("w9/held", "upsert", HOT[:2], None, 3)

Outcome = tuple[dict[str, Any], float, float]


def waiters(url: str, count: int, wait_s: float, first: int) -> list[Any]:
    """Return connections to processes that have begun to wait for their turn."""
    settings = StoreSettings(write_wait_s=wait_s, pool_wait_s=wait_s)
    begun = []
    for k in range(first, first + count):
        task = Task(f"w{k}/1", "upsert", (f"waited-{k}",), None, k)
        begun.append(call(workers.write_once, url, task, settings)[1])
    for answer in begun:
        assert answer.recv() == "ready"
        answer.send("go")
    return begun


def outcome(answer: Any) -> Outcome:
    assert answer.poll(LONG_S + 60)
    said: Outcome = answer.recv()
    return said


def test_a_process_holds_the_turn_for_long(kind: Kind) -> None:
    url = made(kind)
    with open_store(url, read_only=True) as store:
        before = digest_of(store.read(SINGLES), SINGLES), store.version()
        holder, held = call(workers.hold_turn, url, HELD)
        assert held.recv() == "held"
        begun = time.monotonic()
        patient = waiters(url, WAITING, LONG_S, 0)
        impatient = waiters(url, 2, SHORT_S, WAITING)
        reads = 0
        while time.monotonic() < begun + report.HELD_S or not all(answer.poll() for answer in impatient):
            # The holder has written, and not committed.
            assert (digest_of(store.read(SINGLES), SINGLES), store.version()) == before
            reads += 1
        for answer in impatient:
            refused, seconds, _ = outcome(answer)
            assert refused["kind"] == "StoreBusy"
            assert refused["said"][0].endswith("Try again later.")
            assert refused["said"][1].endswith("请稍后再试。")
            assert seconds >= SHORT_S * 0.9
        assert not any(answer.poll() for answer in patient)
        held.send("go on")
        held_until = held.recv()
        done = [outcome(answer) for answer in patient]
    holder.join()
    assert reads > report.HELD_S
    assert [written["inserted"] for written, _, _ in done] == [1] * WAITING
    with sound(kind, url) as store:
        changes = store.changes(since=before[1])
        assert [change.version for change in changes] == list(range(3, 4 + WAITING))
        assert changes[0].by == HELD.by
        assert {written["version"] for written, _, _ in done} == {change.version for change in changes[1:]}
    report.LINES.append(
        f"{kind.name}, turn held for {report.HELD_S:g} s: {reads:,} reads meanwhile, none held up; {WAITING} writers "
        f"waited and wrote, the last {max(at for _, _, at in done) - held_until:.2f} s after it was free; "
        f"2 that would not wait were told after {SHORT_S:g} s"
    )


def test_a_process_stops_in_its_turn_and_is_killed(kind: Kind) -> None:
    """The turn is free as soon as its holder is dead, and nothing of its write is there."""
    url = made(kind)
    holder, held = call(workers.hold_turn, url, HELD)
    assert held.recv() == "held"
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGSTOP)
    (waiting,) = waiters(url, 1, LONG_S, 0)
    time.sleep(0.3)
    assert not waiting.poll()
    holder.kill()
    holder.join()
    written, _, _ = outcome(waiting)
    assert written["inserted"] == 1
    with sound(kind, url) as store:
        assert [change.by.note for change in store.changes(since=2)] == ["w0/1"]


def test_a_store_is_opened_and_looked_at_while_the_turn_is_held(kind: Kind) -> None:
    url = made(kind)
    holder, held = call(workers.hold_turn, url, HELD)
    assert held.recv() == "held"
    with open_store(url) as store:
        assert store.version() == 2
        assert store.verify() == []
        assert len(store.history(SINGLES, HOT[0])) == 1
        with store.contents() as contents:
            assert contents.counts[SINGLES] == len(HOT)
        assert store.wait(since=2, timeout_s=0.2) == 2
    holder.kill()
    holder.join()


@pytest.fixture(autouse=True)
def _no_orphans() -> Iterator[None]:
    """Leave no process behind that a failed test began."""
    yield
    for child in multiprocessing.active_children():
        if child.name.startswith("ForkServerProcess"):
            child.kill()
            child.join()
