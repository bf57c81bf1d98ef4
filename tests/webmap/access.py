"""A service in which people sign in, a clock that the tests set, and a browser that fills in its forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from layers.access.access import Access, open_access
from layers.standards import Standards
from layers.store import Store
from layers.visitors import WHOLE_DISTRICT, Area, operator
from tests.visitors import POLICY, UNLIMITED
from webmap import create_app
from webmap.settings import Settings

OPERATOR = operator("test")
PASSWORD = "four unrelated words"
UNHURRIED = {"requests_a_minute": UNLIMITED, "tiles_a_minute": UNLIMITED, "attempts_a_minute": UNLIMITED}
AREAS = {
    "grid_worker": Area("management_cells", frozenset({"G1"})),
    "subdistrict_staff": Area("subdistricts", frozenset({"S1"})),
    "community_staff": Area("neighbourhoods", frozenset({"N1"})),
    "auditor": Area("none"),
}
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_CODE = re.compile(r"<code>([^<]+)</code>")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2025, 6, 30, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


class People:
    """Accounts in a store of their own, and the service that they use."""

    def __init__(self, access: Access, clock: Clock, app: Flask) -> None:
        self.access, self.clock, self.app = access, clock, app

    def add(self, name: str, role: str, *, password: str | None = PASSWORD) -> str:
        """Add an account, with a password unless that is to be chosen; return its initial code."""
        _, code = self.access.add_account(name, role, AREAS.get(role, WHOLE_DISTRICT), by=OPERATOR)
        if password is not None:
            done = self.access.sign_in(name, code, address="192.0.2.1", agent="")
            token = self.access.change_password(name, "", password, session=done.token)
            self.access.sign_out(token)
        return code

    def browser(self) -> Browser:
        return Browser(self.app)

    def signed_in(self, name: str, role: str) -> Browser:
        """Add an account and sign in with it."""
        self.add(name, role)
        return self.browser_of(name)

    def browser_of(self, name: str) -> Browser:
        """Sign in with an account that is there."""
        browser = self.browser()
        assert browser.sign_in(name).status_code == 303
        return browser

    def log(self, action: str) -> list[Any]:
        return self.access.entries(action=action, limit=1000)


class Browser:
    """Fills in the forms of the pages it is shown."""

    def __init__(self, app: Flask, **options: Any) -> None:
        self.client: FlaskClient = app.test_client()
        self.options: dict[str, Any] = options

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **{**self.options, **options})

    def post(self, path: str, data: dict[str, Any] | None = None, *, page: str = "/sign-in") -> TestResponse:
        """Send a form, with the token of `page`."""
        found = _TOKEN.search(self.get(page).get_data(as_text=True))
        token = found[1] if found else ""
        return self.client.post(path, data={"csrf": token, **(data or {})}, **self.options)

    def sign_in(self, name: str, password: str = PASSWORD, *, to: str = "") -> TestResponse:
        return self.post(f"/sign-in?next={to}" if to else "/sign-in", {"name": name, "password": password})

    def cookie(self, name: str) -> str | None:
        found = self.client.get_cookie(name)
        return None if found is None else found.value


def code_of(response: TestResponse) -> str:
    """Return the secret that a page shows once."""
    found = _CODE.search(response.get_data(as_text=True))
    assert found
    return found[1]


@contextmanager
def people(store: Store, standards: Standards, folder: Path, **settings: Any) -> Iterator[People]:
    """Serve a store to people whose accounts are kept in `folder`."""
    clock = Clock()
    path = folder / "accounts.gpkg"
    path.touch()
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with open_access(f"gpkg:{path}", policy=POLICY, clock=clock, hasher=cheap) as access:
        given = Settings(**{**UNHURRIED, **settings})
        yield People(access, clock, create_app(store, standards, POLICY, access=access, settings=given))
