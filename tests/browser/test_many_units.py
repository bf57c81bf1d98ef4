"""Very many units on the desk's map, and a server that does not give every tile at once."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open, drawn

pytestmark = pytest.mark.browser

MANY = 150_000
"""More than a function takes as arguments, and more than can each have a state of its own."""
ACROSS = 500
WEST, SOUTH, STEP = 113.9, 22.4, 0.001
MIDDLE = "9/22.55/114.15"
ACROSS_PX = ACROSS * STEP * 256 * 2**9 / 360
DOWN_PX = MANY / ACROSS * STEP * 256 * 2**9 / 360 / np.cos(np.radians(22.55))
MORE = f"""
const ask = window.fetch;
window.fetch = async (at, ...more) => {{
  const answer = await ask(at, ...more);
  if (!String(at).startsWith("/api/view")) return answer;
  const view = await answer.json();
  const all = Array.from({{ length: {MANY} }}, (_, at) => at);
  const rows = Object.fromEntries(Object.entries(view.rows).map(([name, [first]]) => [name, all.map(() => first)]));
  rows.id = all.map((at) => `E${{at}}`);
  rows.class = all.map(() => "hot_99");
  rows.lon = all.map((at) => {WEST} + (at % {ACROSS}) * {STEP});
  rows.lat = all.map((at) => {SOUTH} + Math.floor(at / {ACROSS}) * {STEP});
  rows.value = all.map((at) => {MANY} - at);
  return {{ ok: true, status: 200, json: async () => ({{ ...view, rows }}) }};
}};
"""
"""The page is given a square field of hot cells, whatever the district has."""
COLOUR = """() => {
  const probe = document.createElement("span");
  probe.style.setProperty("color", "var(--hot-plus-3)");
  document.body.append(probe);
  const numbers = getComputedStyle(probe).color.match(/[0-9.]+/g).map(Number);
  probe.remove();
  return numbers.slice(0, 3);
}"""


def test_the_desk_lists_and_draws_very_many_cells(small: str, open_page: Open) -> None:
    page = open_page("about:blank", webgl=True)
    page.add_init_script(MORE)
    page.goto(f"{small}/?question=hotspots&map={MIDDLE}")
    expect(page.locator("#list .row").first).to_be_visible()
    expect(page.locator("#list .grid")).to_have_attribute("aria-rowcount", str(MANY + 1))
    drawn(page)
    # Tools and legend lie over some of it.
    assert pixels(page) == pytest.approx(ACROSS_PX * DOWN_PX, rel=0.3)
    page.locator("#list .row").first.focus()
    page.keyboard.press("End")
    expect(page.locator(f'#list .row[data-id="E{MANY - 1}"]')).to_be_focused()


def pixels(page: Page) -> int:
    """Return how many pixels of the map are as hot units are."""
    shot = Image.open(BytesIO(page.locator("#map").screenshot())).convert("RGB")
    apart = np.abs(np.asarray(shot, dtype=int) - np.array(page.evaluate(COLOUR)))
    return int((apart.max(axis=2) < 12).sum())


def zoom_of(url: str) -> int:
    return int(urlsplit(url).path.split("/")[3])


def test_a_map_is_not_complete_before_every_tile_is_there(small: str, open_page: Open) -> None:
    page = open_page("about:blank", webgl=True)
    page.watch.expected = "503"  # type: ignore[attr-defined]
    asked: dict[str, int] = {}
    given: set[str] = set()

    def busy_at_first(route: Route) -> None:
        url = route.request.url
        asked[url] = asked.get(url, 0) + 1
        if asked[url] == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="")
        else:
            given.add(url)
            route.continue_()

    page.route("**/tiles/communities/**", busy_at_first)
    page.goto(f"{small}/?question=double_none")
    expect(page.locator("#list .row").first).to_be_visible()
    drawn(page)
    # The map opens on the whole before it knows its size: what it left behind nobody waits for.
    closest = max(zoom_of(url) for url in asked)
    wanted = {url for url in asked if zoom_of(url) == closest}
    assert wanted and wanted <= given
