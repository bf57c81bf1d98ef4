"""Memory given back after much of it was needed for a moment."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def sparingly() -> Iterator[None]:
    """Give back what is no longer needed of the memory taken meanwhile, such as for reading a store.

    Arrow's own allocator and the C library keep what was freed for the next time, and a process that has
    once read a district would look twice as large as what it holds.
    """
    import pyarrow as pa

    kept = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(kept)
        kept.release_unused()
        # GNU's C library alone has it, and others give back by themselves.
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)(0)
