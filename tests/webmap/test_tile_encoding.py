"""From shapes to the bytes of a tile: the message itself, and the tables that features point into."""

from __future__ import annotations

from typing import Any

import mapbox_vector_tile
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from mapbox_vector_tile.Mapbox import vector_tile_pb2

from tests.webmap.decoding import as_text, broken_rules
from webmap.tile_encoding import (
    Figures,
    joined,
    outlines_of,
    point_figures,
    ring_figures,
    tile,
    value_messages,
    varints,
    zigzag,
)
from webmap.tile_texts import texts_of

SQUARE = shapely.box(0, 0, 10, 10)
RING = shapely.Polygon(SQUARE.exterior.coords, [shapely.box(2, 2, 4, 4).exterior.coords])


def figures_of(shapes: list[Any]) -> Figures:
    each = []
    for shape in shapes:
        if shape.geom_type == "Point":
            each.append(point_figures(np.array([[int(shape.x), int(shape.y)]])))
        else:
            each.append(ring_figures(*outlines_of(np.array([shape], dtype=object))))
    return joined(each)


def encoded(shapes: list[Any], properties: list[dict[str, str]]) -> bytes:
    keys = list(dict.fromkeys(key for row in properties for key in row))
    table = list(dict.fromkeys(value for row in properties for value in row.values()))
    values = np.array([[table.index(row[key]) if key in row else -1 for key in keys] for row in properties])
    messages = np.empty(len(table), dtype=object)
    messages[:] = value_messages(table)
    return tile("a", keys, figures_of(shapes), np.arange(len(shapes)), values, messages)


@pytest.mark.parametrize(
    ("shape", "commands"),
    [
        (shapely.Point(25, 17), [9, 50, 34]),
        (shapely.Polygon([(3, 6), (8, 12), (20, 34)]), [9, 6, 12, 18, 10, 12, 24, 44, 15]),
        (
            shapely.MultiPolygon(
                [
                    shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)]),
                    shapely.Polygon(
                        [(11, 11), (20, 11), (20, 20), (11, 20)], [[(13, 13), (13, 17), (17, 17), (17, 13)]]
                    ),
                ]
            ),
            [9, 0, 0, 26, 20, 0, 0, 20, 19, 0, 15, 9, 22, 2, 26, 18, 0, 0, 18, 17, 0, 15, 9, 4, 13, 26, 0, 8, 8, 0, 0, 7, 15],
        ),
    ],
)  # fmt: skip
def test_commands_are_those_of_the_specification(shape: Any, commands: list[int]) -> None:
    """The examples of the Mapbox Vector Tile specification 2.1, section 4.3.5."""
    made = vector_tile_pb2.tile.FromString(encoded([shape], [{"id": "1"}]))
    assert list(made.layers[0].features[0].geometry) == commands


SHAPES = st.lists(
    st.sampled_from(
        [
            shapely.Point(5, 7),
            shapely.Point(-5, 4100),
            SQUARE,
            RING,
            shapely.MultiPolygon([RING, shapely.box(20, 20, 21, 22)]),
            shapely.MultiPolygon([SQUARE, shapely.box(-9, -9, -5, -7), shapely.box(4000, 4000, 4160, 4160)]),
            shapely.Polygon(np.array([(n * 30, n * n % 97) for n in range(90)] + [(0, 4000)])).buffer(0),
        ]
    ),
    min_size=1,
    max_size=9,
)


@given(SHAPES, st.data())
def test_our_encoder_writes_what_the_reference_encoder_writes(shapes: list[Any], data: st.DataObject) -> None:
    wound = list(shapely.orient_polygons(shapely.set_precision(np.array(shapes, dtype=object), 1)))
    # As keys come into the reference's table in the order of features, so they do here.
    names = data.draw(
        st.lists(
            st.sampled_from(["", "甲", "甲乙" * 70, "0", "1"]), min_size=len(shapes), max_size=len(shapes)
        )
    )
    properties = [{"id": str(n)} | ({"name": name} if name else {}) for n, name in enumerate(names)]
    reference = mapbox_vector_tile.encode(
        {
            "name": "a",
            "features": [{"geometry": g, "properties": p} for g, p in zip(wound, properties, strict=True)],
        },
        default_options={"y_coord_down": True, "check_winding_order": False},
    )
    ours = encoded(wound, properties)
    assert vector_tile_pb2.tile.FromString(ours) == vector_tile_pb2.tile.FromString(reference)
    assert broken_rules(ours) == []


def test_features_come_in_the_order_asked_for() -> None:
    figures = figures_of([shapely.Point(5, 7), SQUARE, shapely.Point(-8, 9)])
    table = np.empty(3, dtype=object)
    table[:] = value_messages("abc")
    body = tile("a", ["id"], figures, np.array([2, 0, 1]), np.array([[0], [1], [2]]), table)
    assert as_text(body).splitlines() == [
        "id=a POINT (-8 9)",
        "id=b POINT (5 7)",
        "id=c POLYGON ((10 0, 10 10, 0 10, 0 0, 10 0))",
    ]


def test_polygons_in_one_go_are_as_each_by_itself() -> None:
    several = np.array(
        [RING, SQUARE, shapely.MultiPolygon([RING, shapely.box(20, 20, 21, 22)])], dtype=object
    )
    at_once, each = ring_figures(*outlines_of(several)), figures_of(list(several))
    for name in ("kinds", "commands", "ends"):
        assert np.array_equal(getattr(at_once, name), getattr(each, name))


@given(st.lists(st.integers(0, 2**34), max_size=20))
def test_varints_are_protobuf_s(numbers: list[int]) -> None:
    groups, needed = varints(np.array(numbers, dtype=np.int64))
    # A string of bytes that protobuf has written: 64-bit numbers in a packed list do the same.
    expected = b""
    for number in numbers:
        while number > 127:
            expected += bytes([number & 127 | 128])
            number >>= 7
        expected += bytes([number])
    assert groups[needed].tobytes() == expected


@given(st.integers(-(2**33), 2**33))
def test_zigzag_is_protobuf_s(number: int) -> None:
    assert int(zigzag(np.array([number]))[0]) == (2 * number if number >= 0 else -2 * number - 1)


TEXTS = st.one_of(st.none(), st.sampled_from(["甲", "A", "B", "c1", "c2"]))


@given(
    st.integers(0, 8).flatmap(
        lambda n: st.tuples(
            st.lists(TEXTS, min_size=n, max_size=n),
            st.lists(TEXTS, min_size=n, max_size=n),
            st.lists(st.integers(0, max(n - 1, 0)), unique=True, max_size=n),
        )
    )
)
def test_a_table_of_values_is_without_repeats_and_without_what_is_not_used(
    given_: tuple[list[str | None], list[str | None], list[int]],
) -> None:
    """Codes may read like names; of every feature what is known is told, under its key."""
    names, kinds, rows = given_
    codes = pd.Index([f"c{n}" for n in range(len(names))], dtype="str")
    columns = {"name": pd.Series(names, dtype="str"), "kind": pd.Series(kinds, dtype=object)}
    texts = texts_of(codes, columns)
    at = np.array(rows, dtype=np.int32)
    keys, values, table = texts.table(at, texts.codes_of(at))
    assert len(set(table)) == len(table)
    assert set(values[values >= 0].tolist()) == set(range(len(table)))
    assert all((values[:, column] >= 0).any() for column in range(len(keys)))
    for row, pointed in zip(rows, values.tolist(), strict=True):
        told = {key: table[place] for key, place in zip(keys, pointed, strict=True) if place >= 0}
        known = {"id": f"c{row}", "name": names[row], "kind": kinds[row]}
        assert told == {key: value_messages([text])[0] for key, text in known.items() if text is not None}


def test_days_are_told_as_days() -> None:
    days = pd.Series(pd.to_datetime(np.array(["2019-12-31", "NaT", "2019-12-31"], dtype="datetime64[D]")))
    texts = texts_of(pd.Index(["a", "b", "c"], dtype="str"), {"opened": days})
    assert list(texts.values) == [*value_messages(["2019-12-31"]), None]
    assert texts.columns.tolist() == [[0], [-1], [0]]


def test_a_tile_reads_as_on_paper() -> None:
    body = encoded(
        [shapely.Point(5, 7), shapely.orient_polygons(RING)],
        [{"id": "p", "kind": "library"}, {"id": "r", "name": "甲园"}],
    )
    assert as_text(body) == (
        "id=p kind=library POINT (5 7)\n"
        "id=r name=甲园 POLYGON ((10 0, 10 10, 0 10, 0 0, 10 0), (4 2, 2 2, 2 4, 4 4, 4 2))"
    )


@pytest.mark.parametrize(
    ("numbers", "rule"),
    [
        ([9, 0, 0, 18, 20, 0, 0, 20, 15], ""),
        ([9, 0, 0, 18, 0, 20, 20, 0, 15], "area"),  # the other way round
        ([9, 0, 0, 26, 20, 0, 0, 0, 0, 20, 15], "again"),
        ([9, 0, 0, 18, 20, 0, 20, 0, 15], "area"),  # on one line
        ([9, 0, 0, 10, 20, 0, 15], "order"),
        ([9, 0, 0, 26, 40, 40, 0, 39, 39, 60, 15], "valid"),
    ],
)
def test_what_breaks_the_rules_is_found(numbers: list[int], rule: str) -> None:
    """Else the other tests could not fail."""
    made = vector_tile_pb2.tile()
    layer = made.layers.add(name="a", version=2, extent=4096, keys=["id"])
    layer.values.add(string_value="1")
    layer.features.add(type=vector_tile_pb2.tile.Polygon, geometry=numbers, tags=[0, 0])
    found = broken_rules(made.SerializeToString())
    assert any(rule in one for one in found) if rule else found == []
    layer.values.add(string_value="1")
    assert len(broken_rules(made.SerializeToString())) == len(found) + 2  # twice, and not used
