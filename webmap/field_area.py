"""What somebody works on in the field: who they are, their area, and what of it there is to take along."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo import crs
from layers.areas import features_in_area
from layers.civil_time import day_in_china
from layers.coverage import area_shape
from layers.places import positions
from layers.schema import LAYERS
from layers.text import Text, both
from layers.verify_tasks import LAYERS_ASKED, Tasks, pair, place_title, tasks, verifiable
from layers.wording import name_of
from webmap.features import DECIMALS

if TYPE_CHECKING:
    from layers.policy import Policy
    from layers.rules import Action, WayOut
    from layers.snapshot import Snapshot
    from layers.visitors import Area, Visitor

MOST_TASKS = 500
_TASK_BYTES = 10_000
"""About what a question takes in memory."""
_CORNER_BYTES = 16
COUNTED = ("communities", "buildings", "mediation_rooms", "facilities")
_NAMED = 3


def holder_of(visitor: Visitor) -> str:
    """Return who holds what is taken along: the device's id, else the account's."""
    return (visitor.means if visitor.via == "device" else visitor.account) or ""


def area_id(area: Area) -> str:
    """Return what an area is known by: short, and another one where one code differs."""
    return f"{area.kind}:{sha256(str(area).encode()).hexdigest()[:16]}"


def area_tasks(
    snapshot: Snapshot, policy: Policy, visitor: Visitor, now: datetime, *, way_out: WayOut, action: Action
) -> Tasks:
    """Return what there is to ask in the visitor's area, by what may leave by a way out.

    Raises
    ------
    NotSignedIn, Forbidden
    """
    seen = {layer: policy.seen(visitor, layer, way_out=way_out, action=action) for layer in LAYERS_ASKED}
    asked, today = verifiable(policy, visitor), day_in_china(now)
    fields = tuple(tuple(one.name for one in found.fields) for found in seen.values())
    # Of an area is asked twice in a row: how much there is, and what.
    found = snapshot.derived(
        ("tasks", visitor.area, fields, tuple(asked.values()), today),
        lambda: tasks(snapshot, seen, asked, visitor.area, today, most=MOST_TASKS),
        size_of=lambda made: _TASK_BYTES * (1 + len(made.listed) + len(made.rooms)),
    )
    # What was written meanwhile may have been something else: then these are the version's before.
    return replace(found, version=snapshot.version)


def area_of(snapshot: Snapshot, area: Area) -> dict[str, Any]:
    """Return an area for JSON: what it is called, and where it lies."""
    outline = _outline(snapshot, area)
    codes = sorted(area.codes)
    return {
        "id": area_id(area),
        "kind": area.kind,
        "codes": codes,
        "title": pair(_title(snapshot, area, codes)),
        "bbox": None if outline is None else _rounded(outline.bounds),
        "outline": None if outline is None else _geojson(outline),
    }


def _outline(snapshot: Snapshot, area: Area) -> Any:
    """Return the ground of an area (EPSG:4490), None where there is none."""
    if area.kind == "district":
        return snapshot.district.outline

    def make() -> Any:
        shape = area_shape(snapshot, area)
        if shape.is_empty:
            return None
        return crs.from_metric(np.array([shape], dtype=object), snapshot.district.metric_crs)[0]

    # Each look at the tablet's page asks for it; to join some ten thousand cells takes seconds.
    return snapshot.derived(("ground", area), make, size_of=_bytes_of)


def _bytes_of(shape: Any) -> int:
    return _CORNER_BYTES * (1 + int(shapely.get_num_coordinates(shape)))


def _title(snapshot: Snapshot, area: Area, codes: list[str]) -> Text:
    if area.kind not in LAYERS:
        return Text("全区", "Whole district") if area.kind == "district" else Text("无", "None")
    frame = snapshot.frame(area.kind)
    here = [code for code in codes if code in frame.index]
    if len(here) > _NAMED:
        one = LAYERS[area.kind]
        return Text("{n} 个{t}", "{n} {t}").format(n=len(here), t=Text(one.title.zh, one.title.en.lower()))
    names = [
        name_of(frame.iloc[at], code) for code, at in zip(here, positions(frame.index, here), strict=True)
    ] or [both(code) for code in codes[:_NAMED]]
    title = Text("、".join(name.zh for name in names), ", ".join(name.en for name in names))
    place = place_title(snapshot, area.kind, here[0]) if len(here) == 1 else both("")
    return Text(*(" · ".join(filter(None, parts)) for parts in zip(place, title, strict=True)))


def counts_of(snapshot: Snapshot, area: Area, found: Tasks) -> dict[str, int]:
    """Return how much there is in an area."""
    of = {layer: int(features_in_area(snapshot, layer, area).sum()) for layer in COUNTED}
    return {"tasks": found.total, **of}


def district_of(snapshot: Snapshot) -> dict[str, Any]:
    """Return what the district is called."""
    district = snapshot.district
    return {"name": district.name, "name_en": district.name_en, "invented": district.invented}


def as_of(snapshot: Snapshot) -> str | None:
    """Return the district's day."""
    day = snapshot.district.as_of
    return None if day is None else day.isoformat()


def moment_text(moment: datetime) -> str:
    """Return a moment in UTC, to the second, as RFC 3339 writes it."""
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def may_of(policy: Policy, visitor: Visitor) -> dict[str, bool]:
    """Return what somebody may do in the field."""
    actions: tuple[Action, ...] = ("verify", "change", "package")
    return {action: policy.may(visitor, action) for action in actions}


def _rounded(box: tuple[float, ...]) -> list[float]:
    return [round(float(side), DECIMALS) for side in box]


def _geojson(shape: Any) -> dict[str, Any]:
    turned = shapely.orient_polygons(shape)
    rounded = shapely.transform(turned, lambda xy: np.round(xy, DECIMALS))
    made: dict[str, Any] = json.loads(shapely.to_geojson(rounded))
    return made
