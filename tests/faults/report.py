"""What the fault tests counted, for the end of their output."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.proof import Verdict

FULL = os.environ.get("WANGGE_FAULTS") == "full"
"""Whether the full counts are asked for (`make faults`); else a short form that every change must pass."""

KILLS = 200 if FULL else 20
WRITES_BETWEEN = 20 if FULL else 3
OUTAGE_S = 20.0 if FULL else 3.0
HELD_S = 60.0 if FULL else 2.0


@dataclass(frozen=True)
class Campaign:
    """One row of the table."""

    store: str
    what: str
    verdict: Verdict
    kills: Counter[str] = field(default_factory=Counter)
    recoveries: int = 0


AWAY = tuple(f"{kind}{who}" for kind in ("StoreAway", "Lost", "StoreBusy") for who in ("", " (reading)"))
"""What writers and readers may be told while a server is away."""

CAMPAIGNS: list[Campaign] = []
LINES: list[str] = []
"""Further findings, one sentence each."""


def settle(campaign: Campaign, *allowed: str) -> None:
    """Put a campaign into the table, and assert that nothing was lost, torn or refused for no reason."""
    CAMPAIGNS.append(campaign)
    verdict = campaign.verdict
    assert verdict.lost == []
    assert verdict.torn == []
    assert set(verdict.errors) <= {"StoreConflict", *allowed}
    assert verdict.acknowledged > 0


_HEADS = (
    "store",
    "what",
    "attempted",
    "acknowledged",
    "lost",
    "torn",
    "kept",
    "gone",
    "sights",
    "kills",
    "recoveries",
)


def table() -> Iterator[str]:
    """Return the table, and what does not fit into it."""
    cells = [_HEADS, *(_row(campaign) for campaign in CAMPAIGNS)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(_HEADS))]
    for row in cells:
        yield "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
    yield "kept, gone: writes never acknowledged that are there whole, or not at all; sights: what readers saw, compared"
    for campaign in CAMPAIGNS:
        yield f"{campaign.store}, {campaign.what}: kills: {_counted(campaign.kills)}"
        yield f"{campaign.store}, {campaign.what}: errors: {_counted(campaign.verdict.errors)}"
    yield from LINES


def _row(campaign: Campaign) -> tuple[str, ...]:
    verdict = campaign.verdict
    numbers = (
        verdict.attempted,
        verdict.acknowledged,
        len(verdict.lost),
        len(verdict.torn),
        verdict.kept,
        verdict.gone,
        verdict.seen,
        campaign.kills.total(),
        campaign.recoveries,
    )
    return (campaign.store, campaign.what, *(f"{number:,}" for number in numbers))


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{n:,} x {what}" for what, n in counter.most_common()) or "none"
