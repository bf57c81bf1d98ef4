"""The dynamic index: against a plain dictionary of boxes."""

from concurrent.futures import ThreadPoolExecutor
from math import hypot, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.index import Bounds, FeatureIndex

numbers = st.integers(-5, 5).map(float)
boxes = st.tuples(numbers, numbers, st.integers(0, 3), st.integers(0, 3)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
codes = st.sampled_from([f"code {n}" for n in range(8)])
changes = st.lists(st.tuples(codes, st.one_of(st.none(), boxes)), max_size=40)


def away(x: float, y: float, box: Bounds) -> float:
    return hypot(max(box[0] - x, 0, x - box[2]), max(box[1] - y, 0, y - box[3]))


@given(changes, boxes, numbers, numbers, st.integers(1, 9))
def test_answers_as_a_dictionary_would(
    steps: list[tuple[str, Bounds | None]], window: Bounds, x: float, y: float, k: int
) -> None:
    index, plain = FeatureIndex(), dict[str, Bounds]()
    for code, box in steps:
        if box is None:
            assert index.delete(code) == (plain.pop(code, None) is not None)
        else:
            index.insert(code, box)
            plain[code] = box
    assert len(index) == len(plain)
    assert all((f"code {n}" in index) == (f"code {n}" in plain) for n in range(8))
    west, south, east, north = window
    assert index.query(window) == sorted(
        code for code, b in plain.items() if b[0] <= east and b[2] >= west and b[1] <= north and b[3] >= south
    )
    ranked = sorted(plain, key=lambda code: (away(x, y, plain[code]), code))
    assert index.nearest(x, y, k) == ranked[:k]


@given(st.dictionaries(st.text(max_size=4), st.tuples(*[st.integers(-50, 50)] * 4), max_size=30))
def test_packed_at_once_answers_as_if_inserted(corners: dict[str, tuple[int, int, int, int]]) -> None:
    features = {
        code: (float(min(a, c)), float(min(b, d)), float(max(a, c)), float(max(b, d)))
        for code, (a, b, c, d) in corners.items()
    }
    packed, inserted = FeatureIndex(features.items()), FeatureIndex()
    for code, bounds in features.items():
        inserted.insert(code, bounds)
    for box in ((-50.0, -50.0, 50.0, 50.0), (0.0, 0.0, 10.0, 10.0), (7.0, -3.0, 7.0, -3.0)):
        assert packed.query(box) == inserted.query(box)
    for code in list(features)[::2]:
        assert packed.delete(code)
        assert code not in packed
    packed.insert("new", (0.0, 0.0, 1.0, 1.0))
    assert "new" in packed.query((0.5, 0.5, 0.5, 0.5))
    assert len(packed) == len(set(list(features)[1::2]) | {"new"})


def test_a_code_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="come twice"):
        FeatureIndex([("a", (0.0, 0.0, 1.0, 1.0)), ("a", (2.0, 2.0, 3.0, 3.0))])


def test_codes_are_opaque() -> None:
    index = FeatureIndex()
    for code in ("007", "7", " 7", "小区", ""):
        index.insert(code, (0.0, 0.0, 0.0, 0.0))
    assert index.query((0.0, 0.0, 0.0, 0.0)) == sorted(["007", "7", " 7", "小区", ""])


@pytest.mark.parametrize(
    "bad", [(0.0, 0.0, nan, 1.0), (0.0, 0.0, inf, 1.0), (1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 1.0, 0.0)]
)
def test_bad_bounds_change_nothing(bad: Bounds) -> None:
    index = FeatureIndex()
    index.insert("A", (0.0, 0.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="feature 'A' has bounds"):
        index.insert("A", bad)
    with pytest.raises(ValueError, match="the query has bounds"):
        index.query(bad)
    assert index.query((0.5, 0.5, 0.5, 0.5)) == ["A"]


def test_bad_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="ask for 1 or more"):
        FeatureIndex().nearest(0.0, 0.0, 0)
    with pytest.raises(ValueError, match="the position has bounds"):
        FeatureIndex().nearest(nan, 0.0, 1)


def test_threads_may_share_an_index() -> None:
    index = FeatureIndex()

    def work(worker: int) -> int:
        for n in range(200):
            index.insert(f"{worker}-{n}", (n, worker, n, worker))
            index.query((0, 0, 200, 10))
            if n % 2:
                index.delete(f"{worker}-{n}")
        return worker

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [0, 1, 2, 3]
    assert len(index) == len(index.query((0, 0, 200, 10))) == 400
