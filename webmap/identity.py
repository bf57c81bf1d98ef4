"""Who asks: by a session's cookie, a key in a header, or a device's cookie; else anybody."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from flask import Flask, Request, Response, current_app, g, request

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


def address_of(request: Request) -> str:
    """Return the IP address that a request comes from."""
    return request.remote_addr or ""


def is_bearer(request: Request) -> bool:
    """Whether a program asks that says itself who it is: its cookies, if any, then count for nothing."""
    return "Authorization" in request.headers


def session() -> Session | None:
    """Return the session of whoever asks, None where there is none."""
    found: Session | None = g.get("session")
    return found


def recognise(access: Access, settings: Settings) -> Visitors:
    """Return what says who asks, by what `access` knows."""
    always_secure = settings.address.startswith("https://")

    def who(request: Request) -> Visitor:
        if is_bearer(request):
            return _by_header(access, request)
        if not request.cookies:
            return RESIDENT
        secure = always_secure or request.is_secure
        return (
            _by_session(access, request.cookies.get(cookie_name(SESSION, secure=secure)))
            or _by_device(access, request.cookies.get(cookie_name(DEVICE, secure=secure)))
            or RESIDENT
        )

    return who


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
    _note_device(found, token)
    return found


def _by_session(access: Access, token: str | None) -> Visitor | None:
    if not token:
        return None
    found = access.visitor_of_session(token)
    if found is None:
        g.forget = (*g.get("forget", ()), SESSION)
        return None
    visitor, g.session = found
    g.secret = token
    return visitor


def _by_device(access: Access, token: str | None) -> Visitor | None:
    if not token:
        return None
    found = access.visitor_of_device(token)
    if found is None:
        g.forget = (*g.get("forget", ()), DEVICE)
        return None
    g.secret = token
    _note_device(found, token)
    return found


def _note_device(found: Visitor, token: str) -> None:
    if found.via == "device":
        g.device = sha256(token.encode()).hexdigest()


def source() -> str:
    """Return whose requests one counts together: a device's, an account's, or an address's of strangers.

    An office, or a hall with its walls, has one address in common: whoever is known is not counted by it.
    """
    who: Visitor = g.visitor
    known: str = g.get("device") or who.account or ""
    return known or source_of(address_of(request))


def _forget(response: Response) -> Response:
    for name in g.get("forget", ()):
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
