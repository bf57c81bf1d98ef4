"""Membership: what a row says comes before where it lies."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from layers.places import lies_mostly_in, places
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.units import units
from tests.district import small_district


def codes(snapshot: Snapshot, layer: str, level: str, parent: str) -> list[str | None]:
    index = snapshot.frame(parent).index
    return [None if at < 0 else str(index[at]) for at in places(snapshot, layer)[level]]


def without_labels(standards: Standards) -> Snapshot:
    district, frames = small_district()
    for name, frame in frames.items():
        frames[name] = frame.assign(**{field.name: None for field in LAYERS[name].parents}).astype(
            frame.dtypes.to_dict()
        )
    return Snapshot(1, district, standards, frames)


def test_labels_and_positions_agree_where_both_are_known(snapshot: Snapshot, standards: Standards) -> None:
    by_place = without_labels(standards)
    for layer, level, parent in (
        ("communities", "subdistrict", "subdistricts"),
        ("communities", "neighbourhood", "neighbourhoods"),
        ("neighbourhoods", "subdistrict", "subdistricts"),
        ("buildings", "subdistrict", "subdistricts"),
        ("facilities", "neighbourhood", "neighbourhoods"),
    ):
        assert codes(by_place, layer, level, parent) == codes(snapshot, layer, level, parent)


def test_a_label_wins_over_the_position(standards: Standards) -> None:
    frames = {name: without_labels(standards).frame(name) for name in LAYERS}
    frames["buildings"] = frames["buildings"].assign(community="C09")
    moved = Snapshot(1, small_district()[0], standards, frames)
    assert set(codes(moved, "buildings", "community", "communities")) == {"C09"}
    # The ancestors follow the label, not the ground.
    assert set(codes(moved, "buildings", "subdistrict", "subdistricts")) == {"S2"}


def test_a_broken_label_falls_back_to_the_position(snapshot: Snapshot, standards: Standards) -> None:
    district, frames = small_district()
    frames["communities"] = frames["communities"].assign(subdistrict="nowhere")
    broken = Snapshot(1, district, standards, frames)
    assert codes(broken, "communities", "subdistrict", "subdistricts") == codes(
        snapshot, "communities", "subdistrict", "subdistricts"
    )


def test_a_feature_outside_every_parent_belongs_to_none(standards: Standards) -> None:
    district, frames = small_district()
    frames["subdistricts"] = frames["subdistricts"].loc[["S1"]]
    only_west = Snapshot(1, district, standards, frames)
    found = codes(only_west, "communities", "subdistrict", "subdistricts")
    assert found[:6] == ["S1"] * 6
    assert found[6:] == [None] * 6


def test_a_polygon_lies_mostly_where_it_shares_most(snapshot: Snapshot) -> None:
    west = snapshot.metric("subdistricts")[0]
    border, south = west.bounds[2], west.bounds[1]
    shapes = [
        shapely.box(border - 30, south, border + 10, south + 10),
        shapely.box(border - 10, south, border + 30, south + 10),
        shapely.box(west.bounds[0] - 500, south, west.bounds[0] - 400, south + 10),
    ]
    assert lies_mostly_in(snapshot, "subdistricts", np.array(shapes)).tolist() == [0, 1, -1]


@pytest.mark.parametrize("scheme", ["square:100", "square:1000", "h3:8", "h3:10", "management"])
def test_no_cell_with_people_falls_out_of_all_subdistricts(snapshot: Snapshot, scheme: str) -> None:
    found = units(snapshot, scheme)
    assert (found.subdistrict[np.unique(found.of_dwelling)] >= 0).all()


def test_a_management_cell_is_in_the_subdistrict_that_it_names(standards: Standards) -> None:
    district, frames = small_district()
    frames["management_cells"] = frames["management_cells"].assign(subdistrict="S2")
    named = Snapshot(1, district, standards, frames)
    assert (units(named, "management").subdistrict == 1).all()
