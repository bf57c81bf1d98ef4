"""Uploads into both kinds of store: what is found, what is stopped, imported once, and whoever dies in between."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from layers.imports.jobs import Workshop
from layers.imports.upload_files import read_json
from layers.standards import Standards
from layers.store import Authorship, Store
from tests.postgres import APP, Cluster
from tests.visitors import POLICY
from tests.webmap.access import People
from tests.webmap.uploading import DATA_FOLDER, HEAD, PATIENCE_S, Clerk, complaints, desk_of, killing, service
from webmap import upload

pytestmark = pytest.mark.long

A = "114.1285,22.5455"


@pytest.fixture(params=["gpkg", "postgis"])
def served(
    request: pytest.FixtureRequest, tmp_path: Path, standards: Standards
) -> Iterator[tuple[Store, People]]:
    """Serve a store; a database as the role that the service is meant to use, which owns nothing."""
    if request.param == "gpkg":
        with service(tmp_path, standards) as made:
            yield made
        return
    postgres: Cluster = request.getfixturevalue("postgres")
    database: str = request.getfixturevalue("database")
    urls = postgres.url(database), postgres.url(database, user=APP)
    with service(tmp_path, standards, urls=urls) as made:
        yield made


@pytest.fixture
def store(served: tuple[Store, People]) -> Store:
    return served[0]


@pytest.fixture
def persons(served: tuple[Store, People]) -> People:
    return served[1]


@pytest.fixture
def clerk(persons: People) -> Clerk:
    return Clerk(persons.signed_in("planner1", "planner"))


def test_a_good_file_from_beginning_to_end(store: Store, persons: People, clerk: Clerk) -> None:
    upload.register_at(persons.app, Workshop(store_url=store.url, data_folder=DATA_FOLDER))
    before = store.version()
    found = clerk.checked(complaints(), datum="wgs84", note="spring survey")
    assert (found["status"], found["check"]["whole"], found["check"]["refused"]) == ("checked", True, False)
    report = found["check"]["report"]
    assert (report["inserted"], report["updated"], report["unchanged"]) == (report["read"], 0, 0)
    assert found["check"]["source"]["headings"] == HEAD.split(",")
    assert len(found["check"]["points"]) == report["read"]
    assert store.version() == before
    done = clerk.imported(found)
    assert (done["status"], done["result"]["version"]) == ("done", before + 1)
    assert store.counts()["complaints"] == report["read"]
    [change] = store.changes(since=before)
    assert change.by.who == "planner1"
    assert change.by.note.startswith(f"spring survey [upload {found['id']}] imported from hotline.csv")
    # Nothing of the file is left, and it is on record who did it.
    assert not (desk_of(persons).uploads.root / found["id"] / "file").exists()


def test_who_imported_is_in_the_audit_log_of_the_store(store: Store, clerk: Clerk) -> None:
    from layers.access.access import open_access

    clerk.imported(clerk.checked(complaints(count=10), datum="wgs84"))
    with open_access(store.url, policy=POLICY, read_only=True) as log:
        [entry] = log.entries(action="change", limit=10)
    assert (entry.name, entry.layer, entry.what, entry.outcome) == (
        "planner1",
        "complaints",
        "upload hotline.csv",
        "done",
    )
    assert len(entry.codes) == store.counts()["complaints"]


def test_a_wrong_datum_is_stopped_in_words(store: Store, clerk: Clerk) -> None:
    found = clerk.checked(complaints("gcj02"), datum="wgs84")
    check = found["check"]
    assert (check["refused"], check["whole"], check["partly"]) == (True, False, False)
    assert check["report"]["datum"]["sentence"].startswith("GCJ-02 fits: ")
    assert check["report"]["datum"]["better"] == ["gcj02"]
    assert check["remedy"] == "Import it again with “Datum” GCJ-02."
    refused = clerk.confirm(found)
    assert refused.status_code == 400
    assert store.counts()["complaints"] == 0
    right = clerk.check(found["id"], datum="gcj02")
    assert right["check"]["whole"]
    assert clerk.imported(right)["status"] == "done"


def test_rows_with_problems_are_all_told_and_can_be_set_aside(store: Store, clerk: Clerk) -> None:
    bad = (
        f"X1,noise,2019-13-01,S1,{A}",
        f"=cmd(),noise,2019-01-01,S9,{A}",
        "X3,noise,2019-01-01,S1,114.1285,",
    )
    found = clerk.checked(complaints(count=20, more=bad), datum="wgs84")
    check = found["check"]
    assert (check["whole"], check["partly"], check["report"]["rejected"]) == (False, True, 3)
    assert check["problems"] == len(check["report"]["problems"]) >= 3
    assert {one["row"] for one in check["report"]["problems"]} == {
        check["report"]["read"] - 1 + at for at in range(3)
    }
    assert clerk.confirm(found).status_code == 400
    problems = list(csv.reader(StringIO(table(clerk, found, "problems"))))
    assert problems[0] == ["row", "field", "value", "problem", "remedy"]
    assert len(problems) == check["problems"] + 1
    rejects = list(csv.reader(StringIO(table(clerk, found, "rejects"))))
    assert [row[1] for row in rejects[1:]] == ["X1", "'=cmd()", "X3"]
    aside = clerk.check(found["id"], datum="wgs84", set_aside=True)
    assert clerk.imported(aside)["result"]["report"]["rejected"] == 3
    assert store.counts()["complaints"] == check["report"]["taken"]


def table(clerk: Clerk, found: dict[str, Any], report: str) -> str:
    answer = clerk.ask("GET", f"/api/uploads/{found['id']}/{report}.csv")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    text: str = answer.get_data().decode("utf-8-sig")
    answer.close()  # as a server does when all of it is sent
    return text


def test_somebody_elses_change_in_between_is_shown(store: Store, clerk: Clerk) -> None:
    clerk.imported(clerk.checked(complaints(count=10), datum="wgs84"))
    later = complaints(count=10).replace(b",noise,", b",lift_fault,")
    found = clerk.checked(later, datum="wgs84")
    frame = store.read("complaints").iloc[:1].assign(category="elderly_care")
    store.update("complaints", frame, by=Authorship(who="somebody"))
    version = store.version()
    answer = clerk.imported(found)
    assert answer["result"]["error"]["conflicts"]
    assert store.version() == version
    again = clerk.check(found["id"], datum="wgs84")
    assert "error" not in (again["result"] or {})
    assert clerk.imported(again)["status"] == "done"


def test_a_killed_import_writes_nothing_and_can_be_confirmed_again(
    store: Store, persons: People, clerk: Clerk
) -> None:
    found = clerk.checked(complaints(), datum="wgs84")
    before = store.version()
    desk = desk_of(persons)
    folder = desk.uploads.root / found["id"]
    killed = killing(desk.workshop)
    persons.app.extensions["wangge.uploads"] = upload.Desk(desk.uploads, killed)
    assert clerk.confirm(found).status_code == 200
    assert clerk.waited(found["id"])["status"] == "interrupted"
    assert (store.version(), read_json(folder / "result.json")) == (before, None)
    persons.app.extensions["wangge.uploads"] = desk
    assert clerk.imported(found)["result"]["version"] == before + 1


def test_what_a_process_had_committed_before_it_died_is_not_written_again(
    store: Store, persons: People, clerk: Clerk
) -> None:
    found = clerk.checked(complaints(), datum="wgs84")
    folder = desk_of(persons).uploads.root / found["id"]
    kept = folder.with_name("kept")
    shutil.copytree(folder / "file", kept)
    version = clerk.imported(found)["result"]["version"]
    # As if it had died between the commit and telling of it; meanwhile somebody corrects a row.
    with desk_of(persons).uploads.working(folder):
        pass  # its process is no more
    (folder / "result.json").unlink()
    shutil.copytree(kept, folder / "file")
    frame = store.read("complaints").iloc[:1].assign(category="elderly_care")
    store.update("complaints", frame, by=Authorship(who="somebody"))
    assert clerk.look(found["id"])["status"] == "interrupted"
    again = clerk.imported(found)
    assert (again["result"]["again"], again["result"]["version"]) == (True, version)
    assert store.version() == version + 1
    assert (store.read("complaints")["category"] == "elderly_care").sum() == 1


# Rights


def with_texts(count: int = 6, text: str = "forged") -> bytes:
    """Return complaints of the small district with a column of texts."""
    head, *rows = complaints(count=count).decode().splitlines()
    return "\n".join([f"{head},text", *(f"{row},{text}" for row in rows), ""]).encode()


def test_columns_that_are_not_theirs_stop_the_check_and_can_be_left_out(store: Store, clerk: Clerk) -> None:
    clerk.imported(clerk.checked(complaints(count=6), datum="wgs84"))
    frame = store.read("complaints").assign(text="what somebody said")
    store.upsert("complaints", frame)
    version = store.version()
    found = clerk.checked(with_texts(), datum="wgs84")
    check = found["check"]
    assert (found["status"], check["locked"]) == ("failed", ["text"])
    [problem] = check["error"]["problems"]
    assert (problem["field"], problem["value"], problem["row"]) == ("text", "text", None)
    assert "not yours" in check["error"]["message"]
    # Nothing was compared: whether the texts are those that are stored is told to nobody.
    assert "report" not in check and check["source"]["headings"][-1] == "text"
    assert clerk.confirm({**found, "check": {"number": found["check"]["number"]}}).status_code == 409
    # By no other name, and not as one value for every row.
    for chosen in ({"constants": {"text": "x"}, "columns": {"text": ""}}, {"columns": {"text": "category"}}):
        assert clerk.check(found["id"], datum="wgs84", **chosen)["check"]["locked"] == ["text"]
    left_out = clerk.check(found["id"], datum="wgs84", columns={"text": ""})
    assert (left_out["check"]["whole"], left_out["check"]["report"]["unchanged"]) == (True, len(frame))
    assert clerk.imported(left_out)["result"]["version"] is None
    assert store.version() == version
    assert set(store.read("complaints")["text"]) == {"what somebody said"}


def test_rights_that_were_lost_since_the_check_count_at_the_import(
    store: Store, persons: People, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = clerk.checked(complaints(count=6), datum="wgs84")
    desk = desk_of(persons)
    rules = desk.uploads.root / "rules"
    shutil.copytree(desk.workshop.data_folder, rules, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    roles = (rules / "roles.json").read_text("utf-8")
    (rules / "roles.json").write_text(roles.replace('"complaints", "backdrop"]', '"backdrop"]'), "utf-8")
    lost = type(desk.workshop)(store_url=desk.workshop.store_url, data_folder=rules)
    monkeypatch.setitem(persons.app.extensions, "wangge.uploads", upload.Desk(desk.uploads, lost))
    told = clerk.imported(found)
    assert "You may not import Complaints" in told["result"]["error"]["message"]
    assert store.counts()["complaints"] == 0


def test_an_import_that_is_killed_in_its_write_leaves_the_database_as_it_was(
    postgres: Cluster, database: str, tmp_path: Path, standards: Standards
) -> None:
    urls = postgres.url(database), postgres.url(database, user=APP)
    with service(tmp_path, standards, urls=urls) as (store, persons):
        clerk = Clerk(persons.signed_in("planner1", "planner"))
        found = clerk.checked(complaints(count=10), datum="wgs84")
        before = store.version()
        started: list[int] = []
        desk = desk_of(persons)

        class Watched(Workshop):
            def begin(self, given: dict[str, Any], lock: int) -> int:
                started.append(super().begin(given, lock))
                return started[-1]

        watched = Watched(store_url=desk.workshop.store_url, data_folder=desk.workshop.data_folder)
        persons.app.extensions["wangge.uploads"] = upload.Desk(desk.uploads, watched)
        with postgres.connect(database) as other, other.transaction():
            other.execute("SELECT FROM wangge.head FOR UPDATE")  # somebody else's turn
            assert clerk.confirm(found).status_code == 200
            waiting = (
                f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'"
            )
            until = time.monotonic() + PATIENCE_S
            while not postgres.execute(waiting):
                assert time.monotonic() < until
                time.sleep(0.05)
            os.kill(started[0], signal.SIGKILL)
        assert clerk.waited(found["id"])["status"] == "interrupted"
        assert (store.version(), store.counts()["complaints"]) == (before, 0)
        assert clerk.imported(found)["result"]["version"] == before + 1
        assert clerk.imported(found)["result"]["version"] == before + 1
        assert store.version() == before + 1
