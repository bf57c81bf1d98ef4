"""Who asks, and whether they may: before every request, for every address, refused unless allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from flask import Flask, Request, current_app, g, request
from werkzeug.exceptions import HTTPException

from layers.policy import Policy
from layers.visitors import RESIDENT, Visitor
from webmap import csrf
from webmap.identity import is_bearer, source

if TYPE_CHECKING:
    from layers.rules import Action
    from webmap import Service

Visitors = Callable[[Request], Visitor]
"""Says who asks."""

PROBES = frozenset({"/healthz", "/readyz"})
"""What a supervisor asks, by whatever name it has for the machine."""

WAYS_IN = frozenset({"sign_in", "oidc", "account"})
"""The parts with what one needs to sign in: attempts are counted there, looking at the forms is not."""

_View = TypeVar("_View", bound=Callable[..., object])


def everybody_is_resident(_: Request) -> Visitor:
    """Say that nobody has signed in."""
    return RESIDENT


def allow(action: Action) -> Callable[[_View], _View]:
    """Declare what a visitor must be allowed to do to reach a view that is no API operation."""

    def declare(view: _View) -> _View:
        view.action = action  # type: ignore[attr-defined]
        return view

    return declare


def visitor() -> Visitor:
    """Return who asks."""
    found: Visitor = g.visitor
    return found


def policy() -> Policy:
    """Return the rules."""
    found: Policy = current_app.extensions["wangge"].policy
    return found


def this_request() -> Request:
    """Return the request itself: what flask gives looks for it again at every question."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]
    return found


def _guard() -> None:
    app, asked = current_app, this_request()
    service: Service = app.extensions["wangge"]
    g.visitor = who = RESIDENT
    endpoint = asked.endpoint
    # Static files are the same for everybody; probes are answered while accounts cannot be read.
    if endpoint != "static" and asked.path not in PROBES:
        g.visitor = who = service.visitors(asked)
        _count(service, who, asked)
    if isinstance(asked.routing_exception, HTTPException):
        return  # there is nothing at this address, or not by this method: the error is answered as such
    action = getattr(app.view_functions[endpoint or ""], "action", None)
    if action is None:
        raise LookupError(f"the endpoint {endpoint} declares no action: nobody may reach it")
    if asked.method not in csrf.SAFE_METHODS and not is_bearer(asked):
        csrf.check()
    service.policy.require(who, action)


def _count(service: Service, who: Visitor, asked: Request) -> None:
    """Count the request; strangers may fill up their address's number, and yet anybody there can sign in."""
    if asked.path.startswith("/tiles/"):
        service.tile_requests.count(source(who, asked))
    elif who.via != "nobody" or asked.blueprint not in WAYS_IN:
        service.requests.count(source(who, asked))


def register(app: Flask) -> None:
    """Guard every address of `app`; what anybody may have, such as styles, declares so."""
    app.before_request(_guard)
    app.view_functions["static"] = allow("describe")(app.view_functions["static"])
