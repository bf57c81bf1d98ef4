"""The shapes of facts and of what was done to them; see `webmap.schemas`."""

from __future__ import annotations

from layers.fact_request import MOST_FOLLOWED, MOST_NOTE, MOST_SOURCE
from layers.fact_rules import LAYERS_OF_FACTS
from webmap.json_schema import (
    ANYTHING,
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

_LAYER = {"enum": list(LAYERS_OF_FACTS)}
_VALUE: Schema = {"anyOf": [STRING, NUMBER, {"type": "null"}]}
_UUID: Schema = {"type": "string", "format": "uuid"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}

FACTS = record(
    layer=_LAYER,
    layer_title=STRING,
    code=STRING,
    name=STRING,
    version=WHOLE,
    epoch=EPOCH,
    as_of_district=nullable(DAY),
    today=DAY,
    may=listed({"enum": ["verify", "change"]}),
    place=record(lon=NUMBER, lat=NUMBER, movable=YES_NO),
    fields=listed(
        record(
            field=STRING,
            title=STRING,
            type={"enum": ["text", "integer", "number", "date", "time", "fact", "x", "y"]},
            value=_VALUE,
            value_title=STRING,
            date=nullable(DAY),
            date_field=nullable(STRING),
            unit=nullable(STRING),
            codes=nullable(listed(record(id=STRING, title=STRING))),
            required=YES_NO,
            minimum=nullable(NUMBER),
            maximum=nullable(NUMBER),
            may=nullable({"enum": ["verify", "change"]}),
            group=nullable(STRING),
        )
    ),
)

FACT_REQUEST = record(
    {
        "epoch": EPOCH,
        "note": {"type": "string", "maxLength": MOST_NOTE},
        "correction": YES_NO,
        "follows": {"type": "array", "items": STRING, "maxItems": MOST_FOLLOWED},
    },
    key=_UUID,
    layer=_LAYER,
    code=STRING,
    based_on=WHOLE,
    values=by_name(ANYTHING),
    as_of=DAY,
    source={"type": "string", "minLength": 1, "maxLength": MOST_SOURCE},
)

FACTS_WRITTEN = record(
    key=_UUID,
    version=WHOLE,
    epoch=EPOCH,
    already=YES_NO,
    changed=listed(STRING),
    merged=listed(STRING),
    facts=nullable(ref("Facts")),
)

FACT_HISTORY = record(
    layer=_LAYER,
    code=STRING,
    name=STRING,
    since=WHOLE,
    count=WHOLE,
    edits=listed(
        record(
            version=WHOLE,
            kind={"enum": ["insert", "update", "delete"]},
            at=nullable(_MOMENT),
            who=nullable(STRING),
            source=STRING,
            note=STRING,
            as_of=nullable(DAY),
            correction=YES_NO,
            fields=listed(
                record(
                    {
                        "before": _VALUE,
                        "after": _VALUE,
                        "before_title": STRING,
                        "after_title": STRING,
                        "guarded": {"const": True},
                        "erased": {"const": True},
                        "moved_m": nullable(NUMBER),
                        "area_m2": listed(nullable(NUMBER)),
                        "lon": NUMBER,
                        "lat": NUMBER,
                    },
                    field=STRING,
                    title=STRING,
                )
            ),
        )
    ),
)

CONFLICT_MEMBERS: dict[str, Schema] = {"source": STRING, "note": STRING, "as_of": nullable(DAY)}
"""What a conflict of facts says besides the two sides."""

BESIDE_CONFLICTS: dict[str, Schema] = {"theirs": nullable(ref("Facts")), "mergeable": listed(STRING)}
"""What stands beside the error where facts are in conflict."""
