"""The district's figures, counted by hand from the small district's rows."""

from __future__ import annotations

import json

import pytest

from layers.indicators import SEATS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.summary import summary
from layers.summary_text import summary_lines
from layers.text import LANGUAGES
from tests.district import COMMUNITIES, COMPLAINTS, small_district


def facts(position: int) -> list[str]:
    return [str(row[position]) for row in COMMUNITIES if row[3] != "urban_village"]


def test_figures_are_over_the_communities_that_are_no_urban_villages(snapshot: Snapshot) -> None:
    found = summary(snapshot)
    manager, committee = facts(6), facts(8)
    assert found["without_property_management"] == {
        "count": manager.count("no"),
        "of": 11,
        "unknown": manager.count("unknown"),
        "rate": manager.count("no") / 11,
    }
    assert found["owners_committee"]["count"] == committee.count("yes")
    both_no = sum(m == c == "no" for m, c in zip(manager, committee, strict=True))
    assert found["double_none"]["count"] == both_no
    assert found["residents"] == sum(row[5] for row in COMMUNITIES if row[5] and row[3] != "urban_village")
    assert found["residents_known"] == {"count": 10, "of": 11, "unknown": 1}
    assert found["urban_villages"]["count"] == 1
    assert found["urban_villages"]["residents"] == 4200


def test_mediation_counts_served_missing_and_cannot_tell(snapshot: Snapshot) -> None:
    found = summary(snapshot)["mediation"]
    large = [
        row[0] for row in COMMUNITIES if row[4] is not None and row[4] >= 300 and row[3] != "urban_village"
    ]
    assert found["eligible"] == len(large)
    assert found["served"] + found["missing"] == found["eligible"]
    assert found["cannot_tell"] == 1
    assert found["rooms"] == 3


def test_classes_and_groups_add_up(snapshot: Snapshot) -> None:
    found = summary(snapshot)
    assert sum(found["management_classes"].values()) == found["communities"] == 11
    assert found["four_in_one"] == {"0": 1, "1": 1, "2": 2, "3": 2, "4": 2, "unknown": 3}
    assert sum(found["complaints"]["demand_groups"].values()) == sum(COMPLAINTS.values())


def test_seats_of_which_nothing_is_known_are_not_missing(standards: Standards) -> None:
    district, frames = small_district()
    communities = frames["communities"].copy()
    communities[list(SEATS)] = "unknown"
    found = summary(Snapshot(1, district, standards, dict(frames, communities=communities)))
    assert found["four_in_one"] == {"0": 0, "1": 0, "2": 0, "3": 0, "4": 0, "unknown": 11}


def test_staff_per_1000_residents_names_its_base(snapshot: Snapshot) -> None:
    found = summary(snapshot)["property_staff_per_1000_residents"]
    people = 900 + 810 + 1200 + 1500 + 980  # C01, C02, C05, C09, C11: the others' staff is unknown
    assert found == {
        "rate": round(1000 * 60 / people, 2),
        "staff": 60,
        "residents": people,
        "count": 5,
        "of": 11,
        "unknown": 6,
    }
    said = summary_lines(summary(snapshot), snapshot.standards, "en")
    assert any("60 for 5,390 residents in the 5 of 11 communities" in line for line in said)


def test_an_empty_district_has_figures_without_numbers(standards: Standards) -> None:
    district, frames = small_district(outline=False)
    empty = {name: frame.iloc[:0] for name, frame in frames.items()}
    found = summary(Snapshot(0, district, standards, empty))
    assert found["residents"] is None
    assert found["double_none"] == {"count": 0, "of": 0, "unknown": 0, "rate": None}
    assert all(kind["residents_share"] is None for kind in found["coverage"].values())
    assert found["management_cells"] == {"count": 0, "area_km2": None}
    assert found["pilot_disputes"]["change"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lines_name_every_figure_and_no_nan(snapshot: Snapshot, language: str) -> None:
    lines = summary_lines(summary(snapshot), snapshot.standards, language)  # type: ignore[arg-type]
    text = "\n".join(lines)
    assert "nan" not in text.lower()
    assert "None" not in text
    assert len(lines) > 25


def test_it_is_plain_json(snapshot: Snapshot) -> None:
    assert json.loads(json.dumps(summary(snapshot), allow_nan=False)) == summary(snapshot)


def test_a_dispute_counts_however_its_category_is_spelled(standards: Standards) -> None:
    district, frames = small_district()
    spelled = {"property_dispute": " Property_Dispute "}
    frames["complaints"] = frames["complaints"].assign(
        category=frames["complaints"]["category"].replace(spelled)
    )
    again = summary(Snapshot(1, district, standards, frames))["pilot_disputes"]
    district, frames = small_district()
    plain = summary(Snapshot(1, district, standards, frames))["pilot_disputes"]
    assert again == plain
    assert plain["after"]["count"] > 0
