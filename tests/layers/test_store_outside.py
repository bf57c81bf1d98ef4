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
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from layers.schema import LAYERS
from layers.store import Authorship, Change, create_store, open_store
from layers.stores.contents import HistoryRow
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


def edit(path: Path, statement: str, values: tuple[Any, ...] = ()) -> None:
    """Edit a closed store through the system's own SQLite, which need not be the newest."""
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("ST_IsEmpty", 1, lambda blob: blob is None)
        for name in ("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
            connection.create_function(name, 1, lambda blob: 0.0)
        with connection:
            connection.execute(statement, values)


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
