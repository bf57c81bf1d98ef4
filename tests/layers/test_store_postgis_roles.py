"""Who may do what in a PostGIS store, what its administrator is told to run, and what others' SQL becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from layers.problems import StoreExists, StoreMissing, StoreReadOnly, StoreUnusable, WanggeError
from layers.schema import LAYERS
from layers.store import (
    Authorship,
    Store,
    StoreSettings,
    check_free,
    copy_store,
    create_store,
    migrate_store,
    open_store,
)
from layers.stores.postgis import ddl, migrations, prerequisites
from layers.stores.postgis import store as postgis
from tests.district import small_district
from tests.layers.store_contract import PLACE, points, same
from tests.postgres import ADMIN, APP, OWNER, Cluster

PLAIN = StoreSettings()


def lines_of(problem: WanggeError) -> list[str]:
    """Return the SQL that a problem tells an administrator to run, without psql's own commands."""
    assert problem.remedy is not None
    zh, en = (text.partition("\n")[2].splitlines() for text in problem.remedy)
    assert zh == en
    return [line for line in en if not line.startswith("\\")]


def run_all(postgres: Cluster, database: str, lines: list[str]) -> None:
    assert lines
    for line in lines:
        postgres.execute(line, "postgres" if line.startswith("CREATE DATABASE") else database)


# The application's role


@pytest.fixture
def granted(postgis_url: str) -> str:
    """Return the URL of a store of the small district whose daily work APP does."""
    place, layers = small_district()
    create_store(postgis_url, place, layers=layers).close()
    postgis.grant_to(postgis_url, APP, settings=PLAIN)
    return postgis_url


@pytest.fixture
def app(granted: str, postgres: Cluster, database: str) -> Iterator[Store]:
    with open_store(postgres.url(database, user=APP)) as store:
        yield store


def test_daily_work_needs_no_more_than_the_applications_role_may(
    app: Store, postgis_kind: Callable[[], str]
) -> None:
    _, layers = small_district()
    start = app.version()
    for name in LAYERS:
        same(app.read(name), layers[name].sort_index())
    codes = [f"{number:04}" for number in range(500)]
    by = Authorship(who="clerk", note="by hand")
    assert app.insert("complaints", points(["new"]), by=by).version == start + 1
    assert app.insert("complaints", points(codes)).inserted == 500
    assert app.update("complaints", points(codes, category="x"), based_on=start + 2).updated == 500
    assert app.upsert("complaints", points(["new"], category="y")).updated == 1
    assert app.delete("complaints", codes) == 500
    assert [edit.kind for edit in app.history("complaints", "new")] == ["insert", "update"]
    same(app.read("complaints", version=start), layers["complaints"].sort_index())
    assert [change.version for change in app.changes(since=start)] == [start + n for n in range(1, 6)]
    assert app.wait(since=start, timeout_s=5) == app.ready() == start + 5
    assert app.verify() == []
    assert app.district().name
    other = postgis_kind()
    copy_store(app, other)
    with open_store(other) as copied:
        assert copied.version() == app.version()


@pytest.fixture
def postgis_kind(postgres: Cluster) -> Iterator[Callable[[], str]]:
    made: list[str] = []

    def new_url() -> str:
        made.append(postgres.new_database())
        return postgres.url(made[-1])

    yield new_url
    postgres.drop(*made)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE wangge.x ()",
        "ALTER TABLE wangge.complaints ADD COLUMN x text",
        "DROP TABLE wangge.complaints",
        "DROP INDEX wangge.complaints_geom",
        "TRUNCATE wangge.complaints",
        "ALTER TABLE wangge.complaints DISABLE TRIGGER ALL",
        "CREATE SCHEMA x",
        "DROP SCHEMA wangge CASCADE",
        "UPDATE wangge.changes SET who = 'somebody else'",
        "DELETE FROM wangge.changes",
        "UPDATE wangge.history SET before = '{}'",
        "DELETE FROM wangge.history",
        "TRUNCATE wangge.history",
        "INSERT INTO wangge.head VALUES (false, 1)",
        "DELETE FROM wangge.head",
        "UPDATE wangge.district SET name = 'x'",
        "INSERT INTO wangge.meta VALUES ('x', 'x')",
        "UPDATE wangge.meta SET value = '0'",
        "CREATE FUNCTION wangge.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
@pytest.mark.usefixtures("granted")
def test_the_applications_role_may_nothing_else(postgres: Cluster, database: str, statement: str) -> None:
    with postgres.connect(database, user=APP) as connection:
        assert connection.execute("SELECT version > 0 FROM wangge.head").fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_who_has_been_granted_nothing_is_told_what_to_grant(
    postgres: Cluster, database: str, postgis_url: str
) -> None:
    create_store(postgis_url, PLACE, layers={"complaints": points(["a"])}).close()
    postgres.execute(f'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC')
    url = postgres.url(database, user=APP)
    with pytest.raises(StoreUnusable, match="GRANT USAGE ON SCHEMA") as nothing:
        open_store(url)
    to_read = [line for line in lines_of(nothing.value) if "USAGE" in line or "SELECT" in line]
    run_all(postgres, database, to_read)
    with open_store(url) as store:
        assert store.read("complaints").index.tolist() == ["a"]
        with pytest.raises(StoreReadOnly, match="GRANT INSERT") as reading:
            store.upsert("complaints", points(["b"]))
        run_all(postgres, database, lines_of(reading.value))
        many = [f"{number:04}" for number in range(500)]
        store.upsert("complaints", points(many))
        assert store.upsert("complaints", points(many, category="x")).updated == 500


def test_a_bulk_update_without_temporary_tables_says_so(postgres: Cluster, database: str, app: Store) -> None:
    postgres.execute(f'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC, {APP}')
    many = [f"{number:04}" for number in range(500)]
    app.upsert("complaints", points(many))
    with pytest.raises(StoreReadOnly, match="GRANT TEMPORARY ON DATABASE") as caught:
        app.upsert("complaints", points(many, category="x"))
    assert len(lines_of(caught.value)) == 1
    assert app.history("complaints", many[0])[-1].kind == "insert"


def test_a_migration_grants_what_it_adds(
    granted: str, postgres: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ddl, "SCHEMA_VERSION", ddl.SCHEMA_VERSION + 1)
    monkeypatch.setattr(migrations, "script", lambda _: b"CREATE TABLE wangge.notes (code text)")
    monkeypatch.setattr(ddl, "PRIVILEGES", ddl.PRIVILEGES | {"notes": ("SELECT", "INSERT")})
    with pytest.raises(StoreUnusable, match="role that owns the store"):
        migrate_store(postgres.url(database, user=APP))
    migrate_store(granted)
    with postgres.connect(database, user=APP) as connection:
        connection.execute("INSERT INTO wangge.notes VALUES ('a')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM wangge.notes")


def test_a_role_that_is_not_there_is_not_granted_anything(
    granted: str, postgres: Cluster, database: str
) -> None:
    with pytest.raises(StoreUnusable, match='CREATE ROLE "no such" LOGIN') as caught:
        postgis.grant_to(granted, "no such", settings=PLAIN)
    try:
        run_all(postgres, database, lines_of(caught.value))
        postgis.grant_to(granted, "no such", settings=PLAIN)
    finally:
        postgres.execute('DROP OWNED BY "no such"', database)
        postgres.execute('DROP ROLE "no such"')


# What an administrator is told to run


def test_a_database_that_is_not_there_is_asked_for(postgres: Cluster) -> None:
    url = postgres.url("not yet")
    with pytest.raises(StoreMissing, match="CREATE DATABASE"):
        open_store(url)
    with pytest.raises(StoreMissing, match="CREATE DATABASE") as caught:
        create_store(url, PLACE)
    try:
        run_all(postgres, "not yet", lines_of(caught.value))
        create_store(url, PLACE).close()
    finally:
        postgres.drop("not yet")


def test_all_that_is_missing_is_asked_for_at_once(postgres: Cluster) -> None:
    name = postgres.new_database(owner=ADMIN, extension=False)
    url = postgres.url(name)
    try:
        for attempt in (lambda: check_free(url), lambda: create_store(url, PLACE)):
            with pytest.raises(StoreUnusable, match="CREATE EXTENSION postgis") as caught:
                attempt()
        assert [line.partition(" wangge")[0] for line in lines_of(caught.value)] == [
            'CREATE SCHEMA "wangge" AUTHORIZATION "wangge_owner";',
            'CREATE SCHEMA "wangge_access" AUTHORIZATION "wangge_owner";',
            "CREATE EXTENSION postgis;",
        ]
        assert postgres.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'wangge'", name) == []
        run_all(postgres, name, lines_of(caught.value))
        check_free(url)
        create_store(url, PLACE).close()
        with pytest.raises(StoreExists):
            check_free(url)
    finally:
        postgres.drop(name)


def test_the_extension_is_made_where_we_may(postgres: Cluster) -> None:
    name = postgres.new_database(extension=False)
    url = postgres.url(name, user=ADMIN)
    try:
        check_free(url)
        assert postgres.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'", name) == []
        create_store(url, PLACE, layers={"complaints": points(["a"])}).close()
        assert postgres.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'", name) != []
    finally:
        postgres.drop(name)


def test_a_schema_of_another_owner_is_asked_for(postgres: Cluster, database: str, postgis_url: str) -> None:
    postgres.execute("CREATE SCHEMA wangge", database)
    with pytest.raises(StoreUnusable, match="ALTER SCHEMA") as caught:
        create_store(postgis_url, PLACE)
    run_all(postgres, database, lines_of(caught.value))
    create_store(postgis_url, PLACE).close()


def test_a_postgis_that_may_not_be_used_is_asked_for(
    postgres: Cluster, database: str, postgis_url: str
) -> None:
    postgres.execute("CREATE SCHEMA gis", database)
    postgres.execute("DROP EXTENSION postgis; CREATE EXTENSION postgis SCHEMA gis", database)
    with pytest.raises(StoreUnusable, match="GRANT USAGE ON SCHEMA") as caught:
        create_store(postgis_url, PLACE)
    run_all(postgres, database, lines_of(caught.value))
    create_store(postgis_url, PLACE).close()


@pytest.mark.parametrize(
    ("oldest", "value", "words"),
    [
        ("OLDEST_POSTGRESQL", 99, "PostgreSQL 99 or newer"),
        ("OLDEST_POSTGIS", (99, 0), "ALTER EXTENSION postgis UPDATE;  -- to 99.0 or newer"),
    ],
)
def test_old_programs_are_named(
    postgis_url: str, monkeypatch: pytest.MonkeyPatch, oldest: str, value: Any, words: str
) -> None:
    monkeypatch.setattr(prerequisites, oldest, value)
    with pytest.raises(StoreUnusable, match=re.escape(words)):
        create_store(postgis_url, PLACE)
    with pytest.raises(StoreMissing):
        open_store(postgis_url)


def test_a_server_without_postgis_is_told_to_install_it(
    postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prerequisites, "EXTENSION", "no_such_extension")
    name = postgres.new_database(extension=False)
    try:
        with pytest.raises(StoreUnusable, match=r"Install PostGIS 3\.1 or newer"):
            create_store(postgres.url(name, user=ADMIN), PLACE)
    finally:
        postgres.drop(name)


def test_a_database_of_another_encoding_is_refused(postgres: Cluster) -> None:
    provider = "LOCALE_PROVIDER libc" if postgres.version >= 15 else ""
    postgres.execute(
        f"CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' {provider} LOCALE 'C' OWNER {OWNER}"
    )
    try:
        postgres.execute("CREATE EXTENSION postgis", "bytes")
        with pytest.raises(StoreUnusable, match="ENCODING 'UTF8'"):
            create_store(postgres.url("bytes"), PLACE)
    finally:
        postgres.drop("bytes")


def test_who_may_not_connect_is_told_what_to_grant(postgres: Cluster, database: str, granted: str) -> None:
    postgres.execute(f'REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC')
    with pytest.raises(StoreUnusable, match="GRANT CONNECT") as caught:
        open_store(postgres.url(database, user=APP))
    run_all(postgres, database, lines_of(caught.value))
    open_store(postgres.url(database, user=APP)).close()
    with pytest.raises(StoreUnusable, match="user in"):
        open_store(postgres.url(database, user="nobody_at_all"))
