"""Memory that was needed for a moment, given back: else a process stays as large as it ever was.

GNU's C library has what is asked of it here; others are left as they are.
"""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8
"""Of GNU's <malloc.h>."""


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


def _c_library(function: str, *arguments: int) -> None:
    found = getattr(ctypes.CDLL(None), function, None)
    if found is not None:
        found(*arguments)
