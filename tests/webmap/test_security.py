"""Who is asked by which name, how often, from which page, and what a browser is told."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string, request
from flask.testing import FlaskClient

from app import SETTINGS, make_context
from layers.problems import ValidationError
from layers.standards import Standards
from layers.store import Store
from tests.visitors import app_for
from webmap.gate import allow
from webmap.limits import source_of
from webmap.security import is_ours
from webmap.settings import NAMES, Settings, read_settings

TLS = Settings(address="https://map.example", hosts=frozenset({"127.0.0.1"}))


def service(store: Store, standards: Standards, settings: Settings | None = None) -> Flask:
    """Return the service with a form that changes something."""
    app = app_for(store, standards, settings=settings)

    @allow("describe")
    def form() -> str:
        if request.method == "POST":
            return "changed"
        return render_template_string("<form method=post>{{ csrf_field() }}</form>")

    app.add_url_rule("/form", "form", form, methods=["GET", "POST"])
    app.add_url_rule("/api/form", "api_form", form, methods=["POST"])
    return app


@pytest.fixture
def forms(small_store: Store, standards: Standards) -> FlaskClient:
    return service(small_store, standards).test_client()


def token_of(response: Any) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', response.get_data(as_text=True))
    assert found
    return found[1]


# Forms


def test_a_form_of_ours_is_taken(forms: FlaskClient) -> None:
    page = forms.get("/form")
    data = {"csrf": token_of(page)}
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}):
        assert forms.post("/form", data=data, headers=headers).data == b"changed"
    assert forms.post("/api/form", headers={"X-CSRF-Token": token_of(page)}).data == b"changed"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.elsewhere.example"},
        {"Origin": "http://localhost:81"},
    ],
)
def test_a_form_from_elsewhere_is_refused_whatever_it_carries(
    forms: FlaskClient, headers: dict[str, str]
) -> None:
    data = {"csrf": token_of(forms.get("/form"))}
    response = forms.post("/form", data=data, headers=headers)
    assert response.status_code == 403 and b"changed" not in response.data


def test_a_form_without_the_right_token_is_refused(
    forms: FlaskClient, small_store: Store, standards: Standards
) -> None:
    right = token_of(forms.get("/form"))
    raw = bytearray(base64.urlsafe_b64decode(right + "=="))
    raw[-1] ^= 1
    flipped = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    stranger = token_of(service(small_store, standards).test_client().get("/form"))
    for wrong in ("", "x", "甲", right[:-4], right + "AAAA", flipped, stranger, "A" * len(right)):
        assert forms.post("/form", data={"csrf": wrong}).status_code == 403, wrong
        assert forms.post(f"/form?csrf={right}", data={"csrf": wrong}).status_code == 403
    fresh = service(small_store, standards).test_client()
    assert fresh.post("/form", data={"csrf": right}).status_code == 403
    assert fresh.post("/form").status_code == 403


def test_tokens_of_one_browser_differ_and_all_hold(forms: FlaskClient) -> None:
    tokens = {token_of(forms.get("/form")) for _ in range(5)}
    assert len(tokens) == 5
    assert all(forms.post("/form", data={"csrf": token}).status_code == 200 for token in tokens)


def test_a_program_with_a_key_of_its_own_needs_no_token(forms: FlaskClient) -> None:
    assert forms.post("/api/form", headers={"Authorization": "Bearer wgk_x"}).data == b"changed"


def test_a_body_that_is_too_large_is_refused_unread(forms: FlaskClient) -> None:
    data = {"csrf": token_of(forms.get("/form")), "more": "x" * 70_000}
    assert forms.post("/form", data=data).status_code == 413
    many = {f"f{n}": "x" for n in range(200)}
    assert forms.post("/form", data=many, content_type="multipart/form-data").status_code == 413


# Names


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "10.1.2.3", "LOCALHOST"]
)
def test_without_an_address_the_machine_answers_by_ip(host: str) -> None:
    assert is_ours(host, "", frozenset())


@pytest.mark.parametrize(
    "host",
    ["", "elsewhere.example", "localhost.elsewhere.example", "10.1.2.3.example", "a@localhost", "localhost/..", "甲",
     "localhost:", "[::1", "localhost:99999x", "localhost\\", " localhost"],
)  # fmt: skip
def test_other_names_are_not_ours(host: str) -> None:
    assert not is_ours(host, "", frozenset())
    assert not is_ours(host, "https://map.example", frozenset())


def test_with_an_address_only_its_name_is_ours() -> None:
    assert is_ours("map.example", "https://map.example", frozenset())
    assert is_ours("map.example:8443", "https://map.example:8443", frozenset())
    assert is_ours("office", "", frozenset({"office"}))
    for host in ("map.example:81", "10.1.2.3", "www.map.example"):
        assert not is_ours(host, "https://map.example", frozenset())


@pytest.mark.parametrize(
    "path", ["/", "/api/district", "/tiles/communities/1/0/0.mvt", "/static/css/base.css"]
)
def test_a_request_by_another_name_is_refused_but_for_probes(client: FlaskClient, path: str) -> None:
    headers = {"Host": "elsewhere.example"}
    response = client.get(path, headers=headers)
    assert response.status_code == 400 and b"elsewhere" not in response.data
    assert client.get("/healthz", headers=headers).status_code == 200


# How often


def test_a_customer_with_many_addresses_is_one_source() -> None:
    assert source_of("2001:db8:1:2:3::4") == source_of("2001:db8:1:2:ffff::") != source_of("2001:db8:1:3::")
    assert source_of("10.0.0.1") != source_of("10.0.0.2")
    assert source_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert source_of("::nonsense::") == "::nonsense::"


def test_too_many_requests_are_answered_by_when_to_come_again(
    small_store: Store, standards: Standards
) -> None:
    app = app_for(small_store, standards, settings=Settings(requests_a_minute=3, tiles_a_minute=5))
    client = app.test_client()
    for _ in range(3):
        assert client.get("/api/definitions").status_code == 200
    refused = client.get("/api/definitions")
    assert refused.status_code == 429 and 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.get_json()["error"]["remedy"]
    assert client.get("/nothing").status_code == 429
    for _ in range(5):
        assert client.get("/tiles/communities/1/0/0.mvt").status_code == 204
    assert client.get("/tiles/communities/1/0/0.mvt").status_code == 429
    assert client.get("/healthz").status_code == 200
    with client.get("/static/css/base.css") as styles:
        assert styles.status_code == 200


# What browsers are told


def test_answers_are_for_the_one_who_asks(client: FlaskClient) -> None:
    for path in ("/api/district", "/tiles/communities/1/0/0.mvt", "/api/nothing", "/.well-known/nothing"):
        response = client.get(path)
        assert {"Cookie", "Authorization"} <= set(response.vary), path
        assert "public" not in response.headers["Cache-Control"]
        assert response.headers["Cache-Control"] in ("private, no-cache", "no-store")
    with client.get("/static/css/base.css") as styles:
        assert (
            "Cookie" not in styles.headers.get("Vary", "")
            and "private" not in styles.headers["Cache-Control"]
        )
    assert client.get("/").headers["Cache-Control"] == "no-store"


def test_transport_security_is_told_over_tls_only(small_store: Store, standards: Standards) -> None:
    plain, tls = app_for(small_store, standards), app_for(small_store, standards, settings=TLS)
    assert "Strict-Transport-Security" not in plain.test_client().get("/healthz").headers
    headers = {"Host": "map.example"}
    assert (
        tls.test_client().get("/healthz", headers=headers).headers["Strict-Transport-Security"]
        == "max-age=31536000"
    )
    behind = plain.test_client().get("/healthz", base_url="https://localhost")
    assert "Strict-Transport-Security" in behind.headers


def test_the_forms_cookie_is_safe(small_store: Store, standards: Standards) -> None:
    plain = service(small_store, standards).test_client().get("/form").headers["Set-Cookie"]
    assert plain.startswith("wangge-form=") and "HttpOnly" in plain and "SameSite=Lax" in plain
    tls = service(small_store, standards, TLS).test_client().get("/form", base_url="https://map.example")
    cookie = tls.headers["Set-Cookie"]
    assert cookie.startswith("__Host-wangge-form=") and "Secure" in cookie and "Path=/" in cookie
    assert "Domain" not in cookie


def test_security_txt(small_store: Store, standards: Standards) -> None:
    path = "/.well-known/security.txt"
    assert app_for(small_store, standards).test_client().get(path).status_code == 404
    settings = Settings(address="https://map.example", security_contact="mailto:safe@map.example")
    told = (
        app_for(small_store, standards, settings=settings).test_client().get(path, base_url=settings.address)
    )
    assert told.mimetype == "text/plain"
    lines = dict(line.split(": ", 1) for line in told.get_data(as_text=True).splitlines())
    assert lines["Contact"] == "mailto:safe@map.example"
    assert lines["Canonical"] == f"https://map.example{path}"
    expires = datetime.fromisoformat(lines["Expires"])
    assert 150 < (expires - datetime.now(expires.tzinfo)).days <= 180


# Settings


def test_every_setting_of_the_service_is_read_in_app() -> None:
    assert set(NAMES) <= set(SETTINGS)
    given = dict.fromkeys(NAMES, "x")
    assert make_context(given).web == given


def test_settings_are_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    settings = read_settings(
        {
            "WANGGE_ADDRESS": "https://Map.example/",
            "WANGGE_TRUSTED_PROXY": "10.0.0.1",
            "WANGGE_SECURITY_CONTACT": "safe@map.example",
            "WANGGE_OIDC_ISSUER": "https://id.example/",
            "WANGGE_OIDC_CLIENT_ID": "wangge",
            "WANGGE_OIDC_CLIENT_SECRET_FILE": str(secret),
        },
        host="Office",
    )
    assert (settings.address, settings.trusted_proxy) == ("https://map.example", "10.0.0.1")
    assert settings.security_contact == "mailto:safe@map.example" and settings.hosts == {"office"}
    assert settings.oidc and settings.oidc.client_secret == "hush" and "hush" not in repr(settings)
    assert read_settings({}) == Settings()


def test_all_wrong_settings_are_told_at_once() -> None:
    wrong = {
        "WANGGE_ADDRESS": "map.example",
        "WANGGE_TRUSTED_PROXY": "*",
        "WANGGE_SECURITY_CONTACT": "the office\nX: y",
        "WANGGE_OIDC_ISSUER": "http://id.example",
        "WANGGE_OIDC_CLIENT_SECRET_FILE": "/nowhere/secret",
    }
    with pytest.raises(ValidationError) as refused:
        read_settings(wrong)
    fields = {problem.field for problem in refused.value.problems}
    assert fields == {*wrong, "WANGGE_OIDC_CLIENT_ID"}


@pytest.mark.parametrize(
    "address", ["https://a/b", "ftp://a", "https://u@a", "https://", "https://a:b", "https://甲"]
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValidationError):
        read_settings({"WANGGE_ADDRESS": address})
