"""Where things lie: each fault is made by hand at a known place and size, and found with both."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.checks.run import check
from layers.loading import load
from layers.standards import Standards
from layers.store import open_store
from tests.district import METRIC_CRS, ORIGIN, small_district
from tests.layers.drawing import Frames, add, case, faults, found_after, is_at, put, stored


@pytest.mark.parametrize(
    ("metres", "outside"), [(-5, False), (0, False), (19.9, False), (20.1, True), (150, True)]
)
def test_a_point_counts_as_outside_beyond_twenty_metres(
    standards: Standards, metres: float, outside: bool
) -> None:
    """M1 stands in C01, whose plot ends at x = 260, and in S1N1, which ends at y = 600."""
    findings = found_after(
        standards, lambda frames: put(frames, "mediation_rooms", "M1", shapely.Point(260 + metres, 300))
    )
    assert faults(findings) == ([("outside_community", "mediation_rooms")] if outside else [])
    if outside:
        one = case(findings, "outside_community", "mediation_rooms")
        assert one.codes == ("M1",)
        assert one.details["distance_m"] == pytest.approx(metres, abs=0.1)
        assert one.details["parent"] == "C01"
        assert "share_outside" not in one.details
        assert is_at(one, 260 + metres, 300)


def test_a_polygon_is_outside_by_share_and_by_reach(standards: Standards) -> None:
    """Buildings of C01, 90 m by 40 m; the plot ends at x = 260."""
    for west, outside in ((150, False), (180, False), (181, True), (400, True)):
        reach, share = west + 90 - 260, min((west + 90 - 260) / 90, 1.0)
        # Within 20 m nothing is said, though a tenth of it and more is outside.
        outside = reach > 20
        findings = found_after(
            standards,
            lambda frames, west=west: put(  # type: ignore[misc]
                frames, "buildings", "C01-B2", shapely.box(west, 40, west + 90, 80)
            ),
        )
        expected = [("outside_community", "buildings")] if outside else []
        assert [key for key in faults(findings) if key[0] == "outside_community"] == expected
        if outside:
            one = case(findings, "outside_community", "buildings")
            assert one.details["distance_m"] == pytest.approx(reach, abs=0.2)
            assert one.details["share_outside"] == pytest.approx(share, abs=0.002)
    # Far out with less than a tenth of its area: a spur, not another place.
    spur = shapely.union(shapely.box(20, 40, 240, 240), shapely.box(240, 40, 300, 44))
    findings = found_after(standards, lambda frames: put(frames, "buildings", "C01-B2", spur))
    assert faults(findings) == []


def test_a_neighbourhood_outside_its_subdistrict(standards: Standards) -> None:
    findings = found_after(
        standards, lambda frames: put(frames, "neighbourhoods", "S1N1", shapely.box(0, 0, 1000, 600))
    )
    one = case(findings, "outside_subdistrict", "neighbourhoods")
    assert one.codes == ("S1N1",)
    assert one.details["share_outside"] == 0.2
    assert one.details["distance_m"] == pytest.approx(200, abs=0.2)
    overlap = case(findings, "overlap", "neighbourhoods")
    assert overlap.codes == ("S1N1", "S2N1")
    assert overlap.details["area_m2"] == pytest.approx(200 * 600, rel=1e-3)


def test_a_complaint_beside_its_community_is_a_note_and_in_another_neighbourhood_a_fault(
    standards: Standards,
) -> None:
    findings = found_after(
        standards, lambda frames: put(frames, "complaints", "C01-001", shapely.Point(300, 300))
    )
    assert faults(findings) == []
    assert case(findings, "reported_elsewhere", "complaints").details["distance_m"] == pytest.approx(
        40, abs=0.1
    )
    findings = found_after(
        standards, lambda frames: put(frames, "complaints", "C01-001", shapely.Point(100, 700))
    )
    assert faults(findings) == [("outside_neighbourhood", "complaints")]


def test_a_community_that_is_a_point_contains_nothing_and_contradicts_nothing(standards: Standards) -> None:
    """C11 is a point; its buildings may stand anywhere in its neighbourhood."""
    findings = found_after(
        standards, lambda frames: put(frames, "buildings", "C11-B1", shapely.box(900, 700, 990, 740))
    )
    assert faults(findings) == []
    findings = found_after(
        standards, lambda frames: put(frames, "communities", "C11", shapely.Point(100, 100))
    )
    assert faults(findings) == [
        ("outside_subdistrict", "communities"),
        ("outside_neighbourhood", "communities"),
    ]


def test_outside_the_district(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        put(frames, "complaints", "C01-001", shapely.Point(-19, 10))
        put(frames, "complaints", "C02-001", shapely.Point(300, -50))
        put(frames, "facilities", "F01", shapely.Point(1700, 300))
        put(frames, "backdrop", "G1", shapely.box(0, 1150, 1600, 2000))

    findings = found_after(standards, change, only="outside_district")
    assert {layer: finding.codes for (_, layer), finding in findings.items()} == {
        "complaints": ("C02-001",),
        "facilities": ("F01",),
    }
    assert case(findings, "outside_district", "facilities").details["distance_m"] == pytest.approx(
        100, abs=0.1
    )
    assert found_after(standards, change, outline=False, only="outside_district") == {}


def test_communities_that_overlap_are_named_with_the_area(standards: Standards) -> None:
    """C01 and C02 lie 20 m apart; C01 grows over C02, then over C03, too."""
    findings = found_after(
        standards, lambda frames: put(frames, "communities", "C01", shapely.box(20, 20, 284, 580))
    )
    assert faults(findings) == []  # 4 m wide
    findings = found_after(
        standards, lambda frames: put(frames, "communities", "C01", shapely.box(20, 20, 600, 580))
    )
    assert faults(findings) == [("overlap", "communities")]
    first, second = findings["overlap", "communities"].cases
    assert (first.codes, second.codes) == (("C01", "C02"), ("C01", "C03"))  # the larger first
    assert first.details["area_m2"] == pytest.approx(240 * 560, rel=1e-3)
    assert first.details["share_of_smaller"] == 1.0
    assert second.details["area_m2"] == pytest.approx(60 * 560, rel=1e-3)
    assert second.details["share_of_smaller"] == 0.25
    assert findings["overlap", "communities"].codes == ("C01", "C02", "C03")


def test_points_at_one_place_do_not_overlap(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        put(frames, "communities", "C10", shapely.Point(1060, 900))
        put(frames, "communities", "C11", shapely.Point(1060, 900))

    assert ("overlap", "communities") not in found_after(standards, change)


def test_a_cell_that_moves_overlaps_one_and_leaves_a_gap_at_the_other(standards: Standards) -> None:
    """G02 moves 30 m to the east."""
    findings = found_after(
        standards, lambda frames: put(frames, "management_cells", "G02", shapely.box(430, 0, 830, 600))
    )
    overlap = case(findings, "overlap", "management_cells")
    assert overlap.codes == ("G02", "G03")
    assert overlap.details["area_m2"] == pytest.approx(30 * 600, rel=1e-3)
    # The buildings of C02 reach into the gap, but stand by their middles in cells.
    gap = case(findings, "cell_gap_empty", "management_cells")
    assert gap.codes == ("G01", "G02", "G05", "G06")
    assert gap.details["area_m2"] == pytest.approx(30 * 600, rel=1e-3)
    assert is_at(gap, 415, 300, within_m=300)
    assert faults(findings) == [("overlap", "management_cells")]


def test_a_missing_cell_is_a_gap_with_what_stands_in_it(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        frames["management_cells"] = frames["management_cells"].drop(index="G07")

    gap = case(found_after(standards, change), "cell_gap", "management_cells")
    assert gap.details["area_m2"] == pytest.approx(400 * 600, rel=1e-3)
    assert gap.codes == ("G02", "G03", "G04", "G06", "G08")
    inside = shapely.box(800, 600, 1200, 1200)
    _, frames = small_district()
    district = gpd.GeoSeries(frames["buildings"].geometry).to_crs(METRIC_CRS)
    points = district.representative_point().translate(-ORIGIN[0], -ORIGIN[1])
    assert gap.details["buildings"] == int(points.within(inside).sum()) > 0
    assert gap.details["communities"] == 1  # C10's middle; C11 stands beyond x = 1200
    # On the edge of what is known, without an outline, it is no gap.
    assert not {"cell_gap", "cell_gap_empty"} & {
        kind for kind, _ in found_after(standards, change, outline=False)
    }


def test_a_hole_is_a_gap_without_an_outline_and_a_note_where_nothing_stands(standards: Standards) -> None:
    """A pond of 10 m by 6 m on the street between C01 and C02, where no building stands."""
    pond = shapely.box(264, 100, 274, 106)

    def change(frames: Frames) -> None:
        put(frames, "management_cells", "G01", shapely.box(0, 0, 400, 600).difference(pond))

    for outline in (True, False):
        findings = found_after(standards, change, outline=outline)
        assert faults(findings) == []
        one = case(findings, "cell_gap_empty", "management_cells")
        assert one.codes == ("G01",)
        assert one.details["area_m2"] == pytest.approx(60, rel=1e-2)
        assert is_at(one, 269, 103, within_m=8)


def test_a_district_without_cells_has_no_gaps(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        frames["management_cells"] = frames["management_cells"].iloc[:0]

    assert not {kind for kind, _ in found_after(standards, change)} & {"cell_gap", "cell_gap_empty"}


def test_entrances_far_from_their_building(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        for layer, code, x, y in (
            ("buildings", "C01-B1", 40 + 90 + 19, 60),  # 19 m from the footprint
            ("buildings", "C01-B2", 40 + 110 + 90 + 21, 60),
            ("facilities", "F01", 150, 250 + 49),  # a point
            ("facilities", "F02", 420, 880 + 51),
        ):
            frame = frames[layer].copy()
            door = stored(shapely.Point(x, y))[0]
            frame.loc[code, ["entrance_lon", "entrance_lat"]] = [door.x, door.y]
            frames[layer] = frame

    findings = found_after(standards, change, only="entrance_far")
    assert {layer: finding.codes for (_, layer), finding in findings.items()} == {
        "buildings": ("C01-B2",),
        "facilities": ("F02",),
    }
    assert case(findings, "entrance_far", "facilities").details["distance_m"] == pytest.approx(51, abs=0.1)
    assert is_at(case(findings, "entrance_far", "facilities"), 420, 931)


def test_an_entrance_at_the_ends_of_the_earth_is_far(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        for layer, code in (("facilities", "F01"), ("buildings", "C01-B1")):
            frame = frames[layer].copy()
            frame.loc[code, ["entrance_lon", "entrance_lat"]] = [22.5, 114.1]
            frames[layer] = frame

    findings = found_after(standards, change)
    for layer, code in (("facilities", "F01"), ("buildings", "C01-B1")):
        one = case(findings, "entrance_far", layer)
        assert one.codes == (code,)
        assert one.details == {"lon": 22.5, "lat": 114.1}  # how far cannot be said


def test_what_was_entered_twice(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        add(frames, "mediation_rooms", shapely.Point(143, 30), code="M9", name=" 调解室1 ")
        add(frames, "mediation_rooms", shapely.Point(200, 30), code="M8", name="调解室1")
        add(frames, "mediation_rooms", shapely.Point(140, 30), code="M7", name="另一个")
        # A library in the day-care centre: one place, one name, two things.
        add(frames, "facilities", shapely.Point(150, 250), code="F98", name="F01号设施", kind="library")
        add(frames, "facilities", shapely.Point(150, 250), code="F99", name="f01号设施", kind="day_care")

    findings = found_after(standards, change, only="entered_twice")
    assert case(findings, "entered_twice", "mediation_rooms").codes == ("M1", "M9")
    assert case(findings, "entered_twice", "facilities").codes == ("F01", "F99")
    assert not faults(findings)
    assert list(findings) == [("entered_twice", "mediation_rooms"), ("entered_twice", "facilities")]


def test_buildings_of_one_shape_whatever_their_rings_begin_with(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        ring = [(110, 20), (110, 60), (20, 60), (20, 20)]
        put(frames, "buildings", "B91", shapely.Polygon(ring[2:] + ring[:2]))
        put(frames, "buildings", "B92", shapely.Polygon(ring))
        put(frames, "buildings", "B93", shapely.Point(65, 40))

    findings = found_after(standards, change)
    assert case(findings, "same_shape", "buildings").codes == ("B91", "B92")


def test_the_demonstration_has_contracts_and_terms_that_ended_and_no_other_fault(
    demo_url: str, standards: Standards
) -> None:
    with open_store(demo_url, read_only=True) as store:
        snapshot = load(store, standards)
    findings = {(finding.id, finding.layer): finding for finding in check(snapshot)}
    assert faults(findings) == [("contract_ended", "communities"), ("term_ended", "communities")]
    communities, as_of = snapshot.frame("communities"), pd.Timestamp(str(snapshot.district.as_of))
    ended = (communities["contract_end"] < as_of) & (communities["property_management"] == "yes")
    assert list(findings["contract_ended", "communities"].codes) == list(communities.index[ended])
    # Its hills and waters have no cells: they and the cells make up the district.
    gaps = findings["cell_gap_empty", "management_cells"].cases
    outline = snapshot.outline()
    cells = shapely.area(snapshot.metric("management_cells")).sum()
    assert sum(one.details["area_m2"] for one in gaps) + cells == pytest.approx(outline.area, rel=1e-6)
