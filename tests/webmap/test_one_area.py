"""What a grid worker asks for is made of their own cell: not of what all of a district's cells are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flask import Flask
from numpy.typing import NDArray

from layers import packed as packing
from layers import snapshot as snapshots
from layers.ahead import make_ahead
from layers.coverage import area_shape
from layers.packed import PackedGeometry
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Store
from layers.visitors import Area, Visitor
from tests.visitors import PLANNER, POLICY, UNLIMITED
from webmap import create_app
from webmap.settings import Settings

ASKED = (
    "/api/field",
    "/api/field/tasks",
    "/api/view?question=double_none&unit=communities",
    "/api/view?question=gap&unit=management",
    "/api/district",
)


def worker(*cells: str) -> Visitor:
    area = Area("management_cells", frozenset(cells))
    return Visitor("grid_worker", area, account="1" * 12, name="worker", via="session")


@pytest.fixture
def asking() -> list[Visitor]:
    """Return who asks: the first of them."""
    return [worker("G05")]


@pytest.fixture
def app(
    asking: list[Visitor], small_store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> Flask:
    monkeypatch.setattr(packing, "_WORTH_PACKING", 5)
    monkeypatch.setattr(snapshots, "_MOST_SHAPES", 1)
    return create_app(
        small_store,
        standards,
        POLICY,
        visitors=lambda _: asking[0],
        settings=Settings(requests_a_minute=UNLIMITED, tiles_a_minute=UNLIMITED),
    )


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many shapes were made each time that some were, from now on."""
    found: list[int] = []
    objects = vars(PackedGeometry)["_data"].fget

    def counted(array: Any) -> NDArray[np.object_]:
        found.append(len(array))
        shapes: NDArray[np.object_] = objects(array)
        return shapes

    monkeypatch.setattr(PackedGeometry, "_data", property(counted))
    return found


@pytest.mark.parametrize("path", ASKED)
def test_the_second_worker_is_answered_from_their_own_cell(
    path: str, app: Flask, asking: list[Visitor], made: list[int]
) -> None:
    client = app.test_client()
    assert client.get(path).status_code == 200
    made.clear()
    asking[0] = worker("G06")
    assert client.get(path).status_code == 200
    assert sum(made) <= 1, "more shapes than the worker's own cell were made"


@pytest.mark.parametrize("path", [one for one in ASKED if "management" not in one])
def test_so_is_the_first_when_a_process_has_made_ahead_what_all_need(
    path: str, app: Flask, made: list[int]
) -> None:
    for _ in make_ahead(app.extensions["wangge"].snapshots.current()):
        pass
    made.clear()
    assert app.test_client().get(path).status_code == 200
    assert sum(made) <= 1, "more shapes than the worker's own cell were made"


@pytest.mark.parametrize(
    "path",
    [
        "/api/view?question=gap&unit=square:100",
        "/api/view?question=double_none&unit=communities",
        "/api/view?question=hotspots&unit=square:100",
    ],
)
def test_the_first_at_the_desk_finds_made_what_all_need(
    path: str, app: Flask, asking: list[Visitor], made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking[0] = PLANNER
    for _ in make_ahead(app.extensions["wangge"].snapshots.current()):
        pass
    made.clear()
    for name in ("_units", "_dwellings", "_unit_names"):
        monkeypatch.setattr(f"layers.{name.strip('_')}.{name}", None)
    assert app.test_client().get(path).status_code == 200
    assert made == []


def test_the_ground_of_many_cells_is_joined_once(
    app: Flask, asking: list[Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking[0] = worker("G05", "G06")
    joined: list[Area] = []

    def counted(snapshot: Snapshot, area: Area) -> Any:
        joined.append(area)
        return area_shape(snapshot, area)

    monkeypatch.setattr("webmap.field_area.area_shape", counted)
    for _ in range(2):
        answer: dict[str, Any] = app.test_client().get("/api/field").get_json()
        assert answer["area"]["outline"]["type"] == "Polygon"
    assert len(joined) == 1
