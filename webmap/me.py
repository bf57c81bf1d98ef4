"""Who asks, and what they may do here: what the page's scripts and other programs adapt themselves to."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from layers.rules import ACTIONS
from layers.sight import sight_of
from layers.text import Language, Text, both
from webmap import csrf
from webmap.district import UNITS_WITHIN
from webmap.gate import policy, visitor
from webmap.identity import secret
from webmap.operations import JSON, operation
from webmap.params import LANGUAGE

me = Blueprint("me", __name__, url_prefix="/api")


@me.get("/me")
@operation(
    LANGUAGE,
    action="describe",
    tag="service",
    summary=Text("谁在询问：角色、范围、可以做什么", "Who asks: role, area, and what this visitor may do"),
    answers={JSON: "Me"},
    errors=(400, 401, 405, 429, 500),
)
def who_asks(*, lang: Language) -> Response:
    """Return who asks, as the service knows it; nothing here is secret to that visitor."""
    who, rules = visitor(), policy()
    role = rules.rules.roles.get(who.role)
    units = UNITS_WITHIN[sight_of(rules, who).area.kind] if rules.may(who, "view") else ()
    return jsonify(
        {
            "via": who.via,
            "name": who.name or None,
            "role": {"id": who.role, "title": (both(who.role) if role is None else role.title).to(lang)},
            "area": {"kind": who.area.kind, "codes": sorted(who.area.codes)},
            "actions": [action for action in ACTIONS if rules.may(who, action)],
            "aggregates": rules.aggregates(who),
            "units": list(units),
            "must_choose_password": who.via == "session" and who.scopes is not None,
            "csrf": csrf.token() if secret() else None,
        }
    )
