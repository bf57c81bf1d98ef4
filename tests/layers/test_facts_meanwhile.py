"""Facts that others change meanwhile, and requests that come again: merged, told or refused, and written once."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import shapely

from layers.amending import Key
from layers.facts import FactConflict, unpacked_note
from layers.problems import NotFound
from layers.standards import Standards
from layers.store import Store, backup_store, copy_store, open_store
from tests.layers.fact_workers import die_after_writing
from tests.layers.fact_writing import STAFF, TODAY, asking, place_of, refused, value, write
from tests.processes import PROCESSES
from tests.visitors import PLANNER

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
        process = PROCESSES.Process(target=die_after_writing, args=(store.url, body, TODAY))
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
