"""The small district in memory, and stores of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.snapshot import Snapshot
from layers.standards import Standards, read_standards
from tests.district import small_district

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="session")
def standards() -> Standards:
    return read_standards(DATA)


@pytest.fixture(scope="session")
def snapshot(standards: Standards) -> Snapshot:
    district, frames = small_district()
    return Snapshot(1, district, standards, frames)
