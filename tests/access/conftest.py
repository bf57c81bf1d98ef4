"""Access stores for tests: of both kinds, empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from layers.access.access import Access
from layers.store import StoreSettings
from layers.stores.access import postgresql
from layers.stores.postgis import roles
from layers.stores.postgis.addresses import address_of
from layers.stores.postgis.connection import owning
from tests.access.support import Hands, access_at
from tests.postgres import APP, Cluster

OpenAccess = Callable[..., Access]


def sqlite_url(folder: Path) -> str:
    """Return the URL of a GeoPackage that is there; what is in it does not matter here."""
    store = folder / "district.gpkg"
    store.touch()
    return f"gpkg:{store}"


@pytest.fixture(scope="session")
def access_database(postgres: Cluster) -> Iterator[str]:
    """Return the name of a database for access stores, one after the other."""
    name = postgres.new_database()
    yield name
    postgres.drop(name)


@pytest.fixture
def database_url(postgres: Cluster, access_database: str) -> str:
    """Return the URL of an empty access store in a database, as the application's role reaches it."""
    postgres.execute("DROP SCHEMA IF EXISTS wangge_access CASCADE", access_database)
    address = address_of(postgres.url(access_database), StoreSettings())
    with owning(address, StoreSettings()) as connection:
        postgresql.bring_up(connection, address)
        for lines in roles.missing(connection, APP):
            for line in lines:
                connection.execute(line.encode())
    return postgres.url(access_database, user=APP)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a store without accounts, of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("database_url")
    return found


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def open_at(clock: Hands) -> Iterator[OpenAccess]:
    """Return what opens an access store and closes it at the end."""
    with ExitStack() as opened:
        yield lambda url, **options: opened.enter_context(access_at(url, clock, **options))


@pytest.fixture
def access(url: str, open_at: OpenAccess) -> Access:
    return open_at(url)
