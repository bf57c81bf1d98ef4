"""Several processes with one access store: what one does the others see, and what is acknowledged stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from layers.access.kept import GRACE_S
from layers.problems import StoreAway
from layers.store import utc_now
from layers.text import Text
from tests.access import workers
from tests.access.conftest import OpenAccess
from tests.access.support import AGENT, HOME, OPERATOR, PASSWORD, access_at, person
from tests.access.workers import PATIENCE_S
from tests.processes import PROCESSES


class Worker:
    """A process of its own that has the store open and waits for the word."""

    def __init__(self, task: Callable[..., None], *arguments: object) -> None:
        self.pipe, end = PROCESSES.Pipe()
        self.process = PROCESSES.Process(target=task, args=(*arguments, end), daemon=True)
        self.process.start()
        end.close()
        assert self.told() == "ready"

    def go(self) -> None:
        self.pipe.send("go")

    def told(self) -> Any:
        assert self.pipe.poll(PATIENCE_S)
        return self.pipe.recv()

    def rest(self) -> list[Any]:
        """Return what it still tells until it ends."""
        found = []
        with suppress(EOFError, ConnectionError):
            while self.pipe.poll(PATIENCE_S):
                found.append(self.pipe.recv())
        self.process.join(PATIENCE_S)
        return found


@pytest.fixture
def start() -> Iterator[Callable[..., Worker]]:
    started: list[Worker] = []

    def begin(task: Callable[..., None], *arguments: object) -> Worker:
        started.append(Worker(task, *arguments))
        return started[-1]

    yield begin
    for worker in started:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


Start = Callable[..., Worker]


def test_one_of_two_processes_spends_the_link(url: str, start: Start) -> None:
    with access_at(url, utc_now) as access:
        for _ in range(3):
            link = access.make_start_link()
            both = [start(workers.spend, url, link) for _ in range(2)]
            for worker in both:
                worker.go()
            assert sorted(worker.told() for worker in both) == [(4, 0), (4, 1)]
        assert len(access.accounts()) == 1


@pytest.mark.parametrize("way", ["disable", "sign_out", "end_session", "rotate", "change_role"])
def test_a_revocation_is_seen_in_another_process(url: str, start: Start, way: str) -> None:
    with access_at(url, utc_now) as access:
        account, token = person(access)
        other = start(workers.watch, url, token)
        other.go()
        assert other.told() is True
        match way:
            case "disable":
                access.disable("zhang", by=OPERATOR)
            case "sign_out":
                access.sign_out(token)
            case "end_session":
                access.end_session("zhang", access.sessions("zhang")[0].id, by=OPERATOR)
            case "rotate":
                access.rotate(token)
            case "change_role":
                access.change_role("zhang", "leader", account.area, by=OPERATOR)
        assert access.visitor_of(token) is None
        assert other.told() is True


def test_within_a_second_by_the_clock_of_the_cache(url: str, open_at: OpenAccess) -> None:
    """No waiting: a generation may be taken to hold for a second at most."""
    one, other = open_at(url), open_at(url)
    _, token = person(one)
    assert other.visitor_of(token) is not None
    assert other._backend.generation_age_s <= 1
    one.disable("zhang", by=OPERATOR)
    other._known._asked_at -= other._backend.generation_age_s
    assert other.visitor_of(token) is None


def test_who_was_known_stays_so_while_the_database_is_away(
    url: str, open_at: OpenAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can be shut out in a database that is away; after some minutes nobody is let in either."""
    access = open_at(url)
    _, token = person(access)
    assert access.visitor_of(token) is not None

    def away() -> str:
        raise StoreAway(Text("不在", "away"))

    known = access._known
    monkeypatch.setattr(access._backend, "generation", away)
    known._asked_at -= 2
    assert access.visitor_of(token) is not None
    known._asked_at -= 2
    known._told_at -= GRACE_S + 1
    with pytest.raises(StoreAway):
        access.visitor_of(token)


def test_nobody_waits_for_a_database_that_does_not_answer(
    url: str, open_at: OpenAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread asks; the others go on, and who is not known is told so without waiting for the pool."""
    access = open_at(url)
    _, token = person(access)
    assert access.visitor_of(token) is not None
    asked, answer, through = threading.Semaphore(0), threading.Event(), threading.Semaphore(0)

    def away() -> str:
        asked.release()
        assert answer.wait(PATIENCE_S)
        raise StoreAway(Text("不在", "away"))

    def use() -> None:
        if access.visitor_of(token) is not None:
            through.release()

    known = access._known
    monkeypatch.setattr(access._backend, "generation", away)
    monkeypatch.setattr(access._backend, "generation_age_s", 3600.0)
    known._asked_at -= 7200
    first = threading.Thread(target=use)
    first.start()
    assert asked.acquire(timeout=PATIENCE_S)
    others = [threading.Thread(target=use) for _ in range(20)]
    for thread in others:
        thread.start()
    for _ in others:
        assert through.acquire(timeout=PATIENCE_S)
    before = time.monotonic()
    answer.set()
    first.join(PATIENCE_S)
    assert through.acquire(timeout=PATIENCE_S), "who asked is known as well"
    assert known.away and known._asked_at >= before, "counted from when there was no answer"
    assert not asked.acquire(blocking=False)

    def reading() -> Any:
        raise AssertionError("waits for a database that is away")

    monkeypatch.setattr(access._backend, "reading", reading)
    with pytest.raises(StoreAway):
        access.visitor_of("wgs_" + "A" * 43)
    known._told_at -= GRACE_S + 1
    with pytest.raises(StoreAway):
        access.visitor_of(token)


def test_after_an_outage_everything_is_asked_for_again(
    url: str, open_at: OpenAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = open_at(url)
    _, token = person(access)

    def away() -> str:
        raise StoreAway(Text("不在", "away"))

    assert access.visitor_of(token) is not None
    with monkeypatch.context() as outage:
        outage.setattr(access._backend, "generation", away)
        access._known._asked_at -= 2
        assert access.visitor_of(token) is not None and access._known.away
    open_at(url).disable("zhang", by=OPERATOR)
    access._known._asked_at -= 2
    assert access.visitor_of(token) is None and not access._known.away


def test_the_entries_of_two_processes_are_one_chain(url: str, start: Start) -> None:
    both = [start(partial(workers.record, waiting=True), url, 100) for _ in range(2)]
    told: list[list[int]] = []
    # Neither goes on before the other has begun.
    for worker in both:
        worker.go()
        told.append([worker.told()])
    for worker in both:
        worker.go()
    for worker, numbers in zip(both, told, strict=True):
        numbers += worker.rest()
    with access_at(url, utc_now) as access:
        entries = access.entries(limit=1000)
        assert [entry.seq for entry in entries] == sorted(told[0] + told[1]) == list(range(1, 201))
        assert access.verify(expect=access.head()) == []
    assert min(told[0]) < max(told[1]) and min(told[1]) < max(told[0])


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_killed_process_loses_nothing_that_was_acknowledged(url: str, start: Start, after: int) -> None:
    worker = start(workers.record, url, 100_000)
    worker.go()
    told = [worker.told() for _ in range(after)]
    worker.process.kill()
    told += worker.rest()
    with access_at(url, utc_now) as access:
        assert access.verify() == []
        assert {entry.seq for entry in access.entries(limit=100_000)} >= set(told)
        assert access.head()[0] <= max(told) + 1
        person(access)  # nobody holds the turn to write
        assert access.verify() == []


def test_two_processes_count_failures_together(url: str, start: Start) -> None:
    with access_at(url, utc_now) as access:
        person(access)
        both = [start(workers.guess, url, 20) for _ in range(2)]
        for worker in both:
            worker.go()
        # Five are free; with each second that passes meanwhile another may come.
        assert 5 <= sum(worker.told() for worker in both) <= 8
        assert access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT).token
