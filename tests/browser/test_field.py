"""The tablet in a real browser: offline through reloads and deaths, each edit once, conflicts, revoked devices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, expect

from layers.standards import Standards
from layers.store import Authorship, Store, create_store
from layers.visitors import Area
from tests.browser.conftest import NO_WEBGL, PATIENCE_MS, REPORT_VIOLATIONS, serving
from tests.browser.test_hands_and_ears import serious
from tests.district import small_district
from tests.webmap.access import OPERATOR, PASSWORD, People, people

pytestmark = pytest.mark.browser

CELLS = Area("management_cells", frozenset({"G01", "G02", "G05", "G06"}))
TABLET: ViewportSize = {"width": 1024, "height": 768}


class Field:
    """A service with two grid workers of one area, and the store that they write to."""

    def __init__(self, who: People, store: Store, address: str) -> None:
        self.who, self.store, self.address = who, store, address
        self.start = store.version()

    def edits(self) -> list[Any]:
        return [change for change in self.store.changes(since=self.start) if change.layer == "communities"]


@contextmanager
def a_field(standards: Standards, folder: Path, **settings: Any) -> Iterator[Field]:
    district, frames = small_district()
    with (
        create_store(f"gpkg:{folder / 'small.gpkg'}", district, layers=frames) as store,
        people(store, standards, folder, **settings) as who,
        serving(who.app) as address,
    ):
        # Tablets go by their own clock.
        who.clock.now = datetime.now(UTC)
        for name in ("worker", "other"):
            add_worker(who, name)
        yield Field(who, store, address)


@pytest.fixture
def field(standards: Standards, tmp_path: Path) -> Iterator[Field]:
    with a_field(standards, tmp_path) as made:
        yield made


def add_worker(who: People, name: str) -> None:
    _, code = who.access.add_account(name, "grid_worker", CELLS, by=OPERATOR)
    done = who.access.sign_in(name, code, address="192.0.2.1", agent="")
    who.access.sign_out(who.access.change_password(name, "", PASSWORD, session=done.token))


@contextmanager
def a_tablet(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport=TABLET, has_touch=True, reduced_motion="reduce", locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(NO_WEBGL)
    context.add_init_script(REPORT_VIOLATIONS)
    yield context
    context.close()


@contextmanager
def tablet(browser: Browser, field: Field, name: str = "worker") -> Iterator[BrowserContext]:
    """Give a tablet on which somebody has signed in."""
    with a_tablet(browser) as context:
        sign_in(context.new_page(), field, name)
        yield context


def sign_in(page: Page, field: Field, name: str) -> None:
    page.goto(f"{field.address}/sign-in?next=/field")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/field")
    expect(page.locator(".row").first).to_be_visible()


def shell_is_kept(page: Page) -> None:
    """Wait until the page starts without a network."""
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller !== null")


def take_along(page: Page) -> None:
    page.locator(".tab[data-view=package]").click()
    page.locator("#package").get_by_role("button", name="带走").click()
    expect(page.locator("#package .box-title")).to_contain_text("已带走")
    expect(page.locator("#package")).to_contain_text("签名有效")
    page.locator(".tab[data-view=grid]").click()


def verify(page: Page, number: int, answer: str) -> None:
    """Record what was seen, from the list to the button at the thumb."""
    page.locator(".tab[data-view=grid]").click()
    row = page.locator("#task-rows .row").nth(number)
    row.locator("button").click()
    page.locator("#verify .answers .choice").filter(has_text=answer).click()
    page.locator("#verify").get_by_role("button", name="记下这一项").click()
    expect(page.locator(".field")).to_have_attribute("data-view", "grid")


def waiting(page: Page) -> int:
    badge = page.locator(".tab[data-view=outbox] .badge")
    return int(badge.text_content() or 0) if badge.is_visible() else 0


def all_sent(page: Page) -> None:
    expect(page.locator(".tabs")).to_be_visible()
    expect(page.locator(".tab[data-view=outbox] .badge")).to_be_hidden()


def test_three_edits_made_offline_arrive_once_each_through_a_reload_and_a_killed_page(
    field: Field, browser: Browser
) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        shell_is_kept(page)
        take_along(page)
        context.set_offline(True)
        page.reload()
        expect(page.locator("#banner")).to_contain_text("没有网络")
        expect(page.locator("#task-rows .row").first).to_be_visible()
        verify(page, 0, "不明")
        verify(page, 1, "不明")
        page.reload()
        expect(page.locator(".tab[data-view=outbox] .badge")).to_have_text("2")
        verify(page, 2, "不明")
        expect(page.locator(".tab[data-view=outbox] .badge")).to_have_text("3")
        assert field.edits() == []
        sent: list[str] = []

        def lose_the_first_answer(route: Route) -> None:
            sent.append(route.request.post_data or "")
            if len(sent) > 1:
                route.continue_()
                return
            assert route.fetch().ok
            route.abort()

        # The server has got it, the tablet does not know: it is sent again.
        context.route("**/api/facts", lose_the_first_answer)
        # The page dies as a browser does whose battery is empty: nothing is said, nothing is put away.
        page.goto("about:blank")
        page.close()
        page = context.new_page()
        page.goto(f"{field.address}/field")
        expect(page.locator("#outbox-list .rows > li")).to_have_count(3)
        context.set_offline(False)
        page.locator("#link").click()
        all_sent(page)
        assert sent[0] == sent[1], "what was not answered is sent again as it was, by the same key"
        assert len(sent) == 4
        assert len(field.edits()) == 3
        page.reload()
        all_sent(page)
        assert len(field.edits()) == 3


def test_two_tablets_that_change_one_fact_choose_field_by_field(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as one, tablet(browser, field, "other") as two:
        (mine,), (theirs,) = one.pages, two.pages
        one.set_offline(True)
        mine.locator("#link").click()
        expect(mine.locator("#banner")).to_contain_text("没有网络")
        verify(theirs, 0, "无")
        all_sent(theirs)
        verify(mine, 0, "有")
        one.set_offline(False)
        mine.locator("#link").click()
        mine.locator(".tab[data-view=outbox]").click()
        mine.get_by_role("button", name="看冲突").click()
        expect(mine.locator("#conflict-title")).to_have_text("以哪个为准？")
        # It was written today: a list of moments says the day of each.
        expect(mine.locator("#conflict .past-row .nowrap").first).to_have_text(
            re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d$")
        )
        sides = mine.locator("#conflict .side")
        expect(sides.nth(0)).to_contain_text("有")
        expect(sides.nth(1)).to_contain_text("无")
        assert serious(mine) == []
        assert len(field.edits()) == 1, "nothing is written before a person has chosen"
        mine.get_by_role("button", name="先放着").click()
        mine.reload()
        mine.get_by_role("button", name="看冲突").click()
        mine.get_by_role("button", name="按所选合并").click()
        all_sent(mine)
        assert [change.by.who for change in field.edits()] == ["other", "worker"]
        note = field.edits()[-1].by.note or ""
        assert "没选的一份：无" in note, "what was not chosen is kept in the history"


def test_a_signed_out_tablet_keeps_what_waits_and_sends_it_after_signing_in(
    field: Field, browser: Browser
) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        context.set_offline(True)
        page.locator("#link").click()
        verify(page, 0, "不明")
        cookies = context.cookies()
        context.clear_cookies()
        context.set_offline(False)
        page.locator("#link").click()
        expect(page.locator("#banner")).to_contain_text("登录已失效")
        assert waiting(page) == 1
        assert field.edits() == []
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page.locator("#link").click()
        all_sent(page)
        assert len(field.edits()) == 1


def test_what_somebody_else_wrote_of_the_same_community_is_not_overlooked(
    field: Field, browser: Browser
) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        tasks = page.request.get(f"{field.address}/api/field/tasks").json()["tasks"]
        code = next(one["code"] for one in tasks if sum(one["code"] == other["code"] for other in tasks) > 1)
        first, second = [number for number, one in enumerate(tasks) if one["code"] == code][:2]
        context.set_offline(True)
        page.locator("#link").click()
        expect(page.locator("#banner")).to_contain_text("没有网络")
        verify(page, second, "有")
        verify(page, first, "有")
        theirs = {tasks[first]["field"]: "no"}
        field.store.amend("communities", code, lambda found: theirs, by=Authorship(who="boss"))
        context.set_offline(False)
        page.locator("#link").click()
        page.locator(".tab[data-view=outbox]").click()
        expect(page.get_by_role("button", name="看冲突")).to_have_count(1)
        assert [change.by.who for change in field.edits()] == ["boss", "worker"]
        page.get_by_role("button", name="看冲突").click()
        page.get_by_role("button", name="按所选合并").click()
        all_sent(page)
        assert len(field.edits()) == 3


def test_a_session_that_ends_between_two_looks_refuses_no_edit(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        cookies = context.cookies()
        context.clear_cookies()
        verify(page, 0, "不明")
        expect(page.locator("#banner")).to_contain_text("登录已失效")
        assert (waiting(page), field.edits()) == (1, [])
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page.locator("#link").click()
        all_sent(page)
        assert len(field.edits()) == 1


def test_nothing_is_sent_in_the_name_of_whoever_signed_in_since(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        context.clear_cookies()
        sign_in(context.new_page(), field, "other")
        with page.expect_response("**/api/field/status?*"):
            verify(page, 0, "不明")
        page.locator("#link").click()
        page.locator(".tab[data-view=outbox]").click()
        expect(page.locator("#outbox-list")).to_contain_text("1 条是别人记的")
        assert [one["state"] for one in page.evaluate(KEPT)[2]] == ["waiting"]
        assert field.edits() == []


def test_tiles_of_a_package_that_never_came_to_its_end_are_not_drawn(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        shell_is_kept(page)
        page.evaluate("caches.open('wangge-field-tiles-1999').then(() => null)")
        take_along(page)
        tiles, package, _ = page.evaluate(KEPT)
        assert tiles == [package["cacheName"]]


def test_a_revoked_tablet_is_wiped_at_its_next_contact(field: Field, browser: Browser) -> None:
    access = field.who.access
    account = next(one for one in access.accounts() if one.name == "worker")
    device, code = access.add_device("tablet", "平板一", account=account.id, by=OPERATOR)
    with a_tablet(browser) as context:
        page = context.new_page()
        page.goto(f"{field.address}/enrol?code={code}")
        page.get_by_role("button", name="登记").click()
        page.wait_for_url(f"{field.address}/field")
        shell_is_kept(page)
        take_along(page)
        context.set_offline(True)
        page.locator("#link").click()
        verify(page, 0, "不明")
        page.evaluate(ADD_ANOTHERS)
        page.reload()
        access.revoke_device(device.id, by=OPERATOR)
        context.set_offline(False)
        page.locator("#link").click()
        expect(page.locator("#banner")).to_contain_text("离线包已清除")
        expect(page.locator("#banner")).to_contain_text("1 条")
        expect(page.locator("#grid-title")).to_have_text("这台平板已被停用。")
        expect(page.locator("#link")).to_have_text("已停用")
        with page.expect_response("**/api/field/status*"):
            page.locator("#link").click()
        expect(page.locator("#link")).to_have_text("已停用")
        expect(page.locator("#grid-title")).to_have_text("这台平板已被停用。")
        tiles, package, edits = page.evaluate(KEPT)
        assert (tiles, package) == ([], None)
        assert [one["holder"] for one in edits] == ["another"], "what others wrote here is theirs"
        assert field.edits() == []
        page.reload()
        expect(page.locator("#grid-title")).to_have_text("登录已失效。")
        expect(page.locator("#task-rows")).to_have_count(0)


ADD_ANOTHERS = """async () => {
  const db = await new Promise((resolve) => {
    const asked = indexedDB.open("wangge-field");
    asked.onsuccess = () => resolve(asked.result);
  });
  const store = db.transaction("outbox", "readwrite").objectStore("outbox");
  await new Promise((resolve) => {
    const asked = store.getAll();
    asked.onsuccess = () => {
      const { seq, ...edit } = asked.result[0];
      store.add({ ...edit, holder: "another", key: crypto.randomUUID() }).onsuccess = resolve;
    };
  });
  db.close();
}"""
"""An edit of somebody else who works with the same browser."""

KEPT = """async () => {
  const names = (await caches.keys()).filter((name) => name.startsWith("wangge-field-tiles-"));
  const db = await new Promise((resolve) => {
    const asked = indexedDB.open("wangge-field");
    asked.onsuccess = () => resolve(asked.result);
  });
  const read = (name, key) => new Promise((resolve) => {
    const store = db.transaction(name).objectStore(name);
    const asked = key ? store.get(key) : store.getAll();
    asked.onsuccess = () => resolve(asked.result ?? null);
  });
  return [names, await read("kept", "package"), await read("outbox")];
}"""
"""Tiles, package and edits that a tablet still has."""
