"""A service over the marked district in which a header says who asks, one per session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient

from layers.standards import Standards
from layers.store import Store, create_store
from layers.visitors import Visitor
from tests.browser.conftest import open_page as open_page  # a fixture of the tests in a real browser
from tests.security.asking import VISITORS
from tests.security.paper import marked_district
from tests.security.walking import WHO
from tests.visitors import POLICY
from webmap import Settings, create_app

UNHURRIED = Settings(requests_a_minute=10**9, tiles_a_minute=10**9, attempts_a_minute=10**9)


def asked_by(request: Request) -> Visitor:
    return VISITORS[request.headers.get(WHO, "planner")]


@pytest.fixture(scope="session")
def marked_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    district, frames = marked_district()
    url = f"gpkg:{tmp_path_factory.mktemp('marked') / 'marked.gpkg'}"
    with create_store(url, district, layers=frames) as made:
        yield made


@pytest.fixture(scope="session")
def app(marked_store: Store, standards: Standards) -> Flask:
    return create_app(marked_store, standards, POLICY, visitors=asked_by, settings=UNHURRIED)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
