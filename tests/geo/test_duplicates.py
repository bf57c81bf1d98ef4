"""Groups of one label at one place, against linking every pair by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geo.duplicates import same_places


def groups_by_hand(x: list[int], y: list[int], label: list[int], within: float) -> list[list[int]]:
    root = list(range(len(x)))

    def top(one: int) -> int:
        while root[one] != one:
            one = root[one]
        return one

    for i in range(len(x)):
        for j in range(i):
            near = (x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2 <= within**2
            if near and label[i] == label[j] >= 0:
                root[max(top(i), top(j))] = min(top(i), top(j))
    groups: dict[int, list[int]] = {}
    for i in range(len(x)):
        groups.setdefault(top(i), []).append(i)
    return [group for group in groups.values() if len(group) > 1]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(-1, 2)), max_size=40),
    st.sampled_from([0.5, 5.0]),
)
def test_groups_are_those_that_every_pair_gives(places: list[tuple[int, int, int]], within_m: float) -> None:
    x, y, label = ([row[k] for row in places] for k in range(3))
    found = same_places(x, y, label, within_m=within_m)
    assert [group.tolist() for group in found] == groups_by_hand(x, y, label, within_m)


def test_ten_thousand_at_one_place_are_one_group() -> None:
    zeros = np.zeros(10_000)
    (group,) = same_places(zeros, zeros, zeros, within_m=5.0)
    assert len(group) == 10_000


def test_nowhere_is_no_place() -> None:
    nan = float("nan")
    assert same_places([nan, nan, 1.0], [nan, 1.0, 1.0], [0, 0, 0], within_m=5.0) == []
