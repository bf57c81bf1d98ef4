"""The page by keyboard alone, its list of keys, and a page that does not jump while it loads."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, drawn
from tests.browser.test_hands_and_ears import serious

pytestmark = pytest.mark.browser

SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const box = node.closest("label, .segment, .question")?.getBoundingClientRect() ?? node.getBoundingClientRect();
  const seen = box.width > 0 && box.height > 0;
  return { seen, name: node.id || node.name || node.className || node.tagName, path: order(node) };
  function order(one) {
    return [...document.querySelectorAll("*")].indexOf(one);
  }
}"""

# Who may do everything, and signs out again.
MORE_IN_THE_HEAD = """(names) => {
  for (const name of names) {
    const link = document.querySelector(".nav a:not([aria-current])").cloneNode();
    link.textContent = name;
    document.querySelector(".nav").append(link);
  }
  const button = document.createElement("button");
  button.className = "text-button";
  button.textContent = names[0];
  document.querySelector(".me").append(button);
}"""


def listed(page: Page) -> None:
    expect(page.locator(".row").first).to_be_visible()


@pytest.mark.parametrize("gone_to", ["#search-text", ".sort[data-column=name]", ".row"])
def test_who_goes_on_while_the_list_is_sorted_is_not_fetched_back(
    small: str, open_page: Open, gone_to: str
) -> None:
    page = open_page(small)
    listed(page)
    page.evaluate(
        """(there) => {
          const heading = document.querySelector(".sort[data-column=value]");
          heading.focus();
          heading.click();
          document.querySelector(there).focus();
        }""",
        gone_to,
    )
    expect(page.locator("[aria-sort=ascending] .sort[data-column=value]")).to_have_count(1)
    assert page.evaluate("(there) => document.activeElement.matches(there)", gone_to)


def test_a_heading_that_is_pressed_keeps_the_focus(small: str, open_page: Open) -> None:
    page = open_page(small)
    listed(page)
    page.locator(".sort[data-column=value]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[aria-sort=ascending] .sort[data-column=value]")).to_be_focused()


def test_a_question_mark_lists_the_keys_and_escape_gives_the_focus_back(small: str, open_page: Open) -> None:
    page = open_page(small)
    listed(page)
    page.locator(".skip").first.focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="键盘操作")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("问一、问二、问三")
    assert serious(page) == []
    page.keyboard.press("l")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(".skip").first).to_be_focused()
    page.get_by_role("button", name="键盘操作").click()
    dialog.get_by_role("button", name="关闭").click()
    expect(page.get_by_role("button", name="键盘操作")).to_be_focused()


def test_single_keys_lead_everywhere(small: str, open_page: Open) -> None:
    page = open_page(small)
    listed(page)
    page.keyboard.press("2")
    expect(page.locator("#list-title")).to_have_text("双无小区")
    expect(page.locator("input[name=question][value=double_none]")).to_be_focused()
    page.keyboard.press("l")
    expect(page.locator("#list")).to_be_focused()
    page.keyboard.press("m")
    expect(page.locator("#map")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#search-text")).to_be_focused()
    page.keyboard.type("1c?")
    expect(page.locator("#search-text")).to_have_value("1c?")
    expect(page.locator("#list-title")).to_have_text("双无小区")
    page.locator("#list").focus()
    page.keyboard.press("c")
    expect(page.locator(".crossing-sum h2")).to_be_visible()
    expect(page.get_by_label("左图的问题")).to_have_value("double_none")
    page.keyboard.press("l")
    expect(page.locator("#crossing")).to_be_focused()
    page.keyboard.press("c")
    expect(page.locator("#list-title")).to_have_text("双无小区")


def test_single_keys_can_be_turned_off(small: str, open_page: Open) -> None:
    page = open_page(small)
    listed(page)
    page.keyboard.press("?")
    page.get_by_label("用单个字符的快捷键").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    listed(page)
    page.locator("#list").focus()
    for key in ("2", "m", "c", "/"):
        page.keyboard.press(key)
    expect(page.locator("#list")).to_be_focused()
    expect(page.locator("#list-title")).to_have_text("先看这里")
    page.keyboard.press("?")
    expect(page.get_by_label("用单个字符的快捷键")).not_to_be_checked()


@pytest.mark.parametrize(
    "path", ["/?question=double_none&select=C07", "/compare?question=gap&right=double_none&how=swipe"]
)
def test_tab_walks_the_whole_page_in_order_and_never_loses_the_focus(
    small: str, open_page: Open, path: str
) -> None:
    page = open_page(f"{small}{path}")
    expect(page.locator("#card h2, .crossing td button").first).to_be_visible()
    drawn(page)
    walked: list[dict[str, Any]] = []
    for _ in range(160):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None:
            break
        walked.append(found)
    else:
        pytest.fail("Tab does not come to the end of the page")
    assert [one["name"] for one in walked if not one["seen"]] == []
    order = [one["path"] for one in walked]
    assert order == sorted(order)
    assert [one["name"] for one in walked[:2]] == ["skip", "skip"]
    everything = page.locator("button:visible, a[href]:visible, select:visible, [role=slider]:visible")
    reachable = everything.evaluate_all(
        """nodes => nodes.filter((node) => node.tabIndex >= 0 && !node.disabled)
             .map((node) => [...document.querySelectorAll("*")].indexOf(node))"""
    )
    assert set(reachable) <= set(order)


def test_skip_links_skip(small: str, open_page: Open) -> None:
    page = open_page(small)
    listed(page)
    for name, target in (("跳到三个问题", "#questions"), ("跳到列表", "#list"), ("跳到地图", "#map")):
        link = page.get_by_role("link", name=name)
        link.focus()
        expect(link).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator(target)).to_be_focused()


@pytest.mark.parametrize(
    "path", ["/?question=double_none", "/?lang=en&theme=dark", "/compare?question=gap&right=double_none"]
)
@pytest.mark.parametrize(("width", "height", "touch"), [(1440, 900, False), (1024, 768, True)])
def test_the_page_does_not_jump_while_it_loads(
    small: str, open_page: Open, path: str, width: int, height: int, touch: bool
) -> None:
    # What is told where there is no WebGL takes a second line of the bar there, and is told when that is found out.
    page = open_page("about:blank", width=width, height=height, has_touch=touch, webgl=touch)
    page.add_init_script(SHIFTS)
    page.goto(f"{small}{path}")
    expect(page.locator(".row, .crossing td button").first).to_be_visible()
    drawn(page)
    assert page.evaluate("window.shifted") < 0.02


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720), (1024, 768), (720, 450)])
def test_the_head_has_room_for_everything(
    small: str, open_page: Open, width: int, height: int, lang: str
) -> None:
    page = open_page(f"{small}/?lang={lang}", width=width, height=height)
    listed(page)
    page.evaluate(MORE_IN_THE_HEAD, ["Linkages", "Data"] if lang == "en" else ["六联", "数据"])
    boxes = page.locator(".head > *:visible").evaluate_all(
        """nodes => nodes.map((node) => {
             const { left, top, right, bottom } = node.getBoundingClientRect();
             return [node.className, left, top, right, bottom];
           })"""
    )
    for i, (name, left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and right <= width + 0.5, name
        for other, left_2, top_2, right_2, bottom_2 in boxes[i + 1 :]:
            apart = (
                right <= left_2 + 0.5
                or right_2 <= left + 0.5
                or bottom <= top_2 + 0.5
                or bottom_2 <= top + 0.5
            )
            assert apart, (name, other)
    spilt = page.locator(".head .nav, .head .tools, .head .as-of, .head .me").evaluate_all(
        "nodes => nodes.filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.className)"
    )
    assert spilt == []


def test_the_first_answer_may_fail_and_the_page_is_there(small: str, open_page: Open) -> None:
    page = open_page("about:blank")
    page.watch.expected = "503"  # type: ignore[attr-defined]
    said = {"error": {"status": 503, "title": "存储正忙", "detail": "", "remedy": "请稍后再试。"}}
    page.route("**/api/view*", lambda route: route.fulfill(status=503, json=said))
    page.goto(small)
    expect(page.get_by_role("alert")).to_contain_text("存储正忙")
    expect(page.locator(".question-text").first).to_be_visible()
    page.unroute("**/api/view*")
    page.get_by_role("button", name="重试").click()
    listed(page)
    expect(page.locator(".question.open .headline .value")).to_have_text("72.7%")
