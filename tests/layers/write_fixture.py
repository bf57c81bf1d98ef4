"""A GeoPackage store as the program of today writes it, kept for the tests of tomorrow's migrations.

Once per schema, before it is given out: ``python -m tests.layers.write_fixture`` writes the store and what
is in it into ``tests/layers/written``, under the schema's number. They are never written again.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path

import numpy as np
import shapely

from layers.amending import Found, Key
from layers.schema import LAYERS
from layers.store import Authorship, Store, create_store
from layers.stores.contents import ChangeRow, HistoryRow, KeyRow
from layers.stores.geopackage.ddl import SCHEMA_VERSION
from tests.district import small_district
from tests.layers.store_contract import frame_of, points
from tests.layers.store_contract_values import AWKWARD

WRITTEN = Path(__file__).with_name("written")


def digests(store: Store) -> dict[str, str]:
    """Return a hash of each column that a store holds, so that tomorrow's further ones do no harm."""
    columns: dict[str, list[object]] = {}

    def add(table: str, names: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
        for at, name in enumerate(names):
            columns[f"{table}.{name}"] = [row[at] for row in rows]

    with store.contents() as contents:
        for name, layer in LAYERS.items():
            names = ("code", "geometry", *layer.field_names[1:])
            add(name, names, [row for rows in contents.layers[name] for row in rows.records])
        add("changes", ChangeRow._fields, list(contents.changes))
        add("history", HistoryRow._fields, list(contents.history))
        add("keys", KeyRow._fields, list(contents.keys))
        place = contents.district
        outline = None if place.outline is None else shapely.to_wkb(place.outline, byte_order=1)
        said = (place.name, place.name_en, place.metric_crs, place.as_of, outline, place.invented)
        add("district", ("name", "name_en", "metric_crs", "as_of", "outline", "invented"), [said])
        add("store", ("history_since",), [(contents.history_since,)])
    return {name: sha256(repr(values).encode()).hexdigest() for name, values in columns.items()}


def write(url: str) -> dict[str, str]:
    """Write a store with all that one can hold, and return the digests of it."""
    place, layers = small_district()
    some = layers | {name: layers[name].iloc[:30] for name in ("buildings", "complaints")}
    moments = (datetime(2020, 2, 29, tzinfo=UTC) + timedelta(seconds=k, microseconds=k % 3) for k in count())
    first = Authorship(who="导入", note="first load", effective=date(2019, 12, 31))
    with create_store(url, place, layers=some, by=first, clock=moments.__next__) as store:
        square = shapely.box(0.1 + 0.2, 22, 115, 23)
        pair = shapely.MultiPolygon([square, shapely.box(116, 22, 117, 23)])
        shapes = [square, pair, shapely.Point(114, 1 / 3)]
        areas = {"floor_area_m2": [np.inf, 1 / 3, 5e-324], "name": ["x", None, "\\N\t\n"]}
        fact = Authorship(who="O'Hara \\ 甲", note='"why"\n', effective=date(1, 1, 1))
        store.insert("buildings", frame_of("buildings", ["x", "y", "z"], shapes, **areas), by=fact)
        store.insert("complaints", points(AWKWARD, category=AWKWARD, text=AWKWARD[::-1]))
        store.update("buildings", frame_of("buildings", ["x", "y", "z"], shapes[::-1], floors=2))
        store.update("complaints", points(AWKWARD[::2], category="x"), by=fact)
        store.delete("complaints", AWKWARD[::3], by=Authorship(effective=date(9999, 12, 31)))
        store.delete("buildings", ["y"])
        store.insert("buildings", frame_of("buildings", ["y"], [square]))
        for key, name in (("b", "一"), ("a", "一"), ("'c", "二")):
            store.amend("buildings", "y", partial(_named, name), key=Key(key, f"{key}·"), by=fact)
        return digests(store)


def _named(name: str, _: Found) -> dict[str, str]:
    return {"name": name}


def main() -> None:
    """Write the fixture of the present schema."""
    name = f"geopackage-{SCHEMA_VERSION}"
    packed, listed = WRITTEN / f"{name}.gpkg.gz", WRITTEN / f"{name}.json"
    if packed.exists():
        raise SystemExit(f"{packed} is there already, and stays as it was written")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.gpkg")
        found = write(f"gpkg:{path}")
        packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    listed.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
