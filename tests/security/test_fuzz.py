"""A few hundred requests that a machine makes up, always the same ones; ``make fuzz`` sends ten thousand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.security.asking import VISITORS
from tests.security.fuzz import KINDS, MODES, send, service

ASKING = ("nobody", "worker of G01", "staff of S2", "planner", "auditor", "wall", "key to read")


@pytest.fixture(scope="module")
def schema() -> Iterator[Any]:
    with service() as described:
        yield described


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ASKING)
def test_made_up_requests_are_answered_as_declared(schema: Any, name: str) -> None:
    assert name in VISITORS
    statuses = send(name, schema, each=2, start=7, modes=MODES)
    assert statuses.total() > 40
    assert set(statuses) <= {200, 204, 400, 401, 403, 404, 405}


def test_every_described_path_is_judged(schema: Any) -> None:
    assert {found.ok().path for found in schema.get_all_operations()} == set(KINDS)
