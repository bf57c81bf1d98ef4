"""One's own account: name and password, second factor, sessions, keys."""

from __future__ import annotations

from flask import Blueprint, Response, request

from layers.problems import BadParameter, NotFound, TooMany, WanggeError
from layers.text import Text
from webmap.cookies import SESSION, cookie, set_cookie
from webmap.forms import access, account_id, go, keys_of, page, typed
from webmap.gate import allow, visitor
from webmap.identity import address_of, session
from webmap.operations import current_snapshot
from webmap.typed_areas import area_words

account = Blueprint("account", __name__, url_prefix="/account")

_MOST_PASSWORD = 1024


@account.get("")
@allow("own")
def overview() -> Response:
    """Show the account; before anything else, where there is no password yet, ask for one."""
    return _overview()


def _overview(error: WanggeError | None = None, *, part: str = "") -> Response:
    """Show the account's page; `part` is the form that the error belongs to."""
    mine = access().account(account_id())
    now = session()
    return page(
        "access/account.html",
        error=error,
        part=part,
        account=mine,
        area=area_words(mine.area, current_snapshot()),
        sessions=access().sessions(mine.id),
        this_session=None if now is None else now.id,
        keys=keys_of(mine.id),
        typed_name=typed("name", 80) or ("" if mine.provisional else mine.name),
    )


def _new_password() -> str:
    """Return the password that was typed twice; `BadParameter` where the two differ."""
    chosen = typed("new", _MOST_PASSWORD)
    if chosen != typed("again", _MOST_PASSWORD):
        raise BadParameter(
            Text("两次输入的新密码不一样。", "The two new passwords differ."),
            Text("请重新输入。", "Type them again."),
        )
    return chosen


def _renewed(token: str, done: str) -> Response:
    response = go("/account", done=done)
    set_cookie(response, SESSION, token)
    return response


@account.post("/password")
@allow("own")
def password() -> Response:
    """Choose another password, or the first one."""
    try:
        token = access().change_password(
            account_id(), typed("old", _MOST_PASSWORD), _new_password(), session=cookie(SESSION)
        )
    except (BadParameter, TooMany) as error:
        return _overview(error, part="password")
    return _renewed(token, "password")


@account.post("/set-up")
@allow("own")
def set_up() -> Response:
    """Choose name and password of the first administrator's account."""
    try:
        token = access().set_up(account_id(), typed("name"), _new_password(), session=cookie(SESSION))
    except BadParameter as error:
        return _overview(error, part="password")
    return _renewed(token, "set_up")


@account.post("/second-factor")
@allow("own")
def second_factor() -> Response:
    """Begin with a second factor: show its secret as a QR code."""
    if access().account(account_id()).has_totp:
        return _overview(
            BadParameter(
                Text("已启用两步验证。", "Two-step sign-in is on already."),
                Text("换手机时请先停用。", "Turn it off first to change phones."),
            ),
            part="second_factor",
        )
    try:
        secret, url = access().totp_begin(
            account_id(), typed("password", _MOST_PASSWORD), origin=address_of(request)
        )
    except (BadParameter, TooMany) as error:
        return _overview(error, part="second_begin")
    return _pairing(secret, url)


def _pairing(secret: str, url: str, error: WanggeError | None = None) -> Response:
    import segno

    drawing = segno.make(url, error="m").svg_inline(scale=5, border=2, omitsize=True)
    return page("access/second_factor.html", error=error, secret=secret, url=url, drawing=drawing)


@account.post("/second-factor/confirm")
@allow("own")
def confirm_second_factor() -> Response:
    """Turn the second factor on by its first code, and show the recovery codes once."""
    try:
        codes = access().totp_confirm(account_id(), typed("code", 40), origin=address_of(request))
    except (BadParameter, TooMany) as error:
        return _pairing(typed("secret", 80), typed("url", 400), error)
    return page("access/recovery_codes.html", codes=codes)


@account.post("/second-factor/remove")
@allow("own")
def remove_second_factor() -> Response:
    """Turn the second factor off."""
    try:
        access().totp_remove(account_id(), typed("code", 40), origin=address_of(request))
    except (BadParameter, TooMany) as error:
        return _overview(error, part="second_factor")
    return go("/account", done="second_factor_off")


@account.post("/sessions/<id>/end")
@allow("own")
def end_session(id: str) -> Response:  # noqa: A002  (its name in the URL)
    """End one of one's own sessions."""
    try:
        access().end_session(account_id(), id, by=visitor(), origin=address_of(request))
    except NotFound as error:
        return _overview(error, part="sessions")
    return go("/account", done="session_ended")
