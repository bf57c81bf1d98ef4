"""Large arrays worked on in parts that stay in the processor's cache, by a few threads at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

PART = 131_072
"""Positions taken at a time where threads take turns: with fewer they wait for each other longer than they work."""
_PART_ALONE = 32_768
"""And where one thread does all: a part with all that is made of it stays in the second-level cache."""

# Threads are started for each call, so that a process that forks has none. For less they would cost more than
# they bring.
_THREADS = 2
_WORTH_THREADS = 500_000
_TURNS_WORTH_THREADS = 4

_Task = TypeVar("_Task")


def in_parts(work: Callable[[slice], None], count: int, *, most: int = PART) -> None:
    """Call `work` for every part of `count` rows; several threads at once where there are many.

    numpy's arithmetic lets other threads run, so this is worth it for whatever consists of that.

    Parameters
    ----------
    work : callable
        Takes a slice of at most `most` rows; called in no certain order, from several threads. What it
        raises is raised.
    count : int
        How many rows there are.
    most : int, optional
        Fewer where much is made of each row; such parts are left to one thread.
    """
    threads = most >= PART and count >= _WORTH_THREADS
    part = min(most, PART if threads else _PART_ALONE)
    parts = [slice(start, min(start + part, count)) for start in range(0, count, part)]
    _call(work, parts, threads=threads)


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
