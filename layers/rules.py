"""The rules of ``data/roles.json`` and ``data/fields.json``, read and checked; `layers.policy` applies them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

from layers.schema import LAYERS, Guard
from layers.text import Text
from layers.visitors import AREA_KINDS, AreaKind

WayOut = Literal["page", "api", "tile", "export", "wall", "command", "package"]
WAYS_OUT: tuple[WayOut, ...] = get_args(WayOut)

Action = Literal[
    "describe",
    "view",
    "take",
    "read",
    "export",
    "own",
    "accounts",
    "audit",
    "change",
    "plan",
    "report",
    "verify",
    "case",
    "package",
    "wall",
    "import",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

Rows = Literal["none", "area", "all"]
"""Which features: none, those of the visitor's area, or all."""

Aggregates = Literal["none", "public", "area", "full"]
"""Which figures: none, all with small counts suppressed, those of the visitor's area, or all."""

ROWS_ORDER: tuple[Rows, ...] = get_args(Rows)
AGGREGATES_ORDER: tuple[Aggregates, ...] = get_args(Aggregates)


@dataclass(frozen=True)
class GuardRule:
    """What a kind of values asks for: see ``roles.json``."""

    title: Text
    ways_out: frozenset[WayOut]
    asked: bool
    purpose: bool


@dataclass(frozen=True)
class Rule:
    """One thing that a role may do.

    `layers`, `guards` and `rows` say what is read, exported, changed or imported; `aggregates` which figures are viewed or taken
    away. `layers` of viewing are those that maps of figures are drawn with, where they may not be read.
    """

    action: Action
    layers: frozenset[str] = frozenset()
    guards: frozenset[Guard] = frozenset()
    rows: Rows = "none"
    aggregates: Aggregates = "none"


@dataclass(frozen=True)
class Role:
    """A role: what it is called, whether people have accounts of it, and for what kinds of area."""

    id: str
    title: Text
    account: bool
    areas: tuple[AreaKind, ...]
    rules: tuple[Rule, ...]

    @cached_property
    def actions(self) -> frozenset[Action]:
        """All that the role may do."""
        return frozenset(rule.action for rule in self.rules)


@dataclass(frozen=True)
class Retention:
    """How long a value is kept: erased so many days after the first of these dates that is known."""

    title: Text
    after: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class FieldRule:
    """Why a field is kept, and for how long; `guard` is set of those that no layer has yet."""

    purpose: Text
    retention: Retention
    guard: Guard | None = None


@dataclass(frozen=True)
class Rules:
    """All of it.

    Attributes
    ----------
    roles : mapping of str to Role
    guards : mapping of str to GuardRule
    fields : mapping of (layer, field) to FieldRule
        Of every field of every layer.
    planned : mapping of (layer, field) to FieldRule
        Of fields that no layer has yet.
    access : mapping of (table, field) to FieldRule
        Of what is kept of those who sign in, apart from the layers.
    small_count : int
        Counts of people and complaints below it are not told to the public.
    actions : mapping of str to Text
    source : Text
        Who set these rules.
    """

    roles: Mapping[str, Role]
    guards: Mapping[Guard, GuardRule]
    fields: Mapping[tuple[str, str], FieldRule]
    planned: Mapping[tuple[str, str], FieldRule]
    access: Mapping[tuple[str, str], FieldRule]
    small_count: int
    actions: Mapping[str, Text]
    source: Text


def read_rules(folder: Path) -> Rules:
    """Read ``roles.json`` and ``fields.json`` from `folder`.

    Raises
    ------
    ValueError
        A rule names an action, guard, layer, field or kind of area that does not exist.
    """
    roles: dict[str, Any] = json.loads((folder / "roles.json").read_text("utf-8"))
    fields: dict[str, Any] = json.loads((folder / "fields.json").read_text("utf-8"))
    purposes = {name: Text(**text) for name, text in fields["purposes"].items()}
    retentions = {
        name: Retention(
            Text(**kept["title"]), tuple((step["field"], step["days"]) for step in kept.get("after", ()))
        )
        for name, kept in fields["retentions"].items()
    }

    def rules_of(part: str) -> dict[tuple[str, str], FieldRule]:
        return {
            (layer, name): FieldRule(
                purposes[rule["purpose"]], retentions[rule["retention"]], rule.get("guard")
            )
            for layer, named in fields[part].items()
            for name, rule in named.items()
        }

    present, planned = rules_of("layers"), rules_of("planned")
    _check_fields(present, planned)
    layers = {*LAYERS, *(layer for layer, _ in planned)}
    return Rules(
        roles={role["id"]: _role(role, layers) for role in roles["roles"]},
        guards={guard: _guard(roles["guards"][guard]) for guard in get_args(Guard)},
        fields=present,
        planned=planned,
        access=rules_of("access"),
        small_count=int(roles["small_count"]),
        actions={_known(name, ACTIONS): Text(**text) for name, text in roles["actions"].items()},
        source=Text(**roles["source"]),
    )


def _check_fields(
    present: Mapping[tuple[str, str], FieldRule], planned: Mapping[tuple[str, str], FieldRule]
) -> None:
    known = {(layer.name, field.name): field for layer in LAYERS.values() for field in layer.fields}
    for (layer, name), rule in present.items():
        if (layer, name) not in known:
            raise ValueError(f"the rules name the field {name!r} of {layer}, which does not exist")
        for day, _ in rule.retention.after:
            if (layer, day) not in known or known[layer, day].type != "date":
                raise ValueError(f"{layer}.{name} is kept by {day!r}, which is no date of {layer}")
    for layer, name in sorted(planned.keys() & known.keys()):
        raise ValueError(f"the rules plan the field {name!r} of {layer}, which exists")


def _guard(rule: Mapping[str, Any]) -> GuardRule:
    ways = frozenset(cast(WayOut, _known(way, WAYS_OUT)) for way in rule["ways_out"])
    return GuardRule(Text(**rule["title"]), ways, asked=rule["asked"], purpose=rule["purpose"])


def _role(role: Mapping[str, Any], layers: set[str]) -> Role:
    return Role(
        id=role["id"],
        title=Text(**role["title"]),
        account=role["account"],
        areas=tuple(cast(AreaKind, _known(kind, AREA_KINDS)) for kind in role["areas"]),
        rules=tuple(_rule(rule, layers) for rule in role["rules"]),
    )


def _rule(rule: Mapping[str, Any], layers: set[str]) -> Rule:
    unknown = sorted(set(rule) - {"action", "layers", "guards", "rows", "aggregates"})
    if unknown:
        raise ValueError(f"a rule has unknown parts: {', '.join(unknown)}")
    return Rule(
        action=cast(Action, _known(rule["action"], ACTIONS)),
        layers=frozenset(_known(name, layers) for name in rule.get("layers", ())),
        guards=frozenset(cast(Guard, _known(name, get_args(Guard))) for name in rule.get("guards", ())),
        rows=cast(Rows, _known(rule.get("rows", "none"), ROWS_ORDER)),
        aggregates=cast(Aggregates, _known(rule.get("aggregates", "none"), AGGREGATES_ORDER)),
    )


def _known(name: str, allowed: Iterable[str]) -> str:
    if name not in allowed:
        raise ValueError(f"the rules name {name!r}, which is none of {', '.join(sorted(allowed))}")
    return name
