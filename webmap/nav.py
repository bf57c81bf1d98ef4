"""The head's navigation: the pages that there are, and that whoever asks may open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, request
from werkzeug.exceptions import HTTPException

from webmap.gate import policy, visitor

if TYPE_CHECKING:
    from flask import Flask

    from layers.rules import Action

PAGES = {
    "nav_desk": "/",
    "nav_compare": "/compare",
    "nav_field": "/field",
    "nav_wall": "/wall",
    "nav_data": "/data",
}
"""What the links are called, in order, and where they lead."""
_ONLY_FOR: dict[str, Action] = {"nav_field": "package"}
"""What somebody must be allowed to do to be led to a page that more people may open."""


def navigation() -> list[dict[str, Any]]:
    """Return the links for whoever asks; what is not theirs to open, or is not there, is left out."""
    adapter = current_app.url_map.bind("localhost")
    links = []
    for name, path in PAGES.items():
        try:
            endpoint, _ = adapter.match(path, method="GET")
        except HTTPException:
            continue
        declared: Action | None = getattr(current_app.view_functions[endpoint], "action", None)
        action = _ONLY_FOR.get(name, declared)
        if action is not None and policy().may(visitor(), action):
            links.append({"id": name, "href": path, "current": request.path == path})
    return links


def register(app: Flask) -> None:
    """Give templates `navigation`."""
    app.jinja_env.globals["navigation"] = navigation
