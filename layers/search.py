"""Finding a place by its name or code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from layers.policy import unguarded_fields
from layers.schema import LAYERS
from layers.text import Language
from layers.wording import known

if TYPE_CHECKING:
    from layers.snapshot import Snapshot

SEARCHED = (
    "communities",
    "subdistricts",
    "neighbourhoods",
    "facilities",
    "mediation_rooms",
    "management_cells",
    "buildings",
)
"""Layers that are searched, in the order in which equally good hits are shown."""


def search(snapshot: Snapshot, text: str, *, limit: int, language: Language) -> list[dict[str, Any]]:
    """Return features whose name or code holds `text`: exact hits first, then beginnings, then the rest.

    Letter case does not matter. Each hit has `layer`, `id`, `name`, `detail`, `lon`, `lat`.
    """
    wanted = text.strip().casefold()
    if not wanted:
        return []
    hits: list[tuple[int, int, int, str, int]] = []
    for order, layer in enumerate(SEARCHED):
        for column in _searchable(snapshot, layer):
            for row, value in enumerate(column):
                at = value.find(wanted) if value else -1
                if at >= 0:
                    hits.append(
                        (0 if value == wanted else 1 if at == 0 else 2, order, len(value), layer, row)
                    )
    found: list[dict[str, Any]] = []
    seen: set[tuple[str, int]] = set()
    for *_, layer, row in sorted(hits):
        if (layer, row) not in seen:
            seen.add((layer, row))
            found.append(_hit(snapshot, layer, row, language))
        if len(found) == limit:
            break
    return found


def _searchable(snapshot: Snapshot, layer: str) -> list[list[str]]:
    def make() -> list[list[str]]:
        frame = snapshot.frame(layer)
        allowed = {field.name for field in unguarded_fields(LAYERS[layer])}
        columns = [[str(code).casefold() for code in frame.index]] if "code" in allowed else []
        named = [frame[name] for name in ("name", "name_en") if name in allowed]
        return columns + [
            [str(value).casefold() if known(value) else "" for value in column] for column in named
        ]

    return snapshot.derived(("searchable", layer), make)


def _hit(snapshot: Snapshot, layer: str, row: int, language: Language) -> dict[str, Any]:
    frame = snapshot.frame(layer)
    feature, code = frame.iloc[row], str(frame.index[row])
    names = [feature["name_en"], feature["name"]] if language == "en" else [feature["name"]]
    name = next((str(value) for value in names if known(value)), code)
    at = shapely.point_on_surface(np.asarray(frame.geometry.array)[row])
    return {
        "layer": layer,
        "id": code,
        "name": name,
        "detail": f"{LAYERS[layer].one.to(language)} · {code}",
        "lon": round(float(at.x), 6),
        "lat": round(float(at.y), 6),
    }
