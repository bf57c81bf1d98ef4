"""The shapes of views, cards and the summary; see `webmap.schemas`."""

from __future__ import annotations

from layers.queries import QUESTIONS
from layers.schema import LAYERS
from webmap.json_schema import (
    ANYTHING,
    BOX,
    DAY,
    NUMBER,
    STRING,
    WHOLE,
    YES_NO,
    Schema,
    by_name,
    listed,
    nullable,
    record,
)

_COUNTED = record(count=WHOLE, of=WHOLE, unknown=WHOLE)
_FIGURE = record(count=NUMBER, of=NUMBER, unknown=NUMBER, rate=nullable(NUMBER))
_PART = record(id=STRING, title=STRING, count=WHOLE, token=STRING)
SIGHT = record(
    aggregates={"enum": ["public", "area", "full"]},
    title=STRING,
    bbox=nullable(BOX),
    subdistricts=nullable(listed(STRING)),
    default_units=record(**dict.fromkeys(QUESTIONS, STRING)),
    period=YES_NO,
    limit=YES_NO,
    conditions=YES_NO,
    floating=YES_NO,
    take=YES_NO,
    read=YES_NO,
    signed_in=YES_NO,
    small_count=WHOLE,
    least_complaints=WHOLE,
)
_HEADLINE = record(
    {"value": nullable(NUMBER)},
    needs=listed({"enum": list(LAYERS)}),
    value_text=STRING,
    label=STRING,
    basis=STRING,
    figure=nullable(_FIGURE),
    parts=listed(_PART),
    definition=STRING,
)
_QUERY = record(
    question={"enum": list(QUESTIONS)},
    unit=STRING,
    kind=STRING,
    limit_m=nullable(WHOLE),
    subdistrict=nullable(STRING),
    community_kind=nullable(STRING),
    where=nullable(STRING),
    **{"from": nullable(DAY), "to": nullable(DAY)},
)
_SEATS: Schema = {"type": "string", "pattern": "^[01?]{4}$"}
_YEAR: Schema = {"type": "array", "items": WHOLE, "minItems": 12, "maxItems": 12}

VIEW = record(
    query=_QUERY,
    as_of=nullable(DAY),
    invented=YES_NO,
    sight=record(aggregates={"enum": ["public", "area", "full"]}, title=STRING),
    question=record(
        id={"enum": list(QUESTIONS)},
        title=STRING,
        definition=STRING,
        basis={"enum": ["residents", "buildings", "communities", "rate", "count"]},
        method=STRING,
    ),
    limit=record(metres=NUMBER, standard=NUMBER, chosen=YES_NO, source=STRING),
    headlines=record(**dict.fromkeys(QUESTIONS, _HEADLINE)),
    three_ways=listed(
        record(
            id={"enum": ["residents", "buildings", "area"]},
            title=STRING,
            share=nullable(NUMBER),
            share_text=STRING,
            unknown_share=nullable(NUMBER),
            unknown_text=nullable(STRING),
            withheld=YES_NO,
            definition=STRING,
        )
    ),
    strip=listed(record(title=STRING, value_text=STRING, tone=nullable(STRING), definition=nullable(STRING))),
    conditions=nullable(
        record(
            where=STRING,
            items=listed(
                record(
                    text=STRING,
                    kind=STRING,
                    negated=YES_NO,
                    about=STRING,
                    asked=STRING,
                    title=STRING,
                    matches=WHOLE,
                    unknown=WHOLE,
                )
            ),
            of=WHOLE,
            matches=WHOLE,
            unknown=WHOLE,
            rest=WHOLE,
            emptied_by=nullable(WHOLE),
            token=STRING,
            title=STRING,
        )
    ),
    legend=record(
        title=STRING,
        subtitle=STRING,
        classes=listed(
            record(id=STRING, title=STRING, token=STRING, count=WHOLE, residents=nullable(NUMBER))
        ),
    ),
    list=record(
        title=STRING,
        subtitle=STRING,
        count=WHOLE,
        listed=listed(STRING),
        column=record(title=STRING, definition=STRING),
    ),
    # All of them, unless the request names `columns`.
    rows=record(
        {
            "id": listed(STRING),
            "name": listed(STRING),
            "place": listed(STRING),
            "class": listed(STRING),
            "value": listed(nullable(NUMBER)),
            "value_text": listed(STRING),
            "residents": listed(nullable(NUMBER)),
            "complaints": listed(nullable(NUMBER)),
            "seats": listed(nullable(_SEATS)),
            "suppressed": listed(YES_NO),
            "months": listed(nullable(_YEAR)),
            "lon": listed(NUMBER),
            "lat": listed(NUMBER),
        }
    ),
    rest=nullable(
        record(id=listed(STRING), **{"class": listed(STRING)}, lon=listed(NUMBER), lat=listed(NUMBER))
    ),
)

CARD = record(
    id=STRING,
    unit=STRING,
    name=STRING,
    place=STRING,
    tag=nullable(record(text=STRING, tone=STRING)),
    reason=listed(record(text=STRING, fact=nullable(STRING), date=nullable(DAY))),
    main_community=nullable(STRING),
    conditions=listed(record(title=STRING, answer={"enum": ["yes", "no", "unknown"]})),
    seats=nullable(
        listed(
            record(
                id=STRING,
                title=STRING,
                value={"enum": ["yes", "no", "unknown"]},
                detail=nullable(STRING),
                date=nullable(DAY),
            )
        )
    ),
    figures=listed(
        record(
            id=STRING,
            title=STRING,
            value_text=STRING,
            definition=STRING,
            date=nullable(STRING),
            source=nullable(STRING),
            suppressed=YES_NO,
            withheld=YES_NO,
            unknown=nullable(STRING),
        )
    ),
    distances=listed(
        record(
            kind=STRING,
            title=STRING,
            access_m=nullable(NUMBER),
            straight_m=nullable(NUMBER),
            limit_m=NUMBER,
            limit_chosen=YES_NO,
            value_text=STRING,
            covered_share=nullable(NUMBER),
            covered=nullable(YES_NO),
        )
    ),
    demands=listed(record(group=STRING, title=STRING, count=WHOLE, share=NUMBER)),
    lon=NUMBER,
    lat=NUMBER,
    bbox=BOX,
)

_YEAR_COUNT = record(year=WHOLE, count=WHOLE)
_COMMUNITIES = {
    "communities": WHOLE,
    "double_none": _FIGURE,
    "without_property_management": _FIGURE,
    "owners_committee": _FIGURE,
    "management_classes": by_name(WHOLE),
    "organisation_coverage": _FIGURE,
    "work_coverage": _FIGURE,
    "four_in_one": by_name(WHOLE),
    "residents": nullable(WHOLE),
    "residents_known": _COUNTED,
}

SUMMARY = record(
    district=record(name=STRING, as_of=nullable(DAY), metric_crs=STRING, invented=YES_NO),
    layers=record(**dict.fromkeys(LAYERS, WHOLE)),
    **_COMMUNITIES,
    floating_residents=nullable(WHOLE),
    property_staff=nullable(WHOLE),
    property_staff_known=_COUNTED,
    property_staff_per_1000_residents=record(
        rate=nullable(NUMBER), staff=WHOLE, residents=WHOLE, count=WHOLE, of=WHOLE, unknown=WHOLE
    ),
    mediation=record(
        households_at_least=WHOLE,
        rooms=WHOLE,
        rooms_without_community=WHOLE,
        rooms_without_mediators=WHOLE,
        mediators=nullable(WHOLE),
        eligible=WHOLE,
        served=WHOLE,
        missing=WHOLE,
        cannot_tell=WHOLE,
    ),
    coverage=by_name(ANYTHING),
    urban_villages=record(count=WHOLE, **_COMMUNITIES),
    management_cells=record(count=WHOLE, area_km2=nullable(NUMBER)),
    built_up_area_km2=nullable(NUMBER),
    complaints=record(
        count=WHOLE, **{"from": nullable(DAY), "to": nullable(DAY)}, demand_groups=by_name(WHOLE)
    ),
    pilot_disputes=record(
        communities=WHOLE,
        before=_YEAR_COUNT,
        after=_YEAR_COUNT,
        change=nullable(NUMBER),
        interval_95=nullable({"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}),
    ),
)
