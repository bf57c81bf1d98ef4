"""What the district has and what can be asked of it: the page's controls are filled from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from layers.queries import default_kind
from layers.schema import LAYERS
from layers.text import Language
from layers.views import unit_title
from webmap.features import DECIMALS
from webmap.view_parameters import UNIT_EXAMPLES

if TYPE_CHECKING:
    from layers.snapshot import Snapshot


def describe(snapshot: Snapshot, language: Language) -> dict[str, Any]:
    """Return the district as ``/api/district`` shows it."""
    district, standards = snapshot.district, snapshot.standards
    kinds = snapshot.frame("facilities")["kind"].value_counts()
    return {
        "name": district.name,
        "name_en": district.name_en,
        "as_of": None if district.as_of is None else district.as_of.isoformat(),
        "metric_crs": district.metric_crs,
        "invented": district.invented,
        "bbox": extent(snapshot),
        "version": snapshot.version,
        "counts": {layer: len(snapshot.frame(layer)) for layer in LAYERS},
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
                "source": standards.limits[code.id].source.to(language),
                "verified": standards.limits[code.id].verified,
                "count": int(kinds.get(code.id, 0)),
            }
            for code in standards.code_lists["facility_kinds"]
        ],
        "default_kind": default_kind(snapshot),
        "units": [{"id": unit, "title": unit_title(unit).to(language)} for unit in UNIT_EXAMPLES],
        "complaints": _first_and_last(snapshot.frame("complaints")["opened"]),
    }


def extent(snapshot: Snapshot) -> list[float] | None:
    """Return west, south, east, north of the outline, else of everything there is, else None."""
    if snapshot.district.outline is not None:
        return _rounded(snapshot.district.outline.bounds)
    boxes = [snapshot.frame(layer).total_bounds for layer in LAYERS if len(snapshot.frame(layer))]
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
