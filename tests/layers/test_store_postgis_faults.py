"""A PostGIS store whose connections break, and whose server is restarted or gone."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from subprocess import PIPE
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pytest

from layers.problems import StoreAway, StoreBusy
from layers.store import Store, StoreSettings, create_store, open_store
from layers.stores.postgis import store as postgis
from tests.layers.store_contract import PLACE, points
from tests.postgres import Cluster, StopMode

HASTY = StoreSettings(connect_timeout_s=2, pool_wait_s=1, write_wait_s=0.2, statement_timeout_s=5)
PATIENT = StoreSettings(pool_wait_s=30, write_wait_s=30)


@pytest.fixture
def store(postgis_url: str) -> Iterator[Store]:
    with create_store(postgis_url, PLACE, layers={"complaints": points(["a"])}) as made:
        yield made


@pytest.fixture
def server(postgres: Cluster) -> Iterator[Cluster]:
    """Return the server, which runs again afterwards."""
    yield postgres
    with suppress(psycopg.OperationalError), postgres.connect():
        return
    postgres.start()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_an_idle_store_does_not_notice_a_restart(server: Cluster, postgis_url: str, mode: StopMode) -> None:
    """However many connections it holds: one that is found lost after another would take the time of waiting."""
    with create_store(postgis_url, PLACE, settings=StoreSettings(pool_wait_s=5)) as store:
        together = threading.Barrier(8)

        def use() -> None:
            with store.contents():
                together.wait(60)

        users = [threading.Thread(target=use) for _ in range(8)]
        for user in users:
            user.start()
        for user in users:
            user.join()
        server.restart(mode)
        assert store.upsert("complaints", points(["b"])).version == 1
        server.restart(mode)
        assert store.read("complaints").index.tolist() == ["b"]


READS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: len(store.read("complaints")),
    "read a box": lambda store: len(store.read("complaints", bbox=(0, 0, 180, 90))),
    "read a version": lambda store: len(store.read("complaints", version=1)),
    "version": lambda store: store.version(),
    "counts": lambda store: store.counts()["complaints"],
    "changes": lambda store: len(store.changes(since=0)),
    "history": lambda store: len(store.history("complaints", "a")),
    "history since": lambda store: store.history_since() + 1,
    "verify": lambda store: len(store.verify()) + 1,
    "district": lambda store: len([store.district()]),
}


@pytest.mark.parametrize("what", READS)
def test_what_is_read_is_asked_again_where_the_connection_is_lost(
    postgres: Cluster, database: str, store: Store, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost between being found well and its first statement."""
    from layers.stores.postgis import connection

    check, drops = connection.look_after, iter([True])

    def check_then_lose(held: Any) -> None:
        check(held)
        if next(drops, False):
            postgres.drop_connections(database)

    monkeypatch.setattr(connection, "look_after", check_then_lose)
    with open_store(store.url) as other:
        assert READS[what](other) == 1
    assert next(drops, "none left") == "none left"


def test_a_connection_for_arrow_that_is_not_made_is_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals, connect = iter(["host=/nowhere"]), adbc.connect
    monkeypatch.setattr(adbc, "connect", lambda url, **given: connect(next(refusals, url), **given))
    monkeypatch.setattr(postgis, "_BULK_BYTES", 0)
    assert store.read("complaints").index.tolist() == ["a"]
    assert next(refusals, "none left") == "none left"
    monkeypatch.setattr(adbc, "connect", lambda _, **given: connect("host=/nowhere", **given))
    with open_store(store.url) as other, pytest.raises(StoreAway, match="does not answer"):
        other.read("complaints")


def test_a_write_that_loses_its_connection_is_not_kept(
    postgres: Cluster, database: str, store: Store
) -> None:
    def lose(*_: object) -> None:
        postgres.drop_connections(database)

    for rows in (1, 3000):
        codes = [f"{number:04}" for number in range(rows)]
        with pytest.raises(StoreAway, match=r"does not answer|not known"):
            store.upsert("complaints", points(codes), progress=lose)
        assert (store.version(), store.counts()["complaints"]) == (1, 1)
    assert store.upsert("complaints", points(["b"])).version == 2


def test_a_commit_whose_answer_is_lost_is_said_to_be_of_unknown_outcome(
    postgres: Cluster, database: str, store: Store
) -> None:
    """A trigger that goes off at the commit ends the connection in the middle of it."""
    postgres.execute(
        "CREATE FUNCTION wangge.die() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(10); RETURN NULL; END'",
        database,
    )
    postgres.execute(
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON wangge.changes DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION wangge.die()",
        database,
    )
    postgres.execute("ALTER FUNCTION wangge.die() SECURITY DEFINER", database)
    with pytest.raises(StoreAway, match="not known whether this write was kept") as caught:
        store.upsert("complaints", points(["b"]))
    assert "不能确定" in caught.value.sentence("zh")
    assert (store.version(), store.counts()["complaints"]) == (1, 1)


class Users:
    """Threads that write and read as fast as they can, and what came of it."""

    def __init__(self, store: Store, *, writers: int, readers: int) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self.others: list[BaseException] = []
        self._store = store
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(f"{n}-",)) for n in range(writers)]
        self._threads += [threading.Thread(target=self._read) for _ in range(readers)]

    def __enter__(self) -> Users:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_writes(self, number: int) -> None:
        goal, late = len(self.acknowledged) + number, time.monotonic() + 60
        while len(self.acknowledged) < goal and time.monotonic() < late:
            time.sleep(0.01)
        assert len(self.acknowledged) >= goal

    def _write(self, name: str) -> None:
        for number in itertools.count():
            if self._over.is_set():
                return
            code = f"{name}{number:05}"
            if self._tried(partial(self._store.upsert, "complaints", points([code]))):
                self.acknowledged.append(code)
            else:
                self.refused.append(code)

    def _read(self) -> None:
        while not self._over.is_set():
            self._tried(lambda: self._store.read("complaints", codes=["0-00001"]))
            self._tried(lambda: self._store.changes(since=self._store.version() - 1))

    def _tried(self, use: Callable[[], object]) -> bool:
        try:
            use()
        except (StoreAway, StoreBusy):
            return False
        except BaseException as error:
            self.others.append(error)
            return False
        return True


def test_under_load_a_restart_is_waited_for_or_said_and_nothing_acknowledged_is_lost(
    server: Cluster, postgis_url: str
) -> None:
    modes: list[StopMode] = ["fast", "immediate", "fast", "immediate"]
    with create_store(postgis_url, PLACE, settings=PATIENT) as store:
        with Users(store, writers=3, readers=2) as users:
            for mode in modes:
                users.wait_for_writes(20)
                server.restart(mode)
            users.wait_for_writes(20)
        assert users.others == []
        there = set(store.read("complaints").index)
        assert set(users.acknowledged) <= there <= set(users.acknowledged) | set(users.refused)
        assert store.verify() == []


def test_a_server_that_is_gone_is_said_to_be_and_found_again(server: Cluster, postgis_url: str) -> None:
    with create_store(postgis_url, PLACE, settings=HASTY) as store:
        store.version()
        server.stop()
        for use in (store.version, lambda: open_store(postgis_url), lambda: create_store(postgis_url, PLACE)):
            with pytest.raises(StoreAway, match="does not answer") as caught:
                use()
            assert postgis_url in str(caught.value)
        with pytest.raises(StoreAway):
            store.wait(since=0, timeout_s=0.5)
        server.start()
        assert store.upsert("complaints", points(["a"])).version == 1
        assert store.wait(since=0, timeout_s=5) == 1


def test_what_is_raised_is_not_printed_as_well(server: Cluster, store: Store) -> None:
    script = f"""
from layers.problems import StoreAway
from layers.store import StoreSettings, open_store
store = open_store({store.url!r}, settings=StoreSettings(pool_wait_s=1))
store.version()
print("open", flush=True)
input()
try:
    store.version()
except StoreAway:
    print("away", flush=True)
store.close()
"""
    command = [sys.executable, "-W", "error", "-c", script]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "open\n"
        server.stop("immediate")
        said, errors = program.communicate("\n")
    server.start()
    assert (said, errors) == ("away\n", "")


def test_who_waits_outlasts_a_restart(server: Cluster, postgis_url: str, store: Store) -> None:
    seen: list[int] = []
    waiter = threading.Thread(target=lambda: seen.append(store.wait(since=1, timeout_s=60)))
    waiter.start()
    time.sleep(0.3)
    server.stop("immediate")
    time.sleep(0.5)
    server.start()
    with open_store(postgis_url) as other:
        other.upsert("complaints", points(["b"]))
    waiter.join(30)
    assert seen == [2]


def test_a_write_that_is_not_announced_is_seen_all_the_same(
    postgres: Cluster, database: str, store: Store
) -> None:
    seen: list[int] = []
    waiter = threading.Thread(target=lambda: seen.append(store.wait(since=1, timeout_s=60)))
    waiter.start()
    time.sleep(0.2)
    postgres.execute("UPDATE wangge.head SET version = 5", database)
    waiter.join(30)
    assert seen == [5]


def test_who_waits_is_told_when_the_store_is_closed(store: Store) -> None:
    told: list[Exception] = []

    def wait() -> None:
        try:
            store.wait(since=1, timeout_s=60)
        except ValueError as error:
            told.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.2)
    store.close()
    waiter.join(30)
    assert "closed" in str(told[0])
