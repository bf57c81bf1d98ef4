"""Writers are killed at random moments, and what keeps the store with them: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from layers.store import open_store
from tests.faults import report
from tests.faults.conftest import Progress
from tests.faults.fleet import Fleet, run
from tests.faults.kinds import GeoPackages, Kind, PostGIS, made, sound
from tests.faults.proof import prove
from tests.postgres import Cluster

WRITERS, READERS = 8, 2
THREADS = 6
BACKUP_EVERY = 10


def campaign(
    kind: Kind,
    folder: Path,
    progress: Progress,
    ways: Sequence[Callable[[Fleet], None]],
    *allowed: str,
    threads: int = 1,
) -> None:
    """Kill in each way in turn while 8 write and 2 read, take a backup now and then, and judge what is left."""
    url, backups = made(kind), []
    what = "kills" if threads == 1 else f"kills, {threads} threads each"
    with Fleet(url, folder, WRITERS, READERS, threads) as fleet:
        for killed in range(report.KILLS):
            ways[killed % len(ways)](fleet)
            if killed % BACKUP_EVERY == 0:
                fleet.wait_for_progress()
                backups.append(folder / f"backup {killed}.gpkg")
                done = run(folder, "backup", backups[-1], "--store", url)
                assert done.code == 0, done.said
            if killed % 10 == 9:
                progress(
                    f"{kind.name}: {killed + 1} of {report.KILLS} killed, {fleet.done:,} writes acknowledged"
                )
        fleet.wait_for_progress(writes=WRITERS)
        fleet.finish()
    with sound(kind, url, thoroughly=True) as store, ExitStack() as opened:
        copies = [opened.enter_context(open_store(f"gpkg:{backup}")) for backup in backups]
        verdict = prove(store, *fleet.books, copies=copies)
    report.LINES.append(
        f"{kind.name}, {what}: backups taken meanwhile are the versions {verdict.copies}, exactly"
    )
    report.settle(report.Campaign(kind.name, what, verdict, fleet.kills, fleet.recoveries), *allowed)
    assert fleet.kills.total() == report.KILLS


def test_geopackage_writers_are_killed(geopackages: GeoPackages, tmp_path: Path, progress: Progress) -> None:
    campaign(geopackages, tmp_path, progress, (Fleet.kill_any, Fleet.kill_any, Fleet.kill_in_commit))


def test_geopackage_writers_that_share_commits_are_killed(
    geopackages: GeoPackages, tmp_path: Path, progress: Progress
) -> None:
    """What is answered to one thread is on the disk for all of those that shared the commit, and so is each's own refusal."""
    ways = (Fleet.kill_any, Fleet.kill_in_commit, Fleet.kill_in_commit)
    campaign(geopackages, tmp_path, progress, ways, threads=THREADS)


def test_postgis_writers_and_the_server_itself_are_killed(
    own_databases: PostGIS, tmp_path: Path, progress: Progress
) -> None:
    cluster = own_databases.cluster

    def kill_backend(fleet: Fleet) -> None:
        fleet.kill(
            "server's process of a connection",
            lambda: kill_a_backend(cluster, own_databases.names[-1], fleet.chance),
        )

    def stop_at_once(fleet: Fleet) -> None:
        fleet.kill("whole server at once", lambda: cluster.restart("immediate"))

    any_moment, in_commit = Fleet.kill_any, Fleet.kill_in_commit
    ways = (any_moment, in_commit, any_moment, kill_backend, in_commit)
    last = (*ways[:-1], stop_at_once)
    campaign(own_databases, tmp_path, progress, (*ways, *last), *report.AWAY)


def kill_a_backend(cluster: Cluster, database: str, chance: random.Random) -> None:
    """Kill one of the server's processes that serve a database, rather a busy one: the server then starts all anew."""
    with cluster.connect() as connection:
        busy = connection.execute(
            "SELECT pid, state = 'active' FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'",
            [database],
        ).fetchall()
    victim = chance.choice([pid for pid, active in busy if active] or [pid for pid, _ in busy])
    os.kill(victim, signal.SIGKILL)
