"""Whose turn it is to write.

SQLite lets one writer in at a time, and those that wait sleep ever longer: under load a wait of seconds
is common and late comers overtake. So writers first queue for a lock file beside the store, looking
every few milliseconds. It only orders Wangge's own writers; what is right or wrong is still decided by
SQLite's locks, which other programs honour too.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from layers.stores.geopackage import faults

_PAUSE_S = 0.003
_threads: dict[Path, threading.Lock] = {}
# A child process inherits locks that threads of its parent hold and that nobody there will release.
os.register_at_fork(after_in_child=_threads.clear)


@contextmanager
def turn(path: Path, timeout_s: float) -> Iterator[None]:
    """Wait for the turn to write the store at `path` (absolute), and hold it.

    The lock is a POSIX one on purpose: it goes when its process dies, and no child inherits it.

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
        with _locked_file(path, deadline):
            yield
    finally:
        thread_lock.release()


@lru_cache
def lock_path(path: Path) -> Path:
    """Return where the lock file of the store at `path` is; it stays, empty, between writes."""
    return path.with_name(f".{path.name}.lock")


@contextmanager
def _locked_file(path: Path, deadline: float) -> Iterator[None]:
    try:
        handle = os.open(lock_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        # Another user's lock file beside a store that we may write: SQLite's own lock must do.
        yield
        return
    except OSError as error:
        raise faults.from_os(path, error) from error
    try:
        while True:
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= deadline:
                    raise faults.busy(path) from None
                time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(handle)
