"""Files with geometry: kinds told by content, layers, encodings, CRS, archives that mean harm."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import struct
import threading
import zipfile
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.imports import archives
from layers.imports.source import read_source
from layers.problems import ValidationError
from tests.layers.imports.conftest import refused


@pytest.fixture
def frame() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "code": ["A", "B"],
            "n": pd.array([3005, None], dtype="Int64"),
            "x": [1.5, None],
            "名称": ["绿景", None],
            "day": ["2019-03-01", None],
        },
        geometry=[shapely.Point(114.1, 22.5), shapely.box(114, 22, 114.1, 22.1)],
        crs="EPSG:4326",
    )


def points(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.set_geometry(frame.geometry.representative_point())


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.json", "a.fgb", "a.parquet"])
def test_every_format_gives_the_same_text_and_geometry(
    tmp_path: Path, frame: gpd.GeoDataFrame, name: str
) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        frame.to_file(path, engine="pyogrio", driver="GeoJSON" if "json" in name else None)
    source = read_source(path)
    # FlatGeobuf orders its features by place.
    read = source.columns.sort_values("code").reset_index(drop=True).fillna("unknown")
    assert read.to_dict("list") == {
        "code": ["A", "B"],
        "n": ["3005", "unknown"],
        "x": ["1.5", "unknown"],
        "名称": ["绿景", "unknown"],
        "day": ["2019-03-01", "unknown"],
    }
    assert sorted(source.rows) == [1, 2]
    assert source.crs == ("OGC:CRS84" if "json" in name else "EPSG:4326")
    assert source.geometry is not None
    assert set(shapely.to_wkt(source.geometry)) == set(shapely.to_wkt(frame.geometry.to_numpy()))


def test_types_become_text(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {
            "flag": [True],
            "big": [440303001001.0],
            "small": [1e-7],
            "list": [[1, 2]],
            "raw": [b"\x01\xff"],
            "kind": pd.Categorical(["library"]),
        },
        geometry=[shapely.Point(1, 2)],
        crs="EPSG:4490",
    )
    frame.to_parquet(tmp_path / "a.parquet")
    read = read_source(tmp_path / "a.parquet")
    assert read.columns.iloc[0].to_dict() == {
        "flag": "true",
        "big": "440303001001",
        "small": "1e-7",
        "list": "[1, 2]",
        "raw": "01ff",
        "kind": "library",
    }
    assert read.crs == "EPSG:4490"


def shapefile(folder: Path, frame: gpd.GeoDataFrame, **options: Any) -> Path:
    path = folder / "小区.shp"
    points(frame).to_file(path, engine="pyogrio", **options)
    return path


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
@pytest.mark.parametrize("says", [True, False])
def test_shapefiles_in_chinese_encodings(
    tmp_path: Path, frame: gpd.GeoDataFrame, encoding: str, says: bool
) -> None:
    path = shapefile(tmp_path, frame, encoding=encoding)
    if not says:
        path.with_suffix(".cpg").unlink()
        dbf = bytearray(path.with_suffix(".dbf").read_bytes())
        dbf[29] = 0
        path.with_suffix(".dbf").write_bytes(dbf)
    source = read_source(path)
    assert source.columns["名称"].tolist()[0] == "绿景"
    assert source.columns["n"].tolist()[0] == "3005"
    assert source.crs == "EPSG:4326"


def test_a_shapefile_without_prj_names_no_crs(tmp_path: Path, frame: gpd.GeoDataFrame) -> None:
    path = shapefile(tmp_path, frame)
    path.with_suffix(".prj").unlink()
    assert read_source(path).crs is None


def test_a_shapefile_without_its_index_is_damaged(tmp_path: Path, frame: gpd.GeoDataFrame) -> None:
    path = shapefile(tmp_path, frame)
    path.with_suffix(".shx").unlink()
    with pytest.raises(ValidationError, match="cannot be read as Shapefile") as error:
        read_source(path)
    assert str(path.parent) not in str(error.value)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def parts(shape: Path, stem: str) -> dict[str, bytes]:
    return {f"{stem}{part.suffix}": part.read_bytes() for part in shape.parent.glob(f"{shape.stem}.*")}


def test_a_zipped_shapefile(tmp_path: Path, frame: gpd.GeoDataFrame) -> None:
    shape = shapefile(tmp_path, frame)
    path = zipped(
        tmp_path / "a.zip",
        {**parts(shape, "资料/小区"), "__MACOSX/资料/._小区.shp": b"x", "read me.txt": b"hello"},
    )
    source = read_source(path)
    assert source.kind == "shapefile"
    assert source.columns["code"].tolist() == ["A", "B"]
    upper = zipped(tmp_path / "b.zip", {name.upper(): data for name, data in parts(shape, "a").items()})
    assert read_source(upper).columns["code"].tolist() == ["A", "B"]


def test_several_shapefiles_in_a_zip_must_be_chosen(tmp_path: Path, frame: gpd.GeoDataFrame) -> None:
    shape = shapefile(tmp_path, frame)
    path = zipped(tmp_path / "a.zip", {**parts(shape, "x/one"), **parts(shape, "x/two")})
    said = str(refused(lambda: read_source(path)))
    assert "x/one, x/two" in said
    assert "--source-layer" in said
    assert len(read_source(path, source_layer="two").rows) == 2
    assert len(read_source(path, source_layer="x/one").rows) == 2


@pytest.mark.parametrize(
    "name", ["../evil.shp", "/etc/evil.shp", "a/../../evil.shp", "C:\\evil.shp", "..\\evil.shp"]
)
def test_paths_out_of_a_zip_are_refused(tmp_path: Path, frame: gpd.GeoDataFrame, name: str) -> None:
    shape = shapefile(tmp_path, frame)
    path = zipped(tmp_path / "a.zip", {**parts(shape, "good"), name: b"x"})
    before = sorted(tmp_path.parent.rglob("*"))
    assert "points outside the archive" in str(refused(lambda: read_source(path)))
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("a.shp")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in str(refused(lambda: read_source(path)))


def test_a_zip_with_a_password(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.shp": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "password" in str(refused(lambda: read_source(path)))


@pytest.mark.parametrize("name", ["a.zip", "a.xlsx"])
def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, name: str) -> None:
    zeros = bytes(archives.RATIO_FROM_BYTES + 1)
    path = zipped(tmp_path / name, {"a.shp": zeros, "xl/workbook.xml" if name == "a.xlsx" else "a.dbf": b""})
    assert "zip bomb" in str(refused(lambda: read_source(path)))


def test_a_zip_does_not_fill_the_disk(
    tmp_path: Path, frame: gpd.GeoDataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    points(frame).to_file(tmp_path / "a.shp", encoding="UTF-8")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in tmp_path.glob("a.*"):
            if part.suffix != ".zip":
                archive.write(part, part.name)
    assert len(read_source(tmp_path / "a.zip").rows) == 2
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=256 * 2**20))
    assert "no room on the disk" in str(refused(lambda: read_source(tmp_path / "a.zip")))


def test_a_zip_that_lies_about_its_size_gives_no_more_than_it_says(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.shp": bytes(1_000_000)})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark) + offset
        data[at : at + 4] = struct.pack("<I", 100)
    path.write_bytes(data)
    with pytest.raises(ValidationError, match="cannot be read as Shapefile"):
        read_source(path)


def test_a_zip_with_something_else(tmp_path: Path) -> None:
    assert "holds no shapefile" in str(
        refused(lambda: read_source(zipped(tmp_path / "a.zip", {"a.csv": b"x"})))
    )
    path = zipped(tmp_path / "a.zip", {"a.shp": b"hello" * 100})
    path.write_bytes(path.read_bytes()[:-30])
    assert "damaged archive" in str(refused(lambda: read_source(path)))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.gpkg", b"hello", "is no GeoPackage file"),
        ("a.gpkg", b"SQLite format 3\x00" + b"\x10\x00" + b"\x00" * 500, "cannot be read as GeoPackage"),
        ("a.geojson", b"hello", "is no GeoJSON file"),
        ("a.geojson", b'{"a": 1}', "cannot be read as GeoJSON"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [{"type": "Fea', "cannot be read as GeoJSON"),
        ("a.geojson", '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"名":"中文"},'
         '"geometry":{"type":"Point","coordinates":[1,2]}}]}'.encode("gb18030"), "cannot be read as GeoJSON"),
        ("a.shp", b"\x00\x00\x27\x0a" + b"\x00" * 20, "cannot be read as Shapefile"),
        ("a.fgb", b"fgb\x03fgb\x00" + b"\xff" * 20, "a.fgb holds no layer with geometry"),
        ("a.parquet", b"PAR1" + b"x" * 50, "cannot be read as GeoParquet"),
        ("a.xlsx", b"PK\x03\x04" + b"x" * 50, "damaged archive"),
        ("a.xlsx", b"code,a\n1,2\n", "is no XLSX file"),
        ("a.csv", b"\x00\x01\x02", "is no CSV file"),
        ("a.csv", b"PAR1xxxx", "its content is GeoParquet"),
        ("a.gpkg", b'{"type": "FeatureCollection", "features": []}', "its content is GeoJSON"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + b"\x00" * 20, "Save it as .xlsx"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + b"\x00" * 20, "without a password"),
        ("a.dbf", b"\x03\x00\x00", "Give the .shp file"),
        ("a.kml", b"<kml/>", "of a type that is not known"),
        ("a.geojson", b"", "is an empty file"),
    ],
)  # fmt: skip
def test_what_is_not_what_it_is_called(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    error = refused(lambda: read_source(path))
    assert said in str(error)
    assert name in error.message.zh


def test_a_database_that_is_no_geopackage(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as database:
        database.execute("CREATE TABLE t (a, geometry)")
        database.commit()
    assert "cannot be read as GeoPackage" in str(refused(read_source, tmp_path / "a.gpkg"))


def test_an_archive_that_is_called_a_workbook(tmp_path: Path) -> None:
    assert "is no XLSX file" in str(refused(read_source, zipped(tmp_path / "a.xlsx", {"a.csv": b"x"})))


def test_a_shapefile_without_attributes(tmp_path: Path, frame: gpd.GeoDataFrame) -> None:
    path = shapefile(tmp_path, frame)
    path.with_suffix(".dbf").unlink()
    path.with_suffix(".cpg").unlink()
    source = read_source(path)
    assert len(source.rows) == 2
    assert "code" not in source.columns


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "There is no file" in str(refused(lambda: read_source(tmp_path / "a.csv")))
    assert "There is no file" in str(refused(lambda: read_source(tmp_path)))


def test_a_right_name_is_not_needed_where_the_content_is_plain(
    tmp_path: Path, frame: gpd.GeoDataFrame
) -> None:
    frame.to_file(tmp_path / "a.gpkg", engine="pyogrio")
    path = (tmp_path / "a.gpkg").rename(tmp_path / "upload")
    assert read_source(path).kind == "geopackage"


def test_parquet_without_geometry(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    assert "Parquet without geometry" in str(refused(lambda: read_source(tmp_path / "a.parquet")))


def test_layers_of_a_geopackage_must_be_chosen(tmp_path: Path, frame: gpd.GeoDataFrame) -> None:
    path = tmp_path / "a.gpkg"
    frame.to_file(path, layer="one", engine="pyogrio")
    assert len(read_source(path).rows) == 2
    frame.head(1).to_file(path, layer="two", engine="pyogrio")
    assert "one, two" in str(refused(lambda: read_source(path)))
    assert len(read_source(path, source_layer="two").rows) == 1
    assert "named three" in str(refused(lambda: read_source(path, source_layer="three")))


def geojson(path: Path, *geometries: Any, **members: Any) -> Path:
    properties = {"n": 1, "nested": {"a": ["甲"]}}
    features = [{"type": "Feature", "properties": properties, "geometry": one} for one in geometries]
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": features}))
    return path


def test_the_crs_of_geojson(tmp_path: Path) -> None:
    point = {"type": "Point", "coordinates": [1, 2]}

    def named(name: str) -> tuple[str | None, bool]:
        member = {"type": "name", "properties": {"name": name}}
        source = read_source(geojson(tmp_path / "a.geojson", point, crs=member))
        return source.crs, source.names_crs

    plain = read_source(geojson(tmp_path / "a.geojson", point))
    assert (plain.crs, plain.names_crs) == ("EPSG:4326", False)
    assert named("urn:ogc:def:crs:EPSG::4547") == ("EPSG:4547", True)
    assert named("urn:ogc:def:crs:OGC:1.3:CRS84") == ("OGC:CRS84", True)
    assert named("EPSG:3857") == ("EPSG:3857", True)
    assert named("nonsense") == ("nonsense", True)


def test_addresses_in_a_file_are_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever may upload has the server ask machines that they cannot reach themselves."""
    asked = []

    class Inner(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Inner) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        inner = f"http://127.0.0.1:{server.server_port}"
        link = {"type": "link", "properties": {"href": f"{inner}/crs", "type": "proj4"}}
        path = geojson(tmp_path / "a.geojson", {"type": "Point", "coordinates": [1, 2]}, crs=link)
        assert "by a link" in str(refused(lambda: read_source(path)))
        # As JSON it begins, and yet it is what another driver opens.
        path.write_text(
            '{"a":"<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/vsicurl/'
            f'{inner}/a.csv</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"}}'
        )
        assert "cannot be read as GeoJSON" in str(refused(lambda: read_source(path)))
        server.shutdown()
    assert asked == []


@pytest.mark.parametrize(
    "name", ["a#b.geojson", "a?b.geojson", "a!b%20.json", "小区 1.zip.geojson", "a:b.json"]
)
def test_names_of_files_are_no_addresses(tmp_path: Path, name: str) -> None:
    assert len(read_source(geojson(tmp_path / name, {"type": "Point", "coordinates": [1, 2]})).rows) == 1


def test_unclosed_rings_are_closed_and_counted(tmp_path: Path) -> None:
    open_ring = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}
    path = geojson(tmp_path / "a.geojson", open_ring, {"type": "Point", "coordinates": [1, 2]}, None)
    source = read_source(path)
    assert source.repairs == {"unclosed_rings": 1}
    assert source.geometry is not None
    assert shapely.to_wkt(source.geometry[:2]).tolist() == ["POLYGON ((0 0, 1 0, 1 1, 0 0))", "POINT (1 2)"]
    assert source.geometry[2] is None


def test_heights_are_left_out(tmp_path: Path) -> None:
    source = read_source(geojson(tmp_path / "a.geojson", {"type": "Point", "coordinates": [1, 2, 3]}))
    assert source.geometry is not None
    assert not shapely.has_z(source.geometry).any()
    assert json.loads(source.columns["nested"][0]) == {"a": ["甲"]}


def test_a_parquet_bomb_is_not_unpacked(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"a": ["x" * 30_000_000]}, geometry=[shapely.Point(1, 2)], crs="EPSG:4326")
    frame.to_parquet(tmp_path / "a.parquet", compression="zstd")
    assert "zip bomb" in str(refused(lambda: read_source(tmp_path / "a.parquet")))


def test_reading_never_leaves_temporary_files(
    tmp_path: Path, frame: gpd.GeoDataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = shapefile(tmp_path, frame)
    path = zipped(tmp_path / "a.zip", parts(shape, "a"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    read_source(path)
    assert list(temporary.iterdir()) == []
