"""Signing in and out, as a browser does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from layers.standards import Standards
from layers.store import Store
from tests.webmap.access import OPERATOR, PASSWORD, People, code_of, people


@pytest.fixture
def there(small_store: Store, standards: Standards, tmp_path: Path) -> Iterator[People]:
    with people(small_store, standards, tmp_path) as found:
        yield found


def test_name_and_password_open_a_session_and_lead_on(there: People) -> None:
    there.add("lin", "planner")
    browser = there.browser()
    assert browser.get("/account").status_code == 401
    page = browser.get("/account").get_data(as_text=True)
    assert "/sign-in?next=%2Faccount" in page or "/sign-in?next=/account" in page
    response = browser.sign_in("lin", to="/account")
    assert (response.status_code, response.headers["Location"]) == (303, "/account")
    assert browser.get("/account").status_code == 200
    assert "lin" in browser.get("/account").get_data(as_text=True)
    cookie = next(value for value in response.headers.getlist("Set-Cookie") if value.startswith("wangge="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert "Max-Age" not in cookie and "Expires" not in cookie


@pytest.mark.parametrize(
    ("name", "password"), [("lin", "quite another"), ("nobody", PASSWORD), ("", ""), ("lin", "x" * 5000)]
)
def test_a_wrong_sign_in_says_the_same_of_all(there: People, name: str, password: str) -> None:
    there.add("lin", "planner")
    browser = there.browser()
    response = browser.sign_in(name, password)
    assert response.status_code == 401 and browser.cookie("wangge") is None
    text = response.get_data(as_text=True)
    assert "登录失败：用户名、密码或验证码不正确。" in text and "nobody does not" not in text
    assert password not in text or not password


def test_after_many_failures_one_has_to_wait(there: People) -> None:
    there.add("lin", "planner")
    browser = there.browser()
    for _ in range(10):
        answer = browser.sign_in("lin", "wrong")
        there.clock.pass_by(seconds=40)
    assert answer.status_code in (401, 429)
    there.clock.pass_by(seconds=-39)
    refused = browser.sign_in("lin", "wrong")
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert 'role="alert"' in refused.get_data(as_text=True)


def test_attempts_of_one_address_are_counted_whatever_the_name(
    small_store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(small_store, standards, tmp_path, attempts_a_minute=3) as there:
        browser = there.browser()
        answers = [browser.sign_in(f"name{n}").status_code for n in range(5)]
        assert answers == [401, 401, 401, 429, 429]
        assert browser.get("/sign-in").status_code == 200
        assert browser.get("/start?code=wgl_x").status_code == 429


@pytest.mark.parametrize(
    "to",
    ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "\\\\elsewhere", "javascript:alert(1)",
     "/%0d%0aX: y\r\nX: y", "account", " /account", "/\taccount"],
)  # fmt: skip
def test_one_is_led_to_places_here_only(there: People, to: str) -> None:
    there.add("lin", "planner")
    browser = there.browser()
    page = browser.get("/sign-in", query_string={"next": to}).get_data(as_text=True)
    assert (
        "elsewhere" not in re.sub(r'href="/sign-in\?[^"]*"', "", page.replace("/%0d", ""))
        or "next=%2F" in page
    )
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token
    data = {"csrf": token[1], "name": "lin", "password": PASSWORD}
    response = browser.client.post("/sign-in", query_string={"next": to}, data=data)
    assert (response.status_code, response.headers["Location"]) == (303, "/")


def test_a_session_is_new_with_every_sign_in_and_the_one_before_is_over(there: People) -> None:
    there.add("lin", "planner")
    browser, thief = there.browser(), there.browser()
    browser.client.set_cookie("wangge", "wgs_chosen-by-somebody-else")
    browser.sign_in("lin")
    first = browser.cookie("wangge")
    assert first and first != "wgs_chosen-by-somebody-else"
    browser.sign_in("lin")
    second = browser.cookie("wangge")
    assert second and second != first
    thief.client.set_cookie("wangge", first)
    assert thief.get("/account").status_code == 401
    assert thief.cookie("wangge") is None, "a worthless cookie is taken away"
    assert browser.get("/account").status_code == 200


def test_a_form_to_sign_in_must_be_ours(there: People) -> None:
    there.add("lin", "planner")
    data = {"name": "lin", "password": PASSWORD}
    assert there.browser().client.post("/sign-in", data=data).status_code == 403
    evil = there.browser()
    token = re.search(r'csrf" value="([^"]+)"', there.browser().get("/sign-in").get_data(as_text=True))
    assert token
    evil.get("/sign-in")
    assert evil.client.post("/sign-in", data={**data, "csrf": token[1]}).status_code == 403
    assert evil.cookie("wangge") is None


def test_signing_out_ends_the_session_everywhere(there: People) -> None:
    browser, thief = there.signed_in("lin", "planner"), there.browser()
    thief.client.set_cookie("wangge", browser.cookie("wangge") or "")
    assert thief.get("/account").status_code == 200
    assert browser.get("/sign-out").status_code == 405
    assert browser.client.post("/sign-out").status_code == 403
    response = browser.post("/sign-out", page="/account")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert response.headers["Clear-Site-Data"] == '"cache"' and browser.cookie("wangge") is None
    assert thief.get("/account").status_code == 401
    last = there.log("sign_out")[-1]
    assert (last.name, last.outcome) == ("lin", "done")


def test_a_session_that_is_not_used_ends(there: People) -> None:
    browser = there.signed_in("lin", "planner")
    there.clock.pass_by(hours=11)
    assert browser.get("/account").status_code == 200
    there.clock.pass_by(hours=13)
    assert browser.get("/account").status_code == 401


def test_an_initial_code_opens_nothing_but_the_choice_of_a_password(there: People) -> None:
    code = there.add("lin", "planner", password=None)
    browser = there.browser()
    response = browser.sign_in("lin", code, to="/api/summary")
    assert response.headers["Location"] == "/account"
    assert "先设置密码" in browser.get("/account").get_data(as_text=True)
    assert browser.get("/api/summary").status_code == 403
    before = browser.cookie("wangge")
    for new, again in (("short", "short"), ("lin wangge", "lin wangge"), (PASSWORD, PASSWORD + "x")):
        refused = browser.post("/account/password", {"new": new, "again": again}, page="/account")
        assert refused.status_code == 400 and 'role="alert"' in refused.get_data(as_text=True)
    done = browser.post("/account/password", {"new": PASSWORD, "again": PASSWORD}, page="/account")
    assert done.status_code == 303 and browser.cookie("wangge") != before
    assert browser.get("/api/summary").status_code == 200
    assert there.browser().sign_in("lin", code).status_code == 401
    assert there.browser().sign_in("lin").status_code == 303


def test_the_second_step_asks_for_a_code_and_only_then_is_one_signed_in(there: People) -> None:
    browser = there.signed_in("lin", "planner")
    for typed in ("", "wrong"):
        refused = browser.post("/account/second-factor", {"password": typed}, page="/account")
        assert refused.status_code == 400 and "otpauth" not in refused.get_data(as_text=True)
        assert "现密码不正确" in refused.get_data(as_text=True)
    page = browser.post("/account/second-factor", {"password": PASSWORD}, page="/account")
    assert "<svg" in page.get_data(as_text=True) and "otpauth://totp/" in page.get_data(as_text=True)
    totp = pyotp.TOTP(code_of(page).replace(" ", ""))
    shown = re.search(r'name="secret" value="([^"]+)"', page.get_data(as_text=True))
    assert shown and shown[1] == totp.secret
    wrong = browser.post(
        "/account/second-factor/confirm", {"code": "000000", "secret": shown[1], "url": "x"}, page="/account"
    )
    assert wrong.status_code == 400 and totp.secret[:4] in wrong.get_data(as_text=True)
    done = browser.post("/account/second-factor/confirm", {"code": totp.at(there.clock.now)}, page="/account")
    recovery = re.findall(r"<code>([^<]+)</code>", done.get_data(as_text=True))
    assert len(set(recovery)) == 10
    assert browser.post("/account/second-factor", page="/account").status_code == 400

    there.clock.pass_by(minutes=1)
    other = there.browser()
    step = other.sign_in("lin", to="/account")
    assert step.headers["Location"] == "/sign-in/code?next=%2Faccount"
    assert other.cookie("wangge") is None and other.get("/account").status_code == 401
    assert other.post("/sign-in/code", {"code": "000000"}, page="/sign-in/code").status_code == 401
    there.clock.pass_by(seconds=1)
    code = totp.at(there.clock.now)
    entered = other.post("/sign-in/code?next=/account", {"code": code}, page="/sign-in/code")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/account")
    assert other.get("/account").status_code == 200
    third = there.browser()
    third.sign_in("lin")
    assert third.post("/sign-in/code", {"code": code}, page="/sign-in/code").status_code == 401
    assert third.post("/sign-in/code", {"code": recovery[0]}, page="/sign-in/code").status_code == 303

    off = third.post("/account/second-factor/remove", {"code": recovery[0]}, page="/account")
    assert off.status_code == 400
    off = third.post("/account/second-factor/remove", {"code": recovery[1]}, page="/account")
    assert off.status_code == 303
    assert there.browser().sign_in("lin").headers["Location"] == "/"


def test_the_second_step_needs_the_first(there: People) -> None:
    browser = there.browser()
    assert browser.get("/sign-in/code").headers["Location"] == "/sign-in"
    browser.client.set_cookie("wangge-second", "wgs_made-up")
    assert browser.post("/sign-in/code", {"code": "000000"}, page="/sign-in/code").status_code == 401


# The one-time link


def test_the_link_opens_the_map_as_administrator_once(there: People) -> None:
    link = f"/start?code={there.access.make_start_link()}"
    browser = there.browser()
    for headers in ({"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}):
        assert browser.get(link, headers=headers).status_code == 204
    assert browser.client.head(link).status_code == 204
    response = browser.get(link)
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    page = browser.get("/").get_data(as_text=True)
    assert 'href="/account"' in page and "请设置用户名和密码" in page
    assert browser.get("/api/summary").status_code == 200
    assert browser.get("/accounts").status_code == 403, "not before there is a password"
    assert there.browser().get(link).status_code == 403

    form = browser.get("/account").get_data(as_text=True)
    assert 'name="name"' in form
    data = {"name": "王芳", "new": PASSWORD, "again": PASSWORD}
    assert browser.post("/account/set-up", data, page="/account").status_code == 303
    assert browser.get("/accounts").status_code == 200
    assert "请设置用户名和密码" not in browser.get("/").get_data(as_text=True)
    assert there.browser().sign_in("王芳").status_code == 303
    assert browser.post("/account/set-up", data, page="/account").status_code == 400


def test_a_link_is_worth_nothing_later_or_beside_an_administrator(there: People) -> None:
    link = f"/start?code={there.access.make_start_link()}"
    there.clock.pass_by(hours=25)
    refused = there.browser().get(link)
    assert refused.status_code == 403 and "wgl_" not in refused.get_data(as_text=True)
    again = f"/start?code={there.access.make_start_link()}"
    there.add("root", "administrator")
    assert there.browser().get(again).status_code == 403
    assert there.browser().get("/start").status_code == 403


# Over TLS


def test_over_tls_the_cookies_are_bound_to_the_host(
    small_store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(small_store, standards, tmp_path, address="https://map.example") as there:
        there.add("lin", "planner")
        browser = there.browser()
        browser.options = {"base_url": "https://map.example"}
        response = browser.sign_in("lin")
        cookies = response.headers.getlist("Set-Cookie")
        assert any(value.startswith("__Host-wangge=wgs_") and "Secure" in value for value in cookies)
        assert browser.get("/account").status_code == 200
        plain = there.browser()
        plain.client.set_cookie(
            "wangge",
            next(value for value in cookies if "wgs_" in value).split("=")[1].split(";")[0],
            domain="map.example",
        )
        assert plain.get("/account", base_url="https://map.example").status_code == 401


def test_disabling_ends_what_is_open(there: People) -> None:
    browser = there.signed_in("lin", "planner")
    there.access.disable("lin", by=OPERATOR)
    assert browser.get("/account").status_code == 401
    assert browser.sign_in("lin").status_code == 401
