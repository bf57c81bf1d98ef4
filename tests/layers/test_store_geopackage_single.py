"""A new feature is written by one statement, that does what the several statements for other writes do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
import shapely

from layers.feature import Feature
from layers.problems import FeaturesExist, StoreBusy, StoreReadOnly
from layers.schema import LAYERS
from layers.store import Authorship, Written, create_store
from layers.stores.geopackage import faults, files
from layers.stores.geopackage.connection import Database
from layers.stores.geopackage.store import GeoPackageStore
from tests.layers.store_contract import PLACE, points

SHAPES = {"point": shapely.Point(114.1, 22.5), "polygon": shapely.box(114.1, 22.5, 114.2, 22.6)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GeoPackageStore]:
    made = tmp_path / "store.gpkg"
    create_store(f"gpkg:{made}", PLACE, layers={"complaints": points(["a"])}).close()
    with GeoPackageStore(made) as opened:
        yield opened
        assert opened.verify() == []
        assert [change.version for change in opened.changes(since=0)] == list(range(1, opened.version() + 1))


def complaint(code: str) -> Feature:
    return Feature(code, SHAPES["point"])


def statements_of(store: GeoPackageStore, feature: Feature, layer: str = "complaints") -> list[str]:
    """Return what SQLite is given to insert a feature."""
    seen: list[str] = []

    def trace(cursor: apsw.Cursor, statement: str, values: object) -> bool:
        seen.append(statement.split()[0])
        return True

    with store._database.reading() as connection:
        connection.exec_trace = trace
    try:
        store.insert(layer, feature)
    finally:
        connection.exec_trace = None
    return seen


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_takes_one(store: GeoPackageStore, layer: str) -> None:
    shape = SHAPES[LAYERS[layer].geometry[0]]
    version = store.version()
    by = Authorship(who="anne", note="why")
    assert store.insert(layer, Feature("one", shape), by=by) == Written(version + 1, 1, 0, 0)
    with pytest.raises(FeaturesExist):
        store.insert(layer, Feature("one", shape))
    (change,) = store.changes(since=version)
    assert (change.layer, change.codes, change.by) == (layer, ("one",), by)
    found = store.read(layer, codes=["one"])
    assert shapely.equals_identical(
        found.geometry.iloc[0], store.read(layer, bbox=shape.bounds).geometry["one"]
    )
    assert found.geometry.iloc[0].equals(shape)


def test_one_statement_writes_it(store: GeoPackageStore) -> None:
    store.insert("complaints", complaint("first"))
    # Beside it: begin, the number of the last write, commit.
    assert statements_of(store, complaint("second")) == ["BEGIN", "SELECT", "INSERT", "COMMIT"]


def test_nothing_of_it_is_left_in_the_file(store: GeoPackageStore) -> None:
    query = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    with store._database.reading() as connection:
        before = connection.execute(query).fetchall()
    store.insert("complaints", complaint("b"))
    with GeoPackageStore(store.path) as other, other._database.reading() as connection:
        assert connection.execute(query).fetchall() == before


def test_a_write_that_is_undone_takes_nothing_from_the_next(
    store: GeoPackageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the statement needs is made in a connection's first write, and undone with it."""

    def refuse(database: Database, connection: apsw.Connection) -> None:
        raise faults.busy(database.path)

    with store._database.reading() as connection:
        pass
    with monkeypatch.context() as patch:
        patch.setattr(Database, "commit", refuse)
        with pytest.raises(StoreBusy):
            store.insert("complaints", complaint("b"))
    with store._database.reading() as again:
        assert again is connection
    assert store.insert("complaints", complaint("b")) == Written(2, 1, 0, 0)
    assert store.insert("complaints", complaint("c")) == Written(3, 1, 0, 0)


def test_a_box_that_another_program_left_is_put_right(store: GeoPackageStore) -> None:
    with store._database.writing() as connection:
        connection.execute("INSERT INTO rtree_complaints_geom VALUES (2, 0, 1, 0, 1)")
    store.insert("complaints", Feature("b", shapely.Point(120, 30)))
    assert store.read("complaints", bbox=(119, 29, 121, 31)).index.tolist() == ["b"]
    assert store.read("complaints", bbox=(0, 0, 1, 1)).empty


def test_the_extent_takes_it_in(store: GeoPackageStore) -> None:
    def extent() -> tuple[float | None, ...]:
        query = "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = 'communities'"
        with store._database.reading() as connection:
            found: tuple[float | None, ...] = connection.execute(query).get
            return found

    assert extent() == (None, None, None, None)
    for code, box in (
        ("a", (114, 22, 115, 23)),
        ("b", (113, 22.5, 114, 23.5)),
        ("c", (114, 22, 114.5, 22.5)),
    ):
        store.insert("communities", Feature(code, shapely.box(*box)))
    assert extent() == (113, 22, 115, 23.5)


def test_a_file_that_is_closed_to_writers_meanwhile_is_not_written(
    store: GeoPackageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.insert("complaints", complaint("b"))
    store.path.chmod(0o444)
    # The tests may run as somebody who may do everything.
    monkeypatch.setattr(files, "_writable", lambda path: False)
    with pytest.raises(StoreReadOnly):
        store.insert("complaints", complaint("c"))
    monkeypatch.undo()
    store.path.chmod(0o644)
    assert store.insert("complaints", complaint("c")) == Written(3, 1, 0, 0)
