"""The commands about the store itself, as they are typed, on both kinds of store."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from geopandas.testing import assert_geodataframe_equal

from layers.schema import LAYERS
from layers.store import open_store
from layers.store_commands import _backup
from layers.text import LANGUAGES, Language
from tests.district import small_district
from tests.layers.permissions import open_folder, unprivileged
from tests.layers.typed import done, run
from tests.postgres import APP, BY_PASSWORD, PASSWORD, Cluster

WRITTEN_BY_SCHEMA_1 = Path(__file__).parent / "written" / "geopackage-1.gpkg.gz"


def assert_equal(left: str, right: str) -> None:
    """Assert that two stores answer alike: what there is, what was written, what was replaced."""
    with open_store(left) as a, open_store(right) as b:
        assert (a.district(), a.version(), a.counts()) == (b.district(), b.version(), b.counts())
        assert a.changes(since=0) == b.changes(since=0)
        assert [change.at for change in a.changes(since=0)] == [change.at for change in b.changes(since=0)]
        for name in LAYERS:
            assert_geodataframe_equal(a.read(name), b.read(name))
        for layer, code in (("communities", "C03"), ("communities", "C01"), ("complaints", "C01-001")):
            assert a.history(layer, code) == b.history(layer, code)


# Backup, restore, copy


@pytest.mark.parametrize("target", ["gpkg", "postgis"])
def test_a_backup_is_restored_as_it_was(
    store_url: str, target: str, new_url: Callable[[str], str], tmp_path: Path
) -> None:
    file = tmp_path / "backup.gpkg"
    backed_up = done("backup", file, store=store_url)
    assert "version 14" in backed_up and "Complaints: 178" in backed_up and "guarded" in backed_up
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    place = new_url(target)
    said = done("restore", file, store=place)
    assert "version 14" in said and "Complaints: 178" in said
    with open_store(store_url) as source, open_store(place) as restored:
        assert f"epoch {source.epoch().id}, since " in backed_up
        assert f"epoch {restored.epoch().id}, since " in said
        assert source.epoch().id != restored.epoch().id
    assert_equal(store_url, place)


def test_a_backup_overwrites_nothing(store_url: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.gpkg"
    file.write_text("a letter")
    refused = run("backup", file, store=store_url)
    assert refused.exit_code == 1
    assert "not overwritten" in refused.stderr
    assert file.read_text() == "a letter"
    assert run("backup", tmp_path / "none" / "x" / "backup.gpkg", store=store_url).exit_code == 0


def test_a_restore_takes_an_initialised_store_and_none_with_rows(
    store_url: str, store_kind: str, new_url: Callable[[str], str], tmp_path: Path
) -> None:
    file, place = tmp_path / "backup.gpkg", new_url(store_kind)
    done("backup", file, store=store_url)
    done("init", "--name", "空", "--metric-crs", "EPSG:4547", store=place)
    done("restore", file, store=place)
    assert_equal(store_url, place)
    refused = run("restore", file, store=place)
    assert refused.exit_code == 1
    assert "overwritten" in refused.stderr
    assert_equal(store_url, place)


@pytest.mark.parametrize("content", [None, b"", b"no store at all" * 99])
def test_what_is_no_backup_is_said(
    new_url: Callable[[str], str], tmp_path: Path, content: bytes | None
) -> None:
    file, place = tmp_path / "b.gpkg", new_url("gpkg")
    if content is not None:
        file.write_bytes(content)
    refused = run("restore", file, store=place)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, SystemExit)
    assert refused.stderr
    if content is None:
        assert refused.stderr == f"There is no file {file}.\n"
    assert not Path(place.removeprefix("gpkg:")).exists()


def test_a_copy_goes_to_the_other_kind_and_back(
    store_url: str, store_kind: str, new_url: Callable[[str], str]
) -> None:
    there, back = new_url("postgis" if store_kind == "gpkg" else "gpkg"), new_url(store_kind)
    assert "version 14" in done("copy", "--from", store_url, "--to", there, store="gpkg:elsewhere.gpkg")
    assert_equal(store_url, there)
    done("copy", "--to", back, store=there)
    assert_equal(store_url, back)
    assert run("copy", "--from", store_url, "--to", there, store=store_url).exit_code == 1
    assert run("copy", "--from", store_url, store=store_url).exit_code == 2


# Migrations


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.gpkg"
    path.write_bytes(gzip.decompress(WRITTEN_BY_SCHEMA_1.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("language", "done_once", "done_twice"),
    [
        ("en", "Schema 1 brought to schema 4", "nothing to do"),
        ("zh", "结构由第 1 版升级到第 4 版", "无须升级"),
    ],
)
def test_a_migration_says_from_where_to_where(
    old: Path, language: Language, done_once: str, done_twice: str
) -> None:
    store = f"gpkg:{old}"
    refused = run("summary", store=store, language=language)
    assert refused.exit_code == 1
    assert "wangge migrate" in refused.stderr
    assert done_once in done("migrate", store=store, language=language)
    assert done_twice in done("migrate", store=store, language=language)
    done("summary", store=store)
    assert "kept from version" in run("history", "communities", store=store).stderr


def test_a_migration_has_nothing_to_do_on_a_new_store(store_url: str) -> None:
    assert "nothing to do" in done("migrate", store=store_url)


@pytest.mark.parametrize("target", ["gpkg", "postgis"])
def test_a_backup_of_an_older_program_is_restored(
    old: Path, target: str, new_url: Callable[[str], str]
) -> None:
    before, files = old.read_bytes(), {path.name for path in old.parent.iterdir()}
    place = new_url(target)
    done("restore", old, store=place)
    assert old.read_bytes() == before
    left = {path.name for path in old.parent.iterdir()}
    assert {name for name in left if not name.startswith((".", "store"))} == files
    assert not {name for name in left if name.startswith(".wangge-")}
    done("migrate", store=f"gpkg:{old}")
    with open_store(place) as restored, open_store(f"gpkg:{old}") as migrated:
        assert restored.counts() == migrated.counts()
        assert restored.changes(since=0) == migrated.changes(since=0)
        assert restored.history_since() == migrated.history_since() > 0


def test_an_older_backup_is_restored_from_where_one_may_not_write(
    old: Path, new_url: Callable[[str], str]
) -> None:
    done("restore", old, store=new_url("gpkg"))  # everything is imported by now
    with open_folder() as folder:
        file = Path(shutil.copy(old, folder / "old.gpkg"))
        folder.chmod(0o555)
        with unprivileged(), _backup(file) as store:
            assert store.version() > 0
        assert list(folder.iterdir()) == [file]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_room_to_migrate_an_older_backup_is_said(
    old: Path, new_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    place = new_url("gpkg")
    refused = run("restore", old, store=place, language=language)
    assert isinstance(refused.exception, SystemExit)
    assert "TMPDIR" in refused.stderr and os.strerror(errno.ENOSPC) in refused.stderr
    assert not Path(place.removeprefix("gpkg:")).exists()


# PostGIS: what the administrator is to run, roles, passwords


def test_init_on_postgis_says_what_was_made_or_what_to_run(postgres: Cluster) -> None:
    bare = postgres.new_database(extension=False)
    ready = postgres.new_database()
    options = ("--name", "新区", "--metric-crs", "EPSG:4547")
    refused = run("init", *options, store=postgres.url(bare))
    assert refused.exit_code == 1
    assert "CREATE EXTENSION postgis" in refused.stderr
    assert f"Created 新区 (EPSG:4547): {postgres.url(ready)}" in done(
        "init", *options, store=postgres.url(ready)
    )
    assert run("init", *options, store=postgres.url(ready)).exit_code == 1
    postgres.drop(bare, ready)


@pytest.mark.parametrize("command", ["init", "copy", "migrate"])
def test_the_application_role_works_in_what_the_owner_made(
    postgres: Cluster, new_url: Callable[[str], str], command: str
) -> None:
    name = postgres.new_database()
    owner, by_app = postgres.url(name), postgres.url(name, user=APP)
    if command == "copy":
        source = new_url("gpkg")
        done("init", "--name", "x", "--metric-crs", "EPSG:4547", store=source)
        said = done("copy", "--to", owner, "--app-role", APP, store=source)
    else:
        options = ("--app-role", APP) if command == "init" else ()
        said = done("init", "--name", "x", "--metric-crs", "EPSG:4547", *options, store=owner)
        if command == "migrate":
            assert run("summary", store=by_app).exit_code == 1
            said = done("migrate", "--app-role", APP, store=owner)
    assert f"Role {APP} may do the daily work" in said
    done("summary", store=by_app)
    _, frames = small_district()
    with open_store(by_app) as store:
        store.upsert("subdistricts", frames["subdistricts"])
    assert run("migrate", "--app-role", "no such role", store=owner).exit_code == 1
    postgres.drop(name)


def test_a_file_has_no_roles(new_url: Callable[[str], str], tmp_path: Path) -> None:
    place = new_url("gpkg")
    for command in (
        ("init", "--name", "x", "--metric-crs", "EPSG:4547"),
        ("demo",),
        ("copy", "--to", place),
        ("restore", "nothing.gpkg"),
        ("migrate",),
    ):
        refused = run(*command, "--app-role", "x", store=place)
        assert refused.exit_code == 1, command
        assert "no database roles" in refused.stderr
    assert list(tmp_path.iterdir()) == []


SECRET = "p4ss-w0rd"
WITH_A_SECRET = (
    f"postgresql://someone:{SECRET}@127.0.0.1:1/d",
    f"postgresql://127.0.0.1:1/d?user=someone&password={SECRET}",
    f"postgresql://some@one:{SECRET}@127.0.0.1:1/d",
    f"postgresql://someone:{SECRET}/{SECRET}@127.0.0.1:1/d",
    f"postgres:someone:{SECRET}@127.0.0.1/d",
    f"mysql://someone:{SECRET}@127.0.0.1/d",
    f"POSTGRESQL://someone:{SECRET}@127.0.0.1/d?password={SECRET}",
    f"host=db user=u password = {SECRET}",
    f"{SECRET}@db/d:5432",
)


@pytest.mark.parametrize("store", WITH_A_SECRET)
def test_no_password_is_shown_whatever_goes_wrong(store: str, tmp_path: Path, monkeypatch: Any) -> None:
    from data import demo

    district, frames = small_district()
    monkeypatch.setattr(demo, "generate", lambda *_, **__: (district, frames))
    for command in (
        ("summary",),
        ("demo",),
        ("init", "--name", "x", "--metric-crs", "EPSG:4547"),
        ("migrate",),
        ("backup", tmp_path / "b.gpkg"),
        ("restore", tmp_path / "none.gpkg"),
        ("copy", "--to", f"gpkg:{tmp_path}/c.gpkg"),
        ("copy", "--from", f"gpkg:{tmp_path}/none.gpkg", "--to", store),
        ("history", "communities"),
        ("serve", "--port", "0"),
        ("check",),
        ("export", "communities", tmp_path / "x.csv"),
    ):
        for language in LANGUAGES:
            refused = run(*command, store=store, language=language)
            assert refused.exit_code == 1, (command, refused.output, refused.exception)
            assert refused.stderr
            assert SECRET not in refused.output, command
            assert isinstance(refused.exception, SystemExit)
    assert not (tmp_path / "b.gpkg").exists()


def test_no_password_is_shown_when_all_is_well(postgres: Cluster, tmp_path: Path) -> None:
    name = postgres.new_database()
    postgres.execute(f'GRANT CREATE, TEMPORARY ON DATABASE "{name}" TO {BY_PASSWORD}')
    url = postgres.url(name, user=BY_PASSWORD, password=PASSWORD)
    said = [
        done("init", "--name", "x", "--metric-crs", "EPSG:4547", "--app-role", APP, store=url),
        done("migrate", store=url),
        done("history", "communities", store=url),
        done("backup", tmp_path / "b.gpkg", store=url),
        done("copy", "--to", f"gpkg:{tmp_path}/c.gpkg", store=url),
        done("restore", tmp_path / "b.gpkg", store=url),
    ]
    assert BY_PASSWORD in said[0]
    for secret in (PASSWORD, "hush", "%3A"):
        assert secret not in "".join(said)
    postgres.drop(name)
