"""All checks of one snapshot, and what the store finds wrong with itself, in one order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    check_people,
    check_references,
    check_to_come,
    check_values,
)
from layers.checks.unknowns import check_unknowns
from layers.schema import LAYERS
from layers.store import Progress, no_progress
from layers.text import Text

if TYPE_CHECKING:
    from datetime import date

    from layers.snapshot import Snapshot
    from layers.store import Fault, FaultId

_CHECKS: tuple[Callable[[Snapshot], list[Finding]], ...] = (
    check_references,
    check_chains,
    check_parents,
    check_outline,
    check_overlaps,
    check_gaps,
    check_entrances,
    check_values,
    check_people,
    check_days,
    check_contracts,
    check_membership,
    check_twice,
    check_unknowns,
)
_RESTORE = Text(
    "内容已损坏：请保留该存储，再把最近的备份恢复到新的存储（wangge restore）；备份之后写入的，请对照核对补上。",
    "Content is damaged: keep the store as it is and restore the last backup into a new one (wangge restore); "
    "what was written since then is to be compared and made up for.",
)
_CORRECT = Text(
    "请更正所列要素（导入或在 QGIS 中修改）；它们原来的内容可把最近的备份恢复到另一处查看（wangge restore）。",
    "Correct the features named here, by an import or in QGIS; restore the last backup elsewhere (wangge restore) "
    "to see what they were.",
)
_COPY = Text(
    "内容未受影响：请保留该存储，把它复制到新的存储（wangge copy --from … --to …），表、索引和触发器随之重建；"
    "若复制被拒绝，再用最近的备份恢复（wangge restore）。",
    "No content is lost: keep the store and copy it into a new one (wangge copy --from … --to …), which makes "
    "tables, indexes and triggers anew. Only where that is refused restore the last backup (wangge restore).",
)
_REBUILD = Text(
    "请重建该图层的索引（REINDEX）；不丢失任何内容。",
    "Rebuild the layer's indexes (REINDEX); nothing is lost by it.",
)
_COMPARE = Text(
    "请保留该存储：退回备份会丢失此后的写入。请把最近的备份恢复到另一处（wangge restore），对照所列内容，更正不符的。",
    "Keep the store: going back to a backup would lose what was written since. Restore the last backup elsewhere "
    "(wangge restore), compare what is named here with it, and correct what is wrong.",
)
_REMEDIES: Mapping[FaultId, Text] = {
    # A page of an index may be damaged as well as one of a table, and a copy that trusts it would lack rows.
    "pages": _RESTORE,
    "unreadable": _RESTORE,
    "geometry": _CORRECT,
    "value": _CORRECT,
    "schema": _COPY,
    "index": _COPY,
    "count": _REBUILD,
    # A copy takes the records along as they are.
    "versions": _COMPARE,
    "changes": _COMPARE,
    "history": _COMPARE,
}
_PLACE = {name: place for place, name in enumerate(LAYERS)}


def check(
    snapshot: Snapshot, *, today: date | None = None, progress: Progress = no_progress
) -> list[Finding]:
    """Return what is found in the snapshot: faults before notes, in the order of the layers.

    `today` is what days that have not come are told by; without it none is a fault. Equal snapshots give equal
    findings in equal order; of a snapshot that is wrong in one place nothing keeps the rest from being checked.
    """
    total = len(_CHECKS) + 1
    progress("check", 0, total)
    sound, found = check_geometry(snapshot)
    for done, one in enumerate(_CHECKS, start=1):
        progress("check", done, total)
        found += one(sound)
    found += check_to_come(sound, today)
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
            Kind(fault.id, True, fault.message, fault.remedy or _REMEDIES[fault.id]),
            fault.layer,
            (Case(fault.codes),),
        )
        for fault in faults
    ]
