"""The tablet's page: a shell without a word of the district, that its service worker keeps for days without a network.

What the shell shows comes from the API or from the package that was taken along; so one shell is kept for
whoever uses the tablet.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, make_response, render_template, request

from layers.text import LANGUAGES, Language
from webmap.assets import asset, content_hash, import_map, kept_file
from webmap.errors import request_language
from webmap.gate import allow
from webmap.operations import service
from webmap.pages import MODULES
from webmap.responses import coding_asked
from webmap.security import HEADERS, base_map
from webmap.words_field import field_words

if TYPE_CHECKING:
    from layers.installation import BaseMap

field = Blueprint("field", __name__)

STYLES = ("tokens", "base", "map", "field", "field_parts", "field_map")
WORKER = "vendor/maplibre-gl/maplibre-gl-worker.mjs"
_FILES = (
    *(f"css/{name}.css" for name in STYLES),
    "vendor/leaflet/leaflet.css",
    "vendor/maplibre-gl/maplibre-gl.css",
    "vendor/protomaps-leaflet/protomaps-leaflet.js",
    "icons/favicon.svg",
    *MODULES.values(),
)
_MAIN = "js/field/main.js"
_IMPORT = re.compile(r'(?:\bfrom|\bimport\(|\bimport)\s*"(\.[^"]+)"')
_DIGITS = 16


@field.get("/field")
@allow("verify")
def page() -> Response:
    """Return the shell."""
    response = make_response(_shell(request_language()))
    # The worker's own place is shown on the map; it is neither stored nor sent.
    response.headers["Permissions-Policy"] = HEADERS["Permissions-Policy"].replace(
        "geolocation=()", "geolocation=(self)"
    )
    return response


def _shell(language: Language) -> str:
    from webmap.maps import as_json

    words = field_words(language)
    return render_template(
        "field.html",
        f=words,
        language=language,
        theme="",
        styles=STYLES,
        modules=MODULES,
        data=as_json(
            {"language": language, "words": words, "district": {}, "definitions": {}, "map": _map(base_map())}
        ),
        worker=_worker_address(),
    )


def _map(base: BaseMap | None) -> dict[str, Any]:
    """Return what of the map is the same for everybody; the operator's base map is for as long as there is a network."""
    from webmap.maps import MAX_ZOOM

    return {
        "max_zoom": MAX_ZOOM,
        "datum": service().settings.installation.map_datum,
        "base_map": None if base is None else asdict(base),
    }


def _worker_address() -> str:
    return f"/field/map-worker.mjs?v={content_hash(WORKER)}"


@field.get("/field/map-worker.mjs")
@allow("describe")
def map_worker() -> Response:
    """Return MapLibre's worker at an address within the service worker's scope: else it could not start offline."""
    kept = kept_file(current_app.static_folder or "", WORKER, coding_asked())
    if kept is None:
        raise FileNotFoundError(WORKER)
    response = Response(kept.body)
    for name, value in kept.headers(f"?{request.query_string.decode('ascii', 'replace')}"):
        response.headers[name] = value
    return response


@field.get("/field/manifest.webmanifest")
@allow("describe")
def manifest() -> Response:
    """Return what a tablet needs to start the page like a program of its own."""
    language = request_language()
    words = field_words(language)
    start = "/field" if language == "zh" else f"/field?lang={language}"
    icon = {"src": asset("icons/favicon.svg"), "type": "image/svg+xml", "sizes": "any", "purpose": "any"}
    body = {
        "id": "/field",
        "name": words["app_name"],
        "short_name": words["app_name"],
        "lang": "zh-Hans" if language == "zh" else "en",
        "start_url": start,
        "scope": "/field",
        "display": "standalone",
        "icons": [icon],
    }
    return Response(json.dumps(body, ensure_ascii=False), mimetype="application/manifest+json")


@field.get("/field/sw.js")
@allow("describe")
def service_worker() -> Response:
    """Return the service worker with the list of what the shell consists of; another list is another worker."""
    files = [*(asset(path) for path in _FILES), *map(asset, script_files()), _worker_address()]
    source = (Path(current_app.static_folder or "") / "field-sw.js").read_text("utf-8")
    given = {
        "version": _version(files, source),
        "files": files,
        "pages": [_page_of(one) for one in LANGUAGES],
    }
    response = Response(f"const SHELL = {json.dumps(given)};\n{source}", mimetype="text/javascript")
    response.headers["Service-Worker-Allowed"] = "/field"
    return response


def _page_of(language: Language) -> str:
    return "/field" if language == "zh" else f"/field?lang={language}"


def _version(files: list[str], source: str) -> str:
    """Return what changes with anything of the shell: scripts and styles, its words, its page."""
    folder = Path(current_app.root_path) / (current_app.template_folder or "templates")
    pages = [(folder / name).read_text("utf-8") for name in ("field.html", "layout.html", "icons.svg")]
    said = [field_words(language) for language in LANGUAGES]
    # Told as a hash: who asks for the worker is not let ask the base map's origin, as those are who draw it.
    drawn = _map(service().settings.installation.base_map)
    told = json.dumps(
        [files, source, pages, said, drawn, str(service().settings.address), import_map(MODULES)]
    )
    return hashlib.sha256(told.encode()).hexdigest()[:_DIGITS]


def script_files() -> list[str]:
    """Return the scripts that the page imports, and those that they import."""
    root = Path(current_app.static_folder or "")
    found: list[str] = []
    waiting = [root / _MAIN]
    while waiting:
        file = waiting.pop()
        path = file.relative_to(root).as_posix()
        if path in found:
            continue
        found.append(path)
        waiting += [(file.parent / name).resolve() for name in _IMPORT.findall(file.read_text("utf-8"))]
    return sorted(found)
