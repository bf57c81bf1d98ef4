"""The walk finds what it is there to find: with any one point of enforcement taken out it tells a difference."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flask import g, request

from layers import cards, queries, views
from layers.policy import Policy
from layers.rules import Rules
from layers.sight import Sight, sight_of
from layers.standards import Standards
from layers.store import Store
from layers.visitors import WHOLE_DISTRICT
from tests.security.asking import VISITORS
from tests.security.conftest import UNHURRIED, asked_by
from tests.security.walk import Question, questions
from tests.security.walking import Walk
from tests.visitors import POLICY
from webmap import api, api_features, create_app, downloads, gate, tile_layers

ALL = questions()
Patch = Callable[[pytest.MonkeyPatch], Policy | None]


def some(*kinds: str, of: str = "") -> list[Question]:
    return [
        question
        for question in ALL
        if question.kind in kinds
        and (not of or of in (question.about.get("layer"), question.about.get("unit")))
    ]


def everywhere(snapshot: Any, what: str, area: Any) -> Any:
    """Stand for what says which features or units are in an area: all of them are."""
    from layers.areas import features_in_area, units_in_area

    known = units_in_area if what == "management" or ":" in what else features_in_area
    return np.ones(len(known(snapshot, what, WHOLE_DISTRICT)), dtype=bool)


def no_gate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Policy, "require", lambda *_: None)


def no_scopes(patch: pytest.MonkeyPatch) -> None:
    may = Policy.may
    patch.setattr(Policy, "may", lambda self, who, act: may(self, dataclasses.replace(who, scopes=None), act))


def no_mask_of_rows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(api_features, "features_in_area", everywhere)


def no_mask_in_tiles(patch: pytest.MonkeyPatch) -> None:
    drawn_for = tile_layers.drawn_for

    def drawn_whole(policy: Policy, who: Any, name: str) -> Any:
        made = drawn_for(policy, who, name)
        assert {field.name for field in dataclasses.fields(made)} >= {"area"}
        return dataclasses.replace(made, area=None)

    for way in ("webmap.quick", "webmap.tiles"):
        patch.setattr(f"{way}.drawn_for", drawn_whole)


def tiles_of_everything(patch: pytest.MonkeyPatch) -> None:
    drawn_for = tile_layers.drawn_for
    planner = VISITORS["planner"]
    for way in ("webmap.quick", "webmap.tiles"):
        patch.setattr(f"{way}.drawn_for", lambda policy, _, name: drawn_for(policy, planner, name))


def no_check_of_what_is_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Policy, "_check_asked", lambda *_, **__: None)


def changed_guard(guard: str, **changed: Any) -> Patch:
    def patched(patch: pytest.MonkeyPatch) -> Policy:
        rules = POLICY.rules
        other = dataclasses.replace(rules.guards[guard], **changed)  # type: ignore[index]
        return Policy(dataclasses.replace(rules, guards={**rules.guards, guard: other}))  # type: ignore[dict-item]

    return patched


def field_of_no_list(patch: pytest.MonkeyPatch) -> Policy:
    """A field that `fields.json` does not name is told to nobody: one fewer is a difference as well."""
    rules = POLICY.rules
    fewer = {of: rule for of, rule in rules.fields.items() if of != ("communities", "property_company")}
    return Policy(dataclasses.replace(rules, fields=fewer))


def full_sight(module: Any) -> Patch:
    def patched(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(module, "sight_of", lambda *_: Sight(aggregates="full"))

    return patched


def sight_with(**changed: Any) -> Patch:
    def patched(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(api, "sight_of", lambda *given: dataclasses.replace(sight_of(*given), **changed))

    return patched


def no_mask_of_units(module: Any) -> Patch:
    return lambda patch: patch.setattr(module, "units_in_area", everywhere)


def any_question_in_public(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(queries, "_check_public", lambda *_: None)


def no_action(patch: pytest.MonkeyPatch) -> None:
    """A gate that lets pass whoever asks for an address that declares no action."""
    patch.setattr(gate, "_guard", lambda: setattr(g, "visitor", asked_by(request)))


POINTS: dict[str, tuple[Patch, str, list[Question]]] = {
    "the gate": (no_gate, "key to read", some("description")),
    "the gate's actions": (no_action, "key to view", some("search", "rows")),
    "scopes": (no_scopes, "key to view", some("search", "rows")),
    "rows of an area": (no_mask_of_rows, "worker of G01", some("rows", of="complaints")),
    "fields of an area": (no_mask_of_rows, "staff of S1", some("rows", of="communities")),
    "single features": (no_mask_of_rows, "staff of S1", some("one", of="complaints")),
    "what is near": (no_mask_of_rows, "staff of S1", some("near", of="complaints")),
    "rows in tiles": (no_mask_in_tiles, "worker of G01", some("tile", of="complaints")),
    "layers in tiles": (tiles_of_everything, "nobody", some("tile")),
    "layers in tiles of a wall": (tiles_of_everything, "wall", some("tile")),
    "fields that are asked for": (no_check_of_what_is_asked, "planner", some("rows", of="complaints")),
    "a stated purpose": (changed_guard("text", purpose=False), "staff of S1", some("rows", of="complaints")),
    "by name only": (changed_guard("text", asked=False), "staff of S1", some("rows", of="complaints")),
    "floating by name only": (
        changed_guard("floating", asked=False),
        "planner",
        some("rows", of="communities"),
    ),
    "ways out": (changed_guard("text", ways_out=frozenset({"export"})), "staff of S1", some("rows")),
    "the list of fields": (field_of_no_list, "nobody", some("rows", of="communities")),
    "sight of views": (full_sight(api), "nobody", some("view", "card")),
    "sight of an area's views": (full_sight(api), "worker of G01", some("view", "card")),
    "sight of files": (full_sight(downloads), "staff of S1", some("file")),
    "the district's figures": (full_sight(api), "staff of S1", some("summary")),
    "floating residents on cards": (sight_with(floating="all"), "leader", some("card")),
    "units of views": (no_mask_of_units(views), "worker of G01", some("view")),
    "units of cards": (no_mask_of_units(cards), "staff of S2", some("card")),
    "what is public": (any_question_in_public, "nobody", some("view", "card")),
}


@pytest.mark.parametrize("point", POINTS)
def test_without_it_there_is_a_difference(
    point: str, marked_store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, name, asked = POINTS[point]
    assert asked
    policy = change(monkeypatch) or Policy(
        POLICY.rules
    )  # what is kept of answers must not outlive the change
    app = create_app(marked_store, standards, policy, visitors=asked_by, settings=UNHURRIED)
    assert Walk(app).differences(name, asked) != []


def rules_without(role: str, number: int) -> Rules:
    rules = POLICY.rules
    one = rules.roles[role]
    fewer = dataclasses.replace(one, rules=one.rules[:number] + one.rules[number + 1 :])
    return dataclasses.replace(rules, roles={**rules.roles, role: fewer})


SERVED = ("describe", "view", "take", "read")
BY_ROLE = {visitor.role: name for name, visitor in reversed(VISITORS.items()) if visitor.scopes is None}
ASKED = [
    q for q in ALL if q.kind in ("description", "rows", "tile", "file", "view") and "lang" not in q.query
]


@pytest.mark.parametrize(
    ("role", "number"),
    [
        (role.id, number)
        for role in POLICY.rules.roles.values()
        for number, rule in enumerate(role.rules)
        if rule.action in SERVED and "reports" not in rule.layers and role.id in BY_ROLE
    ],
)
def test_without_any_one_rule_there_is_a_difference(
    role: str, number: int, marked_store: Store, standards: Standards
) -> None:
    """Of those about what is served already; the others are pinned by the table."""
    policy = Policy(rules_without(role, number))
    app = create_app(marked_store, standards, policy, visitors=asked_by, settings=UNHURRIED)
    action = POLICY.rules.roles[role].rules[number].action
    kinds = {"describe": "description", "view": "view", "take": "file", "read": "rows"}
    asked = [question for question in ASKED if question.kind == kinds[action]]
    few = asked[:4] if action != "read" else asked
    assert Walk(app).differences(BY_ROLE[role], few) != []


def test_nothing_is_different_as_it_is(marked_store: Store, standards: Standards) -> None:
    app = create_app(marked_store, standards, POLICY, visitors=asked_by, settings=UNHURRIED)
    for _, name, asked in list(POINTS.values())[:8]:
        assert Walk(app).differences(name, asked) == []
