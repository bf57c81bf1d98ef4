"""Every kind of store is copied whole, into every kind, and backed up while others write."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import shapely

from layers.problems import StoreExists, StoreMissing
from layers.schema import LAYERS
from layers.store import (
    Authorship,
    Store,
    Written,
    backup_store,
    copy_store,
    create_store,
    migrate_store,
    open_store,
)
from layers.stores.contents import CHUNK_ROWS, ChangeRow, HistoryRow
from layers.stores.rows import rows_of
from tests.layers.store_contract import (
    CHINA,
    FULL_PLACE,
    PLACE,
    SOUTH,
    WEST,
    Contract,
    Kind,
    clock_of,
    fail,
    frame_of,
    points,
    same,
)
from tests.layers.store_contract_sharing import LONG_S, together
from tests.layers.store_copies import everything, lived_in, read_out


def fail_late(layer: str) -> Callable[[str, int, int], None]:
    """Return a progress that breaks what is going on when rows of `layer` are in."""

    def told(what: str, done: int, total: int) -> None:
        if what == layer:
            fail()

    return told


class CopiesContract(Contract):
    """Contents, copies, backups."""

    def test_holds_just_what_was_written(self, kind: Kind) -> None:
        moments = [pd.Timestamp(2020, 1, day, 8, tz=CHINA).to_pydatetime() for day in (3, 2, 1)]
        url = kind.new_url()
        create_store(url, FULL_PLACE).close()
        here, there = shapely.Point(WEST, SOUTH), shapely.Point(WEST + 0.5, SOUTH)
        fact = Authorship(who="甲", note='"', effective=date(2019, 12, 31))
        with open_store(url, clock=clock_of(*moments)) as store:
            store.insert(
                "buildings", frame_of("buildings", ["é", "a"], [here, here], name=["x", None]), by=fact
            )
            moved = frame_of("buildings", ["é", "a"], [there, here], name=["x", "中"])
            store.update("buildings", moved)
            store.delete("buildings", ["é"], by=Authorship(note="gone"))
            found = everything(store)
            rows = rows_of(store.read("buildings"), LAYERS["buildings"])
        unknown = '"name_en":null,"subdistrict":null,"neighbourhood":null,"community":null,"use":null,'
        unknown += '"floors":null,"floor_area_m2":null,"entrance_lon":null,"entrance_lat":null'
        assert found["changes"] == [
            ChangeRow(1, "buildings", '["a","é"]', "2020-01-03T00:00:00.000000Z", "甲", '"', "2019-12-31"),
            ChangeRow(2, "buildings", '["a","é"]', "2020-01-02T00:00:00.000000Z", "", "", None),
            ChangeRow(3, "buildings", '["é"]', "2020-01-01T00:00:00.000000Z", "", "gone", None),
        ]
        assert found["history"] == [
            HistoryRow(2, "a", False, None, '{"name":null}'),
            HistoryRow(2, "é", False, shapely.to_wkb(here, byte_order=1), "{}"),
            HistoryRow(3, "é", True, shapely.to_wkb(there, byte_order=1), f'{{"name":"x",{unknown}}}'),
        ]
        assert found["buildings"] == [tuple(map(repr, row)) for row in rows.records]
        assert found["buildings: bounds"] == [[WEST, SOUTH, WEST, SOUTH]]
        assert found["counts"] == dict.fromkeys(LAYERS, 0) | {"buildings": 1}
        assert (found["district"], found["history_since"]) == (FULL_PLACE, 0)

    def test_holds_one_version_while_others_write(self, store: Store) -> None:
        store.insert("complaints", points(["a", "b"]))
        before = everything(store)
        with store.contents() as contents, open_store(store.url) as other:
            other.insert("buildings", frame_of("buildings", ["x"], [shapely.Point(WEST, SOUTH)]))
            other.update("complaints", points(["a"], category="x"))
            other.delete("complaints", ["b"])
            assert read_out(contents) == before
        assert len(everything(store)["changes"]) == 4

    def test_is_copied_to_any_kind_and_back(self, kind: Kind, other_kind: Kind) -> None:
        copies = [other_kind.new_url(), kind.new_url()]
        with lived_in(kind.new_url()) as store:
            expected = everything(store)
            history = store.history("complaints", "'")
            # Of equal contents, some states are enough to see that they are looked back through alike.
            versions = range(1, store.version() + 1, 3)
            states = {
                (name, version): store.read(name, version=version)
                for version in versions
                for name in ("buildings", "complaints")
            }
            copy_store(store, copies[0])
        with open_store(copies[0]) as between:
            assert everything(between) == expected
            assert between.verify() == []
            version_before = between.version()
            for (name, version), state in states.items():
                same(between.read(name, version=version), state)
            copy_store(between, copies[1])
        with open_store(copies[1]) as last:
            assert everything(last) == expected
            assert last.verify() == []
            # It lives on from there.
            assert last.upsert("complaints", points(["next"])) == Written(version_before + 1, 1, 0, 0)
            assert last.read("complaints", bbox=(WEST, SOUTH, WEST, SOUTH)).index.tolist() == ["", "next"]
            assert last.history("complaints", "'") == history
        before, after = migrate_store(copies[1])
        assert before == after

    def test_copies_more_rows_than_come_at_once(self, kind: Kind, other_kind: Kind) -> None:
        codes = [f"{k:06}" for k in range(CHUNK_ROWS + 500)]
        seen: list[tuple[str, int, int]] = []
        copy = other_kind.new_url()
        with create_store(kind.new_url(), PLACE, layers={"complaints": points(codes)}) as store:
            copy_store(store, copy, progress=lambda *told: seen.append(told))
            assert seen[-1] == ("complaints", len(codes), len(codes))
            assert [done for _, done, _ in seen] == sorted({done for _, done, _ in seen})
            with open_store(copy) as copied:
                assert everything(copied) == everything(store)

    def test_copies_more_versions_than_come_at_once(self, store: Store, other_kind: Kind) -> None:
        for step in range(120):
            store.upsert("complaints", points(["a", str(step)], category=str(step)))
        assert [row[0] for row in everything(store)["changes"]] == list(range(1, 121))
        copy = other_kind.new_url()
        copy_store(store, copy)
        with open_store(copy) as copied:
            assert everything(copied) == everything(store)
            assert copied.changes(since=0) == store.changes(since=0)

    def test_copies_a_store_without_rows(self, store: Store, other_kind: Kind) -> None:
        copy = other_kind.new_url()
        copy_store(store, copy)
        with open_store(copy) as copied:
            assert everything(copied) == everything(store)
            assert (copied.version(), copied.district()) == (0, PLACE)

    def test_takes_the_place_of_a_store_without_rows(self, store: Store, other_kind: Kind) -> None:
        store.insert("complaints", points(["a"]))
        copy = other_kind.new_url()
        create_store(copy, FULL_PLACE).close()
        copy_store(store, copy)
        with open_store(copy) as copied:
            assert everything(copied) == everything(store)
            assert copied.district() == PLACE

    @pytest.mark.parametrize("emptied", [False, True], ids=["rows", "had rows"])
    def test_takes_the_place_of_no_other(self, store: Store, other_kind: Kind, emptied: bool) -> None:
        store.insert("complaints", points(["a"]))
        copy = other_kind.new_url()
        with create_store(copy, FULL_PLACE, layers={"complaints": points(["b"])}) as target:
            if emptied:
                target.delete("complaints", ["b"])
            before = everything(target)
            with pytest.raises(StoreExists) as caught:
                copy_store(store, copy)
            assert caught.value.sentence("zh").endswith("。")
            assert everything(target) == before
        with pytest.raises(StoreExists):
            copy_store(store, store.url)
        assert store.read("complaints").index.tolist() == ["a"]

    @pytest.mark.parametrize("layer", ["subdistricts", "complaints"])
    def test_leaves_nothing_of_a_copy_that_fails(self, kind: Kind, other_kind: Kind, layer: str) -> None:
        fresh, empty = other_kind.new_url(), other_kind.new_url()
        create_store(empty, FULL_PLACE).close()
        with lived_in(kind.new_url()) as store:
            for copy in (fresh, empty):
                with pytest.raises(ZeroDivisionError):
                    copy_store(store, copy, progress=fail_late(layer))
            with pytest.raises(StoreMissing):
                open_store(fresh)
            with open_store(empty) as target:
                assert (target.district(), target.version()) == (FULL_PLACE, 0)
                assert target.counts() == dict.fromkeys(LAYERS, 0)
            for copy in (fresh, empty):
                copy_store(store, copy)
                with open_store(copy) as copied:
                    assert everything(copied) == everything(store)

    # Backups

    def test_is_backed_up_into_a_file_of_its_owner(self, kind: Kind, tmp_path: Path) -> None:
        file = tmp_path / "备份" / "b 1.gpkg"
        restored = kind.new_url()
        with lived_in(kind.new_url()) as store:
            expected = everything(store)
            backup_store(store, file)
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            with open_store(f"gpkg:{file}", read_only=True) as backup:
                assert everything(backup) == expected
                assert backup.verify() == []
                copy_store(backup, restored)
        with open_store(restored) as again:
            assert everything(again) == expected

    def test_is_backed_up_over_no_file(self, store: Store, tmp_path: Path) -> None:
        store.insert("complaints", points(["a"]))
        text, empty = tmp_path / "text", tmp_path / "empty.gpkg"
        text.write_text("mine")
        create_store(f"gpkg:{empty}", FULL_PLACE).close()
        for file in (text, empty):
            before = file.read_bytes()
            with pytest.raises(StoreExists):
                backup_store(store, file)
            assert file.read_bytes() == before

    def test_leaves_nothing_of_a_backup_that_fails(self, store: Store, tmp_path: Path) -> None:
        folder = tmp_path / "backups"
        folder.mkdir()
        store.insert("complaints", points(["a"]))
        with pytest.raises(ZeroDivisionError):
            backup_store(store, folder / "b.gpkg", progress=fail)
        assert list(folder.iterdir()) == []

    def test_is_backed_up_as_it_stood_while_others_write(self, store: Store, tmp_path: Path) -> None:
        store.insert("complaints", points([str(k) for k in range(300)]))
        files = [tmp_path / f"b{k}.gpkg" for k in range(3)]
        over = threading.Event()

        def write(name: str) -> None:
            step = 0
            with open_store(store.url) as own:
                while not over.is_set():
                    codes = [f"{name}{step}", f"{name}{step - 1}", str(step % 300)]
                    own.upsert("complaints", points(codes, category=name))
                    own.insert("facilities", frame_of("facilities", codes[:1], [shapely.Point(WEST, SOUTH)]))
                    own.delete("facilities" if step % 2 else "complaints", codes[1:2])
                    step += 1

        def back_up() -> None:
            try:
                for file in files:
                    store.wait(since=store.version(), timeout_s=LONG_S)  # something is going on
                    backup_store(store, file)
            finally:
                over.set()

        together(back_up, lambda: write("a"), lambda: write("b"))
        found = everything(store)
        for file in files:
            with open_store(f"gpkg:{file}", read_only=True) as backup:
                version = backup.version()
                assert 1 < version <= store.version()
                for name in LAYERS:
                    same(backup.read(name), store.read(name, version=version))
                held = everything(backup)
                for table in ("changes", "history"):
                    assert held[table] == [row for row in found[table] if row[0] <= version]
                assert backup.verify() == []
