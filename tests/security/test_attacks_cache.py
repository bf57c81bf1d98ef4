"""Attacks by what stands between: caches that would give one visitor's answer to another, forged names of the host."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from layers.standards import Standards
from layers.store import Store
from tests.security.walk import Question, questions
from tests.security.walking import WHO
from tests.webmap.access import people

CLASSES = ("nobody", "worker of G01", "staff of S1", "planner", "wall")
KINDS = ("rows", "one", "tile", "view", "card", "search", "near", "view_as_such", "summary", "file")
SOME: list[Question] = [
    question for kind in KINDS for question in [each for each in questions() if each.kind == kind][::16]
]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_nothing_that_depends_on_who_asks_may_be_shared(client: FlaskClient) -> None:
    """Whatever the status: private, asked for again each time, and different by who asks."""
    for question in SOME:
        for name in CLASSES:
            for method in ("GET", "HEAD"):
                response = client.open(
                    question.path, method=method, query_string=question.query, headers={WHO: name}
                )
                told = response.headers["Cache-Control"]
                assert "public" not in told and "s-maxage" not in told and "max-age" not in told, question
                assert "no-store" in told or ("private" in told and "no-cache" in told), (str(question), told)
                assert {"cookie", "authorization"} <= {each.lower() for each in response.vary}, str(question)
                if method == "HEAD":
                    assert response.data == b""


def test_an_answer_that_somebody_keeps_is_confirmed_to_those_alone_who_have_the_same(
    client: FlaskClient,
) -> None:
    """An entity tag of another class of visitors brings 304 only where the answers are the same to the byte."""
    confirmed = 0
    for question in SOME:
        answers = {}
        for name in CLASSES:
            response = client.get(question.path, query_string=question.query, headers={WHO: name})
            answers[name] = (response.status_code, response.headers.get("ETag"), response.data)
        for one, other in permutations(CLASSES, 2):
            status, tag, body = answers[one]
            if status != 200 or tag is None:
                continue
            again = client.get(
                question.path,
                query_string=question.query,
                headers={WHO: other, "If-None-Match": tag},
            )
            if again.status_code == 304:
                confirmed += 1
                assert answers[other][2] == body, (str(question), one, other)
            else:
                assert again.status_code == answers[other][0]
    assert confirmed > 10


def test_a_refusal_tells_nothing_by_its_headers(client: FlaskClient) -> None:
    """What is refused has no tag and no length that follows from what is there."""
    sizes = set()
    for layer in ("complaints",):
        for code in ("C01-001", "C12-020", "NOTHING"):
            response = client.head(f"/api/layers/{layer}/features/{code}", headers={WHO: "nobody"})
            assert response.status_code == 401 and "ETag" not in response.headers
            assert "Last-Modified" not in response.headers
            sizes.add(response.headers.get("Content-Length"))
    assert len(sizes) == 1


def test_what_is_not_theirs_looks_like_what_is_not_there(client: FlaskClient) -> None:
    staff = {WHO: "staff of S1"}
    other = client.get("/api/layers/complaints/features/C07-001", headers=staff)
    nothing = client.get("/api/layers/complaints/features/C07-999", headers=staff)
    assert other.status_code == nothing.status_code == 404
    assert other.data.replace(b"C07-001", b"") == nothing.data.replace(b"C07-999", b"")


def test_guarded_fields_are_kept_by_nobody(client: FlaskClient) -> None:
    query = {"with": "text", "purpose": "case 17", "limit": "5"}
    response = client.get("/api/layers/complaints/features", query_string=query, headers={WHO: "staff of S1"})
    assert b"CANARY-complaints-text" in response.data
    assert "no-store" in response.headers["Cache-Control"] and "ETag" not in response.headers


def test_no_cache_is_fooled_by_an_address(client: FlaskClient) -> None:
    """Addresses that look like a file's to a cache (web cache deception) are no other page."""
    endings = (
        "/x.css",
        ".css",
        "%2fx.css",
        ";x.css",
        "%3fx.css",
        "%00.css",
        "%0ax.js",
        "/..%2fstatic/x.css",
        "//x.png",
    )
    for path in ("/api/layers/complaints/features", "/api/me", "/account", "/api/summary"):
        for ending in endings:
            response = client.get(path + ending, headers={WHO: "planner"})
            assert response.status_code in (308, 400, 401, 403, 404), path + ending
            assert b"C01-001" not in response.data
            assert "no-store" in response.headers["Cache-Control"] or response.status_code == 308


STATIC = ("/static/css/base.css", "/static/vendor/maplibre-gl/maplibre-gl.mjs")


def test_static_files_know_nobody(client: FlaskClient) -> None:
    for path in STATIC:
        answers = set()
        for name in CLASSES:
            with client.get(path, headers={WHO: name}) as response:
                assert response.status_code == 200 and "Set-Cookie" not in response.headers
                answers.add(response.data)
        assert len(answers) == 1


EVIL = (
    "evil.example", "evil.example:8000", "localhost.evil.example", "localhost@evil.example", "evil.example#localhost",
    "localhost/evil", "localhost:8000evil", "127.0.0.1.evil.example", "", " ", "localhost, evil.example", "[::1", "a" * 300,
    "evil.example\\localhost", "localhost%00evil", "locaIhost",
)  # fmt: skip
FORWARDED = (
    "X-Forwarded-Host",
    "X-Host",
    "X-Forwarded-Server",
    "X-HTTP-Host-Override",
    "Forwarded",
    "X-Original-Host",
)


@pytest.mark.parametrize("host", EVIL)
def test_another_host_s_name_is_refused(client: FlaskClient, host: str) -> None:
    """So no link, redirect or kept page can carry it, and no page elsewhere reads us by its own name."""
    for path in ("/", "/api/district", "/api/me", "/nowhere", "/static/css/base.css"):
        response = client.get(path, headers={"Host": host, WHO: "planner"})
        assert response.status_code in (400, 404), (path, host)
        assert b"evil" not in response.data and "evil" not in str(response.headers)
        response.close()


@pytest.mark.parametrize("header", FORWARDED)
def test_what_a_client_says_of_the_host_is_not_believed(client: FlaskClient, header: str) -> None:
    for path in ("/", "/api/layers/communities/features?limit=1", "/api/openapi.json", "/api"):
        response = client.get(path, headers={header: "host=evil.example", WHO: "planner"})
        assert response.status_code == 200 and b"evil.example" not in response.data
        assert "evil" not in str(response.headers)


def test_links_and_redirects_are_of_this_service(client: FlaskClient) -> None:
    response = client.get("/api/layers/communities/features?limit=1", headers={WHO: "planner"})
    assert all(link["href"].startswith("/api/") for link in response.get_json()["links"])
    for path in ("/api/", "/static", "/tiles"):
        where = client.get(path, headers={"Host": "localhost", WHO: "planner"}).headers.get("Location", "/")
        assert where.startswith(("/", "http://localhost/"))


def test_a_forwarded_address_counts_only_from_the_proxy(
    marked_store: Store, standards: Standards, tmp_path: Path
) -> None:
    """Attempts are counted by the connection's address: nobody escapes by naming others."""
    with people(marked_store, standards, tmp_path, attempts_a_minute=5) as there:
        statuses = []
        for number in range(12):
            headers = {"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}"}
            headers["Authorization"] = "Bearer wgk_" + quote("A" * 43)
            statuses.append(there.browser().get("/api/me", headers=headers).status_code)
        assert statuses[-1] == 429
