"""The shapes of the API's answers as JSON schemas: the OpenAPI document shows them, tests hold answers to them."""

from __future__ import annotations

from layers.queries import QUESTIONS
from layers.rules import ACTIONS, AGGREGATES_ORDER
from layers.schema import LAYERS
from layers.visitors import AREA_KINDS
from webmap.json_schema import (
    ANYTHING,
    BOX,
    DAY,
    EPOCH,
    NUMBER,
    STRING,
    WHOLE,
    YES_NO,
    Schema,
    by_name,
    listed,
    nullable,
    record,
    ref,
)
from webmap.schemas_compare import COMPARISON
from webmap.schemas_facts import (
    BESIDE_CONFLICTS,
    CONFLICT_MEMBERS,
    FACT_HISTORY,
    FACT_REQUEST,
    FACTS,
    FACTS_WRITTEN,
)
from webmap.schemas_field import FIELD, FIELD_STATUS, FIELD_TASKS
from webmap.schemas_saved import NEW_SAVED_THING, SAVED_CHANGE, SAVED_THING, SAVED_THINGS
from webmap.schemas_upload import UPLOAD, UPLOAD_CONFIRMATION, UPLOAD_OPTIONS, UPLOADS
from webmap.schemas_views import CARD, SIGHT, SUMMARY, VIEW
from webmap.schemas_wall import WALL
from webmap.schemas_what_if import WHAT_IF, WHAT_IF_COMPARISON

_TITLED = record(id=STRING, title=STRING)
_LINK = record(rel=STRING, href={"type": "string", "format": "uri-reference"})
_GEOMETRY = record(type={"enum": ["Point", "Polygon", "MultiPolygon"]}, coordinates=listed(ANYTHING))
_ROWS = {"enum": ["area", "all"]}
_FEATURE = record(
    type={"const": "Feature"},
    id=STRING,
    geometry=ref("Geometry"),
    properties={"type": "object", "required": ["code"]},
)

SCHEMAS: dict[str, Schema] = {
    "Error": record(
        BESIDE_CONFLICTS,
        error=record(
            {
                "parameter": STRING,
                "restored": STRING,
                "problems": listed(
                    record(
                        row=nullable(WHOLE),
                        field=nullable(STRING),
                        value=nullable(STRING),
                        message=STRING,
                        remedy=STRING,
                    )
                ),
                "conflicts": listed(
                    record(
                        {"base": ANYTHING, "mine": ANYTHING, "theirs": ANYTHING, "guarded": YES_NO}
                        | CONFLICT_MEMBERS,
                        code=STRING,
                        field=nullable(STRING),
                        version=WHOLE,
                        who=STRING,
                        at=nullable(STRING),
                    )
                ),
                "codes": listed(STRING),
                "readiness": ref("Readiness"),
            },
            status=WHOLE,
            title=STRING,
            detail=STRING,
            remedy=nullable(STRING),
        ),
    ),
    "Health": record(status={"const": "ok"}),
    "Readiness": record(
        status={"enum": ["ready", "not_ready"]},
        version=nullable(WHOLE),
        store_version=nullable(WHOLE),
        age_s=nullable(WHOLE),
        checks=listed(
            record(id={"enum": ["store", "schema", "snapshot"]}, ok=nullable(YES_NO), detail=STRING)
        ),
    ),
    "Links": record(links=listed(_LINK)),
    "Me": record(
        via={"enum": ["nobody", "session", "key", "device"]},
        name=nullable(STRING),
        role=record(id=STRING, title=STRING),
        area=record(kind={"enum": list(AREA_KINDS)}, codes=listed(STRING)),
        actions=listed({"enum": list(ACTIONS)}),
        aggregates={"enum": list(AGGREGATES_ORDER)},
        units=listed(STRING),
        must_choose_password=YES_NO,
        csrf=nullable(STRING),
    ),
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
        epoch=EPOCH,
        counts=record(**dict.fromkeys(LAYERS, nullable(WHOLE))),
        subdistricts=listed(record(id=STRING, name=STRING, bbox=BOX)),
        community_kinds=listed(_TITLED),
        facility_kinds=listed(
            record(
                id=STRING,
                title=STRING,
                short=STRING,
                limit_m=NUMBER,
                limit_range_m={"type": "array", "items": WHOLE, "minItems": 2, "maxItems": 2},
                source=STRING,
                verified=YES_NO,
                count=WHOLE,
            )
        ),
        default_kind=STRING,
        units=listed(record(id=STRING, title=STRING, questions=listed({"enum": list(QUESTIONS)}))),
        sight=nullable(SIGHT),
        complaints=record(**{"from": nullable(DAY), "to": nullable(DAY)}),
    ),
    "Layers": listed(
        record(
            name={"enum": list(LAYERS)},
            title=STRING,
            geometry=listed({"enum": ["point", "polygon"]}),
            rows=_ROWS,
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
                    rows=_ROWS,
                    asked=YES_NO,
                    purpose=YES_NO,
                )
            ),
        )
    ),
    "Facts": FACTS,
    "FactRequest": FACT_REQUEST,
    "FactsWritten": FACTS_WRITTEN,
    "FactHistory": FACT_HISTORY,
    "Summary": SUMMARY,
    "View": VIEW,
    "Wall": WALL,
    "Comparison": COMPARISON,
    "WhatIf": WHAT_IF,
    "WhatIfComparison": WHAT_IF_COMPARISON,
    "Card": CARD,
    "Field": FIELD,
    "FieldTasks": FIELD_TASKS,
    "FieldStatus": FIELD_STATUS,
    "SavedThing": SAVED_THING,
    "SavedThings": SAVED_THINGS,
    "NewSavedThing": NEW_SAVED_THING,
    "Upload": UPLOAD,
    "Uploads": UPLOADS,
    "UploadOptions": UPLOAD_OPTIONS,
    "UploadConfirmation": UPLOAD_CONFIRMATION,
    "SavedChange": SAVED_CHANGE,
    "Definitions": by_name(record(title=STRING, unit=STRING, text=STRING, source=STRING)),
    "Hits": listed(record(layer=STRING, id=STRING, name=STRING, detail=STRING, lon=NUMBER, lat=NUMBER)),
}
