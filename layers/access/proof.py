"""That it is still the same person: the present password, before what it protects is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layers.access import throttle
from layers.access.kept import Kept
from layers.access.sessions import visitor_of_account
from layers.access.throttle import Counter
from layers.problems import BadParameter
from layers.text import Text

if TYPE_CHECKING:
    from layers.access.rows import AccountRow


class Proof(Kept):
    """What asks for the present password."""

    def _prove(self, row: AccountRow, typed: str, action: str, what: str = "", *, origin: str = "") -> None:
        """Raise `BadParameter` unless `typed` is an account's password, and record that; `TooMany` after some.

        Whoever finds a session open may not try passwords for ever. An account without one has nothing to prove:
        who it is says the identity provider.
        """
        if row.password_hash is None:
            return
        with self._writing() as transaction:
            throttle.reserve(transaction, (Counter("own", row.id),), self._now())
        if self._passwords.matches(row.password_hash, typed):
            return
        with self._writing() as transaction:
            self._record(transaction, visitor_of_account(row), action, what, origin=origin, outcome="failed")
        raise BadParameter(
            Text("现密码不正确。", "The present password is wrong."), Text("请重新输入。", "Type it again.")
        )
