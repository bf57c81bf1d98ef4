"""Keys: what programs sign in with, for some of the actions of the account that answers for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from layers.access.accounts import Accounts
from layers.access.model import Key
from layers.access.names import clean, title_of
from layers.access.rows import (
    area_of,
    list_of,
    list_text,
    micros,
    micros_of,
    moment,
    moment_or_none,
    one,
)
from layers.access.sessions import TOUCH, Sessions
from layers.access.tokens import KEY, digest, new_id, new_token
from layers.problems import BadParameter, NotFound
from layers.rules import ACTIONS, Action
from layers.text import Text, both, joined
from layers.visitors import Visitor

if TYPE_CHECKING:
    from layers.stores.access.base import Transaction

NEVER_FOR_KEYS: frozenset[Action] = frozenset({"own", "accounts", "audit"})
"""A key that could make accounts or change a password would outlive its own revocation; the log is for people."""

FOR_OTHERS: frozenset[Action] = frozenset({"describe", "view", "take"})
"""Aggregates: all that an administrator may make a key of somebody else for, who would be named for its use."""

_TOUCH = micros_of(TOUCH)
_COLUMNS = "id, title, account, scopes, created, last_used, expires, revoked"
_WHOSE = """
SELECT k.id, k.scopes, k.last_used, k.expires, a.id, a.name, a.role, a.area
FROM keys k JOIN accounts a ON a.id = k.account
WHERE k.token_hash = ? AND k.revoked = 0 AND a.disabled = 0
"""
_TOUCHED = "UPDATE keys SET last_used = ? WHERE id = ? AND (last_used IS NULL OR last_used < ?)"


@dataclass
class KnownKey:
    """A key and who acts by it."""

    id: str
    visitor: Visitor
    last_used: int | None
    expires: int | None


class Keys(Accounts, Sessions):
    """What concerns keys; whoever adds or revokes one must be allowed to manage accounts.

    Who holds the token acts under the account's name. So an administrator may make others' keys for aggregates
    only; keys for features are made by the machine's operator, or by the administrator for the own account.
    """

    def add_key(
        self,
        title: str,
        account: str,
        scopes: Iterable[str],
        *,
        expires: datetime | None = None,
        by: Visitor,
        origin: str = "",
    ) -> tuple[Key, str]:
        """Add a key, and return it with its token, which is never told again.

        Parameters
        ----------
        account : str
            Who answers for what is done with it.
        scopes : iterable of str
            The actions that it is for.

        Raises
        ------
        NotSignedIn, Forbidden, NotFound
        BadParameter
            There are no scopes, one is no action that the account's role may do, the account is another's and
            one is not of `FOR_OTHERS`, or it is over already.
        """
        self._policy.require(by, "accounts")
        asked, now = frozenset(scopes), self._now()
        if expires is not None and micros(expires) <= now:
            raise BadParameter(Text("有效期已过。", "The key would be over already."))
        token, id_ = new_token(KEY), new_id()
        with self._writing() as transaction:
            row = self._row(transaction, account)
            own = by.via == "operator" or by.account == row.id
            self._check_scopes(asked, row.role, NEVER_FOR_KEYS if own else frozenset(ACTIONS) - FOR_OTHERS)
            transaction.run(
                "INSERT INTO keys (id, title, account, scopes, created, expires, token_hash) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                id_,
                title_of(title),
                row.id,
                list_text(sorted(asked)),
                now,
                None if expires is None else micros(expires),
                digest(token),
            )
            what = f"{title_of(title)} ({row.name}: {', '.join(sorted(asked))})"
            self._record(transaction, by, "key_added", what, origin=origin)
            return _one(transaction, id_), token

    def keys(self) -> list[Key]:
        """Return all keys, the newest first."""
        with self._backend.reading() as transaction:
            rows = transaction.run(f"SELECT {_COLUMNS} FROM keys ORDER BY created DESC, id")  # noqa: S608
        return [_key(row) for row in rows]

    def revoke_key(self, key_id: str, *, by: Visitor, origin: str = "") -> None:
        """Make a key worthless; `NotFound` where there is no such key."""
        self._policy.require(by, "accounts")
        with self._writing(changes_who=True) as transaction:
            key = _one(transaction, key_id)
            transaction.run("UPDATE keys SET revoked = 1 WHERE id = ?", key_id)
            self._record(transaction, by, "key_revoked", key.title, origin=origin)

    def visitor_of_key(self, token: str) -> Visitor | None:
        """Return who acts by a key; None where it is worth nothing."""
        if not token.startswith(KEY):
            return None
        secret, now = digest(token), self._now()
        found = self._known.get(secret, lambda transaction: _of_token(transaction, secret))
        if not isinstance(found, KnownKey) or (found.expires is not None and now >= found.expires):
            return None
        if found.last_used is None or now - found.last_used >= _TOUCH:
            found.last_used = now
            self._touch(_TOUCHED, found.id, now)
        return found.visitor

    def _check_scopes(self, asked: frozenset[str], role: str, never: frozenset[Action]) -> None:
        as_role = Visitor(role, via="key")
        possible = [action for action in ACTIONS if action not in never and self._policy.may(as_role, action)]
        unknown = sorted(asked - set(possible))
        if unknown or not asked:
            raise BadParameter(
                Text("密钥的权限不可用：{s}。", "A key cannot be for: {s}.").format(
                    s=", ".join(clean(one_) for one_ in unknown) or "-"
                ),
                _possible(possible, others=never != NEVER_FOR_KEYS),
            )


def _possible(possible: list[Action], *, others: bool) -> Text:
    told = Text("该角色可以给密钥：{p}。", "Of this role a key may have: {p}.")
    if others:
        told = Text(
            "给别人的密钥只能用于汇总：{p}；其他权限请在服务器上用 wangge key add 添加。",
            "Somebody else's key may be for aggregates only: {p}; for more use `wangge key add` on the server.",
        )
    return told.format(p=joined([both(action) for action in possible]))


def _of_token(transaction: Transaction, secret: str) -> KnownKey | None:
    found = one(transaction.run(_WHOSE, secret))
    if found is None:
        return None
    id_, scopes, last_used, expires, account, name, role, area = found
    visitor = Visitor(
        role,
        area_of(area),
        account=account,
        name=name,
        via="key",
        scopes=frozenset(list_of(scopes)) - NEVER_FOR_KEYS,
        means=id_,
    )
    return KnownKey(id_, visitor, last_used, expires)


def _one(transaction: Transaction, key_id: str) -> Key:
    found = one(transaction.run(f"SELECT {_COLUMNS} FROM keys WHERE id = ?", key_id))  # noqa: S608
    if found is None:
        raise NotFound(
            Text("没有密钥 {k}。", "There is no key {k}.").format(k=clean(key_id)),
            Text("wangge key list 列出所有密钥。", "`wangge key list` lists them all."),
        )
    return _key(found)


def _key(row: tuple[Any, ...]) -> Key:
    id_, title, account, scopes, created, last_used, expires, revoked = row
    return Key(
        id=id_,
        title=title,
        account_id=account,
        scopes=cast("frozenset[Action]", frozenset(list_of(scopes))),
        created=moment(created),
        last_used=moment_or_none(last_used),
        expires=moment_or_none(expires),
        revoked=bool(revoked),
    )
