"""Commands are killed in the middle: what they were making is there whole, or not at all, and they can be run again."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from layers.problems import StoreMissing, StoreOutdated, StoreUnusable
from layers.store import backup_store, open_store
from tests.faults import fleet, report, workers
from tests.faults.inputs import old_store, table_of_complaints
from tests.faults.kinds import GeoPackages, Kind, made, sound
from tests.faults.states import TASKS, State, state
from tests.faults.system_calls import Rule

TIMES = 40 if report.FULL else 3
ROWS = 2000

# What a command does to files before, while and after it puts its result in its place.
CALLS = (("fdatasync",), ("fsync",), ("rename", "renameat"), ("unlink", "unlinkat"))

Arguments = tuple[object, ...]
Done = Callable[[], bool]
"""Asserts that all is there or nothing, and tells which."""


def kill_again_and_again(
    folder: Path, what: str, arguments: Callable[[], Arguments], done: Done, *, at_calls: bool = False
) -> None:
    """Run a command and kill it: at moments spread over the time it takes, and at each call that matters.

    Parameters
    ----------
    arguments : callable
        Returns those for the next run: where `done` said that all was there, of another place.
    """
    chance = random.Random(what)
    outcomes: Counter[bool] = Counter()
    begun = time.monotonic()
    whole = fleet.run(folder, *arguments())
    lasts = time.monotonic() - begun
    assert whole.code == 0, whole.said
    assert done()
    for k in range(TIMES):
        command = fleet.begin(folder, *arguments())
        time.sleep(lasts * (k + chance.random()) / TIMES)
        if command.process.is_alive():
            assert command.process.pid is not None
            with suppress(ProcessLookupError):  # it was quicker
                os.kill(command.process.pid, (signal.SIGKILL, signal.SIGTERM)[k % 2])
        command.outcome()
        outcomes[done()] += 1
    for calls in CALLS if at_calls else ():
        fleet.run(folder, *arguments(), rules=(Rule(calls, kills=True),))
        outcomes[done()] += 1
    again = fleet.run(folder, *arguments())
    assert again.code == 0, again.said
    assert done()
    report.LINES.append(
        f"{what}: killed {outcomes.total()} times, {outcomes[True]} times after it was done, never half; then run again"
    )


def used(url: str) -> State:
    """Give a store versions of every sort, and return what it holds."""
    with open_store(url) as store:
        for name in ("insert", "update", "delete", "bulk insert"):
            TASKS[name].run(store)
        return state(store)


def test_a_backup_is_killed(kind: Kind, tmp_path: Path) -> None:
    url = made(kind)
    held = used(url)
    folder = tmp_path / "backups"
    folder.mkdir()
    files = [folder / f"{k}.gpkg" for k in range(TIMES + len(CALLS) + 2)]

    def done() -> bool:
        with open_store(url) as store:
            assert state(store) == held
        if not files[0].exists():
            return False
        with open_store(f"gpkg:{files[0]}") as backup:
            assert state(backup) == held
            assert backup.verify() == []
        assert files.pop(0).stat().st_mode & 0o777 == 0o600
        return True

    kill_again_and_again(
        tmp_path,
        f"{kind.name}, backup",
        lambda: ("backup", files[0], "--store", url),
        done,
        at_calls=True,
    )
    # One killed between giving the file its name and tidying up leaves the empty folder that it was in.
    stores = [file for file in folder.rglob("*") if file.is_file() and file.stat().st_size]
    assert {file.relative_to(folder) for file in stores} == {Path(f"{k}.gpkg") for k in range(len(stores))}


def test_a_restore_is_killed(kind: Kind, geopackages: GeoPackages, tmp_path: Path) -> None:
    source = made(geopackages)
    held = used(source)
    backup = tmp_path / "backup.gpkg"
    with open_store(source) as store:
        backup_store(store, backup)
    bytes_before = backup.read_bytes()
    targets = [kind.new_url()]

    def done() -> bool:
        assert backup.read_bytes() == bytes_before
        try:
            with sound(kind, targets[-1]) as store:
                assert state(store) == held
        except (StoreMissing, StoreUnusable):
            return False
        targets.append(kind.new_url())
        return True

    kill_again_and_again(
        tmp_path,
        f"{kind.name}, restore",
        lambda: ("restore", backup, "--store", targets[-1]),
        done,
    )


def test_a_migration_is_killed(geopackages: GeoPackages, tmp_path: Path) -> None:
    urls = [old_store(geopackages)]

    def done() -> bool:
        try:
            with sound(geopackages, urls[-1]) as store:
                assert sum(store.counts().values()) > 0
        except StoreOutdated:
            return False
        urls.append(old_store(geopackages))
        return True

    kill_again_and_again(
        tmp_path, "GeoPackage, migrate", lambda: ("migrate", "--store", urls[-1]), done, at_calls=True
    )


def test_an_import_is_killed(kind: Kind, tmp_path: Path) -> None:
    table = table_of_complaints(tmp_path / "complaints.csv", ROWS)
    urls = [made(kind)]
    with open_store(urls[0]) as store:
        before = store.counts()["complaints"]

    def done() -> bool:
        with sound(kind, urls[-1]) as store:
            there = store.counts()["complaints"] - before
            assert there in (0, ROWS)
            assert store.version() == 2 + there // ROWS
            assert len(store.changes(since=2)) == there // ROWS
        if there:
            urls.append(made(kind))
        return there > 0

    kill_again_and_again(
        tmp_path,
        f"{kind.name}, import",
        lambda: ("import", "complaints", table, "--datum", "wgs84", "--force", "--store", urls[-1]),
        done,
    )


@pytest.mark.parametrize("calls", CALLS[:3])
def test_what_a_killed_backup_left_is_cleared_away(
    geopackages: GeoPackages, tmp_path: Path, calls: tuple[str, ...]
) -> None:
    url = made(geopackages)
    folder = tmp_path / "backups"
    file = folder / "backup.gpkg"
    folder.mkdir()
    process, answer = fleet.call(workers.back_up, url, str(file), (Rule(calls, kills=True),))
    assert answer.recv() == "begun"
    process.join()
    assert process.exitcode == -signal.SIGSYS
    named = file.exists()
    assert len(list(folder.glob(".*partial*"))) == 1
    done = fleet.run(tmp_path, "backup", file, "--store", url)
    assert (done.code, "not overwritten" in done.said) == (int(named), named)
    if not named:
        assert [left.name for left in folder.iterdir()] == ["backup.gpkg"]
