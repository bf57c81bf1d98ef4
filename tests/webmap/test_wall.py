"""The wall over HTTP: who may see it, how fresh it says it is, and that its answer has the described shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from flask.testing import FlaskClient

from layers.installation import Installation, Logo
from layers.problems import BadParameter
from layers.standards import Standards
from layers.store import Store, create_store
from layers.text import LANGUAGES, Text
from layers.visitors import WHOLE_DISTRICT, Area, Visitor
from tests.district import small_district
from tests.visitors import UNLIMITED, app_for
from tests.webmap.access import OPERATOR, people
from tests.webmap.test_openapi import validator
from webmap.schemas import SCHEMAS
from webmap.settings import Settings
from webmap.wall import AGE, CONFIRMED, PAGE
from webmap.wall_scenes import SCENES, scenes_of
from webmap.words_wall import WORDS

SCREEN = Visitor("wall", WHOLE_DISTRICT, name="hall", via="device")
LEADER = Visitor("leader", WHOLE_DISTRICT, account="1" * 12, name="lin", via="session")
OTHERS = (
    Visitor("resident"),
    Visitor("planner", WHOLE_DISTRICT, account="2" * 12, name="p", via="session"),
    Visitor("administrator", WHOLE_DISTRICT, account="3" * 12, name="a", via="session"),
    Visitor(
        "subdistrict_staff",
        Area("subdistricts", frozenset({"S1"})),
        account="4" * 12,
        name="s",
        via="session",
    ),
    Visitor("auditor", account="5" * 12, name="u", via="session"),
)
STATIC = Path(__file__).parents[2] / "webmap" / "static"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 's.gpkg'}", district, layers=frames) as made:
        yield made


@pytest.fixture
def screen(small_store: Store, standards: Standards) -> FlaskClient:
    return app_for(small_store, standards, SCREEN).test_client()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("visitor", [SCREEN, LEADER], ids=["wall", "leader"])
def test_the_answer_has_the_described_shape(
    small_store: Store, standards: Standards, visitor: Visitor, language: str
) -> None:
    client = app_for(small_store, standards, visitor).test_client()
    answer = client.get(f"/api/wall?lang={language}")
    assert answer.status_code == 200
    validator(SCHEMAS["Wall"]).validate(answer.get_json())
    assert client.get(f"/wall?lang={language}").status_code == 200


def test_others_may_not(small_store: Store, standards: Standards) -> None:
    for visitor in OTHERS:
        client = app_for(small_store, standards, visitor).test_client()
        expected = 401 if visitor.via == "nobody" else 403
        for path in ("/wall", "/api/wall"):
            assert client.get(path).status_code == expected, (visitor.role, path)


def test_the_numbers_are_those_of_the_views(screen: FlaskClient) -> None:
    told = screen.get("/api/wall").get_json()
    for one in told["questions"]:
        asked = {name: value for name, value in one["view"].items() if value is not None}
        shown = screen.get("/api/view", query_string=asked).get_json()
        assert shown["headlines"][one["id"]]["figure"] == one["figure"]
    summary = screen.get("/api/summary").get_json()
    for one in told["pair"]:
        assert summary[one["id"]] == one["figure"]


def test_an_unchanged_answer_is_not_sent_again_and_says_how_fresh_it_is(screen: FlaskClient) -> None:
    first = screen.get("/api/wall")
    again = screen.get("/api/wall", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    for answer in (first, again):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.headers[CONFIRMED])
        assert answer.headers[AGE] == "0"
        assert re.fullmatch(r"[0-9a-f]{12}", answer.headers[PAGE])
        assert "private" in answer.headers["Cache-Control"]
    assert first.headers[PAGE] in screen.get("/wall").get_data(as_text=True)


def test_a_write_is_another_answer(store: Store, standards: Standards) -> None:
    client = app_for(store, standards, SCREEN).test_client()
    first = client.get("/api/wall")
    store.delete("communities", ["C07"])
    second = client.get("/api/wall", headers={"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200
    before, after = (answer.get_json()["questions"][1]["figure"] for answer in (first, second))
    assert (before["count"], before["of"]) == (after["count"] + 1, after["of"] + 1)


def test_a_snapshot_that_falls_behind_says_so(small_store: Store, standards: Standards) -> None:
    app = app_for(small_store, standards, SCREEN)
    shared = app.extensions["wangge"]
    client = app.test_client()
    client.get("/api/wall")

    class Behind:
        def current(self) -> Any:
            return shared.snapshots.current()

        def latest(self) -> Any:
            return shared.snapshots.current(), 75.4

    app.extensions["wangge"] = replace(shared, snapshots=Behind())
    assert client.get("/api/wall").headers[AGE] == "75"


def test_an_enrolled_screen_needs_nobody_and_a_revoked_one_sees_nothing(
    small_store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(small_store, standards, tmp_path) as who:
        device, code = who.access.add_device("wall", "大厅", by=OPERATOR)
        browser = who.browser()
        assert browser.get("/wall").status_code == 401
        browser.post("/enrol", {"code": code}, page="/enrol")
        assert browser.get("/wall").status_code == 200
        assert browser.get("/api/wall").status_code == 200
        page = browser.get("/wall").get_data(as_text=True)
        assert code not in page
        who.access.revoke_device(device.id, by=OPERATOR)
        assert browser.get("/api/wall").status_code == 401


def test_scenes_and_seconds_are_the_installations(small_store: Store, standards: Standards) -> None:
    def page(address: str, **wanted: Any) -> dict[str, Any]:
        settings = Settings(
            installation=Installation(**wanted), requests_a_minute=UNLIMITED, tiles_a_minute=UNLIMITED
        )
        client = app_for(small_store, standards, SCREEN, settings=settings).test_client()
        text = client.get(address).get_data(as_text=True)
        data = re.search(r'id="page-data"[^>]*>(.*?)</script>', text, re.DOTALL)
        assert data
        found: dict[str, Any] = json.loads(data[1])
        return found

    as_shipped = page("/wall")
    assert (as_shipped["scenes"], as_shipped["scene"], as_shipped["seconds"]) == ([*SCENES], "gap", 20)
    chosen = page("/wall", scenes=("linkages", "gap"), scene_seconds=45)
    assert (chosen["scenes"], chosen["scene"], chosen["seconds"]) == (["linkages", "gap"], "linkages", 45)
    asked = page("/wall?scene=hotspots&seconds=7")
    assert (asked["scene"], asked["seconds"]) == ("hotspots", 7)
    assert page("/wall?scene=hotspots", scenes=("gap",))["scene"] == "gap"
    # A wall that was opened before loads itself anew; in each process of one service it is the same page.
    assert as_shipped["page"] == asked["page"] == page("/wall?lang=en")["page"]
    titled = page("/wall", title=Text("某区一张图", "One map"))
    assert len({as_shipped["page"], chosen["page"], titled["page"]}) == 3


def test_the_page_is_another_with_every_content_that_it_shows(standards: Standards, tmp_path: Path) -> None:
    district, frames = small_district()
    assert district.outline is not None
    west, south, east, north = district.outline.bounds
    cut = shapely.Polygon([(west, south), (east, south), (east, north), (west, (south + north) / 2)])
    assert cut.bounds == shapely.box(west, south, east, north).bounds
    boxed = replace(district, outline=shapely.box(west, south, east, north))
    stores = {
        name: create_store(f"gpkg:{tmp_path / name}.gpkg", one, layers=frames)
        for name, one in (("boxed", boxed), ("again", boxed), ("cut", replace(district, outline=cut)))
    }
    rules = replace(standards, detour_factor=standards.detour_factor + 0.1)
    logo, other = (Logo(content, "image/png", 10, 10) for content in (b"one", b"two"))

    def page(store: str = "boxed", rules: Standards = standards, **wanted: Any) -> str:
        settings = Settings(
            installation=Installation(standards=tmp_path / "standards.json", **wanted),
            requests_a_minute=UNLIMITED,
            tiles_a_minute=UNLIMITED,
        )
        client = app_for(stores[store], rules, SCREEN, settings=settings).test_client()
        return client.get("/api/wall").headers[PAGE]

    assert page() == page() == page("again")
    assert len({page(), page(logo=logo), page(logo=other), page("cut"), page(rules=rules)}) == 5


@pytest.mark.parametrize("query", ["seconds=0", "seconds=3601", "seconds=x", "scene=news", "lang=fr"])
def test_a_wrong_address_is_refused_in_words(screen: FlaskClient, query: str) -> None:
    assert screen.get(f"/wall?{query}").status_code == 400


def test_scenes_that_there_are_not_are_refused_before_the_service_starts(
    small_store: Store, standards: Standards
) -> None:
    with pytest.raises(BadParameter, match="no such scenes: news"):
        scenes_of(("gap", "news"))
    settings = Settings(installation=Installation(scenes=("news",)))
    with pytest.raises(BadParameter):
        app_for(small_store, standards, SCREEN, settings=settings)


def test_no_building_and_no_single_complaint_is_on_the_map(screen: FlaskClient) -> None:
    page = screen.get("/wall").get_data(as_text=True)
    described = re.search(r'id="map-description">(.*?)</script>', page, re.DOTALL)
    assert described
    layers = {layer["id"] for layer in json.loads(described[1])["layers"]}
    assert layers.isdisjoint({"buildings", "complaints"}) and {"units", "facilities"} <= layers


def test_every_word_of_the_scripts_is_there_and_used() -> None:
    scripts = "".join(file.read_text("utf-8") for file in sorted((STATIC / "js" / "wall").glob("*.js")))
    template = (STATIC.parent / "templates" / "wall.html").read_text("utf-8")
    asked = set(re.findall(r'"(wall_\w+)"', scripts))
    assert asked <= set(WORDS), asked - set(WORDS)
    used = asked | set(re.findall(r"\bw\.(\w+)", template)) | {f"wall_scene_{scene}" for scene in SCENES}
    used.add("wall_map")
    assert set(WORDS) <= used, set(WORDS) - used
