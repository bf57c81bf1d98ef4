"""Edits by other programs: each becomes a version, with what it replaced, just as Wangge's own."""

from __future__ import annotations

import json
import math
import sqlite3
import struct
import subprocess
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from layers.problems import StoreUnusable
from layers.schema import LAYERS
from layers.store import Authorship, Change, backup_store, create_store, open_store
from layers.stores.contents import HistoryRow
from layers.stores.geopackage.blobs import wkb_inside
from layers.stores.geopackage.outside import NOTE
from layers.stores.rows import value_fields
from tests.district import small_district
from tests.layers.store_contract import PLACE, SOUTH, WEST, frame_of, points, same

OTHERS = Authorship(note=NOTE)
ON_MANY_STORES = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])

# What QGIS does when edits are saved: whole features are written again, in one transaction.
SAVE_LIKE_QGIS = """
import sys
from osgeo import gdal, ogr
gdal.UseExceptions()
source = gdal.OpenEx(sys.argv[1], gdal.OF_VECTOR | gdal.OF_UPDATE)
layer = source.GetLayerByName("communities")
source.StartTransaction()
for feature in layer:
    if feature["code"] in ("C01", "C02"):
        feature["households"] = 7
        shape = feature.GetGeometryRef().Clone()
        feature.SetGeometry(shape)
    layer.SetFeature(feature)
source.CommitTransaction()
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Give a closed store of the small district; its version is that of the last layer."""
    place, layers = small_district()
    path = tmp_path / "sample.gpkg"
    create_store(f"gpkg:{path}", place, layers=layers).close()
    return path


def run(*command: str | Path) -> None:
    """Let another program run: GDAL must not open a store within this process."""
    subprocess.run(command, capture_output=True, check=True)


def sql(path: Path, statement: str) -> None:
    run("ogrinfo", path, "-sql", statement)


def edit(path: Path, statement: str, values: tuple[Any, ...] = (), *, boxes: bool = True) -> None:
    """Edit a closed store through the system's own SQLite, which need not be the newest.

    Without `boxes` the program is one that leaves the R-tree alone.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("ST_IsEmpty", 1, lambda blob: not boxes)
        for side, name in enumerate(("ST_MinX", "ST_MinY", "ST_MaxX", "ST_MaxY")):
            connection.create_function(name, 1, partial(side_of, side))
        with connection:
            connection.execute(statement, values)


def side_of(side: int, blob: bytes) -> float:
    """Return west, south, east or north, as GDAL's and QGIS' own functions do."""
    return float(shapely.bounds(shapely.from_wkb(wkb_inside(blob)))[side])


def remembered(path: Path) -> tuple[list[Change], list[HistoryRow]]:
    with open_store(f"gpkg:{path}") as store, store.contents() as contents:
        return store.changes(since=0), list(contents.history)


# GDAL


def test_an_edit_by_gdal_is_a_version_that_can_be_looked_behind(sample: Path) -> None:
    _, layers = small_district()
    with open_store(f"gpkg:{sample}") as store:
        before = store.version()
        moved = "geom = (SELECT geom FROM complaints WHERE code = 'C08-001')"
        sql(sample, f"UPDATE complaints SET category = '新', closed = NULL, {moved} WHERE code = 'C07-002'")
        assert store.changes(since=before) == [Change(before + 1, "complaints", ("C07-002",), OTHERS)]
        same(store.read("complaints", version=before), layers["complaints"])
        (_, last) = store.history("complaints", "C07-002")
        old = layers["complaints"].loc["C07-002"]
        wanted = {
            "geometry": (old.geometry, layers["complaints"].geometry.loc["C08-001"]),
            "category": (old.category, "新"),
            "closed": (old.closed.date().isoformat(), None),
        }
        assert (last.kind, last.by, last.fields) == ("update", OTHERS, wanted)
        assert last.at is not None
        assert abs(last.at - datetime.now(UTC)) < timedelta(minutes=10)


def test_what_gdal_deletes_and_inserts_are_versions(sample: Path) -> None:
    _, layers = small_district()
    with open_store(f"gpkg:{sample}") as store:
        before = store.version()
        sql(sample, "DELETE FROM buildings WHERE code IN ('B90', 'B91')")
        copied = "code, geom, name, floors) SELECT 'new', geom, '新', 3"
        sql(sample, f"INSERT INTO buildings ({copied} FROM buildings WHERE code = 'B92'")
        assert [(change.layer, change.codes) for change in store.changes(since=before)] == [
            ("buildings", ("B90",)),
            ("buildings", ("B91",)),
            ("buildings", ("new",)),
        ]
        same(store.read("buildings", version=before), layers["buildings"])
        same(store.read("buildings", version=before + 2), layers["buildings"].drop(["B90", "B91"]))
        assert [edit.kind for edit in store.history("buildings", "B91")] == ["insert", "delete"]
        assert store.history("buildings", "new")[0].fields["floors"] == (None, 3)


def test_rows_that_gdal_appends_are_versions_each(sample: Path, tmp_path: Path) -> None:
    added = tmp_path / "added.geojson"
    rows = {"code": [f"n{k:03}" for k in range(150)], "category": "x", "opened": "2019-05-01"}
    gpd.GeoDataFrame(rows, geometry=[shapely.Point(114, 22)] * 150, crs="EPSG:4326").to_file(added)
    with open_store(f"gpkg:{sample}") as store:
        before = store.version()
        run("ogr2ogr", "-update", "-append", sample, added, "-nln", "complaints", "-a_srs", "EPSG:4490")
        changes = store.changes(since=before)
        assert [change.codes for change in changes] == [(f"n{k:03}",) for k in range(150)]
        assert [change.version for change in changes] == list(range(before + 1, before + 151))
        assert len(store.read("complaints", bbox=(113.9, 21.9, 114.01, 22.01))) == 150
        assert store.delete("complaints", [f"n{k:03}" for k in range(150)]) == 150
        assert store.read("complaints", bbox=(113.9, 21.9, 114.01, 22.01)).empty


def test_only_what_a_desktop_program_changes_is_a_version(sample: Path) -> None:
    """It writes each feature again, header and all; the polygons come back as they were."""
    with open_store(f"gpkg:{sample}") as store:
        before = store.version()
        run("/usr/bin/python3", "-c", SAVE_LIKE_QGIS, sample)
        assert [change.codes for change in store.changes(since=before)] == [("C01",), ("C02",)]
        assert store.history("communities", "C01")[-1].fields == {"households": (320, 7)}


def test_whoever_waits_is_told(sample: Path) -> None:
    with open_store(f"gpkg:{sample}") as store:
        before = store.version()
        program = threading.Thread(target=sql, args=(sample, "DELETE FROM backdrop"))
        program.start()
        assert store.wait(since=before, timeout_s=60) == before + 1
        program.join()


def test_the_validator_accepts_an_edited_store(sample: Path, validate_gpkg: Any) -> None:
    sql(sample, "UPDATE communities SET name = 'x' WHERE code < 'C05'")
    sql(sample, "UPDATE communities SET code = 'x' || code WHERE code > 'C05'")
    validate_gpkg(sample)


# Any SQLite


def test_a_changed_code_is_a_feature_deleted_and_another_inserted(sample: Path) -> None:
    with open_store(f"gpkg:{sample}") as store:
        before, old = store.version(), store.read("communities")
    edit(sample, "UPDATE communities SET code = 'A99', name = '改' WHERE code = 'C03'")
    edit(sample, "UPDATE communities SET code = 'é' WHERE code = 'C04'")
    with open_store(f"gpkg:{sample}") as store:
        codes = [change.codes for change in store.changes(since=before)]
        assert codes == [("A99", "C03"), ("C04", "é")]
        same(store.read("communities", version=before), old)
        assert [edit.kind for edit in store.history("communities", "C03")] == ["insert", "delete"]
        (inserted,) = store.history("communities", "A99")
        assert (inserted.kind, inserted.fields["name"]) == ("insert", (None, "改"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE communities SET name = name, geom = geom",
        "UPDATE communities SET fid = fid + 100",
        "UPDATE communities SET residents = 5 WHERE code = 'none'",
        "UPDATE communities SET residents = CAST(residents AS TEXT)",
    ],
)
def test_an_edit_that_changes_nothing_makes_no_version(sample: Path, statement: str) -> None:
    before = remembered(sample)
    edit(sample, statement)
    assert remembered(sample) == before


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", range(5))
def test_every_kind_of_header_is_taken_off(sample: Path, order: str, kind: int) -> None:
    extra = (0, 4, 6, 6, 8)[kind]
    head = struct.pack(f"{order}3sBi{extra}d", b"GP\0", (order == "<") | kind << 1, 4490, *[0.0] * extra)
    wkb = shapely.to_wkb(shapely.Point(WEST, SOUTH), byte_order=1)
    edit(sample, "UPDATE complaints SET geom = ? WHERE code = 'C07-001'", (head + wkb,))
    before = remembered(sample)
    plain = struct.pack("<3sBi", b"GP\0", 1, 4490) + wkb
    edit(sample, "UPDATE complaints SET geom = ? WHERE code = 'C07-001'", (plain,))
    assert remembered(sample) == before
    edit(sample, "DELETE FROM complaints WHERE code = 'C07-001'")
    assert remembered(sample)[1][-1].wkb == wkb


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
values = st.fixed_dictionaries(
    {
        "name": st.none() | texts,
        "floors": st.none() | st.integers(-(2**63), 2**63 - 1),
        "floor_area_m2": st.none() | st.floats(allow_nan=False),
        "entrance_lon": st.none() | st.floats(-180, 180),
    }
)


NOTHING = dict.fromkeys(("name", "floors", "floor_area_m2", "entrance_lon"))
ENDLESS = {"name": 'a"\\\n', "floors": 0, "floor_area_m2": -math.inf, "entrance_lon": 0.1 + 0.2}


@ON_MANY_STORES
@given(first=values, second=values, code=texts.filter(bool), drop=st.booleans())
@example(first=ENDLESS | {"floor_area_m2": math.inf}, second=ENDLESS, code="a", drop=False)
@example(first=ENDLESS, second=NOTHING, code="'", drop=True)
def test_the_same_is_remembered_as_of_wangges_own_writes(
    tmp_path_factory: pytest.TempPathFactory, first: Any, second: Any, code: str, drop: bool
) -> None:
    def building(fields: dict[str, Any], shape: Any) -> gpd.GeoDataFrame:
        return frame_of("buildings", [code], [shape], **{name: [value] for name, value in fields.items()})

    folder = tmp_path_factory.mktemp("pair")
    ours, theirs = folder / "ours.gpkg", folder / "theirs.gpkg"
    one, two = building(first, shapely.Point(WEST, SOUTH)), building(second, shapely.box(1, 2, 3, 4))
    for path in (ours, theirs):
        create_store(f"gpkg:{path}", PLACE, layers={"buildings": one}).close()
    with open_store(f"gpkg:{ours}") as store:
        if drop:
            store.delete("buildings", [code])
        else:
            store.upsert("buildings", two)
        now = store.read("buildings")
    if drop:
        edit(theirs, "DELETE FROM buildings WHERE code = ?", (code,))
    else:
        fields = [field.name for field in value_fields(LAYERS["buildings"])]
        with open_store(f"gpkg:{ours}") as store, store.contents() as contents:
            (row,) = [row for chunk in contents.layers["buildings"] for row in chunk.records]
        places = ", ".join(f'"{name}" = ?' for name in fields)
        blob = struct.pack("<3sBi4d", b"GP\0", 3, 4490, 1, 3, 2, 4) + row[1]
        edit(theirs, f"UPDATE buildings SET {places}, geom = ? WHERE code = ?", (*row[2:], blob, code))
    with open_store(f"gpkg:{theirs}") as store:
        same(store.read("buildings"), now)
        same(store.read("buildings", version=1), one)
    (_, (mine,)), (_, (his,)) = remembered(ours), remembered(theirs)
    assert his._replace(before="") == mine._replace(before="")
    assert list(json.loads(his.before).items()) == list(json.loads(mine.before).items())


def test_wangges_own_writes_are_recorded_once(tmp_path: Path) -> None:
    url = f"gpkg:{tmp_path / 'store.gpkg'}"
    with create_store(url, PLACE) as store:
        store.upsert("complaints", points([f"{k:04}" for k in range(3000)]))
        store.upsert("complaints", points(["0001", "new"], category="x"))
        store.delete("complaints", ["0001", "0002"])
        changes = store.changes(since=0)
        assert [(change.version, len(change.codes)) for change in changes] == [(1, 3000), (2, 2), (3, 2)]
        assert {change.by for change in changes} == {Authorship()}


# What others write otherwise than Wangge would


def blob(shape: Any, *, empty: bool = False, order: int = 1) -> bytes:
    """Return a geometry as other programs may write it: with heights, with the largest numbers first."""
    flags = order | (0x10 if empty else 0)
    head = struct.pack(f"{'<' if order else '>'}3sBi", b"GP\0", flags, 4490)
    return head + bytes(shapely.to_wkb(shape, byte_order=order))


@pytest.mark.parametrize("code", [None, "C07-002"], ids=["none", "another's"])
def test_a_feature_without_a_code_of_its_own_is_refused(sample: Path, code: str | None) -> None:
    before = remembered(sample)
    with pytest.raises(sqlite3.IntegrityError):
        edit(sample, "UPDATE complaints SET code = ? WHERE code = 'C07-001'", (code,))
    with pytest.raises(sqlite3.IntegrityError):
        edit(sample, "INSERT INTO complaints (code, geom) VALUES (?, x'00')", (code,))
    assert remembered(sample) == before


@pytest.mark.parametrize(
    ("layer", "column", "value"),
    [
        ("communities", "pilot", "maybe"),
        ("communities", "pilot", ""),
        ("communities", "kind", 7),
        ("mediation_rooms", "shared", None),
    ],
)
def test_what_no_field_takes_is_read_as_it_is_and_named(
    sample: Path, layer: str, column: str, value: Any
) -> None:
    edit(sample, f"UPDATE {layer} SET {column} = ?", (value,))
    with open_store(f"gpkg:{sample}") as store:
        wanted = "unknown" if value is None else str(value)
        assert set(store.read(layer)[column]) == {wanted}
        codes = tuple(store.read(layer).index)
        named = [(fault.id, fault.layer, fault.codes) for fault in store.verify()]
        assert named == ([("value", layer, codes)] if column == "pilot" else [])
        assert len(store.read(layer, version=store.version() - 1)) == len(codes)


def test_an_empty_geometry_is_read_copied_named_and_mended(sample: Path, tmp_path: Path) -> None:
    empty = blob(shapely.MultiPolygon(), empty=True)
    edit(sample, "UPDATE subdistricts SET geom = ? WHERE code = 'S1'", (empty,), boxes=False)
    edit(sample, "DELETE FROM rtree_subdistricts_geom WHERE id = 1")
    with open_store(f"gpkg:{sample}") as store:
        assert store.read("subdistricts").geometry.is_empty.tolist() == [True, False]
        assert store.read("subdistricts", bbox=(0, 0, 180, 90)).index.tolist() == ["S2"]
        backup_store(store, tmp_path / "backup.gpkg")
        with open_store(f"gpkg:{tmp_path / 'backup.gpkg'}") as backup:
            for copy in (store, backup):
                named = [(fault.id, fault.layer, fault.codes) for fault in copy.verify()]
                assert named == [("geometry", "subdistricts", ("S1",))]
        same(backup_of(sample), backup_of(tmp_path / "backup.gpkg"))
        store.update("subdistricts", frame_of("subdistricts", ["S1"], [shapely.box(114, 22, 115, 23)]))
        assert store.verify() == []
        assert store.read("subdistricts", bbox=(114, 22, 115, 23)).index.tolist() == ["S1", "S2"]


def backup_of(path: Path) -> gpd.GeoDataFrame:
    with open_store(f"gpkg:{path}") as store:
        return store.read("subdistricts")


@pytest.mark.parametrize("order", [0, 1])
def test_heights_and_the_order_of_bytes_do_not_tell_features_apart(sample: Path, order: int) -> None:
    with open_store(f"gpkg:{sample}") as store:
        before = store.read("buildings")
        version = store.version()
    with closing(sqlite3.connect(sample)) as connection:
        kept = dict(connection.execute("SELECT code, geom FROM buildings"))
    for code, shape in before.geometry.iloc[:3].items():
        high = shapely.force_3d(shapely.multipolygons([shape]), 7.0)
        edit(sample, "UPDATE buildings SET geom = ? WHERE code = ?", (blob(high, order=order), code))
    with open_store(f"gpkg:{sample}") as store:
        same(store.read("buildings"), before)
        assert store.upsert("buildings", before).unchanged == len(before)
        same(store.read("buildings", version=version + 1), before)
        with store.contents() as contents:
            rows = {row[0]: row[1] for chunk in contents.layers["buildings"] for row in chunk.records}
            list(contents.changes)
            history = {row.code: row.wkb for row in contents.history}
        assert all(blob.endswith(rows[str(code)]) for code, blob in kept.items())
        assert history == {code: rows[code] for code in history}
        assert len(history) == 3


def test_no_fid_is_left_where_another_program_took_the_last(sample: Path) -> None:
    """For many in a row, that is; a single feature takes any that is free."""
    edit(sample, f"UPDATE complaints SET fid = {2**63 - 1} WHERE code = 'C07-001'", boxes=False)
    with open_store(f"gpkg:{sample}") as store:
        before = store.version()
        with pytest.raises(StoreUnusable, match="fid"):
            store.insert("complaints", points(["new", "newer"]))
        assert store.version() == before
        assert store.insert("complaints", points(["new"])).inserted == 1
        assert store.update("complaints", points(["C07-001"])).updated == 1
        assert store.verify() == []


def test_what_is_replaced_without_a_word_is_found(sample: Path) -> None:
    """INSERT OR REPLACE deletes, and tells no trigger."""
    columns = "code, geom, name"
    edit(
        sample,
        f"INSERT OR REPLACE INTO buildings ({columns}) SELECT 'C01-B1', geom, 'x' FROM buildings WHERE fid = 9",
    )
    with open_store(f"gpkg:{sample}") as store:
        assert [(fault.id, fault.layer) for fault in store.verify()] == [
            ("index", "buildings"),
            ("history", "buildings"),
        ]
