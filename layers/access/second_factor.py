"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost.

A code counts once: the step of the last one is kept, and older ones are worth nothing. The app's secret
has to be kept as it is, for the codes are computed from it; recovery codes are kept as hashes.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from layers.access import throttle
from layers.access.proof import Proof
from layers.access.rows import AccountRow
from layers.access.sessions import visitor_of_account
from layers.access.throttle import Counter
from layers.access.tokens import digest, new_code, plain_code
from layers.problems import BadParameter
from layers.text import Text

if TYPE_CHECKING:
    from layers.access.model import Outcome
    from layers.stores.access.base import Transaction

RECOVERY_CODES = 10
ISSUER = "Wangge 网格"

_STEP_S = 30
_MICROSECONDS = 1_000_000


class SecondFactor(Proof):
    """What concerns the second factor."""

    def totp_begin(self, account: str, password: str, *, origin: str = "") -> tuple[str, str]:
        """Return a new secret for an authenticator app, and its ``otpauth:`` address for a QR code.

        Nothing changes until `totp_confirm` has seen a code of it. Whoever finds a session open cannot keep its
        owner out with a telephone of their own.

        Parameters
        ----------
        password : str
            The present one; not looked at while there is none.

        Raises
        ------
        BadParameter
            The password is wrong; that is recorded.
        TooMany
        """
        import pyotp

        with self._backend.reading() as reading:
            row = self._row(reading, account)
        self._prove(row, password, "totp", "on", origin=origin)
        secret = pyotp.random_base32()
        with self._writing() as transaction:
            transaction.run("UPDATE accounts SET totp_pending = ? WHERE id = ?", secret, row.id)
            throttle.forget(transaction, Counter("own", row.id))
        return secret, pyotp.TOTP(secret).provisioning_uri(name=row.name, issuer_name=ISSUER)

    def totp_confirm(self, account: str, code: str, *, origin: str = "") -> list[str]:
        """Turn the second factor on, and return the recovery codes: each counts once, and none is told again.

        Raises
        ------
        BadParameter
            The code is not one of the secret that `totp_begin` gave; that is recorded.
        TooMany
        """
        codes = [new_code() for _ in range(RECOVERY_CODES)]
        with self._writing() as transaction:
            row, now = self._row(transaction, account), self._now()
            throttle.reserve(transaction, (_tried(row.id),), now)
            step = _step_of(row.totp_pending, code, now)
            if step is not None:
                transaction.run(
                    "UPDATE accounts SET totp_secret = totp_pending, totp_pending = NULL, totp_step = ? "
                    "WHERE id = ?",
                    step,
                    row.id,
                )
                transaction.run("DELETE FROM recovery_codes WHERE account = ?", row.id)
                for one_code in codes:
                    kept = digest(plain_code(one_code))
                    transaction.run("INSERT INTO recovery_codes VALUES (?, ?)", row.id, kept)
                throttle.forget(transaction, _tried(row.id))
            self._told(transaction, row, "on", right=step is not None, origin=origin)
        if step is None:
            raise _wrong_code()
        return codes

    def totp_remove(self, account: str, code: str, *, origin: str = "") -> None:
        """Turn the second factor off, by one of its codes or a recovery code.

        Raises
        ------
        BadParameter
            The code is wrong; that is recorded.
        TooMany
        """
        with self._writing() as transaction:
            row, now = self._row(transaction, account), self._now()
            throttle.reserve(transaction, (_tried(row.id),), now)
            right = spend_second(transaction, row, code, now)
            if right:
                without_second(transaction, row.id)
            self._told(transaction, row, "off", right=right, origin=origin)
        if not right:
            raise _wrong_code()

    def _told(
        self, transaction: Transaction, row: AccountRow, what: str, *, right: bool, origin: str
    ) -> None:
        outcome: Outcome = "done" if right else "failed"
        self._record(transaction, visitor_of_account(row), "totp", what, origin=origin, outcome=outcome)


def spend_second(transaction: Transaction, row: AccountRow, code: str, now: int) -> bool:
    """Tell whether a code of the app or a recovery code is right, and see that it does not count again."""
    step = _step_of(row.totp_secret, code, now)
    if step is not None:
        if row.totp_step is not None and step <= row.totp_step:
            return False
        transaction.run("UPDATE accounts SET totp_step = ? WHERE id = ?", step, row.id)
        return True
    typed = plain_code(code)
    spend = "DELETE FROM recovery_codes WHERE account = ? AND code_hash = ? RETURNING account"
    return bool(typed and transaction.run(spend, row.id, digest(typed)))


def without_second(transaction: Transaction, account: str) -> None:
    """Take an account's second factor away."""
    transaction.run(
        "UPDATE accounts SET totp_secret = NULL, totp_pending = NULL, totp_step = NULL WHERE id = ?", account
    )
    transaction.run("DELETE FROM recovery_codes WHERE account = ?", account)
    throttle.forget(transaction, _tried(account))


def _tried(account: str) -> Counter:
    """Return under what the codes count that are typed in a session: whoever found it open may not try them all."""
    return Counter("own", f"{account} totp")


def _step_of(secret: str | None, code: str, now: int) -> int | None:
    """Return the 30-second step of which `code` is, among the present one and its neighbours."""
    typed = "".join(code.split())
    if secret is None or not (typed.isascii() and typed.isdecimal()):
        return None
    import pyotp

    totp = pyotp.TOTP(secret)
    present = now // _MICROSECONDS // _STEP_S
    steps = [step for step in (present - 1, present, present + 1) if step >= 0]
    right = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), typed)]
    return max(right, default=None)


def _wrong_code() -> BadParameter:
    return BadParameter(
        Text("验证码不正确。", "The code is wrong."),
        Text(
            "请检查手机时间是否准确，再输入验证器当前显示的 6 位数字。",
            "Make sure that the phone's clock is right, and type the 6 digits that the app shows now.",
        ),
    )
