"""What the tiles show: the layers, their labels and the units, prepared once per version and zoom."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely

from geo import crs
from layers.policy import unguarded_fields
from layers.problems import BadParameter, NotFound
from layers.schema import LAYERS, layer_named
from layers.text import Text
from layers.units import check_scheme, unit_frame
from webmap import tile_geometry as tiling
from webmap.features import rows_of
from webmap.tile_encoding import encode

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot

WEB_MERCATOR = "EPSG:3857"
WHOLE_FROM_ZOOM = 16
"""From here on every feature is in its tile, with every corner."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How a layer goes into tiles.

    Attributes
    ----------
    fields : tuple of str
        What is shown besides the id, as far as the policy lets it out.
    from_zoom : int
        Tiles below are empty.
    detail : {"each", "shared", "all"}
        How small scales are simplified: each shape by itself, with shared edges kept shared, or not at all,
        as cells have no detail to lose.
    smallest_units2 : float
        Areas below so many square units are left out before `WHOLE_FROM_ZOOM`.
    one_per_pixel : bool
        Of points in one pixel the first is drawn, before `WHOLE_FROM_ZOOM`.
    as_points : bool
        It is shown by symbols, one each: areas go in as a point on their surface.
    """

    fields: tuple[str, ...] = ()
    from_zoom: int = 0
    detail: Literal["each", "shared", "all"] = "each"
    smallest_units2: float = 4.0
    one_per_pixel: bool = False
    as_points: bool = False


RULES = {
    "subdistricts": Rule(fields=("name", "name_en"), detail="shared"),
    "neighbourhoods": Rule(fields=("name", "name_en"), detail="shared"),
    "communities": Rule(fields=("name", "name_en", "kind"), detail="shared"),
    "buildings": Rule(fields=("name",), from_zoom=13, smallest_units2=tiling.PIXEL**2, one_per_pixel=True),
    "management_cells": Rule(fields=("name",), detail="shared"),
    "mediation_rooms": Rule(fields=("name",), as_points=True),
    "facilities": Rule(fields=("name", "kind"), as_points=True),
    "complaints": Rule(fields=("demand_group", "opened"), from_zoom=13, one_per_pixel=True),
    "backdrop": Rule(fields=("kind",)),
}
UNIT_RULE = Rule(fields=("name",), detail="all")
LABELLED = ("subdistricts", "neighbourhoods", "communities", "backdrop")
LABEL_SUFFIX = "-label"
TILE_LAYERS = (*LAYERS, *(name + LABEL_SUFFIX for name in LABELLED), "management", "square-100", "h3-10")
"""The names that documents show; any square and any H3 resolution that the units allow works as well."""

_CELLS = re.compile(r"(square|h3)-([0-9]+(?:\.[0-9]+)?)", re.ASCII)
_serials = itertools.count()


@dataclass(frozen=True)
class Level:
    """A source's shapes (EPSG:3857) as one zoom shows them; `rows` are their positions in the source."""

    shapes: NDArray[np.object_]
    rows: NDArray[np.intp]
    tree: shapely.STRtree


@dataclass(frozen=True)
class Source:
    """One tile layer of one version.

    Attributes
    ----------
    frame : GeoDataFrame
        What it was made from; a snapshot that holds the same frame has the same tiles.
    properties : list of dict
        Per row, `id` first; what is unknown is left out.
    serial : int
        Different for every source that this process has made.
    """

    name: str
    rule: Rule
    frame: gpd.GeoDataFrame
    shapes: NDArray[np.object_]
    properties: list[dict[str, Any]]
    serial: int = field(default_factory=lambda: next(_serials))
    _levels: dict[int, Level] = field(default_factory=dict)

    def level(self, zoom: int) -> Level:
        """Return the shapes for a zoom, prepared on first use."""
        zoom = min(zoom, WHOLE_FROM_ZOOM)
        if zoom not in self._levels:
            self._levels[zoom] = self._level(zoom)
        return self._levels[zoom]

    def _level(self, zoom: int) -> Level:
        shapes, rows = self.shapes, np.arange(len(self.shapes))
        if zoom < WHOLE_FROM_ZOOM:
            drawn = shapely.get_dimensions(shapes) < 2
            drawn |= shapely.area(shapes) >= self.rule.smallest_units2 * tiling.unit_m(zoom) ** 2
            if self.rule.one_per_pixel:
                points = np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.POINT)
                x, y = shapely.get_x(shapes[points]), shapely.get_y(shapes[points])
                drawn[points] = False
                drawn[points[tiling.one_per_pixel(x, y, zoom)]] = True
            rows = rows[drawn]
            shapes = shapes[drawn]
            if self.rule.detail != "all":
                shapes = tiling.simplified(shapes, zoom, coverage=self.rule.detail == "shared")
        return Level(shapes, rows, shapely.STRtree(shapes))

    def encode(self, zoom: int, x: int, y: int) -> bytes:
        """Return a tile as Mapbox Vector Tile 2.1, empty bytes where nothing is to be drawn."""
        if zoom < self.rule.from_zoom:
            return b""
        level = self.level(zoom)
        box = shapely.box(*tiling.tile_box(zoom, x, y, buffer=tiling.BUFFER))
        found = np.sort(level.tree.query(box, predicate="intersects"))
        shapes = tiling.on_tile(level.shapes[found], zoom, x, y)
        there = ~shapely.is_empty(shapes)
        if not there.any():
            return b""
        drawn = tiling.whole_units(shapes[there])
        rows = level.rows[found[there]]
        return encode(self.name, drawn, [self.properties[row] for row in rows])


def frame_of(snapshot: Snapshot, name: str) -> gpd.GeoDataFrame:
    """Return the frame behind a tile layer.

    Raises
    ------
    NotFound
        There is no such tile layer.
    """
    label = name.removesuffix(LABEL_SUFFIX)
    if label != name and label in LABELLED:
        return snapshot.frame(label)
    if name in LAYERS:
        return snapshot.frame(name)
    cells = _CELLS.fullmatch(name)
    try:
        if name == "management" or cells:
            scheme = f"{cells[1]}:{cells[2]}" if cells else name
            return unit_frame(snapshot, check_scheme(scheme, on_screen=True))
    except BadParameter as error:
        raise NotFound(error.message, error.remedy) from error
    raise NotFound(
        Text("没有名为 {name} 的瓦片图层。", "There is no tile layer {name}.").format(name=name),
        Text("有：{known}。", "There are {known}.").format(known=", ".join(TILE_LAYERS)),
    )


def make_source(name: str, frame: gpd.GeoDataFrame) -> Source:
    """Return the tile layer `name` from its frame (EPSG:4490)."""
    layer = name.removesuffix(LABEL_SUFFIX)
    shapes = crs.to_metric(np.asarray(frame.geometry.array, dtype=object), WEB_MERCATOR)
    rule = RULES.get("management_cells" if layer == "management" else layer, UNIT_RULE)
    if layer != name or rule.as_points:
        shapes = shapely.point_on_surface(shapes)
    if layer in LAYERS:
        shown = [field for field in unguarded_fields(layer_named(layer)) if field.name in rule.fields]
        values = rows_of(frame, shown)
    else:
        values = [{"name": name} for name in frame["name"]]
    properties = [
        {"id": code} | {key: value for key, value in row.items() if isinstance(value, str)}
        for code, row in zip(frame.index, values, strict=True)
    ]
    return Source(name=name, rule=rule, frame=frame, shapes=shapes, properties=properties)
