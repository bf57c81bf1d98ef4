"""What the scripts of the pictures share: districts to serve, a clock that stands still, keeping what is seen."""

from __future__ import annotations

import dataclasses
import io
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import geopandas as gpd
from flask import Flask
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, Playwright, expect

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from data.demo import generate  # noqa: E402  (needs the path above)
from data.demo_past import past  # noqa: E402
from layers.standards import Standards, read_standards  # noqa: E402
from layers.store import Store, create_store, open_store  # noqa: E402
from webmap.server import Server, listen  # noqa: E402
from webmap.settings import Settings  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
PATIENCE_MS = 120_000
OPTIONS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking")
NOW = datetime(2026, 11, 20, 2, 32, tzinfo=UTC)
"""What every clock says: half past ten in the morning in China."""
MOST_BYTES = 300_000
QUALITIES = (90, 80, 70)


class Districts:
    """The demonstration district, made once, in as many copies as are written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.standards: Standards = read_standards(ROOT / "data")

    @cached_property
    def made(self) -> tuple[Path, dict[str, gpd.GeoDataFrame]]:
        """The store's file that is copied, and what is in it."""
        district, frames = generate(self.standards)
        path = self.folder / "luohu.gpkg"
        create_store(f"gpkg:{path}", district, layers=frames, past=past(frames), clock=lambda: NOW).close()
        bare = dataclasses.replace(district, as_of=None, invented=False)
        layers = {name: frames[name] for name in ("subdistricts", "backdrop")}
        create_store(f"gpkg:{self.folder / 'bare.gpkg'}", bare, layers=layers, clock=lambda: NOW).close()
        return path, frames

    @contextmanager
    def copy(self, name: str) -> Iterator[tuple[Store, Path]]:
        """Open a copy of its own, in a folder of its own."""
        path = self.folder / name / "luohu.gpkg"
        path.parent.mkdir()
        shutil.copy(self.made[0], path)
        with open_store(f"gpkg:{path}", clock=lambda: NOW) as store:
            yield store, path

    @contextmanager
    def bare(self) -> Iterator[Store]:
        """Open a district that has nothing but its subdistricts yet."""
        path = self.made[0].with_name("bare.gpkg")
        with open_store(f"gpkg:{path}", clock=lambda: NOW) as store:
            yield store


def launched(playwright: Playwright) -> Browser:
    """Start this machine's own Chromium."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(OPTIONS))


@contextmanager
def serving(app: Flask, port: int = 0) -> Iterator[str]:
    """Serve an application on a port, or a free one, and give its address."""
    (listener,) = listen("127.0.0.1", port, 1)
    with ExitStack() as ends:
        ends.callback(listener.close)
        server = Server(app, listener, threads=16, settings=Settings())
        server.start()
        ends.callback(server.stop)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def screen(
    browser: Browser, size: tuple[int, int], *, touch: bool = False, theme: str = ""
) -> Iterator[Page]:
    """Open a page of a size, whose clock stands still; `theme` is the tablet's."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        has_touch=touch,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    context.clock.set_fixed_time(NOW)
    if theme:
        context.add_init_script(f"localStorage.setItem('wangge-field-theme', '{theme}')")
    yield context.new_page()
    context.close()


def stands(page: Page) -> None:
    """Wait until nothing is on its way any more: no answer, no card, no tile."""
    expect(page.locator("#progress:visible, .card-wait")).to_have_count(0)
    for _ in range(2):
        expect(page.locator('.map:visible:not([data-ready][aria-busy="false"])')).to_have_count(0)
        page.wait_for_timeout(400)


def keep(page: Page, name: str, *, margin: int = 0) -> None:
    """Keep a picture of the page as it is, as good as fits; `margin` is white, as around what is printed."""
    page.mouse.move(0, 0)
    expect(page.locator("#toast:visible")).to_have_count(0)
    taken = Image.open(io.BytesIO(page.screenshot(timeout=PATIENCE_MS))).convert("RGB")
    taken = ImageOps.expand(taken, margin, "white")
    path = FOLDER / f"{name}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    for quality in QUALITIES:
        taken.save(path, quality=quality, method=6)
        if path.stat().st_size < MOST_BYTES:
            break
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KiB", flush=True)
