"""One complaint more in the store, until z and classes of all cells are known: by what is kept, and from all complaints."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from bench.worker import Given, Task

DATA = Path(__file__).parents[2] / "data"


def followed(given: Given) -> Task:
    """Read what was written and add it to the snapshot of before, as `wangge serve` does."""
    from layers.loading import load

    store, standards, query = _opened(given)
    snapshots = [load(store, standards)]
    like = snapshots[0].frame("complaints").iloc[:1]
    _hotspots(snapshots[0], query)

    def run() -> Any:
        snapshots[0] = load(store, standards, before=snapshots[0])
        return _hotspots(snapshots[0], query)

    return Task(run, _z, before=lambda: _complain(store, like))


def counted_anew(given: Given) -> Task:
    """Count all complaints, in a snapshot that has kept all that does not follow from them."""
    from layers.loading import load
    from layers.snapshot import Snapshot

    store, standards, query = _opened(given)
    base = load(store, standards)
    like = base.frame("complaints").iloc[:1]
    _hotspots(base, query)
    frames = {name: base.frame(name) for name in store.counts()}
    runs = []

    def write() -> None:
        _complain(store, like)
        runs.append(frames | {"complaints": store.read("complaints")})

    def run() -> Any:
        return _hotspots(Snapshot(2, store.district(), standards, runs.pop(), before=base), query)

    return Task(run, _z, before=write)


def _opened(given: Given) -> tuple[Any, Any, Any]:
    """Return a store of the district that may be written to, the standards, and the question."""
    from layers.loading import load
    from layers.queries import ViewQuery
    from layers.sight import Sight
    from layers.standards import read_standards
    from layers.store import open_store

    assert given.store is not None and given.work is not None
    shutil.copyfile(given.store, given.work / "followed.gpkg")
    standards = read_standards(DATA)
    store = open_store(f"gpkg:{given.work / 'followed.gpkg'}")
    sight = Sight(aggregates="full", floating="all")
    query = ViewQuery.from_params(
        {"question": "hotspots", "unit": "square:100"}, load(store, standards), sight
    )
    return store, standards, query


def _complain(store: Any, like: Any) -> None:
    """Write a complaint like the one in the frame of one row."""
    store.insert("complaints", like.set_axis([f"new {store.version()}"]).rename_axis("code"))


def _hotspots(snapshot: Any, query: Any) -> Any:
    from layers.questions import full_answer

    return full_answer(snapshot, query).table


def _z(table: Any) -> Any:
    return np.stack([table["hotspot_z"].to_numpy(), table["complaints"].to_numpy(dtype=float)])
