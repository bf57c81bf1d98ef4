"""The schema ``wangge_access`` of a database: made with the store, apart from it, and by whom."""

from __future__ import annotations

import pytest

from layers.problems import StoreOutdated, StoreUnusable
from layers.store import StoreSettings, copy_store, create_store, migrate_store, open_store
from layers.stores.access.base import PRIVILEGES, SCHEMA, SCHEMA_VERSION
from layers.stores.postgis import store as postgis
from tests.access.conftest import OpenAccess
from tests.access.support import OPERATOR, Hands, person
from tests.access.test_access_file import use_everything
from tests.district import small_district
from tests.postgres import ADMIN, APP, OWNER, Cluster


@pytest.fixture
def store_url(postgis_url: str) -> str:
    """Return the URL of a store that is used by `APP`."""
    place, layers = small_district()
    create_store(postgis_url, place, layers=layers).close()
    postgis.grant_to(postgis_url, APP, settings=StoreSettings())
    return postgis_url


@pytest.mark.usefixtures("store_url")
def test_it_is_made_with_the_store_and_used_by_the_applications_role(
    postgres: Cluster, database: str, open_at: OpenAccess, clock: Hands
) -> None:
    access = open_at(postgres.url(database, user=APP))
    use_everything(access, clock)
    assert access.verify() == []


@pytest.mark.usefixtures("store_url")
def test_every_table_has_its_privileges(postgres: Cluster, database: str) -> None:
    tables = postgres.execute(f"SELECT tablename FROM pg_tables WHERE schemaname = '{SCHEMA}'", database)
    assert {name for (name,) in tables} == set(PRIVILEGES)
    granted = postgres.execute(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
        f"WHERE table_schema = '{SCHEMA}' AND grantee = '{APP}'",
        database,
    )
    assert set(granted) == {(name, one) for name, needed in PRIVILEGES.items() for one in needed}


@pytest.mark.usefixtures("store_url")
def test_no_secret_is_kept_as_it_is(
    postgres: Cluster, database: str, open_at: OpenAccess, clock: Hands
) -> None:
    secrets = use_everything(open_at(postgres.url(database, user=APP)), clock)
    kept = ""
    for table in PRIVILEGES:
        kept += str(postgres.execute(f"SELECT t::text FROM {SCHEMA}.{table} t", database))
    assert "zhang" in kept
    for secret in secrets:
        assert secret not in kept and secret[4:] not in kept


def test_a_store_from_before_gets_it_by_a_migration(
    store_url: str, postgres: Cluster, database: str, open_at: OpenAccess
) -> None:
    postgres.execute(f"DROP SCHEMA {SCHEMA} CASCADE", database)
    app = postgres.url(database, user=APP)
    for read_only in (False, True):
        with pytest.raises(StoreOutdated, match="wangge migrate"):
            open_at(app, read_only=read_only)
    before, after = migrate_store(store_url)
    assert before == after
    person(open_at(app))
    migrate_store(store_url)
    assert len(open_at(app).accounts()) == 1


def test_an_owner_who_may_make_no_schema_is_told_what_to_run(
    store_url: str, postgres: Cluster, database: str, open_at: OpenAccess
) -> None:
    postgres.execute(f"DROP SCHEMA {SCHEMA} CASCADE", database)
    postgres.execute(f'ALTER DATABASE "{database}" OWNER TO {ADMIN}')
    line = f'CREATE SCHEMA "{SCHEMA}" AUTHORIZATION "{OWNER}";'
    with pytest.raises(StoreUnusable) as caught:
        migrate_store(store_url)
    assert caught.value.remedy is not None and line in caught.value.remedy.en
    postgres.execute(line, database)
    migrate_store(store_url)
    assert open_at(store_url).accounts() == []


@pytest.mark.usefixtures("store_url")
def test_a_newer_one_is_refused(
    postgres: Cluster, database: str, store_url: str, open_at: OpenAccess
) -> None:
    postgres.execute(f"UPDATE {SCHEMA}.meta SET schema_version = {SCHEMA_VERSION + 1}", database)
    with pytest.raises(StoreUnusable, match="newer"):
        open_at(store_url)
    with pytest.raises(StoreUnusable, match="newer"):
        migrate_store(store_url)


def test_accounts_stay_where_they_are_when_a_store_is_copied(
    store_url: str, postgres: Cluster, open_at: OpenAccess, clock: Hands
) -> None:
    use_everything(open_at(store_url), clock)
    name = postgres.new_database()
    try:
        with open_store(store_url) as store:
            copy_store(store, postgres.url(name))
        with_accounts = open_at(store_url)
        assert len(with_accounts.accounts()) == 2
        copied = open_at(postgres.url(name))
        assert copied.accounts() == [] and copied.entries() == []
        copied.close()
    finally:
        postgres.drop(name)


@pytest.mark.usefixtures("store_url")
def test_after_the_server_was_away_everybody_is_still_signed_in(
    postgres: Cluster, database: str, open_at: OpenAccess
) -> None:
    access = open_at(postgres.url(database, user=APP))
    _, token = person(access)
    postgres.drop_connections(database)
    access._known._asked_at -= 10
    assert access.visitor_of(token) is not None
    access.record(OPERATOR, "export")
    assert access.verify() == []
