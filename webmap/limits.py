"""How often one account or address may ask: counted for a minute at a time, by all workers together.

Trying passwords is throttled in the access store as well, across restarts and machines.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from mmap import mmap
from typing import TYPE_CHECKING

from layers.problems import TooMany
from layers.text import Text

if TYPE_CHECKING:
    from webmap.settings import Settings

WINDOW_S = 60
MOST_COUNTED = 4 * 2**14
"""Sources that are counted at once, at most: whoever has very many addresses takes no more memory than this."""

_WAYS = 4
_SETS = MOST_COUNTED // _WAYS
_WORD_BYTES = 8
_TICKS_A_SECOND = 10
_TICKS = 2**20
_WINDOW = WINDOW_S * _TICKS_A_SECOND
_MOST = 2**24 - 1


class Counts:
    """Counts of sources, each for a minute from its first, in memory that forked workers share.

    Every worker writes in a column of its own and reads all of them, so that there is no lock between processes
    that a dying one could leave behind. A count is one word of 64 bits, written at once: 20 bits of the source's
    hash, 20 for when its minute began (tenths of a second), 24 for the number. 14 more bits of the hash choose one
    of the rows, in which there is room for four sources; where they are taken, the one counted least gives way.

    Parameters
    ----------
    columns : int
        At most so many processes.
    clock : callable
        Seconds that only grow, the same for all processes.

    Attributes
    ----------
    column : int
        This process's own; set after the fork.
    """

    def __init__(self, *, columns: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.column = 0
        self._row = columns * _WAYS
        self._words = memoryview(mmap(-1, _SETS * self._row * _WORD_BYTES)).cast("Q")
        self._clock = clock
        self._lock = threading.Lock()

    def add(self, source: Hashable, number: int = 1) -> tuple[int, float]:
        """Count so many more of a source, and return how many there are and when the minute is over, in seconds."""
        mixed = hash((source, "counted")) & (2**64 - 1)
        start, tag = mixed % _SETS * self._row, mixed >> 44
        with self._lock:
            now = int(self._clock() * _TICKS_A_SECOND) % _TICKS
            first = self.column * _WAYS
            row = self._words[start : start + self._row].tolist()
            total = age = kept = 0
            at = -1
            for place, word in enumerate(row):
                if word >> 44 == tag and (since := (now - (word >> 24)) % _TICKS) < _WINDOW:
                    counted = word & _MOST
                    total += counted
                    if counted and since > age:
                        age = since
                    if first <= place < first + _WAYS:
                        at, kept = place, counted
            added = min(max(kept + number, 0), _MOST)
            if at < 0 and added:
                at = min(range(first, first + _WAYS), key=lambda place: self._alive(row[place], now))
            if at >= 0:
                self._words[start + at] = tag << 44 | (now - age) % _TICKS << 24 | added
        return total + added - kept, (_WINDOW - age) / _TICKS_A_SECOND

    @staticmethod
    def _alive(word: int, now: int) -> int:
        """Return what a word counts, 0 where its minute is over."""
        return word & _MOST if (now - (word >> 24)) % _TICKS < _WINDOW else 0


class Limit:
    """At most so many requests of one source in a minute, counted from its first.

    Parameters
    ----------
    most : int
    counts : Counts, optional
        By default of this process alone.
    """

    def __init__(self, most: int, counts: Counts | None = None) -> None:
        self.most = most
        self.counts = Counts() if counts is None else counts

    def count(self, source: str) -> None:
        """Count a request; raise `TooMany` where there were enough of them."""
        counted, left_s = self.counts.add(source)
        if counted <= self.most:
            return
        wait_s = max(1, math.ceil(left_s))
        raise TooMany(
            Text("一分钟内的请求太多。", "There were too many requests within a minute."),
            Text("请过 {n} 秒再试。", "Try again in {n} seconds.").format(n=wait_s),
            retry_after_s=wait_s,
        )

    def take_back(self, source: str) -> None:
        """Count one request of the source less: it was none of those that the limit is for."""
        self.counts.add(source, -1)


class Seldom:
    """Says of each thing whether it is the first such within a minute.

    Parameters
    ----------
    counts : Counts, optional
        By default of this process alone.
    """

    def __init__(self, counts: Counts | None = None) -> None:
        self.counts = Counts() if counts is None else counts

    def is_first(self, *what: str) -> bool:
        """Tell whether this was not met within the last minute."""
        return self.counts.add(what)[0] == 1


@dataclass(frozen=True, kw_only=True)
class Limits:
    """All that is counted of those who ask.

    Attributes
    ----------
    requests, tile_requests : Limit
    attempts : Limit
        To become somebody.
    wrong_keys : Limit
    refusals : Seldom
        Keeps the audit log from being filled by one refusal over and over.
    """

    requests: Limit
    tile_requests: Limit
    attempts: Limit
    wrong_keys: Limit
    refusals: Seldom

    def use_column(self, column: int) -> None:
        """Have this process count in a column of its own."""
        for one in (self.requests, self.tile_requests, self.attempts, self.wrong_keys, self.refusals):
            one.counts.column = column


def make_limits(settings: Settings, *, columns: int = 1) -> Limits:
    """Return the limits of the settings, to be made before the fork of at most so many processes at a time."""

    def limit(most: int) -> Limit:
        return Limit(most, Counts(columns=columns))

    return Limits(
        requests=limit(settings.requests_a_minute),
        tile_requests=limit(settings.tiles_a_minute),
        attempts=limit(settings.attempts_a_minute),
        wrong_keys=limit(settings.attempts_a_minute),
        refusals=Seldom(Counts(columns=columns)),
    )


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Return what is counted for an IP address: of IPv6 the /64, which is what one customer has."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found.packed, 64), strict=False))
