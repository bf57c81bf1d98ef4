"""What is sent is taken for text and nothing else: injection, traversal, null bytes, numbers, duplicates, headers."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import create_store
from tests.district import small_district
from tests.visitors import app_for
from tests.webmap.record_examples import REQUESTS
from webmap.operations import operation_of

ROOT = Path(__file__).parents[2]

INJECTIONS = (
    "'", "''", "' OR '1'='1", "' OR 1=1--", '" OR ""="', "1; DROP TABLE communities;--", "1) UNION SELECT 1,2,3--",
    "C01'||(SELECT 1)||'", "'; SELECT pg_sleep(9);--", "%' AND 1=1 AND '%'='", "C0%", "C0_", "*",
    "${7*7}", "{{7*7}}", "{%print(7)%}", "#{7*7}", "<%=7*7%>", "$(id)", "`id`", "| id", "; id", "\\x27",
    "${jndi:ldap://a.example/x}", "__proto__", "constructor", "__class__.__mro__", "eval(1)", "{0.__class__}",
)  # fmt: skip

TELLTALES = re.compile(
    r"sqlite|syntax error|unrecognized token|psycopg|Traceback|/site-packages/|root:x:0|uid=\d|\b49\b",
    re.IGNORECASE,
)
"""What an answer would hold if it had been taken for more than text."""

TRAVERSALS = (
    "..", "../app.py", "../../app.py", "..%2fapp.py", "%2e%2e/app.py", "%2e%2e%2fapp.py", "..%252fapp.py",
    "....//app.py", "..\\app.py", "..%5capp.py", "%c0%ae%c0%ae/app.py", "/etc/passwd", "//etc/passwd",
    "%2fetc%2fpasswd", "../../../../../../../../etc/passwd", "file:///etc/passwd", "css/../../app.py",
    "css/%2e%2e/%2e%2e/app.py", "..;/app.py", ".%00./app.py", "css/base.css%00.png", "/proc/self/environ",
)  # fmt: skip
SECRETS = (b"def main", b"root:x:0", b"wiring", b"PATH=")


OTHERS = ("field_package", "wall")
"""What planners may not ask for: refused before anything is read."""


def rules(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)


def right(response: TestResponse, *more: int) -> str:
    """Check that a request was refused or answered in order, and return what was said."""
    assert response.status_code in (200, 204, 308, 400, 401, 403, 404, 405, *more), (
        response.request.path,
        response.status_code,
    )
    text = (
        response.get_data(as_text=True)
        if (response.mimetype or "").startswith(("text", "application/j"))
        else ""
    )
    response.close()
    return text


def recorded(operation: str) -> tuple[str, dict[str, str]]:
    path, parameters = REQUESTS[operation]
    query = {name: value for name, value in parameters.items() if "{" + name + "}" not in path}
    return path.format(**parameters), query


def parameters_of(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in rules(app):
        contract = operation_of(app.view_functions[rule.endpoint])
        if contract is None or contract.id in OTHERS or "GET" not in (rule.methods or ()):
            continue  # what changes something takes a body; tests/webmap/test_api_facts.py and others send wrong ones
        for parameter in contract.parameters:
            if parameter.where == "query":
                yield contract.id, parameter.name


def test_no_parameter_is_more_than_text(app: Flask, client: FlaskClient) -> None:
    """Each value in each parameter of each operation, the others as in the recorded example."""
    tried = 0
    for (operation, parameter), value in product(parameters_of(app), INJECTIONS):
        path, query = recorded(operation)
        said = right(client.get(path, query_string=query | {parameter: value}))
        for spelling in (value, json.dumps(value)[1:-1], str(escape(value))):
            said = said.replace(spelling, "")
        if operation not in ("document", "offline_map"):
            assert not TELLTALES.search(said), (operation, parameter, value, TELLTALES.search(said))
        tried += 1
    assert tried > 1000


def test_no_part_of_an_address_is_more_than_text(app: Flask, client: FlaskClient) -> None:
    for rule, value in product(rules(app), INJECTIONS):
        for variable in rule.arguments:
            path = re.sub(rf"<(?:\w+:)?{variable}>", quote(value, safe=""), rule.rule)
            said = right(client.get(re.sub(r"<[^>]+>", "communities", path)))
            assert not re.search(r"sqlite|psycopg|Traceback|site-packages", said), path


def test_no_filter_is_widened(client: FlaskClient) -> None:
    """What would make a condition true everywhere finds nothing, or is refused."""
    for value in INJECTIONS:
        for layer in ("communities", "facilities"):
            assert client.get(f"/api/layers/{layer}/features/{quote(value, safe='')}").status_code == 404
            found = client.get(f"/api/layers/{layer}/features", query_string={"subdistrict": value})
            assert found.status_code == 400
        hits = client.get("/api/search", query_string={"q": value}).get_json()
        assert all(value.casefold() in (hit["name"] + hit["id"]).casefold() for hit in hits), value


HEADERS = (
    "User-Agent", "Referer", "Accept", "Accept-Language", "Accept-Encoding", "Cookie", "Authorization",
    "If-None-Match", "If-Modified-Since", "Range", "Origin", "Sec-Fetch-Site", "X-Forwarded-For",
    "X-Forwarded-Proto", "X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override",
    "Content-Type", "Content-Encoding", "Forwarded", "X-Real-IP", "Purpose",
)  # fmt: skip
VALUES = ("' OR 1=1--", "../../etc/passwd", "${7*7}", "a" * 4000, "\xff\xfe", ";;;===", '"', "bytes=0-,0-,0-")


def test_no_header_is_more_than_text(client: FlaskClient) -> None:
    addresses = ("/account", "/api/search?q=C0&limit=2", "/nowhere")
    for name, value, path in product(HEADERS, VALUES, addresses):
        said = right(client.get(path, headers={name: value}), 304)
        assert not re.search(r"sqlite|Traceback|root:x:0", said), (name, value)


def test_no_header_leads_to_another_address_or_method(client: FlaskClient) -> None:
    for name in ("X-Original-URL", "X-Rewrite-URL"):
        assert client.get("/healthz", headers={name: "/api/summary"}).get_json() == {"status": "ok"}
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert client.get("/healthz", headers={name: "DELETE"}).status_code == 200
        assert client.post("/healthz", headers={name: "GET"}).status_code in (403, 405)
    assert client.post("/healthz?_method=GET", data={"_method": "GET"}).status_code in (403, 405)


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND", "GETX"])
def test_other_methods_are_refused(app: Flask, client: FlaskClient, method: str) -> None:
    for rule in rules(app):
        response = client.open(
            re.sub(r"<[^>]+>", "1", rule.rule), method=method, headers={"X-Secret": "s3cret"}
        )
        assert response.status_code in (403, 405), rule.rule
        assert b"s3cret" not in response.data


def test_no_path_leads_out_of_its_folder(app: Flask, client: FlaskClient) -> None:
    for rule, value in product(rules(app), TRAVERSALS):
        for variable in rule.arguments:
            path = re.sub(rf"<(?:\w+:)?{variable}>", lambda _, v=value: v, rule.rule)  # type: ignore[misc]
            response = client.get(re.sub(r"<[^>]+>", "communities", path))
            assert response.status_code in (308, 400, 401, 403, 404, 405), path
            assert not any(secret in response.data for secret in SECRETS), path
    for value in TRAVERSALS:
        for start in ("/", "/static/", "/static", "/tiles/", "/api/"):
            response = client.get(start + value)
            assert response.status_code in (308, 400, 404), start + value
            assert not any(secret in response.data for secret in SECRETS), start + value


def test_only_what_is_meant_to_be_is_a_static_file(client: FlaskClient) -> None:
    with client.get("/static/css/base.css") as response:
        assert response.status_code == 200
    for name in ("", "css", "css/", "__init__.py", ".gitignore", "../templates/error.html", "vendor/"):
        assert client.get(f"/static/{name}").status_code in (404, 308), name


HOSTILE_NAMES = (
    '../../x"\r\nSet-Cookie: a=b', "/etc/passwd", "a\\b:c*d?e", "甲\x00乙", '";id;"', "..", "x\u202efdp.exe", "%0d%0aX: y",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_download_has_a_harmless_name(name: str, standards: Standards, tmp_path: Path) -> None:
    """Whatever the district is called: no path, no second header."""
    district, frames = small_district()
    hostile = dataclasses.replace(district, name=name, name_en=name)
    with create_store(f"gpkg:{tmp_path}/named.gpkg", hostile, layers=frames) as store:
        client = app_for(store, standards).test_client()
        for language in ("zh", "en"):
            response = client.get(f"/download?unit=communities&format=csv&lang={language}")
            assert response.status_code == 200 and "X" not in response.headers
            assert "Set-Cookie" not in response.headers
            said = response.headers["Content-Disposition"]
            plain, _, encoded = said.partition("; filename*=UTF-8''")
            shown = re.fullmatch(r'attachment; filename="([^"/\\\x00-\x1f]*)"', plain)
            assert shown and shown[1].endswith(".csv"), said
            assert not set(unquote(encoded)) & set('\\/:*?"<>|\r\n\x00'), said


NUMBERS = (
    "9" * 400, "-1", "+1", "1e3", "0x10", "1_000", "１", "٣", "²", "1.0", "NaN", "inf", "-0", "2147483648",
    "9223372036854775808", "18446744073709551616", " 1", "1 ", "1\n", "", "null", "true", "[]", "1,2",
)  # fmt: skip


def test_numbers_are_within_their_bounds(app: Flask, client: FlaskClient) -> None:
    """In tiles, limits and positions: never an overflow, never a number read in another way."""
    for value in NUMBERS:
        for z, x, y in ((value, "0", "0"), ("14", value, "0"), ("14", "0", value)):
            path = "/tiles/communities/{}/{}/{}.mvt".format(*(quote(part, safe="") for part in (z, x, y)))
            assert client.get(path).status_code in (400, 404), path
        for operation in ("layer_features", "find", "nearby"):
            path, query = recorded(operation)
            response = client.get(path, query_string=query | {"limit": value})
            assert response.status_code == 400, (path, value)
        box = client.get("/api/layers/communities/features", query_string={"bbox": ",".join([value] * 4)})
        assert box.status_code in (200, 400) and (
            box.status_code == 400 or value in ("-1", "+1", "1.0", "-0")
        )
    for unit in (
        "square:1e-9",
        "square:0",
        "square:-5",
        "square:NaN",
        "h3:99",
        "h3:-1",
        "square:" + "9" * 300,
    ):
        assert client.get("/api/view", query_string={"unit": unit}).status_code == 400, unit


def test_nothing_is_read_twice(app: Flask, client: FlaskClient) -> None:
    """A parameter given twice is refused, so that no two readers can take different ones."""
    for operation, parameter in parameters_of(app):
        path, query = recorded(operation)
        value = query.get(parameter, "1")
        twice = [
            *((k, v) for k, v in query.items() if k != parameter),
            (parameter, value),
            (parameter, value),
        ]
        assert client.get(path, query_string=twice).status_code == 400, (operation, parameter)


def test_parameters_that_do_not_exist_change_nothing(app: Flask, client: FlaskClient) -> None:
    """Nobody becomes somebody else by saying so in the address."""
    declared = set(parameters_of(app))
    for operation in REQUESTS:
        path, query = recorded(operation)
        for name in (
            "role",
            "area",
            "visitor",
            "user",
            "account",
            "admin",
            "debug",
            "format[]",
            "_method",
            "scopes",
        ):
            if operation not in ("offline_map", *OTHERS) and (operation, name) not in declared:
                response = client.get(path, query_string=query | {name: "administrator"})
                assert response.status_code == 400, (operation, name)


@pytest.mark.parametrize(
    "value", ["\x00", "C01\x00", "\x00' OR 1=1", "\x1b[31m", "\r\nX-Injected: 1", "\ufffe", "\ud7ff"]
)
def test_control_characters_are_refused_or_harmless(app: Flask, client: FlaskClient, value: str) -> None:
    for operation, parameter in parameters_of(app):
        path, query = recorded(operation)
        response = client.get(path, query_string=query | {parameter: value})
        free = (
            parameter in ("q", "after", "purpose", "holder", "area")
            and value.isprintable() is False
            and len(value) == 1
        )
        assert response.status_code in (400, 404) or free, (operation, parameter)
        assert "X-Injected" not in response.headers
    for layer in LAYERS:
        response = client.get(f"/api/layers/{layer}/features/{quote(value, safe='')}")
        assert response.status_code in (400, 404) and "X-Injected" not in response.headers


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


BODIES = {
    "deep": (nested(20_000), "application/json"),
    "numbers": (b"1" * 60_000, "application/json"),
    "keys": (b"{" + b",".join(b'"a":1' for _ in range(9_000)) + b"}", "application/json"),
    "many fields": ("&".join(f"a{n}=1" for n in range(8_000)).encode(), "application/x-www-form-urlencoded"),
    "no boundary": (b"--x\r\n", "multipart/form-data"),
    "too large": (b"a" * 200_000, "application/x-www-form-urlencoded"),
    "xml": (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "application/xml"),
    "zipped": (b"\x1f\x8b\x08\x00" + b"\x00" * 500, "application/gzip"),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_no_body_does_harm(app: Flask, client: FlaskClient, body: str, method: str) -> None:
    content, media_type = BODIES[body]
    for rule in rules(app):
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for encoding in ({}, {"Content-Encoding": "gzip"}):
            response = client.open(
                path, method=method, data=content, content_type=media_type, headers=encoding
            )
            said = right(response, 413, 422)
            assert "root:x:0" not in said
            assert method == "GET" or response.status_code in (400, 401, 403, 404, 405, 413, 422), path


def test_every_answer_says_what_browsers_may_do(app: Flask, client: FlaskClient) -> None:
    """Pages, files and errors alike: no frames, no sniffing, no other's script."""
    addresses = [
        "/",
        "/nowhere",
        "/api/nowhere",
        "/tiles/x/1/1/1.mvt",
        "/static/none.css",
        "/%00",
        "/api/view?unit=x",
    ]
    for path in [*addresses, *(re.sub(r"<[^>]+>", "1", rule.rule) for rule in rules(app))]:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            response = client.open(path, method=method)
            policy = response.headers["Content-Security-Policy"]
            assert (
                "frame-ancestors 'none'" in policy and "unsafe" not in policy and "base-uri 'none'" in policy
            )
            assert "*" not in policy and "http" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] in ("same-origin", "no-referrer", "strict-origin")
            assert "Server" not in response.headers and "X-Powered-By" not in response.headers
            assert "Access-Control-Allow-Origin" not in response.headers
            response.close()
