"""Very many units on the wall and on the tablet: they take in what they draw, and draw it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Route, expect

from layers.standards import Standards
from layers.store import create_store
from layers.visitors import WHOLE_DISTRICT, Visitor
from tests.browser.conftest import Open, drawn, serving
from tests.browser.test_many_units import ACROSS, MANY, coloured
from tests.browser.wall_looks import faults
from tests.district import small_district
from tests.visitors import app_for

pytestmark = pytest.mark.browser

COMMUNITIES = 30_000
WEST, SOUTH, STEP = 114.124, 22.541, 0.00004
"""A field of units over the small district alone: where it begins, and how far apart its units are."""


def more(many: int) -> str:
    """Return a script by which a page is given a square field of units, all alike, whatever the district has."""
    return f"""
const ask = window.fetch;
window.fetch = async (at, ...more) => {{
  const answer = await ask(at, ...more);
  if (!String(at).startsWith("/api/view") || answer.status !== 200) return answer;
  const view = await answer.json();
  const all = Array.from({{ length: {many} }}, (_, at) => at);
  const known = Object.entries(view.rows);
  const rows = Object.fromEntries(known.map(([name, [first]]) => [name, all.map(() => first)]));
  const field = {{
    id: (at) => `E${{at}}`,
    class: () => (view.query.question === "hotspots" ? "hot_99" : "double_none"),
    lon: (at) => {WEST} + (at % {ACROSS}) * {STEP},
    lat: (at) => {SOUTH} + Math.floor(at / {ACROSS}) * {STEP},
  }};
  for (const [name, valueAt] of Object.entries(field)) if (rows[name]) rows[name] = all.map(valueAt);
  return {{ ok: true, status: 200, headers: answer.headers, json: async () => ({{ ...view, rows }}) }};
}};
"""


LARGE_BASES = """
const told = window.fetch;
window.fetch = async (at, ...more) => {
  const answer = await told(at, ...more);
  if (!String(at).startsWith("/api/wall") || answer.status !== 200) return answer;
  const wall = await answer.json();
  wall.facilities.count = 4680;
  for (const one of wall.pair) one.figure = { ...one.figure, count: 27600, of: 27870 };
  return { ok: true, status: 200, headers: answer.headers, json: async () => wall };
};
"""


@pytest.fixture
def serve(standards: Standards, tmp_path: Path) -> Iterator[Callable[[Visitor], str]]:
    """Return a function that serves the small district to somebody and gives the address."""
    district, frames = small_district()
    with (
        create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store,
        ExitStack() as servers,
    ):
        yield lambda who: servers.enter_context(serving(app_for(store, standards, who)))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_wall_draws_very_many_cells_and_takes_in_what_it_draws(
    serve: Callable[[Visitor], str], open_page: Open, language: str
) -> None:
    page = open_page("about:blank", width=1920, height=1080, webgl=True)
    page.add_init_script(more(MANY))
    page.add_init_script(LARGE_BASES)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    screen = Visitor("wall", WHOLE_DISTRICT, name="hall", via="device")
    page.goto(f"{serve(screen)}/wall?scene=hotspots&seconds=3600&lang={language}")
    expect(page.locator("#legend")).to_be_visible()
    drawn(page)
    box = page.locator("#map").bounding_box()
    assert box is not None
    assert coloured(page, "hot-plus-3").sum() > box["width"] * box["height"] * 0.2
    views = [parse_qs(urlsplit(url).query) for url in asked if "/api/view" in url]
    assert views and all(one["columns"] == ["id,class,lon,lat"] for one in views)
    assert [one for one in faults(page) if "27,870" in one] == []
    page.locator('#position [data-go="gap"]').dispatch_event("click")
    expect(page.locator("#wall")).to_have_attribute("data-scene", "gap")
    expect(page.locator("#legend .wall-ramp")).to_be_visible()
    expect(page.locator("#legend")).not_to_contain_text("4,680")


def test_names_that_would_hide_the_walls_map_are_left_out(
    serve: Callable[[Visitor], str], open_page: Open
) -> None:
    screen = Visitor("wall", WHOLE_DISTRICT, name="hall", via="device")
    address = f"{serve(screen)}/wall?seconds=3600"
    names = open_page(address, width=1920, height=1080).locator(".map-name")
    expect(names).not_to_have_count(0)
    page = open_page("about:blank", width=1920, height=1080)
    page.route("**/wall?*", many_names)
    page.goto(address)
    expect(page.locator("#legend")).to_be_visible()
    drawn(page)
    expect(page.locator(".map-name")).to_have_count(0)


def many_names(route: Route) -> None:
    """Give the page with the names of its parts thirty times over."""
    answer = route.fetch()
    before, places, after = re.split(r'("places": ?\[\[.*?\]\])', answer.text(), maxsplit=1)
    inner = places[places.index("[") + 1 : -1]
    many = places[: places.index("[")] + "[" + ", ".join([inner] * 30) + "]"
    route.fulfill(response=answer, body=before + many + after)


def test_a_tablet_of_very_many_communities_answers_taps(
    serve: Callable[[Visitor], str], open_page: Open
) -> None:
    page = open_page("about:blank", width=1024, height=768, webgl=True, has_touch=True)
    page.add_init_script(more(COMMUNITIES))
    worker = Visitor("grid_worker", WHOLE_DISTRICT, account="1" * 12, name="worker", via="session")
    page.goto(f"{serve(worker)}/field")
    expect(page.get_by_role("heading", name=f"网格里的小区，{COMMUNITIES} 个")).to_be_visible()
    drawn(page)
    assert page.locator("#grid-list .row, #grid-list .row-plain").count() < 200
    page.locator("#task-rows button").first.tap()
    expect(page.locator("#verify .answers .choice")).to_have_count(3)
    drawn(page)
