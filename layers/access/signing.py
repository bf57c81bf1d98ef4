"""Signing in, by password, initial code, second factor or identity provider; and choosing a password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from layers.access import throttle
from layers.access.accounts import Accounts, account_of, refuse_taken
from layers.access.model import SignIn, SignInFailed
from layers.access.names import account_name, name_key
from layers.access.passwords import check_strength
from layers.access.rows import AccountRow, account_row, one
from layers.access.second_factor import SecondFactor, spend_second
from layers.access.sessions import Sessions, begin, rotated, tidy, visitor_of_account
from layers.access.throttle import Counter
from layers.access.tokens import digest, plain_code
from layers.problems import BadParameter, NotSignedIn
from layers.text import Text
from layers.visitors import RESIDENT

if TYPE_CHECKING:
    from layers.stores.access.base import Transaction


@dataclass(frozen=True)
class _Attempt:
    """An attempt to sign in: to which account, if there is one, from where, and what it counts under."""

    row: AccountRow | None
    counted: tuple[Counter, ...]
    address: str
    agent: str
    now: int


class SignIns(Accounts, Sessions, SecondFactor):
    """What concerns signing in."""

    def sign_in(self, name: str, password: str, *, address: str, agent: str, totp: str = "") -> SignIn:
        """Sign in with a name and a password, or the initial code in its place.

        The code is good until a password is chosen: a newcomer who was interrupted comes in again, and ends
        by that the session of before.

        Parameters
        ----------
        address : str
            The network address of who signs in.
        agent : str
            What the browser says of itself.
        totp : str
            The code of the second factor, if it is known already; else `second_step` asks for it.

        Raises
        ------
        SignInFailed
            The name, the password or the code is wrong, or the account is disabled.
        TooMany
            After too many failures: says when to try again.
        """
        with self._writing() as transaction:
            attempt = self._attempt(
                transaction, "name_key", name_key(name), name=name, address=address, agent=agent
            )
        # Outside of any transaction: it takes long, and on purpose.
        right, renewed = self._compared(attempt, password)
        by_code = right and attempt.row is not None and attempt.row.must_change
        with self._writing(changes_who=by_code) as transaction:
            row = _unchanged(transaction, attempt.row) if right else None
            if row is not None and by_code:
                transaction.run("DELETE FROM sessions WHERE account = ?", row.id)
            if row is not None and row.totp_secret is not None:
                if not totp:
                    return self._pending(transaction, row, attempt)
                row = row if spend_second(transaction, row, totp, attempt.now) else None
            if row is not None:
                if renewed is not None:
                    transaction.run("UPDATE accounts SET password_hash = ? WHERE id = ?", renewed, row.id)
                return self._begun(transaction, row, attempt)
            self._failed(transaction, attempt)
        raise SignInFailed

    def second_step(self, token: str, code: str, *, address: str, agent: str) -> SignIn:
        """Go on with a sign-in that needs the second factor.

        Parameters
        ----------
        token : str
            That `sign_in` gave; good for 5 minutes.
        code : str
            Of the authenticator app, or a recovery code.

        Raises
        ------
        SignInFailed, TooMany
        """
        query = "SELECT account FROM sessions WHERE token_hash = ? AND pending = 1 AND expires > ?"
        with self._writing() as transaction:
            found = one(transaction.run(query, digest(token), self._now()))
            if found is not None:
                attempt = self._attempt(transaction, "id", found[0], name="", address=address, agent=agent)
                row = attempt.row
                if row is not None and not row.disabled and spend_second(transaction, row, code, attempt.now):
                    transaction.run("DELETE FROM sessions WHERE token_hash = ?", digest(token))
                    return self._begun(transaction, row, attempt)
                self._failed(transaction, attempt)
        raise SignInFailed

    def sign_in_oidc(self, subject: str, *, address: str, agent: str) -> SignIn:
        """Sign in as the account of somebody whom the identity provider has vouched for.

        Where the account has a second factor `second_step` asks for it all the same.

        Raises
        ------
        SignInFailed
            No account that may sign in has this subject (see `link_oidc`).
        """
        with self._writing() as transaction:
            row = account_row(transaction, "oidc_subject", subject)
            attempt = _Attempt(row, (), address, agent, self._now())
            if row is not None and not row.disabled:
                follow = self._begun if row.totp_secret is None else self._pending
                return follow(transaction, row, attempt)
            self._failed(transaction, attempt)
        raise SignInFailed

    def change_password(self, account: str, old: str, new: str, *, session: str) -> str:
        """Choose another password, or the first one; end the account's other sessions.

        Parameters
        ----------
        old : str
            The present password; not looked at while there is none.
        session : str
            The token of the session in which this is done.

        Returns
        -------
        str
            The session's new token.

        Raises
        ------
        WeakPassword, NotSignedIn
        BadParameter
            The present password is wrong.
        TooMany
        """
        with self._backend.reading() as transaction:
            row = self._row(transaction, account)
        check_strength(new, (row.name, row.title, *self._words))
        self._prove(row, old, "password")
        return self._chosen(row, row.name, new, session)

    def set_up(self, account: str, name: str, new_password: str, *, session: str) -> str:
        """Choose name and password of the account that the one-time link made; return the session's new token.

        Raises
        ------
        WeakPassword, NotSignedIn
        BadParameter
            The name cannot be used, is taken, or the account is not a provisional one.
        """
        with self._backend.reading() as transaction:
            row = self._row(transaction, account)
        if not row.provisional:
            raise BadParameter(
                Text("这个账号已设置完毕。", "This account has been set up."),
                Text("请在账号页修改密码。", "Change its password on the account page."),
            )
        shown = account_name(name)
        check_strength(new_password, (shown, row.title, *self._words))
        return self._chosen(row, shown, new_password, session)

    def _chosen(self, row: AccountRow, name: str, password: str, session: str) -> str:
        kept = self._passwords.hashed(password)
        with self._writing(changes_who=True) as transaction:
            own = "SELECT address FROM sessions WHERE token_hash = ? AND account = ? AND pending = 0"
            found = one(transaction.run(own, digest(session), row.id))
            if found is None or _unchanged(transaction, row) is None:
                raise NotSignedIn(
                    Text("会话已结束。", "The session has ended."), Text("请重新登录。", "Sign in again.")
                )
            refuse_taken(transaction, name, but=row.id)
            token = rotated(transaction, session)
            transaction.run(
                "UPDATE accounts SET name = ?, name_key = ?, password_hash = ?, code_hash = NULL, "
                "code_expires = NULL, provisional = 0 WHERE id = ?",
                name,
                name_key(name),
                kept,
                row.id,
            )
            transaction.run(
                "DELETE FROM sessions WHERE account = ? AND token_hash <> ?", row.id, digest(token)
            )
            throttle.forget(transaction, Counter("own", row.id))
            visitor = visitor_of_account(self._row(transaction, row.id))
            if name != row.name:
                self._record(
                    transaction, visitor, "account_changed", f"{row.name} -> {name}", origin=found[0]
                )
            self._record(transaction, visitor, "password", origin=found[0])
        return token

    def _attempt(
        self, transaction: Transaction, column: str, value: str, *, name: str, address: str, agent: str
    ) -> _Attempt:
        """Count an attempt as failed in advance; `TooMany` where it comes too soon."""
        now, row = self._now(), account_row(transaction, column, value)
        counted = throttle.counters(
            transaction,
            account=None if row is None else row.id,
            name_key=name_key(name) if row is None else row.name_key,
            address=throttle.network(address),
            now=now,
        )
        throttle.reserve(transaction, counted, now)
        return _Attempt(row, counted, address, agent, now)

    def _compared(self, attempt: _Attempt, password: str) -> tuple[bool, str | None]:
        """Tell whether a password or code is right; with the hash to keep, where the old one is weak by now."""
        row = attempt.row
        if row is None or row.password_hash is not None:
            kept = None if row is None else row.password_hash
            right = self._passwords.matches(kept, password)
            renew = right and kept is not None and self._passwords.outdated(kept)
            return right, self._passwords.hashed(password) if renew else None
        good = row.code_hash is not None and row.code_expires is not None and attempt.now < row.code_expires
        return self._passwords.matches(row.code_hash if good else None, plain_code(password)), None

    def _pending(self, transaction: Transaction, row: AccountRow, attempt: _Attempt) -> SignIn:
        # The password was right; what follows has failures of its own, and those of before stay.
        throttle.uncount(transaction, attempt.counted)
        token = begin(
            transaction, row, address=attempt.address, agent=attempt.agent, now=attempt.now, pending=True
        )
        account = account_of(transaction, row, attempt.now)
        return SignIn(token, RESIDENT, account, needs_totp=True)

    def _begun(self, transaction: Transaction, row: AccountRow, attempt: _Attempt) -> SignIn:
        """Begin a session: the attempt has succeeded."""
        now = attempt.now
        throttle.take_back(transaction, attempt.counted)
        throttle.tidy(transaction, now)
        tidy(transaction, now)
        if attempt.counted:
            throttle.remember(transaction, row.id, throttle.network(attempt.address), now)
        transaction.run("UPDATE accounts SET last_seen = ? WHERE id = ?", now, row.id)
        if not row.must_change:  # who comes by the identity provider chooses no password, which would end it
            transaction.run("UPDATE accounts SET code_hash = NULL, code_expires = NULL WHERE id = ?", row.id)
        token = begin(transaction, row, address=attempt.address, agent=attempt.agent, now=now)
        visitor = visitor_of_account(row)
        self._record(transaction, visitor, "sign_in", origin=attempt.address)
        row = self._row(transaction, row.id)
        account = account_of(transaction, row, now)
        return SignIn(token, visitor, account, must_change=row.must_change)

    def _failed(self, transaction: Transaction, attempt: _Attempt) -> None:
        # What was typed for a name that does not exist may be a password.
        what = "" if attempt.row is None else attempt.row.name
        self._record(transaction, RESIDENT, "sign_in_failed", what, origin=attempt.address, outcome="failed")
        throttle.tidy(transaction, attempt.now)
        if throttle.locks(transaction, attempt.counted, attempt.now):
            self._record(transaction, RESIDENT, "locked", what, origin=attempt.address)


def _unchanged(transaction: Transaction, before: AccountRow | None) -> AccountRow | None:
    """Return the account as it is now, unless meanwhile it was disabled or its secret is another one."""
    now = None if before is None else account_row(transaction, "id", before.id)
    if now is None or before is None or now.disabled:
        return None
    return now if (now.password_hash, now.code_hash) == (before.password_hash, before.code_hash) else None
