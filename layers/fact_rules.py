"""Who may verify or change which fields of which features: the facts that people correct one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import shapely

from layers.areas import features_in_area
from layers.places import positions
from layers.problems import NotFound
from layers.schema import COMMUNITIES, FACILITIES, MEDIATION_ROOMS, Field, Layer, layer_named
from layers.text import Text, joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layers.policy import Policy, Seen
    from layers.snapshot import Snapshot
    from layers.visitors import Visitor

May = Literal["verify", "change"]
WAYS: tuple[May, ...] = get_args(May)

PLACE = "place"
"""What a feature's position is called where people correct it; features that are areas are drawn elsewhere."""

LAYERS_OF_FACTS: dict[str, Layer] = {
    layer.name: layer for layer in (COMMUNITIES, MEDIATION_ROOMS, FACILITIES)
}
"""Layers whose features are corrected one by one."""

FOLLOWING = {"residents": "residents_date"}
"""Days that follow from the day on which something was seen, besides those of facts."""

GROUPS = {
    "property_company": "property_management",
    "contract_start": "property_management",
    "contract_end": "property_management",
    "property_staff": "property_management",
    "committee_term_start": "owners_committee",
    "committee_term_end": "owners_committee",
    "party_branch_mode": "party_branch",
    "residents_definition": "residents",
    "residents_source": "residents",
}
"""Fields that say more of another one."""

ANSWERS = {
    "yes": Text("有", "yes"),
    "no": Text("无", "no"),
    "unknown": Text("不明", "unknown"),
}
"""What a fact may be, in words: whether there is such a thing."""

_IS_SO = {
    "yes": Text("是", "yes"),
    "no": Text("否", "no"),
    "unknown": Text("不明", "unknown"),
}
_ASKED_WHETHER = frozenset({"pilot", "shared"})

LATEST_TODAY = ("opened", "closed")
"""Days that have come when they are written, whoever writes them; terms and contracts may begin later."""

SPANS = (("contract_start", "contract_end"), ("committee_term_start", "committee_term_end"))
"""Days of which the second is not before the first."""


def answers(name: str) -> Mapping[str, Text]:
    """Return what the fact called `name` may be, in words."""
    return _IS_SO if name in _ASKED_WHETHER else ANSWERS


def day_field(layer: Layer, name: str) -> str | None:
    """Return the field that says on which day another was seen to be so, None where there is none."""
    dated = FOLLOWING.get(name, f"{name}_date")
    return dated if dated in layer.field_names else None


def days_that_follow(layer: Layer) -> frozenset[str]:
    """Return the days that nobody writes by themselves."""
    return frozenset(dated for name in layer.field_names if (dated := day_field(layer, name)) is not None)


def days_past(layer: Layer) -> frozenset[str]:
    """Return the days of a layer that have come when they are written."""
    return days_that_follow(layer) | {name for name in LATEST_TODAY if name in layer.field_names}


@dataclass(frozen=True)
class Correctable:
    """One feature, and what somebody may see and write of it.

    Attributes
    ----------
    seen : tuple of Field
        In the layer's order.
    may : mapping of field name to May
        `PLACE` among them where it is a point that may be moved.
    """

    layer: Layer
    code: str
    seen: tuple[Field, ...]
    may: Mapping[str, May]

    @property
    def actions(self) -> tuple[May, ...]:
        """What may be done to the feature at all."""
        return tuple(action for action in WAYS if action in self.may.values())


def layer_of_facts(name: str) -> Layer:
    """Return the layer called `name`; `NotFound` names those whose features are corrected one by one."""
    if name in LAYERS_OF_FACTS:
        return LAYERS_OF_FACTS[name]
    raise NotFound(
        Text("{l}不逐个改正。", "Single facts of {l} are not corrected.").format(l=layer_named(name).title),
        Text("可改正的有：{known}。", "Those that are: {known}.").format(
            known=joined([layer.title for layer in LAYERS_OF_FACTS.values()])
        ),
    )


def correctable(
    policy: Policy, visitor: Visitor, snapshot: Snapshot, layer_name: str, code: str
) -> Correctable:
    """Return what `visitor` may see and write of a feature.

    Raises
    ------
    NotFound
        There is no such layer or feature, or the visitor must not know of it: the words are the same.
    NotSignedIn, Forbidden
        The layer is not for this visitor.
    """
    layer = layer_of_facts(layer_name)
    seen = policy.seen(visitor, layer.name, way_out="api")
    frame = snapshot.frame(layer.name)
    at = int(positions(frame.index, [code])[0])
    inside = at >= 0 and bool(features_in_area(snapshot, layer.name, visitor.area)[at])
    if at < 0 or (seen.rows == "area" and not inside):
        raise not_found(layer, code)
    is_point = isinstance(frame.geometry.array[at], shapely.Point)
    return Correctable(
        layer,
        code,
        _fields(seen, inside=inside),
        _may(policy, visitor, layer, inside=inside, is_point=is_point),
    )


def not_found(layer: Layer, code: str) -> NotFound:
    """Say that there is no such feature, in the words of the API's other answers."""
    return NotFound(
        Text("{layer}里没有编码 {code}。", "There is no {layer} with the code {code}.").format(
            layer=layer.one, code=code
        )
    )


def _fields(seen: Seen, *, inside: bool) -> tuple[Field, ...]:
    shown = {field.name for field in (seen.everywhere + seen.in_area if inside else seen.everywhere)}
    return tuple(field for field in seen.layer.fields if field.name in shown)


def _may(policy: Policy, visitor: Visitor, layer: Layer, *, inside: bool, is_point: bool) -> dict[str, May]:
    """Return what may be done to which field: facts are verified, all else is changed."""
    follow = days_that_follow(layer)
    found: dict[str, May] = {}
    for action in WAYS:
        offered = policy.offered(visitor, layer.name, way_out="api", action=action)
        if offered.rows == "none" or (offered.rows == "area" and not inside):
            continue
        for offer in offered.fields:
            field = offer.field
            reached = offer.rows == "all" or inside
            own = field.name == "code" or field.parent is not None or field.type in ("x", "y")
            if own or offer.asked or not reached or field.name in follow:
                continue
            if field.type == "fact":
                found.setdefault(field.name, "verify" if action == "verify" else "change")
            elif action == "change":
                found[field.name] = "change"
        if action == "change" and is_point:
            found[PLACE] = "change"
    return found
