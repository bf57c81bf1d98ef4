"""Every row is worked on once, whether by one thread or by several, and errors come out."""

import threading

import numpy as np
import pytest

from geo.parts import PART, in_parts, in_turns


@pytest.mark.parametrize("count", [0, 1, PART, PART + 1, 499_999, 500_000, 1_000_003])
def test_every_row_once(count: int) -> None:
    seen = np.zeros(count, dtype=np.int8)

    def work(part: slice) -> None:
        assert 0 < part.stop - part.start <= PART
        seen[part] += 1

    in_parts(work, count)
    assert (seen == 1).all()


def test_few_rows_take_no_other_thread() -> None:
    names: set[int] = set()
    in_parts(lambda part: names.add(threading.get_ident()), 499_999)
    assert names == {threading.get_ident()}


def test_small_parts_are_of_the_size_asked_for_and_take_no_other_thread() -> None:
    parts: list[int] = []
    names: set[int] = set()

    def work(part: slice) -> None:
        parts.append(part.stop - part.start)
        names.add(threading.get_ident())

    in_parts(work, 1_000_000, most=4_096)
    assert max(parts) == 4_096
    assert sum(parts) == 1_000_000
    assert names == {threading.get_ident()}


def test_many_rows_take_several_threads_at_once() -> None:
    both_here = threading.Barrier(2, timeout=60)  # broken, and so an error, if one worked alone

    def work(part: slice) -> None:
        if part.start in (0, PART):
            both_here.wait()

    in_parts(work, 1_000_000)


@pytest.mark.parametrize("count", [10, 1_000_000])
def test_what_a_part_raises_is_raised(count: int) -> None:
    def work(part: slice) -> None:
        raise ValueError(f"part {part.start}")

    with pytest.raises(ValueError, match="part 0"):
        in_parts(work, count)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 50])
def test_every_task_once(count: int) -> None:
    done: list[int] = []
    in_turns(done.append, range(count))
    assert sorted(done) == list(range(count))


def test_what_a_task_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_turns(lambda task: 1 // task, [3, 2, 1, 0, 1, 2])  # type: ignore[arg-type]
