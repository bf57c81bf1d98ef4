"""Every kind of store remembers what was done, and shows what was on record and what held."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.frames import empty_frame
from layers.problems import NotFound
from layers.schema import LAYERS
from layers.store import Authorship, Edit, Store, create_store, open_store
from tests.layers.store_contract import PLACE, SOUTH, WEST, Contract, Kind, frame_of, points, same

HERE, THERE = shapely.Point(WEST, SOUTH), shapely.Point(WEST + 0.5, SOUTH)
ANNE = Authorship(who="安")
SIGNED, ENDED, TODAY = date(2019, 7, 1), date(2020, 7, 1), date(2021, 1, 1)
BEFORE = date(1949, 10, 1)


def fact(day: date) -> Authorship:
    """Return the authorship of what holds from a day on."""
    return Authorship(who="安", effective=day)


def community(company: str | None, *, end: date | None = None, residents: int | None = None) -> Any:
    """Return a community and who manages it until when."""
    values: dict[str, Any] = {
        "name": ["绿景花园"],
        "property_company": [company],
        "contract_end": [end],
        "residents": pd.array([residents], dtype="Int64"),
    }
    return frame_of("communities", ["C01"], [HERE], **values)


def building_of(code: str) -> Any:
    """Return a building."""
    return frame_of("buildings", [code], [HERE])


class HistoryContract(Contract):
    """What was done to a feature; a version's state; what held on a day."""

    # What was done

    def test_a_write_is_known_by_its_mark(self, kind: Kind) -> None:
        urls = [kind.new_url() for _ in range(2)]
        for url, name in zip(urls, ("甲", "乙"), strict=True):
            with create_store(url, PLACE) as store:
                store.insert("complaints", points(["a", "b"]), by=ANNE)
                store.delete("complaints", ["a"], by=Authorship(who=name, note="\"'", effective=SIGNED))
                store.insert("buildings", building_of("x"))
        with open_store(urls[0]) as one, open_store(urls[1]) as other:
            assert [one.mark(version) for version in (0, 4, -1)] == [None] * 3
            assert [one.mark(version) for version in (1, 2, 3)] == [
                change.mark for change in one.changes(since=0)
            ]
            second = one.mark(2)
            assert second is not None
            assert (second.layer, second.count, second.by.who) == ("complaints", 1, "甲")
            assert not {one.mark(version) for version in (1, 2, 3)} & {
                other.mark(version) for version in (1, 2, 3)
            }

    def test_tells_all_that_was_done_to_a_feature(self, store: Store) -> None:
        square, pair = shapely.box(114, 22, 115, 23), [shapely.box(k, 22, k + 0.5, 23) for k in (114, 116)]

        def building(shape: Any, **values: Any) -> gpd.GeoDataFrame:
            return frame_of("buildings", ["b", "other"], [shape, HERE], **values)

        none = pd.array([None, 1], dtype="Int64")
        floors = pd.array([2**63 - 1, 1], dtype="Int64")
        store.insert("buildings", building(square, name=["n", "x"], floors=none), by=ANNE)
        store.update("buildings", building(square, name=["n", "x"], floors=floors), by=fact(SIGNED))
        store.update("buildings", building(shapely.MultiPolygon(pair), name=["", "x"], floors=floors))
        store.update("buildings", building(shapely.MultiPolygon(pair), name=["", "y"], floors=floors))
        store.delete("buildings", ["b"], by=fact(ENDED))
        store.upsert("buildings", building(HERE, floor_area_m2=[float("inf"), 1.5]), by=ANNE)
        many, most = shapely.MultiPolygon(pair), 2**63 - 1
        assert store.history("buildings", "b") == [
            Edit(1, "insert", {"geometry": (None, square), "name": (None, "n")}, ANNE),
            Edit(2, "update", {"floors": (None, most)}, fact(SIGNED)),
            Edit(3, "update", {"geometry": (square, many), "name": ("n", "")}),
            Edit(5, "delete", {"geometry": (many, None), "name": ("", None), "floors": (most, None)}, fact(ENDED)),
            Edit(6, "insert", {"geometry": (None, HERE), "floor_area_m2": (None, float("inf"))}, ANNE),
        ]  # fmt: skip
        assert [edit.version for edit in store.history("buildings", "other")] == [1, 4, 6]
        assert all(edit.at is not None for edit in store.history("buildings", "b"))

    def test_tells_days_as_iso_texts_and_facts_as_they_are(self, store: Store) -> None:
        def room(shared: str, opened: date | None) -> gpd.GeoDataFrame:
            return frame_of("mediation_rooms", ["r"], [HERE], shared=[shared], opened=[opened])

        store.insert("mediation_rooms", room("unknown", date(1, 1, 1)))
        store.update("mediation_rooms", room("yes", None))
        fields = [edit.fields for edit in store.history("mediation_rooms", "r")]
        assert fields == [
            {"geometry": (None, HERE), "shared": (None, "unknown"), "opened": (None, "0001-01-01")},
            {"shared": ("unknown", "yes"), "opened": ("0001-01-01", None)},
        ]

    def test_tells_nothing_of_what_never_was(self, store: Store) -> None:
        store.insert("complaints", points(["a"]))
        assert store.history("complaints", "b") == []
        assert store.history("buildings", "a") == []

    def test_remembers_after_it_was_closed(self, kind: Kind) -> None:
        url = kind.new_url()
        with create_store(url, PLACE, layers={"complaints": points(["a"], category="x")}, by=ANNE) as store:
            store.update("complaints", points(["a"], category="y"))
            store.delete("complaints", ["a"])
        with open_store(url, read_only=True) as store:
            assert [edit.kind for edit in store.history("complaints", "a")] == ["insert", "update", "delete"]
            assert store.history("complaints", "a")[0].by == ANNE
            same(store.read("complaints", version=1), points(["a"], category="x"))
            assert (store.history_since(), store.version()) == (0, 3)

    # What was on record

    def test_reads_every_version_as_it_stood(self, store: Store) -> None:
        states: list[gpd.GeoDataFrame] = [empty_frame(LAYERS["complaints"])]

        def done() -> None:
            states.append(store.read("complaints"))

        store.insert("complaints", points(["a", "b", "é", "😀"], category="x"))
        done()
        store.update("complaints", points(["b", "😀"], category="y"), by=fact(ENDED))
        done()
        store.delete("complaints", ["a", "😀"], by=fact(SIGNED))
        done()
        store.insert("buildings", frame_of("buildings", ["a"], [HERE]))
        done()
        store.insert("complaints", points(["c", "a"], text="again"))
        done()
        store.delete("complaints", ["a", "b", "c", "é"])
        done()
        assert store.version() == 6
        for version, state in enumerate(states):
            same(store.read("complaints", version=version), state)
        assert store.read("buildings", version=3).empty
        assert store.read("buildings", version=4).index.tolist() == ["a"]

    def test_reads_many_rows_of_a_past_version(self, store: Store) -> None:
        codes = [f"{k:05}" for k in range(2500)]
        store.insert("complaints", points(codes, category="x"))
        before = store.read("complaints")
        store.update("complaints", points(codes, category="y"))
        store.delete("complaints", codes[::2])
        same(store.read("complaints", version=1), before)
        same(store.read("complaints", version=2), points(codes, category="y"))
        assert len(store.read("complaints", version=2, codes=codes[:1000])) == 1000

    def test_reads_of_the_past_by_code_and_by_box(self, store: Store) -> None:
        store.insert("complaints", frame_of("complaints", ["a", "b", "c"], [HERE, HERE, THERE]))
        store.update("complaints", frame_of("complaints", ["a"], [THERE]), by=fact(ENDED))
        store.delete("complaints", ["b"], by=fact(ENDED))
        west = (WEST - 0.1, SOUTH, WEST, SOUTH)
        for past in ({"version": 1}, {"on": SIGNED}):
            assert store.read("complaints", bbox=west, **past).index.tolist() == ["a", "b"]
            found = store.read("complaints", codes=["c", "b", "none"], **past)
            assert found.index.tolist() == ["b", "c"]
            found = store.read("complaints", codes=["c", "b"], bbox=west, **past)
            assert found.index.tolist() == ["b"]
            assert store.read("complaints", codes=[], **past).empty
        assert store.read("complaints", bbox=west, version=2).index.tolist() == ["b"]
        same(store.read("complaints", bbox=west, on=TODAY), empty_frame(LAYERS["complaints"]))

    def test_knows_the_versions_that_have_been(self, store: Store) -> None:
        store.insert("complaints", points(["a"]))
        for version in (-1, 2, 10**12):
            with pytest.raises(NotFound, match=str(version)) as caught:
                store.read("complaints", version=version)
            assert caught.value.remedy is not None
        with pytest.raises(ValueError, match="both"):
            store.read("complaints", version=1, on=TODAY)
        with pytest.raises(NotFound):
            store.read("nothing", version=1)

    # What held

    def test_shows_a_contract_from_the_day_it_was_signed(self, store: Store) -> None:
        store.insert("communities", community(None, residents=900))
        store.update("communities", community("甲", end=ENDED, residents=900), by=fact(SIGNED))
        # Not a new fact: it never were 900.
        store.update("communities", community("甲", end=ENDED, residents=910))
        store.update("communities", community("乙", residents=910), by=fact(ENDED))

        for day in (BEFORE, date(2019, 6, 30)):
            same(store.read("communities", on=day), community(None, residents=910))
        for day in (SIGNED, date(2020, 6, 30)):
            same(store.read("communities", on=day), community("甲", end=ENDED, residents=910))
        for day in (ENDED, TODAY, date(9999, 12, 31)):
            same(store.read("communities", on=day), community("乙", residents=910))

    def test_lets_a_correction_amend_the_last_fact_alone(self, store: Store) -> None:
        store.insert("communities", community(None))
        store.update("communities", community("甲"), by=fact(SIGNED))
        store.update("communities", community("甲方"))
        assert store.read("communities", on=BEFORE).property_company.isna().all()
        assert store.read("communities", on=SIGNED).property_company.tolist() == ["甲方"]

    def test_lets_a_fact_reported_late_count_from_its_day(self, store: Store) -> None:
        store.insert("communities", community("甲"))
        store.update("communities", community("丙"), by=fact(ENDED))
        store.update("communities", community("乙"), by=fact(SIGNED))
        companies = [
            store.read("communities", on=day).property_company.tolist()[0]
            for day in (BEFORE, SIGNED, ENDED, TODAY)
        ]
        assert companies == ["甲", "乙", "乙", "乙"]

    def test_shows_features_while_they_stood(self, store: Store) -> None:
        store.insert("complaints", points(["always"]))
        store.insert("complaints", points(["a", "b"], category="x"), by=fact(SIGNED))
        store.delete("complaints", ["a"], by=fact(ENDED))
        store.insert("complaints", points(["a"], category="new"), by=fact(TODAY))
        store.delete("complaints", ["b"])  # by mistake it was there at all

        def held(day: date) -> dict[Any, Any]:
            return store.read("complaints", on=day).category.fillna("?").to_dict()

        assert held(BEFORE) == held(ENDED) == {"always": "?"}
        assert held(SIGNED) == {"always": "?", "a": "x"}
        assert held(TODAY) == {"always": "?", "a": "new"}

    def test_shows_what_a_first_load_said_from_its_day(self, kind: Kind) -> None:
        layers = {"complaints": points(["a"])}
        with create_store(kind.new_url(), PLACE, layers=layers, by=fact(SIGNED)) as store:
            same(store.read("complaints", on=SIGNED), layers["complaints"])
            assert store.read("complaints", on=BEFORE).empty
