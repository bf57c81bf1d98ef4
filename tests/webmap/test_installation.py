"""What an installation's settings do to the service: its head, its policy for browsers, and what its map is drawn in."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from geo.datum import gcj02_to_wgs84, wgs84_to_gcj02
from layers.installation import AS_SHIPPED, BaseMap, Logo
from layers.standards import Standards
from layers.store import Store
from layers.text import Text
from tests.district import small_district
from tests.layers.test_installation import png
from tests.security.asking import VISITORS
from tests.visitors import UNLIMITED, app_for
from tests.webmap.decoding import decoded
from tests.webmap.test_tiles import place_of
from webmap.display import displayed, displayed_boxes
from webmap.settings import Settings

BASE = BaseMap("https://tiles.example:8443/{z}/{x}/{y}.png", "某某测绘院 © 2020", 17)
FRAMES = small_district()[1]
EARTH_M = 6_371_000.0


def client_of(store: Store, standards: Standards, **installation: Any) -> FlaskClient:
    settings = Settings(
        requests_a_minute=UNLIMITED,
        tiles_a_minute=UNLIMITED,
        installation=dataclasses.replace(AS_SHIPPED, **installation),
    )
    return app_for(store, standards, settings=settings).test_client()


def description(client: FlaskClient) -> dict[str, Any]:
    page = client.get("/").get_data(as_text=True)
    found = re.search(r'id="map-description">(.*?)</script>', page, re.DOTALL)
    assert found
    described: dict[str, Any] = json.loads(found[1])
    return described


def apart_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return metres between two places that are near each other."""
    (lon, lat), (east, north) = one, other
    return EARTH_M * math.radians(1) * math.hypot((lon - east) * math.cos(math.radians(lat)), lat - north)


# Name and logo


def test_name_and_logo_are_in_the_head(small_store: Store, standards: Standards) -> None:
    content = png()
    logo = Logo(content, "image/png", 32, 16)
    client = client_of(small_store, standards, title=Text("样板一张图", "Sample on <one> map"), logo=logo)
    page = client.get("/").get_data(as_text=True)
    assert '<span class="brand-name">样板一张图</span>' in page
    assert "· 样板一张图</title>" in page
    assert "Sample on &lt;one&gt; map" in client.get("/?lang=en").get_data(as_text=True)
    address = re.search(r'<img class="logo" src="([^"]+)" alt="">', page)
    assert address
    answer = client.get(address[1])
    assert (answer.data, answer.mimetype) == (content, "image/png")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_without_settings_our_own_name_stands(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    assert '<span class="brand-name">网格</span>' in page
    assert "/logo" not in page
    assert client.get("/logo").status_code == 404


# Requests outside


def policy_of(client: FlaskClient, path: str = "/") -> dict[str, str]:
    told = client.get(path).headers["Content-Security-Policy"]
    return dict(part.split(" ", 1) for part in told.split("; "))


def test_as_shipped_a_browser_may_ask_nobody_else(client: FlaskClient) -> None:
    assert AS_SHIPPED.base_map is None
    for path in ("/", "/api/district", "/tiles/communities/14/1/1.mvt", "/nowhere"):
        told = client.get(path).headers["Content-Security-Policy"]
        assert not re.search(r"https?:|//|\*", told), path
    assert description(client)["base_map"] is None


def test_with_a_base_map_it_may_ask_just_its_origin_for_pictures(
    small_store: Store, standards: Standards
) -> None:
    ours = policy_of(client_of(small_store, standards))
    client = client_of(small_store, standards, base_map=BASE)
    theirs = policy_of(client)
    changed = {name for name in ours if ours[name].split("'nonce-")[0] != theirs[name].split("'nonce-")[0]}
    assert changed == {"img-src", "connect-src"}
    for name in changed:
        assert theirs[name] == f"{ours[name]} https://tiles.example:8443"
    assert description(client)["base_map"] == {
        "url": BASE.url,
        "attribution": BASE.attribution,
        "max_zoom": 17,
    }


KEYED = dataclasses.replace(BASE, url="https://tiles.example:8443/{z}/{x}/{y}.png?tk=0badc0de")


def test_only_pages_that_draw_the_map_tell_of_it(small_store: Store, standards: Standards) -> None:
    shipped = dataclasses.replace(AS_SHIPPED, base_map=KEYED)
    settings = Settings(requests_a_minute=UNLIMITED, tiles_a_minute=UNLIMITED, installation=shipped)
    for visitor, drawn in (
        (VISITORS["planner"], ("/", "/compare", "/field")),
        (VISITORS["wall"], ("/", "/compare", "/wall")),
        (VISITORS["auditor"], ()),
    ):
        client = app_for(small_store, standards, visitor, settings=settings).test_client()
        for path in (
            "/",
            "/compare",
            "/field",
            "/field/sw.js",
            "/field/manifest.webmanifest",
            "/wall",
            "/api",
            "/api/district",
            "/api/view",
            "/nowhere",
            "/static/css/base.css",
        ):
            answer = client.get(path)
            told = f"{answer.headers} {answer.get_data(as_text=True)}"
            assert ("0badc0de" in told) == (path in drawn), (visitor.role, path)
            assert ("tiles.example" in told) == (path in drawn), (visitor.role, path)


def test_a_tablet_s_page_is_kept_anew_with_another_base_map(small_store: Store, standards: Standards) -> None:
    workers = {
        client_of(small_store, standards, base_map=base).get("/field/sw.js").data
        for base in (None, BASE, KEYED, KEYED)
    }
    assert len(workers) == 3


# What the map is drawn in


@given(st.floats(73.5, 135.0), st.floats(18.0, 53.5))
def test_there_and_back_is_less_than_half_a_metre(lon: float, lat: float) -> None:
    there = wgs84_to_gcj02(lon, lat)
    back = gcj02_to_wgs84(*there)
    assert apart_m((lon, lat), (float(back[0]), float(back[1]))) < 0.5
    # Looked at every 0.02 degrees: 17.6 m, by 96.6 E 37.1 N, to 715 m.
    assert 15 < apart_m((lon, lat), (float(there[0]), float(there[1]))) < 750


@given(
    st.floats(73.5, 134.0),
    st.floats(18.0, 52.5),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_what_lies_in_a_box_lies_in_the_displayed_one(
    west: float, south: float, width: float, height: float, x: float, y: float
) -> None:
    [[left, low, right, high]] = displayed_boxes(
        np.array([[west, south, west + width, south + height]]), "gcj02"
    )
    lon, lat = wgs84_to_gcj02(west + x * width, south + y * height)
    tiny = 1e-12
    assert left - tiny <= lon <= right + tiny
    assert low - tiny <= lat <= high + tiny


def positions(client: FlaskClient, zoom: int, place: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """Return where a tile draws facilities, in degrees of the tile's own grid."""
    z, x, y = place_of(*place, zoom)
    found = {}
    for feature in decoded(client.get(f"/tiles/facilities/{z}/{x}/{y}.mvt").data):
        if feature["geometry"]["type"] == "Point":
            at, down = feature["geometry"]["coordinates"]
            column, row = x + at / 4096, y + down / 4096
            lon = column / 2**z * 360 - 180
            lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 2**z))))
            found[feature["properties"]["id"]] = (lon, lat)
    return found


def test_a_tile_shifts_by_the_right_amount(small_store: Store, standards: Standards) -> None:
    facility = FRAMES["facilities"]
    code = next(str(one) for one, shape in facility.geometry.items() if shape.geom_type == "Point")
    at = (float(shapely.get_x(facility.geometry[code])), float(shapely.get_y(facility.geometry[code])))
    moved = tuple(float(one) for one in wgs84_to_gcj02(*at))
    assert apart_m(at, moved) > 300  # type: ignore[arg-type]
    zoom = 17
    plain = positions(client_of(small_store, standards), zoom, at)
    there = positions(client_of(small_store, standards, map_datum="gcj02"), zoom, moved)  # type: ignore[arg-type]
    grid_m = 2 * math.pi * EARTH_M / 2**zoom / 4096
    assert apart_m(plain[code], at) < grid_m
    assert apart_m(there[code], moved) < grid_m  # type: ignore[arg-type]


def test_every_tile_of_a_displaced_district_is_there(small_store: Store, standards: Standards) -> None:
    # By zoom 16 the district is some tens of tiles; what is drawn is found wherever it was moved to.
    client = client_of(small_store, standards, map_datum="gcj02")
    west, south, east, north = FRAMES["buildings"].total_bounds
    corners = np.array(wgs84_to_gcj02([west, east], [south, north]))
    zoom, left, top = place_of(corners[0, 0], corners[1, 1], 16)
    _, right, bottom = place_of(corners[0, 1], corners[1, 0], 16)
    seen: set[str] = set()
    for x in range(left - 1, right + 2):
        for y in range(top - 1, bottom + 2):
            body = client.get(f"/tiles/buildings/{zoom}/{x}/{y}.mvt").data
            seen |= {feature["properties"]["id"] for feature in decoded(body)} if body else set()
    assert seen == set(FRAMES["buildings"].index)


def test_one_displaced_shape_is_drawn_as_every_vertex_is_moved() -> None:
    shapes = np.asarray(FRAMES["communities"].geometry.array, dtype=object)[:3]
    for before, after in zip(shapes, displayed(shapes, "gcj02"), strict=True):
        if before.geom_type == "Polygon":
            moved = np.column_stack(wgs84_to_gcj02(*np.array(before.exterior.coords).T))
            assert np.allclose(after.exterior.coords, moved, atol=1e-12, rtol=0)
    assert displayed(shapes, "wgs84") is shapes


@pytest.mark.parametrize(
    "path",
    [
        "/api/district",
        "/api/view?question=gap&unit=communities",
        "/api/layers/facilities/features",
        "/api/units/communities/C01",
        "/api/search?q=%E7%BB%BF",
    ],
)
def test_answers_stay_in_epsg_4490(small_store: Store, standards: Standards, path: str) -> None:
    plain = client_of(small_store, standards).get(path)
    moved = client_of(small_store, standards, map_datum="gcj02").get(path)
    assert plain.status_code == 200, plain.get_data(as_text=True)
    assert moved.data == plain.data


def test_positions_in_the_page_stay_in_epsg_4490(small_store: Store, standards: Standards) -> None:
    plain = description(client_of(small_store, standards))
    moved = description(client_of(small_store, standards, map_datum="gcj02"))
    assert (plain.pop("datum"), moved.pop("datum")) == ("wgs84", "gcj02")
    assert moved == plain


def test_files_stay_in_epsg_4490(small_store: Store, standards: Standards, tmp_path: Path) -> None:
    path = "/download?format=csv&question=gap&unit=communities"
    plain = client_of(small_store, standards).get(path)
    moved = client_of(small_store, standards, map_datum="gcj02").get(path)
    assert (plain.status_code, moved.data) == (200, plain.data)
