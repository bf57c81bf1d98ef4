"""Search: by name and code, among what the visitor may see alone."""

from __future__ import annotations

import dataclasses
from typing import Any

from layers.policy import Policy
from layers.schema import LAYERS
from layers.search import SEARCHED, search
from layers.snapshot import Snapshot
from layers.text import Language
from layers.visitors import WHOLE_DISTRICT, Area, Visitor
from tests.visitors import PLANNER, POLICY

WEST = Visitor("subdistrict_staff", Area("subdistricts", frozenset({"S1"})), account="1" * 12, via="session")


def found(
    snapshot: Snapshot,
    text: str,
    visitor: Visitor = PLANNER,
    policy: Policy = POLICY,
    *,
    limit: int = 1000,
    language: Language = "zh",
) -> list[dict[str, Any]]:
    offered = {layer: policy.offered(visitor, layer, way_out="api").rows for layer in SEARCHED}
    seen = {
        layer: policy.seen(visitor, layer, way_out="api") for layer, rows in offered.items() if rows != "none"
    }
    return search(snapshot, text, limit=limit, language=language, seen=seen, area=visitor.area)


def ids(hits: list[dict[str, Any]]) -> set[str]:
    return {hit["id"] for hit in hits}


def with_rule(**changed: Any) -> Policy:
    """Return the policy with another rule of subdistrict staff for reading what is open."""
    role = POLICY.rules.roles["subdistrict_staff"]
    rules = tuple(
        dataclasses.replace(rule, **changed)
        if rule.action == "read" and "facilities" in rule.layers
        else rule
        for rule in role.rules
    )
    roles = {"subdistrict_staff": dataclasses.replace(role, rules=rules)}
    return Policy(dataclasses.replace(POLICY.rules, roles=roles))


def test_names_codes_and_english_are_found(snapshot: Snapshot) -> None:
    assert found(snapshot, "竹园", limit=5)[0]["id"] == "C06"
    assert found(snapshot, "c06", limit=5)[0]["name"] == "竹园小区"
    assert found(snapshot, "JADE", limit=5, language="en")[0]["name"] == "Jade Court"
    assert found(snapshot, "   ") == []
    assert found(snapshot, "%_'\"\\") == []
    assert len(found(snapshot, "0", limit=3)) == 3


def test_only_layers_that_may_be_read_are_searched(snapshot: Snapshot) -> None:
    assert {"F01", "C01"} <= ids(found(snapshot, "01", WEST))
    without = with_rule(layers=frozenset({"communities"}))
    assert ids(found(snapshot, "01", WEST, without)) == {"C01"}
    assert found(snapshot, "F01", WEST, without) == []


def test_only_rows_of_the_area_are_searched_where_only_those_may_be_read(snapshot: Snapshot) -> None:
    policy = with_rule(rows="area")
    assert ids(found(snapshot, "C0", WEST)) > ids(found(snapshot, "C0", WEST, policy))
    assert {code[:3] for code in ids(found(snapshot, "C0", WEST, policy))} == {f"C0{n}" for n in range(1, 7)}
    assert found(snapshot, "C09", WEST, policy) == [] and found(snapshot, "C09", WEST)
    assert found(snapshot, "C09", dataclasses.replace(WEST, area=WHOLE_DISTRICT), policy)


def test_a_name_that_may_not_be_told_is_not_searched_and_not_shown(snapshot: Snapshot) -> None:
    fields = {at: rule for at, rule in POLICY.rules.fields.items() if at[1] not in ("name", "name_en")}
    policy = Policy(dataclasses.replace(POLICY.rules, fields=fields))
    assert found(snapshot, "竹园", PLANNER, policy) == []
    assert found(snapshot, "c06", PLANNER, policy, limit=1)[0]["name"] == "C06"
    assert found(snapshot, "竹园", PLANNER)  # what was looked through for one is not what the other is shown


def test_complaints_are_not_searched() -> None:
    assert set(SEARCHED) == set(LAYERS) - {"complaints", "backdrop"}
