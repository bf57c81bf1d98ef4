"""Who asks, and whether they may: before every request, for every address, refused unless allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from flask import Flask, Request, current_app, g, request
from werkzeug.exceptions import HTTPException

from layers.policy import Policy
from layers.visitors import RESIDENT, Visitor
from webmap import csrf
from webmap.identity import address_of, is_bearer
from webmap.limits import source_of

if TYPE_CHECKING:
    from layers.rules import Action
    from webmap import Service

Visitors = Callable[[Request], Visitor]
"""Says who asks."""

PROBES = frozenset({"/healthz", "/readyz"})
"""What a supervisor asks, by whatever name it has for the machine."""

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


def _guard() -> None:
    service: Service = current_app.extensions["wangge"]
    g.visitor = RESIDENT
    # Static files are the same for everybody; probes are answered while accounts cannot be read.
    if request.endpoint != "static" and request.path not in PROBES:
        g.visitor = service.visitors(request)
        _count(service, g.visitor)
    if isinstance(request.routing_exception, HTTPException):
        return  # there is nothing at this address, or not by this method: the error is answered as such
    view = current_app.view_functions[request.endpoint or ""]
    action = getattr(view, "action", None)
    if action is None:
        raise LookupError(f"the endpoint {request.endpoint} declares no action: nobody may reach it")
    if request.method not in csrf.SAFE_METHODS and not is_bearer(request):
        csrf.check()
    service.policy.require(g.visitor, action)


def _count(service: Service, who: Visitor) -> None:
    """Count the request: by account, or by address where that is all that is known."""
    if request.path.startswith("/tiles/"):
        service.tile_requests.count(source_of(address_of(request)))
    else:
        service.requests.count(who.account or source_of(address_of(request)))


def register(app: Flask) -> None:
    """Guard every address of `app`; what anybody may have, such as styles, declares so."""
    app.before_request(_guard)
    app.view_functions["static"] = allow("describe")(app.view_functions["static"])
