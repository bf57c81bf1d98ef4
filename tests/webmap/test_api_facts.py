"""Facts over HTTP: signed in, from our own pages, once for each key, with both sides of a conflict."""

from __future__ import annotations

import json
import multiprocessing
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import shapely
from jsonschema import Draft202012Validator

from layers.standards import Standards
from layers.store import Store, create_store
from tests.district import small_district
from tests.layers.fact_workers import serve_facts
from tests.webmap.access import OPERATOR, Browser, People, people
from webmap import api_facts
from webmap.schemas import SCHEMAS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as made:
        yield made


@pytest.fixture
def there(store: Store, standards: Standards, tmp_path: Path) -> Iterator[People]:
    with people(store, standards, tmp_path) as found:
        yield found


def asking(values: dict[str, Any], code: str = "C01", **more: Any) -> dict[str, Any]:
    given = {"key": str(uuid4()), "layer": "communities", "code": code, "based_on": 9}
    return given | {"values": values, "as_of": "2025-06-01", "source": "现场查看"} | more


def post(browser: Browser, body: Any, *, token: str | None = None, path: str = "/api/facts") -> Any:
    token = browser.get("/api/me").get_json()["csrf"] if token is None else token
    if isinstance(body, dict):
        body = {"epoch": browser.get("/api/district").get_json()["epoch"]} | body
    return browser.client.post(path, json=body, headers={"X-CSRF-Token": token or ""})


def shaped(name: str, answer: Any) -> None:
    Draft202012Validator(SCHEMAS[name] | {"components": {"schemas": SCHEMAS}}).validate(answer)


def place_of(store: Store, code: str) -> shapely.Point:
    found = store.read("facilities", codes=[code]).geometry[code]
    assert isinstance(found, shapely.Point)
    return found


def test_what_is_told_is_written_and_told_again(there: People, store: Store) -> None:
    browser = there.signed_in("lin", "planner")
    facts = browser.get("/api/facts/communities/C01").get_json()
    shaped("Facts", facts)
    body = asking({"owners_committee": "no", "households": 812}, based_on=facts["version"], note="x")
    shaped("FactRequest", body)
    answer = post(browser, body)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    done = answer.get_json()
    shaped("FactsWritten", done)
    assert (done["key"], done["version"], done["already"]) == (body["key"], store.version(), False)
    assert done["changed"] == ["households", "owners_committee", "owners_committee_date"]
    assert done["facts"] == browser.get("/api/facts/communities/C01").get_json()
    again = post(browser, body).get_json()
    assert again == done | {"already": True}
    history = browser.get("/api/history/communities/C01?lang=en").get_json()
    shaped("FactHistory", history)
    assert (history["edits"][0]["who"], history["edits"][0]["note"], history["count"]) == ("lin", "x", 2)
    assert browser.get("/api/history/communities/C01?limit=1").get_json()["edits"][1:] == []
    card = browser.get("/api/units/communities/C01?question=double_none").get_json()
    assert next(seat for seat in card["seats"] if seat["id"] == "owners_committee")["value"] == "no"
    (entry,) = there.log("write_facts")
    assert (entry.layer, entry.codes, entry.count) == ("communities", ("C01",), 1)


def test_both_sides_of_a_conflict_and_what_can_be_merged(there: People) -> None:
    lin, mei = there.signed_in("lin", "planner"), there.signed_in("mei", "planner")
    post(mei, asking({"owners_committee": "no"}, source="公示栏"))
    answer = post(lin, asking({"owners_committee": "unknown", "households": 1}))
    assert answer.status_code == 409
    said = answer.get_json()
    shaped("Error", said)
    (conflict,) = said["error"]["conflicts"]
    sides = {side: conflict[side] for side in ("base", "mine", "theirs", "who", "source", "as_of")}
    assert sides == {
        "base": "yes",
        "mine": "unknown",
        "theirs": "no",
        "who": "mei",
        "source": "公示栏",
        "as_of": "2025-06-01",
    }
    assert said["mergeable"] == ["households"]
    assert said["theirs"]["version"] == conflict["version"]


def test_places_in_conflict_are_told_as_places(there: People, store: Store) -> None:
    browser = there.signed_in("lin", "planner")
    at = place_of(store, "F02")
    answers = [
        post(
            browser,
            asking({"place": {"lon": at.x + 1e-4 * k, "lat": at.y}}, code="F02", layer="facilities"),
        )
        for k in (1, 2)
    ]
    assert [answer.status_code for answer in answers] == [200, 409]
    (conflict,) = answers[1].get_json()["error"]["conflicts"]
    assert conflict["field"] == "place" and conflict["theirs"].keys() == {"lon", "lat"}
    tiles = browser.get("/api/layers/facilities/features/F02").get_json()
    assert tiles["geometry"]["coordinates"][0] == pytest.approx(at.x + 1e-4, abs=1e-6)


def test_all_problems_in_one_answer(there: People) -> None:
    browser = there.signed_in("lin", "planner")
    answer = post(browser, asking({"households": -1, "x": 1}, source="", as_of="2999-01-01"))
    assert answer.status_code == 422
    shaped("Error", answer.get_json())
    assert {one["field"] for one in answer.get_json()["error"]["problems"]} == {
        "households",
        "x",
        "source",
        "as_of",
    }


@pytest.mark.parametrize("body", [[], "x", None])
def test_what_is_no_object_is_refused(there: People, body: Any) -> None:
    assert post(there.signed_in("lin", "planner"), body).status_code == 400


def test_who_is_refused_and_how(there: People, store: Store) -> None:
    body = asking({"owners_committee": "no"})
    lin, stranger = there.signed_in("lin", "planner"), there.browser()
    assert post(lin, body, token="").status_code == 403
    assert post(stranger, body).status_code == 403
    assert (
        stranger.client.post("/api/facts", json=body, headers={"Authorization": "Bearer x"}).status_code
        == 401
    )
    assert post(there.signed_in("qian", "leader"), body).status_code == 403
    assert post(lin, asking({"name": "x"}, code="none")).status_code == 404
    assert store.version() == 9


def test_strangers_read_open_facts_and_no_history(there: People) -> None:
    stranger = there.browser()
    facts = stranger.get("/api/facts/communities/C01").get_json()
    assert facts["may"] == [] and not any(one["may"] for one in facts["fields"])
    assert not {"households", "residents"} & {one["field"] for one in facts["fields"]}
    assert stranger.get("/api/history/communities/C01").status_code == 401
    assert stranger.get("/api/facts/complaints/x").status_code == 404
    assert stranger.get("/api/me").get_json()["csrf"] is None


def test_staff_change_what_is_theirs(there: People) -> None:
    zhao = there.signed_in("zhao", "subdistrict_staff")
    assert post(zhao, asking({"households": 3})).status_code == 200
    other = post(zhao, asking({"households": 3}, code="C12"))
    assert other.status_code == 422
    assert zhao.get("/api/facts/communities/C12").get_json()["may"] == []


def test_the_page_knows_whom_to_offer_it(there: People) -> None:
    def offered(browser: Browser) -> bool:
        found = re.search(r'"may_verify":(true|false)', browser.get("/").get_data(as_text=True))
        assert found
        return found[1] == "true"

    assert [offered(there.browser()), offered(there.signed_in("lin", "planner"))] == [False, True]


def test_a_version_is_answered_with_the_epoch_that_it_was_written_in(
    there: People, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is restored between the write and its answer."""
    before = store.epoch().id
    monkeypatch.setattr(api_facts, "_wait_for", lambda version: of_another_epoch(store))
    body = asking({"owners_committee": "no"}, epoch=before)
    done = post(there.signed_in("lin", "planner"), body).get_json()
    assert store.epoch().id != before
    assert (done["version"], done["epoch"]) == (10, before)


def of_another_epoch(store: Store) -> None:
    with closing(sqlite3.connect(store.url.removeprefix("gpkg:"))) as connection, connection:
        connection.execute("UPDATE wangge_meta SET value = ? WHERE key = 'epoch'", ["0" * 16])


def test_a_service_killed_before_it_answers_has_written_once(
    store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(store, standards, tmp_path) as there:
        there.add("lin", "planner")
        account = next(one for one in there.access.accounts() if one.name == "lin")
        _, token = there.access.add_key("tablet", account.id, ["verify", "change", "read"], by=OPERATOR)
    before = store.version()
    body = asking({"owners_committee": "no"}, epoch=store.epoch().id)
    with pytest.raises((ConnectionError, RemoteDisconnected)):
        sent(store.url, tmp_path, token, body, dies=True)
    status, said = sent(store.url, tmp_path, token, body, dies=False)
    (change,) = store.changes(since=before)
    assert (status, said["already"], said["version"]) == (200, True, change.version)
    assert (change.layer, change.codes) == ("communities", ("C01",))


def sent(url: str, folder: Path, token: str, body: Any, *, dies: bool) -> tuple[int, Any]:
    """Send a request to a service of its own, which may die of it."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve_facts, args=(url, str(folder), theirs), kwargs={"dies": dies})
    process.start()
    theirs.close()
    try:
        assert ours.poll(60)
        with closing(HTTPConnection("127.0.0.1", ours.recv(), timeout=60)) as connection:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
            connection.request("POST", "/api/facts", json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
    finally:
        if not dies:
            ours.send("stop")
        process.join(60)
        assert process.exitcode == (-signal.SIGKILL if dies else 0)
