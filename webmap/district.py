"""What the district has and what can be asked of it: the page's controls are filled from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo import crs
from layers.areas import features_in_area
from layers.coverage import area_shape
from layers.headlines import area_title
from layers.limits import limit_range_m
from layers.places import places
from layers.problems import Forbidden, NotSignedIn
from layers.queries import PUBLIC_UNITS, QUESTIONS, default_kind, default_unit
from layers.schema import LAYERS
from layers.sight import sight_of
from layers.text import Language
from layers.units import unit_title
from webmap.features import DECIMALS
from webmap.view_parameters import UNIT_EXAMPLES

if TYPE_CHECKING:
    from layers.policy import Policy
    from layers.rules import Rows, WayOut
    from layers.sight import Sight
    from layers.snapshot import Snapshot
    from layers.visitors import Visitor

UNITS_WITHIN = {
    "district": UNIT_EXAMPLES,
    "subdistricts": UNIT_EXAMPLES,
    "neighbourhoods": ("square:100", "h3:10", "management", "communities", "neighbourhoods"),
    "communities": ("square:100", "h3:10", "communities"),
    "management_cells": ("square:100", "h3:10", "management", "communities"),
    "none": (),
}
"""Units of which some may lie in an area of each kind."""


def describe(snapshot: Snapshot, policy: Policy, visitor: Visitor, language: Language) -> dict[str, Any]:
    """Return the district as ``/api/district`` shows it to somebody: what it has, and what may be asked of it."""
    district, standards = snapshot.district, snapshot.standards
    sight = sight_of(policy, visitor) if policy.may(visitor, "view") else None
    kinds = snapshot.frame("facilities")["kind"].value_counts()
    return {
        "name": district.name,
        "name_en": district.name_en,
        "as_of": None if district.as_of is None else district.as_of.isoformat(),
        "metric_crs": district.metric_crs,
        "invented": district.invented,
        "bbox": extent(snapshot, _told_everywhere(policy, visitor, sight)),
        "version": snapshot.version,
        "epoch": district.epoch.id,
        "counts": _counts(snapshot, policy, visitor, sight),
        "subdistricts": _subdistricts(snapshot, language),
        "community_kinds": [
            {"id": code.id, "title": code.title.to(language)}
            for code in standards.code_lists["community_kinds"]
        ],
        "facility_kinds": [
            {
                "id": code.id,
                "title": code.title.to(language),
                "short": code.short.to(language),
                "limit_m": standards.limits[code.id].limit_m,
                "limit_range_m": limit_range_m(standards.limits[code.id].limit_m),
                "source": standards.limits[code.id].source.to(language),
                "verified": standards.limits[code.id].verified,
                "count": int(kinds.get(code.id, 0)),
            }
            for code in standards.code_lists["facility_kinds"]
        ],
        "default_kind": default_kind(snapshot),
        "units": [] if sight is None else _units(sight, language),
        "complaints": _complaints(snapshot, sight),
        "sight": None if sight is None else _sight(snapshot, policy, visitor, sight, language),
    }


def rows_seen(policy: Policy, visitor: Visitor, layer: str, *, way_out: WayOut) -> Rows:
    """Return which features of a layer somebody may see on a way out."""
    try:
        return policy.seen(visitor, layer, way_out=way_out).rows
    except (NotSignedIn, Forbidden):
        return "none"


def _units(sight: Sight, language: Language) -> list[dict[str, Any]]:
    questions = {
        unit: [one for one in QUESTIONS if not sight.is_public or unit in PUBLIC_UNITS[one]]
        for unit in UNITS_WITHIN[sight.area.kind]
    }
    return [
        {"id": unit, "title": unit_title(unit).to(language), "questions": answered}
        for unit, answered in questions.items()
        if answered
    ]


def _sight(
    snapshot: Snapshot, policy: Policy, visitor: Visitor, sight: Sight, language: Language
) -> dict[str, Any]:
    parts = None
    if sight.area.codes:
        here = features_in_area(snapshot, sight.area.kind, sight.area)
        of = places(snapshot, sight.area.kind)["subdistrict"].to_numpy()[here]
        parts = [str(code) for code in snapshot.frame("subdistricts").index[np.unique(of[of >= 0])]]
    shape = None if sight.is_whole else area_shape(snapshot, sight.area)
    box = None
    if shape is not None and not shape.is_empty:
        box = _rounded(crs.from_metric(np.array([shape]), snapshot.district.metric_crs)[0].bounds)
    return {
        "aggregates": sight.aggregates,
        "title": area_title(snapshot, sight).to(language),
        "bbox": box,
        "subdistricts": parts,
        "default_units": {question: default_unit(question, sight) for question in QUESTIONS},
        "period": not sight.is_public,
        "limit": not sight.is_public,
        "conditions": not sight.is_public,
        "floating": sight.floating != "none",
        "take": policy.may(visitor, "take"),
        "read": policy.may(visitor, "read"),
        "signed_in": sight.signed_in,
        "small_count": sight.small_count,
        "least_complaints": sight.least_complaints,
    }


def _counts(
    snapshot: Snapshot, policy: Policy, visitor: Visitor, sight: Sight | None
) -> dict[str, int | None]:
    """Return how many features of each layer there are, of those that may be counted one by one."""
    found: dict[str, int | None] = {}
    for layer in LAYERS:
        rows = rows_seen(policy, visitor, layer, way_out="api")
        if rows == "all" or (sight is not None and sight.aggregates == "full"):
            found[layer] = snapshot.count(layer)
        elif rows == "area":
            found[layer] = int(features_in_area(snapshot, layer, visitor.area).sum())
        else:
            found[layer] = None
    return found


def _complaints(snapshot: Snapshot, sight: Sight | None) -> dict[str, str | None]:
    """Return the first and the last day of the complaints that are seen; the public knows one period only."""
    if sight is None or sight.is_public:
        return {"from": None, "to": None}
    return _first_and_last(
        snapshot.frame("complaints")["opened"][features_in_area(snapshot, "complaints", sight.area)]
    )


def _told_everywhere(policy: Policy, visitor: Visitor, sight: Sight | None) -> list[str]:
    """Return the layers of which it may be told how far they reach."""
    full = sight is not None and sight.aggregates == "full"
    return [one for one in LAYERS if full or rows_seen(policy, visitor, one, way_out="api") == "all"]


def extent(snapshot: Snapshot, layers: list[str]) -> list[float] | None:
    """Return west, south, east, north of the outline, else of all that is in `layers`, else None."""
    if snapshot.district.outline is not None:
        return _rounded(snapshot.district.outline.bounds)
    boxes = [snapshot.frame(layer).total_bounds for layer in layers if len(snapshot.frame(layer))]
    if not boxes:
        return None
    sides = np.asarray(boxes)
    return _rounded((*sides[:, :2].min(axis=0), *sides[:, 2:].max(axis=0)))


def _rounded(box: tuple[float, ...]) -> list[float]:
    return [round(float(side), DECIMALS) for side in box]


def _subdistricts(snapshot: Snapshot, language: Language) -> list[dict[str, Any]]:
    frame = snapshot.frame("subdistricts")
    names = frame["name_en"].fillna(frame["name"]) if language == "en" else frame["name"]
    boxes = shapely.bounds(np.asarray(frame.geometry.array, dtype=object))
    return [
        {"id": code, "name": name, "bbox": _rounded(tuple(box))}
        for code, name, box in zip(frame.index, names, boxes, strict=True)
    ]


def _first_and_last(days: pd.Series) -> dict[str, str | None]:
    ends = {"from": days.min(), "to": days.max()}
    return {name: None if pd.isna(day) else day.date().isoformat() for name, day in ends.items()}
