"""The second factor: codes and recovery codes, each of which counts once; on both kinds of store."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest

from layers.access.access import Access
from layers.access.model import Account, SignIn, SignInFailed
from layers.problems import BadParameter, NotSignedIn, TooMany
from layers.visitors import RESIDENT
from tests.access.support import AGENT, AWAY, HOME, OPERATOR, OTHER_PASSWORD, PASSWORD, Hands, actions, person


@pytest.fixture
def account(access: Access) -> Account:
    return person(access)[0]


@pytest.fixture
def app(access: Access, account: Account, clock: Hands) -> pyotp.TOTP:
    """Return the authenticator app of an account that has its second factor on."""
    app = pyotp.TOTP(access.totp_begin(account.id, PASSWORD)[0])
    access.totp_confirm(account.id, at(app, clock))
    clock.move(seconds=30)
    return app


def sign_in(access: Access, totp: str = "", address: str = HOME) -> SignIn:
    return access.sign_in("zhang", PASSWORD, address=address, agent=AGENT, totp=totp)


def at(app: pyotp.TOTP, clock: Hands, offset: int = 0) -> str:
    """Return the code of the present 30 seconds, or of others before or after."""
    return app.generate_otp(int(clock().timestamp()) // 30 + offset)


def other_than(app: pyotp.TOTP, clock: Hands) -> str:
    """Return a code that is none of those that count now."""
    right = {at(app, clock, offset) for offset in range(-3, 4)}
    return next(code for code in (f"{number:06}" for number in range(100)) if code not in right)


def test_it_is_on_when_the_app_has_shown_a_code(access: Access, account: Account, clock: Hands) -> None:
    secret, url = access.totp_begin(account.id, PASSWORD)
    assert urlsplit(url).scheme == "otpauth" and parse_qs(urlsplit(url).query)["secret"] == [secret]
    assert "zhang" in unquote(url) and "网格" in unquote(url)
    assert not access.account("zhang").has_totp
    app = pyotp.TOTP(secret)
    for wrong in (other_than(app, clock), "", "abcdef", "１２３４５６", at(app, clock, 3)):
        with pytest.raises(BadParameter):
            access.totp_confirm(account.id, wrong)
    sign_in(access)
    clock.move(seconds=1)
    with pytest.raises(BadParameter):
        access.totp_confirm(account.id, "\ud800")
    clock.move(seconds=2)
    codes = access.totp_confirm(account.id, at(app, clock))
    assert len(set(codes)) == 10
    assert access.account("zhang").has_totp
    assert access.entries(action="totp")[-1].what == "on"


def test_signing_in_takes_two_steps(access: Access, app: pyotp.TOTP, clock: Hands) -> None:
    first = sign_in(access)
    assert first.needs_totp and first.visitor == RESIDENT
    assert access.visitor_of(first.token) is None
    with pytest.raises(SignInFailed):
        access.second_step(first.token, other_than(app, clock), address=HOME, agent=AGENT)
    done = access.second_step(first.token, at(app, clock), address=HOME, agent=AGENT)
    assert not done.needs_totp and access.visitor_of(done.token) == done.visitor
    with pytest.raises(SignInFailed):
        access.second_step(first.token, at(app, clock, 1), address=HOME, agent=AGENT)
    assert access.visitor_of(first.token) is None
    assert actions(access)[-2:] == ["sign_in_failed", "sign_in"]


def test_or_one(access: Access, app: pyotp.TOTP, clock: Hands) -> None:
    with pytest.raises(SignInFailed):
        sign_in(access, other_than(app, clock))
    assert access.visitor_of(sign_in(access, at(app, clock)).token) is not None


def test_the_second_step_waits_five_minutes(access: Access, app: pyotp.TOTP, clock: Hands) -> None:
    first, second = sign_in(access), sign_in(access)
    clock.move(minutes=4, seconds=59)
    assert access.second_step(first.token, at(app, clock), address=HOME, agent=AGENT).token
    clock.move(seconds=30)
    with pytest.raises(SignInFailed):
        access.second_step(second.token, at(app, clock), address=HOME, agent=AGENT)


def test_a_first_step_is_no_session(access: Access, app: pyotp.TOTP, account: Account) -> None:
    first = sign_in(access)
    assert first.token not in [session.id for session in access.sessions("zhang")]
    assert len(access.sessions("zhang")) == 1  # the one in which the password was chosen
    with pytest.raises(NotSignedIn):
        access.rotate(first.token)
    with pytest.raises(NotSignedIn):
        access.change_password(account.id, PASSWORD, OTHER_PASSWORD, session=first.token)
    full = access.sessions("zhang")
    with pytest.raises(SignInFailed):
        access.second_step("wgs_x", "000000", address=HOME, agent=AGENT)
    assert access.sessions("zhang") == full


def test_a_code_counts_once(access: Access, app: pyotp.TOTP, clock: Hands) -> None:
    code, earlier = at(app, clock), at(app, clock, -1)
    sign_in(access, code)
    for replayed in (code, earlier):
        with pytest.raises(SignInFailed):
            sign_in(access, replayed)
    clock.move(seconds=30)
    sign_in(access, at(app, clock))


def test_the_code_that_turned_it_on_does_not_count_again(
    access: Access, account: Account, clock: Hands
) -> None:
    app = pyotp.TOTP(access.totp_begin(account.id, PASSWORD)[0])
    code = at(app, clock)
    access.totp_confirm(account.id, code)
    with pytest.raises(SignInFailed):
        sign_in(access, code)


@pytest.mark.parametrize(("offset", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(
    access: Access, app: pyotp.TOTP, clock: Hands, offset: int, good: bool
) -> None:
    clock.move(minutes=5)
    if good:
        sign_in(access, at(app, clock, offset))
    else:
        with pytest.raises(SignInFailed):
            sign_in(access, at(app, clock, offset))


def test_recovery_codes_count_once_each(access: Access, account: Account, clock: Hands) -> None:
    app = pyotp.TOTP(access.totp_begin(account.id, PASSWORD)[0])
    codes = access.totp_confirm(account.id, at(app, clock))
    for code in codes:
        assert sign_in(access, code.lower().replace("-", " ")).token
        with pytest.raises(SignInFailed):
            sign_in(access, code)
    clock.move(seconds=60)
    sign_in(access, at(app, clock))


def test_recovery_codes_are_ones_own_and_of_the_last_time(
    access: Access, account: Account, clock: Hands
) -> None:
    other, _ = person(access, "li")
    codes = {}
    for one in (account, other):
        app = pyotp.TOTP(access.totp_begin(one.id, PASSWORD)[0])
        codes[one.id] = access.totp_confirm(one.id, at(app, clock))
    with pytest.raises(SignInFailed):
        sign_in(access, codes[other.id][0])
    app = pyotp.TOTP(access.totp_begin(account.id, PASSWORD)[0])
    renewed = access.totp_confirm(account.id, at(app, clock))
    with pytest.raises(SignInFailed):
        sign_in(access, codes[account.id][0])
    assert sign_in(access, renewed[0]).token


def test_it_is_turned_off_by_one_of_its_codes(
    access: Access, account: Account, app: pyotp.TOTP, clock: Hands
) -> None:
    with pytest.raises(BadParameter):
        access.totp_remove(account.id, other_than(app, clock))
    access.totp_remove(account.id, at(app, clock))
    assert not access.account("zhang").has_totp
    assert not sign_in(access).needs_totp
    with pytest.raises(BadParameter):
        access.totp_remove(account.id, at(app, clock, 1))


@pytest.mark.parametrize("on", [True, False])
def test_nobody_tries_codes_in_a_session_for_ever_or_without_a_trace(
    access: Access, account: Account, clock: Hands, on: bool
) -> None:
    app = pyotp.TOTP(access.totp_begin(account.id, PASSWORD)[0])
    if on:
        access.totp_confirm(account.id, at(app, clock))
        clock.move(seconds=30)
    attempt = access.totp_remove if on else access.totp_confirm
    head, told = access.head()[0], []
    for _ in range(20):
        try:
            attempt(account.id, other_than(app, clock), origin=HOME)
        except (BadParameter, TooMany) as error:
            told.append(type(error))
    assert told == [BadParameter] * 5 + [TooMany] * 15
    with pytest.raises(TooMany):
        attempt(account.id, at(app, clock))
    found = access.entries(since=head)
    assert [(one.action, one.what, one.outcome) for one in found] == [
        ("totp", "off" if on else "on", "failed")
    ] * 5
    assert {(one.actor, one.name, one.origin) for one in found} == {(account.id, "zhang", HOME)}
    clock.move(seconds=30)
    attempt(account.id, at(app, clock))
    assert access.account("zhang").has_totp != on
    assert access.entries(action="totp")[-1].outcome == "done"


def test_a_wrong_present_password_leaves_a_trace(access: Access, account: Account) -> None:
    token = sign_in(access).token
    with pytest.raises(BadParameter):
        access.change_password(account.id, "wrong", OTHER_PASSWORD, session=token)
    last = access.entries(action="password")[-1]
    assert (last.actor, last.name, last.outcome) == (account.id, "zhang", "failed")


def test_a_reset_takes_it_away(access: Access, app: pyotp.TOTP) -> None:
    code = access.reset("zhang", by=OPERATOR)
    assert not access.account("zhang").has_totp
    assert not access.sign_in("zhang", code, address=HOME, agent=AGENT).needs_totp


def test_codes_cannot_be_tried_for_ever(access: Access, app: pyotp.TOTP, clock: Hands) -> None:
    """The right password in between does not begin the count anew."""
    wrong, told = other_than(app, clock), []
    for _ in range(20):
        try:
            first = sign_in(access, address=AWAY)
            access.second_step(first.token, wrong, address=AWAY, agent=AGENT)
        except (SignInFailed, TooMany) as error:
            told.append(type(error))
    assert told.count(SignInFailed) <= 5 < told.count(TooMany)


def test_who_was_disabled_or_reset_meanwhile_is_out(access: Access, app: pyotp.TOTP, clock: Hands) -> None:
    first = sign_in(access)
    access.disable("zhang", by=OPERATOR)
    access.enable("zhang", by=OPERATOR)
    with pytest.raises(SignInFailed):
        access.second_step(first.token, at(app, clock), address=HOME, agent=AGENT)


def test_it_is_turned_on_by_who_knows_the_password(access: Access, account: Account, clock: Hands) -> None:
    """Whoever finds a session open cannot keep its owner out, nor try passwords for ever."""
    with pytest.raises(BadParameter):
        access.totp_begin(account.id, OTHER_PASSWORD, origin=AWAY)
    [entry] = access.entries(action="totp", limit=1)
    assert (entry.name, entry.outcome, entry.origin) == ("zhang", "failed", AWAY)
    for _ in range(20):
        clock.move(seconds=1)
        try:
            access.totp_begin(account.id, OTHER_PASSWORD)
        except BadParameter:
            continue
        except TooMany:
            break
    else:
        raise AssertionError("passwords can be tried without end")
    clock.move(minutes=30)
    # What was right gives the attempts back, and nothing is on before a code has been seen.
    for _ in range(20):
        access.totp_begin(account.id, PASSWORD)
    assert not access.account("zhang").has_totp
