"""What each role may, read from ``data/`` by a few lines of its own and pinned in ``expected.json``.

``python -m tests.security.rights`` writes the table anew: read the difference before it is committed, since
every line of it is somebody's right. Nothing here asks `layers.policy` or `layers.rules`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from layers.schema import LAYERS

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).parent / "expected.json"
ORDER = ("none", "area", "all")
FIGURES = ("none", "public", "area", "full")

Data = dict[str, Any]


def read_data() -> tuple[Data, Data]:
    """Return ``roles.json`` and ``fields.json`` as they stand."""
    folder = ROOT / "data"
    return json.loads((folder / "roles.json").read_text()), json.loads((folder / "fields.json").read_text())


def table(roles: Data, fields: Data) -> Data:
    """Return the rights that follow from the two files: what is pinned."""
    return {
        "small_count": roles["small_count"],
        "guards": {
            name: {"ways_out": guard["ways_out"], "asked": guard["asked"], "purpose": guard["purpose"]}
            for name, guard in roles["guards"].items()
        },
        "roles": {role["id"]: _of_role(role) for role in roles["roles"]},
        "fields": {
            layer: {
                name: f"{_guard_of(layer, name)}; {rule['purpose']}; {rule['retention']}"
                for name, rule in named.items()
            }
            for layer, named in fields["layers"].items()
        },
        "planned": {
            layer: {
                name: f"{rule['guard']}; {rule['purpose']}; {rule['retention']}"
                for name, rule in named.items()
            }
            for layer, named in fields["planned"].items()
        },
        "access": {
            table: {name: f"{rule['purpose']}; {rule['retention']}" for name, rule in named.items()}
            for table, named in fields["access"].items()
        },
        "retentions": {
            name: [f"{step['days']} days after {step['field']}" for step in kept.get("after", ())]
            for name, kept in fields["retentions"].items()
        },
        "purposes": sorted(fields["purposes"]),
    }


def _guard_of(layer: str, name: str) -> str:
    found = [field.guard for field in LAYERS[layer].fields if field.name == name]
    return found[0] if found else "no such field"


def _of_role(role: Data) -> Data:
    rules = role["rules"]
    told: Data = {
        "account": role["account"],
        "areas": role["areas"],
        "rules": len(rules),
        "may": sorted({rule["action"] for rule in rules}),
    }
    for action in ("view", "take"):
        given = [rule.get("aggregates", "none") for rule in rules if rule["action"] == action]
        told[action] = max(given, key=FIGURES.index, default="none")
    for action in ("read", "export", "view", "verify", "change", "package", "import"):
        reach: dict[str, dict[str, str]] = {}
        for rule in rules:
            if rule["action"] != action:
                continue
            for layer in rule.get("layers", ()):
                for guard in rule["guards"]:
                    row = reach.setdefault(layer, {})
                    row[guard] = max(row.get(guard, "none"), rule["rows"], key=ORDER.index)
        told["drawn" if action == "view" else action] = {layer: reach[layer] for layer in sorted(reach)}
    return told


def written(rights: Data) -> str:
    """Return the table as text: one line per right that a person may want to compare."""

    def lines(value: Any, depth: int) -> str:
        flat = json.dumps(value, ensure_ascii=False)
        if not isinstance(value, dict) or not value or (depth > 1 and len(flat) < 100):
            return flat
        inner = ",\n".join(
            " " * 2 * (depth + 1) + json.dumps(key) + ": " + lines(each, depth + 1)
            for key, each in value.items()
        )
        return "{\n" + inner + "\n" + " " * 2 * depth + "}"

    return lines(rights, 0) + "\n"


def pinned() -> Data:
    """Return the rights as they were last agreed on."""
    found: Data = json.loads(FILE.read_text("utf-8"))
    return found


if __name__ == "__main__":
    FILE.write_text(written(table(*read_data())), "utf-8")
