"""Several clerks import the same file at the same moment: it is there once."""

from __future__ import annotations

from pathlib import Path

from tests.faults import fleet, report
from tests.faults.inputs import ROWS, table_of_complaints
from tests.faults.kinds import Kind, made, sound
from tests.faults.work import SET_ROWS

ROUNDS = 10 if report.FULL else 2


def test_two_imports_of_one_file_at_once(kind: Kind, tmp_path: Path) -> None:
    file = table_of_complaints(tmp_path / "complaints.csv")
    for _ in range(ROUNDS):
        url = made(kind)
        arguments = ("import", "complaints", file, "--datum", "wgs84", "--force", "--store", url)
        begun = [fleet.begin(tmp_path, *arguments) for _ in range(2)]
        ended = [command.outcome() for command in begun]
        assert [done.code for done in ended] == [0, 0], ended
        assert sorted(f"{ROWS} new, 0 updated, 0 unchanged" in done.said for done in ended) == [
            False,
            True,
        ], ended
        assert sorted(f"0 new, 0 updated, {ROWS} unchanged" in done.said for done in ended) == [
            False,
            True,
        ], ended
        with sound(kind, url) as store:
            assert store.counts()["complaints"] == SET_ROWS + ROWS
            assert store.version() == 3
            assert len(store.changes(since=2)[0].codes) == ROWS
    report.LINES.append(
        f"{kind.name}, two imports of one file at once, {ROUNDS} times: one set of rows each time"
    )
