"""What is expensive is made once at a time and kept within a bound."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from webmap.kept import Kept


def test_what_several_ask_for_at_once_is_made_once() -> None:
    kept: Kept[str, object] = Kept(10)
    begun, go_on, made = threading.Event(), threading.Event(), []

    def make() -> object:
        begun.set()
        assert go_on.wait(60)
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(kept.get, "a", make)
        assert begun.wait(60)
        others = [threads.submit(kept.get, "a", make) for _ in range(3)]
        # Whoever wants something else does not wait.
        assert kept.get("b", lambda: "other") == "other"
        go_on.set()
        assert {id(each.result(60)) for each in (first, *others)} == {id(made[0])}
    assert len(made) == 1


def test_an_error_reaches_whoever_asked_and_is_not_kept() -> None:
    kept: Kept[str, int] = Kept(10)

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept.get("a", fail)
    assert kept.get("a", lambda: 1) == 1


def test_what_is_kept_is_bounded_by_size() -> None:
    kept: Kept[int, bytes] = Kept(10, len)
    for number, size in enumerate((4, 4, 11, 4)):
        assert len(kept.get(number, lambda size=size: b"x" * size)) == size  # type: ignore[misc]
        assert kept.size <= 10
    assert kept.get(3, lambda: b"") == b"xxxx" and kept.get(1, lambda: b"") == b"xxxx"
    assert kept.get(0, lambda: b"new") == b"new"  # the oldest went
    assert kept.get(2, lambda: b"small") == b"small"  # what alone is too large was not kept


def test_what_is_no_longer_good_is_made_anew() -> None:
    kept: Kept[str, int] = Kept(10)
    assert kept.get("a", lambda: 1) == 1
    assert kept.get("a", lambda: 2, still=lambda value: value > 1) == 2
    assert kept.get("a", lambda: 3) == 2
