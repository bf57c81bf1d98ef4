"""Frames of the layers: one shape, one set of types, whoever made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.crs import STORED_CRS

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.schema import Layer

DTYPES: dict[str, str] = {
    "text": "str",
    "fact": "str",
    "time": "str",
    "integer": "Int64",
    "number": "float64",
    "x": "float64",
    "y": "float64",
    "date": "datetime64[s]",
}
"""pandas type per `FieldType`; unknown is NaN, NaT or NA, and ``unknown`` for facts."""


def conform(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    """Return `frame` with just the layer's columns in order, typed, indexed by `code`.

    Parameters
    ----------
    frame : GeoDataFrame in EPSG:4490, or without CRS
        Holds `code` as a column or index; columns that are not there are filled with unknown.
    """
    import geopandas as gpd

    if frame.index.name == "code" and "code" not in frame.columns:
        frame = frame.reset_index()
    columns: dict[str, Any] = {}
    for field in layer.fields:
        values = (
            frame[field.name]
            if field.name in frame.columns
            else pd.Series(np.nan, index=frame.index, dtype=object)
        )
        typed = values.astype(DTYPES[field.type])  # type: ignore[call-overload]
        columns[field.name] = typed.fillna("unknown") if field.type == "fact" else typed
    made = gpd.GeoDataFrame(columns, geometry=np.asarray(frame.geometry.array), crs=STORED_CRS)
    return made.set_index("code")


def with_columns(table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    """Return a table with more columns, or others in the place of some; arrays are taken as they are and not copied."""
    held = {name: table[name].array for name in table.columns}
    return pd.DataFrame(held | columns, index=table.index, copy=False)


def empty_frame(layer: Layer) -> gpd.GeoDataFrame:
    """Return a frame of the layer without rows."""
    import geopandas as gpd

    return conform(gpd.GeoDataFrame({"code": []}, geometry=[], crs=STORED_CRS), layer)
