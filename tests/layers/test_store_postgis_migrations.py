"""A PostGIS store is made and migrated whole or not at all, whoever else tries."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest
import shapely

from layers.problems import StoreAway, StoreMissing, StoreOutdated, StoreUnusable, WanggeError
from layers.store import create_store, migrate_store, open_store
from layers.stores.postgis import ddl, migrations
from layers.stores.postgis.store import PostGISStore
from tests.layers.store_contract import PLACE, SOUTH, WEST, frame_of, points
from tests.postgres import Cluster


@pytest.fixture
def store(postgis_url: str) -> Iterator[PostGISStore]:
    with create_store(postgis_url, PLACE) as made:
        assert isinstance(made, PostGISStore)
        yield made


_NEXT = b"""
ALTER TABLE wangge.communities ADD COLUMN lifts bigint;
CREATE TABLE wangge.notes (code text PRIMARY KEY);
"""


@pytest.fixture
def one_more_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this program know one schema more than it does."""
    monkeypatch.setattr(ddl, "SCHEMA_VERSION", ddl.SCHEMA_VERSION + 1)
    script = migrations.script
    monkeypatch.setattr(
        migrations, "script", lambda number: _NEXT if number == ddl.SCHEMA_VERSION else script(number)
    )


def test_an_older_store_is_migrated_by_its_owner(
    store: PostGISStore, postgis_url: str, request: pytest.FixtureRequest
) -> None:
    old = ddl.SCHEMA_VERSION
    assert migrate_store(postgis_url) == (old, old)
    store.upsert("communities", frame_of("communities", ["a"], [shapely.Point(WEST, SOUTH)]))
    request.getfixturevalue("one_more_schema")
    with pytest.raises(StoreOutdated, match="wangge migrate"):
        open_store(postgis_url)
    with pytest.raises(StoreOutdated):
        store.upsert("communities", frame_of("communities", ["b"], [shapely.Point(WEST, SOUTH)]))
    assert migrate_store(postgis_url) == (old, old + 1)
    assert migrate_store(postgis_url) == (old + 1, old + 1)
    with open_store(postgis_url) as migrated:
        assert migrated.read("communities").index.tolist() == ["a"]


def test_a_program_that_was_open_does_not_write_to_a_newer_store(
    store: PostGISStore, postgres: Cluster, database: str, postgis_url: str
) -> None:
    number = ddl.SCHEMA_VERSION + 1
    postgres.execute(f"UPDATE wangge.meta SET value = '{number}' WHERE key = 'schema_version'", database)
    for use in (
        lambda: store.upsert("complaints", points(["a"])),
        store.ready,
        lambda: open_store(postgis_url),
        lambda: migrate_store(postgis_url),
    ):
        with pytest.raises(StoreUnusable, match="Update Wangge"):
            use()
    assert store.counts()["complaints"] == 0


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    store: PostGISStore, postgres: Cluster, database: str, postgis_url: str, request: pytest.FixtureRequest
) -> None:
    postgres.execute("CREATE TABLE wangge.notes ()", database)
    old = ddl.SCHEMA_VERSION
    request.getfixturevalue("one_more_schema")
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate_store(postgis_url)
    columns = postgres.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_name = 'communities' AND column_name = 'lifts'",
        database,
    )
    assert columns == []
    postgres.execute("DROP TABLE wangge.notes", database)
    assert migrate_store(postgis_url) == (old, old + 1)


@pytest.mark.usefixtures("store")
def test_of_two_who_migrate_at_once_one_waits_for_the_other(
    postgis_url: str, request: pytest.FixtureRequest
) -> None:
    old = ddl.SCHEMA_VERSION
    request.getfixturevalue("one_more_schema")
    found: list[tuple[int, int]] = []
    threads = [threading.Thread(target=lambda: found.append(migrate_store(postgis_url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(old, old + 1), *[(old + 1, old + 1)] * 3]


def test_a_schema_of_somebody_elses_is_left_alone(postgres: Cluster, database: str, postgis_url: str) -> None:
    postgres.execute("CREATE SCHEMA wangge; CREATE TABLE wangge.meta (key text, value text)", database)
    postgres.execute(
        "GRANT USAGE ON SCHEMA wangge TO PUBLIC; GRANT SELECT ON wangge.meta TO PUBLIC", database
    )
    with pytest.raises(StoreUnusable, match="schema_version"):
        open_store(postgis_url)
    with pytest.raises(StoreUnusable):
        create_store(postgis_url, PLACE)
    assert postgres.execute("SELECT count(*) FROM wangge.meta", database) == [(0,)]


@pytest.mark.parametrize("rows", [1, 5000])
def test_of_a_creation_that_is_killed_nothing_is_there(
    postgres: Cluster, database: str, postgis_url: str, rows: int
) -> None:
    frames = {"complaints": points([f"{number:04}" for number in range(rows)])}
    with pytest.raises(StoreAway):
        create_store(
            postgis_url, PLACE, layers=frames, progress=lambda *_: postgres.drop_connections(database)
        )
    with pytest.raises(StoreMissing):
        open_store(postgis_url)
    assert postgres.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'wangge'", database) == []
    with create_store(postgis_url, PLACE, layers=frames) as store:
        assert store.counts()["complaints"] == rows


def test_of_two_who_create_at_once_one_is_refused(postgis_url: str) -> None:
    outcomes: list[str] = []

    def create(name: str) -> None:
        try:
            create_store(postgis_url, PLACE, layers={"complaints": points([name])}).close()
        except WanggeError as problem:
            outcomes.append(type(problem).__name__)
        else:
            outcomes.append(name)

    threads = [threading.Thread(target=create, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[:2] == ["StoreExists", "StoreExists"]
    with open_store(postgis_url) as store:
        assert store.read("complaints").index.tolist() == sorted(outcomes)[2:]
