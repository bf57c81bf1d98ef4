"""Shapes as they are stored: what is wrong with them, and a snapshot that can be measured all the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import STORED_CRS, area_of_use
from geo.shapes import geometry_faults
from layers.checks.findings import Finding, of_rows, rounded
from layers.imports.placing import in_area
from layers.schema import LAYERS
from layers.snapshot import Snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AREA_MARGIN_DEG = 1.0
_GLOBE = (-180.0, -90.0, 180.0, 90.0)
_TYPES = {"point": (0,), "polygon": (3, 6)}
_NOWHERE = ("missing", "empty", "not_finite")


def check_geometry(snapshot: Snapshot) -> tuple[Snapshot, list[Finding]]:
    """Find shapes that are missing, invalid, of a kind the layer does not take, or nowhere near the district.

    Returns
    -------
    snapshot : Snapshot
        The same, with no geometry (None) where there is none that can be measured: the other checks
        take it. Polygons that are only invalid stay, as a snapshot measures them mended.
    findings : list of Finding
    """
    area = _area(snapshot.district.metric_crs)
    found: list[Finding] = []
    frames = {name: snapshot.frame(name) for name in LAYERS}
    for name, frame in frames.items():
        shapes = np.asarray(frame.geometry.array, dtype=object)
        faults = geometry_faults(shapes)
        nowhere = np.isin(faults.astype(str), _NOWHERE)
        off = ~nowhere & ~_near(shapes, area)
        found += [
            _invalid(snapshot, name, shapes, faults),
            _wrong_kind(snapshot, name, shapes, ~nowhere),
            _off_map(snapshot, name, shapes, off),
        ]
        if (nowhere | off).any():
            usable = shapes.copy()
            usable[nowhere | off] = None
            frames[name] = frame.set_geometry(gpd.GeoSeries(usable, index=frame.index, crs=STORED_CRS))
    if all(frames[name] is snapshot.frame(name) for name in LAYERS):
        return snapshot, found
    return Snapshot(snapshot.version, snapshot.district, snapshot.standards, frames), found


def _invalid(
    snapshot: Snapshot, layer: str, shapes: NDArray[np.object_], faults: NDArray[np.object_]
) -> Finding:
    """Make the finding of shapes with a fault, each with the place that GEOS names, where it does."""
    rows = [at for at, fault in enumerate(faults) if fault is not None]
    reasons = [str(faults[at]).removeprefix("invalid:") for at in rows]
    named = [re.search(r"\[(\S+) (\S+)\]", str(shapely.is_valid_reason(shapes[at]))) for at in rows]
    places = np.array(
        [[float(place[1]), float(place[2])] if place else [np.nan, np.nan] for place in named]
    ).reshape(-1, 2)
    places[~np.isfinite(places).all(axis=1)] = np.nan
    at = np.array(rows, dtype=np.int64)
    return of_rows(
        snapshot,
        "invalid_geometry",
        layer,
        at,
        {"reason": reasons, "lon": rounded(places[:, 0], 6), "lat": rounded(places[:, 1], 6)},
    )


def _wrong_kind(
    snapshot: Snapshot, layer: str, shapes: NDArray[np.object_], there: NDArray[np.bool_]
) -> Finding:
    taken = [number for kind in LAYERS[layer].geometry for number in _TYPES[kind]]
    wrong = there & ~np.isin(shapely.get_type_id(shapes), taken)
    types = [str(shape.geom_type) for shape in shapes[wrong]]
    return of_rows(snapshot, "wrong_geometry", layer, wrong, {"geometry": types})


def _off_map(snapshot: Snapshot, layer: str, shapes: NDArray[np.object_], off: NDArray[np.bool_]) -> Finding:
    west, south, _, _ = shapely.bounds(shapes[off]).reshape(-1, 4).T
    return of_rows(snapshot, "off_map", layer, off, {"lon": rounded(west, 6), "lat": rounded(south, 6)})


def _area(metric_crs: str) -> tuple[float, float, float, float]:
    try:
        return area_of_use(metric_crs)
    except ValueError:  # a CRS of no registry declares none
        return _GLOBE


def _near(shapes: NDArray[np.object_], area: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    west, south, east, north = shapely.bounds(shapes).reshape(-1, 4).T
    return in_area(west, south, area, margin=_AREA_MARGIN_DEG) & in_area(
        east, north, area, margin=_AREA_MARGIN_DEG
    )
