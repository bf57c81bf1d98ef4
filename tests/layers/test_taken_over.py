"""What a snapshot takes over from the one before is what it would find itself, whatever layer was written."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely.affinity

from geo.crs import STORED_CRS
from layers.analysis import analyse
from layers.coverage import kind_coverage
from layers.frames import conform
from layers.queries import ViewQuery
from layers.schema import LAYERS
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.summary import summary
from layers.views import view
from layers.visitors import WHOLE_DISTRICT, Area
from tests.district import small_district
from webmap import sheet

SCHEMES = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")
QUESTIONS = ("gap", "double_none", "hotspots")
PARTS = (
    Area("subdistricts", frozenset({"S1"})),
    Area("neighbourhoods", frozenset({"S1N1"})),
    Area("management_cells", frozenset({"G01"})),
)
KIND = "day_care"
EVERYTHING = Sight(aggregates="full", area=WHOLE_DISTRICT, floating="all")


def told(snapshot: Snapshot) -> dict[str, Any]:
    """Everything that is told of a district."""
    found: dict[str, Any] = {"summary": summary(snapshot)}
    for scheme in SCHEMES:
        found[f"table {scheme}"] = analyse(snapshot, scheme).to_json()
        for question in QUESTIONS:
            asked = {"question": question, "unit": scheme, "kind": KIND}
            query = ViewQuery.from_params(asked, snapshot, EVERYTHING)
            found[f"{question} {scheme}"] = view(snapshot, query, EVERYTHING).as_dict("en")
    found["lines"] = str(sheet.boundaries(snapshot))
    for kind in ("green", "water", "road"):
        found[kind] = str(sheet.ground(snapshot, kind))
    for part in PARTS:
        found[f"covered {part}"] = kind_coverage(snapshot, KIND, part).as_dict()
    return found


def moved(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The layer with its last feature a kilometre to the north-east, and without its first."""
    changed = frame.iloc[1:].copy()
    shapes = changed.geometry.to_numpy()
    shapes[-1] = shapely.affinity.translate(shapes[-1], 0.01, 0.01)
    return changed.set_geometry(gpd.GeoSeries(shapes, index=changed.index, crs=changed.crs))


@cache
def district(outline: bool) -> tuple[Any, dict[str, gpd.GeoDataFrame]]:
    """The small district, with a lawn and a pond."""
    about, frames = small_district(outline=outline)
    ground = frames["communities"].geometry.array[:2]
    rows = {"kind": ["green", "water"], "geometry": ground}
    index = pd.Index(["B1", "B2"], name="code")
    backdrop = conform(gpd.GeoDataFrame(rows, index=index, crs=STORED_CRS), LAYERS["backdrop"])
    return about, frames | {"backdrop": backdrop}


@pytest.mark.parametrize("outline", [True, False])
@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_taken_over_is_what_would_be_found(layer: str, outline: bool, standards: Standards) -> None:
    about, frames = district(outline)
    before = Snapshot(1, about, standards, frames)
    told(before)
    changed = frames | {layer: moved(frames[layer])}
    after = Snapshot(2, about, standards, changed, before=before)
    anew = told(Snapshot(2, about, standards, changed))
    for name, answer in told(after).items():
        assert json.dumps(answer, default=str) == json.dumps(anew[name], default=str), name
