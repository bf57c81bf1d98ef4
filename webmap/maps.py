"""folium's part: it describes the map, and our own script draws it.

A page with a strict content security policy runs no script that folium writes, and folium's own
links lead to other hosts. So `DistrictMap` and its layers render no script: their template is one
``<div>`` and one ``<script type="application/json">`` with centre, zoom and the layers'
descriptions. Where there is no such policy, in the file that is handed on, folium's own drawing is used
(`webmap.offline_map`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

import folium
from jinja2 import Template
from markupsafe import Markup

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from layers.installation import BaseMap, MapDatum

MAP_ID = "map"
MAX_ZOOM = 19


def to_folium(lon: float, lat: float) -> tuple[float, float]:
    """Return a position as folium and Leaflet want it: frames hold (lon, lat), they take (lat, lon)."""
    return (lat, lon)


def as_json(value: Any) -> Markup:
    """Return JSON that may stand inside a ``<script>`` element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704  (escaped here)


class DescribedLayer(folium.map.Layer):
    """A layer that renders no script but a description of itself.

    Parameters
    ----------
    name : str
        Its id in the page's script.
    show : bool
        Whether it is visible at first.
    """

    kind: ClassVar[str]

    def __init__(self, name: str, *, show: bool = True) -> None:
        super().__init__(name=name, overlay=True, show=show)

    def description(self) -> dict[str, Any]:
        """Return what the page's script needs to draw the layer."""
        return {"kind": self.kind, "id": self.layer_name, "show": self.show}

    def render(self, **kwargs: Any) -> str:
        """Render nothing: the map's one JSON element holds the description."""
        return ""


class VectorTiles(DescribedLayer):
    """A layer of vector tiles; ``{z}/{x}/{y}`` and, for units of counting, ``{unit}`` stay open in `url`."""

    kind = "tiles"

    def __init__(self, name: str, url: str, *, min_zoom: int = 0, show: bool = True) -> None:
        super().__init__(name, show=show)
        self.url = url
        self.min_zoom = min_zoom

    def description(self) -> dict[str, Any]:
        """Return the layer's address and the zoom from which there are tiles."""
        return super().description() | {"url": self.url, "min_zoom": self.min_zoom}


class InlineShape(DescribedLayer):
    """One small geometry in EPSG:4490 that travels with the page, such as the district's outline."""

    kind = "shape"

    def __init__(self, name: str, geometry: BaseGeometry) -> None:
        super().__init__(name)
        self.geometry = geometry

    def description(self) -> dict[str, Any]:
        """Return the geometry as GeoJSON."""
        return super().description() | {"geometry": self.geometry.__geo_interface__}


class PlaceNames(DescribedLayer):
    """Names at points: labels of polygons would repeat in every tile.

    Parameters
    ----------
    places : list of (name, lon, lat)
    """

    kind = "names"

    def __init__(self, name: str, places: list[tuple[str, float, float]]) -> None:
        super().__init__(name)
        self.places = places

    def description(self) -> dict[str, Any]:
        """Return the names with their positions, longitude first as in GeoJSON."""
        return super().description() | {"places": self.places}


class DistrictMap(folium.Map):
    """The map of a district, described and not drawn.

    Parameters
    ----------
    bbox : (west, south, east, north)
        Degrees of EPSG:4490; what "the whole district" shows.
    label : str
        What a screen reader says of the map.
    datum : {"wgs84", "gcj02"}
        What it is drawn in; the positions of the description are in EPSG:4490 whatever it is.
    base_map : BaseMap, optional
        The operator's own, drawn under the layers.
    """

    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div id="{{ this.element_id }}" class="map" role="region" tabindex="0" aria-label="{{ this.label|e }}"></div>
        <script type="application/json" id="{{ this.element_id }}-description">{{ this.json() }}</script>
        {% endmacro %}
        """
    )
    default_js: list[tuple[str, str]] = []  # noqa: RUF012  (folium reads them per class)
    default_css: list[tuple[str, str]] = []  # noqa: RUF012
    element_id = MAP_ID

    def __init__(
        self,
        bbox: tuple[float, float, float, float],
        *,
        label: str,
        datum: MapDatum = "wgs84",
        base_map: BaseMap | None = None,
    ) -> None:
        west, south, east, north = bbox
        centre = to_folium((west + east) / 2, (south + north) / 2)
        super().__init__(location=centre, tiles=None, zoom_start=13, max_zoom=MAX_ZOOM)
        self.bounds = (to_folium(west, south), to_folium(east, north))
        self.label = label
        self.datum, self.base_map = datum, base_map

    def description(self) -> dict[str, Any]:
        """Return centre, zoom, bounds and the layers in drawing order, positions as (lat, lon)."""
        layers = [child for child in self._children.values() if isinstance(child, DescribedLayer)]
        return {
            "center": self.location,
            "zoom": self.options["zoom"],
            "max_zoom": MAX_ZOOM,
            "bounds": self.bounds,
            "datum": self.datum,
            "base_map": None if self.base_map is None else asdict(self.base_map),
            "layers": [layer.description() for layer in layers],
        }

    def json(self) -> Markup:
        """Return the description as it stands in the page."""
        return as_json(self.description())

    def html(self) -> Markup:
        """Return the two elements for the page."""
        return Markup(self._template.module.html(self, {}))  # noqa: S704  (our own template, values escaped)


def district_map(
    bbox: tuple[float, float, float, float],
    *,
    shapes: dict[str, BaseGeometry | None],
    names: dict[str, list[tuple[str, float, float]]],
    label: str,
    tiles: str,
    hidden: frozenset[str] = frozenset(),
    datum: MapDatum = "wgs84",
    base_map: BaseMap | None = None,
) -> DistrictMap:
    """Describe the planner's map, layers in drawing order.

    Parameters
    ----------
    shapes : dict of str to geometry in EPSG:4490 or None
        ``outline`` and ``boundaries``, where the district has them.
    names : dict of str to list of (name, lon, lat)
        ``subdistrict_names``, ``water_names`` and ``green_names``.
    tiles : str
        Address of the tiles, with ``{layer}/{z}/{x}/{y}`` open.
    hidden : frozenset of str
        Layers that are not for whoever asks: the map does without.
    datum, base_map
        See `DistrictMap`.
    """
    described = DistrictMap(bbox, label=label, datum=datum, base_map=base_map)

    def tiled(name: str, *, min_zoom: int = 0, show: bool = True, layer: str | None = None) -> VectorTiles:
        return VectorTiles(name, tiles.replace("{layer}", layer or name), min_zoom=min_zoom, show=show)

    layers: list[DescribedLayer] = [
        *(InlineShape(name, shape) for name, shape in shapes.items() if shape is not None),
        tiled("backdrop"),
        tiled("communities"),
        tiled("units", layer="{unit}"),
        tiled("buildings", min_zoom=13),
        tiled("subdistricts"),
        tiled("complaints", min_zoom=13, show=False),
        tiled("mediation_rooms", show=False),
        tiled("facilities"),
        *(PlaceNames(name, places) for name, places in names.items()),
    ]
    for layer in layers:
        if layer.layer_name not in hidden:
            layer.add_to(described)
    return described
