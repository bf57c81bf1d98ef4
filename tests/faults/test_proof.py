"""The proof itself: whatever is taken from a store, put into it or told wrongly, it finds."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from typing import Any

import apsw
import pytest

from layers.problems import StoreConflict, StoreUnusable
from layers.store import Authorship, backup_store, create_store, open_store
from layers.stores.geopackage.files import prepare
from tests.faults.proof import Verdict, prove
from tests.faults.work import (
    BULK,
    HOT,
    MADE,
    PLACE,
    SETS,
    SINGLES,
    Book,
    Plans,
    Task,
    digest_of,
    entries,
    first_frames,
)

TASKS = 40


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store, the book of its only writer and that of a reader."""
    folder = tmp_path_factory.mktemp("proof")
    url = f"gpkg:{folder / 'store.gpkg'}"
    create_store(url, PLACE, layers=first_frames(), by=Authorship(note=MADE)).close()
    plans, writer, reader = (
        Plans("w0.1", random.Random(4)),
        Book(folder / "w0.book"),
        Book(folder / "r0.book"),
    )
    drawn = (plans.draw(2) for _ in count())
    tasks = list(islice((task for task in drawn if not task.whole), TASKS))
    tasks += [
        Task("w0.1/bulk", "upsert", (), SETS[1], 5),
        Task("w0.1/hot", "upsert", (HOT[0],), None, 6, None, "2019-05-01"),
        Task("w0.1/gone", "delete", (), SETS[0]),
        Task("w0.1/again", "upsert", (HOT[1],), None, 8),
        Task("w0.1/same", "upsert", (HOT[1],), None, 8),
    ]
    with open_store(url) as store:
        for task in tasks:
            writer.note(intent={name: value for name, value in task.__dict__.items() if value is not None})
            try:
                writer.note(done=task.id, ms=1.0, **task.run(store))
            except StoreConflict:
                writer.note(refused=task.id, kind="StoreConflict", said="…")
            plans.done(task)
            version = store.version()
            for layer in (SINGLES, BULK):
                seen = digest_of(store.read(layer), layer)
                reader.note(saw="now", between=[version, version], layer=layer, digest=seen, torn=[])
            reader.note(version=version)
    writer.close()
    reader.close()
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """Return a copy that may be spoilt."""
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def judged(folder: Path) -> Verdict:
    with open_store(f"gpkg:{folder / 'store.gpkg'}") as store:
        return prove(store, [folder / "w0.book"], [folder / "r0.book"], past_reads=2)


def change(folder: Path, statement: str, name: str = "store.gpkg") -> None:
    with closing(apsw.Connection(str(folder / name))) as connection:
        prepare(connection)
        connection.execute(statement)
        assert connection.changes() > 0


def rewrite(book: Path, edit: Callable[[list[dict[str, Any]]], None]) -> None:
    lines = list(entries(book))
    edit(lines)
    book.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_a_store_that_kept_everything_is_found_in_order(folder: Path) -> None:
    verdict = judged(folder)
    assert (verdict.lost, verdict.torn) == ([], [])
    assert verdict.attempted == TASKS + 5
    assert verdict.acknowledged + verdict.errors["StoreConflict"] == verdict.attempted
    assert verdict.errors["StoreConflict"] > 0
    assert verdict.seen == 2 * verdict.attempted
    assert verdict.versions == verdict.acknowledged + 2 - sum(
        not entry.get("deleted", 1) or entry.get("unchanged", 0) > 0
        for entry in entries(folder / "w0.book")
        if "done" in entry
    )


@pytest.mark.parametrize(
    "damage",
    [
        f"DELETE FROM {SINGLES} WHERE code = '{HOT[0]}'",
        f"UPDATE {SINGLES} SET name = name || ' ' WHERE code = '{HOT[0]}'",
        f"UPDATE {SINGLES} SET mediators = coalesce(mediators, 0) + 1 WHERE code = '{HOT[1]}'",
        f"UPDATE {SINGLES} SET geom = (SELECT geom FROM {SINGLES} WHERE code = '{HOT[2]}') WHERE code = '{HOT[0]}'",
        f"DELETE FROM {BULK} WHERE fid = (SELECT max(fid) FROM {BULK})",
        f"UPDATE {BULK} SET channel = 'generation 1' WHERE fid = (SELECT max(fid) FROM {BULK})",
        f"INSERT INTO facilities (code, geom, kind) SELECT 'stray', geom, 'library' FROM {SINGLES} LIMIT 1",
        "DELETE FROM wangge_changes WHERE version = 9",
        "DELETE FROM wangge_changes WHERE version = (SELECT max(version) FROM wangge_changes)",
        "UPDATE wangge_changes SET note = 'w9.9/1' WHERE version = 9",
        "UPDATE wangge_changes SET note = (SELECT note FROM wangge_changes WHERE version = 8) WHERE version = 9",
        "UPDATE wangge_changes SET codes = '[]' WHERE version = 9",
        "UPDATE wangge_changes SET who = 'w9' WHERE version = 9",
        "UPDATE wangge_changes SET effective = '2019-05-02' WHERE note = 'w0.1/hot'",
        "DELETE FROM wangge_history WHERE id = (SELECT max(id) FROM wangge_history)",
        "UPDATE wangge_history SET before = '{}' WHERE id = (SELECT max(id) FROM wangge_history)",
        "UPDATE wangge_history SET deleted = NOT deleted WHERE id = (SELECT max(id) FROM wangge_history)",
        """
        UPDATE wangge_changes SET version = CASE version WHEN 9 THEN -10 ELSE -9 END WHERE version IN (9, 10);
        UPDATE wangge_changes SET version = -version WHERE version < 0
        """,
    ],
)
def test_a_store_that_holds_something_else_is_found_out(folder: Path, damage: str) -> None:
    change(folder, damage)
    try:
        verdict = judged(folder)
    except StoreUnusable:
        return  # the store itself found it out
    assert verdict.lost or verdict.torn


def test_an_answer_that_the_store_does_not_bear_out_is_a_loss(folder: Path) -> None:
    def acknowledge(lines: list[dict[str, Any]]) -> None:
        refused = next(line for line in lines if "refused" in line)
        refused |= {"done": refused.pop("refused"), "version": 9, "inserted": 0, "updated": 1, "unchanged": 0}

    rewrite(folder / "w0.book", acknowledge)
    assert len(judged(folder).lost) == 1


def test_a_write_that_was_refused_and_is_there_is_found_out(folder: Path) -> None:
    def refuse(lines: list[dict[str, Any]]) -> None:
        line = next(line for line in lines if line.get("done") == "w0.1/hot")
        line |= {"refused": line.pop("done"), "kind": "StoreFull"}

    rewrite(folder / "w0.book", refuse)
    assert "was refused with StoreFull" in judged(folder).torn[0]


def test_a_write_that_nobody_answered_may_be_there(folder: Path) -> None:
    rewrite(
        folder / "w0.book", lambda lines: lines.remove(next(e for e in lines if e.get("done") == "w0.1/hot"))
    )
    verdict = judged(folder)
    assert (verdict.lost, verdict.torn, verdict.kept) == ([], [], 1)


@pytest.mark.parametrize(
    "edit",
    [
        lambda sight: sight.update(digest="0" * 24),
        lambda sight: sight.update(torn=["A"]),
        lambda sight: sight.update(between=[2, 3]),
    ],
)
def test_a_sight_of_what_never_was_is_found_out(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    def spoil(lines: list[dict[str, Any]]) -> None:
        edit([line for line in lines if line.get("layer") == SINGLES][-1])

    rewrite(folder / "r0.book", spoil)
    assert len(judged(folder).torn) == 1


def test_a_version_seen_to_go_back_is_found_out(folder: Path) -> None:
    rewrite(folder / "r0.book", lambda lines: lines.append({"version": 3}))
    assert "after" in judged(folder).torn[0]


def test_an_update_over_somebody_elses_is_found_out(folder: Path) -> None:
    def base(lines: list[dict[str, Any]]) -> None:
        for line in lines:
            if line.get("intent", {}).get("id") == "w0.1/hot":
                line["intent"]["based_on"] = 0

    rewrite(folder / "w0.book", base)
    assert "was based on 0 and overwrote" in judged(folder).torn[0]


def test_a_copy_of_a_version_is_compared_with_it(folder: Path) -> None:
    with open_store(f"gpkg:{folder / 'store.gpkg'}") as store:
        backup_store(store, folder / "backup.gpkg")
        late = Task("w0.1/late", "upsert", (HOT[0],), None, 99)
        noted = [{"intent": late.__dict__}, {"done": late.id, **late.run(store)}]
        rewrite(folder / "w0.book", lambda lines: lines.extend(noted))
        for damage, found in (("", 0), (f"DELETE FROM {SINGLES} WHERE code = '{HOT[1]}'", 1)):
            if damage:
                change(folder, damage, "backup.gpkg")
            with open_store(f"gpkg:{folder / 'backup.gpkg'}") as copy:
                verdict = prove(store, [folder / "w0.book"], past_reads=2, copies=[copy])
            assert (len(verdict.torn), verdict.copies) == (found, [store.version() - 1])
