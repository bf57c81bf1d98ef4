"""Sessions: how they end, rotate and are shown; on both kinds of store, and against a model."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from layers.access.access import Access
from layers.access.model import SignInFailed
from layers.problems import Forbidden, NotFound, NotSignedIn, StoreReadOnly, TooMany
from layers.visitors import WHOLE_DISTRICT, Visitor
from tests.access.conftest import OpenAccess, sqlite_url
from tests.access.support import (
    AGENT,
    CHEAP,
    HOME,
    OPERATOR,
    PASSWORD,
    QUICK,
    Hands,
    access_at,
    actions,
    person,
)


def sign_in(access: Access, name: str = "zhang", agent: str = AGENT) -> str:
    return access.sign_in(name, PASSWORD, address=HOME, agent=agent).token


def test_a_session_ends_when_it_is_not_used_for_12_hours(access: Access, clock: Hands) -> None:
    _, token = person(access)
    for _ in range(3):
        clock.move(hours=11.9)
        assert access.visitor_of(token) is not None
    clock.move(hours=12)
    assert access.visitor_of(token) is None
    assert access.sessions("zhang") == []


def test_a_session_ends_after_7_days_however_it_is_used(access: Access, clock: Hands) -> None:
    _, token = person(access)
    for _ in range(14 * 2):
        assert access.visitor_of(token) is not None
        clock.move(hours=6)
    assert access.visitor_of(token) is None


def test_use_is_noted_once_a_minute(access: Access, clock: Hands, url: str, open_at: OpenAccess) -> None:
    _, token = person(access)
    began = clock()
    other = open_at(url)
    for seconds, noted in ((59, 0), (1, 60), (30, 60), (30, 120)):
        clock.move(seconds=seconds)
        assert access.visitor_of(token) is not None
        (session,) = other.sessions("zhang")
        assert session.last_seen == began + timedelta(seconds=noted)


def test_a_long_write_keeps_nobody_waiting(
    access: Access, clock: Hands, url: str, open_at: OpenAccess
) -> None:
    """That a session was used is noted once others have done writing."""
    _, token = person(access)
    other = open_at(url)
    found: list[Visitor | None] = []

    def use() -> None:
        found.append(access.visitor_of(token))

    clock.move(minutes=2)
    for writer in (other, access):
        (before,) = other.sessions("zhang")
        found.clear()
        with writer._writing():
            using = threading.Thread(target=use, daemon=True)
            using.start()
            using.join(QUICK.write_wait_s / 2)
            assert found and found[0] is not None
        assert other.sessions("zhang") == [before]
        assert access.visitor_of(token) is not None
        (noted,) = other.sessions("zhang")
        assert noted.last_seen == clock()
        clock.move(minutes=2)


def test_what_one_process_has_seen_used_another_does_not_end(
    access: Access, clock: Hands, url: str, open_at: OpenAccess
) -> None:
    _, token = person(access)
    other = open_at(url)
    assert other.visitor_of(token) is not None
    for _ in range(4):
        clock.move(hours=6)
        assert access.visitor_of(token) is not None
    assert other.visitor_of(token) is not None


def test_a_session_says_where_and_what_it_is(access: Access, clock: Hands) -> None:
    account, token = person(access)
    access.sign_out(token)
    clock.move(days=1)
    agent = "Browser \x00\ud800\n" + "x" * 200
    token = access.sign_in("zhang", PASSWORD, address="2001:db8::1", agent=agent).token
    visitor, session = access.visitor_of_session(token) or (None, None)
    assert session is not None and visitor is not None
    assert access.sessions("zhang") == [session]
    assert (session.account_id, session.address) == (account.id, "2001:db8::1")
    assert session.agent.startswith("Browser  ?") and len(session.agent) == 120 and "\n" not in session.agent
    assert session.created == session.last_seen == clock()
    assert session.expires == clock() + timedelta(hours=12)
    assert session.id not in token and token not in repr(session)
    clock.move(days=6, hours=20)
    late = sign_in(access)
    clock.move(hours=1)
    assert [one.created for one in access.sessions("zhang")] == [clock() - timedelta(hours=1)]
    assert access.visitor_of(late) is not None


def test_a_rotated_session_goes_on_under_another_token(access: Access) -> None:
    _, token = person(access)
    visitor, session = access.visitor_of_session(token) or (None, None)
    other = access.rotate(token)
    assert access.visitor_of(token) is None
    assert access.visitor_of_session(other) == (visitor, session)
    with pytest.raises(NotSignedIn):
        access.rotate(token)


def test_signing_out_ends_that_session_alone(access: Access) -> None:
    _, first = person(access)
    second = sign_in(access)
    access.sign_out(first)
    access.sign_out(first)
    access.sign_out("wgs_nothing")
    assert access.visitor_of(first) is None and access.visitor_of(second) is not None
    assert actions(access)[-1:] == ["sign_out"] and actions(access).count("sign_out") == 1


def test_one_ends_ones_own_sessions_and_an_administrator_anybodys(access: Access) -> None:
    _, token = person(access)
    zhang = access.visitor_of(token)
    _, others = person(access, "li")
    li = access.visitor_of(others)
    _, boss_token = person(access, "boss", "administrator")
    boss = access.visitor_of(boss_token)
    assert zhang is not None and li is not None and boss is not None
    tablet = sign_in(access, agent="Tablet")
    wanted = next(one for one in access.sessions("zhang") if one.agent == "Tablet")
    with pytest.raises(Forbidden):
        access.end_session("zhang", wanted.id, by=li)
    with pytest.raises(NotFound):
        access.end_session("li", wanted.id, by=li)
    assert access.visitor_of(tablet) is not None
    access.end_session("zhang", wanted.id, by=zhang, origin=HOME)
    assert access.visitor_of(tablet) is None and access.visitor_of(token) is not None
    with pytest.raises(NotFound):
        access.end_session("zhang", wanted.id, by=zhang)
    access.end_session("zhang", access.sessions("zhang")[0].id, by=boss)
    assert access.visitor_of(token) is None
    ended = access.entries(action="session_ended")
    assert [(entry.name, entry.what, entry.origin) for entry in ended] == [
        ("zhang", "zhang", HOME),
        ("boss", "zhang", ""),
    ]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "wgs_",
        "wgd_",
        "wgk_",
        "wgl_",
        "wgs_" + "A" * 43,
        "\x00",
        "wgs_\ud800",
        "wgk_" + "x" * 100_000,
    ],
)
def test_other_tokens_are_worth_nothing(access: Access, token: str) -> None:
    person(access)
    assert access.visitor_of(token) is None
    assert access.visitor_of_session(token) is None
    assert access.visitor_of_device(token) is None
    assert access.visitor_of_key(token) is None


def test_a_token_opens_only_what_it_is_for(access: Access) -> None:
    _, session = person(access)
    _, key = access.add_key("sync", "zhang", ["view"], by=OPERATOR)
    for secret in (session, key):
        for prefix in ("wgs_", "wgd_", "wgk_", "wgl_"):
            assert (access.visitor_of(prefix + secret[4:]) is not None) is secret.startswith(prefix)
    assert access.visitor_of_session(key) is None
    assert access.visitor_of_key(session) is None


def test_a_store_that_is_only_read_still_knows_who_is_signed_in(
    access: Access, url: str, open_at: OpenAccess, clock: Hands
) -> None:
    _, token = person(access)
    clock.move(hours=1)
    reader = open_at(url, read_only=True)
    assert reader.visitor_of(token) == access.visitor_of(token) is not None
    assert reader.verify() == []
    with pytest.raises(StoreReadOnly):
        reader.sign_in("zhang", PASSWORD, address=HOME, agent=AGENT)
    with pytest.raises(StoreReadOnly):
        reader.record(OPERATOR, "export")


def test_sessions_that_are_over_are_cleared_away(access: Access, clock: Hands) -> None:
    _, first = person(access)
    for _ in range(5):
        sign_in(access)
    clock.move(days=2)
    sign_in(access)
    with access._backend.reading() as transaction:
        ((count,),) = transaction.run("SELECT count(*) FROM sessions")
    assert count == 1 and access.visitor_of(first) is None


def test_a_thousand_accounts(access: Access) -> None:
    kept = CHEAP.hash(PASSWORD)
    with access._writing() as transaction:
        for number in range(999):
            transaction.run(
                "INSERT INTO accounts (id, name, name_key, title, role, area, password_hash, created) "
                "VALUES (?, ?, ?, '', 'planner', '[\"district\"]', ?, 0)",
                f"{number:012x}",
                f"Name{number}",
                f"name{number}",
                kept,
            )
    person(access, "last")
    assert len(access.accounts()) == 1000
    tokens = {f"name{number}": sign_in(access, f"name{number}") for number in range(0, 999, 50)}
    for _ in range(2):
        for name, token in tokens.items():
            visitor = access.visitor_of(token)
            assert visitor is not None and visitor.name.casefold() == name
    access.disable("name50", by=OPERATOR)
    assert [name for name, token in tokens.items() if access.visitor_of(token) is None] == ["name50"]


class SessionsMachine(RuleBasedStateMachine):
    """Sessions of two people in two processes, against what the rules say in words."""

    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = Hands()
        url = sqlite_url(Path(self.folder.name))
        self.processes = [access_at(url, self.clock), access_at(url, self.clock)]
        for process in self.processes:
            # What another process does shows after a moment at most; here none passes.
            process._backend.generation_age_s = 0.0
        self.alive: dict[str, tuple[str, datetime, datetime]] = {}
        self.dead: set[str] = set()
        self.disabled: set[str] = set()
        for name in ("zhang", "li"):
            _, token = person(self.processes[0], name)
            self.processes[0].sign_out(token)

    def teardown(self) -> None:
        for process in self.processes:
            process.close()
        self.folder.cleanup()

    def end(self, *tokens: str) -> None:
        for token in tokens:
            self.dead.add(token)
            self.alive.pop(token, None)

    def of(self, name: str) -> list[str]:
        return [token for token, (owner, _, _) in self.alive.items() if owner == name]

    @rule(target=tokens, name=st.sampled_from(["zhang", "li"]), process=st.sampled_from([0, 1]))
    def sign_in(self, name: str, process: int) -> str:
        try:
            token = sign_in(self.processes[process], name)
        except (SignInFailed, TooMany):
            assert name in self.disabled
            return "wgs_none"
        assert name not in self.disabled
        self.alive[token] = (name, self.clock(), self.clock())
        return token

    @rule(minutes=st.sampled_from([1, 30, 300, 719, 720, 2000]))
    def wait(self, minutes: int) -> None:
        self.clock.move(minutes=minutes)

    @rule(token=tokens, process=st.sampled_from([0, 1]))
    def use(self, token: str, process: int) -> None:
        found = self.processes[process].visitor_of(token)
        owner, began, used = self.alive.get(token, ("", self.clock(), self.clock()))
        ends = min(began + timedelta(days=7), used + timedelta(hours=12))
        if owner and self.clock() < ends:
            assert found is not None and found.name == owner
            # Only use after a minute is noted.
            if self.clock() - used >= timedelta(minutes=1):
                self.alive[token] = (owner, began, self.clock())
        else:
            assert found is None
            self.end(token)

    @rule(token=tokens, process=st.sampled_from([0, 1]))
    def sign_out(self, token: str, process: int) -> None:
        self.processes[process].sign_out(token)
        self.end(token)

    @rule(target=tokens, token=tokens, process=st.sampled_from([0, 1]))
    def rotate(self, token: str, process: int) -> str:
        self.use(token, process)
        try:
            other = self.processes[process].rotate(token)
        except NotSignedIn:
            assert token not in self.alive
            return token
        if token in self.alive:
            self.alive[other] = self.alive[token]
        self.end(token)
        return other

    @rule(name=st.sampled_from(["zhang", "li"]), process=st.sampled_from([0, 1]))
    def disable(self, name: str, process: int) -> None:
        self.processes[process].disable(name, by=OPERATOR)
        self.disabled.add(name)
        self.end(*self.of(name))

    @rule(name=st.sampled_from(["zhang", "li"]))
    def enable(self, name: str) -> None:
        self.processes[0].enable(name, by=OPERATOR)
        self.disabled.discard(name)

    @rule(name=st.sampled_from(["zhang", "li"]))
    def change_role(self, name: str) -> None:
        self.processes[1].change_role(name, "leader", WHOLE_DISTRICT, by=OPERATOR)
        self.end(*self.of(name))

    @invariant()
    def nobody_is_there_who_should_not_be(self) -> None:
        for process in self.processes:
            for token in list(self.dead)[-5:]:
                assert process.visitor_of(token) is None


TestSessionsAgainstAModel = SessionsMachine.TestCase
TestSessionsAgainstAModel.settings = settings(max_examples=25, stateful_step_count=25)
