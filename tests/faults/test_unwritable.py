"""Files that may not be written and files that are damaged, by the command line: a sentence, exit code 1, nothing touched."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.store import create_store
from layers.stores.kinds import path_of
from tests.district import small_district
from tests.faults import fleet, report
from tests.faults.fleet import Outcome
from tests.faults.inputs import table_of_complaints
from tests.faults.kinds import GeoPackages

FLIPS = 60 if report.FULL else 3


def said_well(done: Outcome, *words: str) -> None:
    """Assert that a command failed in words."""
    assert done.code == 1, done.said
    assert "Traceback" not in done.said
    assert len(done.said.splitlines()) == 1, done.said
    assert all(word in done.said for word in words), done.said


def files_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "文件夹 #1"
    made.mkdir()
    yield made
    made.chmod(0o755)


@pytest.mark.parametrize("closed", ["file", "folder", "both"])
def test_commands_leave_alone_what_may_not_be_written(folder: Path, tmp_path: Path, closed: str) -> None:
    path, url = folder / "区.gpkg", f"gpkg:{folder / '区.gpkg'}"
    district, frames = small_district(outline=False)
    create_store(url, district, layers=frames).close()
    table = table_of_complaints(tmp_path / "complaints.csv", 5)
    path.chmod(0o444 if closed != "folder" else 0o644)
    folder.chmod(0o555 if closed != "file" else 0o755)
    before = files_in(folder)
    arguments = ("import", "complaints", table, "--datum", "wgs84", "--force", "--store", url)
    # Where not even the audit log can be made, nothing is tried at all.
    words = (
        ("can be read but not written", "permissions")
        if closed == "file"
        else ("audit log", "Permission denied")
    )
    said_well(fleet.run(tmp_path, *arguments, plain=True), *words, str(path))
    seen = fleet.run(tmp_path, "summary", "--json", "--store", url, plain=True)
    assert seen.code == 0, seen.said
    log = {"区.gpkg.access"} if closed == "file" else set()
    after = files_in(folder)
    assert set(after) == {*before, *log}
    assert before.items() <= after.items()


def test_a_store_is_not_made_where_nothing_may_be_written(folder: Path, tmp_path: Path) -> None:
    folder.chmod(0o555)
    url = f"gpkg:{folder / 'new.gpkg'}"
    arguments = ("init", "--name", "x", "--metric-crs", "EPSG:4547", "--store", url)
    said_well(fleet.run(tmp_path, *arguments, plain=True), "cannot be written", "Choose a folder")
    assert list(folder.iterdir()) == []


COMMANDS = (("summary",), ("check",), ("export", "communities", "out.csv"))


@pytest.fixture
def whole(geopackages: GeoPackages) -> Path:
    url = geopackages.new_url()
    district, frames = small_district()
    create_store(url, district, layers=frames).close()
    return path_of(url)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
def test_a_store_that_was_cut_short_is_refused(whole: Path, tmp_path: Path, share: float) -> None:
    os.truncate(whole, round(whole.stat().st_size * share))
    before = whole.read_bytes()
    table = table_of_complaints(tmp_path / "complaints.csv", 5)
    for command in (("summary",), ("import", "complaints", table, "--datum", "wgs84")):
        done = fleet.run(tmp_path, *command, "--store", f"gpkg:{whole}")
        said_well(done, str(whole))
        assert whole.read_bytes() == before
    assert not list(whole.parent.glob("*.gpkg-*"))


@pytest.mark.parametrize("seed", range(FLIPS))
def test_a_store_with_flipped_bytes_is_refused_or_read(whole: Path, tmp_path: Path, seed: int) -> None:
    """What is damaged where nobody looks may go unseen by who does not look there; but nobody stumbles."""
    chance = random.Random(seed)
    held = bytearray(whole.read_bytes())
    for _ in range(chance.choice((1, 20, 400))):
        held[chance.randrange(100, len(held))] ^= 1 << chance.randrange(8)
    whole.write_bytes(held)
    for command in COMMANDS:
        arguments = [tmp_path / item if item == "out.csv" else item for item in command]
        done = fleet.run(tmp_path, *arguments, "--store", f"gpkg:{whole}")
        assert done.code in (0, 1), done.said
        assert "Traceback" not in done.said
        assert whole.read_bytes() == held
