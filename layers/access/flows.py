"""Flows: what must be remembered while somebody is away at the identity provider."""

from __future__ import annotations

import json
from typing import Any

from layers.access.kept import Kept
from layers.access.rows import one
from layers.access.tokens import digest

_SECOND = 1_000_000


class Flows(Kept):
    """What concerns flows."""

    def keep_flow(self, state: str, data: dict[str, Any], valid_s: int = 600) -> None:
        """Remember `data` under the state that the identity provider will send back."""
        now = self._now()
        with self._writing() as transaction:
            transaction.run("DELETE FROM flows WHERE expires <= ?", now)
            transaction.run(
                "INSERT INTO flows VALUES (?, ?, ?)",
                digest(state),
                json.dumps(data, ensure_ascii=True),
                now + valid_s * _SECOND,
            )

    def take_flow(self, state: str) -> dict[str, Any] | None:
        """Return what was remembered, once; None where there is nothing or it is too old."""
        with self._writing() as transaction:
            found = one(
                transaction.run(
                    "DELETE FROM flows WHERE state_hash = ? RETURNING data, expires", digest(state)
                )
            )
        if found is None or found[1] <= self._now():
            return None
        data: dict[str, Any] = json.loads(found[0])
        return data
