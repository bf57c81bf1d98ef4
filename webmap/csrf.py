"""Only our own pages may have a browser change something here.

Every form carries a token that follows from a secret cookie of the same browser: its session's, or before
signing in one made for the form. Browsers say besides where a request comes from; one from elsewhere is
refused whatever it carries. Programs that send a key of their own in a header need neither.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from markupsafe import Markup

from layers.problems import Forbidden
from layers.text import Text
from webmap.cookies import FORM, cookie_name, set_cookie
from webmap.identity import secret

FIELD = "csrf"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_BYTES = 16


class NotFromHere(Forbidden):
    """A request that changes something does not come from one of our own pages."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                "这个请求不是从本站的页面发出的，或页面已过期。",
                "This was not sent from a page of ours, or from one too old.",
            ),
            Text("请回到页面，刷新后再试一次。", "Go back to the page, reload it and try again."),
        )


def check() -> None:
    """Raise `NotFromHere` where a request that may change something was not made by our own page."""
    if not _same_origin():
        raise NotFromHere
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    base = _secret()
    if not base or not hmac.compare_digest(_unmasked(given), _mac(base)):
        raise NotFromHere


def token() -> str:
    """Return a token for a form of this page.

    It differs from page to page, so that a compressed answer tells nothing of it by its length.
    """
    base = _secret()
    if not base:
        base = g.form_secret = secrets.token_urlsafe(32)
    pad = secrets.token_bytes(_BYTES)
    return base64.urlsafe_b64encode(pad + _xor(pad, _mac(base))).decode("ascii").rstrip("=")


def field() -> Markup:
    """Return the hidden field that every form has."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token())


def _secret() -> str:
    """Return the secret that this browser's tokens follow from, "" where it has none yet."""
    return secret() or getattr(g, "form_secret", "") or request.cookies.get(cookie_name(FORM), "")


def _mac(base: str) -> bytes:
    return hmac.digest(base.encode(), b"wangge form", hashlib.sha256)[:_BYTES]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _unmasked(given: str) -> bytes:
    try:
        both = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return _xor(both[:_BYTES], both[_BYTES:]) if len(both) == 2 * _BYTES else b""


def _same_origin() -> bool:
    """Whether the browser says that the request comes from here; those that say nothing are believed."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()


def _keep_form_secret(response: Response) -> Response:
    made = g.get("form_secret")
    if made:
        set_cookie(response, FORM, made)
    return response


def register(app: Flask) -> None:
    """Give templates `csrf_field`."""
    app.jinja_env.globals["csrf_field"] = field
    app.after_request(_keep_form_secret)
