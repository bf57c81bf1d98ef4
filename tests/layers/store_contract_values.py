"""Every kind of store keeps every value as it is, and refuses what no kind can keep."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.feature import Feature
from layers.store import Authorship, Store, Written, create_store
from tests.layers.store_contract import (
    ON_ONE_STORE,
    PLACE,
    SOUTH,
    WEST,
    Contract,
    Kind,
    frame_of,
    points,
    same,
)

# Each is another code: look-alikes, what a database or a file format may take for something else, and
# characters whose order differs between code points, UTF-16 and a language's own.
AWKWARD = [
    "", " ", "a", "a ", " a", "A", "á", "a\u0301", "Z", "z", "_", "%", "中", "\ufdd0", "\uffff", "😀", "ß", "ẞ",
    "0", "00", "1", "1.0", "1e0", "-0", "NaN", "inf", "null", "NULL", "None", "true", "\\N", "\\.", "\\",
    "'", "''", '"', "`", "$1", "?", ":code", "{a,b}", "[1]", "(a)", "a,b", "a;--", "\t", "\n", "\r\n", "\x01",
    "\x7f", "\u200b", "\ufeff", "\u202e", "k" * 2000,
]  # fmt: skip


class ValuesContract(Contract):
    """The values that a store keeps."""

    @ON_ONE_STORE
    @given(
        text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20),
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
            version = store.upsert(layer, frame).version
            same(store.read(layer, codes=codes), frame.sort_index())
            assert store.upsert(layer, store.read(layer)).unchanged == 2
            same(store.read(layer, version=version), frame.sort_index())
        assert store.changes(since=store.version() - 1)[0].codes == tuple(sorted(codes))

    def test_tells_codes_apart_and_orders_them_by_code_point(self, store: Store) -> None:
        store.insert("complaints", points(AWKWARD, category=AWKWARD, text=AWKWARD[::-1]))
        found = store.read("complaints")
        assert found.index.tolist() == sorted(AWKWARD)
        same(found, points(AWKWARD, category=AWKWARD, text=AWKWARD[::-1]).sort_index())
        assert store.changes(since=0)[0].codes == tuple(sorted(AWKWARD))
        for code in AWKWARD:
            assert store.read("complaints", codes=[code]).category.tolist() == [code]
            assert [edit.version for edit in store.history("complaints", code)] == [1]
        assert store.read("complaints", codes=AWKWARD[::2]).index.tolist() == sorted(AWKWARD[::2])
        assert store.delete("complaints", AWKWARD[::2]) == len(AWKWARD[::2])
        assert store.read("complaints").index.tolist() == sorted(AWKWARD[1::2])
        same(store.read("complaints", version=1), found)

    def test_knows_the_codes_it_was_made_with(self, kind: Kind) -> None:
        plain = [code for code in AWKWARD if code.isalnum()]
        for codes in (AWKWARD, plain):
            layers = {"complaints": points(codes, text=codes)}
            with create_store(kind.new_url(), PLACE, layers=layers) as store:
                assert store.changes(since=0)[0].codes == tuple(sorted(codes))
                same(store.read("complaints"), points(codes, text=codes).sort_index())
                for code in codes:
                    assert [edit.version for edit in store.history("complaints", code)] == [1]

    def test_keeps_the_ends_of_every_range_and_tells_empty_from_unknown(self, store: Store) -> None:
        numbers = [np.inf, -np.inf, -0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1, np.nan]
        whole = pd.array([2**63 - 1, -(2**63), 2**53 + 1, 0, 1, -1, None, 7], dtype="Int64")
        days = [date(1, 1, 1), date(9999, 12, 31), date(1582, 10, 10), date(1970, 1, 1), *[None] * 4]
        texts = ["", None, "NULL", "\\N", " ", "\t", "'", "unknown"]
        facts = ["yes", "no", "unknown", None, "yes", "no", "unknown", None]
        codes = [str(k) for k in range(8)]
        places = [
            (0.0, -0.0),
            (-0.0, 0.0),
            (5e-324, 90),
            (180, -90),
            (0.1 + 0.2, 1 / 3),
            (-180, 90),
            (1, 2),
            (3, 4),
        ]
        shapes = [shapely.Point(place) for place in places]
        buildings = frame_of(
            "buildings",
            codes,
            shapes,
            name=texts,
            floors=whole,
            floor_area_m2=numbers,
            entrance_lon=numbers[::-1],
        )
        rooms = frame_of("mediation_rooms", codes, shapes, name_en=texts, shared=facts, opened=days)
        for layer, frame in (("buildings", buildings), ("mediation_rooms", rooms)):
            version = store.insert(layer, frame).version
            same(store.read(layer), frame)
            # Out of history they come as they went in.
            store.update(layer, frame_of(layer, codes, [shapely.Point(1, 1)] * 8, name=["other"] * 8))
            store.delete(layer, codes)
            same(store.read(layer, version=version), frame)
        # SQLite has no negative zero, so no kind has; what is compared byte for byte would differ by it.
        assert not np.signbit(store.read("buildings", version=1).floor_area_m2.iloc[2])
        store.upsert("buildings", buildings)
        assert not np.signbit(store.read("buildings").floor_area_m2.iloc[2])

    @pytest.mark.parametrize("code", ["a\0b", "\0", "a\ud800"], ids=["inside", "alone", "half a pair"])
    def test_finds_nothing_under_what_cannot_be_a_code(self, store: Store, code: str) -> None:
        store.insert("complaints", points(["a", "b"]))
        store.update("complaints", points(["a", "b"], category="x"))
        assert store.read("complaints", codes=[code, "b"]).index.tolist() == ["b"]
        assert store.read("complaints", codes=[code], version=1).empty
        assert store.read("complaints", codes=[code], on=date(2020, 1, 1)).empty
        assert store.history("complaints", code) == []
        assert store.delete("complaints", [code]) == 0
        assert store.version() == 2

    def test_keeps_of_a_feature_what_it_keeps_of_a_frame_of_it(self, store: Store) -> None:
        square = shapely.box(WEST, SOUTH, WEST + 1, SOUTH + 1)
        high = shapely.force_3d(shapely.MultiPolygon([square]), 5.0)
        buildings: dict[str, Any] = {
            "name": "中 \\N'",
            "name_en": None,
            "floors": -(2**63),
            "floor_area_m2": -0.0,
            "entrance_lon": 1,
        }
        rooms: dict[str, Any] = {
            "name": "",
            "mediators": 0,
            "shared": "yes",
            "opened": date(1, 1, 1),
            "entrance_lat": np.inf,
        }
        for layer, values in (("buildings", buildings), ("mediation_rooms", rooms), ("subdistricts", {})):
            columns = {name: pd.Series([value], dtype=object) for name, value in values.items()}
            frame = frame_of(layer, ["a"], [square], **columns)
            version = store.version()
            assert store.insert(layer, Feature("a", high, values)) == Written(version + 1, 1, 0, 0)
            same(store.read(layer), frame)
            for write in (store.update, store.upsert):
                for form in (Feature("a", square, values), frame):
                    assert write(layer, form) == Written(version + 1, 0, 0, 1)
            moved = Feature("a", shapely.transform(square, lambda xy: xy + 1), values)
            assert store.update(layer, moved, based_on=version + 1) == Written(version + 2, 0, 1, 0)
            assert store.upsert(layer, frame) == Written(version + 3, 0, 1, 0)
            same(store.read(layer), frame)

    def test_refuses_a_feature_that_no_frame_could_hold(self, store: Store) -> None:
        here = shapely.Point(WEST, SOUTH)
        store.insert("complaints", Feature("a", here))
        wrong: list[Any] = [
            Feature("b\0", here),
            Feature("b", here, {"text": "y\0z"}),
            Feature("b", here, {"text": 5}),
            Feature("b", here, {"none": "x"}),
            Feature("b", shapely.box(0, 0, 1, 1)),
            Feature("b", shapely.Point()),
        ]
        for feature in wrong:
            for write in (store.insert, store.update, store.upsert):
                with pytest.raises(ValueError, match="complaints"):
                    write("complaints", feature)
        assert (store.version(), store.read("complaints").index.tolist()) == (1, ["a"])

    def test_refuses_the_character_nul(self, store: Store) -> None:
        store.insert("complaints", points(["a"]))
        for frame in (points(["a", "b\0"]), points(["a", "b"], text=["x", "y\0z"])):
            for write in (store.insert, store.update, store.upsert):
                with pytest.raises(ValueError, match="NUL"):
                    write("complaints", frame)
        with pytest.raises(ValueError, match="NUL"):
            store.upsert("complaints", points(["c"]), by=Authorship(note="a\0"))
        with pytest.raises(ValueError, match="NUL"):
            store.delete("complaints", ["a"], by=Authorship(who="\0"))
        assert (store.version(), store.read("complaints").index.tolist()) == (1, ["a"])

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
