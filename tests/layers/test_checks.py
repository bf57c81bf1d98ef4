"""What contradicts itself is found and named; what is merely unknown is noted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.checks.findings import Finding
from layers.checks.kinds import KINDS
from layers.checks.report import lines
from layers.checks.run import check, in_order, of_store
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Fault, FaultId
from layers.summary import summary
from layers.text import Text, both
from tests.district import GUARDED_TEXT, small_district

Found = dict[tuple[str, str | None], Finding]


def found(snapshot: Snapshot) -> Found:
    return {(finding.id, finding.layer): finding for finding in check(snapshot)}


def changed(standards: Standards, layer: str, changes: dict[tuple[str, str], Any]) -> Found:
    """Return what is found in the small district with the fields (code, field) of a layer changed."""
    district, frames = small_district()
    frame = frames[layer].copy()
    for (code, field), value in changes.items():
        frame.loc[code, field] = value
    return found(Snapshot(1, district, standards, {**frames, layer: frame}))


def faults(findings: Found) -> list[tuple[str, str | None]]:
    return [key for key, finding in findings.items() if finding.fault]


def test_a_sound_district_has_notes_and_no_faults(snapshot: Snapshot) -> None:
    findings = found(snapshot)
    assert faults(findings) == []
    assert findings["contract_ends_soon", "communities"].codes == ("C09",)
    assert findings["residents_unknown", "communities"].codes == ("C06",)
    assert findings["no_community", "buildings"].codes == ("B90", "B91", "B92", "B93")
    assert not {"overlap", "cell_gap", "cell_gap_empty", "entrance_far", "entered_twice"} & {
        kind for kind, _ in findings
    }


def test_broken_references_and_ended_contracts_are_faults(standards: Standards) -> None:
    findings = changed(
        standards,
        "communities",
        {
            ("C01", "subdistrict"): "S9",
            ("C05", "contract_end"): pd.Timestamp("2019-12-30"),
            ("C01", "committee_term_end"): pd.Timestamp("2018-01-01"),
        },
    )
    assert faults(findings) == [
        ("broken_subdistrict", "communities"),
        ("contract_ended", "communities"),
        ("term_ended", "communities"),
    ]
    assert findings["broken_subdistrict", "communities"].codes == ("C01",)
    assert findings["contract_ended", "communities"].codes == ("C05",)
    assert findings["contract_ended", "communities"].cases[0].details == {"contract_end": "2019-12-30"}
    assert findings["term_ended", "communities"].codes == ("C01",)
    order = [finding.fault for finding in findings.values()]
    assert order == sorted(order, reverse=True)


def test_a_contract_ends_at_the_end_of_its_last_day(standards: Standards) -> None:
    """The as-of day of the small district is 2019-12-31."""
    for day, kind in (
        ("2019-12-30", "contract_ended"),
        ("2019-12-31", "contract_ends_soon"),
        ("2020-03-30", "contract_ends_soon"),
        ("2020-03-31", None),
    ):
        findings = changed(standards, "communities", {("C05", "contract_end"): pd.Timestamp(day)})
        kinds = {
            name
            for (name, layer), finding in findings.items()
            if layer == "communities" and name.startswith("contract_end") and "C05" in finding.codes
        }
        assert kinds == ({kind} if kind else set())


def test_a_fact_that_says_no_contradicts_a_contract_that_runs(standards: Standards) -> None:
    findings = changed(
        standards,
        "communities",
        {("C05", "property_management"): "no", ("C01", "owners_committee"): "no"},
    )
    assert faults(findings) == [("contract_runs", "communities"), ("term_runs", "communities")]
    assert findings["contract_runs", "communities"].codes == ("C05",)
    assert findings["term_runs", "communities"].codes == ("C01",)
    later = changed(
        standards,
        "communities",
        {("C05", "property_management"): "no", ("C05", "contract_start"): pd.Timestamp("2020-01-01")},
    )
    assert faults(later) == []  # signed, and not yet begun


def test_without_an_as_of_day_nothing_has_ended(standards: Standards) -> None:
    district, frames = small_district()
    findings = found(Snapshot(1, replace(district, as_of=None), standards, frames))
    assert ("as_of_unknown", None) in findings
    assert not {"contract_ended", "contract_ends_soon", "contract_runs"} & {kind for kind, _ in findings}


def test_periods_that_end_before_they_begin(standards: Standards) -> None:
    findings = changed(
        standards,
        "communities",
        {
            ("C01", "contract_start"): pd.Timestamp("2021-07-01"),
            ("C05", "contract_start"): pd.Timestamp("2022-12-31"),  # one day long
            ("C05", "committee_term_start"): pd.Timestamp("2020-05-01"),
        },
    )
    assert findings["contract_reversed", "communities"].codes == ("C01",)
    assert findings["term_reversed", "communities"].cases[0].details == {
        "committee_term_start": "2020-05-01",
        "committee_term_end": "2020-04-30",
    }
    findings = changed(standards, "complaints", {("C03-002", "closed"): pd.Timestamp("2018-01-01")})
    assert faults(findings) == [("closed_before_opened", "complaints")]
    assert findings["closed_before_opened", "complaints"].codes == ("C03-002",)


def test_a_row_and_its_parent_name_different_places(standards: Standards) -> None:
    findings = changed(
        standards,
        "mediation_rooms",
        {("M1", "subdistrict"): "S2", ("M2", "neighbourhood"): "S1N1"},
    )
    assert findings["contradicting_subdistrict", "mediation_rooms"].cases[0].details == {
        "subdistrict": "S2",
        "community": "C01",
        "which_names": "S1",
    }
    assert findings["contradicting_neighbourhood", "mediation_rooms"].cases[0].details == {
        "neighbourhood": "S1N1",
        "community": "C05",
        "which_names": "S1N2",
    }
    # Of the same row the place contradicts as well.
    assert findings["outside_subdistrict", "mediation_rooms"].codes == ("M1",)
    # A community itself is compared with its neighbourhood.
    findings = changed(standards, "communities", {("C12", "neighbourhood"): "S1N2"})
    assert findings["contradicting_subdistrict", "communities"].codes == ("C12",)
    # Its buildings name the old neighbourhood, and contradict what the community says now.
    assert len(findings["contradicting_neighbourhood", "buildings"].codes) == 8
    assert ("contradicting_subdistrict", "buildings") not in findings


def test_a_row_that_contradicts_several_parents_is_named_once(standards: Standards) -> None:
    findings = changed(standards, "buildings", {("C01-B1", "subdistrict"): "S2"})
    (case,) = findings["contradicting_subdistrict", "buildings"].cases
    assert case.details == {"subdistrict": "S2", "community": "C01", "which_names": "S1"}
    # Without a community it is its neighbourhood that says otherwise.
    findings = changed(
        standards, "buildings", {("C01-B1", "subdistrict"): "S2", ("C01-B1", "community"): None}
    )
    (case,) = findings["contradicting_subdistrict", "buildings"].cases
    assert case.details == {"subdistrict": "S2", "neighbourhood": "S1N1", "which_names": "S1"}


def test_what_is_not_said_or_does_not_exist_contradicts_nothing(standards: Standards) -> None:
    findings = changed(
        standards, "communities", {("C12", "neighbourhood"): None, ("C11", "neighbourhood"): "S9N9"}
    )
    assert faults(findings) == [("broken_neighbourhood", "communities")]


@pytest.mark.parametrize(
    ("layer", "change", "kind", "details"),
    [
        (
            "communities",
            {("C01", "kind"): "castle"},
            "value_not_listed",
            {"field": "kind", "value": "castle"},
        ),
        (
            "communities",
            {("C01", "pilot"): "maybe"},
            "value_not_listed",
            {"field": "pilot", "value": "maybe"},
        ),
        ("buildings", {("B90", "floors"): 0}, "value_out_of_range", {"field": "floors", "value": "0"}),
        (
            "communities",
            {("C01", "residents"): -1},
            "value_out_of_range",
            {"field": "residents", "value": "-1"},
        ),
        ("subdistricts", {("S1", "name"): None}, "value_missing", {"field": "name"}),
        ("subdistricts", {("S1", "name"): ""}, "value_missing", {"field": "name"}),
        ("complaints", {("C01-001", "opened"): pd.NaT}, "value_missing", {"field": "opened"}),
    ],
)
def test_values_that_no_import_would_let_in(
    standards: Standards, layer: str, change: dict[tuple[str, str], Any], kind: str, details: dict[str, str]
) -> None:
    findings = changed(standards, layer, change)
    assert faults(findings) == [(kind, layer)]
    (case,) = findings[kind, layer].cases
    assert case.codes == (next(iter(change))[0],)
    assert case.details == details


def test_bounds_belong_to_the_range(standards: Standards) -> None:
    values = {("B90", "floors"): 1, ("B91", "floors"): 200, ("B92", "floor_area_m2"): 0.0}
    assert faults(changed(standards, "buildings", values)) == []
    assert faults(changed(standards, "buildings", {("B91", "floors"): 201})) == [
        ("value_out_of_range", "buildings")
    ]


def test_floors_or_floor_area_will_do(standards: Standards) -> None:
    values: dict[tuple[str, str], Any] = {
        ("C06-B1", "floors"): 6,
        ("C06-B2", "floor_area_m2"): 900.0,
        ("C01-B1", "floors"): None,
        ("C01-B2", "floor_area_m2"): None,
    }
    codes = changed(standards, "buildings", values)["floors_unknown", "buildings"].codes
    assert "C06-B3" in codes
    assert not {"C06-B1", "C06-B2", "C01-B1", "C01-B2"} & set(codes)


def test_an_empty_district_has_nothing_to_find(standards: Standards) -> None:
    district, frames = small_district()
    empty = {name: frame.iloc[:0] for name, frame in frames.items()}
    assert check(Snapshot(0, district, standards, empty)) == []
    assert check(Snapshot(0, replace(district, outline=None), standards, empty)) == []


def test_one_layer_alone_is_checked(standards: Standards) -> None:
    district, frames = small_district()
    for name, frame in frames.items():
        alone = {other: rows.iloc[:0] for other, rows in frames.items()} | {name: frame}
        findings = check(Snapshot(0, district, standards, alone))
        # Nothing is there that a row could point to, and nothing else is wrong.
        assert {finding.id.partition("_")[0] for finding in findings if finding.fault} <= {"broken"}


def test_missing_rooms_are_those_of_the_summary(snapshot: Snapshot) -> None:
    codes = found(snapshot)["mediation_missing", "communities"].codes
    assert len(codes) == summary(snapshot)["mediation"]["missing"] > 0
    assert "C12" not in codes  # an urban village of 900 households


def test_complaints_of_unknown_group_are_named(standards: Standards) -> None:
    district, frames = small_district()
    complaints = frames["complaints"]
    nowhere = pd.Series([None] * len(complaints), index=complaints.index, dtype="str")
    frames["complaints"] = complaints.assign(demand_group=nowhere)
    made = Snapshot(1, district, standards, frames)
    assert len(found(made)["unmapped", "complaints"].codes) == len(complaints)


def test_unknowns_are_those_that_the_figures_count(snapshot: Snapshot) -> None:
    findings = found(snapshot)
    communities = snapshot.frame("communities")
    for fact in ("property_management", "owners_committee", "residents_group", "party_branch"):
        named = findings.get((f"{fact}_unknown", "communities"))
        count = int((communities[fact] == "unknown").sum())
        assert (len(named.codes) if named else 0) == count
    double_none = summary(snapshot)["double_none"]["unknown"]
    villages = communities.index[communities["kind"] == "urban_village"]
    told = set(findings["double_none_unknown", "communities"].codes) - set(villages)
    assert len(told) == double_none
    # Floors are unknown in C06 and C12, and so is the floor area that would do instead.
    assert {code[:3] for code in findings["floors_unknown", "buildings"].codes} == {"C06", "C12", "B90"} | {
        f"B9{k}" for k in range(4)
    }
    assert findings["mediators_unknown", "mediation_rooms"].codes == ("M3",)


def test_every_kind_is_said_in_both_languages() -> None:
    for kind in KINDS.values():
        for text in (kind.message, kind.remedy):
            assert text.zh and text.en and text.zh != text.en
            assert not any("一" <= letter <= "鿿" for letter in text.en)
            assert not {"{", "}"} & {*text.zh, *text.en}


def test_findings_are_plain_json_with_nothing_guarded(standards: Standards) -> None:
    findings = changed(
        standards,
        "complaints",
        {("C01-001", "closed"): pd.Timestamp("2000-01-01"), ("C01-001", "community"): "C99"},
    )
    for language in ("zh", "en"):
        told = json.dumps([finding.as_dict(language) for finding in findings.values()], allow_nan=False)
        assert GUARDED_TEXT not in json.loads(told).__repr__()
    one = findings["broken_community", "complaints"].as_dict("en")
    assert one["codes"] == ["C01-001"]
    assert one["details"] == [{"codes": ["C01-001"], "community": "C99"}]
    assert one["count"] == 1
    assert findings["residents_unknown", "communities"].as_dict("zh")["details"] == []


def test_equal_districts_give_equal_findings(standards: Standards) -> None:
    first, second = (
        [finding.as_dict("zh") for finding in check(Snapshot(version, *_parts(standards)))]
        for version in (1, 2)
    )
    assert first == second


def _parts(standards: Standards) -> tuple[Any, Standards, dict[str, gpd.GeoDataFrame]]:
    district, frames = small_district()
    cells = frames["management_cells"]
    frames["management_cells"] = cells.drop(index=["G01", "G06"])
    return district, standards, frames


def test_progress_goes_from_nothing_to_all(snapshot: Snapshot) -> None:
    steps: list[tuple[str, int, int]] = []
    check(snapshot, progress=lambda *step: steps.append(step))
    assert [done for _, done, _ in steps] == list(range(steps[0][2] + 1))


def test_what_the_store_finds_comes_first() -> None:
    made = of_store(
        [
            Fault("count", "buildings", Text("数目不符", "counts differ"), ("B1", "B2")),
            Fault("pages", None, both("page 7\n  cell 3")),
        ]
    )
    assert [finding.id for finding in in_order(made)] == ["pages", "count"]
    assert all(finding.fault for finding in made)
    assert [len(finding.cases) for finding in made] == [1, 1]
    assert made[0].codes == ("B1", "B2")
    text = "\n".join(lines(in_order(made), "en"))
    assert "[fault] store: page 7 cell 3 (pages)" in text
    assert "B1, B2" in text
    assert "Faults: 2, notes: 0." in text


def test_no_remedy_loses_more_than_the_fault_has() -> None:
    """A store is set back to a backup only where its content cannot be read."""
    told = {one: of_store([Fault(one, None, both("x"))])[0].kind.remedy for one in get_args(FaultId)}
    assert {one for one, remedy in told.items() if "wangge copy" in remedy.en} == {"schema", "index"}
    assert {one for one, remedy in told.items() if "Content is damaged" in remedy.en} == {
        "pages",
        "unreadable",
    }
    assert {one for one, remedy in told.items() if "Correct the features" in remedy.en} == {
        "geometry",
        "value",
    }
    assert {one for one, remedy in told.items() if "Keep the store: going back" in remedy.en} == {
        "versions",
        "changes",
        "history",
    }
    own = both("REINDEX TABLE wangge.x;")
    assert of_store([Fault("count", None, both("x"), remedy=own)])[0].kind.remedy == own


def test_ten_thousand_places_are_a_few_lines(standards: Standards) -> None:
    district, frames = small_district()
    rows = frames["buildings"].iloc[[0] * 10_000].reset_index(drop=True)
    rows.index = pd.Index([f"X{k:05d}" for k in range(10_000)], name="code")
    rows = rows.assign(geometry=gpd.GeoSeries([shapely.Point(114.2, 22.9)] * 10_000, index=rows.index))
    frames["buildings"] = rows.set_crs("EPSG:4490", allow_override=True)
    findings = check(Snapshot(1, district, standards, frames))
    told = list(lines(findings, "zh"))
    assert len(told) < 300
    assert max(map(len, told)) < 400
    assert any("9,990" in line for line in told)
    outside = next(finding for finding in findings if finding.id == "outside_district")
    assert len(outside.as_dict("zh")["details"]) == 10_000


def test_the_layers_of_findings_are_layers(snapshot: Snapshot) -> None:
    assert {finding.layer for finding in check(snapshot)} <= set(LAYERS)
