"""How often somebody may ask: counted in one process, and in several that share the counts."""

from __future__ import annotations

import os
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.problems import TooMany
from webmap.limits import MOST_COUNTED, WINDOW_S, Counts, Limit, Limits, Seldom, make_limits
from webmap.settings import Settings


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def limit_of(most: int, clock: Clock | None = None) -> Limit:
    return Limit(most, Counts(clock=clock or Clock()))


def test_a_limit_holds_for_a_minute_and_for_one_source() -> None:
    clock = Clock()
    limit = limit_of(3, clock)
    for _ in range(3):
        limit.count("a")
    clock.now = 20.5
    with pytest.raises(TooMany) as refused:
        limit.count("a")
    assert refused.value.retry_after_s == 40
    limit.count("b")
    clock.now = WINDOW_S + 0.5
    limit.count("a")


def test_what_is_taken_back_was_not_counted() -> None:
    limit = limit_of(2)
    limit.take_back("never counted")
    for _ in range(5):
        limit.count("a")
        limit.take_back("a")
    limit.count("a")
    limit.count("a")
    with pytest.raises(TooMany):
        limit.count("a")


def test_once_a_minute_of_each() -> None:
    clock = Clock()
    seldom = Seldom(Counts(clock=clock))
    assert [seldom.is_first("a", "x") for _ in range(3)] == [True, False, False]
    assert seldom.is_first("a", "y") and seldom.is_first("b", "x")
    clock.now = WINDOW_S + 0.5
    assert seldom.is_first("a", "x")


def test_whoever_comes_under_ever_new_names_takes_no_more_room_and_frees_nobody() -> None:
    limit = limit_of(3)
    room = limit.counts._words.nbytes
    for _ in range(3):
        limit.count("busy")
    for n in range(2 * MOST_COUNTED):
        limit.count(str(n))
    assert limit.counts._words.nbytes == room
    with pytest.raises(TooMany):
        limit.count("busy")


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.sampled_from([1, 1, 1, -1]), st.integers(0, 2), st.floats(0, 30)
        ),
        max_size=60,
    )
)
def test_workers_count_together_like_one(steps: list[tuple[str, int, int, float]]) -> None:
    """Against a plain table: the minute begins with a source's first, whichever worker counts it."""
    clock = Clock()
    counts = Counts(columns=3, clock=clock)
    by_worker: dict[tuple[str, int], int] = defaultdict(int)
    began: dict[str, float] = {}
    for source, number, worker, wait_s in steps:
        clock.now = round(clock.now + round(wait_s, 1), 1)
        if source in began and round(clock.now - began[source], 1) >= WINDOW_S:
            del began[source]
            for one in range(3):
                by_worker.pop((source, one), None)
        if by_worker[source, worker] + number >= 0:
            by_worker[source, worker] += number
        there = sum(by_worker[source, one] for one in range(3))
        if there:
            began.setdefault(source, clock.now)
        counts.column = worker
        total, left_s = counts.add(source, number)
        assert total == there
        if there:
            assert left_s == pytest.approx(began[source] + WINDOW_S - clock.now, abs=0.11)
        else:
            began.pop(source, None)


def counted_in_a_child(limits: Limits, column: int, times: int) -> int:
    """Count in a forked process, and return how often that was refused."""
    pid = os.fork()
    if pid == 0:
        limits.use_column(column)
        refused = 0
        for _ in range(times):
            try:
                limits.attempts.count("one address")
            except TooMany:
                refused += 1
        os._exit(refused)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_processes_that_were_forked_have_one_limit_in_common() -> None:
    limits = make_limits(Settings(attempts_a_minute=30), columns=4)
    assert [counted_in_a_child(limits, column, 20) for column in (1, 2, 3)] == [0, 10, 20]
    with pytest.raises(TooMany):
        limits.attempts.count("one address")
    limits.attempts.count("another address")
    assert limits.refusals.is_first("x")
    if (pid := os.fork()) == 0:
        limits.use_column(1)
        os._exit(limits.refusals.is_first("x") or not limits.refusals.is_first("y"))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
