"""What a GeoPackage finds wrong with itself, and that no damage to its bytes ends in anything but words."""

from __future__ import annotations

import random
import shutil
import struct
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import apsw
import pytest
import shapely

from layers.schema import LAYERS
from layers.store import Authorship, copy_store, create_store, open_store
from layers.stores.geopackage.files import prepare
from tests.district import small_district
from tests.layers import store_workers
from tests.layers.store_contract import same
from tests.layers.test_store_processes import ask

FLIPS = 40
CUTS = 12
HEADER_BYTES = 100


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a closed store of the small district with some history, made once: tests damage copies."""
    place, layers = small_district()
    path = tmp_path_factory.mktemp("sound") / "sound.gpkg"
    with create_store(f"gpkg:{path}", place, layers=layers) as store:
        facts = Authorship(who="甲", note="by hand", effective=date(2019, 6, 1))
        store.update("complaints", layers["complaints"].iloc[:20].assign(category="x"), by=facts)
        store.delete("buildings", ["B90", "B91"])
        store.insert("buildings", layers["buildings"].loc[["B90"]])
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "store.gpkg"))


def damage(path: Path, *statements: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        prepare(connection)
        for statement in statements:
            connection.execute(statement)


def found(path: Path) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """Return what the store finds wrong, and that it is said in both languages."""
    with open_store(f"gpkg:{path}", read_only=True) as store:
        faults = store.verify()
    assert all(fault.message.zh.endswith("。") and fault.message.en.endswith(".") for fault in faults)
    assert not any("{" in fault.message.zh + fault.message.en for fault in faults if fault.id != "unreadable")
    return [(fault.id, fault.layer, fault.codes) for fault in faults]


def head(*envelope: float) -> bytes:
    """Return the header of a geometry whose box is (west, east, south, north), or is not said."""
    flags = 1 | (2 if envelope else 0)
    return struct.pack(f"<3sBi{len(envelope)}d", b"GP\0", flags, 4490, *envelope)


def hexed(shape: Any, *envelope: float) -> str:
    return f"x'{(head(*envelope) + shapely.to_wkb(shape)).hex()}'"


def test_a_sound_store_finds_nothing(path: Path) -> None:
    assert found(path) == []


def test_what_others_add_is_no_fault(path: Path) -> None:
    damage(
        path,
        "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY, styleName TEXT)",
        "CREATE VIEW mine AS SELECT code FROM communities",
        "ALTER TABLE communities ADD COLUMN remark TEXT",
        'CREATE INDEX mine_too ON communities ("name")',
    )
    assert found(path) == []


WHERE = "WHERE code = 'C07-001'"
FID = f"(SELECT fid FROM complaints {WHERE})"
ONE = ("C07-001",)
POINT, SQUARE = shapely.Point(114.1, 22.5), shapely.box(114, 22, 114.1, 22.1)


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        (f"DELETE FROM rtree_complaints_geom WHERE id = {FID}", ("index", "complaints", ONE)),
        (
            f"UPDATE rtree_complaints_geom SET minx = 115, maxx = 116 WHERE id = {FID}",
            ("index", "complaints", ONE),
        ),
        ("INSERT INTO rtree_complaints_geom VALUES (99999, 1, 1, 1, 1)", ("index", "complaints", ())),
        ("DROP TRIGGER wangge_complaints_update", ("schema", "complaints", ())),
        ("DROP TRIGGER rtree_complaints_geom_update6", ("schema", "complaints", ())),
        ("DROP INDEX buildings_community", ("schema", "buildings", ())),
        ("ALTER TABLE wangge_meta RENAME COLUMN id TO ident", ("schema", None, ())),
        ("DELETE FROM gpkg_contents WHERE table_name = 'facilities'", ("schema", "facilities", ())),
        ("DELETE FROM gpkg_geometry_columns WHERE table_name = 'facilities'", ("schema", "facilities", ())),
        (
            "UPDATE gpkg_geometry_columns SET z = 1 WHERE table_name = 'facilities'",
            ("schema", "facilities", ()),
        ),
        ("DELETE FROM gpkg_extensions WHERE table_name = 'facilities'", ("schema", "facilities", ())),
        ("DELETE FROM gpkg_spatial_ref_sys WHERE srs_id = -1", ("schema", None, ())),
        (f"UPDATE complaints SET geom = x'00' {WHERE}", ("geometry", "complaints", ONE)),
        (f"UPDATE complaints SET geom = 'text' {WHERE}", ("geometry", "complaints", ONE)),
        (f"UPDATE complaints SET geom = x'{head().hex()}' {WHERE}", ("geometry", "complaints", ONE)),
        (f"UPDATE complaints SET geom = {hexed(shapely.Point())} {WHERE}", ("geometry", "complaints", ONE)),
        (f"UPDATE complaints SET geom = {hexed(SQUARE)} {WHERE}", ("geometry", "complaints", ONE)),
        (f"UPDATE complaints SET geom = {hexed(POINT, 0, 1, 0, 1)} {WHERE}", ("geometry", "complaints", ONE)),
        (
            f"UPDATE complaints SET geom = {hexed(shapely.Point(114, float('nan')))} {WHERE}",
            ("geometry", "complaints", ONE),
        ),
        ("UPDATE complaints SET opened = '2019-02-30' " + WHERE, ("value", "complaints", ONE)),
        ("UPDATE complaints SET opened = '31/12/2019' " + WHERE, ("value", "complaints", ONE)),
        ("UPDATE complaints SET opened = 5 " + WHERE, ("value", "complaints", ONE)),
        ("UPDATE complaints SET category = x'ff' " + WHERE, ("value", "complaints", ONE)),
        ("UPDATE complaints SET category = 'a' || char(0) " + WHERE, ("value", "complaints", ONE)),
        ("UPDATE communities SET pilot = 'maybe' WHERE code = 'C01'", ("value", "communities", ("C01",))),
        ("UPDATE communities SET residents = 'many' WHERE code = 'C01'", ("value", "communities", ("C01",))),
        ("UPDATE communities SET residents = 1.5 WHERE code = 'C01'", ("value", "communities", ("C01",))),
        ("UPDATE buildings SET floor_area_m2 = 'wide' WHERE code = 'B90'", ("value", "buildings", ("B90",))),
        ("DELETE FROM wangge_changes WHERE version = 4", ("versions", None, ())),
        ('UPDATE wangge_changes SET codes = \'["b","a"]\' WHERE version = 1', ("changes", None, ())),
        ("UPDATE wangge_changes SET codes = '[]' WHERE version = 1", ("changes", None, ())),
        ("UPDATE wangge_changes SET codes = '[1]' WHERE version = 1", ("changes", None, ())),
        ("UPDATE wangge_changes SET codes = '[' WHERE version = 1", ("changes", None, ())),
        ("UPDATE wangge_changes SET layer = 'roads' WHERE version = 1", ("changes", None, ())),
        ("UPDATE wangge_changes SET at = 'noon' WHERE version = 1", ("changes", None, ())),
        ("UPDATE wangge_changes SET effective = 'noon' WHERE version = 1", ("changes", None, ())),
        ("UPDATE wangge_changes SET who = x'ff' WHERE version = 1", ("changes", None, ())),
        ("UPDATE wangge_history SET before = '{' WHERE code = 'B90'", ("history", "buildings", ("B90",))),
        ("UPDATE wangge_history SET before = '{}' WHERE code = 'B90'", ("history", "buildings", ("B90",))),
        ("UPDATE wangge_history SET before = '[]' WHERE code = 'B90'", ("history", "buildings", ("B90",))),
        ("UPDATE wangge_history SET wkb = NULL WHERE code = 'B90'", ("history", "buildings", ("B90",))),
        ("UPDATE wangge_history SET wkb = x'0101' WHERE code = 'B90'", ("history", "buildings", ("B90",))),
        ("UPDATE wangge_history SET code = 'none' WHERE code = 'B90'", ("history", None, ("none",))),
        ("DELETE FROM wangge_history WHERE code = 'B90'", ("history", "buildings", ("B90",))),
        ("UPDATE wangge_meta SET value = 'x' WHERE key = 'history_since'", ("unreadable", None, ())),
        ("UPDATE wangge_meta SET value = '999' WHERE key = 'history_since'", ("history", None, ())),
        ("DELETE FROM communities WHERE code = 'C01'", ("history", "communities", ("C01",))),
        (
            "INSERT INTO communities (code, geom) SELECT 'new', geom FROM communities WHERE code = 'C01'",
            ("history", "communities", ("new",)),
        ),
        (
            "UPDATE communities SET code = 'new' WHERE code = 'C01'",
            ("history", "communities", ("C01", "new")),
        ),
    ],
)
def test_what_is_wrong_is_named(path: Path, statement: str, wanted: Any) -> None:
    damage(path, statement)
    assert wanted in found(path)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM rtree_complaints_geom",
        "INSERT INTO rtree_complaints_geom VALUES (99999, 1, 1, 1, 1)",
        "DROP TRIGGER wangge_complaints_update",
        "DROP INDEX buildings_community",
        "DELETE FROM gpkg_contents WHERE table_name = 'facilities'",
        "DELETE FROM gpkg_geometry_columns WHERE table_name = 'facilities'",
        "DELETE FROM gpkg_spatial_ref_sys WHERE srs_id = -1",
    ],
)
def test_what_a_copy_is_to_mend_it_mends(path: Path, sound: Path, statement: str) -> None:
    damage(path, statement)
    assert {fault for fault, _, _ in found(path)} in ({"index"}, {"schema"})
    copied = path.with_name("copied.gpkg")
    with open_store(f"gpkg:{path}", read_only=True) as store:
        copy_store(store, f"gpkg:{copied}")
    assert found(copied) == []
    with open_store(f"gpkg:{copied}") as left, open_store(f"gpkg:{sound}", read_only=True) as right:
        assert left.version() == right.version()
        for layer in LAYERS:
            same(left.read(layer), right.read(layer))


def test_what_was_deleted_before_a_field_came_is_whole(path: Path, sound: Path) -> None:
    """A later schema adds a field: of features that were deleted earlier it is not known."""
    damage(path, "UPDATE wangge_history SET before = json_remove(before, '$.floor_area_m2') WHERE deleted")
    assert found(path) == []
    with open_store(f"gpkg:{path}") as left, open_store(f"gpkg:{sound}", read_only=True) as right:
        past, whole = (store.read("buildings", version=store.version() - 2) for store in (left, right))
        kept = [str(name) for name in past if name != "floor_area_m2"]
        assert past[kept].loc[["B91"]].equals(whole[kept].loc[["B91"]])
        assert past.floor_area_m2.isna().loc[["B90", "B91"]].all()
        assert "floor_area_m2" not in left.history("buildings", "B91")[-1].fields


def test_a_corner_that_is_nowhere_is_named(path: Path) -> None:
    """GEOS leaves it out of the bounds."""
    packed = bytearray(
        shapely.to_wkb(shapely.Polygon([(0, 0), (1, 0), (1, 1), (0.5, 1), (0, 1)]), byte_order=1)
    )
    struct.pack_into("<d", packed, len(packed) - 3 * 16, float("nan"))
    damage(path, f"UPDATE buildings SET geom = x'{(head(0, 1, 0, 1) + packed).hex()}' WHERE code = 'B90'")
    assert ("geometry", "buildings", ("B90",)) in found(path)


def test_an_index_that_leads_elsewhere_is_named(path: Path) -> None:
    made = 'CREATE INDEX "buildings_community" ON "buildings" ("name")'
    damage(
        path,
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_schema SET sql = '{made}' WHERE name = 'buildings_community'",
    )
    assert [fault for fault, *_ in found(path)] == ["pages", "schema"]


def test_as_many_codes_are_named_as_one_can_read(path: Path) -> None:
    damage(path, "DELETE FROM rtree_complaints_geom")
    with open_store(f"gpkg:{path}") as store:
        (fault,) = store.verify()
        assert str(store.counts()["complaints"]) in fault.message.en
    assert 5 <= len(fault.codes) <= 50


def test_a_write_heals_the_r_tree_where_it_writes(path: Path) -> None:
    """Other programs may leave a box under a number that is free, or none where one should be."""
    damage(
        path,
        "INSERT INTO rtree_complaints_geom SELECT max(fid) + 1, 1, 1, 1, 1 FROM complaints",
        f"DELETE FROM rtree_complaints_geom WHERE id = {FID}",
    )
    with open_store(f"gpkg:{path}") as store:
        frame = store.read("complaints", codes=["C07-001", "C07-002"]).assign(category="moved")
        store.upsert("complaints", frame.rename(index={"C07-002": "new"}))
        assert store.verify() == []


# Bytes


def flipped(raw: bytes, chance: random.Random, pages: list[int], page_bytes: int) -> bytes:
    """Return `raw` with one byte changed or some: anywhere, in the header, or on one of `pages`."""
    changed = bytearray(raw)
    for _ in range(chance.choice([1, 1, 1, 20])):
        on_page = (chance.choice(pages) - 1) * page_bytes + chance.randrange(page_bytes)
        at = chance.choice([chance.randrange(len(raw)), chance.randrange(HEADER_BYTES), on_page])
        changed[at] = chance.choice([changed[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    return bytes(changed)


def test_flipped_bytes_are_said_or_leave_a_store_that_can_be_read(sound: Path, tmp_path: Path) -> None:
    """In a process of its own: whatever is in the file, SQLite and GEOS must not crash on it either."""
    with closing(apsw.Connection(str(sound))) as connection:
        page_bytes = connection.pragma("page_size")
        found = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'sqlite_schema' OR name LIKE 'rtree%'"
        )
        pages = [number for (number,) in found]
    chance, raw = random.Random(20191231), sound.read_bytes()
    for number in range(FLIPS):
        (tmp_path / f"{number}.gpkg").write_bytes(flipped(raw, chance, pages, page_bytes))
    seen = ask(store_workers.look_through, str(tmp_path))
    assert len(seen) == FLIPS
    assert {kind for refusals, _ in seen.values() for kind in refusals} <= {"StoreUnusable", "StoreReadOnly"}
    assert any(refusals for refusals, _ in seen.values())
    assert any(faults for _, faults in seen.values())
    assert any(not refusals and not faults for refusals, faults in seen.values())


def test_a_file_that_was_cut_is_refused(sound: Path, tmp_path: Path) -> None:
    chance, raw = random.Random(20191231), sound.read_bytes()
    for number in range(CUTS):
        (tmp_path / f"{number}.gpkg").write_bytes(raw[: chance.randrange(len(raw))])
    seen = ask(store_workers.look_through, str(tmp_path))
    assert seen == {f"{k}.gpkg": (["StoreUnusable"] * len(store_workers.LOOKS), []) for k in range(CUTS)}


def test_a_damaged_log_takes_the_store_back_to_a_state_that_existed(path: Path, tmp_path: Path) -> None:
    """SQLite takes its log to end where a checksum is wrong; the writes from there on are gone, whole."""
    chance = random.Random(20191231)
    with open_store(f"gpkg:{path}") as store:
        before = store.version()
        for k in range(20):
            store.upsert("complaints", store.read("complaints").iloc[k : k + 5].assign(category=str(k)))
        states = {
            version: store.read("complaints", version=version)
            for version in range(before, store.version() + 1)
        }
        raw, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    assert len(states) == 21
    reached = set()
    for number in range(FLIPS // 2):
        changed = bytearray(log)
        changed[chance.randrange(len(log))] ^= 1 << chance.randrange(8)
        cut = chance.choice([len(log), chance.randrange(len(log))])
        other = tmp_path / f"{number}.gpkg"
        other.write_bytes(raw)
        Path(f"{other}-wal").write_bytes(changed[:cut])
        with open_store(f"gpkg:{other}") as store:
            reached.add(store.version())
            same(store.read("complaints"), states[store.version()])
            assert store.verify() == []
    assert len(reached) > 3
