"""What is erased is not in the store's files either; where something may be left, that is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from layers.problems import StoreBusy, StoreUnusable, WanggeError
from layers.store import Authorship, Store, create_store, open_store
from layers.stores.geopackage import records
from layers.stores.geopackage.connection import Database
from layers.stores.geopackage.files import beside
from tests.layers.store_contract import PLACE, points
from tests.postgres import APP, Cluster

SECRETS = [f"电话一三八{k:04}号" for k in range(40)]
CODES = [f"c{k:04}" for k in range(len(SECRETS))]


def filled(url: str) -> Store:
    """Return a store in which every secret was written, replaced by another and cleared, and some deleted."""
    store = create_store(url, PLACE)
    store.insert("complaints", points(CODES, text=SECRETS))
    store.update("complaints", points(CODES, text=SECRETS[::-1], category="moved"))
    store.update("complaints", points(CODES[:10], text=None, category="cleared"))
    store.delete("complaints", CODES[-10:])
    return store


def found_in_files(path: Path) -> set[str]:
    """Return which secrets the file and those beside it hold, in whatever page."""
    held = b"".join(file.read_bytes() for file in (path, *beside(path)) if file.exists())
    return {secret for secret in SECRETS if secret.encode() in held or secret.encode("utf-16-le") in held}


def test_no_trace_is_left_in_the_file_or_its_log(
    tmp_path: Path, validate_gpkg: Callable[[Path], None]
) -> None:
    path = tmp_path / "store.gpkg"
    with filled(f"gpkg:{path}") as store, closing(apsw.Connection(str(path))) as other:
        # Another program that is not careful: what it deletes stays in the pages.
        other.execute("CREATE TABLE other (x); ")
        other.executemany("INSERT INTO other VALUES (?)", [[secret] for secret in SECRETS])
        other.execute("DELETE FROM other")
        assert found_in_files(path) == set(SECRETS)
        done = store.erase("complaints", "text", CODES, by=Authorship(who="安"))
        assert (done.present, done.past, done.remains) == (30, 10, None)
        assert found_in_files(path) == set()
        assert store.verify() == []
        store.upsert("complaints", points(["new"], text="new"))
        assert store.counts()["complaints"] == 31
    assert found_in_files(path) == set()
    validate_gpkg(path)


@pytest.mark.parametrize("step", ["rewrite", "note_traces"])
def test_what_was_interrupted_is_finished_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "store.gpkg"
    where, note = (Database, None) if step == "rewrite" else (records, records.note_traces)

    def dies(*_: object, there: bool = False) -> None:
        if there and note is not None:
            note(*_, there=there)  # type: ignore[arg-type]
            return
        raise KeyboardInterrupt

    with filled(f"gpkg:{path}") as store:
        with monkeypatch.context() as patched:
            patched.setattr(where, step, dies)
            with pytest.raises(KeyboardInterrupt):
                store.erase("complaints", "text", CODES)
        assert store.holding("complaints", "text").empty
        assert bool(found_in_files(path)) == (step == "rewrite")
    with open_store(f"gpkg:{path}") as store:
        done = store.erase("complaints", "text", [])
        assert (done.present, done.past) == (0, 0)
        assert found_in_files(path) == set()
        with store._database.reading() as connection:  # type: ignore[attr-defined]
            assert not records.traces_noted(connection)


def test_a_reader_of_the_log_keeps_traces_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "store.gpkg"
    filled(f"gpkg:{path}").close()
    from layers.store import StoreSettings

    hurried = StoreSettings(write_wait_s=0.2)
    with (
        open_store(f"gpkg:{path}", settings=hurried) as store,
        closing(apsw.Connection(str(path))) as reader,
    ):
        store.upsert("complaints", points(["new"]))
        reader.execute("BEGIN; SELECT count(*) FROM complaints")
        with pytest.raises(StoreBusy, match="traces") as caught:
            store.erase("complaints", "text", CODES)
        assert "残留" in caught.value.sentence("zh")
        assert store.holding("complaints", "text").empty
        reader.execute("COMMIT")
        store.erase("complaints", "text", [])
        assert found_in_files(path) == set()


def test_killed_in_the_middle_it_is_done_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "store.gpkg"
    filled(f"gpkg:{path}").close()
    victim = (
        "import sys; from layers.store import open_store\n"
        "with open_store(sys.argv[1]) as store:\n"
        "    print('ready', flush=True)\n"
        "    store.erase('complaints', 'text', sys.argv[2:])\n"
        "    print('done', flush=True)\n"
    )
    for attempt in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", victim, f"gpkg:{path}", *CODES], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        try:
            process.wait(attempt * 0.004)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        with open_store(f"gpkg:{path}") as store:
            assert len(store.holding("complaints", "text")) in (0, len(CODES))
            assert store.verify() == []
            assert store.version() in (4, 5)
    with open_store(f"gpkg:{path}") as store:
        store.erase("complaints", "text", CODES)
        assert store.holding("complaints", "text").empty
    assert found_in_files(path) == set()


def test_on_a_server_it_says_what_is_left_to_do(postgis_url: str) -> None:
    with filled(postgis_url) as store:
        told = store.erase("complaints", "text", CODES).remains
        assert told is not None
        assert 'VACUUM FULL "wangge"."complaints", "wangge"."history";' in told.en
        assert "VACUUM FULL" in told.zh


def test_the_application_role_cannot_rewrite_the_past(postgres: Cluster, database: str) -> None:
    from layers.store import StoreSettings
    from layers.stores.postgis.store import grant_to

    owner, by_app = postgres.url(database), postgres.url(database, user=APP)
    filled(owner).close()
    grant_to(owner, APP, settings=StoreSettings())
    with open_store(by_app) as store:
        assert len(store.holding("complaints", "text")) == len(CODES)
        with pytest.raises(WanggeError) as caught:
            store.erase("complaints", "text", CODES)
        assert "owns the store" in str(caught.value)
        assert isinstance(caught.value, StoreUnusable)
        assert len(store.holding("complaints", "text")) == len(CODES)
