"""The shapes of saved things; see `webmap.schemas`."""

from __future__ import annotations

from layers.access.saved import KIND_ACTIONS, MOST_NAME_CHARACTERS
from webmap.json_schema import STRING, WHOLE, YES_NO, Schema, listed, nullable, record

_KIND = {"enum": list(KIND_ACTIONS)}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MOST_NAME_CHARACTERS}
_CONTENT: Schema = {"type": "object"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}

SAVED_THING = record(
    id=STRING,
    kind=_KIND,
    name=_NAME,
    owner=record(name=STRING, title=STRING),
    mine=YES_NO,
    shared=YES_NO,
    version=WHOLE,
    created=_MOMENT,
    changed=_MOMENT,
    changed_by=STRING,
    may=record(change=YES_NO, share=YES_NO, remove=YES_NO),
    content=nullable(_CONTENT),
)
SAVED_THINGS = record(saved=listed(SAVED_THING))
NEW_SAVED_THING = record({"shared": YES_NO}, kind=_KIND, name=_NAME, content=_CONTENT)
SAVED_CHANGE = record({"name": _NAME, "shared": YES_NO, "content": _CONTENT}, version=WHOLE)
