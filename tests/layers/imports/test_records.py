"""Parents, codes, duplicates and values within an import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.datum import convert_datum
from layers.imports import records
from layers.imports.raw import Source
from layers.standards import Standards
from layers.store import Store
from tests.layers.imports.conftest import HEAD, A, B, CsvOf, Import, importer, refused, sentences


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
