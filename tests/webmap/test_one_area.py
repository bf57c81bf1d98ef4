"""What a grid worker asks for is made of their own cell: not of what all of a district's cells are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from layers import packed as packing
from layers import snapshot as snapshots
from layers.packed import PackedGeometry
from layers.standards import Standards
from layers.store import Store
from layers.visitors import Area, Visitor
from tests.visitors import POLICY, UNLIMITED
from webmap import create_app
from webmap.settings import Settings

ASKED = (
    "/api/field",
    "/api/field/tasks",
    "/api/view?question=double_none&unit=communities",
    "/api/view?question=gap&unit=management",
    "/api/district",
)


def worker(cell: str) -> Visitor:
    area = Area("management_cells", frozenset({cell}))
    return Visitor("grid_worker", area, account="1" * 12, name=cell, via="session")


@pytest.mark.parametrize("path", ASKED)
def test_the_second_worker_is_answered_from_their_own_cell(
    path: str, small_store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_WORTH_PACKING", 5)
    monkeypatch.setattr(snapshots, "_MOST_SHAPES", 1)
    asking = [worker("G05")]
    app = create_app(
        small_store,
        standards,
        POLICY,
        visitors=lambda _: asking[0],
        settings=Settings(requests_a_minute=UNLIMITED, tiles_a_minute=UNLIMITED),
    )
    client = app.test_client()
    assert client.get(path).status_code == 200
    made: list[int] = []
    objects = vars(PackedGeometry)["_data"].fget

    def counted(array: Any) -> NDArray[np.object_]:
        made.append(len(array))
        found: NDArray[np.object_] = objects(array)
        return found

    monkeypatch.setattr(PackedGeometry, "_data", property(counted))
    asking[0] = worker("G06")
    assert client.get(path).status_code == 200
    assert sum(made) <= 1, "more shapes than the worker's own cell were made"
