"""Shapes that cannot be: named, with the place and the reason, and in nobody's way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from layers.checks.run import check
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from tests.district import small_district
from tests.layers.drawing import Frames, case, faults, found_after, is_at, put, put_stored

RING = [(114.13, 22.54), (114.14, 22.54), (114.14, 22.55), (114.13, 22.54)]
INFINITE = shapely.transform(shapely.Polygon(RING), lambda xy: np.where(xy == 22.55, np.inf, xy))


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (None, "missing"),
        (shapely.Polygon(), "empty"),
        (INFINITE, "not_finite"),
    ],
)
@pytest.mark.parametrize("layer", list(LAYERS))
def test_a_shape_that_cannot_be_used_is_named_and_nothing_else_is_kept_from_being_found(
    standards: Standards, layer: str, shape: Any, reason: str
) -> None:
    def change(frames: Frames) -> None:
        put_stored(frames, layer, frames[layer].index[0], shape)
        put(frames, "mediation_rooms", "M2", shapely.Point(1500, 900))

    _, frames = small_district()
    findings = found_after(standards, change)
    one = case(findings, "invalid_geometry", layer)
    assert one.codes == (frames[layer].index[0],)
    assert one.details == {"reason": reason}
    assert "M2" in findings["outside_community", "mediation_rooms"].codes
    assert {kind for kind, _ in faults(findings)} <= {
        "invalid_geometry",
        "outside_community",
        "outside_neighbourhood",
        "outside_subdistrict",
        "cell_gap",  # without the first cell
    }


def test_a_shape_that_crosses_itself_is_named_with_the_place_and_measured_mended(
    standards: Standards,
) -> None:
    bow = shapely.Polygon([(20, 20), (260, 580), (260, 20), (20, 580)])
    findings = found_after(standards, lambda frames: put(frames, "communities", "C01", bow))
    one = case(findings, "invalid_geometry", "communities")
    assert one.codes == ("C01",)
    assert one.details["reason"] == "self_intersection"
    assert is_at(one, 140, 300, within_m=0.5)
    # Its buildings lie where the bow is narrow.
    assert "C01-B3" in findings["outside_community", "buildings"].codes


def test_coordinates_off_the_map_and_kinds_that_do_not_belong(standards: Standards) -> None:
    def change(frames: Frames) -> None:
        put_stored(frames, "complaints", "C01-001", shapely.Point(22.54, 114.13))
        put_stored(frames, "facilities", "F01", shapely.Point(0, 0))
        put(frames, "facilities", "F02", shapely.LineString([(420, 880), (430, 880)]))
        put(frames, "management_cells", "G01", shapely.Point(200, 300))

    findings = found_after(standards, change)
    assert findings["off_map", "complaints"].codes == ("C01-001",)
    assert case(findings, "off_map", "facilities").details == {"lon": 0.0, "lat": 0.0}
    assert case(findings, "wrong_geometry", "facilities").details == {"geometry": "LineString"}
    assert findings["wrong_geometry", "management_cells"].codes == ("G01",)
    assert ("cell_gap", "management_cells") in findings


def test_everything_wrong_at_once_does_not_stop_the_checks(standards: Standards) -> None:
    district, frames = small_district()
    for name, frame in frames.items():
        frames[name] = frame.set_geometry(
            gpd.GeoSeries(np.full(len(frame), None), index=frame.index, crs="EPSG:4490")
        )
    snapshot = Snapshot(
        1, replace(district, metric_crs="+proj=tmerc +lon_0=114 +datum=WGS84"), standards, frames
    )
    findings = [finding for finding in check(snapshot) if finding.fault]
    assert [(finding.id, finding.layer) for finding in findings] == [
        ("invalid_geometry", name) for name in LAYERS
    ]
