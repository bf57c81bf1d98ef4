"""Visitors of every kind, and how they ask."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from layers.areas import features_in_area
from layers.problems import StoreBusy
from layers.snapshot import Snapshot
from layers.text import Text
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.district import small_district
from tests.visitors import PLANNER

DISTRICT, FRAMES = small_district()
WHO = "X-Test-Visitor"
WEST, SOUTH, EAST, NORTH = 114.126, 22.543, 114.142, 22.555
PLACE = (14, 13386, 7138)


def somebody(role: str, area: Area, **more: Any) -> Visitor:
    return Visitor(role, area, account=role, name=role, via="session", **more)


def part(kind: Any, *codes: str) -> Area:
    return Area(kind, frozenset(codes))


VISITORS = {
    "nobody": RESIDENT,
    "worker": somebody("grid_worker", part("management_cells", "G01", "G07")),
    "colleague": somebody("grid_worker", part("management_cells", "G07", "G01")),
    "other worker": somebody("grid_worker", part("management_cells", "G02")),
    "community": somebody("community_staff", part("communities", "C03", "C11")),
    "neighbourhood": somebody("community_staff", part("neighbourhoods", "S2N1")),
    "west": somebody("subdistrict_staff", part("subdistricts", "S1")),
    "nowhere": somebody("subdistrict_staff", part("subdistricts", "gone")),
    "planner": PLANNER,
    "leader": somebody("leader", WHOLE_DISTRICT),
    "administrator": somebody("administrator", WHOLE_DISTRICT),
    "auditor": somebody("auditor", Area("none")),
    "wall": Visitor(
        "wall", WHOLE_DISTRICT, name="wall", via="device", scopes=frozenset({"describe", "view", "wall"})
    ),
}
OF_AN_AREA = ("worker", "other worker", "community", "neighbourhood", "west", "nowhere")


class Log:
    """An audit log that may fail."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.fails = False

    def __call__(self, who: Visitor, action: str, **more: Any) -> None:
        if self.fails:
            raise StoreBusy(Text("忙", "The log is busy."))
        self.entries.append({"who": who, "action": action} | more)


class Client:
    """Asks as different visitors."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def get(self, name: str, path: str, *, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self._client.get(path, query_string=query, headers={WHO: name} | (headers or {}))

    def json(self, name: str, path: str, **query: Any) -> Any:
        response = self.get(name, path, **query)
        assert response.status_code == 200, (name, path, query, response.data)
        return response.get_json(force=True)

    def codes(self, name: str, layer: str, **query: Any) -> list[str]:
        found = self.json(name, f"/api/layers/{layer}/features", **({"limit": 1000} | query))
        return [feature["id"] for feature in found["features"]]


def theirs(snapshot: Snapshot, name: str, layer: str) -> list[str]:
    frame = snapshot.frame(layer)
    return list(frame.index[features_in_area(snapshot, layer, VISITORS[name].area)])
