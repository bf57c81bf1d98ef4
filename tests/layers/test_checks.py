"""What contradicts itself is found and named; what is merely unknown is noted."""

from __future__ import annotations

import pandas as pd

from layers.checks import Finding, check
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.summary import summary
from tests.district import small_district


def found(snapshot: Snapshot) -> dict[str, Finding]:
    return {finding.id: finding for finding in check(snapshot)}


def test_a_sound_district_has_notes_and_no_faults(snapshot: Snapshot) -> None:
    findings = check(snapshot)
    assert not any(finding.fault for finding in findings)
    assert found(snapshot)["contract_ends_soon"].codes == ("C09",)
    assert found(snapshot)["residents_unknown"].codes == ("C06",)


def test_broken_references_and_ended_contracts_are_faults(standards: Standards) -> None:
    district, frames = small_district()
    communities = frames["communities"].copy()
    communities.loc["C01", "subdistrict"] = "S9"
    communities.loc["C05", "contract_end"] = "2019-12-30"
    communities.loc["C01", "committee_term_end"] = "2018-01-01"
    frames["communities"] = communities
    findings = found(Snapshot(1, district, standards, frames))
    assert findings["broken_subdistrict"].fault
    assert findings["broken_subdistrict"].codes == ("C01",)
    assert findings["contract_ended"].codes == ("C05",)
    assert findings["term_ended"].codes == ("C01",)
    # Faults come first.
    assert [finding.fault for finding in findings.values()] == sorted(
        (finding.fault for finding in findings.values()), reverse=True
    )


def test_an_empty_district_has_nothing_to_find(standards: Standards) -> None:
    district, frames = small_district()
    assert (
        check(Snapshot(0, district, standards, {name: frame.iloc[:0] for name, frame in frames.items()}))
        == []
    )


def test_missing_rooms_are_those_of_the_summary(snapshot: Snapshot) -> None:
    codes = found(snapshot)["mediation_missing"].codes
    assert len(codes) == summary(snapshot)["mediation"]["missing"] > 0
    assert "C12" not in codes  # an urban village of 900 households


def test_complaints_of_unknown_group_are_named(standards: Standards) -> None:
    district, frames = small_district()
    complaints = frames["complaints"]
    nowhere = pd.Series([None] * len(complaints), index=complaints.index, dtype="str")
    frames["complaints"] = complaints.assign(demand_group=nowhere)
    made = Snapshot(1, district, standards, frames)
    assert len(found(made)["unmapped"].codes) == len(complaints)
