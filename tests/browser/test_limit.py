"""Dragging the limit of the walk: the map answers without a reload, and says which limit it answers for."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.browser.conftest import Open, drawn, saved

pytestmark = pytest.mark.browser

LISTEN = """
() => {
  window.said = [];
  const live = document.getElementById("live");
  new MutationObserver(() => said.push(live.textContent)).observe(live, { childList: true, characterData: true });
  window.moved = [];
  new PerformanceObserver((list) => moved.push(...list.getEntries().map(({ value }) => value)))
    .observe({ type: "layout-shift" });
  window.written = 0;
  const write = history.replaceState.bind(history);
  history.replaceState = (...state) => { written += 1; write(...state); };
}
"""
COLOURS = """
() => {
  const canvas = document.querySelector("#map canvas");
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const pen = copy.getContext("2d");
  pen.drawImage(canvas, 0, 0);
  const { data } = pen.getImageData(0, 0, copy.width, copy.height);
  const found = {};
  for (let i = 0; i < data.length; i += 4) {
    const colour = data[i] * 65536 + data[i + 1] * 256 + data[i + 2];
    found[colour] = (found[colour] ?? 0) + 1;
  }
  return found;
}
"""
WITHIN, BEYOND = 0xFBF4E3, (0xE3BD74, 0xC88C35, 0x96581B, 0x5A2F12)


def slider(page: Page) -> Locator:
    return page.get_by_role("slider")


def number(page: Page) -> Locator:
    return page.get_by_role("spinbutton")


def label(page: Page) -> Locator:
    return page.locator(".question.open .headline .label")


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def limits(requests: list[str]) -> list[str]:
    """Return which limits views were asked for."""
    asked = [parse_qs(urlsplit(url).query) for url in requests if "/api/view" in url]
    return [query.get("limit_m", ["standard"])[0] for query in asked]


def drag(page: Page, metres: list[int]) -> None:
    """Take the thumb with the mouse and lead it over these limits; it stays held."""
    box = slider(page).bounding_box()
    assert box
    least, most = (int(slider(page).get_attribute(name) or 0) for name in ("min", "max"))
    thumb = 20.0

    def at(limit_m: int) -> tuple[float, float]:
        share = (limit_m - least) / (most - least)
        return box["x"] + thumb / 2 + share * (box["width"] - thumb), box["y"] + box["height"] / 2

    page.mouse.move(*at(metres[0]))
    page.mouse.down()
    for limit_m in metres[1:]:
        page.mouse.move(*at(limit_m))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_dragging_recolours_the_map_and_fetches_no_tile(small: str, open_page: Open, theme: str) -> None:
    page = open_page(f"{small}/?theme={theme}", webgl=True)
    expect(page.locator(".row").first).to_be_visible()
    drawn(page)
    before = page.evaluate(COLOURS)
    top = slider(page).bounding_box()
    page.evaluate(LISTEN)
    requests: list[str] = []
    loads: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    drag(page, [*range(300, 501, 10)])
    expect(label(page)).to_contain_text("500 m")
    assert page.evaluate("said") == [], "nobody is interrupted while the finger is down"
    page.mouse.up()
    expect(page.locator("#live")).to_contain_text("500 m 以外（自选）")
    drawn(page)
    assert [url for url in requests if "/api/" not in url and "icons" not in url] == []
    asked = limits(requests)
    assert asked[-1] == "500" and len(asked) == len(set(asked)) and set(asked) <= {"350", "400", "450", "500"}
    assert [url for url in loads if urlsplit(url).query != urlsplit(page.url).query] == []
    assert address(page)["limit_m"] == ["500"]
    assert len(page.evaluate("said")) == 1 and page.evaluate("written") == 1
    assert slider(page).bounding_box() == top and sum(page.evaluate("moved")) < 0.01
    if theme == "light":
        after = page.evaluate(COLOURS)
        assert after.get(str(WITHIN), 0) > 1.2 * before.get(str(WITHIN), 0)
        assert sum(after.get(str(one), 0) for one in BEYOND) < sum(before.get(str(one), 0) for one in BEYOND)


def test_a_thumb_led_back_ends_the_drag_as_well(small: str, open_page: Open) -> None:
    page = open_page(small)
    expect(page.locator(".row").first).to_be_visible()
    page.evaluate(LISTEN)
    drag(page, [300, 350, 400, 350, 300])
    page.mouse.up()
    expect(page.locator("#live")).to_contain_text("300 m 以外")
    assert slider(page).input_value() == "300" and "limit_m" not in address(page)
    drag(page, [300, 400])
    page.mouse.up()
    expect(page.locator("#live")).to_contain_text("400 m 以外（自选）")
    assert address(page)["limit_m"] == ["400"]


def test_one_question_is_under_way_at_a_time_and_the_newest_wins(small: str, open_page: Open) -> None:
    page = open_page(small)
    expect(page.locator(".row").first).to_be_visible()
    held: list[tuple[Route, Request]] = []
    page.route("**/api/view?*", lambda route, request: held.append((route, request)))
    slider(page).focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(number(page)).to_have_value("500")
    page.wait_for_timeout(400)
    assert limits([request.url for _, request in held]) == ["350"]
    held[0][0].continue_()
    while len(held) < 2:
        page.wait_for_timeout(20)
    assert limits([request.url for _, request in held]) == ["350", "500"]
    held[1][0].continue_()
    expect(label(page)).to_contain_text("500 m")
    expect(page.locator("#progress")).to_be_hidden()
    assert len(held) == 2


@pytest.mark.parametrize("filtered", ["", "&subdistrict=S1"])
def test_of_another_limit_just_what_follows_from_it_is_asked(
    small: str, open_page: Open, filtered: str
) -> None:
    page = open_page("about:blank")
    urls: list[str] = []
    page.on("request", lambda one: urls.append(one.url))
    page.goto(f"{small}/?unit=communities{filtered}")
    expect(page.locator(".row").first).to_be_visible()
    before = page.locator(".row").all_inner_texts()
    slider(page).focus()
    page.keyboard.press("End")
    expect(label(page)).to_contain_text("1000 m")
    asked = [parse_qs(urlsplit(url).query) for url in urls if "/api/view" in url]
    assert [one.get("columns") for one in asked] == [None, ["id,class,value,value_text,suppressed"]]
    fresh = open_page(f"{small}/?unit=communities{filtered}&limit_m=1000")
    expect(label(fresh)).to_contain_text("1000 m")
    shown = page.locator(".row").evaluate_all("rows => rows.map((row) => row.outerHTML)")
    assert shown == fresh.locator(".row").evaluate_all("rows => rows.map((row) => row.outerHTML)")
    assert before != page.locator(".row").all_inner_texts(), "the limit changes what is listed"


def test_where_the_units_are_others_the_whole_view_is_asked_again(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?unit=communities")
    expect(page.locator(".row").first).to_be_visible()
    rows = page.locator("#list .grid").get_attribute("aria-rowcount")

    def one_more(route: Route) -> None:
        answer = route.fetch()
        view = answer.json()
        for values in view["rows"].values():
            values.append(values[0])
        view["rows"]["id"][-1] = "NEW"
        route.fulfill(response=answer, json=view)

    page.route("**/api/view?*columns*", one_more)
    slider(page).focus()
    page.keyboard.press("End")
    expect(label(page)).to_contain_text("1000 m")
    expect(page.locator("#list .grid")).to_have_attribute("aria-rowcount", rows or "")


def test_another_question_calls_off_the_one_under_way(small: str, open_page: Open) -> None:
    page = open_page(small)
    expect(page.locator(".row").first).to_be_visible()
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.route(re.compile("/api/view.*question=gap"), lambda route: None)
    slider(page).focus()
    page.keyboard.press("ArrowRight")
    page.locator(".question[data-question=double_none] .question-title label").click()
    expect(page.locator("#list-title")).to_have_text("双无小区")
    assert limits(failed) == ["350"]
    expect(page.locator(".question[data-question=gap] .headline .label")).to_contain_text("350 m")


def test_the_keyboard_moves_the_limit_and_finds_the_way_back(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?lang=en")
    expect(page.locator(".row").first).to_be_visible()
    page.evaluate(LISTEN)
    back = page.locator(".limit-back")
    expect(back).to_be_hidden()
    slider(page).focus()
    page.keyboard.press("End")
    expect(label(page)).to_have_text("of residents beyond 1000 m (chosen)")
    page.keyboard.press("Home")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    expect(slider(page)).to_have_attribute("aria-valuetext", "500 metres; the standard's is 300")
    expect(label(page)).to_have_text("of residents beyond 500 m (chosen)")
    expect(page.locator("#live")).to_contain_text("500 m (chosen)")
    expect(slider(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(number(page)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(back).to_be_focused()
    expect(back).to_have_text("Back to the standard's 300 m")
    page.keyboard.press("Enter")
    expect(label(page)).to_have_text("of residents beyond 300 m")
    expect(slider(page)).to_be_focused()
    expect(slider(page)).to_have_value("300")
    assert "limit_m" not in address(page)


def test_a_number_is_taken_to_the_metre_and_a_wrong_one_is_told(small: str, open_page: Open) -> None:
    page = open_page(small)
    expect(page.locator(".row").first).to_be_visible()
    number(page).fill("333")
    number(page).press("Enter")
    expect(label(page)).to_have_text("居民在 333 m 以外（自选）")
    assert address(page)["limit_m"] == ["333"]
    for wrong in ("5000", "", "333.5"):
        number(page).fill(wrong)
        number(page).press("Enter")
        assert number(page).evaluate("input => input.validationMessage") == "请给 100 到 1000 的整数"
    assert address(page)["limit_m"] == ["333"]
    number(page).fill("300")
    number(page).press("Enter")
    expect(label(page)).to_have_text("居民在 300 m 以外")


def test_a_limit_belongs_to_its_kind_and_stays_with_the_question(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?limit_m=500&unit=communities")
    expect(label(page)).to_have_text("居民在 500 m 以外（自选）")
    page.locator(".segment", has_text="街道").click()
    expect(page.locator(".list-subtitle")).to_contain_text("街道")
    expect(label(page)).to_have_text("居民在 500 m 以外（自选）")
    page.get_by_label("服务", exact=True).select_option("library")
    expect(label(page)).to_have_text("居民在 1000 m 以外")
    expect(slider(page)).to_have_attribute("max", "3000")
    assert "limit_m" not in address(page)


def test_everything_on_the_page_says_the_limit(small: str, open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"{small}/?limit_m=500&unit=communities&select=C01")
    expect(number(page)).to_have_value("500")
    expect(page.locator(".strip")).to_contain_text("500 m 以外（自选）")
    expect(page.locator("#legend")).to_contain_text("限值自选，标准 300 m")
    expect(page.locator("#legend .ramp li").first).to_contain_text("≤ 500")
    expect(page.locator(".columns .value")).to_contain_text("500 m 外居民（自选）")
    expect(page.locator(".method")).to_contain_text("限值 500 m 为自选；标准是 300 m")
    expect(page.locator("#card .reason")).to_contain_text("（限值自选，标准 300 m。）")
    page.locator(".headline-figure").first.click()
    expect(page.locator("#definition")).to_contain_text("限值 500 m 为自选；标准是 300 m")
    page.keyboard.press("Escape")
    page.locator("#card .distance-value").first.click()
    expect(page.locator("#definition")).to_contain_text("自选限值 500 m")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="下载").click()
    file = saved(page, page.get_by_role("link", name="CSV 表格").click, tmp_path)
    assert "_500m_" in file.name and "500 m 外居民（自选）" in file.read_text("utf-8-sig").splitlines()[0]


def test_fingers_find_the_limit(small: str, open_page: Open) -> None:
    page = open_page(small, width=1024, height=768, has_touch=True, is_mobile=True)
    for control in (slider(page), number(page)):
        box = control.bounding_box()
        assert box and box["height"] >= 48
    expect(page.locator(".limit-tick")).to_have_text("标准 300")
