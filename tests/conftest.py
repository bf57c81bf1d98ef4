"""What every test may ask for, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import settings

from data.demo import generate
from data.demo_past import past
from layers.standards import Standards, read_standards
from layers.store import create_store
from tests.postgres import Cluster, NoPostGIS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IN_CI = os.environ.get("CI", "") not in ("", "0", "false")
NO_REAL_DATA = "real data not given: set WANGGE_TEST_DATA to its folder"

# A busy machine is slow without being wrong; in CI the same examples come every time.
settings.register_profile("wangge", deadline=None, derandomize=IN_CI, database=None)
settings.load_profile("wangge")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def fail_if_skipped(report: Report) -> Report:
    """In CI turn a skip or an expected failure into a failure; only real data may be absent there."""
    if IN_CI and report.skipped and NO_REAL_DATA not in str(report.longrepr):
        reason = getattr(report, "wasxfail", None) or report.longrepr
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped in CI: {reason}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hold back the report of a test that was skipped."""
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Hold back the report of a module that was skipped."""
    return fail_if_skipped((yield))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that take longest first, so that no process is left alone with one at the end."""

    def order(item: pytest.Item) -> list[bool]:
        module = item.getparent(pytest.Module)
        return [module is None or module.get_closest_marker(name) is None for name in ("long", "browser")]

    items.sort(key=order)


OPTIONS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of real data, which is no part of the project."""
    folder = os.environ.get("WANGGE_TEST_DATA")
    if not folder:
        pytest.skip(NO_REAL_DATA)
    assert Path(folder).is_dir(), f"WANGGE_TEST_DATA is not a folder: {folder}"
    return Path(folder)


@pytest.fixture(scope="session")
def validate_gpkg() -> Callable[[Path], None]:
    """Return the check of a GeoPackage by GDAL's validator, in a process of its own.

    The script is gdal-utils' (Debian 12's own does not know the triggers of GeoPackage 1.4); it reads the
    geometries with the bindings of the system's Python, as PyPI has none that install without a compiler.
    """
    package = find_spec("osgeo_utils")
    assert package is not None and package.submodule_search_locations
    script = Path(package.submodule_search_locations[0], "samples", "validate_gpkg.py")
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import osgeo"], capture_output=True).returncode:
        pytest.skip("python3-gdal is not installed: run make test")

    def validate(path: Path) -> None:
        options = ("-k", "--extra", "--warning-as-error")
        done = subprocess.run([python, "-I", script, *options, path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return validate


@pytest.fixture(scope="session")
def chromium() -> str | None:
    """Return the path of the system's Chromium, or None for the one that playwright keeps itself."""
    return shutil.which("chromium")


@pytest.fixture(scope="session")
def browser(chromium: str | None) -> Iterator[Browser]:
    """Return the one browser of all tests: playwright takes no second one in a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def standards() -> Standards:
    """Return the standards and code lists that ship with the program."""
    return read_standards(Path(__file__).parents[1] / "data")


@pytest.fixture(scope="session")
def demo_url(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the store of the demonstration district, made once; tests read it and never write."""
    district, frames = generate(standards)
    url = f"gpkg:{tmp_path_factory.mktemp('demo') / 'luohu.gpkg'}"
    create_store(url, district, layers=frames, past=past(frames)).close()
    return url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Return a PostgreSQL server with PostGIS, for the tests alone."""
    try:
        cluster = Cluster()
    except NoPostGIS as reason:
        pytest.skip(str(reason))
    with cluster:
        yield cluster


@pytest.fixture
def database(postgres: Cluster) -> Iterator[str]:
    """Return the name of an empty database with PostGIS."""
    name = postgres.new_database()
    yield name
    postgres.drop(name)


@pytest.fixture
def postgis_url(postgres: Cluster, database: str) -> str:
    """Return the URL of an empty database with PostGIS."""
    return postgres.url(database)
