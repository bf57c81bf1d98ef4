"""Relative change: the published figure, known intervals, and the missing base."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from geo.rates import relative_change

counts = st.integers(0, 5000)


def test_the_published_fall() -> None:
    change, low, high = relative_change(1000, 676)
    assert change == pytest.approx(-0.324)
    assert low < -0.324 < high < 0.0
    # The usual approximation on the logarithm is close at such counts.
    margin = 1.96 * np.sqrt(1 / 1000 + 1 / 676)
    assert (low, high) == pytest.approx((0.676 * np.exp(-margin) - 1, 0.676 * np.exp(margin) - 1), abs=0.005)


@given(counts.filter(bool), counts)
def test_interval_is_clopper_and_pearson_of_the_share(before: int, after: int) -> None:
    change, low, high = relative_change(before, after)
    assert change == after / before - 1
    assert -1.0 <= low <= change <= high
    interval = stats.binomtest(after, before + after).proportion_ci(0.95, method="exact")
    assert low == pytest.approx(interval.low / (1 - interval.low) - 1, rel=1e-6, abs=1e-9)
    assert high == pytest.approx(interval.high / (1 - interval.high) - 1, rel=1e-6, abs=1e-9)


def test_zero_base_is_not_available() -> None:
    assert np.isnan(relative_change(0, 5)).all()
    assert np.isnan(relative_change(0, 0)).all()


def test_fall_to_nothing() -> None:
    change, low, high = relative_change(10, 0)
    assert change == low == -1.0
    assert -1.0 < high < 0.0


@pytest.mark.parametrize("bad", [-1, 1.5, np.nan, np.inf])
def test_counts_are_whole_numbers(bad: float) -> None:
    with pytest.raises(ValueError, match="the count before is"):
        relative_change(bad, 1)
    with pytest.raises(ValueError, match="the count after is"):
        relative_change(1, bad)
