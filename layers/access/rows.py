"""Rows of the access store to values and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from layers.visitors import Area, AreaKind

if TYPE_CHECKING:
    from layers.stores.access.base import Transaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Return a moment as it is kept."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(kept: int) -> datetime:
    """Return a kept moment."""
    return _EPOCH + timedelta(microseconds=kept)


def moment_or_none(kept: int | None) -> datetime | None:
    """Return a kept moment, if there is one."""
    return None if kept is None else moment(kept)


def micros_of(span: timedelta) -> int:
    """Return a span of time in microseconds."""
    return span // _MICROSECOND


def list_text(values: Sequence[str]) -> str:
    """Return a list as it is kept."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))


def list_of(kept: str) -> list[str]:
    """Return a kept list."""
    values: list[str] = json.loads(kept)
    return values


def area_text(area: Area) -> str:
    """Return an area as it is kept."""
    return list_text([area.kind, *sorted(area.codes)])


def area_of(kept: str) -> Area:
    """Return a kept area."""
    kind, *codes = list_of(kept)
    return Area(cast(AreaKind, kind), frozenset(codes))


@dataclass(frozen=True)
class AccountRow:
    """An account as it is kept, with what is secret in it."""

    id: str
    name: str
    name_key: str
    title: str
    role: str
    area: str
    disabled: int
    provisional: int
    password_hash: str | None
    code_hash: str | None
    code_expires: int | None
    totp_secret: str | None
    totp_pending: str | None
    totp_step: int | None
    oidc_subject: str | None
    created: int
    last_seen: int | None

    @property
    def must_change(self) -> bool:
        """Whether there is nothing yet that only the person knows."""
        return self.password_hash is None and self.oidc_subject is None


ACCOUNT_COLUMNS = ", ".join(AccountRow.__dataclass_fields__)


def account_row(transaction: Transaction, where: str, value: str) -> AccountRow | None:
    """Return the account of which column `where` is `value`."""
    query = f"SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE {where} = ?"  # noqa: S608 - our own column names
    found = transaction.run(query, value)
    return AccountRow(*found[0]) if found else None


def one(rows: list[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """Return the only row, or None."""
    return rows[0] if rows else None
