"""The page without a mouse, without eyes, without room, without graphics, without data, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, drawn

pytestmark = pytest.mark.browser


def serious(page: Page) -> list[dict[str, Any]]:
    """Return what axe finds serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        {"rule": one["id"], "nodes": [node["html"] for node in one["nodes"]]}
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_axe_finds_nothing_serious(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?select=E5145N24946")
    expect(page.locator("#card h2")).to_be_visible()
    drawn(page)
    assert serious(page) == []
    page.goto(f"{small}/?question=double_none&select=C07&theme=dark")
    expect(page.locator("#card h2")).to_be_visible()
    page.get_by_role("button", name="图层").click()
    assert serious(page) == []
    page.goto(f"{small}/?question=hotspots&lang=en&theme=sun")
    expect(page.locator(".row").first).to_be_visible()
    page.locator(".question.open .headline-figure").click()
    assert serious(page) == []


def test_keyboard_alone_walks_from_question_to_card_and_back(small: str, open_page: Open) -> None:
    page = open_page(small)
    expect(page.locator(".row").first).to_be_visible()
    page.locator("input[name=question]:checked").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#list-title")).to_have_text("双无小区")
    page.get_by_role("link", name="跳到列表").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list")).to_be_focused()
    rows = page.locator(".row")
    for _ in range(12):  # download and headings come first
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.row')"):
            break
    expect(rows.first).to_be_focused()
    page.keyboard.press("End")
    expect(rows.nth(11)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    heading = page.locator("#card h2")
    expect(heading).to_be_focused()
    expect(heading).to_have_text("和平里")
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()
    expect(rows.nth(1)).to_be_focused()


def test_a_figure_tells_its_definition_and_gives_the_focus_back(small: str, open_page: Open) -> None:
    page = open_page(small)
    headline = page.locator(".question.open .headline-figure")
    headline.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    expect(panel.locator("h2")).to_have_text("服务覆盖")
    expect(panel).to_contain_text("含限值")
    expect(panel).to_contain_text("7,360")
    expect(panel).to_contain_text("GB 50180-2018")
    expect(panel).to_contain_text("2019-12-31")
    expect(panel.get_by_role("button", name="关闭")).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(headline).to_be_focused()


def test_changes_are_said_aloud(small: str, open_page: Open) -> None:
    page = open_page(small)
    live = page.locator("#live")
    expect(live).to_contain_text("72.7%")
    page.locator(".question[data-question=double_none] label").first.click()
    expect(live).to_contain_text("哪些小区是双无？：3个双无")
    expect(live).to_contain_text("列表有 12 个")
    # What was said before is not taken back, and not said again: what follows is added to it.
    expect(live).to_have_attribute("aria-atomic", "false")
    expect(live.locator("> *")).to_contain_text(["72.7%", "3个双无"])


def test_only_the_rows_in_sight_exist_and_all_can_be_reached(small: str, open_page: Open) -> None:
    page = open_page(small)
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "217")
    assert page.locator(".row").count() < 60
    page.locator(".row").first.focus()
    page.keyboard.press("End")
    last = page.locator('.row[aria-rowindex="217"]')
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()


@pytest.mark.parametrize(
    ("touch", "sizes"),
    [(True, ((360, 740), (800, 1280), (1024, 768))), (False, ((720, 450), (1280, 720), (3840, 2160)))],
    ids=["touch", "mouse"],
)
def test_nothing_overflows_and_everything_is_there(
    small: str, open_page: Open, touch: bool, sizes: tuple[tuple[int, int], ...]
) -> None:
    page = open_page(f"{small}/?question=double_none&lang=en&select=C07", has_touch=touch)
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator("#card h2")).to_be_visible()
        across = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        assert across[0] <= across[1]
        for part in (".question.open .value", "#map", "#list-title", "#card h2", "#scope", "#search input"):
            page.locator(part).scroll_into_view_if_needed()
            expect(page.locator(part)).to_be_in_viewport()
        if touch:
            low = page.locator(".icon-button:visible, .map-tools button, .segment, .row").evaluate_all(
                "nodes => nodes.filter((node) => node.getBoundingClientRect().height < 47).map((node) => node.outerHTML)"
            )
            assert low == []


def test_without_webgl_the_canvas_engine_draws_the_same_map(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none&select=C07&map=16/22.5443/114.1315")
    drawn(page)
    expect(page.locator("#map canvas.leaflet-tile").first).to_be_attached()
    expect(page.locator("#map-message")).to_be_hidden()
    page.locator(".row", has_text="粮食局宿舍").click()
    drawn(page)
    page.get_by_role("button", name="关闭").click()
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#card h2")).to_have_text("粮食局宿舍")


def test_without_any_map_list_and_cards_go_on(small: str, open_page: Open) -> None:
    page = open_page("about:blank")
    page.watch.expected = "ERR_FAILED"  # type: ignore[attr-defined]
    page.route("**/protomaps-leaflet.js*", lambda route: route.abort())
    page.goto(f"{small}/?question=double_none")
    expect(page.locator("#map-message")).to_contain_text("地图画不出来")
    page.locator(".row").first.click()
    expect(page.locator("#card h2")).to_have_text("东站宿舍")


def test_an_answer_that_fails_says_so_and_can_be_asked_again(small: str, open_page: Open) -> None:
    page = open_page(small)
    expect(page.locator(".row").first).to_be_visible()
    page.watch.expected = "503"  # type: ignore[attr-defined]
    said = {
        "error": {
            "status": 503,
            "title": "存储正忙",
            "detail": "另一个程序正在写入。",
            "remedy": "请稍后再试。",
        }
    }
    page.route("**/api/view?*", lambda route: route.fulfill(status=503, json=said))
    page.locator(".question[data-question=hotspots] label").first.click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("存储正忙")
    expect(alert).to_contain_text("请稍后再试")
    expect(page.locator(".row").first).to_be_visible()
    page.unroute("**/api/view?*")
    alert.get_by_role("button", name="重试").click()
    expect(page.locator("#list-title")).to_have_text("热点")
    expect(alert).to_have_count(0)


def test_a_unit_that_is_not_there_says_so(small: str, open_page: Open) -> None:
    page = open_page("about:blank")
    page.watch.expected = "404"  # type: ignore[attr-defined]
    page.goto(f"{small}/?question=double_none&select=C99")
    expect(page.locator("#card")).to_contain_text("这张卡片没取到")
    page.get_by_role("button", name="关闭").click()
    expect(page.locator("#card")).to_be_hidden()


def test_a_new_district_says_what_to_import_next(new: str, open_page: Open) -> None:
    page = open_page(f"{new}/?question=double_none")
    panel = page.locator("#empty")
    expect(panel.locator("h2")).to_have_text("先导入小区")
    expect(panel.locator(".next")).to_contain_text("小区")
    expect(panel.locator(".done")).to_contain_text("街道")
    expect(panel.locator("code")).to_have_text("wangge import communities 小区名单.xlsx --dry-run")
    expect(page.locator("#legend")).to_be_hidden()
    expect(page.locator(".invented")).to_have_count(0)
    expect(page.locator(".as-of")).to_have_text("未定截至日期")
    assert serious(page) == []
    panel.get_by_role("button", name="先看地图").click()
    expect(panel).to_be_hidden()
    drawn(page)
