"""Tiles, read back by decoders that are not ours: GDAL's driver and mapbox-vector-tile's."""

from __future__ import annotations

import gzip
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from layers.schema import LAYERS
from tests.district import small_district
from tests.webmap.decoding import Place, by_gdal, decoded, zstd
from webmap import tile_geometry as tiling
from webmap.codings import CODINGS, Coding
from webmap.tile_cache import TileCache
from webmap.tile_layers import LABELLED, Drawn
from webmap.tile_source import Source

FRAMES = small_district()[1]
MIDDLE = (114.1342, 22.549)


def place_of(lon: float, lat: float, zoom: int) -> Place:
    """The tile at a position, by the usual slippy-map formula."""
    count = 2**zoom
    x = (lon + 180) / 360 * count
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * count
    return zoom, int(x), int(y)


def places_over(zoom: int) -> list[Place]:
    west, south, east, north = FRAMES["subdistricts"].total_bounds
    _, left, top = place_of(west, north, zoom)
    _, right, bottom = place_of(east, south, zoom)
    return [(zoom, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]


def fetched(client: FlaskClient, layer: str, place: Place) -> bytes:
    response = client.get("/tiles/{}/{}/{}/{}.mvt".format(layer, *place))
    assert response.status_code in (200, 204), response.data
    body: bytes = response.data
    return body


def ids(body: bytes) -> set[str]:
    return {feature["properties"]["id"] for feature in decoded(body)}


GOLDEN = {
    ("subdistricts", 14): {"S1", "S2"},
    ("subdistricts-label", 14): {"S1", "S2"},
    ("neighbourhoods-label", 14): {"S1N1", "S1N2", "S2N1", "S2N2"},
    ("communities", 14): set(FRAMES["communities"].index),
    ("communities-label", 14): set(FRAMES["communities"].index),
    ("management_cells", 14): {f"G0{n}" for n in range(1, 9)},
    ("management", 14): {f"G0{n}" for n in range(1, 9)},
    ("mediation_rooms", 10): {"M1", "M2", "M3"},
    ("facilities", 0): set(FRAMES["facilities"].index),
    ("buildings", 12): set(),
    ("complaints", 12): set(),
}


@pytest.mark.parametrize(("layer", "zoom"), GOLDEN)
def test_a_layer_is_in_its_tiles(client: FlaskClient, layer: str, zoom: int) -> None:
    found = [ids(fetched(client, layer, place)) for place in places_over(zoom)]
    assert set().union(*found) == GOLDEN[layer, zoom]


def test_one_tile_reads_as_on_paper(client: FlaskClient) -> None:
    """A building of 90 m by 40 m at zoom 16, where 1,000 m are 7,250 units: 653 units by 290."""
    middle = FRAMES["buildings"].geometry["C01-B4"].centroid
    place = place_of(middle.x, middle.y, 16)
    features = {f["properties"]["id"]: f for f in decoded(fetched(client, "buildings", place))}
    building = features["C01-B4"]
    assert building["properties"] == {"id": "C01-B4", "name": "4栋"}
    assert building["geometry"]["type"] == "Polygon"
    ring = np.array(building["geometry"]["coordinates"][0])
    width, height = np.ptp(ring, axis=0)
    assert (width, height) == (pytest.approx(653, abs=4), pytest.approx(290, abs=4))


def test_what_is_shown_of_a_feature(client: FlaskClient) -> None:
    place = place_of(*MIDDLE, 14)
    facilities = {
        f["properties"]["id"]: f["properties"] for f in decoded(fetched(client, "facilities", place))
    }
    assert facilities["F08"] == {"id": "F08", "name": "F08号设施", "kind": "library"}
    communities = {
        f["properties"]["id"]: f["properties"] for f in decoded(fetched(client, "communities", place))
    }
    assert communities["C10"] == {
        "id": "C10",
        "name": "甲&乙“<园>”",
        "name_en": "A&B <Yard>",
        "kind": "other",
    }
    complaint = decoded(fetched(client, "complaints", place))[0]["properties"]
    assert set(complaint) == {"id", "demand_group", "opened"}


@pytest.mark.parametrize("layer", [*LAYERS, *(f"{name}-label" for name in LABELLED), "square-100", "h3-10"])
@pytest.mark.parametrize("zoom", [13, 16])
def test_gdal_reads_the_same_places(client: FlaskClient, layer: str, zoom: int) -> None:
    """Every feature is where it is on the ground, to a unit, and below zoom 16 to the half pixel simplified."""
    source = frame_in_mercator(client, layer)
    units = 1 if zoom >= 16 else 1 + tiling.PIXEL / 2
    seen = 0
    for place in places_over(zoom):
        body = fetched(client, layer, place)
        if not body:
            continue
        read = by_gdal(body, place)
        box = shapely.box(*tiling.tile_box(*place))
        for code, shape in zip(read["id"], read.geometry, strict=True):
            seen += 1
            assert differ_by(source[code], shape, box) <= units * tiling.unit_m(zoom)
    assert seen


def differ_by(one: Any, other: Any, window: Any) -> float:
    """How far two shapes differ within a window: the distance of points, the width of what only one covers."""
    if one.geom_type == "Point":
        return float(shapely.distance(one, other))
    only_one = shapely.symmetric_difference(one, other).intersection(window)
    parts = [part for part in shapely.get_parts(only_one) if part.area > 0]
    return max((2 * shapely.maximum_inscribed_circle(part).length for part in parts), default=0.0)


def frame_in_mercator(client: FlaskClient, layer: str) -> gpd.GeoSeries:
    snapshot = client.application.extensions["wangge"].snapshots.current()
    name = layer.removesuffix("-label")
    if name in LAYERS:
        frame = FRAMES[name]
    else:
        from layers.units import unit_frame

        frame = unit_frame(snapshot, name.replace("-", ":", 1))
    moved: gpd.GeoSeries = frame.geometry.to_crs("EPSG:3857")
    symbols = layer != name or layer in ("facilities", "mediation_rooms")
    return moved.representative_point() if symbols else moved


@pytest.mark.parametrize("layer", [*LAYERS, "square-50", "h3-10"])
def test_at_zoom_16_every_feature_is_in_the_tiles_over_it(client: FlaskClient, layer: str) -> None:
    shown = {place: ids(fetched(client, layer, place)) for place in places_over(16)}
    for code, shape in frame_in_mercator(client, layer).items():
        for place, found in shown.items():
            if shape.intersects(shapely.box(*tiling.tile_box(*place, buffer=-1))):
                assert code in found, (code, place)


@pytest.mark.parametrize(
    "layer", ["subdistricts", "communities", "buildings", "management_cells", "square-100"]
)
@pytest.mark.parametrize("zoom", [13, 14, 16])
def test_rings_wind_as_the_format_wants(client: FlaskClient, layer: str, zoom: int) -> None:
    """Exterior rings have a positive area by the surveyor's formula in tile units, y down; holes a negative one."""
    polygons = 0
    for place in places_over(zoom):
        for feature in decoded(fetched(client, layer, place)):
            geometry = feature["geometry"]
            if geometry["type"] == "Point":
                continue
            parts = (
                geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
            )
            for shell, *holes in parts:
                polygons += 1
                assert signed_area(shell) > 0
                assert all(signed_area(hole) < 0 for hole in holes)
                assert shapely.Polygon(shell, holes).is_valid
    assert polygons


def signed_area(ring: list[list[int]]) -> float:
    x, y = np.array(ring, dtype=float).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def test_a_hole_stays_a_hole(client: FlaskClient) -> None:
    shapes = FRAMES["buildings"].geometry
    code = shapes.index[shapely.get_num_interior_rings(shapes.to_numpy()) > 0][0]
    west, south, _, _ = shapes[code].bounds
    place = place_of(west, south, 17)
    features = {f["properties"]["id"]: f for f in decoded(fetched(client, "buildings", place))}
    assert len(features[code]["geometry"]["coordinates"]) == 2


@pytest.mark.parametrize("layer", ["subdistricts", "communities", "management_cells", "square-100"])
@pytest.mark.parametrize("zoom", [13, 14, 15, 16])
def test_neighbouring_tiles_agree_along_their_edge(client: FlaskClient, layer: str, zoom: int) -> None:
    """In the strip that both tiles draw, each feature is the same to the unit."""
    extent, strip, compared = tiling.EXTENT, 32, 0
    for _, x, y in places_over(zoom):
        for dx, dy in ((1, 0), (0, 1)):
            here = shapes_by_id(fetched(client, layer, (zoom, x, y)), 0, 0)
            there = shapes_by_id(fetched(client, layer, (zoom, x + dx, y + dy)), extent * dx, extent * dy)
            window = shapely.box(
                (extent if dx else 0) - strip, (extent if dy else 0) - strip, extent + strip, extent + strip
            )
            for code in here.keys() & there.keys():
                assert differ_by(here[code], there[code], window) <= 1, code
                compared += 1
            for code in here.keys() ^ there.keys():
                alone = (here | there)[code]
                assert differ_by(alone, shapely.Polygon(), window) <= 1, code
    assert compared


def shapes_by_id(body: bytes, dx: int, dy: int) -> dict[str, Any]:
    found = {}
    for feature in decoded(body):
        shape = shapely.geometry.shape(feature["geometry"])
        if shape.geom_type != "Point":
            found[feature["properties"]["id"]] = shapely.transform(shape, lambda xy: np.add(xy, (dx, dy)))
    return found


@pytest.mark.parametrize("layer", ["management", "management_cells", "neighbourhoods"])
@pytest.mark.parametrize("zoom", range(10, 16))
def test_shared_edges_stay_shared_at_every_zoom(client: FlaskClient, layer: str, zoom: int) -> None:
    """What tiles the ground leaves no gap and no overlap in a tile."""
    for place in places_over(zoom):
        shapes = list(shapes_by_id(fetched(client, layer, place), 0, 0).values())
        if len(shapes) > 1:
            joined = shapely.union_all(shapes)
            assert sum(shape.area for shape in shapes) == pytest.approx(joined.area)
            assert len(shapely.get_parts(joined)) == 1
            assert len(shapely.get_rings(joined)) == 1


@given(
    layer=st.sampled_from(
        [*LAYERS, "communities-label", "square-100", "nothing", "square-x", "h3-99", "square-1"]
    ),
    zoom=st.integers(-2, 25),
    x=st.integers(-2, 2**21),
    y=st.integers(-2, 2**21),
)
def test_no_place_breaks_a_tile(app: Flask, layer: str, zoom: int, x: int, y: int) -> None:
    response = app.test_client().get(f"/tiles/{layer}/{zoom}/{x}/{y}.mvt")
    there = 0 <= zoom <= tiling.MAX_ZOOM and 0 <= x < 2**zoom and 0 <= y < 2**zoom
    known = layer in LAYERS or layer in ("communities-label", "square-100")
    assert response.status_code in ((200, 204) if there and known else (404,) if there else (400,))


@pytest.mark.parametrize(
    "path", ["14/13386/7138.png", "14/13386/7138", "14/13386.mvt", "a/b/c.mvt", "1/0/0.5.mvt", "１/0/0.mvt"]
)
def test_a_tile_address_that_is_none(client: FlaskClient, path: str) -> None:
    response = client.get(f"/tiles/communities/{path}")
    assert response.status_code in (400, 404)
    assert response.mimetype == "text/plain"


def test_a_tile_is_compressed_kept_and_asked_for_again(client: FlaskClient) -> None:
    address = "/tiles/square-50/{}/{}/{}.mvt".format(*place_of(*MIDDLE, 14))
    plain = client.get(address)
    zipped = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert plain.mimetype == zipped.mimetype == "application/vnd.mapbox-vector-tile"
    assert gzip.decompress(zipped.data) == plain.data
    assert zipped.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    for response, headers in ((plain, {}), (zipped, {"Accept-Encoding": "gzip"})):
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert set(response.vary) == {"Accept-Encoding", "Authorization", "Cookie"}
        again = client.get(address, headers=headers | {"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    assert plain.headers["ETag"] != zipped.headers["ETag"]
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_small_tile_is_not_compressed(client: FlaskClient) -> None:
    address = "/tiles/facilities/{}/{}/{}.mvt".format(*place_of(*MIDDLE, 20))
    plain = client.get(address)
    zipped = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert zipped.data == plain.data and "Content-Encoding" not in zipped.headers
    assert zipped.headers["ETag"] == plain.headers["ETag"]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_tile_is_the_same_in_every_coding(app: Flask, coding: Coding) -> None:
    snapshot = app.extensions["wangge"].snapshots.current()
    cache, drawn, place = TileCache(10**6), Drawn("square-50", ()), place_of(*MIDDLE, 14)
    plain, coded = cache.tile(snapshot, drawn, *place), cache.tile(snapshot, drawn, *place, coding)
    assert coded.coding == coding and cache.tile(snapshot, drawn, *place, coding) is coded
    undo = {"gzip": gzip.decompress, "zstd": zstd.decompress}
    assert (undo[coding](coded.body) if coding in undo else coded.body) == plain.body
    assert (coded.etag == plain.etag) == (coding == "identity")


def test_an_empty_tile_has_no_content(client: FlaskClient) -> None:
    response = client.get("/tiles/communities/14/0/0.mvt")
    assert (response.status_code, response.data) == (204, b"")


def test_the_cache_is_bounded_in_bytes(app: Flask) -> None:
    snapshot = app.extensions["wangge"].snapshots.current()
    cache, drawn = TileCache(1500), Drawn("buildings", ("name",))
    bodies = {place: cache.tile(snapshot, drawn, *place).body for place in places_over(16)}
    assert sum(map(len, bodies.values())) > 1500
    assert cache.kept_bytes <= 1500
    for place, body in bodies.items():
        assert cache.tile(snapshot, drawn, *place).body == body


def test_tiles_are_made_one_after_the_other_and_those_that_are_there_wait_for_none(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, drawn = app.extensions["wangge"].snapshots.current(), Drawn("buildings", ("name",))
    cache, place = TileCache(10**6), place_of(*MIDDLE, 14)
    there = cache.tile(snapshot, drawn, *place)
    made: list[int] = []
    begun, go_on = threading.Event(), threading.Event()
    encode = Source.encode

    def slowly(source: Source, zoom: int, x: int, y: int) -> bytes:
        made.append(zoom)
        begun.set()
        assert go_on.wait(60)
        return encode(source, zoom, x, y)

    monkeypatch.setattr(Source, "encode", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.tile, snapshot, drawn, *place_of(*MIDDLE, 15))
        assert begun.wait(60)
        second = pool.submit(cache.tile, snapshot, drawn, *place_of(*MIDDLE, 16))
        for _ in range(20):
            assert cache.tile(snapshot, drawn, *place) is there
            time.sleep(0.005)
        assert made == [15]
        go_on.set()
        assert first.result(60).body and second.result(60).body
    assert made == [15, 16]


def test_a_layer_that_did_not_change_keeps_its_tiles(app: Flask) -> None:
    from layers.snapshot import Snapshot

    before = app.extensions["wangge"].snapshots.current()
    frames = {layer: before.frame(layer) for layer in LAYERS}
    frames["communities"] = frames["communities"].drop(index="C01")
    after = Snapshot(before.version + 1, before.district, before.standards, frames)
    cache, place = TileCache(10**6), place_of(*MIDDLE, 14)
    facilities, communities = Drawn("facilities", ("name",)), Drawn("communities", ())
    assert cache.tile(before, facilities, *place) is cache.tile(after, facilities, *place)
    there = cache.tile(before, communities, *place)
    gone = cache.tile(after, communities, *place)
    assert ids(there.body) - ids(gone.body) == {"C01"}
    assert there.etag != gone.etag
