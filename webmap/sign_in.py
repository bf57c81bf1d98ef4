"""Signing in and out: by name and password, by the one-time link, and with a device's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from layers.problems import Forbidden, NotFound, NotSignedIn, TooMany
from layers.text import Text
from webmap.cookies import DEVICE, SECOND, SESSION, cookie, delete_cookie, set_cookie
from webmap.forms import access, go, lead, link, local_path, page, typed
from webmap.gate import allow, policy
from webmap.identity import address_of
from webmap.limits import source_of
from webmap.operations import service

if TYPE_CHECKING:
    from layers.access.model import SignIn
    from layers.visitors import Visitor

DEVICE_S = 400 * 24 * 3600
"""As long as browsers keep any cookie; a device is ended by revoking it."""

sign_ins = Blueprint("sign_in", __name__)


def count_attempt() -> None:
    """Count an attempt to become somebody; `TooMany` where this address makes too many."""
    service().attempts.count(source_of(address_of(request)))


def take_attempt_back() -> None:
    """Count an attempt less, which was right: a whole office may sign in from one address."""
    service().attempts.take_back(source_of(address_of(request)))


def agent() -> str:
    """Return what the browser says of itself."""
    return request.headers.get("User-Agent", "")


def enter(signed_in: SignIn, to: str) -> Response:
    """Give the browser its new session, end the one that it had, and lead it on; or ask for the second factor."""
    if signed_in.needs_totp:
        response = go("/sign-in/code", next=to)
        set_cookie(response, SECOND, signed_in.token)
        return response
    before = cookie(SESSION)
    if before and before != signed_in.token:
        access().sign_out(before)
    where = link("/account") if signed_in.must_change else _where(signed_in.visitor, to)
    response = lead(where)
    set_cookie(response, SESSION, signed_in.token)
    delete_cookie(response, SECOND)
    return response


def _where(who: Visitor, to: str) -> str:
    """Return where somebody goes after signing in: where they were going, else the first page that is theirs."""
    where = local_path(to)
    if where == link("/") and not policy().may(who, "view"):
        return link("/audit" if policy().may(who, "audit") else "/account")
    return where


@sign_ins.get("/sign-in")
@allow("describe")
def form() -> Response:
    """Ask for name and password."""
    return _form()


def _form(error: NotSignedIn | TooMany | None = None) -> Response:
    oidc = service().settings.oidc
    return page(
        "access/sign_in.html",
        error=error,
        next=local_path(request.args.get("next", "")),
        name=typed("name", 80),
        oidc=oidc,
    )


@sign_ins.post("/sign-in")
@allow("describe")
def sign_in() -> Response:
    """Sign in, and go where the visitor was going."""
    to = request.args.get("next", "")
    try:
        count_attempt()
        done = access().sign_in(
            typed("name"), typed("password", 1024), address=address_of(request), agent=agent()
        )
    except (NotSignedIn, TooMany) as error:
        return _form(error)
    take_attempt_back()
    return enter(done, to)


@sign_ins.get("/sign-in/code")
@allow("describe")
def code_form() -> Response:
    """Ask for the code of the second factor."""
    if not cookie(SECOND):
        return go("/sign-in", next=request.args.get("next", ""))
    return page("access/code.html", next=local_path(request.args.get("next", "")))


@sign_ins.post("/sign-in/code")
@allow("describe")
def second_step() -> Response:
    """Go on signing in with the code."""
    to = request.args.get("next", "")
    try:
        count_attempt()
        done = access().second_step(
            cookie(SECOND), typed("code", 40), address=address_of(request), agent=agent()
        )
    except (NotSignedIn, TooMany) as error:
        return page("access/code.html", error=error, next=local_path(to))
    take_attempt_back()
    return enter(done, to)


@sign_ins.post("/sign-out")
@allow("describe")
def sign_out() -> Response:
    """End the session; what the browser has kept of it goes too."""
    token = cookie(SESSION)
    if token:
        access().sign_out(token)
    response = go("/")
    delete_cookie(response, SESSION)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@sign_ins.get("/start")
@allow("describe")
def start() -> Response:
    """Sign in by the one-time link; the browser is led on at once, so that no secret stays in its address.

    What only looks (HEAD, a browser that fetches ahead) does not spend the link.
    """
    purposes = [request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")]
    if request.method == "HEAD" or any(purpose for purpose in purposes):
        return _secret_stays_here(Response(status=204))
    count_attempt()
    done = access().spend_start_link(request.args.get("code", ""), address=address_of(request), agent=agent())
    if done is None:
        raise Forbidden(
            Text(
                "这个链接已用过、已过期，或不再需要。",
                "This link was used, is too old, or is not needed any more.",
            ),
            Text(
                "请用账号登录；还没有管理员时，重新运行 wangge serve 会给出新的链接。",
                "Sign in with an account; while there is no administrator, `wangge serve` prints a new link when it starts.",
            ),
        )
    take_attempt_back()
    response = go("/")
    set_cookie(response, SESSION, done.token)
    return _secret_stays_here(response)


def _secret_stays_here(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.cache_control.no_store = True
    return response


@sign_ins.get("/enrol")
@allow("describe")
def enrol_form() -> Response:
    """Ask whether this screen or tablet is to become the device that the code was made for."""
    response = page("access/enrol.html", code=request.args.get("code", "")[:40])
    # Its own address holds the code; where the form was sent from is told all the same.
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


@sign_ins.post("/enrol")
@allow("describe")
def enrol() -> Response:
    """Make this browser the device that the code was made for."""
    try:
        count_attempt()
        token = access().enrol(typed("code", 40), address=address_of(request))
        if token is None:
            raise NotFound(
                Text(
                    "这个设备码不对、已用过或已过期。", "This device code is wrong, was used or is too old."
                ),
                Text("请向管理员要一个新的。", "Ask an administrator for a new one."),
            )
    except (NotFound, TooMany) as error:
        return page("access/enrol.html", error=error, code="")
    take_attempt_back()
    response = go(_home_of(token))
    set_cookie(response, DEVICE, token, max_age_s=DEVICE_S)
    return response


def _home_of(device: str) -> str:
    """Return the page that a device is for: a screen's the wall, a tablet's its area where there is one to verify."""
    known = access().visitor_of_device(device)
    if known is not None:
        if policy().may(known, "wall"):
            return "/wall"
        if policy().may(known, "verify"):
            return "/field"
    return "/"
