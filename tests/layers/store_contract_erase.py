"""Every kind of store can take a field's values away for good, and says that it did."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
import shapely

from layers.problems import NotFound, StoreConflict, StoreReadOnly
from layers.store import Authorship, Change, Store, copy_store, open_store
from tests.layers.store_contract import SOUTH, WEST, Contract, Kind, frame_of, points, same

DUE = Authorship(who="安", note="retention")
ANNE = Authorship(who="安")


def texts(store: Store, **state: Any) -> dict[str, str | None]:
    """Return the texts of the complaints that are there, None where there is none."""
    frame = store.read("complaints", **state)
    return {str(code): None if text != text else text for code, text in frame.text.items()}


def told(store: Store, code: str) -> list[tuple[int, str, dict[str, Any], tuple[str, ...]]]:
    """Return what the history says of a complaint's text."""
    found: list[tuple[int, str, dict[str, Any], tuple[str, ...]]] = []
    for edit in store.history("complaints", code):
        fields = {name: sides for name, sides in edit.fields.items() if name == "text"}
        found.append((edit.version, edit.kind, fields, edit.erased))
    return found


class EraseContract(Contract):
    """Nothing of it is left in the present or in the past; everything else stays as it is."""

    @pytest.fixture
    def lived(self, store: Store) -> Store:
        """Return complaints whose texts were written, changed, cleared and, in one, deleted."""
        day = Authorship(who="安", effective=date(2020, 1, 1))
        store.insert("complaints", points(["a", "b", "c", "d"], text=["A1", "B1", "C1", None], category="x"))
        store.update("complaints", points(["a", "b"], text=["A2", None], category="x"), by=day)
        store.update("complaints", points(["a"], text=["A2"], category="y"))
        store.delete("complaints", ["c"], by=ANNE)
        return store

    def test_knows_of_which_features_something_is_kept(self, lived: Store) -> None:
        held = lived.holding("complaints", "text")
        assert held.index.tolist() == ["a", "b", "c"]
        assert held.category.tolist() == ["y", "x", "x"]
        assert held.text.tolist()[0] == "A2" and held.text.isna().tolist() == [False, True, False]
        assert held.text["c"] == "C1"
        same(held.loc[["a", "b"]], lived.read("complaints", codes=["a", "b"]))
        assert lived.holding("complaints", "channel").empty
        assert lived.holding("buildings", "name").empty

    def test_takes_a_value_out_of_present_and_past(self, lived: Store) -> None:
        before = lived.read("complaints")
        done = lived.erase("complaints", "text", ["b", "a", "a", "c", "d", "none"], by=DUE)
        assert (done.version, done.present, done.past) == (5, 2, 1)
        assert lived.holding("complaints", "text").empty
        same(lived.read("complaints"), before.assign(text=pd.array([None] * len(before), dtype="str")))
        for version in range(1, 6):
            assert set(texts(lived, version=version).values()) <= {None}
        for day in (date(2019, 1, 1), date(2020, 1, 1)):
            assert set(texts(lived, on=day).values()) <= {None}
        # What else the past was is still known.
        assert lived.read("complaints", version=2).category.tolist() == ["x", "x", "x", "x"]
        assert lived.read("complaints", version=3).index.tolist() == ["a", "b", "c", "d"]
        assert lived.verify() == []

    def test_says_that_and_not_what(self, lived: Store) -> None:
        lived.erase("complaints", "text", ["a", "b", "c"], by=DUE)
        assert lived.changes(since=4) == [Change(5, "complaints", ("a", "b"), DUE)]
        assert told(lived, "a") == [
            (1, "insert", {}, ()),
            (2, "update", {}, ("text",)),
            (3, "update", {}, ()),
            (5, "update", {}, ("text",)),
        ]
        assert told(lived, "b")[1:] == [(2, "update", {}, ("text",)), (5, "update", {}, ("text",))]
        assert told(lived, "c") == [(1, "insert", {}, ()), (4, "delete", {}, ())]
        last = lived.history("complaints", "a")[-1]
        assert (last.by, last.fields) == (DUE, {})

    def test_leaves_others_and_other_fields_alone(self, lived: Store) -> None:
        lived.erase("complaints", "text", ["b"], by=DUE)
        assert texts(lived) == {"a": "A2", "b": None, "d": None}
        assert texts(lived, version=1) == {"a": "A1", "b": None, "c": "C1", "d": None}
        assert lived.holding("complaints", "text").index.tolist() == ["a", "c"]
        assert lived.read("complaints").category.tolist() == ["y", "x", "x"]

    def test_does_nothing_where_nothing_is_kept(self, lived: Store) -> None:
        for codes in ([], ["d"], ["none", "\0", "'"]):
            done = lived.erase("complaints", "text", codes, by=DUE)
            assert (done.version, done.present, done.past) == (4, 0, 0)
        lived.erase("complaints", "text", ["a", "b", "c"])
        again = lived.erase("complaints", "text", ["a", "b", "c"])
        assert (again.version, again.present, again.past) == (5, 0, 0)

    def test_makes_no_version_for_what_was_deleted_before(self, lived: Store) -> None:
        done = lived.erase("complaints", "text", ["c"], by=DUE)
        assert (done.version, done.present, done.past) == (4, 0, 1)
        assert texts(lived, version=1)["c"] is None
        assert texts(lived, version=1)["a"] == "A1"
        assert lived.verify() == []

    def test_erases_a_value_that_was_written_again(self, lived: Store) -> None:
        lived.erase("complaints", "text", ["a"], by=DUE)
        lived.update("complaints", points(["a"], text=["A2"], category="y"))
        assert told(lived, "a")[-1] == (6, "update", {"text": (None, "A2")}, ())
        assert lived.erase("complaints", "text", ["a"], by=DUE).version == 7
        assert told(lived, "a")[-2:] == [(6, "update", {}, ("text",)), (7, "update", {}, ("text",))]
        assert texts(lived, version=6)["a"] is None

    def test_facts_become_unknown(self, store: Store) -> None:
        for shared in ("yes", "no"):
            room = frame_of("mediation_rooms", ["r"], [shapely.Point(WEST, SOUTH)], shared=[shared])
            store.upsert("mediation_rooms", room)
        assert store.erase("mediation_rooms", "shared", ["r"]).present == 1
        assert store.read("mediation_rooms").shared.tolist() == ["unknown"]
        assert store.read("mediation_rooms", version=1).shared.tolist() == ["unknown"]
        assert [edit.erased for edit in store.history("mediation_rooms", "r")[1:]] == [("shared",)] * 2
        assert store.holding("mediation_rooms", "shared").empty

    def test_many_at_once(self, store: Store) -> None:
        codes = [f"{k:04}" for k in range(700)]
        store.insert("complaints", points(codes, text="one", category="x"))
        store.update("complaints", points(codes, text="two", category="x"))
        store.delete("complaints", codes[600:])
        done = store.erase("complaints", "text", codes[300:], by=DUE)
        assert (done.version, done.present, done.past) == (4, 300, 100)
        assert store.changes(since=3)[0].codes == tuple(codes[300:600])
        assert store.holding("complaints", "text").index.tolist() == codes[:300]
        assert [text for text in texts(store, version=1).values() if text] == ["one"] * 300
        assert store.verify() == []

    def test_a_value_based_on_what_was_erased_is_a_conflict(self, lived: Store) -> None:
        lived.erase("complaints", "text", ["a"], by=DUE)
        with pytest.raises(StoreConflict) as caught:
            lived.update("complaints", points(["a"], text=["A3"], category="y"), based_on=4)
        (conflict,) = caught.value.conflicts
        assert (conflict.base, conflict.mine, conflict.theirs) == (None, "A3", None)

    def test_refuses_what_cannot_be_erased(self, lived: Store) -> None:
        for field in ("nothing", "code", "opened", "geometry"):
            with pytest.raises(ValueError, match=field):
                lived.erase("complaints", field, ["a"])
            with pytest.raises(ValueError, match=field):
                lived.holding("complaints", field)
        with pytest.raises(NotFound):
            lived.erase("nothing", "text", ["a"])
        with pytest.raises(ValueError, match="no new fact"):
            lived.erase("complaints", "text", ["a"], by=Authorship(effective=date(2020, 1, 1)))
        with open_store(lived.url, read_only=True) as reader, pytest.raises(StoreReadOnly):
            reader.erase("complaints", "text", ["a"])
        assert texts(lived)["a"] == "A2"

    def test_a_copy_has_nothing_of_it_either(self, lived: Store, kind: Kind, other_kind: Kind) -> None:
        lived.erase("complaints", "text", ["a", "b", "c"], by=DUE)
        url = other_kind.new_url()
        copy_store(lived, url)
        with open_store(url) as copy:
            assert copy.holding("complaints", "text").empty
            assert copy.history("complaints", "a") == lived.history("complaints", "a")
            assert copy.verify() == []

    def test_others_follow_it(self, lived: Store) -> None:
        with open_store(lived.url, read_only=True) as reader:
            before = reader.version()
            lived.erase("complaints", "text", ["a"], by=DUE)
            assert reader.wait(since=before, timeout_s=20) == before + 1
            assert texts(reader)["a"] is None
