"""The real service on a free port, and a real Chromium that watches what the page does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from layers.standards import Standards
from layers.store import create_store, open_store
from tests.district import small_district
from tests.visitors import app_for
from webmap.server import Server, listen
from webmap.settings import Settings

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
NO_WEBGL = """
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") ? null : getContext.call(this, kind, ...rest);
};
"""
# Software graphics on a busy machine take their time; no test waits longer than it must.
PATIENCE_MS = 30_000

expect.set_options(timeout=PATIENCE_MS)


OPENED: list[BrowserContext] = []
"""What `open_page` opened in the present test."""


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve `app` on a free port and give its address; pages that show it are closed before it ends.

    A page that outlives its server complains of what it asks for at that moment.
    """
    (listener,) = listen("127.0.0.1", 0, 1)
    server = Server(app, listener, threads=8, settings=Settings())
    server.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield address
    finally:
        for context in OPENED:
            if any(page.url.startswith(f"{address}/") for page in context.pages):
                context.close()
        server.stop()
        listener.close()


@pytest.fixture(scope="session")
def small(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the small district."""
    district, frames = small_district()
    url = f"gpkg:{tmp_path_factory.mktemp('browser') / 'small.gpkg'}"
    with (
        create_store(url, district, layers=frames) as store,
        serving(app_for(store, standards)) as address,
    ):
        yield address


@pytest.fixture(scope="session")
def new(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a district that has nothing but its subdistricts yet."""
    district, frames = small_district()
    bare = dataclasses.replace(district, invented=False, as_of=None)
    url = f"gpkg:{tmp_path_factory.mktemp('browser') / 'new.gpkg'}"
    layers = {"subdistricts": frames["subdistricts"]}
    with create_store(url, bare, layers=layers) as store, serving(app_for(store, standards)) as address:
        yield address


@pytest.fixture(scope="session")
def luohu(standards: Standards, demo_url: str) -> Iterator[str]:
    """Return the address of the demonstration district."""
    with open_store(demo_url, read_only=True) as store, serving(app_for(store, standards)) as address:
        yield address


class Watch:
    """What a page must not do: complain, break its policy, or ask another host."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.expected = ""
        page.add_init_script(REPORT_VIOLATIONS)
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error.stack or error}"))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _console(self, kind: str, text: str) -> None:
        if kind == "error" and not any(one in text for one in self.expected.split("|") if one):
            self.complaints.append(text)

    def check(self) -> None:
        assert self.complaints == []
        assert len(self.hosts - {""}) <= 1, self.hosts


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Return a function that opens an address in a fresh context; at the end the page must have behaved.

    WebGL in software takes most of a page's time: only the tests that look at what it draws ask for it, the
    others see the canvas engine.
    """
    watches: list[Watch] = []

    def opened(
        address: str, *, width: int = 1280, height: int = 720, webgl: bool = False, **options: Any
    ) -> Page:
        options = {"reduced_motion": "reduce", "locale": "zh-CN", **options}
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE_MS)
        OPENED.append(context)
        page = context.new_page()
        watches.append(Watch(page))
        page.watch = watches[-1]  # type: ignore[attr-defined]
        if not webgl:
            page.add_init_script(NO_WEBGL)
        page.goto(address)
        return page

    yield opened
    for context in OPENED:
        context.close()
    OPENED.clear()
    for watch in watches:
        watch.check()


def drawn(page: Page) -> None:
    """Wait until the map stands still, all tiles drawn."""
    expect(page.locator("#map[data-ready]")).to_have_attribute("aria-busy", "false")


def saved(page: Page, press: Callable[[], None], folder: Path) -> Path:
    """Return the file that `press` downloads."""
    with page.expect_download() as waiting:
        press()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path
