"""Features as GeoJSON: what the policy lets out, unknown as null, positions to the centimetre."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from layers.policy import WayOut, visible_fields
from layers.schema import Field, Layer

if TYPE_CHECKING:
    import geopandas as gpd

DECIMALS = 7
"""Of a degree: about a centimetre."""


def features(frame: gpd.GeoDataFrame, layer: Layer, *, way_out: WayOut = "api") -> list[dict[str, Any]]:
    """Return the rows of a layer's frame (EPSG:4490, index code) as GeoJSON features."""
    properties = rows_of(frame, visible_fields(layer, way_out=way_out))
    return [
        {"type": "Feature", "id": code, "geometry": geometry, "properties": values}
        for code, geometry, values in zip(frame.index, geometries(frame), properties, strict=True)
    ]


def geometries(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Return geometries as GeoJSON: rounded, exterior rings counter-clockwise as RFC 7946 asks."""
    shapes = shapely.orient_polygons(np.asarray(frame.geometry.array, dtype=object))
    rounded = shapely.transform(shapes, lambda xy: np.round(xy, DECIMALS))
    return [json.loads(text) for text in shapely.to_geojson(rounded)]


def rows_of(frame: gpd.GeoDataFrame, fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Return rows as JSON values by field name; the code is among them."""
    columns = [_values(frame.index.to_series() if f.name == "code" else frame[f.name], f) for f in fields]
    names = [field.name for field in fields]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _values(column: pd.Series, field: Field) -> list[Any]:
    known = column.notna()
    if field.type == "date":
        texts = column.dt.strftime("%Y-%m-%d")
        return [text if is_known else None for text, is_known in zip(texts, known, strict=True)]
    if field.type == "integer":
        return [int(value) if is_known else None for value, is_known in zip(column, known, strict=True)]
    if field.type in ("number", "x", "y"):
        decimals = DECIMALS if field.type in ("x", "y") else 6
        numbers = column.to_numpy(dtype=float, na_value=np.nan).round(decimals)
        return [float(value) if is_known else None for value, is_known in zip(numbers, known, strict=True)]
    return [str(value) if is_known else None for value, is_known in zip(column, known, strict=True)]


def bounds(frame: gpd.GeoDataFrame) -> list[float] | None:
    """Return west, south, east, north of all features, or None where there are none."""
    if not len(frame):
        return None
    return [round(float(value), DECIMALS) for value in frame.total_bounds]
