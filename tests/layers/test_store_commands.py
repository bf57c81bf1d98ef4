"""The commands about the store itself, as they are typed, on both kinds of store."""

from __future__ import annotations

import gzip
import json
import stat
from collections.abc import Callable, Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from geopandas.testing import assert_geodataframe_equal

import app
from layers.cli import Context
from layers.schema import LAYERS
from layers.store import Authorship, Store, create_store, open_store
from layers.text import LANGUAGES, Language
from tests.district import GUARDED_TEXT, small_district
from tests.postgres import APP, BY_PASSWORD, PASSWORD, Cluster

WRITTEN_BY_SCHEMA_1 = Path(__file__).parent / "written" / "geopackage-1.gpkg.gz"
OLD = date(2019, 12, 31)


def run(*arguments: str | Path, store: str = "gpkg:nowhere.gpkg", language: Language = "en") -> Result:
    context = Context(store_url=store, language=language, data_folder=app.DATA_FOLDER, operator="clerk")
    return CliRunner().invoke(app.wangge, [str(item) for item in arguments], obj=context)


def done(*arguments: str | Path, store: str, language: Language = "en") -> str:
    result = run(*arguments, store=store, language=language)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Return what gives a place for a store of a kind."""
    numbers, databases = count(), []

    def make(kind: str) -> str:
        if kind == "gpkg":
            return f"gpkg:{tmp_path / f'store{next(numbers)}.gpkg'}"
        cluster: Cluster = request.getfixturevalue("postgres")
        databases.append(cluster.new_database())
        return cluster.url(databases[-1])

    yield make
    if databases:
        request.getfixturevalue("postgres").drop(*databases)


@pytest.fixture(params=["gpkg", "postgis"])
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def url(kind: str, new_url: Callable[[str], str]) -> str:
    """Return a store of the small district with some history."""
    made = new_url(kind)
    district, frames = small_district()
    create_store(made, district, layers=frames, by=Authorship(who="founder")).close()
    with open_store(made) as store:
        lived_in(store)
    return made


def lived_in(store: Store) -> None:
    """Correct a number, replace a manager, move a facility and a plot, delete complaints."""
    clerk = Authorship(who="clerk", note="电话核实")
    store.update("communities", store.read("communities", codes=["C04"]).assign(households=181), by=clerk)
    new = store.read("communities", codes=["C03"]).assign(property_management="yes")
    store.update("communities", new, by=Authorship(who="clerk", effective=date(2020, 5, 1)))
    moved = store.read("facilities", codes=["F01"])
    store.update("facilities", moved.set_geometry(moved.geometry.translate(0.001, 0)))
    plot = store.read("communities", codes=["C01"])
    store.update("communities", plot.set_geometry(plot.geometry.scale(2, 1)))
    store.delete("complaints", ["C01-001", "C01-002"], by=Authorship(who="<b>甲</b>"))


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
    url: str, target: str, new_url: Callable[[str], str], tmp_path: Path
) -> None:
    file = tmp_path / "backup.gpkg"
    said = done("backup", file, store=url)
    assert "version 14" in said and "Complaints: 178" in said and "guarded" in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    place = new_url(target)
    said = done("restore", file, store=place)
    assert "version 14" in said and "Complaints: 178" in said
    assert_equal(url, place)


def test_a_backup_overwrites_nothing(url: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.gpkg"
    file.write_text("a letter")
    refused = run("backup", file, store=url)
    assert refused.exit_code == 1
    assert "not overwritten" in refused.stderr
    assert file.read_text() == "a letter"
    assert run("backup", tmp_path / "none" / "x" / "backup.gpkg", store=url).exit_code == 0


def test_a_restore_takes_an_initialised_store_and_none_with_rows(
    url: str, kind: str, new_url: Callable[[str], str], tmp_path: Path
) -> None:
    file, place = tmp_path / "backup.gpkg", new_url(kind)
    done("backup", file, store=url)
    done("init", "--name", "空", "--metric-crs", "EPSG:4547", store=place)
    done("restore", file, store=place)
    assert_equal(url, place)
    refused = run("restore", file, store=place)
    assert refused.exit_code == 1
    assert "overwritten" in refused.stderr
    assert_equal(url, place)


@pytest.mark.parametrize("content", [None, b"", b"no store at all" * 99])
def test_what_is_no_backup_is_said(
    new_url: Callable[[str], str], tmp_path: Path, content: bytes | None
) -> None:
    file, place = tmp_path / "b.gpkg", new_url("gpkg")
    if content is not None:
        file.write_bytes(content)
    refused = run("restore", file, store=place)
    assert refused.exit_code == 1
    assert refused.stderr and "Traceback" not in refused.stderr
    assert not Path(place.removeprefix("gpkg:")).exists()


def test_a_copy_goes_to_the_other_kind_and_back(url: str, kind: str, new_url: Callable[[str], str]) -> None:
    there, back = new_url("postgis" if kind == "gpkg" else "gpkg"), new_url(kind)
    assert "version 14" in done("copy", "--from", url, "--to", there, store="gpkg:elsewhere.gpkg")
    assert_equal(url, there)
    done("copy", "--to", back, store=there)
    assert_equal(url, back)
    assert run("copy", "--from", url, "--to", there, store=url).exit_code == 1
    assert run("copy", "--from", url, store=url).exit_code == 2


# Migrations


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.gpkg"
    path.write_bytes(gzip.decompress(WRITTEN_BY_SCHEMA_1.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("language", "done_once", "done_twice"),
    [
        ("en", "Schema 1 brought to schema 2", "nothing to do"),
        ("zh", "结构由第 1 版升级到第 2 版", "无须升级"),
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


def test_a_migration_has_nothing_to_do_on_a_new_store(url: str) -> None:
    assert "nothing to do" in done("migrate", store=url)


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


# History


def test_the_writes_to_a_layer_are_listed(url: str) -> None:
    lines = done("history", "communities", store=url).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("version 3  ") and "founder" in lines[0]
    assert lines[0].endswith("12 features: C01, C02, C03, C04, C05 …")
    assert "clerk  (电话核实)  1 features: C04" in lines[1]
    assert "clerk  from 2020-05-01 on  1 features: C03" in lines[2]
    assert "nobody named" in lines[3]
    chinese = done("history", "communities", "--since", "11", store=url, language="zh").splitlines()
    assert [line.split("  ")[0] for line in chinese] == ["第 13 版"]
    assert "1 个要素：C01" in chinese[0]
    assert "Nothing was written." in done("history", "backdrop", "--since", "9", store=url)
    written = json.loads(done("history", "complaints", "--since", "9", "--json", store=url))
    assert [(one["version"], one["who"], one["codes"]) for one in written] == [
        (14, "<b>甲</b>", ["C01-001", "C01-002"])
    ]
    assert written[0].keys() == {"version", "layer", "at", "who", "note", "effective", "codes"}


def test_the_edits_of_a_feature_are_told_field_by_field(url: str) -> None:
    told = done("history", "communities", "C03", "--since", "9", store=url)
    assert "version 11" in told and "from 2020-05-01 on  changed" in told
    assert "Property management: no → yes" in told
    assert "households" not in told.casefold()
    chinese = done("history", "communities", "C04", store=url, language="zh")
    assert "修改" in chinese and "180 → 181" in chinese and "新增" in chinese
    assert "小区类型：老旧小区" in chinese
    assert "Nothing was changed." in done("history", "communities", "C04", "--since", "14", store=url)


def test_a_geometry_is_told_by_how_far_and_how_large(url: str) -> None:
    assert "Place and shape: moved by 102." in done("history", "facilities", "F01", "--since", "9", store=url)
    told = done("history", "communities", "C01", "--since", "9", store=url)
    assert "Place and shape: 134,400 m² → 268,800 m²" in told
    [edit] = json.loads(done("history", "communities", "C01", "--since", "9", "--json", store=url))
    [geometry] = edit["fields"]
    assert geometry["field"] == "geometry"
    assert geometry["moved_m"] < 0.1
    assert geometry["area_m2"] == pytest.approx([134_400, 268_800], rel=1e-3)
    inserted = json.loads(done("history", "facilities", "F01", "--json", store=url))[0]
    place = inserted["fields"][0]
    assert (place["moved_m"], place["area_m2"]) == (None, [None, None])
    assert 114 < place["lon"] < 115


def test_guarded_fields_are_not_shown(url: str) -> None:
    for language in LANGUAGES:
        told = done("history", "complaints", "C01-001", store=url, language=language)
        assert GUARDED_TEXT not in told
        assert {"en": "Text: guarded, not shown", "zh": "诉求内容：受保护，不显示"}[language] in told
        assert {"en": "deleted", "zh": "删除"}[language] in told
    inserted, deleted = json.loads(done("history", "complaints", "C01-001", "--json", store=url))
    assert (inserted["kind"], deleted["kind"], deleted["who"]) == ("insert", "delete", "<b>甲</b>")
    assert {"field": "text", "guarded": True} in deleted["fields"]
    assert GUARDED_TEXT not in json.dumps(deleted, ensure_ascii=False)


def test_what_has_never_been_is_said(url: str) -> None:
    for language, said in zip(
        LANGUAGES, ("从来没有编码 XX", "never had anything with the code XX"), strict=True
    ):
        refused = run("history", "communities", "XX", store=url, language=language)
        assert refused.exit_code == 1
        assert said in refused.stderr
    assert run("history", "houses", store=url).exit_code == 2


# Past states


def test_a_summary_of_a_past_state_says_so(url: str) -> None:
    now = json.loads(done("summary", "--json", store=url))
    assert "state" not in now
    first = json.loads(done("summary", "--json", "--version", "9", store=url))
    assert first["state"] == {"version": 9}
    assert (first["layers"]["complaints"], now["layers"]["complaints"]) == (180, 178)
    held = json.loads(done("summary", "--json", "--on", "2020-04-30", store=url))
    assert held["state"] == {"on": "2020-04-30"}
    assert held["district"]["as_of"] == "2020-04-30"
    count_of = "without_property_management"
    assert held[count_of]["count"] == now[count_of]["count"] + 1
    assert "as the store stood at version 9" in done("summary", "--version", "9", store=url)
    assert "2020-04-30 当日的情况" in done("summary", "--on", "2020-04-30", store=url, language="zh")


def test_files_of_a_past_state_say_so_in_every_row(url: str, tmp_path: Path) -> None:
    import pandas as pd

    for command in (("export", "complaints"), ("analyse", "--cells", "management", "--out")):
        now, past, held = (tmp_path / f"{command[0]}-{name}.csv" for name in ("now", "past", "held"))
        assert "version" not in run(*command, now, store=url).output
        assert "(as the store stood at version 9)" in run(*command, past, "--version", "9", store=url).stderr
        assert run(*command, held, "--on", "2020-04-30", store=url).exit_code == 0
        notes = [set(pd.read_csv(file, encoding="utf-8-sig")["note"]) for file in (now, past, held)]
        assert notes[0] == {"虚构演示数据 / invented demonstration data"}
        assert notes[1] == {f"{notes[0].copy().pop()}; 第 9 版当时的记录 / as the store stood at version 9"}
        assert "held on 2020-04-30" in notes[2].pop()
    rows = [len(pd.read_csv(tmp_path / f"export-{name}.csv")) for name in ("now", "past", "held")]
    assert rows == [178, 180, 178]
    frame = pd.read_csv(tmp_path / "export-past.csv", encoding="utf-8-sig")
    assert GUARDED_TEXT not in frame.to_csv()


def test_a_state_that_cannot_be_is_refused(url: str, tmp_path: Path) -> None:
    refused = run("summary", "--version", "99", store=url)
    assert refused.exit_code == 1
    assert "Those kept are 0 to 14" in refused.stderr
    for language, said in zip(LANGUAGES, ("只能给一个", "not both"), strict=True):
        both = run("summary", "--version", "1", "--on", "2020-01-01", store=url, language=language)
        assert both.exit_code == 2
        assert said in both.stderr
    out = tmp_path / "x.csv"
    assert run("export", "complaints", out, "--version", "99", store=url).exit_code == 1
    assert not out.exists()
    assert run("summary", "--on", "yesterday", store=url).exit_code == 2


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
