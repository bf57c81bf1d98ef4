"""The disk is full: said in words, nothing half-written, and all goes on when there is room again."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from layers.problems import StoreFull, StoreOutdated
from layers.store import backup_store, migrate_store, open_store
from layers.stores.geopackage.files import beside
from layers.stores.kinds import path_of
from tests.faults import deaths, fleet
from tests.faults.inputs import ROWS, old_store, table_of_complaints
from tests.faults.kinds import GeoPackages, made, sound
from tests.faults.states import TASKS, WARM, State, assert_written, state
from tests.faults.system_calls import in_thread, no_room_from
from tests.faults.work import SET_ROWS, SETS, Task


@pytest.mark.parametrize("name", TASKS)
def test_a_write_finds_no_room_at_any_point_of_the_log(geopackages: GeoPackages, name: str) -> None:
    task, url = TASKS[name], made(geopackages)
    step = 16 if "bulk" in name else 1
    with open_store(url) as store:
        log = beside(path_of(url))[0]
        for frames in count(0, step):
            WARM.run(store)
            before = state(store)
            full = no_room_from(deaths.end_of_log(log) + frames * deaths.FRAME_BYTES)
            try:
                in_thread(lambda: task.run(store), full)
            except StoreFull as error:
                assert "nothing of this write" in error.sentence("en")
                assert in_thread(lambda: state(store), full) == before
            else:
                break
            assert state(store) == before
        assert frames >= 3
    with sound(geopackages, url) as store:
        assert_written(store, task)


def test_a_write_is_kept_although_the_file_cannot_grow(geopackages: GeoPackages) -> None:
    """A commit is in the log; that the log does not go into the file is no loss, and is made up for."""
    url = made(geopackages)
    path = path_of(url)
    log = beside(path)[0]
    with open_store(url) as store:
        WARM.run(store)
        size = path.stat().st_size
        full = no_room_from(size, file=deaths.open_file(str(path)))
        stamps = count(100)
        # SQLite would bring it into the file after a thousand pages.
        while log.stat().st_size < 2000 * deaths.FRAME_BYTES:
            last = Task(f"w0/{next(stamps)}", "upsert", (), SETS[0], next(stamps))
            assert in_thread(lambda: last.run(store), full)["updated"] == SET_ROWS  # noqa: B023
        assert path.stat().st_size == size
        before = state(store)
    with sound(geopackages, url) as store:
        assert state(store) == before
    assert path.stat().st_size > size


def test_a_store_is_read_while_there_is_no_room_at_all(geopackages: GeoPackages) -> None:
    url = made(geopackages)
    with open_store(url) as store:
        before = state(store)

    def look() -> State:
        with open_store(url) as store:
            with pytest.raises(StoreFull, match="nothing of this write"):
                WARM.run(store)
            return state(store)

    assert in_thread(look, no_room_from(0)) == before
    with sound(geopackages, url) as store:
        assert state(store) == before
        WARM.run(store)


def test_an_import_that_does_not_fit_is_not_begun_half(geopackages: GeoPackages, tmp_path: Path) -> None:
    url, file = made(geopackages), table_of_complaints(tmp_path / "complaints.csv")
    with open_store(url) as store:
        before = state(store)
    arguments = ("import", "complaints", file, "--datum", "wgs84", "--force", "--store", url)
    for room in (0, 200_000):
        done = fleet.run(tmp_path, *arguments, rules=(no_room_from(room, file=None),))
        assert done.code == 1, done.said
        assert "The disk is full: nothing of this write" in done.said
        assert "Make room" in done.said
        assert "Traceback" not in done.said
        with sound(geopackages, url) as store:
            assert state(store) == before
    done = fleet.run(tmp_path, *arguments)
    assert done.code == 0, done.said
    with sound(geopackages, url) as store:
        assert store.counts()["complaints"] == SET_ROWS + ROWS
        assert store.version() == len(before["changes"]) + 1


def test_a_backup_that_does_not_fit_is_not_made(geopackages: GeoPackages, tmp_path: Path) -> None:
    url, file = made(geopackages), tmp_path / "backup" / "backup.gpkg"
    with open_store(url) as store:
        before = state(store)
        for room in (0, 50_000, 400_000, 650_000):
            with pytest.raises(StoreFull):
                in_thread(lambda: backup_store(store, file), no_room_from(room))
            assert list(file.parent.iterdir()) == []
            assert state(store) == before
        backup_store(store, file)
    with sound(geopackages, f"gpkg:{file}") as store:
        assert state(store) == before


def test_a_migration_that_does_not_fit_is_not_begun_half(geopackages: GeoPackages) -> None:
    url = old_store(geopackages)
    for frames in count():
        room = 0 if frames == 0 else 32 + frames * deaths.FRAME_BYTES
        try:
            in_thread(lambda: migrate_store(url), no_room_from(room))
        except StoreFull:
            with pytest.raises(StoreOutdated):
                open_store(url)
        else:
            break
    assert frames >= 3
    with sound(geopackages, url, thoroughly=True) as store:
        assert sum(store.counts().values()) > 0
