"""Saved things and conditions over HTTP: who may, what is refused in words, and that links hold it all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from layers.standards import Standards
from layers.store import Store, create_store
from layers.visitors import WHOLE_DISTRICT, Area, Visitor
from tests.district import small_district
from tests.visitors import app_for
from tests.webmap.access import AREAS, Browser, People, people
from webmap.schemas import SCHEMAS

WHERE = "double_none~gap:day_care:300~floating:40"
CONTENT = {"where": WHERE, "unit": "communities"}
_CSRF = re.compile(r'"csrf":"([^"]+)"')


@pytest.fixture(scope="module")
def served(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    district, frames = small_district()
    folder = tmp_path_factory.mktemp("saved")
    areas_before = dict(AREAS)
    AREAS["community_staff"] = Area("neighbourhoods", frozenset({"S1N1"}))
    try:
        with (
            create_store(f"gpkg:{folder / 'district.gpkg'}", district, layers=frames) as store,
            people(store, standards, folder) as found,
        ):
            for name, role in (("zhang", "planner"), ("li", "planner"), ("qian", "community_staff")):
                found.add(name, role)
            for name, role in (("zhao", "leader"), ("root", "administrator"), ("shen", "auditor")):
                found.add(name, role)
            yield found
    finally:
        AREAS.update(areas_before)


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[name] | {"components": {"schemas": SCHEMAS}})


class Desk:
    """A browser that has somebody signed in, and sends JSON as the page does."""

    def __init__(self, served: People, name: str) -> None:
        self.browser: Browser = served.browser_of(name)
        found = _CSRF.search(self.browser.get("/").get_data(as_text=True))
        self.headers = {"X-CSRF-Token": found[1]} if found else {}

    def get(self, path: str) -> TestResponse:
        return self.browser.get(path)

    def send(self, method: str, path: str, body: object = None, **options: Any) -> TestResponse:
        options = {"headers": self.headers, **options}
        if body is not None:
            options["json"] = body
        return self.browser.client.open(path, method=method, **options)

    def save(self, name: str, *, shared: bool = False, content: Any = CONTENT) -> dict[str, Any]:
        body = {"kind": "conditions", "name": name, "shared": shared, "content": content}
        response = self.send("POST", "/api/saved", body)
        assert response.status_code == 200, response.get_data(as_text=True)
        made: dict[str, Any] = response.get_json()
        validator("SavedThing").validate(made)
        return made


def said(response: TestResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.get_data(as_text=True)
    found = response.get_json()
    validator("Error").validate(found)
    error: dict[str, Any] = found["error"]
    return error


def test_conditions_are_saved_opened_changed_and_removed(served: People) -> None:
    zhang = Desk(served, "zhang")
    made = zhang.save("双无缺照料")
    assert made["mine"] and made["may"] == {"change": True, "share": True, "remove": True}
    listed = zhang.get("/api/saved?kind=conditions").get_json()
    validator("SavedThings").validate(listed)
    assert [one["name"] for one in listed["saved"]] == ["双无缺照料"]
    assert listed["saved"][0]["content"] is None
    opened = zhang.get(f"/api/saved/{made['id']}").get_json()
    assert opened == made and opened["content"] == CONTENT
    changed = zhang.send("PUT", f"/api/saved/{made['id']}", {"version": 1, "shared": True}).get_json()
    assert changed["version"] > 1 and changed["shared"]
    assert zhang.send("DELETE", f"/api/saved/{made['id']}?version={changed['version']}").status_code == 204
    assert said(zhang.get(f"/api/saved/{made['id']}"), 404)
    log = [
        (one.action, one.what) for one in served.access.entries(limit=1000) if one.action.startswith("saved")
    ]
    kinds = ["saved_added", "saved_changed", "saved_removed"]
    assert log[-3:] == [(kind, "conditions 双无缺照料") for kind in kinds]
    assert all(one.origin for one in served.log("saved_added"))


def test_two_people_who_change_one_see_both_sides(served: People) -> None:
    zhang, li = Desk(served, "zhang"), Desk(served, "li")
    made = zhang.save("ours", shared=True)
    path = f"/api/saved/{made['id']}"
    theirs = li.send("PUT", path, {"version": 1, "content": {"where": "hot:95"}}).get_json()
    assert theirs["changed_by"] == "li" and not theirs["mine"]
    error = said(zhang.send("PUT", path, {"version": 1, "content": {"where": "hot:99"}}), 409)
    (conflict,) = error["conflicts"]
    assert conflict["mine"] == {"where": "hot:99"} and conflict["theirs"] == {"where": "hot:95"}
    assert (conflict["version"], conflict["who"], conflict["field"]) == (theirs["version"], "li", "content")
    assert said(li.send("DELETE", f"{path}?version={theirs['version']}"), 403)
    assert said(li.send("PUT", path, {"version": theirs["version"], "shared": False}), 403)
    again = zhang.send("PUT", path, {"version": conflict["version"], "content": {"where": "hot:99"}})
    assert again.get_json()["version"] > theirs["version"]


def test_a_private_thing_is_nobody_elses(served: People) -> None:
    zhang, li = Desk(served, "zhang"), Desk(served, "li")
    made = zhang.save("private")
    path = f"/api/saved/{made['id']}"
    for response in (
        li.get(path),
        li.send("PUT", path, {"version": 1, "name": "mine"}),
        li.send("DELETE", f"{path}?version=1"),
        Desk(served, "root").send("DELETE", f"{path}?version=1"),
    ):
        said(response, 404)
    assert "private" not in li.get("/api/saved").get_data(as_text=True)


def test_who_may_save(served: People) -> None:
    stranger = served.browser()
    assert said(stranger.get("/api/saved"), 401)
    body = {"kind": "conditions", "name": "x", "content": CONTENT}
    assert stranger.client.post("/api/saved", json=body).status_code in (401, 403)
    auditor = Desk(served, "shen")
    assert auditor.get("/api/saved").get_json() == {"saved": []}
    # An auditor has no page of the map to take a token from, and may not save either.
    assert auditor.send("POST", "/api/saved", body).status_code == 403
    for name in ("zhao", "root", "qian"):
        Desk(served, name).save(f"of {name}")


def test_without_the_page_s_token_nothing_is_written(served: People) -> None:
    zhang = Desk(served, "zhang")
    body = {"kind": "conditions", "name": "forged", "content": CONTENT}
    assert said(zhang.send("POST", "/api/saved", body, headers={}), 403)
    foreign = {**zhang.headers, "Sec-Fetch-Site": "cross-site"}
    assert said(zhang.send("POST", "/api/saved", body, headers=foreign), 403)
    assert "forged" not in zhang.get("/api/saved").get_data(as_text=True)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "kind"),
        ({"kind": "conditions", "name": "x"}, "content"),
        ({"kind": "conditions", "name": 5, "content": CONTENT}, "name"),
        ({"kind": "conditions", "name": "x", "content": [], "shared": False}, "content"),
        ({"kind": "conditions", "name": "x", "content": CONTENT, "shared": 1}, "shared"),
        ({"kind": "conditions", "name": "x", "content": CONTENT, "owner": "li"}, "owner"),
        ({"kind": "castle", "name": "x", "content": CONTENT}, "castle"),
        ({"kind": "conditions", "name": " ", "content": CONTENT}, "name"),
        ({"kind": "conditions", "name": "x", "content": {"where": ""}}, "where"),
        ({"kind": "conditions", "name": "x", "content": {"where": "a", "select": "C01"}}, "select"),
        ({"kind": "conditions", "name": "x", "content": {"where": "a" * 500}}, "where"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(served: People, body: dict[str, Any], named: str) -> None:
    error = said(Desk(served, "zhang").send("POST", "/api/saved?lang=en", body), 400)
    assert named in error["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[]",
        b"5",
        b'"text"',
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"[" * 60_000,
    ],
)
def test_a_body_that_is_no_json_object_is_refused_in_words(served: People, sent: bytes) -> None:
    zhang = Desk(served, "zhang")
    response = zhang.send("POST", "/api/saved", data=sent, content_type="application/json")
    error = said(response, 400)
    assert "application/json" in error["remedy"]
    plain = zhang.send("POST", "/api/saved", data=json.dumps(CONTENT), content_type="text/plain")
    assert said(plain, 400)


def test_a_body_that_is_too_large_is_refused(served: People) -> None:
    zhang = Desk(served, "zhang")
    body = {"kind": "conditions", "name": "x", "content": {"where": "x" * 70_000}}
    assert said(zhang.send("POST", "/api/saved", body), 413)


def test_the_version_must_be_told(served: People) -> None:
    zhang = Desk(served, "zhang")
    made = zhang.save("versioned")
    for path in ("", "?version=", "?version=0", "?version=x"):
        said(zhang.send("DELETE", f"/api/saved/{made['id']}{path}"), 400)
    said(zhang.send("PUT", f"/api/saved/{made['id']}", {"name": "x"}), 400)
    said(zhang.send("PUT", f"/api/saved/{made['id']}", {"version": True, "name": "x"}), 400)


def test_a_view_follows_its_conditions_everywhere(served: People) -> None:
    zhang = Desk(served, "zhang")
    asked = f"question=double_none&unit=communities&where={WHERE}"
    shown = zhang.get(f"/api/view?{asked}&lang=en").get_json()
    Draft202012Validator(SCHEMAS["View"] | {"components": {"schemas": SCHEMAS}}).validate(shown)
    assert shown["query"]["where"] == WHERE
    table = zhang.get(f"/download?{asked}&format=csv&lang=en")
    lines = table.get_data(as_text=True).strip().splitlines()
    assert len(lines) - 1 == shown["conditions"]["matches"] + shown["conditions"]["unknown"]
    name = table.headers["Content-Disposition"]
    assert "double_none~gap" in name and ":" not in name.split("filename*")[0]
    assert zhang.get(f"/api/units/communities/C03?where={WHERE}").status_code == 200
    offline = zhang.get(f"/export-map?{asked}").get_data(as_text=True)
    assert "双无 且 日间照料 300 m 内没有 且 流动人口 40% 及以上" in offline
    assert "符合 <b>" in offline and "不能判断 <b>" in offline and "只缺物业" not in offline
    assert zhang.get(f"/?{asked}").status_code == 200
    assert served.log("export")[-1].what.count("where=")


def test_a_wrong_link_says_what_is_wrong(served: People) -> None:
    zhang = Desk(served, "zhang")
    error = said(zhang.get("/api/view?unit=communities&where=double_none~gap:castle:300&lang=en"), 400)
    assert (
        "Condition 2" in error["detail"] and "castle" in error["detail"] and "character 13" in error["detail"]
    )
    page = zhang.get("/?unit=communities&where=nonsense")
    assert page.status_code == 400 and "第 1 个条件" in page.get_data(as_text=True)
    assert said(zhang.get("/api/view?where=" + "x" * 401), 400)


def test_conditions_obey_the_policy(served: People) -> None:
    stranger, leader, staff = served.browser(), Desk(served, "zhao"), Desk(served, "qian")
    view = "/api/view?question=double_none&unit=communities&where="
    assert said(stranger.get(view + "double_none"), 401)
    assert stranger.get("/?unit=communities&question=double_none&where=double_none").status_code == 401
    assert leader.get(view + "double_none").status_code == 200
    assert "流动人口" in said(leader.get(view + "floating:50"), 403)["detail"]
    own = staff.get(view + "floating:40").get_json()
    assert {*own["rows"]["id"], *own["rest"]["id"]} == {"C01", "C02", "C03"}
    # Staff see the tenths of their area, and may not carry them away.
    told = view.replace("/api/view", "/download") + "floating:40"
    assert staff.get(told).status_code == 403
    assert staff.get(told.replace("floating:40", "double_none")).status_code == 200


def test_a_service_without_accounts_saves_nothing(small_store: Store, standards: Standards) -> None:
    somebody = Visitor("planner", WHOLE_DISTRICT, account="0" * 12, name="zhang", via="session")
    client = app_for(small_store, standards, somebody).test_client()
    assert client.get("/api/saved").status_code == 404
    assert '"may_save":false' in client.get("/").get_data(as_text=True)


def test_pages_carry_a_token_for_those_who_may_change_something(served: People, tmp_path: Path) -> None:
    assert Desk(served, "zhang").headers
    page = served.browser().get("/")
    assert '"csrf":null' in page.get_data(as_text=True)
    assert "Set-Cookie" not in page.headers
