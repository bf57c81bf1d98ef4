"""Set-up repeats nothing, recovers from anything, and the locks say what is declared."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.postgres import NoPostGIS, binaries

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-node.lock")
SET_UP = f"""
import importlib.util, os, pathlib, signal, sys
spec = importlib.util.spec_from_file_location("setup", {str(ROOT / "bin" / "setup.py")!r})
setup = importlib.util.module_from_spec(spec)
sys.modules["setup"] = setup
spec.loader.exec_module(setup)
"""


def entries(lock: str) -> dict[str, str]:
    """Return the locked version of every package."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / lock).read_text(), re.MULTILINE))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared(requirements: list[str]) -> set[str]:
    """Return the package names of requirements, as locks write them."""
    return {re.split(r"[^A-Za-z0-9-]", requirement)[0].lower() for requirement in requirements}


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return bin/setup.py with its stamps and its log in a folder of their own."""
    spec = importlib.util.spec_from_file_location("bin_setup", ROOT / "bin" / "setup.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bin_setup", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "STAMPS", tmp_path / "set-up")
    monkeypatch.setattr(module, "SCRATCH", tmp_path / "set-up" / "scratch")
    monkeypatch.setattr(module, "LOG", tmp_path / "log.txt")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return module


@pytest.fixture
def plan(setup: ModuleType, tmp_path: Path) -> Callable[..., list[Any]]:
    """Return a maker of three steps that note in a list when they are made."""

    def make(done: list[str], **made_from: str) -> list[Any]:
        def step(name: str) -> Any:
            def work() -> None:
                if made_from.get(name) == "broken":
                    raise setup.SetupError(setup.Text("坏", "broken"))
                (tmp_path / name).touch()
                done.append(name)

            return setup.Step(name, setup.Text(name, name), made_from.get(name, "1"), tmp_path / name, work)

        return [step(name) for name in ("first", "second", "third")]

    return make


# The locks


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_is_hashed_and_names_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9-]+==\S+ .*\\\n    --hash=sha256:[0-9a-f]{64}", package), package
    assert "//" not in text
    assert "--find-links" not in text and "--index" not in text and "--extra-index" not in text


def test_locks_hold_what_is_declared() -> None:
    settings = project()
    groups = settings["dependency-groups"]
    run = declared(settings["project"]["dependencies"] + groups["build"])
    assert run <= entries("requirements.lock").keys()
    assert run | declared(groups["test"]) <= entries("requirements-test.lock").keys()
    assert declared(groups["node"]) == entries("requirements-node.lock").keys()


def test_test_lock_adds_to_the_run_lock_and_changes_nothing() -> None:
    assert entries("requirements.lock").items() <= entries("requirements-test.lock").items()


def test_front_end_lock_is_exact_and_names_no_place() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    for path, entry in lock["packages"].items():
        assert "resolved" not in entry, path
        assert path == "" or entry["integrity"].startswith("sha512-"), path
    for name, version in package["dependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def test_every_front_end_package_is_served_with_its_licence(setup: ModuleType) -> None:
    package = json.loads((ROOT / "package.json").read_text())
    assert setup.FRONT_END.keys() == package["dependencies"].keys()
    for name, files in setup.FRONT_END.items():
        folder = ROOT / "webmap" / "static" / "vendor" / name.rpartition("/")[2]
        kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert kept == {file.removeprefix("dist/") for file in files}
        assert any(file.startswith("LICENSE") for file in kept)


# Steps


def test_a_second_set_up_repeats_nothing(setup: ModuleType, plan: Callable[..., list[Any]]) -> None:
    done: list[str] = []
    setup.carry_out(plan(done))
    assert done == ["first", "second", "third"]
    setup.carry_out(plan(done))
    assert done == ["first", "second", "third"]


def test_a_changed_lock_is_made_anew_with_what_rests_on_it(
    setup: ModuleType, plan: Callable[..., list[Any]]
) -> None:
    setup.carry_out(plan([]))
    done: list[str] = []
    setup.carry_out(plan(done, second="2"))
    assert done == ["second", "third"]


def test_what_was_deleted_is_made_anew(
    setup: ModuleType, plan: Callable[..., list[Any]], tmp_path: Path
) -> None:
    setup.carry_out(plan([]))
    (tmp_path / "third").unlink()
    done: list[str] = []
    setup.carry_out(plan(done))
    assert done == ["third"]


def test_after_a_failure_it_goes_on_where_it_stopped(
    setup: ModuleType, plan: Callable[..., list[Any]]
) -> None:
    setup.carry_out(plan([]))
    done: list[str] = []
    with pytest.raises(setup.SetupError):
        setup.carry_out(plan(done, second="broken"))
    # Back to the input of the first success, whose stamps must not count any more.
    setup.carry_out(plan(done))
    assert done == ["second", "third"]


def test_a_set_up_killed_in_the_middle_of_a_step_makes_that_step_anew(tmp_path: Path) -> None:
    script = f"""{SET_UP}
folder = pathlib.Path({str(tmp_path)!r})
setup.STAMPS, setup.SCRATCH = folder / "set-up", folder / "set-up" / "scratch"
def work():
    (setup.SCRATCH / "half").touch(exist_ok=False)
    with (folder / "made").open("a") as made:
        made.write("begun ")
        made.flush()
        if sys.argv[1] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        made.write("finished ")
setup.carry_out([setup.Step("only", setup.Text("步", "step"), "1", folder / "made", work)])
"""
    codes = [
        subprocess.run([sys.executable, "-c", script, mode], capture_output=True).returncode
        for mode in ("killed", "lives", "lives")
    ]
    assert codes == [-signal.SIGKILL, 0, 0]
    assert (tmp_path / "made").read_text() == "begun begun finished "
    assert not (tmp_path / "set-up" / "scratch").exists()


# What is said when it cannot go on


def test_a_user_is_told_in_one_line_what_to_install(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(setup.SetupError) as error:
        setup.add_system_packages(["python3-venv", "chromium"])
    for text in error.value.text:
        assert "apt-get install python3-venv chromium" in text
        assert "\n" not in text


@pytest.fixture
def asked(setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the file in which a would-be apt-get writes what root asks of it, and how new servers are made."""
    monkeypatch.setattr(setup, "NEW_SERVERS", tmp_path / "common")
    apt = tmp_path / "apt-get"
    apt.write_text(
        f'#!/bin/sh\n(echo "$@"; cat {tmp_path}/common/createcluster.d/* || true) 2>&1 >> {tmp_path}/asked\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path / "asked"


def test_root_gets_them_installed_without_a_database_server_that_runs(
    setup: ModuleType, asked: Path, tmp_path: Path
) -> None:
    setup.add_system_packages(["python3-venv", "postgresql-postgis"])
    assert asked.read_text().splitlines() == [
        "update",
        "install --yes --no-install-recommends python3-venv postgresql-postgis",
        "create_main_cluster = false",
    ]
    assert list((tmp_path / "common" / "createcluster.d").iterdir()) == []


def test_how_an_installed_postgresql_makes_its_servers_is_left_alone(
    setup: ModuleType, asked: Path, tmp_path: Path
) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "createcluster.conf").touch()
    setup.add_system_packages(["postgresql-15-postgis-3"])
    assert "create_main_cluster" not in asked.read_text()


@pytest.mark.parametrize(
    ("servers", "extensions", "missing"),
    [
        ([], [], ["postgresql-postgis"]),
        (["9.6", "15", "16"], [], ["postgresql-16-postgis-3"]),
        (["15", "16"], ["15"], []),
        (["15", "16"], ["14"], ["postgresql-16-postgis-3"]),
    ],
)
def test_postgis_is_asked_for_where_no_server_has_it(
    setup: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    servers: list[str],
    extensions: list[str],
    missing: list[str],
) -> None:
    for version in servers:
        (tmp_path / "lib" / version / "bin").mkdir(parents=True)
        (tmp_path / "lib" / version / "bin" / "initdb").touch()
    for version in extensions:
        (tmp_path / "share" / version / "extension").mkdir(parents=True)
        (tmp_path / "share" / version / "extension" / "postgis.control").touch()
    monkeypatch.setattr(setup, "SERVERS", tmp_path / "lib")
    monkeypatch.setattr(setup, "EXTENSIONS", tmp_path / "share")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup.missing_postgis() == missing


def test_what_set_up_installs_is_what_the_tests_find(setup: ModuleType) -> None:
    try:
        binaries()
    except NoPostGIS:
        assert setup.missing_postgis() != []
    else:
        assert setup.missing_postgis() == []


@pytest.mark.parametrize(
    "output",
    [
        "error: Request failed after 3 retries\n  cause: dns error\n  cause: error resolving DNS",
        "NewConnectionError: Temporary failure in name resolution\nERROR: No matching distribution found",
        "npm error code EAI_AGAIN\nnpm error A complete log of this run can be found in: somewhere",
        "npm error code ECONNREFUSED",
        "W: Failed to fetch  Temporary failure resolving 'a.host'\nE: Unable to locate package chromium",
        "cause: tcp connect error: Connection refused (os error 111)",
        "ReadTimeoutError: Read timed out.",
    ],
)
def test_no_network_is_said_in_one_line(setup: ModuleType, output: str) -> None:
    with pytest.raises(setup.SetupError) as error:
        setup.run(sys.executable, "-c", f"print({output!r}); raise SystemExit(2)")
    assert "cannot reach its package registry" in error.value.text.en
    assert "连不上软件源" in error.value.text.zh
    assert "\n" not in error.value.text.en + error.value.text.zh


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            "error: Failed to download waitress\n  cause: Hash mismatch\n  Computed:\n   sha256:0",
            "error: Failed",
        ),
        ("npm error code EINTEGRITY\nnpm error A complete log is somewhere", "npm error code EINTEGRITY"),
        ("preparing\nNo space left on device\n\n", "No space left on device"),
        ("", "?"),
    ],
)
def test_any_other_failure_names_the_tool_its_status_and_its_words(
    setup: ModuleType, output: str, words: str
) -> None:
    setup.run("echo", "error: of a command that went well")
    with pytest.raises(setup.SetupError) as error:
        setup.run("sh", "-c", f"printf '%s' '{output}'; exit 3")
    assert f"sh failed (exit status 3): {words}" in error.value.text.en
    assert "\n" not in error.value.text.en
    assert str(setup.LOG) in error.value.text.zh


def test_an_old_python_is_told_so(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("bin/setup.py", "layers/__init__.py", "layers/text.py"):
        ast.parse((ROOT / module).read_text(), feature_version=(3, 8))
    monkeypatch.setattr(setup, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(setup.SetupError, match="is needed"):
        setup.set_up(test=False)


# The rule of CI

SKIPPING = {
    "call": "import pytest\ndef test_it(): pytest.skip('no browser')",
    "mark": "import pytest\n@pytest.mark.skip(reason='later')\ndef test_it(): pass",
    "expected": "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False",
    "module": "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass",
    "data": "def test_it(test_data): pass",
}


@pytest.fixture
def outcomes(tmp_path: Path) -> Callable[..., tuple[set[str], str]]:
    """Return a run of tests that skip, under this project's rules: which failed, and the whole output."""
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    for name, body in SKIPPING.items():
        (tmp_path / f"test_{name}.py").write_text(body)

    def run(**settings: str) -> tuple[set[str], str]:
        clean = {key: value for key, value in os.environ.items() if key not in ("CI", "WANGGE_TEST_DATA")}
        command = [sys.executable, "-m", "pytest", "-rfE", "--continue-on-collection-errors", "--rootdir=."]
        done = subprocess.run(command, cwd=tmp_path, env=clean | settings, capture_output=True, text=True)
        return set(re.findall(r"^(?:FAILED|ERROR) test_(\w+)\.py", done.stdout, re.MULTILINE)), done.stdout

    return run


def test_nothing_but_real_data_is_skipped_in_ci(outcomes: Callable[..., tuple[set[str], str]]) -> None:
    assert outcomes()[0] == set()
    failed, output = outcomes(CI="true")
    assert failed == SKIPPING.keys() - {"data"}
    assert "nothing may be skipped in CI" in output


def test_real_data_that_is_given_but_absent_is_an_error(
    outcomes: Callable[..., tuple[set[str], str]], tmp_path: Path
) -> None:
    failed, output = outcomes(WANGGE_TEST_DATA=str(tmp_path / "nowhere"))
    assert failed == {"data"}
    assert "WANGGE_TEST_DATA is not a folder" in output
