"""The shapes of the API of uploads, as JSON schemas."""

from __future__ import annotations

from layers.schema import LAYERS
from webmap.json_schema import ANYTHING, STRING, WHOLE, YES_NO, Schema, listed, nullable, record, ref

_PROGRESS = record(what=STRING, done=WHOLE, total=WHOLE)
_TABLE: Schema = {"type": "object", "additionalProperties": {"type": "string"}}

UPLOAD: Schema = record(
    id=STRING,
    name=STRING,
    layer={"enum": list(LAYERS)},
    size=WHOLE,
    status={"enum": ["received", "working", "checked", "failed", "interrupted", "done"]},
    job=nullable(STRING),
    options={"type": "object"},
    progress=nullable(_PROGRESS),
    check=ANYTHING,
    result=ANYTHING,
    left_s=WHOLE,
)
UPLOADS: Schema = record(uploads=listed(ref("Upload")))
UPLOAD_OPTIONS: Schema = record(
    {
        "layer": {"enum": list(LAYERS)},
        **{name: nullable(STRING) for name in ("source_layer", "crs", "datum", "lon", "lat", "wkt")},
        "columns": _TABLE,
        "constants": _TABLE,
        "values": {"type": "object", "additionalProperties": _TABLE},
        "only": {"type": "object", "additionalProperties": listed(STRING)},
        "set_aside": YES_NO,
        "effective": nullable(STRING),
        "note": nullable(STRING),
    }
)
UPLOAD_CONFIRMATION: Schema = record(number=STRING)
