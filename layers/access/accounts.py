"""Accounts: who may sign in, as what, and for which part of the district."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from layers.access import throttle
from layers.access.kept import Kept
from layers.access.model import Account
from layers.access.names import account_name, clean, name_key, title_of
from layers.access.rows import (
    ACCOUNT_COLUMNS,
    AccountRow,
    area_of,
    area_text,
    micros_of,
    moment,
    moment_or_none,
)
from layers.access.second_factor import without_second
from layers.access.tokens import new_code, new_id, plain_code
from layers.problems import BadParameter
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from layers.stores.access.base import Transaction
    from layers.visitors import Area, Visitor

ADMINISTRATOR = "administrator"
CODE_VALID = timedelta(hours=72)


class Accounts(Kept):
    """What concerns accounts; whoever adds or changes one must be allowed to manage accounts."""

    def add_account(
        self, name: str, role: str, area: Area, *, title: str = "", by: Visitor, origin: str = ""
    ) -> tuple[Account, str]:
        """Add an account, and return it with its initial code.

        The person signs in once with name and code, within 72 hours, and chooses a password: nobody else
        ever knows it.

        Raises
        ------
        NotSignedIn, Forbidden
        BadParameter
            The name cannot be used or is taken, or the role does not exist or has no such areas.
        """
        self._policy.require(by, "accounts")
        shown = account_name(name)
        self._check_role(role, area)
        code, kept = self._new_code()
        now = self._now()
        with self._writing() as transaction:
            refuse_taken(transaction, shown)
            row = insert(transaction, shown, role, area, title=title, now=now)
            transaction.run(
                "UPDATE accounts SET code_hash = ?, code_expires = ? WHERE id = ?",
                kept,
                now + micros_of(CODE_VALID),
                row,
            )
            self._record(transaction, by, "account_added", f"{shown} {role} {area}", origin=origin)
            account = account_of(transaction, self._row(transaction, row), now)
        return account, code

    def accounts(self) -> list[Account]:
        """Return all accounts by name."""
        with self._backend.reading() as transaction:
            now = self._now()
            rows = transaction.run(f"SELECT {ACCOUNT_COLUMNS} FROM accounts")  # noqa: S608 - our own columns
            locked = throttle.locked_until(transaction, now)
        found = [AccountRow(*row) for row in rows]
        return [_account(row, locked) for row in sorted(found, key=lambda row: row.name_key)]

    def account(self, name_or_id: str) -> Account:
        """Return one account; `NotFound` where there is none of this name or id."""
        with self._backend.reading() as transaction:
            return account_of(transaction, self._row(transaction, name_or_id), self._now())

    def disable(self, name: str, *, by: Visitor, origin: str = "") -> None:
        """Keep somebody out: end the sessions, revoke the keys and tablets.

        Raises
        ------
        NotSignedIn, Forbidden, NotFound
        BadParameter
            It is the last administrator; only the machine's operator may.
        """
        self._policy.require(by, "accounts")
        with self._writing(changes_who=True) as transaction:
            row = self._row(transaction, name)
            _keep_an_administrator(transaction, row, by)
            transaction.run("UPDATE accounts SET disabled = 1 WHERE id = ?", row.id)
            _end_all(transaction, row.id)
            self._record(transaction, by, "account_disabled", row.name, origin=origin)

    def enable(self, name: str, *, by: Visitor, origin: str = "") -> None:
        """Let somebody in again who was kept out; what was revoked stays revoked."""
        self._policy.require(by, "accounts")
        with self._writing(changes_who=True) as transaction:
            row = self._row(transaction, name)
            transaction.run("UPDATE accounts SET disabled = 0 WHERE id = ?", row.id)
            self._record(transaction, by, "account_enabled", row.name, origin=origin)

    def reset(self, name: str, *, by: Visitor, origin: str = "") -> str:
        """Make an account as it was when it was added, and return a new initial code.

        Its password and second factor are gone, its sessions end, its keys and tablets are revoked, a lock
        is lifted.

        Raises
        ------
        NotSignedIn, Forbidden, NotFound
        BadParameter
            It is the last administrator; only the machine's operator may.
        """
        self._policy.require(by, "accounts")
        code, kept = self._new_code()
        with self._writing(changes_who=True) as transaction:
            row = self._row(transaction, name)
            _keep_an_administrator(transaction, row, by)
            transaction.run(
                "UPDATE accounts SET password_hash = NULL, code_hash = ?, code_expires = ? WHERE id = ?",
                kept,
                self._now() + micros_of(CODE_VALID),
                row.id,
            )
            without_second(transaction, row.id)
            throttle.unlock(transaction, row.id, row.name_key)
            _end_all(transaction, row.id)
            self._record(transaction, by, "account_reset", row.name, origin=origin)
        return code

    def change_role(self, name: str, role: str, area: Area, *, by: Visitor, origin: str = "") -> None:
        """Give an account another role or area; its sessions end, its keys and tablets are revoked.

        They were given to somebody with the old role: none of them may quietly come to see what the new one does.

        Raises
        ------
        NotSignedIn, Forbidden, NotFound
        BadParameter
            There is no such role, it has no such areas, or this is the last administrator.
        """
        self._policy.require(by, "accounts")
        self._check_role(role, area)
        with self._writing(changes_who=True) as transaction:
            row = self._row(transaction, name)
            if role != ADMINISTRATOR:
                _keep_an_administrator(transaction, row, by)
            transaction.run(
                "UPDATE accounts SET role = ?, area = ? WHERE id = ?", role, area_text(area), row.id
            )
            _end_all(transaction, row.id)
            self._record(transaction, by, "account_changed", f"{row.name} {role} {area}", origin=origin)

    def rename(self, name: str, title: str, *, by: Visitor, origin: str = "") -> None:
        """Say anew who an account belongs to: the person or post that is shown beside its name.

        The name itself stays: the log and the history of features tell by it who did what.

        Raises
        ------
        NotSignedIn, Forbidden, NotFound
        """
        self._policy.require(by, "accounts")
        with self._writing() as transaction:
            row = self._row(transaction, name)
            given = title_of(title)
            transaction.run("UPDATE accounts SET title = ? WHERE id = ?", given, row.id)
            self._record(
                transaction, by, "account_changed", f"{row.name}: {row.title} -> {given}", origin=origin
            )

    def link_oidc(self, name: str, subject: str | None, *, by: Visitor, origin: str = "") -> None:
        """Say who an account is at the identity provider; None for nobody.

        Raises
        ------
        NotSignedIn, Forbidden, NotFound
        BadParameter
            Another account has this subject, or this is the last administrator.
        """
        self._policy.require(by, "accounts")
        with self._writing(changes_who=True) as transaction:
            row = self._row(transaction, name)
            taken = "SELECT name FROM accounts WHERE oidc_subject = ? AND id <> ?"
            if subject is not None and (others := transaction.run(taken, subject, row.id)):
                raise BadParameter(
                    Text("账号“{n}”已用此身份登录。", "The account {n!r} signs in as this person.").format(
                        n=others[0][0]
                    )
                )
            if subject is None and row.password_hash is None:
                _keep_an_administrator(transaction, row, by)
            transaction.run("UPDATE accounts SET oidc_subject = ? WHERE id = ?", subject, row.id)
            self._record(transaction, by, "account_changed", f"{row.name} OIDC", origin=origin)

    def has_administrator(self) -> bool:
        """Tell whether somebody can sign in who may manage accounts."""
        with self._backend.reading() as transaction:
            return administrators(transaction)

    def _check_role(self, role: str, area: Area) -> None:
        roles = {one.id: one for one in self._policy.rules.roles.values() if one.account}
        found = roles.get(role)
        if found is None:
            raise BadParameter(
                Text("没有角色“{r}”。", "There is no role {r!r} for accounts.").format(r=clean(role)),
                Text("角色：{k}。", "The roles: {k}.").format(k=joined([both(one) for one in roles])),
            )
        if area.kind not in found.areas:
            raise BadParameter(
                Text("{r}不能以 {a} 为范围。", "The role {r} has no areas of the kind {a}.").format(
                    r=found.title, a=area.kind
                ),
                Text("可以是：{k}。", "It has: {k}.").format(k=joined([both(kind) for kind in found.areas])),
            )

    def _new_code(self) -> tuple[str, str]:
        code = new_code()
        return code, self._passwords.hashed(plain_code(code))


def insert(
    transaction: Transaction,
    name: str,
    role: str,
    area: Area,
    *,
    title: str,
    now: int,
    provisional: bool = False,
) -> str:
    """Insert an account without password and code, and return its id."""
    id_ = new_id()
    transaction.run(
        "INSERT INTO accounts (id, name, name_key, title, role, area, provisional, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        id_,
        name,
        name_key(name),
        title_of(title),
        role,
        area_text(area),
        int(provisional),
        now,
    )
    return id_


def refuse_taken(transaction: Transaction, name: str, *, but: str = "") -> None:
    """Raise `BadParameter` where another account than `but` has a name."""
    if transaction.run("SELECT id FROM accounts WHERE name_key = ? AND id <> ?", name_key(name), but):
        raise BadParameter(
            Text("已有账号“{n}”。", "There is an account {n!r} already.").format(n=name),
            Text("请换一个用户名。", "Choose another name."),
        )


def account_of(transaction: Transaction, row: AccountRow, now: int) -> Account:
    """Return an account as the rest of the program sees it."""
    return _account(row, throttle.locked_until(transaction, now))


def administrators(transaction: Transaction, *, but: str = "") -> bool:
    """Tell whether another account than `but` can sign in and manage accounts."""
    query = (
        "SELECT id FROM accounts WHERE role = ? AND disabled = 0 AND id <> ? "
        "AND (password_hash IS NOT NULL OR oidc_subject IS NOT NULL) LIMIT 1"
    )
    return bool(transaction.run(query, ADMINISTRATOR, but))


def _account(row: AccountRow, locked: dict[str, int]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        role=row.role,
        area=area_of(row.area),
        title=row.title,
        disabled=bool(row.disabled),
        locked_until=moment_or_none(locked.get(throttle.subject_of(row.name_key))),
        has_password=row.password_hash is not None,
        has_totp=row.totp_secret is not None,
        must_change=row.must_change,
        provisional=bool(row.provisional),
        oidc_subject=row.oidc_subject,
        created=moment(row.created),
        last_seen=moment_or_none(row.last_seen),
    )


def _keep_an_administrator(transaction: Transaction, row: AccountRow, by: Visitor) -> None:
    """Raise where nobody could manage accounts any more; the operator can make another way in."""
    able = row.role == ADMINISTRATOR and not row.disabled and not row.must_change
    if able and by.via != "operator" and not administrators(transaction, but=row.id):
        raise BadParameter(
            Text("“{n}”是最后一个管理员。", "{n!r} is the last administrator.").format(n=row.name),
            Text("请先添加另一个管理员。", "Add another administrator first."),
        )


def _end_all(transaction: Transaction, account: str) -> None:
    """End the sessions of an account, revoke its keys and its tablets."""
    transaction.run("DELETE FROM sessions WHERE account = ?", account)
    transaction.run("UPDATE keys SET revoked = 1 WHERE account = ?", account)
    transaction.run("UPDATE devices SET revoked = 1, code_hash = NULL WHERE account = ?", account)
