"""Texts read as one value and taken apart again: the same as one by one, whatever others have written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.problems import StoreUnusable
from layers.schema import LAYERS
from layers.store import create_store, open_store
from layers.stores.geopackage import ddl, tables, texts
from layers.stores.geopackage.blobs import blobs_of
from layers.stores.geopackage.store import GeoPackageStore
from layers.stores.rows import frame_of_parts, rows_of
from tests.layers.store_contract import PLACE, SOUTH, WEST, frame_of, points, same

ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
SHAPES = [shapely.Point(WEST, SOUTH), shapely.box(WEST, SOUTH, WEST + 1, SOUTH + 1)]
FIELDS = ("name", "name_en", "use", "community")
NUMBERS = ("floors", "floor_area_m2")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GeoPackageStore]:
    path = tmp_path / "store.gpkg"
    create_store(f"gpkg:{path}", PLACE, layers={"complaints": points(["a", "b", "c"], text="x")}).close()
    with open_store(f"gpkg:{path}") as made:
        assert isinstance(made, GeoPackageStore)
        yield made


def change(store: GeoPackageStore, statement: str, *values: Any) -> None:
    """Let another program write, whose triggers are beside the point here."""
    with closing(apsw.Connection(str(store.path))) as program:
        program.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        program.execute(statement, values)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "shape": st.sampled_from(SHAPES),
                **{name: st.none() | ANY_TEXT for name in FIELDS},
                **dict.fromkeys(NUMBERS, st.none() | st.integers(0, 9)),
            }
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 8),
)
def test_texts_are_the_same_as_one_by_one(rows: list[dict[str, Any]], part: int) -> None:
    layer = LAYERS["buildings"]
    columns = {name: [row[name] for row in rows] for name in (*FIELDS, *NUMBERS)}
    given = frame_of(
        "buildings", [f"b{at}" for at in range(len(rows))], [row["shape"] for row in rows], **columns
    )
    kept = rows_of(given, layer)
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute(ddl.layer_tables(layer))
        tables.insert_features(connection, layer, kept, lambda _: None)
        found = []
        for way in (texts.packed(layer), texts.plain(layer)):
            there = connection.execute(f"{way.select} ORDER BY code").fetchall()
            parts = [there[at : at + part] for at in range(0, len(there), part)]
            found.append(frame_of_parts(parts, layer, way.columns_of))
    same(found[0], found[1])
    same(found[0], given)


@pytest.mark.parametrize("text", ["a\0b", "\0", "a\0", "\0\0\0"])
def test_a_text_with_the_character_between_texts_is_read_as_it_is(store: GeoPackageStore, text: str) -> None:
    change(store, "UPDATE complaints SET text = ? WHERE code = 'b'", text)
    assert store.read("complaints")["text"].tolist() == ["x", text, "x"]


def test_a_header_of_another_kind_is_taken_off(store: GeoPackageStore) -> None:
    before = store.read("complaints")
    shape = shapely.Point(*before.geometry["b"].coords[0])
    (blob,) = blobs_of([shapely.to_wkb(shape)], shapely.bounds([shape]), ddl.SRS_ID)
    assert blob[3] == 1
    # The same, numbers of the header largest first, or with an envelope that has heights too.
    for head in (b"GP\0\0" + blob[4:8][::-1], b"GP\0\5" + blob[4:8] + bytes(48)):
        change(store, "UPDATE complaints SET geom = ? WHERE code = 'b'", head + blob[8:])
        same(store.read("complaints"), before)


@pytest.mark.parametrize(
    "damage",
    [
        "text = CAST(x'61ff62' AS TEXT)",
        "geom = x'4750'",
        "geom = x'4750000161'",
        "geom = x'47500001aabbccdd'",
    ],
)
def test_what_is_no_text_or_no_geometry_is_damage(store: GeoPackageStore, damage: str) -> None:
    change(store, f"UPDATE complaints SET {damage} WHERE code = 'b'")
    with pytest.raises(StoreUnusable, match="damaged"):
        store.read("complaints")
