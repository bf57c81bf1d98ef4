"""Accounts: added, disabled, reset and changed; on both kinds of store."""

from __future__ import annotations

import re

import pytest

from layers.access.access import Access
from layers.access.model import SignInFailed
from layers.problems import BadParameter, Forbidden, NotFound, NotSignedIn
from layers.visitors import NO_AREA, RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.access.support import (
    AGENT,
    CELLS,
    HOME,
    OPERATOR,
    OTHER_PASSWORD,
    PASSWORD,
    Hands,
    actions,
    person,
)


def test_a_person_signs_in_with_the_code_and_chooses_a_password(access: Access) -> None:
    account, code = access.add_account(" Ｚhang ", "grid_worker", CELLS, title="网格员 张", by=OPERATOR)
    assert (account.name, account.role, account.area, account.title) == (
        "Zhang",
        "grid_worker",
        CELLS,
        "网格员 张",
    )
    assert account.must_change and not account.has_password and account.last_seen is None
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code)
    signed_in = access.sign_in("ZHANG", code, address=HOME, agent=AGENT)
    assert signed_in.must_change
    assert signed_in.visitor.scopes == frozenset({"describe", "own"})
    assert access.visitor_of(signed_in.token) == signed_in.visitor
    token = access.change_password(account.id, "", PASSWORD, session=signed_in.token)
    assert access.visitor_of(signed_in.token) is None
    assert access.visitor_of(token) == Visitor(
        "grid_worker", CELLS, account=account.id, name="Zhang", via="session"
    )
    assert not access.account("zhang").must_change
    assert actions(access) == ["account_added", "sign_in", "password"]


@pytest.mark.parametrize("typed", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_a_code_may_be_typed_in_any_way(access: Access, typed: object) -> None:
    assert callable(typed)
    _, code = access.add_account("zhang", "planner", WHOLE_DISTRICT, by=OPERATOR)
    assert access.sign_in("zhang", typed(code), address=HOME, agent=AGENT).must_change


def test_a_code_is_good_until_a_password_is_chosen(access: Access) -> None:
    """Who was interrupted before choosing one comes in again, and only the last to come in goes on."""
    account, code = access.add_account("zhang", "planner", WHOLE_DISTRICT, by=OPERATOR)
    first = access.sign_in("zhang", code, address=HOME, agent=AGENT)
    assert access.visitor_of(first.token) is not None
    second = access.sign_in("zhang", code, address=HOME, agent=AGENT)
    assert access.visitor_of(first.token) is None and access.visitor_of(second.token) is not None
    with pytest.raises(NotSignedIn):
        access.change_password(account.id, "", OTHER_PASSWORD, session=first.token)
    access.change_password(account.id, "", PASSWORD, session=second.token)
    with pytest.raises(SignInFailed):
        access.sign_in("zhang", code, address=HOME, agent=AGENT)
    assert access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT).token


def test_a_code_is_spent_once_where_no_password_will_be_chosen(access: Access) -> None:
    _, code = access.add_account("zhang", "planner", WHOLE_DISTRICT, by=OPERATOR)
    access.link_oidc("zhang", "subject-1", by=OPERATOR)
    access.sign_in("zhang", code, address=HOME, agent=AGENT)
    with pytest.raises(SignInFailed):
        access.sign_in("zhang", code, address=HOME, agent=AGENT)


@pytest.mark.parametrize(("hours", "good"), [(71.9, True), (72, False)])
def test_a_code_is_good_for_72_hours(access: Access, clock: Hands, hours: float, good: bool) -> None:
    _, code = access.add_account("zhang", "planner", WHOLE_DISTRICT, by=OPERATOR)
    clock.move(hours=hours)
    if good:
        access.sign_in("zhang", code, address=HOME, agent=AGENT)
    else:
        with pytest.raises(SignInFailed):
            access.sign_in("zhang", code, address=HOME, agent=AGENT)


@pytest.mark.parametrize("name", ["zhang", "ZHANG", "ｚｈａｎｇ", " zhang "])
def test_a_name_is_taken_however_it_is_written(access: Access, name: str) -> None:
    access.add_account("Zhang", "planner", WHOLE_DISTRICT, by=OPERATOR)
    with pytest.raises(BadParameter, match="already"):
        access.add_account(name, "planner", WHOLE_DISTRICT, by=OPERATOR)
    assert len(access.accounts()) == 1


@pytest.mark.parametrize(
    "name", ["", " ", "a\nb", "<b>", "x" * 41, "0123456789ab", "a/b", "-a", "张\u202e三", "a\x00b"]
)
def test_what_cannot_be_a_name_is_refused(access: Access, name: str) -> None:
    with pytest.raises(BadParameter, match="cannot be used"):
        access.add_account(name, "planner", WHOLE_DISTRICT, by=OPERATOR)
    assert access.accounts() == []


@pytest.mark.parametrize(
    ("role", "area", "told"),
    [
        ("king", WHOLE_DISTRICT, "grid_worker, community_staff"),
        ("operator", WHOLE_DISTRICT, "no role"),
        ("wall", WHOLE_DISTRICT, "no role"),
        ("grid_worker", WHOLE_DISTRICT, "management_cells"),
        ("planner", CELLS, "district"),
        ("auditor", WHOLE_DISTRICT, "none"),
    ],
)
def test_role_and_area_must_fit(access: Access, role: str, area: Area, told: str) -> None:
    with pytest.raises(BadParameter, match=told):
        access.add_account("zhang", role, area, by=OPERATOR)
    account, _ = person(access, "li")
    with pytest.raises(BadParameter, match=told):
        access.change_role("li", role, area, by=OPERATOR)
    assert access.account("li") == account


def test_accounts_are_listed_and_found_by_name_and_id(access: Access) -> None:
    added = [
        access.add_account(name, "planner", WHOLE_DISTRICT, by=OPERATOR)[0] for name in ("李四", "Bo", "an")
    ]
    assert [account.name for account in access.accounts()] == ["an", "Bo", "李四"]
    assert [access.account(account.id) for account in added] == added
    assert access.account("BO") == added[1]
    with pytest.raises(NotFound, match="nobody"):
        access.account("nobody")


def test_who_is_disabled_is_out_at_once_and_may_come_back(access: Access) -> None:
    account, token = person(access)
    _, key = access.add_key("sync", "zhang", ["view"], by=OPERATOR)
    _, code = access.add_device("tablet", "T1", account="zhang", by=OPERATOR)
    tablet = access.enrol(code)
    assert tablet is not None
    assert all(access.visitor_of(secret) for secret in (token, key, tablet))
    access.disable("zhang", by=OPERATOR)
    assert [access.visitor_of(secret) for secret in (token, key, tablet)] == [None] * 3
    assert access.account(account.id).disabled
    with pytest.raises(SignInFailed):
        access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT)
    access.enable("zhang", by=OPERATOR)
    assert [access.visitor_of(secret) for secret in (token, key, tablet)] == [None] * 3
    assert access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT).token
    assert all(key.revoked for key in access.keys())  # noqa: SIM118 - no mapping
    assert [device.revoked for device in access.devices()] == [True]
    assert actions(access)[-4:] == ["account_disabled", "sign_in_failed", "account_enabled", "sign_in"]


def test_whom_an_account_belongs_to_is_changed_and_told(access: Access) -> None:
    person(access)
    with pytest.raises((Forbidden, NotSignedIn)):
        access.rename("zhang", "nobody's business", by=RESIDENT)
    access.rename("zhang", " 李工\u2028（代理）", by=OPERATOR, origin=HOME)
    found = access.account("zhang")
    assert (found.name, found.title) == ("zhang", "李工 （代理）")
    [entry] = access.entries(action="account_changed", limit=1)
    assert (entry.what, entry.name, entry.origin) == ("zhang:  -> 李工 （代理）", OPERATOR.name, HOME)
    assert access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT).token
    access.rename("zhang", "", by=OPERATOR)
    assert access.account("zhang").title == ""
    with pytest.raises(NotFound):
        access.rename("nobody", "x", by=OPERATOR)


def test_a_disabled_account_is_out_even_where_something_of_it_was_left(access: Access) -> None:
    _, token = person(access)
    _, key = access.add_key("sync", "zhang", ["view"], by=OPERATOR)
    tablet = access.enrol(access.add_device("tablet", "T1", account="zhang", by=OPERATOR)[1])
    assert tablet is not None
    with access._writing(changes_who=True) as transaction:
        transaction.run("UPDATE accounts SET disabled = 1")
    assert [access.visitor_of(secret) for secret in (token, key, tablet)] == [None] * 3


def test_a_reset_leaves_nothing_of_before(access: Access) -> None:
    account, token = person(access)
    _, key = access.add_key("sync", "zhang", ["view"], by=OPERATOR)
    code = access.reset("zhang", by=OPERATOR)
    assert access.visitor_of(token) is access.visitor_of(key) is None
    with pytest.raises(SignInFailed):
        access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT)
    signed_in = access.sign_in("zhang", code, address=HOME, agent=AGENT)
    assert signed_in.must_change and signed_in.account.id == account.id
    access.change_password(account.id, "", OTHER_PASSWORD, session=signed_in.token)
    assert access.sign_in("zhang", OTHER_PASSWORD, address=HOME, agent=AGENT).token


def test_another_role_takes_effect_at_once_and_nothing_given_for_the_old_one_gets_it(access: Access) -> None:
    account, token = person(access)
    _, key = access.add_key("sync", "zhang", ["view"], by=OPERATOR)
    tablet = access.enrol(access.add_device("tablet", "T1", account="zhang", by=OPERATOR)[1])
    _, unspent = access.add_device("tablet", "T2", account="zhang", by=OPERATOR)
    assert tablet is not None and access.visitor_of(key) is not None is not access.visitor_of(tablet)
    access.change_role("zhang", "grid_worker", CELLS, by=OPERATOR)
    assert [access.visitor_of(secret) for secret in (token, key, tablet)] == [None] * 3
    assert access.enrol(unspent) is None
    keys, devices = access.keys(), access.devices()
    assert all(key.revoked for key in keys) and all(device.revoked for device in devices)
    assert access.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT).visitor.area == CELLS
    assert "account_changed" in actions(access)
    assert access.account(account.id).role == "grid_worker"


@pytest.mark.parametrize(
    "visitor", [RESIDENT, Visitor("planner", WHOLE_DISTRICT, account="0" * 12, via="session")]
)
def test_accounts_are_managed_by_those_who_may(access: Access, visitor: Visitor) -> None:
    account, token = person(access)
    key, _ = access.add_key("sync", "zhang", ["view"], by=OPERATOR)
    device, _ = access.add_device("wall", "Hall", by=OPERATOR)
    (session,) = access.sessions("zhang")
    before = access.head()
    for attempt in (
        lambda: access.add_account("li", "planner", WHOLE_DISTRICT, by=visitor),
        lambda: access.disable("zhang", by=visitor),
        lambda: access.enable("zhang", by=visitor),
        lambda: access.reset("zhang", by=visitor),
        lambda: access.change_role("zhang", "auditor", NO_AREA, by=visitor),
        lambda: access.rename("zhang", "x", by=visitor),
        lambda: access.link_oidc("zhang", "x", by=visitor),
        lambda: access.add_key("more", "zhang", ["view"], by=visitor),
        lambda: access.revoke_key(key.id, by=visitor),
        lambda: access.add_device("wall", "Lobby", by=visitor),
        lambda: access.revoke_device(device.id, by=visitor),
        lambda: access.end_session("zhang", session.id, by=visitor),
    ):
        with pytest.raises((NotSignedIn, Forbidden)):
            attempt()
    assert access.head() == before
    assert access.visitor_of(token) is not None and access.account("zhang") == account


def test_the_last_administrator_stays(access: Access) -> None:
    _, token = person(access, "boss", "administrator")
    boss = access.visitor_of(token)
    assert boss is not None and access.has_administrator()
    for attempt in (
        lambda: access.disable("boss", by=boss),
        lambda: access.reset("boss", by=boss),
        lambda: access.change_role("boss", "planner", WHOLE_DISTRICT, by=boss),
    ):
        with pytest.raises(BadParameter, match="last administrator"):
            attempt()
    assert access.visitor_of(token) == boss
    person(access, "second", "administrator")
    access.disable("boss", by=boss)
    assert access.has_administrator() and access.visitor_of(token) is None
    access.disable("second", by=OPERATOR)
    assert not access.has_administrator()


def test_one_of_the_identity_provider_signs_in_by_it(access: Access) -> None:
    account, _ = access.add_account("zhang", "administrator", WHOLE_DISTRICT, by=OPERATOR)
    access.add_account("li", "planner", WHOLE_DISTRICT, by=OPERATOR)
    with pytest.raises(SignInFailed):
        access.sign_in_oidc("subject-1", address=HOME, agent=AGENT)
    assert not access.has_administrator()
    access.link_oidc("zhang", "subject-1", by=OPERATOR)
    assert access.has_administrator() and access.account("zhang").oidc_subject == "subject-1"
    with pytest.raises(BadParameter, match="zhang"):
        access.link_oidc("li", "subject-1", by=OPERATOR)
    signed_in = access.sign_in_oidc("subject-1", address=HOME, agent=AGENT)
    assert signed_in.account.id == account.id and not signed_in.must_change
    assert access.visitor_of(signed_in.token) == signed_in.visitor
    access.disable("zhang", by=OPERATOR)
    with pytest.raises(SignInFailed):
        access.sign_in_oidc("subject-1", address=HOME, agent=AGENT)
    access.enable("zhang", by=OPERATOR)
    access.link_oidc("zhang", None, by=OPERATOR)
    with pytest.raises(SignInFailed):
        access.sign_in_oidc("subject-1", address=HOME, agent=AGENT)


def test_a_flow_is_taken_once_and_in_time(access: Access, clock: Hands) -> None:
    access.keep_flow("state", {"nonce": "号", "next": "/"})
    access.keep_flow("late", {})
    access.keep_flow("long", {"a": 1}, valid_s=3600)
    assert access.take_flow("other") is None
    assert access.take_flow("state") == {"nonce": "号", "next": "/"}
    assert access.take_flow("state") is None
    clock.move(minutes=10)
    assert access.take_flow("late") is None
    assert access.take_flow("long") == {"a": 1}
