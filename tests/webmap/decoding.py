"""Decoders of vector tiles that are not ours."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import mapbox_vector_tile
import pyogrio

Place = tuple[int, int, int]
"""Zoom, column, row."""


def decoded(body: bytes) -> list[dict[str, Any]]:
    """Features in tile units, y down."""
    layers = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True}) if body else {}
    found: list[dict[str, Any]] = next(iter(layers.values()))["features"] if layers else []
    return found


def by_gdal(body: bytes, place: Place) -> gpd.GeoDataFrame:
    """Features in EPSG:3857, as GDAL reads them."""
    zoom, x, y = place
    frame: gpd.GeoDataFrame = pyogrio.read_dataframe(body, X=str(x), Y=str(y), Z=str(zoom), CLIP="NO")
    return frame
