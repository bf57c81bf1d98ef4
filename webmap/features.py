"""Features as GeoJSON: what the policy lets out, unknown as null, positions to the centimetre."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from layers.schema import Field

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.policy import Seen

DECIMALS = 7
"""Of a degree: about a centimetre."""


def features(
    frame: gpd.GeoDataFrame, seen: Seen, in_area: NDArray[np.bool_] | None = None
) -> list[dict[str, Any]]:
    """Return rows of a layer's frame (EPSG:4490, index code), that may all be seen, as GeoJSON features.

    Parameters
    ----------
    in_area : bool array, optional
        Which rows lie in the visitor's area; needed where `seen` tells more of those. Of the others,
        what may not be told is left out, so that it does not read as unknown.
    """
    properties = rows_of(frame, seen.fields)
    if seen.in_area:
        if in_area is None:
            raise ValueError("which rows lie in the area must be given")
        for row in np.flatnonzero(~in_area):
            for field in seen.in_area:
                del properties[row][field.name]
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
    if not fields:
        return [{} for _ in range(len(frame))]
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
