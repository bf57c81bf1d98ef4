"""The files of a store: how they are made, taken away, replaced, copied and backed up."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import apsw
import pytest
import shapely

from layers.problems import (
    StoreBusy,
    StoreExists,
    StoreMissing,
    StoreUnusable,
)
from layers.store import backup_store, check_free, copy_store, create_store, open_store
from layers.stores.geopackage import creation, turns
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


# Making a store


def test_folders_on_the_way_are_made(folder: Path) -> None:
    create_store(f"gpkg:{folder / 'a' / 'b' / 'new.gpkg'}", PLACE).close()
    assert (folder / "a" / "b" / "new.gpkg").is_file()


def test_a_file_on_the_way_is_said(path: Path) -> None:
    with pytest.raises(StoreUnusable, match="folder"):
        create_store(f"gpkg:{path / 'new.gpkg'}", PLACE)


@pytest.mark.parametrize("what", ["file", "folder", "dangling link"])
def test_whatever_is_there_stays(folder: Path, what: str) -> None:
    place = folder / "new.gpkg"
    if what == "file":
        place.write_text("precious")
    elif what == "folder":
        place.mkdir()
    else:
        place.symlink_to(folder / "nowhere")
    with pytest.raises(StoreExists, match="not overwritten"):
        create_store(f"gpkg:{place}", PLACE)
    assert {file.name for file in folder.iterdir()} == {"new.gpkg"}


def test_what_dead_processes_left_is_cleared_and_what_live_ones_make_is_not(folder: Path) -> None:
    """Whatever store it was to be; and nothing that only looks alike."""
    dead, live, other = (
        folder / name for name in (".wangge-partial-dead", ".wangge-partial-live", ".x.partial-y")
    )
    for place in (dead, live, other):
        place.mkdir()
        (place / "monday.gpkg").write_text("half")
    linked = folder / ".wangge-partial-linked"
    linked.symlink_to(other)
    handle = os.open(live, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        create_store(f"gpkg:{folder / 'new.gpkg'}", PLACE).close()
        with pytest.raises(StoreExists):
            create_store(f"gpkg:{folder / 'new.gpkg'}", PLACE)
    finally:
        os.close(handle)
    assert not dead.exists()
    assert (live / "monday.gpkg").exists() and (other / "monday.gpkg").exists()


def test_what_another_user_left_does_not_bar_the_way(folder: Path) -> None:
    left = folder / ".wangge-partial-theirs"
    left.mkdir(mode=0o700)
    folder.chmod(0o777)
    with unprivileged():
        create_store(f"gpkg:{folder / 'new.gpkg'}", PLACE).close()
    assert left.exists()


def test_a_store_is_made_in_its_turn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation, "_TURN_S", 0.1)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(StoreBusy):
            create_store(f"gpkg:{folder / 'new.gpkg'}", PLACE)
    finally:
        os.close(handle)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_the_log_of_a_store_that_was_moved_away_is_kept(folder: Path, ending: str) -> None:
    place, log = folder / "new.gpkg", folder / f"new.gpkg{ending}"
    log.write_text("what was written last")
    for make in (
        lambda: create_store(f"gpkg:{place}", PLACE),
        lambda: check_free(f"gpkg:{place}"),
    ):
        with pytest.raises(StoreExists, match="Move it to where that store is now") as caught:
            make()
        assert str(log) in caught.value.sentence("zh")
    assert [file.name for file in folder.iterdir()] == [log.name]
    log.write_text("")
    create_store(f"gpkg:{place}", PLACE).close()


def test_a_store_moved_away_while_it_is_open_keeps_its_newest_writes(folder: Path) -> None:
    path, away = folder / "w.gpkg", folder / "away.gpkg"
    with create_store(f"gpkg:{path}", PLACE) as store:
        store.upsert("complaints", points(["newest"]))
        path.rename(away)
        with pytest.raises(StoreExists):
            create_store(f"gpkg:{path}", PLACE)
        with pytest.raises(StoreMissing):
            store.version()
    Path(f"{path}-wal").rename(f"{away}-wal")
    with open_store(f"gpkg:{away}") as store:
        assert store.read("complaints").index.tolist() == ["newest"]
        assert store.verify() == []
    create_store(f"gpkg:{path}", PLACE).close()


def test_a_journal_left_by_another_store_is_not_taken_for_ones_own(folder: Path) -> None:
    """An index without its log can only mislead: it is cleared away."""
    first, second = folder / "first.gpkg", folder / "second.gpkg"
    with create_store(f"gpkg:{first}", PLACE) as store:
        store.upsert("complaints", points(["old"]))
        shutil.copy(f"{first}-shm", f"{second}-shm")
    with create_store(f"gpkg:{second}", PLACE) as store:
        assert (store.version(), store.counts()["complaints"]) == (0, 0)


# When the file changes under an open store


def test_a_store_that_is_taken_away_is_missed_and_its_successor_found(path: Path) -> None:
    with open_store(f"gpkg:{path}") as store:
        store.upsert("complaints", points(["c"]))
        for file in (path, Path(f"{path}-wal")):
            file.unlink()
        with pytest.raises(StoreMissing):
            store.version()
        with pytest.raises(StoreMissing):
            store.upsert("complaints", points(["lost"]))
        with create_store(f"gpkg:{path}", PLACE, layers={"complaints": points(["new"])}) as successor:
            assert store.read("complaints").index.tolist() == ["new"]
            store.upsert("complaints", points(["kept"]))
            assert successor.read("complaints").index.tolist() == ["kept", "new"]


def test_a_write_that_waited_goes_to_the_file_that_is_there(path: Path, folder: Path) -> None:
    """Another program held the old file; when it lets go, a new one is in its place."""
    other = folder / "other.gpkg"
    create_store(f"gpkg:{other}", PLACE, layers={"complaints": points(["new"])}).close()
    with closing(apsw.Connection(str(path))) as program, open_store(f"gpkg:{path}") as store:
        program.execute("BEGIN IMMEDIATE")
        written: list[int] = []
        writer = threading.Thread(
            target=lambda: written.append(store.upsert("complaints", points(["kept"])).version)
        )
        writer.start()
        while not turn_is_taken(path):
            time.sleep(0.01)
        time.sleep(0.2)
        other.rename(path)
        program.execute("ROLLBACK")
        writer.join()
        assert written == [2]
        assert store.read("complaints").index.tolist() == ["kept", "new"]


def turn_is_taken(path: Path) -> bool:
    try:
        with turns.turn(path, 0.0):
            return False
    except StoreBusy:
        return True


def test_waiting_follows_a_file_that_is_replaced_and_misses_one_that_is_gone(
    path: Path, folder: Path
) -> None:
    other = folder / "other.gpkg"
    frames = {
        "complaints": points(["new"]),
        "backdrop": frame_of("backdrop", ["g"], [shapely.box(1, 2, 3, 4)]),
    }
    create_store(f"gpkg:{other}", PLACE, layers=frames).close()
    with open_store(f"gpkg:{path}") as store:
        assert store.wait(since=1, timeout_s=0) == 1
        replacing = threading.Timer(0.3, lambda: other.rename(path))
        replacing.start()
        assert store.wait(since=1, timeout_s=60) == 2
        removing = threading.Timer(0.3, path.unlink)
        removing.start()
        with pytest.raises(StoreMissing):
            store.wait(since=2, timeout_s=60)
        create_store(f"gpkg:{path}", PLACE).close()
        assert store.wait(since=2, timeout_s=60) == 0


def test_what_was_read_while_somebody_began_to_write_is_not_given_out(path: Path, folder: Path) -> None:
    """Who may only read takes a store at rest as immutable: a read that a writer has overtaken is torn."""
    path.chmod(0o444)
    folder.chmod(0o555)
    with unprivileged(), ExitStack() as reading:
        reader = GeoPackageStore(path)
        reading.enter_context(reader._database.reading())
        begun = reading.pop_all()
    folder.chmod(0o755)
    path.chmod(0o644)
    with open_store(f"gpkg:{path}") as store:
        store.upsert("complaints", points(["c"]))
    path.chmod(0o444)
    folder.chmod(0o555)
    with unprivileged(), pytest.raises(StoreBusy):
        begun.close()
    with unprivileged():
        assert reader.read("complaints").index.tolist() == ["a", "b", "c"]
        reader.close()


def test_contents_that_were_read_in_part_keep_nobody_in_the_past(path: Path) -> None:
    with open_store(f"gpkg:{path}") as store:
        with store.contents() as contents:
            first = iter(contents.layers["complaints"])
            next(first)
            changes = iter(contents.changes)
            next(changes)
        for error in (ZeroDivisionError, None):
            with suppress(ZeroDivisionError), store.contents() as contents:
                history = iter(contents.changes)
                next(history)
                if error is not None:
                    raise error
        store.upsert("complaints", points(["c"]))
        assert store.version() == 2
        assert store.read("complaints").index.tolist() == ["a", "b", "c"]
        with closing(apsw.Connection(str(path))) as connection:
            busy, log, done = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").get
        assert (busy, log, done) == (0, 0, 0)


# Copies and backups


@pytest.mark.parametrize("others", ["a server", "a reader by another user"])
def test_an_empty_store_that_others_have_open_is_filled_under_them(
    path: Path, folder: Path, others: str
) -> None:
    target = folder / "target.gpkg"
    create_store(f"gpkg:{target}", PLACE).close()
    if others == "a server":
        with open_store(f"gpkg:{target}") as server, open_store(f"gpkg:{path}") as source:
            assert server.version() == 0
            copy_store(source, f"gpkg:{target}")
            assert server.version() == 1
            assert server.read("complaints").index.tolist() == ["a", "b"]
            assert server.upsert("complaints", points(["c"])).version == 2
            assert server.verify() == []
    else:
        with unprivileged():
            server = GeoPackageStore(target, read_only=True)
        with open_store(f"gpkg:{path}") as source:
            copy_store(source, f"gpkg:{target}")
        with unprivileged():
            assert server.read("complaints").index.tolist() == ["a", "b"]
            server.close()


def test_a_first_row_that_comes_in_between_is_not_overwritten(path: Path, folder: Path) -> None:
    """The copy is about to begin when another program, which knows of no turns, saves."""
    target = folder / "target.gpkg"
    create_store(f"gpkg:{target}", PLACE).close()
    with open_store(f"gpkg:{path}") as source, closing(apsw.Connection(str(target))) as program:
        prepare(program)
        program.execute("BEGIN IMMEDIATE")
        program.execute(
            "INSERT INTO wangge_changes (version, layer, codes, note) VALUES (1, 'complaints', '[]', '')"
        )
        saving = threading.Timer(0.3, lambda: program.execute("COMMIT"))
        saving.start()
        with pytest.raises(StoreExists):
            copy_store(source, f"gpkg:{target}")
        saving.join()
    with open_store(f"gpkg:{target}") as store:
        assert (store.version(), store.counts()["complaints"]) == (1, 0)


def test_two_copies_into_one_empty_store_are_one(path: Path, folder: Path) -> None:
    target = folder / "target.gpkg"
    create_store(f"gpkg:{target}", PLACE).close()
    said: list[str] = []

    def copy() -> None:
        with open_store(f"gpkg:{path}") as source:
            try:
                copy_store(source, f"gpkg:{target}")
                said.append("done")
            except StoreExists:
                said.append("exists")

    with turns.turn(target, 30):
        both = [threading.Thread(target=copy) for _ in range(2)]
        for one in both:
            one.start()
    for one in both:
        one.join()
    assert sorted(said) == ["done", "exists"]
    with open_store(f"gpkg:{target}") as store:
        assert (store.version(), store.verify()) == (1, [])


def test_a_backup_is_its_owners_alone_from_the_first_moment(path: Path, folder: Path) -> None:
    """Looked at before each statement, and at each step, of whatever is in the folder by then."""
    seen: set[str] = set()
    kept = {path.name, ".backup.gpkg.lock"}

    def look(*_: object) -> bool:
        assert_private()
        return True

    def assert_private() -> None:
        for file in folder.rglob("*"):
            if file.name.removesuffix("-wal").removesuffix("-shm") not in kept:
                seen.add(file.name)
                assert file.stat().st_mode & 0o077 == 0, file

    mask = os.umask(0)
    apsw.connection_hooks.append(lambda connection: connection.set_exec_trace(look))
    try:
        with open_store(f"gpkg:{path}") as store:
            backup_store(store, folder / "backup.gpkg", progress=lambda *_: assert_private())
        assert_private()
        with open_store(f"gpkg:{folder / 'backup.gpkg'}") as backup:
            backup.upsert("complaints", points(["c"]))
            assert_private()
    finally:
        apsw.connection_hooks.pop()
        os.umask(mask)
    assert {"backup.gpkg", "backup.gpkg-wal", "backup.gpkg-shm"} <= seen
    assert any("-partial-" in name for name in seen)


def test_a_backup_is_one_file_that_opens_where_nothing_can_be_written(path: Path, folder: Path) -> None:
    medium = folder / "medium"
    medium.mkdir()
    with open_store(f"gpkg:{path}") as store:
        backup_store(store, medium / "backup.gpkg")
    assert [file.name for file in medium.iterdir()] == ["backup.gpkg"]
    # Its header asks for no write-ahead log, which most programs could not open there.
    assert (medium / "backup.gpkg").read_bytes()[18:20] == b"\x01\x01"
    (medium / "backup.gpkg").chmod(0o444)
    mount = ["mount", "--bind", "-o", "ro", str(medium), str(medium)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    medium.chmod(0o555) if not mounted else None
    try:
        with unprivileged(), open_store(f"gpkg:{medium / 'backup.gpkg'}") as backup:
            assert backup.read("complaints").index.tolist() == ["a", "b"]
            assert backup.verify() == []
        listed = subprocess.run(["ogrinfo", "-ro", medium / "backup.gpkg"], capture_output=True, text=True)
        assert "complaints (Point)" in listed.stdout
        assert [file.name for file in medium.iterdir()] == ["backup.gpkg"]
    finally:
        if mounted:
            subprocess.run(["umount", str(medium)], check=True)
