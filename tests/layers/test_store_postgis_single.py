"""Single writes to PostGIS are thought out before their turn: what others do meanwhile is never written over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import shapely

from layers.feature import Feature
from layers.problems import FeaturesExist, NotFound, StoreNewer
from layers.store import Authorship, Change, Store, Written, create_store, open_store
from layers.stores.base import KeptStore
from layers.stores.postgis.single import SingleWrite
from tests.layers.store_contract import PLACE, SOUTH, WEST, points
from tests.postgres import Cluster

HERE = shapely.Point(WEST, SOUTH)
ANNE, BOB = Authorship(who="Anne"), Authorship(who="Bob", note="meanwhile")


def complaint(code: str, text: str | None = None) -> Feature:
    return Feature(code, HERE, {"text": text})


@pytest.fixture
def store(postgis_url: str) -> Iterator[Store]:
    with create_store(postgis_url, PLACE, layers={"complaints": points(["a", "b"], text="old")}) as made:
        yield made


@pytest.fixture
def other(store: Store, postgis_url: str) -> Iterator[Store]:
    with open_store(postgis_url) as made:
        yield made


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that grows with each write that has to take its turn first."""
    taken: list[bool] = []
    put_one = KeptStore._put_one

    def counted(
        self: KeptStore, put: Callable[..., Written], put_new: Callable[..., Written] | None
    ) -> Written:
        taken.append(put_new is not None)
        return put_one(self, put, put_new)

    monkeypatch.setattr(KeptStore, "_put_one", counted)
    return taken


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return what has something done once, between the first write's thinking and its turn."""

    def arrange(work: Callable[[], object]) -> None:
        commit = SingleWrite.commit

        def late(self: SingleWrite) -> int | None:
            monkeypatch.setattr(SingleWrite, "commit", commit)
            work()
            return commit(self)

        monkeypatch.setattr(SingleWrite, "commit", late)

    return arrange


Meanwhile = Callable[[Callable[[], object]], None]


def texts(store: Store) -> dict[str, str]:
    found = store.read("complaints")
    return dict(zip(found.index.tolist(), found.text.tolist(), strict=True))


@pytest.mark.parametrize("others", [1, 50])
def test_what_others_do_to_other_features_is_no_hindrance(
    store: Store, other: Store, turns: list[bool], meanwhile: Meanwhile, others: int
) -> None:
    def work() -> None:
        for number in range(others - 1):
            other.insert("complaints", complaint(f"new {number}"), by=BOB)
        other.insert("facilities", Feature("a", HERE), by=BOB)  # the same code in another layer

    meanwhile(work)
    version = others + 2
    assert store.update("complaints", complaint("a", "new"), by=ANNE) == Written(version, 0, 1, 0)
    assert turns == []
    assert store.changes(since=version - 1) == [Change(version, "complaints", ("a",), ANNE)]
    assert [(edit.version, edit.fields) for edit in store.history("complaints", "a")[1:]] == [
        (version, {"text": ("old", "new")})
    ]
    assert store.verify() == []


def test_of_too_many_writes_meanwhile_the_turn_is_taken_first(
    store: Store, other: Store, turns: list[bool], meanwhile: Meanwhile
) -> None:
    meanwhile(lambda: [other.insert("complaints", complaint(f"new {k}")) for k in range(51)])
    assert store.update("complaints", complaint("a", "new")) == Written(53, 0, 1, 0)
    assert turns == [False]
    assert texts(store)["a"] == "new"


@pytest.mark.parametrize("mode", ["update", "upsert"])
def test_what_others_have_written_meanwhile_is_kept_in_history(
    store: Store, other: Store, turns: list[bool], meanwhile: Meanwhile, mode: str
) -> None:
    meanwhile(lambda: other.update("complaints", complaint("a", "theirs"), by=BOB))
    assert getattr(store, mode)("complaints", complaint("a", "ours"), by=ANNE) == Written(3, 0, 1, 0)
    assert turns == [False]
    edits = [(edit.version, edit.fields, edit.by) for edit in store.history("complaints", "a")[1:]]
    assert edits == [(2, {"text": ("old", "theirs")}, BOB), (3, {"text": ("theirs", "ours")}, ANNE)]
    assert store.verify() == []


def test_what_others_have_deleted_meanwhile_is_not_updated(
    store: Store, other: Store, meanwhile: Meanwhile
) -> None:
    meanwhile(lambda: other.delete("complaints", ["a"]))
    with pytest.raises(NotFound):
        store.update("complaints", complaint("a", "ours"))
    assert store.version() == 2


@pytest.mark.parametrize("mode", ["insert", "upsert"])
def test_what_others_have_inserted_meanwhile_is_there(
    store: Store, other: Store, turns: list[bool], meanwhile: Meanwhile, mode: str
) -> None:
    meanwhile(lambda: other.insert("complaints", complaint("c", "theirs"), by=BOB))
    if mode == "insert":
        with pytest.raises(FeaturesExist):
            store.insert("complaints", complaint("c", "ours"))
        assert texts(store)["c"] == "theirs"
    else:
        assert store.upsert("complaints", complaint("c", "ours"), by=ANNE) == Written(3, 0, 1, 0)
        assert store.history("complaints", "c")[1].fields == {"text": ("theirs", "ours")}
    assert turns == ([] if mode == "insert" else [False])
    assert store.verify() == []


def test_what_others_have_inserted_and_deleted_meanwhile_may_be_inserted(
    store: Store, other: Store, turns: list[bool], meanwhile: Meanwhile
) -> None:
    meanwhile(lambda: (other.insert("complaints", complaint("c")), other.delete("complaints", ["c"])))
    assert store.upsert("complaints", complaint("c", "ours")) == Written(4, 1, 0, 0)
    assert turns == []
    assert [edit.kind for edit in store.history("complaints", "c")] == ["insert", "delete", "insert"]
    assert store.verify() == []


def test_an_edit_by_another_program_meanwhile_counts(
    store: Store, postgres: Cluster, database: str, turns: list[bool], meanwhile: Meanwhile
) -> None:
    meanwhile(
        lambda: postgres.execute("UPDATE wangge.complaints SET text = 'sql' WHERE code = 'a'", database)
    )
    assert store.update("complaints", complaint("a", "ours")) == Written(3, 0, 1, 0)
    assert turns == [False]
    assert [edit.fields for edit in store.history("complaints", "a")[1:]] == [
        {"text": ("old", "sql")},
        {"text": ("sql", "ours")},
    ]


@pytest.mark.parametrize("mode", ["insert", "update", "upsert"])
def test_a_store_migrated_meanwhile_is_not_written(
    store: Store, postgres: Cluster, database: str, meanwhile: Meanwhile, mode: str
) -> None:
    newer = "UPDATE wangge.meta SET value = '99' WHERE key = 'schema_version'"
    meanwhile(lambda: postgres.execute(newer, database))
    with pytest.raises(StoreNewer):
        getattr(store, mode)("complaints", complaint("c" if mode == "insert" else "a", "ours"))
    assert (store.version(), texts(store)) == (1, {"a": "old", "b": "old"})


def test_what_changes_nothing_takes_no_turn(store: Store, postgres: Cluster, database: str) -> None:
    with postgres.connect(database) as holder, holder.transaction():
        holder.execute("SELECT FROM wangge.head FOR UPDATE")
        assert store.update("complaints", complaint("a", "old")).unchanged == 1
        with pytest.raises(NotFound):
            store.update("complaints", complaint("c"))


def test_many_who_correct_one_feature_write_one_after_another(store: Store, postgis_url: str) -> None:
    def correct(name: str) -> None:
        with open_store(postgis_url) as mine:
            for number in range(10):
                mine.update("complaints", complaint("a", f"{name} {number}"))

    writers = [threading.Thread(target=correct, args=[name]) for name in "klmn"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    edits = store.history("complaints", "a")
    assert [edit.version for edit in edits] == list(range(1, 42))
    assert all(before.fields["text"][1] == after.fields["text"][0] for before, after in pairwise(edits))
    assert store.verify() == []
