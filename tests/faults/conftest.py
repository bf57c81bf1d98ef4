"""What the fault tests share: the kinds of store, progress, and the table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.kinds import GeoPackages, Kind, PostGIS
from tests.postgres import Cluster, NoPostGIS

Progress = Callable[[str], None]


@pytest.fixture
def progress(request: pytest.FixtureRequest) -> Progress:
    """Return what says how far a long test is; the short form says nothing."""
    manager = request.config.pluginmanager
    terminal, capture = manager.get_plugin("terminalreporter"), manager.get_plugin("capturemanager")

    def say(what: str) -> None:
        if report.FULL and terminal is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                terminal.ensure_newline()
                terminal.write_line(what)

    return say


@pytest.fixture
def geopackages(tmp_path: Path, validate_gpkg: Callable[[Path], None]) -> GeoPackages:
    return GeoPackages(tmp_path, validate_gpkg)


@pytest.fixture(scope="session")
def server() -> Iterator[Cluster]:
    """Return a server that may be killed: it puts on the disk what it commits, but does not insist on it itself."""
    try:
        cluster = Cluster(fsync=True)
    except NoPostGIS as reason:
        pytest.skip(str(reason))
    with cluster:
        # Some servers are set up like that: then it is the store that must insist.
        cluster.execute("ALTER SYSTEM SET synchronous_commit = off")
        cluster.execute("SELECT pg_reload_conf()")
        yield cluster


@pytest.fixture
def databases(postgres: Cluster) -> Iterator[PostGIS]:
    """Return databases of the server that all tests share."""
    made = PostGIS(postgres)
    yield made
    postgres.drop(*made.names)


@pytest.fixture
def own_databases(server: Cluster) -> Iterator[PostGIS]:
    """Return databases of a server that may be killed."""
    made = PostGIS(server)
    yield made
    # The fewer files there are, the sooner the server is back from the next crash: it puts all on the disk first.
    server.drop(*made.names)


@pytest.fixture(params=["geopackages", "databases"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Return each kind of store in turn."""
    found: Kind = request.getfixturevalue(request.param)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was counted."""
    if report.CAMPAIGNS or report.LINES:
        terminalreporter.section("faults survived")
        for line in report.table():
            terminalreporter.write_line(line)
