"""All checks of one snapshot, and what the store finds wrong with itself, in one order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from layers.checks.findings import Case, Finding
from layers.checks.geometry import check_geometry
from layers.checks.ground import (
    check_entrances,
    check_gaps,
    check_outline,
    check_overlaps,
    check_parents,
    check_twice,
)
from layers.checks.kinds import Kind
from layers.checks.records import (
    check_chains,
    check_contracts,
    check_days,
    check_membership,
    check_references,
    check_values,
)
from layers.checks.unknowns import check_unknowns
from layers.schema import LAYERS
from layers.store import Progress, no_progress
from layers.text import Text

if TYPE_CHECKING:
    from layers.snapshot import Snapshot
    from layers.store import Fault

_CHECKS: tuple[Callable[[Snapshot], list[Finding]], ...] = (
    check_references,
    check_chains,
    check_parents,
    check_outline,
    check_overlaps,
    check_gaps,
    check_entrances,
    check_values,
    check_days,
    check_contracts,
    check_membership,
    check_twice,
    check_unknowns,
)
_RESTORE = Text(
    "请保留该存储的副本，再用最近的备份恢复（wangge restore）。",
    "Keep a copy of the store as it is, then restore the last backup (wangge restore).",
)
_PLACE = {name: place for place, name in enumerate(LAYERS)}


def check(snapshot: Snapshot, *, progress: Progress = no_progress) -> list[Finding]:
    """Return what is found in the snapshot: faults before notes, in the order of the layers.

    Equal snapshots give equal findings in equal order; of a snapshot that is wrong in one place nothing
    keeps the rest from being checked.
    """
    total = len(_CHECKS) + 1
    progress("check", 0, total)
    sound, found = check_geometry(snapshot)
    for done, one in enumerate(_CHECKS, start=1):
        progress("check", done, total)
        found += one(sound)
    progress("check", total, total)
    return in_order([finding for finding in found if finding.cases])


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Order findings: faults first, those of the whole store first, then by layer, then as they come."""
    return sorted(
        findings,
        key=lambda finding: (not finding.fault, -1 if finding.layer is None else _PLACE[finding.layer]),
    )


def of_store(faults: Sequence[Fault]) -> list[Finding]:
    """Return what a store found wrong with itself (`Store.verify`) as findings: each a fault of one case.

    The message says how many there are; the codes may be the first of them only.
    """
    return [
        Finding(
            Kind(fault.id, True, fault.message, _RESTORE),
            fault.layer,
            (Case(fault.codes),),
        )
        for fault in faults
    ]
