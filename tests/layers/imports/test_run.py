"""Imports from end to end: what is stored, what is refused, and that nothing is lost or half done."""

from __future__ import annotations

import csv
import errno
import gzip
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from layers.problems import BadParameter, NotFound
from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import Store
from tests.district import small_district
from tests.layers.imports.conftest import HEAD, A, B, C, CsvOf, Import, importer, refused, sentences


@pytest.fixture(autouse=True, scope="module")
def positions_are_where_they_are_said_to_be() -> None:
    _, frames = small_district()
    places = frames["neighbourhoods"]
    for text, code in ((A, "S1N1"), (B, "S1N2"), (C, "S2N1")):
        lon, lat = (float(part) for part in text.split(","))
        assert places.index[places.contains(shapely.Point(lon, lat))].tolist() == [code]


def test_a_table_of_communities(run: Import, store: Store, csv_of: CsvOf) -> None:
    path = csv_of(
        "编码,小区名称,街道,社区,小区类型,户数,物业管理,业委会,物业合同止,经度,纬度",
        f"K1, 绿景花园 ,西街道,S1N1,老旧小区,300,有,否,2019年3月31日,{A}",
        f"K2,和平里,East,,urban_village,NA,未知,,2020/12/31,{C}",
    )
    report = run("communities", path, datum="cgcs2000")
    assert (report.read, report.taken, report.inserted, report.rejected) == (2, 2, 2, 0)
    assert report.verdict.status == "fits"
    frame = store.read("communities")
    first, second = frame.to_dict("index")["K1"], frame.to_dict("index")["K2"]
    expected = {
        "name": "绿景花园", "subdistrict": "S1", "neighbourhood": "S1N1", "kind": "old_estate", "households": 300,
        "property_management": "yes", "owners_committee": "no", "residents_group": "unknown",
        "contract_end": pd.Timestamp("2019-03-31"), "geometry": shapely.Point(114.1285, 22.5455),
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert (second["subdistrict"], second["kind"]) == ("S2", "urban_village")
    assert pd.isna(second["households"])
    assert pd.isna(second["neighbourhood"])
    assert second["owners_committee"] == "unknown"


def test_a_second_import_changes_nothing(run: Import, store: Store, csv_of: CsvOf) -> None:
    path = csv_of("category,opened,lng,lat", f"noise,2019-03-01 07:54,{A}", f"物业纠纷,2019-03-02,{B}")
    first = run("complaints", path, datum="wgs84")
    assert (first.inserted, first.codes_made) == (2, 2)
    version, frame = store.version(), store.read("complaints")
    again = run("complaints", path, datum="wgs84")
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 2)
    assert store.version() == version
    assert_geodataframe_equal(store.read("complaints"), frame)
    assert frame["opened_time"].dropna().tolist() == ["07:54:00"]
    assert sorted(frame["demand_group"]) == ["environment", "management"]


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        *((layer, "a.gpkg") for layer in LAYERS),
        *(
            (layer, name)
            for layer in ("communities", "facilities")
            for name in ("a.geojson", "a.fgb", "a.parquet")
        ),
    ],
)
def test_a_layer_survives_every_format(
    make_store: Callable[..., Store], standards: Standards, tmp_path: Path, layer: str, name: str
) -> None:
    _, frames = small_district()
    parents = [str(field.parent) for field in LAYERS[layer].parents]
    store = make_store(*parents)
    frame = frames[layer].reset_index()
    path = tmp_path / name
    if name == "a.parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path, engine="pyogrio")
    report = importer(store, standards)(layer, path)
    assert report.taken == report.inserted == len(frame)
    assert report.verdict.status in ("fits", "not_verified")
    stored, expected = store.read(layer), frames[layer]
    if layer == "complaints":  # the times of day that the district writes without seconds
        expected = expected.assign(opened_time=expected["opened_time"] + ":00")
    # GeoJSON keeps seven decimals of a degree, 1 cm.
    assert stored.geometry.geom_equals_exact(expected.geometry, 2e-7).all()
    left, right = (pd.DataFrame(f.drop(columns="geometry")) for f in (stored, expected))
    pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=0.0, atol=1e-6)


def test_fields_that_the_source_does_not_fill_stay_as_they_are(
    make_store: Callable[..., Store], standards: Standards, csv_of: CsvOf
) -> None:
    store = make_store("subdistricts", "neighbourhoods", "communities")
    before = store.read("communities")
    [(lon, lat)] = shapely.get_coordinates(before.geometry["C11"])
    path = csv_of("code,name,households,residents,lng,lat", f"C11,改名,,12,{lon},{lat}", f"C99,新,3,4,{A}")
    report = importer(store, standards)("communities", path, datum="cgcs2000")
    assert (report.inserted, report.updated) == (1, 1)
    after = store.read("communities")
    changed = after.loc["C11"]
    assert (changed["name"], changed["residents"]) == ("改名", 12)
    assert pd.isna(changed["households"])  # the source fills it, with unknown
    untouched = [name for name in before.columns if name not in ("name", "households", "residents")]
    pd.testing.assert_series_equal(changed[untouched], before.loc["C11", untouched])
    assert_geodataframe_equal(after.drop(["C11", "C99"]), before.drop("C11"))
    assert after.loc["C99", "property_management"] == "unknown"


def test_points_that_take_the_place_of_polygons_are_told(
    make_store: Callable[..., Store], standards: Standards, csv_of: CsvOf
) -> None:
    run = importer(make_store("communities"), standards)
    path = csv_of(HEAD, f"C01,n,{A}", f"C11,n,{A}", f"C99,n,{A}")
    for dry_run in (True, False):
        report = run("communities", path, datum="cgcs2000", dry_run=dry_run, force=True)
        assert [note.en for note in report.notes] == [
            "1 features that are polygons in the store become mere points."
        ]
    assert run("communities", path, datum="cgcs2000", force=True).notes == []


# Bad input: every line of it refused in words, nothing stored.


BAD_ROWS: dict[str, tuple[str, str]] = {
    "NaN": ("Z,n,nan,22.5", "NaN or infinite"),
    "infinite": ("Z,n,inf,22.5", "NaN or infinite"),
    "missing": ("Z,n,,22.5", "no position"),
    "NA": ("Z,n,NA,NA", "no position"),
    "zero": ("Z,n,0,0", "(0, 0)"),
    "swapped": ("Z,n,22.5455,114.1285", "no longitude and latitude"),
    "projected": ("Z,n,513522,2494608", "no longitude and latitude"),
    "outside": ("Z,n,114.3,22.5455", "outside the district"),
    "text": ("Z,n,114.1E,22.5455", "not a number"),
    "full-width": ("Z,n,１１４.1285,22.5455", "Write just 114.1285."),
    "no name": (f"Z,,{C}", "required"),
    "control": (f"Z,a\x01b,{C}", "control characters"),
    "short": ("Z,n,114.1", "3 values under 4 headings"),
    "long": (f"Z,n,{C},x", "5 values under 4 headings"),
    "quotes": (f'Z,"n"n,{C}', "quotation mark"),
    "cut code": (f"4.40303E+11,n,{C}", "spreadsheet has cut"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_told_by_its_number_and_nothing_is_stored(
    run: Import, store: Store, csv_of: CsvOf, case: str
) -> None:
    line, said = BAD_ROWS[case]
    rows = [f"G{n},n,{A}" for n in range(20)]
    path = csv_of(HEAD, *rows[:10], line, *rows[10:])
    version = store.version()
    error = refused(lambda: run("communities", path, datum="wgs84"))
    assert [problem.row for problem in error.problems] == [12]
    assert said in sentences(error)[0]
    assert all("\u4e00" <= problem.message.zh[0] <= "\u9fff" for problem in error.problems)
    assert "1 of 21 rows" in str(error)
    assert "--rejects" in str(error)
    assert (store.version(), store.counts()["communities"]) == (version, 0)


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_can_be_set_aside(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path, case: str
) -> None:
    line, said = BAD_ROWS[case]
    path = csv_of(HEAD, f"G1,n,{A}", line, f"G2,n,{A}")
    rejects = tmp_path / "rejects.csv"
    report = run("communities", path, datum="wgs84", rejects=rejects)
    assert (report.taken, report.rejected, report.ok) == (2, 1, True)
    assert store.read("communities").index.tolist() == ["G1", "G2"]
    assert rejects.read_bytes().startswith(b"\xef\xbb\xbf")
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["row"] == "3"
    assert said in row["problems"]
    assert case == "quotes" or row["code"] == line.split(",")[0]


def test_all_problems_are_reported_at_once_in_the_order_of_the_rows(run: Import, csv_of: CsvOf) -> None:
    path = csv_of(
        "code,name,户数,街道,小区类型,合同,业委会,lng,lat",
        f"A,n,3005户,西街道,old_estate,2019-03-01,yes,{A}",
        f"B,n,３００,南街道,villa,2019-02-30,maybe,{A}",
        "C,,1,西街道,,,,,",
    )
    error = refused(lambda: run("communities", path, datum="wgs84", columns={"contract_end": "合同"}))
    told = [(problem.row, problem.field, problem.value) for problem in error.problems]
    assert told == sorted(told, key=lambda one: one[0] or 0)
    assert set(told) == {
        (2, "户数", "3005户"),
        (3, "户数", "３００"),
        (3, "街道", "南街道"),
        (3, "小区类型", "villa"),
        (3, "合同", "2019-02-30"),
        (3, "业委会", "maybe"),
        (4, "name", None),
        (4, "lng, lat", None),
    }
    assert "3 of 3 rows have problems; nothing was imported." in str(error)
    assert "--rejects" not in str(error)


def test_no_good_row_is_an_error_even_with_rejects(run: Import, csv_of: CsvOf, tmp_path: Path) -> None:
    rejects = tmp_path / "r.csv"
    path = csv_of(HEAD, "A,n,,", "B,n,0,0")
    assert len(refused(lambda: run("communities", path, datum="wgs84", rejects=rejects)).problems) == 2
    assert len(rejects.read_text("utf-8-sig").splitlines()) == 3


def test_a_full_disk_under_the_rejects_stops_the_import(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = csv_of(HEAD, f"A,n,{A}", "B,n,,")
    rejects = tmp_path / "r.csv"
    rejects.write_text("from before")
    with monkeypatch.context() as patch:
        patch.setattr("layers.imports.rejects.os.fsync", full)
        error = refused(run, "communities", path, datum="wgs84", rejects=rejects)
    assert "No space left on device" in str(error)
    assert rejects.read_text() == "from before"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".r.csv")] == []
    assert store.counts()["communities"] == 0


def test_rejects_keep_columns_that_are_called_as_its_own(run: Import, csv_of: CsvOf, tmp_path: Path) -> None:
    path = csv_of("row,problems,name,lng,lat", f"7,none,n,{A}", "8,many,n,,")
    run("communities", path, datum="wgs84", rejects=tmp_path / "r.csv", language="zh")
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        heading, line = csv.reader(file)
    assert heading == ["_row", "row", "problems", "name", "lng", "lat", "_problems"]
    assert line[:3] == ["3", "8", "many"]
    assert line[-1].startswith("lng, lat: 没有位置。")


def test_rejects_come_in_the_order_of_the_source(run: Import, csv_of: CsvOf, tmp_path: Path) -> None:
    rejects = tmp_path / "r.csv"
    path = csv_of(HEAD, "A,short", f"B,n,{A}", "C,n,0,0", "D,n,1,2,3", "E,n,,")
    run("communities", path, datum="wgs84", rejects=rejects)
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        assert [(row["row"], row["code"]) for row in csv.DictReader(file)] == [
            ("2", "A"),
            ("4", "C"),
            ("5", "D"),
            ("6", "E"),
        ]


def test_rejects_of_nothing_are_a_heading(run: Import, csv_of: CsvOf, tmp_path: Path) -> None:
    rejects = tmp_path / "r.csv"
    rejects.write_text("from before")
    run("communities", csv_of(HEAD, f"A,n,{A}"), datum="wgs84", rejects=rejects)
    assert rejects.read_text("utf-8-sig") == "row,code,name,lng,lat,problems\n"
    assert rejects.stat().st_mode & 0o777 == (tmp_path / "source.csv").stat().st_mode & 0o777


def test_rows_that_share_a_code_and_differ_are_all_problems(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path
) -> None:
    path = csv_of(HEAD, f"A,n,{A}", f"A,m,{A}", f"B,n,{A}", f"B,n,{A}", f" A ,o,{B}", f"C,n,{A}")
    error = refused(lambda: run("communities", path, datum="wgs84"))
    assert [problem.row for problem in error.problems] == [2, 3, 6]
    assert "rows 2, 3, 6" in sentences(error)[0]
    report = run("communities", path, datum="wgs84", rejects=tmp_path / "r.csv")
    assert (report.taken, report.duplicates, report.rejected) == (2, 1, 3)
    assert store.read("communities").index.tolist() == ["B", "C"]


def test_a_million_to_one(run: Import, store: Store, tmp_path: Path) -> None:
    rows = 60_000
    lines = [f"Q{n:06d},noise,2019-03-01,{A},{'x' * 40}" for n in range(rows)]
    lines[rows // 2] = f"Q,noise,2019-13-01,{A},x"
    path = tmp_path / "big.csv.gz"
    path.write_bytes(gzip.compress("\n".join(["code,category,opened,lng,lat,text", *lines]).encode()))
    [said] = sentences(refused(lambda: run("complaints", path, datum="wgs84")))
    assert said.startswith(f"row {rows // 2 + 2}, opened = '2019-13-01'")
    assert store.counts()["complaints"] == 0


def test_no_rows_at_all(run: Import, csv_of: CsvOf) -> None:
    assert "holds no rows" in str(refused(lambda: run("communities", csv_of(HEAD), datum="wgs84")))
    path = csv_of(HEAD, f"A,n,{A}")
    error = refused(lambda: run("communities", path, datum="wgs84", only={"name": ("x",)}))
    assert "--only" in str(error)


def test_a_missing_crs(run: Import, csv_of: CsvOf, tmp_path: Path) -> None:
    assert "--datum" in str(refused(lambda: run("communities", csv_of(HEAD, f"A,n,{A}"))))
    path = tmp_path / "a.shp"
    frame = gpd.GeoDataFrame({"name": ["n"]}, geometry=[shapely.Point(114.1285, 22.5455)], crs="EPSG:4490")
    frame.to_file(path, engine="pyogrio")
    path.with_suffix(".prj").unlink()
    assert "--datum" in str(refused(lambda: run("communities", path)))
    assert run("communities", path, datum="cgcs2000").taken == 1


def test_options_that_contradict_each_other(run: Import, csv_of: CsvOf) -> None:
    with pytest.raises(BadParameter):
        run("communities", csv_of(HEAD, f"A,n,{A}"), datum="gcj02", crs="EPSG:4326")
    with pytest.raises(NotFound):
        run("comunities", csv_of(HEAD, f"A,n,{A}"), datum="gcj02")


def test_the_store_is_no_source_and_rejects_replace_nothing(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path
) -> None:
    live = Path(store.url.removeprefix("gpkg:"))
    link = tmp_path / "link.gpkg"
    link.symlink_to(live)
    for path in (live, link):
        assert "is the store itself" in str(refused(run, "communities", path, source_layer="communities"))
    path = csv_of(HEAD, f"A,n,{A}", "B,n,,")
    for rejects in (path, live):
        assert "cannot replace" in str(refused(run, "communities", path, datum="wgs84", rejects=rejects))
    for rejects in (tmp_path, tmp_path / "no" / "r.csv", Path("/dev/null")):
        assert "cannot be written" in str(refused(run, "communities", path, datum="wgs84", rejects=rejects))
    assert path.read_text().startswith(HEAD)
    assert store.counts()["communities"] == 0
