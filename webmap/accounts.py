"""The administrators' pages: accounts, devices and keys."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from layers.civil_time import CHINA
from layers.problems import BadParameter, WanggeError
from layers.rules import ACTIONS
from layers.text import Text
from layers.visitors import Visitor
from webmap.errors import request_language
from webmap.forms import access, go, keys_of, link, page, typed
from webmap.gate import allow, policy, visitor
from webmap.identity import address_of
from webmap.operations import current_snapshot, service
from webmap.typed_areas import area_codes, area_names, area_typed, area_words

if TYPE_CHECKING:
    from layers.access.model import Account
    from layers.rules import Role

accounts = Blueprint("accounts", __name__)


def _roles() -> list[Role]:
    return [role for role in policy().rules.roles.values() if role.account]


def _role(name: str) -> Role:
    found = next((role for role in _roles() if role.id == name), None)
    if found is None:
        raise BadParameter(
            Text("请选一个角色。", "Choose a role."), Text("列表里有全部角色。", "The list has all of them.")
        )
    return found


def _title() -> str:
    """Return the title that was typed: what a list of devices or keys is read by."""
    given = typed("title").strip()
    if not given:
        raise BadParameter(
            Text("请写上名称。", "Give it a name."), Text("列表里靠它辨认。", "The list is read by it.")
        )
    return given


def _origin() -> str:
    return address_of(request)


def _public_address() -> str:
    """Return the address of this service as the administrator's colleagues reach it."""
    return service().settings.address or request.host_url.rstrip("/")


# Accounts


@accounts.get("/accounts")
@allow("accounts")
def overview() -> Response:
    """List the accounts."""
    return _overview()


def _overview(error: WanggeError | None = None) -> Response:
    snapshot, language = current_snapshot(), request_language()
    found = access().accounts()
    return page(
        "access/accounts.html",
        error=error,
        accounts=found,
        areas={one.id: area_words(one.area, snapshot).to(language) for one in found},
        roles=_roles(),
        role_titles={role.id: role.title.to(language) for role in _roles()},
        suggestions=area_names(frozenset(kind for role in _roles() for kind in role.areas), snapshot),
        given={name: typed(name) for name in ("name", "title", "role", "area")},
    )


@accounts.post("/accounts")
@allow("accounts")
def add() -> Response:
    """Add an account, and show its code once."""
    try:
        role = _role(typed("role"))
        area = area_typed(typed("area", 4000), role, current_snapshot())
        made, code = access().add_account(
            typed("name"), role.id, area, title=typed("title"), by=visitor(), origin=_origin()
        )
    except BadParameter as error:
        return _overview(error)
    return _code_page(made, code)


def _code_page(account: Account, code: str) -> Response:
    return page(
        "access/code_once.html", account=account, code=code, address=_public_address() + link("/sign-in")
    )


@accounts.get("/accounts/<id>")
@allow("accounts")
def one(id: str) -> Response:  # noqa: A002  (its name in the URL)
    """Show one account, with what can be done to it."""
    return _one(id)


def _one(id_: str, error: WanggeError | None = None) -> Response:
    found, snapshot, language = access().account(id_), current_snapshot(), request_language()
    return page(
        "access/one_account.html",
        error=error,
        account=found,
        area=area_words(found.area, snapshot).to(language),
        area_codes=typed("area", 4000) or area_codes(found.area),
        chosen_role=typed("role") or found.role,
        roles=_roles(),
        role_titles={role.id: role.title.to(language) for role in _roles()},
        sessions=access().sessions(found.id),
        devices=[device for device in access().devices() if device.account_id == found.id],
        keys=keys_of(found.id),
        openid=service().settings.oidc is not None,
    )


@accounts.post("/accounts/<id>/role")
@allow("accounts")
def change_role(id: str) -> Response:  # noqa: A002
    """Give an account another role or area."""
    try:
        role = _role(typed("role"))
        area = area_typed(typed("area", 4000), role, current_snapshot())
        access().change_role(id, role.id, area, by=visitor(), origin=_origin())
    except BadParameter as error:
        return _one(id, error)
    return go(f"/accounts/{id}", done="role")


@accounts.post("/accounts/<id>/title")
@allow("accounts")
def rename(id: str) -> Response:  # noqa: A002
    """Say anew who an account belongs to."""
    access().rename(id, typed("title"), by=visitor(), origin=_origin())
    return go(f"/accounts/{id}", done="title")


@accounts.post("/accounts/<id>/disable")
@allow("accounts")
def disable(id: str) -> Response:  # noqa: A002
    """Keep somebody out."""
    try:
        access().disable(id, by=visitor(), origin=_origin())
    except BadParameter as error:
        return _one(id, error)
    return go(f"/accounts/{id}", done="disabled")


@accounts.post("/accounts/<id>/enable")
@allow("accounts")
def enable(id: str) -> Response:  # noqa: A002
    """Let somebody in again."""
    access().enable(id, by=visitor(), origin=_origin())
    return go(f"/accounts/{id}", done="enabled")


@accounts.post("/accounts/<id>/reset")
@allow("accounts")
def reset(id: str) -> Response:  # noqa: A002
    """Give an account a new initial code, and show it once."""
    try:
        code = access().reset(id, by=visitor(), origin=_origin())
    except BadParameter as error:
        return _one(id, error)
    return _code_page(access().account(id), code)


@accounts.post("/accounts/<id>/openid")
@allow("accounts")
def link_openid(id: str) -> Response:  # noqa: A002
    """Say who an account is at the OpenID provider."""
    try:
        access().link_oidc(id, typed("subject").strip() or None, by=visitor(), origin=_origin())
    except BadParameter as error:
        return _one(id, error)
    return go(f"/accounts/{id}", done="openid")


@accounts.post("/accounts/<id>/sessions/<session>/end")
@allow("accounts")
def end_session(id: str, session: str) -> Response:  # noqa: A002
    """End somebody's session."""
    access().end_session(id, session, by=visitor(), origin=_origin())
    return go(f"/accounts/{id}", done="session_ended")


# Devices


@accounts.get("/devices")
@allow("accounts")
def devices() -> Response:
    """List wall screens and tablets, with their last contact."""
    return _devices()


def _devices(error: WanggeError | None = None) -> Response:
    snapshot, language = current_snapshot(), request_language()
    people, found = access().accounts(), access().devices()
    areas = {one.id: area_words(one.area, snapshot).to(language) for one in found if one.area is not None}
    return page(
        "access/devices.html",
        error=error,
        devices=found,
        people={person.id: person for person in people},
        choices=[person for person in people if not person.disabled],
        areas=areas,
        given={name: typed(name) for name in ("kind", "title", "account", "area")},
    )


@accounts.post("/devices")
@allow("accounts")
def add_device() -> Response:
    """Add a device, and show its enrolment link once."""
    try:
        wall = typed("kind") == "wall"
        person = None if wall or not typed("account") else access().account(typed("account"))
        area = None
        if person is not None and typed("area", 4000).strip():
            role = policy().rules.roles[person.role]
            area = area_typed(typed("area", 4000), role, current_snapshot())
        device, code = access().add_device(
            "wall" if wall else "tablet",
            _title(),
            account=None if person is None else person.id,
            area=area,
            by=visitor(),
            origin=_origin(),
        )
    except BadParameter as error:
        return _devices(error)
    address = f"{_public_address()}{link('/enrol', code=code)}"
    return page(
        "access/device_once.html", device=device, code=code, address=address, drawing=_drawing(address)
    )


def _drawing(text: str) -> str:
    import segno

    drawn: str = segno.make(text, error="m").svg_inline(border=2, omitsize=True)
    return drawn


@accounts.post("/devices/<id>/revoke")
@allow("accounts")
def revoke_device(id: str) -> Response:  # noqa: A002
    """Make a device's token worthless."""
    access().revoke_device(id, by=visitor(), origin=_origin())
    return go("/devices", done="device_revoked")


# Keys


@accounts.get("/keys")
@allow("accounts")
def keys() -> Response:
    """List the keys of programs."""
    return _keys()


def _keys(error: WanggeError | None = None) -> Response:
    from layers.access.keys import NEVER_FOR_KEYS

    language, rules = request_language(), policy()
    possible = [
        action
        for action in ACTIONS
        if action not in NEVER_FOR_KEYS
        and any(rules.may(Visitor(role.id, via="key"), action) for role in _roles())
    ]
    people = access().accounts()
    return page(
        "access/keys.html",
        error=error,
        keys=access().keys(),
        people={person.id: person for person in people},
        choices=[person for person in people if not person.disabled],
        actions={action: rules.rules.actions[action].to(language) for action in possible},
        given={name: typed(name) for name in ("title", "account", "expires")},
        given_scopes=request.form.getlist("scopes"),
    )


@accounts.post("/keys")
@allow("accounts")
def add_key() -> Response:
    """Add a key, and show its token once."""
    try:
        key, token = access().add_key(
            _title(),
            typed("account"),
            request.form.getlist("scopes"),
            expires=_end_of(typed("expires")),
            by=visitor(),
            origin=_origin(),
        )
    except WanggeError as error:
        return _keys(error)
    return page("access/key_once.html", key=key, token=token)


@accounts.post("/keys/<id>/revoke")
@allow("accounts")
def revoke_key(id: str) -> Response:  # noqa: A002
    """Make a key worthless."""
    access().revoke_key(id, by=visitor(), origin=_origin())
    return go("/keys", done="key_revoked")


def _end_of(day: str) -> datetime | None:
    """Return the end of the day that was typed, None where none was."""
    if not day.strip():
        return None
    try:
        begins = datetime.combine(datetime.fromisoformat(day.strip()).date(), time(), CHINA)
        return begins + timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadParameter(
            Text("日期不对。", "This is no date."),
            Text("写成 2026-12-31 的样子。", "Write it like 2026-12-31."),
        ) from None
