"""Make the pictures of the page in docs/screenshots, from the demonstration district and always the same.

Run it from anywhere: ``.venv/bin/python docs/screenshots.py``.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from scipy.spatial import cKDTree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from data.demo import generate  # noqa: E402  (needs the path above)
from layers.standards import read_standards  # noqa: E402
from layers.store import create_store  # noqa: E402
from tests.visitors import app_for  # noqa: E402
from webmap.server import Server, listen  # noqa: E402
from webmap.settings import Settings  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
TOKENS = ROOT / "webmap" / "static" / "css" / "tokens.css"
PATIENCE_MS = 120_000
SAVED_WIDTH = 1800
OPTIONS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking")


@dataclass(frozen=True)
class Picture:
    """One picture: where the page stands, how large the screen is, what is done before."""

    name: str
    address: str
    width: int = 1440
    height: int = 900
    touch: bool = False
    steps: Callable[[Page], None] = lambda page: None


def first_row(page: Page) -> None:
    """Choose the worst unit, and look at it from a little farther away."""
    page.locator(".row").first.click()
    page.locator(".map-tools button").nth(1).click()


PICTURES = (
    Picture("gap-zh", "/"),
    Picture("double-none-zh", "/?question=double_none", steps=first_row),
    Picture("hotspots-zh", "/?question=hotspots", steps=first_row),
    Picture("hotspots-en", "/?question=hotspots&unit=h3:10&lang=en"),
    Picture("double-none-dark", "/?question=double_none&theme=dark&map=15/22.553/114.112"),
    Picture("tablet-1024", "/?question=double_none&theme=sun", 1024, 768, touch=True, steps=first_row),
    Picture("wall-3840", "/?theme=dark", 3840, 2160),
)


@contextmanager
def service() -> Iterator[str]:
    """Serve a fresh demonstration district and give its address."""
    standards = read_standards(ROOT / "data")
    district, frames = generate(standards)
    with (
        tempfile.TemporaryDirectory() as folder,
        create_store(f"gpkg:{folder}/luohu.gpkg", district, layers=frames) as store,
    ):
        (listener,) = listen("127.0.0.1", 0, 1)
        server = Server(app_for(store, standards), listener, threads=16, settings=Settings())
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.stop()
        listener.close()


def take(browser: Browser, address: str, picture: Picture) -> Path:
    """Take one picture, once nothing moves any more."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        has_touch=picture.touch,
        locale="zh-CN",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(address + picture.address)
    expect(page.locator(".row").first).to_be_visible()
    drawn = page.locator('#map[data-ready][aria-busy="false"]')
    expect(drawn).to_be_visible()
    picture.steps(page)
    expect(page.locator(".card-wait")).to_have_count(0)
    expect(drawn).to_be_visible()
    page.mouse.move(0, 0)
    taken: Image.Image = Image.open(io.BytesIO(page.screenshot(timeout=PATIENCE_MS)))
    context.close()
    path = FOLDER / f"{picture.name}.png"
    if picture.width > SAVED_WIDTH:
        taken = taken.resize(
            (SAVED_WIDTH, SAVED_WIDTH * picture.height // picture.width), Image.Resampling.LANCZOS
        )
    small(taken).save(path, optimize=True)
    return path


def small(taken: Image.Image) -> Image.Image:
    """Return the picture in 256 colours: those of the design that are in it, then the most frequent ones."""
    pixels = np.asarray(taken.convert("RGB")).reshape(-1, 3)
    found, counts = np.unique(pixels @ [65536, 256, 1], return_counts=True)
    tokens = {int(digits, 16) for digits in re.findall(r"#([0-9a-f]{6})\b", TOKENS.read_text("utf-8"))}
    designed = np.isin(found, list(tokens))
    kept = found[np.lexsort((-counts, ~designed))][:256]
    palette = np.stack([kept >> 16, kept >> 8 & 255, kept & 255], axis=1).astype(np.uint8)
    nearest = cKDTree(palette).query(pixels)[1].astype(np.uint8)
    drawn = Image.frombytes("P", taken.size, nearest.tobytes())
    drawn.putpalette(palette.tobytes())
    return drawn


def main() -> None:
    """Take all pictures, or those named on the command line."""
    FOLDER.mkdir(exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    wanted = sys.argv[1:] or [picture.name for picture in PICTURES]
    with service() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(OPTIONS))
        for picture in PICTURES:
            if picture.name in wanted:
                path = take(browser, address, picture)
                print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KiB")
        browser.close()


if __name__ == "__main__":
    main()
