"""Facts verified and changed one by one: what may be, what is right, what others did meanwhile, exactly once."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.amending import Key
from layers.fact_request import MOST_NOTE, MOST_SOURCE, read_request
from layers.fact_rules import LAYERS_OF_FACTS, correctable
from layers.fact_views import facts_as_dict, history_as_dict
from layers.facts import FactConflict, FactsWritten, packed_note, unpacked_note, write_facts
from layers.loading import load
from layers.places import places
from layers.problems import Forbidden, NotFound, NotSignedIn, ValidationError
from layers.standards import Standards
from layers.store import Store, backup_store, copy_store, create_store, open_store
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.district import small_district
from tests.layers.fact_workers import die_after_writing
from tests.visitors import PLANNER, POLICY

TODAY = date(2025, 6, 30)
GRID_WORKER = Visitor(
    "grid_worker", Area("management_cells", frozenset({"G01"})), "1" * 12, "wang", "session"
)
STAFF = Visitor("community_staff", Area("communities", frozenset({"C01"})), "2" * 12, "zhao", "session")
LEADER = Visitor("leader", WHOLE_DISTRICT, "3" * 12, "qian", "session")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as made:
        yield made


def asking(
    values: dict[str, Any], *, layer: str = "communities", code: str = "C01", **more: Any
) -> dict[str, Any]:
    """Return a request as it is sent."""
    given = {"key": str(uuid4()), "based_on": 9, "as_of": "2025-06-01", "source": "现场查看"}
    return given | {"layer": layer, "code": code, "values": values} | more


def write(
    store: Store, standards: Standards, body: Any, visitor: Visitor = PLANNER, today: date = TODAY
) -> FactsWritten:
    if isinstance(body, dict):
        body = {"epoch": store.epoch().id} | body
    request, problems = read_request(body, today=today)
    return write_facts(
        request,
        problems,
        store=store,
        snapshot=load(store, standards),
        policy=POLICY,
        visitor=visitor,
        standards=standards,
        today=today,
    )


def refused(store: Store, standards: Standards, body: Any, visitor: Visitor = PLANNER) -> dict[str, str]:
    """Return what is said of each field of a request that is refused; nothing may have been written."""
    before = store.version()
    with pytest.raises(ValidationError) as caught:
        write(store, standards, body, visitor)
    assert store.version() == before
    for problem in caught.value.problems:
        assert problem.field and problem.remedy.zh.endswith("。") and problem.message.zh.endswith("。")
    return {problem.field or "": problem.message.en for problem in caught.value.problems}


def value(store: Store, name: str, code: str = "C01", layer: str = "communities") -> Any:
    found = store.read(layer, codes=[code]).iloc[0][name]
    return found.date() if hasattr(found, "date") else found


def place_of(store: Store, code: str) -> shapely.Point:
    found = store.read("facilities", codes=[code]).geometry[code]
    assert isinstance(found, shapely.Point)
    return found


# What is written


def test_a_fact_gets_its_day_its_author_and_its_source(store: Store, standards: Standards) -> None:
    body = asking({"owners_committee": "no", "households": 812}, note="无人应门")
    done = write(store, standards, body)
    assert done.fields == ("households", "owners_committee", "owners_committee_date")
    assert (value(store, "owners_committee"), value(store, "households")) == ("no", 812)
    assert value(store, "owners_committee_date") == date(2025, 6, 1)
    edit = store.history("communities", "C01")[-1]
    assert (edit.by.who, edit.by.effective) == ("planner", date(2025, 6, 1))
    assert unpacked_note(edit.by.note) == ("现场查看", "无人应门")
    assert (edit.version, store.version()) == (done.version, done.version)


def test_a_correction_was_always_so(store: Store, standards: Standards) -> None:
    write(store, standards, asking({"property_management": "no"}, correction=True))
    assert store.history("communities", "C01")[-1].by.effective is None
    assert store.read("communities", on=date(2020, 1, 1)).property_management["C01"] == "no"


def test_a_change_holds_from_the_day_it_was_seen(store: Store, standards: Standards) -> None:
    write(store, standards, asking({"property_management": "no"}))
    held = [
        store.read("communities", on=day).property_management["C01"] for day in (date(2025, 5, 31), TODAY)
    ]
    assert held == ["yes", "no"]


def test_seeing_it_again_moves_the_day_alone_and_never_back(store: Store, standards: Standards) -> None:
    done = write(store, standards, asking({"owners_committee": "yes"}))
    assert done.fields == ("owners_committee_date",)
    earlier = asking({"owners_committee": "yes"}, as_of="2024-01-01", based_on=store.version())
    assert write(store, standards, earlier).already
    assert value(store, "owners_committee_date") == date(2025, 6, 1)


def test_residents_carry_their_day(store: Store, standards: Standards) -> None:
    assert write(store, standards, asking({"residents": "901"})).fields == ("residents", "residents_date")


def test_unknown_is_said_by_null(store: Store, standards: Standards) -> None:
    body = asking({"owners_committee": None, "property_company": None, "contract_end": None})
    write(store, standards, body)
    assert value(store, "owners_committee") == "unknown"
    row = store.read("communities", codes=["C01"]).iloc[0]
    assert row[["property_company", "contract_end"]].isna().all()


def test_a_place_is_moved_in_its_datum_and_loses_its_entrance(store: Store, standards: Standards) -> None:
    at = place_of(store, "F05")
    body = asking({"place": {"lon": at.x, "lat": at.y, "datum": "gcj02"}}, layer="facilities", code="F05")
    assert write(store, standards, body).fields == ("place", "subdistrict")
    moved = store.read("facilities", codes=["F05"])
    assert 300 < moved.geometry["F05"].distance(at) * 100_000 < 900
    assert moved[["entrance_lon", "entrance_lat"]].isna().all(axis=None)
    assert store.verify() == []


def test_what_is_moved_belongs_to_where_it_is_then(store: Store, standards: Standards) -> None:
    communities = store.read("communities").geometry

    def moved_to(code: str) -> dict[str, str | None]:
        at = communities[code].representative_point()
        body = asking({"place": {"lon": at.x, "lat": at.y}}, layer="mediation_rooms", code="M1")
        write(store, standards, body | {"based_on": store.version()})
        found = places(load(store, standards), "mediation_rooms").loc["M1"]
        return {"at": communities.index[found["community"]]} | {
            name: value(store, name, "M1", "mediation_rooms") for name in ("subdistrict", "community")
        }

    assert moved_to("C12") == {"at": "C12", "subdistrict": "S2", "community": "C12"}
    assert moved_to("C01") == {"at": "C01", "subdistrict": "S1", "community": "C01"}


def test_a_move_across_no_border_leaves_what_is_on_record(store: Store, standards: Standards) -> None:
    at = store.read("mediation_rooms").geometry["M1"].centroid
    body = asking({"place": {"lon": at.x + 1e-5, "lat": at.y}}, layer="mediation_rooms", code="M1")
    assert write(store, standards, body).fields == ("place",)


# What is not right


def test_every_problem_is_told_at_once(store: Store, standards: Standards) -> None:
    body = asking(
        {
            "owners_committee": "perhaps",
            "households": -1,
            "residents": True,
            "kind": "castle",
            "contract_end": "31.12.2025",
            "name": "",
            "name_en": "x" * 201,
            "code": "C99",
            "subdistrict": "S2",
            "owners_committee_date": "2025-01-01",
            "floating_residents": 3,
            "place": {"lon": 114, "lat": 22.5},
            "geometry": None,
        },
        key="x",
        based_on=-1,
        as_of="2025-07-01",
        source=" ",
        note="x" * (MOST_NOTE + 1),
        correction="yes",
        follows="x",
        extra=1,
    )
    said = refused(store, standards, body)
    assert said.keys() == body["values"].keys() | {
        "key",
        "based_on",
        "as_of",
        "source",
        "note",
        "correction",
        "follows",
        "extra",
    }
    assert "2025-06-30" in said["as_of"]


@pytest.mark.parametrize("body", [None, [], {}, "x", {"layer": "communities", "code": "C01"}])
def test_what_speaks_of_nothing_is_refused(store: Store, standards: Standards, body: Any) -> None:
    assert {"key", "values"} <= refused(store, standards, body).keys()


@pytest.mark.parametrize("source", ["x" * (MOST_SOURCE + 1), "a\nb", None, 3, "\ud800"])
def test_a_source_is_one_line(store: Store, standards: Standards, source: Any) -> None:
    assert refused(store, standards, asking({"households": 1}, source=source)).keys() == {"source"}


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"contract_end": "2016-03-31"}, "contract_end"),
        ({"contract_start": "2021-07-01"}, "contract_start"),
        ({"committee_term_start": "2025-02-01", "committee_term_end": "2025-01-31"}, "committee_term_end"),
    ],
)
def test_an_end_is_not_before_its_start(
    store: Store, standards: Standards, values: dict[str, str], wrong: str
) -> None:
    assert refused(store, standards, asking(values)).keys() == {wrong}


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"lon": 114.1, "lat": 30}, "outside the district"),
        ({"lon": 22.55, "lat": 114.1}, "no place"),
        ({"lon": 114.1}, "no place"),
        ({"lon": "114", "lat": 22}, "no place"),
        ({"lon": 114.13, "lat": 22.55, "datum": "nad27"}, "no place"),
        (None, "no place"),
    ],
)
def test_a_place_is_a_place_in_the_district(store: Store, standards: Standards, place: Any, why: str) -> None:
    body = asking({"place": place}, layer="facilities", code="F01")
    assert why in refused(store, standards, body)["place"]


def test_what_was_seen_later_is_not_undone_by_what_was_seen_before(
    store: Store, standards: Standards
) -> None:
    body = asking({"owners_committee": "no"}, as_of="2019-09-30")
    assert refused(store, standards, body).keys() == {"as_of"}
    assert write(store, standards, body | {"correction": True}).fields


def test_a_room_that_opens_tomorrow_is_not_open(store: Store, standards: Standards) -> None:
    body = asking({"opened": "2025-07-01"}, layer="facilities", code="F01")
    assert refused(store, standards, body).keys() == {"opened"}


# Who may


def test_strangers_and_leaders_write_nothing(store: Store, standards: Standards) -> None:
    with pytest.raises(NotSignedIn):
        write(store, standards, asking({"owners_committee": "no"}), RESIDENT)
    with pytest.raises(Forbidden):
        write(store, standards, asking({"owners_committee": "no"}), LEADER)


def test_grid_workers_verify_and_do_not_change(store: Store, standards: Standards) -> None:
    inside = own_community(store, standards)
    body = asking({"owners_committee": "unknown", "party_work": "no"}, code=inside)
    assert write(store, standards, body, GRID_WORKER).fields
    said = refused(store, standards, asking({"households": 3, "name": "x"}, code=inside), GRID_WORKER)
    assert said.keys() == {"households", "name"}


def test_outside_the_area_nothing_may_be_written(store: Store, standards: Standards) -> None:
    assert refused(store, standards, asking({"owners_committee": "no"}, code="C12"), STAFF) == {
        "owners_committee": "You may not change this."
    }
    assert write(store, standards, asking({"households": 3}), STAFF).fields == ("households",)


def test_what_does_not_exist_is_not_found(store: Store, standards: Standards) -> None:
    for layer, code in (
        ("communities", "none"),
        ("buildings", "B01"),
        ("nothing", "x"),
        ("facilities", "C01"),
    ):
        with pytest.raises(NotFound):
            write(store, standards, asking({"name": "x"}, layer=layer, code=code))


def own_community(store: Store, standards: Standards) -> str:
    snapshot = load(store, standards)
    for code in snapshot.frame("communities").index:
        if correctable(POLICY, GRID_WORKER, snapshot, "communities", code).may:
            return str(code)
    raise AssertionError("the grid worker has no community")


def test_what_may_be_done_follows_from_the_rules(store: Store, standards: Standards) -> None:
    snapshot = load(store, standards)
    may = {
        layer: correctable(POLICY, PLANNER, snapshot, layer, str(snapshot.frame(layer).index[0])).may
        for layer in LAYERS_OF_FACTS
    }
    assert may["communities"]["owners_committee"] == "verify"
    assert may["communities"]["households"] == "change"
    assert may["facilities"].keys() == {"name", "name_en", "kind", "opened", "place"}
    for layer in may.values():
        assert not {"code", "subdistrict", "community", "floating_residents", "residents_date"} & layer.keys()


# Others meanwhile


def test_different_fields_of_two_people_are_merged(store: Store, standards: Standards) -> None:
    write(store, standards, asking({"households": 500}), STAFF)
    done = write(store, standards, asking({"property_company": "新物业"}))
    assert (done.fields, done.merged) == (("property_company",), ("households",))
    assert (value(store, "households"), value(store, "property_company")) == (500, "新物业")


def test_the_same_value_of_two_people_is_no_conflict(store: Store, standards: Standards) -> None:
    write(store, standards, asking({"owners_committee": "no", "households": 5}), STAFF)
    done = write(store, standards, asking({"owners_committee": "no", "households": 5}, as_of="2025-06-20"))
    assert done.fields == ("owners_committee_date",)


def test_a_conflict_shows_both_sides_and_writes_nothing(store: Store, standards: Standards) -> None:
    theirs = write(store, standards, asking({"owners_committee": "no"}, source="公示栏", note="期满"), STAFF)
    body = asking({"owners_committee": "unknown", "households": 3})
    with pytest.raises(FactConflict) as caught:
        write(store, standards, body)
    (conflict,) = caught.value.conflicts
    assert (conflict.field, conflict.base, conflict.mine, conflict.theirs) == (
        "owners_committee",
        "yes",
        "unknown",
        "no",
    )
    assert (conflict.version, conflict.who) == (theirs.version, "zhao")
    assert caught.value.mergeable == ("households",)
    assert unpacked_note(caught.value.causes["owners_committee"].note) == ("公示栏", "期满")
    assert (store.version(), value(store, "households")) == (theirs.version, 320)
    chosen = body | {"key": str(uuid4()), "based_on": store.version()}
    assert "owners_committee" in write(store, standards, chosen).fields


def test_what_one_wrote_before_is_no_conflict_with_what_one_writes_next(
    store: Store, standards: Standards
) -> None:
    first = asking({"owners_committee": "no"})
    second = asking({"owners_committee": "unknown"}, follows=[first["key"]], as_of="2025-06-02")
    write(store, standards, first)
    assert write(store, standards, second).fields
    third = asking({"owners_committee": "yes"}, follows=[first["key"]], as_of="2025-06-03")
    with pytest.raises(FactConflict):
        write(store, standards, third)


def test_what_somebody_else_wrote_is_not_ones_own_by_having_said_the_same(
    store: Store, standards: Standards
) -> None:
    theirs = {"owners_committee": "no", "property_management": "no"}
    write(store, standards, asking(theirs, as_of="2025-06-10"), STAFF)
    agreed = asking({"owners_committee": "no"})
    assert write(store, standards, agreed).fields == ()
    next_one = asking({"property_management": "unknown"}, as_of="2025-06-11", follows=[agreed["key"]])
    with pytest.raises(FactConflict):
        write(store, standards, next_one)


def test_a_base_that_the_store_does_not_know_is_a_conflict_where_values_differ(
    store: Store, standards: Standards
) -> None:
    with pytest.raises(FactConflict) as caught:
        write(store, standards, asking({"owners_committee": "no", "households": 320}, based_on=10_000))
    assert [(one.field, one.base) for one in caught.value.conflicts] == [("owners_committee", None)]


def test_after_a_restore_nothing_seen_before_is_written_over_what_differs(
    store: Store, standards: Standards, tmp_path: Path
) -> None:
    seen, backup = store.version(), tmp_path / "backup.gpkg"
    backup_store(store, backup)
    write(store, standards, asking({"owners_committee": "no"}, based_on=seen))
    late = asking({"property_management": "unknown", "households": 320}, based_on=store.version())
    late |= {"epoch": store.epoch().id}
    with open_store(f"gpkg:{backup}") as source:
        copy_store(source, f"gpkg:{tmp_path / 'restored.gpkg'}")
    with open_store(f"gpkg:{tmp_path / 'restored.gpkg'}") as restored:
        # It overtakes the version that was seen: the number alone says that nothing happened since.
        write(restored, standards, asking({"property_management": "yes"}, as_of="2025-06-02"))
        assert restored.version() == late["based_on"]
        with pytest.raises(FactConflict, match="restored or set up anew") as caught:
            write(restored, standards, late)
        assert [(one.field, one.base, one.mine) for one in caught.value.conflicts] == [
            ("property_management", None, "unknown")
        ]
        assert restored.version() == late["based_on"]
        # Whoever has looked again writes what they choose.
        chosen = late | {"key": str(uuid4()), "epoch": restored.epoch().id, "as_of": "2025-06-03"}
        assert write(restored, standards, chosen).version == late["based_on"] + 1


def test_what_was_written_before_a_restore_and_is_in_the_backup_is_not_written_again(
    store: Store, standards: Standards, tmp_path: Path
) -> None:
    body = asking({"owners_committee": "no"}) | {"epoch": store.epoch().id}
    done = write(store, standards, body)
    copy_store(store, f"gpkg:{tmp_path / 'restored.gpkg'}")
    with open_store(f"gpkg:{tmp_path / 'restored.gpkg'}") as restored:
        again = write(restored, standards, body)
        assert (again.version, again.fields, again.already) == (done.version, done.fields, True)


def test_a_request_that_names_no_epoch_is_a_conflict_where_values_differ(
    store: Store, standards: Standards
) -> None:
    nothing = {"epoch": None}
    assert write(store, standards, asking({"households": 320}) | nothing).fields == ()
    with pytest.raises(FactConflict, match="not said which epoch"):
        write(store, standards, asking({"owners_committee": "no"}) | nothing)
    assert refused(store, standards, asking({"owners_committee": "no"}, epoch="x")).keys() == {"epoch"}


def test_a_place_that_two_have_moved_is_a_conflict(store: Store, standards: Standards) -> None:
    at = place_of(store, "F02")
    for shift in (0.0001, 0.0002):
        body = asking({"place": {"lon": at.x + shift, "lat": at.y}}, layer="facilities", code="F02")
        if shift == 0.0001:
            write(store, standards, body)
    with pytest.raises(FactConflict) as caught:
        write(store, standards, body)
    (conflict,) = caught.value.conflicts
    assert conflict.field == "place" and isinstance(conflict.theirs, shapely.Point)


def test_ends_that_fit_neither_side_alone_are_found_after_merging(store: Store, standards: Standards) -> None:
    write(store, standards, asking({"contract_start": "2021-01-01"}), STAFF)
    assert refused(store, standards, asking({"contract_end": "2020-12-31"})).keys() == {"contract_end"}


# Once


def test_the_same_request_again_gets_the_first_outcome(store: Store, standards: Standards) -> None:
    body = asking({"owners_committee": "no"})
    first = write(store, standards, body)
    write(store, standards, asking({"owners_committee": "yes"}, based_on=first.version, as_of="2025-06-05"))
    again = write(store, standards, body)
    assert (again.version, again.fields, again.already) == (first.version, first.fields, True)
    assert value(store, "owners_committee") == "yes"


def test_a_key_is_for_one_request_of_one_person(store: Store, standards: Standards) -> None:
    body = asking({"owners_committee": "no"})
    write(store, standards, body)
    for other in (
        body | {"values": {"owners_committee": "unknown"}},
        body | {"as_of": "2025-06-02"},
        body | {"note": "x"},
    ):
        assert refused(store, standards, other).keys() == {"key"}
    assert refused(store, standards, body, STAFF).keys() == {"key"}


def test_an_account_made_anew_gets_the_outcome_of_what_it_had_written(
    store: Store, standards: Standards
) -> None:
    """Accounts that are restored from before one was made do not have it: it is made anew, with another id."""
    body = asking({"owners_committee": "no"})
    first = write(store, standards, body)
    again = write(store, standards, body, replace(PLANNER, account="9" * 12))
    assert (again.version, again.fields, again.already) == (first.version, first.fields, True)
    assert refused(store, standards, body, replace(PLANNER, name="another")).keys() == {"key"}


def test_keys_that_were_kept_by_the_account_are_known_still(store: Store, standards: Standards) -> None:
    body = asking({"owners_committee": "no"}, epoch="0" * 16)
    # What the program kept of this request of PLANNER's while it hashed the account's id.
    kept = Key(body["key"], "7237502aa7783c21f7e64ca3a3ff7f35e6a2a92041d5ee6129a43cadcbb19b0c")
    first = store.amend("communities", "C01", lambda found: {"owners_committee": "no"}, key=kept)
    again = write(store, standards, body)
    assert (again.version, again.fields, again.already) == (first.version, first.fields, True)
    assert refused(store, standards, body, replace(PLANNER, account="9" * 12)).keys() == {"key"}


def test_the_first_outcome_is_told_even_when_the_feature_is_gone(store: Store, standards: Standards) -> None:
    body = asking({"owners_committee": "no"})
    first = write(store, standards, body)
    store.delete("communities", ["C01"])
    assert write(store, standards, body).version == first.version
    with pytest.raises(NotFound):
        write(store, standards, asking({"owners_committee": "no"}))


def test_killed_between_writing_and_answering_it_is_written_once(store: Store, standards: Standards) -> None:
    bodies = [asking({"owners_committee": answer}, code=code) for answer, code in ANSWERED]
    before = store.version()
    for body in bodies:
        process = multiprocessing.get_context("forkserver").Process(
            target=die_after_writing, args=(store.url, body, TODAY)
        )
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    with open_store(store.url) as opened:
        done = [write(opened, standards, body) for body in bodies]
        assert [one.already for one in done] == [True] * 3
        changes = opened.changes(since=before)
        assert [change.codes for change in changes] == [(code,) for _, code in ANSWERED]
        assert [one.version for one in done] == [change.version for change in changes]
        assert opened.verify() == []


ANSWERED = (("no", "C01"), ("yes", "C02"), ("yes", "C03"))


# What is told


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
