"""Describing a new district: its outline, and the CRS in which it is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from layers.problems import BadParameter
from layers.store import District
from layers.text import Text

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry


def describe(
    *,
    name: str,
    name_en: str | None = None,
    metric_crs: str | None = None,
    outline_file: Path | None = None,
    as_of: date | None = None,
) -> District:
    """Return the description of a new district.

    Raises
    ------
    BadParameter
        The metric CRS is not a projected one in metres; or neither CRS nor outline is given; or the
        outline lies outside the CRS's area of use.
    ValidationError
        The outline's file cannot be used.
    """
    outline = None if outline_file is None else read_outline(outline_file)
    if metric_crs is None:
        if outline is None:
            raise BadParameter(
                Text("既没有量测坐标系，也没有轮廓。", "There is neither a metric CRS nor an outline."),
                Text("请给出 --metric-crs 或 --outline。", "Give --metric-crs EPSG:N or --outline FILE."),
            )
        centre = shapely.centroid(outline)
        metric_crs = crs.metric_crs_for(centre.x, centre.y)
    metric_crs = checked_metric_crs(metric_crs)
    if outline is not None:
        box = shapely.box(*crs.area_of_use(metric_crs))
        if not shapely.intersects(outline, box):
            raise BadParameter(
                Text(
                    "轮廓不在 {c} 的适用范围内。", "The outline lies outside the area of use of {c}."
                ).format(c=metric_crs),
                Text("请核对轮廓的坐标系和 --metric-crs。", "Check the outline's CRS and --metric-crs."),
            )
    return District(name=name, name_en=name_en, metric_crs=metric_crs, as_of=as_of, outline=outline)


def checked_metric_crs(text: str) -> str:
    """Return `text` in the spelling AUTHORITY:CODE, or raise `BadParameter`."""
    wanted = Text(
        "请用以米为单位的投影坐标系，例如 EPSG:4547。", "Use a projected CRS in metres, such as EPSG:4547."
    )
    try:
        parsed = crs.parse_crs(text)
    except ValueError as error:
        raise BadParameter(
            Text("不认识坐标系 {c}。", "The CRS {c} is not known.").format(c=text), wanted
        ) from error
    if not crs.is_metric(parsed) or parsed.area_of_use is None:
        raise BadParameter(Text("{c} 不能用来量测。", "{c} cannot be measured in.").format(c=text), wanted)
    authority = parsed.to_authority()
    return text if authority is None else ":".join(authority)


def read_outline(file: Path) -> BaseGeometry:
    """Return the union of the polygons in `file`, in EPSG:4490."""
    from layers.imports.source import read_source

    source = read_source(file)
    if source.geometry is None or source.crs is None:
        raise BadParameter(
            Text("{f} 没有几何或没有坐标系。", "{f} has no geometry or names no CRS.").format(f=file),
            Text(
                "请用带坐标系的面文件，例如 GeoJSON。", "Use a file of polygons with a CRS, such as GeoJSON."
            ),
        )
    shapes = crs.to_stored(source.geometry, crs.parse_crs(str(source.crs)))
    polygons = shapes[np.isin(shapely.get_type_id(shapes), (3, 6))]
    outline = shapely.union_all(shapely.make_valid(polygons)) if len(polygons) else None
    if outline is None or shapely.is_empty(outline):
        raise BadParameter(
            Text("{f} 里没有面。", "{f} holds no polygon.").format(f=file),
            Text("区界须是面。", "The outline must be a polygon."),
        )
    return outline
