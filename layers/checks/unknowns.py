"""What figures are made of and is not known: counted per field, never a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layers.checks.findings import Finding, of_rows
from layers.checks.kinds import UNKNOWNS
from layers.indicators import is_double_none

if TYPE_CHECKING:
    from layers.snapshot import Snapshot


def check_unknowns(snapshot: Snapshot) -> list[Finding]:
    """Find the features of which something is unknown that a figure needs."""
    found = []
    communities, buildings = snapshot.frame("communities"), snapshot.frame("buildings")
    cannot_tell = is_double_none(communities) == "unknown"
    found.append(of_rows(snapshot, "double_none_unknown", "communities", cannot_tell))
    for layer, fields in UNKNOWNS.items():
        for field in fields:
            values = snapshot.frame(layer)[field.name]
            missing = values == "unknown" if field.type == "fact" else values.isna()
            found.append(of_rows(snapshot, f"{field.name}_unknown", layer, missing.to_numpy()))
    for fact, end in (
        ("property_management", "contract_end"),
        ("owners_committee", "committee_term_end"),
    ):
        open_end = (communities[fact] == "yes") & communities[end].isna()
        found.append(of_rows(snapshot, f"{end}_unknown", "communities", open_end.to_numpy()))
    # Either is enough to spread residents over buildings.
    neither = (buildings["floors"].isna() & buildings["floor_area_m2"].isna()).to_numpy()
    found.append(of_rows(snapshot, "floors_unknown", "buildings", neither))
    unmapped = snapshot.frame("complaints")["demand_group"].fillna("unmapped") == "unmapped"
    return [*found, of_rows(snapshot, "unmapped", "complaints", unmapped.to_numpy())]
