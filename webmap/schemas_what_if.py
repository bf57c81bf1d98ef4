"""The shapes of the API's answers about scenarios; see `webmap.schemas`."""

from __future__ import annotations

from layers.what_if import MOVED_LAYERS
from layers.what_if_reach import CHANGES
from webmap.json_schema import (
    DAY,
    EPOCH,
    NUMBER,
    STRING,
    WHOLE,
    YES_NO,
    Schema,
    listed,
    nullable,
    record,
    ref,
)

_THREE: Schema = {"enum": ["yes", "no", "unknown"]}
_FIGURE = record(count=NUMBER, of=NUMBER, unknown=NUMBER, rate=nullable(NUMBER))
_POSITION: Schema = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
_STEP = record(
    number=WHOLE,
    text=STRING,
    action={"enum": ["add", "move", "close"]},
    layer={"enum": list(MOVED_LAYERS)},
    kind=STRING,
    code=nullable(STRING),
    title=STRING,
    status={"enum": ["done", "gone", "closed"]},
    note=nullable(STRING),
    lon=nullable(NUMBER),
    lat=nullable(NUMBER),
    before=nullable(_POSITION),
    radius_m=nullable(NUMBER),
)
_COMMUNITY = record(
    code=STRING,
    name=STRING,
    place=STRING,
    change={"enum": list(CHANGES)},
    double_none=_THREE,
    published=YES_NO,
    residents=WHOLE,
    residents_text=STRING,
    open_residents=WHOLE,
    buildings=WHOLE,
    walk_before_m=nullable(NUMBER),
    walk_after_m=nullable(NUMBER),
    within_before=_THREE,
    within_after=_THREE,
    lon=NUMBER,
    lat=NUMBER,
)
_DUE = record(eligible=WHOLE, served=WHOLE, missing=WHOLE, cannot_tell=WHOLE)
_RESULT = record(
    kind=STRING,
    title=STRING,
    limit_m=NUMBER,
    limit_chosen=YES_NO,
    method=STRING,
    communities_unknown=WHOLE,
    figures=listed(
        record(
            id={"enum": ["residents", "buildings", "communities"]},
            title=STRING,
            before=_FIGURE,
            after=_FIGURE,
            change=nullable(WHOLE),
            unknown_change=WHOLE,
            before_text=STRING,
            after_text=STRING,
            change_text=STRING,
            unknown_change_text=STRING,
        )
    ),
    changes=record(**dict.fromkeys(CHANGES, record(communities=WHOLE, double_none=WHOLE, villages=WHOLE))),
    communities=listed(_COMMUNITY),
    more=WHOLE,
    mediation=nullable(record(households_at_least=WHOLE, before=_DUE, after=_DUE)),
)

WHAT_IF = record(
    steps=listed(_STEP),
    scenario=STRING,
    version=WHOLE,
    epoch=EPOCH,
    base=nullable(WHOLE),
    stale=YES_NO,
    note=STRING,
    shown=nullable(STRING),
    results=listed(_RESULT),
    units=record(unit=STRING, gained=listed(STRING), lost=listed(STRING), open=listed(STRING)),
    view=ref("View"),
)
WHAT_IF_COMPARISON = record(
    version=WHOLE,
    as_of=nullable(DAY),
    columns=listed(record(name=STRING, scenario=STRING, steps=WHOLE, idle=WHOLE)),
    kinds=listed(
        record(
            kind=STRING,
            title=STRING,
            limit_m=NUMBER,
            rows=listed(record(id=STRING, title=STRING, values=listed(WHOLE), texts=listed(STRING))),
        )
    ),
)
