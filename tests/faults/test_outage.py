"""The database server is restarted and stopped while the service is used and written to: nobody meets an error inside."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Self

import pytest

from layers.store import Store, open_store, utc_now
from tests.access.support import OPERATOR, access_at, person
from tests.district import small_district
from tests.faults import report
from tests.faults.conftest import Progress
from tests.faults.fleet import Command, Fleet, begin
from tests.faults.kinds import PostGIS, made, sound
from tests.faults.proof import prove
from tests.faults.work import BULK, SINGLES, Book, Task, first_frames

PLACES = (
    "/",
    "/api/view?question=gap&unit=square:100",
    "/api/summary",
    "/tiles/communities/14/13383/7146.mvt",
    "/tiles/complaints/12/3345/1786.mvt",
    f"/api/layers/{BULK}/features?bbox=114.0,22.4,114.1,22.6&limit=50",
    f"/api/layers/{SINGLES}/features?bbox=113,22,115,23",
    "/readyz",
    "/healthz",
)
GOOD = {200, 204, 304}
CLIENTS = 4
RESTARTS = 4 if report.FULL else 2

_PATIENCE_S = 60.0
LAST = Task("w9.1/1", "insert", ("written-after-it-all",), None, 7)


@dataclass
class Clients:
    """People who ask one thing after another, and what they were answered."""

    port: int
    key: str
    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, args=(k,)) for k in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self, first: int) -> None:
        at = first
        while not self._stop.is_set():
            place = PLACES[at % len(PLACES)]
            start = time.monotonic()
            try:
                status, headers, body = ask(self.port, place, self.key)
            except OSError as error:
                self.wrong.append(f"{place}: {error!r}")
                return
            self.seconds.append(time.monotonic() - start)
            self.statuses[place.partition("?")[0]][str(status)] += 1
            waits = status == 503 and headers.get("Retry-After", "").isdecimal()
            if not (status in GOOD or waits):
                self.wrong.append(f"{place}: {status} {headers} {body[:300]!r}")
            at += 1
            self._stop.wait(0.1)  # more often, they would be told that it is too often

    @property
    def total(self) -> Counter[str]:
        """How often there was each status."""
        return sum(self.statuses.values(), Counter())


def ask(port: int, place: str, key: str = "") -> tuple[int, Message, bytes]:
    """Return status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", place, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def json_at(port: int, place: str, key: str = "") -> Any:
    status, _, body = ask(port, place, key)
    assert status == 200, body
    return json.loads(body)


def key_of_a_planner(url: str) -> str:
    """Return a key that reads everything unguarded."""
    with access_at(url, utc_now) as access:
        planner, _ = person(access)
        return access.add_key("clients", planner.name, {"describe", "view", "read"}, by=OPERATOR)[1]


@contextmanager
def served(folder: Path, url: str) -> Iterator[tuple[int, Command]]:
    """Serve a store in a process of its own, and give its port."""
    command = begin(folder, "serve", "--store", url, "--port", 0)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not (found := re.search(r"http://localhost:(\d+)", command.output.read_text("utf-8"))):
            assert command.process.is_alive(), command.output.read_text("utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield int(found[1]), command
        assert command.process.pid is not None
        os.kill(command.process.pid, signal.SIGTERM)
        done = command.outcome()
        assert done.code == 0, done.said
        assert "Traceback" not in done.said, done.said
    finally:
        command.process.kill()
        command.process.join()


def wait_for(port: int, place: str, status: int) -> Message:
    """Ask until there is an answer with that status, and return its headers."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        found, headers, body = ask(port, place)
        if found == status:
            return headers
        assert time.monotonic() < deadline, f"{place} still says {found}: {body[:500]!r}"
        time.sleep(0.1)


def agree(port: int, key: str, counts: dict[str, int]) -> None:
    """Ask until the service tells these counts: each worker follows the store by itself, and another may answer."""
    deadline = time.monotonic() + _PATIENCE_S
    while (told := {one["name"]: one["count"] for one in json_at(port, "/api/layers", key)}) != counts:
        assert time.monotonic() < deadline, (told, counts)
        time.sleep(0.1)


def write_by_the_book(store: Store, task: Task, path: Path) -> None:
    book = Book(path)
    book.note(intent={name: value for name, value in task.__dict__.items() if value is not None})
    book.note(done=task.id, ms=0.0, **task.run(store))
    book.close()


@pytest.fixture(scope="module")
def layers() -> dict[str, Any]:
    """Return the layers of the small district, with two in which writers write."""
    return small_district()[1] | first_frames()


def test_the_server_goes_and_comes_back_under_load(
    own_databases: PostGIS, layers: dict[str, Any], tmp_path: Path, progress: Progress
) -> None:
    cluster, url = own_databases.cluster, made(own_databases, layers)
    key = key_of_a_planner(url)
    with (
        served(tmp_path, url) as (port, _),
        Fleet(url, tmp_path, writers=4, readers=1) as fleet,
        Clients(port, key) as clients,
    ):
        for k in range(RESTARTS):
            fleet.kill("server restarted", lambda: cluster.restart("fast"))
            wait_for(port, "/readyz", 200)
            progress(f"PostGIS: {k + 1} of {RESTARTS} restarts; answers: {dict(clients.total)}")
        fleet.wait_for_progress()
        cluster.stop("fast")
        left = time.monotonic() + report.OUTAGE_S
        refused = wait_for(port, "/readyz", 503)
        assert int(refused["Retry-After"]) > 0
        while time.monotonic() < left:
            assert json_at(port, "/healthz") == {"status": "ok"}
            time.sleep(0.2)
        fleet.check_alive()
        progress(f"PostGIS: away for {report.OUTAGE_S:g} s; answers: {dict(clients.total)}")
        cluster.start()
        fleet.kills["server stopped"] += 1
        fleet.wait_for_progress(writes=fleet.writers + 1)
        fleet.recoveries += 1
        fleet.finish()
        with open_store(url) as store:
            write_by_the_book(store, LAST, tmp_path / "w9.book")
            counts = store.counts()
        wait_for(port, f"/api/layers/{SINGLES}/features/{LAST.codes[0]}", 200)
        wait_for(port, "/readyz", 200)
        agree(port, key, counts)
    with sound(own_databases, url, thoroughly=True) as store:
        verdict = prove(store, *fleet.books, first=layers)
    assert clients.wrong == []
    assert set(clients.statuses["/healthz"]) == {"200"}
    report.LINES.append(
        f"PostGIS, served meanwhile: {dict(sorted(clients.total.items()))}, each 503 with Retry-After, "
        f"the slowest answer after {max(clients.seconds):.1f} s"
    )
    campaign = report.Campaign(
        "PostGIS", "server restarted and stopped", verdict, fleet.kills, fleet.recoveries
    )
    report.settle(campaign, *report.AWAY)
