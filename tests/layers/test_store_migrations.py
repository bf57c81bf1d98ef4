"""Stores written by every earlier program: said to be outdated, brought up to date whole, and then as good as new."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from layers.problems import NotFound, StoreBusy, StoreMissing, StoreOutdated, StoreReadOnly, StoreUnusable
from layers.store import (
    Authorship,
    Change,
    StoreSettings,
    backup_store,
    copy_store,
    create_store,
    migrate_store,
    open_store,
)
from layers.stores.geopackage import migrations, turns
from layers.stores.geopackage.ddl import SCHEMA_VERSION
from tests.layers import store_workers
from tests.layers.permissions import open_folder, unprivileged
from tests.layers.store_contract import PLACE, points, same
from tests.layers.test_store_processes import started
from tests.layers.write_fixture import WRITTEN, digests

SCHEMAS = sorted(int(path.name.split("-")[1].split(".")[0]) for path in WRITTEN.glob("geopackage-*.gpkg.gz"))


def written(schema: int, folder: Path) -> Path:
    """Give the store that the program of `schema` wrote."""
    path = folder / f"written {schema}.gpkg"
    path.write_bytes(gzip.decompress((WRITTEN / f"geopackage-{schema}.gpkg.gz").read_bytes()))
    return path


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return written(1, tmp_path)


def rows_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, and every definition."""
    with closing(apsw.Connection(str(path))) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        held = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in names}
        return held | {"": connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()}


def refused(path: Path, kind: type[StoreUnusable], *words: str) -> None:
    with pytest.raises(StoreUnusable) as caught:
        open_store(f"gpkg:{path}")
    assert type(caught.value) is kind
    assert all(word in caught.value.sentence("en") for word in words), caught.value.sentence("en")
    assert caught.value.sentence("zh").endswith("。")


# Every schema there has been


def test_there_is_a_store_of_every_schema() -> None:
    assert list(range(1, SCHEMA_VERSION + 1)) == SCHEMAS
    for packed in WRITTEN.glob("*.gz"):
        assert packed.stat().st_size < 60_000


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_store_of_every_schema_is_brought_up_to_date(
    schema: int, tmp_path: Path, validate_gpkg: Callable[[Path], None]
) -> None:
    path = written(schema, tmp_path)
    url = f"gpkg:{path}"
    if schema < SCHEMA_VERSION:
        refused(path, StoreOutdated, f"schema {schema}", "wangge migrate")
    assert migrate_store(url) == (schema, SCHEMA_VERSION)
    assert migrate_store(url) == (SCHEMA_VERSION, SCHEMA_VERSION)
    with open_store(url) as store:
        assert store.verify() == []
        assert (
            json.loads((WRITTEN / f"geopackage-{schema}.json").read_text()).items() <= digests(store).items()
        )
    validate_gpkg(path)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_migrated_store_has_the_tables_of_a_new_one(schema: int, tmp_path: Path) -> None:
    path, new = written(schema, tmp_path), tmp_path / "new.gpkg"
    migrate_store(f"gpkg:{path}")
    create_store(f"gpkg:{new}", PLACE).close()
    made = [definitions(place) for place in (path, new)]
    assert made[0] == made[1]


def definitions(path: Path) -> dict[str, Any]:
    """Return what tables (in whatever order of columns), indexes and triggers are, and what is said of them."""
    with closing(apsw.Connection(str(path))) as connection:
        schema: list[Any] = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
        found: dict[str, Any] = {f"{kind} {name}": sql for kind, name, sql in schema}
        for kind, name, sql in schema:
            if kind == "table" and sql.startswith("CREATE TABLE"):
                inside = " ".join(sql.partition("(")[2].rpartition(")")[0].split())
                found[f"{kind} {name}"] = sorted(part.strip() for part in re.split(r",(?![^(]*\))", inside))
        tables = "SELECT table_name, data_type, identifier, description, srs_id FROM gpkg_contents"
        for said in (tables, "SELECT * FROM gpkg_geometry_columns", "SELECT * FROM gpkg_extensions"):
            found[said] = sorted(connection.execute(said).fetchall(), key=str)
        found["meta"] = sorted(connection.execute("SELECT key FROM wangge_meta").fetchall())
        return found | {"version": connection.pragma("user_version")}


# Schema 1: no history, no authors


def test_the_writes_of_schema_1_are_told_without_author_and_moment(first: Path) -> None:
    migrate_store(f"gpkg:{first}")
    with open_store(f"gpkg:{first}") as store:
        changes = store.changes(since=0)
        assert [change.version for change in changes] == list(range(1, 12))
        assert changes[9:] == [
            Change(10, "communities", ("C01", "C02"), Authorship(note="by hand")),
            Change(11, "complaints", ("C01-001",), Authorship(note="twice reported")),
        ]
        assert {(change.by.who, change.by.effective, change.at) for change in changes} == {("", None, None)}
        found = store.read("communities", codes=["C01", "C02", "C03"]).property_management
        assert found.tolist() == ["unknown", "unknown", "no"]
        assert "C01-001" not in store.read("complaints").index


def test_the_history_of_schema_1_begins_with_the_migration(first: Path, tmp_path: Path) -> None:
    migrate_store(f"gpkg:{first}")
    with open_store(f"gpkg:{first}") as store:
        assert (store.history_since(), store.version()) == (11, 11)
        for version in (0, 10, 12):
            with pytest.raises(NotFound, match="11"):
                store.read("communities", version=version)
        before = store.read("communities")
        same(store.read("communities", version=11), before)
        assert store.history("communities", "C01") == []
        store.update("communities", before.iloc[:1].assign(name="新"), by=Authorship(who="甲"))
        same(store.read("communities", version=11), before)
        (edit,) = store.history("communities", "C01")
        assert (edit.by.who, edit.fields) == ("甲", {"name": ("绿景花园", "新")})
        expected = digests(store)
        backup_store(store, tmp_path / "backup.gpkg")
        copy_store(store, f"gpkg:{tmp_path / 'copy.gpkg'}")
    for name in ("backup", "copy"):
        with open_store(f"gpkg:{tmp_path / name}.gpkg") as store:
            assert digests(store) == expected
            assert store.verify() == []


# Whole or not at all


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(first)
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "script", lambda number: SCRIPT(number) + "SELECT no_such_function();")
        with pytest.raises(StoreUnusable, match="no_such_function"):
            migrate_store(f"gpkg:{first}")
    assert rows_of(first) == before
    refused(first, StoreOutdated)
    assert migrate_store(f"gpkg:{first}") == (1, SCHEMA_VERSION)


SCRIPT = migrations.script


@pytest.mark.parametrize(
    "moment",
    [
        "ADD COLUMN who",
        "CREATE TABLE wangge_history",
        "INSERT INTO wangge_meta",
        'CREATE TRIGGER "wangge_buildings_delete"',
        "UPDATE wangge_meta",
        "COMMIT",
    ],
)
def test_a_migration_that_is_killed_leaves_the_store_as_it_was(first: Path, moment: str) -> None:
    before = rows_of(first)
    with started(store_workers.migrate_and_die, f"gpkg:{first}", moment) as process:
        process.join()
        assert process.exitcode == -signal.SIGKILL
    refused(first, StoreOutdated)
    assert rows_of(first) == before
    assert migrate_store(f"gpkg:{first}") == (1, SCHEMA_VERSION)
    with open_store(f"gpkg:{first}") as store:
        assert store.verify() == []


def test_two_migrations_at_once_are_one(first: Path) -> None:
    done: list[tuple[int, int]] = []
    both = [threading.Thread(target=lambda: done.append(migrate_store(f"gpkg:{first}"))) for _ in range(2)]
    with turns.turn(first, 30):
        for one in both:
            one.start()
    for one in both:
        one.join()
    assert set(done) <= {(1, SCHEMA_VERSION), (SCHEMA_VERSION, SCHEMA_VERSION)}
    assert len(done) == 2
    with open_store(f"gpkg:{first}") as store:
        assert store.verify() == []
        assert store.version() == 11


def test_two_processes_migrate_at_once(first: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    with turns.turn(first, 30):
        both = [context.Process(target=migrate_store, args=(f"gpkg:{first}",)) for _ in range(2)]
        for one in both:
            one.start()
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0]
    with open_store(f"gpkg:{first}") as store:
        assert store.verify() == []


def test_a_store_that_was_open_notices_that_a_newer_program_migrated_it(tmp_path: Path) -> None:
    with create_store(
        f"gpkg:{tmp_path / 'store.gpkg'}", PLACE, layers={"complaints": points(["a"])}
    ) as store:
        change_meta(tmp_path / "store.gpkg", str(SCHEMA_VERSION + 1))
        with pytest.raises(StoreUnusable, match="newer Wangge"):
            store.upsert("complaints", points(["b"]))
        change_meta(tmp_path / "store.gpkg", str(SCHEMA_VERSION))
        assert store.upsert("complaints", points(["b"])).version == 2


# What is not migrated


def change_meta(path: Path, value: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("UPDATE wangge_meta SET value = ? WHERE key = 'schema_version'", [value])


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_what_may_not_be_written_is_not_migrated(folder: Path, closed: str) -> None:
    path = written(1, folder)
    before = path.read_bytes()
    path.chmod(0o444 if closed == "file" else 0o666)
    folder.chmod(0o555 if closed == "folder" else 0o777)
    with unprivileged(), pytest.raises(StoreReadOnly, match="permissions"):
        migrate_store(f"gpkg:{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize("said", [str(SCHEMA_VERSION + 1), "99"])
def test_what_is_newer_is_not_migrated(first: Path, said: str) -> None:
    change_meta(first, said)
    for act in (open_store, migrate_store):
        with pytest.raises(StoreUnusable, match=f"newer Wangge.*{said}.*Update"):
            act(f"gpkg:{first}")


@pytest.mark.parametrize("said", ["", "0", "-1", "1.5", "x", "²", "1 "])
def test_what_names_no_schema_is_damaged(first: Path, said: str) -> None:
    change_meta(first, said)
    before = rows_of(first)
    for act in (open_store, migrate_store):
        with pytest.raises(StoreUnusable, match=r"damaged \(wangge_meta: schema_version\).*backup"):
            act(f"gpkg:{first}")
    assert rows_of(first) == before


def test_what_is_no_store_is_not_migrated(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        migrate_store(f"gpkg:{tmp_path / 'none.gpkg'}")
    (tmp_path / "text.gpkg").write_text("hello" * 1000)
    with pytest.raises(StoreUnusable):
        migrate_store(f"gpkg:{tmp_path / 'text.gpkg'}")


def test_a_migration_waits_for_its_turn(first: Path) -> None:
    with turns.turn(first, 1), pytest.raises(StoreBusy):
        migrate_store(f"gpkg:{first}", settings=StoreSettings(write_wait_s=0.1))
    with closing(apsw.Connection(str(first))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            migrate_store(f"gpkg:{first}", settings=StoreSettings(write_wait_s=0.1))
    assert migrate_store(f"gpkg:{first}") == (1, SCHEMA_VERSION)
