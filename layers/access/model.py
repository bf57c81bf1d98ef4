"""Accounts, sessions, devices, keys and entries of the audit log, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from layers.problems import BadParameter, NotSignedIn
from layers.rules import Action
from layers.text import Text
from layers.visitors import Area, Visitor

DeviceKind = Literal["wall", "tablet"]
DEVICE_KINDS: tuple[DeviceKind, ...] = get_args(DeviceKind)

Outcome = Literal["done", "refused", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class SignInFailed(NotSignedIn):
    """The name, the password or the code is wrong, or the account is disabled: it is never said which."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                "登录失败：用户名、密码或验证码不正确。",
                "Sign-in failed: the name, password or code is wrong.",
            ),
            Text(
                "请检查后重试；忘记密码请找管理员重置。",
                "Check them and try again; an administrator can reset a forgotten password.",
            ),
        )


class WeakPassword(BadParameter):
    """A password is too short, too long or too easily guessed; the message says which, and the remedy what to do."""


@dataclass(frozen=True)
class Account:
    """A person who may sign in.

    Attributes
    ----------
    id : str
        12 hexadecimal digits; never changes.
    name : str
        What is typed to sign in, upper and lower case alike.
    title : str
        Who it is: a person's name or post.
    locked_until : datetime, optional
        Until when sign-ins from strange addresses are refused; None where it is not locked.
    has_password, has_totp : bool
    must_change : bool
        Before anything else a password must be chosen.
    provisional : bool
        Made by the one-time link: its name must be chosen as well.
    oidc_subject : str, optional
        Who it is at the identity provider.
    last_seen : datetime, optional
        The last sign-in.
    """

    id: str
    name: str
    role: str
    area: Area
    title: str
    disabled: bool
    locked_until: datetime | None
    has_password: bool
    has_totp: bool
    must_change: bool
    provisional: bool
    oidc_subject: str | None
    created: datetime
    last_seen: datetime | None


@dataclass(frozen=True)
class Session:
    """One browser in which somebody has signed in.

    Attributes
    ----------
    id : str
        Fit to be shown; the token is another secret, of which only a hash is kept.
    expires : datetime
        When it ends if it is not used; a used one ends 7 days after it began.
    agent : str
        The first 120 characters of what the browser says of itself.
    """

    id: str
    account_id: str
    created: datetime
    last_seen: datetime
    expires: datetime
    address: str
    agent: str


@dataclass(frozen=True)
class SignIn:
    """What came of signing in.

    Attributes
    ----------
    token : str
        For the browser's cookie. While the second factor is needed it opens nothing but `second_step`.
    visitor : Visitor
        Who that is. Until a chosen password it may look after its own account and no more.
    account : Account
    must_change : bool
        A password must be chosen now (`change_password`; `set_up` for a provisional account).
    needs_totp : bool
        A code of the second factor must be given now (`second_step`).
    """

    token: str
    visitor: Visitor
    account: Account
    must_change: bool = False
    needs_totp: bool = False


@dataclass(frozen=True)
class Device:
    """A wall screen, or a tablet bound to a person.

    Attributes
    ----------
    account_id : str, optional
        Whose tablet it is.
    area : Area, optional
        To what the person's area is narrowed; None: not at all.
    enrolled : bool
        Whether its code has been spent.
    last_contact : datetime, optional
        To the minute.
    """

    id: str
    kind: DeviceKind
    title: str
    account_id: str | None
    area: Area | None
    created: datetime
    last_contact: datetime | None
    enrolled: bool
    revoked: bool


@dataclass(frozen=True)
class Key:
    """What a program signs in with: at most the rights of the account that answers for it.

    Attributes
    ----------
    scopes : frozenset of Action
        At most these actions.
    last_used : datetime, optional
        To the minute.
    """

    id: str
    title: str
    account_id: str
    scopes: frozenset[Action]
    created: datetime
    last_used: datetime | None
    expires: datetime | None
    revoked: bool


@dataclass(frozen=True)
class Entry:
    """One entry of the audit log.

    Attributes
    ----------
    seq : int
        1, 2, 3 … without holes.
    actor : str
        The id of the account, empty where there is none.
    name, role, via : str
        Of the visitor, as it was then; `via` with the id of the key or device, such as ``key:0f3a…``.
    action : str
        What was done, such as ``sign_in`` or ``export``.
    what : str
        To what: an account, a device, a file.
    layer, codes, count, fields
        Which rows and fields were concerned: the first 100 codes, and how many there were in all.
    purpose : str
        Why, as stated.
    origin : str
        From where: a network address, or ``command``.
    previous, hash : str
        SHA-256 of the entry before it and of this one, hexadecimal.
    """

    seq: int
    at: datetime
    actor: str
    name: str
    role: str
    via: str
    action: str
    what: str
    layer: str
    codes: tuple[str, ...]
    count: int | None
    fields: tuple[str, ...]
    purpose: str
    origin: str
    outcome: Outcome
    previous: str
    hash: str


AuditFaultId = Literal["changed", "link", "gap", "tail", "head", "anchor", "checkpoint", "unreadable"]


@dataclass(frozen=True)
class AuditFault:
    """Something wrong with the audit log; `seq` is None where it concerns the whole."""

    id: AuditFaultId
    seq: int | None
    message: Text
