"""What was needed for a moment is given back to the system."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pyarrow as pa

from layers.memory import give_back, keep_little

PROCESSES = multiprocessing.get_context("spawn")
MUCH = 200_000_000


def resident_bytes() -> int:
    """Tell how much memory of this process is in use by the system's account."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def use_and_give_back() -> None:
    """Take much in pieces that the C library keeps by itself, in a process that has nothing else."""
    keep_little()
    assert pa.default_memory_pool().backend_name == "system"
    before = resident_bytes()
    pieces = [bytearray(100_000) for _ in range(MUCH // 100_000)]
    last = bytearray(100_000)
    assert resident_bytes() - before > 0.9 * MUCH
    del pieces
    give_back()
    assert resident_bytes() - before < 0.1 * MUCH
    del last


def test_freed_memory_goes_back() -> None:
    process = PROCESSES.Process(target=use_and_give_back)
    process.start()
    process.join()
    assert process.exitcode == 0
