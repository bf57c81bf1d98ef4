"""Each piece of boundary once, whichever way it is given, and whatever its digest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo import boundaries

Floats = NDArray[np.float64]

ends = st.lists(
    st.tuples(*[st.sampled_from([-0.0, 0.0, 1.0, 2.0, 1e7, 1e7 + 1e-9])] * 4), min_size=1, max_size=30
)


def one_way(start: Floats, end: Floats) -> list[tuple[float, ...]]:
    return [
        (*min(a, b), *max(a, b))
        for a, b in zip(map(tuple, start.tolist()), map(tuple, end.tolist()), strict=True)
    ]


@given(ends, st.sampled_from([1, 2, 2**64]))
def test_lines_are_there_once_and_known_again(given_ends: list[tuple[float, ...]], digests: int) -> None:
    rows = np.array(given_ends)
    start, end = rows[:, :2], rows[:, 2:]
    digest = boundaries._digest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundaries, "_digest", lambda lines: digest(lines) % np.uint64(min(digests, 2**64 - 1)))
        line, which, turned = boundaries.distinct(start, end)
    expected = one_way(start, end)
    assert len(line) == len(set(expected))
    assert [tuple(row) for row in line[which].tolist()] == expected
    assert [tuple(row) for row in np.where(turned[:, None], end, start).tolist()] == [
        row[:2] for row in expected
    ]
    # In the order in which they come first.
    assert np.unique(which, return_index=True)[1].tolist() == sorted(
        expected.index(tuple(row)) for row in line.tolist()
    )
    assert which[0] == 0
