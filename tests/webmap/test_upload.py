"""Uploads through the service: who may, what is found, and that it is imported once or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from layers.imports.archives import UNPACKED
from layers.imports.jobs import Workshop
from layers.imports.upload_files import file_name, read_json, write_json
from layers.imports.uploads import _SPARE_BYTES, KEPT_S, MOST, MOST_OF_ONE, Uploads, file_of
from layers.problems import BadParameter, NotFound, StoreFull, TooMany
from layers.standards import Standards
from layers.store import Store
from tests.visitors import POLICY
from tests.webmap.access import People
from tests.webmap.uploading import (
    DATA_FOLDER,
    PATIENCE_S,
    Clerk,
    complaints,
    desk_of,
    killing,
    service,
    zip_bomb,
)
from webmap import create_app, upload
from webmap.words_upload import in_the_form, said_in_the_form

A = "114.1285,22.5455"


@pytest.fixture
def served(tmp_path: Path, standards: Standards) -> Iterator[tuple[Store, People]]:
    with service(tmp_path, standards) as made:
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


# Who may


def test_planners_may_and_nobody_else(persons: People) -> None:
    statuses = {}
    for role in ("planner", "administrator", "leader", "auditor", "subdistrict_staff", "grid_worker"):
        someone = Clerk(persons.signed_in(f"{role}1", role))
        statuses[role] = {someone.page().status_code, someone.ask("GET", "/api/uploads").status_code}
    assert statuses.pop("planner") == {200}
    assert set(map(frozenset, statuses.values())) == {frozenset({403})}
    stranger = Clerk(persons.browser())
    assert stranger.page().status_code == 401
    assert stranger.send(complaints()).status_code in (401, 403)


def test_nothing_is_read_of_a_file_that_nobody_may_send(persons: People) -> None:
    class Untouched:
        def read(self, _: int = -1) -> bytes:
            raise AssertionError("the file was read")

    for browser in (persons.browser(), persons.signed_in("leader1", "leader")):
        options: Any = {"wsgi.input": Untouched(), "CONTENT_LENGTH": str(10**7)}
        headers = {"X-CSRF-Token": "x"}
        answer = browser.client.post(
            "/api/uploads?name=a.csv&layer=complaints", environ_overrides=options, headers=headers
        )
        assert answer.status_code in (401, 403)


def test_what_is_to_hold_later_is_refused_when_it_is_checked(clerk: Clerk) -> None:
    id_ = clerk.send(complaints()).get_json()["id"]
    refused = clerk.check(id_, datum="cgcs2000", effective="2099-01-01")["check"]["error"]
    assert "2099-01-01" in refused["message"]
    assert "error" not in clerk.check(id_, datum="cgcs2000", effective="2020-01-01")["check"]


def test_an_upload_is_its_senders_alone(persons: People, clerk: Clerk) -> None:
    id_ = clerk.send(complaints()).get_json()["id"]
    other = Clerk(persons.signed_in("planner2", "planner"))
    assert other.ask("GET", "/api/uploads").get_json() == {"uploads": []}
    asked = [
        other.ask("GET", f"/api/uploads/{id_}"),
        other.ask("POST", f"/api/uploads/{id_}/check", json={}),
        other.ask("POST", f"/api/uploads/{id_}/import", json={"number": "x"}),
        other.ask("POST", f"/api/uploads/{id_}/erase", json={}),
        other.ask("GET", f"/api/uploads/{id_}/rejects.csv"),
    ]
    assert {answer.status_code for answer in asked} == {404}
    assert clerk.look(id_)["status"] == "received"


def test_a_form_of_another_page_sends_nothing(persons: People, clerk: Clerk) -> None:
    answer = clerk.browser.client.post("/api/uploads?name=a.csv&layer=complaints", data=b"x")
    assert answer.status_code == 403
    assert desk_of(persons).uploads.all() == []


# What is found, and importing it


def test_confirming_again_and_again_imports_once(store: Store, clerk: Clerk) -> None:
    found = clerk.checked(complaints(), datum="wgs84")
    before = store.version()
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(Clerk(clerk.browser).confirm(found).status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clerk.waited(found["id"])["status"] == "done"
    assert set(answers) <= {200, 400}
    assert 200 in answers
    assert clerk.confirm(found).get_json()["result"]["version"] == before + 1
    assert store.version() == before + 1
    # The same content in another upload changes nothing.
    again = clerk.checked(complaints(), datum="wgs84")
    report = again["check"]["report"]
    assert (report["inserted"], report["updated"]) == (0, 0)
    assert report["unchanged"] == report["read"]
    assert clerk.imported(again)["result"]["version"] is None
    assert store.version() == before + 1


def test_what_was_agreed_to_is_what_is_imported(store: Store, clerk: Clerk) -> None:
    found = clerk.checked(complaints(), datum="wgs84")
    clerk.check(found["id"], datum="wgs84", only={"subdistrict": ["S1"]})
    answer = clerk.confirm(found)  # of the check before
    assert answer.status_code == 409
    assert store.counts()["complaints"] == 0


def test_what_was_checked_before_a_restore_is_to_be_checked_again(store: Store, clerk: Clerk) -> None:
    found = clerk.checked(complaints(), datum="wgs84")
    another_epoch(store)
    told = clerk.imported(found)["result"]["error"]
    assert "restored or set up anew" in told["message"]
    assert store.counts()["complaints"] == 0
    assert clerk.imported(clerk.checked(complaints(), datum="wgs84"))["status"] == "done"


def another_epoch(store: Store) -> None:
    """Let a store be one that was restored."""
    with closing(sqlite3.connect(store.url.removeprefix("gpkg:"))) as connection, connection:
        connection.execute("UPDATE wangge_meta SET value = ? WHERE key = 'epoch'", ["0" * 16])


def test_columns_are_mapped_as_is_chosen(store: Store, clerk: Clerk) -> None:
    content = f"no,was,tag,x1,y1\nN1,noise,2019-01-01,{A}\n".encode()
    first = clerk.checked(content, datum="wgs84")
    assert first["status"] == "failed"
    assert first["check"]["source"]["headings"] == ["no", "was", "tag", "x1", "y1"]
    assert "--" not in str(first["check"]["error"])
    columns = {"code": "no", "category": "was", "opened": "tag"}
    second = clerk.check(first["id"], datum="wgs84", columns=columns, lon="x1", lat="y1")
    assert second["check"]["report"]["mapping"]["columns"] == columns
    clerk.imported(second)
    assert list(store.read("complaints").index) == ["N1"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("hotline.gpkg", complaints(count=3), "no GeoPackage file"),
        ("hotline.xlsx", b"SQLite format 3\x00" + bytes(200), "named as XLSX"),
        ("bomb.zip", zip_bomb(), "zip bomb"),
        ("hotline.csv", b"a,b\n\x81\xff\xff,1\n", "UTF-8"),
    ],
)
def test_what_is_not_what_it_says_is_told_in_words(
    store: Store, clerk: Clerk, name: str, content: bytes, words: str
) -> None:
    found = clerk.checked(content, name, datum="wgs84")
    assert found["status"] == "failed"
    assert words in found["check"]["error"]["message"]
    assert clerk.confirm({**found, "check": {"number": "x"}}).status_code == 409
    assert store.counts()["complaints"] == 0


# Size and names


def test_a_file_that_is_too_large_is_told_before_it_is_read(tmp_path: Path, standards: Standards) -> None:
    from layers.installation import Installation

    with service(tmp_path, standards, installation=Installation(upload_mib=1)) as (_, persons):
        clerk = Clerk(persons.signed_in("planner1", "planner"))
        answer = clerk.send(bytes(2**20 + 1))
        assert answer.status_code == 400
        assert "larger than 1 MiB" in answer.get_json()["error"]["detail"]
        assert "wangge import" in answer.get_json()["error"]["remedy"]
        assert desk_of(persons).uploads.all() == []
        assert list(desk_of(persons).uploads.root.glob("*/file")) == []


def test_other_bodies_stay_small(clerk: Clerk) -> None:
    id_ = clerk.send(complaints()).get_json()["id"]
    answer = clerk.ask("POST", f"/api/uploads/{id_}/check", json={"note": "x" * 70_000})
    assert answer.status_code == 413


def test_only_so_many_wait_at_a_time(clerk: Clerk) -> None:
    for _ in range(MOST_OF_ONE):
        assert clerk.send(b"a\n").status_code == 200
    answer = clerk.send(b"a\n")
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    [first, *_] = clerk.ask("GET", "/api/uploads").get_json()["uploads"]
    left = clerk.ask("POST", f"/api/uploads/{first['id']}/erase", json={}).get_json()["uploads"]
    assert len(left) == MOST_OF_ONE - 1
    assert clerk.send(b"a\n").status_code == 200


def together(uploads: Uploads, owners: list[str], length: int = 1) -> list[str]:
    """Have files come at once, each held up until all have been let in or refused; return what came of each."""
    outcomes: list[str] = []
    decided = threading.Barrier(len(owners))

    def send(owner: str) -> None:
        content = iter([b"a" * length, b""])
        waited: list[int] = []

        def read(_: int) -> bytes:
            if not waited:
                waited.append(decided.wait(PATIENCE_S))
            return next(content)

        try:
            uploads.receive(owner, "a.csv", "complaints", read, length)
            outcomes.append("taken")
        except (TooMany, StoreFull) as error:
            outcomes.append(type(error).__name__)
            decided.wait(PATIENCE_S)

    threads = [threading.Thread(target=send, args=[owner]) for owner in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_files_that_come_together_do_not_pass_the_bounds_together(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "up", most_bytes=100)
    more = 4
    assert together(uploads, ["one"] * (MOST_OF_ONE + more)) == ["TooMany"] * more + ["taken"] * MOST_OF_ONE
    assert len(uploads.all("one")) == MOST_OF_ONE
    # What broke off gives its place back.
    for about in uploads.all("one"):
        uploads.erase(uploads.root / about.id)
    with pytest.raises(BadParameter):
        uploads.receive("one", "a.csv", "complaints", lambda _: b"", 10)
    assert together(uploads, ["one"] * MOST_OF_ONE) == ["taken"] * MOST_OF_ONE


def test_the_bound_of_all_holds_for_those_that_come_together(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "up", most_bytes=100)
    owners = [f"planner{number % 12}" for number in range(MOST + 8)]
    assert together(uploads, owners) == ["TooMany"] * 8 + ["taken"] * MOST


def test_the_disk_is_not_promised_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = Uploads(tmp_path / "up", most_bytes=100)
    free = _SPARE_BYTES + 250  # for two of a hundred bytes each, and no third
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert together(uploads, ["one", "two", "three"], 100) == ["StoreFull", "taken", "taken"]


def test_tables_are_sent_part_by_part(persons: People, clerk: Clerk) -> None:
    found = clerk.checked(complaints(count=3, more=("X1,noise,2019-13-01,S1,114.1,22.5",)), datum="wgs84")
    table = desk_of(persons).uploads.root / found["id"] / "problems.csv"
    with table.open("ab") as file:
        file.write(b"x" * 2**20)
    answer = clerk.ask("GET", f"/api/uploads/{found['id']}/problems.csv")
    assert (answer.is_streamed, answer.headers["Cache-Control"]) == (True, "no-store")
    parts = answer.iter_encoded()
    first = next(parts)
    clerk.ask("POST", f"/api/uploads/{found['id']}/erase", json={})
    assert len(first) < 2**17 and not table.exists()
    assert (first + b"".join(parts)).endswith(b"x" * 2**20)
    answer.close()


def test_what_is_told_of_a_file_stays_small_whatever_it_holds(persons: People, clerk: Clerk) -> None:
    long = "x" * 2_000_000
    lines = complaints(count=3).decode().split()
    content = "\n".join([f"{lines[0]},channel,{long}", *(f"{line},{long},1" for line in lines[1:]), ""])
    found = clerk.checked(content.encode(), datum="wgs84")
    assert found["check"]["report"]["taken"] == 3
    assert (desk_of(persons).uploads.root / found["id"] / "check.json").stat().st_size < 100_000


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\files\\小区.xlsx", "小区.xlsx"),
        (".hidden.csv", "hidden.csv"),
        ("a\x00b\n.csv", "ab.csv"),
        ("x" * 300 + ".gpkg", "x" * 96 + ".gpkg"),
    ],
)
def test_names_of_files_lead_nowhere(given: str, name: str) -> None:
    assert file_name(given) == name


@pytest.mark.parametrize("given", ["", "/", "..", "a.thisisnoending"])
def test_names_that_are_none(given: str) -> None:
    with pytest.raises(BadParameter):
        file_name(given)


# Processes that die, and time that passes


def test_what_failed_before_does_not_stand_for_an_import_that_was_killed(
    persons: People, clerk: Clerk
) -> None:
    found = clerk.checked(complaints(), datum="wgs84")
    desk = desk_of(persons)
    folder = desk.uploads.root / found["id"]
    write_json(folder / "job.json", (read_json(folder / "job.json") or {}) | {"kind": "import"})
    failed = {"zh": {"message": "忙"}, "en": {"message": "busy"}}
    write_json(folder / "result.json", {"number": found["check"]["number"], "error": failed})
    assert clerk.look(found["id"])["status"] == "checked"
    persons.app.extensions["wangge.uploads"] = upload.Desk(desk.uploads, killing(desk.workshop))
    assert clerk.confirm(found).status_code == 200
    told = clerk.waited(found["id"])
    assert (told["status"], told["result"]) == ("interrupted", None)


def test_what_a_killed_process_had_unpacked_goes_with_the_next(persons: People, clerk: Clerk) -> None:
    id_ = clerk.send(complaints(count=10)).get_json()["id"]
    left = desk_of(persons).uploads.root / id_ / f"{UNPACKED}abc"
    left.mkdir()
    (left / "source.shp").touch()
    assert clerk.check(id_, datum="wgs84")["status"] == "checked"
    assert not left.exists()


def test_another_process_goes_on_with_an_upload(
    store: Store, persons: People, clerk: Clerk, standards: Standards
) -> None:
    found = clerk.checked(complaints(), datum="wgs84")
    # Two services over one folder share nothing but what is on the disk.
    other = create_app(store, standards, POLICY, access=persons.access)
    upload.register_at(other, Workshop(store_url=store.url, data_folder=DATA_FOLDER))
    elsewhere = People(persons.access, persons.clock, other).browser_of("planner1")
    there = Clerk(elsewhere)
    assert there.imported(found)["status"] == "done"
    assert clerk.look(found["id"])["status"] == "done"


def test_uploads_are_erased_after_an_hour_and_leftovers_at_once(tmp_path: Path) -> None:
    now = time.time()
    uploads = Uploads(tmp_path / "up", most_bytes=100, clock=lambda: now)
    content = iter([b"a,b\n", b""])
    about = uploads.receive("one", "a.csv", "complaints", lambda _: next(content), None)
    folder = uploads.root / about.id
    assert {path.stat().st_mode & 0o777 for path in (uploads.root, folder)} == {0o700}
    assert (folder / "file" / "a.csv").stat().st_mode & 0o777 == 0o600
    half = uploads.root / ("0" * 32)
    half.mkdir()
    os.utime(half, (now - 120, now - 120))
    assert uploads.sweep() == 1
    assert [about.id] == [one.id for one in uploads.all()]
    now += KEPT_S + 1
    with uploads.working(folder):  # whoever works at it is not disturbed
        os.utime(folder / "about.json", (now - KEPT_S - 1, now - KEPT_S - 1))
        assert uploads.sweep() == 0
    assert uploads.sweep() == 1
    assert not folder.exists()


@pytest.mark.parametrize("length", [None, 10])
def test_a_file_that_breaks_off_leaves_nothing(tmp_path: Path, length: int | None) -> None:
    uploads = Uploads(tmp_path / "up", most_bytes=100)
    content = iter([b"a,b\n", b""] if length else [b"x" * 60, b"x" * 60])
    with pytest.raises(BadParameter):
        uploads.receive("one", "a.csv", "complaints", lambda _: next(content), length)
    assert uploads.all() == []
    assert [one for one in uploads.root.iterdir() if one.is_dir()] == []


def test_a_worker_of_an_upload_keeps_others_off(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "up", most_bytes=100)
    content = iter([b"a", b""])
    about = uploads.receive("one", "a.csv", "complaints", lambda _: next(content), None)
    folder = uploads.root / about.id
    with uploads.working(folder):
        assert uploads.state(folder).status == "working"
        with pytest.raises(BadParameter), uploads.working(folder):
            pass
        with pytest.raises(BadParameter):
            uploads.erase(folder)
    write_json(folder / "job.json", {"kind": "check", "number": "1"})
    assert uploads.state(folder).status == "interrupted"


def test_who_waited_for_an_upload_that_is_erased_finds_none(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "up", most_bytes=100)
    content = iter([b"a", b""])
    about = uploads.receive("one", "a.csv", "complaints", lambda _: next(content), None)
    folder = uploads.root / about.id
    found: list[object] = []

    def wait() -> None:
        try:
            with uploads.working(folder):
                found.append("an upload")
        except NotFound as error:
            found.append(type(error))

    waiting = threading.Thread(target=wait)
    with uploads.working(folder):
        waiting.start()
        time.sleep(0.3)  # it has the lock's file open by now
        shutil.rmtree(folder)
    waiting.join()
    assert found == [NotFound] and not folder.exists()


def test_what_a_killed_reader_left_is_not_taken_for_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    for name in ("a.gpkg-shm", "a.gpkg-wal", "a.gpkg"):
        assert file_of(tmp_path, "a.gpkg") is None
        (tmp_path / "file" / name).touch()
    assert file_of(tmp_path, "a.gpkg") == tmp_path / "file" / "a.gpkg"


# Words


def test_sentences_of_the_command_line_are_said_in_the_forms_words() -> None:
    said = said_in_the_form("请用 --datum wgs84|cgcs2000|gcj02|bd09，或 --crs EPSG:n 说明。", "zh")
    assert said == "请用 “坐标基准” WGS 84 / CGCS2000 / GCJ-02 / BD-09，或 “坐标系” EPSG:n 说明。"
    data = {
        "first": [["--datum"]],
        "problems": [{"field": "--map", "value": "--map", "remedy": "Use --map x=y."}],
    }
    changed = in_the_form(data, "en")
    assert changed["first"] == [["--datum"]]
    assert changed["problems"][0]["value"] == "--map"
    assert "--" not in changed["problems"][0]["remedy"] + changed["problems"][0]["field"]
