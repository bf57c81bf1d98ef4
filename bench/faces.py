"""The pages in a real browser, as slow as a tablet: how long a tap waits for its answer while all buildings are shown."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.contest import Say
from bench.district import Districts
from bench.service import a_store
from bench.tile_servers import wangge
from bench.tiles import cookies, ready
from layers.visitors import Area

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

SLOWER = 4
"""The processor of the page is slowed down so many times."""
_OPTIONS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking")
_WIDTH, _HEIGHT = 1024, 768
_PATIENCE_MS = 180_000
_DESK = "/?question=double_none&map=13.2/22.56/114.13"
"""All of one district is on the screen, at a scale that draws buildings."""
_CELLS_OF_A_WORKER = 20
_SETTLE_MS = 400

_WATCH = """
window.taps = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (one.interactionId) window.taps.push([one.interactionId, one.duration]);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
window.shift = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured of the pages."""

    sizes: tuple[int, ...] = (1, 30)
    taps: int = 12


@dataclass(frozen=True, kw_only=True)
class Face:
    """What came of one page.

    Attributes
    ----------
    first_s : float
        From the address to the first row, with the processor slowed down.
    worst_s, middle_s : float
        Of the taps, until the next picture: what browsers report as event timing, in steps of 8 ms; one under 16 ms
        counts as that.
    shift : float
        What moved without being asked to, as browsers count it.
    """

    name: str
    copies: int
    first_s: float
    worst_s: float
    middle_s: float
    taps: int
    shift: float


def measure(plan: Plan, districts: Districts, say: Say) -> list[Face]:
    """Open each page on districts of several sizes and tap on what there is."""
    made = []
    for copies in plan.sizes:
        cells = districts.given(copies)[1]["management_cells"].index[:_CELLS_OF_A_WORKER]
        area = Area("management_cells", frozenset(map(str, cells)))
        with a_store(districts, copies) as (store, asked), ExitStack() as stack:
            (worker,) = cookies(store, 1, 1, role="grid_worker", area=area)
            port, _ = stack.enter_context(wangge(store, ("/healthz", "")))
            ready(port)
            for name, cookie, path, tap in (
                ("desk", asked[0][1], _DESK, _tap_rows),
                ("tablet", worker, "/field", _tap_tasks),
            ):
                with _tablet(port, cookie) as (context, page):
                    face = _one(context, page, f"http://127.0.0.1:{port}{path}", name, copies, tap, plan.taps)
                made.append(face)
                say(
                    f"{name} x{copies}: first rows {face.first_s:.1f} s, taps {face.middle_s * 1e3:.0f} ms, "
                    f"worst {face.worst_s * 1e3:.0f} ms, shift {face.shift:.3f}"
                )
    return made


@contextmanager
def _tablet(port: int, cookie: str) -> Iterator[tuple[BrowserContext, Page]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=list(_OPTIONS))
        context = browser.new_context(
            viewport={"width": _WIDTH, "height": _HEIGHT}, has_touch=True, locale="zh-CN"
        )
        context.set_default_timeout(_PATIENCE_MS)
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
        context.add_init_script(_WATCH)
        yield context, context.new_page()
        browser.close()


def _one(
    context: BrowserContext,
    page: Page,
    address: str,
    name: str,
    copies: int,
    tap: Callable[[Page, int], None],
    taps: int,
) -> Face:
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    began = time.perf_counter()
    page.goto(address)
    page.locator(".row").first.wait_for()
    first_s = time.perf_counter() - began
    page.locator('#map[data-ready][aria-busy="false"]').wait_for()
    shift = float(page.evaluate("window.shift"))
    page.evaluate("window.taps = []")
    for at in range(taps):
        tap(page, at)
        page.wait_for_timeout(_SETTLE_MS)
    lasted: dict[int, float] = {}
    for interaction, duration in page.evaluate("window.taps"):
        lasted[interaction] = max(lasted.get(interaction, 0.0), duration / 1e3)
    found = sorted([*lasted.values(), *[0.016] * (taps - len(lasted))])
    return Face(
        name=name,
        copies=copies,
        first_s=first_s,
        worst_s=found[-1],
        middle_s=median(found),
        taps=taps,
        shift=shift,
    )


def _tap_rows(page: Page, at: int) -> None:
    page.locator(".row").nth(at % 8).tap()


def _tap_tasks(page: Page, at: int) -> None:
    """Open a task; the way back to the list is not measured."""
    if at:
        page.go_back()
        page.wait_for_timeout(_SETTLE_MS)
    page.locator("#task-rows .row button").nth(at % 5).tap()
