"""What in a store contradicts itself or is missing: found and named, nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from layers.indicators import is_double_none, is_mediation_eligible, is_published
from layers.places import places, positions
from layers.schema import LAYERS
from layers.text import Text

if TYPE_CHECKING:
    from layers.snapshot import Snapshot
    from layers.text import Language

SHOWN_CODES = 10


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found: `fault` contradicts, otherwise it is only unknown or noteworthy."""

    id: str
    layer: str
    fault: bool
    message: Text
    codes: tuple[str, ...]

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the finding for JSON."""
        return {
            "id": self.id,
            "layer": self.layer,
            "fault": self.fault,
            "count": len(self.codes),
            "message": self.message.to(language),
            "codes": list(self.codes),
        }


def check(snapshot: Snapshot) -> list[Finding]:
    """Return what is found in the snapshot, faults first, in the order of the layers."""
    found = [*_references(snapshot), *_contracts(snapshot), *_rooms(snapshot), *_unknowns(snapshot)]
    return sorted((finding for finding in found if finding.codes), key=lambda finding: not finding.fault)


def _finding(
    snapshot: Snapshot, name: str, layer: str, rows: Any, message: Text, *, fault: bool = True
) -> Finding:
    codes = snapshot.frame(layer).index.to_numpy(dtype=object)[np.asarray(rows, dtype=bool)]
    return Finding(name, layer, fault, message, tuple(str(code) for code in codes))


def _references(snapshot: Snapshot) -> list[Finding]:
    found = []
    for name, layer in LAYERS.items():
        frame = snapshot.frame(name)
        for field in layer.parents:
            parent = snapshot.frame(str(field.parent))
            broken = frame[field.name].notna().to_numpy() & (positions(parent.index, frame[field.name]) < 0)
            message = Text("{f}指向不存在的编码", "{f} points to a code that does not exist").format(
                f=field.title
            )
            found.append(_finding(snapshot, f"broken_{field.name}", name, broken, message))
        if name in ("buildings", "mediation_rooms") and len(snapshot.frame("communities")):
            outside = places(snapshot, name)["community"].to_numpy() < 0
            message = Text("不属于任何小区", "in no community")
            found.append(_finding(snapshot, "no_community", name, outside, message, fault=False))
    return found


def _contracts(snapshot: Snapshot) -> list[Finding]:
    communities, as_of = snapshot.frame("communities"), snapshot.district.as_of
    if as_of is None:
        return []
    day = pd.Timestamp(as_of)
    managed = (communities["property_management"] == "yes").to_numpy()
    elected = (communities["owners_committee"] == "yes").to_numpy()
    ended = managed & (communities["contract_end"] < day).to_numpy()
    soon = managed & communities["contract_end"].between(day, day + pd.Timedelta(days=90)).to_numpy()
    term = elected & (communities["committee_term_end"] < day).to_numpy()
    return [
        _finding(
            snapshot,
            "contract_ended",
            "communities",
            ended,
            Text(
                "记为有物业管理，但合同在 {day} 前已到期",
                "managed by the record, but the contract ended before {day}",
            ).format(day=as_of),
        ),
        _finding(
            snapshot,
            "term_ended",
            "communities",
            term,
            Text(
                "记为有业委会，但任期在 {day} 前已届满",
                "has a committee by the record, but its term ended before {day}",
            ).format(day=as_of),
        ),
        _finding(
            snapshot,
            "contract_ends_soon",
            "communities",
            soon,
            Text("物业合同 90 天内到期", "the property contract ends within 90 days"),
            fault=False,
        ),
    ]


def _rooms(snapshot: Snapshot) -> list[Finding]:
    communities = snapshot.frame("communities")
    least = snapshot.standards.mediation_households
    eligible = is_mediation_eligible(communities, households=least) == "yes"
    room_of = places(snapshot, "mediation_rooms")["community"].to_numpy()
    missing = eligible & is_published(communities) & ~np.isin(np.arange(len(communities)), room_of)
    message = Text(
        "{n} 户及以上而没有调解室（城中村除外）",
        "{n} or more households and no mediation room (urban villages apart)",
    ).format(n=least)
    return [_finding(snapshot, "mediation_missing", "communities", missing, message, fault=False)]


def _unknowns(snapshot: Snapshot) -> list[Finding]:
    communities = snapshot.frame("communities")
    cannot_tell = is_double_none(communities) == "unknown"
    found = [
        _finding(
            snapshot,
            "double_none_unknown",
            "communities",
            cannot_tell,
            Text("不能判断是否双无", "cannot tell whether double-none"),
            fault=False,
        )
    ]
    for name in ("residents", "households"):
        title = LAYERS["communities"].field(name).title
        message = Text("{f}不明", "{f} unknown").format(f=title)
        rows = communities[name].isna().to_numpy()
        found.append(_finding(snapshot, f"{name}_unknown", "communities", rows, message, fault=False))
    unmapped = (snapshot.frame("complaints")["demand_group"].fillna("unmapped") == "unmapped").to_numpy()
    message = Text("诉求类别未归入四大类", "complaint category in none of the four demand groups")
    return [*found, _finding(snapshot, "unmapped", "complaints", unmapped, message, fault=False)]
