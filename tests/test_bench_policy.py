"""The benchmark of the policy does what it says, tried on a few requests."""

from __future__ import annotations

from pathlib import Path

from bench.policy import Costs, Plan, measure, section
from tests.district import small_district


def test_everything_is_measured(tmp_path: Path) -> None:
    """It raises by itself where somebody was not known or was refused."""
    costs = measure(Plan(accounts=12, requests=40, tiles=25), tmp_path, small_district())
    assert costs.accounts == 12 and len(costs.before) == len(costs.policy) == 40 - 12
    assert costs.cut and costs.tile
    assert all(lap > 0 for laps in (costs.before, costs.policy, costs.cut, costs.tile) for lap in laps)
    text = section(costs)
    assert "12 people signed in" in text and "nan" not in text and str(tmp_path) not in text


def test_verdicts_follow_from_medians() -> None:
    costs = Costs(accounts=1000, before=[30e-6, 32e-6, 9], policy=[17e-6], cut=[1e-6], tile=[1e-3, 1e-3])
    assert "under 50 µs | 49.0 µs | met |" in section(costs)
    assert "under 5% of an uncached tile | 4.9% | met |" in section(costs)
    slow = Costs(accounts=1000, before=[34e-6], policy=[17e-6], cut=[1e-6], tile=[1e-3])
    assert "under 50 µs | 51.0 µs | **missed** |" in section(slow)
    assert "5.1% | **missed** |" in section(slow)
