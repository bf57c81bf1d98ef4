"""Two questions side by side and by swipe: linked maps, the cross-table, the address, and the page without a mouse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from layers.standards import Standards
from layers.store import create_store
from layers.visitors import RESIDENT
from tests.browser.conftest import Open, serving
from tests.browser.test_hands_and_ears import serious
from tests.district import small_district
from tests.visitors import app_for

pytestmark = pytest.mark.browser

PAIR = "/compare?question=gap&right=double_none"
# The words of questions that lie under the mark of their side.
_COVERED = """
nodes => nodes.flatMap((node) => {
  const mark = node.querySelector(".side-mark").getBoundingClientRect();
  const range = document.createRange();
  return [...node.querySelectorAll(".question-text, .ordinal, .headline *")].flatMap((part) => {
    range.selectNodeContents(part);
    const over = [...range.getClientRects()].some((box) => box.right > mark.left && box.left < mark.right
      && box.bottom > mark.top + 1 && box.top < mark.bottom - 1);
    return over ? [part.textContent] : [];
  });
})
"""


@pytest.fixture(scope="module")
def public(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the small district as anybody sees it."""
    district, frames = small_district()
    url = f"gpkg:{tmp_path_factory.mktemp('compare') / 'small.gpkg'}"
    with (
        create_store(url, district, layers=frames) as store,
        serving(app_for(store, standards, RESIDENT)) as address,
    ):
        yield address


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def ready(page: Page) -> None:
    expect(page.locator(".crossing td button").first).to_be_visible()
    for node in ("#map", "#map-right"):
        expect(page.locator(f"{node}[data-ready]")).to_have_attribute("aria-busy", "false")


def same_crosshair(page: Page) -> bool:
    """Return whether both maps show the crosshair at one place, to the pixel."""
    first, second = page.locator(".crosshair").evaluate_all(
        """nodes => nodes.map((node) => node.hidden ? [] : ["--x", "--y"]
             .map((name) => parseInt(node.style.getPropertyValue(name))))"""
    )
    return bool(first) and all(abs(one - other) <= 1 for one, other in zip(first, second, strict=True))


def over(page: Page, node: Locator, x: float, y: float) -> None:
    box = node.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def test_the_table_says_what_the_api_says(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}")
    ready(page)
    expect(page).to_have_title("样板区 · 对比 · 网格")
    expect(page.locator(".nav [aria-current=page]")).to_have_text("对比")
    told = page.request.get(f"{small}/api/compare?left=gap&right=double_none&unit=communities").json()
    expect(page.locator(".crossing thead th")).to_have_text([one["title"] for one in told["left"]["groups"]])
    expect(page.locator(".crossing tbody th")).to_have_text([one["title"] for one in told["right"]["groups"]])
    for i, row in enumerate(told["cells"]):
        shown = page.locator(".crossing tbody tr").nth(i).locator("td button")
        expect(shown).to_have_count(len(row))
        for j, cell in enumerate(row):
            expect(shown.nth(j)).to_contain_text(f"{cell['units_text']} 个")
            if not told["left"]["groups"][j]["apart"]:
                expect(shown.nth(j).locator("strong")).to_have_text(cell["residents_text"])
    summary = page.locator(".crossing-sum")
    expect(summary.locator("h2")).to_have_text("够不到，又是双无")
    expect(summary).to_contain_text(f"{told['worst']['residents_text']}人")
    expect(summary).to_contain_text(
        f"占已知居民 {told['total']['residents_text']}人的 {told['worst']['share_text']}"
    )
    expect(summary).to_contain_text("2019-12-31")
    expect(summary).to_contain_text("居民不明的 1 个小区不计入居民数")
    expect(page.locator(".compare-legend h2")).to_have_text(
        ["到最近老年人日间照料的步行距离（m）", "管理主体"]
    )


def test_what_is_open_is_drawn_in_the_head_as_on_the_map(small: str, open_page: Open) -> None:
    page = open_page("about:blank")
    told = page.request.get(f"{small}/api/compare?left=gap&right=double_none&unit=communities").json()
    rows = [one["id"] for one in told["right"]["groups"]]
    told["right"]["groups"][-1] |= {"id": "open", "token": "hatch"}
    page.route("**/api/compare?*", lambda route: route.fulfill(json=told))
    page.goto(f"{small}{PAIR}")
    ready(page)
    for at in range(len(rows)):
        swatch = page.locator(".crossing tbody th").nth(at).locator(".swatch-open")
        expect(swatch).to_have_count(1 if at == len(rows) - 1 else 0)


def test_both_maps_move_together_and_share_a_crosshair(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}")
    ready(page)
    left, right = page.locator("#map"), page.locator("#map-right")
    for node in (left, right):
        over(page, node, 0.4, 0.3)
        assert same_crosshair(page)
    before = asked(page).get("map", "")
    right.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile(r"map="))
    assert asked(page)["map"] != before
    over(page, left, 0.6, 0.6)
    assert same_crosshair(page)
    ready(page)


MARKED = """node => {
  const probe = document.createElement("span");
  probe.style.setProperty("color", "var(--facility)");
  document.body.append(probe);
  const ink = getComputedStyle(probe).color.match(/[0-9]+/g).map(Number);
  probe.remove();
  let found = 0;
  for (const canvas of node.querySelectorAll("canvas")) {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width || 1, canvas.height || 1);
    for (let i = 0; i < data.length; i += 4) found += ink.every((part, of) => data[i + of] === part) && data[i + 3] === 255;
  }
  return found;
}"""
"""How many pixels of a map are as the marks of facilities and rooms are."""


def test_both_maps_have_the_same_marks_without_webgl(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/compare?question=double_none&right=hotspots")
    ready(page)
    left, right = page.locator("#map"), page.locator("#map-right")
    assert left.evaluate(MARKED) == right.evaluate(MARKED) == 0
    page.get_by_role("button", name="图层").click()
    page.get_by_label("物业调解室").check()
    page.keyboard.press("Escape")
    for node in (left, right):
        page.wait_for_function(f"(node) => ({MARKED})(node) > 20", arg=node.element_handle())


def test_a_cell_is_shown_on_both_maps_and_is_in_the_address(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}")
    ready(page)
    cell = page.locator('td button[data-cell="gap-4~double_none"]')
    units = cell.locator("span").last.inner_text()
    cell.click()
    expect(cell).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#live")).to_contain_text(f"{units}小区，两图只显示它们")
    expect(page.locator(".crossing-sum h2")).to_have_text("更远，双无")
    assert asked(page)["cell"] == "gap-4~double_none"
    page.reload()
    ready(page)
    expect(cell).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="两图恢复全部").click()
    expect(cell).to_have_attribute("aria-pressed", "false")
    assert "cell" not in asked(page)
    page.get_by_role("button", name="在两图上标出").click()
    expect(page.locator("td.worst button[aria-pressed=true]")).to_have_count(4)
    assert asked(page)["cell"] == "worst"


def test_a_cell_becomes_a_condition_of_the_planners_page(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}&cell=gap-4~double_none")
    ready(page)
    units = int(re.findall(r"\d+", page.locator(".crossing-number").inner_text())[-1])
    page.get_by_role("link", name="存为条件").click()
    expect(page.locator("#list-title")).to_be_visible()
    assert asked(page)["where"] == "class:gap:day_care:300:gap-4~double_none"
    told = page.request.get(f"{small}/api/view?unit=communities&where={asked(page)['where']}").json()
    assert told["conditions"]["matches"] == units


def test_conditions_come_along_and_filter_both_sides(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=gap&unit=communities&where=double_none")
    expect(page.locator("#list-title")).to_have_text("符合条件")
    page.get_by_role("link", name="对比").click()
    ready(page)
    assert asked(page)["where"] == "double_none"
    expect(page.locator(".condition-words")).to_have_text("双无")
    told = page.request.get(f"{small}/api/compare?left=gap&right=hotspots&unit=communities&where=double_none")
    total = told.json()["total"]
    sum_ = page.locator(".crossing-sum")
    expect(sum_).to_contain_text(f"占符合条件的已知居民 {total['residents_text']}人的")
    expect(page.locator(".crossing-met")).to_have_text(
        "符合条件：12 个小区里有 3 个；另有 3 个不能判断，不在表中"
    )
    assert "false" not in sum_.inner_text()
    counts = page.locator(".crossing td button").all_inner_texts()
    assert sum(int(one.split()[-2]) for one in counts) == total["units"] == 3
    # The legends count what the table counts, and rings lie over nothing that is meant.
    expect(page.locator("[data-side=left] .compare-legend")).not_to_contain_text("日间照料 2")
    # On both sides they say how the others are drawn, until a cell takes those off the maps.
    for side in ("left", "right"):
        legend = page.locator(f"[data-side={side}] .compare-legend")
        expect(legend.locator("li:has(.open-sign)")).to_have_text("不能判断是否符合 3")
        expect(legend.locator("li:has(.receding)")).to_have_text("不符合，变浅 6")
    page.locator(".crossing td button").first.click()
    expect(page.locator(".compare-legend :is(.open-sign, .receding)")).to_have_count(0)
    page.locator(".crossing td button").first.click()
    expect(page.locator(".compare-legend :is(.open-sign, .receding)")).to_have_count(4)
    page.reload()
    ready(page)
    assert asked(page)["where"] == "double_none"
    again = page.get_by_role("link", name="存为条件").get_attribute("href")
    assert again and "where=double_none~gap:day_care:300~hot:90" in again
    page.locator(".remove-condition").click()
    expect(page.locator(".crossing-met")).to_have_count(0)
    assert "where" not in asked(page)
    expect(page.locator("[data-side=left] .compare-legend")).to_contain_text("日间照料 2")


def test_the_table_is_walked_by_arrow_keys(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}")
    ready(page)
    buttons = page.locator(".crossing td button")
    assert page.locator(".crossing td button[tabindex='0']").count() == 1
    buttons.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = page.locator(".crossing td button:focus")
    expect(focused).to_have_attribute("data-cell", "gap-1~no_manager")
    page.keyboard.press("Enter")
    expect(focused).to_have_attribute("aria-pressed", "true")
    expect(focused).to_have_attribute("data-cell", "gap-1~no_manager")


def test_the_swipe_is_moved_by_hand_and_by_keys(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}")
    ready(page)
    page.locator(".segment", has_text="卷帘").click()
    handle = page.get_by_role("slider", name="卷帘")
    expect(handle).to_have_attribute("aria-valuenow", "50")
    handle.focus()
    page.keyboard.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "52")
    page.keyboard.press("PageDown")
    expect(handle).to_have_attribute("aria-valuetext", "卷帘的位置：左图占 42%")
    box = page.locator("#compare-maps").bounding_box()
    grip = page.locator(".compare-grip").bounding_box()
    assert box and grip
    assert abs(grip["x"] + grip["width"] / 2 - box["x"] - 0.42 * box["width"]) < 2
    page.mouse.move(grip["x"] + 24, grip["y"] + 24)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], grip["y"] + 24, steps=4)
    page.mouse.up()
    expect(handle).to_have_attribute("aria-valuenow", "75")
    assert asked(page)["how"] == "swipe"
    assert asked(page)["at"] == "75"
    maps = [page.locator(name).bounding_box() for name in ("#map", "#map-right")]
    assert maps[0] == maps[1]
    page.reload()
    ready(page)
    expect(handle).to_have_attribute("aria-valuenow", "75")
    page.keyboard.press("x")
    expect(page.get_by_label("左图的问题")).to_have_value("double_none")


def test_a_finger_moves_the_swipe(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}&how=swipe", width=1024, height=768, has_touch=True)
    ready(page)
    handle = page.get_by_role("slider", name="卷帘")
    box, grip = page.locator("#compare-maps").bounding_box(), page.locator(".compare-grip").bounding_box()
    assert box and grip
    place = asked(page).get("map")
    finger = page.context.new_cdp_session(page)
    y = grip["y"] + grip["height"] / 2
    at = {"touchStart": 0.5, "touchMove": 0.3, "touchEnd": None}
    for kind, share in at.items():
        points = [] if share is None else [{"x": box["x"] + share * box["width"], "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(handle).to_have_attribute("aria-valuenow", "30")
    assert asked(page)["at"] == "30"
    # The map under the finger stays where it is.
    assert asked(page).get("map") == place
    assert grip["width"] >= 48 and grip["height"] >= 48


def test_two_sides_never_ask_the_same(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/compare")
    ready(page)
    left, right = page.get_by_label("左图的问题"), page.get_by_label("右图的问题")
    expect(left).to_have_value("gap")
    expect(right).to_have_value("hotspots")
    page.locator(".question[data-question=hotspots] label").first.click()
    expect(left).to_have_value("hotspots")
    expect(right).to_have_value("gap")
    expect(page.locator(".crossing tbody tr")).to_have_count(7)
    page.get_by_role("button", name="左右对调").click()
    expect(left).to_have_value("gap")
    right.select_option("gap")
    expect(left).to_have_value("hotspots")
    expect(page.locator(".question[data-question=gap] .side-mark")).to_have_text("右")
    page.get_by_role("link", name="三问").click()
    expect(page.locator("#list-title")).to_have_text("热点")


def test_anybody_compares_what_is_public(public: str, open_page: Open) -> None:
    page = open_page(f"{public}/compare")
    ready(page)
    expect(page.locator(".crossing-sum")).to_contain_text("居民数不公开，只数个小区")
    expect(page.locator(".crossing td strong")).to_have_count(0)
    expect(page.locator(".nav a")).to_have_text(["三问", "对比"])
    page.get_by_label("右图的问题").select_option("hotspots")
    expect(page.get_by_label("左图的问题")).to_have_value("double_none")
    expect(page.locator(".crossing-sum h2")).to_have_text("双无，又是诉求最多")


def test_an_answer_that_fails_says_so_and_can_be_asked_again(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}")
    ready(page)
    page.watch.expected = "503"  # type: ignore[attr-defined]
    said = {
        "error": {
            "status": 503,
            "title": "存储正忙",
            "detail": "另一个程序正在写入。",
            "remedy": "请稍后再试。",
        }
    }
    page.route("**/api/compare?*", lambda route: route.fulfill(status=503, json=said))
    page.get_by_role("button", name="左右对调").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("存储正忙")
    page.unroute("**/api/compare?*")
    alert.get_by_role("button", name="重试").click()
    expect(page.locator(".crossing-sum h2")).to_have_text("双无，又是够不到")


def test_a_new_district_says_what_is_missing(new: str, open_page: Open) -> None:
    page = open_page(f"{new}{PAIR}")
    expect(page.locator("#crossing")).to_contain_text("还不能比较")
    expect(page.locator("#crossing")).to_contain_text("小区")


def test_axe_finds_nothing_serious(small: str, open_page: Open) -> None:
    page = open_page(f"{small}{PAIR}&cell=worst")
    ready(page)
    assert serious(page) == []
    page.goto(f"{small}{PAIR}&how=swipe&theme=dark&lang=en")
    ready(page)
    assert serious(page) == []


@pytest.mark.parametrize(
    ("width", "height", "touch"), [(1440, 900, False), (1024, 768, True), (720, 450, False), (360, 740, True)]
)
@pytest.mark.parametrize("how", ["side", "swipe"])
def test_nothing_is_cut(small: str, open_page: Open, width: int, height: int, touch: bool, how: str) -> None:
    page = open_page(f"{small}{PAIR}&lang=en&how={how}", width=width, height=height, has_touch=touch)
    expect(page.locator(".crossing td button").first).to_be_visible()
    across = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
    assert across[0] <= across[1]
    for part in ("#compare-bar", "#map", "#map-right", ".crossing-sum h2", ".crossing table", ".nav"):
        page.locator(part).scroll_into_view_if_needed()
        expect(page.locator(part)).to_be_in_viewport()
    # What is chosen takes the room that it needs: no more, and nothing lies over the panel's words.
    if width < 1200:
        blank = page.locator(".crossing-sum").evaluate(
            """node => {
                 const height = node.offsetHeight;
                 node.style.flexBasis = "auto";
                 return height - node.offsetHeight;
               }"""
        )
        assert blank == 0
    assert page.locator(".question:has(.side-mark)").evaluate_all(_COVERED) == []
    for part in ("#compare-bar", ".compare-legend", ".head", ".crossing-sum"):
        spilt = page.locator(part).evaluate_all(
            "nodes => nodes.filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.className)"
        )
        assert spilt == []
