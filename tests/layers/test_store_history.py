"""Looking back through what writes replaced, apart from any store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise, product
from typing import Any

import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from layers.frames import empty_frame
from layers.schema import LAYERS
from layers.store import Authorship, Change, Edit, EditKind
from layers.stores.contents import (
    ChangeRow,
    HistoryRow,
    change_of,
    codes_text,
    contents_of_frames,
    day_of,
    day_text,
    instant_of,
    instant_text,
)
from layers.stores.history import Undo, conflicts_of, edits_of, history_row, rows_at, rows_on
from layers.stores.rows import Row, rows_of
from tests.layers.store_contract import PLACE, frame_of, points
from tests.layers.store_model import Feature, Model, Refused, State

LAYER = LAYERS["subdistricts"]
AT = datetime(2020, 1, 1, tzinfo=UTC)
HERE, THERE = shapely.box(114, 22, 115, 23), shapely.box(115, 22, 116, 23)

# Days of facts, and days on which to look: each of those, before all, between, after all.
EARLY, LATE = date(2019, 3, 1), date(2020, 3, 1)
LOOKED_ON = (date(1, 1, 1), EARLY, date(2019, 12, 31), LATE, date(9999, 12, 31))


def feature(name: str = "x", shape: Any = HERE, **values: str) -> Feature:
    """Return a subdistrict."""
    return {"geometry": shape, "name": name, **values}


def row_of(code: str, values: Feature) -> Row:
    """Return the row of a subdistrict, made here by hand."""
    whole = shapely.multipolygons([values["geometry"]])
    return (code, shapely.to_wkb(whole, byte_order=1), values.get("name"), values.get("name_en"))


class Kept:
    """The present rows of one layer, what takes them back, and the model of both."""

    def __init__(self) -> None:
        self.model = Model([LAYER.name])
        self.undos: list[Undo] = []

    @property
    def rows(self) -> list[Row]:
        return rows_of_state(self.model.present(LAYER.name))

    def write(self, features: dict[str, Feature | None], effective: date | None = None) -> None:
        """Write features, or delete those that are None."""
        by = Authorship(who="甲", effective=effective)
        before = {row[0]: row for row in self.rows}
        there = {code: values for code, values in features.items() if values is not None}
        gone = [code for code, values in features.items() if values is None]
        version = self.model.version
        if there:
            self.model.write(LAYER.name, there, "upsert", by=by, at=AT)
        else:
            self.model.delete(LAYER.name, gone, by=by, at=AT)
        if self.model.version == version:
            return
        after = {row[0]: row for row in self.rows}
        codes = self.model.changes[-1].codes
        made = [_undo(version + 1, code, before.get(code), after.get(code), by) for code in codes]
        self.undos = [*made, *self.undos]


def _undo(version: int, code: str, before: Row | None, after: Row | None, by: Authorship) -> Undo:
    if before is None:
        return Undo(version, code, "insert", by=by, at=AT)
    kept = history_row(version, before, after, LAYER)
    kind: EditKind = "delete" if kept.deleted else "update"
    return Undo(version, kept.code, kind, kept.wkb, json.loads(kept.before), by, AT)


def rows_of_state(state: State) -> list[Row]:
    return [row_of(code, state[code]) for code in sorted(state)]


def assert_looks_back(kept: Kept) -> None:
    """Assert that every past state is the model's."""
    model = kept.model
    for version in range(model.version + 1):
        later = [undo for undo in kept.undos if undo.version > version]
        assert rows_at(kept.rows, later, LAYER) == rows_of_state(model.states[version][LAYER.name])
    assert_held(kept)
    for code in {undo.code for undo in kept.undos}:
        present = [row for row in kept.rows if row[0] == code]
        undos = [undo for undo in kept.undos if undo.code == code]
        edits = edits_of(present[0] if present else None, undos, LAYER)
        assert edits == model.history(LAYER.name, code)
        assert {edit.at for edit in edits} == {AT}


def assert_held(kept: Kept) -> None:
    """Assert that what held on any day is what the model says."""
    for day in LOOKED_ON:
        found = rows_on(kept.rows, kept.undos, LAYER, day)
        assert found == rows_of_state(kept.model.on(LAYER.name, day)), day


def story(*writes: tuple[Feature | None, date | None]) -> Kept:
    """Return one feature's writes: its values, or None for a delete, and from which day they hold."""
    kept = Kept()
    for values, effective in writes:
        kept.write({"a": values}, effective)
    return kept


def held(kept: Kept, day: date) -> dict[str, Any] | None:
    """Return the name and the English name that the feature had on a day; None where it was not there."""
    found = rows_on(kept.rows, kept.undos, LAYER, day)
    return {"name": found[0][2], "name_en": found[0][3]} if found else None


# What held on a day


def test_every_short_story_of_a_feature() -> None:
    """All stories of four writes: of two fields, a delete; as a correction or a fact of either of two days."""
    values = (feature("x", name_en="x"), feature("y", name_en="x"), feature("x", name_en="y"), None)
    writes = list(product(values, (None, EARLY, LATE)))
    for told in product(writes, repeat=4):
        if told[0][0] is not None and all(one != other for (one, _), (other, _) in pairwise(told)):
            assert_held(story(*told))


_some = st.builds(
    feature,
    st.sampled_from("xy"),
    st.sampled_from([HERE, THERE]),
    name_en=st.sampled_from("xy"),
)
_writes = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("ab"), _some, min_size=1) | st.just({"a": None}),
        st.sampled_from([None, EARLY, LATE]),
    ),
    max_size=12,
)


@settings(max_examples=400)
@given(_writes)
@example(
    # A fact reported late, a delete and a correction over it: what the delete hid is not lost.
    [
        ({"a": feature("x")}, None),
        ({"a": None}, LATE),
        ({"a": feature("y")}, LATE),
        ({"a": feature("z")}, EARLY),
        ({"a": None}, None),
    ]
)
def test_long_stories(writes: list[tuple[dict[str, Feature | None], date | None]]) -> None:
    kept = Kept()
    for features, effective in writes:
        kept.write(features, effective)
    assert_looks_back(kept)


def test_a_fact_holds_from_its_day_and_a_correction_always_did() -> None:
    kept = story((feature("old"), None), (feature("new"), LATE))
    assert held(kept, date(2020, 2, 29)) == {"name": "old", "name_en": None}
    assert held(kept, LATE) == {"name": "new", "name_en": None}
    kept.write({"a": feature("new", name_en="N")})
    assert held(kept, date(1949, 10, 1)) == {"name": "old", "name_en": "N"}
    kept.write({"a": feature("newer", name_en="N")})
    assert held(kept, date(2020, 2, 29)) == {"name": "old", "name_en": "N"}
    assert held(kept, LATE) == {"name": "newer", "name_en": "N"}


def test_a_fact_reported_late_ends_what_was_said_to_follow_it() -> None:
    kept = story((feature("a"), None), (feature("c"), LATE), (feature("b"), EARLY))
    assert [(held(kept, day) or {}).get("name") for day in LOOKED_ON] == ["a", "b", "b", "b", "b"]


def test_a_feature_comes_with_its_first_fact_and_goes_with_its_last() -> None:
    kept = story((feature(), EARLY), (None, LATE))
    assert [held(kept, day) is not None for day in LOOKED_ON] == [False, True, True, False, False]


def test_a_fact_of_a_day_before_its_feature_was_there_does_not_bring_it_into_being() -> None:
    # All its fields at once: a feature's being there is none of them.
    kept = story((feature("x", name_en="x"), LATE), (feature("y", THERE, name_en="y"), EARLY))
    assert [held(kept, day) is not None for day in LOOKED_ON] == [False, False, False, True, True]


def test_a_fact_reported_late_outlasts_a_time_when_the_feature_was_not_there() -> None:
    closed, opened_again = date(2019, 6, 1), LATE
    kept = story((feature("x"), None), (None, closed), (feature("y"), opened_again), (feature("z"), EARLY))
    assert [(held(kept, day) or {}).get("name") for day in LOOKED_ON] == ["x", "z", None, "z", "z"]


def test_a_corrected_delete_says_the_feature_never_was_there_since_it_last_came() -> None:
    kept = story((feature("x"), None), (None, EARLY), (feature("y"), LATE), (None, None))
    assert [held(kept, day) is not None for day in LOOKED_ON] == [True, False, False, False, False]
    kept = story((feature("x"), EARLY), (None, None))
    assert [held(kept, day) for day in LOOKED_ON] == [None] * 5


def test_a_feature_put_back_by_correction_has_the_past_it_had() -> None:
    kept = story((feature("x"), EARLY), (feature("y"), LATE), (None, None), (feature("z"), None))
    assert [(held(kept, day) or {}).get("name") for day in LOOKED_ON] == [None, "x", "x", "z", "z"]


# What was on record


def test_a_history_row_keeps_what_a_write_changed_and_no_more() -> None:
    before = row_of("a", feature("x", name_en="X"))
    assert history_row(7, before, row_of("a", feature("x", name_en="Y")), LAYER) == HistoryRow(
        7, "a", False, None, '{"name_en":"X"}'
    )
    assert history_row(7, before, row_of("a", feature("x", THERE, name_en="X")), LAYER) == HistoryRow(
        7, "a", False, before[1], "{}"
    )
    assert history_row(7, before, None, LAYER) == HistoryRow(
        7, "a", True, before[1], '{"name":"x","name_en":"X"}'
    )
    unknown = history_row(7, row_of("a", feature("x")), row_of("a", feature("x", name_en="X")), LAYER)
    assert unknown.before == '{"name_en":null}'


def test_a_field_that_came_after_a_feature_was_deleted_is_unknown_in_its_past() -> None:
    gone = row_of("a", feature())
    old = Undo(2, "a", "delete", gone[1], {"name": "x"}, Authorship(effective=LATE))
    assert rows_at([], [old], LAYER) == [("a", gone[1], "x", None)]
    assert rows_on([], [old], LAYER, EARLY) == [("a", gone[1], "x", None)]
    assert edits_of(None, [old], LAYER)[0].fields["name"] == ("x", None)


def test_edits_name_what_differs_in_the_order_of_the_layer() -> None:
    kept = story((feature("x"), None), (feature("y", THERE, name_en="Y"), LATE), (None, None))
    by, fact = Authorship(who="甲"), Authorship(who="甲", effective=LATE)
    edits = edits_of(None, kept.undos, LAYER)
    assert edits == [
        Edit(1, "insert", {"geometry": (None, HERE), "name": (None, "x")}, by),
        Edit(2, "update", {"geometry": (HERE, THERE), "name": ("x", "y"), "name_en": (None, "Y")}, fact),
        Edit(3, "delete", {"geometry": (THERE, None), "name": ("y", None), "name_en": ("Y", None)}, by),
    ]
    assert [list(edit.fields) for edit in edits[1:]] == [["geometry", "name", "name_en"]] * 2
    assert edits_of(None, [], LAYER) == []


# Conflicts


@settings(max_examples=300)
@given(_writes, st.integers(0, 12), st.dictionaries(st.sampled_from("ab"), st.none() | _some, min_size=1))
def test_conflicts_are_those_of_the_model(
    writes: list[tuple[dict[str, Feature | None], date | None]], ago: int, mine: dict[str, Feature | None]
) -> None:
    kept = Kept()
    for features, effective in writes:
        kept.write(features, effective)
    base = max(kept.model.version - ago, 0)
    touched = {c: v for c, v in mine.items() if v is None or kept.model.present(LAYER.name).get(c) != v}
    expected: Sequence[Any] = ()
    try:
        kept.model.check_base(LAYER.name, touched, base)
    except Refused as refused:
        expected = refused.said
    ours = {code: None if values is None else row_of(code, values) for code, values in touched.items()}
    present = {row[0]: row for row in kept.rows if row[0] in ours}
    since = [undo for undo in kept.undos if undo.version > base and undo.code in ours]
    found = conflicts_of(LAYER, ours, present, since)
    assert found == tuple(expected)
    assert {conflict.at for conflict in found} <= {AT}


# Texts of the tables


@given(st.datetimes(datetime(1, 1, 2), timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))])))  # noqa: DTZ001
@example(datetime(999, 12, 31, tzinfo=UTC))
def test_a_moment_is_kept_to_the_microsecond_and_sorts_as_a_text(at: datetime) -> None:
    text = instant_text(at)
    assert (len(text), text[-1]) == (27, "Z")
    found = instant_of(text)
    assert found == at
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("day", [None, date(1, 1, 1), date(2019, 12, 31), date(9999, 12, 31)])
def test_a_day_is_kept_in_ten_characters(day: date | None) -> None:
    text = day_text(day)
    assert text is None or len(text) == 10
    assert day_of(text) == day
    assert instant_of(None) is None


@given(st.lists(st.text(), max_size=4))
def test_a_change_is_told_as_it_was_kept(codes: list[str]) -> None:
    text = codes_text(codes)
    row = ChangeRow(3, "complaints", text, "2020-01-01T08:00:00.000001Z", "甲", "why", "2019-12-31")
    told = change_of(row)
    by = Authorship(who="甲", note="why", effective=date(2019, 12, 31))
    assert told == Change(3, "complaints", tuple(codes), by)
    assert told.at == datetime(2020, 1, 1, 8, 0, 0, 1, tzinfo=UTC)
    assert codes_text(told.codes) == text


def test_a_new_store_holds_a_version_for_each_layer_with_rows() -> None:
    frames = {
        "complaints": points(["é", "a"]),
        "facilities": empty_frame(LAYERS["facilities"]),
        "subdistricts": frame_of("subdistricts", ["s"], [HERE], name=["x"]),
    }
    by = Authorship(who="甲", note="first", effective=EARLY)
    contents = contents_of_frames(PLACE, frames, by=by, at=AT)
    assert (contents.district, contents.history_since) == (PLACE, 0)
    assert contents.counts == {"subdistricts": 1, "complaints": 2}
    at = "2020-01-01T00:00:00.000000Z"
    assert list(contents.changes) == [
        ChangeRow(1, "subdistricts", '["s"]', at, "甲", "first", "2019-03-01"),
        ChangeRow(2, "complaints", '["a","é"]', at, "甲", "first", "2019-03-01"),
    ]
    assert list(contents.history) == []
    (rows,) = contents.layers["complaints"]
    assert rows.records == rows_of(frames["complaints"], LAYERS["complaints"]).records
    assert list(contents.layers) == ["subdistricts", "complaints"]
