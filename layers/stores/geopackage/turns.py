"""Whose turn it is to write.

SQLite lets one writer in at a time, and those that wait sleep ever longer: under load a wait of seconds
is common and late comers overtake. So writers first queue at a lock file beside the store, in the order
they came, and who leaves rings up the next. The line only orders Wangge's own writers; what is right or
wrong is still decided by SQLite's locks, which other programs honour too.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from layers.stores.geopackage import faults

# Who waits looks up so often without being rung up: nobody rings for a holder that was killed.
_PAUSE_S = 0.01
_HELD_UP_S = 0.0002
# The byte whose lock is the turn; those below stand for moments since the machine was started.
GATE = 2**62
# The kernel's record of a lock: its type, from where its start counts, start, length, process.
_LOCK = struct.Struct("hhqqi4x")
_LINE = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, GATE, 0)
_threads: dict[str, threading.Lock] = {}
# A child process inherits locks that threads of its parent hold and that nobody there will release.
os.register_at_fork(after_in_child=_threads.clear)


class turn:  # noqa: N801 - to its callers it is a function
    """Wait for the turn to write the store at `path` (absolute), and hold it to the end of the block.

    Parameters
    ----------
    lock_file : str, optional
        The name of `lock_path`, where it is known.

    Raises
    ------
    StoreBusy
        When the turn has not come within `timeout_s`.
    """

    __slots__ = ("_handle", "_lock_file", "_path", "_thread_lock", "_timeout_s")

    def __init__(self, path: Path, timeout_s: float, lock_file: str | None = None) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._lock_file = lock_file or str(lock_path(path))

    def __enter__(self) -> None:
        lock_file = self._lock_file
        self._thread_lock = _threads.get(lock_file) or _threads.setdefault(lock_file, threading.Lock())
        deadline = time.monotonic() + self._timeout_s
        if not self._thread_lock.acquire(timeout=max(self._timeout_s, 0.0)):
            raise faults.busy(self._path)
        self._handle: int | None = None
        try:
            self._handle = handle = _opened(self._path, lock_file)
            # Who finds nobody there, neither in line nor at the gate, is through at once.
            if handle is not None and (_first_in_line(handle) is not None or not _lock(handle, GATE)):
                _queue(self._path, handle, deadline)
        except BaseException:
            self._leave()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            if self._handle is not None:
                fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, GATE)
                _ring_up_next(self._handle)
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._thread_lock.release()


def lock_path(path: Path) -> Path:
    """Return where the lock file of the store at `path` is; it stays, empty, between writes."""
    return path.with_name(f".{path.name}.lock")


def _opened(path: Path, lock_file: str) -> int | None:
    """Open the lock file; None where there is no line, and SQLite's own lock must do.

    That is beside another user's lock file, though we may write the store, where the folder is gone, and on systems
    that say otherwise than Linux who holds a lock.
    """
    if sys.platform != "linux":
        return None
    try:
        return os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except (PermissionError, FileNotFoundError):
        return None
    except OSError as error:
        raise faults.from_os(path, error) from error


def _queue(path: Path, handle: int, deadline: float) -> None:
    """Lock the byte of the moment, wait until none before it is locked, and lock the gate; `StoreBusy` if it takes too long.

    The locks are POSIX ones on purpose: they go when their process dies, and no child inherits them. They
    need no bytes in the file. Who is held up before he has locked his byte may lose his place, not more.
    Nobody misses his bell: it hangs before his byte is locked, that is locked before he tries the gate, and
    who leaves looks for locked bytes after the gate is open.
    """
    place = time.monotonic_ns()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        with suppress(OSError):
            bell.bind(_bell_of(handle, place))
        bell.setblocking(False)
        while not _lock(handle, place):
            time.sleep(_HELD_UP_S)
        rings = select.poll()
        rings.register(bell, select.POLLIN)
        while _first_in_line(handle, before=place) is not None or not _lock(handle, GATE):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                # Whoever rang us up meanwhile meant the next.
                fcntl.lockf(handle, fcntl.LOCK_UN, 1, place)
                _ring_up_next(handle)
                raise faults.busy(path)
            if rings.poll(1000 * min(left_s, _PAUSE_S)):
                bell.recv(1)
        fcntl.lockf(handle, fcntl.LOCK_UN, 1, place)


def _lock(handle: int, byte: int) -> bool:
    """Lock a byte; tell whether it was possible at once."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _first_in_line(handle: int, *, before: int = GATE) -> int | None:
    """Return the first place that another process has locked, of those before `before`; None where there is none."""
    found = None
    # The kernel tells of any lock in the way, not of the first.
    asked = _LINE if before == GATE else _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, before, 0)
    while before:
        kind, _, place, _, _ = _LOCK.unpack(fcntl.fcntl(handle, fcntl.F_GETLK, asked))
        if kind == fcntl.F_UNLCK:
            break
        found = before = place
        asked = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, before, 0)
    return found


def _ring_up_next(handle: int) -> None:
    """Wake who is first in line, if anybody is: if it does not reach him he looks up by himself."""
    place = _first_in_line(handle)
    if place is not None:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ringing:
            ringing.setblocking(False)
            ringing.sendto(b"!", _bell_of(handle, place))


def _bell_of(handle: int, place: int) -> str:
    """Return the name of the bell of who has a place in line, in Linux's space of names without files."""
    file = os.fstat(handle)
    return f"\0wangge/{file.st_dev:x}/{file.st_ino:x}/{place:x}"
