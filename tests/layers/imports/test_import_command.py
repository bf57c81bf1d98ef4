"""``wangge import`` as it is typed: options, exit codes, languages, output."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from layers.cli import Context, print_error
from layers.imports.checking import Checked, check
from layers.imports.command import import_command
from layers.problems import Problem, ValidationError
from layers.store import Authorship, Clock, Store, open_store, utc_now
from layers.text import Language, both
from tests.layers.imports.conftest import HEAD, A, CsvOf, Import

DATA = Path(__file__).parents[3] / "data"

Typed = Callable[..., Result]


@pytest.fixture
def typed(store: Store) -> Typed:
    """Return a typist of ``wangge import …`` in the test's store."""

    def run(*arguments: object, language: Language = "en", clock: Clock = utc_now) -> Result:
        context = Context(store.url, language, DATA, operator="clerk", clock=clock)
        return CliRunner().invoke(import_command, [str(one) for one in arguments], obj=context)

    return run


def test_an_import_prints_what_it_did(typed: Typed, store: Store, csv_of: CsvOf) -> None:
    done = typed("communities", csv_of(HEAD, f"A,n,{A}"), "--datum", "wgs84")
    assert done.exit_code == 0, done.stderr
    assert "source.csv -> Communities: 1 rows read." in done.stdout
    assert "1 taken: 1 new, 0 updated, 0 unchanged." in done.stdout
    assert store.counts()["communities"] == 1
    chinese = typed("communities", csv_of(HEAD, f"A,n,{A}"), "--datum", "wgs84", language="zh")
    assert "已写入 1 条：新增 0，更新 0，未变 1。" in chinese.stdout


def test_bad_input_exits_with_one_and_shows_twenty_problems(
    typed: Typed, store: Store, csv_of: CsvOf
) -> None:
    path = csv_of(HEAD, *(f"A{n},n,x,22.5" for n in range(30)))
    done = typed("communities", path, "--datum", "wgs84")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert len([line for line in done.stderr.splitlines() if line.startswith("  row ")]) == 20
    assert "… and 10 more." in done.stderr
    chinese = typed("communities", path, "--datum", "wgs84", language="zh")
    assert "第 2 行" in chinese.stderr
    assert "还有 10 处" in chinese.stderr
    assert store.counts()["communities"] == 0


def test_json_holds_all_problems(typed: Typed, csv_of: CsvOf) -> None:
    path = csv_of(HEAD, *(f"A{n},n,x,22.5" for n in range(30)))
    done = typed("communities", path, "--datum", "wgs84", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"], len(told["problems"])) == (1, False, 30)
    assert told["problems"][0] == {
        "row": 2,
        "field": "lng",
        "value": "x",
        "message": "This is not a number.",
        "remedy": "Write digits such as 12.5, or nothing where it is unknown.",
    }
    dry = typed("communities", path, "--datum", "wgs84", "--json", "--dry-run")
    assert (dry.exit_code, json.loads(dry.stdout)["rejected"]) == (1, 30)
    good = typed("communities", csv_of(HEAD, f"A,n,{A}"), "--datum", "wgs84", "--json")
    assert (good.exit_code, json.loads(good.stdout)["inserted"]) == (0, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense", "a.csv"],
        ["communities"],
        ["communities", "a.csv", "--datum", "wgs"],
        ["communities", "a.csv", "--map", "name"],
        ["communities", "a.csv", "--map-value", "kind=x"],
        ["communities", "a.csv", "--set", "x"],
        ["communities", "a.csv", "--only", "x"],
        ["communities", "a.csv", "--crs", "EPSG:4326", "--datum", "gcj02"],
        ["communities", "a.csv", "--crs", "nonsense"],
        ["communities", "a.csv", "--lon", "x"],
        ["communities", "a.csv", "--map", "name=a", "--map", "name=b"],
    ],
)
def test_usage_errors_exit_with_two(typed: Typed, arguments: list[str]) -> None:
    done = typed(*arguments)
    assert done.exit_code == 2
    assert "Usage:" in done.stderr


def test_a_usage_error_in_json_is_one_too(typed: Typed) -> None:
    assert typed("communities", "a.csv", "--map", "name", "--json").exit_code == 2


def test_every_option_reaches_the_import(typed: Typed, store: Store, csv_of: CsvOf, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('datum = "wgs84"\nlon = "a"\nlat = "b"\n[map]\nname = "title"\ncode = "id"\n', "utf-8")
    rejects = tmp_path / "r.csv"
    path = csv_of(
        "id,title,sort,year,a,b",
        f"1,n,old,2019,{A}",
        f"2,n,new,2019,{A}",
        f"3,n,old,2018,{A}",
        "4,n,old,2019,,",
    )
    done = typed(
        "communities", path, "--mapping", mapping, "--map", "kind=sort", "--map-value", "kind:old=old_estate",
        "--map-value", "kind:new=other", "--set", "households=7", "--only", "year=2019", "--rejects", rejects, "--force",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    frame = store.read("communities")
    assert frame["kind"].to_dict() == {"1": "old_estate", "2": "other"}
    assert frame["households"].tolist() == [7, 7]
    assert len(rejects.read_text("utf-8-sig").splitlines()) == 2


def test_a_dry_run_with_problems_shows_both_and_exits_with_one(
    typed: Typed, store: Store, csv_of: CsvOf
) -> None:
    done = typed("communities", csv_of(HEAD, f"A,n,{A}", "B,n,,"), "--datum", "wgs84", "--dry-run")
    assert done.exit_code == 1
    assert "name <- name (by its heading): n" in done.stdout
    assert "row 3" in done.stderr
    fine = typed("communities", csv_of(HEAD, f"A,n,{A}"), "--datum", "wgs84", "--dry-run")
    assert (fine.exit_code, store.counts()["communities"]) == (0, 0)


def test_no_store(csv_of: CsvOf, tmp_path: Path) -> None:
    context = Context(f"gpkg:{tmp_path / 'no.gpkg'}", "en", DATA)
    path = csv_of(HEAD, f"A,n,{A}")
    done = CliRunner().invoke(import_command, ["communities", str(path), "--datum", "wgs84"], obj=context)
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("language", ["zh", "en"])
def test_help_names_every_option(typed: Typed, language: Language) -> None:
    done = typed("--help", language=language)
    assert done.exit_code == 0
    for option in import_command.params:
        assert option.opts[0] in done.stdout or option.param_type_name == "argument"
    assert ("基准" in done.stdout) == (language == "zh")


def test_the_result_of_the_command_is_the_result_of_the_function(
    typed: Typed, run: Import, csv_of: CsvOf
) -> None:
    path = csv_of(HEAD, f"A,n,{A}")
    expected = run("communities", path, datum="wgs84", dry_run=True).as_dict("en")
    assert (
        json.loads(typed("communities", path, "--datum", "wgs84", "--dry-run", "--json").stdout) == expected
    )


def test_many_problems_are_counted_by_kind_so_that_a_rare_one_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    problems = [Problem(both("outside the district"), both("Correct it."), row=row) for row in range(2, 60)]
    problems.insert(40, Problem(both("no day"), both("Write 2019-12-31."), row=41, field="opened", value="x"))
    print_error(ValidationError(both("59 rows have problems."), problems), "en")
    said = capsys.readouterr().err
    assert "58 × outside the district (first in row 2)" in said
    assert "1 × opened: no day (first in row 41)" in said
    assert "… and 39 more." in said


def test_values_beyond_the_last_heading_are_in_the_rejects(
    typed: Typed, csv_of: CsvOf, tmp_path: Path
) -> None:
    file = csv_of(HEAD, f"A,n,{A}", f"B,m,{A},left,over")
    done = typed("communities", file, "--datum", "wgs84", "--rejects", tmp_path / "r.csv")
    assert done.exit_code == 0, done.output
    assert "left,over" in (tmp_path / "r.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"type": "FeatureCollection", "features": []}', "a.geojson holds no rows."),
        ('{"a": 1}', "a.geojson cannot be read as GeoJSON"),
    ],
)
def test_json_without_features_is_refused_in_words(
    typed: Typed, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "a.geojson"
    file.write_text(content)
    done = typed("communities", file)
    assert done.exit_code == 1
    assert said in done.stderr
    assert "driver" not in done.stderr


def test_an_import_is_signed_and_dated(typed: Typed, store: Store, csv_of: CsvOf) -> None:
    head = "code,name,lng,lat,property_management"
    path = csv_of(head, f"A,n,{A},no")
    options = ("--datum", "wgs84", "--note", " 物业普查 ")
    assert typed("communities", path, *options).exit_code == 0
    path = csv_of(head, f"A,n,{A},yes")
    assert typed("communities", path, *options, "--effective", "2024-07-01").exit_code == 0
    first, second = (change.by for change in store.changes(since=0)[-2:])
    assert (first.who, first.effective) == ("clerk", None)
    assert first.note.startswith("物业普查 imported from source.csv, declared WGS 84.")
    assert (second.who, second.effective) == ("clerk", date(2024, 7, 1))
    held = [store.read("communities", on=date(2024, month, 30)) for month in (6, 7)]
    assert [frame.loc["A", "property_management"] for frame in held] == ["no", "yes"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_others_change_while_a_file_is_checked_is_not_overwritten(
    typed: Typed, store: Store, csv_of: CsvOf, monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    """The import knows nothing of the household's number, and would put back the one it has seen."""
    assert typed("communities", csv_of(HEAD, f"A,旧名,{A}"), "--datum", "wgs84").exit_code == 0

    def meanwhile(*arguments: Any) -> Checked:
        with open_store(store.url) as other:
            changed = other.read("communities").assign(name="别人改的", households=77)
            other.upsert("communities", changed, by=Authorship(who="colleague"))
        return check(*arguments)

    monkeypatch.setattr("layers.imports.run.check", meanwhile)
    path = csv_of(HEAD, f"A,新名,{A}")
    done = typed("communities", path, "--datum", "wgs84", language=language)
    assert done.exit_code == 1
    assert {"zh": "原为 旧名，您写 新名，对方已写 别人改的", "en": "was 旧名, yours 新名, theirs 别人改的"}[
        language
    ] in done.stderr
    assert "colleague" in done.stderr
    assert list(store.read("communities")["households"]) == [77]
    report = json.loads(typed("communities", path, "--datum", "wgs84", "--json", language=language).stdout)
    assert report["ok"] is True  # nobody has changed it since


def test_a_conflict_is_shown_in_json_and_all_of_many_are_counted(
    typed: Typed, store: Store, csv_of: CsvOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [f"K{number:02}" for number in range(25)]
    known = csv_of(HEAD, *(f"{code},旧名,{A}" for code in codes))
    assert typed("communities", known, "--datum", "wgs84").exit_code == 0
    names = iter(["甲", "乙", "丙"])

    def meanwhile(*arguments: Any) -> Checked:
        with open_store(store.url) as other:
            other.upsert("communities", other.read("communities").assign(name=next(names)))
        return check(*arguments)

    monkeypatch.setattr("layers.imports.run.check", meanwhile)
    path = csv_of(HEAD, *(f"{code},新名,{A}" for code in codes))
    done = typed("communities", path, "--datum", "wgs84", "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["ok"], told["problems"]) == (False, [])
    assert [conflict["code"] for conflict in told["conflicts"]] == codes
    one = told["conflicts"][0]
    assert (one["field"], one["base"], one["mine"], one["theirs"]) == ("name", "旧名", "新名", "甲")
    for language, said in (("en", "… and 5 more."), ("zh", "还有 5 处")):
        done = typed("communities", path, "--datum", "wgs84", language=language)
        assert len([line for line in done.stderr.splitlines() if line.startswith("  K")]) == 20
        assert said in done.stderr


def test_the_command_asks_the_policy_too(store: Store, csv_of: CsvOf, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(DATA, rules, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    roles = json.loads((rules / "roles.json").read_text("utf-8"))
    [operator] = [role for role in roles["roles"] if role["id"] == "operator"]
    [rule] = [rule for rule in operator["rules"] if rule["action"] == "import"]
    rule["guards"].remove("count")
    rule["layers"].remove("buildings")
    (rules / "roles.json").write_text(json.dumps(roles), "utf-8")
    context = Context(store.url, "en", rules, operator="clerk")

    def typed(*arguments: str) -> Result:
        return CliRunner().invoke(import_command, arguments, obj=context)

    path = str(csv_of(f"{HEAD},residents", f"A,n,{A},10"))
    done = typed("communities", path, "--datum", "wgs84")
    assert (done.exit_code, "You may not write: Residents." in done.stderr) == (1, True)
    assert typed("buildings", path, "--datum", "wgs84").exit_code == 1
    assert store.counts()["communities"] == 0
    assert typed("communities", path, "--datum", "wgs84", "--map", "residents=").exit_code == 0
    assert store.counts()["communities"] == 1


@pytest.mark.parametrize("arguments", [("--json",), ("--json", "--dry-run")])
def test_what_is_to_hold_later_is_not_imported_now(
    typed: Typed, store: Store, csv_of: CsvOf, arguments: tuple[str, ...]
) -> None:
    """The command's day is that of China, where it may be tomorrow already."""
    path, version = csv_of(HEAD, f"A,n,{A}"), store.version()
    at = datetime(2026, 6, 30, 17, 0, tzinfo=UTC)
    told = typed(
        "communities", path, "--datum", "wgs84", "--effective", "2026-07-02", *arguments, clock=lambda: at
    )
    assert told.exit_code == 1
    said = json.loads(told.stdout)["error"]
    assert "2026-07-02, is after today (2026-07-01)" in said and "Import it when that day has come." in said
    assert store.version() == version
    taken = typed(
        "communities", path, "--datum", "wgs84", "--effective", "2026-07-01", *arguments, clock=lambda: at
    )
    assert taken.exit_code == 0, taken.output


@pytest.mark.parametrize("field", ["property_management_date", "residents_date"])
def test_days_that_have_not_come_are_refused_row_by_row(
    typed: Typed, store: Store, csv_of: CsvOf, field: str
) -> None:
    path = csv_of(f"{HEAD},{field}", f"A,n,{A},2026-07-02", f"B,m,{A},2026/7/1", f"C,o,{A},2091-01-01")
    version, at = store.version(), datetime(2026, 6, 30, 17, 0, tzinfo=UTC)
    done = typed("communities", path, "--datum", "wgs84", "--json", clock=lambda: at)
    assert done.exit_code == 1
    problems = json.loads(done.stdout)["problems"]
    assert [(one["row"], one["field"], one["value"]) for one in problems] == [
        (2, field, "2026-07-02"),
        (4, field, "2091-01-01"),
    ]
    assert all("after today (2026-07-01)" in one["message"] and one["remedy"] for one in problems)
    assert store.version() == version


def test_contracts_may_begin_later(typed: Typed, csv_of: CsvOf) -> None:
    path = csv_of(f"{HEAD},contract_start,contract_end", f"A,n,{A},2090-01-01,2095-12-31")
    done = typed("communities", path, "--datum", "wgs84")
    assert done.exit_code == 0, done.output


def test_complaints_of_days_to_come_are_refused(typed: Typed, csv_of: CsvOf) -> None:
    path = csv_of("code,category,lng,lat,opened", "A,电梯,114.13,22.55,2099-01-01T00:30:00")
    done = typed("complaints", path, "--datum", "wgs84")
    assert done.exit_code == 1
    assert "after today" in done.stderr and "2099-01-01T00:30:00" in done.stderr
