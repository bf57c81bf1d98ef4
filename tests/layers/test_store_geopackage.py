"""The GeoPackage as others see it: the standard's tables, GDAL, the R-tree, and the same bytes of content twice."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import apsw
import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.problems import FeaturesExist, NotFound, StoreConflict
from layers.schema import LAYERS
from layers.store import Authorship, District, create_store, open_store
from layers.stores.geopackage import blobs, ddl
from layers.stores.geopackage.connection import free_of_wal_reset_bug
from layers.stores.geopackage.files import prepare
from layers.stores.geopackage.store import GeoPackageStore, is_store
from layers.stores.geopackage.tables import in_box, select
from layers.stores.rows import Damaged, GeometryType, geometry_type
from tests.district import one_epoch, small_district
from tests.layers.store_contract import PLACE, SOUTH, WEST, frame_of, points

NOON = datetime(2019, 12, 31, 12, tzinfo=UTC)
GDAL_TYPES = {
    "text": "String",
    "fact": "String",
    "time": "String",
    "integer": "Integer64",
    "number": "Real",
    "x": "Real",
    "y": "Real",
    "date": "Date",
}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    place, layers = small_district()
    path = tmp_path / "sample.gpkg"
    create_store(f"gpkg:{path}", place, layers=layers).close()
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GeoPackageStore]:
    path = tmp_path / "store.gpkg"
    create_store(f"gpkg:{path}", PLACE).close()
    with GeoPackageStore(path) as made:
        yield made


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask the file over a connection of its own, as another program would."""
    with closing(apsw.Connection(str(path))) as connection:
        prepare(connection)
        return connection.execute(sql).fetchall()


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, and the tables' definitions."""
    tables = [
        name for (name,) in query(path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    ]
    held = {name: query(path, f'SELECT * FROM "{name}" ORDER BY 1, 2') for name in tables}
    return held | {"": query(path, "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2")}


def ogrinfo(*options: str | Path) -> str:
    """Return what GDAL's program prints; GDAL must not open a store within this process."""
    return subprocess.run(["ogrinfo", *options], capture_output=True, text=True, check=True).stdout


# As GDAL and QGIS see it


def test_the_validator_accepts_it(sample: Path, validate_gpkg: Callable[[Path], None]) -> None:
    validate_gpkg(sample)


def test_the_validator_accepts_an_empty_district(
    store: GeoPackageStore, validate_gpkg: Callable[[Path], None]
) -> None:
    store.close()
    validate_gpkg(store.path)


def test_the_validator_accepts_it_after_writes(
    store: GeoPackageStore, validate_gpkg: Callable[[Path], None]
) -> None:
    store.upsert("complaints", points([str(k) for k in range(3000)]))
    store.upsert("complaints", points([str(k) for k in range(10, 20)]), by=Authorship(note="moved"))
    store.delete("complaints", [str(k) for k in range(5)])
    store.upsert("subdistricts", frame_of("subdistricts", ["a"], [shapely.box(114, 22, 115, 23)]))
    store.close()
    validate_gpkg(store.path)


def test_ogrinfo_sees_every_layer_field_and_the_crs(sample: Path) -> None:
    _, layers = small_district()
    declared = {"POINT": "Point", "MULTIPOLYGON": "Multi Polygon", "GEOMETRY": "Unknown (any)"}
    listed = re.findall(r"^\d+: (\w+)", ogrinfo(sample), re.MULTILINE)
    assert set(listed) == {
        "district",
        *LAYERS,
        "wangge_meta",
        "wangge_changes",
        "wangge_history",
        "wangge_keys",
    }
    for layer in LAYERS.values():
        seen = ogrinfo("-so", sample, layer.name)
        fields = re.findall(r"^(\w+): (\w+) \(\d+\.\d+\)", seen, re.MULTILINE)
        assert fields == [(field.name, GDAL_TYPES[field.type]) for field in layer.fields]
        assert f"Geometry: {declared[geometry_type(layer)]}\n" in seen
        assert f"Feature Count: {len(layers[layer.name])}\n" in seen
        assert 'ID["EPSG",4490]]\n' in seen
        extent = re.findall(r"\((\S+), (\S+)\) - \((\S+), (\S+)\)", seen)
        assert [float(edge) for edge in extent[0]] == pytest.approx(layers[layer.name].total_bounds.tolist())


def test_gdal_reads_longitude_before_latitude(sample: Path) -> None:
    _, layers = small_district()
    seen = re.search(r"POINT \(.*\)", ogrinfo("-q", sample, "complaints", "-where", "code = 'C07-001'"))
    assert seen is not None
    point = shapely.from_wkt(seen[0])
    assert 114 < shapely.get_x(point) < 115
    assert shapely.equals_exact(point, layers["complaints"].geometry.loc["C07-001"], 1e-9)


def test_other_programs_edits_are_read(sample: Path) -> None:
    moved = "geom = (SELECT geom FROM subdistricts WHERE code = 'S2')"
    with open_store(f"gpkg:{sample}") as store:
        east = store.read("subdistricts").geometry.loc["S2"]
        just_inside = shapely.buffer(east, -1e-4).bounds
        assert store.read("subdistricts", bbox=just_inside).index.tolist() == ["S2"]
        ogrinfo(sample, "-sql", f"UPDATE subdistricts SET name = '新名', {moved} WHERE code = 'S1'")
        found = store.read("subdistricts", bbox=just_inside)
        assert found.name.to_dict() == {"S1": "新名", "S2": "东街道"}
        assert found.geometry.loc["S1"] == east


# The standard's tables


def test_it_declares_itself_a_geopackage(sample: Path) -> None:
    assert query(sample, "PRAGMA application_id") == [(0x47504B47,)]
    assert query(sample, "PRAGMA user_version") == [(10400,)]
    assert query(sample, "PRAGMA journal_mode") == [("wal",)]
    assert query(sample, "PRAGMA integrity_check") == [("ok",)]
    assert query(sample, "PRAGMA foreign_key_check") == []


def test_text_is_never_varchar(sample: Path) -> None:
    names = ", ".join(f"'{name}'" for name in ("district", *LAYERS))
    declared = query(
        sample,
        f"SELECT DISTINCT f.type FROM sqlite_schema m, pragma_table_info(m.name) f WHERE m.name IN ({names})",
    )
    assert {kind for (kind,) in declared} == {
        "TEXT", "INTEGER", "DOUBLE", "DATE", "BOOLEAN", "POINT", "MULTIPOLYGON", "GEOMETRY",
    }  # fmt: skip


def test_parents_are_indexed(sample: Path) -> None:
    for layer in LAYERS.values():
        for field in layer.parents:
            ((*_, plan),) = query(
                sample, f"EXPLAIN QUERY PLAN SELECT code FROM {layer.name} WHERE {field.name} = 'x'"
            )
            assert f"USING INDEX {layer.name}_{field.name}" in plan


def test_no_clock_is_in_it(tmp_path: Path) -> None:
    for as_of, wanted in (
        (date(2019, 12, 31), "2019-12-31T00:00:00.000Z"),
        (None, "1970-01-01T00:00:00.000Z"),
    ):
        path = tmp_path / f"{as_of}.gpkg"
        with create_store(f"gpkg:{path}", District(name="a", metric_crs="EPSG:4547", as_of=as_of)) as store:
            store.upsert("complaints", points(["a"]))
        assert query(path, "SELECT DISTINCT last_change FROM gpkg_contents") == [(wanted,)]


def test_the_same_frames_make_the_same_store(tmp_path: Path) -> None:
    place, layers = small_district()
    shuffled = {name: layers[name].sample(frac=1, random_state=1) for name in reversed(layers)}
    made = []
    for name, rows in (("one", layers), ("two", shuffled)):
        path = tmp_path / f"{name}.gpkg"
        with one_epoch():
            create_store(f"gpkg:{path}", place, layers=rows, clock=lambda: NOON).close()
        made.append(content(path))
    assert made[0] == made[1]


def test_the_extent_takes_in_what_is_written(store: GeoPackageStore) -> None:
    extent = "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = 'subdistricts'"
    assert query(store.path, extent) == [(None, None, None, None)]
    for box, wanted in (((1, 2, 3, 4), (1, 2, 3, 4)), ((2, 0, 5, 3), (1, 0, 5, 4))):
        store.upsert("subdistricts", frame_of("subdistricts", ["a"], [shapely.box(*box)]))
        assert query(store.path, extent) == [wanted]


# The R-tree


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_r_tree_follows_every_write(store: GeoPackageStore, data: st.DataObject) -> None:
    triggers = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'buildings'"
    for _ in range(data.draw(st.integers(1, 4))):
        codes = data.draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
        corners = [data.draw(st.tuples(st.integers(0, 9), st.integers(0, 9))) for _ in codes]
        shapes = [
            shapely.box(WEST + x, SOUTH + y, WEST + x + 1, SOUTH + y + 2)
            if x % 3
            else shapely.Point(WEST + x, SOUTH + y)
            for x, y in corners
        ]
        store.upsert("buildings", frame_of("buildings", codes, shapes))
        store.delete("buildings", data.draw(st.lists(st.sampled_from("abcdef"), max_size=3)))
        held = store.read("buildings")
        sql = "SELECT code, minx, miny, maxx, maxy FROM buildings JOIN rtree_buildings_geom ON id = fid ORDER BY code"
        boxes = query(store.path, sql)
        assert [code for code, *_ in boxes] == held.index.tolist()
        assert np.allclose([box for _, *box in boxes], held.bounds, rtol=1e-6) if boxes else held.empty
        assert query(store.path, "SELECT count(*) FROM rtree_buildings_geom") == [(len(held),)]
        assert query(store.path, triggers) == [(len(ddl.triggers(LAYERS["buildings"])),)]


def test_a_box_is_looked_up_and_not_scanned(sample: Path) -> None:
    buildings = LAYERS["buildings"]
    condition = in_box(buildings).replace("?", "0")
    plan = [step for *_, step in query(sample, f"EXPLAIN QUERY PLAN {select(buildings)} WHERE {condition}")]
    assert any("VIRTUAL TABLE INDEX" in step for step in plan)
    assert not any(step.startswith("SCAN buildings") for step in plan)


# Geometry blobs


@given(order=st.sampled_from("<>"), kind=st.integers(0, 4))
def test_every_kind_of_header_is_understood(order: str, kind: int) -> None:
    shape = shapely.box(1, 2, 3, 4)
    extra = (0, 4, 6, 6, 8)[kind]
    flags = (order == "<") | kind << 1
    head = (
        b"GP\x00"
        + struct.pack("B", flags)
        + struct.pack(f"{order}i{extra}d", 4490, *(1, 3, 2, 4, 0, 0, 0, 0)[:extra])
    )
    blob = head + shapely.to_wkb(shape)
    assert shapely.from_wkb(blobs.wkb_inside(blob)) == shape
    assert blobs.envelope_of(blob) == ((1, 2, 3, 4) if kind else None)


@pytest.mark.parametrize(
    "blob", [b"", b"GP", b"GP\x00", b"GP\x01\x01", b"xx\x00\x01" + b"0" * 40, "text", 5, None]
)
def test_what_is_no_geometry_is_damage(blob: Any) -> None:
    with pytest.raises(Damaged):
        blobs.wkb_inside(blob)


SQUARE, POINT = shapely.box(1, 2, 3, 4), shapely.Point(1, 2)


@pytest.mark.parametrize(
    ("column", "shape", "wanted"),
    [
        ("POINT", shapely.Point(1, 2, 5), POINT),
        ("MULTIPOLYGON", SQUARE, shapely.MultiPolygon([SQUARE])),
        ("MULTIPOLYGON", shapely.force_3d(shapely.MultiPolygon([SQUARE]), 5), shapely.MultiPolygon([SQUARE])),
        ("GEOMETRY", shapely.MultiPolygon([SQUARE]), SQUARE),
        ("GEOMETRY", shapely.force_3d(SQUARE, 5), SQUARE),
        ("GEOMETRY", POINT, POINT),
    ],
)
@pytest.mark.parametrize("byte_order", [0, 1])
def test_geometry_of_other_programs_becomes_what_wangge_writes(
    column: GeometryType, shape: Any, wanted: Any, byte_order: int
) -> None:
    plain = blobs.plain(shapely.to_wkb(shape, byte_order=byte_order), column)
    assert plain == shapely.to_wkb(wanted, byte_order=1)
    assert blobs.plain(plain, column) is plain


def test_an_empty_geometry_is_marked_as_the_standard_says() -> None:
    empty = shapely.Polygon()
    (blob,) = blobs.blobs_of([shapely.to_wkb(empty)], np.array([shapely.bounds(empty)]), 4490)
    assert blob[3] == 0x11
    assert shapely.from_wkb(blobs.wkb_inside(blob)) == empty


# SQLite itself


@pytest.mark.parametrize(
    ("version", "free"),
    [
        (3007000, False),
        (3040001, False),
        (3044005, False),
        (3044006, True),
        (3045000, False),
        (3050006, False),
        (3050007, True),
        (3051002, False),
        (3051003, True),
        (3054001, True),
    ],
)
def test_versions_with_the_wal_reset_bug_are_known(version: int, free: bool) -> None:
    assert free_of_wal_reset_bug(version) is free


def test_our_sqlite_is_free_of_it_and_commits_go_to_disk(store: GeoPackageStore) -> None:
    assert free_of_wal_reset_bug(apsw.SQLITE_VERSION_NUMBER)
    with store._database.reading() as connection:
        assert connection.pragma("synchronous") == 3
        assert connection.pragma("journal_mode") == "wal"


def test_a_refused_write_costs_no_connection(store: GeoPackageStore) -> None:
    store.upsert("complaints", points(["a"]))
    with store._database.reading() as connection:
        pass
    attempts: list[tuple[type[Exception], Callable[[], object]]] = [
        (FeaturesExist, lambda: store.insert("complaints", points(["a"]))),
        (NotFound, lambda: store.update("complaints", points(["b"]))),
        (StoreConflict, lambda: store.upsert("complaints", points(["a"], channel="x"), based_on=0)),
    ]
    for refused, act in attempts:
        with pytest.raises(refused):
            act()
        with store._database.reading() as again:
            assert again is connection


def test_a_file_set_back_by_a_desktop_program_returns_to_wal(store: GeoPackageStore) -> None:
    store.close()
    assert query(store.path, "PRAGMA journal_mode = delete") == [("delete",)]
    with open_store(store.url) as again:
        again.upsert("complaints", points(["a"]))
    assert query(store.path, "PRAGMA journal_mode") == [("wal",)]


def test_nothing_but_the_store_and_its_lock_stays_behind(store: GeoPackageStore) -> None:
    store.upsert("complaints", points(["a"]))
    store.close()
    names = {file.name for file in store.path.parent.iterdir()}
    assert names == {"store.gpkg", ".store.gpkg.lock"}


def test_a_store_is_told_from_other_files(sample: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.Point(1, 1)], crs="EPSG:4490").to_file(other)
    (tmp_path / "text.gpkg").write_text("hello")
    (tmp_path / "empty.gpkg").write_bytes(b"")
    assert is_store(sample)
    for path in (other, tmp_path / "text.gpkg", tmp_path / "empty.gpkg", tmp_path / "none.gpkg", tmp_path):
        assert not is_store(path)
