"""Tiles and static files before Flask: what a map asks for by the hundred.

A small WSGI application in front of the other. It answers what succeeds, by the same visitors, limits, policy and
headers; whatever it does not know how to do, and every refusal and error, it leaves to Flask, which answers the
request as if nothing had been asked before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.http import is_resource_modified

from layers.visitors import RESIDENT
from webmap import assets
from webmap import tile_geometry as tiling
from webmap.codings import coding_for
from webmap.identity import Asked, is_bearer, known_of, source
from webmap.security import WHO_ASKS, headers_of_bytes, is_ours
from webmap.tile_layers import drawn_for
from webmap.tiles import MVT

if TYPE_CHECKING:
    from flask import Flask

    from webmap import Service

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Answer = tuple[HTTPStatus, Headers, bytes]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_TILE = re.compile(r"/tiles/([A-Za-z0-9_.-]+)/([0-9]{1,2})/([0-9]{1,9})/([0-9]{1,9})\.mvt", re.ASCII)
_STATIC = "/static/"
_PRIVATE = ("Cache-Control", "private, no-cache")
_STATUS_LINES = {status: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Quick:
    """The application in front of `app`.

    Parameters
    ----------
    app : Flask
        With its service and all of its parts.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._others: Application = app.wsgi_app
        self._service: Service = app.extensions["wangge"]
        settings = self._service.settings
        self._always_secure = settings.address.startswith("https://")
        self._names = (settings.address, settings.hosts)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        answer = self._answer(environ)
        if answer is None:
            return self._others(environ, start_response)
        status, headers, body = answer
        start_response(_STATUS_LINES[status], headers)
        return [body] if environ["REQUEST_METHOD"] == "GET" else []

    def _answer(self, environ: Environ) -> Answer | None:
        """Return the answer, None where it is left to Flask."""
        path: str = environ["PATH_INFO"]
        answers = (
            self._tile if path.startswith("/tiles/") else self._file if path.startswith(_STATIC) else None
        )
        if answers is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return None
        if "HTTP_IF_MATCH" in environ or not is_ours(environ.get("HTTP_HOST", ""), *self._names):
            return None
        return answers(environ, path)

    def _tile(self, environ: Environ, path: str) -> Answer | None:
        place = _TILE.fullmatch(path)
        request = Asked(environ)
        if place is None or environ.get("QUERY_STRING") or is_bearer(request):
            return None
        layer, zoom, x, y = place[1], int(place[2]), int(place[3]), int(place[4])
        if zoom > tiling.MAX_ZOOM or x >> zoom or y >> zoom:
            return None
        service = self._service
        try:
            who = service.visitors(request)
            if known_of(request).forget or not service.policy.may(who, "view"):
                return None
            drawn = drawn_for(service.policy, who, layer)
            service.tile_requests.count(source(who, request))
            coding = coding_for(environ.get("HTTP_ACCEPT_ENCODING", ""))
            found = service.tiles.tile(service.snapshots.current(), drawn, zoom, x, y, coding)
        except Exception:
            return None  # Flask comes upon the same, and says it
        headers = self._headers(environ)
        headers += (_PRIVATE, ("ETag", f'"{found.etag}"'), ("Vary", _VARIES[bool(found.body)]))
        if not _is_news(environ, found.etag):
            return HTTPStatus.NOT_MODIFIED, headers, b""
        if not found.body:
            return HTTPStatus.NO_CONTENT, headers, b""
        headers += (("Content-Type", MVT), ("Content-Length", str(len(found.body))))
        if found.coding != "identity":
            headers.append(("Content-Encoding", found.coding))
        return HTTPStatus.OK, headers, found.body

    def _file(self, environ: Environ, path: str) -> Answer | None:
        if "HTTP_RANGE" in environ or "HTTP_IF_MODIFIED_SINCE" in environ:
            return None
        if not self._service.policy.may(RESIDENT, "describe"):
            return None
        coding = coding_for(environ.get("HTTP_ACCEPT_ENCODING", ""))
        file = assets.kept_file(self._app.static_folder or "", path.removeprefix(_STATIC), coding)
        if file is None:
            return None
        headers = self._headers(environ)
        headers += file.headers(f"?{environ.get('QUERY_STRING', '')}")
        if not _is_news(environ, file.etag):
            return HTTPStatus.NOT_MODIFIED, headers, b""
        headers.append(("Content-Length", str(len(file.body))))
        return HTTPStatus.OK, headers, file.body

    def _headers(self, environ: Environ) -> Headers:
        return headers_of_bytes(secure=self._always_secure or environ["wsgi.url_scheme"] == "https")


_VARIES = {True: ", ".join(("Accept-Encoding", *WHO_ASKS)), False: ", ".join(WHO_ASKS)}


def _is_news(environ: Environ, etag: str) -> bool:
    """Whether the client does not hold this very answer."""
    return "HTTP_IF_NONE_MATCH" not in environ or is_resource_modified(environ, etag=etag)
