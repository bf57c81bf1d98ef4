"""Whole layers, in parts or as Arrow: the same either way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.schema import LAYERS, Layer
from layers.store import StoreSettings, create_store
from layers.stores.postgis import arrow, tables
from layers.stores.postgis import store as postgis
from layers.stores.postgis.store import PostGISStore
from layers.stores.rows import Row, value_fields
from tests.layers.store_contract import PLACE, SOUTH, WEST, frame_of, points, same
from tests.postgres import Cluster

ON_ONE_STORE = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(postgis_url: str) -> Iterator[PostGISStore]:
    with create_store(postgis_url, PLACE) as made:
        assert isinstance(made, PostGISStore)
        yield made


_TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_DAYS = st.none() | st.dates()
_NUMBERS = st.none() | st.floats(allow_nan=False)


@st.composite
def any_features(draw: st.DrawFn, layer: Layer) -> gpd.GeoDataFrame:
    """Draw conformed features of a layer with any values in all its fields."""
    count = draw(st.integers(0, 5))
    values: dict[str, st.SearchStrategy[Any]] = {
        "text": _TEXTS,
        "time": _TEXTS,
        "fact": st.sampled_from(["yes", "no", "unknown"]),
        "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
        "date": _DAYS,
    }
    columns: dict[str, Any] = {}
    for field in value_fields(layer):
        drawn = [draw(values.get(field.type, _NUMBERS)) for _ in range(count)]
        columns[field.name] = np.array(drawn, dtype=object)
    square, point = shapely.box(WEST, SOUTH, WEST + 1, SOUTH + 1), shapely.Point(1 / 3, SOUTH)
    pair = shapely.MultiPolygon([square, shapely.box(0, 0, 1, 1)])
    kinds: dict[str, list[Any]] = {"point": [point], "polygon": [square, pair]}
    shapes = [shape for kind in layer.geometry for shape in kinds[kind]]
    codes = [f"{draw(st.sampled_from('aZ中0'))}{number}" for number in range(count)]
    return frame_of(layer.name, codes, [draw(st.sampled_from(shapes)) for _ in codes], **columns)


@pytest.mark.parametrize("name", ["communities", "buildings", "subdistricts"])
def test_arrow_reads_what_rows_read(store: PostGISStore, name: str) -> None:
    layer = LAYERS[name]

    @ON_ONE_STORE
    @given(written=any_features(layer))
    def compare(written: gpd.GeoDataFrame) -> None:
        store.delete(name, store.read(name).index.tolist())
        store.upsert(name, written)
        by_rows = store.read(name)
        same(by_rows, written.sort_index())
        same(arrow.read_all(store._address, StoreSettings(), layer), by_rows)

    compare()


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_arrow_reads_what_others_left_unknown(
    store: PostGISStore, postgres: Cluster, database: str, layer: Layer
) -> None:
    shape = "POINT(1 2)" if "point" in layer.geometry else "MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))"
    postgres.execute(
        f"INSERT INTO wangge.{layer.name} (code, geom) VALUES ('a', 'SRID=4490;{shape}')", database
    )
    assert len(store.read(layer.name)) == 1
    same(arrow.read_all(store._address, StoreSettings(), layer), store.read(layer.name))


MANY = points([f"{number:05}" for number in range(30_000)], text="x" * 100)


def test_a_whole_layer_is_read_as_arrow_where_it_is_large(
    store: PostGISStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.insert("complaints", MANY)
    asked = []
    read_all = arrow.read_all

    def counted(*given: Any) -> gpd.GeoDataFrame:
        asked.append(given)
        return read_all(*given)

    monkeypatch.setattr(arrow, "read_all", counted)
    same(store.read("complaints"), MANY)
    assert asked == []
    monkeypatch.setattr(postgis, "_BULK_BYTES", 2**22)
    same(store.read("complaints"), MANY)
    assert len(asked) == 1
    assert len(store.read("complaints", codes=["00007", "no"])) == 1
    assert store.read("subdistricts").empty
    assert len(asked) == 1


def test_a_layer_whose_connection_is_lost_between_two_parts_is_read_anew(
    store: PostGISStore, postgres: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.insert("complaints", MANY)
    whole, begun = tables.parts, []

    def lost_once(*given: Any) -> Iterator[list[Row]]:
        begun.append(given)
        for part in whole(*given):
            yield part
            if len(begun) == 1:
                postgres.drop_connections(database)

    monkeypatch.setattr(tables, "parts", lost_once)
    same(store.read("complaints"), MANY)
    assert len(begun) == 2
