"""What the fault tests share: the kinds of store, progress, and the table at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.kinds import GeoPackages, Kind

Progress = Callable[[str], None]


@pytest.fixture
def progress(request: pytest.FixtureRequest) -> Progress:
    """Return what says how far a long test is; the short form says nothing."""
    terminal = request.config.pluginmanager.get_plugin("terminalreporter")

    def say(what: str) -> None:
        if report.FULL and terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(what)

    return say


@pytest.fixture
def geopackages(tmp_path: Path, validate_gpkg: Callable[[Path], None]) -> GeoPackages:
    return GeoPackages(tmp_path, validate_gpkg)


@pytest.fixture(params=["geopackage"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Return each kind of store in turn."""
    found: Kind = request.getfixturevalue("geopackages")
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was counted."""
    if report.CAMPAIGNS or report.LINES:
        terminalreporter.section("faults survived")
        for line in report.table():
            terminalreporter.write_line(line)
