"""Who asks, and whether they may: before every request, for every address, refused unless allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from flask import Flask, Request, current_app, g, request
from werkzeug.exceptions import HTTPException

from layers.policy import Policy
from layers.visitors import RESIDENT, Visitor

if TYPE_CHECKING:
    from layers.rules import Action

Visitors = Callable[[Request], Visitor]
"""Says who asks."""

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
    service = current_app.extensions["wangge"]
    g.visitor = service.visitors(request)
    if isinstance(request.routing_exception, HTTPException):
        return  # there is nothing at this address, or not by this method: the error is answered as such
    view = current_app.view_functions[request.endpoint or ""]
    action = getattr(view, "action", None)
    if action is None:
        raise LookupError(f"the endpoint {request.endpoint} declares no action: nobody may reach it")
    service.policy.require(g.visitor, action)


def register(app: Flask) -> None:
    """Guard every address of `app`; what anybody may have, such as styles, declares so."""
    app.before_request(_guard)
    app.view_functions["static"] = allow("describe")(app.view_functions["static"])
