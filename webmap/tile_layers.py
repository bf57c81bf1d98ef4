"""What the tiles show: the layers, their labels and the units.

What a visitor's tiles show follows from the policy (`drawn_for`): of layers what may be read, of cells, whose
shapes are nothing but geometry, those whose figures the visitor may see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from layers.areas import feature_belonging, unit_belonging
from layers.problems import BadParameter, NotFound
from layers.schema import LAYERS
from layers.text import Text
from layers.units import check_scheme, unit_frame
from webmap.tile_blocks import Rule
from webmap.tile_geometry import PIXEL
from webmap.tile_source import ReadyBlocks, Source, room_for_blocks, source_of
from webmap.tile_texts import texts_of

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.areas import Belonging
    from layers.installation import MapDatum
    from layers.policy import Policy
    from layers.snapshot import Snapshot
    from layers.visitors import Area, Visitor

RULES = {
    "subdistricts": Rule(fields=("name", "name_en"), coarse=True),
    "neighbourhoods": Rule(fields=("name", "name_en"), coarse=True),
    "communities": Rule(fields=("name", "name_en", "kind"), coarse=True),
    "buildings": Rule(fields=("name",), from_zoom=13, smallest_units2=PIXEL**2, one_per_pixel=True),
    "management_cells": Rule(fields=("name",), coarse=True),
    "mediation_rooms": Rule(fields=("name",), as_points=True),
    "facilities": Rule(fields=("name", "kind"), as_points=True),
    "complaints": Rule(fields=("demand_group", "opened"), from_zoom=13, one_per_pixel=True),
    "backdrop": Rule(fields=("kind",), coarse=True),
}
UNIT_RULE = Rule(fields=("name",))
LABELLED = ("subdistricts", "neighbourhoods", "communities", "backdrop")
LABEL_SUFFIX = "-label"
TILE_LAYERS = (*LAYERS, *(name + LABEL_SUFFIX for name in LABELLED), "management", "square-100", "h3-10")
"""The names that documents show; any square and any H3 resolution that the units allow works as well."""

_CELLS = re.compile(r"(square|h3)-([0-9]+(?:\.[0-9]+)?)", re.ASCII)


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
    raise policy.refusal(visitor, told, who=policy.who_may("view", aggregates="area"))


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


def make_source(
    name: str,
    frame: gpd.GeoDataFrame,
    fields: tuple[str, ...],
    ready: ReadyBlocks | None = None,
    *,
    datum: MapDatum = "wgs84",
) -> Source:
    """Return the tile layer `name` from its frame (EPSG:4490), with those of its fields, drawn in a datum."""
    layer = _layer_of(name)
    rule = RULES.get("management_cells" if name == "management" else layer or name, UNIT_RULE)
    if name != (layer or name):
        rule = replace(rule, as_points=True)
    columns = {one: frame[one if layer else "name"] for one in fields}
    texts = texts_of(frame.index, columns)
    return source_of(name, rule, frame, texts, room_for_blocks() if ready is None else ready, datum=datum)
