"""Whole layers as Arrow: the same as by rows, on a connection that is kept, lost, shared and forked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.schema import LAYERS, Layer
from layers.store import create_store
from layers.stores.postgis import arrow
from layers.stores.postgis import store as postgis
from layers.stores.postgis.store import PostGISStore
from layers.stores.rows import value_fields
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
        same(store._arrow.read(layer), by_rows)

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
    same(store._arrow.read(layer), store.read(layer.name))


def test_a_whole_layer_is_read_as_arrow_where_it_is_large(
    store: PostGISStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = points([f"{number:05}" for number in range(30_000)], text="x" * 100)
    store.insert("complaints", many)
    asked = []
    read = arrow.Reader.read

    def counted(*given: Any) -> gpd.GeoDataFrame:
        asked.append(given)
        return read(*given)

    monkeypatch.setattr(arrow.Reader, "read", counted)
    same(store.read("complaints"), many)
    assert len(asked) == 1
    assert len(store.read("complaints", codes=["00007", "no"])) == 1
    assert store.read("subdistricts").empty
    assert len(asked) == 1


def _in_time(what: Callable[[], bool]) -> bool:
    """Return whether something comes to pass before long."""
    late = time.monotonic() + 30
    while not what() and time.monotonic() < late:
        time.sleep(0.02)
    return what()


def arrow_pids(cluster: Cluster) -> list[int]:
    """Return the server's processes that have last answered Arrow, which alone asks by COPY."""
    said = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT%' ORDER BY pid"
    return [pid for (pid,) in cluster.execute(said)]


def test_the_connection_for_arrow_is_kept_and_made_anew_where_it_is_lost(
    store: PostGISStore, postgres: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgis, "_BULK_BYTES", 0)
    store.upsert("complaints", points(["a"]))
    for _ in range(3):
        assert store.read("complaints").index.tolist() == ["a"]
        (first,) = arrow_pids(postgres)
    postgres.drop_connections(database)
    assert store.read("complaints").index.tolist() == ["a"]
    (second,) = arrow_pids(postgres)
    assert second != first
    store.close()
    assert _in_time(lambda: arrow_pids(postgres) == [])


def test_threads_and_forked_processes_have_connections_for_arrow_of_their_own(
    store: PostGISStore, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgis, "_BULK_BYTES", 0)
    codes = [f"{number:04}" for number in range(3000)]
    store.upsert("complaints", points(codes))
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: store.read("complaints").index.tolist(), range(12)):
            assert found == codes
    assert _in_time(lambda: len(arrow_pids(postgres)) == 1)
    child = os.fork()
    if child == 0:
        failed = 1
        with suppress(BaseException):
            failed = int(store.read("complaints").index.tolist() != codes)
            store.close()
        os._exit(failed)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.read("complaints").index.tolist() == codes
