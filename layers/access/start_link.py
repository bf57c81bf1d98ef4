"""The one-time link that signs the first user in as administrator, while there is none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from layers.access.accounts import ADMINISTRATOR, account_of, administrators, insert
from layers.access.kept import Kept
from layers.access.model import SignIn
from layers.access.names import name_key
from layers.access.rows import micros_of
from layers.access.sessions import begin, visitor_of_account
from layers.access.tokens import LINK, digest, new_token
from layers.problems import BadParameter
from layers.stores.access.base import Transaction
from layers.text import Text
from layers.visitors import WHOLE_DISTRICT, operator

if TYPE_CHECKING:
    from layers.visitors import Visitor

VALID = timedelta(hours=24)


class StartLink(Kept):
    """What concerns the one-time link."""

    def make_start_link(self, *, by: Visitor | None = None) -> str:
        """Return the token of a new one-time link; it is valid for 24 hours, and earlier ones no more.

        Parameters
        ----------
        by : Visitor, optional
            Who asks for it at the machine; by default its operator, without a name.

        Raises
        ------
        BadParameter
            There is an administrator, who can add others.
        """
        token, now = new_token(LINK), self._now()
        with self._writing() as transaction:
            if administrators(transaction):
                raise BadParameter(
                    Text(
                        "已有管理员，不需要一次性链接。",
                        "There is an administrator: no one-time link is made.",
                    ),
                    Text(
                        "请用 wangge user reset 重置其密码。", "`wangge user reset` gives a new initial code."
                    ),
                )
            transaction.run("DELETE FROM links")
            transaction.run("INSERT INTO links VALUES (?, ?)", digest(token), now + micros_of(VALID))
            self._record(transaction, by or operator(""), "start_link", "made")
        return token

    def spend_start_link(self, token: str, *, address: str, agent: str) -> SignIn | None:
        """Sign in by a one-time link, whoever comes first; None where it is spent, over or not needed.

        The account is provisional: `set_up` gives it a name and a password.
        """
        now = self._now()
        with self._writing(changes_who=True) as transaction:
            spent = transaction.run("DELETE FROM links WHERE token_hash = ? RETURNING expires", digest(token))
            if not spent or spent[0][0] <= now or administrators(transaction):
                return None
            provisional = _provisional(transaction, now)
            transaction.run("UPDATE accounts SET last_seen = ? WHERE id = ?", now, provisional)
            row = self._row(transaction, provisional)
            transaction.run("DELETE FROM sessions WHERE account = ?", row.id)
            visitor = visitor_of_account(row)
            self._record(transaction, visitor, "start_link", "spent", origin=address)
            session = begin(transaction, row, address=address, agent=agent, now=now)
            return SignIn(session, visitor, account_of(transaction, row, now), must_change=True)


def _provisional(transaction: Transaction, now: int) -> str:
    """Return the id of the provisional administrator's account, made where there is none."""
    found = transaction.run("SELECT id FROM accounts WHERE provisional = 1 AND disabled = 0")
    if found:
        return str(found[0][0])
    names = {name for (name,) in transaction.run("SELECT name_key FROM accounts")}
    free = (name for number in range(len(names) + 1) if (name := _name(number)) not in names)
    return insert(transaction, next(free), ADMINISTRATOR, WHOLE_DISTRICT, title="", now=now, provisional=True)


def _name(number: int) -> str:
    return name_key(ADMINISTRATOR + (f"-{number + 1}" if number else ""))
