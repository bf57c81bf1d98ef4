"""How often one account or address may ask: counted in this process, for a minute at a time.

Trying passwords is throttled in the access store as well, for all processes together and across restarts.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections.abc import Callable
from functools import lru_cache

from cachetools import TTLCache

from layers.problems import TooMany
from layers.text import Text

WINDOW_S = 60
MOST_COUNTED = 50_000


class Limit:
    """At most so many requests of one source in a minute, counted from its first.

    Parameters
    ----------
    most : int
    clock : callable, optional
        Seconds that only grow.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._lock = threading.Lock()
        # Bounded: whoever has very many addresses takes no more memory than this.
        self._counted: TTLCache[str, list[float]] = TTLCache(MOST_COUNTED, WINDOW_S, timer=clock)

    def count(self, source: str) -> None:
        """Count a request; raise `TooMany` where there were enough of them."""
        with self._lock:
            counted = self._counted.get(source)
            if counted is None:
                self._counted[source] = [1, self._clock() + WINDOW_S]
                return
            counted[0] += 1
            if counted[0] <= self.most:
                return
            wait_s = max(1, math.ceil(counted[1] - self._clock()))
        raise TooMany(
            Text("一分钟内的请求太多。", "There were too many requests within a minute."),
            Text("请过 {n} 秒再试。", "Try again in {n} seconds.").format(n=wait_s),
            retry_after_s=wait_s,
        )

    def take_back(self, source: str) -> None:
        """Count one request of the source less: it was none of those that the limit is for."""
        with self._lock:
            counted = self._counted.get(source)
            if counted is not None and counted[0] > 0:
                counted[0] -= 1


class Seldom:
    """Says of each thing whether it is the first such within a minute.

    Parameters
    ----------
    clock : callable, optional
        Seconds that only grow.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._met: TTLCache[tuple[str, ...], bool] = TTLCache(MOST_COUNTED, WINDOW_S, timer=clock)

    def is_first(self, *what: str) -> bool:
        """Tell whether this was not met within the last minute."""
        with self._lock:
            if what in self._met:
                return False
            self._met[what] = True
            return True


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Return what is counted for an IP address: of IPv6 the /64, which is what one customer has."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    except ValueError:
        return address
