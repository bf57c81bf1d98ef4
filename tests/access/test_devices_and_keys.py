"""Walls, tablets and keys: what they may, how they are enrolled and revoked; on both kinds of store."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from layers.access.access import Access
from layers.access.model import Device
from layers.access.rows import area_text
from layers.problems import BadParameter, NotFound
from layers.rules import ACTIONS
from layers.visitors import NO_AREA, WHOLE_DISTRICT, Area, Visitor
from tests.access.conftest import OpenAccess
from tests.access.support import CELLS, HOME, OPERATOR, POLICY, Hands, person

ONE_CELL = Area("management_cells", frozenset({min(CELLS.codes)}))
ELSEWHERE = Area("management_cells", frozenset({min(CELLS.codes), "440303009001001"}))


def enrolled(access: Access, device: tuple[Device, str]) -> str:
    token = access.enrol(device[1], address=HOME)
    assert token is not None
    return token


def test_a_wall_shows_aggregates_of_the_district_and_nothing_else(access: Access) -> None:
    device, code = access.add_device("wall", "Hall \x00 1", by=OPERATOR)
    assert (device.title, device.account_id, device.enrolled, device.revoked) == (
        "Hall   1",
        None,
        False,
        False,
    )
    token = enrolled(access, (device, code))
    wall = access.visitor_of(token)
    assert wall == Visitor(
        "wall",
        WHOLE_DISTRICT,
        name="Hall   1",
        via="device",
        scopes=frozenset({"describe", "view", "wall"}),
        means=device.id,
    )
    assert [action for action in ACTIONS if POLICY.may(wall, action)] == [
        "describe",
        "view",
        "wall",
    ]
    assert access.devices()[0].enrolled


def test_a_tablet_acts_for_its_person_in_its_cells(access: Access) -> None:
    account, _ = person(access, "wang", "grid_worker", CELLS)
    whole = access.visitor_of(
        enrolled(access, access.add_device("tablet", "T1", account="wang", by=OPERATOR))
    )
    assert whole is not None and (whole.role, whole.area, whole.account, whole.name, whole.via) == (
        "grid_worker",
        CELLS,
        account.id,
        "wang",
        "device",
    )
    assert {action for action in ACTIONS if POLICY.may(whole, action)} == {
        "describe",
        "view",
        "read",
        "report",
        "verify",
        "case",
        "package",
    }
    part = access.add_device("tablet", "T2", account=account.id, area=ONE_CELL, by=OPERATOR)
    token = enrolled(access, part)
    narrow = access.visitor_of(token)
    assert narrow is not None and narrow.area == ONE_CELL == part[0].area
    # Cells that are no longer the person's are not the tablet's either, however that came about.
    with access._writing(changes_who=True) as transaction:
        moved = Area("management_cells", CELLS.codes - ONE_CELL.codes)
        transaction.run("UPDATE accounts SET area = ?", area_text(moved))
    stale = access.visitor_of(token)
    assert stale is not None and stale.area == NO_AREA
    access.change_role(
        "wang", "subdistrict_staff", Area("subdistricts", frozenset({"440303001"})), by=OPERATOR
    )
    assert access.visitor_of(token) is None


@pytest.mark.parametrize(
    ("kind", "account", "area"),
    [
        ("wall", "wang", None),
        ("wall", None, ONE_CELL),
        ("tablet", None, None),
        ("phone", "wang", None),
        ("tablet", "wang", ELSEWHERE),
        ("tablet", "wang", WHOLE_DISTRICT),
        ("tablet", "wang", NO_AREA),
        ("tablet", "wang", Area("communities", frozenset({"1"}))),
    ],
)
def test_what_cannot_be_a_device_is_refused(
    access: Access, kind: str, account: str | None, area: Area | None
) -> None:
    person(access, "wang", "grid_worker", CELLS)
    with pytest.raises(BadParameter):
        access.add_device(kind, "x", account=account, area=area, by=OPERATOR)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        access.add_device("tablet", "x", account="nobody", by=OPERATOR)
    assert access.devices() == []


def test_a_device_is_enrolled_once_and_in_time(access: Access, clock: Hands) -> None:
    _, code = access.add_device("wall", "Hall", by=OPERATOR)
    start, found = threading.Barrier(4), []

    def run() -> None:
        start.wait()
        found.append(access.enrol(code.lower()))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(token is not None for token in found) == 1
    assert access.enrol("") is access.enrol("0000-0000-0000-0000") is access.enrol("\ud800") is None
    _, late = access.add_device("wall", "Late", by=OPERATOR)
    clock.move(hours=72)
    assert access.enrol(late) is None


def test_a_revoked_device_is_out_at_once(access: Access) -> None:
    device, code = access.add_device("wall", "Hall", by=OPERATOR)
    token = enrolled(access, (device, code))
    other, unspent = access.add_device("wall", "Lobby", by=OPERATOR)
    assert access.visitor_of(token) is not None
    access.revoke_device(device.id, by=OPERATOR)
    access.revoke_device(other.id, by=OPERATOR)
    assert access.visitor_of(token) is None and access.enrol(unspent) is None
    assert [one.revoked for one in access.devices()] == [True, True]
    with pytest.raises(NotFound):
        access.revoke_device("none", by=OPERATOR)
    assert [(entry.action, entry.what) for entry in access.entries()] == [
        ("device_added", "wall Hall"),
        ("device_enrolled", "wall Hall"),
        ("device_added", "wall Lobby"),
        ("device_revoked", "wall Hall"),
        ("device_revoked", "wall Lobby"),
    ]


def test_the_last_contact_is_noted_to_the_minute(
    access: Access, clock: Hands, url: str, open_at: OpenAccess
) -> None:
    person(access)
    token = enrolled(access, access.add_device("wall", "Hall", by=OPERATOR))
    key = access.add_key("sync", "zhang", ["view"], by=OPERATOR)[1]
    other = open_at(url)
    assert other.devices()[0].last_contact is other.keys()[0].last_used is None
    began = clock()
    for seconds, noted in ((0, 0), (59, 0), (1, 60)):
        clock.move(seconds=seconds)
        assert access.visitor_of(token) is not None and access.visitor_of(key) is not None
        expected = began + timedelta(seconds=noted)
        assert (other.devices()[0].last_contact, other.keys()[0].last_used) == (expected, expected)


def test_a_key_may_what_it_is_for_and_its_account_may(access: Access) -> None:
    account, _ = person(access, "jie", "subdistrict_staff", Area("subdistricts", frozenset({"440303001"})))
    key, token = access.add_key("nightly", "JIE", ["read", "export"], by=OPERATOR)
    assert (key.title, key.account_id, key.scopes) == ("nightly", account.id, frozenset({"read", "export"}))
    visitor = access.visitor_of(token)
    assert visitor is not None and (visitor.via, visitor.area.codes, visitor.account) == (
        "key",
        frozenset({"440303001"}),
        account.id,
    )
    assert {action for action in ACTIONS if POLICY.may(visitor, action)} == {"read", "export"}
    access.change_role("jie", "auditor", NO_AREA, by=OPERATOR)
    assert access.visitor_of(token) is None


def test_an_administrator_makes_no_key_to_read_by_under_anothers_name(access: Access) -> None:
    account, _ = person(access, "jie", "subdistrict_staff", Area("subdistricts", frozenset({"440303001"})))
    boss = access.visitor_of(person(access, "boss", "administrator")[1])
    person(access, "auditor", "auditor", NO_AREA)
    assert boss is not None
    for scope in set(ACTIONS) - {"describe", "view", "take"}:
        for scopes in ([scope], ["view", scope]):
            with pytest.raises(BadParameter, match="for aggregates only: describe, view, take;"):
                access.add_key("x", "jie", scopes, by=boss)
    for by in (boss, OPERATOR):
        with pytest.raises(BadParameter, match="cannot be for: audit"):
            access.add_key("x", "auditor", ["audit"], by=by)
    assert access.keys() == []
    assert access.add_key("x", account.id, ["describe", "view", "take"], by=boss)[1]
    assert access.add_key("mine", "BOSS", ["read"], by=boss)[1]


def test_the_log_says_by_which_key_or_device_somebody_acted(access: Access) -> None:
    person(access)
    key, token = access.add_key("sync", "zhang", ["view"], by=OPERATOR)
    added = [
        access.add_device("wall", "Hall", by=OPERATOR),
        access.add_device("tablet", "T", account="zhang", by=OPERATOR),
    ]
    tokens = [token, *(enrolled(access, device) for device in added)]
    means = [f"key:{key.id}", *(f"device:{device.id}" for device, _ in added)]
    assert [entry.via for entry in access.entries(action="device_enrolled")] == means[1:]
    for secret, expected in zip(tokens, means, strict=True):
        visitor = access.visitor_of(secret)
        assert visitor is not None and f"{visitor.via}:{visitor.means}" == expected
        assert visitor.policy_class == replace(visitor, means="").policy_class
        access.record(visitor, "view_guarded")
    assert [entry.via for entry in access.entries(action="view_guarded")] == means
    assert access.verify() == []


@pytest.mark.parametrize("scopes", [[], ["own"], ["accounts"], ["export", "audit"], ["change"], ["x"], [""]])
def test_no_key_is_for_more_than_its_role(access: Access, scopes: list[str]) -> None:
    person(access, "boss", "administrator")
    with pytest.raises(BadParameter, match="describe, view, take, read"):
        access.add_key("x", "boss", scopes, by=OPERATOR)
    assert access.keys() == []


def test_a_key_ends_in_time_and_when_it_is_revoked(access: Access, clock: Hands) -> None:
    person(access)
    with pytest.raises(BadParameter):
        access.add_key("x", "zhang", ["view"], expires=clock(), by=OPERATOR)
    key, short = access.add_key("short", "zhang", ["view"], expires=clock() + timedelta(hours=1), by=OPERATOR)
    lasting, long = access.add_key("long", "zhang", ["view"], by=OPERATOR)
    clock.move(minutes=59)
    assert access.visitor_of(short) is not None
    clock.move(minutes=1)
    assert access.visitor_of(short) is None and access.visitor_of(long) is not None
    access.revoke_key(lasting.id, by=OPERATOR)
    assert access.visitor_of(long) is None
    found = access.keys()
    assert {one.id: one.revoked for one in found} == {key.id: False, lasting.id: True}
    with pytest.raises(NotFound):
        access.revoke_key("none", by=OPERATOR)
