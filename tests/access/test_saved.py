"""Saved things: whose they are, who sees and changes them, and what becomes of two who change one."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from layers.access.access import Access
from layers.access.saved import MOST_CONTENT_BYTES, MOST_THINGS, SavedThing
from layers.problems import BadParameter, Forbidden, NotFound, NotSignedIn, StoreConflict
from layers.stores.access.base import SCHEMA_VERSION, script
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.access.conftest import OpenAccess, sqlite_url
from tests.access.support import CELLS, Hands, actions, person

CONTENT = {"where": "double_none~gap:day_care:300"}


def somebody(access: Access, name: str, role: str = "planner", area: Area = WHOLE_DISTRICT) -> Visitor:
    _, token = person(access, name, role, area)
    found = access.visitor_of(token)
    assert found is not None
    return found


def test_what_was_saved_is_there_again(access: Access, clock: Hands) -> None:
    zhang = somebody(access, "zhang")
    made = access.save(zhang, "conditions", "  双无缺照料 ", CONTENT)
    assert access.saved_thing(zhang, made.id) == made
    assert (made.name, made.content, made.version, made.shared) == ("双无缺照料", CONTENT, 1, False)
    assert (made.owner, made.changed_by, made.created) == ("zhang", "zhang", clock())
    clock.move(hours=1)
    changed = access.change_saved(zhang, made.id, 1, name="另一个", content={"where": "floating:50"})
    assert (changed.name, changed.content) == ("另一个", {"where": "floating:50"})
    assert changed.created < changed.changed == clock()
    access.remove_saved(zhang, made.id, changed.version)
    assert access.saved(zhang) == []
    with pytest.raises(NotFound):
        access.saved_thing(zhang, made.id)
    assert actions(access)[-3:] == ["saved_added", "saved_changed", "saved_removed"]


def test_a_private_thing_does_not_exist_for_others(access: Access) -> None:
    zhang, li = somebody(access, "zhang"), somebody(access, "li")
    made = access.save(zhang, "conditions", "mine", CONTENT)
    assert access.saved(li) == []
    for attempt in (
        lambda: access.saved_thing(li, made.id),
        lambda: access.change_saved(li, made.id, 1, name="theirs"),
        lambda: access.remove_saved(li, made.id, 1),
    ):
        with pytest.raises(NotFound) as caught:
            attempt()
        with pytest.raises(NotFound) as never:
            access.saved_thing(li, "0" * 12)
        assert caught.value.message == never.value.message
    assert access.saved(zhang) == [replace(made, content={})]


def test_a_list_reads_no_contents(access: Access) -> None:
    zhang = somebody(access, "zhang")
    made = access.save(zhang, "conditions", "mine", CONTENT)
    with access._writing() as transaction:
        transaction.run("UPDATE saved SET content = 'cannot be read'")
    assert access.saved(zhang) == [replace(made, content={})]
    with pytest.raises(ValueError, match="Expecting value"):
        access.saved_thing(zhang, made.id)


def test_a_shared_thing_may_be_changed_but_not_taken_by_colleagues(access: Access) -> None:
    zhang, li = somebody(access, "zhang"), somebody(access, "li")
    keeper = somebody(access, "root", "administrator")
    made = access.save(zhang, "conditions", "ours", CONTENT, shared=True)
    changed = access.change_saved(li, made.id, 1, content={"where": "hot:95"})
    assert (changed.owner, changed.changed_by) == ("zhang", "li")
    with pytest.raises(Forbidden):
        access.change_saved(li, made.id, changed.version, shared=False)
    with pytest.raises(Forbidden):
        access.remove_saved(li, made.id, changed.version)
    again = access.change_saved(zhang, made.id, changed.version, shared=False)
    with pytest.raises(NotFound):
        access.remove_saved(keeper, made.id, again.version)
    again = access.change_saved(zhang, made.id, again.version, shared=True)
    access.remove_saved(keeper, made.id, again.version)
    assert access.saved(zhang) == []


def test_two_who_change_one_are_told_of_each_other(access: Access) -> None:
    zhang, li = somebody(access, "zhang"), somebody(access, "li")
    made = access.save(zhang, "conditions", "ours", CONTENT, shared=True)
    theirs = access.change_saved(li, made.id, 1, content={"where": "hot:95"})
    with pytest.raises(StoreConflict) as caught:
        access.change_saved(zhang, made.id, 1, content={"where": "hot:99"})
    (conflict,) = caught.value.conflicts
    assert (conflict.field, conflict.mine, conflict.theirs) == (
        "content",
        {"where": "hot:99"},
        theirs.content,
    )
    assert (conflict.version, conflict.who) == (theirs.version, "li")
    # What both wanted alike is no conflict, and makes no version.
    assert access.change_saved(zhang, made.id, 1, content={"where": "hot:95"}) == theirs
    with pytest.raises(StoreConflict):
        access.remove_saved(zhang, made.id, 1)
    assert access.saved_thing(zhang, made.id) == theirs


def test_many_who_change_one_at_once_lose_nothing(url: str, open_at: OpenAccess) -> None:
    access = open_at(url)
    zhang = somebody(access, "zhang")
    made = access.save(zhang, "conditions", "ours", {"where": "", "seen": []})
    done: list[str] = []

    def add(word: str) -> None:
        while True:
            now = access.saved_thing(zhang, made.id)
            try:
                access.change_saved(
                    zhang,
                    made.id,
                    now.version,
                    content={**now.content, "seen": [*now.content["seen"], word]},
                )
            except StoreConflict:
                continue
            done.append(word)
            return

    threads = [threading.Thread(target=add, args=(f"{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = access.saved_thing(zhang, made.id)
    assert sorted(found.content["seen"]) == sorted(done)


def test_accounts_that_were_restored_give_no_version_a_second_time(access: Access, clock: Hands) -> None:
    zhang, li = somebody(access, "zhang"), somebody(access, "li")
    made = access.save(zhang, "conditions", "ours", CONTENT, shared=True)
    seen = access.change_saved(zhang, made.id, made.version, content={"where": "hot:95"})
    with access._backend.writing() as transaction:
        # As a backup from before the change has it.
        transaction.run(
            "UPDATE saved SET content = ?, version = ? WHERE id = ?",
            json.dumps(CONTENT),
            made.version,
            made.id,
        )
    clock.move(seconds=1)
    theirs = access.change_saved(li, made.id, made.version, content={"where": "hot:90"})
    with pytest.raises(StoreConflict):
        access.change_saved(zhang, made.id, seen.version, content={"where": "hot:99"})
    assert access.saved_thing(zhang, made.id) == theirs


def test_names_are_ones_own_and_once(access: Access) -> None:
    zhang, li = somebody(access, "zhang"), somebody(access, "li")
    access.save(zhang, "conditions", "Name", CONTENT)
    with pytest.raises(BadParameter, match="already"):
        access.save(zhang, "conditions", "ＮＡＭＥ", CONTENT)
    access.save(zhang, "scenario", "Name", CONTENT)
    other = access.save(li, "conditions", "name", CONTENT)
    second = access.save(zhang, "conditions", "second", CONTENT)
    with pytest.raises(BadParameter, match="already"):
        access.change_saved(zhang, second.id, 1, name="name")
    assert access.change_saved(li, other.id, 1, name="NAME").name == "NAME"
    for wrong in ("", "   ", "\u200b", "长" * 81):
        with pytest.raises(BadParameter, match="name"):
            access.save(zhang, "conditions", wrong, CONTENT)


def test_what_is_kept_has_bounds(access: Access) -> None:
    zhang = somebody(access, "zhang")
    fits = {"where": "长" * ((MOST_CONTENT_BYTES - 20) // 3)}
    access.save(zhang, "conditions", "fits", fits)
    with pytest.raises(BadParameter, match="large"):
        access.save(zhang, "conditions", "more", {"where": "长" * (MOST_CONTENT_BYTES // 3)})
    with pytest.raises(BadParameter, match="kind"):
        access.save(zhang, "nonsense", "name", CONTENT)


def test_nobody_saves_without_end(access: Access) -> None:
    zhang = somebody(access, "zhang")
    for number in range(MOST_THINGS):
        access.save(zhang, "conditions", str(number), {})
    with pytest.raises(BadParameter, match="Remove"):
        access.save(zhang, "conditions", "one more", {})
    assert len(access.saved(zhang)) == MOST_THINGS


def test_the_own_come_first_by_name(access: Access) -> None:
    zhang, li = somebody(access, "zhang"), somebody(access, "li")
    for who, name in ((li, "a"), (zhang, "c"), (zhang, "b")):
        access.save(who, "conditions", name, CONTENT, shared=True)
    assert [one.name for one in access.saved(zhang)] == ["b", "c", "a"]
    assert [one.name for one in access.saved(zhang, "scenario")] == []


def names(found: list[SavedThing]) -> list[str]:
    return [one.name for one in found]


def test_who_may_not_save_anything(access: Access) -> None:
    zhang = somebody(access, "zhang")
    made = access.save(zhang, "conditions", "ours", CONTENT, shared=True)
    worker = somebody(access, "wang", "grid_worker", CELLS)
    auditor = somebody(access, "shen", "auditor", Area("none"))
    assert names(access.saved(worker, "conditions")) == ["ours"]
    with pytest.raises(NotSignedIn):
        access.saved(RESIDENT)
    with pytest.raises(NotSignedIn):
        access.save(RESIDENT, "conditions", "x", CONTENT)
    # An auditor sees no figures, and so no conditions on them.
    assert access.saved(auditor) == []
    with pytest.raises(Forbidden):
        access.save(auditor, "conditions", "x", CONTENT)
    with pytest.raises(NotFound):
        access.saved_thing(auditor, made.id)
    wall = Visitor("wall", WHOLE_DISTRICT, via="device", means="0" * 12)
    with pytest.raises(Forbidden):
        access.saved(wall)
    key = Visitor("planner", WHOLE_DISTRICT, zhang.account, "zhang", "key", frozenset({"view"}))
    with pytest.raises(Forbidden):
        access.saved(key)


@pytest.mark.parametrize("thing", ["", "x", "0" * 11, "0" * 12, "ABCDEF012345", "\x00" * 12, "' OR 1=1 --"])
def test_odd_ids_are_nothing(access: Access, thing: str) -> None:
    zhang = somebody(access, "zhang")
    access.save(zhang, "conditions", "mine", CONTENT)
    with pytest.raises(NotFound):
        access.saved_thing(zhang, thing)


def test_shared_things_outlive_their_owner(access: Access) -> None:
    zhang, li = somebody(access, "zhang"), somebody(access, "li")
    keeper = somebody(access, "root", "administrator")
    access.save(zhang, "conditions", "ours", CONTENT, shared=True)
    access.save(zhang, "conditions", "mine", CONTENT)
    access.disable("zhang", by=keeper)
    assert names(access.saved(li)) == ["ours"]


def first_schema(file: Path) -> None:
    """Make a file of accounts as the first schema had it."""
    connection = apsw.Connection(str(file))
    connection.execute(script("sqlite", 1))
    connection.pragma("application_id", 0x77676163)
    connection.pragma("user_version", 1)
    connection.close()


def test_a_file_from_before_is_brought_up_and_keeps_what_it_has(
    tmp_path: Path, open_at: OpenAccess, clock: Hands
) -> None:
    url = sqlite_url(tmp_path)
    file = tmp_path / "district.gpkg.access"
    first_schema(file)
    with sqlite3.connect(file) as old:
        old.execute(
            "INSERT INTO accounts (id, name, name_key, title, role, area, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
            ("0" * 12, "old", "old", "", "planner", '["district"]', 0),
        )
    old.close()
    # Who only reads finds all that the first schema had.
    assert names_of(open_at(url, read_only=True)) == ["old"]
    access = open_at(url)
    assert names_of(access) == ["old"]
    zhang = somebody(access, "zhang")
    assert access.save(zhang, "conditions", "new", CONTENT).version == 1
    check = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    assert check.pragma("user_version") == SCHEMA_VERSION
    check.close()


def names_of(access: Access) -> list[Any]:
    return [account.name for account in access.accounts()]


def test_many_at_once_bring_a_file_up_once(tmp_path: Path, open_at: OpenAccess) -> None:
    url = sqlite_url(tmp_path)
    first_schema(tmp_path / "district.gpkg.access")
    start, failed = threading.Barrier(6), []

    def run() -> None:
        start.wait()
        try:
            open_at(url)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
