"""The leaders' wall: one page, and the one answer that it asks for every few seconds."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import shapely
from flask import Blueprint, Response, current_app, jsonify, render_template, request

from layers.earlier import Earlier
from layers.sight import sight_of
from layers.store import utc_now
from layers.text import Language, Text
from layers.wall import wall as figures
from webmap import assets
from webmap.district import describe
from webmap.gate import allow, policy, visitor
from webmap.operations import JSON, current_snapshot, operation, service
from webmap.pages import MODULES, page_map
from webmap.params import LANGUAGE, choice, read, whole
from webmap.wall_scenes import SCENES, scenes_of
from webmap.words_wall import WORDS

if TYPE_CHECKING:
    from flask.blueprints import BlueprintSetupState

    from layers.installation import Installation
    from layers.snapshot import Snapshot


CONFIRMED, AGE, PAGE = "Wangge-Confirmed", "Wangge-Age", "Wangge-Page"
"""Headers: when what is answered was last known to be the store's present version, how many seconds ago, and which
page is the present one: a wall runs for weeks, and loads itself anew when the service, its settings or the district
are others."""

STYLES = ("tokens", "base", "wall", "wall_map", "wall_linkages")
_EARLIER = "wangge.earlier"

walls = Blueprint("wall_page", __name__)
api_walls = Blueprint("api_wall", __name__, url_prefix="/api")


def _prepare(state: BlueprintSetupState) -> None:
    """Refuse scenes that do not exist before anybody waits before a wall."""
    shared = state.app.extensions["wangge"]
    scenes_of(shared.settings.installation.scenes)
    state.app.extensions[_EARLIER] = Earlier(shared.store)


walls.record_once(_prepare)


def _page_parameters() -> tuple[Any, ...]:
    installation = service().settings.installation
    return (
        LANGUAGE,
        choice(
            "scene", Text("先看的场景", "The first scene"), SCENES, default=scenes_of(installation.scenes)[0]
        ),
        whole(
            "seconds",
            Text("每个场景多少秒", "Seconds per scene"),
            minimum=1,
            maximum=3600,
            default=installation.scene_seconds,
        ),
    )


@walls.get("/wall")
@allow("wall")
def page() -> str:
    """Return the wall; what it shows it asks for itself, again and again."""
    parameters = _page_parameters()
    known = {parameter.name for parameter in parameters}
    state = read(parameters, {name: request.args.getlist(name) for name in request.args if name in known}, {})
    language: Language = state["lang"]
    snapshot = current_snapshot()
    sight_of(policy(), visitor())
    district = describe(snapshot, policy(), visitor(), language)
    words = {name: text.to(language) for name, text in WORDS.items()}
    scenes = list(scenes_of(service().settings.installation.scenes))
    from webmap.maps import as_json

    return render_template(
        "wall.html",
        w=words,
        district=district,
        district_name=(district["name_en"] if language == "en" else None) or district["name"],
        language=language,
        theme="wall",
        styles=STYLES,
        modules=MODULES,
        scenes=scenes,
        # Seen from five metres single buildings and complaints are noise, whoever may see them.
        map_html=page_map(
            snapshot,
            district,
            language,
            label=words["wall_map"],
            without=frozenset({"buildings", "complaints"}),
        ).html(),
        data=as_json(
            {
                "language": language,
                "words": words,
                "district": {"sight": district["sight"]},
                "scenes": scenes,
                "scene": state["scene"] if state["scene"] in scenes else scenes[0],
                "seconds": state["seconds"],
                "page": _present_page(snapshot),
            }
        ),
    )


@api_walls.get("/wall")
@operation(
    LANGUAGE,
    action="wall",
    tag="views",
    summary=Text(
        "大屏上的数字：三问、两项覆盖、六联，各带分母、不明、变化、公布值和定义",
        "What the wall says: three questions, two coverages, six linkages, each with base, unknown, trend, published "
        "figure and definition",
    ),
    answers={JSON: "Wall"},
    statuses=(304,),
)
def wall(*, lang: Language) -> Response:
    """Return the wall's figures; headers say how fresh they are, so that an unchanged answer stays unchanged."""
    shared, snapshot = service(), current_snapshot()
    earlier: Earlier = current_app.extensions[_EARLIER]
    sight = sight_of(policy(), visitor())
    response = jsonify(figures(snapshot, sight, earlier.of(snapshot), lang))
    _, age_s = shared.snapshots.latest()
    seen = utc_now() - timedelta(seconds=age_s or 0)
    response.headers[CONFIRMED] = seen.isoformat(timespec="seconds").replace("+00:00", "Z")
    response.headers[AGE] = f"{age_s or 0:.0f}"
    response.headers[PAGE] = _present_page(snapshot)
    return response


def _present_page(snapshot: Snapshot) -> str:
    """Return what tells this page from another: its scripts and styles, what the installation sets, the district."""
    styles = [assets.content_hash(f"css/{name}.css") for name in STYLES]
    installation = service().settings.installation
    shown = snapshot.derived(("wall_page", installation), lambda: _hash_of_shown(snapshot, installation))
    return sha256("".join((assets.import_map(MODULES), *styles, shown)).encode()).hexdigest()[:12]


def _hash_of_shown(snapshot: Snapshot, installation: Installation) -> str:
    """Return what changes with the installation's settings, the files that they name, and the district."""
    district, logo = snapshot.district, installation.logo
    told = (district.name, district.name_en, district.invented, snapshot.standards, installation)
    found = sha256(repr(told).encode())
    found.update(b"" if logo is None else sha256(logo.content).digest())
    found.update(b"" if district.outline is None else shapely.to_wkb(district.outline))
    return found.hexdigest()
