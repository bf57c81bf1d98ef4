"""What the tests of accounts share: a clock that is set by hand, cheap hashes, and people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher

from layers.access.access import Access, open_access
from layers.access.model import Account
from layers.policy import read_policy
from layers.store import Clock, StoreSettings
from layers.visitors import WHOLE_DISTRICT, Area, Visitor, operator

POLICY = read_policy(Path(__file__).parents[2] / "data")
OPERATOR = operator("root")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "violet tractor seven"
OTHER_PASSWORD = "umbrella gravel moonlight"
HOME, AWAY = "192.0.2.1", "198.51.100.9"
AGENT = "Browser/1"
ZHANG = Visitor("planner", account="0" * 12, name="张三", via="session")
CELLS = Area("management_cells", frozenset({"440303001001001", "440303001001002"}))
QUICK = StoreSettings(write_wait_s=30, connect_timeout_s=3, pool_wait_s=3)


@dataclass
class Hands:
    """A clock that stands still until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 8, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


def access_at(
    url: str, clock: Clock, *, read_only: bool = False, words: tuple[str, ...] = ("罗湖区", "Luohu")
) -> Access:
    return open_access(
        url, policy=POLICY, settings=QUICK, clock=clock, read_only=read_only, words=words, hasher=CHEAP
    )


def person(
    access: Access,
    name: str = "zhang",
    role: str = "planner",
    area: Area = WHOLE_DISTRICT,
    *,
    password: str = PASSWORD,
    address: str = HOME,
) -> tuple[Account, str]:
    """Add an account whose person has chosen a password; return it and the token of its session."""
    account, code = access.add_account(name, role, area, by=OPERATOR)
    signed_in = access.sign_in(name, code, address=address, agent=AGENT)
    token = access.change_password(account.id, "", password, session=signed_in.token)
    return access.account(account.id), token


def actions(access: Access, since: int = 0) -> list[str]:
    """Return what the audit log says was done, in order."""
    return [entry.action for entry in access.entries(since=since, limit=10_000)]


def faults(access: Access, expect: tuple[int, str] | None = None) -> list[tuple[str, int | None]]:
    return [(fault.id, fault.seq) for fault in access.verify(expect=expect)]
