"""Where things are: from positions as they come to geometry that can stand in the store."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo import shapes as geoshapes
from layers.imports.findings import Fault, Findings
from layers.imports.values import parse_number, trimmed
from layers.text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.imports.declaring import Declared
    from layers.imports.mapping import Mapping
    from layers.schema import Layer

NO_POSITION = Fault(
    Text("没有位置。", "There is no position."),
    Text("请补上坐标或几何，或去掉该行。", "Give it coordinates or a geometry, or leave the row out."),
)
_NOT_FINITE = Fault(
    Text("坐标是 NaN 或无穷大。", "A coordinate is NaN or infinite."),
    Text("请改正坐标。", "Correct the coordinates."),
)
_ZERO = Fault(
    Text("坐标是 (0, 0)，通常表示未定位。", "The position is (0, 0), which usually stands for not located."),
    Text("请补上真实坐标，或去掉该行。", "Give the real position, or leave the row out."),
)
_OFF_GLOBE = Fault(
    Text("坐标超出经纬度范围。", "The coordinates are no longitude and latitude."),
    Text(
        "经度在 -180 至 180、纬度在 -90 至 90 之间；若是投影坐标，请用 --crs 说明。",
        "Longitude runs from -180 to 180, latitude from -90 to 90; projected ones are declared with --crs.",
    ),
)
_NOT_CONVERTED = Fault(
    Text("坐标超出所声明坐标系的范围。", "The coordinates are out of reach of the declared CRS."),
    Text("请核对 --crs 和坐标。", "Check --crs and the coordinates."),
)
_BAD_WKT = Fault(
    Text("不是可读的 WKT 几何。", "This is no geometry in WKT that can be read."),
    Text("请写成 POINT (114.1 22.5) 的形式。", "Write it like POINT (114.1 22.5)."),
)


def table_shapes(
    columns: pd.DataFrame, mapping: Mapping, findings: Findings
) -> tuple[NDArray[np.object_], Counter[str]]:
    """Make the geometry of a table from its position columns; what cannot be read is None and noted."""
    if mapping.wkt is not None:
        from layers.imports.vector import from_wkt

        texts = trimmed(columns[mapping.wkt])
        shapes, repairs = from_wkt(texts.astype(object).where(texts.notna(), None).to_numpy())
        unread = shapely.is_missing(shapes)
        for at in np.flatnonzero(unread & texts.notna().to_numpy()):
            findings.add(int(at), mapping.wkt, texts.iloc[at], _BAD_WKT)
        findings.add_all(unread & texts.isna().to_numpy(), mapping.wkt, NO_POSITION)
        return shapes, repairs
    assert mapping.lon is not None and mapping.lat is not None
    x, x_bad = _numbers(columns[mapping.lon], findings)
    y, y_bad = _numbers(columns[mapping.lat], findings)
    known = ~(np.isnan(x) | np.isnan(y))
    findings.add_all(~known & ~x_bad & ~y_bad, f"{mapping.lon}, {mapping.lat}", NO_POSITION)
    shapes = np.full(len(x), None, dtype=object)
    shapes[known] = shapely.points(x[known], y[known])
    return shapes, Counter()


def _numbers(column: pd.Series, findings: Findings) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read coordinates; NaN where there is none, and where one cannot be read, which is noted."""
    texts = trimmed(column)
    plain = (
        texts.str.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?")
        .fillna(False)
        .to_numpy(dtype=bool)
    )
    numbers = np.full(len(texts), np.nan)
    numbers[plain] = texts[plain].astype("float64")
    bad = np.zeros(len(texts), dtype=bool)
    for at in np.flatnonzero(~plain & texts.notna().to_numpy()):
        value = parse_number(str(texts.iloc[at]))
        if isinstance(value, Fault):
            bad[at] = True
            nothing = str(texts.iloc[at]).casefold().lstrip("+-") in ("nan", "inf", "infinity")
            findings.add(int(at), str(column.name), texts.iloc[at], _NOT_FINITE if nothing else value)
        else:
            numbers[at] = value
    return numbers, bad


def raw_faults(
    shapes: NDArray[np.object_], findings: Findings, *, noted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Note positions that are missing, not finite or (0, 0), and return which are none of these.

    Parameters
    ----------
    noted : ndarray of bool
        Records whose missing geometry is a known problem already.
    """
    faults = geoshapes.geometry_faults(shapes)
    absent = np.isin(faults, ["missing", "empty"])
    findings.add_all(absent & ~noted, None, NO_POSITION)
    not_finite = faults == "not_finite"
    findings.add_all(not_finite, None, _NOT_FINITE)
    zero = (np.nan_to_num(shapely.bounds(shapes), nan=1.0) == 0.0).all(axis=1)
    findings.add_all(zero, None, _ZERO)
    return np.asarray(~(absent | not_finite | zero), dtype=bool)


def stored_shapes(
    shapes: NDArray[np.object_], declared: Declared, usable: NDArray[np.bool_], findings: Findings
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Bring usable geometries to EPSG:4490; return them, None elsewhere, and which are still usable."""
    if declared.crs.is_geographic:
        bounds = np.abs(shapely.bounds(shapes))
        off = usable & ((bounds[:, [0, 2]] > 180.0).any(axis=1) | (bounds[:, [1, 3]] > 90.0).any(axis=1))
        findings.add_all(off, None, _OFF_GLOBE)
        usable = usable & ~off
    stored = np.full(len(shapes), None, dtype=object)
    stored[usable] = declared.to_stored(shapes[usable])
    lost = usable & ~np.isfinite(shapely.bounds(stored)).all(axis=1)
    findings.add_all(lost, None, _NOT_CONVERTED)
    stored[lost] = None
    return stored, usable & ~lost


_KIND_TITLES = {"point": Text("点", "a point"), "polygon": Text("面", "a polygon")}
_TYPE_TITLES = {
    0: Text("点", "a point"), 1: Text("线", "a line"), 2: Text("线", "a line"), 3: Text("面", "a polygon"),
    4: Text("多点", "several points"), 5: Text("多线", "several lines"), 6: Text("面", "a polygon"),
    7: Text("几何集合", "a collection"),
}  # fmt: skip


def fit_for_layer(
    shapes: NDArray[np.object_], layer: Layer, usable: NDArray[np.bool_], findings: Findings
) -> tuple[NDArray[np.object_], Counter[str]]:
    """Repair what can be repaired without loss, and note kinds that the layer does not take and invalid shapes.

    Returns
    -------
    shapes : ndarray of shapely geometries
        A multipoint of one point has become that point.
    repairs : Counter of str
        Number of lossless repairs by kind.
    """
    shapes = shapes.copy()
    single = usable & (shapely.get_type_id(shapes) == 4) & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    kinds = shapely.get_type_id(shapes)
    taken = np.isin(kinds, [0] if "point" in layer.geometry else []) | np.isin(
        kinds, [3, 6] if "polygon" in layer.geometry else []
    )
    for at in np.flatnonzero(usable & ~taken):
        findings.add(int(at), None, None, _wrong_kind(layer, int(kinds[at])))
    checked = np.flatnonzero(usable & taken)
    shapes[checked], repairs = geoshapes.repair_lossless(shapes[checked])
    for at, fault in zip(checked, geoshapes.geometry_faults(shapes[checked]), strict=True):
        if fault is not None:
            findings.add(int(at), None, None, _invalid(str(fault)))
    return shapes, Counter(str(repair) for repair in repairs if repair is not None)


def _wrong_kind(layer: Layer, kind: int) -> Fault:
    wanted = [_KIND_TITLES[one] for one in layer.geometry]
    either = (
        wanted[0]
        if len(wanted) == 1
        else Text(f"{wanted[0].zh}或{wanted[1].zh}", f"{wanted[0].en} or {wanted[1].en}")
    )
    return Fault(
        Text("几何是{found}。", "The geometry is {found}.").format(
            found=_TYPE_TITLES.get(kind, Text("未知", "unknown"))
        ),
        Text("{layer}须是{wanted}。", "{layer} take {wanted}.").format(layer=layer.title, wanted=either),
    )


def _invalid(fault: str) -> Fault:
    reason = fault.removeprefix("invalid:").replace("_", " ")
    return Fault(
        Text(
            "面的边界有错（{reason}），无法无损修复。",
            "The shape is not valid ({reason}) and cannot be repaired without loss.",
        ).format(reason=reason),
        Text("请在 GIS 中改正该图形。", "Correct it in a GIS."),
    )


def outside(
    shapes: NDArray[np.object_], *, outline: shapely.Geometry | None, area: tuple[float, float, float, float]
) -> NDArray[np.bool_]:
    """Say which geometries (EPSG:4490) have no part in the district.

    Parameters
    ----------
    outline : polygon, optional
        The district's; a geometry that touches it is inside.
    area : (west, south, east, north)
        Where there is no outline: what must hold the whole geometry.
    """
    known = ~shapely.is_missing(shapes)
    result = np.zeros(len(shapes), dtype=bool)
    if outline is not None:
        shapely.prepare(outline)
        # Invalid shapes cannot be intersected; the box tells enough.
        probes = np.where(shapely.is_valid(shapes), shapes, shapely.envelope(shapes))
        result[known] = ~shapely.intersects(outline, probes[known])
        return result
    west, south, east, north = shapely.bounds(shapes[known]).T
    result[known] = ~(in_area(west, south, area) & in_area(east, north, area))
    return result


def in_area(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    area: tuple[float, float, float, float],
    *,
    margin: float = 0.0,
) -> NDArray[np.bool_]:
    """Say which positions lie in an area of degrees, edges included; west beyond east crosses the antimeridian."""
    west, south, east, north = area
    from_west, to_east = lon >= west - margin, lon <= east + margin
    across = from_west & to_east if west <= east else from_west | to_east
    return np.asarray(across & (lat >= south - margin) & (lat <= north + margin), dtype=bool)
