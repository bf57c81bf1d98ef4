"""Where a worker's threads run: tiles on one core, the rest on any."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from webmap.cores import Cores
from webmap.server import Server, listen
from webmap.settings import Settings

TWO = {3, 5}


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """Two cores, and where a thread was sent."""
    sent: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(TWO))
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: sent.append(set(cores)))
    return sent


@pytest.mark.parametrize(
    ("place", "workers", "own"),
    [(0, 2, {3}), (1, 2, {5}), (2, 4, {3}), (2, 3, TWO), (0, 1, TWO), (0, 0, TWO)],
    ids=["first", "second", "two for each core", "one too many", "fewer", "no worker"],
)
def test_as_many_workers_as_cores_keep_to_one_each(
    moves: list[set[int]], place: int, workers: int, own: set[int]
) -> None:
    cores = Cores(place, workers)
    assert (cores.every, cores.own) == (TWO, own)
    with cores.kept_to(), cores.left():
        pass
    assert moves == ([] if own == TWO else [own, TWO, own, TWO])


def test_a_policy_that_somebody_has_chosen_stays() -> None:
    found: list[int] = []

    def run() -> None:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        with Cores(0, len(os.sched_getaffinity(0))).kept_to():
            found.append(os.sched_getscheduler(0))
        found.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [os.SCHED_BATCH] * 2


def test_a_core_that_was_taken_away_keeps_nobody_from_an_answer(
    moves: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cores = Cores(0, 2)

    def gone(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "sched_setaffinity", gone)
    with cores.left():
        pass


def where(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer on which cores the thread that answers may run, and one that it starts."""
    mine: list[set[int]] = []
    helper = threading.Thread(target=lambda: mine.append(os.sched_getaffinity(0)))
    helper.start()
    helper.join()
    start_response("200 OK", [])
    return [f"{sorted(os.sched_getaffinity(0))} {sorted(mine[0])}".encode()]


def told(port: int, path: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := client.recv(65536):
            answer += part
    return answer.partition(b"\r\n\r\n")[2].decode()


def test_tiles_are_answered_on_one_core_and_all_else_on_any() -> None:
    before = sorted(os.sched_getaffinity(0))
    cores = Cores(1, len(before))
    (listener,) = listen("127.0.0.1", 0, 1)
    server = Server(where, listener, threads=2, settings=Settings(), cores=cores)
    server.start()
    try:
        port = listener.getsockname()[1]
        for _ in range(3):  # a thread that has answered a page comes back
            assert told(port, "/api/district") == f"{before} {before}"
            assert told(port, "/tiles/buildings/17/1/1.mvt") == f"{sorted(cores.own)} {sorted(cores.own)}"
        assert sorted(os.sched_getaffinity(0)) == before
    finally:
        assert server.stop()
        listener.close()
