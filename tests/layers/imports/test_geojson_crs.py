"""The CRS that a GeoJSON file names, however and wherever it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.imports.geojson_crs import geojson_crs
from layers.imports.source import read_source
from layers.problems import ValidationError

POINT = {"type": "Point", "coordinates": [114.1, 22.5]}
NAMES = {
    "EPSG:4547": "EPSG:4547",
    "urn:ogc:def:crs:EPSG::4547": "EPSG:4547",
    "urn:ogc:def:crs:EPSG:6.9:4547": "EPSG:4547",
    "urn:x-ogc:def:crs:EPSG:4547": "EPSG:4547",
    "URN:OGC:DEF:CRS:epsg::4547": "EPSG:4547",
    "urn:ogc:def:crs:OGC:1.3:CRS84": "OGC:CRS84",
    "http://www.opengis.net/def/crs/EPSG/0/4547": "EPSG:4547",
    "https://www.opengis.net/def/crs/OGC/1.3/CRS84": "OGC:CRS84",
    "urn:ogc:def:crs:ESRI::102696": "ESRI:102696",
}


def written(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def collection(**more: Any) -> dict[str, Any]:
    """Return a collection of two points; `more` stands before the features."""
    feature = {"type": "Feature", "properties": {"name": 'a "crs": {"x"}'}, "geometry": POINT}
    return {"type": "FeatureCollection", **more, "features": [feature, feature]}


@st.composite
def spelt(draw: st.DrawFn) -> tuple[str, str]:
    """Return a file as text that names a CRS in some order, place and spelling, and what it names."""
    name = draw(st.sampled_from(sorted(NAMES)))
    blank = st.text(" \t\r\n", max_size=3)

    def text(value: str) -> str:
        # Any letter may be written by its number.
        return "".join(f"\\u{ord(one):04x}" if draw(st.integers(0, 9)) == 0 else one for one in value)

    def obj(parts: dict[str, str]) -> str:
        pairs = draw(st.permutations(list(parts.items())))
        inner = ",".join(
            f'{draw(blank)}"{text(key)}"{draw(blank)}:{draw(blank)}{value}' for key, value in pairs
        )
        return "{" + inner + draw(blank) + "}"

    extra = {"note": '"}{"'} if draw(st.booleans()) else {}
    inner = obj({"name": f'"{text(name)}"', **extra})
    kind = draw(st.sampled_from(["name", "Name", "NAME"]))
    crs = obj({"type": f'"{text(kind)}"', "properties": inner, **extra})
    feature = {
        "type": '"Feature"',
        "properties": '{"crs": "no", "b": [{"crs": 1}]}',
        "geometry": json.dumps(POINT),
    }
    where = draw(st.sampled_from(["top", "feature", "geometry", "member", "all"]))
    if where in ("geometry", "all"):
        feature["geometry"] = obj({"type": '"Point"', "coordinates": "[1, 2]", "crs": crs})
    if where in ("member", "all"):
        point = obj({"type": '"Point"', "coordinates": "[1, 2]", "crs": crs})
        inner = obj({"type": '"GeometryCollection"', "geometries": f"[{json.dumps(POINT)}, {point}]"})
        feature["geometry"] = obj({"type": '"GeometryCollection"', "geometries": f"[{inner}]"})
    if where in ("feature", "all"):
        feature["crs"] = crs
    top = {"type": '"FeatureCollection"', "features": f"[{obj(feature)}]"}
    if where in ("top", "all"):
        top["crs"] = crs
    return draw(st.sampled_from(["", "\ufeff"])) + obj(top), NAMES[name]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spelt())
def test_it_is_found_however_it_is_spelt(tmp_path: Path, case: tuple[str, str]) -> None:
    text, named = case
    assert geojson_crs(written(tmp_path / "a.geojson", text)) == (named, True)


@pytest.mark.parametrize("value", ["1", "NaN"])
def test_a_file_that_is_not_quite_json_is_looked_at_as_well(tmp_path: Path, value: str) -> None:
    crs = json.dumps({"properties": {"name": "EPSG:4547"}, "type": "name"})
    path = written(
        tmp_path / "a.geojson", f'{{"x": {value}, "features": [{{"geometry": null}}], "crs": {crs}}}'
    )
    assert geojson_crs(path) == ("EPSG:4547", True)
    assert geojson_crs(written(path, f'{{"x": {value}}}')) == ("EPSG:4326", False)


@pytest.mark.parametrize("value", ["1", "NaN"])
@pytest.mark.parametrize(
    "place",
    [
        '{{"type": "GeometryCollection", "geometries": [{geometry}]}}',
        '{{"type": "Feature", "geometry": {{"geometries": [null, {geometry}]}}}}',
        '{{"features": [{{"geometry": {{"geometries": [{{"geometries": [{geometry}]}}]}}}}]}}',
    ],
)
def test_members_of_geometry_collections_are_asked_as_well(tmp_path: Path, value: str, place: str) -> None:
    crs = json.dumps({"properties": {"name": "EPSG:4547"}, "type": "name"})
    geometry = f'{{"type": "Point", "coordinates": [1, 2], "x": {value}, "crs": {crs}}}'
    path = written(tmp_path / "a.geojson", place.format(geometry=geometry))
    assert geojson_crs(path) == ("EPSG:4547", True)


def test_one_that_names_none_is_in_wgs_84_and_null_is_no_crs(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    for plain in (collection(), POINT, {**POINT, "features": None}):
        assert geojson_crs(written(path, plain)) == ("EPSG:4326", False)
    assert geojson_crs(written(path, collection(crs=None))) == (None, False)
    assert geojson_crs(written(path, collection(crs={"type": "EPSG", "properties": {"code": 4547}}))) == (
        "EPSG:4547",
        True,
    )


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ({"type": "link", "properties": {"href": "http://example.com/4547", "type": "proj4"}}, "by a link"),
        ({"properties": {"href": "x"}, "type": "LINK"}, "by a link"),
        ({"type": "URL", "properties": {"url": "http://example.com/4547"}}, "by a link"),
        ({"type": "name"}, "not understood"),
        ({"type": "name", "properties": {"name": ""}}, "not understood"),
        ({"type": "name", "properties": {"name": 4547}}, "not understood"),
        ({"type": "EPSG", "properties": {"code": "x"}}, "not understood"),
        ({"wkid": 4547}, "not understood"),
        ("EPSG:4547", "not understood"),
        (4547, "not understood"),
        ([], "not understood"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_what_to_do(tmp_path: Path, crs: Any, words: str) -> None:
    content = collection() | {"crs": crs}
    with pytest.raises(ValidationError) as caught:
        read_source(written(tmp_path / "a.geojson", content))
    assert words in caught.value.sentence("en")
    assert "Export it again as GeoJSON in WGS 84" in caught.value.sentence("en")
    assert '"EPSG:编号"' in caught.value.sentence("zh")


def test_two_that_differ_are_refused(tmp_path: Path) -> None:
    one, other = ({"type": "name", "properties": {"name": f"EPSG:{code}"}} for code in (4547, 4490))
    content = collection(crs=one)
    content["features"].append({"type": "Feature", "geometry": {**POINT, "crs": other}, "properties": {}})
    with pytest.raises(ValidationError, match="more than one CRS: EPSG:4490, EPSG:4547"):
        geojson_crs(written(tmp_path / "a.geojson", content))
    same = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}
    content["features"][-1]["geometry"]["crs"] = same
    assert geojson_crs(written(tmp_path / "a.geojson", content)) == ("EPSG:4547", True)


def test_what_is_no_json_at_all_is_damaged(tmp_path: Path) -> None:
    for text in ('{"crs": ', "{'crs': 1}", "[" * 100_000):
        with pytest.raises(ValidationError, match="cannot be read as GeoJSON"):
            geojson_crs(written(tmp_path / "a.geojson", text))
