"""The shapes of what tablets ask for."""

from __future__ import annotations

from typing import get_args

from layers.access.package_keys import Holding
from layers.installation import MAP_DATUMS
from layers.rules import Action
from layers.verify_tasks import GROUPS, DoubtKind
from layers.visitors import AREA_KINDS
from webmap.json_schema import (
    BOX,
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

_PAIR = record(zh=STRING, en=STRING)
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_KEY = record(kid=STRING, kty={"const": "EC"}, crv={"const": "P-256"}, x=STRING, y=STRING)
_MAY: tuple[Action, ...] = ("verify", "change", "package")
_VALUE: Schema = {"enum": ["yes", "no", "unknown"]}

FIELD = record(
    version=WHOLE,
    epoch=EPOCH,
    as_of=nullable(DAY),
    day=DAY,
    server_time=_MOMENT,
    district=record(name=STRING, name_en=nullable(STRING), invented=YES_NO),
    map_datum={"enum": list(MAP_DATUMS)},
    who=record(
        name=nullable(STRING),
        via={"enum": ["nobody", "session", "key", "device"]},
        role=record(id=STRING, title=_PAIR),
    ),
    holder=STRING,
    area=record(
        id=STRING,
        kind={"enum": list(AREA_KINDS)},
        codes=listed(STRING),
        title=_PAIR,
        bbox=nullable(BOX),
        outline=nullable(ref("Geometry")),
    ),
    may=record(**dict.fromkeys(_MAY, YES_NO)),
    counts=record(tasks=WHOLE, communities=WHOLE, buildings=WHOLE, mediation_rooms=WHOLE, facilities=WHOLE),
    package=nullable(
        record(days=WHOLE, margin_m=NUMBER, min_zoom=WHOLE, max_zoom=WHOLE, layers=listed(STRING), key=_KEY)
    ),
)

FIELD_TASKS = record(
    version=WHOLE,
    epoch=EPOCH,
    day=DAY,
    total=WHOLE,
    tasks=listed(
        record(
            id=STRING,
            layer=STRING,
            code=STRING,
            field=STRING,
            name=_PAIR,
            place=_PAIR,
            question=_PAIR,
            ask=_PAIR,
            why=record(
                kind={"enum": list(get_args(DoubtKind))}, days=nullable(WHOLE), text=_PAIR, urgent=YES_NO
            ),
            rank=WHOLE,
            group={"enum": list(GROUPS)},
            group_text=_PAIR,
            residents=nullable(WHOLE),
            lon=NUMBER,
            lat=NUMBER,
            record=record(
                value=_VALUE,
                text=_PAIR,
                date=nullable(DAY),
                details=listed(record(field=STRING, title=_PAIR, value=STRING, text=_PAIR)),
            ),
        )
    ),
    rooms=listed(record(code=STRING, name=_PAIR, shared=_VALUE, lon=NUMBER, lat=NUMBER)),
)

FIELD_STATUS = record(
    state={"enum": ["ok", "signed_out", "unknown", "revoked", "other_holder", "area_changed", "not_allowed"]},
    asked=nullable({"enum": list(get_args(Holding))}),
    wipe=YES_NO,
    text=_PAIR,
    holder=nullable(STRING),
    person=nullable(STRING),
    area=nullable(STRING),
    version=nullable(WHOLE),
    epoch=nullable(EPOCH),
    server_time=_MOMENT,
    key=nullable(_KEY),
)
