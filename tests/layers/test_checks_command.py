"""`wangge check` as a clerk and a program meet it: words, JSON, filters, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import app
from layers.checks.kinds import KINDS
from layers.cli import Context
from layers.problems import StoreUnusable
from layers.schema import LAYERS
from layers.store import Fault, create_store
from layers.stores.geopackage.store import GeoPackageStore
from layers.text import Language, Text
from tests.district import small_district


def check(store: str, *arguments: str, language: Language = "en") -> Result:
    context = Context(store_url=store, language=language, data_folder=app.DATA_FOLDER)
    return CliRunner().invoke(app.wangge, ["check", *arguments], obj=context)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _made(tmp_path_factory.mktemp("sound"), ended=False)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a store in which the contract of C05 has ended and cell G02 is missing."""
    return _made(tmp_path_factory.mktemp("faulty"), ended=True)


def _made(folder: Path, *, ended: bool) -> str:
    district, frames = small_district()
    if ended:
        communities = frames["communities"].copy()
        communities.loc["C05", "contract_end"] = pd.Timestamp("2019-06-30")
        frames["communities"] = communities
        frames["management_cells"] = frames["management_cells"].drop(index="G02")
    url = f"gpkg:{folder / 'store.gpkg'}"
    create_store(url, district, layers=frames).close()
    return url


def test_notes_alone_leave_the_exit_code_at_nought(sound: str) -> None:
    done = check(sound)
    assert done.exit_code == 0, done.output
    assert "[note]" in done.output
    assert "[fault]" not in done.output


def test_faults_are_said_with_place_and_remedy_in_both_languages(faulty: str) -> None:
    for language, mark in (("en", "[fault]"), ("zh", "[矛盾]")):
        done = check(faulty, language=language)  # type: ignore[arg-type]
        assert done.exit_code == 1
        told = done.stdout.splitlines()
        first = told.index(next(line for line in told if "contract_ended" in line))
        assert told[first].startswith(mark)
        assert "C05" in told[first + 1]
        assert "2019-06-30" in told[first + 1]
        assert told[first + 2].lstrip().startswith("→")
        assert "cell_gap)" in done.stdout
    assert "240,000 平方米" in done.stdout
    assert "共 2 处矛盾" in told[-1]


def test_json_holds_everything_with_measures(faulty: str) -> None:
    done = check(faulty, "--json")
    assert done.exit_code == 1
    found: list[dict[str, Any]] = json.loads(done.stdout)
    for finding in found:
        assert list(finding) == ["id", "layer", "fault", "count", "message", "remedy", "codes", "details"]
        assert finding["fault"] == KINDS[finding["id"]].fault
        assert finding["layer"] in LAYERS
        assert finding["message"] and finding["remedy"]
        assert finding["details"] == [] or len(finding["details"]) == finding["count"]
    gap = next(finding for finding in found if finding["id"] == "cell_gap")
    assert gap["codes"] == ["G01", "G03", "G05", "G06", "G07"]
    assert gap["details"][0]["area_m2"] == pytest.approx(240_000, rel=1e-3)
    assert set(gap["details"][0]) >= {"codes", "lon", "lat", "buildings"}
    assert done.stdout == check(faulty, "--json").stdout


def test_kinds_and_layers_can_be_chosen_and_the_exit_code_speaks_of_them(faulty: str) -> None:
    def chosen(*arguments: str) -> tuple[int, set[tuple[str, str]]]:
        done = check(faulty, "--json", *arguments)
        return done.exit_code, {(finding["id"], finding["layer"]) for finding in json.loads(done.stdout)}

    assert chosen("--only", "cell_gap") == (1, {("cell_gap", "management_cells")})
    assert chosen("--only", "cell_gap", "--only", "no_community") == (
        1,
        {("cell_gap", "management_cells"), ("no_community", "buildings")},
    )
    code, found = chosen("--layer", "buildings", "--layer", "communities")
    assert code == 1
    assert {layer for _, layer in found} == {"buildings", "communities"}
    assert chosen("--layer", "buildings", "--only", "cell_gap") == (0, set())
    assert check(faulty, "--layer", "facilities").output == "Nothing found.\n"
    assert chosen("--only", "store") == (0, set())


def test_a_kind_or_a_layer_that_there_is_not_is_said(sound: str) -> None:
    for option, said in (("--only", "no check typo"), ("--layer", "no layer typo")):
        done = check(sound, option, "typo")
        assert done.exit_code == 1
        assert said in done.stderr
        assert done.stdout == ""


def test_what_the_store_finds_wrong_with_itself_is_a_fault(
    sound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [
        Fault("index", "buildings", Text("索引与数据不符", "index and rows differ"), ("C01-B1",)),
        Fault("pages", None, Text("第 7 页损坏", "page 7 is damaged")),
    ]
    monkeypatch.setattr(GeoPackageStore, "verify", lambda self: wrong)
    done = check(sound)
    assert done.exit_code == 1
    told = done.stdout.splitlines()
    assert told[0] == "[fault] store: page 7 is damaged (pages)"
    assert "wangge restore" in told[1]
    assert told[2] == "[fault] buildings: index and rows differ (index)"
    found = json.loads(check(sound, "--json", "--only", "store").stdout)
    assert [(finding["id"], finding["layer"], finding["count"]) for finding in found] == [
        ("pages", None, 1),
        ("index", "buildings", 1),
    ]
    assert check(sound, "--only", "overlap").exit_code == 0


def test_a_store_that_cannot_be_read_is_reported_as_far_as_it_goes(
    sound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: Any, **__: Any) -> None:
        raise StoreUnusable(Text("读不出楼栋。", "The buildings cannot be read."))

    monkeypatch.setattr("layers.loading.load", unreadable)
    # It finds nothing itself, and yet cannot be read.
    done = check(sound)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "The buildings cannot be read." in done.stderr
    monkeypatch.setattr(GeoPackageStore, "verify", lambda self: [Fault("pages", None, Text("坏", "broken"))])
    done = check(sound)
    assert done.exit_code == 1
    assert "[fault] store: broken (pages)" in done.stdout
    assert "The buildings cannot be read." in done.stderr
    assert json.loads(check(sound, "--json").stdout)[0]["id"] == "pages"
    # Whatever is asked for: it could not be looked for.
    done = check(sound, "--only", "overlap")
    assert (done.exit_code, done.stdout) == (1, "")


def test_the_store_alone_is_looked_at_where_nothing_else_is_asked_for(
    sound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: Any, **__: Any) -> None:
        raise AssertionError("the layers are read")

    monkeypatch.setattr("layers.loading.load", loaded)
    done = check(sound, "--only", "store")
    assert (done.exit_code, done.output) == (0, "Nothing found.\n")
    assert isinstance(check(sound, "--only", "store", "--only", "overlap").exception, AssertionError)


def test_no_store_is_said(tmp_path: Path) -> None:
    done = check(f"gpkg:{tmp_path / 'none.gpkg'}")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "none.gpkg" in done.stderr
