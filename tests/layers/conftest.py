"""The small district in memory, and stores of it."""

from __future__ import annotations

import pytest

from layers.snapshot import Snapshot
from layers.standards import Standards
from tests.district import small_district


@pytest.fixture(scope="session")
def snapshot(standards: Standards) -> Snapshot:
    district, frames = small_district()
    return Snapshot(1, district, standards, frames)
