"""Things that are expensive to make, kept within a bound; nothing is made twice at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from cachetools import LRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """What was made for a key, the least recently asked for gone first.

    Whoever asks while another thread makes the same waits for it; nobody waits for the making of anything else.

    Parameters
    ----------
    most : int
        Sizes of all that is kept together are at most this. What is larger by itself is made and not kept.
    size_of : callable
    """

    def __init__(self, most: int, size_of: Callable[[V], int] = lambda _: 1) -> None:
        self._kept: LRUCache[K, V] = LRUCache(most, getsizeof=size_of)
        self._making: dict[K, Future[V]] = {}
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """What is kept, by its sizes."""
        return int(self._kept.currsize)

    def get(self, key: K, make: Callable[[], V], *, still: Callable[[V], bool] = lambda _: True) -> V:
        """Return what is kept for `key` and is `still` good, else what `make` returns.

        An error of `make` reaches everybody who waited for it; nothing is kept then.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and still(kept):
                return kept
            others = self._making.get(key)
            if others is None:
                self._making[key] = ours = Future[V]()
        if others is not None:
            made = others.result()
            return made if still(made) else make()
        try:
            made = make()
        except BaseException as error:
            self._done(key)
            ours.set_exception(error)
            raise
        self._done(key, made)
        ours.set_result(made)
        return made

    def _done(self, key: K, *made: V) -> None:
        with self._lock:
            del self._making[key]
            for value in made:
                if self._kept.getsizeof(value) <= self._kept.maxsize:
                    self._kept[key] = value
