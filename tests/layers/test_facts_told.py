"""What is told of facts and their history, and requests of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.fact_request import MOST_SOURCE
from layers.fact_rules import correctable
from layers.fact_views import facts_as_dict, history_as_dict
from layers.facts import FactConflict, packed_note, unpacked_note
from layers.loading import load
from layers.problems import NotFound, ValidationError
from layers.standards import Standards
from layers.store import Store, create_store
from layers.visitors import Area, Visitor
from tests.district import small_district
from tests.layers.fact_writing import LEADER, TODAY, asking, write
from tests.visitors import PLANNER, POLICY


def test_a_form_can_be_made_of_what_is_told(store: Store, standards: Standards) -> None:
    snapshot = load(store, standards)
    feature = correctable(POLICY, PLANNER, snapshot, "communities", "C01")
    told = facts_as_dict(store, feature, snapshot=snapshot, today=TODAY, language="en")
    fields = {one["field"]: one for one in told["fields"]}
    assert (told["version"], told["name"], told["may"]) == (9, "Greenview Garden", ["verify", "change"])
    assert fields["owners_committee"]["date"] == "2019-10-01"
    assert fields["subdistrict"]["value_title"] != "S1" and fields["subdistrict"]["may"] is None
    assert fields["kind"]["codes"][0]["id"] == "garden_estate"
    assert not {"floating_residents", "owners_committee_date", "code"} & fields.keys()


def test_history_tells_no_names_to_those_who_may_not_write(store: Store, standards: Standards) -> None:
    write(store, standards, asking({"owners_committee": "no"}, note="某人说的"))
    snapshot = load(store, standards)

    def told(visitor: Visitor) -> dict[str, Any]:
        feature = correctable(POLICY, visitor, snapshot, "communities", "C01")
        return history_as_dict(store, feature, snapshot=snapshot, limit=1, language="zh")

    (edit,) = told(PLANNER)["edits"]
    assert (edit["who"], edit["source"], edit["as_of"]) == ("planner", "现场查看", "2025-06-01")
    assert edit["fields"][0]["before_title"] == "有" and edit["fields"][0]["after_title"] == "无"
    assert told(PLANNER)["count"] == 2
    assert told(PLANNER)["edits"][0]["note"] == "某人说的"
    elsewhere = Visitor(
        "grid_worker", Area("management_cells", frozenset({"G05"})), "4" * 12, "li", "session"
    )
    for other in (LEADER, elsewhere):
        (edit,) = told(other)["edits"]
        assert (edit["who"], edit["note"]) == (None, "")


def test_counts_that_are_not_for_somebody_stay_out_of_history(store: Store, standards: Standards) -> None:
    write(store, standards, asking({"households": 321}))
    snapshot = load(store, standards)
    feature = correctable(POLICY, LEADER, snapshot, "communities", "C01")
    told = history_as_dict(store, feature, snapshot=snapshot, limit=1, language="en")
    assert told["edits"][0]["fields"] == [{"field": "households", "title": "Households", "guarded": True}]


@given(
    source=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=MOST_SOURCE),
    note=st.text(st.characters(codec="utf-8"), max_size=60),
)
def test_source_and_note_come_back(source: str, note: str) -> None:
    kept = unpacked_note(packed_note(source, note))
    assert kept == (source.replace("]", "］"), note.rstrip())


def test_notes_of_other_writes_have_no_source() -> None:
    assert unpacked_note("datum guard overridden") == ("", "datum guard overridden")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["owners_committee", "households", "kind", "contract_end", "name", "place", "x"])


@given(
    values=st.dictionaries(NAMES, JSON, max_size=4),
    more=st.dictionaries(st.text(max_size=8), JSON, max_size=2),
)
def test_no_request_at_all_breaks_anything(
    values: dict[str, Any], more: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    store, standards = request.getfixturevalue("kept_store"), request.getfixturevalue("standards")
    body = asking(values) | more
    before = store.version()
    try:
        done = write(store, standards, body)
    except (ValidationError, NotFound, FactConflict):
        assert store.version() == before
    else:
        assert done.version in (before, before + 1)


@pytest.fixture(scope="module")
def kept_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path_factory.mktemp('facts') / 's.gpkg'}", district, layers=frames) as made:
        yield made
