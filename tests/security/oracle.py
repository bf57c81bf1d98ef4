"""What may leave, by the pinned table alone: a few lines that know nothing of `layers.policy`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.security.paper import belongs
from tests.security.rights import ORDER, pinned

if TYPE_CHECKING:
    from layers.visitors import Visitor

RIGHTS: dict[str, Any] = pinned()
GUARDS: dict[tuple[str, str], str] = {
    (layer, name): said.partition(";")[0]
    for layer, named in RIGHTS["fields"].items()
    for name, said in named.items()
}


@dataclass(frozen=True)
class Asked:
    """By which way features are asked for, with which guarded fields and whether a purpose is stated."""

    way: str = "api"
    fields: Collection[str] = ()
    purpose: bool = False
    action: str = "read"


def may(visitor: Visitor, action: str) -> bool:
    """Whether a visitor may do something of this kind at all."""
    allowed = action in RIGHTS["roles"].get(visitor.role, {}).get("may", ())
    return allowed and (visitor.scopes is None or action in visitor.scopes)


def figures(visitor: Visitor, action: str = "view") -> str:
    """Return which aggregates a visitor may see."""
    return str(RIGHTS["roles"][visitor.role][action]) if may(visitor, action) else "none"


def reach(visitor: Visitor, layer: str, guard: str, action: str = "read", way: str = "") -> str:
    """Return of which features of a layer values under a guard may be seen: none, area or all.

    Tiles show what may be read, and what maps of figures are drawn with.
    """
    rules = {action: action} | ({"drawn": "view"} if way == "tile" else {})
    return max((_reach(visitor, layer, guard, *rule) for rule in rules.items()), key=ORDER.index)


def _reach(visitor: Visitor, layer: str, guard: str, part: str, action: str) -> str:
    if not may(visitor, action):
        return "none"
    found = RIGHTS["roles"][visitor.role][part].get(layer, {}).get(guard, "none")
    if found == "area":
        return {"district": "all", "none": "none"}.get(visitor.area.kind, "area")
    return str(found)


def visible(visitor: Visitor, layer: str, code: str, action: str = "read", way: str = "") -> bool:
    """Whether a visitor may know of a feature."""
    rows = reach(visitor, layer, "open", action, way)
    return rows == "all" or (rows == "area" and belongs(layer, code, visitor.area))


def shown(visitor: Visitor, layer: str, field: str, code: str, asked: Asked) -> bool:
    """Whether a value is shown to a visitor who asks like this."""
    guard = GUARDS[layer, field]
    rule = RIGHTS["guards"][guard]
    if asked.way not in rule["ways_out"] or not visible(visitor, layer, code, asked.action, asked.way):
        return False
    if (rule["asked"] and field not in asked.fields) or (rule["purpose"] and not asked.purpose):
        return False
    rows = reach(visitor, layer, guard, asked.action, asked.way)
    return rows == "all" or (rows == "area" and belongs(layer, code, visitor.area))


def refused(visitor: Visitor, layer: str, asked: Asked) -> bool:
    """Whether the question itself is refused: the layer, or a field asked for by name, is not theirs."""
    if reach(visitor, layer, "open", asked.action, asked.way) == "none":
        return True
    for field in asked.fields:
        guard = GUARDS[layer, field]
        if reach(visitor, layer, guard, asked.action, asked.way) == "none":
            return True
        if asked.way not in RIGHTS["guards"][guard]["ways_out"]:
            return True
    return False


def guarded(layer: str) -> tuple[str, ...]:
    """Return the fields of a layer that are shown only when asked for by name."""
    asked = {name for name, rule in RIGHTS["guards"].items() if rule["asked"]}
    return tuple(name for (of, name), guard in GUARDS.items() if of == layer and guard in asked)
