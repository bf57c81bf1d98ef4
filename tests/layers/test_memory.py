"""What was needed for a moment is given back to the system."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pyarrow as pa
import pytest

from layers import memory
from layers.memory import Ebb, give_back, keep_little, resident_bytes

PROCESSES = multiprocessing.get_context("spawn")
MUCH = 200_000_000


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


@pytest.mark.parametrize(
    ("seen", "given_back"),
    [
        ((100, 131), 0),
        ((100, 132, 100), 1),
        ((100, 132, 110, 141), 1),
        ((100, 132, 110, 142, 120), 2),
        ((100, 60, 92, 70), 1),
    ],
)
def test_it_is_given_back_where_the_process_has_grown(
    monkeypatch: pytest.MonkeyPatch, seen: tuple[int, ...], given_back: int
) -> None:
    holds, done = list(seen), []
    monkeypatch.setattr(memory, "resident_bytes", lambda: holds.pop(0) * 2**20)
    monkeypatch.setattr(memory, "give_back", lambda: done.append(len(holds)))
    ebb = Ebb()
    while holds:
        ebb.look()
    assert len(done) == given_back


def test_a_system_that_does_not_tell_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resident_bytes() > 10 * 2**20
    monkeypatch.setattr("layers.memory.Path", lambda _: Path("/nowhere/statm"))
    assert resident_bytes() == 0
    Ebb().look()
