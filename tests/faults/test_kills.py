"""Writers are killed at random moments, and what keeps the store with them: nothing acknowledged is lost."""

from __future__ import annotations

from pathlib import Path

from tests.faults import report
from tests.faults.conftest import Progress
from tests.faults.fleet import Fleet
from tests.faults.kinds import GeoPackages, made, sound
from tests.faults.proof import Verdict, prove

WRITERS, READERS = 8, 2


def judge(verdict: Verdict, *allowed: str) -> None:
    """Assert that nothing was lost, torn or refused for no reason."""
    assert verdict.lost == []
    assert verdict.torn == []
    assert set(verdict.errors) <= {"StoreConflict", *allowed}
    assert verdict.acknowledged > 0


def test_geopackage_writers_are_killed(geopackages: GeoPackages, tmp_path: Path, progress: Progress) -> None:
    url = made(geopackages)
    with Fleet(url, tmp_path, WRITERS, READERS) as fleet:
        for killed in range(report.KILLS):
            if killed % 3 == 2:
                fleet.kill_in_commit()
            else:
                fleet.kill_any()
            if killed % 10 == 9:
                progress(
                    f"GeoPackage: {killed + 1} of {report.KILLS} writers killed, {fleet.done:,} writes acknowledged"
                )
        fleet.wait_for_progress(writes=WRITERS)
        fleet.finish()
    with sound(geopackages, url, thoroughly=True) as store:
        verdict = prove(store, *fleet.books)
    report.CAMPAIGNS.append(report.Campaign("GeoPackage", "writers killed", verdict, fleet.kills, 0))
    judge(verdict)
    assert fleet.kills.total() == report.KILLS
