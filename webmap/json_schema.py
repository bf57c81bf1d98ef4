"""The words in which the API's JSON schemas are written."""

from __future__ import annotations

from typing import Any

from layers.epochs import PATTERN

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
ANYTHING: Schema = {}
DAY: Schema = {"type": "string", "format": "date"}
EPOCH: Schema = {"type": "string", "pattern": f"^{PATTERN}$"}
BOX: Schema = {"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 4}


def ref(name: str) -> Schema:
    """Return a reference to a schema of this module."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(items: Schema) -> Schema:
    """Return an array."""
    return {"type": "array", "items": items}


def nullable(schema: Schema) -> Schema:
    """Return a value that may be unknown."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(optional: dict[str, Schema] | None = None, /, **properties: Schema) -> Schema:
    """Return an object with just these members, all of them there except the `optional` ones."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties | (optional or {}),
        "additionalProperties": False,
    }


def by_name(values: Schema) -> Schema:
    """Return an object whose names are data."""
    return {"type": "object", "additionalProperties": values}
