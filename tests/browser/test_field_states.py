"""The tablet's other states: packages that are refused or over, plain http, both languages, keys, magnified."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from layers.standards import Standards
from tests.browser.test_field import (
    Field,
    a_field,
    a_tablet,
    all_sent,
    shell_is_kept,
    sign_in,
    tablet,
    take_along,
    verify,
)
from tests.browser.test_hands_and_ears import serious

pytestmark = pytest.mark.browser

LEAST_PX = 48
PLAIN_HTTP = """
Object.defineProperty(globalThis, "isSecureContext", { value: false });
Object.defineProperty(navigator, "serviceWorker", { value: undefined });
Object.defineProperty(crypto, "subtle", { value: undefined });
Object.defineProperty(crypto, "randomUUID", { value: undefined });
"""


@pytest.fixture(scope="module")
def field(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with a_field(standards, tmp_path_factory.mktemp("field")) as made:
        yield made


def look(page: Page) -> None:
    """Look whether a view can be used by all: contrast, names, targets for gloves, nothing cut."""
    assert serious(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    small = page.locator("#field :is(button, a, input:not(.vh), summary, label.choice)").evaluate_all(
        """(nodes, least) => nodes.filter((node) => node.checkVisibility() && !node.closest(".leaflet-pane"))
          .map((node) => [(node.closest("label") ?? node).getBoundingClientRect(), node.outerHTML])
          .filter(([{ width, height }]) => width < least || height < least).map(([, html]) => html)""",
        LEAST_PX,
    )
    assert small == []


# The last one is the first magnified to 200 %.
@pytest.mark.parametrize(
    ("size", "theme"), [((1024, 768), "light"), ((800, 1280), "sun"), ((512, 384), "light")], ids=str
)
def test_every_view_is_for_hands_ears_and_eyes(
    field: Field, browser: Browser, size: tuple[int, int], theme: str
) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        page.set_viewport_size({"width": size[0], "height": size[1]})
        if theme == "sun":
            page.locator("#theme").click()
            page.reload()
            expect(page.locator("html")).to_have_attribute("data-theme", "sun")
            expect(page.locator("#task-rows .row").first).to_be_visible()
        look(page)
        page.locator(".tab[data-view=package]").click()
        expect(page.locator("#package .box")).to_contain_text("约")
        look(page)
        page.locator(".tab[data-view=outbox]").click()
        look(page)
        page.locator(".tab[data-view=verify]").click()
        expect(page.locator("#verify .answers .choice")).to_have_count(3)
        look(page)


def test_all_is_reached_by_keys(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        page.locator("#task-rows button").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#verify-title")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="关闭")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.locator("#verify .answers input").first).to_be_checked()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#verify .answers input").nth(1)).to_be_checked()
        page.go_back()
        expect(page.locator("#grid-title")).to_be_focused()


def test_any_fact_of_a_community_can_be_verified(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        before = len(field.edits())
        community = page.locator(".community").filter(has_text="锦绣苑")
        community.locator("summary").click()
        community.locator(".fact-button").filter(has_text="党支部").click()
        page.locator("#verify .answers .choice").filter(has_text="无").click()
        page.get_by_label("备注").fill("已搬走")
        page.get_by_role("button", name="记下这一项").click()
        page.locator(".tab[data-view=outbox]").click()
        expect(page.locator(".arrived")).to_contain_text("今天已送达 1 条")
        (change,) = field.edits()[before:]
        assert change.codes == ("C05",)
        assert "已搬走" in (change.by.note or "")


def test_any_fact_that_was_taken_along_can_be_verified_offline(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        before = len(field.edits())
        shell_is_kept(page)
        take_along(page)
        context.set_offline(True)
        page.reload()
        page.locator(".community").filter(has_text="锦绣苑").locator("summary").click()
        page.locator(".fact-button").filter(has_text="试点").click()
        page.locator("#verify .answers .choice").filter(has_text="无").click()
        page.get_by_role("button", name="记下这一项").click()
        expect(page.locator(".tab[data-view=outbox] .badge")).to_have_text("1")
        context.set_offline(False)
        page.locator("#link").click()
        all_sent(page)
        (change,) = field.edits()[before:]
        assert change.codes == ("C05",)


def test_a_package_that_was_touched_is_refused_in_words(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        shell_is_kept(page)
        spoilt: list[int] = []

        def spoil(route: Route) -> None:
            if route.request.method == "HEAD":
                route.continue_()
                return
            answer = route.fetch()
            body = bytearray(answer.body())
            body[-1 - spoilt[0]] ^= 1
            route.fulfill(response=answer, body=bytes(body))

        page.route("**/api/field/package*", spoil)
        page.locator(".tab[data-view=package]").click()
        # The last byte is a tile's; the manifest is at the front.
        for at, words in ((0, "内容与签名不符"), (-20, "签名不对")):
            spoilt[:] = [at]
            page.locator("#package").get_by_role("button", name="带走").click()
            expect(page.locator("#package .problem")).to_contain_text(words)
        assert (
            page.evaluate("caches.keys().then((all) => all.filter((name) => name.includes('tiles')))") == []
        )
        page.unroute("**/api/field/package*")
        page.locator(".tab[data-view=grid]").click()
        take_along(page)


def test_an_expired_package_can_be_read_and_not_added_to(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        shell_is_kept(page)
        take_along(page)
        context.set_offline(True)
        page.locator("#link").click()
        verify(page, 0, "不明")
        page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=8))
        page.reload()
        expect(page.locator("#banner")).to_contain_text("离线包已过期")
        page.locator("#task-rows button").nth(1).click()
        expect(page.get_by_role("button", name="记下这一项")).to_be_disabled()
        page.go_back()
        expect(page.locator(".tab[data-view=outbox] .badge")).to_have_text("1")


def test_plain_http_says_what_it_cannot_and_works_online(field: Field, browser: Browser) -> None:
    before = len(field.edits())
    with a_tablet(browser) as context:
        context.add_init_script(PLAIN_HTTP)
        page = context.new_page()
        sign_in(page, field, "other")
        expect(page.locator("#banner")).to_contain_text("这里是 http")
        page.locator("#locate").click()
        expect(page.locator("#me-said")).to_contain_text("https 才行")
        page.locator(".tab[data-view=package]").click()
        expect(page.locator("#package")).to_contain_text("wangge cert")
        look(page)
        verify(page, 1, "有")
        expect(page.locator(".tab[data-view=outbox] .badge")).to_be_hidden()
        assert len(field.edits()) == before + 1


def test_the_page_speaks_english(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        page.goto(f"{field.address}/field?lang=en")
        expect(page.locator("#task-rows .row").first).to_be_visible()
        expect(page.locator("#view-title")).to_have_text("My grid")
        for view in ("grid", "verify", "outbox", "package"):
            page.goto(f"{field.address}/field?lang=en#{view}")
            expect(page.locator("#link")).to_contain_text("Connected")
            said = page.locator("#field").inner_text()
            named = page.evaluate(
                "[...document.querySelectorAll('.row-sub, .community .row-name, .sheet-head p')].map((n) => n.innerText)"
            )
            chinese = [word for word in said if "一" <= word <= "鿿" and word not in "".join(named)]
            assert chinese == []


def test_where_i_am_is_shown_and_never_sent(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        context.grant_permissions(["geolocation"])
        west, south, east, north = page.evaluate(
            "fetch('/api/field').then((r) => r.json()).then((f) => f.area.bbox)"
        )
        lat, lon = (south + north) / 2, (west + east) / 2
        context.set_geolocation({"latitude": lat, "longitude": lon, "accuracy": 12})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url + (request.post_data or "")))
        page.locator("#locate").click()
        expect(page.locator("#me-said")).to_have_text("误差约 12 m，不记轨迹")
        expect(page.locator(".row-far").first).to_contain_text(" m")
        page.get_by_role("button", name="按远近").click()
        expect(page.locator(".panel-sub").first).to_contain_text("由近到远")
        verify(page, 0, "不明")
        expect(page.locator(".tab[data-view=outbox] .badge")).to_be_hidden()
        assert not any(f"{lat:.4f}" in one or f"{lon:.4f}" in one for one in asked)
        page.locator("#locate").click()
        expect(page.locator("#me-box")).to_be_hidden()
