"""What `verify` finds in a PostGIS store that was damaged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from layers.problems import StoreUnusable
from layers.store import Store, create_store
from tests.district import small_district
from tests.layers.store_contract import points
from tests.postgres import Cluster

_INDEX_OF = "(SELECT oid FROM pg_class WHERE relname = '{}' AND relnamespace = 'wangge'::regnamespace)"


@pytest.fixture
def sound(postgis_url: str) -> Iterator[Store]:
    """Return a store with some history, in which nothing is wrong."""
    place, layers = small_district()
    with create_store(postgis_url, place, layers=layers) as made:
        made.upsert("complaints", points(["a", "b", "c"]))
        made.upsert("complaints", points(["b"], category="x"))
        made.delete("complaints", ["c"])
        assert made.verify() == []
        yield made


@pytest.mark.parametrize(
    ("damage", "kind", "layer", "codes"),
    [
        (
            f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {_INDEX_OF.format('complaints_geom')}",
            "index",
            "complaints",
            (),
        ),
        ("DELETE FROM wangge.changes WHERE version = 3", "versions", None, ()),
        ("UPDATE wangge.head SET version = version + 1", "versions", None, ()),
        (
            "DELETE FROM wangge.changes WHERE version = (SELECT version FROM wangge.head)",
            "versions",
            None,
            (),
        ),
        ("DELETE FROM wangge.complaints WHERE code = 'a'", "history", "complaints", ("a",)),
        (
            "INSERT INTO wangge.complaints (code, geom) SELECT 'x', geom FROM wangge.complaints WHERE code = 'a'",
            "history",
            "complaints",
            ("x",),
        ),
        ("UPDATE wangge.complaints SET code = 'z' WHERE code = 'b'", "history", "complaints", ("b", "z")),
        ("DELETE FROM wangge.history WHERE code = 'c'", "history", "complaints", ("c",)),
        ("UPDATE wangge.history SET deleted = true WHERE code = 'b'", "history", "complaints", ("b",)),
        ("INSERT INTO wangge.history VALUES (1, 'nobody', true, NULL, '{}')", "history", None, ("nobody",)),
        (
            "UPDATE wangge.buildings SET geom = 'SRID=4490;LINESTRING(1 1, 2 2)' WHERE code = 'B90'",
            "geometry",
            "buildings",
            ("B90",),
        ),
        (
            "UPDATE wangge.buildings SET geom = 'SRID=4490;POLYGON EMPTY' WHERE code = 'B90'",
            "geometry",
            "buildings",
            ("B90",),
        ),
    ],
)
def test_what_was_damaged_is_found(
    sound: Store,
    postgres: Cluster,
    database: str,
    damage: str,
    kind: str,
    layer: str | None,
    codes: tuple[str, ...],
) -> None:
    with postgres.connect(database) as connection:
        connection.execute("SET wangge.writing = on")
        connection.execute(damage.encode())
    found = {(fault.id, fault.layer, fault.codes) for fault in sound.verify()}
    assert (kind, layer, codes) in found
    assert {fault for fault, _, _ in found} <= {kind, "history", "versions"}


@pytest.mark.parametrize("index", ["complaints_geom", "complaints_pkey"])
def test_an_index_that_lost_rows_is_found(postgres: Cluster, database: str, sound: Store, index: str) -> None:
    """The index's file is put back as it was before a write."""
    ((path,),) = postgres.execute(f"SELECT pg_relation_filepath('wangge.{index}')", database)
    file = postgres.folder / "data" / path
    postgres.execute("CHECKPOINT")
    before = file.read_bytes()
    sound.upsert("complaints", points(["d", "e"]))
    postgres.stop()
    file.write_bytes(before)
    postgres.start()
    (fault,) = [fault for fault in sound.verify() if fault.id == "count"]
    assert fault.layer == "complaints"
    assert fault.remedy is not None and "REINDEX TABLE" in fault.remedy.en
    postgres.execute("REINDEX TABLE wangge.complaints", database)
    assert sound.verify() == []


def test_a_table_that_cannot_be_read_is_found(postgres: Cluster, database: str, sound: Store) -> None:
    ((path,),) = postgres.execute("SELECT pg_relation_filepath('wangge.complaints')", database)
    postgres.stop()
    file = postgres.folder / "data" / path
    content = bytearray(file.read_bytes())
    content[:24] = b"\xff" * 24
    file.write_bytes(content)
    postgres.start()
    assert ("unreadable", "complaints") in {(fault.id, fault.layer) for fault in sound.verify()}
    with pytest.raises(StoreUnusable, match="damaged"):
        sound.read("complaints")
    assert not sound.read("buildings").empty
