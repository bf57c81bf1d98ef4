"""Who asks in these tests: every role, with its own area, another's, none that exists, and every narrowing."""

from __future__ import annotations

from layers.visitors import NO_AREA, RESIDENT, WHOLE_DISTRICT, Area, Visitor


def _area(kind: str, *codes: str) -> Area:
    return Area(kind, frozenset(codes))  # type: ignore[arg-type]


def _person(role: str, area: Area, *, via: str = "session", scopes: frozenset[str] | None = None) -> Visitor:
    return Visitor(role, area, account=f"{role:0<12}"[:12], name=role, via=via, scopes=scopes)


WEST, EAST = _area("subdistricts", "S1"), _area("subdistricts", "S2")
TABLET = frozenset({"describe", "view", "read", "report", "verify", "case", "package"})

VISITORS: dict[str, Visitor] = {
    "nobody": RESIDENT,
    "worker of G01": _person("grid_worker", _area("management_cells", "G01")),
    "worker of G04": _person("grid_worker", _area("management_cells", "G04")),
    "worker of G02 and G06": _person("grid_worker", _area("management_cells", "G02", "G06")),
    "worker of a cell that is gone": _person("grid_worker", _area("management_cells", "G99")),
    "worker without an area": _person("grid_worker", NO_AREA),
    "tablet in G03": _person("grid_worker", _area("management_cells", "G03"), via="device", scopes=TABLET),
    "staff of S1N1": _person("community_staff", _area("neighbourhoods", "S1N1")),
    "staff of C02": _person("community_staff", _area("communities", "C02")),
    "staff of C11 and one that is gone": _person("community_staff", _area("communities", "C11", "C77")),
    "staff of S1": _person("subdistrict_staff", WEST),
    "staff of S2": _person("subdistrict_staff", EAST),
    "staff of no subdistrict": _person("subdistrict_staff", _area("subdistricts", "S9")),
    "planner": _person("planner", WHOLE_DISTRICT),
    "planner without an area": _person("planner", NO_AREA),
    "leader": _person("leader", WHOLE_DISTRICT),
    "administrator": _person("administrator", WHOLE_DISTRICT),
    "auditor": _person("auditor", NO_AREA),
    "wall": Visitor(
        "wall", WHOLE_DISTRICT, name="wall", via="device", scopes=frozenset({"describe", "view", "wall"})
    ),
    "key to read": _person("planner", WHOLE_DISTRICT, via="key", scopes=frozenset({"read"})),
    "key to view": _person("planner", WHOLE_DISTRICT, via="key", scopes=frozenset({"describe", "view"})),
    "key to take": _person("subdistrict_staff", WEST, via="key", scopes=frozenset({"take"})),
    "key of S2 to read": _person("subdistrict_staff", EAST, via="key", scopes=frozenset({"read"})),
    "key to audit, of a planner": _person("planner", WHOLE_DISTRICT, via="key", scopes=frozenset({"audit"})),
    "key for nothing": _person("planner", WHOLE_DISTRICT, via="key", scopes=frozenset()),
    "somebody of an unknown role": _person("ghost", WHOLE_DISTRICT),
}
"""By the name that the tests print."""
