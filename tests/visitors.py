"""Visitors for tests, and a service in which everybody is one of them."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from layers.policy import Policy, read_policy
from layers.standards import Standards
from layers.store import Store
from layers.visitors import WHOLE_DISTRICT, Visitor
from webmap import create_app
from webmap.settings import Settings

POLICY = read_policy(Path(__file__).parents[1] / "data")
UNLIMITED = 10**9
PLANNER = Visitor("planner", WHOLE_DISTRICT, account="0" * 12, name="planner", via="session")


def app_for(
    store: Store,
    standards: Standards,
    visitor: Visitor = PLANNER,
    *,
    policy: Policy = POLICY,
    settings: Settings | None = None,
) -> Flask:
    """Return a service that takes everybody who asks for `visitor`, however often they do."""
    settings = settings or Settings(requests_a_minute=UNLIMITED, tiles_a_minute=UNLIMITED)
    return create_app(store, standards, policy, visitors=lambda _: visitor, settings=settings)
