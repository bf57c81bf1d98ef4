"""Who asks: by a session's cookie, a key in a header, or a device's cookie; else anybody.

What is found out about a request is kept in its WSGI environment, where pages and tiles, which Flask never sees,
find it alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, current_app, g, request
from werkzeug.datastructures import EnvironHeaders

from layers.problems import NotSignedIn
from layers.text import Text
from layers.visitors import RESIDENT, Visitor
from webmap.cookies import DEVICE, SESSION, cookie_name, delete_cookie
from webmap.limits import source_of

if TYPE_CHECKING:
    from layers.access.access import Access
    from layers.access.model import Session
    from layers.text import Language
    from webmap.gate import Visitors
    from webmap.settings import Settings

_BEARER = "bearer "
_TOKENS_OF_PROGRAMS = ("wgk_", "wgd_")


_KNOWN = "wangge.known"


@dataclass(frozen=True, slots=True)
class Known:
    """What a request's secret says besides who asks.

    Attributes
    ----------
    session : Session, optional
    secret : str
        The cookie's value, from which forms' tokens follow.
    device : str
        What the requests of a device are counted by.
    forget : tuple of str
        Cookies by which nobody is known any more.
    """

    session: Session | None = None
    secret: str = ""
    device: str = ""
    forget: tuple[str, ...] = ()


_NOTHING = Known()


class Asked(Request):
    """A request's head, for what decides who asks: made in a fifth of the time of a whole request."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ
        self.headers = EnvironHeaders(environ)
        self.method, self.scheme = environ["REQUEST_METHOD"], environ["wsgi.url_scheme"]
        self.remote_addr = environ.get("REMOTE_ADDR")


def address_of(request: Request) -> str:
    """Return the IP address that a request comes from."""
    return request.remote_addr or ""


def is_bearer(request: Request) -> bool:
    """Whether a program asks that says itself who it is: its cookies, if any, then count for nothing."""
    return "HTTP_AUTHORIZATION" in request.environ


def known_of(request: Request) -> Known:
    """Return what is known of a request besides who asks."""
    found: Known = request.environ.get(_KNOWN, _NOTHING)
    return found


def session() -> Session | None:
    """Return the session of whoever asks, None where there is none."""
    return known_of(request).session


def secret() -> str:
    """Return the cookie's value by which whoever asks is known, "" where there is none."""
    return known_of(request).secret


def recognise(access: Access, settings: Settings) -> Visitors:
    """Return what says who asks, by what `access` knows."""
    always_secure = settings.address.startswith("https://")

    def who(request: Request) -> Visitor:
        if is_bearer(request):
            return _by_header(access, request)
        cookies = request.environ.get("HTTP_COOKIE")
        if not cookies:
            return RESIDENT
        secure = always_secure or request.scheme == "https"
        visitor, request.environ[_KNOWN] = _by_cookies(
            access,
            _cookie(cookies, cookie_name(SESSION, secure=secure)),
            _cookie(cookies, cookie_name(DEVICE, secure=secure)),
        )
        return visitor

    return who


@lru_cache(maxsize=16)
def _cookie_named(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|;)[ \t]*{re.escape(name)}=([^;]*)")


def _cookie(cookies: str, name: str) -> str:
    """Return one of our cookies from their header, "" where it is not there; tokens need no quotes."""
    found = _cookie_named(name).search(cookies)
    return found[1].strip() if found else ""


def _by_header(access: Access, request: Request) -> Visitor:
    given = request.headers["Authorization"]
    token = given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""
    # A session's token is for the browser that has it as a cookie.
    found = access.visitor_of(token) if token.startswith(_TOKENS_OF_PROGRAMS) else None
    if found is None:
        current_app.extensions["wangge"].wrong_keys.count(source_of(address_of(request)))
        raise NotSignedIn(
            Text("这个密钥不认识、已过期或已撤销。", "This key is not known, has expired or was revoked."),
            Text("请向管理员要一个新的。", "Ask an administrator for a new one."),
        )
    request.environ[_KNOWN] = Known(device=_counted_by(found, token))
    return found


def _by_cookies(access: Access, session_token: str, device_token: str) -> tuple[Visitor, Known]:
    forget: tuple[str, ...] = ()
    if session_token:
        signed_in = access.visitor_of_session(session_token)
        if signed_in is not None:
            return signed_in[0], Known(session=signed_in[1], secret=session_token)
        forget = (SESSION,)
    if device_token:
        found = access.visitor_of_device(device_token)
        if found is not None:
            counted_by = _counted_by(found, device_token)
            return found, Known(secret=device_token, device=counted_by, forget=forget)
        forget = (*forget, DEVICE)
    return RESIDENT, Known(forget=forget)


def _counted_by(found: Visitor, token: str) -> str:
    return sha256(token.encode()).hexdigest() if found.via == "device" else ""


def source(who: Visitor, request: Request) -> str:
    """Return whose requests one counts together: a device's, an account's, or an address's of strangers.

    An office, or a hall with its walls, has one address in common: whoever is known is not counted by it.
    """
    return known_of(request).device or who.account or source_of(address_of(request))


def _forget(response: Response) -> Response:
    for name in known_of(request).forget:
        if not _is_set(response, name):
            delete_cookie(response, name)
    return response


def _is_set(response: Response, name: str) -> bool:
    start = f"{cookie_name(name)}="
    return any(value.startswith(start) for value in response.headers.getlist("Set-Cookie"))


def who_am_i(language: Language) -> dict[str, str]:
    """Return what the head of the map's page says of who asks; nothing of those who are not known."""
    shared, who = current_app.extensions["wangge"], g.visitor
    if who.via == "nobody":
        return {}
    role = shared.policy.rules.roles.get(who.role)
    said = {"name": who.name or "–", "role": who.role if role is None else role.title.to(language)}
    if who.via == "session" and shared.access is not None:
        query = "" if language == "zh" else f"?lang={language}"
        said |= {"account": f"/account{query}", "sign_out_at": f"/sign-out{query}"}
        said |= {"sign_out": Text("退出", "Sign out").to(language)}
        if who.scopes is not None:
            said |= {name: text.to(language) for name, text in _SET_UP.items()}
    return said


_SET_UP = {
    "set_up": Text(
        "您已通过一次性链接以管理员身份登录。链接已失效，请设置用户名和密码，下次才能登录。",
        "You are signed in as administrator by the one-time link, which is spent. Choose a name and a password to "
        "be able to come back.",
    ),
    "set_up_do": Text("现在设置", "Do it now"),
}


def register(app: Flask) -> None:
    """Have browsers forget cookies that nobody is known by any more, and pages say who asks."""
    app.after_request(_forget)
    app.jinja_env.globals["who_am_i"] = who_am_i
