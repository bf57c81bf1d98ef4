"""Whose turn it is to write.

SQLite lets one writer in at a time, and those that wait sleep ever longer: under load a wait of seconds
is common and late comers overtake. So writers first queue at a lock file beside the store, in the order
they came. It only orders Wangge's own writers; what is right or wrong is still decided by SQLite's locks,
which other programs honour too.
"""

from __future__ import annotations

import fcntl
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from layers.stores.geopackage import faults

# The first in line looks often, so that no time is lost between two writes; the others need not.
_FIRST_PAUSE_S, _PAUSE_S = 0.0002, 0.001
# The byte whose lock is the turn; those below stand for moments since the machine was started.
GATE = 2**62
_threads: dict[Path, threading.Lock] = {}
# A child process inherits locks that threads of its parent hold and that nobody there will release.
os.register_at_fork(after_in_child=_threads.clear)


@contextmanager
def turn(path: Path, timeout_s: float) -> Iterator[None]:
    """Wait for the turn to write the store at `path` (absolute), and hold it.

    Raises
    ------
    StoreBusy
        When the turn has not come within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    thread_lock = _threads.setdefault(path, threading.Lock())
    if not thread_lock.acquire(timeout=timeout_s):
        raise faults.busy(path)
    try:
        with _place_in_line(path, deadline):
            yield
    finally:
        thread_lock.release()


@lru_cache
def lock_path(path: Path) -> Path:
    """Return where the lock file of the store at `path` is; it stays, empty, between writes."""
    return path.with_name(f".{path.name}.lock")


@contextmanager
def _place_in_line(path: Path, deadline: float) -> Iterator[None]:
    """Lock the byte of the moment, wait until none before it is locked, and go through the gate.

    The locks are POSIX ones on purpose: they go when their process dies, and no child inherits them. They
    need no bytes in the file. Who is held up between the first two steps may lose his place, not more. Who finds
    nobody there, neither at the gate nor in line, is through at once.
    """
    try:
        handle = os.open(lock_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        # Another user's lock file beside a store that we may write: SQLite's own lock must do.
        yield
        return
    except OSError as error:
        raise faults.from_os(path, error) from error
    try:
        if _lock(handle, 0, GATE + 1, 0.0, deadline=-math.inf):
            fcntl.lockf(handle, fcntl.LOCK_UN, GATE, 0)
            yield
            return
        place = time.monotonic_ns()
        came = _lock(handle, place, 1, _FIRST_PAUSE_S, deadline) and _lock(
            handle, 0, place, _PAUSE_S, deadline
        )
        if came:
            fcntl.lockf(handle, fcntl.LOCK_UN, place, 0)
            came = _lock(handle, GATE, 1, _FIRST_PAUSE_S, deadline)
        if not came:
            raise faults.busy(path)
        fcntl.lockf(handle, fcntl.LOCK_UN, 1, place)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, first: int, count: int, pause_s: float, deadline: float) -> bool:
    """Lock `count` bytes from `first` on; tell whether it was possible before `deadline`."""
    while True:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, count, first)
            return True
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= deadline:
                return False
            time.sleep(pause_s)
