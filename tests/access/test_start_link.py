"""The one-time link: only while there is no administrator, only once; on both kinds of store."""

from __future__ import annotations

import threading

import pytest

from layers.access.access import Access
from layers.access.model import SignIn, WeakPassword
from layers.problems import BadParameter, NotSignedIn
from layers.visitors import WHOLE_DISTRICT
from tests.access.support import AGENT, HOME, OPERATOR, PASSWORD, Hands, actions, person


def spend(access: Access, link: str) -> SignIn | None:
    return access.spend_start_link(link, address=HOME, agent=AGENT)


def test_the_first_user_becomes_administrator(access: Access) -> None:
    assert not access.has_administrator()
    link = access.make_start_link()
    signed_in = spend(access, link)
    assert signed_in is not None and signed_in.must_change and signed_in.account.provisional
    assert signed_in.visitor.role == "administrator"
    assert signed_in.visitor.scopes == frozenset({"describe", "own", "view", "read"})
    assert access.visitor_of(signed_in.token) == signed_in.visitor
    assert not access.has_administrator()
    token = access.set_up(signed_in.account.id, "Ｂoss", PASSWORD, session=signed_in.token)
    assert access.has_administrator()
    visitor = access.visitor_of(token)
    assert visitor is not None
    assert (visitor.name, visitor.role, visitor.area, visitor.scopes) == (
        "Boss",
        "administrator",
        WHOLE_DISTRICT,
        None,
    )
    assert access.visitor_of(signed_in.token) is None
    assert access.sign_in("boss", PASSWORD, address=HOME, agent=AGENT).token
    access.add_account("zhang", "planner", WHOLE_DISTRICT, by=visitor)
    assert actions(access) == [
        "start_link",
        "start_link",
        "account_changed",
        "password",
        "sign_in",
        "account_added",
    ]
    renamed, chosen = access.entries(action="account_changed") + access.entries(action="password")
    assert renamed.what == "administrator -> Boss"
    assert [(one.name, one.origin) for one in (renamed, chosen)] == [("Boss", HOME)] * 2


def test_coming_by_the_link_is_a_sign_in(access: Access, clock: Hands) -> None:
    signed_in = spend(access, access.make_start_link())
    assert signed_in is not None and signed_in.account.last_seen == clock.now
    access.set_up(signed_in.account.id, "boss", PASSWORD, session=signed_in.token)
    (listed,) = access.accounts()
    assert listed.last_seen == clock.now


def test_the_log_says_who_made_the_link(access: Access) -> None:
    access.make_start_link(by=OPERATOR)
    (made,) = access.entries(action="start_link")
    assert (made.name, made.via, made.origin) == (OPERATOR.name, "operator", "command")


def test_a_link_is_spent_once(access: Access) -> None:
    link = access.make_start_link()
    assert spend(access, link) is not None
    assert spend(access, link) is None


def test_a_link_is_spent_once_by_many_at_once(access: Access) -> None:
    link = access.make_start_link()
    start = threading.Barrier(8)
    found: list[SignIn | None] = []

    def run() -> None:
        start.wait()
        found.append(spend(access, link))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and sum(one is not None for one in found) == 1
    assert len(access.accounts()) == 1


@pytest.mark.parametrize(("hours", "good"), [(23.9, True), (24, False)])
def test_a_link_is_good_for_a_day(access: Access, clock: Hands, hours: float, good: bool) -> None:
    link = access.make_start_link()
    clock.move(hours=hours)
    assert (spend(access, link) is not None) is good


def test_a_new_link_makes_earlier_ones_worthless(access: Access) -> None:
    first, second = access.make_start_link(), access.make_start_link()
    assert spend(access, first) is None
    assert spend(access, "wgl_x") is None
    assert spend(access, second) is not None


def test_who_did_not_set_up_is_followed_by_another_in_the_same_account(access: Access) -> None:
    first = spend(access, access.make_start_link())
    second = spend(access, access.make_start_link())
    assert first is not None and second is not None
    assert first.account.id == second.account.id
    assert access.visitor_of(first.token) is None
    with pytest.raises(NotSignedIn):
        access.set_up(first.account.id, "boss", PASSWORD, session=first.token)
    access.set_up(second.account.id, "boss", PASSWORD, session=second.token)


def test_there_is_no_link_once_there_is_an_administrator(access: Access) -> None:
    link = access.make_start_link()
    person(access, "boss", "administrator")
    assert spend(access, link) is None
    with pytest.raises(BadParameter, match="There is an administrator"):
        access.make_start_link()
    access.disable("boss", by=OPERATOR)
    assert spend(access, access.make_start_link()) is not None


def test_other_roles_are_no_administrator(access: Access) -> None:
    person(access, "zhang", "planner")
    access.add_account("coded", "administrator", WHOLE_DISTRICT, by=OPERATOR)
    assert not access.has_administrator()


def test_what_set_up_refuses_leaves_the_account_provisional(access: Access) -> None:
    person(access, "zhang")
    access.add_account("administrator", "planner", WHOLE_DISTRICT, by=OPERATOR)
    signed_in = spend(access, access.make_start_link())
    assert signed_in is not None and signed_in.account.name == "administrator-2"
    id_ = signed_in.account.id
    with pytest.raises(WeakPassword):
        access.set_up(id_, "boss", "password", session=signed_in.token)
    with pytest.raises(BadParameter, match="already"):
        access.set_up(id_, "ZHANG", PASSWORD, session=signed_in.token)
    with pytest.raises(BadParameter, match="cannot be used"):
        access.set_up(id_, "", PASSWORD, session=signed_in.token)
    assert access.account(id_).provisional
    token = access.set_up(id_, "boss", PASSWORD, session=signed_in.token)
    with pytest.raises(BadParameter, match="has been set up"):
        access.set_up(id_, "king", PASSWORD, session=token)
