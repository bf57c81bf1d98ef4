"""The file beside a GeoPackage: whose it is, what is in it, and what becomes of it when things go wrong."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import pyotp
import pytest

from layers.access.access import Access
from layers.problems import StoreMissing, StoreNewer, StoreUnusable, WanggeError
from layers.store import backup_store, copy_store, create_store
from layers.stores.access.base import SCHEMA_VERSION
from layers.visitors import WHOLE_DISTRICT
from tests.access.conftest import OpenAccess, sqlite_url
from tests.access.support import AGENT, HOME, OPERATOR, PASSWORD, Hands, access_at, person
from tests.district import small_district


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "district.gpkg.access"


def beside(file: Path) -> list[Path]:
    return [path for path in file.parent.iterdir() if path.name.startswith(file.name)]


def use_everything(access: Access, clock: Hands) -> list[str]:
    """Do something of every kind, and return every secret that was told."""
    account, code = access.add_account("zhang", "planner", WHOLE_DISTRICT, by=OPERATOR)
    initial = access.sign_in("zhang", code, address=HOME, agent=AGENT).token
    token = access.change_password(account.id, "", PASSWORD, session=initial)
    _, unspent = access.add_account("li", "planner", WHOLE_DISTRICT, by=OPERATOR)
    key = access.add_key("sync", "zhang", ["view"], by=OPERATOR)[1]
    wall_code = access.add_device("wall", "Hall", by=OPERATOR)[1]
    wall = access.enrol(wall_code)
    waiting = access.add_device("wall", "Lobby", by=OPERATOR)[1]
    link, kept_link = access.make_start_link(), access.make_start_link()
    app = pyotp.TOTP(access.totp_begin(account.id, PASSWORD)[0])
    codes = access.totp_confirm(account.id, app.generate_otp(int(clock().timestamp()) // 30))
    pending = access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT).token
    rotated = access.rotate(token)
    access.keep_flow("state-of-the-flow", {"nonce": 1})
    with pytest.raises(WanggeError):
        access.sign_in("a password typed as name", "a password typed wrong", address=HOME, agent=AGENT)
    for secret in (rotated, key, wall):
        assert secret is not None and access.visitor_of(secret) is not None
    assert wall is not None
    typed = [code, unspent, wall_code, waiting, *codes]
    return [
        *typed,
        *(one.replace("-", "") for one in typed),
        *(initial, token, rotated, pending, key, wall, link, kept_link),
        *(PASSWORD, "a password typed", "state-of-the-flow"),
    ]


def test_no_secret_is_kept_as_it_is(url: str, file: Path, clock: Hands) -> None:
    with access_at(url, clock) as access:
        secrets = use_everything(access, clock)
        live = b"".join(path.read_bytes() for path in beside(file))
    closed = file.read_bytes()
    assert b"zhang" in live and b"zhang" in closed  # it is there that they would be
    for secret in secrets:
        for written in (secret, secret.lower(), secret[4:]):
            assert written.encode() not in live, secret
            assert written.encode() not in closed, secret


def test_it_is_its_owners_alone(url: str, file: Path, clock: Hands) -> None:
    before = os.umask(0)
    try:
        with access_at(url, clock) as access:
            use_everything(access, clock)
            assert {path.name for path in beside(file)} == {
                file.name,
                file.name + "-wal",
                file.name + "-shm",
            }
            assert {stat.S_IMODE(path.stat().st_mode) for path in beside(file)} == {0o600}
    finally:
        os.umask(before)
    assert beside(file) == [file]


def test_a_copy_put_back_becomes_its_owners_alone(url: str, file: Path, clock: Hands) -> None:
    access_at(url, clock).close()
    file.chmod(0o644)
    access_at(url, clock).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_geopackage_that_is_handed_on_knows_of_no_account(tmp_path: Path, clock: Hands) -> None:
    place, layers = small_district()
    url = f"gpkg:{tmp_path / 'district.gpkg'}"
    with create_store(url, place, layers=layers) as store, access_at(url, clock) as access:
        use_everything(access, clock)
        copy_store(store, f"gpkg:{tmp_path / 'copy.gpkg'}")
        backup_store(store, tmp_path / "backup.gpkg")
    connection = apsw.Connection(str(tmp_path / "district.gpkg.access"))
    ours = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert {"accounts", "sessions", "audit"} <= ours
    for name in ("district.gpkg", "copy.gpkg", "backup.gpkg"):
        connection = apsw.Connection(str(tmp_path / name))
        theirs = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        connection.close()
        assert not theirs & ours
        assert b"zhang" not in (tmp_path / name).read_bytes()
    assert not (tmp_path / "copy.gpkg.access").exists()


def test_without_a_store_there_are_no_accounts(tmp_path: Path, clock: Hands) -> None:
    for read_only in (False, True):
        with pytest.raises(StoreMissing, match="wangge init"):
            access_at(f"gpkg:{tmp_path / 'nowhere.gpkg'}", clock, read_only=read_only)
    assert list(tmp_path.iterdir()) == []


def test_reading_alone_makes_no_file(url: str, file: Path, clock: Hands) -> None:
    with pytest.raises(StoreMissing, match="wangge user add"):
        access_at(url, clock, read_only=True)
    assert not file.exists()


def test_many_at_once_make_one_file(url: str, file: Path, clock: Hands) -> None:
    start, heads = threading.Barrier(8), []

    def run() -> None:
        start.wait()
        with access_at(url, clock) as access:
            access.record(OPERATOR, "init")
            heads.append(access.head()[0])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(heads) == 8
    with access_at(url, clock) as access:
        assert len(access.entries()) == 8 and access.verify() == []
    assert beside(file) == [file]


def damage_schema(connection: apsw.Connection) -> None:
    connection.pragma("user_version", SCHEMA_VERSION + 1)


def damage_kind(connection: apsw.Connection) -> None:
    connection.pragma("application_id", 0)


@pytest.mark.parametrize(("damage", "problem"), [(damage_schema, StoreNewer), (damage_kind, StoreUnusable)])
def test_a_file_of_another_kind_is_not_touched(
    url: str,
    file: Path,
    clock: Hands,
    damage: Callable[[apsw.Connection], None],
    problem: type[WanggeError],
) -> None:
    access_at(url, clock).close()
    connection = apsw.Connection(str(file))
    damage(connection)
    connection.close(True)
    before = file.read_bytes()
    with pytest.raises(problem):
        access_at(url, clock)
    assert file.read_bytes() == before


def test_what_is_no_database_is_refused(url: str, file: Path, clock: Hands) -> None:
    file.write_text("hello " * 1000)
    with pytest.raises(StoreUnusable):
        access_at(url, clock)
    assert file.read_text().startswith("hello")


def test_a_forked_child_goes_on_with_what_it_got(url: str, clock: Hands, open_at: OpenAccess) -> None:
    access = open_at(url)
    _, token = person(access)
    assert access.visitor_of(token) is not None
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            found = access.visitor_of(token)
            access.sign_out(token)
            os._exit(0 if found is not None and access.visitor_of(token) is None else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    access._known._asked_at -= access._backend.generation_age_s  # no waiting: the child may have been quicker
    assert access.visitor_of(token) is None
    assert access.verify() == []
