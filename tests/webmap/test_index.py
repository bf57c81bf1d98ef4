"""The dynamic index behind bbox and nearby queries follows the store change by change."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.index import FeatureIndex
from layers.following import Snapshots
from layers.frames import conform
from layers.schema import LAYERS
from layers.standards import Standards, read_standards
from layers.store import Store, create_store
from tests.district import small_district
from webmap.index import FeatureIndexes

WEST, SOUTH = 114.13, 22.545
STEP = 0.001
CODES = [f"L{n}" for n in range(6)]

# Put a facility on a place of a 9 x 9 sheet, or take it away.
Step = tuple[str, int, int] | str
STEPS = st.lists(
    st.tuples(st.sampled_from(CODES), st.integers(0, 8), st.integers(0, 8)) | st.sampled_from(CODES),
    min_size=1,
    max_size=12,
)


def facility(code: str, x: int, y: int) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(
        {"code": [code], "kind": ["library"]},
        geometry=[shapely.Point(WEST + x * STEP, SOUTH + y * STEP)],
        crs="EPSG:4490",
    )
    return conform(frame, LAYERS["facilities"])


def apply(store: Store, step: Step) -> None:
    if isinstance(step, str):
        store.delete("facilities", [step])
    else:
        store.upsert("facilities", facility(*step))


def in_box(indexes: FeatureIndexes, box: tuple[float, float, float, float]) -> list[str]:
    snapshot, rows = indexes.in_box("facilities", box)
    return list(snapshot.frame("facilities").index[rows])


@pytest.fixture(scope="module")
def known_standards() -> Standards:
    return read_standards(Path(__file__).parents[2] / "data")


@settings(max_examples=20)
@given(steps=STEPS, size=st.integers(0, 8))
def test_after_any_writes_it_finds_what_is_there(
    known_standards: Standards, steps: list[Step], size: int
) -> None:
    district, _ = small_district()
    expected: dict[str, tuple[int, int]] = {}
    edge = STEP / 2
    box = (WEST - edge, SOUTH - edge, WEST + size * STEP + edge, SOUTH + size * STEP + edge)
    with tempfile.TemporaryDirectory() as folder, create_store(f"gpkg:{folder}/s.gpkg", district) as store:
        indexes = FeatureIndexes(Snapshots(store, known_standards))
        for step in steps:
            apply(store, step)
            if isinstance(step, str):
                expected.pop(step, None)
            else:
                expected[step[0]] = step[1:]
            inside = sorted(code for code, (x, y) in expected.items() if max(x, y) <= size)
            assert in_box(indexes, box) == inside
            if expected:
                _, found = indexes.nearest("facilities", WEST, SOUTH, 3)
                assert len(found) == min(3, len(expected))
                assert {code for code, _ in found} <= expected.keys()


def test_the_tree_is_not_made_anew_for_a_change(
    tmp_path: Path, known_standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    district, frames = small_district()
    made: list[int] = []
    inserted: list[str] = []

    class Counting(FeatureIndex):
        def __init__(self, features: Any = ()) -> None:
            super().__init__(features)
            made.append(len(self))

        def insert(self, code: str, bounds: Any) -> None:
            inserted.append(code)
            super().insert(code, bounds)

    monkeypatch.setattr("webmap.index.FeatureIndex", Counting)
    with create_store(f"gpkg:{tmp_path}/s.gpkg", district, layers=frames) as store:
        indexes = FeatureIndexes(Snapshots(store, known_standards))
        everything = (114.0, 22.0, 115.0, 23.0)
        before = in_box(indexes, everything)
        assert before == list(frames["facilities"].index)
        assert made == [len(before)]
        store.upsert("facilities", facility("F01", 0, 0))
        store.delete("facilities", ["F02"])
        store.upsert("buildings", frames["buildings"].iloc[:1].assign(floors=99))
        assert in_box(indexes, everything) == [code for code in before if code != "F02"]
        assert inserted == ["F01"]
        assert made == [len(before)]


def test_readers_meet_no_half_written_change(tmp_path: Path, known_standards: Standards) -> None:
    """While a writer moves a pair of facilities together, no reader sees them apart."""
    district, _ = small_district()
    left, right = (
        (WEST - STEP, SOUTH - STEP, WEST + STEP, SOUTH + STEP),
        (WEST + 7 * STEP, SOUTH, WEST + 9 * STEP, SOUTH + STEP),
    )
    problems: list[Any] = []

    def pair(x: int) -> gpd.GeoDataFrame:
        joined: gpd.GeoDataFrame = pd.concat([facility("L1", x, 0), facility("L2", x, 0)])
        return joined

    with create_store(f"gpkg:{tmp_path}/s.gpkg", district) as store:
        store.upsert("facilities", pair(0))
        indexes = FeatureIndexes(Snapshots(store, known_standards))
        done = threading.Event()

        def watch() -> None:
            try:
                while not done.is_set():
                    for box in (left, right):
                        found = in_box(indexes, box)
                        if len(found) == 1:
                            problems.append(found)
            except Exception as error:
                problems.append(error)

        readers = [threading.Thread(target=watch) for _ in range(3)]
        for reader in readers:
            reader.start()
        for turn in range(30):
            store.upsert("facilities", pair(8 if turn % 2 == 0 else 0))
        done.set()
        for reader in readers:
            reader.join()
    assert problems == []
