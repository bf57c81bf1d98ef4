"""A PostGIS store whose server is slow, busy, full or a standby, and whose connections others hold."""

from __future__ import annotations

import os
import random
import string
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

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
from tests.postgres import ADMIN, OWNER, Cluster

HASTY = StoreSettings(connect_timeout_s=2, pool_wait_s=1, write_wait_s=0.2, statement_timeout_s=5)


@pytest.fixture
def store(postgis_url: str) -> Iterator[Store]:
    with create_store(postgis_url, PLACE, layers={"complaints": points(["a"])}) as made:
        yield made


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
            with open_store(postgis_url, settings=HASTY) as hasty, pytest.raises(StoreBusy):
                hasty.verify()
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


def test_a_standby_is_read_and_not_written(postgres: Cluster, store: Store, postgis_url: str) -> None:
    with postgres.standby():
        assert store.read("complaints").index.tolist() == ["a"]
        assert store.wait(since=1, timeout_s=0.6) == 1
        assert store.wait(since=0, timeout_s=0.6) == 1
        with pytest.raises(StoreReadOnly, match="primary server"):
            store.upsert("complaints", points(["b"]))
        with pytest.raises(StoreReadOnly):
            store.delete("complaints", ["a"])
        with pytest.raises(StoreReadOnly):
            create_store(postgres.url("postgres", user=ADMIN), PLACE)
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
    turn = transaction.TURN
    monkeypatch.setattr(transaction, "TURN", turn.replace(transaction._LONGEST_PAUSE.encode(), b"300ms"))

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
