"""A planner's walk through the page."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, drawn

pytestmark = pytest.mark.browser


def asked(page: Page) -> dict[str, str]:
    """Return what the address bar says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def question(page: Page, name: str) -> None:
    page.locator(f".question[data-question={name}] .question-title label").click()


def test_first_look_answers_the_first_question(small: str, open_page: Open) -> None:
    page = open_page(small, webgl=True)
    expect(page).to_have_title("样板区 · 网格")
    opened = page.locator(".question.open")
    expect(opened).to_have_attribute("data-question", "gap")
    expect(opened.locator(".headline .value")).to_have_text("72.7%")
    expect(opened.locator(".basis")).to_contain_text("7,360 人")
    expect(opened.locator(".way")).to_have_count(3)
    expect(page.locator(".row").first.locator(".rank")).to_have_text("1")
    expect(page.locator("#legend .ramp li")).to_have_count(5)
    expect(page.locator("#legend .keys")).to_contain_text("人口不明")
    expect(page.locator(".invented")).to_contain_text("演示数据，纯属虚构")
    expect(page.locator(".invented")).to_contain_text("Invented demonstration data")
    expect(page.locator(".as-of")).to_contain_text("2019-12-31")
    drawn(page)
    assert asked(page) == {}


def test_each_question_brings_its_number_list_and_legend(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=hotspots")
    for name, headline, heading, legend in (
        ("gap", "72.7%", "先看这里", "步行距离"),
        ("double_none", "3", "双无小区", "管理主体"),
        ("hotspots", "8", "热点", "诉求"),
    ):
        question(page, name)
        expect(page.locator("#list-title")).to_have_text(heading)
        expect(page.locator(".question.open .headline .value")).to_have_text(headline)
        expect(page.locator(".legend-title")).to_contain_text(legend)
        asks = page.locator(".question.open .question-text").inner_text()
        expect(page.get_by_role("radio", name=asks)).to_be_checked()
        assert asked(page).get("question", "gap") == name


def test_worst_first_and_what_is_not_on_the_list_is_quiet(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none")
    rows = page.locator(".row")
    expect(rows).to_have_count(12)
    expect(rows.locator(".name-text")).to_contain_text(["东站宿舍", "和平里", "粮食局宿舍"])
    expect(page.locator(".row.rest")).to_have_count(9)
    expect(page.locator(".list-subtitle")).to_contain_text("3 个")


def test_a_row_flies_to_its_unit_and_opens_its_card(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none")
    page.locator(".row", has_text="和平里").click()
    card = page.get_by_role("region", name="和平里")
    expect(card.locator("h2")).to_have_text("和平里")
    expect(card.locator(".tag")).to_have_text("双无")
    expect(card.locator(".reason")).to_contain_text("两项都是“无”，因此是双无。")
    expect(card.locator(".four-seats li.no")).to_have_count(4)
    expect(card.locator(".distance").first).to_contain_text("日间照料")
    expect(page.locator('.row[aria-selected="true"]')).to_contain_text("和平里")
    expect(page.locator(".map-tag")).to_have_text("和平里")
    drawn(page)
    assert asked(page)["select"] == "C07"
    assert asked(page)["map"].startswith("16.00/")


def test_a_shape_on_the_map_selects_its_row_and_opens_its_card(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none", webgl=True)
    page.locator(".row", has_text="和平里").click()
    drawn(page)
    page.get_by_role("button", name="关闭").click()
    expect(page.locator("#card")).to_be_hidden()
    expect(page.locator('.row[aria-selected="true"]')).to_have_count(0)
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#card h2")).to_have_text("和平里")
    expect(page.locator('.row[aria-selected="true"]')).to_contain_text("和平里")


def test_a_cell_on_the_map_opens_its_card(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?map=17/22.5443/114.1315", webgl=True)
    expect(page.locator(".row").first).to_be_visible()
    page.locator(".row").nth(3).click()
    chosen = page.locator('.row[aria-selected="true"]').get_attribute("data-id")
    drawn(page)
    page.get_by_role("button", name="关闭").click()
    box = page.locator("#map").bounding_box()
    assert box and chosen
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator('.row[aria-selected="true"]')).to_have_attribute("data-id", chosen)
    expect(page.locator("#card .card-figures")).to_be_visible()


def test_the_unit_changes_list_and_map(small: str, open_page: Open) -> None:
    page = open_page(small, webgl=True)
    for unit, rows in (("小区", 12), ("社区", 4), ("街道", 2), ("网格", None), ("H3-10 格", None)):
        page.locator(".segment", has_text=unit).first.click()
        expect(page.get_by_role("radio", name=unit, exact=True)).to_be_checked()
        expect(page.locator(".list-subtitle")).to_contain_text(unit)
        if rows is not None:
            expect(page.locator(".row")).to_have_count(rows)
        drawn(page)
        assert "unit" in asked(page)


def test_changing_one_s_mind_while_tiles_are_under_way_harms_nothing(small: str, open_page: Open) -> None:
    page = open_page(small, webgl=True)
    for name in ("hotspots", "double_none", "gap", "hotspots", "double_none"):
        question(page, name)
    expect(page.locator("#list-title")).to_have_text("双无小区")
    expect(page.locator(".row")).to_have_count(12)
    drawn(page)


def test_the_size_of_cells_changes(small: str, open_page: Open) -> None:
    page = open_page(small)
    page.get_by_label("格的大小").select_option("200")
    expect(page.locator(".list-subtitle")).to_contain_text("200 m 格")
    assert asked(page)["unit"] == "square:200"


def test_another_kind_of_facility_has_another_limit(small: str, open_page: Open) -> None:
    page = open_page(small)
    page.get_by_label("服务", exact=True).select_option("library")
    expect(page.locator(".limit-tick")).to_have_text("标准 1,000")
    expect(page.get_by_role("slider", name="步行限值")).to_have_value("1000")
    expect(page.locator(".question.open .headline .label")).to_contain_text("1000 m")
    assert asked(page)["kind"] == "library"


def test_the_period_of_complaints_narrows_and_widens(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=hotspots")
    basis = page.locator(".question.open .basis")
    expect(basis).to_contain_text("2019-01-01")
    page.get_by_role("button", name="全部", exact=True).click()
    expect(basis).to_contain_text("2018-01-09")
    page.get_by_label("从").fill("2018-07-01")
    expect(basis).to_contain_text("2018-07-01")
    assert asked(page)["from"] == "2018-07-01"
    page.get_by_role("button", name="近 12 个月").click()
    expect(basis).to_contain_text("2019-01-01")
    assert "from" not in asked(page)


def test_filters_narrow_and_are_dropped_one_by_one(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none")
    page.get_by_label("小区类型").select_option("urban_village")
    expect(page.locator(".row")).to_have_count(1)
    expect(page.locator(".strip-where")).to_contain_text("城中村")
    page.locator("#subdistrict").select_option(label="西街道")
    expect(page.locator(".no-match")).to_contain_text("加上“城中村”以后，一个也不剩")
    page.get_by_role("button", name="去掉“城中村”").click()
    expect(page.locator(".row")).to_have_count(6)
    page.get_by_role("button", name="清空").click()
    expect(page.locator(".row")).to_have_count(12)
    expect(page.get_by_role("button", name="清空")).to_be_hidden()


def test_search_finds_a_community_and_goes_there(small: str, open_page: Open) -> None:
    page = open_page(small)
    expect(page.locator(".row").first).to_be_visible()
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="按名称查找")
    expect(field).to_be_focused()
    field.fill("宿舍")
    expect(page.locator("#search-results [role=option]")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    name = page.locator('[role=option][aria-selected="true"] .found-name').inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#card h2")).to_have_text(name)
    expect(page.get_by_role("radio", name="小区", exact=True)).to_be_checked()
    field.fill("没有这个地方")
    expect(page.locator(".found-none")).to_contain_text("没有叫")


def test_a_shared_address_brings_back_the_same_view(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?theme=sun")
    question(page, "hotspots")
    page.get_by_role("button", name="全部", exact=True).click()
    page.locator(".segment", has_text="小区").first.click()
    expect(page.locator(".row")).to_have_count(12)
    page.locator(".row").nth(2).click()
    expect(page.locator("#card h2")).to_be_visible()
    drawn(page)
    address = page.url
    chosen = page.locator('.row[aria-selected="true"]').get_attribute("data-id")
    headline = page.locator(".question.open .headline .value").inner_text()

    again = open_page(address)
    expect(again.locator('.row[aria-selected="true"]')).to_have_attribute("data-id", chosen or "")
    expect(again.locator("#card h2")).to_be_visible()
    expect(again.locator(".question.open")).to_have_attribute("data-question", "hotspots")
    expect(again.locator(".question.open .headline .value")).to_have_text(headline)
    expect(again.get_by_role("radio", name="小区", exact=True)).to_be_checked()
    expect(again.locator("html")).to_have_attribute("data-theme", "sun")
    drawn(again)
    assert again.url == address


def test_language_switches_and_keeps_the_view(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none&select=C07")
    expect(page.locator("#card h2")).to_have_text("和平里")
    page.get_by_role("link", name="EN").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page).to_have_title("Sample District · Wangge")
    expect(page.locator("#card h2")).to_have_text("Peace Lane")
    expect(page.locator(".question.open .question-text")).to_have_text("Which communities are double-none?")
    expect(page.locator(".invented")).to_contain_text("Invented demonstration data")
    assert asked(page) == {"question": "double_none", "select": "C07", "lang": "en"}


def test_copy_link_copies_the_address(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=hotspots", permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator(".row").first).to_be_visible()
    page.locator("#tools").get_by_role("button", name="复制链接").click()
    expect(page.locator("#toast")).to_have_text("链接已复制")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_themes_change_without_a_reload(small: str, open_page: Open) -> None:
    page = open_page(small, color_scheme="dark", webgl=True)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="外观").click()
    page.get_by_role("radio", name="强光").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "sun")
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    drawn(page)
    assert asked(page) == {"theme": "sun"}


def test_layers_are_switched_on_and_off(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none&map=16/22.5443/114.1315", webgl=True)
    drawn(page)
    page.get_by_role("button", name="图层").click()
    facilities = page.get_by_role("checkbox", name="设施")
    expect(facilities).not_to_be_checked()
    before = page.locator("#map").screenshot()
    facilities.check()
    page.keyboard.press("Escape")
    drawn(page)
    assert page.locator("#map").screenshot() != before
