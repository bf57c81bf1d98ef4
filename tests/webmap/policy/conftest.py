"""One service in which a header says who asks, and what it recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Request

from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Store
from layers.visitors import Visitor
from tests.visitors import POLICY, UNLIMITED
from tests.webmap.policy.asking import VISITORS, WHO, Client, Log
from webmap import create_app
from webmap.limits import Counts
from webmap.settings import Settings


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture
def entries(app: Flask, log: Log) -> Iterator[list[dict[str, Any]]]:
    log.entries.clear()
    app.extensions["wangge"].refusals.counts = Counts()  # without what was refused in an earlier test
    yield log.entries
    log.fails = False


@pytest.fixture(scope="module")
def app(small_store: Store, standards: Standards, log: Log) -> Flask:
    def who(request: Request) -> Visitor:
        return VISITORS[request.headers[WHO]]

    settings = Settings(requests_a_minute=UNLIMITED, tiles_a_minute=UNLIMITED)
    return create_app(small_store, standards, POLICY, visitors=who, record=log, settings=settings)


@pytest.fixture(scope="module")
def snapshot(app: Flask) -> Snapshot:
    found: Snapshot = app.extensions["wangge"].snapshots.current()
    return found


@pytest.fixture(scope="module")
def ask(app: Flask) -> Client:
    return Client(app.test_client())
