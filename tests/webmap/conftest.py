"""A service over the small district, one per session: tests read it and cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from layers.standards import Standards, read_standards
from layers.store import Store, create_store, open_store
from tests.district import small_district
from tests.visitors import app_for

DATA_FOLDER = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="session")
def standards() -> Standards:
    return read_standards(DATA_FOLDER)


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    district, frames = small_district()
    url = f"gpkg:{tmp_path_factory.mktemp('store') / 'small.gpkg'}"
    create_store(url, district, layers=frames).close()
    with open_store(url, read_only=True) as store:
        yield store


@pytest.fixture(scope="session")
def app(small_store: Store, standards: Standards) -> Flask:
    return app_for(small_store, standards)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
