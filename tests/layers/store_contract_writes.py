"""Every kind of store writes by the same rules, and refuses by the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.problems import Conflict, FeaturesExist, NotFound, StoreConflict, StoreReadOnly
from layers.store import Authorship, Change, Store, Written, create_store, open_store
from tests.layers.store_contract import (
    CHINA,
    PLACE,
    SOUTH,
    WEST,
    Contract,
    Kind,
    clock_of,
    fail,
    frame_of,
    points,
    same,
)

HERE, THERE = shapely.Point(WEST, SOUTH), shapely.Point(WEST + 0.5, SOUTH)
ANNE, BOB = Authorship(who="安"), Authorship(who="Bob", note="by telephone")


def complaint(code: str = "a", shape: Any = HERE, **values: Any) -> gpd.GeoDataFrame:
    """Return one complaint."""
    return frame_of("complaints", [code], [shape], **{name: [value] for name, value in values.items()})


class WritesContract(Contract):
    """Insert, update, upsert and delete; who did it and when; and what others did meanwhile."""

    def test_tells_what_it_did(self, store: Store) -> None:
        west, middle, east = [shapely.Point(WEST + x, SOUTH) for x in (0.0, 0.1, 0.2)]
        first = frame_of("complaints", ["a", "b", "c"], [west, middle, east], category=["x", "y", "z"])
        second = frame_of("complaints", ["d", "b", "a"], [west, middle, west], category=["z", "Y", "x"])
        by = Authorship(who="甲", note="by hand", effective=date(2019, 12, 31))
        assert store.upsert("complaints", first) == Written(1, 3, 0, 0)
        assert store.upsert("complaints", second, by=by) == Written(2, 1, 1, 1)
        assert store.upsert("complaints", second, by=BOB) == Written(2, 0, 0, 3)
        assert store.delete("complaints", ["d", "none", "a", "d"], by=ANNE) == 2
        assert store.delete("complaints", ["none"], by=BOB) == 0
        assert store.delete("complaints", []) == 0
        same(store.read("complaints"), pd.concat([second.loc[["b"]], first.loc[["c"]]]))
        assert store.version() == 3
        assert store.changes(since=0) == [
            Change(1, "complaints", ("a", "b", "c")),
            Change(2, "complaints", ("b", "d"), by),
            Change(3, "complaints", ("a", "d"), ANNE),
        ]
        assert store.changes(since=2) == [Change(3, "complaints", ("a", "d"), ANNE)]
        assert store.changes(since=3) == store.changes(since=99) == []

    @pytest.mark.parametrize("rows", [1, 1500], ids=["one", "many"])
    def test_inserts_what_is_new(self, store: Store, rows: int) -> None:
        codes = [f"{k:04}" for k in range(rows)]
        assert store.insert("complaints", points(codes)) == Written(1, rows, 0, 0)
        same(store.read("complaints"), points(codes))
        assert store.insert("complaints", points([])) == Written(1, 0, 0, 0)

    def test_inserts_nothing_where_one_is_there(self, store: Store) -> None:
        store.insert("complaints", points(["b", "c"], category="x"))
        with pytest.raises(FeaturesExist) as caught:
            store.insert("complaints", points(["d", "c", "a", "b"], category="y"))
        assert caught.value.codes == ("b", "c")
        assert "b, c" in caught.value.sentence("en")
        assert caught.value.sentence("zh").endswith("。")
        with pytest.raises(FeaturesExist):  # though it is equal
            store.insert("complaints", points(["b"], category="x"))
        same(store.read("complaints"), points(["b", "c"], category="x"))
        assert (store.version(), store.counts()["complaints"]) == (1, 2)

    def test_names_some_of_many_that_are_there(self, store: Store) -> None:
        codes = [str(k) for k in range(100, 400)]
        store.insert("complaints", points(codes))
        with pytest.raises(FeaturesExist) as caught:
            store.insert("complaints", points(codes))
        assert caught.value.codes == tuple(codes)
        assert len(caught.value.sentence("en")) < 200

    def test_updates_what_is_there(self, store: Store) -> None:
        store.insert("complaints", points(["a", "b", "c"], category="x", text="t"))
        after = points(["a", "b"], category=["x", "y"], text="t")
        assert store.update("complaints", after, by=ANNE) == Written(2, 0, 1, 1)
        assert store.changes(since=1) == [Change(2, "complaints", ("b",), ANNE)]
        assert store.update("complaints", after) == Written(2, 0, 0, 2)
        assert store.read("complaints").category.tolist() == ["x", "y", "x"]
        # What the frame does not know becomes unknown: it is the feature, whole.
        store.update("complaints", points(["a"]))
        assert store.read("complaints", codes=["a"])[["category", "text"]].isna().all(axis=None)

    def test_upserts_many_old_and_new_at_once(self, store: Store) -> None:
        old, new = [f"{k:04}" for k in range(2500)], [f"{k:04}" for k in range(1000, 4000)]
        store.insert("complaints", points(old, category="x", closed=date(2019, 12, 31)))
        before = store.read("complaints")
        after = points(new, category=["x" if k % 2 else "y" for k in range(len(new))], text="\t\\N")
        assert store.upsert("complaints", after) == Written(2, 1500, 1500, 0)
        same(store.read("complaints"), pd.concat([before.head(1000), after]))
        same(store.read("complaints", version=1), before)
        assert store.changes(since=1)[0].codes == tuple(new)
        east = (WEST + 1.0, SOUTH, WEST + 1.00001, SOUTH)  # where 1000 was, and is 2000 now
        assert store.read("complaints", bbox=east).index.tolist() == ["2000"]
        assert store.upsert("complaints", after) == Written(2, 0, 0, 3000)

    def test_updates_nothing_where_one_is_not_there(self, store: Store) -> None:
        store.insert("complaints", points(["a", "b"], category="x"))
        store.delete("complaints", ["b"])
        with pytest.raises(NotFound, match=r"b, c") as caught:
            store.update("complaints", points(["a", "b", "c"], category="y"))
        assert caught.value.sentence("zh").endswith("。")
        same(store.read("complaints"), points(["a"], category="x"))
        assert store.version() == 2

    def test_sees_a_moved_geometry_as_a_change(self, store: Store) -> None:
        store.upsert("complaints", points(["a"]))
        assert store.upsert("complaints", complaint(shape=THERE)) == Written(2, 0, 1, 0)
        assert store.read("complaints", bbox=(WEST - 0.1, SOUTH, WEST + 0.1, SOUTH)).empty
        assert len(store.read("complaints", bbox=(WEST + 0.4, SOUTH, WEST + 0.6, SOUTH))) == 1

    @pytest.mark.parametrize("rows", [3, 3000])
    @pytest.mark.parametrize("mode", ["insert", "update", "upsert"])
    def test_leaves_nothing_of_a_write_that_fails(self, store: Store, mode: str, rows: int) -> None:
        codes = [str(k) for k in range(rows)]
        there = points(codes[:1] if mode == "upsert" else codes if mode == "update" else [], category="x")
        version = store.insert("complaints", there).version
        with pytest.raises(ZeroDivisionError):
            getattr(store, mode)("complaints", points(codes, category="y"), progress=fail)
        assert store.version() == version
        assert store.changes(since=version) == []
        same(store.read("complaints"), there.sort_index())
        assert all(len(store.history("complaints", code)) == version for code in codes[:1])
        assert store.upsert("complaints", points(["new"])) == Written(version + 1, 1, 0, 0)
        found = store.read("complaints", bbox=(WEST - 1, SOUTH - 1, WEST + 100, SOUTH + 1))
        assert len(found) == len(there) + 1

    def test_refuses_writes_where_it_was_opened_for_reading(self, kind: Kind) -> None:
        url = kind.new_url()
        create_store(url, PLACE, layers={"complaints": points(["a"])}).close()
        with open_store(url, read_only=True) as store:
            writes: list[Callable[..., Any]] = [store.insert, store.update, store.upsert]
            for write in writes:
                with pytest.raises(StoreReadOnly):
                    write("complaints", points(["a"], category="x"))
            with pytest.raises(StoreReadOnly):
                store.delete("complaints", ["a"])
            same(store.read("complaints"), points(["a"]))

    # Who, why and when

    def test_keeps_who_wrote_why_and_from_when(self, store: Store) -> None:
        by = Authorship(who="O'Hara \\ 甲😀", note='"why"\n\t', effective=date(1, 1, 1))
        store.insert("complaints", points(["a"]), by=by)
        store.update("complaints", points(["a"], category="x"), by=Authorship(effective=date(9999, 12, 31)))
        store.delete("complaints", ["a"], by=ANNE)
        authors = [by, Authorship(effective=date(9999, 12, 31)), ANNE]
        assert [change.by for change in store.changes(since=0)] == authors
        assert [edit.by for edit in store.history("complaints", "a")] == authors

    def test_orders_by_version_what_the_clock_says_in_any_order(self, kind: Kind) -> None:
        start = datetime(2020, 1, 1, 0, 30, 0, 123456, tzinfo=CHINA)
        moments = [start, start - timedelta(days=400), start, datetime(1970, 1, 1, tzinfo=UTC)]
        url = kind.new_url()
        create_store(url, PLACE, clock=clock_of(start)).close()
        with open_store(url, clock=clock_of(*moments)) as store:
            for category in "wxyz":
                store.upsert("complaints", complaint(category=category))
            found = store.changes(since=0)
            assert [change.version for change in found] == [1, 2, 3, 4]
            assert [change.at for change in found] == moments
            assert all(change.at and change.at.utcoffset() == timedelta(0) for change in found)
            edits = store.history("complaints", "a")
            assert [edit.at for edit in edits] == moments
            assert [edit.fields["category"][1] for edit in edits] == list("wxyz")
            assert store.read("complaints", version=2).category.tolist() == ["x"]
            with pytest.raises(StoreConflict) as caught:
                store.upsert("complaints", complaint(category="?"), based_on=1)
            assert [conflict.at for conflict in caught.value.conflicts] == [moments[3]]

    # What others did meanwhile

    def test_shows_both_sides_of_each_field_that_differs(self, store: Store) -> None:
        seen = store.insert("complaints", complaint(category="x", text="t", channel="c")).version
        store.update("complaints", complaint(category="y", text="t", channel="c"), by=ANNE)
        store.update("complaints", complaint(category="y", text=None, channel="c"), by=BOB)
        mine = complaint(shape=THERE, category="z", text="t", channel="c")
        for write in (store.update, store.upsert):
            with pytest.raises(StoreConflict) as caught:
                write("complaints", mine, based_on=seen)
            at = store.changes(since=2)[0].at
            assert caught.value.conflicts == (
                Conflict("a", "geometry", HERE, THERE, HERE, 3, "Bob", at),
                Conflict("a", "category", "x", "z", "y", 3, "Bob", at),
                Conflict("a", "text", "t", "t", None, 3, "Bob", at),
            )
            assert at is not None
            assert "1" in caught.value.sentence("zh")
            assert caught.value.remedy is not None
        assert store.version() == 3
        assert store.read("complaints").category.tolist() == ["y"]
        assert store.update("complaints", mine, based_on=3) == Written(4, 0, 1, 0)
        assert store.update("complaints", complaint(), based_on=None) == Written(5, 0, 1, 0)

    def test_refuses_all_where_one_conflicts_and_names_all_that_do(self, store: Store) -> None:
        store.insert("complaints", points(["a", "b", "c", "d"], category="x"))
        store.upsert("complaints", points(["a", "b", "c"], category=["x", "y", "y"]), by=ANNE)
        with pytest.raises(StoreConflict) as caught:
            store.upsert("complaints", points(["a", "b", "c", "new"], category="z"), based_on=1)
        found = [(c.code, c.field, c.base, c.mine, c.theirs) for c in caught.value.conflicts]
        assert found == [("b", "category", "x", "z", "y"), ("c", "category", "x", "z", "y")]
        assert "b, c" in caught.value.sentence("en")
        assert store.read("complaints").category.tolist() == ["x", "y", "y", "x"]
        assert store.version() == 2

    def test_takes_what_others_did_not_touch_or_did_alike(self, store: Store) -> None:
        store.insert("complaints", points(["a", "b", "c"], category="x"))
        store.upsert("complaints", points(["a", "b"], category=["y", "x"]))
        store.insert("buildings", frame_of("buildings", ["c"], [HERE]))  # the same code in another layer
        store.delete("complaints", ["b"])
        after = frame_of("complaints", ["a", "c"], [HERE, THERE], category=["y", "z"])
        assert store.update("complaints", after, based_on=1) == Written(5, 0, 1, 1)
        assert store.upsert("complaints", after, based_on=1) == Written(5, 0, 0, 2)
        assert store.delete("complaints", ["b", "none"], based_on=1) == 0  # they did just that
        assert store.delete("complaints", ["c"], based_on=5) == 1
        with pytest.raises(StoreConflict):
            store.delete("complaints", ["a"], based_on=1)

    @pytest.mark.parametrize("mode", ["update", "upsert"])
    def test_shows_that_they_deleted_what_i_changed(self, store: Store, mode: str) -> None:
        store.insert("complaints", complaint(category="x"))
        store.delete("complaints", ["a"], by=ANNE)
        with pytest.raises(StoreConflict) as caught:
            getattr(store, mode)("complaints", complaint(category="y"), based_on=1)
        at = store.changes(since=1)[0].at
        base, mine = {"geometry": HERE, "category": "x"}, {"geometry": HERE, "category": "y"}
        assert caught.value.conflicts == (Conflict("a", None, base, mine, None, 2, "安", at),)
        assert (store.version(), store.counts()["complaints"]) == (2, 0)

    def test_shows_that_they_changed_what_i_delete(self, store: Store) -> None:
        store.insert("complaints", points(["a", "b"], category="x"))
        store.update("complaints", complaint(category="y"), by=BOB)
        with pytest.raises(StoreConflict) as caught:
            store.delete("complaints", ["a", "b"], based_on=1)
        at = store.changes(since=1)[0].at
        base, theirs = {"geometry": HERE, "category": "x"}, {"geometry": HERE, "category": "y"}
        assert caught.value.conflicts == (Conflict("a", None, base, None, theirs, 2, "Bob", at),)
        assert (store.version(), store.counts()["complaints"]) == (2, 2)
        assert store.delete("complaints", ["b"], based_on=1) == 1

    def test_shows_that_both_brought_the_same_code(self, store: Store) -> None:
        store.insert("complaints", points(["z"]))
        store.insert("complaints", complaint(category="x"), by=ANNE)
        with pytest.raises(StoreConflict) as caught:
            store.upsert("complaints", complaint(category="y", text="t"), based_on=1)
        found = [(c.field, c.base, c.mine, c.theirs, c.who) for c in caught.value.conflicts]
        assert found == [("category", None, "y", "x", "安"), ("text", None, "t", None, "安")]
        assert store.upsert("complaints", complaint(category="x"), based_on=0) == Written(2, 0, 0, 1)

    @pytest.mark.parametrize("based_on", [-1, 2, 10**12], ids=["before all", "next", "far"])
    def test_knows_no_version_that_has_not_been(self, store: Store, based_on: int) -> None:
        store.insert("complaints", points(["a"]))
        with pytest.raises(NotFound, match=str(based_on)):
            store.update("complaints", points(["a"], category="x"), based_on=based_on)
        with pytest.raises(NotFound):
            store.upsert("complaints", points(["b"]), based_on=based_on)
        with pytest.raises(NotFound):
            store.delete("complaints", ["a"], based_on=based_on)
        assert (store.version(), store.counts()["complaints"]) == (1, 1)
