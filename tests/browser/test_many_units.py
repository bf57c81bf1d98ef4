"""Very many units on the desk's map, and a server that does not give every tile at once."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
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
NEAR = "11/22.55/114.15"
GAINED, OPEN, LOST, BLOCK = (210, 90), (260, 90), (310, 90), 40
"""Where what gains, what cannot be told and what loses begins, in cells from the south-west, and how many cells each is wide and high."""
MORE = f"""
const ask = window.fetch;
const block = ([x, y]) =>
  Array.from({{ length: {BLOCK * BLOCK} }}, (_, at) =>
    `E${{(y + Math.floor(at / {BLOCK})) * {ACROSS} + x + (at % {BLOCK})}}`);
window.fetch = async (at, ...more) => {{
  const answer = await ask(at, ...more);
  const supposed = String(at).startsWith("/api/what-if?");
  if (!supposed && !String(at).startsWith("/api/view")) return answer;
  const body = await answer.json();
  const view = supposed ? body.view : body;
  const all = Array.from({{ length: {MANY} }}, (_, at) => at);
  const rows = Object.fromEntries(Object.entries(view.rows).map(([name, [first]]) => [name, all.map(() => first)]));
  rows.id = all.map((at) => `E${{at}}`);
  rows.class = all.map(() => "hot_99");
  rows.lon = all.map((at) => {WEST} + (at % {ACROSS}) * {STEP});
  rows.lat = all.map((at) => {SOUTH} + Math.floor(at / {ACROSS}) * {STEP});
  rows.value = all.map((at) => {MANY} - at);
  const made = {{ ...view, rows }};
  const [gained, open, lost] = [{[*GAINED]}, {[*OPEN]}, {[*LOST]}].map(block);
  const units = {{ gained, open, lost }};
  return {{ ok: true, status: 200, json: async () => (supposed ? {{ ...body, view: made, units }} : made) }};
}};
"""
"""The page is given a square field of hot cells, whatever the district has."""
COLOUR = """(token) => {
  const probe = document.createElement("span");
  probe.style.setProperty("color", `var(--${token})`);
  document.body.append(probe);
  const numbers = getComputedStyle(probe).color.match(/[0-9.]+/g).map(Number);
  probe.remove();
  return numbers.slice(0, 3);
}"""


@pytest.mark.parametrize("webgl", [True, False])
def test_the_desk_lists_and_draws_very_many_cells(small: str, open_page: Open, webgl: bool) -> None:
    page = open_page("about:blank", webgl=webgl)
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


def coloured(page: Page, token: str, *, within: int = 12) -> NDArray[np.bool_]:
    """Tell which pixels of the map have a token's colour."""
    shot = Image.open(BytesIO(page.locator("#map").screenshot())).convert("RGB")
    apart = np.abs(np.asarray(shot, dtype=int) - np.array(page.evaluate(COLOUR, token)))
    return np.asarray(apart.max(axis=2) < within)


def pixels(page: Page) -> int:
    """Return how many pixels of the map are as hot units are."""
    return int(coloured(page, "hot-plus-3").sum())


@pytest.mark.parametrize("webgl", [True, False])
def test_what_a_supposition_changes_is_seen_from_afar(small: str, open_page: Open, webgl: bool) -> None:
    page = open_page("about:blank", webgl=webgl, width=1600, height=900)
    page.add_init_script(MORE)
    page.goto(f"{small}/?question=hotspots&map={NEAR}&what_if=add:day_care:114.1345:22.5545")
    expect(page.locator("#list .row").first).to_be_visible()
    drawn(page)
    ink, hot = coloured(page, "selection", within=4), coloured(page, "hot-plus-3")
    rows, columns = (np.flatnonzero(hot.sum(axis=axis) > hot.shape[axis] / 4) for axis in (1, 0))
    down, across = np.ptp(rows) / (MANY / ACROSS), np.ptp(columns) / ACROSS

    def share(start: tuple[int, int], inset: int) -> float:
        """Return how much of a block's middle, or of all of it and what is around it, is ink."""
        (left, right), (low, high) = ((one, one + BLOCK) for one in start)
        beside = slice(int(columns[0] + left * across) + inset, int(columns[0] + right * across) - inset)
        above = slice(int(rows[-1] - high * down) + inset, int(rows[-1] - low * down) - inset)
        return float(ink[above, beside].mean())

    assert share(GAINED, 8) < 0.02, "within the outline cells keep their colour"
    assert share(GAINED, -4) > 0.04, "an outline goes round what gains"
    assert share(OPEN, 8) < 0.02, "within the dots cells keep their colour, too"
    assert 0.02 < share(OPEN, -4) < 0.8 * share(GAINED, -4), "dots go round what cannot be told"
    assert 0.2 < share(LOST, 8) < 0.8, "what loses is hatched"


@pytest.mark.parametrize("webgl", [True, False])
def test_what_is_open_does_not_look_unknown_from_afar(small: str, open_page: Open, webgl: bool) -> None:
    page = open_page("about:blank", webgl=webgl, width=1600, height=900)
    half = f"all.map((at) => (at % {ACROSS} < {ACROSS // 2} ? 'unknown' : 'open'))"
    named = "classes: [...view.legend.classes, { id: 'open', token: 'hatch', title: 'open', count: 1 }]"
    made = f"{{ ...view, rows, legend: {{ ...view.legend, {named} }} }}"
    page.add_init_script(MORE.replace('all.map(() => "hot_99")', half).replace("{ ...view, rows }", made))
    page.goto(f"{small}/?question=gap&map={NEAR}")
    expect(page.locator("#list .row").first).to_be_visible()
    drawn(page)
    unknown = coloured(page, "hatch")
    west, east = np.array_split(unknown[unknown.shape[0] // 3 : -unknown.shape[0] // 3], 2, axis=1)
    edge = west.shape[1] // 3
    assert west[:, edge:-20].mean() > 0.8
    assert east[:, 20:-edge].mean() < 0.05, "every single one looks otherwise"


@pytest.mark.parametrize("webgl", [True, False])
@pytest.mark.parametrize(
    ("status", "said"), [(403, "没有权限"), (429, "过一分钟"), (503, "服务器暂时没有回答")]
)
def test_tiles_that_are_refused_are_told_with_what_helps(
    small: str, open_page: Open, status: int, said: str, webgl: bool
) -> None:
    page = open_page("about:blank", webgl=webgl)
    page.watch.expected = str(status)  # type: ignore[attr-defined]
    page.route("**/tiles/communities/**", lambda route: route.fulfill(status=status, body=""))
    page.clock.install()
    page.goto(f"{small}/?question=double_none")
    expect(page.locator("#list .row").first).to_be_visible()
    notice = page.locator(".map-lost")
    for _ in range(8):
        # Each time they are asked for later than before.
        page.clock.run_for(11_000)
        if notice.is_visible():
            break
    expect(notice).to_contain_text(said)
    expect(page.locator("#live")).to_contain_text(said)
    again = notice.get_by_role("button", name="重试")
    expect(again).to_have_count(0 if status == 403 else 1)
    if status == 403:
        notice.get_by_role("button", name="关闭").click()
    else:
        page.unroute_all()
        again.click()
    expect(notice).to_be_hidden()


@pytest.mark.parametrize("webgl", [True, False])
def test_what_is_told_of_lost_tiles_goes_when_they_come_again(
    small: str, open_page: Open, webgl: bool
) -> None:
    page = open_page("about:blank", webgl=webgl)
    page.watch.expected = "503"  # type: ignore[attr-defined]
    page.route("**/tiles/communities/**", lambda route: route.fulfill(status=503, body=""))
    page.clock.install()
    page.goto(f"{small}/?question=double_none")
    expect(page.locator("#list .row").first).to_be_visible()
    notice = page.locator(".map-lost")
    for _ in range(8):
        page.clock.run_for(11_000)
        if notice.is_visible():
            break
    expect(notice).to_be_visible()
    for _ in range(3):
        page.clock.run_for(25_000)
        expect(notice).to_be_visible()
    page.unroute_all()
    for _ in range(8):
        page.clock.run_for(11_000)
        if notice.is_hidden():
            break
    expect(notice).to_be_hidden()
    page.clock.run_for(1_000)
    drawn(page)


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
