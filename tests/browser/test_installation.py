"""The map in the installation's datum and over its base map, as browsers draw it."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from geo.datum import wgs84_to_gcj02
from layers.installation import AS_SHIPPED, BaseMap
from layers.standards import Standards
from layers.store import Store, create_store
from tests.browser.conftest import Open, Watch, drawn, serving
from tests.browser.test_many_units import COLOUR, MORE
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


MAGENTA = (255, 0, 255)
METRE = 1 / 102_800
"""In degrees of longitude, hereabouts."""
BLANK = png(256, 256)


def landmark(lon: float, lat: float) -> Callable[[str], bytes]:
    """Return what paints tiles with one mark, at a place given in the tiles' own datum."""

    def paint(path: str) -> bytes:
        z, x, y = (int(part) for part in path.removesuffix(".png").split("/")[-3:])
        east = (lon + 180) / 360 * 2**z - x
        south = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z - y
        picture = Image.new("RGB", (256, 256), "white")
        at_x, at_y = east * 256, south * 256
        ImageDraw.Draw(picture).rectangle((at_x - 4, at_y - 4, at_x + 4, at_y + 4), fill=MAGENTA)
        file = BytesIO()
        picture.save(file, "png")
        return file.getvalue()

    return paint


def seen_at(page: Page) -> tuple[float, float] | None:
    """Return where on the page the landmark is seen, None where it is not."""
    picture = np.asarray(Image.open(BytesIO(page.screenshot())).convert("RGB"), dtype=int)
    rows, columns = np.nonzero(np.minimum(picture[..., 0], picture[..., 2]) - picture[..., 1] > 150)
    return (float(columns.mean()), float(rows.mean())) if len(rows) > 20 else None


@contextmanager
def tiles(paint: Callable[[str], bytes] = lambda _: BLANK) -> Iterator[tuple[str, list[str]]]:
    """Serve tiles like an operator's own host, and tell which were asked for, and from which page."""
    asked: list[str] = []

    class Tiles(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Referer', '')}".strip())
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(paint(self.path))

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
        expect(page.locator("#list .row").first).to_be_visible()
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


@pytest.mark.parametrize("webgl", [False, True])
def test_over_a_base_map_in_gcj_02_everything_sits_right(
    open_page: Open, store: Store, standards: Standards, webgl: bool
) -> None:
    """What a map in GCJ-02 has in the street west of a community is drawn in the street west of that community."""
    shape = FRAMES["communities"].geometry["C08"]
    at, street = shape.centroid, shape.bounds[0] - 11 * METRE
    lon, lat = wgs84_to_gcj02(street, at.y)
    with tiles(landmark(float(lon), float(lat))) as (host, _), tiles() as (elsewhere, asked):
        base = BaseMap(f"{host}/{{z}}/{{x}}/{{y}}.png", max_zoom=18)
        place = f"?question=double_none&unit=communities&map=17/{at.y:.6f}/{at.x:.6f}"
        with installed(store, standards, map_datum="gcj02", base_map=base) as address:
            page = open_page(f"{address}/{place}", webgl=webgl)
            drawn(page)
            box = page.locator("#map").bounding_box()
            assert box is not None
            middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            west = middle[0] - (at.x - street) * 2**17 * 256 / 360, middle[1]
            found = seen_when_painted(page)
            assert math.dist(found, west) < 3, (found, west)
            # And that community is drawn right beside it.
            beside = int(found[0]) + 30, int(found[1])
            until_painted(page, beside)
            page.mouse.click(*beside)
            expect(page.locator("#card h2")).to_have_text(FRAMES["communities"]["name"]["C08"])
            # That origin and no other, not even another port of the same machine.
            watch: Watch = page.watch  # type: ignore[attr-defined]
            watch.expected = "Content Security Policy|policy violation"
            reached = page.evaluate(
                "async (urls) => Promise.all(urls.map((url) => fetch(url).then(() => true, () => false)))",
                [f"{host}/1/1/1.png", f"{elsewhere}/1/1/1.png"],
            )
            watch.hosts -= {one.removeprefix("http://") for one in (host, elsewhere)}
            assert reached == [True, False] and asked == []
            page.close()  # software draws one map at a time
        # In the other datum the same map is half a kilometre off, as it must be: the test can see it.
        with installed(store, standards, base_map=base) as address:
            page = open_page(f"{address}/{place}", webgl=webgl)
            drawn(page)
            page.watch.hosts.discard(host.removeprefix("http://"))  # type: ignore[attr-defined]
            page.wait_for_load_state("networkidle")
            elsewhere_seen = seen_at(page)
            assert elsewhere_seen is None or math.dist(elsewhere_seen, west) > 100


OVER_BASE = 0.72


@pytest.mark.parametrize(
    ("webgl", "many"),
    [(False, False), (True, False), (True, True), (False, True)],
    ids=["canvas", "webgl", "from afar", "canvas from afar"],
)
def test_a_base_map_shows_through_the_units(
    open_page: Open, store: Store, standards: Standards, webgl: bool, many: bool
) -> None:
    with tiles(landmark(0.0, 0.0)) as (host, _):
        base = BaseMap(f"{host}/{{z}}/{{x}}/{{y}}.png", max_zoom=18)
        with installed(store, standards, base_map=base) as address:
            page = open_page("about:blank", webgl=webgl)
            if many:
                page.add_init_script(MORE)
            asked = "hotspots&map=9/22.55/114.15" if many else "double_none&unit=communities"
            page.goto(f"{address}/?question={asked}")
            expect(page.locator("#list .row").first).to_be_visible()
            drawn(page)
            page.watch.hosts.discard(host.removeprefix("http://"))  # type: ignore[attr-defined]
            full = np.array(page.evaluate(COLOUR, "hot-plus-3" if many else "double-none"))
            shot = Image.open(BytesIO(page.locator("#map").screenshot())).convert("RGB")
    mixed = OVER_BASE * full + (1 - OVER_BASE) * 255
    assert near(shot, mixed) > 300
    assert near(shot, mixed) > 10 * near(shot, full)


def near(shot: Image.Image, colour: np.ndarray[Any, Any]) -> int:
    """Return how many pixels have a colour, but for rounding."""
    return int((np.abs(np.asarray(shot, dtype=float) - colour).max(axis=2) < 4).sum())


def seen_when_painted(page: Page) -> tuple[float, float]:
    """Return where the landmark is seen once it is there and stands still."""
    last = None
    for _ in range(300):
        found = seen_at(page)
        if found is not None and last is not None and math.dist(found, last) < 0.2:
            return found
        last = found
        page.wait_for_timeout(100)
    raise AssertionError("the landmark was never seen")


def until_painted(page: Page, at: tuple[int, int]) -> None:
    """Wait until something is drawn over the white of the base map."""
    for _ in range(300):
        if Image.open(BytesIO(page.screenshot())).convert("RGB").getpixel(at) != (255, 255, 255):
            return
        page.wait_for_timeout(100)
    raise AssertionError("nothing was drawn there")


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
