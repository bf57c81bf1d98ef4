"""The audit log: what it keeps, that it only grows, and what is due."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.access.access import Access
from layers.problems import StoreUnusable, WanggeError
from layers.visitors import RESIDENT, Visitor
from tests.access.conftest import OpenAccess, sqlite_url
from tests.access.support import AGENT, HOME, OPERATOR, ZHANG, Hands, access_at, faults, person
from tests.postgres import APP, Cluster

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
