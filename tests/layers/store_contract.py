"""What every kind of store promises: one suite, run against each (see test_store_contract.py).

Here are making, opening and reading; the other promises are in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, Protocol

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers.frames import conform, empty_frame
from layers.problems import NotFound, StoreExists, StoreMissing
from layers.schema import LAYERS
from layers.store import (
    Authorship,
    Change,
    District,
    Store,
    StoreSettings,
    check_free,
    create_store,
    migrate_store,
    open_store,
    shown_url,
)
from tests.district import small_district

PLACE = District(name="示例区", metric_crs="EPSG:4547")
FULL_PLACE = District(
    name='O\'Brien "区"',
    name_en="Sample",
    metric_crs="EPSG:32632",
    as_of=date(2019, 12, 31),
    outline=shapely.MultiPolygon([shapely.box(114, 22, 114.1, 23), shapely.box(115, 22, 116, 23)]),
    invented=True,
)
CHINA = timezone(timedelta(hours=8))
WEST, SOUTH = 114.1, 22.5

# One store serves all examples of a property: each example begins by emptying it.
ON_ONE_STORE = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Kind(Protocol):
    """A kind of store: gives the URL of a place where none is yet."""

    def new_url(self) -> str:
        """Return a URL that has not been used."""


def frame_of(layer: str, codes: Sequence[str | None], shapes: list[Any], **columns: Any) -> gpd.GeoDataFrame:
    """Return conformed features."""
    rows = gpd.GeoDataFrame({"code": codes, **columns}, geometry=shapes, crs="EPSG:4490")
    return conform(rows, LAYERS[layer])


def points(codes: Sequence[str | None], **columns: Any) -> gpd.GeoDataFrame:
    """Return conformed complaints, each a thousandth of a degree east of the one before."""
    shapes = [shapely.Point(WEST + 0.001 * k, SOUTH) for k in range(len(codes))]
    return frame_of("complaints", codes, shapes, **columns)


def same(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> None:
    """Assert that two frames are equal in values, geometries to the byte, types, order, index and CRS."""
    assert_geodataframe_equal(left, right)
    pd.testing.assert_frame_equal(
        pd.DataFrame(left.drop(columns="geometry")), pd.DataFrame(right.drop(columns="geometry"))
    )
    assert left.geometry.to_wkb().equals(right.geometry.to_wkb())


def fail(*_: object) -> None:
    """Report progress to nobody, and break what was going on."""
    raise ZeroDivisionError


def clock_of(*moments: datetime) -> Callable[[], datetime]:
    """Return a clock that says one moment after the other."""
    return iter(moments).__next__


class Contract:
    """A part of the promise, for a subclass whose module has a fixture `kind`."""

    @pytest.fixture
    def store(self, kind: Kind) -> Iterator[Store]:
        with create_store(kind.new_url(), PLACE) as made:
            yield made


class StoreContract(Contract):
    """Making and opening a store, and reading from it."""

    # Making and opening

    def test_gives_back_every_layer_as_it_was(self, kind: Kind) -> None:
        place, layers = small_district()
        url = kind.new_url()
        create_store(url, place, layers=layers).close()
        with open_store(url) as store:
            assert store.url == shown_url(url) == url
            for name in LAYERS:
                same(store.read(name), layers[name].sort_index())
            assert store.counts() == {name: len(layers[name]) for name in LAYERS}

    @pytest.mark.parametrize(
        "place",
        [
            PLACE,
            FULL_PLACE,
            District(name="一块", metric_crs="EPSG:4547", outline=shapely.box(114, 22, 115, 23)),
        ],
        ids=["bare", "full", "one part"],
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
        by = Authorship(who="甲", note="first load", effective=date(2019, 12, 31))
        at = datetime(2020, 1, 1, 8, 30, 0, 1, tzinfo=CHINA)
        with create_store(kind.new_url(), PLACE, layers=layers, by=by, clock=clock_of(at)) as store:
            assert store.version() == 2
            assert store.history_since() == 0
            found = store.changes(since=0)
            assert found == [
                Change(1, "subdistricts", ("s",), by),
                Change(2, "complaints", ("a", "b"), by),
            ]
            assert [change.at for change in found] == [at, at]
        with create_store(kind.new_url(), PLACE) as store:
            assert (store.version(), store.changes(since=0), store.history_since()) == (0, [], 0)

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
            with pytest.raises(StoreExists):
                check_free(url)
            assert store.district().name == "示例区"
            assert store.counts()["complaints"] == 1

    def test_says_what_to_do_where_nothing_is(self, kind: Kind) -> None:
        with pytest.raises(StoreMissing, match="wangge init") as caught:
            open_store(kind.new_url())
        assert "wangge demo" in caught.value.sentence("zh")

    def test_leaves_nothing_of_a_creation_whose_last_row_is_none_of_its_layer(self, kind: Kind) -> None:
        url = kind.new_url()
        codes = [f"{number:04}" for number in range(5000)]
        with pytest.raises(ValueError, match="text holds the character NUL"):
            create_store(url, PLACE, layers={"complaints": points(codes, text=[*codes[1:], "\0"])})
        with pytest.raises(StoreMissing):
            open_store(url)

    def test_leaves_nothing_of_a_creation_that_fails(self, kind: Kind) -> None:
        url = kind.new_url()
        with pytest.raises(ZeroDivisionError):
            create_store(url, PLACE, layers={"complaints": points(["a"])}, progress=fail)
        with pytest.raises(StoreMissing):
            open_store(url)
        check_free(url)
        create_store(url, PLACE).close()

    def test_does_not_overwrite_an_empty_one_either(self, kind: Kind) -> None:
        url = kind.new_url()
        create_store(url, PLACE).close()
        with pytest.raises(StoreExists):
            create_store(url, FULL_PLACE, layers={"complaints": points(["a"])})
        with open_store(url) as store:
            assert (store.district(), store.version()) == (PLACE, 0)

    def test_has_nothing_to_migrate_when_it_is_new(self, kind: Kind) -> None:
        url = kind.new_url()
        create_store(url, PLACE, layers={"complaints": points(["a"])}).close()
        before, after = migrate_store(url)
        assert before == after > 0
        with open_store(url, settings=StoreSettings(pool_size=2)) as store:
            assert (store.version(), store.read("complaints").index.tolist()) == (1, ["a"])
        with pytest.raises(StoreMissing):
            migrate_store(kind.new_url())

    def test_finds_nothing_wrong_with_itself(self, kind: Kind) -> None:
        place, layers = small_district()
        with create_store(kind.new_url(), place, layers=layers) as store:
            assert store.verify() == []
            moved = layers["complaints"].head(30).set_geometry(layers["complaints"].geometry.translate(0.1))
            store.upsert("complaints", moved)
            store.upsert("buildings", frame_of("buildings", ["new"], [shapely.box(114, 22, 115, 23)]))
            store.delete("complaints", moved.index.tolist()[:10])
            store.delete("backdrop", store.read("backdrop").index.tolist())
            store.insert("complaints", moved.head(5))
            assert store.verify() == []

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
            store.insert("nothing", points(["a"]))
        with pytest.raises(NotFound):
            store.update("nothing", points(["a"]))
        with pytest.raises(NotFound):
            store.delete("nothing", ["a"])
        with pytest.raises(NotFound):
            store.history("nothing", "a")
