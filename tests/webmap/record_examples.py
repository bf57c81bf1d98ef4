"""Record the examples of the OpenAPI document: ``python -m tests.webmap.record_examples``.

The answers are those of the service over the small district; long lists are cut to their beginning.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from layers.standards import read_standards
from layers.store import create_store
from tests.district import small_district
from tests.visitors import app_for

ROOT = Path(__file__).parents[2]
FILE = ROOT / "webmap" / "examples.json"
SHOWN = 2
EPOCH = "0123456789abcdef"
_NUMBERS = 12

_STEPS = "add:day_care:114.137861:22.545487"

# Per operation: the address, with its parameters as a client writes them. None has no answer to show.
REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "health": ("/healthz", {}),
    "readiness": ("/readyz", {"lang": "en"}),
    "start": ("/api", {}),
    "who_asks": ("/api/me", {"lang": "en"}),
    "document": ("/api/openapi.json", {"lang": "en"}),
    "district": ("/api/district", {"lang": "en"}),
    "layers": ("/api/layers", {"lang": "en"}),
    "layer_features": (
        "/api/layers/{layer}/features",
        {
            "layer": "facilities",
            "bbox": "114.126,22.543,114.134,22.555",
            "limit": "2",
            "after": "F01",
            "subdistrict": "S1",
        },
    ),
    "layer_feature": ("/api/layers/{layer}/features/{code}", {"layer": "facilities", "code": "F01"}),
    "nearby": ("/api/nearby", {"layer": "facilities", "lon": "114.13", "lat": "22.55", "limit": "2"}),
    "district_summary": ("/api/summary", {}),
    "definitions": ("/api/definitions", {"lang": "en"}),
    "question_view": (
        "/api/view",
        {"question": "gap", "kind": "day_care", "unit": "communities", "subdistrict": "S2", "lang": "en"},
    ),
    "unit_card": (
        "/api/units/{unit}/{id}",
        {"unit": "communities", "id": "C03", "question": "double_none", "lang": "en"},
    ),
    "find": ("/api/search", {"q": "C0", "limit": "2", "lang": "en"}),
    "tile": (
        "/tiles/{layer}/{z}/{x}/{y}.mvt",
        {"layer": "communities", "z": "14", "x": "13386", "y": "7138"},
    ),
    "download": ("/download", {"question": "double_none", "unit": "communities", "format": "csv"}),
    "offline_map": ("/export-map", {"question": "double_none", "unit": "communities"}),
    "comparison": (
        "/api/compare",
        {"left": "gap", "right": "double_none", "unit": "communities", "lang": "en"},
    ),
    "feature_facts": ("/api/facts/{layer}/{code}", {"layer": "communities", "code": "C03", "lang": "en"}),
    "feature_history": ("/api/history/{layer}/{code}", {"layer": "communities", "code": "C03"}),
    "my_field": ("/api/field", {}),
    "field_tasks": ("/api/field/tasks", {}),
    "field_package": ("/api/field/package", {}),
    "field_status": ("/api/field/status", {}),
    "list_saved": ("/api/saved", {}),
    "get_saved": ("/api/saved/{id}", {"id": "0123456789ab"}),
    "wall": ("/api/wall", {"lang": "en"}),
    "what_if": (
        "/api/what-if",
        {"steps": _STEPS, "unit": "communities", "base": "1", "shown": "day_care", "lang": "en"},
    ),
    "what_if_card": (
        "/api/what-if/units/{unit}/{id}",
        {"unit": "communities", "id": "C08", "steps": _STEPS, "lang": "en"},
    ),
    "what_if_compare": (
        "/api/what-if/compare",
        {"scenarios": f"A={_STEPS}", "unit": "communities", "lang": "en"},
    ),
    "what_if_download": ("/what-if/download", {"scenarios": f"A={_STEPS}"}),
    "what_if_sheet": ("/what-if/sheet", {"scenarios": f"A={_STEPS}"}),
    "error_400": ("/api/nearby", {"layer": "facilities", "lon": "114.13", "lat": "nan", "lang": "en"}),
    "error_404": (
        "/api/layers/{layer}/features/{code}",
        {"layer": "facilities", "code": "F99", "lang": "en"},
    ),
}
# Files, and what differs from one service to the next: its key, its clock, its day, what its people keep.
WITHOUT_ANSWER = (
    "document",
    "tile",
    "download",
    "offline_map",
    "feature_facts",
    "feature_history",
    "my_field",
    "field_tasks",
    "field_package",
    "field_status",
    "list_saved",
    "get_saved",
    "wall",
    "what_if_download",
    "what_if_sheet",
)


def ask(client: FlaskClient, operation: str) -> Any:
    """Send the recorded request of an operation."""
    path, parameters = REQUESTS[operation]
    query = {name: value for name, value in parameters.items() if "{" + name + "}" not in path}
    return client.get(path.format(**parameters), query_string=query)


def cut(value: Any) -> Any:
    """Cut lists to their beginning, but not positions, boxes and the months of a year; epochs are random."""
    if isinstance(value, dict):
        return {name: EPOCH if name == "epoch" else cut(item) for name, item in value.items()}
    if isinstance(value, list):
        short = len(value) <= _NUMBERS and all(isinstance(item, int | float) for item in value)
        return value if short else [cut(item) for item in value[:SHOWN]]
    return value


def record(client: FlaskClient) -> dict[str, dict[str, Any]]:
    """Return the examples as the document shows them."""
    made: dict[str, dict[str, Any]] = {}
    for operation, (_, parameters) in REQUESTS.items():
        made[operation] = {"parameters": parameters}
        if operation not in WITHOUT_ANSWER:
            made[operation]["answer"] = cut(ask(client, operation).get_json(force=True))
    return made


def main() -> None:
    """Write the file."""
    district, frames = small_district()
    with (
        tempfile.TemporaryDirectory() as folder,
        create_store(f"gpkg:{folder}/small.gpkg", district, layers=frames) as store,
    ):
        app = app_for(store, read_standards(ROOT / "data"))
        recorded = record(app.test_client())
    FILE.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
