"""How answers are written: JSON without surprises, compressed where that helps, revalidated by content."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request
from flask.json.provider import JSONProvider

from layers.memory import give_back
from webmap.codings import WORTH_FROM_BYTES, Coding, coding_for, compress, expand

_LARGE_BYTES = 8 * 2**20
"""To write so much JSON takes a multiple of it for a moment."""

_COMPRESSIBLE = (
    "application/json",
    "application/geo+json",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
)


class PlainJSON(JSONProvider):
    """JSON in UTF-8, keys in the order given; NaN and infinity are errors and never leave."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Return `obj` as JSON."""
        return _dumps(obj)

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Read JSON."""
        return json.loads(s)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True)
class WrittenJSON:
    """An answer as it is kept for those who ask the same: written, and compressed as most clients take it.

    Of a province a view has some hundred thousand rows: as Python's objects they take three times what they take
    as text, and twenty times what is kept here.
    """

    _body: bytes
    _coding: Coding

    @classmethod
    def of(cls, value: Any) -> WrittenJSON:
        """Write a value that JSON knows."""
        body = _dumps(value).encode()
        coding: Coding = "zstd" if len(body) >= WORTH_FROM_BYTES else "identity"
        made = cls(compress(body, coding), coding)
        if len(body) >= _LARGE_BYTES:
            give_back()
        return made

    def size_of(self) -> int:
        """Return how many bytes are kept."""
        return len(self._body)

    def response(self) -> Response:
        """Return the answer, just as one that is written for this request."""
        if self._coding == "identity" or coding_asked() != self._coding:
            return Response(expand(self._body, self._coding), mimetype="application/json")
        response = Response(self._body, mimetype="application/json")
        response.headers["Content-Encoding"] = self._coding
        response.vary.add("Accept-Encoding")
        return response


def coding_asked() -> Coding:
    """Return how this request's client likes bodies best."""
    return coding_for(request.environ.get("HTTP_ACCEPT_ENCODING", ""))


def is_text(mimetype: str | None) -> bool:
    """Whether compressing helps."""
    return mimetype in _COMPRESSIBLE


def _compress(response: Response) -> Response:
    if (
        is_text(response.mimetype)
        and not response.direct_passthrough
        and "Content-Encoding" not in response.headers
    ):
        response.vary.add("Accept-Encoding")
        body, coding = response.get_data(), coding_asked()
        if len(body) >= WORTH_FROM_BYTES and coding != "identity":
            response.set_data(compress(body, coding))
            response.headers["Content-Encoding"] = coding
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
