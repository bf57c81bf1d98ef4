"""In which polygon points lie, beside shapely's own answer and the raster's."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo import lying
from geo.cells import polygon_cells
from geo.lying import first_containing

CORNERS = st.integers(0, 8)


@st.composite
def polygons(draw: st.DrawFn) -> NDArray[np.object_]:
    """Boxes that overlap, touch and leave gaps, some with a hole, some in two parts; points lie on their edges."""
    made = []
    for x, y, wide, high in draw(
        st.lists(st.tuples(CORNERS, CORNERS, st.integers(1, 6), st.integers(1, 6)), max_size=6)
    ):
        body: shapely.Geometry = shapely.box(x, y, x + wide, y + high)
        if wide > 2 and high > 2:
            body = shapely.difference(body, shapely.box(x + 1, y + 1, x + 2, y + 2))
        made.append(
            shapely.union(body, shapely.box(x + 20, y, x + 21, y + 1)) if draw(st.booleans()) else body
        )
    return np.array(made, dtype=object)


@given(
    polygons(),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=40),
    st.sampled_from([0.0, 1e7]),
)
def test_points_lie_in_the_first_polygon_that_holds_them(
    given_polygons: NDArray[np.object_], places: list[tuple[int, int]], away: float
) -> None:
    moved = np.array([shapely.transform(one, lambda xy: xy + away) for one in given_polygons], dtype=object)
    x, y = (np.array([place[axis] / 2 + away for place in places], dtype=np.float64) for axis in (0, 1))
    found = first_containing(shapely.STRtree(moved), x, y)
    for at, (east, north) in enumerate(zip(x, y, strict=True)):
        holds = [n for n, polygon in enumerate(moved) if shapely.intersects_xy(polygon, east, north)]
        assert found[at] == (holds[0] if holds else -1)
    cells = polygon_cells(moved, np.array([str(n) for n in range(len(moved))], dtype=object), crs="EPSG:4547")
    np.testing.assert_array_equal(found, cells.cell_of(x, y))


def test_parts_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = shapely.STRtree([shapely.box(0, 0, 5, 1), shapely.box(5, 0, 10, 1)])
    x = np.arange(12, dtype=np.float64) + 0.5
    whole = first_containing(tree, x, np.full(12, 0.5, dtype=np.float64))
    monkeypatch.setattr(lying, "_AT_ONCE", 5)
    np.testing.assert_array_equal(first_containing(tree, x, np.full(12, 0.5, dtype=np.float64)), whole)
    assert list(whole) == [0] * 5 + [1] * 5 + [-1] * 2
