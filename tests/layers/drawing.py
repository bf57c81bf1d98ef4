"""The small district redrawn by hand, and what is found in it then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from layers.checks.findings import Case, Finding
from layers.checks.run import check
from layers.frames import conform
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from tests.district import METRIC_CRS, ORIGIN, small_district

Frames = dict[str, gpd.GeoDataFrame]
Found = dict[tuple[str, str | None], Finding]


def stored(*shapes: Any) -> np.ndarray:
    """Take shapes from the sheet to EPSG:4490."""
    moved = shapely.transform(list(shapes), lambda xy: xy + ORIGIN)
    return np.asarray(gpd.GeoSeries(moved, crs=METRIC_CRS).to_crs("EPSG:4490").array, dtype=object)


def put(frames: Frames, layer: str, code: str, shape: Any) -> None:
    """Give a feature another shape, drawn on the sheet."""
    put_stored(frames, layer, code, stored(shape)[0])


def put_stored(frames: Frames, layer: str, code: str, shape: Any) -> None:
    frame = frames[layer]
    shapes = np.asarray(frame.geometry.array, dtype=object).copy()
    shapes[frame.index.get_loc(code)] = shape
    frames[layer] = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs="EPSG:4490"))


def add(frames: Frames, layer: str, shape: Any, **fields: Any) -> None:
    """Add a feature, drawn on the sheet."""
    row = gpd.GeoDataFrame([fields], geometry=stored(shape), crs="EPSG:4490")
    frames[layer] = pd.concat([frames[layer], conform(row, LAYERS[layer])]).sort_index()


def found_after(
    standards: Standards, *changes: Callable[[Frames], None], outline: bool = True, only: str | None = None
) -> Found:
    district, frames = small_district(outline=outline)
    for change in changes:
        change(frames)
    findings = check(Snapshot(1, district, standards, frames))
    return {(finding.id, finding.layer): finding for finding in findings if only in (None, finding.id)}


def faults(findings: Found) -> list[tuple[str, str | None]]:
    return [key for key, finding in findings.items() if finding.fault]


def case(findings: Found, kind: str, layer: str) -> Case:
    (only,) = findings[kind, layer].cases
    return only


def is_at(one: Case, x: float, y: float, *, within_m: float = 0.2) -> bool:
    """Whether a case's lon and lat are this place of the sheet."""
    place = gpd.GeoSeries.from_xy([one.details["lon"]], [one.details["lat"]], crs="EPSG:4490").to_crs(
        METRIC_CRS
    )
    return bool(place.iloc[0].distance(shapely.Point(x + ORIGIN[0], y + ORIGIN[1])) <= within_m)
