"""The map in the installation's datum and over its base map, as browsers draw it."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from geo.datum import wgs84_to_gcj02
from layers.installation import AS_SHIPPED, BaseMap
from layers.standards import Standards
from layers.store import Store, create_store
from tests.browser.conftest import Open, drawn, serving
from tests.district import small_district
from tests.layers.test_installation import png
from tests.visitors import UNLIMITED, app_for
from webmap.settings import Settings

FRAMES = small_district()[1]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    district, frames = small_district()
    path = tmp_path_factory.mktemp("installation") / "small.gpkg"
    with create_store(f"gpkg:{path}", district, layers=frames) as made:
        yield made


@contextmanager
def installed(store: Store, standards: Standards, **given: Any) -> Iterator[str]:
    settings = Settings(
        requests_a_minute=UNLIMITED,
        tiles_a_minute=UNLIMITED,
        installation=dataclasses.replace(AS_SHIPPED, **given),
    )
    with serving(app_for(store, standards, settings=settings)) as address:
        yield address


@contextmanager
def tiles() -> Iterator[tuple[str, list[str]]]:
    """Serve tiles like an operator's own host, and tell which were asked for, and from which page."""
    asked: list[str] = []
    picture = png(256, 256)

    class Tiles(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Referer', '')}".strip())
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Tiles)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_the_page_converts_as_the_server_does(open_page: Open, small: str) -> None:
    page = open_page(small)
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(73.5, 135.0, 500), rng.uniform(18.0, 53.5, 500)
    there = np.column_stack(wgs84_to_gcj02(lon, lat))
    found = page.evaluate(
        """async (points) => {
          const { toGcj02, fromGcj02, geometryToDisplay } = await import("/static/js/map/datum.js");
          const there = points.map(([lon, lat]) => toGcj02(lon, lat));
          return {
            there,
            back: there.map(([lon, lat]) => fromGcj02(lon, lat)),
            line: geometryToDisplay({ datum: "gcj02" }, { type: "LineString", coordinates: points }).coordinates,
            same: geometryToDisplay({ datum: "wgs84" }, { type: "LineString", coordinates: points }).coordinates,
          };
        }""",
        np.column_stack([lon, lat]).tolist(),
    )
    # 1e-9 degrees are a tenth of a millimetre.
    assert np.allclose(found["there"], there, rtol=0, atol=1e-9)
    assert np.allclose(found["line"], there, rtol=0, atol=1e-9)
    assert np.allclose(found["back"], np.column_stack([lon, lat]), rtol=0, atol=1e-9)
    assert np.allclose(found["same"], np.column_stack([lon, lat]), rtol=0, atol=0)


@pytest.mark.parametrize("webgl", [False, True])
def test_a_click_finds_what_is_drawn_under_it(
    open_page: Open, store: Store, standards: Standards, webgl: bool
) -> None:
    at = FRAMES["communities"].geometry["C08"].centroid
    with installed(store, standards, map_datum="gcj02") as address:
        place = f"{address}/?question=double_none&unit=communities&map=17/{at.y:.6f}/{at.x:.6f}"
        page = open_page(place, webgl=webgl)
        drawn(page)
        box = page.locator("#map").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.locator("#card h2")).to_have_text(FRAMES["communities"]["name"]["C08"])
        # The address stays in EPSG:4490, whatever the map is drawn in.
        _, lat, lon = page.evaluate("new URLSearchParams(location.search).get('map')").split("/")
        assert math.hypot(float(lat) - at.y, float(lon) - at.x) < 2e-4


def test_as_shipped_nothing_is_asked_of_anybody_else(
    open_page: Open, store: Store, standards: Standards
) -> None:
    with installed(store, standards) as address:
        page = open_page(address, webgl=True)
        drawn(page)
        assert page.watch.hosts - {""} == {address.removeprefix("http://")}  # type: ignore[attr-defined]


@pytest.mark.parametrize("webgl", [False, True])
def test_an_operators_base_map_is_drawn_and_nothing_else_is_asked_for(
    open_page: Open, store: Store, standards: Standards, webgl: bool
) -> None:
    with tiles() as (host, asked):
        base = BaseMap(f"{host}/{{z}}/{{x}}/{{y}}.png", "样板测绘院", 16)
        with installed(store, standards, base_map=base) as address:
            page = open_page(address, webgl=webgl)
            drawn(page)
            expect(page.locator(".map-attribution")).to_have_text("样板测绘院")
            page.wait_for_timeout(200)
            hosts: set[str] = page.watch.hosts  # type: ignore[attr-defined]
            assert hosts - {""} == {address.removeprefix("http://"), host.removeprefix("http://")}
            hosts.discard(host.removeprefix("http://"))
    assert asked
    assert all(" " not in one for one in asked), "a tile server is told which page is looked at"


def test_a_base_map_that_is_away_leaves_the_map(open_page: Open, store: Store, standards: Standards) -> None:
    with tiles() as (host, _):
        pass  # nobody is there any more
    with installed(store, standards, base_map=BaseMap(f"{host}/{{z}}/{{x}}/{{y}}.png")) as address:
        page = open_page(address)
        page.watch.expected = "ERR_"  # type: ignore[attr-defined]
        drawn(page)
        expect(page.locator(".map-attribution")).to_have_count(0)
        expect(page.locator("#list").get_by_role("row").nth(1)).to_be_visible()
        page.watch.hosts.discard(host.removeprefix("http://"))  # type: ignore[attr-defined]
