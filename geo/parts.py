"""Large arrays worked on in parts that stay in the processor's cache, by a few threads at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

PART = 131_072
"""Positions taken at a time.

Between two steps of numpy's a thread waits until the other has begun its own: with smaller parts two threads wait
for each other longer than they work. Parts so large still stay near the processor.
"""

# Threads are started for each call, so that a process that forks has none. For less they would cost more than
# they bring.
_THREADS = 2
_WORTH_THREADS = 500_000
_TURNS_WORTH_THREADS = 4
_PARTS_AT_ONCE = 2

_Task = TypeVar("_Task")


def in_parts(work: Callable[[slice], None], count: int) -> None:
    """Call `work` for every part of `count` rows; several threads at once where there are many.

    numpy's arithmetic lets other threads run, so this is worth it for whatever consists of that.

    Parameters
    ----------
    work : callable
        Takes a slice of at most `PART` rows; called in no certain order, from several threads. What it
        raises is raised.
    count : int
        How many rows there are.
    """
    stride = PART * _PARTS_AT_ONCE

    def run(first: int) -> None:
        for start in range(first, min(first + stride, count), PART):
            work(slice(start, min(start + PART, count)))

    _call(run, range(0, count, stride), threads=count >= _WORTH_THREADS)


def in_turns(work: Callable[[_Task], None], tasks: Sequence[_Task]) -> None:
    """Call `work` for every task, each some milliseconds of it; several threads at once where there are many.

    Parameters
    ----------
    work : callable
        Takes a task; called in no certain order, from several threads. What it raises is raised.
    tasks : sequence
        What `work` takes.
    """
    _call(work, tasks, threads=len(tasks) >= _TURNS_WORTH_THREADS)


def _call(work: Callable[[_Task], None], tasks: Sequence[_Task], *, threads: bool) -> None:
    if not threads:
        for task in tasks:
            work(task)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(work, tasks):
            pass
