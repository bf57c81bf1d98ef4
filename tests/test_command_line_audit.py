"""What the command line leaves in the audit log, and what does not leave without it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import app
from layers.access.access import Access, open_access
from layers.access.model import Entry
from layers.cli import Context
from layers.problems import StoreFull, StoreReadOnly
from layers.store import create_store, open_store
from layers.text import Language, both
from tests.district import GUARDED_TEXT, small_district
from tests.layers.conftest import new_url, store_kind  # noqa: F401 - fixtures
from tests.visitors import POLICY


def run(*arguments: str | Path, store: str, language: Language = "en") -> Result:
    context = Context(store_url=store, language=language, data_folder=app.DATA_FOLDER, operator="clerk")
    return CliRunner().invoke(app.wangge, [str(item) for item in arguments], obj=context)


def done(*arguments: str | Path, store: str) -> Result:
    result = run(*arguments, store=store)
    assert result.exit_code == 0, result.output
    return result


def log(store: str) -> list[Entry]:
    with open_access(store, policy=POLICY) as access:
        assert access.verify() == []
        return access.entries(limit=10_000)


def last(store: str) -> Entry:
    return log(store)[-1]


def facility(folder: Path) -> Path:
    """Return a file with a facility that is not in the small district yet."""
    place = small_district()[1]["facilities"].geometry.iloc[0].centroid
    file = folder / "new.csv"
    file.write_text(f"code,name,kind,lon,lat\nF99,新,day_care,{place.x:.7f},{place.y:.7f}\n", "utf-8")
    return file


@pytest.fixture
def small(store_kind: str, new_url: Callable[[str], str]) -> str:  # noqa: F811
    """Return a store of the small district, of each kind."""
    district, frames = small_district()
    url = new_url(store_kind)
    create_store(url, district, layers=frames).close()
    return url


# Guarded fields leave by name and for a purpose only


def test_guarded_fields_are_exported_by_name_and_for_a_purpose(small: str, tmp_path: Path) -> None:
    out = tmp_path / "complaints.csv"
    for options, said in (
        ((), None),
        (("--purpose", "statistics"), None),
        (("--with", "text"), "stated purpose"),
        (("--with", "text", "--purpose", "   "), "stated purpose"),
        (("--with", "text", "--purpose", "x" * 201), "stated purpose"),
        (("--with", "category", "--purpose", "p"), "no guarded field"),
        (("--with", "text,nothing", "--purpose", "p"), "no guarded field"),
    ):
        out.unlink(missing_ok=True)
        result = run("export", "complaints", out, *options, store=small)
        assert (result.exit_code == 0) == (said is None) == out.exists(), result.output
        if said is None:
            assert GUARDED_TEXT not in out.read_text("utf-8-sig")
        else:
            assert said in result.output
            assert (last(small).outcome, last(small).action) == ("refused", "export")
    done("export", "complaints", out, "--with", "text", "--purpose", "案件复核", store=small)
    assert GUARDED_TEXT in out.read_text("utf-8-sig")


@pytest.mark.parametrize("ending", ["csv", "gpkg", "geojson", "parquet", "xlsx", "fgb", "shp.zip"])
def test_several_guarded_fields_in_every_format(small: str, tmp_path: Path, ending: str) -> None:
    plain, full = tmp_path / f"plain.{ending}", tmp_path / f"full.{ending}"
    done("export", "communities", plain, store=small)
    options = ("--with", "floating_residents", "--with", "floating_residents,floating_residents")
    done("export", "communities", full, *options, store=small)
    assert last(small).fields == ("floating_residents",)
    if ending == "csv":
        without, with_ = (pd.read_csv(file, encoding="utf-8-sig") for file in (plain, full))
        assert set(with_.columns) - set(without.columns) == {"floating_residents"}


def test_an_export_says_what_left_and_why(small: str, tmp_path: Path) -> None:
    out = tmp_path / "c.csv"
    done("export", "complaints", out, "--with", "text", "--purpose", " 案件复核 ", store=small)
    entry = last(small)
    assert (entry.action, entry.outcome, entry.layer, entry.fields) == (
        "export",
        "done",
        "complaints",
        ("text",),
    )
    assert (entry.name, entry.role, entry.via, entry.origin) == ("clerk", "operator", "operator", "command")
    assert (entry.purpose, entry.what, entry.count) == ("案件复核", str(out), 180)
    with open_store(small) as store:
        assert entry.codes == tuple(store.read("complaints").index[:100])
    done("export", "complaints", out, "--version", "3", store=small)
    assert last(small).what == f"{out} (as the store stood at version 3)"
    done("analyse", "--cells", "square:100", "--out", tmp_path / "cells.csv", store=small)
    assert last(small).what == f"analyse square:100: {tmp_path / 'cells.csv'}"


def test_nothing_leaves_where_the_log_cannot_be_written(
    small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise StoreReadOnly(both("log is read-only"))

    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(Access, "record", refuse)
    for command in (
        ("export", "complaints", folder / "c.csv"),
        ("export", "complaints", folder / "c.csv", "--with", "text", "--purpose", "p"),
        ("analyse", "--cells", "square:100", "--out", folder / "a.csv"),
        ("export-map", folder / "m.html"),
        ("backup", folder / "b.gpkg"),
        ("copy", "--to", f"gpkg:{folder / 'copy.gpkg'}"),
        ("audit", "list"),
        ("audit", "list", "--out", folder / "log.csv"),
    ):
        result = run(*command, store=small)
        assert result.exit_code == 1
        assert "log is read-only" in result.stderr
        assert result.stdout == ""
        if command[0] != "audit":
            assert "so nothing was done" in result.stderr
            assert "因此没有执行" in run(*command, store=small, language="zh").stderr
        assert list(folder.iterdir()) == []


def test_a_log_that_cannot_be_opened_is_no_way_round(tmp_path: Path) -> None:
    district, frames = small_district()
    url = f"gpkg:{tmp_path / 'small.gpkg'}"
    create_store(url, district, layers=frames).close()
    (tmp_path / "small.gpkg.access").write_bytes(b"no database at all" * 100)
    out = tmp_path / "c.csv"
    result = run("export", "complaints", out, store=url)
    assert result.exit_code == 1
    assert "The audit log cannot be written, so nothing was done" in result.stderr
    assert not out.exists()
    with open_store(url) as store:
        before = store.version()
    file = facility(tmp_path)
    assert run("import", "facilities", file, "--datum", "wgs84", store=url).exit_code == 1
    with open_store(url) as store:
        assert store.version() == before


def test_an_entry_says_so_where_the_file_did_not_arrive(
    small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreFull(both("the disk is full"))

    monkeypatch.setattr("layers.exports.write_bytes", full)
    out = tmp_path / "c.csv"
    assert run("export", "complaints", out, store=small).exit_code == 1
    assert [entry.outcome for entry in log(small)[-2:]] == ["done", "failed"]
    assert not out.exists()


# Everything that changes or takes away leaves one entry


def test_every_command_that_changes_or_takes_away_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.demo.generate", lambda *_, **__: small_district())
    monkeypatch.setattr("data.demo_past.past", lambda _: ())
    store, other = f"gpkg:{tmp_path / 'd.gpkg'}", f"gpkg:{tmp_path / 'other.gpkg'}"
    done("demo", store=store)
    assert (last(store).action, last(store).count) == ("demo", sum(map(len, small_district()[1].values())))
    file = facility(tmp_path)
    steps: list[tuple[tuple[str | Path, ...], str, str]] = [
        (("import", "facilities", file, "--datum", "wgs84"), "change", "import new.csv"),
        (("export", "facilities", tmp_path / "f.csv"), "export", str(tmp_path / "f.csv")),
        (("export-map", tmp_path / "m.html"), "export", f"export-map: {tmp_path / 'm.html'}"),
        (("backup", tmp_path / "b.gpkg"), "backup", str(tmp_path / "b.gpkg")),
        (("copy", "--to", other), "copy", f"-> {other}"),
        (("user", "add", "王工", "--role", "planner"), "account_added", "王工 planner district"),
        (("user", "disable", "王工"), "account_disabled", "王工"),
        (("device", "add", "--wall", "大厅"), "device_added", "wall 大厅"),
        (("audit", "list"), "audit_read", ""),
    ]
    for command, action, what in steps:
        before = len(log(store))
        done(*command, store=store)
        assert len(log(store)) == before + 1, command
        assert (last(store).action, last(store).what, last(store).origin) == (action, what, "command")
    assert [(one.action, one.what) for one in log(other)] == [("copy", f"<- {store}")]
    assert log(store)[1].codes == ("F99",)
    restored = f"gpkg:{tmp_path / 'r.gpkg'}"
    done("restore", tmp_path / "b.gpkg", store=restored)
    assert [(one.action, one.what) for one in log(restored)] == [("restore", f"<- {tmp_path / 'b.gpkg'}")]
    new = f"gpkg:{tmp_path / 'n.gpkg'}"
    done("init", "--name", "新区", "--metric-crs", "EPSG:4547", store=new)
    assert [(one.action, one.what) for one in log(new)] == [("init", "新区")]
    # What changes nothing and only looks leaves nothing.
    before = len(log(store))
    done("import", "facilities", file, "--datum", "wgs84", store=store)
    done("import", "facilities", file, "--datum", "wgs84", "--dry-run", store=store)
    for command_ in (
        ("summary",),
        ("history", "facilities"),
        ("migrate",),
        ("retention", "show"),
        ("user", "list"),
    ):
        done(*command_, store=store)
    run("check", store=store)
    assert len(log(store)) == before


def test_an_import_of_many_is_one_entry(tmp_path: Path) -> None:
    store = f"gpkg:{tmp_path / 'd.gpkg'}"
    done("init", "--name", "新区", "--metric-crs", "EPSG:4547", store=store)
    file = tmp_path / "many.csv"
    rows = (f"K{n:05},{114.1 + n * 1e-6:.6f},22.55,2020-01-01,x,{GUARDED_TEXT}" for n in range(3000))
    file.write_text("code,lon,lat,opened,category,text\n" + "\n".join(rows) + "\n", "utf-8")
    done("import", "complaints", file, "--datum", "wgs84", store=store)
    entry = last(store)
    assert (entry.action, entry.layer, entry.count, len(log(store))) == ("change", "complaints", 3000, 2)
    assert entry.codes == tuple(f"K{n:05}" for n in range(100))


@pytest.mark.parametrize("command", ["backup", "copy", "restore"])
def test_what_fails_with_guarded_data_is_told(small: str, tmp_path: Path, command: str) -> None:
    if command == "restore":
        assert run("restore", tmp_path / "none.gpkg", store=small).exit_code == 1
        assert log(small) == []
        return
    there = tmp_path / "there.gpkg"
    place = there if command == "backup" else f"gpkg:{there}"
    district, frames = small_district()
    arguments = (place,) if command == "backup" else ("--to", place)
    with pytest.MonkeyPatch.context() as patched:

        def dies(*_: Any, **__: Any) -> None:
            raise StoreReadOnly(both("enough"))

        patched.setattr(f"layers.store_commands.{command}_store", dies)
        assert run(command, *arguments, store=small).exit_code == 1
    assert [(one.action, one.outcome) for one in log(small)] == [(command, "done"), (command, "failed")]
    create_store(f"gpkg:{there}", district, layers=frames).close()
    assert run(command, *arguments, store=small).exit_code == 1


def test_the_log_holds_no_guarded_value(small: str, tmp_path: Path) -> None:
    texts = [GUARDED_TEXT, *(f"电话{n}" for n in range(3))]
    file = tmp_path / "c.csv"
    lines = [f"X{n},114.12,22.55,2020-01-01,x,{text}" for n, text in enumerate(texts)]
    file.write_text("code,lon,lat,opened,category,text\n" + "\n".join(lines) + "\n", "utf-8")
    run("import", "complaints", file, "--datum", "wgs84", store=small)
    done("export", "complaints", tmp_path / "o.csv", "--with", "text", "--purpose", "p", store=small)
    done("export", "communities", tmp_path / "p.csv", "--with", "floating_residents", store=small)
    run("retention", "run", store=small)
    entries = json.dumps([str(vars(entry)) for entry in log(small)], ensure_ascii=False)
    for value in [GUARDED_TEXT, *texts]:
        assert value not in entries


def test_commands_that_only_look_show_no_guarded_value(small: str) -> None:
    """Check, history and summary are told to nobody: what is guarded must not be in them."""
    with open_store(small) as store:
        code = store.read("complaints").text.dropna().index[0]
        changed = store.read("complaints", codes=[code]).assign(text="换了内容的诉求")
        store.update("complaints", changed)
    shown = "".join(
        run(*command, store=small).output
        for command in (
            ("check", "--json"),
            ("history", "complaints"),
            ("history", "complaints", code),
            ("history", "complaints", code, "--json"),
            ("summary", "--json"),
            ("retention", "show"),
        )
    )
    for value in (GUARDED_TEXT, "换了内容的诉求"):
        assert value not in shown


def test_the_day_of_an_entry_is_that_of_the_clock(tmp_path: Path) -> None:
    district, frames = small_district()
    url = f"gpkg:{tmp_path / 'small.gpkg'}"
    create_store(url, district, layers=frames).close()
    context = Context(
        store_url=url,
        language="en",
        data_folder=app.DATA_FOLDER,
        clock=lambda: datetime(2031, 5, 6, 7, 8, tzinfo=UTC),
    )
    out = tmp_path / "c.csv"
    assert CliRunner().invoke(app.wangge, ["export", "complaints", str(out)], obj=context).exit_code == 0
    assert last(url).at.date() == date(2031, 5, 6)
