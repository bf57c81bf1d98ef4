"""What the tiles show: the layers, their labels and the units, prepared once per version and zoom.

What a visitor's tiles show follows from the policy (`drawn_for`): of layers what may be read, of cells, whose
shapes are nothing but geometry, those whose figures the visitor may see.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely

from geo import crs
from layers.areas import feature_belonging, unit_belonging
from layers.problems import BadParameter, NotFound
from layers.schema import LAYERS
from layers.text import Text
from layers.units import check_scheme, unit_frame
from webmap import tile_geometry as tiling
from webmap.features import rows_of
from webmap.tile_encoding import encode

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.areas import Belonging
    from layers.policy import Policy
    from layers.snapshot import Snapshot
    from layers.visitors import Area, Visitor

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
class Drawn:
    """What somebody's tiles of one name show; those who may see the same share them.

    Attributes
    ----------
    name : str
    fields : tuple of str
        Besides the id.
    area : Area, optional
        Only what belongs to it; None for all.
    """

    name: str
    fields: tuple[str, ...]
    area: Area | None = None


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

    def part(self, inside: NDArray[np.bool_]) -> Source:
        """Return the tile layer of some of the rows alone: what is left out leaves no trace in it."""
        rows = np.flatnonzero(inside)
        return Source(
            name=self.name,
            rule=self.rule,
            frame=self.frame,
            shapes=self.shapes[rows],
            properties=[self.properties[row] for row in rows],
        )

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


def drawn_for(policy: Policy, visitor: Visitor, name: str) -> Drawn:
    """Return what the visitor's tiles of that name show.

    Raises
    ------
    NotFound
        There is no such tile layer.
    NotSignedIn, Forbidden
    """
    layer = _layer_of(name)
    if layer is not None:
        seen = policy.seen(visitor, layer, way_out="tile")
        fields = tuple(one.name for one in seen.everywhere if one.name in RULES[layer].fields)
        return Drawn(name, fields, visitor.area if seen.rows == "area" else None)
    _scheme_of(name)
    figures = policy.aggregates(visitor)
    if figures == "full" or (figures == "area" and visitor.area.kind == "district"):
        return Drawn(name, UNIT_RULE.fields)
    if figures == "area" and visitor.area.codes:
        return Drawn(name, UNIT_RULE.fields, visitor.area)
    told = Text("不可以看这些格子。", "You may not see these cells.")
    raise policy.refusal(visitor, told)


def _layer_of(name: str) -> str | None:
    """Return the layer behind a tile layer, None where it shows units."""
    label = name.removesuffix(LABEL_SUFFIX)
    if label != name and label in LABELLED:
        return label
    return name if name in LAYERS else None


@lru_cache(maxsize=256)
def _scheme_of(name: str) -> str:
    cells = _CELLS.fullmatch(name)
    try:
        if name == "management" or cells:
            return check_scheme(f"{cells[1]}:{cells[2]}" if cells else name, on_screen=True)
    except BadParameter as error:
        raise NotFound(error.message, error.remedy) from error
    raise NotFound(
        Text("没有名为 {name} 的瓦片图层。", "There is no tile layer {name}.").format(name=name),
        Text("有：{known}。", "There are {known}.").format(known=", ".join(TILE_LAYERS)),
    )


def frame_of(snapshot: Snapshot, name: str) -> gpd.GeoDataFrame:
    """Return the frame behind a tile layer; NotFound where there is no such tile layer."""
    layer = _layer_of(name)
    return unit_frame(snapshot, _scheme_of(name)) if layer is None else snapshot.frame(layer)


def belonging_of(snapshot: Snapshot, name: str, area: Area) -> Belonging:
    """Return which rows of a tile layer's frame belong to which parts of the district of the area's kind."""
    layer = _layer_of(name)
    if layer is None:
        return unit_belonging(snapshot, _scheme_of(name), area.kind)
    return feature_belonging(snapshot, layer, area.kind)


def make_source(name: str, frame: gpd.GeoDataFrame, fields: tuple[str, ...]) -> Source:
    """Return the tile layer `name` from its frame (EPSG:4490), with those of its fields."""
    layer = _layer_of(name)
    shapes = crs.to_metric(np.asarray(frame.geometry.array, dtype=object), WEB_MERCATOR)
    rule = RULES.get("management_cells" if name == "management" else layer or name, UNIT_RULE)
    if name != (layer or name) or rule.as_points:
        shapes = shapely.point_on_surface(shapes)
    if layer is not None:
        values = rows_of(frame, [LAYERS[layer].field(one) for one in fields])
    else:
        values = [dict.fromkeys(fields, name) for name in frame["name"]]
    properties = [
        {"id": code} | {key: value for key, value in row.items() if isinstance(value, str)}
        for code, row in zip(frame.index, values, strict=True)
    ]
    return Source(name=name, rule=rule, frame=frame, shapes=shapes, properties=properties)
