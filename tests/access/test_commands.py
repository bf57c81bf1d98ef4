"""Accounts, devices, keys and the log from the command line: what is typed, said, refused and kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import app
from layers.access.access import open_access
from layers.civil_time import CHINA
from layers.cli import Context, print_table
from layers.store import create_store
from layers.text import LANGUAGES, Language, both
from layers.visitors import WHOLE_DISTRICT, Area, Visitor, operator
from tests.access.support import CHEAP, POLICY
from tests.district import small_district
from tests.layers.conftest import new_url, store_kind  # noqa: F401 - fixtures

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}")


@pytest.fixture
def store(store_kind: str, new_url: Callable[[str], str]) -> str:  # noqa: F811
    district, frames = small_district()
    url = new_url(store_kind)
    create_store(url, district, layers=frames).close()
    return url


@pytest.fixture
def file_store(tmp_path: Path) -> str:
    district, frames = small_district()
    url = f"gpkg:{tmp_path / 'small.gpkg'}"
    create_store(url, district, layers=frames).close()
    return url


def run(url: str, *arguments: str | Path, language: Language = "en", now: datetime = NOW) -> Result:
    context = Context(
        store_url=url, language=language, data_folder=app.DATA_FOLDER, operator="root", clock=lambda: now
    )
    return CliRunner().invoke(app.wangge, [str(item) for item in arguments], obj=context)


def done(url: str, *arguments: str | Path, **options: Any) -> str:
    result = run(url, *arguments, **options)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(url: str, *arguments: str | Path, **options: Any) -> str:
    result = run(url, *arguments, **options)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)
    return result.stderr


def code_in(said: str) -> str:
    [code] = CODE.findall(said)
    return str(code)


# Accounts


def test_an_account_is_added_with_a_code_that_is_shown_once(store: str) -> None:
    said = done(store, "user", "add", "王工", "--role", "planner", "--title", "规划科")
    assert "Account 王工 added: Planner, district" in said
    code = code_in(said)
    with open_access(store, policy=POLICY, clock=lambda: NOW, hasher=CHEAP) as access:
        account = access.account("王工")
        assert (account.role, account.area, account.title) == ("planner", WHOLE_DISTRICT, "规划科")
        signed_in = access.sign_in("王工", code, address="192.0.2.1", agent="x")
        assert signed_in.must_change
        told = " ".join(str(vars(entry)) for entry in access.entries())
    listed = (
        done(store, "user", "list") + done(store, "user", "list", "--json") + done(store, "audit", "list")
    )
    assert code not in listed + told
    assert code.replace("-", "") not in listed + told


@pytest.mark.parametrize(
    ("role", "area", "kept"),
    [
        ("planner", None, WHOLE_DISTRICT),
        ("auditor", None, Area("none")),
        ("planner", "district", WHOLE_DISTRICT),
        ("subdistrict_staff", "subdistricts:S1", Area("subdistricts", frozenset({"S1"}))),
        ("community_staff", "communities: C01, C02 ,", Area("communities", frozenset({"C01", "C02"}))),
    ],
)
def test_a_role_has_its_areas(file_store: str, role: str, area: str | None, kept: Area) -> None:
    options = () if area is None else ("--area", area)
    done(file_store, "user", "add", "a", "--role", role, *options)
    with open_access(file_store, policy=POLICY) as access:
        assert access.account("a").area == kept


def test_what_is_wrong_with_an_area_is_said(file_store: str) -> None:
    def add(role: str, *area: str, language: Language = "en") -> str:
        return refused(file_store, "user", "add", "a", "--role", role, *area, language=language)

    unknown = add("planer")
    for role in POLICY.rules.roles.values():
        assert (f"{role.id} ({role.title.en}" in unknown) == role.account
    assert "网格员" in add("planer", language="zh")
    assert "Add --area subdistricts:CODE" in add("subdistrict_staff")
    missing = add("subdistrict_staff", "--area", "subdistricts:S1,9,S2,8")
    assert "2 of these codes are not in subdistricts" in missing
    assert "'9'" in missing and "'8'" in missing and "'S1'" not in missing
    for area in ("S1", "subdistricts", "subdistricts:", "street:S1", "district:S1", "buildings:x", ""):
        assert "cannot be understood" in add("subdistrict_staff", "--area", area)
    assert "no areas of the kind" in add("planner", "--area", "subdistricts:S1")
    assert done(file_store, "user", "list", "--json").strip() == "[]"


def test_accounts_are_changed_disabled_enabled_and_reset(store: str) -> None:
    done(store, "user", "add", "a", "--role", "planner")
    assert "is now: Subdistrict staff, subdistricts:S1" in done(
        store, "user", "change", "a", "--role", "subdistrict_staff", "--area", "subdistricts:S1"
    )
    done(store, "user", "disable", "a")
    assert "disabled" in done(store, "user", "list")
    done(store, "user", "enable", "a")
    assert "disabled" not in done(store, "user", "list")
    first, second = code_in(done(store, "user", "reset", "a")), code_in(done(store, "user", "reset", "A"))
    assert first != second
    for command in ("disable", "enable", "reset"):
        assert "no account 'nobody'" in refused(store, "user", command, "nobody")
    assert "already" in refused(store, "user", "add", "A", "--role", "planner")
    with open_access(store, policy=POLICY) as access:
        actions = [entry.action for entry in access.entries()]
        assert actions == [
            "account_added",
            "account_changed",
            "account_disabled",
            "account_enabled",
            "account_reset",
            "account_reset",
        ]
        assert {(entry.name, entry.via, entry.origin) for entry in access.entries()} == {
            ("root", "operator", "command")
        }


def test_the_list_says_what_matters(file_store: str) -> None:
    open_access(file_store, policy=POLICY).close()
    assert done(file_store, "user", "list").splitlines() == ["Name  Title  Role  Area  State  Last sign-in"]
    code = code_in(done(file_store, "user", "add", "王工", "--role", "planner", "--title", "规划科"))
    done(file_store, "user", "add", "b", "--role", "leader")
    with open_access(file_store, policy=POLICY, clock=lambda: NOW, hasher=CHEAP) as access:
        access.sign_in("王工", code, address="192.0.2.1", agent="x")
    head, first, second = done(file_store, "user", "list").splitlines()
    assert first.split() == ["b", "Leader", "district", "no", "password", "yet", "-"]
    shown = NOW.astimezone().isoformat(" ", "seconds")
    assert second == f"王工  规划科  Planner  district  no password yet  {shown}"
    assert head.index("Role") == first.index("Leader")  # ordinary letters before it
    one = json.loads(done(file_store, "user", "list", "--json"))[1]
    assert (one["name"], one["role"], one["area"]) == ("王工", "planner", {"kind": "district", "codes": []})
    assert (one["must_change"], one["last_seen"]) == (True, NOW.isoformat())
    assert "待设密码" in done(file_store, "user", "list", language="zh")


def test_a_table_has_straight_columns(capsys: pytest.CaptureFixture[str]) -> None:
    context = Context(store_url="", language="zh", data_folder=Path())
    print_table(
        context,
        (both("a"), both("空"), both("c")),
        [(both("汉字"), both(""), both("x")), (both("ab"), both(""), both("y"))],
    )
    assert capsys.readouterr().out == "a     c\n汉字  x\nab    y\n"


# Devices and keys


def test_devices_are_added_listed_and_revoked(store: str) -> None:
    done(store, "user", "add", "w", "--role", "community_staff", "--area", "communities:C01")
    wall = code_in(done(store, "device", "add", "--wall", "大厅"))
    done(store, "device", "add", "--tablet", "平板 1", "--user", "w")
    with open_access(store, policy=POLICY, clock=lambda: NOW) as access:
        token = access.enrol(wall)
        assert token is not None
        assert access.visitor_of(token) is not None
    devices = {one["title"]: one for one in json.loads(done(store, "device", "list", "--json"))}
    assert (devices["大厅"]["kind"], devices["大厅"]["enrolled"], devices["大厅"]["user"]) == (
        "wall",
        True,
        None,
    )
    assert (devices["平板 1"]["kind"], devices["平板 1"]["enrolled"], devices["平板 1"]["user"]) == (
        "tablet",
        False,
        "w",
    )
    assert devices["大厅"]["last_contact"] == NOW.isoformat() and devices["平板 1"]["last_contact"] is None
    assert "to be enrolled" in done(store, "device", "list")
    done(store, "device", "revoke", devices["大厅"]["id"])
    assert "revoked" in done(store, "device", "list")
    with open_access(store, policy=POLICY) as access:
        assert access.visitor_of(token) is None
    assert "no device" in refused(store, "device", "revoke", "0" * 12)


def test_a_device_is_a_wall_or_somebody_s_tablet(file_store: str) -> None:
    for options in ((), ("--wall", "a", "--tablet", "b", "--user", "w")):
        assert "either --wall or --tablet" in refused(file_store, "device", "add", *options)
    refused(file_store, "device", "add", "--tablet", "b")
    refused(file_store, "device", "add", "--tablet", "b", "--user", "nobody")
    refused(file_store, "device", "add", "--wall", "b", "--user", "nobody")
    cells = small_district()[1]["management_cells"].index[:2]
    done(
        file_store,
        "user",
        "add",
        "w",
        "--role",
        "grid_worker",
        "--area",
        f"management_cells:{','.join(cells)}",
    )
    narrow = ("device", "add", "--tablet", "b", "--user", "w", "--cells")
    assert "not in management_cells" in refused(file_store, *narrow, f"{cells[0]},nowhere")
    done(file_store, *narrow, cells[0])
    [one] = json.loads(done(file_store, "device", "list", "--json"))
    assert one["area"] == {"kind": "management_cells", "codes": [cells[0]]}


def test_keys_are_added_listed_and_revoked(store: str) -> None:
    done(store, "user", "add", "p", "--role", "planner")
    said = done(store, "key", "add", "报表", "--user", "p", "--scope", "view,read", "--scope", "export")
    [token] = re.findall(r"wgk_[\w-]+", said)
    with open_access(store, policy=POLICY, clock=lambda: NOW) as access:
        visitor = access.visitor_of(token)
        assert visitor is not None and visitor.scopes == frozenset({"view", "read", "export"})
    listed = (
        done(store, "key", "list")
        + done(store, "key", "list", "--json")
        + done(store, "audit", "list", "--json")
    )
    assert token not in listed
    [one] = json.loads(done(store, "key", "list", "--json"))
    assert (one["title"], one["user"], one["scopes"]) == ("报表", "p", ["export", "read", "view"])
    done(store, "key", "revoke", one["id"])
    with open_access(store, policy=POLICY, clock=lambda: NOW) as access:
        assert access.visitor_of(token) is None
    assert "cannot be for: fly" in refused(store, "key", "add", "x", "--user", "p", "--scope", "fly,view")
    assert "cannot be for: audit" in refused(store, "key", "add", "x", "--user", "p", "--scope", "audit")
    assert "no key" in refused(store, "key", "revoke", "0" * 12)


def test_a_key_works_through_its_last_day(file_store: str) -> None:
    done(file_store, "user", "add", "p", "--role", "planner")
    day = (NOW.astimezone(CHINA) + timedelta(days=2)).date()
    said = done(file_store, "key", "add", "x", "--user", "p", "--scope", "view", "--expires", day.isoformat())
    [token] = re.findall(r"wgk_[\w-]+", said)
    last = datetime(day.year, day.month, day.day, 23, 59, 58, tzinfo=CHINA)
    for moment, works in ((last, True), (last + timedelta(seconds=2), False)):
        with open_access(file_store, policy=POLICY, clock=lambda now=moment: now) as access:  # type: ignore[misc]
            assert (access.visitor_of(token) is not None) == works
    assert "expired" in done(file_store, "key", "list", now=last + timedelta(days=1))
    assert "until " in done(file_store, "key", "list", now=last)
    past = (NOW - timedelta(days=2)).date().isoformat()
    assert "over already" in refused(
        file_store, "key", "add", "x", "--user", "p", "--scope", "view", "--expires", past
    )


# The log


def fill_log(url: str, count: int = 5) -> None:
    for number in range(count):
        with open_access(url, policy=POLICY, clock=lambda n=number: NOW + timedelta(days=n)) as access:  # type: ignore[misc]
            access.record(
                operator("root" if number % 2 else "anne"),
                "export",
                what=f"file {number}",
                layer="complaints",
            )


def test_the_log_is_listed_by_day_person_and_action(store: str) -> None:
    fill_log(store)
    entries = json.loads(done(store, "audit", "list", "--json"))
    assert [one["what"] for one in entries if one["action"] == "export"] == [f"file {n}" for n in range(5)]
    day = (NOW + timedelta(days=3)).astimezone().date().isoformat()
    since = json.loads(done(store, "audit", "list", "--since", day, "--action", "export", "--json"))
    assert [one["what"] for one in since] == ["file 3", "file 4"]
    anne = json.loads(done(store, "audit", "list", "--who", "anne", "--json"))
    assert [one["what"] for one in anne] == ["file 0", "file 2", "file 4"]
    assert json.loads(done(store, "audit", "list", "--action", "nothing", "--json")) == []
    lines = done(store, "audit", "list", "--action", "audit_read").splitlines()
    assert f"since {day}, action export" in "\n".join(lines)
    assert len(lines) == 6  # with the heads: each reading is an entry as well


def test_many_entries_are_listed_to_the_last(file_store: str) -> None:
    with open_access(file_store, policy=POLICY) as access:
        for number in range(130):
            access.record(operator("anne"), "export", what=f"file {number}")
    shown = done(file_store, "audit", "list", "--action", "export").splitlines()
    assert len(shown) == 101
    assert "file 129" in shown[-1] and "file 30" in shown[1]
    assert len(json.loads(done(file_store, "audit", "list", "--action", "export", "--json"))) == 130


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_log_as_a_sheet_holds_no_formula(file_store: str, tmp_path: Path, ending: str) -> None:
    starts = ("=1+1", "+1", "-1", "@x", "\tx", "\rx")
    with open_access(file_store, policy=POLICY) as access:
        for start in starts:
            who = Visitor("planner", name=start, via="session")
            access.record(
                who,
                "export",
                what=start,
                layer=start,
                codes=[start],
                fields=[start],
                purpose=start,
                origin=start,
            )
    out = tmp_path / f"log.{ending}"
    done(file_store, "audit", "list", "--out", out)
    read = pd.read_csv if ending == "csv" else pd.read_excel
    frame = read(out, keep_default_na=False, dtype=str)
    assert len(frame) == len(starts) + 1
    cells = [str(cell) for column in frame for cell in [column, *frame[column]]]
    assert any(cell.startswith("'=1+1") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert frame["action"].tolist()[-1] == "audit_read" and frame["seq"].tolist() == [
        str(n) for n in range(1, 8)
    ]
    assert "The endings are .csv and .xlsx" in refused(
        file_store, "audit", "list", "--out", tmp_path / "log.json"
    )


def test_a_log_that_is_whole_is_said_to_be(store: str) -> None:
    open_access(store, policy=POLICY).close()
    assert "whole" in done(store, "audit", "verify")
    fill_log(store)
    head = done(store, "audit", "head").strip()
    assert re.fullmatch(r"5:[0-9a-f]{64}", head)
    assert head in done(store, "audit", "verify")
    done(store, "audit", "verify", "--expect", head)
    done(store, "audit", "list")
    assert "whole" in done(store, "audit", "verify", "--expect", head.upper())
    assert "完整" in done(store, "audit", "verify", language="zh")


def test_every_fault_of_the_log_is_named(file_store: str) -> None:
    fill_log(file_store)
    head = done(file_store, "audit", "head").strip()
    file = apsw.Connection(f"{file_store.removeprefix('gpkg:')}.access")
    for (trigger,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        file.execute(f'DROP TRIGGER "{trigger}"')
    file.execute("UPDATE audit SET what = 'another' WHERE seq = 2; DELETE FROM audit WHERE seq IN (4, 5)")
    file.close()
    result = run(file_store, "audit", "verify", "--expect", head)
    assert result.exit_code == 1
    assert "Entry 2 has been changed." in result.stdout
    assert len(result.stdout.splitlines()) >= 3
    assert "第 2 条已被改动" in run(file_store, "audit", "verify", language="zh").stdout
    for wrong in ("5", "x:y", "5:abc", f"-5:{'0' * 64}"):
        assert "wangge audit head" in refused(file_store, "audit", "verify", f"--expect={wrong}")


@pytest.mark.parametrize("command", ["user", "device", "key", "audit", "retention"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_of_a_group_has_help_in_both_languages(command: str, language: Language) -> None:
    group: Any = app.wangge.get_command(None, command)  # type: ignore[arg-type]
    for name in group.commands:
        said = run("gpkg:nowhere.gpkg", command, name, "--help", language=language).stdout
        assert "--store URL" in said
        assert any("\u4e00" <= letter <= "\u9fff" for letter in said) == (language == "zh")


def test_no_accounts_are_made_beside_nothing(tmp_path: Path) -> None:
    url = f"gpkg:{tmp_path / 'none.gpkg'}"
    for command in (
        ("user", "list"),
        ("user", "add", "a", "--role", "planner"),
        ("audit", "head"),
        ("retention", "show"),
    ):
        assert "wangge init" in refused(url, *command)
    assert list(tmp_path.iterdir()) == []


def test_the_store_may_be_named_after_the_part(file_store: str) -> None:
    open_access(file_store, policy=POLICY).close()
    assert done("gpkg:nowhere.gpkg", "user", "list", "--json", "--store", file_store).strip() == "[]"
    assert done("gpkg:nowhere.gpkg", "user", "--store", file_store, "list", "--json").strip() == "[]"


@pytest.mark.parametrize(
    "command", ["audit list", "audit verify", "audit head", "user list", "device list", "key list"]
)
def test_who_looks_finds_no_empty_log_in_the_place_of_a_lost_one(file_store: str, command: str) -> None:
    file = Path(file_store.removeprefix("gpkg:") + ".access")
    done(file_store, "user", "add", "zhang", "--role", "planner")
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink()
    assert "it is lost" in refused(file_store, *command.split())
    assert not file.exists()
    file.write_bytes(b"no database at all, whatever its name")
    assert "is damaged" in refused(file_store, *command.split())
