"""What every kind of store promises of single features amended, and of requests that come more than once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import shapely

from layers.amending import Amended, Found, Key, KeyReused
from layers.problems import NotFound
from layers.store import Authorship, Store, backup_store, copy_store, create_store, open_store
from layers.text import Text
from tests.layers.store_contract import PLACE, Contract, Kind, frame_of, points, same

FIRST = Key("1b4e28ba-2fa1-11d2-883f-0016d3cca427", "one")
OTHER = Key("6fa459ea-ee8a-3ca4-894e-db77e160355e", "one")


def writing(**values: Any) -> Callable[[Found], Mapping[str, Any]]:
    return lambda found: values


def refusing(found: Found) -> Mapping[str, Any]:
    raise ZeroDivisionError


class KeysContract(Contract):
    """Amending one feature, exactly once."""

    @pytest.fixture
    def filled(self, store: Store) -> Store:
        store.insert("complaints", points(["a", "b"], category=["x", "y"], text=["one", "two"]))
        return store

    # What is written

    def test_amends_what_it_is_told_and_nothing_else(self, filled: Store) -> None:
        before = filled.read("complaints")
        by = Authorship(who="甲", note="seen", effective=date(2025, 6, 30))
        done = filled.amend("complaints", "b", writing(closed="2025-06-29", text=None), key=FIRST, by=by)
        assert done == Amended(2, ("closed", "text"))
        same(filled.read("complaints", version=1), before)
        after = filled.read("complaints")
        same(after.loc[["a"]], before.loc[["a"]])
        assert str(after.closed["b"].date()) == "2025-06-29"
        assert after.text.isna().tolist() == [False, True]
        (_, edit) = filled.history("complaints", "b")
        assert (edit.by, edit.fields) == (by, {"closed": (None, "2025-06-29"), "text": ("two", None)})
        assert filled.verify() == []

    def test_moves_a_place(self, filled: Store) -> None:
        done = filled.amend("complaints", "a", writing(geometry=shapely.Point(114.2, 22.6)))
        assert done.fields == ("geometry",)
        assert filled.read("complaints", bbox=(114.19, 22.59, 114.21, 22.61)).index.tolist() == ["a"]
        assert filled.verify() == []

    def test_what_is_so_already_makes_no_version(self, filled: Store) -> None:
        done = filled.amend("complaints", "a", writing(category="x", channel=None), key=FIRST)
        assert done == Amended(1, ())
        assert filled.version() == 1
        assert filled.amend("complaints", "a", writing(category="z"), key=FIRST) == Amended(1, (), again=True)

    def test_tells_what_is_there_and_what_others_did_since(self, filled: Store) -> None:
        filled.amend("complaints", "b", writing(channel="12345"), by=Authorship(who="乙"))
        filled.amend("complaints", "a", writing(category="z"), key=FIRST)
        filled.amend("complaints", "b", writing(text="new"), key=OTHER)
        told: list[Found] = []

        def look(found: Found) -> Mapping[str, Any]:
            told.append(found)
            return {}

        for based_on in (None, 1, 2, 3, 4, 5, -1):
            filled.amend(
                "complaints", "b", look, based_on=based_on, follows=[OTHER.id, FIRST.id, "none", "\0"]
            )
        assert [found.base_known for found in told] == [True, True, True, True, True, False, False]
        assert [[edit.version for edit in found.since] for found in told] == [
            [],
            [2, 4],
            [4],
            [4],
            [],
            [],
            [],
        ]
        assert told[1].own & {edit.version for edit in told[1].since} == {4}
        assert told[1].since[0].fields == {"channel": (None, "12345")}
        assert told[1].since[0].by.who == "乙"
        assert told[0].version == 4
        assert told[0].values is not None
        assert {name: told[0].values[name] for name in ("category", "text", "channel")} == {
            "category": "y",
            "text": "new",
            "channel": "12345",
        }
        assert filled.version() == 4

    @pytest.mark.parametrize("code", ["none", "", "\0", "\ud800"])
    def test_what_is_not_there_is_said_to_be_none(self, filled: Store, code: str) -> None:
        told: list[Found] = []

        def look(found: Found) -> Mapping[str, Any]:
            told.append(found)
            raise NotFound(Text("无", "none"))

        with pytest.raises(NotFound):
            filled.amend("complaints", code, look, key=FIRST)
        assert told[-1].values is None
        assert filled.outcome(FIRST) is None

    def test_what_was_deleted_meanwhile_is_told_of(self, filled: Store) -> None:
        filled.delete("complaints", ["b"])
        told: list[Found] = []

        def look(found: Found) -> Mapping[str, Any]:
            told.append(found)
            return {}

        assert filled.amend("complaints", "b", look, based_on=1) == Amended(2, ())
        assert told[-1].values is None
        assert [edit.kind for edit in told[-1].since] == ["delete"]

    def test_what_no_store_can_keep_is_refused_whole(self, filled: Store) -> None:
        for wrong in ({"text": "\0"}, {"no_such_field": 1}, {"geometry": None}, {"category": 1}):
            with pytest.raises(ValueError, match=r"complaints"):
                filled.amend("complaints", "a", writing(**wrong), key=FIRST)
        assert (filled.version(), filled.outcome(FIRST)) == (1, None)

    # Once

    def test_the_same_key_again_gives_the_first_outcome(self, filled: Store) -> None:
        done = filled.amend("complaints", "a", writing(category="z"), key=FIRST)
        filled.amend("complaints", "a", writing(category="w"))
        again = filled.amend("complaints", "a", refusing, key=FIRST)
        assert again == filled.outcome(FIRST) == Amended(done.version, done.fields, again=True)
        assert (filled.version(), filled.read("complaints").category["a"]) == (3, "w")

    def test_the_same_key_for_something_else_is_refused(self, filled: Store) -> None:
        filled.amend("complaints", "a", writing(category="z"), key=FIRST)
        other = Key(FIRST.id, "another")
        with pytest.raises(KeyReused, match=FIRST.id):
            filled.amend("complaints", "a", writing(category="w"), key=other)
        with pytest.raises(KeyReused):
            filled.outcome(other)
        assert filled.version() == 2

    def test_what_is_refused_does_not_use_a_key_up(self, filled: Store) -> None:
        with pytest.raises(ZeroDivisionError):
            filled.amend("complaints", "a", refusing, key=FIRST)
        assert filled.outcome(FIRST) is None
        assert filled.amend("complaints", "a", writing(category="z"), key=FIRST).version == 2

    def test_a_key_outlives_the_store_that_is_open(self, kind: Kind) -> None:
        url = kind.new_url()
        with create_store(url, PLACE, layers={"complaints": points(["a"])}) as store:
            store.amend("complaints", "a", writing(category="z"), key=FIRST)
        with open_store(url) as store:
            assert store.amend("complaints", "a", refusing, key=FIRST) == Amended(
                2, ("category",), again=True
            )
        with open_store(url, read_only=True) as store:
            assert store.outcome(FIRST) == Amended(2, ("category",), again=True)
            assert store.outcome(OTHER) is None

    def test_of_many_at_once_with_one_key_one_writes(self, filled: Store) -> None:
        start = threading.Barrier(8)

        def once(number: int) -> Amended:
            start.wait()
            return filled.amend("complaints", "a", writing(text=f"by {number}"), key=FIRST)

        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(once, range(8)))
        assert sorted(one.again for one in done) == [False] + [True] * 7
        assert {one.version for one in done} == {2}
        assert filled.version() == 2

    def test_each_of_many_at_once_sees_the_one_before(self, filled: Store) -> None:
        """Nobody's is lost: each reads with the turn to write."""
        start = threading.Barrier(8)

        def add(number: int) -> Amended:
            start.wait()
            return filled.amend(
                "complaints",
                "a",
                lambda found: {"text": f"{(found.values or {})['text']}+{number}"},
                key=Key(str(number), ""),
            )

        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(add, range(8)))
        assert sorted(one.version for one in done) == list(range(2, 10))
        assert sorted(filled.read("complaints").text["a"].split("+")[1:]) == [str(k) for k in range(8)]

    # Elsewhere

    def test_keys_travel_with_copies_and_backups(self, filled: Store, kind: Kind, tmp_path: Path) -> None:
        filled.amend("complaints", "a", writing(category="z"), key=FIRST)
        filled.amend("complaints", "b", writing(category="y"), key=OTHER)
        backup_store(filled, tmp_path / "backup.gpkg")
        copied = kind.new_url()
        with open_store(f"gpkg:{tmp_path / 'backup.gpkg'}") as backup:
            copy_store(backup, copied)
            with backup.contents() as theirs, filled.contents() as ours:
                for one in (theirs, ours):
                    assert [row for rows in one.layers["complaints"] for row in rows.records]
                    assert list(one.changes)
                    list(one.history)
                assert list(theirs.keys) == list(ours.keys) != []
        with open_store(copied) as copy:
            assert copy.amend("complaints", "a", refusing, key=FIRST) == Amended(2, ("category",), again=True)
            assert copy.outcome(OTHER) == Amended(2, (), again=True)
            assert copy.verify() == []

    def test_every_type_of_value_is_amended(self, store: Store) -> None:
        store.insert("buildings", frame_of("buildings", ["x"], [shapely.box(114, 22, 114.1, 22.1)]))
        values = {"name": "东", "floors": 3, "floor_area_m2": 1.5, "entrance_lon": 114.05}
        assert store.amend("buildings", "x", writing(**values)).fields == tuple(values)
        assert store.amend("buildings", "x", writing(**values)).fields == ()
        found = store.read("buildings").loc["x"]
        assert {name: found[name] for name in values} == values
