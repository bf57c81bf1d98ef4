"""Accounts, keys, devices and the audit log: backed up, restored, copied between kinds of stores."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import apsw
import pyotp
import pytest

from layers.problems import WanggeError
from layers.store import copy_store, create_store, open_store, utc_now
from layers.stores.access import copying
from layers.stores.access.base import PRIVILEGES
from layers.stores.access.opening import backend_of
from layers.visitors import WHOLE_DISTRICT
from tests.access.support import AGENT, HOME, OPERATOR, PASSWORD, QUICK, access_at, person
from tests.district import small_district
from tests.layers.typed import done, run

Url = Callable[[str], str]
CONTENT = {"where": "double_none", "unit": "communities"}
IMMUTABLE = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
LASTING = sorted(set(PRIVILEGES) - {"sessions", "links", "flows", "head", "meta"})
OTHER = {"gpkg": "postgis", "postgis": "gpkg"}


def used(url: str) -> dict[str, Any]:
    """Do something of every kind that lasts, and return what it is known by."""
    with access_at(url, utc_now) as access:
        zhang, session = person(access)
        access.add_account("li", "planner", zhang.area, by=OPERATOR)
        key = access.add_key("sync", "zhang", ["view"], by=OPERATOR)[1]
        wall = access.enrol(access.add_device("wall", "大厅", by=OPERATOR)[1])
        access.totp_confirm(zhang.id, _code(access.totp_begin(zhang.id, PASSWORD)[0]))
        with pytest.raises(WanggeError):
            access.sign_in("li", "wrong", address=HOME, agent=AGENT)
        for number in range(230):
            access.record(OPERATOR, "export", what=f"file {number}")
        planner = access.visitor_of(session)
        assert planner is not None
        access.save(planner, "conditions", "双无缺照料", CONTENT)
        access.package_key()
        access.purge(audit_before=utc_now(), by=OPERATOR)
        return {"session": session, "key": key, "wall": wall, "head": access.head()}


def _code(secret: str) -> str:
    return pyotp.TOTP(secret).now()


def tables(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows that last, of every table."""
    with closing(backend_of(url, QUICK, read_only=True)) as backend, backend.reading() as transaction:
        return {name: transaction.run(f"SELECT * FROM {name} ORDER BY 1, 2") for name in LASTING}


def assert_taken_over(url: str, known: dict[str, Any], before: dict[str, list[tuple[Any, ...]]]) -> None:
    """Assert that all is there as it was, that the log goes on from where it was, and nobody is signed in."""
    after = tables(url)
    log = len(before["audit"])
    assert {**after, "audit": after["audit"][:log]} == before
    assert all(before.values())  # nothing of it is equal for being empty
    with access_at(url, utc_now) as access:
        assert list(access.verify(expect=known["head"])) == []
        assert access.visitor_of(known["key"]) is not None
        assert access.visitor_of(known["wall"]) is not None
        assert access.visitor_of(known["session"]) is None
        assert access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT).needs_totp


@pytest.mark.parametrize("target", ["gpkg", "postgis"])
def test_accounts_are_restored_as_they_were(
    store_url: str, target: str, new_url: Url, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_PAGE", 100)
    known = used(store_url)
    file, accounts = tmp_path / "backup.gpkg", tmp_path / "new" / "backup.access"
    said = done("backup", file, "--accounts", accounts, store=store_url)
    assert "accounts: 2" in said
    assert stat.S_IMODE(accounts.stat().st_mode) == 0o600
    assert [path.name for path in accounts.parent.iterdir()] == ["backup.access"]
    assert b"zhang" not in file.read_bytes()
    place = new_url(target)
    assert "accounts: 2" in done("restore", file, "--accounts", accounts, store=place)
    assert_taken_over(place, known, tables(store_url))
    with access_at(place, utc_now) as access:
        assert [entry.action for entry in access.entries(since=known["head"][0])][:2] == ["backup", "restore"]


def test_accounts_go_to_the_other_kind_of_store_where_that_is_said(
    store_url: str, store_kind: str, new_url: Url
) -> None:
    known = used(store_url)
    there, bare = new_url(OTHER[store_kind]), new_url(OTHER[store_kind])
    assert "accounts: 2" in done("copy", "--to", there, "--accounts", store=store_url)
    assert_taken_over(there, known, tables(store_url))
    done("copy", "--to", bare, store=store_url)
    assert tables(bare)["accounts"] == []


def test_accounts_are_restored_alone(store_url: str, store_kind: str, new_url: Url, tmp_path: Path) -> None:
    known, place = used(store_url), new_url(store_kind)
    accounts = tmp_path / "a.access"
    done("backup", tmp_path / "b.gpkg", "--accounts", accounts, store=store_url)
    with open_store(store_url) as store:
        copy_store(store, place)
    done("restore", "--accounts", accounts, store=place)
    assert_taken_over(place, known, tables(store_url))


def test_accounts_that_are_there_are_not_overwritten(
    store_url: str, store_kind: str, new_url: Url, tmp_path: Path
) -> None:
    used(store_url)
    file, accounts = tmp_path / "b.gpkg", tmp_path / "b.access"
    done("backup", file, "--accounts", accounts, store=store_url)
    before = accounts.read_bytes()
    again = run("backup", tmp_path / "c.gpkg", "--accounts", accounts, store=store_url)
    assert again.exit_code == 1 and "not overwritten" in again.stderr
    assert not (tmp_path / "c.gpkg").exists() and accounts.read_bytes() == before

    begun = new_url(store_kind)
    done("init", "--name", "空", "--metric-crs", "EPSG:4547", store=begun)
    kept = tables(begun)
    for refused in (
        run("restore", file, "--accounts", accounts, store=begun),
        run("restore", "--accounts", accounts, store=begun),
        run("copy", "--to", begun, "--accounts", store=store_url),
    ):
        assert refused.exit_code == 1 and "accounts or an audit log already" in refused.stderr
        assert tables(begun) == kept
        with open_store(begun) as store:
            assert store.version() == 0


@pytest.mark.parametrize("content", [None, b"", b"no accounts at all" * 99, "another database"])
def test_what_is_no_backup_of_accounts_restores_nothing(
    store_url: str, new_url: Url, tmp_path: Path, content: bytes | str | None
) -> None:
    file, accounts, place = tmp_path / "b.gpkg", tmp_path / "b.access", new_url("gpkg")
    done("backup", file, store=store_url)
    if isinstance(content, bytes):
        accounts.write_bytes(content)
    elif content is not None:
        with closing(apsw.Connection(str(accounts))) as connection:
            connection.execute("CREATE TABLE accounts (id TEXT)")
    refused = run("restore", file, "--accounts", accounts, store=place)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, SystemExit) and refused.stderr
    assert not Path(place.removeprefix("gpkg:")).exists()
    nothing = run("restore", store=place)
    assert nothing.exit_code == 1 and "--accounts" in nothing.stderr


def test_a_backup_of_an_older_program_is_brought_up(store_url: str, new_url: Url, tmp_path: Path) -> None:
    known = used(store_url)
    file, accounts, place = tmp_path / "b.gpkg", tmp_path / "b.access", new_url("gpkg")
    done("backup", file, "--accounts", accounts, store=store_url)
    with closing(apsw.Connection(str(accounts))) as connection:
        connection.execute("DROP TABLE package_keys; PRAGMA user_version = 2")
    accounts.chmod(0o400)
    before = accounts.read_bytes()
    done("restore", file, "--accounts", accounts, store=place)
    assert accounts.read_bytes() == before
    old, new = tables(store_url), tables(place)
    assert new.pop("package_keys") == [] != old.pop("package_keys")
    assert new.pop("audit")[: len(old["audit"])] == old.pop("audit")
    assert new == old
    with access_at(place, utc_now) as access:
        assert list(access.verify(expect=known["head"])) == []


def test_a_backup_taken_while_others_write_is_of_one_moment(
    store_url: str, tmp_path: Path, new_url: Url
) -> None:
    used(store_url)
    stop = Event()

    def write() -> None:
        with access_at(store_url, utc_now) as access:
            while not stop.is_set():
                access.record(OPERATOR, "export")

    writers = [Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for number in range(3):
            accounts, place = tmp_path / f"{number}.access", new_url("gpkg")
            done("backup", tmp_path / f"{number}.gpkg", "--accounts", accounts, store=store_url)
            done("restore", tmp_path / f"{number}.gpkg", "--accounts", accounts, store=place)
            with access_at(place, utc_now) as access:
                assert list(access.verify()) == []
                assert len(access.accounts()) == 2
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_a_backup_needs_no_log_beside_it(store_url: str, tmp_path: Path) -> None:
    """What is still in a log is lost with it, and where the disk is full SQLite leaves it there without a word."""
    used(store_url)
    accounts = tmp_path / "a.access"
    done("backup", tmp_path / "b.gpkg", "--accounts", accounts, store=store_url)
    assert accounts.read_bytes()[18:20] == b"\x01\x01"  # read and written without a write-ahead log
    assert [path.name for path in tmp_path.glob("a.access*")] == ["a.access"]
    with closing(apsw.Connection(f"file:{accounts}?immutable=1", flags=IMMUTABLE)) as connection:
        assert connection.pragma("integrity_check") == "ok"
        assert connection.execute("SELECT count(*) FROM accounts").get == 2


def test_a_file_put_aside_with_its_log_is_restored_whole(new_url: Url, tmp_path: Path) -> None:
    url, place, aside = new_url("gpkg"), new_url("gpkg"), tmp_path / "aside.access"
    for store in (url, place):
        district, frames = small_district()
        create_store(store, district, layers=frames).close()
    file = Path(url.removeprefix("gpkg:") + ".access")
    with access_at(url, utc_now) as access:
        access.add_account("zhang", "planner", WHOLE_DISTRICT, by=OPERATOR)
        # As a server leaves it that was killed: what was written last is in the log alone.
        for ending in ("", "-wal"):
            shutil.copyfile(f"{file}{ending}", f"{aside}{ending}")
    assert Path(f"{aside}-wal").stat().st_size
    assert "accounts: 1" in done("restore", "--accounts", aside, store=place)


def test_the_log_of_lost_accounts_is_not_taken_for_that_of_others(new_url: Url, tmp_path: Path) -> None:
    url, accounts = new_url("gpkg"), tmp_path / "a.access"
    district, frames = small_district()
    create_store(url, district, layers=frames).close()
    file = Path(url.removeprefix("gpkg:") + ".access")
    with access_at(url, utc_now) as access:
        access.add_account("zhang", "planner", WHOLE_DISTRICT, by=OPERATOR)
        done("backup", tmp_path / "b.gpkg", "--accounts", accounts, store=url)
        log = Path(f"{file}-wal").read_bytes()
    file.rename(tmp_path / "damaged")
    Path(f"{file}-wal").write_bytes(log)
    for refused in (run("restore", "--accounts", accounts, store=url), run("user", "list", store=url)):
        assert refused.exit_code == 1
    assert "-wal" in run("restore", "--accounts", accounts, store=url).stderr
    assert not file.exists() and Path(f"{file}-wal").read_bytes() == log
    Path(f"{file}-wal").unlink()
    done("restore", "--accounts", accounts, store=url)


def test_both_backups_are_made_or_neither(store_url: str, tmp_path: Path) -> None:
    file = tmp_path / "b.gpkg"
    same = run("backup", file, "--accounts", tmp_path / "." / "b.gpkg", store=store_url)
    assert same.exit_code == 1 and "file of its own" in same.stderr
    (tmp_path / "no folder").write_text("")
    for accounts in (tmp_path / "no folder" / "a.access", Path("/proc/a.access")):
        refused = run("backup", file, "--accounts", accounts, store=store_url)
        assert refused.exit_code == 1 and isinstance(refused.exception, SystemExit)
        assert not file.exists()
