"""The shape of what the wall asks for; see `webmap.schemas`."""

from __future__ import annotations

from layers.queries import QUESTIONS
from layers.schema import LAYERS
from webmap.json_schema import DAY, EPOCH, NUMBER, STRING, WHOLE, YES_NO, listed, nullable, record

_SHOWN = {
    "id": STRING,
    **dict.fromkeys(("label", "value", "basis", "rest", "trend", "definition"), STRING),
    "figure": nullable(record(count=NUMBER, of=NUMBER, unknown=NUMBER, rate=nullable(NUMBER))),
    "reference": record(text=STRING, published=YES_NO, share=nullable(NUMBER)),
    "recorded": YES_NO,
}
_QUESTION = record(
    **_SHOWN,
    title=STRING,
    token=STRING,
    needs=listed({"enum": list(LAYERS)}),
    view=record(question={"enum": list(QUESTIONS)}, unit=STRING, kind=nullable(STRING)),
)
WALL = record(
    version=WHOLE,
    epoch=EPOCH,
    as_of=nullable(DAY),
    invented=YES_NO,
    questions=listed(_QUESTION),
    pair=listed(record(**_SHOWN)),
    linkages=listed(record(id=STRING, title=STRING, figures=listed(record(**_SHOWN)))),
    facilities=record(kind=STRING, title=STRING, count=WHOLE),
)
