"""Steps of scenarios on the small district, and what is said of it."""

from __future__ import annotations

from typing import Any

import shapely
from hypothesis import strategies as st

from layers import views
from layers.queries import ViewQuery
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.summary import summary
from layers.what_if import ROOM, SHARED_ROOM, Scenario, Step, hypothesis
from tests.layers.drawing import stored

EVERYTHING = Sight(aggregates="full", floating="all")
UNITS = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")
# On the sheet: within C08, which is double-none and has no day-care near, and within C07 beside it.
IN_C08, IN_C07 = (1200.0, 250.0), (930.0, 250.0)


def at(x: float, y: float) -> tuple[float, float]:
    point = stored(shapely.Point(x, y))[0]
    return round(float(point.x), 7), round(float(point.y), 7)


def query_of(snapshot: Snapshot, **params: str) -> ViewQuery:
    return ViewQuery.from_params(params, snapshot, EVERYTHING)


def supposed(snapshot: Snapshot, *steps: Step, unit: str = "communities") -> Snapshot:
    return hypothesis(snapshot, Scenario(steps), unit=unit).supposed


def add(kind: str, x: float, y: float) -> Step:
    return Step("add", kind=kind, at=at(x, y))


def move(layer: str, code: str, x: float, y: float) -> Step:
    return Step("move", layer=layer, code=code, at=at(x, y))


def close(layer: str, code: str) -> Step:
    return Step("close", layer=layer, code=code)


def answers(snapshot: Snapshot, *units: str) -> list[Any]:
    """Return all that is said of a district: the summary, every view and every card."""
    said: list[Any] = [summary(snapshot)["mediation"], summary(snapshot)["coverage"]]
    for unit in units:
        for question, kind in (("gap", "day_care"), ("gap", "library"), ("double_none", "day_care")):
            for language in ("zh", "en"):
                query = query_of(snapshot, question=question, kind=kind, unit=unit)
                said.append(views.view(snapshot, query, EVERYTHING).as_dict(language))
        ids = said[-1]["rows"]["id"]
        query = query_of(snapshot, question="gap", kind="day_care", unit=unit, limit_m="500")
        said += [views.card(snapshot, unit, id_, query, EVERYTHING).as_dict("zh") for id_ in ids[:40]]
    return said


KINDS = ("day_care", "library", ROOM, SHARED_ROOM)
CODES = [("facilities", f"F0{n}") for n in range(1, 10)] + [("mediation_rooms", f"M{n}") for n in (1, 2, 3)]
PLACES = st.tuples(st.integers(-50, 1650).map(float), st.integers(-50, 1250).map(float))
STEPS = st.one_of(
    st.builds(lambda kind, xy: add(kind, *xy), st.sampled_from(KINDS), PLACES),
    st.builds(lambda what, xy: move(*what, *xy), st.sampled_from(CODES), PLACES),
    st.builds(lambda what: close(*what), st.sampled_from(CODES)),
)
