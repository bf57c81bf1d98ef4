from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import shapely
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from layers import problems
from layers.standards import Standards
from layers.store import Store
from layers.text import both
from tests.district import GUARDED_TEXT
from tests.visitors import app_for
from webmap.errors import RETRY_AFTER_S, STATUSES, failure_of
from webmap.gate import allow
from webmap.params import BadQuery
from webmap.schemas import SCHEMAS
from webmap.settings import Settings

WORDS = both("x")
EXPECTED: dict[type[problems.WanggeError], int] = {
    problems.BadParameter: 400,
    BadQuery: 400,
    problems.NotFound: 404,
    problems.ValidationError: 422,
    problems.StoreBusy: 503,
    problems.StoreUnusable: 503,
    problems.StoreMissing: 503,
    problems.StoreExists: 409,
    problems.StoreReadOnly: 409,
    problems.StoreFull: 507,
    problems.StoreAway: 503,
    problems.StoreOutdated: 503,
    problems.StoreNewer: 503,
    problems.FeaturesExist: 409,
    problems.WanggeError: 503,
}


def kinds() -> list[type[problems.WanggeError]]:
    return [
        kind
        for kind in vars(problems).values()
        if isinstance(kind, type) and issubclass(kind, problems.WanggeError)
    ]


def test_every_exception_has_a_status() -> None:
    named = {kind for kind, _ in STATUSES}
    assert named >= set(kinds())
    for kind, status in EXPECTED.items():
        error: Exception = BadQuery("limit", WORDS) if kind is BadQuery else kind(WORDS)
        assert failure_of(error).status == status, kind


def test_what_is_away_for_a_while_says_when_to_ask_again() -> None:
    assert dict(failure_of(problems.StoreBusy(WORDS)).headers) == {"Retry-After": str(RETRY_AFTER_S)}
    assert failure_of(problems.NotFound(WORDS)).headers == ()


def test_all_problems_of_an_import_are_told() -> None:
    problem = problems.Problem(both("m"), both("r"), row=2, field="f", value="v")
    said = failure_of(problems.ValidationError(WORDS, [problem])).as_dict("en")["error"]
    assert said["problems"] == [{"row": 2, "field": "f", "value": "v", "message": "m", "remedy": "r"}]


def test_a_conflict_shows_both_sides_but_nothing_guarded() -> None:
    at = datetime(2024, 7, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))
    last: dict[str, Any] = {"version": 12, "who": "colleague", "at": at}
    point = shapely.Point(114.1, 22.5)
    whole = {"geometry": point, "category": "lift_fault", "text": GUARDED_TEXT}
    conflicts = (
        problems.Conflict(code="C1", field="households", base=1, mine=2, theirs=None, **last),
        problems.Conflict(code="C1", field="geometry", base=None, mine=point, theirs=point, **last),
        problems.Conflict(code="K1", field="text", base=None, mine="x", theirs=GUARDED_TEXT, **last),
        problems.Conflict(code="K2", field=None, base=whole, mine=None, theirs=whole, **last),
    )
    failure = failure_of(problems.StoreConflict(WORDS, WORDS, conflicts))
    assert failure.status == 409
    said = failure.as_dict("zh")["error"]
    Draft202012Validator(SCHEMAS["Error"] | {"components": {"schemas": SCHEMAS}}).validate({"error": said})
    shown = json.loads(json.dumps(said["conflicts"]))
    told = {"version": 12, "who": "colleague", "at": "2024-07-01T00:30:00+00:00"}
    place = {"type": "Point", "coordinates": [114.1, 22.5]}
    there = {"geometry": place, "category": "lift_fault"}
    assert shown == [
        {"code": "C1", "field": "households", "base": 1, "mine": 2, "theirs": None, **told},
        {"code": "C1", "field": "geometry", "base": None, "mine": place, "theirs": place, **told},
        {"code": "K1", "field": "text", "guarded": True, **told},
        {"code": "K2", "field": None, "base": there, "mine": None, "theirs": there, **told},
    ]


def test_codes_that_are_there_already_are_told() -> None:
    said = failure_of(problems.FeaturesExist(WORDS, codes=("A", "B"))).as_dict("en")["error"]
    assert (said["status"], said["codes"]) == (409, ["A", "B"])


@pytest.mark.parametrize("lang", ["zh", "en", "fr"])
def test_the_api_answers_errors_in_one_shape(client: FlaskClient, lang: str) -> None:
    response = client.get(f"/api/layers/streets/features?lang={lang}")
    error = response.get_json()["error"]
    assert response.status_code == error["status"]
    assert error["title"] and error["detail"]
    if lang == "fr":
        assert (error["status"], error["parameter"]) == (400, "lang")
    else:
        assert error["status"] == 404
        assert "streets" in error["detail"] and "buildings" in error["remedy"]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/api/nothing", "application/json"),
        ("/nothing", "text/html"),
        ("/tiles/nothing/0/0/0.mvt", "text/plain"),
        ("/static/nothing.js", "text/plain"),
        ("/download?unit=nothing", "text/html"),
    ],
)
def test_an_error_speaks_as_its_address_does(client: FlaskClient, path: str, media_type: str) -> None:
    response = client.get(path)
    assert response.status_code in (400, 404)
    assert response.mimetype == media_type
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("zh", "429 一分钟内的请求太多。 请过"),
        ("en", "429 There were too many requests within a minute. Try"),
    ],
)
def test_a_tile_that_is_refused_says_what_helps(
    small_store: Store, standards: Standards, lang: str, told: str
) -> None:
    app = app_for(small_store, standards, settings=Settings(tiles_a_minute=1))
    answers = [app.test_client().get(f"/tiles/communities/14/0/0.mvt?lang={lang}") for _ in range(2)]
    assert answers[-1].get_data(as_text=True).startswith(told)


def test_a_method_that_is_not_taken(client: FlaskClient) -> None:
    response = client.delete("/api/district")
    assert response.status_code == 405
    assert response.get_json()["error"]["status"] == 405
    assert "GET" in response.headers["Allow"]


def test_head_and_options(client: FlaskClient) -> None:
    whole, head = client.get("/api/district"), client.head("/api/district")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert client.options("/api/district").status_code == 200


@pytest.fixture
def broken(small_store: Store, standards: Standards) -> Flask:
    """A service in which something happens that nobody foresaw."""
    app = app_for(small_store, standards)

    def fail() -> str:
        raise RuntimeError("secret detail")

    for number, path in enumerate(("/api/fail", "/fail", "/tiles/fail")):
        app.add_url_rule(path, f"fail{number}", allow("describe")(fail))
    return app


@pytest.mark.parametrize("path", ["/api/fail", "/fail", "/tiles/fail"])
def test_nothing_leaks_of_an_unforeseen_error(
    broken: Flask, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = broken.test_client().get(path)
    assert response.status_code == 500
    for leaked in ("secret", "RuntimeError", "Traceback", ".py"):
        assert leaked not in response.get_data(as_text=True)
    assert "secret detail" in caplog.text
    if path.startswith("/api"):
        reference = json.loads(response.data)["error"]["remedy"].split()[-1].rstrip("。")
        assert reference in caplog.text


def test_an_error_page_that_fails_is_a_line_of_text(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError("error.html")

    monkeypatch.setattr("webmap.errors.render_template", missing)
    response = app.test_client().get("/nothing")
    assert (response.status_code, response.mimetype) == (404, "text/plain")


def test_a_busy_store_is_503(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> int:
        raise problems.StoreBusy(WORDS)

    monkeypatch.setattr(app.extensions["wangge"].store, "version", busy)
    for path in ("/api/district", "/"):
        response = app.test_client().get(path)
        assert response.status_code == 503
        assert response.headers["Retry-After"] == str(RETRY_AFTER_S)
