"""Every registered route, asked rightly and wrongly: never a 500, never another host, always the policy."""

from __future__ import annotations

import gzip
import re
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import Rule

from tests.webmap.record_examples import REQUESTS
from webmap.operations import operation_of
from webmap.security import HEADERS

WRONG = (
    "",
    "0",
    "-1",
    "１",
    "nan",
    "1e999",
    "%00",
    "..",
    "<script>",
    "甲",
    "9" * 300,
    "a/b",
    "null",
    "{}",
    "%ff",
)
METHODS = ("POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
ADDRESS = st.text(st.characters(codec="utf-8"), max_size=40)
HOST = re.compile(rb"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)


def rules(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)


def readable(app: Flask) -> list[Rule]:
    """Return the routes that answer questions; those that only change something are asked otherwise below."""
    return [rule for rule in rules(app) if "GET" in (rule.methods or ())]


def filled(rule: Rule, value: str) -> str:
    return re.sub(r"<[^>]+>", value or "x", rule.rule)


def check(response: Any, allowed: tuple[int, ...]) -> None:
    assert response.status_code in allowed, (response.request.path, response.status_code)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for name, value in HEADERS.items():
        if name == "Permissions-Policy" and response.request.path == "/field" and response.status_code == 200:
            value = value.replace("geolocation=()", "geolocation=(self)")  # where am I, shown and not sent
        assert response.headers[name] == value or name == "Referrer-Policy"
    assert response.headers["Referrer-Policy"] in ("same-origin", "strict-origin", "no-referrer")
    assert "Cache-Control" in response.headers


@pytest.mark.parametrize("value", WRONG)
def test_a_wrong_path_or_parameter_is_refused(app: Flask, client: FlaskClient, value: str) -> None:
    for rule in readable(app):
        check(client.get(filled(rule, value)), (200, 204, 400, 403, 404))  # 403: not for planners
        contract = operation_of(app.view_functions[rule.endpoint])
        for parameter in contract.parameters if contract else ():
            if parameter.where == "query":
                response = client.get(filled(rule, "1") + f"?{parameter.name}={value}")
                check(response, (200, 204, 400, 403, 404))


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_method_is_refused(app: Flask, client: FlaskClient, method: str) -> None:
    for rule in rules(app):
        response = client.open(filled(rule, "1"), method=method)
        here = [set(other.methods or ()) for other in rules(app) if other.rule == rule.rule]
        if method in set().union(*here):  # sent from no page of ours
            check(response, (403,))
        else:
            check(response, (405,))
            assert response.headers["Allow"]


def test_what_a_client_sends_along_does_no_harm(app: Flask, client: FlaskClient) -> None:
    for rule in readable(app):
        headers = {
            "Accept-Encoding": "\x7f;q=x",
            "If-None-Match": '"',
            "Range": "bytes=9-1",
            "Host": "elsewhere.example",
        }
        response = client.get(filled(rule, "1"), headers=headers, data=b"x" * 100)
        check(response, (200, 204, 400, 403, 404))
        assert b"elsewhere.example" not in response.data


@given(ADDRESS, st.dictionaries(ADDRESS, ADDRESS, max_size=3))
def test_no_address_at_all_breaks_the_service(app: Flask, path: str, query: dict[str, str]) -> None:
    response = app.test_client().get("/" + quote(path.lstrip("/")), query_string=query)
    assert response.status_code in (200, 204, 308, 400, 404)


@pytest.mark.parametrize("operation", REQUESTS)
def test_no_answer_names_another_host(client: FlaskClient, operation: str) -> None:
    path, parameters = REQUESTS[operation]
    query = {name: value for name, value in parameters.items() if "{" + name + "}" not in path}
    response = client.get(path.format(**parameters), query_string=query)
    if operation not in ("offline_map",):
        assert HOST.findall(response.data) == []


def test_each_answer_has_a_nonce_of_its_own(client: FlaskClient) -> None:
    policies = [client.get("/healthz").headers["Content-Security-Policy"] for _ in range(3)]
    nonces = {re.findall(r"'nonce-([\w-]{20,})'", policy)[0] for policy in policies}
    assert len(nonces) == 3


def test_json_is_compressed_and_asked_for_again(client: FlaskClient) -> None:
    plain = client.get("/api/view?unit=communities")
    zipped = client.get("/api/view?unit=communities", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip" and len(zipped.data) < len(plain.data) / 2
    assert "Accept-Encoding" in zipped.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]
    assert gzip.decompress(zipped.data) == plain.data
    assert client.get("/api/view?unit=communities", headers={"Accept-Encoding": "gzip"}).data == zipped.data
    assert zipped.headers["ETag"] != plain.headers["ETag"]
    again = client.get(
        "/api/view?unit=communities",
        headers={"Accept-Encoding": "gzip", "If-None-Match": zipped.headers["ETag"]},
    )
    assert (again.status_code, again.data) == (304, b"")
    assert "Content-Security-Policy" in again.headers
    small = client.get("/healthz", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers
