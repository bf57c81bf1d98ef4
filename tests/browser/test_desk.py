"""The planner's desk as a whole: what is seen at once, what a new district says, and what helps on."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from layers.imports.jobs import Workshop
from layers.standards import Standards
from layers.store import create_store
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Visitor
from tests.browser.conftest import Open, drawn, serving
from tests.browser.map_looks import stands_clear
from tests.browser.test_hands_and_ears import serious
from tests.browser.test_sign_in import sign_in
from tests.district import small_district
from tests.visitors import app_for
from tests.webmap.access import people
from tests.webmap.uploading import DATA_FOLDER
from webmap import upload

pytestmark = pytest.mark.browser

SIZES = ((1024, 768), (1280, 800), (1440, 900), (1920, 1080))


@pytest.mark.parametrize("question", ["gap", "double_none", "hotspots"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_three_questions_stand_above_the_filters(
    small: str, open_page: Open, lang: str, question: str
) -> None:
    page = open_page(f"{small}/?question={question}&lang={lang}", width=1440, height=900)
    drawn(page)
    panel = page.locator(".filters").bounding_box()
    last = page.locator(".question[data-question=hotspots]").bounding_box()
    assert panel and last
    assert last["y"] + last["height"] <= panel["y"] + 1
    scrolled = page.locator("#questions").evaluate("node => node.scrollHeight - node.clientHeight")
    assert scrolled <= 0
    # No number without what it is of, all of it; titles in a size of the scale that has serifs.
    bases = page.locator(".question .basis")
    expect(bases).to_have_count(3)
    for basis in bases.all():
        expect(basis).to_be_visible()
        assert basis.evaluate("node => node.scrollWidth <= node.clientWidth"), basis.inner_text()
    sizes = page.locator(".question-title").evaluate_all(
        """nodes => nodes.map((node) => getComputedStyle(node))
             .map(({ fontSize, lineHeight }) => `${fontSize}/${lineHeight}`)"""
    )
    assert set(sizes) <= {"19px/28px", "20px/28px"}
    # How it is counted is one click away, and stays open from one question to the next.
    page.locator(".method summary").click()
    expect(page.locator(".method p").last).to_be_visible()
    other = "gap" if question != "gap" else "hotspots"
    page.locator(f".question[data-question={other}] label").first.click()
    expect(page.locator(".method p").last).to_be_visible()


COVERED = """nodes => nodes.filter((node) => {
  const { left, top, bottom, width, height } = node.getBoundingClientRect();
  if (!width || !height || top < 0 || bottom > innerHeight) return true;
  return [top + 1, bottom - 1].some((y) => !node.contains(document.elementFromPoint(left + 2, y))
    && !document.elementFromPoint(left + 2, y)?.closest(".question")?.contains(node));
}).map((node) => node.textContent)"""
"""What of some nodes is cut, outside of the screen or under something else."""


@pytest.mark.parametrize("question", ["gap", "double_none", "hotspots"])
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("touch", [True, False], ids=["touch", "mouse"])
def test_all_three_questions_are_seen_on_a_low_screen(
    small: str, open_page: Open, lang: str, question: str, touch: bool
) -> None:
    page = open_page(f"{small}/?question={question}&lang={lang}", width=1024, height=768, has_touch=touch)
    drawn(page)
    for width, height in ((1024, 768), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        for part in (
            ".question-text",
            ".question .value",
            ".question:not(.open) .basis",
            ".scope-picks select",
        ):
            expect(page.locator(part).first).to_be_visible()
            assert page.locator(part).evaluate_all(COVERED) == [], (part, width)
        # What the open one has more is reached by scrolling in it.
        last = page.locator(".question.open .method summary")
        last.scroll_into_view_if_needed()
        expect(last).to_be_in_viewport(ratio=0.9)
        assert last.evaluate_all(COVERED) == []
        assert page.locator(".question:not(.open) .question-text").evaluate_all(COVERED) == []
        page.locator(".question.open").evaluate("node => node.scrollTo(0, 0)")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("touch", [True, False], ids=["touch", "mouse"])
def test_the_whole_district_stands_clear_of_legend_and_tools(
    luohu: str, open_page: Open, touch: bool, lang: str
) -> None:
    page = open_page("about:blank", has_touch=touch)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{luohu}/?question=gap&lang={lang}")
        expect(page.locator(".leaflet-overlay-pane path").first).to_be_attached()
        expect(page.locator(".map-name")).to_have_count(10)
        stands_clear(page, "#legend", "#map-tools")
        # It stays where it is, and each question has a legend of its own.
        title = page.locator("#legend .legend-title")
        for question in ("double_none", "hotspots"):
            before = title.inner_text()
            page.locator(f".question[data-question={question}] label").first.click()
            expect(title).not_to_have_text(before)
            stands_clear(page, "#legend", "#map-tools")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "more", ["", "unit=communities", "question=double_none", "question=hotspots", "where=double_none"]
)
def test_every_figure_of_the_strip_is_seen_whole(luohu: str, open_page: Open, more: str, lang: str) -> None:
    page = open_page(f"{luohu}/?lang={lang}&{more}", width=SIZES[0][0], height=SIZES[0][1])
    expect(page.locator(".strip-figure").first).to_be_visible()
    drawn(page)
    strip = page.locator("#strip")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert strip.evaluate(
            "node => [node.scrollWidth <= node.clientWidth, node.scrollHeight <= node.clientHeight]"
        ) == [
            True,
            True,
        ]
        outside = page.locator("#strip > *").evaluate_all(
            """nodes => nodes.filter((node) => {
              const [{ left, right }, strip] = [node, node.parentElement].map((one) => one.getBoundingClientRect());
              return left < strip.left - 1.5 || right > strip.right || node.scrollWidth > node.clientWidth + 1;
            }).map((node) => node.textContent)"""
        )
        assert outside == [], width


@pytest.fixture(scope="module")
def empty(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the addresses of a district without data: where people sign in, as a leader and as anybody sees it."""
    district, _ = small_district()
    folder = tmp_path_factory.mktemp("empty")
    url = f"gpkg:{folder / 'empty.gpkg'}"
    leader = Visitor("leader", WHOLE_DISTRICT, account="2" * 12, name="wei", via="session")
    bare = dataclasses.replace(district, invented=False, as_of=None)
    with create_store(url, bare, layers={}) as store, people(store, standards, folder) as found:
        found.add("zhang", "planner")
        upload.register_at(found.app, Workshop(store_url=url, data_folder=DATA_FOLDER))
        with (
            serving(found.app) as signed_in,
            serving(app_for(store, standards, leader)) as leaders,
            serving(app_for(store, standards, RESIDENT)) as anybody,
        ):
            yield {"planner": signed_in, "leader": leaders, "resident": anybody}


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_an_empty_district_leads_to_importing(
    empty: dict[str, str], open_page: Open, width: int, height: int
) -> None:
    page = open_page(f"{empty['planner']}/sign-in", width=width, height=height)
    sign_in(page, empty["planner"], "zhang")
    panel = page.locator("#empty")
    expect(panel.locator("h2")).to_have_text("先导入小区")
    expect(page.locator("#strip")).to_have_text("全区还不能统计")
    expect(page.locator("#list")).to_contain_text("还没有名单")
    expect(page.locator("#list [role=grid]")).to_have_count(0)
    expect(page.get_by_role("button", name="下载")).to_have_count(0)
    expect(panel.locator("code")).to_be_hidden()
    assert serious(page) == []
    way = panel.get_by_role("link", name="导入小区文件")
    seen, box = way.bounding_box(), panel.bounding_box()
    assert seen and box and seen["y"] + seen["height"] <= box["y"] + box["height"]
    panel.locator("summary").click()
    expect(panel.locator("code")).to_have_text("wangge import communities 小区名单.xlsx --dry-run")
    way.click()
    expect(page.locator("#f-layer")).to_have_value("communities")


def test_who_may_not_import_is_told_who_may(empty: dict[str, str], open_page: Open) -> None:
    page = open_page(empty["leader"])
    panel = page.locator("#empty")
    expect(panel.locator(".empty-whom")).to_have_text(
        "导入数据要另有权限。 您的角色是领导。可以的角色：规划人员；需要的话请找管理员改您的角色或区域。"
    )
    expect(panel.locator("a, code")).to_have_count(0)
    page = open_page(f"{empty['resident']}/?lang=en")
    expect(page.locator(".empty-whom")).to_contain_text("Sign in first")
    expect(page.locator("#empty a")).to_have_attribute("href", "/sign-in?next=%2F%3Flang%3Den")


def test_another_unit_under_a_condition_on_communities_is_one_tap_from_help(
    small: str, open_page: Open
) -> None:
    page = open_page(f"{small}/?question=gap&unit=communities&where=double_none~floating:30")
    expect(page.locator(".condition")).to_have_count(2)
    # Another question goes on with the unit that the conditions are asked of.
    page.locator(".question[data-question=hotspots] label").first.click()
    expect(page.locator(".question[data-question=hotspots] [data-part=controls]")).to_be_attached()
    expect(page).to_have_url(
        re.compile("question=hotspots.*unit=communities|unit=communities.*question=hotspots")
    )
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="显示问题的选项").click()
    page.watch.expected = "400"  # type: ignore[attr-defined]
    page.locator(".question.open .segment", has_text="街道").click()
    alert = page.locator("#list [role=alert]")
    expect(alert).to_contain_text("流动人口")
    alert.get_by_role("button", name="按小区统计").click()
    expect(alert).to_have_count(0)
    expect(page.locator(".condition")).to_have_count(2)
    page.locator(".question.open .segment", has_text="街道").click()
    alert.get_by_role("button", name="去掉“流动人口占比”").click()
    expect(alert).to_have_count(0)
    expect(page).to_have_url(re.compile(r"where=double_none(&|$)"))
    expect(page).to_have_url(re.compile(r"unit=subdistricts"))


@pytest.mark.parametrize("touch", [True, False], ids=["touch", "mouse"])
def test_the_limit_is_seen_whole_on_a_low_screen(luohu: str, open_page: Open, touch: bool) -> None:
    page = open_page(f"{luohu}/?question=gap", width=1024, height=768, has_touch=touch)
    expect(page.locator("#list .row").first).to_be_visible()
    for part in (page.get_by_role("slider"), page.get_by_role("spinbutton")):
        assert part.evaluate_all(COVERED) == []


def test_english_names_are_read_to_their_end(luohu: str, open_page: Open) -> None:
    """Many names begin alike and tell apart by their last word."""
    page = open_page(f"{luohu}/?question=gap&unit=communities&lang=en", width=1440, height=900)
    names = page.locator("#list .name-text")
    expect(names.first).to_be_visible()
    lines = names.evaluate_all("nodes => nodes.map((one) => one.getClientRects().length && one.scrollHeight)")
    assert len(lines) > 10 and max(lines) > min(lines), "some take a second line"
    cut = "nodes => nodes.filter((one) => one.scrollHeight > one.clientHeight + 8 || one.scrollWidth > one.clientWidth)"
    assert names.evaluate_all(f"{cut}.map((one) => one.textContent)") == []
    rows = page.locator("#list .row").evaluate_all(
        "nodes => nodes.filter((one) => one.scrollHeight > one.clientHeight).length"
    )
    assert rows == 0


SOME_OPEN = """
const ask = window.fetch;
window.fetch = async (at, ...more) => {
  const answer = await ask(at, ...more);
  if (!String(at).startsWith("/api/view")) return answer;
  const view = await answer.json();
  const [first, second] = view.rows.id;
  view.rows.class = view.rows.id.map((id) => (id === first ? "open" : id === second ? "unknown" : "empty"));
  const of = (id, title, count) => ({ id, title, token: "hatch", count, residents: 0 });
  const empty = view.legend.classes.find(({ id }) => id === "empty");
  view.legend.classes = [of("open", "Some, cannot tell which class", 1), of("unknown", "Cannot tell", 1), empty];
  return { ok: true, status: 200, headers: answer.headers, json: async () => view };
};
"""


@pytest.mark.parametrize("webgl", [True, False])
def test_some_of_an_unknown_class_is_told_from_unknown(small: str, open_page: Open, webgl: bool) -> None:
    page = open_page("about:blank", width=1440, height=900, webgl=webgl)
    page.add_init_script(SOME_OPEN)
    page.goto(f"{small}/?question=double_none&unit=neighbourhoods&lang=en")
    expect(page.locator("#list .row").first).to_be_visible()
    drawn(page)
    some, unknown = (
        page.locator("#legend li", has=page.get_by_text(text, exact=True)).locator(".swatch").inner_html()
        for text in ("Some, cannot tell which class", "Cannot tell")
    )
    assert some != unknown and "swatch-open" in some and "swatch-open" not in unknown
    outlined = shot(page)
    page.add_init_script(SOME_OPEN.replace('"open" : id', '"unknown" : id'))
    page.reload()
    expect(page.locator("#list .row").first).to_be_visible()
    drawn(page)
    darker = outlined < shot(page) - 40
    assert darker.sum() > 50, "on the map it is outlined"


def shot(page: Page) -> NDArray[np.int_]:
    """Return how bright each pixel of the map is."""
    image = Image.open(BytesIO(page.locator("#map").screenshot())).convert("L")
    return np.asarray(image, dtype=int)
