"""Snapshots follow the store: only what changed is read again."""

from __future__ import annotations

from pathlib import Path

from layers.schema import LAYERS
from layers.snapshot import Snapshots
from layers.standards import Standards
from layers.store import create_store
from tests.district import small_district


def test_only_changed_layers_are_read_again(tmp_path: Path, standards: Standards) -> None:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store:
        snapshots = Snapshots(store, standards)
        first = snapshots.current()
        assert snapshots.current() is first
        changed = store.read("facilities").iloc[[0]].assign(name="新名字")
        store.upsert("facilities", changed)
        second = snapshots.current()
        assert second.version > first.version
        assert second.frame("facilities").loc["F01", "name"] == "新名字"
        assert first.frame("facilities").loc["F01", "name"] != "新名字"
        for name in LAYERS:
            assert (second.frame(name) is first.frame(name)) == (name != "facilities")


def test_a_write_that_changes_nothing_keeps_the_snapshot(tmp_path: Path, standards: Standards) -> None:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store:
        snapshots = Snapshots(store, standards)
        first = snapshots.current()
        store.upsert("communities", store.read("communities"))
        assert snapshots.current() is first
