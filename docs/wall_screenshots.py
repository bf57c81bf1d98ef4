"""Make the pictures of the wall in docs/screenshots/wall: every scene at every size, and its states.

Run it from anywhere: ``.venv/bin/python docs/wall_screenshots.py``, with ``scenes``, ``states`` or ``empty`` for those alone.
"""

from __future__ import annotations

import dataclasses
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from data.demo import generate  # noqa: E402  (needs the path above)
from data.demo_past import past  # noqa: E402
from layers.standards import read_standards  # noqa: E402
from layers.store import Store, create_store  # noqa: E402
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Visitor  # noqa: E402
from tests.visitors import app_for  # noqa: E402
from webmap.server import Server, listen  # noqa: E402
from webmap.settings import Settings  # noqa: E402
from webmap.wall_scenes import SCENES  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots" / "wall"
PATIENCE_MS = 240_000
SAVED_WIDTH = 1920
OPTIONS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking")
SIZES = ((1920, 1080), (3840, 2160), (5760, 1080))
SCREEN = Visitor("wall", WHOLE_DISTRICT, name="wall", via="device")


@contextmanager
def wall(store: Store, who: list[Visitor]) -> Iterator[str]:
    """Serve a store to whoever stands in `who`, and give the wall's address."""
    standards = read_standards(ROOT / "data")
    app = app_for(store, standards)
    shared = app.extensions["wangge"]
    app.extensions["wangge"] = dataclasses.replace(shared, visitors=lambda _: who[0])
    (listener,) = listen("127.0.0.1", 0, 1)
    server = Server(app, listener, threads=16, settings=Settings())
    server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/wall?seconds=3600"
    server.stop()
    listener.close()


def opened(browser: Browser, address: str, size: tuple[int, int]) -> tuple[BrowserContext, Page]:
    """Open the wall on a screen of a size, with a clock that can be moved."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.clock.install()
    page.goto(address)
    expect(page.locator(".wall-value").first).to_be_visible()
    return context, page


def stand(page: Page, scene: str) -> None:
    """Go to a scene and wait until its map stands; it is not paused."""
    expect(page.locator("#wall")).to_have_attribute("data-state", "fresh")
    page.keyboard.press(str(1 + SCENES.index(scene)))
    if scene != "linkages":
        expect(page.locator("#wall")).to_have_attribute("data-scene", scene)
        expect(page.locator(":is(#legend, #map-message):not([hidden])")).to_have_count(1)
        page.wait_for_timeout(500)
    expect(page.locator('#map[data-ready][aria-busy="false"]')).to_have_count(1)
    page.wait_for_timeout(500)
    expect(page.locator('#map[data-ready][aria-busy="false"]')).to_have_count(1)


def take(page: Page, name: str) -> None:
    """Keep a picture of the page as it is."""
    taken: Image.Image = Image.open(io.BytesIO(page.screenshot(timeout=PATIENCE_MS)))
    width = SAVED_WIDTH * (2 if taken.width > 2 * taken.height else 1)
    if taken.width > width:
        taken = taken.resize((width, width * taken.height // taken.width), Image.Resampling.LANCZOS)
    path = FOLDER / f"{name}.webp"
    taken.convert("RGB").save(path, quality=90, method=6)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KiB", flush=True)


def scenes(browser: Browser, address: str) -> None:
    """Take every scene at every size, and two in English."""
    for size in SIZES:
        context, page = opened(browser, address, size)
        # Where the linkages have a screen of their own, they are no scene.
        for scene in SCENES if size[0] < 4 * size[1] else SCENES[:3]:
            stand(page, scene)
            take(page, f"{scene}-{size[0]}")
        context.close()
    context, page = opened(browser, f"{address}&lang=en", SIZES[0])
    for scene in ("hotspots", "linkages"):
        stand(page, scene)
        take(page, f"{scene}-en")
    context.close()


def states(browser: Browser, address: str, who: list[Visitor]) -> None:
    """Take what is seen when nothing fresh comes, and on a screen that has been revoked."""
    for size in SIZES:
        context, page = opened(browser, address, size)
        stand(page, "gap")
        context.set_offline(True)
        page.clock.fast_forward("03:12:00")
        expect(page.locator("#stale")).to_be_visible()
        take(page, f"stale-{size[0]}")
        context.close()
    context, page = opened(browser, address, SIZES[0])
    stand(page, "gap")
    page.keyboard.press("Space")
    take(page, "paused")
    who[0] = RESIDENT
    page.clock.fast_forward(6_000)
    expect(page.locator("#closed")).to_be_visible()
    take(page, "revoked")
    who[0] = SCREEN
    context.close()


def empty(browser: Browser, folder: str) -> None:
    """Take a district that has nothing but its subdistricts yet."""
    district, frames = generate(read_standards(ROOT / "data"))
    bare = dataclasses.replace(district, as_of=None)
    layers = {name: frames[name] for name in ("subdistricts", "backdrop")}
    with (
        create_store(f"gpkg:{folder}/bare.gpkg", bare, layers=layers) as store,
        wall(store, [SCREEN]) as address,
    ):
        context, page = opened(browser, address, SIZES[0])
        for scene in ("gap", "linkages"):
            stand(page, scene)
            take(page, f"empty-{scene}")
        context.close()


def main() -> None:
    """Take all pictures, or the groups named on the command line."""
    wanted = sys.argv[1:] or ["scenes", "states", "empty"]
    FOLDER.mkdir(exist_ok=True, parents=True)
    expect.set_options(timeout=PATIENCE_MS)
    district, frames = generate(read_standards(ROOT / "data"))
    who = [SCREEN]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(OPTIONS))
        with (
            create_store(f"gpkg:{folder}/luohu.gpkg", district, layers=frames, past=past(frames)) as store,
            wall(store, who) as address,
        ):
            if "scenes" in wanted:
                scenes(browser, address)
            if "states" in wanted:
                states(browser, address, who)
        if "empty" in wanted:
            empty(browser, folder)
        browser.close()


if __name__ == "__main__":
    main()
