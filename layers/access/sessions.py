"""Sessions: one for every browser in which somebody has signed in.

A session ends 12 hours after it was last used, 7 days after it began, when it is ended, and with the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from layers.access.kept import Kept
from layers.access.model import Session
from layers.access.names import clean
from layers.access.rows import AccountRow, area_of, micros_of, moment, one
from layers.access.tokens import SESSION, digest, new_id, new_token
from layers.problems import NotFound, NotSignedIn, StoreAway, StoreBusy, StoreFull, StoreReadOnly
from layers.text import Text
from layers.visitors import Visitor

if TYPE_CHECKING:
    from layers.stores.access.base import Transaction

IDLE, ABSOLUTE = timedelta(hours=12), timedelta(days=7)
PENDING = timedelta(minutes=5)
TOUCH = timedelta(minutes=1)

UNTIL_A_PASSWORD = frozenset({"describe", "own"})
"""What somebody may do who has not yet chosen a password."""

UNTIL_A_NAME = UNTIL_A_PASSWORD | {"view", "read"}
"""What the first administrator may do who came by the one-time link: it opens the map at once."""

_IDLE, _ABSOLUTE, _TOUCH = micros_of(IDLE), micros_of(ABSOLUTE), micros_of(TOUCH)
_TOUCHED = "UPDATE sessions SET last_seen = ? WHERE id = ? AND last_seen < ?"
_COLUMNS = "id, account, created, last_seen, expires, address, agent"
_WHOSE = """
SELECT s.id, s.account, s.created, s.last_seen, s.expires, s.address, s.agent,
  a.name, a.role, a.area, a.password_hash IS NULL AND a.oidc_subject IS NULL, a.provisional
FROM sessions s JOIN accounts a ON a.id = s.account
WHERE s.token_hash = ? AND s.pending = 0 AND a.disabled = 0
"""


@dataclass
class KnownSession:
    """A session and whose it is."""

    session: Session
    visitor: Visitor
    last_seen: int
    noted: int
    ends: int

    def over(self, now: int) -> bool:
        """Tell whether it has ended by itself."""
        return now >= min(self.last_seen + _IDLE, self.ends)


class Sessions(Kept):
    """What concerns sessions."""

    def visitor_of_session(self, token: str) -> tuple[Visitor, Session] | None:
        """Return who is signed in with a session's token, and the session; None where it has ended."""
        secret, now = digest(token), self._now()
        if not token.startswith(SESSION):
            return None
        found = self._known.get(secret, lambda transaction: _of_token(transaction, secret))
        if isinstance(found, KnownSession) and found.over(now):
            # Another process may have seen it used since.
            found = self._known.read(secret, lambda transaction: _of_token(transaction, secret))
        if not isinstance(found, KnownSession) or found.over(now):
            return None
        if now - found.noted >= _TOUCH:
            found.last_seen = now
            if self._touch(_TOUCHED, found.session.id, now):
                found.noted = now
        return found.visitor, found.session

    def rotate(self, token: str) -> str:
        """Give a session another token, and return it; the old one is worth nothing from now on.

        Raises
        ------
        NotSignedIn
            The session has ended.
        """
        with self._writing(changes_who=True) as transaction:
            return rotated(transaction, token)

    def sign_out(self, token: str) -> None:
        """End a session; nothing happens where it has ended."""
        found = self.visitor_of_session(token)
        with self._writing(changes_who=True) as transaction:
            ended = transaction.run("DELETE FROM sessions WHERE token_hash = ? RETURNING id", digest(token))
            if ended and found is not None:
                visitor, session = found
                self._record(transaction, visitor, "sign_out", origin=session.address)

    def sessions(self, account: str) -> list[Session]:
        """Return the sessions of an account that have not ended, the last used first."""
        now = self._now()
        with self._backend.reading() as transaction:
            rows = transaction.run(
                f"SELECT {_COLUMNS} FROM sessions WHERE account = ? AND pending = 0 "  # noqa: S608
                "AND expires > ? AND last_seen > ? ORDER BY last_seen DESC, id",
                self._row(transaction, account).id,
                now,
                now - _IDLE,
            )
        return [_session(row) for row in rows]

    def end_session(self, account: str, session_id: str, *, by: Visitor, origin: str = "") -> None:
        """End one session of an account: one's own, or as who may manage accounts.

        Raises
        ------
        NotFound
            The account has no such session.
        """
        with self._writing(changes_who=True) as transaction:
            row = self._row(transaction, account)
            if by.account != row.id:
                self._policy.require(by, "accounts")
            if not transaction.run(
                "DELETE FROM sessions WHERE id = ? AND account = ? RETURNING id", session_id, row.id
            ):
                raise NotFound(Text("没有这个会话，或已结束。", "There is no such session, or it has ended."))
            self._record(transaction, by, "session_ended", row.name, origin=origin)

    def _touch(self, statement: str, subject: str, now: int) -> bool:
        """Note that something was used, and tell whether that was done.

        Nobody is kept waiting for it: while others write it is left for the next time.
        """
        if self._backend.read_only or self._known.away or not self._touching.acquire(blocking=False):
            return False
        try:
            with self._backend.writing(wait=False) as transaction:
                transaction.run(statement, now, subject, now)
        except (StoreAway, StoreBusy, StoreFull, StoreReadOnly):
            return False
        finally:
            self._touching.release()
        return True


def begin(
    transaction: Transaction, row: AccountRow, *, address: str, agent: str, now: int, pending: bool = False
) -> str:
    """Make a session and return its token; while it is pending it opens nothing."""
    token = new_token(SESSION)
    transaction.run(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        new_id(),
        digest(token),
        row.id,
        int(pending),
        now,
        now,
        now + (micros_of(PENDING) if pending else _ABSOLUTE),
        clean(address),
        clean(agent),
    )
    return token


def rotated(transaction: Transaction, token: str) -> str:
    """Give a session another token and return it; raise `NotSignedIn` where there is none."""
    other = new_token(SESSION)
    if not transaction.run(
        "UPDATE sessions SET token_hash = ? WHERE token_hash = ? AND pending = 0 RETURNING id",
        digest(other),
        digest(token),
    ):
        raise NotSignedIn(
            Text("会话已结束。", "The session has ended."), Text("请重新登录。", "Sign in again.")
        )
    return other


def tidy(transaction: Transaction, now: int) -> None:
    """Delete the sessions that have ended by themselves."""
    transaction.run("DELETE FROM sessions WHERE expires <= ? OR last_seen <= ?", now, now - _IDLE)


def visitor_of_account(row: AccountRow) -> Visitor:
    """Return who has signed in to an account."""
    return _visitor(row.id, row.name, row.role, row.area, row.must_change, row.provisional)


def _visitor(
    account: str, name: str, role: str, area: str, must_change: object, provisional: object
) -> Visitor:
    until = UNTIL_A_NAME if provisional else UNTIL_A_PASSWORD
    scopes = until if must_change else None
    return Visitor(role, area_of(area), account=account, name=name, via="session", scopes=scopes)


def _of_token(transaction: Transaction, secret: str) -> KnownSession | None:
    found = one(transaction.run(_WHOSE, secret))
    if found is None:
        return None
    *session, name, role, area, must_change, provisional = found
    visitor = _visitor(session[1], name, role, area, must_change, provisional)
    return KnownSession(_session(tuple(session)), visitor, session[3], session[3], ends=session[4])


def _session(row: tuple[Any, ...]) -> Session:
    id_, account, created, last_seen, expires, address, agent = row
    ends = min(expires, last_seen + _IDLE)
    return Session(id_, account, moment(created), moment(last_seen), moment(ends), address, agent)
