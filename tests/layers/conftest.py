"""The small district in memory, and stores of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Authorship, Store, create_store, open_store
from tests.district import small_district
from tests.layers.typed import lived_in
from tests.postgres import Cluster


@pytest.fixture(scope="session")
def snapshot(standards: Standards) -> Snapshot:
    district, frames = small_district()
    return Snapshot(1, district, standards, frames)


@pytest.fixture
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Return what gives a place for a store of a kind."""
    numbers, databases = count(), []

    def make(kind: str) -> str:
        if kind == "gpkg":
            return f"gpkg:{tmp_path / f'store{next(numbers)}.gpkg'}"
        cluster: Cluster = request.getfixturevalue("postgres")
        databases.append(cluster.new_database())
        return cluster.url(databases[-1])

    yield make
    if databases:
        request.getfixturevalue("postgres").drop(*databases)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return a store of the small district, just made."""
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as made:
        yield made


@pytest.fixture(params=["gpkg", "postgis"])
def store_kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def store_url(store_kind: str, new_url: Callable[[str], str]) -> str:
    """Return a store of the small district with some history."""
    made = new_url(store_kind)
    district, frames = small_district()
    create_store(made, district, layers=frames, by=Authorship(who="founder")).close()
    with open_store(made) as store:
        lived_in(store)
    return made
