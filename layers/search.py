"""Finding a place by its name or code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from layers.areas import features_in_area
from layers.schema import LAYERS
from layers.text import Language
from layers.wording import known

if TYPE_CHECKING:
    from layers.policy import Seen
    from layers.snapshot import Snapshot
    from layers.visitors import Area

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


def search(
    snapshot: Snapshot, text: str, *, limit: int, language: Language, seen: Mapping[str, Seen], area: Area
) -> list[dict[str, Any]]:
    """Return features whose name or code holds `text`: exact hits first, then beginnings, then the rest.

    Letter case does not matter. Each hit has `layer`, `id`, `name`, `detail`, `lon`, `lat`.

    Parameters
    ----------
    seen : mapping of str to Seen
        What may be seen of each layer; layers that are not among them are not searched.
    area : Area
        Whose features are searched where only those may be seen.
    """
    wanted = text.strip().casefold()
    if not wanted:
        return []
    hits: list[tuple[int, int, int, str, int]] = []
    for order, layer in enumerate(name for name in SEARCHED if name in seen):
        inside = features_in_area(snapshot, layer, area) if seen[layer].rows == "area" else None
        for column in _searchable(snapshot, seen[layer]):
            for row, value in enumerate(column):
                at = value.find(wanted) if value else -1
                if at >= 0 and (inside is None or inside[row]):
                    hits.append(
                        (0 if value == wanted else 1 if at == 0 else 2, order, len(value), layer, row)
                    )
    found: list[dict[str, Any]] = []
    shown: set[tuple[str, int]] = set()
    for *_, layer, row in sorted(hits):
        if (layer, row) not in shown:
            shown.add((layer, row))
            found.append(_hit(snapshot, seen[layer], row, language))
        if len(found) == limit:
            break
    return found


def _names(seen: Seen) -> tuple[str, ...]:
    """Return the fields by which the layer's features are found."""
    return tuple(field.name for field in seen.everywhere if field.name in ("code", "name", "name_en"))


def _searchable(snapshot: Snapshot, seen: Seen) -> list[list[str]]:
    layer, names = seen.layer.name, _names(seen)

    def make() -> list[list[str]]:
        frame = snapshot.frame(layer)
        columns = [frame.index if name == "code" else frame[name] for name in names]
        return [[str(value).casefold() if known(value) else "" for value in column] for column in columns]

    return snapshot.derived(("searchable", layer, names), make)


def _hit(snapshot: Snapshot, seen: Seen, row: int, language: Language) -> dict[str, Any]:
    layer, names = seen.layer.name, _names(seen)
    frame = snapshot.frame(layer)
    feature, code = frame.iloc[row], str(frame.index[row])
    preferred = ("name_en", "name") if language == "en" else ("name",)
    known_names = (feature[name] for name in preferred if name in names)
    name = next((str(value) for value in known_names if known(value)), code)
    at = shapely.point_on_surface(np.asarray(frame.geometry.array)[row])
    return {
        "layer": layer,
        "id": code,
        "name": name,
        "detail": f"{LAYERS[layer].one.to(language)} · {code}",
        "lon": round(float(at.x), 6),
        "lat": round(float(at.y), 6),
    }
