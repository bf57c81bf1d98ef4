"""Large arrays worked on in parts that stay in the processor's cache, by a few threads at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

PART = 32_768
"""Positions taken at a time: a part with all that is made of it stays in the second-level cache."""

# Threads are started for each call, so that a process that forks has none. Below so many positions they would
# cost more than they bring.
_THREADS = 4
_WORTH_THREADS = 500_000
_PARTS_AT_ONCE = 8


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

    if count < _WORTH_THREADS:
        for first in range(0, count, stride):
            run(first)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(run, range(0, count, stride)):
            pass
