"""Signing in: what is told, how much is hashed, and how often one may try; on both kinds of store."""

from __future__ import annotations

import threading
from typing import Any

import argon2
import pyotp
import pytest
from argon2 import PasswordHasher, profiles

from layers.access.access import Access, open_access
from layers.access.model import SignInFailed, WeakPassword
from layers.access.passwords import Passwords
from layers.problems import BadParameter, NotSignedIn, TooMany, WanggeError
from layers.visitors import RESIDENT, WHOLE_DISTRICT
from tests.access.conftest import OpenAccess
from tests.access.support import (
    AGENT,
    AWAY,
    HOME,
    OPERATOR,
    OTHER_PASSWORD,
    PASSWORD,
    POLICY,
    Hands,
    actions,
    person,
)


def attempt(
    access: Access, name: str = "zhang", password: str = "wrong password", address: str = AWAY
) -> None:
    with pytest.raises(SignInFailed):
        access.sign_in(name, password, address=address, agent=AGENT)


def sign_in(access: Access, name: str = "zhang", address: str = HOME) -> str:
    return access.sign_in(name, PASSWORD, address=address, agent=AGENT).token


def waiting_s(access: Access, name: str = "zhang", address: str = AWAY) -> int:
    """Return how long the next attempt must wait; the attempt itself is not counted."""
    with pytest.raises(TooMany) as caught:
        access.sign_in(name, PASSWORD, address=address, agent=AGENT)
    assert str(caught.value.retry_after_s) in caught.value.sentence("en")
    return caught.value.retry_after_s


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list in which every comparison and every making of a hash is noted."""
    calls: list[str] = []

    def noted(name: str) -> Any:
        real = getattr(PasswordHasher, name)

        def call(self: PasswordHasher, *arguments: Any, **named: Any) -> Any:
            calls.append(name)
            return real(self, *arguments, **named)

        return call

    for name in ("verify", "hash"):
        monkeypatch.setattr(PasswordHasher, name, noted(name))
    return calls


def test_nothing_tells_why_a_sign_in_failed(access: Access, clock: Hands, hashed: list[str]) -> None:
    """One message, one comparison, whatever was wrong: a name that is free looks like one that is taken."""
    person(access, "zhang")
    person(access, "gone")
    access.disable("gone", by=OPERATOR)
    access.add_account("new", "planner", WHOLE_DISTRICT, by=OPERATOR)
    access.add_account("late", "planner", WHOLE_DISTRICT, by=OPERATOR)
    clock.move(hours=80)
    access.add_account("fresh", "planner", WHOLE_DISTRICT, by=OPERATOR)
    told = set()
    for name, password in [
        ("zhang", "wrong password"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("late", "0000-0000-0000-0000"),
        ("fresh", "0000-0000-0000-0000"),
        ("fresh", ""),
        ("", ""),
        ("\x00\ud800", "\ud800"),
        ("x" * 100_000, "x" * 100_000),
    ]:
        hashed.clear()
        with pytest.raises(SignInFailed) as caught:
            access.sign_in(name, password, address=AWAY, agent=AGENT)
        told.add(caught.value.args + caught.value.message + (caught.value.remedy or ()))
        assert hashed == ["verify"], name
    assert len(told) == 1


def test_a_name_that_does_not_exist_is_throttled_like_one_that_does(access: Access, clock: Hands) -> None:
    person(access, "zhang")
    waits: dict[str, list[int]] = {"zhang": [], "nobody": []}
    for name, waited in waits.items():
        for number in range(40):
            try:
                access.sign_in(name, "wrong password", address=f"203.0.113.{number}", agent=AGENT)
            except TooMany as error:
                waited.append(error.retry_after_s)
                clock.move(seconds=error.retry_after_s)
            except SignInFailed:
                waited.append(0)
    assert waits["zhang"] == waits["nobody"]


def test_names_and_passwords_count_however_they_are_typed(access: Access) -> None:
    account, code = access.add_account("Zoë", "planner", WHOLE_DISTRICT, by=OPERATOR)
    first = access.sign_in("ZOE\u0308", code, address=HOME, agent=AGENT)
    access.change_password(account.id, "", "caf\u00e9 tractor ｓｅｖｅｎ", session=first.token)
    assert access.sign_in("zoë", "cafe\u0301 tractor seven", address=HOME, agent=AGENT).token
    attempt(access, "zoë", "café Tractor seven")


def test_five_failures_are_free_then_each_waits_longer(access: Access, clock: Hands) -> None:
    person(access)
    clock.move(days=40)  # no address is known any more
    for _ in range(5):
        attempt(access)
    for wait in (1, 2, 4, 8, 16):
        assert waiting_s(access) == wait
        clock.move(seconds=wait - 0.5)
        assert waiting_s(access) == 1
        clock.move(seconds=0.5)
        attempt(access)
    assert waiting_s(access) == 15 * 60
    locked = access.account("zhang").locked_until
    assert locked is not None and (locked - clock()).total_seconds() == 15 * 60
    assert actions(access).count("locked") == 1
    assert actions(access).count("sign_in_failed") == 10


def test_a_lock_is_over_after_a_quarter_of_an_hour(access: Access, clock: Hands) -> None:
    person(access)
    lock(access, clock)
    clock.move(minutes=14, seconds=59)
    assert waiting_s(access) == 1
    clock.move(seconds=1)
    assert access.account("zhang").locked_until is None
    sign_in(access, address=AWAY)
    attempt(access)  # counts from the beginning
    sign_in(access, address="203.0.113.200")


def lock(access: Access, clock: Hands, name: str = "zhang") -> None:
    """Fail from ever other addresses until the account is locked."""
    for number in range(10):
        attempt(access, name, address=f"203.0.113.{number}")
        clock.move(seconds=min(2 ** max(number - 4, 0), 16) if number < 9 else 0)


def test_a_reset_lifts_the_lock(access: Access, clock: Hands) -> None:
    account, _ = person(access)
    lock(access, clock)
    code = access.reset("zhang", by=OPERATOR)
    assert access.account("zhang").locked_until is None
    signed_in = access.sign_in("zhang", code, address=AWAY, agent=AGENT)
    access.change_password(account.id, "", PASSWORD, session=signed_in.token)


def test_strangers_keep_nobody_out_of_a_known_address(access: Access, clock: Hands) -> None:
    person(access)
    lock(access, clock)
    attempt(access, address=HOME)  # a slip of the finger at home counts apart
    sign_in(access)
    with pytest.raises(TooMany):
        sign_in(access, address=AWAY)
    clock.move(days=31)
    sign_in(access)
    lock(access, clock)
    clock.move(days=29)
    lock(access, clock)
    sign_in(access)


def test_an_address_is_forgotten_after_a_month(access: Access, clock: Hands) -> None:
    person(access)
    clock.move(days=30)
    lock(access, clock)
    with pytest.raises(TooMany):
        sign_in(access)


def test_at_a_known_address_too_the_password_cannot_be_tried_for_ever(access: Access, clock: Hands) -> None:
    person(access)
    for number in range(10):
        attempt(access, address=HOME)
        clock.move(seconds=min(2 ** max(number - 4, 0), 16) if number < 9 else 0)
    assert waiting_s(access, address=HOME) == 15 * 60
    sign_in(access, address=AWAY)  # the owner is elsewhere: that counts apart as well


def test_an_address_may_fail_twenty_times_whatever_the_names(access: Access, clock: Hands) -> None:
    person(access, "zhang")
    clock.move(days=40)
    for number in range(20):
        attempt(access, f"name{number}")
    assert waiting_s(access) == 1
    clock.move(seconds=1)
    attempt(access, "name20")
    assert waiting_s(access) == 2
    sign_in(access, address="203.0.113.1")
    clock.move(minutes=15)
    sign_in(access, address=AWAY)


def test_a_success_of_ones_own_does_not_wash_an_address_clean(access: Access, clock: Hands) -> None:
    person(access, "mallory", address="203.0.113.1")
    for number in range(15):
        attempt(access, f"name{number}")
    access.sign_in("mallory", PASSWORD, address=AWAY, agent=AGENT)
    for number in range(15, 20):
        attempt(access, f"name{number}")
    assert waiting_s(access, "name20") == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::7", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
        ("unix socket \x00 \ud800", "unix socket \x00 \ud800", True),
    ],
)
def test_an_ipv6_subscriber_is_one_address(access: Access, one: str, other: str, same: bool) -> None:
    for number in range(20):
        attempt(access, f"name{number}", address=one)
    if same:
        waiting_s(access, "name20", address=other)
    else:
        attempt(access, "name20", address=other)


def test_failures_are_forgotten_after_a_quarter_of_an_hour(access: Access, clock: Hands) -> None:
    person(access)
    for _ in range(4):
        for _ in range(4):
            attempt(access)
        clock.move(minutes=15)
    sign_in(access, address=AWAY)


def test_throttling_outlives_the_process(access: Access, url: str, open_at: OpenAccess) -> None:
    person(access)
    for _ in range(5):
        attempt(access)
    assert waiting_s(open_at(url)) == 1


def test_many_at_once_try_no_more_than_one_after_the_other(access: Access, hashed: list[str]) -> None:
    person(access)
    hashed.clear()
    told: list[type[WanggeError]] = []
    start = threading.Barrier(8)

    def guess(worker: int) -> None:
        start.wait()
        for number in range(5):
            with pytest.raises(WanggeError) as caught:
                access.sign_in("zhang", f"guess {number}", address=f"203.0.113.{worker}", agent=AGENT)
            told.append(type(caught.value))

    threads = [threading.Thread(target=guess, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count(SignInFailed) == hashed.count("verify") == 5
    assert told.count(TooMany) == 35


# With a second factor


@pytest.fixture
def app(access: Access, clock: Hands) -> pyotp.TOTP:
    """Return the authenticator app of zhang, who has the second factor on."""
    account, _ = person(access)
    app = pyotp.TOTP(access.totp_begin(account.id, PASSWORD)[0])
    access.totp_confirm(account.id, app.at(clock()))
    clock.move(seconds=30)
    return app


def test_a_right_password_leaves_no_failure_behind(access: Access, app: pyotp.TOTP, clock: Hands) -> None:
    """An office of people with a second factor never waits."""
    for address in (AWAY, HOME):
        for _ in range(30):
            for _ in range(2):
                first = access.sign_in("zhang", PASSWORD, address=address, agent=AGENT)
            access.second_step(first.token, app.at(clock()), address=address, agent=AGENT)
            clock.move(seconds=30)
        assert access.sign_in("zhang", PASSWORD, address=address, agent=AGENT).needs_totp
    with access._backend.reading() as transaction:
        ((count,),) = transaction.run("SELECT coalesce(sum(failures), 0) FROM attempts")
    assert count == 0


def test_the_identity_provider_is_not_the_second_factor(
    access: Access, app: pyotp.TOTP, clock: Hands
) -> None:
    access.link_oidc("zhang", "subject-1", by=OPERATOR)
    first = access.sign_in_oidc("subject-1", address=HOME, agent=AGENT)
    assert first.needs_totp and first.visitor == RESIDENT
    assert access.visitor_of(first.token) is None
    done = access.second_step(first.token, app.at(clock()), address=HOME, agent=AGENT)
    visitor = access.visitor_of(done.token)
    assert visitor is not None and visitor.name == "zhang" and not done.needs_totp


# Choosing a password


def test_another_password_ends_the_other_sessions(access: Access) -> None:
    account, first = person(access)
    second = sign_in(access)
    third = access.change_password(account.id, PASSWORD, OTHER_PASSWORD, session=first)
    assert [access.visitor_of(token) is None for token in (first, second, third)] == [True, True, False]
    assert [session.account_id for session in access.sessions("zhang")] == [account.id]
    attempt(access, password=PASSWORD)
    assert access.sign_in("zhang", OTHER_PASSWORD, address=HOME, agent=AGENT).token


def test_a_chosen_password_is_recorded_with_whence(access: Access) -> None:
    account, token = person(access)
    access.change_password(account.id, PASSWORD, OTHER_PASSWORD, session=token)
    assert [entry.origin for entry in access.entries(action="password")] == [HOME, HOME]


def test_the_present_password_must_be_right(access: Access, clock: Hands) -> None:
    account, token = person(access)
    for _ in range(5):
        with pytest.raises(BadParameter, match="present password"):
            access.change_password(account.id, "not it at all", OTHER_PASSWORD, session=token)
    with pytest.raises(TooMany):
        access.change_password(account.id, PASSWORD, OTHER_PASSWORD, session=token)
    clock.move(seconds=1)
    token = access.change_password(account.id, PASSWORD, OTHER_PASSWORD, session=token)
    access.change_password(account.id, OTHER_PASSWORD, PASSWORD, session=token)


def test_a_password_is_changed_in_ones_own_session_only(access: Access) -> None:
    account, token = person(access, "zhang")
    _, others = person(access, "li")
    for session in (others, "", "wgs_x", access.rotate(token)[:-1]):
        with pytest.raises(NotSignedIn):
            access.change_password(account.id, PASSWORD, OTHER_PASSWORD, session=session)
    assert sign_in(access)


@pytest.mark.parametrize("weak", ["short", "password1", "zhang12345", "luohu2026", "罗湖区罗湖区罗湖区"])
def test_a_weak_password_is_refused_and_nothing_changes(access: Access, weak: str) -> None:
    account, code = access.add_account("zhang", "planner", WHOLE_DISTRICT, title="张 San", by=OPERATOR)
    token = access.sign_in("zhang", code, address=HOME, agent=AGENT).token
    for _ in range(12):  # weak ones are no attempts on the old password
        with pytest.raises(WeakPassword):
            access.change_password(account.id, "", weak, session=token)
    assert access.account("zhang").must_change
    access.change_password(account.id, "", PASSWORD, session=token)


def test_a_hash_of_weaker_parameters_is_made_anew(url: str, access: Access, clock: Hands) -> None:
    person(access)
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    with open_access(url, policy=POLICY, clock=clock, hasher=stronger) as grown:
        for expected in (True, False):
            kept = password_hash(grown)
            assert stronger.check_needs_rehash(kept) is expected
            sign_in(grown)
    sign_in(access)


def password_hash(access: Access) -> str:
    with access._backend.reading() as transaction:
        ((kept,),) = transaction.run("SELECT password_hash FROM accounts WHERE name = 'zhang'")
    return str(kept)


def test_the_service_hashes_with_the_librarys_own_parameters(url: str) -> None:
    with open_access(url, policy=POLICY) as access:
        made = access._passwords.hashed(PASSWORD)
    assert argon2.extract_parameters(made) == profiles.RFC_9106_LOW_MEMORY
    nobodys = Passwords()._nobodys
    assert argon2.extract_parameters(nobodys) == profiles.RFC_9106_LOW_MEMORY
    assert not Passwords().matches(None, PASSWORD)
