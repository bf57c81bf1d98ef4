"""Attacks on who one is: forged forms, fixed sessions, spent tokens, other people's numbers, guessed passwords."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from layers.access.access import open_access
from layers.access.model import SignInFailed
from layers.problems import TooMany
from layers.standards import Standards
from layers.store import Store
from layers.visitors import NO_AREA, WHOLE_DISTRICT, Area
from tests.visitors import POLICY
from tests.webmap.access import OPERATOR, PASSWORD, Browser, People, people
from webmap.csrf import SAFE_METHODS

AREAS: dict[str, Area] = {
    "grid_worker": Area("management_cells", frozenset({"G01"})),
    "community_staff": Area("communities", frozenset({"C02"})),
    "subdistrict_staff": Area("subdistricts", frozenset({"S1"})),
    "auditor": NO_AREA,
}


@pytest.fixture(scope="module")
def there(
    marked_store: Store, standards: Standards, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[People]:
    with people(marked_store, standards, tmp_path_factory.mktemp("people")) as made:
        for role in ("administrator", "auditor", "planner", "leader", *AREAS):
            add(made, role, role)
        yield made


def add(there: People, name: str, role: str, area: Area | None = None) -> None:
    """Add somebody who has chosen a password."""
    given = area or AREAS.get(role, WHOLE_DISTRICT)
    if any(account.name == name for account in there.access.accounts()):
        return
    _, code = there.access.add_account(name, role, given, by=OPERATOR)
    done = there.access.sign_in(name, code, address="192.0.2.1", agent="")
    there.access.sign_out(there.access.change_password(name, "", PASSWORD, session=done.token))


def entered(there: People, name: str) -> Browser:
    browser = there.browser()
    assert browser.sign_in(name).status_code == 303
    return browser


def unsafe(app: Flask) -> list[tuple[str, str]]:
    """Return the method and address of everything that may change something."""
    return [
        (method, re.sub(r"<[^>]+>", "0" * 12, rule.rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - SAFE_METHODS)
    ]


def token_of(browser: Browser, page: str = "/sign-in") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).get_data(as_text=True))
    assert found
    return found[1]


def test_there_is_something_to_forge(there: People) -> None:
    assert len(unsafe(there.app)) > 15


FORGED: dict[str, Callable[[Browser, Browser], dict[str, Any]]] = {
    "no token": lambda mine, other: {},
    "an empty token": lambda mine, other: {"data": {"csrf": ""}},
    "a made-up token": lambda mine, other: {"data": {"csrf": "A" * 43}},
    "another session's token": lambda mine, other: {"data": {"csrf": token_of(other)}},
    "a token in the address": lambda mine, other: {"query_string": {"csrf": token_of(mine)}},
    "a token as JSON": lambda mine, other: {"json": {"csrf": token_of(mine)}},
    "cross-site": lambda mine, other: {
        "data": {"csrf": token_of(mine)}, "headers": {"Sec-Fetch-Site": "cross-site"},
    },
    "same site, another origin": lambda mine, other: {
        "data": {"csrf": token_of(mine)}, "headers": {"Sec-Fetch-Site": "same-site"},
    },
    "another origin": lambda mine, other: {
        "data": {"csrf": token_of(mine)}, "headers": {"Origin": "http://evil.example"},
    },
    "the origin null": lambda mine, other: {"data": {"csrf": token_of(mine)}, "headers": {"Origin": "null"}},
    "another port": lambda mine, other: {
        "data": {"csrf": token_of(mine)}, "headers": {"Origin": "http://localhost:81"},
    },
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("who", ["administrator", "auditor", "nobody"])
def test_a_forged_request_changes_nothing(there: People, forged: str, who: str) -> None:
    browser = there.browser() if who == "nobody" else entered(there, who)
    other = entered(there, "planner")
    before = there.access.head()[0]
    for method, path in unsafe(there.app):
        response = browser.client.open(path, method=method, **FORGED[forged](browser, other))
        assert response.status_code == 403, (method, path, response.status_code)
    since = there.access.entries(since=before, limit=1000)
    assert {(entry.action, entry.outcome) for entry in since} <= {("refused", "refused")}
    if who != "nobody":
        assert browser.get("/account").status_code == 200, "still signed in"


def test_a_token_of_before_signing_in_is_worth_nothing_after(there: People) -> None:
    browser = there.browser()
    before = token_of(browser)
    assert browser.sign_in("planner").status_code == 303
    assert browser.client.post("/sign-out", data={"csrf": before}).status_code == 403


def test_nothing_is_changed_by_looking(there: People) -> None:
    """Addresses that change something do not take GET or HEAD, with whatever query."""
    browser = entered(there, "administrator")
    getting = {rule.rule for rule in there.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    for rule in there.app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.rule not in getting:
            path = re.sub(r"<[^>]+>", "0" * 12, rule.rule)
            for method in ("GET", "HEAD"):
                assert browser.client.open(path, method=method).status_code in (404, 405), path


def test_a_planted_session_is_not_taken_over(there: People) -> None:
    """Whatever cookie somebody put into the browser before: signing in gives a new one, and ends the old one."""
    attacker = entered(there, "leader")
    planted = attacker.cookie("wangge")
    assert planted
    for value in (planted, "wgs_" + "A" * 43, "wangge", ""):
        victim = there.browser()
        victim.client.set_cookie("wangge", value)
        assert victim.sign_in("planner").status_code == 303
        mine = victim.cookie("wangge")
        assert mine and mine != value
        probe = there.browser()
        probe.client.set_cookie("wangge", value)
        assert "planner" not in probe.get("/api/me").get_data(as_text=True)
    for query in ("?wangge=" + planted, "?session=" + planted, "?token=" + planted):
        assert there.browser().get("/api/me" + query).status_code == 400
        assert there.browser().get("/account" + query).status_code == 401


ENDINGS: dict[str, Callable[[People, Browser], object]] = {
    "sign-out": lambda there, browser: browser.post("/sign-out", page="/account"),
    "another password": lambda there, browser: change(browser),
    "disabled": lambda there, browser: there.access.disable("victim", by=OPERATOR),
    "reset": lambda there, browser: there.access.reset("victim", by=OPERATOR),
    "another role": lambda there, browser: there.access.change_role(
        "victim", "leader", WHOLE_DISTRICT, by=OPERATOR
    ),
    "ended by an administrator": lambda there, browser: end_all(there),
    "idle": lambda there, browser: there.clock.pass_by(hours=12, minutes=1),
    "too old": lambda there, browser: used_for_days(there, browser),
}


def change(browser: Browser) -> None:
    new = "another four unrelated words"
    done = browser.post("/account/password", {"old": PASSWORD, "new": new, "again": new}, page="/account")
    assert done.status_code == 303


def end_all(there: People) -> None:
    account = there.access.account("victim").id
    for session in there.access.sessions(account):
        there.access.end_session(account, session.id, by=OPERATOR)


def used_for_days(there: People, browser: Browser) -> None:
    for _ in range(7 * 24 // 6 + 1):
        there.clock.pass_by(hours=6)
        browser.get("/api/me")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_token_is_worth_nothing_after(
    marked_store: Store, standards: Standards, tmp_path: Path, ending: str
) -> None:
    with people(marked_store, standards, tmp_path) as there:
        add(there, "victim", "planner")
        browser = entered(there, "victim")
        token = browser.cookie("wangge")
        assert token
        thief = there.browser()
        thief.client.set_cookie("wangge", token)
        assert thief.get("/api/me").get_json()["name"] == "victim"
        ENDINGS[ending](there, browser)
        thief = there.browser()
        thief.client.set_cookie("wangge", token)
        assert thief.get("/api/me").get_json()["role"]["id"] == "resident"
        assert thief.get("/account").status_code == 401
        assert thief.get("/api/layers/complaints/features").status_code == 401
        # Nor as a key, where it would be taken from a header.
        assert there.browser().get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


WORTHLESS = (
    "",
    "x",
    "wgk_",
    "wgk_" + "A" * 43,
    "wgd_" + "A" * 43,
    "wgs_" + "A" * 43,
    "wgl_" + "A" * 43,
    "null",
)


def test_keys_and_devices_end_with_their_person_or_by_themselves(
    marked_store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(marked_store, standards, tmp_path) as there:
        for number, end in enumerate(("revoke", "disable", "reset", "expire")):
            name = f"victim{number}"
            add(there, name, "grid_worker")
            until = there.clock.now.replace(year=there.clock.now.year + 1)
            key, token = there.access.add_key("probe", name, {"describe", "read"}, expires=until, by=OPERATOR)
            device, code = there.access.add_device("tablet", "probe", account=name, by=OPERATOR)
            tablet = there.access.enrol(code)
            assert tablet and there.access.enrol(code) is None, "a code counts once"
            headers = [{"Authorization": f"Bearer {each}"} for each in (token, tablet)]
            for header in headers:
                assert (
                    there.browser().get("/api/me", headers=header).get_json()["role"]["id"] == "grid_worker"
                )
                assert there.browser().get("/accounts", headers=header).status_code == 403
            if end == "revoke":
                there.access.revoke_key(key.id, by=OPERATOR)
                there.access.revoke_device(device.id, by=OPERATOR)
            elif end == "expire":
                there.clock.pass_by(days=400)
                headers = headers[:1]
            else:
                getattr(there.access, end)(name, by=OPERATOR)
            for header in headers:
                assert there.browser().get("/api/me", headers=header).status_code == 401, end
        for token in WORTHLESS:
            header = {"Authorization": f"Bearer {token}"}
            assert there.browser().get("/api/me", headers=header).status_code == 401, token


PEOPLE_S_PAGES = ("/accounts", "/devices", "/keys", "/audit", "/audit/log.csv", "/account")


def test_who_may_open_which_page(there: People) -> None:
    """By the pinned table: accounts for administrators, the log for auditors, one's own for those with one."""
    from tests.security.oracle import RIGHTS

    action_of = {"/accounts": "accounts", "/devices": "accounts", "/keys": "accounts", "/account": "own"}
    for role in ("administrator", "auditor", "planner", "leader", *AREAS):
        browser = entered(there, role)
        for path in PEOPLE_S_PAGES:
            allowed = action_of.get(path, "audit") in RIGHTS["roles"][role]["may"]
            assert (browser.get(path).status_code == 200) == allowed, (role, path)
    for path in PEOPLE_S_PAGES:
        assert there.browser().get(path).status_code == 401


def test_nothing_of_others_is_reached_by_its_number(there: People) -> None:
    """Sessions, keys, devices and accounts by id, and features, cards and tiles of another area by code."""
    planner, worker = entered(there, "planner"), entered(there, "subdistrict_staff")
    account = there.access.account("planner").id
    session = there.access.sessions(account)[0]
    key, _ = there.access.add_key("other", "planner", {"read"}, by=OPERATOR)
    device, _ = there.access.add_device("tablet", "other", account="grid_worker", by=OPERATOR)
    for path in (
        f"/account/sessions/{session.id}/end",
        f"/accounts/{account}/disable",
        f"/accounts/{account}/reset",
        f"/accounts/{account}/role",
        f"/accounts/{account}/openid",
        f"/accounts/{account}/sessions/{session.id}/end",
        f"/keys/{key.id}/revoke",
        f"/devices/{device.id}/revoke",
    ):
        assert worker.post(path, {"role": "administrator"}, page="/account").status_code in (403, 404), path
    assert worker.get(f"/accounts/{account}").status_code == 403
    assert planner.get("/account").status_code == 200
    keys = there.access.keys()
    assert not next(each for each in keys if each.id == key.id).revoked
    assert not next(each for each in there.access.devices() if each.id == device.id).revoked
    assert not there.access.account("planner").disabled
    for path in (
        "/api/layers/complaints/features/C07-001",
        "/api/units/communities/C07",
        "/api/units/management/G03",
    ):
        assert worker.get(path).status_code in (403, 404), path
    assert worker.get("/api/layers/complaints/features/C01-001").status_code == 200


RAISED = {
    "role": "administrator", "area": "district", "id": "000000000000", "account": "administrator",
    "is_admin": "1", "scopes": "accounts", "must_change": "0", "disabled": "0", "name": "administrator",
    "via": "operator", "oidc_subject": "me", "title": "x",
}  # fmt: skip


def test_further_fields_of_a_form_raise_nobody(there: People) -> None:
    """Mass assignment: a form's other names are not looked at."""
    add(there, "climber", "community_staff", Area("communities", frozenset({"C02"})))
    before = there.access.account("climber")
    browser = there.browser()
    assert browser.post("/sign-in", {**RAISED, "name": "climber", "password": PASSWORD}).status_code == 303
    for path in ("/account/second-factor", "/account/set-up", "/account/password"):
        given = {**RAISED, "old": PASSWORD, "new": PASSWORD, "again": PASSWORD}
        browser.post(path, given, page="/account")
    after = there.access.account("climber")
    for name in ("id", "name", "role", "area", "title", "disabled", "oidc_subject", "provisional"):
        assert getattr(after, name) == getattr(before, name), name
    assert entered(there, "climber").get("/api/me").get_json()["role"]["id"] == "community_staff"


def test_an_administrator_gives_no_key_more_than_its_account_may(there: People) -> None:
    admin = entered(there, "administrator")
    for scopes in (["accounts"], ["audit"], ["own"], ["export"], ["read", "nonsense"], []):
        given = {"title": "x", "account": there.access.account("leader").id, "scopes": scopes, "expires": ""}
        assert admin.post("/keys", given, page="/keys").status_code == 400, scopes
    for role, area in (("operator", ""), ("wall", ""), ("resident", ""), ("ghost", ""), ("grid_worker", "")):
        given = {"name": f"new {role}", "role": role, "area": area, "title": ""}
        assert admin.post("/accounts", given, page="/accounts").status_code == 400, role


ELSEWHERE = (
    "//evil.example", "///evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example",
    "/\t/evil.example", "/%09/evil.example", "javascript:alert(1)", "data:text/html,x", "/\r\nSet-Cookie: a=b",
    "/%0d%0aSet-Cookie:%20a=b", "http:evil.example", "//evil.example\\@localhost", "/.//evil.example", "evil.example",
)  # fmt: skip


@pytest.mark.parametrize("to", ELSEWHERE)
def test_signing_in_leads_nowhere_else(there: People, to: str) -> None:
    browser = there.browser()
    token = token_of(browser)
    done = browser.client.post(
        "/sign-in", query_string={"next": to}, data={"csrf": token, "name": "planner", "password": PASSWORD}
    )
    where = done.headers["Location"]
    assert done.status_code == 303 and "\n" not in where
    assert (
        where.startswith("/")
        and not re.match(r"/[/\\\s]", where)
        and "a=b" not in str(done.headers.getlist("Set-Cookie"))
    )


class CountedHasher(PasswordHasher):
    """Counts how often a password is compared."""

    compared = 0

    def verify(self, hash: Any, password: Any) -> Any:  # noqa: A002
        CountedHasher.compared += 1
        return super().verify(hash, password)


NAMES = {
    "known": "somebody",
    "unknown": "nobody at all",
    "disabled": "gone",
    "no password": "new",
    "odd": "\u202eadmin\x00",
}


@pytest.mark.parametrize("kind", NAMES)
def test_an_unknown_name_costs_the_same_work(tmp_path: Path, kind: str) -> None:
    """One comparison whatever the name, and the same words; so time tells nothing of who has an account."""
    (tmp_path / "a.gpkg").touch()
    hasher = CountedHasher(time_cost=1, memory_cost=8, parallelism=1)
    with open_access(f"gpkg:{tmp_path}/a.gpkg", policy=POLICY, hasher=hasher) as access:
        for name in ("somebody", "gone", "new"):
            _, code = access.add_account(name, "planner", WHOLE_DISTRICT, by=OPERATOR)
            if name != "new":
                done = access.sign_in(name, code, address="192.0.2.1", agent="")
                access.change_password(name, "", PASSWORD, session=done.token)
        access.disable("gone", by=OPERATOR)
        before = CountedHasher.compared
        with pytest.raises(SignInFailed) as failed:
            access.sign_in(NAMES[kind], "wrong and wrong again", address="192.0.2.9", agent="")
        assert CountedHasher.compared - before == 1
        assert str(failed.value) == str(SignInFailed())


def tries(access: Any, name: str, address: str, times: int) -> int:
    """Return how many of so many wrong passwords were compared before it was enough."""
    for number in range(times):
        try:
            access.sign_in(name, f"guess {number}", address=address, agent="")
        except SignInFailed:
            continue
        except TooMany as error:
            assert error.retry_after_s > 0
            return number
    return times


def test_guessing_is_slowed_down_and_does_not_lock_the_owner_out(
    marked_store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(marked_store, standards, tmp_path) as there:
        add(there, "owner", "planner")
        there.access.sign_in("owner", PASSWORD, address="198.51.100.7", agent="")
        assert tries(there.access, "owner", "203.0.113.1", 50) <= 10, "one address, one name"
        others = sum(tries(there.access, "owner", f"203.0.113.{n}", 2) for n in range(2, 40))
        assert others <= 10, "many addresses, one name"
        with pytest.raises(TooMany):
            there.access.sign_in("owner", PASSWORD, address="203.0.113.77", agent="")
        assert there.access.sign_in("owner", PASSWORD, address="198.51.100.7", agent="").token
        there.clock.pass_by(hours=2)
        assert there.access.sign_in("owner", PASSWORD, address="203.0.113.77", agent="").token, "the way back"
        many = sum(tries(there.access, f"name{n}", "203.0.113.200", 1) for n in range(200))
        assert many < 100, "one address, many names"


def test_the_page_too_counts_attempts(marked_store: Store, standards: Standards, tmp_path: Path) -> None:
    """Of sign-ins, codes of devices, one-time links and keys alike."""
    tried: dict[str, Callable[[Browser], Any]] = {
        "sign-in": lambda browser: browser.sign_in("nobody at all", "wrong"),
        "enrol": lambda browser: browser.post("/enrol", {"code": "AAAA-BBBB-CCCC-DDDD"}),
        "start": lambda browser: browser.get("/start?code=wgl_" + "A" * 43),
        "key": lambda browser: browser.get("/api/me", headers={"Authorization": "Bearer wgk_" + "A" * 43}),
    }
    for number, (name, attempt) in enumerate(tried.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with people(marked_store, standards, folder, attempts_a_minute=5) as there:
            browser = there.browser()
            statuses = [attempt(browser).status_code for _ in range(8)]
            assert statuses[-1] == 429 and statuses[0] != 429, (name, statuses)


LIKE_ADMIN = ("ａdministrator", "ADMINISTRATOR", "administrator ", "\u202eadministrator", "admin\u200bistrator",
              "administrator\x00", "аdministrator", "administratοr", "administrator\u0301", " administrator", "ﬁ", "")  # fmt: skip


def test_no_name_looks_like_anothers(there: People) -> None:
    """Compatibility forms and case are one name; invisible and mixed letters are refused, or told apart on sight."""
    from layers.problems import WanggeError

    taken = 0
    for name in LIKE_ADMIN:
        try:
            there.access.add_account(name, "planner", WHOLE_DISTRICT, by=OPERATOR)
        except WanggeError:
            continue
        taken += 1
        assert not any(ord(letter) < 32 or letter in "\u202e\u200b\x00" for letter in name), name.encode()
    assert taken <= 4
    assert there.access.account("ＡＤＭＩＮＩＳＴＲＡＴＯＲ").name == "administrator"


def test_no_secret_is_in_a_page_the_log_or_a_file(
    marked_store: Store, standards: Standards, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with people(marked_store, standards, tmp_path) as there:
        add(there, "administrator", "administrator")
        no_secrets(there, tmp_path, caplog)


def no_secrets(there: People, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    browser = entered(there, "administrator")
    secret = browser.cookie("wangge")
    assert secret
    other = there.browser()
    other.sign_in("administrator", "a wrong secret pass")
    for path in ("/", "/account", "/accounts", "/keys", "/devices", "/api/me", "/nowhere"):
        page = browser.get(path)
        text = page.get_data(as_text=True) + str(page.headers.get("Location", ""))
        assert secret not in text and PASSWORD not in text and "argon2" not in text, path
    stored = "".join(str(entry) for entry in there.access.entries(limit=10_000))
    for hidden in (secret, PASSWORD, "a wrong secret pass"):
        assert hidden not in caplog.text and hidden not in stored
    assert list(folder.glob("*.access*"))
    raw = b"".join(file.read_bytes() for file in folder.glob("*.access*"))
    assert secret.encode() not in raw and PASSWORD.encode() not in raw


def test_cookies_are_bound(marked_store: Store, standards: Standards, tmp_path: Path) -> None:
    with people(marked_store, standards, tmp_path, address="https://map.example") as there:
        add(there, "planner", "planner")
        browser = Browser(there.app, base_url="https://map.example")
        assert browser.sign_in("planner").status_code == 303
        done = browser.sign_in("planner")
        given = [line for line in done.headers.getlist("Set-Cookie") if "Max-Age=0" not in line]
        assert given
        for line in given:
            assert line.startswith("__Host-") and "Secure" in line and "HttpOnly" in line
            assert "SameSite=Lax" in line and "Path=/" in line and "Domain" not in line
        assert "max-age=" in done.headers["Strict-Transport-Security"]
        # The plain name is not taken for it where there is TLS.
        token = browser.cookie("__Host-wangge")
        fresh = Browser(there.app, base_url="https://map.example")
        fresh.client.set_cookie("wangge", token or "", domain="map.example")
        assert fresh.get("/account").status_code == 401
