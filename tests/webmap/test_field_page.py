"""The tablet's page: its words, what it consists of, and that its service worker keeps all of that."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from layers.schema import LAYERS
from layers.text import LANGUAGES, Text
from layers.visitors import RESIDENT, Area, Visitor
from tests.visitors import app_for
from webmap import assets
from webmap.field import WORKER, script_files
from webmap.words_field import WORDS

WEBMAP = Path(__file__).parents[2] / "webmap"
SCRIPTS = sorted((WEBMAP / "static/js/field").glob("*.js"))
CODE = "\n".join(file.read_text("utf-8") for file in SCRIPTS)
TEMPLATE = (WEBMAP / "templates/field.html").read_text("utf-8")
WORKER_OF_G03 = Visitor(
    "grid_worker", Area("management_cells", frozenset({"G03"})), account="2" * 12, name="甲", via="session"
)
FACTS = tuple(
    field.name
    for layer in ("communities", "mediation_rooms")
    for field in LAYERS[layer].fields
    if field.type == "fact"
)
# What a key made of a class, a field, a state or a view may end in.
ENDS = {
    "answer": ("yes", "no", "unknown"),
    "class": ("double_none", "no_manager", "no_committee", "complete", "unknown"),
    "contradicts_no": ("owners_committee", "property_management"),
    "contradicts_yes": ("owners_committee", "property_management"),
    "day": ("today", "yesterday", "other"),
    "evidence": ("notice_board", "property_office", "residents", "document"),
    "field": FACTS,
    "room_shared": ("yes", "no", "unknown"),
    "tab": ("grid", "verify", "outbox", "package"),
}


@pytest.fixture(scope="module")
def tablet(small_store: Any, standards: Any) -> Flask:
    return app_for(small_store, standards, WORKER_OF_G03)


@pytest.fixture
def client(tablet: Flask) -> FlaskClient:
    return tablet.test_client()


def shell_of(client: FlaskClient) -> dict[str, Any]:
    """Return what the service worker is told to keep."""
    text = client.get("/field/sw.js").get_data(as_text=True)
    found = re.match(r"const SHELL = (\{.*?\});\n", text)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize(("key", "text"), WORDS.items())
def test_both_languages_fill_the_same_places(key: str, text: Text) -> None:
    assert text.zh and text.en and places(text.zh) == places(text.en)


def test_no_word_is_missing_and_none_left_over() -> None:
    asked = set(re.findall(r'\bw\(\s*"(\w+)"', CODE)) | set(re.findall(r"\{\{ f\.(\w+)", TEMPLATE))
    made = {f"{start}_{end}" for start, ends in ENDS.items() for end in ends}
    starts = set(re.findall(r"\bw\(`(\w+)_\$\{", CODE))
    assert starts == set(ENDS) - ({"tab"} - starts)
    # Chosen by a condition, or from a table of states.
    said = asked | made | {word for word in WORDS if f'"{word}"' in CODE}
    assert asked | made <= set(WORDS)
    assert set(WORDS) <= said


def test_the_page_tells_nothing_of_the_district_or_of_who_asks(client: FlaskClient) -> None:
    page = client.get("/field")
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert not any(name in text for name in ("样板区", "Sample District", "绿景花园", "G03", "甲<"))


def test_only_this_page_may_ask_where_one_is(client: FlaskClient) -> None:
    assert "geolocation=(self)" in client.get("/field").headers["Permissions-Policy"]
    assert "geolocation=()" in client.get("/").headers["Permissions-Policy"]


def test_a_resident_is_sent_to_sign_in(small_store: Any, standards: Any) -> None:
    client = app_for(small_store, standards, RESIDENT).test_client()
    assert client.get("/field").status_code == 401
    assert client.get("/field/manifest.webmanifest").status_code == 200, "browsers ask for it without cookies"


def test_the_service_worker_keeps_all_that_the_page_asks_for(tablet: Flask, client: FlaskClient) -> None:
    told = shell_of(client)
    assert told["pages"] == ["/field", "/field?lang=en"]
    page = client.get("/field").get_data(as_text=True)
    linked = set(re.findall(r'(?:src|href|data-protomaps|data-worker)="(/[^"]+\?v=[^"]+)"', page))
    assert linked <= set(told["files"])
    with tablet.test_request_context():
        modules = {assets.asset(path) for path in script_files()}
    assert modules <= set(told["files"])
    for address in told["files"]:
        assert client.get(address).status_code == 200, address


def test_every_import_of_the_page_is_followed() -> None:
    app = Flask("webmap", root_path=str(WEBMAP))
    with app.test_request_context():
        found = set(script_files())
    assert {f"js/field/{file.name}" for file in SCRIPTS} <= found
    assert {"js/dom.js", "js/map/gl.js", "js/map/canvas.js"} <= found
    assert "js/main.js" not in found


def test_the_map_worker_is_the_package_s_own(client: FlaskClient) -> None:
    answer = client.get("/field/map-worker.mjs")
    assert answer.mimetype == "text/javascript"
    assert answer.data == (WEBMAP / "static" / WORKER).read_bytes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manifest_starts_the_page_in_its_language(client: FlaskClient, language: str) -> None:
    told = json.loads(client.get(f"/field/manifest.webmanifest?lang={language}").data)
    assert told["scope"] == "/field"
    assert client.get(told["start_url"]).status_code == 200
    assert ("lang=en" in told["start_url"]) == (language == "en")


def test_another_word_is_another_service_worker(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shell_of(client)["version"]
    assert shell_of(client)["version"] == before
    monkeypatch.setitem(WORDS, "tab_grid", Text("网格图", "Grid map"))
    assert shell_of(client)["version"] != before
