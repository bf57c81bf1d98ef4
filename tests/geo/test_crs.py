"""Reprojection: one frame, the refused ones, axis order, and the choice of a metric CRS."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo import crs

XIAN_WITH_SHIFT = "+proj=tmerc +lon_0=114 +x_0=500000 +a=6378140 +rf=298.257 +units=m +towgs84=10,-20,30"


def points(*pairs: tuple[float, float]) -> NDArray[np.object_]:
    return np.array([shapely.Point(pair) for pair in pairs], dtype=object)


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("EPSG:4490", "cgcs2000"),
        ("EPSG:4326", "cgcs2000"),
        ("OGC:CRS84", "cgcs2000"),
        ("EPSG:4979", "cgcs2000"),
        ("EPSG:4547", "cgcs2000"),
        ("EPSG:32650", "cgcs2000"),
        ("EPSG:3857", "cgcs2000"),
        ("EPSG:9990", "cgcs2000"),  # ITRF2020, dynamic
        ("EPSG:9057", "cgcs2000"),  # WGS 84 (G1762), dynamic
        ("EPSG:9518", "cgcs2000"),  # WGS 84 with heights, compound
        ("+proj=utm +zone=50 +datum=WGS84", "cgcs2000"),
        ("EPSG:4269", "modern"),
        ("EPSG:26910", "modern"),
        ("ESRI:102696", "modern"),
        ("EPSG:4258", "modern"),
        ("EPSG:2326", "modern"),  # Hong Kong 1980
        (XIAN_WITH_SHIFT, "modern"),
        ("EPSG:4214", "refused"),
        ("EPSG:2433", "refused"),
        ("EPSG:4610", "refused"),
        ("EPSG:2383", "refused"),
        ("EPSG:4555", "refused"),  # New Beijing
        ("+proj=longlat +ellps=krass", "refused"),
        ("+proj=longlat +ellps=krass +towgs84=0,0,0", "refused"),
    ],
)
def test_frame_family(text: str, family: str) -> None:
    assert crs.frame_family(crs.parse_crs(text)) == family
    assert crs.frame_family(text) == family


@pytest.mark.parametrize("code", ["EPSG:4490", "EPSG:4547", "EPSG:32650", "EPSG:2383", "EPSG:26910"])
@pytest.mark.parametrize("version", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
def test_frame_family_of_wkt(code: str, version: str) -> None:
    wkt = pyproj.CRS(code).to_wkt(version)
    assert crs.frame_family(crs.parse_crs(wkt)) == crs.frame_family(code)


@pytest.mark.parametrize("text", ["", "nonsense", "EPSG:999999", "EPSG:", "x" * 500])
def test_unknown_crs_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not known; give it as AUTHORITY:CODE") as raised:
        crs.parse_crs(text)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("text", ["EPSG:4978", "EPSG:5773"])
def test_crs_without_two_coordinates_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give a geographic or a projected one"):
        crs.parse_crs(text)


@pytest.mark.parametrize(
    "text", ["EPSG:4490", "EPSG:4326", "OGC:CRS84", "EPSG:9990", "EPSG:4979", "EPSG:4480"]
)
def test_one_frame_changes_nothing_and_never_swaps(text: str) -> None:
    given_ = np.array([shapely.Point(114.1315, 22.5485, 3.0), None, shapely.Point()], dtype=object)
    stored = crs.to_stored(given_, text)
    assert stored[0].equals(shapely.Point(114.1315, 22.5485))
    assert not stored[0].has_z
    assert stored[1] is None
    assert stored[2].is_empty


@given(st.floats(112.6, 115.4), st.floats(21.6, 45.0))
def test_metric_there_and_back(lon: float, lat: float) -> None:
    x, y = crs.points_to_metric(lon, lat, "EPSG:4547")
    back = crs.points_from_metric(x, y, "EPSG:4547")
    assert back == pytest.approx((lon, lat), abs=1e-11)
    moved = crs.to_metric(points((lon, lat)), "EPSG:4547")
    assert (moved[0].x, moved[0].y) == (x, y)
    assert crs.from_metric(moved, "EPSG:4547")[0].equals(shapely.Point(back))


def test_easting_comes_first() -> None:
    x, y = crs.points_to_metric([114.0, 114.1], [22.5, 22.5], "EPSG:4547")
    assert x[0] == pytest.approx(500_000.0)
    assert x[1] > x[0] + 10_000.0
    assert 2_400_000.0 < y[0] < 2_600_000.0


def test_agrees_with_geopandas() -> None:
    random = np.random.default_rng(2)
    lon, lat = random.uniform(113.0, 115.0, 200), random.uniform(22.0, 23.0, 200)
    frame = gpd.GeoSeries.from_xy(lon, lat, crs="EPSG:4490")
    expected = frame.to_crs("EPSG:4547")
    x, y = crs.points_to_metric(lon, lat, "EPSG:4547")
    np.testing.assert_allclose(x, expected.x, atol=1e-6, rtol=0)
    np.testing.assert_allclose(y, expected.y, atol=1e-6, rtol=0)


@pytest.mark.parametrize("code", ["EPSG:26910", "ESRI:102696", "EPSG:25832", "EPSG:4269"])
def test_modern_frames_go_by_pyproj(code: str) -> None:
    area = pyproj.CRS(code).area_of_use
    assert area is not None
    lon, lat = (area.west + area.east) / 2, (area.south + area.north) / 2
    x, y = pyproj.Transformer.from_crs("EPSG:4326", code, always_xy=True).transform(lon, lat)
    stored = crs.to_stored(points((x, y)), code)[0]
    assert (stored.x, stored.y) == pytest.approx((lon, lat), abs=1e-9)


def test_old_local_datum_is_shifted_and_not_taken_for_granted() -> None:
    # The trigonometrical station of Hong Kong's grid origin, 836694.05 E, 819069.80 N.
    stored = crs.to_stored(points((836_694.05, 819_069.80)), "EPSG:2326")[0]
    unshifted = pyproj.Transformer.from_crs(
        "EPSG:2326", pyproj.CRS("EPSG:2326").geodetic_crs, always_xy=True
    ).transform(836_694.05, 819_069.80)
    apart_m = pyproj.Geod(ellps="GRS80").inv(stored.x, stored.y, *unshifted)[2]
    assert 250.0 < apart_m < 350.0


def test_declared_transformation_is_applied() -> None:
    bare = XIAN_WITH_SHIFT.split(" +towgs84")[0]
    with pytest.raises(ValueError, match="no known transformation"):
        crs.to_stored(points((500_000.0, 2_494_000.0)), bare)
    declared = crs.to_stored(points((500_000.0, 2_494_000.0)), XIAN_WITH_SHIFT)[0]
    assert 0.0 < abs(declared.x - 114.0) < 0.001


@pytest.mark.parametrize("code", ["EPSG:4214", "EPSG:4610", "EPSG:2383", "EPSG:2433"])
def test_old_chinese_frames_need_a_declared_transformation(code: str) -> None:
    name = pyproj.CRS(code).name
    for refused in (crs.to_stored, crs.to_metric, crs.from_metric):
        with pytest.raises(ValueError, match=name) as raised:
            refused(points((1.0, 2.0)), code)
        assert "+towgs84" in str(raised.value)
    with pytest.raises(ValueError, match="no known transformation"):
        crs.points_to_metric(1.0, 2.0, code)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (114.1, 22.55, "EPSG:4547"),  # Luohu
        (116.4, 39.9, "EPSG:4548"),  # Beijing
        (87.6, 43.8, "EPSG:4538"),  # Urumqi
        (121.47, 31.23, "EPSG:4549"),  # Shanghai
        (134.3, 48.36, "EPSG:4554"),  # Fuyuan
        (73.5, 39.4, "EPSG:4534"),
        (9.52, 47.14, "EPSG:32632"),  # Vaduz
        (-122.42, 37.77, "EPSG:32610"),  # San Francisco
        (126.98, 37.57, "EPSG:32652"),  # Seoul
        (77.2, 28.6, "EPSG:32643"),  # Delhi
        (105.85, 21.03, "EPSG:32648"),  # Hanoi
        (151.2, -33.9, "EPSG:32756"),  # Sydney
        (180.0, 10.0, "EPSG:32660"),
        (-180.0, 10.0, "EPSG:32601"),
    ],
)
def test_metric_crs_for(lon: float, lat: float, code: str) -> None:
    assert crs.metric_crs_for(lon, lat) == code


@given(st.floats(-180.0, 180.0), st.floats(-79.9, 83.9))
def test_metric_crs_measures_where_it_is_chosen(lon: float, lat: float) -> None:
    code = crs.metric_crs_for(lon, lat)
    assert crs.is_metric(code)
    number = int(code.removeprefix("EPSG:"))
    if number < 5000:  # a zone of 3 degrees; the border with Tajikistan lies a little west of the first
        assert abs(lon - (75.0 + 3.0 * (number - 4534))) <= (1.5 if lon > 73.5 else 1.7)
    else:
        west, south, east, north = crs.area_of_use(code)
        assert west - 1e-9 <= lon <= east + 1e-9
        assert south - 1e-9 <= lat <= north + 1e-9


@pytest.mark.parametrize(("lon", "lat"), [(181.0, 0.0), (0.0, 91.0), (np.nan, 0.0), (22.5, 114.1)])
def test_metric_crs_for_nowhere(lon: float, lat: float) -> None:
    with pytest.raises(ValueError, match="not on the globe"):
        crs.metric_crs_for(lon, lat)


def test_metric_crs_for_a_pole() -> None:
    with pytest.raises(ValueError, match="beyond the UTM zones"):
        crs.metric_crs_for(0.0, 89.0)


def test_area_of_use() -> None:
    west, south, east, north = crs.area_of_use("EPSG:4547")
    assert (west, east) == (112.5, 115.5)
    assert south < 22.5 < north
    with pytest.raises(ValueError, match="declares no area of use"):
        crs.area_of_use("+proj=utm +zone=50 +datum=WGS84")


@pytest.mark.parametrize(
    ("code", "metric"),
    [
        ("EPSG:4547", True),
        ("EPSG:32632", True),
        ("EPSG:26910", True),
        ("EPSG:2056", True),  # Swiss: oblique Mercator, no world map
        ("EPSG:4490", False),
        ("EPSG:2227", False),  # feet
        ("ESRI:102696", False),  # feet
        ("EPSG:3857", False),
        ("EPSG:3395", False),
    ],
)
def test_is_metric(code: str, metric: bool) -> None:
    assert crs.is_metric(code) is metric
    assert crs.is_metric(crs.parse_crs(code)) is metric


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="give two of one shape"):
        crs.points_to_metric([1.0, 2.0], [1.0], "EPSG:4547")


WITH_GRIDS = (
    'GEOGCS["x",DATUM["x",SPHEROID["WGS 84",6378137,298.257223563],EXTENSION["PROJ4_GRIDS","{file}"]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'
)


@pytest.mark.parametrize(
    "text",
    [
        "+init={file}:x",
        "+INIT = {file}:x +type=crs",
        "+proj=longlat +nadgrids={file} +type=crs",
        "+proj=longlat +datum=WGS84 +geoidgrids=@{file} +type=crs",
        "+proj=longlat +ellps=WGS84 +nadgrids=@null,{file} +type=crs",
        "+proj=longlat +ellps=WGS84 +nadgrids={file},@null +type=crs",
        "+proj=longlat +ellps=WGS84 +nadgrids=@null\u00a0,{file} +type=crs",
        '+proj=longlat +ellps=WGS84 +nadgrids=@null",{file} +type=crs',
        "+proj=longlat +ellps=WGS84 +nadgrids=@NULL +type=crs",  # a file of that name, if there is one
        "+init=@null {file}",
        WITH_GRIDS,
    ],
)
def test_a_text_does_not_have_a_file_opened(tmp_path: Path, text: str) -> None:
    file = tmp_path / "crs"
    file.write_text("<x> +proj=longlat +datum=WGS84 <>\n")
    with pytest.raises(ValueError, match="names a file"):
        crs.parse_crs(text.format(file=file))


def test_a_text_of_projjson_does_not_have_a_file_opened(tmp_path: Path) -> None:
    bound = pyproj.CRS("+proj=longlat +ellps=WGS84 +nadgrids=@null +type=crs").to_json()
    (tmp_path / "grid").write_text("x")
    named = bound.replace("using nadgrids=@null", "").replace("@null", str(tmp_path / "grid"))
    with pytest.raises(ValueError, match="names a file"):
        crs.parse_crs(named)


WEB_MERCATOR = (
    "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +x_0=0 +y_0=0 +k=1 +units=m +nadgrids=@null"
)


@pytest.mark.parametrize(
    "text",
    [
        f"{WEB_MERCATOR} +wktext +no_defs",
        f"+type=crs {WEB_MERCATOR}",
        f"{WEB_MERCATOR}\n",
        pyproj.CRS(3857).to_wkt("WKT1_GDAL"),
    ],
)
def test_no_grid_at_all_is_no_file(text: str) -> None:
    there = points((12_700_000, 2_580_000))
    stored = crs.to_stored(there, crs.parse_crs(text))
    assert shapely.equals_exact(stored, crs.to_stored(there, "EPSG:3857"), 1e-12).all()
