"""A view to hand on: one HTML file, drawn by folium and Leaflet, that asks no network for anything.

Leaflet, the styles and the shapes stand in the file; a policy in its head forbids the browser to fetch.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import folium
import numpy as np
import shapely
from branca.element import Figure
from jinja2 import Environment, FileSystemLoader, Template

from layers.text import Language
from layers.views import View, unit_frame
from webmap import sheet
from webmap.maps import as_json, to_folium
from webmap.words import words

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

_HERE = Path(__file__).parent
_LEAFLET = _HERE / "static" / "vendor" / "leaflet"
_TOKENS = _HERE / "static" / "css" / "tokens.css"
_GRID_DEG = 0.000001
_TOLERANCE_DEG = 0.000005
LISTED = 50
QUIET = ("uninhabited", "masked", "few", "withheld")
"""Classes that are not drawn: the land shows."""


class OfflineMap(folium.Map):
    """A Leaflet map without base map and without a link to anywhere.

    Parameters
    ----------
    bbox : (west, south, east, north)
        Degrees of EPSG:4490; shown whole at first.
    titles : dict
        Words for the zoom buttons, ``zoom_in`` and ``zoom_out``.
    """

    _template = Template(
        """
        {% macro html(this, kwargs) %}<div id="map"></div>{% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map("map", {{ this.options|tojson }});
        {{ this.get_name() }}.fitBounds({{ this.bounds|tojson }}, {padding: [16, 16]});
        L.control.zoom({zoomInTitle: {{ this.titles.zoom_in|tojson }}, zoomOutTitle: {{ this.titles.zoom_out|tojson }}})
          .addTo({{ this.get_name() }});
        L.control.scale({imperial: false, position: "bottomright"}).addTo({{ this.get_name() }});
        {% endmacro %}
        """
    )
    default_js: list[tuple[str, str]] = []  # noqa: RUF012  (folium reads them per class)
    default_css: list[tuple[str, str]] = []  # noqa: RUF012

    def __init__(self, bbox: tuple[float, float, float, float], *, titles: dict[str, str]) -> None:
        west, south, east, north = bbox
        super().__init__(location=to_folium((west + east) / 2, (south + north) / 2), tiles=None)
        self.bounds = (to_folium(west, south), to_folium(east, north))
        self.titles = titles
        # Leaflet's attribution shows a flag and a link; its zoom buttons come with our words below.
        self.options = {"attributionControl": False, "zoomControl": False, "zoomSnap": 0.25}
        # folium's names are random; the same view is to give the same file.
        self._id = "view"


class DrawnShapes(folium.map.Layer):
    """GeoJSON drawn by the page's function ``shapes``.

    A feature's ``look`` is the class that styles it; with a ``name`` it opens a popup, with an ``id``
    the list leads to it.
    """

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = shapes({{ this.json }});
        {% endmacro %}
        """
    )

    def __init__(self, name: str, features: list[dict[str, Any]]) -> None:
        super().__init__(name=name)
        self._name, self._id = "DrawnShapes", name
        self.json = as_json({"type": "FeatureCollection", "features": features})


def render(shown: View, language: Language, *, with_facilities: bool) -> str:
    """Return the file of a view, with the facilities that it asks about where they may be shown."""
    text = words(language)
    said = _by_conditions(shown.as_dict(language), text)
    snapshot = shown.snapshot
    frame = unit_frame(snapshot, shown.query.unit)
    shapes = np.asarray(frame.geometry.array, dtype=object)
    drawn = OfflineMap(_bbox(shown, shapes), titles=text)
    layers = {
        "land": _shapes([sheet.outline(snapshot)], "land"),
        "green": _shapes([sheet.ground(snapshot, "green")], "green"),
        "water": _shapes([sheet.ground(snapshot, "water")], "water"),
        "units": _units(said, shapes[shown.order]),
        "roads": _shapes([sheet.ground(snapshot, "road")], "road"),
        "boundaries": _shapes([sheet.boundaries(snapshot)], "boundary"),
        "outline": _shapes([sheet.outline(snapshot)], "outline"),
        "facilities": _facilities(shown) if with_facilities else [],
        "names": _names(shown, language),
    }
    for layer, features in layers.items():
        DrawnShapes(layer, features).add_to(drawn)
    figure = cast(Figure, drawn.get_root())
    figure.render()
    district = snapshot.district
    name = (district.name_en if language == "en" else None) or district.name
    page = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True).get_template(
        "offline_map.html"
    )
    return page.render(
        w=text,
        language=language,
        district=name,
        view=said,
        facilities={
            "title": snapshot.standards.title("facility_kinds", shown.query.kind).to(language),
            "count": len(layers["facilities"]),
        },
        listed=min(LISTED, said["list"]["count"] or LISTED, len(said["rows"]["id"])),
        leaflet_css=_without_images((_LEAFLET / "leaflet.css").read_text("utf-8")),
        leaflet_js=(_LEAFLET / "leaflet.js").read_text("utf-8"),
        tokens=_light(_TOKENS.read_text("utf-8")),
        map_html=figure.html.render(),
        map_script=figure.script.render(),
    )


def _by_conditions(said: dict[str, Any], text: dict[str, str]) -> dict[str, Any]:
    """Return a view classed by whether its units meet its conditions, where it has some."""
    found = said["conditions"]
    if found is None:
        return said
    matches, open_cases = found["matches"], found["unknown"]
    asked = f" {text['conditions_and']} ".join(item["title"] for item in found["items"])
    classes = [
        {"id": name, "title": text[title], "token": token, "count": count, "residents": None}
        for name, title, token, count in (
            ("met", "conditions_match", found["token"], matches),
            ("open", "cannot_tell", "hatch", open_cases),
        )
    ]
    of_rows = ["met" if at < matches else "open" for at in range(matches + open_cases)]
    return said | {
        "legend": said["legend"] | {"title": asked, "classes": classes},
        "rows": said["rows"] | {"class": of_rows},
    }


def _bbox(shown: View, shapes: NDArray[np.object_]) -> tuple[float, float, float, float]:
    """Return what is to be seen: the units that the filter leaves, else the whole district."""
    chosen = shapes[shown.order] if len(shown.order) else shapes
    everything = shown.query.subdistrict is None and shown.sight.is_whole
    if everything and shown.snapshot.district.outline is not None:
        chosen = np.array([shown.snapshot.district.outline], dtype=object)
    west, south, east, north = shapely.total_bounds(chosen)
    return float(west), float(south), float(east), float(north)


def _feature(geometry: Any, look: str, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"look": look, **properties}}


def _shapes(shapes: list[BaseGeometry | None], look: str) -> list[dict[str, Any]]:
    return [_feature(shape.__geo_interface__, look) for shape in shapes if shape is not None]


def _units(said: dict[str, Any], shapes: NDArray[np.object_]) -> list[dict[str, Any]]:
    """Return the rows that have something to show, with what their popup says."""
    rows, tokens = said["rows"], {item["id"]: item["token"] for item in said["legend"]["classes"]}
    titles = {item["id"]: item["title"] for item in said["legend"]["classes"]}
    thinned = shapely.set_precision(shapely.simplify(shapes, _TOLERANCE_DEG), _GRID_DEG, mode="pointwise")
    return [
        _feature(
            shape.__geo_interface__,
            f"unit {tokens[item]}".replace("+", "-plus-"),
            id=rows["id"][at],
            name=rows["name"][at],
            place=rows["place"][at],
            value=rows["value_text"][at],
            title=titles[item],
        )
        for at, (shape, item) in enumerate(zip(thinned, rows["class"], strict=True))
        if item not in QUIET
    ]


def _facilities(shown: View) -> list[dict[str, Any]]:
    """Return the facilities of the kind asked about, where the question is about one."""
    if shown.query.question != "gap":
        return []
    frame = shown.snapshot.frame("facilities")
    chosen = frame[(frame["kind"] == shown.query.kind).to_numpy()]
    points = shapely.point_on_surface(np.asarray(chosen.geometry.array, dtype=object))
    return _shapes(list(shapely.set_precision(points, _GRID_DEG)), "facility")


def _names(shown: View, language: Language) -> list[dict[str, Any]]:
    return [
        _feature({"type": "Point", "coordinates": [lon, lat]}, "label", label=name)
        for name, lon, lat in sheet.names(shown.snapshot, language)
    ]


def _without_images(css: str) -> str:
    """Return Leaflet's styles without their pictures: nothing here uses them, and they would be fetched."""
    return re.sub(r"url\([^)]*\)", "none", css)


def _light(css: str) -> str:
    """Return the light theme's tokens: what is handed on is looked at on paper as well."""
    return css[css.index(":root {") : css.index(':root[data-theme="dark"]')]
