"""What is known on the ground before an import, and what the datum guard can compare a layer with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo import crs as geocrs
from geo import datum as geodatum
from geo import shapes as geoshapes
from layers.imports.declaring import DATUM_NAMES, OBFUSCATED, Declared
from layers.imports.guard import Evidence, Reading
from layers.imports.placing import in_area
from layers.schema import LAYERS, Layer
from layers.text import Text, both

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from layers.store import District, Store

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

SAMPLE = 20_000
"""So many records, evenly taken, judge a layer as surely as all of them."""
NEAR_BUILDING_M = 20.0
NEAR_NAMED_POINT_M = 250.0
_AREA_MARGIN_DEG = 1.0
_CHINA = (72.0, 0.0, 138.0, 56.0)


@dataclass(frozen=True)
class Ground:
    """The district as it stands in the store."""

    store: Store
    district: District

    @cached_property
    def area(self) -> tuple[float, float, float, float]:
        """The area of use of the metric CRS: west, south, east, north in degrees."""
        return geocrs.area_of_use(self.district.metric_crs)

    def layer(self, name: str) -> gpd.GeoDataFrame:
        """Return a stored layer, read once."""
        if name not in self._frames:
            self._frames[name] = self.store.read(name)
        return self._frames[name]

    @cached_property
    def _frames(self) -> dict[str, gpd.GeoDataFrame]:
        return {}

    def to_metric(self, lon: FloatArray, lat: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Project positions; NaN for those that are not even near the area of use."""
        sane = in_area(lon, lat, self.area, margin=_AREA_MARGIN_DEG)
        x, y = np.full(lon.shape, np.nan), np.full(lon.shape, np.nan)
        x[sane], y[sane] = geocrs.points_to_metric(lon[sane], lat[sane], self.district.metric_crs)
        return x, y


def sample(usable: BoolArray) -> NDArray[np.int64]:
    """Return the positions of the usable records, or of `SAMPLE` evenly taken ones."""
    at = np.flatnonzero(usable)
    if at.size <= SAMPLE:
        return at
    return at[np.linspace(0, at.size - 1, SAMPLE).astype(np.int64)]


def readings_of(shapes: NDArray[np.object_], declared: Declared, *, table: bool) -> list[Reading]:
    """Return the declared reading of geometries in their own coordinates, and every other plausible one.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
        None of them missing or without finite coordinates.
    table : bool
        The positions stand in columns, so that swapped ones can be exchanged by options.
    """
    valid = shapely.is_valid(shapes)
    x, y = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
    x[valid], y[valid] = geoshapes.representative_points(shapes[valid])
    centres = shapely.centroid(shapes[~valid])
    x[~valid], y[~valid] = shapely.get_x(centres), shapely.get_y(centres)
    found = [_reading(declared, x, y, swapped=False, table=table)]
    for swapped in (False, True):
        first, second = (y, x) if swapped else (x, y)
        if swapped:
            found.append(_reading(declared, x, y, swapped=True, table=table))
        if declared.datum is not None and 2 * in_area(first, second, _CHINA).sum() > len(shapes):
            for datum in ("wgs84", *OBFUSCATED):
                same_frame = datum not in OBFUSCATED and declared.datum not in OBFUSCATED
                if datum != declared.datum and not same_frame:
                    other = Declared(declared.crs, datum, DATUM_NAMES[datum])
                    found.append(_reading(other, x, y, swapped=swapped, table=table))
    return found


def _reading(what: Declared, x: FloatArray, y: FloatArray, *, swapped: bool, table: bool) -> Reading:
    first, second = (y, x) if swapped else (x, y)
    name = both(what.name)
    remedy = Text("请用 --datum {datum} 重新导入。", "Import it again with --datum {datum}.").format(
        datum=what.datum
    )
    if swapped:
        name = Text("{name}（经纬度对调）", "{name} with swapped axes").format(name=name)
        remedy = (
            Text("请把 --lon 和 --lat 的列对调。", "Exchange the columns of --lon and --lat.")
            if table
            else Text("请先在 GIS 中对调文件的坐标。", "Exchange the file's coordinates in a GIS first.")
        )
    lon, lat = _degrees(what, first, second)
    return Reading((f"{what.datum or what.name}" + ("-swapped" if swapped else "")), name, lon, lat, remedy)


def _degrees(what: Declared, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    lon, lat = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    sane = np.isfinite(x) & np.isfinite(y)
    if what.crs.is_geographic:
        sane &= (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
    if what.datum in OBFUSCATED:
        lon[sane], lat[sane] = geodatum.convert_datum(x[sane], y[sane], source=what.datum, target="cgcs2000")
    else:
        lon[sane], lat[sane] = geocrs.points_from_metric(x[sane], y[sane], what.crs)
    far = ~(np.isfinite(lon) & np.isfinite(lat))
    lon[far] = lat[far] = np.nan
    return lon, lat


def evidence_for(
    layer: Layer, parents: dict[str, pd.Series], ground: Ground, *, count: int
) -> list[Evidence]:
    """Return what the guard can compare the records of `layer` with, the best first.

    Parameters
    ----------
    parents : dict of str to Series
        Per parent field, the parent's code of each record; missing where it names none.
    count : int
        Number of records.
    """
    named = [
        _named(layer, name, codes, ground) for name, codes in reversed(parents.items()) if codes.notna().any()
    ]
    named.sort(key=lambda piece: -int(piece.considered.sum()))
    everything = np.ones(count, dtype=bool)
    return [*named, *_unnamed(layer, ground, everything)]


def _named(layer: Layer, field_name: str, codes: pd.Series, ground: Ground) -> Evidence:
    parent = LAYERS[str(layer.field(field_name).parent)]
    frame = ground.layer(parent.name)
    shapes = geocrs.to_metric(np.asarray(frame.geometry.array), ground.district.metric_crs)
    is_point = shapely.get_type_id(shapes) == 0
    shapes[is_point] = shapely.buffer(shapes[is_point], NEAR_NAMED_POINT_M)
    shapely.prepare(shapes)
    position = frame.index.get_indexer(pd.Index(codes))
    considered = position >= 0
    phrase = Text("落在所标注的{one}内", "lie in the {one} they name")
    if is_point[position[considered]].any():
        phrase = Text(
            "落在所标注的{one}内或其 250 米以内", "lie in the {one} they name, or within 250 m of its point"
        )

    def fits(lon: FloatArray, lat: FloatArray) -> BoolArray:
        x, y = ground.to_metric(lon, lat)
        result = np.zeros(len(lon), dtype=bool)
        at = np.flatnonzero(considered & np.isfinite(x))
        result[at] = shapely.intersects_xy(shapes[position[at]], x[at], y[at])
        return result

    return Evidence(f"named_{parent.name}", "named", phrase.format(one=parent.one), considered, fits)


def _unnamed(layer: Layer, ground: Ground, everything: BoolArray) -> list[Evidence]:
    found: list[Evidence] = []
    if ground.district.outline is not None:
        phrase = Text("落在区界内", "lie within the outline of the district")
        found.append(_inside("outline", phrase, [ground.district.outline], ground, everything))
    if layer.name != "buildings" and "point" in layer.geometry and len(ground.layer("buildings")):
        found.append(_near_buildings(ground, everything))
    for field in layer.parents:
        parent = LAYERS[str(field.parent)]
        if parent.geometry == ("polygon",) and len(ground.layer(parent.name)):
            phrase = Text("落在某个{one}内", "lie in a {one}").format(one=parent.one)
            shapes = list(ground.layer(parent.name).geometry)
            found.append(_inside(parent.name, phrase, shapes, ground, everything))
    phrase = Text("落在 {crs} 的适用范围内", "lie in the area of use of {crs}").format(
        crs=ground.district.metric_crs
    )
    found.append(
        Evidence("area_of_use", "area", phrase, everything, lambda lon, lat: in_area(lon, lat, ground.area))
    )
    return found


def _inside(
    name: str, phrase: Text, areas: Sequence[BaseGeometry], ground: Ground, everything: BoolArray
) -> Evidence:
    shapes = geocrs.to_metric(np.asarray(areas, dtype=object), ground.district.metric_crs)
    tree = shapely.STRtree(shapes)
    return Evidence(name, "area", phrase, everything, lambda lon, lat: _meets(tree, ground, lon, lat))


def _near_buildings(ground: Ground, everything: BoolArray) -> Evidence:
    buildings = np.asarray(ground.layer("buildings").geometry.array)
    tree = shapely.STRtree(geocrs.to_metric(buildings, ground.district.metric_crs))
    phrase = Text("距某栋楼不超过 {m:.0f} 米", "lie within {m:.0f} m of a building").format(m=NEAR_BUILDING_M)
    return Evidence(
        "buildings",
        "near",
        phrase,
        everything,
        lambda lon, lat: _meets(tree, ground, lon, lat, distance_m=NEAR_BUILDING_M),
    )


def _meets(
    tree: shapely.STRtree, ground: Ground, lon: FloatArray, lat: FloatArray, *, distance_m: float = 0.0
) -> BoolArray:
    """Say which positions meet, or come within a distance of, any shape of `tree`."""
    x, y = ground.to_metric(lon, lat)
    result = np.zeros(len(lon), dtype=bool)
    at = np.flatnonzero(np.isfinite(x))
    hits, _ = tree.query(shapely.points(x[at], y[at]), predicate="dwithin", distance=distance_m)
    result[at[hits]] = True
    return result
