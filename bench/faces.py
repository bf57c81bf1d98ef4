"""The pages in a real browser, as slow as a tablet: how long a tap waits for its answer while all buildings are shown."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.contest import Say
from bench.district import Districts
from bench.service import a_store
from bench.taps import DESK, TABLET, Tap
from bench.tile_servers import wangge
from bench.tiles import cookies, ready
from layers.visitors import Area

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

SLOWER = 4
"""The processor of the page is slowed down so many times."""
MOST_TAP_S = 0.2
"""What an interaction may take: the limit of "good" for interaction to next paint."""
HOW = (
    "Measured is what browsers call interaction to next paint: of every tap or key the longest of its events by Event "
    "Timing, from the finger to the next picture; of a page the longest of all, one left out for every fifty. The "
    f"page's main thread is slowed down {SLOWER} times. A machine without a graphics processor draws the map on the "
    "same cores, which a tablet does not: so there is also told what the page's own thread took at most, its next "
    "frame's style, layout and paint included."
)
LEFT_OUT_OF = 50
"""Of so many interactions the longest is left out: by chance a page is slow once."""
_OPTIONS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking")
_WIDTH, _HEIGHT = 1024, 768
_PATIENCE_MS = 180_000
_QUIET_MS = 8_000
_DESK = "/?question=double_none&map=14.3/22.56/114.13"
"""A district's middle, at the smallest scale that draws buildings."""
_CELLS_OF_A_WORKER = 60
_SETTLE_MS = 400

_WATCH = """
window.taps = [];
window.frames = [];
new PerformanceObserver((list) => {
  for (const { interactionId, startTime, processingEnd, duration } of list.getEntries())
    if (interactionId) taps.push([interactionId, startTime, processingEnd, duration]);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
for (const kind of ["pointerdown", "pointerup", "click", "keydown"])
  addEventListener(kind, ({ timeStamp }) => requestAnimationFrame(() => {
    const began = performance.now();
    const { port1, port2 } = new MessageChannel();
    // What comes by a port is read when the frame has been drawn.
    port1.onmessage = () => frames.push([timeStamp, began, performance.now()]);
    port2.postMessage(0);
  }), { capture: true, passive: true });
window.shift = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured of the pages."""

    sizes: tuple[int, ...] = (1, 30)


@dataclass(frozen=True)
class Interaction:
    """One tap or key.

    Attributes
    ----------
    name : str
        What was done.
    whole_s : float
        To the next picture, in steps of 8 ms; one under 16 ms counts as that.
    page_s : float
        What of it the page's own thread took, at most: until its handlers ended, and its next frame.
    """

    name: str
    whole_s: float
    page_s: float


@dataclass(frozen=True, kw_only=True)
class Face:
    """What came of one page.

    Attributes
    ----------
    first_s : float
        From the address to the first row, with the processor slowed down.
    shift : float
        What moved without being asked to, as browsers count it.
    """

    name: str
    copies: int
    first_s: float
    interactions: tuple[Interaction, ...]
    shift: float

    @property
    def worst_s(self) -> float:
        """Return the interaction to next paint."""
        return longest([one.whole_s for one in self.interactions])

    @property
    def page_s(self) -> float:
        """Return the same of what the page's own thread took."""
        return longest([one.page_s for one in self.interactions])

    @property
    def middle_s(self) -> float:
        """Return the median."""
        return median(one.whole_s for one in self.interactions)

    def by_name(self) -> dict[str, tuple[float, float]]:
        """Return for each kind of interaction its longest, whole and the page's own."""
        found: dict[str, tuple[float, float]] = {}
        for one in self.interactions:
            whole, page = found.get(one.name, (0.0, 0.0))
            found[one.name] = max(whole, one.whole_s), max(page, one.page_s)
        return found


def longest(seconds: Sequence[float]) -> float:
    """Return the longest, but one for every fifty."""
    return sorted(seconds, reverse=True)[len(seconds) // LEFT_OUT_OF]


def measure(plan: Plan, districts: Districts, say: Say) -> list[Face]:
    """Open each page on districts of several sizes and tap on what there is."""
    made = []
    for copies in plan.sizes:
        cells = sorted(map(str, districts.given(copies)[1]["management_cells"].index))
        # Beside each other, not the same cell of every copy.
        here = [cell for cell in cells if copies == 1 or cell.endswith(".00")][:_CELLS_OF_A_WORKER]
        area = Area("management_cells", frozenset(here))
        with a_store(districts, copies) as (store, asked), ExitStack() as stack:
            (worker,) = cookies(store, 1, 1, role="grid_worker", area=area)
            port, _ = stack.enter_context(wangge(store, ("/healthz", "")))
            ready(port)
            for name, cookie, path, taps in (
                ("desk", asked[0][1], _DESK, DESK),
                ("tablet", worker, "/field", TABLET),
            ):
                with _tablet(port, cookie) as (context, page):
                    face = _one(context, page, f"http://127.0.0.1:{port}{path}", name, copies, taps)
                made.append(face)
                say(
                    f"{name} x{copies}: first rows {face.first_s:.1f} s, worst {face.worst_s * 1e3:.0f} ms "
                    f"({face.worst_s / MOST_TAP_S:.2f} of the limit), of it the page's own thread at most "
                    f"{face.page_s * 1e3:.0f} ms, median {face.middle_s * 1e3:.0f} ms, shift {face.shift:.3f}"
                )
                for kind, (whole, own) in face.by_name().items():
                    say(f"  {kind}: {whole * 1e3:.0f} ms, {own * 1e3:.0f} ms")
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
    context: BrowserContext, page: Page, address: str, name: str, copies: int, taps: Sequence[Tap]
) -> Face:
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    began = time.perf_counter()
    page.goto(address)
    page.locator(".row").first.wait_for()
    first_s = time.perf_counter() - began
    _quiet(page, _PATIENCE_MS)
    shift = float(page.evaluate("window.shift"))
    found = [one for tap in taps for one in _interactions(page, tap)]
    return Face(name=name, copies=copies, first_s=first_s, interactions=tuple(found), shift=shift)


def _quiet(page: Page, most_ms: int) -> None:
    """Wait until the map is drawn; taps go on where it is still at it after a while."""
    from playwright.sync_api import TimeoutError as TookTooLong

    page.wait_for_timeout(_SETTLE_MS)
    with suppress(TookTooLong):
        page.locator('#map[data-ready][aria-busy="false"]').wait_for(timeout=most_ms)
    page.wait_for_timeout(_SETTLE_MS)


def _interactions(page: Page, tap: Tap) -> list[Interaction]:
    page.evaluate("taps = []; frames = []")
    tap.do(page)
    _quiet(page, _QUIET_MS)
    events, frames = page.evaluate("[taps, frames]")
    return interactions(tap.name, events, frames)


def interactions(name: str, events: list[list[float]], frames: list[list[float]]) -> list[Interaction]:
    """Return what a browser reported of one tap or key.

    Parameters
    ----------
    name : str
    events : list
        Of Event Timing: the interaction's number, when it began, when its handlers ended, how long it lasted; ms.
    frames : list
        Of each event: when it began, when its next frame began and ended; ms.

    Returns
    -------
    list of Interaction
        One for each number; one of 16 ms where everything was shorter than is reported.
    """
    ended = {began: (since, until) for began, since, until in frames}
    found: dict[float, Interaction] = {}
    for number, began, handled, lasted in events:
        since, until = ended.get(began, (handled, handled))
        own = handled - began + max(0.0, until - max(since, handled))
        before = found.get(number, Interaction(name, 0.0, 0.0))
        found[number] = Interaction(
            name, max(before.whole_s, lasted / 1e3), max(before.page_s, min(own, max(lasted, 16.0)) / 1e3)
        )
    return list(found.values()) or [Interaction(name, 0.016, 0.016)]
