"""Who asks: by session, key or device; what the pages of administrators and auditors do with it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from layers.standards import Standards
from layers.store import Store
from layers.visitors import RESIDENT
from tests.webmap.access import OPERATOR, PASSWORD, People, code_of, people
from webmap.words_account import AUDIT_ACTIONS, NOTICES, WORDS

PAGES = ("/accounts", "/devices", "/keys")


@pytest.fixture
def there(small_store: Store, standards: Standards, tmp_path: Path) -> Iterator[People]:
    with people(small_store, standards, tmp_path) as found:
        yield found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# Keys and devices


def test_a_key_acts_for_its_account_within_its_scopes(there: People) -> None:
    there.add("lin", "planner")
    key, token = there.access.add_key("statistics", "lin", ["describe", "view"], by=OPERATOR)
    client = there.app.test_client()
    me = client.get("/api/me", headers=bearer(token)).get_json()
    assert (me["via"], me["name"], me["role"]["id"]) == ("key", "lin", "planner")
    assert me["actions"] == ["describe", "view"] and me["aggregates"] == "full"
    assert client.get("/api/summary", headers=bearer(token)).status_code == 200
    assert client.get("/download", headers=bearer(token)).status_code == 403
    assert client.get("/account", headers=bearer(token)).status_code == 403
    there.access.revoke_key(key.id, by=OPERATOR)
    refused = client.get("/api/summary", headers=bearer(token))
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "given", ["Bearer wgk_wrong", "Bearer ", "Basic bGluOng=", "wgk_x", "Bearer wgs_x", ""]
)
def test_a_wrong_key_is_refused_even_for_what_is_public(there: People, given: str) -> None:
    client = there.app.test_client()
    for path in ("/api/me", "/", "/tiles/communities/1/0/0.mvt", "/api/nothing"):
        assert client.get(path, headers={"Authorization": given}).status_code == 401, path
    assert client.get("/healthz", headers={"Authorization": given}).status_code == 200


def test_a_sessions_token_is_no_key(there: People) -> None:
    browser = there.signed_in("lin", "planner")
    token = browser.cookie("wangge") or ""
    assert there.app.test_client().get("/api/me", headers=bearer(token)).status_code == 401


def test_a_header_counts_for_all_and_cookies_for_nothing_beside_it(there: People) -> None:
    browser = there.signed_in("root", "administrator")
    there.add("lin", "planner")
    _, token = there.access.add_key("x", "lin", ["describe"], by=OPERATOR)
    assert browser.get("/api/me", headers=bearer(token)).get_json()["name"] == "lin"
    assert browser.get("/accounts", headers=bearer(token)).status_code == 403
    assert browser.client.post("/accounts", headers=bearer(token)).status_code == 403


def test_wrong_keys_are_counted(small_store: Store, standards: Standards, tmp_path: Path) -> None:
    with people(small_store, standards, tmp_path, attempts_a_minute=3) as there:
        client = there.app.test_client()
        answers = [client.get("/api/me", headers=bearer("wgk_x")).status_code for _ in range(5)]
        assert answers == [401, 401, 401, 429, 429]
        assert client.get("/api/me").status_code == 200


def test_an_office_behind_one_address_is_not_locked_out_by_a_stale_key(
    small_store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(small_store, standards, tmp_path, attempts_a_minute=3) as there:
        there.add("lin", "planner")
        program = there.app.test_client()
        answers = [program.get("/api/me", headers=bearer("wgk_stale")).status_code for _ in range(10)]
        assert answers[-1] == 429
        assert there.browser().sign_in("lin").status_code == 303
        _, token = there.access.add_key("x", "lin", ["describe"], by=OPERATOR)
        assert program.get("/api/me", headers=bearer(token)).status_code == 200


def test_a_whole_office_signs_in_at_once_from_one_address(
    small_store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(small_store, standards, tmp_path, attempts_a_minute=30) as there:
        there.add("lin", "planner")
        assert [there.browser().sign_in("lin").status_code for _ in range(35)] == [303] * 35
        for _ in range(29):
            there.app.extensions["wangge"].attempts.count("127.0.0.1")
        assert there.browser().sign_in("lin").status_code == 303, "the last one that is free"
        assert there.browser().sign_in("nobody at all", "wrong").status_code == 401
        assert there.browser().sign_in("lin").status_code == 429, "what failed stays counted"


def test_a_whole_office_signs_in_with_codes(small_store: Store, standards: Standards, tmp_path: Path) -> None:
    with people(small_store, standards, tmp_path, attempts_a_minute=3) as there:
        there.add("lin", "planner")
        account = there.access.account("lin").id
        secret, _ = there.access.totp_begin(account, PASSWORD)
        totp = pyotp.TOTP(secret)
        there.access.totp_confirm(account, totp.at(there.clock.now))
        for _ in range(10):
            there.clock.pass_by(seconds=30)  # a code counts once; the limit's minute is of another clock
            browser = there.browser()
            assert browser.sign_in("lin").headers["Location"].startswith("/sign-in/code")
            code = {"code": totp.at(there.clock.now)}
            assert browser.post("/sign-in/code", code, page="/sign-in/code").status_code == 303


def test_strangers_at_an_address_stop_neither_its_wall_nor_its_people(
    small_store: Store, standards: Standards, tmp_path: Path
) -> None:
    with people(small_store, standards, tmp_path, requests_a_minute=600, tiles_a_minute=5) as there:
        there.add("lin", "planner")
        walls = []
        for title in ("hall", "office"):
            _, code = there.access.add_device("wall", title, by=OPERATOR)
            walls.append(there.browser())
            assert walls[-1].post("/enrol", {"code": code}, page="/enrol").status_code == 303
        stranger = there.app.test_client()
        statuses = [stranger.get("/api/me").status_code for _ in range(620)]
        assert statuses.count(200) == 600 and statuses[-1] == 429
        tile = "/tiles/communities/1/0/0.mvt"
        assert [stranger.get(tile).status_code for _ in range(6)] == [204] * 5 + [429]
        assert stranger.get("/nothing").status_code == 429
        for page in ("/sign-in", "/enrol"):
            assert stranger.get(page).status_code == 200
        assert stranger.get("/account").status_code == 401
        assert stranger.get("/start?code=wgl_x").status_code == 403
        for wall in walls:
            assert wall.get("/api/me").get_json()["role"]["id"] == "wall"
            assert [wall.get(tile).status_code for _ in range(6)] == [204] * 5 + [429], "each for itself"
        browser = there.browser_of("lin")
        assert browser.get("/api/me").get_json()["name"] == "lin"
        assert [browser.get(tile).status_code for _ in range(6)] == [204] * 5 + [429]


def test_refusals_do_not_fill_the_log(there: People) -> None:
    there.add("lin", "leader")
    _, token = there.access.add_key("x", "lin", ["describe"], by=OPERATOR)
    client = there.app.test_client()
    refused = [client.get(f"/tiles/communities/2/{x}/1.mvt", headers=bearer(token)) for x in range(4)]
    assert {answer.status_code for answer in refused} == {403} and not there.log("refused")
    lin, wei = there.browser_of("lin"), there.signed_in("wei", "leader")
    guarded = "/api/layers/communities/features?with=floating_residents"
    for _ in range(5):
        assert lin.get("/accounts").status_code == lin.get(guarded).status_code == 403
        assert lin.get("/keys").status_code == wei.get("/keys").status_code == 403
    assert [(entry.name, entry.what, entry.fields) for entry in there.log("refused")] == [
        ("lin", "GET /accounts", ()),
        ("lin", "GET /api/layers/communities/features", ("floating_residents",)),
        ("lin", "GET /keys", ()),
        ("wei", "GET /keys", ()),
    ]


def test_an_administrator_is_not_sent_to_an_administrator(there: People) -> None:
    admin, lin = there.signed_in("root", "administrator"), there.signed_in("lin", "leader")
    path = "/api/layers/communities/features?with=floating_residents"
    told = [admin.get(path + query).get_json()["error"]["remedy"] for query in ("", "&lang=en")]
    assert told[0].startswith("您的角色“管理员”不含此权限；可以的角色：")
    assert told[1].startswith("Your role, Administrator, does not include this. Roles that may: ")
    assert "规划人员" in told[0] and "Planner" in told[1]
    assert "找管理员" in lin.get(path).get_json()["error"]["remedy"]


def test_who_is_not_known_is_a_resident(there: People) -> None:
    me = there.app.test_client().get("/api/me?lang=en").get_json()
    assert (me["via"], me["role"]) == ("nobody", {"id": "resident", "title": "Resident"})
    assert me["aggregates"] == "public" and me["area"] == {"kind": "none", "codes": []}
    assert "own" not in me["actions"] and me["must_choose_password"] is False


def test_a_wall_is_enrolled_once_and_sees_aggregates_only(there: People) -> None:
    admin = there.signed_in("root", "administrator")
    shown = admin.post("/devices", {"kind": "wall", "title": "hall"}, page="/devices")
    address = code_of(shown)
    assert address.startswith("http://localhost/enrol?code=") and "<svg" in shown.get_data(as_text=True)
    path = address.removeprefix("http://localhost")
    wall = there.browser()
    form = wall.get(path)
    assert form.headers["Referrer-Policy"] == "strict-origin" and form.headers["Cache-Control"] == "no-store"
    assert wall.get(path).status_code == 200, "looking does not spend it"
    code = path.partition("=")[2]
    assert wall.client.post("/enrol", data={"code": code}).status_code == 403
    done = wall.post("/enrol", {"code": code}, page=path)
    assert (done.status_code, done.headers["Location"]) == (303, "/wall")
    assert "Max-Age=34560000" in done.headers["Set-Cookie"] and "HttpOnly" in done.headers["Set-Cookie"]
    me = wall.get("/api/me").get_json()
    assert (me["via"], me["role"]["id"], me["actions"]) == ("device", "wall", ["describe", "view", "wall"])
    assert wall.get("/api/layers/communities/features").status_code == 403
    assert there.browser().post("/enrol", {"code": code}, page=path).status_code == 404

    row = admin.get("/devices").get_data(as_text=True)
    assert "已登记" in row
    device = there.access.devices()[0]
    assert admin.post(f"/devices/{device.id}/revoke", page="/devices").status_code == 303
    assert wall.get("/api/me").get_json()["role"]["id"] == "resident"
    assert wall.cookie("wangge-device") is None


def test_a_tablet_is_a_persons_and_a_session_comes_first(there: People) -> None:
    admin = there.signed_in("root", "administrator")
    there.add("lin", "subdistrict_staff")
    lin = there.access.account("lin")
    wrong = admin.post(
        "/devices", {"kind": "tablet", "title": "t", "account": lin.id, "area": "S2"}, page="/devices"
    )
    assert wrong.status_code == 400
    assert admin.post("/devices", {"kind": "tablet", "title": "t"}, page="/devices").status_code == 400
    shown = admin.post("/devices", {"kind": "tablet", "title": "t", "account": lin.id}, page="/devices")
    tablet = there.browser()
    tablet.post("/enrol", {"code": code_of(shown).partition("=")[2]}, page="/enrol")
    me = tablet.get("/api/me").get_json()
    assert (me["via"], me["name"], me["area"]["codes"]) == ("device", "lin", ["S1"])
    assert "own" not in me["actions"]
    there.add("wei", "planner")
    tablet.sign_in("wei")
    assert tablet.get("/api/me").get_json()["name"] == "wei"
    tablet.post("/sign-out", page="/account")
    assert tablet.get("/api/me").get_json()["name"] == "lin", "signing out leaves the tablet what it is"


# Administrators


def test_only_administrators_manage_and_only_auditors_read_the_log(there: People) -> None:
    roles = ("grid_worker", "subdistrict_staff", "planner", "leader", "administrator", "auditor")
    for role in roles:
        browser = there.signed_in(role, role)
        for page in PAGES:
            assert browser.get(page).status_code == (200 if role == "administrator" else 403), (role, page)
            posted = browser.post(page, {"name": "x"}, page="/account").status_code
            assert posted == (400 if role == "administrator" else 403), (role, page)
        for page in ("/audit", "/audit/log.csv"):
            assert browser.get(page).status_code == (200 if role == "auditor" else 403), (role, page)
    refused = there.log("refused")
    assert {entry.name for entry in refused} == set(roles)
    assert {entry.outcome for entry in refused} == {"refused"}
    assert any(entry.what == "GET /accounts" and entry.origin == "127.0.0.1" for entry in refused)
    nobody = there.app.test_client()
    before = len(refused)
    for page in (*PAGES, "/audit", "/audit/log.csv", "/account"):
        assert nobody.get(page).status_code == 401
    assert len(there.log("refused")) == before, "strangers do not fill the log"


def test_an_account_from_beginning_to_end(there: People) -> None:
    admin = there.signed_in("root", "administrator")
    data = {"name": "li.ming", "title": "<b>李明</b>", "role": "subdistrict_staff", "area": "西街道"}
    code = code_of(admin.post("/accounts", data, page="/accounts"))
    page = admin.get("/accounts").get_data(as_text=True)
    assert "等待首次登录" in page and "&lt;b&gt;李明" in page and "<b>李明" not in page and "西街道" in page
    assert code not in page
    person = there.browser()
    person.sign_in("li.ming", code)
    person.post("/account/password", {"new": PASSWORD, "again": PASSWORD}, page="/account")
    me = person.get("/api/me").get_json()
    assert me["area"] == {"kind": "subdistricts", "codes": ["S1"]}

    one = f"/accounts/{there.access.account('li.ming').id}"
    changed = admin.post(f"{one}/role", {"role": "planner", "area": ""}, page=one)
    assert changed.headers["Location"] == f"{one}?done=role"
    assert NOTICES["role"].zh in admin.get(f"{one}?done=role").get_data(as_text=True)
    assert person.get("/account").status_code == 401
    person.sign_in("li.ming")
    ended = there.access.sessions("li.ming")[0]
    assert admin.post(f"{one}/sessions/{ended.id}/end", page=one).status_code == 303
    assert person.get("/account").status_code == 401

    assert admin.post(f"{one}/disable", page=one).status_code == 303
    assert person.sign_in("li.ming").status_code == 401
    assert "已停用" in admin.get(one).get_data(as_text=True)
    assert admin.post(f"{one}/enable", page=one).status_code == 303
    assert person.sign_in("li.ming").status_code == 303
    again = code_of(admin.post(f"{one}/reset", page=one))
    assert person.sign_in("li.ming").status_code == 401
    assert person.sign_in("li.ming", again).status_code == 303
    for action in (
        "account_added",
        "account_changed",
        "account_disabled",
        "account_enabled",
        "account_reset",
    ):
        (entry,) = [entry for entry in there.log(action) if entry.name == "root"]
        assert entry.what.startswith("li.ming") and entry.origin == "127.0.0.1"


def test_the_last_administrator_cannot_lock_everybody_out(there: People) -> None:
    admin = there.signed_in("root", "administrator")
    one = f"/accounts/{there.access.account('root').id}"
    for path, data in ((f"{one}/disable", {}), (f"{one}/role", {"role": "leader"}), (f"{one}/reset", {})):
        refused = admin.post(path, data, page=one)
        assert refused.status_code == 400 and "最后一个管理员" in refused.get_data(as_text=True)
    assert admin.get("/accounts").status_code == 200


@pytest.mark.parametrize(
    ("role", "area", "said"),
    [
        ("", "", "请选一个角色"),
        ("resident", "", "请选一个角色"),
        ("operator", "", "请选一个角色"),
        ("planner", "S1", "不分范围"),
        ("subdistrict_staff", "", "须有范围"),
        ("subdistrict_staff", "S9", "“S9”不存在"),
        ("subdistrict_staff", "S1、<i>", "“&lt;i&gt;”不存在"),
        ("subdistrict_staff", "C01", "“C01”不存在"),
        ("community_staff", "S1", "“S1”不存在"),
        ("community_staff", "N1、C01", "不存在"),
        ("subdistrict_staff", "、".join(["S1"] * 201), "须有范围"),
    ],
)
def test_a_wrong_area_is_said_and_what_was_typed_stays(
    there: People, role: str, area: str, said: str
) -> None:
    admin = there.signed_in("root", "administrator")
    before = len(there.access.accounts())
    response = admin.post("/accounts", {"name": "li.ming", "role": role, "area": area}, page="/accounts")
    page = response.get_data(as_text=True)
    assert response.status_code == 400 and said in page and 'value="li.ming"' in page
    assert len(there.access.accounts()) == before


def test_a_name_that_is_taken_or_impossible_is_said(there: People) -> None:
    admin = there.signed_in("root", "administrator")
    for name in ("ROOT", "", "a/b", "x" * 41, "\u202eroot"):
        response = admin.post("/accounts", {"name": name, "role": "planner"}, page="/accounts")
        assert response.status_code == 400, name
    assert [account.name for account in there.access.accounts()] == ["root"]


def test_what_a_form_does_not_ask_for_changes_nothing(there: People) -> None:
    browser = there.signed_in("lin", "planner")
    more = {"role": "administrator", "area": "district", "name": "root", "account": "0" * 12, "id": "0" * 12}
    new = PASSWORD + " more"
    data = {"old": PASSWORD, "new": new, "again": new, **more}
    assert browser.post("/account/password", data, page="/account").status_code == 303
    account = there.access.account("lin")
    assert (account.role, account.name) == ("planner", "lin")


def test_somebody_elses_session_is_not_ones_own(there: People) -> None:
    lin, wei = there.signed_in("lin", "planner"), there.signed_in("wei", "planner")
    other = there.access.sessions("wei")[0]
    assert lin.post(f"/account/sessions/{other.id}/end", page="/account").status_code == 404
    assert wei.get("/account").status_code == 200
    second = there.browser()
    second.sign_in("lin")
    mine = [one.id for one in there.access.sessions("lin")]
    page = lin.get("/account").get_data(as_text=True)
    (shown,) = [one for one in mine if f"/account/sessions/{one}/end" in page]
    assert lin.post(f"/account/sessions/{shown}/end", page="/account").status_code == 303
    assert second.get("/account").status_code == 401


def test_a_key_is_shown_once_and_revoked(there: People) -> None:
    admin = there.signed_in("root", "administrator")
    there.add("lin", "planner")
    lin = there.access.account("lin").id
    data = {"title": "数据中台", "account": lin, "scopes": ["view", "take"], "expires": "2025-12-31"}
    token = code_of(admin.post("/keys", data, page="/keys"))
    page = admin.get("/keys").get_data(as_text=True)
    assert "数据中台" in page and token not in page and "2026-01-01 00:00" in page
    client = there.app.test_client()
    assert client.get("/api/summary", headers=bearer(token)).status_code == 200
    for wrong in (
        {**data, "scopes": ["accounts"]},
        {**data, "scopes": ["view", "read"]},
        {**data, "scopes": ["export"]},
        {**data, "scopes": ["nonsense"]},
        {**data, "scopes": []},
        {**data, "expires": "2020-01-01"},
        {**data, "expires": "soon"},
        {**data, "expires": "9999-12-31"},
    ):
        assert admin.post("/keys", wrong, page="/keys").status_code == 400, wrong
    assert admin.post("/keys", {**data, "account": "nobody"}, page="/keys").status_code == 404
    key = there.access.keys()[0]
    assert admin.post(f"/keys/{key.id}/revoke", page="/keys").status_code == 303
    assert client.get("/api/summary", headers=bearer(token)).status_code == 401
    assert "由您负责的密钥" in there.browser_of("lin").get("/account").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/accounts/nobody", "/accounts/" + "0" * 12])
def test_an_account_that_is_not_there(there: People, path: str) -> None:
    admin = there.signed_in("root", "administrator")
    assert admin.get(path).status_code == 404
    for what in ("role", "disable", "enable", "reset", "openid", "sessions/x/end"):
        sent = admin.post(f"{path}/{what}", {"role": "planner"}, page="/accounts")
        assert sent.status_code == 404, what
    for gone in ("/devices/x/revoke", "/keys/x/revoke"):
        assert admin.post(gone, page="/accounts").status_code == 404


# The log


def test_the_log_is_read_by_pages_and_reading_it_is_recorded(there: People) -> None:
    auditor = there.signed_in("eve", "auditor")
    for n in range(130):
        there.access.record(
            RESIDENT, "view_guarded" if n % 2 else "export", what=f"row {n}", purpose="<i>why</i>"
        )
    page = auditor.get("/audit").get_data(as_text=True)
    assert "row 129" in page and "row 20" not in page and "&lt;i&gt;why" in page
    assert page.index("row 129") < page.index("row 128")
    older = re.search(r'href="(/audit\?before=\d+)"', page)
    assert older
    assert "row 20<" in auditor.get(older[1]).get_data(as_text=True)
    filtered = auditor.get("/audit?action=export&first=2025-06-30&last=2025-06-30").get_data(as_text=True)
    assert "row 128" in filtered and "row 129" not in filtered
    assert "没有符合的记录" in auditor.get("/audit?who=nobody").get_data(as_text=True)
    assert "没有符合的记录" in auditor.get("/audit?last=2025-06-29").get_data(as_text=True)
    assert auditor.get("/audit?first=yesterday").status_code == 400
    assert auditor.get("/audit?before=-1&who=%27%20OR%201=1").status_code == 200
    read = there.log("audit_read")
    assert [entry.name for entry in read] == ["eve"] * len(read) and len(read) >= 5
    assert read[2].what == "action=export first=2025-06-30 last=2025-06-30" and read[0].count == 100


def test_the_log_as_a_table_is_safe_to_open_and_recorded_first(there: People) -> None:
    auditor = there.signed_in("eve", "auditor")
    for what in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain"):
        there.access.record(RESIDENT, "export", what=what, codes=["=A1", "B"])
    response = auditor.get("/audit/log.csv?action=export&lang=en")
    assert (
        response.headers["Cache-Control"] == "no-store"
        and "attachment" in response.headers["Content-Disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert [row["what"] for row in rows][-1] == "plain" and len(rows) == 6
    assert not any(value[:1] in "=+-@\t" for row in rows for value in row.values() if value)
    entry = there.log("audit_read")[-1]
    assert (entry.what, entry.count) == ("csv action=export", 6)
    for wrong in ("first=x", "last=1999-01-01", "first=%00"):
        assert auditor.get(f"/audit/log.csv?{wrong}").status_code == 400


def test_the_log_is_verified(there: People) -> None:
    auditor = there.signed_in("eve", "auditor")
    assert "日志完整" in auditor.post("/audit/verify", page="/audit").get_data(as_text=True)
    with there.access._backend.writing() as transaction:
        transaction.run("DROP TRIGGER IF EXISTS audit_unchanged")
        names = [name for (name,) in transaction.run("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            transaction.run(f"DROP TRIGGER {name}")
        transaction.run("UPDATE audit SET what = 'nothing' WHERE seq = 1")
    page = auditor.post("/audit/verify", page="/audit").get_data(as_text=True)
    assert "日志有问题" in page and "第 1 条已被改动" in page
    assert there.log("audit_read")[-1].outcome == "failed"


def test_every_recorded_action_has_words(there: People) -> None:
    text = "".join(
        path.read_text("utf-8") for path in (Path(__file__).parents[2] / "layers" / "access").glob("*.py")
    )
    recorded = set(re.findall(r'_record\(\s*transaction, [^"=]*"(\w+)"', text))
    recorded |= set(re.findall(r'_prove\(\s*[^"=]*"(\w+)"', text))
    assert recorded and recorded <= set(AUDIT_ACTIONS), recorded - set(AUDIT_ACTIONS)


# Words and languages


def test_every_word_of_the_pages_is_used_and_there() -> None:
    folder = Path(__file__).parents[2] / "webmap" / "templates" / "access"
    text = "".join(path.read_text("utf-8") for path in folder.glob("*.html"))
    named = set(re.findall(r"\bw\.(\w+)", text)) | {"wall", "tablet", "wall_what", "tablet_what"}
    assert named - set(WORDS) == set()
    assert set(WORDS) - named == set()


def test_the_pages_speak_english_throughout(there: People) -> None:
    admin = there.signed_in("root", "administrator")
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for page in ("/account", *PAGES, f"/accounts/{there.access.account('root').id}", "/sign-in", "/enrol"):
        text = admin.get(f"{page}?lang=en").get_data(as_text=True)
        body = re.sub(r"<datalist.*?</datalist>", "", text, flags=re.DOTALL).replace("中文", "")
        assert not chinese.search(body), (page, chinese.findall(body)[:20])
        for address in re.findall(r'(?:href|action)="(/[^"]*)"', body):
            if not address.startswith("/static/") and address != page:
                assert "lang=en" in address, (page, address)
