"""How answers are written: JSON without surprises, compressed where that helps, revalidated by content."""

from __future__ import annotations

import gzip
import json
from typing import Any

from flask import Flask, Response, request
from flask.json.provider import JSONProvider

COMPRESSED_FROM_BYTES = 1024
_COMPRESSIBLE = (
    "application/json",
    "application/geo+json",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
)
_LEVEL = 6


class PlainJSON(JSONProvider):
    """JSON in UTF-8, keys in the order given; NaN and infinity are errors and never leave."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Return `obj` as JSON."""
        return json.dumps(obj, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Read JSON."""
        return json.loads(s)


def compressed(body: bytes) -> bytes:
    """Return `body` as gzip; equal bodies give equal bytes."""
    return gzip.compress(body, _LEVEL, mtime=0)


def accepts_gzip() -> bool:
    """Whether this request's client takes gzip."""
    return request.accept_encodings.quality("gzip") > 0


def is_text(response: Response) -> bool:
    """Whether compressing helps."""
    return response.mimetype in _COMPRESSIBLE


def _compress(response: Response) -> Response:
    if is_text(response) and not response.direct_passthrough and "Content-Encoding" not in response.headers:
        response.vary.add("Accept-Encoding")
        body = response.get_data()
        if len(body) >= COMPRESSED_FROM_BYTES and accepts_gzip():
            response.set_data(compressed(body))
            response.headers["Content-Encoding"] = "gzip"
    return response


def _revalidate(response: Response) -> Response:
    """Answer 304 where the client holds this very answer."""
    if (
        response.status_code == 200
        and request.method in ("GET", "HEAD")
        and not response.direct_passthrough
        and not response.cache_control.no_store
    ):
        if response.get_etag()[0] is None:
            response.add_etag()
        response.make_conditional(request)
    return response


def register(app: Flask) -> None:
    """Write every answer of `app` by this module."""
    app.json = PlainJSON(app)
    # Functions after a request run in reverse order: compress, then compare.
    app.after_request(_revalidate)
    app.after_request(_compress)
