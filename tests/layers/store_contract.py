"""What every kind of store promises: one suite, run against each (see test_store_contract.py)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.frames import conform, empty_frame
from layers.problems import NotFound, StoreExists, StoreMissing, StoreReadOnly
from layers.schema import LAYERS
from layers.store import Change, District, Store, Written, create_store, open_store
from tests.district import small_district

PLACE = District(name="示例区", metric_crs="EPSG:4547")
WEST, SOUTH = 114.1, 22.5

# One store serves all examples of a property: each example begins by emptying it.
ON_ONE_STORE = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Kind(Protocol):
    """A kind of store: gives the URL of a place where none is yet."""

    def new_url(self) -> str:
        """Return a URL that has not been used."""


def frame_of(layer: str, codes: list[str], shapes: list[Any], **columns: Any) -> gpd.GeoDataFrame:
    """Return conformed features."""
    rows = gpd.GeoDataFrame({"code": codes, **columns}, geometry=shapes, crs="EPSG:4490")
    return conform(rows, LAYERS[layer])


def points(codes: list[str], **columns: Any) -> gpd.GeoDataFrame:
    """Return conformed complaints, each a thousandth of a degree east of the one before."""
    shapes = [shapely.Point(WEST + 0.001 * k, SOUTH) for k in range(len(codes))]
    return frame_of("complaints", codes, shapes, **columns)


def same(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> None:
    """Assert that two frames are equal in values, types, order, index and CRS."""
    assert_geodataframe_equal(left, right)
    pd.testing.assert_frame_equal(
        pd.DataFrame(left.drop(columns="geometry")), pd.DataFrame(right.drop(columns="geometry"))
    )


def _fail(*_: object) -> None:
    raise ZeroDivisionError


class StoreContract:
    """The promise of `layers.store.Store`, for a subclass whose module has a fixture `kind`."""

    @pytest.fixture
    def store(self, kind: Kind) -> Iterator[Store]:
        with create_store(kind.new_url(), PLACE) as made:
            yield made

    # Making and opening

    def test_gives_back_every_layer_as_it_was(self, kind: Kind) -> None:
        place, layers = small_district()
        url = kind.new_url()
        create_store(url, place, layers=layers).close()
        with open_store(url) as store:
            assert store.url == url
            for name in LAYERS:
                same(store.read(name), layers[name].sort_index())
            assert store.counts() == {name: len(layers[name]) for name in LAYERS}

    @pytest.mark.parametrize(
        "place",
        [
            PLACE,
            District(
                name='O\'Brien "区"',
                name_en="Sample",
                metric_crs="EPSG:32632",
                as_of=date(2019, 12, 31),
                outline=shapely.box(114, 22, 115, 23),
                invented=True,
            ),
            District(
                name="两块",
                metric_crs="EPSG:4547",
                outline=shapely.MultiPolygon(
                    [shapely.box(114, 22, 114.1, 23), shapely.box(115, 22, 116, 23)]
                ),
            ),
        ],
        ids=["bare", "full", "two parts"],
    )
    def test_keeps_what_the_district_says_of_itself(self, kind: Kind, place: District) -> None:
        url = kind.new_url()
        create_store(url, place).close()
        with open_store(url) as store:
            assert store.district() == place

    def test_starts_with_a_version_for_each_layer_given(self, kind: Kind) -> None:
        layers = {
            "complaints": points(["b", "a"]),
            "facilities": empty_frame(LAYERS["facilities"]),
            "subdistricts": frame_of("subdistricts", ["s"], [shapely.box(114, 22, 115, 23)]),
        }
        with create_store(kind.new_url(), PLACE, layers=layers) as store:
            assert store.version() == 2
            assert store.changes(since=0) == [
                Change(1, "subdistricts", ("s",)),
                Change(2, "complaints", ("a", "b")),
            ]
        with create_store(kind.new_url(), PLACE) as store:
            assert (store.version(), store.changes(since=0), store.notes()) == (0, [], [])

    def test_reports_progress_up_to_the_whole(self, kind: Kind) -> None:
        seen: list[tuple[str, int, int]] = []
        layers = {"complaints": points([f"{k:05}" for k in range(4500)])}
        url = kind.new_url()
        with create_store(url, PLACE, layers=layers, progress=lambda *told: seen.append(told)) as store:
            done = [rows for _, rows, _ in seen]
            assert seen[-1] == ("complaints", 4500, 4500)
            assert len(seen) > 1
            assert done == sorted(set(done))
            store.upsert("complaints", points(["a", "b"]), progress=lambda *told: seen.append(told))
        assert seen[-1] == ("complaints", 2, 2)

    def test_does_not_overwrite(self, kind: Kind) -> None:
        url = kind.new_url()
        with create_store(url, PLACE, layers={"complaints": points(["a"])}) as store:
            with pytest.raises(StoreExists):
                create_store(url, District(name="other", metric_crs="EPSG:4547"))
            assert store.district().name == "示例区"
            assert store.counts()["complaints"] == 1

    def test_says_what_to_do_where_nothing_is(self, kind: Kind) -> None:
        with pytest.raises(StoreMissing, match="wangge init") as caught:
            open_store(kind.new_url())
        assert "wangge demo" in caught.value.sentence("zh")

    def test_leaves_nothing_of_a_creation_that_fails(self, kind: Kind) -> None:
        url = kind.new_url()
        with pytest.raises(ZeroDivisionError):
            create_store(url, PLACE, layers={"complaints": points(["a"])}, progress=_fail)
        with pytest.raises(StoreMissing):
            open_store(url)
        create_store(url, PLACE).close()

    # Reading

    def test_reads_by_code_in_order_and_leaves_out_what_is_not_there(self, store: Store) -> None:
        store.upsert("complaints", points(["1", "01", "b", "'", "1e0"]))
        assert store.read("complaints").index.tolist() == ["'", "01", "1", "1e0", "b"]
        assert store.read("complaints", codes=["b", "1", "b", "none", "1.0"]).index.tolist() == ["1", "b"]
        same(store.read("complaints", codes=[]), empty_frame(LAYERS["complaints"]))
        nearby = (WEST, SOUTH, WEST + 0.0005, SOUTH)
        assert store.read("complaints", codes=["1", "b"], bbox=nearby).index.tolist() == ["1"]

    @ON_ONE_STORE
    @given(data=st.data())
    def test_reads_by_box_edges_included(self, store: Store, data: st.DataObject) -> None:
        # The grid is far finer than single precision at 114 degrees: indexes that keep only that must
        # still tell boxes that share an edge from near misses.
        def fine(corner: tuple[int, int, int, int]) -> Any:
            x, y, width, height = (number * 1e-8 for number in corner)
            return shapely.box(WEST + x, SOUTH + y, WEST + x + width, SOUTH + y + height)

        sides = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 30), st.integers(1, 30))
        shapes = [fine(corner) for corner in data.draw(st.lists(sides, min_size=1, max_size=8))]
        west, south, east, north = fine(data.draw(sides)).bounds
        frame = frame_of("buildings", [str(k) for k in range(len(shapes))], shapes)
        store.delete("buildings", store.read("buildings").index.tolist())
        store.upsert("buildings", frame)
        box = frame.bounds
        meets = (box.maxx >= west) & (box.minx <= east) & (box.maxy >= south) & (box.miny <= north)
        found = store.read("buildings", bbox=(west, south, east, north))
        same(found, frame[meets])

    def test_finds_nothing_in_an_empty_or_a_reversed_box(self, store: Store) -> None:
        store.upsert("complaints", points(["a"]))
        same(store.read("complaints", bbox=(0, 0, 1, 1)), empty_frame(LAYERS["complaints"]))
        assert store.read("complaints", bbox=(WEST + 1, SOUTH, WEST - 1, SOUTH)).empty

    def test_knows_its_layers_only(self, store: Store) -> None:
        with pytest.raises(NotFound, match="complaints"):
            store.read("nothing")
        with pytest.raises(NotFound):
            store.upsert("nothing", points(["a"]))
        with pytest.raises(NotFound):
            store.delete("nothing", ["a"])

    # Values

    @ON_ONE_STORE
    @given(
        text=st.text(min_size=1, max_size=20),
        whole=st.integers(-(2**63), 2**63 - 1),
        number=st.floats(allow_nan=False),
        day=st.dates(),
    )
    def test_keeps_every_value_as_it_is(
        self, store: Store, text: str, whole: int, number: float, day: date
    ) -> None:
        shapes = [shapely.box(WEST, SOUTH, WEST + 1, SOUTH + 1), shapely.Point(WEST, SOUTH)]
        codes = [text, text + "2"]
        fields = {"name": [text, None], "floors": pd.array([whole, None], dtype="Int64")}
        buildings = frame_of("buildings", codes, shapes, floor_area_m2=[number, None], **fields)
        rooms = frame_of("mediation_rooms", codes, shapes, opened=[day, None], shared=["yes", None])
        for layer, frame in (("buildings", buildings), ("mediation_rooms", rooms)):
            store.delete(layer, store.read(layer).index.tolist())
            store.upsert(layer, frame)
            same(store.read(layer, codes=codes), frame.sort_index())
            assert store.upsert(layer, store.read(layer)).unchanged == 2
        assert store.changes(since=store.version() - 1)[0].codes == tuple(sorted(codes))

    def test_counts_a_multipolygon_of_one_part_as_that_polygon_and_drops_heights(self, store: Store) -> None:
        square = shapely.box(114, 22, 115, 23)
        pair = shapely.MultiPolygon([square, shapely.box(116, 22, 117, 23)])
        for layer in ("subdistricts", "communities"):
            store.upsert(layer, frame_of(layer, ["one", "pair"], [square, pair]))
            high = shapely.force_3d(shapely.MultiPolygon([square]), 5.0)
            assert store.upsert(layer, frame_of(layer, ["one", "pair"], [high, pair])).unchanged == 2
            assert store.read(layer).geometry.tolist() == [square, pair]

    @pytest.mark.parametrize(
        ("layer", "codes", "shapes"),
        [
            ("complaints", ["a", "a"], [shapely.Point(1, 1), shapely.Point(2, 2)]),
            ("complaints", [None], [shapely.Point(1, 1)]),
            ("complaints", ["a"], [None]),
            ("complaints", ["a"], [shapely.Point()]),
            ("complaints", ["a"], [shapely.box(0, 0, 1, 1)]),
            ("subdistricts", ["a"], [shapely.Point(1, 1)]),
            ("communities", ["a"], [shapely.LineString([(0, 0), (1, 1)])]),
        ],
        ids=["twice", "no code", "no geometry", "empty", "polygon", "point", "line"],
    )
    def test_takes_nothing_that_import_would_have_refused(
        self, store: Store, layer: str, codes: list[str], shapes: list[Any]
    ) -> None:
        with pytest.raises(ValueError, match=layer):
            store.upsert(layer, frame_of(layer, codes, shapes))
        assert (store.version(), store.counts()[layer]) == (0, 0)

    # Writing

    def test_tells_what_it_did(self, store: Store) -> None:
        west, middle, east = [shapely.Point(WEST + x, SOUTH) for x in (0.0, 0.1, 0.2)]
        first = frame_of("complaints", ["a", "b", "c"], [west, middle, east], category=["x", "y", "z"])
        second = frame_of("complaints", ["a", "b", "d"], [west, middle, west], category=["x", "Y", "z"])
        assert store.upsert("complaints", first) == Written(1, 3, 0, 0)
        assert store.upsert("complaints", second, note="by hand") == Written(2, 1, 1, 1)
        assert store.upsert("complaints", second, note="again") == Written(2, 0, 0, 3)
        assert store.delete("complaints", ["d", "none", "a", "d"]) == 2
        assert store.delete("complaints", ["none"], note="nothing") == 0
        same(store.read("complaints"), pd.concat([second.loc[["b"]], first.loc[["c"]]]))
        assert store.version() == 3
        assert store.changes(since=0) == [
            Change(1, "complaints", ("a", "b", "c")),
            Change(2, "complaints", ("b", "d")),
            Change(3, "complaints", ("a", "d")),
        ]
        assert store.changes(since=2) == [Change(3, "complaints", ("a", "d"))]
        assert store.notes() == [(2, "complaints", "by hand")]

    def test_sees_a_moved_geometry_as_a_change(self, store: Store) -> None:
        store.upsert("complaints", points(["a"]))
        moved = frame_of("complaints", ["a"], [shapely.Point(WEST + 0.5, SOUTH)])
        assert store.upsert("complaints", moved) == Written(2, 0, 1, 0)
        assert store.read("complaints", bbox=(WEST - 0.1, SOUTH, WEST + 0.1, SOUTH)).empty
        assert len(store.read("complaints", bbox=(WEST + 0.4, SOUTH, WEST + 0.6, SOUTH))) == 1

    @pytest.mark.parametrize("rows", [3, 3000])
    def test_leaves_nothing_of_a_write_that_fails(self, store: Store, rows: int) -> None:
        store.upsert("complaints", points(["0"]))
        with pytest.raises(ZeroDivisionError):
            store.upsert("complaints", points([str(k) for k in range(rows)]), progress=_fail)
        assert (store.version(), store.counts()["complaints"]) == (1, 1)
        assert store.upsert("complaints", points(["1"])) == Written(2, 1, 0, 0)
        assert len(store.read("complaints", bbox=(WEST - 1, SOUTH - 1, WEST + 100, SOUTH + 1))) == 2

    @ON_ONE_STORE
    @given(data=st.data())
    def test_does_as_a_dictionary_does(self, store: Store, data: st.DataObject) -> None:
        codes = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=6)
        model: dict[str, tuple[str, int]] = {}
        store.delete("complaints", list("abcdefgh"))
        version = store.version()
        for _ in range(data.draw(st.integers(1, 8))):
            chosen = data.draw(codes)
            if data.draw(st.booleans()):
                values = {
                    code: (data.draw(st.sampled_from("xy")), data.draw(st.integers(0, 1))) for code in chosen
                }
                shapes = [shapely.Point(WEST + at, SOUTH) for _, at in values.values()]
                categories = [category for category, _ in values.values()]
                done = store.upsert("complaints", frame_of("complaints", chosen, shapes, category=categories))
                new = values.keys() - model.keys()
                touched = {code for code in values if model.get(code) != values[code]}
                model |= values
                assert (done.inserted, done.updated) == (len(new), len(touched - new))
                assert done.unchanged == len(values) - len(touched)
            else:
                touched = model.keys() & set(chosen)
                assert store.delete("complaints", chosen) == len(touched)
                model = {code: value for code, value in model.items() if code not in touched}
            version += bool(touched)
            assert store.version() == version
            if touched:
                assert store.changes(since=version - 1) == [
                    Change(version, "complaints", tuple(sorted(touched)))
                ]
            found = store.read("complaints")
            kept = zip(found.category, found.geometry.x - WEST, strict=True)
            assert dict(zip(found.index, [(c, round(x)) for c, x in kept], strict=True)) == model
            in_west = store.read("complaints", bbox=(WEST - 0.5, SOUTH, WEST + 0.5, SOUTH)).index
            assert set(in_west) == {code for code, (_, at) in model.items() if at == 0}

    # Sharing

    def test_shows_a_write_to_everybody_else_at_once(self, kind: Kind) -> None:
        url = kind.new_url()
        with (
            create_store(url, PLACE) as one,
            open_store(url) as two,
            open_store(url, read_only=True) as three,
        ):
            one.upsert("complaints", points(["a"]))
            two.upsert("complaints", points(["b"]))
            for store in (one, two, three):
                assert store.version() == 2
                assert store.read("complaints").index.tolist() == ["a", "b"]

    def test_refuses_writes_where_it_was_opened_for_reading(self, kind: Kind) -> None:
        url = kind.new_url()
        create_store(url, PLACE, layers={"complaints": points(["a"])}).close()
        with open_store(url, read_only=True) as store:
            with pytest.raises(StoreReadOnly):
                store.upsert("complaints", points(["b"]))
            with pytest.raises(StoreReadOnly):
                store.delete("complaints", ["a"])
            assert store.read("complaints").index.tolist() == ["a"]

    def test_serves_threads_that_read_while_one_writes(self, store: Store) -> None:
        rounds, codes = 8, [str(k) for k in range(1200)]
        store.upsert("complaints", points(codes, category="0"))
        torn: list[Any] = []
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                found = store.read("complaints").category
                if len(found) != len(codes) or found.nunique() != 1:
                    torn.append(found)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for k in range(1, rounds):
            store.upsert("complaints", points(codes, category=str(k)))
        over.set()
        for reader in readers:
            reader.join()
        assert torn == []
        assert store.version() == rounds

    def test_lets_threads_write_in_turn(self, store: Store) -> None:
        def write(name: str) -> None:
            for k in range(10):
                store.upsert("complaints", points([f"{name}{k}"]))

        writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert store.counts()["complaints"] == 40
        assert [change.version for change in store.changes(since=0)] == list(np.arange(1, 41))

    def test_closes_once_for_all(self, store: Store) -> None:
        store.close()
        store.close()
        with pytest.raises(ValueError, match="closed"):
            store.version()
