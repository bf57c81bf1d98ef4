"""How the wall looks, scene by scene at every size: nothing small, cut, over something else, pale or across a bezel."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from layers.standards import Standards
from layers.store import create_store, open_store
from layers.visitors import WHOLE_DISTRICT, Visitor
from tests.browser.conftest import Open, drawn, serving
from tests.browser.map_looks import stands_clear
from tests.browser.test_hands_and_ears import serious
from tests.browser.wall_looks import faults
from tests.district import small_district
from tests.visitors import app_for
from webmap.wall_scenes import SCENES

pytestmark = pytest.mark.browser

SCREEN = Visitor("wall", WHOLE_DISTRICT, name="hall", via="device")
SIZES = ((1920, 1080, 1), (3840, 2160, 1), (5760, 1080, 3))


@pytest.fixture(scope="module")
def hall(standards: Standards, demo_url: str) -> Iterator[str]:
    """Return the address of the demonstration district, for a wall screen."""
    with (
        open_store(demo_url, read_only=True) as store,
        serving(app_for(store, standards, SCREEN)) as address,
    ):
        yield address


@pytest.fixture(scope="module")
def bare(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a district that has nothing but its subdistricts yet, for a wall screen."""
    district, frames = small_district()
    new = dataclasses.replace(district, invented=False, as_of=None)
    url = f"gpkg:{tmp_path_factory.mktemp('wall') / 'new.gpkg'}"
    layers = {"subdistricts": frames["subdistricts"]}
    with (
        create_store(url, new, layers=layers) as store,
        serving(app_for(store, standards, SCREEN)) as address,
    ):
        yield address


def filled(page: Page) -> None:
    """Wait until the figures are there."""
    expect(page.locator(".wall-value strong").first).to_be_visible()
    expect(page.locator("#wall")).to_have_attribute("data-state", "fresh")


def show(page: Page, scene: str) -> None:
    """Go to a scene, and wait until it stands."""
    mark = page.locator(f'#position [data-go="{scene}"]')
    if mark.is_visible():
        mark.dispatch_event("click")
        expect(page.locator("#wall")).to_have_attribute("data-scene", scene)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("width", "height", "screens"), SIZES)
def test_every_scene_is_whole_and_readable(
    hall: str, open_page: Open, width: int, height: int, screens: int, language: str
) -> None:
    page = open_page(f"{hall}/wall?lang={language}&seconds=3600", width=width, height=height)
    filled(page)
    for scene in SCENES:
        show(page, scene)
        if scene != "linkages":
            expect(page.locator("#legend")).to_be_visible()
            expect(page.locator("#definition strong")).to_have_count(1)
        expect(page.locator("#paused")).to_be_visible()
        assert faults(page, screens=screens) == [], scene
    page.keyboard.press(" ")
    expect(page.locator("#paused")).to_be_hidden()
    assert faults(page, screens=screens) == [], "going on"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("width", "height", "screens"), SIZES)
def test_the_legend_lies_over_nothing_of_the_district(
    hall: str, open_page: Open, width: int, height: int, screens: int, language: str
) -> None:
    page = open_page(f"{hall}/wall?lang={language}&seconds=3600", width=width, height=height)
    filled(page)
    drawn(page)
    assert page.locator(".map-name").count() == 10
    for scene in ("gap", "double_none", "hotspots"):
        show(page, scene)
        expect(page.locator("#legend")).to_be_visible()
        expect(page.locator(f'#wall[data-scene="{scene}"] #legend h2')).to_be_visible()
        stands_clear(page, "#legend")
    page.locator("#wall").evaluate("wall => { wall.dataset.state = 'stale'; }")
    stands_clear(page, "#legend")


def test_names_keep_out_of_the_legend_where_marks_are_close(hall: str, open_page: Open) -> None:
    page = open_page(f"{hall}/wall?seconds=3600", width=1920, height=1080, webgl=True)
    filled(page)
    expect(page.locator("#legend")).to_be_visible()
    drawn(page)
    colours = page.evaluate(
        """() => {
          const canvas = document.querySelector("#map canvas");
          const [map, legend] = [canvas, document.getElementById("legend")].map((node) => node.getBoundingClientRect());
          const copy = Object.assign(document.createElement("canvas"), { width: legend.width, height: legend.height });
          const pen = copy.getContext("2d");
          pen.drawImage(canvas, map.left - legend.left, map.top - legend.top, map.width, map.height);
          const { data } = pen.getImageData(0, 0, copy.width, copy.height);
          const found = new Set();
          for (let i = 0; i < data.length; i += 4) found.add(data[i] * 65536 + data[i + 1] * 256 + data[i + 2]);
          return [...found];
        }"""
    )
    assert colours == [0x0A1117], "under the legend is nothing but what lies outside of the district"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("width", "height", "screens"), [SIZES[0], SIZES[2]])
def test_a_stale_wall_is_whole_and_says_so(
    hall: str, open_page: Open, width: int, height: int, screens: int, language: str
) -> None:
    page = open_page("about:blank", width=width, height=height)
    page.clock.install()
    page.goto(f"{hall}/wall?lang={language}&seconds=3600")
    filled(page)
    for scene in SCENES:
        show(page, scene)
        if scene != "linkages":
            expect(page.locator("#legend")).to_be_visible()
    page.watch.expected = "Failed to"  # type: ignore[attr-defined]
    page.context.set_offline(True)
    page.clock.fast_forward("03:12:00")
    expect(page.locator("#stale")).to_contain_text("3 小时 1" if language == "zh" else "3 h 1")
    for scene in SCENES:
        show(page, scene)
        assert faults(page, screens=screens) == [], scene
    page.context.set_offline(False)
    page.clock.fast_forward(6000)
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator("#wall")).to_have_attribute("data-state", "fresh")


@pytest.mark.parametrize(("width", "height", "screens"), [SIZES[0], SIZES[2]])
def test_a_new_district_says_what_it_needs(
    bare: str, open_page: Open, width: int, height: int, screens: int
) -> None:
    page = open_page(f"{bare}/wall?seconds=3600", width=width, height=height)
    filled(page)
    for scene in SCENES:
        show(page, scene)
        if scene != "linkages" or screens == 3:
            expect(page.locator("#map-message")).to_contain_text("先导入")
            expect(page.locator("#legend")).to_be_hidden()
        assert faults(page, screens=screens) == [], scene
        # "No record yet" stands back where there would be a number; the question of the scene has its colour.
        quiet = page.locator(
            f"[data-unrecorded]:not([data-question={scene}]) .wall-value strong, .wall-half[data-unrecorded] strong"
        )
        inks = quiet.evaluate_all(
            """nodes => nodes.map((node) => {
                 const second = document.createElement("i");
                 second.style.color = "var(--ink-2)";
                 node.append(second);
                 const inks = [getComputedStyle(node).color, getComputedStyle(second).color];
                 second.remove();
                 return inks;
               })"""
        )
        assert inks, "nothing is unrecorded"
        if screens == 1:
            assert all(ink == second for ink, second in inks), inks
    show(page, "linkages")
    assert page.locator(".wall-cells, .wall-bar").count() == 0, "nothing is drawn of what is not recorded"
    expect(page.locator('[data-figure="owners_committee"] .wall-number')).to_have_text("尚无记录")


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720), (2560, 1080)])
def test_another_screen_shows_the_same_composition(hall: str, open_page: Open, size: tuple[int, int]) -> None:
    page = open_page(f"{hall}/wall?seconds=3600", width=size[0], height=size[1])
    filled(page)
    for scene in ("gap", "linkages"):
        show(page, scene)
        assert faults(page) == []


def test_the_map_is_drawn_in_the_walls_colours(hall: str, open_page: Open) -> None:
    page = open_page(f"{hall}/wall?seconds=3600", width=1920, height=1080, webgl=True)
    filled(page)
    drawn(page)
    colours = page.evaluate(
        """() => {
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
        }"""
    )
    for token in (0x0A1117, 0x1A2730, 0x74561F, 0xB57F22, 0xEBB044):
        assert colours.get(str(token), 0) > 200, hex(token)


def test_every_figure_has_its_base_and_the_two_coverages_stand_together(hall: str, open_page: Open) -> None:
    page = open_page(f"{hall}/wall?seconds=3600", width=1920, height=1080)
    filled(page)
    pair = page.locator("#pair")
    for scene in ("gap", "double_none", "hotspots"):
        show(page, scene)
        expect(pair).to_be_visible()
        expect(pair).to_have_text("99%党组织覆盖920 / 92920%有业委会186 / 929")
    expect(page.locator('[data-question="double_none"] .wall-line').first).to_contain_text("共 929 个小区")
    show(page, "linkages")
    expect(pair).to_be_hidden()
    for name, base, trend in (
        ("organisation_coverage", "920 / 929 个小区", "+30"),
        ("owners_committee", "186 / 929 个小区", "+12"),
    ):
        one = page.locator(f'[data-figure="{name}"]')
        expect(one).to_be_visible()
        expect(one).to_contain_text(base)
        expect(one.locator(".wall-reference")).to_contain_text("2018–19 年公布")
        expect(one.locator(".cells-line")).to_have_count(1)
        expect(one.locator(".wall-change")).to_have_text(trend)
    expect(page.locator("[data-linkage]")).to_have_count(6)
    expect(page.locator('[data-linkage="mechanism"]')).to_contain_text("尚无记录")
    expect(page.locator('[data-linkage="results"] .amber')).to_have_text("2018 年公布 南湖 68 / 72")
    assert serious(page) == []


def test_nothing_waits_for_a_pointer_and_nothing_moves_where_that_is_asked(
    hall: str, open_page: Open
) -> None:
    page = open_page(f"{hall}/wall?seconds=3600", width=1920, height=1080)
    filled(page)
    assert page.locator("[title]").count() == 0
    moving = page.evaluate("document.getAnimations().filter((one) => one.playState === 'running').length")
    assert moving == 0
