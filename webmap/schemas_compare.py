"""The shape of a comparison; see `webmap.schemas`."""

from __future__ import annotations

from layers.queries import QUESTIONS
from webmap.json_schema import DAY, NUMBER, STRING, WHOLE, YES_NO, listed, nullable, record

_FIGURES = {
    "units": WHOLE,
    "units_text": STRING,
    "residents": nullable(NUMBER),
    "residents_text": nullable(STRING),
    "unknown": WHOLE,
    "share": nullable(NUMBER),
    "share_text": nullable(STRING),
}
_SIDE = record(
    question={"enum": list(QUESTIONS)},
    title=STRING,
    short=STRING,
    groups=listed(
        record(
            id=STRING,
            title=STRING,
            token=STRING,
            classes=listed(STRING),
            apart=YES_NO,
            worst=YES_NO,
        )
    ),
)
COMPARISON = record(
    as_of=nullable(DAY),
    unit=record(id=STRING, title=STRING, counted=STRING),
    left=_SIDE,
    right=_SIDE,
    cells=listed(listed(record(**_FIGURES))),
    total=record(**_FIGURES),
    worst=record(title=STRING, **_FIGURES),
    residents_told=YES_NO,
    conditions=nullable(
        record(
            title=STRING,
            of=WHOLE,
            of_text=STRING,
            matches=WHOLE,
            matches_text=STRING,
            unknown=WHOLE,
            unknown_text=STRING,
        )
    ),
)
"""The shape of a comparison: columns are the groups of the left question, rows those of the right one."""
