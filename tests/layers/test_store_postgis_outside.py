"""Edits by SQL and QGIS in a PostGIS store: each statement becomes a version, with what it replaced."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import shapely

from layers.problems import StoreBusy
from layers.schema import LAYERS
from layers.store import Store, StoreSettings, create_store, open_store
from layers.stores.rows import value_fields
from tests.district import small_district
from tests.layers.store_contract import frame_of, points, same
from tests.postgres import ADMIN, Cluster


@pytest.fixture
def store(postgis_url: str) -> Iterator[Store]:
    place, layers = small_district()
    with create_store(postgis_url, place, layers=layers) as made:
        yield made


@pytest.fixture
def others(store: Store, postgres: Cluster, database: str) -> Iterator[psycopg.Connection[Any]]:
    """Give another program's connection, which may edit one layer and nothing else."""
    postgres.execute("CREATE ROLE qgis LOGIN")
    try:
        postgres.execute("GRANT USAGE ON SCHEMA wangge TO qgis", database)
        postgres.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON wangge.buildings TO qgis", database)
        with postgres.connect(database, user="qgis") as connection:
            yield connection
    finally:
        postgres.execute("DROP OWNED BY qgis", database)
        postgres.execute("DROP ROLE qgis")


def test_an_edit_by_another_program_is_a_version_with_what_it_replaced(
    store: Store, others: psycopg.Connection[Any]
) -> None:
    start, before = store.version(), store.read("buildings")
    first, second, third = before.index[:3]
    others.execute(
        "UPDATE wangge.buildings SET floors = floors + 1, floor_area_m2 = CASE WHEN code = %s THEN 'Infinity' "
        "ELSE 0.1::float8 + 0.2 END, name = 'a\"b' WHERE code IN (%s, %s)",
        [first, first, second],
    )
    others.execute("UPDATE wangge.buildings SET floors = floors")
    others.execute("DELETE FROM wangge.buildings WHERE code = 'none'")
    others.execute(
        "UPDATE wangge.buildings SET code = 'other', geom = ST_Translate(geom, 0.001, 0) WHERE code = %s",
        [third],
    )
    others.execute("DELETE FROM wangge.buildings WHERE code IN (%s, 'other')", [first])
    others.execute(
        "INSERT INTO wangge.buildings (code, geom) "
        "SELECT 'new' || n, ST_SetSRID(ST_Point(n, 1), 4490) FROM generate_series(2, 1, -1) n"
    )
    changes = store.changes(since=start)
    assert [(change.version, change.layer, change.codes) for change in changes] == [
        (start + 1, "buildings", (first, second)),
        (start + 2, "buildings", tuple(sorted([third, "other"]))),
        (start + 3, "buildings", (first, "other")),
        (start + 4, "buildings", ("new1", "new2")),
    ]
    for change in changes:
        assert (change.by.who, change.by.effective) == ("qgis", None)
        assert "another program" in change.by.note
        assert change.at is not None
        assert abs(datetime.now(UTC) - change.at) < timedelta(minutes=5)
    same(store.read("buildings", version=start), before)
    edit, gone = store.history("buildings", first)[1:]
    assert (edit.kind, edit.fields["floor_area_m2"][1]) == ("update", float("inf"))
    assert (gone.kind, gone.fields["floor_area_m2"][0]) == ("delete", float("inf"))
    assert [edit.kind for edit in store.history("buildings", "other")] == ["insert", "delete"]
    assert store.read("buildings", version=start + 1).floor_area_m2[second] == 0.1 + 0.2
    assert store.verify() == []


def test_what_an_edit_replaced_is_written_as_wangge_would_have(
    store: Store, others: psycopg.Connection[Any], postgres: Cluster, database: str
) -> None:
    code = store.read("buildings").index[0]
    for value in ("2", "0.1", "1e300", "'-Infinity'", "NULL", "0"):
        others.execute(
            f"UPDATE wangge.buildings SET floor_area_m2 = {value}, name = '\"楼\\' WHERE code = %s".encode(),
            [code],
        )
    (written,) = store.read("buildings", codes=[code]).itertuples()
    assert written.name == '"楼\\'
    others.execute("DELETE FROM wangge.buildings WHERE code = %s", [code])
    kept = [
        json.loads(text)
        for (text,) in postgres.execute("SELECT before FROM wangge.history ORDER BY version", database)
    ]
    areas = [before["floor_area_m2"] for before in kept[1:]]
    assert areas == [2.0, 0.1, 1e300, float("-inf"), None, 0.0]
    assert [type(area) for area in areas if area is not None] == [float] * 5
    assert list(kept[-1]) == [field.name for field in value_fields(LAYERS["buildings"])]
    assert (kept[-1]["name"], kept[-1]["floors"]) == ('"楼\\', None)


def test_others_wait_their_turn_before_they_touch_a_row(
    store: Store, others: psycopg.Connection[Any], postgres: Cluster, database: str
) -> None:
    """Who first touched a row and then waited for the turn would block the one who has it."""
    edit = "UPDATE wangge.buildings SET floors = 9"
    with postgres.connect(database) as writer:
        writer.execute("SET wangge.writing = on")
        with writer.transaction():
            writer.execute("SELECT FROM wangge.head FOR UPDATE")
            other = threading.Thread(target=others.execute, args=(edit,))
            other.start()
            waiting = "SELECT 1 FROM pg_stat_activity WHERE usename = 'qgis' AND wait_event_type = 'Lock'"
            while not writer.execute(waiting).rowcount:
                time.sleep(0.01)
            writer.execute("UPDATE wangge.buildings SET floors = 8")
        other.join()
    assert store.read("buildings").floors.unique().tolist() == [9]


def test_an_edit_by_another_program_is_undone_with_its_transaction_and_waits_its_turn(
    store: Store, others: psycopg.Connection[Any]
) -> None:
    start = store.version()
    with pytest.raises(ZeroDivisionError), others.transaction():
        others.execute("DELETE FROM wangge.buildings")
        raise ZeroDivisionError
    assert store.version() == start
    with others.transaction():
        others.execute("UPDATE wangge.buildings SET floors = 1")
        url = store.url
        with (
            open_store(url, settings=StoreSettings(write_wait_s=0.2)) as hasty,
            pytest.raises(StoreBusy, match="being written"),
        ):
            hasty.upsert("complaints", points(["a"]))
    assert store.upsert("complaints", points(["a"])).version == start + 2


def test_nobody_empties_a_layer_without_a_trace(postgres: Cluster, database: str, store: Store) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="use DELETE"):
        postgres.execute("TRUNCATE wangge.buildings", database)
    assert store.counts()["buildings"] == 100


def test_wangges_own_writes_are_recorded_once(store: Store) -> None:
    start = store.version()
    room = frame_of("mediation_rooms", ["a"], [shapely.Point(1, 1)])
    store.insert("mediation_rooms", room)
    store.update("mediation_rooms", frame_of("mediation_rooms", ["a"], [shapely.Point(1, 2)]))
    store.insert("complaints", points([f"{number:04}" for number in range(500)]))
    store.delete("mediation_rooms", ["a"])
    assert [change.version for change in store.changes(since=start)] == list(range(start + 1, start + 5))


def test_an_edit_is_recorded_whoever_owns_the_layer(store: Store, postgres: Cluster, database: str) -> None:
    start = store.version()
    postgres.execute(
        "COPY wangge.buildings (code, geom) FROM PROGRAM 'printf \"a\\tSRID=4490;POINT(1 1)\\n\"'", database
    )
    (change,) = store.changes(since=start)
    assert (change.codes, change.by.who) == (("a",), ADMIN)
    assert store.wait(since=start, timeout_s=5) == start + 1


def test_who_edits_a_layer_cannot_act_as_the_owner(
    store: Store, others: psycopg.Connection[Any], postgres: Cluster, database: str
) -> None:
    """A temporary view named like a catalogue, or a function in a schema open to all, is not what is asked."""
    postgres.execute("GRANT CREATE ON SCHEMA public TO PUBLIC", database)
    others.execute(
        "CREATE FUNCTION pg_temp.acting() RETURNS boolean VOLATILE LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'acting as %', current_user; END $$"
    )
    others.execute(
        "CREATE TEMP VIEW pg_attribute AS SELECT attrelid, attname, attnum, attisdropped, atttypid "
        "FROM pg_catalog.pg_attribute WHERE pg_temp.acting()"
    )
    others.execute(
        "CREATE TEMP VIEW pg_extension AS SELECT extname, extnamespace FROM pg_catalog.pg_extension WHERE pg_temp.acting()"
    )
    for name, of in (("to_json", "text"), ("quote_ident", "name"), ("array_length", "text[], integer")):
        others.execute(
            f"CREATE FUNCTION public.{name}({of}) RETURNS text LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'acting as %', current_user; END $$"
        )
    others.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    start = store.version()
    others.execute("UPDATE wangge.buildings SET floors = 7")
    assert store.version() == start + 1
    assert set(store.read("buildings").floors) == {7}
