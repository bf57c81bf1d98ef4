"""Which processor cores a worker's threads run on, and how they take turns there.

One thread reads and sends, others answer. A tile that is ready takes less time than waking a thread on another
core, so all of them keep to one: they take turns there as if they were one thread. What takes longer goes
wherever there is room.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress

_TURN_NS = 300_000
"""Granian's threads look for work by giving up their turn. On Linux from 6.18 on that sets a thread back by a whole
turn, usually 3 ms, each time: one that did it a thousand times waits for seconds while others on its core work."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES = struct.Struct("IIQiIQQQ")
"""Of sched_setattr(2): size, policy, flags, nice, priority, runtime, deadline, period."""


class Cores:
    """The cores that this process may use, and the one that it keeps to.

    Parameters
    ----------
    place : int
        Which of the workers this is.
    workers : int
        How many there are. Unless each core gets as many of them they keep to none: some cores would do less.

    Attributes
    ----------
    every, own : set of int
        They are the same where the process keeps to no core.
    """

    def __init__(self, place: int = 0, workers: int = 0) -> None:
        self.every = os.sched_getaffinity(0)
        cores = sorted(self.every)
        self.own = {cores[place % len(cores)]} if workers and workers % len(cores) == 0 else self.every

    @contextmanager
    def kept_to(self) -> Iterator[None]:
        """Have threads that are started within the block keep to the process's own core, and take short turns."""
        _take_turns_of(_TURN_NS)
        try:
            with self._on(self.own, then=self.every):
                yield
        finally:
            _take_turns_of(0)

    @contextmanager
    def left(self) -> Iterator[None]:
        """Let this thread, and those that it starts, go to any core until the end of the block."""
        with self._on(self.every, then=self.own):
            yield

    @contextmanager
    def _on(self, cores: Set[int], *, then: Set[int]) -> Iterator[None]:
        if cores == then:
            yield
            return
        _go_to(cores)
        try:
            yield
        finally:
            _go_to(then)


def _go_to(cores: Set[int]) -> None:
    with suppress(OSError):  # they were taken from the process meanwhile: it is where the system has put it
        os.sched_setaffinity(0, cores)


def _take_turns_of(nanoseconds: int) -> None:
    """Set how long this thread works at a time while others wait; 0 is as the system has it.

    Systems that know of no such thing (Linux before 6.12) are left as they are: there nobody is set back either.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    # Where the service runs by another policy, somebody has chosen that.
    if number is not None and os.sched_getscheduler(0) == os.SCHED_OTHER:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        asked = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, nanoseconds, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, asked, 0)
