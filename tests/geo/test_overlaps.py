"""Overlaps and gaps: none in a tessellation, however it is cut; known ones where a cell is moved."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.overlaps import gaps, neighbours_of, overlaps

ORIGIN = (513_000.0, 2_494_000.0)
WIDTH_M = 5.0
widths = st.integers(12, 90)


def tessellation(columns: list[int], rows: list[int], skew: float = 0.0) -> np.ndarray:
    """Cut a parallelogram by straight lines; cells are numbered row by row."""
    x = ORIGIN[0] + np.cumsum([0, *columns])
    y = ORIGIN[1] + np.cumsum([0, *rows])
    corners = np.array([[(a + skew * (b - y[0]), b) for a in x] for b in y])
    return np.array(
        [
            shapely.Polygon([corners[r, c], corners[r, c + 1], corners[r + 1, c + 1], corners[r + 1, c]])
            for r in range(len(rows))
            for c in range(len(columns))
        ],
        dtype=object,
    )


def total(shapes: np.ndarray) -> float:
    return float(shapely.area(shapes).sum())


@given(
    st.lists(widths, min_size=1, max_size=5), st.lists(widths, min_size=1, max_size=5), st.floats(-0.7, 0.7)
)
def test_a_tessellation_has_neither(columns: list[int], rows: list[int], skew: float) -> None:
    cells = tessellation(columns, rows, skew)
    assert len(overlaps(cells, width_m=WIDTH_M).first) == 0
    assert len(gaps(cells, width_m=WIDTH_M)) == 0
    assert len(gaps(cells, width_m=WIDTH_M, outline=shapely.union_all(cells))) == 0


@given(
    st.lists(widths, min_size=2, max_size=4),
    st.lists(widths, min_size=1, max_size=4),
    st.floats(0.0, 2.4),
    st.integers(0, 2**32 - 1),
)
def test_borders_digitised_apart_are_neither(
    columns: list[int], rows: list[int], apart: float, seed: int
) -> None:
    """Every corner of every cell for itself is off by less than half the width."""
    cells = tessellation(columns, rows)
    noise = np.random.default_rng(seed)

    def shaken(points: np.ndarray) -> np.ndarray:
        moved = points + noise.uniform(-apart / 1.5, apart / 1.5, points.shape)
        moved[-1] = moved[0]
        return moved

    shaky = np.array([shapely.transform(cell, shaken) for cell in cells], dtype=object)
    assert shapely.is_valid(shaky).all()
    assert len(overlaps(shaky, width_m=WIDTH_M).first) == 0
    assert len(gaps(shaky, width_m=WIDTH_M)) == 0
    assert len(gaps(shaky, width_m=WIDTH_M, outline=shapely.union_all(cells))) == 0


@given(st.lists(widths, min_size=2, max_size=5), st.lists(widths, min_size=1, max_size=4), st.data())
def test_a_cell_moved_aside_overlaps_one_neighbour_and_leaves_a_gap_at_the_other(
    columns: list[int], rows: list[int], data: st.DataObject
) -> None:
    cells = tessellation(columns, rows)
    outline = shapely.union_all(cells)
    row = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(columns) - 2))
    moved = data.draw(st.floats(5.5, 11.5))
    at = row * len(columns) + column
    cells[at] = shapely.transform(cells[at], lambda xy: xy + np.array([moved, 0.0]))
    found = overlaps(cells, width_m=WIDTH_M)
    assert list(zip(found.first, found.second, strict=True)) == [(at, at + 1)]
    assert total(found.shapes) == pytest.approx(moved * rows[row], rel=1e-6)
    left = gaps(cells, width_m=WIDTH_M, outline=outline)
    assert len(left) == 1
    assert total(left) == pytest.approx(moved * rows[row], rel=1e-6)
    (beside,) = neighbours_of(left, cells, within_m=WIDTH_M)
    assert {at, at - 1} - {-1} >= set(beside) & {at, at - 1}
    assert at in beside
    assert column == 0 or at - 1 in beside


@given(st.floats(0.05, 4.5))
def test_a_little_to_the_side_is_nothing(moved: float) -> None:
    cells = tessellation([40, 50, 60], [30, 40])
    outline = shapely.union_all(cells)
    cells[1] = shapely.transform(cells[1], lambda xy: xy + np.array([moved, 0.0]))
    assert len(overlaps(cells, width_m=WIDTH_M).first) == 0
    assert len(gaps(cells, width_m=WIDTH_M, outline=outline)) == 0


def test_a_cell_that_is_missing_is_a_gap_with_and_without_an_outline() -> None:
    cells = tessellation([40, 50, 60], [30, 40, 50])
    hole, rest = cells[4], np.delete(cells, 4)
    for outline in (None, shapely.union_all(cells)):
        (gap,) = gaps(rest, width_m=WIDTH_M, outline=outline)
        assert gap.symmetric_difference(hole).area == pytest.approx(0.0, abs=1e-6)
    (beside,) = neighbours_of(np.array([hole]), rest, within_m=1.0)
    assert beside.tolist() == list(range(8))


def test_a_missing_corner_is_a_gap_of_the_outline_alone() -> None:
    cells = tessellation([40, 50], [30, 40])
    outline = shapely.union_all(cells)
    assert len(gaps(cells[1:], width_m=WIDTH_M)) == 0
    (gap,) = gaps(cells[1:], width_m=WIDTH_M, outline=outline)
    assert gap.equals(cells[0]) or gap.symmetric_difference(cells[0]).area < 1e-6


def test_a_crack_does_not_let_a_hole_out_and_is_no_part_of_it() -> None:
    block = shapely.box(0, 0, 300, 300)
    hole, crack = shapely.box(100, 100, 200, 200), shapely.box(148, 200, 150, 300)
    (gap,) = gaps(np.array([block.difference(hole).difference(crack)]), width_m=WIDTH_M)
    assert gap.symmetric_difference(hole).area < 2.0 * WIDTH_M
    # Two metres of crack join two holes; they stay two gaps.
    second = shapely.box(220, 100, 280, 200)
    joined = block.difference(hole).difference(second).difference(shapely.box(200, 150, 220, 152))
    assert sorted(shapely.area(gaps(np.array([joined]), width_m=WIDTH_M)).round(-2)) == [6000.0, 10000.0]


def test_a_long_sliver_is_no_overlap_but_a_short_wide_one_is() -> None:
    west, east = shapely.box(0, 0, 100, 1000), shapely.box(96, 0, 200, 1000)
    assert len(overlaps(np.array([west, east]), width_m=WIDTH_M).first) == 0
    bulge = shapely.union(east, shapely.box(92, 500, 96, 508))
    found = overlaps(np.array([west, bulge]), width_m=WIDTH_M)
    assert shapely.area(found.shapes).tolist() == pytest.approx([4 * 1000 + 4 * 8])


def test_what_has_no_area_overlaps_nothing_and_covers_nothing() -> None:
    square = shapely.box(0, 0, 100, 100)
    odd = np.array([None, shapely.Point(50, 50), shapely.Polygon(), square, square], dtype=object)
    found = overlaps(odd, width_m=WIDTH_M)
    assert (found.first.tolist(), found.second.tolist()) == ([3], [4])
    assert total(found.shapes) == 10_000.0
    assert len(gaps(odd[:3], width_m=WIDTH_M)) == 0
    assert total(gaps(odd[:3], width_m=WIDTH_M, outline=square)) == pytest.approx(10_000.0)
    assert len(overlaps(odd[:0], width_m=WIDTH_M).first) == 0
    assert neighbours_of(odd[:0], odd, within_m=1.0) == []


@given(st.lists(st.tuples(*[st.integers(0, 60)] * 4), min_size=2, max_size=12))
def test_the_pairs_are_those_that_trying_all_of_them_gives(corners: list[tuple[int, int, int, int]]) -> None:
    """Of two rectangles the shared one has sides of whole metres: wide enough means 5 m and more."""
    boxes = np.array([shapely.box(x, y, x + w + 1, y + h + 1) for x, y, w, h in corners], dtype=object)
    found = overlaps(boxes, width_m=4.9)
    expected = []
    for i in range(len(boxes)):
        for j in range(i + 1, len(boxes)):
            west, south, east, north = shapely.intersection(boxes[i], boxes[j]).bounds or (0, 0, 0, 0)
            if boxes[i].intersects(boxes[j]) and min(east - west, north - south) >= 5:
                expected.append((i, j))
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected


@pytest.mark.parametrize("width_m", [0.0, -1.0, float("nan"), float("inf")])
def test_a_width_is_a_positive_number(width_m: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        overlaps(np.array([shapely.box(0, 0, 1, 1)]), width_m=width_m)
    with pytest.raises(ValueError, match="positive"):
        gaps(np.array([shapely.box(0, 0, 1, 1)]), width_m=width_m)
