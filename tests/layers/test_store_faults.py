"""Files that are no store, places that cannot be written, disks that are full: said in words, nothing lost."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import apsw
import geopandas as gpd
import pytest
import shapely

from layers.problems import (
    StoreBusy,
    StoreFull,
    StoreMissing,
    StoreNewer,
    StoreReadOnly,
    StoreUnusable,
    WanggeError,
)
from layers.store import create_store, open_store
from layers.stores.geopackage import connection as connections
from layers.stores.geopackage import creation, turns
from layers.stores.geopackage.ddl import SCHEMA_VERSION
from layers.stores.geopackage.files import prepare
from layers.stores.geopackage.store import GeoPackageStore
from tests.layers.permissions import open_folder, unprivileged
from tests.layers.store_contract import PLACE, frame_of, points


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.fixture
def path(folder: Path) -> Path:
    """Give a closed store of two complaints."""
    made = folder / "区 #1?.gpkg"
    create_store(f"gpkg:{made}", PLACE, layers={"complaints": points(["a", "b"])}).close()
    return made


def change(path: Path, *statements: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        prepare(connection)
        for statement in statements:
            connection.execute(statement)


def refused(path: Path, kind: type[WanggeError], *words: str) -> None:
    """Assert that the store is refused in words, in both languages, and not touched."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(kind) as caught:
        open_store(f"gpkg:{path}")
    said = caught.value.sentence("en")
    assert type(caught.value) is kind
    assert str(path) in said
    assert all(word in said for word in words), said
    assert caught.value.remedy is not None
    assert caught.value.sentence("zh").endswith("。")
    assert before is None or path.read_bytes() == before


# What is no store


def test_nothing_is_there(folder: Path) -> None:
    refused(folder / "none.gpkg", StoreMissing, "wangge init", "wangge demo")
    refused(folder / "none" / "none.gpkg", StoreMissing)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"hello" * 1000, b"", b"\x00" * 8192, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_something_else_is_there(folder: Path, content: bytes) -> None:
    other = folder / "other.gpkg"
    other.write_bytes(content)
    refused(other, StoreUnusable)


def test_a_folder_is_there(folder: Path) -> None:
    refused(folder, StoreUnusable)


def test_the_way_there_is_a_file(path: Path) -> None:
    refused(path / "store.gpkg", StoreUnusable)


def test_another_geopackage_is_there(folder: Path) -> None:
    other = folder / "other.gpkg"
    gpd.GeoDataFrame({"code": ["a"]}, geometry=[shapely.Point(1, 1)], crs="EPSG:4490").to_file(other)
    refused(other, StoreUnusable, "not a Wangge store", "wangge import")


def test_a_newer_wangge_made_it(path: Path) -> None:
    change(path, f"UPDATE wangge_meta SET value = '{SCHEMA_VERSION + 1}' WHERE key = 'schema_version'")
    refused(path, StoreNewer, "newer Wangge", "Update")


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM wangge_meta",
        "UPDATE wangge_meta SET value = 'x'",
        "UPDATE wangge_meta SET value = '0'",
        "UPDATE wangge_meta SET value = '²'",
        "ALTER TABLE complaints RENAME COLUMN category TO kind",
        "DROP TABLE wangge_changes",
        "DROP TABLE complaints",
    ],
)
def test_part_of_it_is_gone(path: Path, damage: str) -> None:
    change(path, damage)
    with pytest.raises(StoreUnusable, match=r"damaged.*backup"), open_store(f"gpkg:{path}") as store:
        store.version()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
def test_it_was_cut_short(path: Path, share: float) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(round(size * share))
    refused(path, StoreUnusable, "damaged")


def test_its_pages_are_scrambled(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(StoreUnusable, match="damaged"), open_store(f"gpkg:{path}") as store:
        store.read("complaints")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE complaints SET geom = x'00'",
        "UPDATE complaints SET geom = x'475000010000000001'",
        "UPDATE complaints SET geom = 'text'",
        "UPDATE complaints SET opened = '31/12/2019'",
        "UPDATE buildings SET floors = 'three'",
        "UPDATE buildings SET floor_area_m2 = 'wide'",
    ],
)
def test_a_value_is_not_what_it_should_be(path: Path, damage: str) -> None:
    with open_store(f"gpkg:{path}") as store:
        store.upsert("buildings", frame_of("buildings", ["a"], [shapely.Point(114, 22)]))
    change(path, damage)
    layer = damage.split()[1]
    with open_store(f"gpkg:{path}") as store, pytest.raises(StoreUnusable, match="damaged"):
        store.read(layer)


def test_a_vulnerable_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "SQLITE_VERSION_NUMBER", 3040001)
    refused(path, StoreUnusable, "apsw")


# Where nothing may be written


@pytest.mark.parametrize("closed", ["file", "folder", "both"])
def test_a_store_that_may_not_be_written_is_read(path: Path, folder: Path, closed: str) -> None:
    (folder / f".{path.name}.lock").touch(0o644)
    path.chmod(0o444 if closed != "folder" else 0o666)
    folder.chmod(0o555 if closed != "file" else 0o777)
    with unprivileged(), open_store(f"gpkg:{path}") as store:
        assert store.read("complaints").index.tolist() == ["a", "b"]
        for act in (
            lambda: store.upsert("complaints", points(["c"])),
            lambda: store.delete("complaints", ["a"]),
        ):
            with pytest.raises(StoreReadOnly, match="permissions"):
                act()
        assert store.counts()["complaints"] == 2
    assert {file.name for file in folder.iterdir()} == {path.name, f".{path.name}.lock"}


def test_a_folder_that_may_not_be_written_takes_no_store(
    folder: Path,
) -> None:
    folder.chmod(0o555)
    for name in ("new.gpkg", "deep/new.gpkg"):
        with unprivileged(), pytest.raises(StoreUnusable, match="folder"):
            create_store(f"gpkg:{folder / name}", PLACE)
    assert list(folder.iterdir()) == []


# When somebody else writes


def test_a_write_waits_for_another_program_and_then_gives_up(path: Path) -> None:
    with (
        closing(apsw.Connection(str(path))) as other,
        GeoPackageStore(path, busy_timeout_s=0.2) as store,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="Try again"):
            store.upsert("complaints", points(["c"]))
        assert store.read("complaints").index.tolist() == ["a", "b"]
        other.execute("ROLLBACK")
        assert store.upsert("complaints", points(["c"])).inserted == 1


def test_a_write_lets_another_program_finish_first(path: Path) -> None:
    begun = threading.Event()

    def edit() -> None:
        with closing(apsw.Connection(str(path))) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE district SET name_en = 'edited'")
            begun.set()
            time.sleep(0.3)
            other.execute("COMMIT")

    program = threading.Thread(target=edit)
    with open_store(f"gpkg:{path}") as store:
        program.start()
        begun.wait()
        assert store.upsert("complaints", points(["c"])).inserted == 1
        assert store.district().name_en == "edited"
        program.join()


def test_a_write_waits_for_its_turn_and_then_gives_up(path: Path) -> None:
    with GeoPackageStore(path, busy_timeout_s=0.2) as store:
        with turns.turn(path, 1.0), pytest.raises(StoreBusy):
            store.upsert("complaints", points(["c"]))
        assert store.upsert("complaints", points(["c"])).inserted == 1


def test_another_users_lock_file_does_not_bar_the_way(path: Path, folder: Path) -> None:
    (folder / f".{path.name}.lock").touch(0o400)
    for place in (path, folder):
        place.chmod(0o777)
    with unprivileged(), open_store(f"gpkg:{path}") as store:
        assert store.upsert("complaints", points(["c"])).inserted == 1


# When the disk is full


@pytest.fixture
def small_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder with room for four megabytes: a disk of its own, or else files that may not grow."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    if not mounted:

        def limited(connection: apsw.Connection) -> None:
            prepare(connection)
            connection.pragma("max_page_count", 1000)

        monkeypatch.setattr(connections, "prepare", limited)
        monkeypatch.setattr(creation, "prepare", limited)
    yield folder
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_write_to_a_full_disk_leaves_nothing_of_itself(small_disk: Path) -> None:
    many = points([f"{k:06}" for k in range(30_000)], channel="x" * 100)
    with create_store(
        f"gpkg:{small_disk / 'store.gpkg'}", PLACE, layers={"complaints": points(["a"])}
    ) as store:
        with pytest.raises(StoreFull, match="nothing of this write"):
            store.upsert("complaints", many)
        assert (store.version(), store.read("complaints").index.tolist()) == (1, ["a"])
        assert store.upsert("complaints", points(["b"])).version == 2
    with open_store(store.url) as store:
        assert store.read("complaints").index.tolist() == ["a", "b"]
        assert store.read("complaints", bbox=(0, 0, 180, 90)).index.tolist() == ["a", "b"]
    with closing(apsw.Connection(str(small_disk / "store.gpkg"))) as connection:
        assert connection.pragma("integrity_check") == "ok"


def test_a_store_on_a_disk_without_any_room_is_read(small_disk: Path) -> None:
    url = f"gpkg:{small_disk / 'store.gpkg'}"
    create_store(url, PLACE, layers={"complaints": points(["a"])}).close()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        for _ in range(2000):
            file.write(b"x" * 4096)
    for read_only in (True, False):
        with open_store(url, read_only=read_only) as store:
            assert (store.version(), store.read("complaints").index.tolist()) == (1, ["a"])
    filler.unlink()
    with open_store(url) as store:
        assert store.upsert("complaints", points(["b"])).version == 2
        assert store.read("complaints").index.tolist() == ["a", "b"]


def test_a_store_that_does_not_fit_is_not_made(small_disk: Path) -> None:
    many = points([f"{k:06}" for k in range(30_000)], channel="x" * 200)
    with pytest.raises(StoreFull):
        create_store(f"gpkg:{small_disk / 'store.gpkg'}", PLACE, layers={"complaints": many})
    assert list(small_disk.iterdir()) == []
