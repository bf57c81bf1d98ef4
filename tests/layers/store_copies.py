"""Stores that have lived, and everything that one holds, to be compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import shapely

from layers.schema import LAYERS
from layers.store import Authorship, Store, create_store
from layers.stores.contents import Contents
from tests.district import small_district
from tests.layers.store_contract import frame_of, points
from tests.layers.store_contract_values import AWKWARD


def _moments() -> Iterator[datetime]:
    """Give the moments of a clock that is set back now and then."""
    for step in count():
        yield datetime(2020, 2, 29, 12, tzinfo=UTC) + timedelta(seconds=step % 4, microseconds=step)


def lived_in(url: str) -> Store:
    """Return a store of the small district that has been worked on in every way."""
    place, layers = small_district()
    first = Authorship(who="导入", note="small district", effective=date(2019, 12, 31))
    store = create_store(url, place, layers=layers, by=first, clock=_moments().__next__)
    square = shapely.box(0.1 + 0.2, 22, 115, 23)
    shapes = [
        square,
        shapely.MultiPolygon([square, shapely.box(116, 22, 117, 23)]),
        shapely.Point(-0.0, 1 / 3),
    ]
    buildings = frame_of(
        "buildings", ["x", "y", "z"], shapes, floor_area_m2=[np.inf, -0.0, 5e-324], name=["", None, "\\N\t\n"]
    )
    fact = Authorship(who="O'Hara \\ 甲", note='"why"\n', effective=date(1, 1, 1))
    store.insert("buildings", buildings, by=fact)
    store.insert("complaints", points(AWKWARD, category=AWKWARD, text=AWKWARD[::-1]))
    store.update("buildings", frame_of("buildings", ["x", "y", "z"], shapes[::-1], floors=2))
    store.update("complaints", points(AWKWARD[::2], category="x"), by=fact)
    store.delete("complaints", AWKWARD[::3], by=Authorship(effective=date(9999, 12, 31)))
    store.delete("buildings", ["y", "z"])
    store.delete("backdrop", ["G1"])
    store.upsert("complaints", points(AWKWARD, category="again"))
    return store


def everything(store: Store) -> dict[str, Any]:
    """Return all that a store holds, so that the least difference shows."""
    with store.contents() as contents:
        return read_out(contents)


def read_out(contents: Contents) -> dict[str, Any]:
    """Return contents as plain values, numbers as texts that tell 1 from 1.0."""
    found: dict[str, Any] = {}
    for name in LAYERS:
        chunks = list(contents.layers.get(name, ()))
        found[name] = [tuple(map(repr, row)) for rows in chunks for row in rows.records]
        found[f"{name}: bounds"] = [list(box) for rows in chunks for box in rows.bounds.tolist()]
    found["counts"] = {name: contents.counts.get(name, 0) for name in LAYERS}
    found["changes"] = [tuple(row) for row in contents.changes]
    found["history"] = [tuple(row) for row in contents.history]
    found["district"] = contents.district
    found["history_since"] = contents.history_since
    return found
