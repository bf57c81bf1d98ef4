"""A PostGIS store whose server is slow, busy, full, restarted, gone or a standby, or whose records were touched."""

from __future__ import annotations

import itertools
import os
import random
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from subprocess import PIPE
from typing import Any

import psycopg
import pytest

from layers.problems import (
    StoreAway,
    StoreBusy,
    StoreFull,
    StoreNewer,
    StoreReadOnly,
    StoreUnusable,
    WanggeError,
)
from layers.store import Store, StoreSettings, create_store, open_store
from layers.stores.postgis import transaction
from tests.district import small_district
from tests.layers.store_contract import PLACE, points
from tests.postgres import ADMIN, OWNER, Cluster, StopMode

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


# Lost connections


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_an_idle_store_does_not_notice_a_restart(server: Cluster, store: Store, mode: StopMode) -> None:
    def use() -> None:
        store.read("complaints")
        store.version()

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    server.restart(mode)
    assert store.upsert("complaints", points(["b"])).version == 2
    assert store.read("complaints").index.tolist() == ["a", "b"]
    server.restart(mode)
    assert store.version() == 2


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


# Slow and busy


def test_a_turn_that_does_not_come_is_said(
    store: Store, postgis_url: str, postgres: Cluster, database: str
) -> None:
    with (
        open_store(postgis_url, settings=HASTY) as hasty,
        postgres.connect(database) as other,
        other.transaction(),
    ):
        other.execute("SELECT FROM wangge.head FOR UPDATE")
        with pytest.raises(StoreBusy, match="being written by another program"):
            hasty.upsert("complaints", points(["b"]))
        with pytest.raises(StoreBusy):
            hasty.delete("complaints", ["a"])
        assert hasty.version() == 1
    assert store.upsert("complaints", points(["b"])).version == 2


def test_a_statement_that_takes_too_long_is_said(postgis_url: str, postgres: Cluster, database: str) -> None:
    create_store(postgis_url, PLACE).close()
    settings = StoreSettings(statement_timeout_s=0.2)
    with open_store(postgis_url, settings=settings) as store, postgres.connect(database) as other:
        with other.transaction():
            other.execute("LOCK TABLE wangge.complaints IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreBusy, match="within the time set"):
                store.read("complaints")
        assert store.read("complaints").empty


def test_connections_that_others_hold_are_waited_for_and_then_said(postgis_url: str) -> None:
    create_store(postgis_url, PLACE).close()
    settings = StoreSettings(pool_size=1, pool_wait_s=0.3)
    with open_store(postgis_url, settings=settings) as store:
        with store.contents(), pytest.raises(StoreBusy, match="None of the 1 connections"):
            store.version()
        assert store.version() == 0


def test_a_server_without_a_connection_left_is_busy(
    postgres: Cluster, database: str, postgis_url: str
) -> None:
    postgres.execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT 0')
    with pytest.raises(StoreBusy, match="no connection left"):
        open_store(postgis_url)


@pytest.mark.parametrize("state", ["53100", "53400"])
@pytest.mark.parametrize("rows", [1, 500])
def test_a_full_disk_keeps_nothing(
    postgres: Cluster, database: str, store: Store, state: str, rows: int
) -> None:
    postgres.execute(
        "CREATE FUNCTION wangge.filled() RETURNS trigger LANGUAGE plpgsql AS "
        f"'BEGIN RAISE EXCEPTION SQLSTATE ''{state}'' USING MESSAGE = ''No space left on device''; END'",
        database,
    )
    postgres.execute(
        "CREATE TRIGGER filled AFTER INSERT ON wangge.complaints FOR EACH ROW EXECUTE FUNCTION wangge.filled()",
        database,
    )
    with pytest.raises(StoreFull, match="nothing of this write"):
        store.upsert("complaints", points([f"{number:03}" for number in range(rows)]))
    postgres.execute("DROP TRIGGER filled ON wangge.complaints", database)
    assert (store.version(), store.counts()["complaints"]) == (1, 1)
    assert store.upsert("complaints", points(["b"])).version == 2


# Read only


def test_a_standby_is_read_and_not_written(server: Cluster, store: Store, postgis_url: str) -> None:
    with server.standby():
        assert store.read("complaints").index.tolist() == ["a"]
        assert store.wait(since=1, timeout_s=0.6) == 1
        assert store.wait(since=0, timeout_s=0.6) == 1
        with pytest.raises(StoreReadOnly, match="primary server"):
            store.upsert("complaints", points(["b"]))
        with pytest.raises(StoreReadOnly):
            store.delete("complaints", ["a"])
        with pytest.raises(StoreReadOnly):
            create_store(server.url("postgres", user=ADMIN), PLACE)
    assert store.upsert("complaints", points(["b"])).version == 2


def test_a_store_opened_for_reading_cannot_be_written_by_any_way(postgis_url: str, store: Store) -> None:
    with open_store(postgis_url, read_only=True) as reader:
        with pytest.raises(StoreReadOnly):
            reader.upsert("complaints", points(["b"]))
        database = reader._database  # type: ignore[attr-defined]
        with pytest.raises(StoreReadOnly), database.connection() as connection:
            connection.execute("DELETE FROM wangge.complaints")
        assert reader.wait(since=0, timeout_s=5) == 1
    assert store.counts()["complaints"] == 1


# Forks


def test_a_forked_child_has_connections_of_its_own(store: Store, postgres: Cluster, database: str) -> None:
    store.version()
    store.wait(since=0, timeout_s=1)
    ours = f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}' ORDER BY pid"
    before = postgres.execute(ours)
    child = os.fork()
    if child == 0:
        failed = 1
        with suppress(BaseException):
            store.upsert("complaints", points(["child"]))
            seen = store.wait(since=1, timeout_s=5)
            rows = len(store.read("complaints"))
            store.close()
            failed = int((seen, rows) != (2, 2))
        os._exit(failed)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    log = postgres.log()
    assert store.read("complaints").index.tolist() == ["a", "child"]
    assert store.wait(since=1, timeout_s=5) == 2
    assert "unexpected" not in postgres.log()[len(log) :]
    assert len(before) == 2
    assert postgres.execute(ours) == before


def test_a_writer_that_stops_in_the_middle_gives_up_its_turn(
    store: Store, postgis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = transaction._TURN
    monkeypatch.setattr(transaction, "_TURN", turn.replace(transaction._LONGEST_PAUSE.encode(), b"300ms"))

    def stop(*_: object) -> None:
        with open_store(postgis_url) as other:
            other.upsert("complaints", points(["other"]))

    with pytest.raises(StoreAway):
        store.upsert("complaints", points([f"{number:04}" for number in range(300)]), progress=stop)
    assert store.read("complaints").index.tolist() == ["a", "other"]


def test_who_waits_for_the_turn_sees_a_migration_that_came_first(
    postgis_url: str, postgres: Cluster, database: str
) -> None:
    create_store(postgis_url, PLACE).close()
    refused: list[WanggeError] = []
    with open_store(postgis_url) as store:

        def write() -> None:
            try:
                store.insert("complaints", points(["a"]))
            except WanggeError as error:
                refused.append(error)

        with postgres.connect(database, user=OWNER) as owner, owner.transaction():
            owner.execute("SELECT FROM wangge.head FOR UPDATE")
            writer = threading.Thread(target=write)
            writer.start()
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while postgres.execute(waiting) == [(0,)]:
                time.sleep(0.01)
            owner.execute("UPDATE wangge.meta SET value = '99' WHERE key = 'schema_version'")
        writer.join()
    assert [type(error) for error in refused] == [StoreNewer]


def test_what_handles_everything_has_no_limit_on_a_statement(postgis_url: str) -> None:
    place, layers = small_district()
    create_store(postgis_url, place, layers=layers).close()
    hasty = StoreSettings(statement_timeout_s=0.005)
    with open_store(postgis_url, settings=hasty) as store:
        slow = "SELECT pg_sleep(0.05)"
        with store.contents(), store._transaction(unhurried=True) as transaction:  # type: ignore[attr-defined]
            transaction.connection.execute(slow)
        with pytest.raises(StoreBusy), store._transaction() as transaction:  # type: ignore[attr-defined]
            transaction.connection.execute(slow)


def test_a_code_that_no_index_takes_is_said(postgis_url: str) -> None:
    code = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=20_000))
    with create_store(postgis_url, PLACE) as store:
        with pytest.raises(StoreUnusable, match="Shorten"):
            store.insert("complaints", points([code]))
        assert store.version() == 0
