"""Every kind of store against the one contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg import sql

from layers.stores.postgis.ddl import SCHEMA
from tests.layers.store_contract import Kind, StoreContract
from tests.layers.store_contract_copies import CopiesContract
from tests.layers.store_contract_epochs import EpochsContract
from tests.layers.store_contract_erase import EraseContract
from tests.layers.store_contract_history import HistoryContract
from tests.layers.store_contract_keys import KeysContract
from tests.layers.store_contract_sharing import SharingContract
from tests.layers.store_contract_values import ValuesContract
from tests.layers.store_contract_writes import WritesContract
from tests.layers.store_steps import STEPS, Step, take
from tests.postgres import PostGISKind

pytestmark = pytest.mark.long

KINDS = ("gpkg", "postgis")

# Each example has a place of its own, but all of them one kind.
ON_ONE_KIND = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class GeoPackages:
    """GeoPackage files in one folder."""

    folder: Path

    def __post_init__(self) -> None:
        self._numbers = count()

    def new_url(self) -> str:
        return f"gpkg:{self.folder / f'store {next(self._numbers)}.gpkg'}"


@pytest.fixture
def kind_named(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Kind]]:
    """Return what makes a kind of store by its name."""
    files = GeoPackages(tmp_path)
    with ExitStack() as places:

        def make(name: str) -> Kind:
            if name == "gpkg":
                return files
            return places.enter_context(PostGISKind(request.getfixturevalue("postgres")))

        yield make


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, kind_named: Callable[[str], Kind]) -> Kind:
    return kind_named(request.param)


@pytest.fixture(params=KINDS)
def other_kind(request: pytest.FixtureRequest, kind_named: Callable[[str], Kind]) -> Kind:
    """Return the kind of store that a copy goes to or comes from."""
    return kind_named(request.param)


class TestContract(StoreContract):
    """Making, opening, reading."""


class TestValues(ValuesContract):
    """What is kept, and what is refused."""


class TestWrites(WritesContract):
    """What writes do, and what others did meanwhile."""


class TestHistory(HistoryContract):
    """What was done, what was on record, what held."""


class TestKeys(KeysContract):
    """Single features amended, exactly once."""


class TestEpochs(EpochsContract):
    """Versions of one history, and no other's."""


class TestErase(EraseContract):
    """What is taken away for good."""


class TestSharing(SharingContract):
    """Threads and processes at one store."""


class TestCopies(CopiesContract):
    """Copies from any kind to any kind, and backups."""


@pytest.fixture(params=KINDS)
def cleared_url(request: pytest.FixtureRequest, kind_named: Callable[[str], Kind]) -> Callable[[], str]:
    """Return what gives the URL of a place without a store, at less cost than a new database each time."""
    kind = kind_named(request.param)
    if not isinstance(kind, PostGISKind):
        return kind.new_url
    url = kind.new_url()

    def clear() -> str:
        with psycopg.connect(url) as connection:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(SCHEMA)))
        return url

    return clear


@ON_ONE_KIND
@given(steps=STEPS)
def test_does_as_plain_dictionaries_do(cleared_url: Callable[[], str], steps: list[Step]) -> None:
    take(steps, cleared_url())
