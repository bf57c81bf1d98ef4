"""Which history the versions of a store number: version 12 of a store and of its restored backup are two things.

A store gets an epoch when it is made, and keeps it whatever is written to it, whoever migrates it. A store that is
made of another one (`restore`, `copy`) begins a new one, since the other may go on, or had gone on: from then on
both give out the same numbers for different facts. A backup keeps the epoch of the store that it was made of.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from layers.civil_time import CHINA
from layers.text import Text

PATTERN = "[0-9a-f]{16}"
"""What the id of an epoch looks like."""
_ID_BYTES = 8


@dataclass(frozen=True)
class Epoch:
    """What tells a store's versions from those of any other.

    Attributes
    ----------
    id : str
        Random; empty for a district that is in no store.
    since : datetime, optional
        When it began: the store was made, restored, copied or, where it is from before there were epochs, migrated.
    """

    id: str = ""
    since: datetime | None = None

    def matches(self, seen: str) -> bool:
        """Tell whether what was seen under the id `seen` is of this epoch; what has no id matches nothing."""
        return self.id != "" and seen == self.id


def new_epoch(at: datetime) -> Epoch:
    """Return the epoch of a store that is made at the moment `at`."""
    return Epoch(secrets.token_hex(_ID_BYTES), at)


def another_epoch(seen: str, present: Epoch) -> Text:
    """Say that what somebody had seen is of another epoch than the store's, or of none that they name."""
    if not seen:
        return Text(
            "没有写明所看到的数据属于存储的哪一段历史（epoch）。",
            "It is not said which epoch of the store it was seen in.",
        )
    return Text(
        "存储已于 {day} 恢复或重建，您看到的是此前的数据，请重新核对。",
        "The store was restored or set up anew on {day} (China time); what you saw is from before: look again.",
    ).format(day="?" if present.since is None else f"{present.since.astimezone(CHINA):%Y-%m-%d %H:%M}")
