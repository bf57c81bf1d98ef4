"""What other processes do with an access store; each tells what came of it through its end of a pipe."""

from __future__ import annotations

import threading
import time
from multiprocessing.connection import Connection

import layers.stores.access.postgresql
import layers.stores.access.sqlite  # noqa: F401 - imported before the server of processes forks
from layers.access.access import Access
from layers.access.model import SignInFailed
from layers.problems import TooMany
from layers.store import utc_now
from tests.access.support import AGENT, HOME, OPERATOR, access_at

PATIENCE_S = 30


def _ready(url: str, pipe: Connection) -> Access:
    """Open the store, say so, and wait for the word."""
    access = access_at(url, utc_now)
    pipe.send("ready")
    pipe.recv()
    return access


def spend(url: str, link: str, pipe: Connection) -> None:
    """Spend a one-time link in four threads; tell how many tried, and how many could."""
    access = _ready(url, pipe)
    found: list[bool] = []

    def run() -> None:
        found.append(access.spend_start_link(link, address=HOME, agent=AGENT) is not None)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send((len(found), sum(found)))


def watch(url: str, token: str, pipe: Connection) -> None:
    """Tell whether a token is worth something, and then when it is not any more."""
    access = _ready(url, pipe)
    pipe.send(access.visitor_of(token) is not None)
    until = time.monotonic() + PATIENCE_S
    while access.visitor_of(token) is not None and time.monotonic() < until:
        time.sleep(0.01)
    pipe.send(time.monotonic() < until)


def record(url: str, number: int, pipe: Connection, *, waiting: bool = False) -> None:
    """Record so many entries, and tell the number of each; after the first, wait for the word again if that is asked."""
    access = _ready(url, pipe)
    for what in range(number):
        if waiting and what == 1:
            pipe.recv()
        pipe.send(access.record(OPERATOR, "export", what=str(what)))


def guess(url: str, times: int, pipe: Connection) -> None:
    """Try so often to sign in, from ever other addresses; tell how often the password was looked at."""
    access = _ready(url, pipe)
    failed = 0
    for number in range(times):
        try:
            access.sign_in("zhang", "guess", address=f"203.0.113.{number}", agent=AGENT)
        except SignInFailed:
            failed += 1
        except TooMany:
            pass
    pipe.send(failed)
