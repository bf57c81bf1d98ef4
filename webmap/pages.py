"""The planner's page: one template, filled with the district; what changes by the minute the page asks the API for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, render_template
from markupsafe import Markup

from layers.schema import LAYERS
from layers.text import Language
from webmap.words import words

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

pages = Blueprint("pages", __name__)

THEMES = ("auto", "light", "dark", "sun")
MODULES = {
    "leaflet": "vendor/leaflet/leaflet-src.esm.js",
    "maplibre-gl": "vendor/maplibre-gl/maplibre-gl.mjs",
    "@maplibre/maplibre-gl-leaflet": "vendor/maplibre-gl-leaflet/leaflet-maplibre-gl.mjs",
}
STYLES = ("tokens", "base", "layout", "questions", "list", "card", "map", "narrow", "print")


def layer_titles(language: Language) -> dict[str, str]:
    """Return the layers' titles by name."""
    return {name: layer.title.to(language) for name, layer in LAYERS.items()}


def render(
    district: dict[str, Any],
    *,
    outline: BaseGeometry | None,
    names: list[tuple[str, float, float]],
    tiles: str,
    language: Language,
    theme: str,
) -> str:
    """Return the page for a district as ``/api/district`` describes it."""
    from webmap.maps import as_json, district_map

    text = words(language)
    bbox = tuple(district["bbox"])
    described = district_map(bbox, outline=outline, names=names, label=text["map_help"], tiles=tiles)
    name = (district["name_en"] if language == "en" else None) or district["name"]
    data = {"language": language, "theme": theme, "words": text, "layers": layer_titles(language), "district": district}
    return render_template(
        "planner.html",
        w=text,
        district=district,
        district_name=name,
        language=language,
        theme=theme,
        themes=THEMES,
        styles=STYLES,
        modules=MODULES,
        map_html=described.html(),
        data=Markup(as_json(data)),
    )
