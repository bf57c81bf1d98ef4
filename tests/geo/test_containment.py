"""How far outside: against distances counted by hand and shapely asked one by one."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.containment import outside

AREAS = np.array(
    [shapely.box(0, 0, 100, 100), shapely.Point(5, 5), None, shapely.Polygon(), shapely.box(200, 0, 300, 50)],
    dtype=object,
)


def test_points_and_polygons_inside_on_the_edge_and_out() -> None:
    features = np.array(
        [
            shapely.Point(50, 50),
            shapely.Point(100, 100),
            shapely.Point(103, 104),
            shapely.box(10, 10, 20, 20),
            shapely.box(90, 40, 110, 60),
            shapely.box(130, 0, 140, 10),
        ],
        dtype=object,
    )
    share, reach = outside(features, AREAS, np.zeros(6, dtype=int))
    assert share.tolist() == pytest.approx([0, 0, 1, 0, 0.5, 1])
    assert reach.tolist() == pytest.approx([0, 0, 5, 0, 10, 40])


def test_what_cannot_be_compared_is_nan() -> None:
    point = shapely.Point(5, 5)
    features = np.array([point, point, point, point, None, shapely.Point()], dtype=object)
    share, reach = outside(features, AREAS, np.array([-1, 1, 2, 3, 0, 0]))
    assert np.isnan(share).all()
    assert np.isnan(reach).all()
    assert len(outside(features[:0], AREAS, np.zeros(0, dtype=int)).share) == 0


boxes = st.builds(
    lambda x, y, w, h: shapely.box(x, y, x + w, y + h),
    st.integers(-40, 320), st.integers(-40, 120), st.integers(1, 90), st.integers(1, 90),
)  # fmt: skip


@given(st.lists(st.tuples(boxes, st.sampled_from([0, 4])), min_size=1, max_size=20))
def test_each_is_measured_against_its_own_area(rows: list[tuple[shapely.Polygon, int]]) -> None:
    features = np.array([shape for shape, _ in rows], dtype=object)
    share, reach = outside(features, AREAS, [at for _, at in rows])
    for (shape, at), one_share, one_reach in zip(rows, share, reach, strict=True):
        assert one_share == pytest.approx(shape.difference(AREAS[at]).area / shape.area, abs=1e-9)
        far = max(shapely.Point(xy).distance(AREAS[at]) for xy in shape.exterior.coords)
        assert one_reach == pytest.approx(far, abs=1e-9)
