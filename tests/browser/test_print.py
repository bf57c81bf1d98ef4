"""The present view on paper: one sheet, nothing of the controls, the map as sharp as paper wants it."""

from __future__ import annotations

import io
import unicodedata
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.browser.conftest import PATIENCE_MS, Open, drawn
from tests.browser.test_many_units import MORE

pytestmark = pytest.mark.browser

MM = 72 / 25.4
A4_ROWS = 17
RADICALS = str.maketrans("⻚⺠⻝", "页民食")
COUNT_PRINTS = "window.prints = 0; window.print = () => { window.prints += 1; };"


def until(page: Page, holds: str) -> None:
    """Wait until something holds; the page's own policy forbids Playwright's way of asking it over and over."""
    for _ in range(PATIENCE_MS // 100):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(100)
    raise AssertionError(holds)


def prepared(page: Page, paper: str = "A4 横向") -> None:
    """Press the page's own button, and wait until it would hand over to the browser."""
    page.get_by_role("button", name="打印").click()
    page.get_by_role("button", name=paper).click()
    until(page, "window.prints === 1")


def printed(page: Page) -> PdfReader:
    return PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True)))


def text_of(sheets: PdfReader) -> str:
    return plain("".join(sheet.extract_text() for sheet in sheets.pages))


def plain(text: str) -> str:
    """Return a text without spaces; the fonts write some characters as the radicals that look like them."""
    return "".join(unicodedata.normalize("NFKC", text).translate(RADICALS).split())


def size_mm(sheets: PdfReader) -> tuple[int, int]:
    box = sheets.pages[0].mediabox
    return round(float(box.width) / MM), round(float(box.height) / MM)


def start(open_page: Open, address: str, *, webgl: bool = False, **options: object) -> Page:
    page = open_page("about:blank", webgl=webgl, width=1280, height=800, **options)
    page.add_init_script(COUNT_PRINTS)
    page.goto(address)
    expect(page.locator(".row, .crossing td button").first).to_be_visible()
    drawn(page)
    return page


def test_one_sheet_says_what_it_shows_and_where_it_is_from(small: str, open_page: Open) -> None:
    page = start(open_page, f"{small}/?question=double_none&subdistrict=S2")
    address = page.url
    prepared(page)
    sheets = printed(page)
    assert len(sheets.pages) == 1
    assert size_mm(sheets) == (297, 210)
    said = text_of(sheets)
    for part in (
        *("哪些小区是双无？", "样板区", "数据截至2019-12-31", "东街道", "演示数据，纯属虚构"),
        *("管理主体", "只缺物业", "双无小区", "和平里", "粮食局宿舍", "个小区，最差的在前"),
        *(
            "来源：样板区网格数据",
            "由物业、业委会两个带日期的三态事实推出",
            "打印于20",
            urlsplit(address).query,
        ),
    ):
        assert plain(part) in said, part
    for control in ("复制链接", "范围", "叠加条件", "假设推演", "跳到"):
        assert control not in said


def test_the_screen_is_as_it_was_before(small: str, open_page: Open) -> None:
    page = start(open_page, f"{small}/?question=double_none&theme=dark&map=15.50/22.54430/114.13150")
    before = page.url, page.locator("#map").bounding_box()
    prepared(page)
    assert page.locator("html").get_attribute("data-theme") == "light"
    printed(page)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html:not([data-printing])")).to_have_count(1)
    drawn(page)
    assert (page.url, page.locator("#map").bounding_box()) == before


def test_the_map_is_drawn_for_paper(small: str, open_page: Open) -> None:
    page = start(open_page, f"{small}/?question=double_none", webgl=True)
    prepared(page)
    widths = page.locator("#map canvas.maplibregl-canvas").evaluate_all(
        "nodes => nodes.map((node) => node.width)"
    )
    assert max(widths) >= 3 * 700
    sheets = printed(page)
    assert len(sheets.pages) == 1
    assert max(one.image.width for one in sheets.pages[0].images if one.image) >= 3 * 700
    until(page, "document.querySelector('canvas.maplibregl-canvas').width < 3 * 700")


@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
def test_a_dark_map_is_printed_light_however_many_its_units_are(
    small: str, open_page: Open, many: bool
) -> None:
    page = open_page("about:blank", webgl=True)
    page.add_init_script(COUNT_PRINTS)
    if many:
        page.add_init_script(MORE)
    page.goto(f"{small}/?question=hotspots&theme=dark&map=15/22.55/114.13")
    expect(page.locator(".row").first).to_be_visible()
    drawn(page)
    prepared(page)
    assert page.locator("html").get_attribute("data-theme") == "light"
    expect(page.locator("#map")).to_have_attribute("aria-busy", "false")
    page.keyboard.press("Escape")
    expect(page.locator("html:not([data-printing])")).to_have_attribute("data-theme", "dark")
    drawn(page)


def test_a_page_that_cannot_be_printed_is_as_it_was(small: str, open_page: Open) -> None:
    page = start(open_page, f"{small}/?question=double_none&theme=dark")
    page.evaluate("() => { window.print = () => { throw new Error('no printer'); }; }")
    page.watch.expected = "no printer"  # type: ignore[attr-defined]
    with page.expect_event("pageerror"):
        page.keyboard.press("Control+p")
    page.watch.complaints.clear()  # type: ignore[attr-defined]
    expect(page.locator("html:not([data-printing])")).to_have_attribute("data-theme", "dark")


def test_the_map_without_webgl_is_drawn_for_paper_before_it_is_printed(small: str, open_page: Open) -> None:
    page = start(open_page, f"{small}/?question=double_none&theme=dark")
    page.evaluate(
        """() => {
          const busy = () => document.querySelector("#map").getAttribute("aria-busy");
          window.print = () => {
            window.atPrint = busy();
            window.prints += 1;
          };
          document.dispatchEvent(new CustomEvent("themechange"));
          window.atOnce = busy();
        }"""
    )
    assert page.evaluate("window.atOnce") == "true", "drawing anew is not at rest"
    drawn(page)
    prepared(page)
    assert page.evaluate("window.atPrint") == "false"


def test_a3_has_more_rows(small: str, open_page: Open) -> None:
    page = start(open_page, small)
    prepared(page, "A3 横向")
    sheets = printed(page)
    assert size_mm(sheets) == (420, 297)
    assert len(sheets.pages) == 1
    assert text_of(sheets).count(plain("街道")) > A4_ROWS


def test_what_is_chosen_goes_onto_a_second_sheet(small: str, open_page: Open) -> None:
    page = start(open_page, f"{small}/?question=double_none&select=C07")
    expect(page.locator("#card h2")).to_be_visible()
    prepared(page)
    sheets = printed(page)
    assert len(sheets.pages) == 2
    assert plain("两项都是“无”，因此是双无") in plain(sheets.pages[1].extract_text())


@pytest.mark.parametrize("how", ["side", "swipe"])
def test_a_comparison_fits_on_one_sheet(small: str, open_page: Open, how: str) -> None:
    page = start(open_page, f"{small}/compare?question=gap&right=double_none&how={how}")
    prepared(page)
    sheets = printed(page)
    assert len(sheets.pages) == 1
    said = text_of(sheets)
    for part in (
        "服务够不到哪里？×哪些小区是双无？",
        "够不到，又是双无",
        "≤300m",
        "更远",
        "管理主体",
        "来源",
        "占已知居民",
    ):
        assert plain(part) in said, part


def test_the_browsers_own_printing_gives_a_sheet_too(small: str, open_page: Open) -> None:
    page = start(open_page, f"{small}/?question=hotspots&theme=dark&lang=en")
    sheets = printed(page)
    assert len(sheets.pages) == 1
    said = text_of(sheets)
    assert "Wheredocomplaintscluster?" in said
    assert "Dataasof2019-12-31" in said
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_nothing_on_paper_is_cut(small: str, open_page: Open) -> None:
    page = start(open_page, f"{small}/?question=gap&lang=en")
    page.get_by_role("button", name="Print").click()
    page.get_by_role("button", name="A4 landscape").click()
    until(page, "window.prints === 1")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size({"width": 1046, "height": 718})
    page.emulate_media(media="print")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 1046
    assert page.evaluate("document.scrollingElement.scrollHeight") <= 718
    spilt = page.locator("#paper *:not(.vh, .paper-rows)").evaluate_all(
        """nodes => nodes.filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth + 1)
             .map((node) => node.className || node.tagName)"""
    )
    assert spilt == []


@pytest.mark.parametrize("path", ["/?question=double_none", "/compare?question=gap&right=double_none"])
def test_the_browsers_menu_prints_a_dark_map_with_the_legend_of_its_colours(
    small: str, open_page: Open, path: str
) -> None:
    page = start(open_page, f"{small}{path}&theme=dark")
    colour = "name => getComputedStyle(document.querySelector('.page')).getPropertyValue(name).trim()"
    ink = "getComputedStyle(document.querySelector('.page')).getPropertyValue('--ink')"
    dark, dark_ink = page.evaluate(colour, "--double-none"), page.evaluate(ink)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    # The map is drawn as it was; what explains it has its colours, words have the paper's.
    assert page.evaluate(colour, "--double-none") == dark
    assert page.evaluate(ink) != dark_ink
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert not page.locator(".page").get_attribute("style")
