"""The database server's disk is full: writes are refused in words or wait for room, nothing acknowledged is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from layers.store import open_store
from tests.faults import fleet, report
from tests.faults.conftest import Progress
from tests.faults.fleet import Fleet
from tests.faults.kinds import PostGIS, made, sound
from tests.faults.proof import prove
from tests.faults.states import TASKS, assert_written, state
from tests.faults.system_calls import install, no_room_from
from tests.faults.work import SET_ROWS
from tests.postgres import Cluster

# The server's log is in files of this size, so that only tables can become longer.
_LOG_BYTES = 16 * 2**20
ROWS, TEXT_LETTERS = 10_500, 600

PANICS = 10 if report.FULL else 2


@pytest.fixture
def restarted(own_databases: PostGIS) -> Iterator[Callable[[int | None], None]]:
    """Return what starts the server anew with no room from some place in a file on, or with room."""
    cluster = own_databases.cluster

    def restart(offset: int | None) -> None:
        cluster.stop()
        cluster.start(prepare=None if offset is None else partial(install, no_room_from(offset)))

    yield restart
    with cluster.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def long_table(file: Path) -> Path:
    """Write a table of complaints with long texts, which no packing makes shorter."""
    chance = random.Random(1)
    letters = [chr(0x4E00 + k) for k in range(20_000)]
    lines = (
        f"L{k:05},rubbish,2019-03-11,{114.06 + k / 1e5},22.55,{''.join(chance.choices(letters, k=TEXT_LETTERS))}"
        for k in range(ROWS)
    )
    file.write_text("code,category,opened,lon,lat,text\n" + "\n".join(lines) + "\n", "utf-8")
    return file


def test_an_import_that_does_not_fit_is_not_begun_half(
    own_databases: PostGIS, restarted: Callable[[int | None], None], tmp_path: Path
) -> None:
    url, table = made(own_databases), long_table(tmp_path / "complaints.csv")
    arguments = ("import", "complaints", table, "--datum", "wgs84", "--force", "--store", url)
    with open_store(url) as store:
        before = state(store)
    restarted(_LOG_BYTES)
    done = fleet.run(tmp_path, *arguments)
    assert done.code == 1, done.said
    assert "is full: nothing of this write was kept" in done.said
    assert "Make room on the server" in done.said
    assert "Traceback" not in done.said
    with sound(own_databases, url) as store:
        assert state(store) == before
        # What has room is written meanwhile.
        TASKS["update"].run(store)
    restarted(None)
    with sound(own_databases, url) as store:
        assert_written(store, TASKS["update"])
    done = fleet.run(tmp_path, *arguments)
    assert done.code == 0, done.said
    with sound(own_databases, url) as store:
        assert store.counts()["complaints"] == SET_ROWS + ROWS
        assert store.version() == len(before["changes"]) + 2


def panics(cluster: Cluster) -> int:
    """Return how often a server has given up since it was made because its log had no room."""
    return sum("PANIC" in line and "No space left" in line for line in cluster.log().splitlines())


def test_the_log_of_the_server_cannot_grow(
    own_databases: PostGIS, restarted: Callable[[int | None], None], tmp_path: Path, progress: Progress
) -> None:
    """A server without room for its log gives up altogether; who writes is told, and goes on when it is back."""
    cluster = own_databases.cluster
    url = made(own_databases)
    with Fleet(url, tmp_path, writers=4, readers=1) as fleet:
        fleet.wait_for_progress(writes=20)
        # The log begins a new file, and most of that is out of bounds.
        cluster.execute("SELECT pg_switch_wal()")
        restarted(_LOG_BYTES // 32)
        deadline = time.monotonic() + 120
        while cluster.running and panics(cluster) < PANICS:
            assert time.monotonic() < deadline, "there was room after all"
            time.sleep(0.05)
        fleet.check_alive()
        found = panics(cluster)
        progress(f"PostGIS: no room for the server's log: it gave up {found} times")
        # It may end by itself at any moment: then there is nobody to be stopped.
        with suppress(RuntimeError):
            cluster.stop("immediate")
        assert not cluster.running
        cluster.start()
        fleet.kills["server, for want of room"] += found
        fleet.wait_for_progress(writes=20)
        fleet.finish()
    with sound(own_databases, url, thoroughly=True) as store:
        verdict = prove(store, *fleet.books)
    campaign = report.Campaign("PostGIS", "no room for the log", verdict, fleet.kills, recoveries=1)
    report.settle(campaign, *report.AWAY, "StoreFull")
