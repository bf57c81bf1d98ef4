"""The shapes of the API's answers as JSON schemas: the OpenAPI document shows them, tests hold answers to them."""

from __future__ import annotations

from typing import Any

from layers.schema import LAYERS

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
ANYTHING: Schema = {}
DAY: Schema = {"type": "string", "format": "date"}
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


_TITLED = record(id=STRING, title=STRING)
_LINK = record(rel=STRING, href={"type": "string", "format": "uri-reference"})
_FIGURE = record(count=NUMBER, of=NUMBER, unknown=NUMBER, rate=nullable(NUMBER))
_GEOMETRY = record(type={"enum": ["Point", "Polygon", "MultiPolygon"]}, coordinates=listed(ANYTHING))
_FEATURE = record(
    type={"const": "Feature"},
    id=STRING,
    geometry=ref("Geometry"),
    properties={"type": "object", "required": ["code"]},
)
_COUNTED = record(count=WHOLE, of=WHOLE, unknown=WHOLE, rate=nullable(NUMBER))

SCHEMAS: dict[str, Schema] = {
    "Error": record(
        error=record(
            {
                "parameter": STRING,
                "problems": listed(
                    record(
                        row=nullable(WHOLE),
                        field=nullable(STRING),
                        value=nullable(STRING),
                        message=STRING,
                        remedy=STRING,
                    )
                ),
            },
            status=WHOLE,
            title=STRING,
            detail=STRING,
            remedy=nullable(STRING),
        )
    ),
    "Health": record(status={"const": "ok"}),
    "Links": record(links=listed(_LINK)),
    "Geometry": _GEOMETRY,
    "Feature": _FEATURE,
    "FeatureCollection": record(
        type={"const": "FeatureCollection"},
        numberMatched=WHOLE,
        numberReturned=WHOLE,
        features=listed(ref("Feature")),
        links=listed(_LINK),
    ),
    "NearbyCollection": record(
        type={"const": "FeatureCollection"}, numberReturned=WHOLE, features=listed(ref("Feature"))
    ),
    "District": record(
        name=STRING,
        name_en=nullable(STRING),
        as_of=nullable(DAY),
        metric_crs=STRING,
        invented=YES_NO,
        bbox=nullable(BOX),
        version=WHOLE,
        counts=record(**dict.fromkeys(LAYERS, WHOLE)),
        subdistricts=listed(record(id=STRING, name=STRING, bbox=BOX)),
        community_kinds=listed(_TITLED),
        facility_kinds=listed(
            record(
                id=STRING,
                title=STRING,
                short=STRING,
                limit_m=NUMBER,
                source=STRING,
                verified=YES_NO,
                count=WHOLE,
            )
        ),
        units=listed(_TITLED),
        complaints=record(**{"from": nullable(DAY), "to": nullable(DAY)}),
    ),
    "Layers": listed(
        record(
            name={"enum": list(LAYERS)},
            title=STRING,
            geometry=listed({"enum": ["point", "polygon"]}),
            count=WHOLE,
            fields=listed(
                record(
                    name=STRING,
                    type={"enum": ["text", "integer", "number", "date", "time", "fact", "x", "y"]},
                    title=STRING,
                    unit=nullable(STRING),
                    codes=nullable(listed(_TITLED)),
                    parent=nullable(STRING),
                    required=YES_NO,
                    minimum=nullable(NUMBER),
                    maximum=nullable(NUMBER),
                )
            ),
        )
    ),
    "Definitions": by_name(record(title=STRING, unit=STRING, text=STRING, source=STRING)),
    "Hits": listed(record(layer=STRING, id=STRING, name=STRING, detail=STRING, lon=NUMBER, lat=NUMBER)),
}
