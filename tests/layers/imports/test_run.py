"""Imports from end to end: what is stored, what is refused, and that nothing is lost or half done."""

from __future__ import annotations

import csv
import errno
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.datum import convert_datum
from layers.imports import records
from layers.imports.source import Source
from layers.problems import BadParameter, NotFound
from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import Store
from tests.district import small_district
from tests.layers.imports.conftest import Import, importer, refused, sentences

CsvOf = Callable[..., Path]

# Positions within S1N1, S1N2 and S2N1 of the small district.
A, B, C = "114.1285,22.5455", "114.1285,22.5515", "114.1365,22.5455"
HEAD = "code,name,lng,lat"


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


# Parents.


def test_parents_by_code_name_or_english_name(run: Import, store: Store, csv_of: CsvOf) -> None:
    labels = ["S1N1", "西南社区", "West South", " 西南社区 "]
    path = csv_of("code,社区,lng,lat", *(f"B{n},{label},{A}" for n, label in enumerate(labels)))
    run("buildings", path, datum="wgs84")
    assert store.read("buildings")["neighbourhood"].tolist() == ["S1N1"] * 4


def test_labels_that_name_no_parent(run: Import, csv_of: CsvOf) -> None:
    path = csv_of("code,街道,小区,lng,lat", f"B1,西街,,{A}", f"B2,,绿景花园,{A}")
    first, second = sentences(refused(lambda: run("buildings", path, datum="wgs84")))
    assert first == (
        "row 2, 街道 = '西街': There is no such subdistrict. Did you mean 西街道? "
        "Correct it, or translate it with --map-value subdistrict:西街=…."
    )
    assert "There are no communities yet. Import communities first" in second
    assert "--map community=" in second
    report = run(
        "buildings", path, datum="wgs84", columns={"community": ""}, values={"subdistrict": {"西街": "S1"}}
    )
    assert report.taken == 2


def test_a_name_that_several_parents_bear(
    make_store: Callable[..., Store], standards: Standards, csv_of: CsvOf
) -> None:
    store = make_store("subdistricts", "neighbourhoods")
    twin = store.read("neighbourhoods")
    store.upsert("neighbourhoods", twin.assign(name="同名社区"))
    path = csv_of("code,社区,lng,lat", f"B1,同名社区,{A}", f"B2,S1N1,{A}")
    [said] = sentences(refused(lambda: importer(store, standards)("buildings", path, datum="wgs84")))
    assert "4 neighbourhoods bear this name" in said
    assert "S1N1, S1N2, S2N1, S2N2" in said


# Codes and duplicates.


def test_codes_by_content(run: Import, store: Store, csv_of: CsvOf) -> None:
    lines = [f"noise,2019-03-01,{A}", f"noise,2019-03-01,{B}", f"noise,2019-03-01,{A}"]
    report = run("complaints", csv_of("category,opened,lng,lat", *lines), datum="wgs84")
    assert (report.taken, report.duplicates, report.codes_made) == (2, 1, 2)
    codes = store.read("complaints").index
    assert codes.str.fullmatch("C[0-9a-f]{16}").all()
    # Other rows, another order of the columns, another file name: the same codes.
    moved = csv_of(
        "lat,opened,lng,category",
        "22.5455,2019-03-01,114.1285,noise",
        "22.5,2018-01-01,114.1,x",
        name="b.csv",
    )
    again = run("complaints", moved, datum="wgs84", only={"category": ("noise",)})
    assert (again.inserted, again.unchanged, again.left_out) == (0, 1, 1)


def test_only_rows_without_a_code_are_given_one(run: Import, store: Store, csv_of: CsvOf) -> None:
    report = run("communities", csv_of(HEAD, f"A,n,{A}", f",n,{A}", f"NA,m,{A}"), datum="wgs84")
    assert report.codes_made == 2
    assert len(store.read("communities").index) == 3


tables = st.lists(
    st.tuples(*[st.sampled_from(["", "a", "b", "NA", "a,b", "\x1e", "="])] * 3), min_size=1, max_size=12
)


@given(tables, st.randoms(use_true_random=False))
def test_codes_differ_where_records_do_and_not_otherwise(rows: list[tuple[str, ...]], random: Any) -> None:
    def source(these: list[tuple[str, ...]], names: str = "xyz") -> Source:
        frame = pd.DataFrame(these, columns=list(names), dtype="str")
        return Source("csv", frame.mask(frame == ""), np.arange(len(these)))

    def codes(one: Source) -> list[str]:
        return records.made_codes(one, "C", np.ones(len(one.rows), dtype=bool))

    made = codes(source(rows))
    assert len(set(made)) == len(set(rows))
    assert records.first_of_each(source(rows)).sum() == len(set(rows))
    shuffled = random.sample(range(len(rows)), len(rows))
    turned = source([rows[at][::-1] for at in shuffled], "zyx")
    assert codes(turned) == [made[at] for at in shuffled]


def test_geometry_counts_for_codes_and_duplicates() -> None:
    frame = pd.DataFrame({"geometry": ["x"] * 4}, dtype="str")
    shapes = np.array([shapely.Point(1, 2), shapely.Point(1, 2), shapely.Point(1, 3), None], dtype=object)
    source = Source("geojson", frame, np.arange(4), geometry=shapes)
    assert records.first_of_each(source).tolist() == [True, False, True, True]
    codes = records.made_codes(source, "C", np.ones(4, dtype=bool))
    assert codes[0] == codes[1]
    assert len(set(codes)) == 3


# Second positions, values, what is taken.


def test_entrances_are_read_in_the_declared_datum(run: Import, store: Store, csv_of: CsvOf) -> None:
    lon, lat = convert_datum([114.1285, 114.1286], [22.5455, 22.5456], source="cgcs2000", target="bd09")
    path = csv_of(
        "code,kind,街道,entrance_lon,出入口纬度,lng,lat",
        f"F1,library,S1,{lon[1]:.12f},{lat[1]:.12f},{lon[0]:.12f},{lat[0]:.12f}",
        f"F2,library,S1,,,{lon[0]:.12f},{lat[0]:.12f}",
    )
    run("facilities", path, datum="bd09", force=True)
    frame = store.read("facilities")
    placed = frame[["entrance_lon", "entrance_lat"]].to_numpy().tolist()
    assert placed[0] == pytest.approx([114.1286, 22.5456], abs=1e-9)
    assert np.isnan(placed[1]).all()


def test_entrances_that_are_wrong(run: Import, csv_of: CsvOf) -> None:
    path = csv_of(
        "code,kind,entrance_lon,entrance_lat,lng,lat",
        f"F1,library,114.1285,,{A}",
        f"F2,library,22.5455,114.1285,{A}",
        f"F3,library,114.3,22.5455,{A}",
        f"F4,library,x,22.5455,{A}",
    )
    error = refused(lambda: run("facilities", path, datum="wgs84"))
    assert sorted({problem.row for problem in error.problems if problem.row}) == [2, 3, 4, 5]
    assert "Only one of longitude and latitude" in sentences(error)[0]


def test_values_constants_and_rows_by_option(run: Import, store: Store, csv_of: CsvOf) -> None:
    path = csv_of(
        "id,amenity,lng,lat",
        f"1,townhall,{A}",
        f"2,library,{A}",
        f"3,bank,{A}",
        f"4,,{A}",
        name="amenities.csv",
    )
    report = run(
        "facilities",
        path,
        datum="wgs84",
        columns={"kind": "amenity", "code": "id"},
        values={"kind": {"townhall": "community_service_station", "": "library", "pub": "library"}},
        constants={"opened": "2019-01-01"},
        only={"amenity": ("townhall", "library", "")},
    )
    assert (report.read, report.left_out, report.taken) == (3, 1, 3)
    assert store.read("facilities")["kind"].tolist() == ["community_service_station", "library", "library"]
    assert (store.read("facilities")["opened"] == pd.Timestamp("2019-01-01")).all()
    assert any("holds no pub" in note.en for note in report.notes)


def test_an_unknown_facility_kind(run: Import, csv_of: CsvOf) -> None:
    path = csv_of("kind,lng,lat", f"restaurant,{A}")
    [said] = sentences(refused(lambda: run("facilities", path, datum="wgs84")))
    assert "rehabilitation_centre" in said
    assert "--map-value kind:restaurant=" in said


def test_a_demand_group_that_is_given_is_kept(run: Import, store: Store, csv_of: CsvOf) -> None:
    path = csv_of(
        "code,category,demand_group,opened,lng,lat",
        f"1,noise,safety,2019-01-01,{A}",
        f"2,noise,,2019-01-01,{A}",
        f"3,whatever,,2019-01-01,{A}",
    )
    run("complaints", path, datum="wgs84")
    frame = store.read("complaints")
    assert frame["demand_group"].tolist() == ["safety", "environment", "unmapped"]
    assert frame["category"].tolist() == ["noise", "noise", "whatever"]


def test_wkt_polygons_and_their_repairs(run: Import, store: Store, csv_of: CsvOf) -> None:
    x, y = 114.1285, 22.5455
    ring = f"({x} {y}, {x + 0.001} {y}, {x + 0.001} {y}, {x + 0.001} {y + 0.001})"
    path = csv_of(
        "code,name,wkt",
        f'A,n,"POLYGON ({ring})"',
        f"B,n,POINT ({x} {y})",
        f'C,n,"LINESTRING ({x} {y}, 114.13 {y})"',
    )
    [said] = sentences(refused(lambda: run("communities", path, datum="wgs84")))
    assert "The geometry is a line. Communities take a polygon or a point." in said
    good = csv_of("code,name,wkt", f'A,n,"POLYGON ({ring})"', f"B,n,POINT ({x} {y})", name="good.csv")
    report = run("communities", good, datum="wgs84")
    assert report.repairs == {"unclosed_rings": 1, "repeated_points": 1}
    assert [line for line in report.lines("en") if "repair" in line]
    assert shapely.get_num_coordinates(store.read("communities").geometry["A"]) == 4


# The guard within an import.


def bd09_rows(count: int) -> list[str]:
    _, frames = small_district()
    frame = frames["complaints"].iloc[:: len(frames["complaints"]) // count]
    lon, lat = convert_datum(frame.geometry.x, frame.geometry.y, source="cgcs2000", target="bd09")
    return [
        f"{code},noise,2019-01-01,{sub},{x:.9f},{y:.9f}"
        for code, sub, x, y in zip(frame.index, frame["subdistrict"], lon, lat, strict=True)
    ]


COMPLAINT_HEAD = "code,category,opened,subdistrict,lng,lat"


def test_rejects_do_not_get_around_the_guard(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path
) -> None:
    path = csv_of(COMPLAINT_HEAD, *bd09_rows(90))
    rejects = tmp_path / "r.csv"
    error = refused(lambda: run("complaints", path, datum="wgs84", rejects=rejects))
    assert str(error).startswith("BD-09 fits: ")
    assert "--datum bd09" in str(error)
    assert "--force" in str(error)
    assert error.message.zh.startswith("BD-09 相符：")
    assert store.counts()["complaints"] == 0
    assert not rejects.exists()
    assert run("complaints", path, datum="bd09").verdict.status == "fits"
    assert store.counts()["complaints"] > 80


def test_force_takes_what_can_be_taken_and_is_recorded(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path
) -> None:
    path = csv_of(COMPLAINT_HEAD, *bd09_rows(90))
    report = run("complaints", path, datum="wgs84", force=True, rejects=tmp_path / "r.csv")
    assert report.verdict.status == "overridden"
    assert report.rejected > 0  # some lie outside the district now
    assert store.counts()["complaints"] == report.taken
    [(_, layer, note)] = store.notes()
    assert layer == "complaints"
    assert "overridden by --force: BD-09 fits" in note
    assert "declared WGS 84" in note


def test_the_note_of_an_ordinary_import(run: Import, store: Store, csv_of: CsvOf) -> None:
    run("communities", csv_of("code,name,街道,lng,lat", f"A,n,S1,{A}"), datum="wgs84")
    [(_, _, note)] = store.notes()
    assert note == (
        "imported from source.csv, declared WGS 84. "
        "WGS 84 and CGCS2000 are less than 1 m apart and are taken as one frame."
        + ("" if "not verified" not in note else note[note.index(" Datum not verified") :])
    )


# Dry runs.


def test_a_dry_run_writes_nothing_and_shows_what_would_be(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path
) -> None:
    path = csv_of("code,Name,街道,colour,lng,lat", f"A,绿景,S1,red,{A}", f"B,和平,S1,red,{B}", "C,x,S9,red,,")
    rejects = tmp_path / "r.csv"
    version = store.version()
    report = run(
        "communities", path, datum="wgs84", dry_run=True, rejects=rejects, constants={"households": "12"}
    )
    assert (store.version(), rejects.exists()) == (version, False)
    assert (report.taken, report.inserted, report.rejected, len(report.problems)) == (2, 2, 1, 2)
    text = "\n".join(report.lines("en"))
    for part in (
        "name <- Name (by its heading): 绿景, 和平",
        "subdistrict <- 街道 (by its heading): S1",
        "households <- = 12: 12",
        "position <- lng, lat",
        "Columns not used: colour",
        "2 would be stored: 2 new, 0 with codes that are there",
        "Dry run: nothing was written",
    ):
        assert part in text
    assert "试运行" in "\n".join(report.lines("zh"))
    told = report.as_dict("en")
    assert told["mapping"]["columns"] == {"code": "code", "name": "Name", "subdistrict": "街道"}
    assert told["mapping"]["examples"]["name"] == ["绿景", "和平"]
    assert len(told["problems"]) == 2


def test_a_dry_run_shows_what_the_guard_would_say(run: Import, csv_of: CsvOf) -> None:
    report = run("complaints", csv_of(COMPLAINT_HEAD, *bd09_rows(90)), datum="wgs84", dry_run=True)
    assert not report.ok
    assert "BD-09 fits" in report.complaint.en
    assert report.as_dict("en")["datum"]["better"] == ["bd09"]


@given(
    st.lists(
        st.tuples(
            *[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), max_size=8)]
            * 4
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_is_taken_or_refused_in_words(
    run: Import, store: Store, tmp_path: Path, rows: list[tuple[str, ...]]
) -> None:
    path = tmp_path / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "name", "户数", "业委会", "lng", "lat"])
        writer.writerows([*row, *A.split(",")] for row in rows)
    report = run("communities", path, datum="wgs84", dry_run=True)
    assert report.taken + report.rejected + report.duplicates == report.read <= len(rows)
    assert bool(report.problems) == (report.rejected > 0)
