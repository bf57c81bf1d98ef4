"""The command line as a user meets it: help, languages, exit codes, nothing half-written."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import app
from layers.cli import Context
from layers.problems import BadParameter, ValidationError
from layers.standards import Standards
from layers.store import StoreSettings, create_store, open_store
from layers.text import Language, both
from tests.district import GUARDED_TEXT, small_district

ROOT = Path(__file__).parent.parent


def run(*arguments: str | Path, store: str = "gpkg:nowhere.gpkg", language: Language = "en") -> Result:
    context = Context(store_url=store, language=language, data_folder=app.DATA_FOLDER)
    return CliRunner().invoke(app.wangge, [str(item) for item in arguments], obj=context)


@pytest.fixture
def small(tmp_path: Path) -> str:
    district, frames = small_district()
    url = f"gpkg:{tmp_path / 'small.gpkg'}"
    create_store(url, district, layers=frames).close()
    return url


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_has_help_in_both_languages(name: str) -> None:
    english, chinese = (run(name, "--help", language=language).output for language in ("en", "zh"))
    assert "--store URL" in english
    assert english != chinese
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in english)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_language_is_that_of_the_environment(environment: dict[str, str], language: str) -> None:
    assert app.language_of(environment) == language


def test_usage_errors_exit_with_two(small: str) -> None:
    assert run("nonsense").exit_code == 2
    assert run("analyse", store=small).exit_code == 2
    assert (
        run(
            "analyse", "--cells", "square:100", "--from", "yesterday", "--out", "x.csv", store=small
        ).exit_code
        == 2
    )


def test_bad_input_exits_with_one_and_says_what_to_do(tmp_path: Path, small: str) -> None:
    no_store: tuple[tuple[tuple[str, ...], str], ...] = (
        (("summary",), "wangge init"),
        (("init", "--name", "x"), "--metric-crs"),
        (("init", "--name", "x", "--metric-crs", "EPSG:4326"), "in metres"),
        (("init", "--name", "x", "--metric-crs", "EPSG:999999"), "not known"),
        (("summary", "--store", "mysql:x"), "gpkg:PATH"),
    )
    for arguments, said in no_store:
        done = run(*arguments, store=f"gpkg:{tmp_path / 'none.gpkg'}")
        assert done.exit_code == 1, done.output
        assert said in done.output
        assert "Traceback" not in done.output
    no_target: tuple[tuple[tuple[str | Path, ...], str], ...] = (
        (("analyse", "--cells", "square:1", "--out", tmp_path / "x.csv"), "Use square:100"),
        (("analyse", "--cells", "square:100", "--out", tmp_path / "x.docx"), ".csv"),
        (("analyse", "--cells", "h3:10", "--out", tmp_path / "none" / "x.csv"), "none"),
        (("export", "houses", tmp_path / "x.csv"), "communities"),
        (("demo",), "not overwritten"),
        (("init", "--name", "x", "--metric-crs", "EPSG:4547"), "not overwritten"),
    )
    for targets, said in no_target:
        done = run(*targets, store=small)
        assert done.exit_code == 1, done.output
        assert said in done.output
        assert not (tmp_path / "x.csv").exists()


def test_init_finds_the_metric_crs_from_the_outline(tmp_path: Path) -> None:
    outline = tmp_path / "outline.geojson"
    ring = [[114.09, 22.53], [114.2, 22.53], [114.2, 22.6], [114.09, 22.6], [114.09, 22.53]]
    outline.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    store = f"gpkg:{tmp_path / 'new.gpkg'}"
    done = run("init", "--name", "新区", "--outline", outline, "--as-of", "2025-06-30", store=store)
    assert done.exit_code == 0, done.output
    assert "EPSG:4547" in done.output
    found = json.loads(run("summary", "--json", store=store).output)
    assert found["district"] == {
        "name": "新区",
        "as_of": "2025-06-30",
        "metric_crs": "EPSG:4547",
        "invented": False,
    }


def test_init_refuses_an_outline_far_from_its_crs(tmp_path: Path) -> None:
    outline = tmp_path / "outline.geojson"
    outline.write_text(
        json.dumps({"type": "Polygon", "coordinates": [[[9, 47], [10, 47], [10, 48], [9, 47]]]})
    )
    done = run(
        "init",
        "--name",
        "x",
        "--metric-crs",
        "EPSG:4547",
        "--outline",
        outline,
        store=f"gpkg:{tmp_path / 'x.gpkg'}",
    )
    assert done.exit_code == 1
    assert "outside the area of use" in done.output
    assert not (tmp_path / "x.gpkg").exists()


@pytest.mark.parametrize("ending", ["gpkg", "parquet", "geojson", "csv"])
def test_analyse_writes_every_format_and_the_same_bytes_twice(
    tmp_path: Path, small: str, ending: str
) -> None:
    files = [tmp_path / f"{n}.{ending}" for n in range(2)]
    for file in files:
        done = run("analyse", "--cells", "square:100", "--out", file, store=small)
        assert done.exit_code == 0, done.output
    assert files[0].read_bytes() == files[1].read_bytes()
    if ending == "csv":
        frame = pd.read_csv(files[0], encoding="utf-8-sig")
        assert files[0].read_bytes().startswith(b"\xef\xbb\xbf")
    else:
        frame = gpd.read_parquet(files[0]) if ending == "parquet" else gpd.read_file(files[0])
    assert frame["complaints"].sum() == 180
    assert frame["cell"].is_unique
    assert frame["hotspot_class"].notna().all()


def test_a_period_narrows_the_complaints(tmp_path: Path, small: str) -> None:
    out = tmp_path / "x.csv"
    done = run(
        "analyse",
        "--cells",
        "subdistricts",
        "--from",
        "2019-01-01",
        "--to",
        "2019-12-31",
        "--out",
        out,
        store=small,
    )
    assert done.exit_code == 0, done.output
    assert pd.read_csv(out, encoding="utf-8-sig")["complaints"].sum() == 64


def test_export_leaves_guarded_fields_out(tmp_path: Path, small: str) -> None:
    for ending in ("csv", "gpkg", "geojson", "parquet", "xlsx"):
        out = tmp_path / f"complaints.{ending}"
        assert run("export", "complaints", out, store=small).exit_code == 0
        assert GUARDED_TEXT.encode() not in out.read_bytes()
    assert "text" not in pd.read_csv(tmp_path / "complaints.csv", encoding="utf-8-sig").columns


def test_export_does_not_write_over_the_store(small: str) -> None:
    path = Path(small.removeprefix("gpkg:"))
    before = path.read_bytes()
    assert run("export", "communities", path, store=small).exit_code == 1
    assert path.read_bytes() == before


def test_check_exits_with_one_on_a_fault(tmp_path: Path, small: str) -> None:
    assert run("check", store=small).exit_code == 0
    district, frames = small_district()
    frames["communities"] = frames["communities"].assign(subdistrict="S9")
    url = f"gpkg:{tmp_path / 'broken.gpkg'}"
    create_store(url, district, layers=frames).close()
    done = run("check", "--json", store=url)
    assert done.exit_code == 1
    faults = [finding for finding in json.loads(done.output) if finding["fault"]]
    assert [fault["id"] for fault in faults] == ["broken_subdistrict"]
    assert faults[0]["count"] == 12


def test_the_output_does_not_depend_on_the_address_or_the_clock(tmp_path: Path, small: str) -> None:
    moved = tmp_path / "elsewhere.gpkg"
    moved.write_bytes(Path(small.removeprefix("gpkg:")).read_bytes())
    first = run("summary", "--json", store=small).output
    assert first == run("summary", "--json", store=f"gpkg:{moved}").output
    assert "gpkg" not in first


def test_the_installed_command_runs(small: str) -> None:
    environment = {**os.environ, "WANGGE_STORE": small, "LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"}
    for command in ([Path(sys.executable).with_name("wangge")], [sys.executable, ROOT / "app.py"]):
        done = subprocess.run([*command, "summary"], capture_output=True, text=True, env=environment, cwd="/")
        assert done.returncode == 0, done.stderr
        assert "双无小区" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyse"], "缺少参数 '--cells'。"),
        (["summary", "--nonsense"], "没有选项 --nonsense。"),
        (["serve", "--port", "x"], "'--port' 的值不对"),
        (["nonsense"], "没有命令 nonsense。"),
    ],
)
def test_wrong_usage_is_said_in_the_language(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    context = Context(store_url="gpkg:nowhere.gpkg", language="zh", data_folder=app.DATA_FOLDER)
    with pytest.raises(SystemExit) as left:
        app.wangge.run(arguments, context=context, language="zh")
    assert left.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith("用法：wangge")
    assert said in shown


def test_a_pipe_that_is_closed_is_no_traceback(small: str) -> None:
    environment = {**os.environ, "WANGGE_STORE": small}
    wangge = Path(sys.executable).with_name("wangge")
    done = subprocess.run(
        ["bash", "-c", f"{wangge} summary --json | true"], capture_output=True, text=True, env=environment
    )
    assert "Traceback" not in done.stderr


def test_settings_reach_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "WANGGE_POOL_SIZE": "3",
        "WANGGE_CONNECT_TIMEOUT_S": " 1.5 ",
        "WANGGE_POOL_WAIT_S": "1",
        "WANGGE_STATEMENT_TIMEOUT_S": "0",
        "WANGGE_WRITE_WAIT_S": "",
    }
    expected = StoreSettings(
        pool_size=3, connect_timeout_s=1.5, pool_wait_s=1.0, statement_timeout_s=0.0, write_wait_s=30.0
    )
    assert app.store_settings(given) == expected
    assert app.store_settings({}) == StoreSettings()
    opened: list[StoreSettings] = []

    def stop(url: str, *, settings: StoreSettings, **_: object) -> None:
        opened.append(settings)
        raise BadParameter(both("enough"))

    for place in ("layers.cli.open_store", "layers.store_commands.open_store"):
        monkeypatch.setattr(place, stop)
    for command in ("summary", "history communities", "serve", "copy --to gpkg:x"):
        assert CliRunner().invoke(app.wangge, command.split(), obj=app.make_context(given)).exit_code == 1
    assert opened == [expected] * 4


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("C", ["It must be a whole number from 1 to 200.", "It must be a number from 0 to 86400."]),
        ("zh_CN.UTF-8", ["应为 1 至 200 的整数。", "应为 0 至 86400 的数。"]),
    ],
)
def test_wrong_settings_are_all_said_at_once(language: str, said: list[str]) -> None:
    wrong = {"WANGGE_POOL_SIZE": "8.5", "WANGGE_WRITE_WAIT_S": "soon", "WANGGE_STATEMENT_TIMEOUT_S": "-1"}
    environment = {**os.environ, **wrong, "LC_ALL": language, "PYTHONUTF8": "1"}
    command = [sys.executable, str(ROOT / "app.py"), "summary"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    for name, value in wrong.items():
        assert [line for line in lines if line.startswith(f"  {name} = {value!r}")]
    for sentence in said:
        assert any(line.endswith(sentence) for line in lines)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e99", "0", "１０００", "x", "8 8"])
def test_a_setting_out_of_its_range_is_refused(value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        app.store_settings({"WANGGE_POOL_SIZE": value})
    assert [problem.field for problem in caught.value.problems] == ["WANGGE_POOL_SIZE"]


def test_whoever_runs_it_is_the_author(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, standards: Standards
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody else")
    context = app.make_context({})
    assert context.operator == pwd.getpwuid(os.getuid()).pw_name == app.operator_name()
    monkeypatch.setattr("data.demo.generate", lambda *_, **__: small_district())
    monkeypatch.setattr("data.demo_past.past", lambda _: ())
    context.store_url = f"gpkg:{tmp_path}/demo.gpkg"
    assert CliRunner().invoke(app.wangge, ["demo"], obj=context).exit_code == 0
    with open_store(context.store_url) as store:
        authors = {(change.by.who, change.by.note) for change in store.changes(since=0)}
    assert authors == {(context.operator, "wangge demo")}

    def nameless(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nameless)
    assert app.operator_name() == str(os.getuid())
