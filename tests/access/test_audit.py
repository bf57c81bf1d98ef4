"""The audit log: what it keeps, that it only grows, and that whatever is done to it shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.access import audit
from layers.access.access import Access
from layers.access.model import AuditFault
from layers.problems import StoreUnusable, WanggeError
from layers.stores.access.base import Value
from layers.visitors import RESIDENT, Visitor
from tests.access.conftest import OpenAccess, sqlite_url
from tests.access.support import AGENT, HOME, OPERATOR, Hands, access_at, person
from tests.postgres import APP, Cluster

ZHANG = Visitor("planner", account="0" * 12, name="张三", via="session")


def faults(access: Access, expect: tuple[int, str] | None = None) -> list[tuple[str, int | None]]:
    return [(fault.id, fault.seq) for fault in access.verify(expect=expect)]


# What is kept


def test_an_entry_says_who_did_what_to_which_rows_why_and_from_where(access: Access, clock: Hands) -> None:
    codes = [f"{number:04}" for number in range(150)]
    seq = access.record(
        ZHANG,
        "export",
        what="contacts.csv",
        layer="reports",
        codes=codes,
        fields=["phone", "text"],
        purpose="回访 12 件",
        origin=HOME,
    )
    (entry,) = access.entries()
    assert (seq, entry.seq, entry.at, entry.previous) == (1, 1, clock(), "")
    assert (entry.actor, entry.name, entry.role, entry.via) == ("0" * 12, "张三", "planner", "session")
    assert (entry.action, entry.what, entry.layer, entry.outcome) == (
        "export",
        "contacts.csv",
        "reports",
        "done",
    )
    assert (entry.codes, entry.count, entry.fields) == (tuple(codes[:100]), 150, ("phone", "text"))
    assert (entry.purpose, entry.origin) == ("回访 12 件", HOME)
    assert access.head() == (1, entry.hash)
    access.record(RESIDENT, "refused", outcome="refused", count=7)
    access.record(OPERATOR, "backup", outcome="failed")
    second, third = access.entries(since=1)
    assert (second.previous, second.actor, second.codes, second.count) == (entry.hash, "", (), 7)
    assert (third.origin, third.name, third.count) == ("command", "root", None)
    assert access.verify() == []
    with pytest.raises(ValueError, match="maybe"):
        access.record(OPERATOR, "x", outcome="maybe")  # type: ignore[arg-type]


@given(
    texts=st.lists(st.text(st.characters(), max_size=500), min_size=5, max_size=5),
    codes=st.lists(st.text(st.characters()), max_size=3),
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_recorded_verifies(access: Access, texts: list[str], codes: list[str]) -> None:
    name, what, layer, purpose, origin = texts
    seq = access.record(
        Visitor("planner", name=name, via="session"),
        "export",
        what=what,
        layer=layer,
        purpose=purpose,
        origin=origin,
        codes=codes,
        fields=codes,
    )
    assert access.verify() == []
    (entry,) = access.entries(since=seq - 1)
    for kept in (entry.name, entry.what, entry.layer, entry.purpose, entry.origin, *entry.codes):
        assert len(kept) <= 400 and not {"\n", "\r", "\x00", "\u2028", "\u202e"} & set(kept)


def test_entries_are_found_by_who_what_and_when(access: Access, clock: Hands) -> None:
    moments = []
    for number in range(30):
        access.record(ZHANG if number % 3 else OPERATOR, "export" if number % 2 else "import")
        moments.append(clock())
        clock.move(minutes=1)

    def found(**asked: Any) -> list[int]:
        return [entry.seq for entry in access.entries(**asked)]

    assert found() == list(range(1, 31))
    assert found(since=25) == [26, 27, 28, 29, 30]
    assert found(since=5, limit=3) == [6, 7, 8]
    assert found(before=4) == [3, 2, 1]
    assert found(before=31, limit=2) == [30, 29]
    assert found(who="张三", action="export", limit=3) == [2, 6, 8]
    assert found(who="0" * 12) == found(who="张三")
    assert found(first=moments[10], last=moments[12]) == [11, 12, 13]
    assert found(who="nobody") == found(action="' OR 1=1 --") == []


def test_every_change_of_accounts_is_recorded_with_who_and_whence(access: Access) -> None:
    _, token = person(access, "boss", "administrator")
    boss = access.visitor_of(token)
    assert boss is not None
    since = access.head()[0]
    access.add_account("li", "planner", boss.area, by=boss, origin=HOME)
    access.change_role("li", "leader", boss.area, by=boss, origin=HOME)
    access.disable("li", by=boss, origin=HOME)
    access.enable("li", by=boss, origin=HOME)
    access.reset("li", by=boss, origin=HOME)
    key, _ = access.add_key("k", "li", ["view"], by=boss, origin=HOME)
    access.revoke_key(key.id, by=boss, origin=HOME)
    device, _ = access.add_device("wall", "w", by=boss, origin=HOME)
    access.revoke_device(device.id, by=boss, origin=HOME)
    entries = access.entries(since=since)
    assert [(entry.action, entry.what) for entry in entries] == [
        ("account_added", "li planner district"),
        ("account_changed", "li leader district"),
        ("account_disabled", "li"),
        ("account_enabled", "li"),
        ("account_reset", "li"),
        ("key_added", "k (li: view)"),
        ("key_revoked", "k"),
        ("device_added", "wall w"),
        ("device_revoked", "wall w"),
    ]
    assert {(entry.actor, entry.name, entry.via, entry.origin) for entry in entries} == {
        (boss.account, "boss", "session", HOME)
    }


def test_a_failed_sign_in_names_the_account_and_never_what_was_typed_for_one(access: Access) -> None:
    person(access)
    for name in ("ZHANG", "my secret password"):
        with pytest.raises(WanggeError):
            access.sign_in(name, "wrong password", address=HOME, agent=AGENT)
    entries = access.entries(action="sign_in_failed")
    assert [(entry.what, entry.role, entry.origin, entry.outcome) for entry in entries] == [
        ("zhang", "resident", HOME, "failed"),
        ("", "resident", HOME, "failed"),
    ]


def test_what_fails_leaves_no_entry(access: Access) -> None:
    person(access)
    head = access.head()
    with pytest.raises(WanggeError):
        access.add_account("zhang", "planner", ZHANG.area, by=OPERATOR)
    with pytest.raises(WanggeError):
        access.add_key("x", "zhang", ["own"], by=OPERATOR)
    assert access.head() == head


# It only grows


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET what = 'x'",
        "UPDATE audit SET hash = hash WHERE seq = 2",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = 3",
        "UPDATE audit_checkpoints SET seq = 5",
        "DELETE FROM audit_checkpoints",
    ],
)
def test_entries_are_neither_changed_nor_deleted(owner: Access, statement: str) -> None:
    for _ in range(3):
        owner.record(ZHANG, "export")
    with owner._writing() as transaction:
        transaction.run("INSERT INTO audit_checkpoints VALUES (1, '', 0)")
    with pytest.raises(WanggeError), owner._writing() as transaction:
        transaction.run(statement)
    assert len(owner.entries()) == 3


def test_an_entry_is_not_overwritten_either(tmp_path: Path, clock: Hands) -> None:
    with access_at(sqlite_url(tmp_path), clock) as access:
        for _ in range(3):
            access.record(ZHANG, "export")
        for statement in (
            "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
            "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 3",
            "UPDATE OR REPLACE audit SET seq = 2 WHERE seq = 3",
        ):
            with pytest.raises(StoreUnusable), access._writing() as transaction:
                transaction.run(statement)
        assert access.verify() == []


# Whatever is done to it shows


class Raw:
    """A transaction of somebody who may write the file: without triggers, undone at the end."""

    def __init__(self, path: Path) -> None:
        self.connection = apsw.Connection(str(path))
        self.connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        self.connection.execute("BEGIN")

    def run(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, values).fetchall()

    def found(self, expect: audit.Head | None = None) -> list[AuditFault]:
        return list(audit.verify(self, expect))

    def close(self) -> None:
        self.connection.execute("ROLLBACK")
        self.connection.close()


ENTRIES = 12


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a log of `ENTRIES` entries of which no two are alike."""
    folder = tmp_path_factory.mktemp("audit")
    clock = Hands()
    with access_at(sqlite_url(folder), clock) as access:
        for number in range(ENTRIES):
            clock.move(seconds=number)
            access.record(
                ZHANG if number % 2 else OPERATOR,
                f"export{number}",
                what=f"文件 {number}",
                layer="complaints",
                codes=[f"{number}-{code}" for code in range(number % 4)],
                fields=["text"] * (number % 2),
                purpose=f"purpose {number}",
                origin=f"192.0.2.{number}",
                outcome="failed" if number == 5 else "done",
            )
    path = folder / "district.gpkg.access"
    assert not path.with_name(path.name + "-wal").exists()
    return path


@pytest.fixture
def raw(kept: Path) -> Iterator[Raw]:
    found = Raw(kept)
    yield found
    found.close()


def in_raw(kept: Path, change: Callable[[Raw], object], expect: audit.Head | None = None) -> list[AuditFault]:
    raw = Raw(kept)
    try:
        change(raw)
        return raw.found(expect)
    finally:
        raw.close()


def test_untouched_it_verifies(raw: Raw) -> None:
    assert raw.found() == []
    assert raw.found(audit.head(raw)) == []
    ((third,),) = raw.run("SELECT hash FROM audit WHERE seq = 3")
    assert raw.found((3, third)) == []


numbers = st.integers(1, ENTRIES)
values = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=30))


@given(seq=numbers, column=st.sampled_from((*audit.COLUMNS, "hash")), value=values)
@settings(max_examples=300)
def test_every_changed_field_is_found(kept: Path, seq: int, column: str, value: str | int | None) -> None:
    raw = Raw(kept)
    try:
        before = raw.run("SELECT * FROM audit ORDER BY seq")
        try:
            raw.run(f"UPDATE audit SET {column} = ? WHERE seq = ?", value, seq)
        except (apsw.ConstraintError, apsw.MismatchError):
            return  # the table itself does not take it
        assert bool(raw.found()) is (raw.run("SELECT * FROM audit ORDER BY seq") != before)
    finally:
        raw.close()


@given(seq=numbers, column=st.sampled_from(audit.COLUMNS), data=st.data())
@settings(max_examples=300)
def test_every_changed_letter_is_found(kept: Path, seq: int, column: str, data: st.DataObject) -> None:
    raw = Raw(kept)
    try:
        ((value,),) = raw.run(f"SELECT {column} FROM audit WHERE seq = ?", seq)
        if not isinstance(value, str) or not value:
            return
        at = data.draw(st.integers(0, len(value) - 1))
        letter = data.draw(st.characters(exclude_characters=value[at], exclude_categories=["Cs"]))
        raw.run(f"UPDATE audit SET {column} = ? WHERE seq = ?", value[:at] + letter + value[at + 1 :], seq)
        assert raw.found() != []
    finally:
        raw.close()


@given(gone=st.sets(numbers, min_size=1))
def test_every_removed_entry_is_found(kept: Path, gone: set[int]) -> None:
    def remove(raw: Raw) -> None:
        for seq in gone:
            raw.run("DELETE FROM audit WHERE seq = ?", seq)

    assert in_raw(kept, remove)


@given(one=numbers, other=numbers, bare=st.booleans())
def test_swapped_entries_are_found(kept: Path, one: int, other: int, bare: bool) -> None:
    """Swapped as they are, or (`bare`) with the links between them mended."""

    def swap(raw: Raw) -> None:
        rows = {seq: raw.run("SELECT * FROM audit WHERE seq = ?", seq)[0] for seq in (one, other)}
        raw.run("DELETE FROM audit WHERE seq IN (?, ?)", one, other)
        for seq, row in zip((one, other), (rows[other], rows[one]), strict=True):
            links = rows[seq][-2:] if bare else row[-2:]
            raw.run(f"INSERT INTO audit VALUES ({', '.join('?' * 17)})", seq, *row[1:-2], *links)

    if one != other:
        assert in_raw(kept, swap)


@given(last=st.integers(0, ENTRIES - 1))
def test_a_cut_end_is_found(kept: Path, last: int) -> None:
    def cut(raw: Raw) -> None:
        raw.run("DELETE FROM audit WHERE seq > ?", last)

    def cut_and_mend(raw: Raw) -> None:
        cut(raw)
        raw.run(
            "UPDATE head SET seq = ?, hash = coalesce((SELECT hash FROM audit WHERE seq = ?), '')", last, last
        )

    assert [fault.id for fault in in_raw(kept, cut)] == ["tail"]
    raw = Raw(kept)
    anchor = audit.head(raw)
    raw.close()
    assert in_raw(kept, cut_and_mend) == []  # nothing within the file can tell
    assert [fault.id for fault in in_raw(kept, cut_and_mend, anchor)] == ["anchor"]


@given(seq=numbers)
def test_a_chain_made_anew_is_found_by_what_was_noted_elsewhere(kept: Path, seq: int) -> None:
    def forge(raw: Raw) -> None:
        rows = raw.run("SELECT * FROM audit WHERE seq >= ? ORDER BY seq", seq)
        ((link,),) = raw.run("SELECT coalesce((SELECT hash FROM audit WHERE seq = ?), '')", seq - 1)
        raw.run("DELETE FROM audit WHERE seq >= ?", seq)
        for number, row in enumerate(rows):
            forged = [*row[:15], link]
            forged[7] = "nothing" if number == 0 else forged[7]
            link = audit._hash(forged)
            raw.run(f"INSERT INTO audit VALUES ({', '.join('?' * 17)})", *forged, link)
        raw.run("UPDATE head SET hash = ?", link)

    raw = Raw(kept)
    anchors = dict(raw.run("SELECT seq, hash FROM audit"))
    raw.close()
    assert in_raw(kept, forge) == []
    for noted, hash_ in anchors.items():
        found = [fault.id for fault in in_raw(kept, forge, (noted, str(hash_)))]
        assert found == (["anchor"] if noted >= seq else [])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("DELETE FROM head", ["head"]),
        ("UPDATE head SET hash = 'x'", ["head"]),
        ("UPDATE head SET seq = 3", ["head"]),
        ("UPDATE head SET seq = 99", ["tail"]),
        ("DELETE FROM audit", ["tail"]),
        ("DELETE FROM audit WHERE seq < 4", ["gap"]),
        ("UPDATE audit SET seq = 700 WHERE seq = 7", ["gap", "gap", "changed", "head"]),
        ("INSERT INTO audit_checkpoints SELECT seq, hash, 0 FROM audit WHERE seq = 4", ["checkpoint"]),
        ("INSERT INTO audit_checkpoints VALUES (3, 'x', 0)", ["link", "checkpoint"]),
    ],
)
def test_what_is_wrong_is_said(raw: Raw, change: str, found: list[str]) -> None:
    raw.run(change)
    told = raw.found()
    assert [fault.id for fault in told] == found
    assert all(fault.message.zh and fault.message.en for fault in told)


@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=300)
def test_no_flipped_bit_of_the_file_changes_the_log_unseen(kept: Path, at: float, bit: int) -> None:
    content = bytearray(kept.read_bytes())
    content[int(at * len(content))] ^= 1 << bit
    copy = kept.with_name("flipped")
    copy.write_bytes(content)
    raw = Raw(kept)
    intact = raw.run("SELECT * FROM audit ORDER BY seq"), audit.head(raw)
    raw.close()
    try:
        flipped = Raw(copy)
        try:
            if flipped.found() == []:
                assert (flipped.run("SELECT * FROM audit ORDER BY seq"), audit.head(flipped)) == intact
        finally:
            flipped.close()
    except (apsw.Error, UnicodeDecodeError):
        pass  # it cannot be read at all


def test_a_log_that_cannot_be_read_is_a_fault_and_no_crash(kept: Path, tmp_path: Path, clock: Hands) -> None:
    url = sqlite_url(tmp_path)
    copy = tmp_path / "district.gpkg.access"
    shutil.copy(kept, copy)
    content = copy.read_bytes()
    copy.write_bytes(content.replace("文件 7".encode(), b"\xff\xfe\xfd\xfc\xfb\xfa 7"))
    with access_at(url, clock) as access:
        assert faults(access) == [("unreadable", None)]


def test_in_a_database_too(
    database_url: str, open_at: OpenAccess, postgres: Cluster, access_database: str
) -> None:
    access = open_at(database_url)
    for number in range(6):
        access.record(ZHANG, f"export{number}")
    head = access.head()
    assert faults(access, head) == []
    with postgres.connect(access_database) as superuser:
        superuser.execute("SET session_replication_role = replica; SET search_path = wangge_access")
        superuser.execute("UPDATE audit SET what = 'x' WHERE seq = 2")
        assert faults(access) == [("changed", 2)]
        superuser.execute("DELETE FROM audit WHERE seq = 2")
        assert faults(access) == [("gap", 2)]
        superuser.execute("DELETE FROM audit WHERE seq > 4")
        assert faults(access) == [("gap", 2), ("tail", 4)]


# What is due


@pytest.fixture
def owner(url: str, open_at: OpenAccess, request: pytest.FixtureRequest) -> Access:
    if url.startswith("gpkg:"):
        return open_at(url)
    postgres, name = request.getfixturevalue("postgres"), request.getfixturevalue("access_database")
    return open_at(postgres.url(name))


def test_what_is_due_goes_and_the_rest_still_verifies(owner: Access, clock: Hands) -> None:
    anchors = []
    for _ in range(10):
        owner.record(ZHANG, "export")
        anchors.append(owner.head())
        clock.move(days=1)
    assert owner.delete_entries(clock() - timedelta(days=30), by=OPERATOR) == 0
    assert owner.head() == anchors[-1]
    assert owner.delete_entries(clock() - timedelta(days=6), by=OPERATOR) == 4
    assert [entry.seq for entry in owner.entries()] == [5, 6, 7, 8, 9, 10, 11]
    noted = owner.entries()[-1]
    assert (noted.action, noted.count, noted.origin) == ("retention", 4, "command")
    assert anchors[3][1] in noted.what
    assert owner.verify() == []
    assert owner.verify(expect=anchors[7]) == owner.verify(expect=anchors[3]) == []
    assert faults(owner, anchors[2]) == [("anchor", 3)]
    assert faults(owner, (4, "x")) == [("anchor", 4)]
    clock.move(days=10)
    owner.record(ZHANG, "export")
    assert owner.delete_entries(clock(), by=OPERATOR) == 7
    assert [entry.action for entry in owner.entries()] == ["export", "retention"]
    assert owner.verify() == []


def test_all_may_be_due(owner: Access, clock: Hands) -> None:
    for _ in range(3):
        owner.record(ZHANG, "export")
    clock.move(days=1)
    assert owner.delete_entries(clock(), by=OPERATOR) == 3
    assert [entry.seq for entry in owner.entries()] == [4]
    assert owner.verify() == []
    owner.record(ZHANG, "export")
    assert owner.verify(expect=owner.head()) == []


def test_even_then_only_up_to_the_checkpoint(owner: Access, clock: Hands) -> None:
    for _ in range(4):
        owner.record(ZHANG, "export")
        clock.move(days=1)
    owner.delete_entries(clock() - timedelta(days=2), by=OPERATOR)
    for statement in ("DELETE FROM audit WHERE seq >= 3", "DELETE FROM audit_checkpoints"):
        with pytest.raises(WanggeError), owner._writing() as transaction:
            transaction.run(statement)
    assert owner.verify() == []


def test_the_applications_role_may_not_cut_the_log(
    database_url: str, open_at: OpenAccess, clock: Hands, postgres: Cluster, access_database: str
) -> None:
    access = open_at(database_url)
    access.record(ZHANG, "export")
    clock.move(days=1)
    with pytest.raises(WanggeError, match="permission"):
        access.delete_entries(clock(), by=OPERATOR)
    assert access.verify() == [] and len(access.entries()) == 1
    with postgres.connect(access_database, user=APP) as connection:
        for statement in (
            "UPDATE wangge_access.audit SET what = ''",
            "DELETE FROM wangge_access.audit",
            "TRUNCATE wangge_access.audit",
            "INSERT INTO wangge_access.audit_checkpoints VALUES (1, '', 0)",
            "ALTER TABLE wangge_access.audit DISABLE TRIGGER ALL",
            "DROP TRIGGER audit_keeps_its_entries ON wangge_access.audit",
            "DELETE FROM wangge_access.head",
            "UPDATE wangge_access.meta SET schema_version = 0",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    with postgres.connect(access_database, user="wangge_owner") as connection:
        for statement in (
            "UPDATE wangge_access.audit SET what = ''",
            "DELETE FROM wangge_access.audit",
            "TRUNCATE wangge_access.audit",
            "TRUNCATE wangge_access.audit_checkpoints",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                connection.execute(statement.encode())
