"""Signing in by an OpenID provider: a small one of our own, that may also lie."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from layers.standards import Standards
from layers.store import Store
from tests.webmap.access import OPERATOR, PASSWORD, Browser, People, people
from webmap.settings import OidcSettings

KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)


class Provider:
    """An issuer in a thread."""

    def __init__(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(provider.get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._answer(provider.token({name: values[0] for name, values in parse_qs(body).items()}))

            def _answer(self, said: dict[str, Any]) -> None:
                data = json.dumps(said).encode()
                self.send_response(provider.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.status, self.key, self.changes, self.asked = 200, KEY, {}, 0
        self.codes: dict[str, dict[str, str]] = {}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    key: Any
    changes: dict[str, Any]

    def get(self, path: str) -> dict[str, Any]:
        self.asked += 1
        if path == "/jwks":
            return {"keys": [KEY.as_dict(private=False)]}
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def authorize(self, address: str) -> str:
        """Let somebody sign in there; return the address that the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == "wangge" and "openid" in asked["scope"]
        code = f"code{len(self.codes)}"
        self.codes[code] = asked
        back = asked["redirect_uri"].removeprefix("http://localhost")
        return f"{back}?code={code}&state={asked['state']}"

    def token(self, given: dict[str, str]) -> dict[str, Any]:
        asked = self.codes.pop(given["code"])
        challenge = base64.urlsafe_b64encode(sha256(given["code_verifier"].encode()).digest())
        assert challenge.decode().rstrip("=") == asked["code_challenge"]
        assert given["redirect_uri"] == asked["redirect_uri"]
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "wangge",
            "sub": "person-7",
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            **self.changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def there(small_store: Store, standards: Standards, tmp_path: Path, provider: Provider) -> Iterator[People]:
    settings = OidcSettings(issuer=provider.issuer, client_id="wangge", client_secret="hush", title="粤政易")
    with people(small_store, standards, tmp_path, oidc=settings) as found:
        found.add("lin", "planner", password=None)
        yield found


def go_round(browser: Browser, provider: Provider, *, to: str = "/account") -> TestResponse:
    away = browser.get(f"/openid/start?next={to}")
    assert away.status_code == 303, away.get_data(as_text=True)
    return browser.get(provider.authorize(away.headers["Location"]))


def test_who_is_linked_signs_in(there: People, provider: Provider) -> None:
    there.access.link_oidc("lin", "person-7", by=OPERATOR)
    browser = there.browser()
    assert "用粤政易登录" in browser.get("/sign-in").get_data(as_text=True)
    done = go_round(browser, provider)
    assert (done.status_code, done.headers["Location"]) == (303, "/account")
    assert browser.get("/api/me").get_json()["name"] == "lin"
    assert browser.cookie("wangge-openid") is None
    assert go_round(there.browser(), provider, to="//elsewhere.example").headers["Location"] == "/"


def test_the_provider_is_not_the_second_factor(there: People, provider: Provider) -> None:
    there.access.link_oidc("lin", "person-7", by=OPERATOR)
    app = pyotp.TOTP(there.access.totp_begin("lin", PASSWORD)[0])
    there.access.totp_confirm("lin", app.at(there.clock()))
    there.clock.pass_by(seconds=30)
    browser = there.browser()
    half = go_round(browser, provider)
    assert (half.status_code, half.headers["Location"]) == (303, "/sign-in/code?next=%2Faccount")
    assert browser.cookie("wangge") is None and browser.cookie("wangge-openid") is None
    assert browser.get("/account").status_code == 401
    page = half.headers["Location"]
    done = browser.post(page, {"code": app.at(there.clock())}, page=page)
    assert (done.status_code, done.headers["Location"]) == (303, "/account")
    assert browser.get("/account").status_code == 200


def test_who_is_not_linked_is_told_what_to_tell(there: People, provider: Provider) -> None:
    browser = there.browser()
    refused = go_round(browser, provider)
    assert refused.status_code == 401 and "person-7" in refused.get_data(as_text=True)
    assert browser.cookie("wangge") is None
    assert [account.name for account in there.access.accounts()] == ["lin"], "nobody registers themselves"
    admin = there.signed_in("root", "administrator")
    one = f"/accounts/{there.access.account('lin').id}"
    assert admin.post(f"{one}/openid", {"subject": "person-7"}, page=one).status_code == 303
    assert go_round(there.browser(), provider).status_code == 303
    assert admin.post(f"{one}/openid", {"subject": ""}, page=one).status_code == 303
    assert go_round(there.browser(), provider).status_code == 401


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"azp": "another", "aud": ["wangge", "another"]},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_is_refused(
    there: People, provider: Provider, lie: dict[str, Any]
) -> None:
    there.access.link_oidc("lin", "person-7", by=OPERATOR)
    provider.changes = lie
    browser = there.browser()
    assert go_round(browser, provider).status_code == 401
    assert browser.cookie("wangge") is None


def test_a_token_that_another_signed_is_refused(there: People, provider: Provider) -> None:
    there.access.link_oidc("lin", "person-7", by=OPERATOR)
    provider.key = OTHER
    assert go_round(there.browser(), provider).status_code == 401


def test_an_answer_counts_once_and_for_the_browser_that_asked(there: People, provider: Provider) -> None:
    there.access.link_oidc("lin", "person-7", by=OPERATOR)
    attacker, victim = there.browser(), there.browser()
    away = attacker.get("/openid/start")
    back = provider.authorize(away.headers["Location"])
    assert victim.get(back).status_code == 401, "somebody else's sign-in"
    assert victim.cookie("wangge") is None
    assert attacker.get(back).status_code == 401, "the state is spent"
    browser = there.browser()
    back = provider.authorize(browser.get("/openid/start").headers["Location"])
    there.clock.pass_by(minutes=11)
    assert browser.get(back).status_code == 401, "too late"
    for wrong in (
        "/openid/callback",
        "/openid/callback?state=x&code=y",
        "/openid/callback?error=access_denied",
    ):
        assert there.browser().get(wrong).status_code == 401


def test_a_provider_that_fails_is_said_in_words(there: People, provider: Provider) -> None:
    provider.status = 500
    refused = there.browser().get("/openid/start")
    assert refused.status_code == 503 and "统一登录服务没有应答" in refused.get_data(as_text=True)
    provider.status = 200
    provider.issuer += "/other"
    assert there.browser().get("/openid/start").status_code == 503


def test_without_a_provider_there_is_no_way_and_no_request(
    small_store: Store, standards: Standards, tmp_path: Path, provider: Provider
) -> None:
    with people(small_store, standards, tmp_path) as there:
        browser = there.browser()
        assert "openid" not in browser.get("/sign-in").get_data(as_text=True)
        assert browser.get("/openid/start").status_code == 404
        assert provider.asked == 0
