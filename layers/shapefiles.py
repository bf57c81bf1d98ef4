"""Frames to Shapefiles, which hold one kind of geometry each and have names of ten bytes."""

from __future__ import annotations

import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import shapely

from layers.problems import BadParameter
from layers.text import Text

if TYPE_CHECKING:
    import geopandas as gpd

_NAME_BYTES, _TEXT_BYTES = 10, 254


def shapefiles(frame: gpd.GeoDataFrame, title: str) -> bytes:
    """Return a zip of one Shapefile per kind of geometry, for one holds one, and a list of the fields.

    Field names there have ten bytes: ``fields.csv`` says which column each stands for.
    """
    import pyogrio

    names = short_names([name for name in frame.columns if name != "geometry"])
    for name in names:
        if frame[name].dtype == "str" and any(
            len(text.encode()) > _TEXT_BYTES for text in frame[name].dropna()
        ):
            raise BadParameter(
                Text(
                    "字段 {name} 有超过 254 字节的文本，Shapefile 容不下。",
                    "{name} has texts of more than 254 bytes, which no Shapefile holds.",
                ).format(name=name),
                Text("请导出为 .gpkg。", "Export to .gpkg."),
            )
    listed = pd.DataFrame({"field": names.values(), "column": names.keys()}).to_csv(index=False)
    content = BytesIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        dimensions = shapely.get_dimensions(frame.geometry.to_numpy())
        for dimension, kind in enumerate(("point", "line", "polygon")):
            if (dimensions == dimension).any():
                pyogrio.write_dataframe(
                    frame[dimensions == dimension].rename(columns=names),
                    Path(folder, f"{kind}.shp"),
                    driver="ESRI Shapefile",
                    layer_options={"ENCODING": "UTF-8", "DBF_DATE_LAST_UPDATE": "1970-01-01"},
                    use_arrow=True,
                )
        for file in sorted(Path(folder).iterdir()):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("fields.csv"), listed.encode("utf-8-sig"), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def short_names(names: list[str]) -> dict[str, str]:
    """Return for each name a different one of at most ten bytes, its beginning where that is possible."""
    short: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        for number in range(len(names) + 1):
            tail = f"_{number}" if number else ""
            room = _NAME_BYTES - len(tail)
            candidate = name.encode()[:room].decode(errors="ignore") + tail
            if candidate.casefold() not in used:
                break
        used.add(candidate.casefold())
        short[name] = candidate
    return short
