"""Memory that was needed for a moment, given back: else a process stays as large as it ever was.

GNU's C library has what is asked of it here; others are left as they are.
"""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress
from pathlib import Path

_M_ARENA_MAX = -8
"""Of GNU's <malloc.h>."""
_GROWN_BYTES = 32 * 2**20


def keep_little() -> None:
    """Let this process keep little of what it frees; to be called before it has threads.

    By itself the C library has a heap for each of several threads, and Arrow one more: each keeps what was freed
    in it, and none gives to the others.
    """
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    _c_library("mallopt", _M_ARENA_MAX, 1)


def give_back() -> None:
    """Give what is free to the system, after much was needed for a moment, such as to read a store."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    _c_library("malloc_trim", 0)


class Ebb:
    """Gives back what is free whenever the process has grown by so much: to look costs some microseconds."""

    def __init__(self) -> None:
        self._low = resident_bytes()

    def look(self) -> None:
        """Give back where the process has grown since it did so last."""
        now = resident_bytes()
        if now - self._low >= _GROWN_BYTES:
            give_back()
            self._low = resident_bytes()
        else:
            self._low = min(self._low, now)


def resident_bytes() -> int:
    """Return what this process holds in memory, 0 where the system does not tell."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * mmap.PAGESIZE
    return 0


def _c_library(function: str, *arguments: int) -> None:
    found = getattr(ctypes.CDLL(None), function, None)
    if found is not None:
        found(*arguments)
