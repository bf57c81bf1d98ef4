"""Facts verified and changed one by one: what may be, what is right, and who may."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from layers.fact_request import MOST_NOTE, MOST_SOURCE
from layers.fact_rules import LAYERS_OF_FACTS, correctable
from layers.facts import unpacked_note
from layers.loading import load
from layers.places import places
from layers.problems import Forbidden, NotFound, NotSignedIn
from layers.standards import Standards
from layers.store import Store
from layers.visitors import RESIDENT
from tests.layers.fact_writing import (
    GRID_WORKER,
    LEADER,
    STAFF,
    TODAY,
    asking,
    place_of,
    refused,
    value,
    write,
)
from tests.visitors import PLANNER, POLICY

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
