"""Exports: what each format keeps, what may not leave, and that a file is there whole or not at all."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers import exports, sheets
from layers.exports import FORMATS, check_target, export_layer, frame_bytes, write_bytes, write_frame
from layers.frames import conform
from layers.policy import Seen
from layers.problems import BadParameter, NotFound, StoreFull
from layers.schema import LAYERS
from layers.shapefiles import short_names
from layers.store import District, Store, create_store
from layers.visitors import operator
from tests.district import GUARDED_TEXT, small_district
from tests.layers.permissions import open_folder, unprivileged
from tests.visitors import POLICY

ENDINGS = sorted(FORMATS)
GEOGRAPHIC = ["fgb", "geojson", "gpkg", "parquet"]


def all_of(layer: str) -> Seen:
    """Return what of a layer may leave without being asked for by name."""
    return POLICY.seen(operator("test"), layer, way_out="export", action="export")


@pytest.fixture(scope="module")
def layers() -> dict[str, gpd.GeoDataFrame]:
    return small_district()[1]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    place, rows = small_district()
    with create_store(f"gpkg:{tmp_path / 'live.gpkg'}", place, layers=rows) as made:
        yield made


def read_back(path: Path) -> gpd.GeoDataFrame:
    """Return a file as its own library reads it, ordered by code."""
    frame = (
        gpd.read_parquet(path)
        if path.suffix == ".parquet"
        else pyogrio.read_dataframe(path, datetime_as_string=True)
    )
    return frame.sort_values("code", ignore_index=True)


def plain(values: Any, kind: str = "") -> list[Any]:
    """Return values as the plainest thing they mean, so that formats can be compared."""

    def one(value: Any) -> Any:
        if pd.isna(value):
            return None
        # FlatGeobuf has no type for a day, and GDAL takes GeoJSON's texts that look like a time for one.
        return str(value)[: {"date": 10, "time": 5}[kind]] if kind in ("date", "time") else value

    return [one(value) for value in values]


@pytest.mark.parametrize("layer", sorted(LAYERS))
@pytest.mark.parametrize("ending", GEOGRAPHIC)
def test_geographic_formats_keep_every_value(
    layers: dict[str, gpd.GeoDataFrame], tmp_path: Path, layer: str, ending: str
) -> None:
    path = tmp_path / f"out.{ending}"
    write_frame(layers[layer], path, title=layer)
    frame = layers[layer].sort_index().reset_index()
    found = read_back(path)
    assert found.columns.tolist() == frame.columns.tolist()
    for field in LAYERS[layer].fields:
        assert plain(found[field.name], field.type) == plain(frame[field.name], field.type), field.name
    assert found.crs is not None
    assert found.crs.to_epsg() == (4326 if ending == "geojson" else 4490)
    # RFC 7946 wants outer rings the other way round; the shape is the same to the last digit.
    assert (
        shapely.normalize(found.geometry.to_numpy()).tolist()
        == shapely.normalize(frame.geometry.to_numpy()).tolist()
    )


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "parquet"])
def test_days_stay_days_for_desktop_programs(
    layers: dict[str, gpd.GeoDataFrame], tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"out.{ending}"
    write_frame(layers["communities"], path)
    if ending == "parquet":
        assert (
            str(pd.read_parquet(path, dtype_backend="pyarrow").dtypes["contract_end"])
            == "date32[day][pyarrow]"
        )
    else:
        info = pyogrio.read_info(path)
        assert dict(zip(info["fields"], info["ogr_types"], strict=True))["contract_end"] == "OFTDate"


def test_csv_opens_in_spreadsheets_and_keeps_exact_geometry(
    layers: dict[str, gpd.GeoDataFrame], tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    frame = layers["communities"]
    write_frame(frame, path)
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf" + b"code,name,")
    found = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    assert found.columns.tolist() == ["code", *frame.columns]
    assert shapely.from_wkt(found.geometry).tolist() == frame.geometry.tolist()
    assert found.residents.tolist() == ["" if pd.isna(n) else str(n) for n in frame.residents]
    assert found.contract_end.tolist() == [
        "" if pd.isna(day) else str(day.date()) for day in frame.contract_end
    ]
    assert b"POLYGON" not in frame_bytes(frame, "csv", drop_geometry=True)


def test_xlsx_has_typed_cells(layers: dict[str, gpd.GeoDataFrame], tmp_path: Path) -> None:
    path = tmp_path / "out.xlsx"
    frame = layers["communities"]
    write_frame(frame, path, title="罗湖/小区: [2019]", drop_geometry=True)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["罗湖 小区   2019"]
    head, *rows = book.worksheets[0].iter_rows(values_only=True)
    assert head == ("code", *frame.columns.drop("geometry"))
    found = pd.DataFrame(rows, columns=list(head))
    for field in LAYERS["communities"].fields:
        expected = frame.reset_index()[field.name]
        assert plain(found[field.name], field.type) == plain(expected, field.type), field.name
    with_shapes = openpyxl.load_workbook(io.BytesIO(frame_bytes(frame, "xlsx"))).worksheets[0]
    assert str(with_shapes.cell(2, with_shapes.max_column).value).startswith("POLYGON ((114.")


def test_xlsx_says_where_a_geometry_does_not_fit(tmp_path: Path) -> None:
    frame = _texts(["a"])
    frame.geometry = gpd.GeoSeries([shapely.Point(114, 22).buffer(1, quad_segs=500)], crs="EPSG:4490")
    page = openpyxl.load_workbook(io.BytesIO(frame_bytes(frame, "xlsx"))).worksheets[0]
    assert page.cell(2, page.max_column).value == "过长，单元格容不下 / too long for a cell"


def test_xlsx_refuses_more_rows_than_a_sheet_holds(
    layers: dict[str, gpd.GeoDataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_SHEET_ROWS", 11)
    with pytest.raises(BadParameter, match=r"12.*\.csv"):
        frame_bytes(layers["communities"], "xlsx")
    monkeypatch.setattr(exports, "_SHEET_ROWS", 12)
    frame_bytes(layers["communities"], "xlsx")


def _texts(texts: list[str], name: str = "text") -> gpd.GeoDataFrame:
    index = pd.RangeIndex(len(texts))
    shapes = gpd.GeoSeries([shapely.Point(114, 22)] * len(texts), index=index, crs="EPSG:4490")
    return gpd.GeoDataFrame({name: pd.Series(texts, index=index, dtype="str")}, geometry=shapes)


FORMULA = st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'=", "''@"])


@given(start=st.just("") | FORMULA, rest=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_no_text_is_a_formula(start: str, rest: str) -> None:
    text = start + rest
    wanted = "'" + text if text.lstrip("'").startswith(tuple("=+-@\t\r\n＝＋－＠")) else text
    assert sheets.plain(wanted) == text
    frame = _texts([text, "x"])
    rows = pd.read_csv(io.BytesIO(frame_bytes(frame, "csv")), dtype=str, keep_default_na=False)
    assert rows.text.tolist() == [wanted, "x"]
    page = openpyxl.load_workbook(io.BytesIO(frame_bytes(frame, "xlsx"))).worksheets[0]
    assert page.cell(2, 1).data_type != "f"
    assert (page.cell(2, 1).value or "") == wanted.replace("\r", "\n")


def test_numbers_and_headings_are_not_formulas_either() -> None:
    frame = _texts(["a"], "=heading")
    frame.insert(1, "balance", [-5.5])
    head, row = frame_bytes(frame, "csv", drop_geometry=True).decode("utf-8-sig").splitlines()
    assert (head, row) == ("'=heading,balance", "a,-5.5")


def test_control_characters_do_not_break_a_sheet() -> None:
    page = openpyxl.load_workbook(io.BytesIO(frame_bytes(_texts(["a\x00b"]), "xlsx"))).worksheets[0]
    assert page.cell(2, 1).value == "a\ufffdb"


def test_shapefiles_hold_one_kind_each_and_name_their_fields(
    layers: dict[str, gpd.GeoDataFrame], tmp_path: Path
) -> None:
    path = tmp_path / "out.SHP.zip"
    frame = layers["communities"].copy()
    frame.loc["C01", "name"] = "长" * 84
    write_frame(frame, path)
    with zipfile.ZipFile(path) as archive:
        kinds = {Path(name).stem for name in archive.namelist() if name.endswith(".shp")}
        fields = pd.read_csv(archive.open("fields.csv"), encoding="utf-8-sig").set_index("column").field
    assert kinds == {"point", "polygon"}
    assert max(len(field.encode()) for field in fields) <= 10
    assert fields.str.casefold().is_unique
    parts = [
        pyogrio.read_dataframe(f"/vsizip/{path}/{kind}.shp", datetime_as_string=True)
        for kind in sorted(kinds)
    ]
    found = pd.concat(parts).sort_values("code", ignore_index=True)
    for field in LAYERS["communities"].fields:
        expected = frame.reset_index()[field.name]
        assert plain(found[fields[field.name]], field.type) == plain(expected, field.type), field.name
    assert all(part.crs == "EPSG:4490" for part in parts)
    with pytest.raises(BadParameter, match=r"name.*254.*\.gpkg"):
        frame_bytes(frame.assign(name="长" * 85), "shp.zip")


@given(names=st.lists(st.text("ab名长_", min_size=1, max_size=14), unique=True, max_size=30))
def test_short_names_are_short_and_different(names: list[str]) -> None:
    short = short_names(names)
    assert list(short) == names
    assert len({name.casefold() for name in short.values()}) == len(names)
    assert all(0 < len(name.encode()) <= 10 for name in short.values())


def test_equal_frames_give_equal_bytes(layers: dict[str, gpd.GeoDataFrame]) -> None:
    frame = layers["communities"]
    endings = [ending for ending in ENDINGS if ending != "xlsx"]
    first = [frame_bytes(frame, ending, title="t") for ending in endings]
    time.sleep(1.1)  # more than a second: whatever stamps the time would differ now
    assert [frame_bytes(frame.copy(), ending, title="t") for ending in endings] == first


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_frame_is_an_empty_file_and_not_a_fault(
    layers: dict[str, gpd.GeoDataFrame], tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"out.{ending}"
    write_frame(layers["complaints"].iloc[:0], path)
    if ending in GEOGRAPHIC:
        assert len(gpd.read_parquet(path) if ending == "parquet" else pyogrio.read_dataframe(path)) == 0


# What may leave


@pytest.mark.parametrize("ending", ENDINGS)
def test_guarded_fields_do_not_leave(store: Store, tmp_path: Path, ending: str) -> None:
    assert GUARDED_TEXT in set(store.read("complaints").text.dropna())
    path = tmp_path / f"out.{ending}"
    assert export_layer(store, all_of("complaints"), path) == store.counts()["complaints"]
    content = path.read_bytes()
    if ending in ("xlsx", "shp.zip"):
        with zipfile.ZipFile(path) as archive:
            content = b"".join(archive.read(name) for name in archive.namelist())
    assert GUARDED_TEXT.encode() not in content
    assert "虚构演示数据".encode() in content or ending == "parquet"


def test_exports_of_invented_data_say_so_in_every_row(store: Store, tmp_path: Path) -> None:
    for ending in GEOGRAPHIC:
        path = tmp_path / f"out.{ending}"
        export_layer(store, all_of("facilities"), path)
        assert set(read_back(path).note) == {"虚构演示数据 / invented demonstration data"}
    with create_store(f"gpkg:{tmp_path / 'real.gpkg'}", District(name="a", metric_crs="EPSG:4547")) as real:
        export_layer(real, all_of("facilities"), tmp_path / "real.csv")
    assert "note" not in (tmp_path / "real.csv").read_text("utf-8-sig")


def test_an_export_comes_back_through_the_store_unchanged(store: Store, tmp_path: Path) -> None:
    for layer in LAYERS:
        path = tmp_path / f"{layer}.gpkg"
        export_layer(store, all_of(layer), path)
        guarded = [field.name for field in LAYERS[layer].fields if field.guarded]
        back = conform(pyogrio.read_dataframe(path), LAYERS[layer]).drop(columns=guarded)
        before = store.read(layer)
        store.upsert(layer, back.join(pd.DataFrame(before[guarded]))[before.columns])
        assert store.version() == len(LAYERS)


def test_the_layer_must_exist(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        export_layer(store, all_of("nothing"), tmp_path / "out.csv")


# Where to


def test_an_unknown_ending_names_those_that_are_allowed(
    layers: dict[str, gpd.GeoDataFrame], tmp_path: Path
) -> None:
    for act in (
        lambda: write_frame(layers["facilities"], tmp_path / "out.doc"),
        lambda: check_target(tmp_path / "gpkg"),
        lambda: frame_bytes(layers["facilities"], "doc"),
        lambda: write_frame(layers["facilities"], tmp_path / "out.csv", format="kml"),
    ):
        with pytest.raises(BadParameter) as caught:
            act()
        for language in ("zh", "en"):
            assert all("." + ending in caught.value.sentence(language) for ending in ENDINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_not_written_over(
    store: Store, layers: dict[str, gpd.GeoDataFrame], tmp_path: Path
) -> None:
    live = tmp_path / "live.gpkg"
    (tmp_path / "link.gpkg").symlink_to(live)
    store.close()
    before = live.read_bytes()
    for path in (live, tmp_path / "link.gpkg", Path(os.path.relpath(live))):
        with pytest.raises(BadParameter, match="a Wangge store is there"):
            check_target(path)
        with pytest.raises(BadParameter, match="a Wangge store is there"):
            write_frame(layers["facilities"], path)
        with pytest.raises(BadParameter, match="a Wangge store is there"):
            write_bytes(path, b"x")
    assert live.read_bytes() == before


def test_a_geopackage_that_is_no_store_is_replaced(
    layers: dict[str, gpd.GeoDataFrame], tmp_path: Path
) -> None:
    path = tmp_path / "out.gpkg"
    write_frame(layers["facilities"], path)
    write_frame(layers["buildings"], path)
    assert pyogrio.read_info(path)["features"] == len(layers["buildings"])
    assert [file.name for file in tmp_path.iterdir()] == ["out.gpkg"]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    write_bytes(tmp_path / "link.csv", b"a")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_bytes() == b"a"


@pytest.mark.parametrize("where", ["missing/out.csv", "folder.csv"])
def test_impossible_places_are_refused_before_the_work(tmp_path: Path, where: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadParameter, match="cannot be written"):
        check_target(tmp_path / where)
    with pytest.raises(BadParameter, match="cannot be written"):
        write_bytes(tmp_path / where, b"x")


def test_a_folder_that_may_not_be_written_is_refused_before_the_work() -> None:
    with open_folder() as folder:
        folder.chmod(0o555)
        with unprivileged(), pytest.raises(BadParameter, match="may not be written"):
            check_target(folder / "out.csv")
        with unprivileged(), pytest.raises(BadParameter, match="Permission denied"):
            write_bytes(folder / "out.csv", b"x")


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def fail(_: int) -> None:
        raise fault

    path = tmp_path / "out.csv"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreFull if isinstance(fault, OSError) else KeyboardInterrupt):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]
