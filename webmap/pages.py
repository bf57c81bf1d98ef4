"""The planner's page: one template, filled with the district; all that depends on the view it asks the API for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from flask import Blueprint, current_app, render_template, request

from geo import crs
from layers import crossing
from layers.definitions import DEFINITIONS
from layers.schema import LAYERS
from layers.sight import sight_of
from layers.text import Language, Text, both
from layers.views import ViewQuery
from webmap import csrf, sheet
from webmap.district import describe, rows_seen
from webmap.gate import allow, policy, visitor
from webmap.operations import current_snapshot, service
from webmap.params import Parameter, choice, read, text
from webmap.security import base_map
from webmap.view_parameters import VIEW_PARAMETERS
from webmap.words import words

if TYPE_CHECKING:
    from layers.snapshot import Snapshot
    from webmap.maps import DistrictMap

pages = Blueprint("pages", __name__)

THEMES = ("auto", "light", "dark", "sun")
TILES = "/tiles/{layer}/{z}/{x}/{y}.mvt"
MODULES = {
    "leaflet": "vendor/leaflet/leaflet-src.esm.js",
    "maplibre-gl": "vendor/maplibre-gl/maplibre-gl.mjs",
    "@maplibre/maplibre-gl-leaflet": "vendor/maplibre-gl-leaflet/leaflet-maplibre-gl.mjs",
}
STYLES = (
    "tokens",
    "base",
    "layout",
    "questions",
    "list",
    "card",
    "correct",
    "map",
    "compare",
    "what_if",
    "conditions",
    "narrow",
    "print",
)

_STATE = (
    *VIEW_PARAMETERS,
    choice("theme", Text("外观", "Appearance"), THEMES, default="auto"),
    text("select", Text("选中的单元", "The chosen unit"), blank=True),
    text("map", Text("地图位置：级别/纬度/经度", "Place of the map: zoom/latitude/longitude"), blank=True),
)


_COMPARED = (
    *_STATE,
    text("right", Text("右边的问题", "Question on the right"), blank=True),
    choice("how", Text("怎样比较", "How to compare"), ("side", "swipe"), default="side"),
    text("at", Text("卷帘的位置", "Place of the swipe"), blank=True, pattern=r"^(\d{1,3})?$"),
    text("cell", Text("交叉表里选中的一格", "The chosen cell of the cross-table"), blank=True),
)


def _state(known: tuple[Parameter, ...]) -> dict[str, Any]:
    """Read what the address says of the page's state."""
    # Mail and chat programs hang parameters of their own on links: those are not ours to refuse.
    names = {parameter.name for parameter in known}
    return read(known, {name: request.args.getlist(name) for name in request.args if name in names}, {})


@pages.get("/")
@allow("view")
def planner() -> str:
    """Return the page; a view in its address is checked here, so that a wrong link says what is wrong."""
    state, snapshot = _state(_STATE), current_snapshot()
    ViewQuery.from_params(state, snapshot, sight_of(policy(), visitor()))
    return render(snapshot, language=state["lang"], theme=state["theme"])


@pages.get("/compare")
@allow("view")
def compare() -> str:
    """Return the page that compares two questions; ``question`` is the left one, as on the planner's page."""
    state, snapshot = _state(_COMPARED), current_snapshot()
    crossing.queries(state | {"left": state["question"]}, snapshot, sight_of(policy(), visitor()))
    return render(snapshot, language=state["lang"], theme=state["theme"], page="compare")


def page_map(
    snapshot: Snapshot,
    district: dict[str, Any],
    language: Language,
    *,
    label: str,
    box: tuple[float, float, float, float] | None = None,
    without: frozenset[str] = frozenset(),
) -> DistrictMap:
    """Return the map of a page, as far as it is for whoever asks.

    Parameters
    ----------
    district : dict
        What `webmap.district.describe` told of it.
    label : str
        What the map is called for ears.
    box : tuple of float, optional
        West, south, east, north in degrees, EPSG:4490, that is shown first; the district's by default.
    without : frozenset of str
        Layers that the page does not draw, whoever may see them.
    """
    from webmap.maps import district_map

    return district_map(
        box or district["bbox"] or crs.area_of_use(district["metric_crs"]),
        shapes={"outline": sheet.outline(snapshot), "boundaries": sheet.boundaries(snapshot)},
        names={
            "subdistrict_names": sheet.names(snapshot, language),
            "water_names": sheet.ground_names(snapshot, "water", language),
            "green_names": sheet.ground_names(snapshot, "green", language),
        },
        label=label,
        tiles=TILES,
        hidden=without
        | {layer for layer in LAYERS if rows_seen(policy(), visitor(), layer, way_out="tile") == "none"},
        datum=service().settings.installation.map_datum,
        base_map=base_map(),
    )


def _importing(language: Language) -> dict[str, Any]:
    """Return what somebody before a district without data is told: where to import, or whom to ask."""
    may = policy().may(visitor(), "import")
    refused = policy().refusal(visitor(), both(""), who=policy().who_may("import"))
    return {
        "may": may,
        "in_browser": may and current_app.extensions.get("wangge.uploads") is not None,
        "whom": None if may or refused.remedy is None else refused.remedy.to(language),
    }


def render(
    snapshot: Snapshot, *, language: Language, theme: str, page: Literal["planner", "compare"] = "planner"
) -> str:
    """Return a page of a district, as far as it is for whoever asks."""
    from webmap.maps import as_json

    district, text_of = describe(snapshot, policy(), visitor(), language), words(language)
    described = page_map(
        snapshot, district, language, box=district["sight"]["bbox"], label=text_of["map_help"]
    )
    titles = {name: layer.title.to(language) for name, layer in LAYERS.items()}
    data = {
        "language": language,
        "theme": theme,
        "words": text_of,
        "layers": titles,
        "definitions": {name: known.as_dict(language) for name, known in DEFINITIONS.items()},
        "district": district,
        # Who has not signed in changes nothing here, and gets no cookie.
        "csrf": None if visitor().via == "nobody" else csrf.token(),
        "account": visitor().account,
        "may_save": service().access is not None and policy().may(visitor(), "own"),
        "may_plan": policy().may(visitor(), "plan"),
        "may_verify": policy().may(visitor(), "verify"),
        "importing": _importing(language),
    }
    return render_template(
        f"{page}.html",
        page=page,
        entry={"planner": "main", "compare": "compare"}[page],
        w=text_of,
        district=district,
        district_name=(district["name_en"] if language == "en" else None) or district["name"],
        language=language,
        theme=theme,
        styles=STYLES,
        modules=MODULES,
        map_html=described.html(),
        data=as_json(data),
    )
