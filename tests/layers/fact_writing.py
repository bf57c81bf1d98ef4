"""Facts as people write them, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
import shapely

from layers.fact_request import read_request
from layers.facts import FactsWritten, write_facts
from layers.loading import load
from layers.problems import ValidationError
from layers.standards import Standards
from layers.store import Store
from layers.visitors import WHOLE_DISTRICT, Area, Visitor
from tests.visitors import PLANNER, POLICY

TODAY = date(2025, 6, 30)
GRID_WORKER = Visitor(
    "grid_worker", Area("management_cells", frozenset({"G01"})), "1" * 12, "wang", "session"
)
STAFF = Visitor("community_staff", Area("communities", frozenset({"C01"})), "2" * 12, "zhao", "session")
LEADER = Visitor("leader", WHOLE_DISTRICT, "3" * 12, "qian", "session")


def asking(
    values: dict[str, Any], *, layer: str = "communities", code: str = "C01", **more: Any
) -> dict[str, Any]:
    """Return a request as it is sent."""
    given = {"key": str(uuid4()), "based_on": 9, "as_of": "2025-06-01", "source": "现场查看"}
    return given | {"layer": layer, "code": code, "values": values} | more


def write(
    store: Store, standards: Standards, body: Any, visitor: Visitor = PLANNER, today: date = TODAY
) -> FactsWritten:
    if isinstance(body, dict):
        body = {"epoch": store.epoch().id} | body
    request, problems = read_request(body, today=today)
    return write_facts(
        request,
        problems,
        store=store,
        snapshot=load(store, standards),
        policy=POLICY,
        visitor=visitor,
        standards=standards,
        today=today,
    )


def refused(store: Store, standards: Standards, body: Any, visitor: Visitor = PLANNER) -> dict[str, str]:
    """Return what is said of each field of a request that is refused; nothing may have been written."""
    before = store.version()
    with pytest.raises(ValidationError) as caught:
        write(store, standards, body, visitor)
    assert store.version() == before
    for problem in caught.value.problems:
        assert problem.field and problem.remedy.zh.endswith("。") and problem.message.zh.endswith("。")
    return {problem.field or "": problem.message.en for problem in caught.value.problems}


def value(store: Store, name: str, code: str = "C01", layer: str = "communities") -> Any:
    found = store.read(layer, codes=[code]).iloc[0][name]
    return found.date() if hasattr(found, "date") else found


def place_of(store: Store, code: str) -> shapely.Point:
    found = store.read("facilities", codes=[code]).geometry[code]
    assert isinstance(found, shapely.Point)
    return found
