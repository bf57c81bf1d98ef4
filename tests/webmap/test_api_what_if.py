"""What if over HTTP: who may ask, what is answered, what is taken away, and that nothing is written."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from layers.problems import BadParameter, StoreAway
from layers.standards import Standards
from layers.store import Store
from layers.text import both
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.visitors import PLANNER, POLICY, UNLIMITED, app_for
from webmap import create_app
from webmap.api_what_if import saved_scenario
from webmap.schemas import SCHEMAS
from webmap.settings import Settings

IN_C08 = "114.137861:22.545487"
DAY_CARE = f"add:day_care:{IN_C08}"
ADDRESSES = (
    f"/api/what-if?steps={DAY_CARE}",
    f"/api/what-if/units/communities/C08?steps={DAY_CARE}",
    f"/api/what-if/compare?scenarios=A={DAY_CARE}",
    f"/what-if/download?scenarios=A={DAY_CARE}",
    f"/what-if/sheet?scenarios=A={DAY_CARE}",
)
OTHERS = {
    "nobody": RESIDENT,
    "leader": Visitor("leader", WHOLE_DISTRICT, account="1" * 12, name="leader", via="session"),
    "subdistrict_staff": Visitor(
        "subdistrict_staff",
        Area("subdistricts", frozenset({"S1"})),
        account="2" * 12,
        name="s",
        via="session",
    ),
    "wall": Visitor("wall", WHOLE_DISTRICT, name="wall", via="device"),
    "key without the scope": Visitor(
        "planner",
        WHOLE_DISTRICT,
        name="key",
        via="key",
        scopes=frozenset({"describe", "view", "take", "read"}),
    ),
}


def told(client: FlaskClient, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def holds(schema: str, answer: Any) -> None:
    Draft202012Validator(SCHEMAS[schema] | {"components": {"schemas": SCHEMAS}}).validate(answer)


@pytest.mark.parametrize("who", OTHERS)
@pytest.mark.parametrize("address", ADDRESSES)
def test_what_if_is_for_those_who_plan(
    small_store: Store, standards: Standards, who: str, address: str
) -> None:
    client = app_for(small_store, standards, OTHERS[who]).test_client()
    assert client.get(address).status_code == (401 if who == "nobody" else 403)


def test_the_answer_is_what_changes_and_the_view_as_it_would_be(client: FlaskClient) -> None:
    found = told(client, f"/api/what-if?unit=communities&steps={DAY_CARE};close:facilities:F77")
    holds("WhatIf", found)
    assert [one["status"] for one in found["steps"]] == ["done", "gone"]
    assert found["shown"] == "day_care" and "C08" in found["units"]["gained"]
    view = found["view"]
    present = told(client, "/api/view?unit=communities")
    assert view["headlines"]["gap"]["figure"] != present["headlines"]["gap"]["figure"]
    assert view["headlines"]["gap"]["label"] == f"假设：{present['headlines']['gap']['label']}"
    assert view["rows"]["class"][view["rows"]["id"].index("C08")] == "gap-0"
    # With a chosen limit and in English too.
    found = told(client, f"/api/what-if?limit_m=500&lang=en&steps={DAY_CARE}")
    assert found["results"][0]["limit_chosen"] and found["view"]["list"]["title"].startswith("Hypothetical: ")


def test_without_steps_it_is_the_present(client: FlaskClient) -> None:
    found = told(client, "/api/what-if?unit=communities")
    present = told(client, "/api/view?unit=communities")
    assert found["results"] == [] and found["shown"] is None
    assert found["view"]["rows"] == present["rows"]


def test_a_card_is_of_what_would_be(client: FlaskClient) -> None:
    def day_care(card: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in card["distances"] if one["kind"] == "day_care")
        return found

    card = told(client, f"/api/what-if/units/communities/C08?steps={DAY_CARE};add:mediation_room:{IN_C08}")
    holds("Card", card)
    present = told(client, "/api/units/communities/C08")
    assert day_care(card)["covered"] and not day_care(present)["covered"]
    assert card["place"] == f"假设：{present['place']}"
    rooms = {one["id"]: one["value_text"] for one in card["figures"]}
    assert rooms["mediation"] == "有"
    assert client.get(f"/api/what-if/units/communities/C99?steps={DAY_CARE}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "steps=add:palace:114.1:22.5",
        "steps=add:day_care:22.5:114.1",
        "steps=" + "close:facilities:F01;" * 31,
        "steps=" + "x" * 4100,
        "base=-1",
        "unit=square:10",
        "nonsense=1",
    ],
)
def test_what_is_wrong_is_said(client: FlaskClient, query: str) -> None:
    response = client.get(f"/api/what-if?{query}")
    assert response.status_code == 400
    assert response.get_json()["error"]["detail"]


def test_a_stale_base_is_said(client: FlaskClient) -> None:
    found = told(client, f"/api/what-if?base=999&lang=en&steps={DAY_CARE}")
    assert found["stale"] and found["base"] == 999 and "999" in found["note"]
    assert not told(client, f"/api/what-if?base={found['version']}&steps={DAY_CARE}")["stale"]


def test_scenarios_are_compared(client: FlaskClient) -> None:
    asked = f"A={DAY_CARE}|%E4%B9%99=close:facilities:F01"
    found = told(client, f"/api/what-if/compare?unit=communities&scenarios={asked}")
    holds("WhatIfComparison", found)
    assert [one["name"] for one in found["columns"]] == ["现状", "A", "乙"]
    alone = told(client, f"/api/what-if?unit=communities&steps={DAY_CARE}")
    residents = next(row for row in found["kinds"][0]["rows"] if row["id"] == "residents")
    assert residents["values"][1] == alone["results"][0]["figures"][0]["after"]["count"]
    for wrong in ("", "A", "|".join(f"{n}={DAY_CARE}" for n in range(7))):
        assert client.get(f"/api/what-if/compare?scenarios={wrong}").status_code == 400


def test_taking_away_is_recorded_and_says_that_it_is_supposed(
    small_store: Store, standards: Standards
) -> None:
    log: list[dict[str, Any]] = []

    def record(who: Visitor, action: str, **more: Any) -> None:
        log.append({"who": who.name, "action": action, **more})

    settings = Settings(requests_a_minute=UNLIMITED, tiles_a_minute=UNLIMITED)
    app = create_app(
        small_store, standards, POLICY, visitors=lambda _: PLANNER, record=record, settings=settings
    )
    client, version = app.test_client(), small_store.version()
    asked = {"scenarios": f"%3D1%2B1={DAY_CARE}|B%26C=close:facilities:F01"}
    assert client.get("/what-if/download", query_string={"scenarios": f"={DAY_CARE}"}).status_code == 400
    for format_ in ("csv", "xlsx", "geojson", "gpkg"):
        response = client.get("/what-if/download", query_string=asked | {"format": format_})
        assert response.status_code == 200, response.get_data(as_text=True)
        assert "%E5%81%87%E8%AE%BE" in response.headers["Content-Disposition"]
        if format_ == "csv":
            rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"))))
            assert "假设，不是事实" in rows[0]["note"]
            assert "1 =1+1" in rows[0] and "2 B&C" in rows[0]
        if format_ == "geojson":
            features = json.loads(response.data)["features"]
            assert {one["geometry"]["type"] for one in features} >= {"Point", "Polygon"}
    assert [one["action"] for one in log] == ["export"] * 4
    assert "=1+1, B&C" in log[0]["what"] and log[0]["count"] > 0
    assert small_store.version() == version


def test_nothing_is_taken_away_that_cannot_be_recorded(small_store: Store, standards: Standards) -> None:
    def record(who: Visitor, action: str, **more: Any) -> None:
        raise StoreAway(both("away"))

    app = create_app(small_store, standards, POLICY, visitors=lambda _: PLANNER, record=record)
    answer = app.test_client().get(f"/what-if/download?scenarios=A={DAY_CARE}")
    assert answer.status_code == 503 and "Content-Disposition" not in answer.headers


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"steps": DAY_CARE},
        {"steps": 1, "base": 1},
        {"steps": DAY_CARE, "base": True},
        {"steps": "nonsense", "base": 1},
    ],
)
def test_what_is_saved_is_a_scenario(app: Flask, content: dict[str, Any]) -> None:
    with app.app_context():
        assert saved_scenario({"steps": f"{DAY_CARE};", "base": None}) == {"steps": DAY_CARE, "base": None}
        with pytest.raises(BadParameter):
            saved_scenario(content)


def test_the_sheet_holds_the_table_the_steps_and_the_communities(client: FlaskClient) -> None:
    asked = f"%3Cb%3E={DAY_CARE}|B=close:facilities:F77"
    page = client.get(f"/what-if/sheet?unit=communities&scenarios={asked}").get_data(as_text=True)
    assert "假设，不是事实" in page and "&lt;b&gt;" in page and "<b>" not in page.split("<main")[1]
    assert "粮食局宿舍" in page and "本区现在没有这一处" in page
    english = client.get(f"/what-if/sheet?lang=en&scenarios=A={DAY_CARE}").get_data(as_text=True)
    assert "Scenarios compared" in english and "A supposition, not a fact" in english


def test_the_page_offers_it_to_those_who_plan(small_store: Store, standards: Standards) -> None:
    for who, may in ((PLANNER, "true"), (RESIDENT, "false"), (OTHERS["leader"], "false")):
        page = app_for(small_store, standards, who).test_client().get("/").get_data(as_text=True)
        assert f'"may_plan":{may}' in page
