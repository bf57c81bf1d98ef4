"""Small writes of many threads that share a commit: each has its own answer, and what is answered is on the disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest
import shapely

from layers.feature import Feature
from layers.problems import FeaturesExist, NotFound, StoreBusy, StoreConflict, StoreFull, StoreReadOnly
from layers.store import Authorship, Written, create_store, open_store
from layers.stores.geopackage import intake
from layers.stores.geopackage.connection import Database
from layers.stores.geopackage.store import GeoPackageStore
from layers.stores.geopackage.transaction import Transaction
from tests.layers import store_workers
from tests.layers.store_contract import PLACE, points
from tests.layers.test_store_processes import ask

LAYER = "complaints"
PATIENCE_S = 60.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GeoPackageStore]:
    made = tmp_path / "store.gpkg"
    create_store(f"gpkg:{made}", PLACE, layers={LAYER: points(["a", "b"])}).close()
    with GeoPackageStore(made) as opened:
        yield opened
        assert opened.verify() == []
        assert [change.version for change in opened.changes(since=0)] == list(range(1, opened.version() + 1))


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the version that each commit made."""
    made: list[int] = []
    commit = Database.commit

    def counted(database: Database, connection: apsw.Connection) -> None:
        version = connection.execute("SELECT max(version) FROM wangge_changes").get
        commit(database, connection)
        made.append(version)

    monkeypatch.setattr(Database, "commit", counted)
    return made


def complaint(code: str, category: str = "rubbish") -> Feature:
    return Feature(code, shapely.Point(114, 22.5), {"category": category})


class Caller(threading.Thread):
    """Calls something, and keeps what it returned or raised."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__()
        self._act = act
        self.outcome: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self._act()
        except BaseException as error:
            self.outcome = error

    def answer(self) -> Any:
        self.join(PATIENCE_S)
        assert not self.is_alive()
        return self.outcome


@contextmanager
def turn_taken(store: GeoPackageStore) -> Iterator[None]:
    """Keep others from writing meanwhile."""
    with store._database.writing():
        yield


def called_in_order(store: GeoPackageStore, acts: Sequence[Callable[[], Any]]) -> list[Caller]:
    """Call each in a thread of its own, the next once the one before waits."""
    begun = []
    for count, act in enumerate(acts, 1):
        begun.append(Caller(act))
        waiting = count - 1  # the first leads: it has left the line
        wait_for(lambda: len(store._intake._line._waiting) >= waiting and store._intake._line._led)  # noqa: B023
    return begun


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def codes(store: GeoPackageStore) -> list[str]:
    return store.read(LAYER).index.tolist()


def test_those_that_wait_share_one_commit(store: GeoPackageStore, commits: list[int]) -> None:
    names = [f"n{k:02}" for k in range(40)]
    with turn_taken(store):
        callers = called_in_order(
            store,
            [partial(store.insert, LAYER, complaint(name), by=Authorship(who=name)) for name in names],
        )
        commits.clear()
    written = [caller.answer() for caller in callers]
    assert written == [Written(version, 1, 0, 0) for version in range(2, 42)]
    assert [(change.by.who, change.codes) for change in store.changes(since=1)] == [
        (name, (name,)) for name in names
    ]
    # The commit of the turn that was taken is there too.
    assert commits == [1, 41]


def test_who_writes_alone_has_a_commit_of_his_own(store: GeoPackageStore, commits: list[int]) -> None:
    for k in range(5):
        assert store.insert(LAYER, complaint(f"n{k}")).version == k + 2
    assert store.delete(LAYER, ["n0"]) == 1
    assert commits == [2, 3, 4, 5, 6, 7]


def test_a_refused_write_spoils_no_other(store: GeoPackageStore, commits: list[int]) -> None:
    stale = store.version()
    store.upsert(LAYER, complaint("a", "lift_fault"))
    acts: list[Callable[[], Any]] = [
        lambda: store.insert(LAYER, complaint("b")),
        lambda: store.insert(LAYER, complaint("c")),
        lambda: store.update(LAYER, complaint("missing")),
        lambda: store.update(LAYER, complaint("c", "lift_fault")),
        lambda: store.upsert(LAYER, complaint("a"), based_on=stale),
        lambda: store.insert(LAYER, complaint("d"), by=Authorship(note="\0")),
        lambda: store.upsert(LAYER, points(["d", "e"]), by=Authorship(note="two")),
        lambda: store.upsert(LAYER, points(["d", "e"])),
        lambda: store.delete(LAYER, ["a"], based_on=stale),
        lambda: store.delete(LAYER, ["b", "nobody"]),
        lambda: store.delete(LAYER, ["b"]),
    ]
    with turn_taken(store):
        callers = called_in_order(store, acts)
        commits.clear()
    answers = [caller.answer() for caller in callers]
    assert [type(answer) for answer in answers] == [
        FeaturesExist,
        Written,
        NotFound,
        Written,
        StoreConflict,
        ValueError,
        Written,
        Written,
        StoreConflict,
        int,
        int,
    ]
    assert [answer for answer in answers if isinstance(answer, Written)] == [
        Written(3, 1, 0, 0),
        Written(4, 0, 1, 0),
        Written(5, 2, 0, 0),
        Written(5, 0, 0, 2),
    ]
    assert answers[-2:] == [1, 0]
    assert [change.codes for change in store.changes(since=2)] == [("c",), ("c",), ("d", "e"), ("b",)]
    assert codes(store) == ["a", "c", "d", "e"]
    assert store.read(LAYER, version=3).loc["c", "category"] == "rubbish"
    assert store.read(LAYER).loc["a", "category"] == "lift_fault"
    assert commits == [2, 6]


def test_many_threads_are_all_answered(store: GeoPackageStore, commits: list[int]) -> None:
    threads, each = 24, 15

    def write(name: str) -> list[int]:
        return [store.insert(LAYER, complaint(f"{name}-{k}")).version for k in range(each)]

    callers = [Caller(partial(write, str(name))) for name in range(threads)]
    versions = [caller.answer() for caller in callers]
    assert all(mine == sorted(mine) for mine in versions)
    assert sorted(version for mine in versions for version in mine) == list(range(2, 2 + threads * each))
    changes = {change.codes: change.version for change in store.changes(since=1)}
    assert changes == {
        (f"{name}-{k}",): version for name, mine in enumerate(versions) for k, version in enumerate(mine)
    }
    assert commits == sorted(commits)
    assert len(commits) <= threads * each


@pytest.mark.parametrize("most", [1, 3])
def test_a_batch_is_bounded(
    store: GeoPackageStore, commits: list[int], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(intake, "_MOST_WRITES", most)
    with turn_taken(store):
        callers = called_in_order(store, [partial(store.insert, LAYER, complaint(f"n{k}")) for k in range(7)])
        commits.clear()
    assert [caller.answer().version for caller in callers] == list(range(2, 9))
    assert commits == [1, *([2, 3, 4, 5, 6, 7, 8] if most == 1 else [4, 7, 8])]


def test_a_batch_is_bounded_in_time(
    store: GeoPackageStore, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_LONGEST_S", -1.0)
    with turn_taken(store):
        callers = called_in_order(store, [partial(store.insert, LAYER, complaint(f"n{k}")) for k in range(3)])
        commits.clear()
    assert [caller.answer().version for caller in callers] == [2, 3, 4]
    assert commits == [1, 2, 3, 4]


def test_all_of_a_commit_that_fails_are_told(store: GeoPackageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(database: Database, connection: apsw.Connection) -> None:
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as patched:
        acts: list[Callable[[], Any]] = [
            lambda: store.insert(LAYER, complaint("c")),
            lambda: store.insert(LAYER, complaint("a")),
            lambda: store.delete(LAYER, ["a"]),
        ]
        with turn_taken(store):
            callers = called_in_order(store, acts)
            # Whoever has the turn commits in his own way.
            commit = Database.commit
            own = threading.get_ident()
            patched.setattr(
                Database,
                "commit",
                lambda *given: (commit if threading.get_ident() == own else no_room)(*given),
            )
        answers = [caller.answer() for caller in callers]
    assert [type(answer) for answer in answers] == [StoreFull, FeaturesExist, StoreFull]
    assert codes(store) == ["a", "b"]
    assert store.insert(LAYER, complaint("c")).version == 2


def test_a_write_that_takes_the_others_down_is_left_out(store: GeoPackageStore) -> None:
    """SQLite undoes everything after some errors: the others are written again, without the one at fault."""
    share = store._intake.share

    def undo_all(transaction: Transaction) -> None:
        transaction.connection.execute("ROLLBACK")
        raise apsw.FullError("database or disk is full")

    acts: list[Callable[[], Any]] = [
        lambda: store.insert(LAYER, complaint("c")),
        lambda: store.insert(LAYER, complaint("a")),
        lambda: share(undo_all),
        lambda: store.insert(LAYER, complaint("d")),
    ]
    with turn_taken(store):
        callers = called_in_order(store, acts)
    answers = [caller.answer() for caller in callers]
    assert [type(answer) for answer in answers] == [Written, FeaturesExist, StoreFull, Written]
    assert [answers[0].version, answers[3].version] == [2, 3]
    assert codes(store) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("when", ["before", "in the commit"])
def test_who_is_interrupted_leaves_the_others_to_the_next(
    store: GeoPackageStore, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    commit = Database.commit

    def interrupted(database: Database, connection: apsw.Connection) -> None:
        commit(database, connection)
        if when == "in the commit" and threading.current_thread() is leader:
            raise KeyboardInterrupt

    def lead(transaction: Transaction) -> None:
        if when == "before":
            raise KeyboardInterrupt

    acts: list[Callable[[], Any]] = [
        lambda: store._intake.share(lead),
        lambda: store.insert(LAYER, complaint("c")),
        lambda: store.insert(LAYER, complaint("a")),
        lambda: store.insert(LAYER, complaint("d")),
    ]
    with turn_taken(store):
        callers = called_in_order(store, acts)
        leader = callers[0]
        monkeypatch.setattr(Database, "commit", interrupted)
    first, *others = [caller.answer() for caller in callers]
    assert isinstance(first, KeyboardInterrupt)
    assert [type(answer) for answer in others] == [Written, FeaturesExist, Written]
    assert [others[0].version, others[2].version] == [2, 3]
    assert codes(store) == ["a", "b", "c", "d"]
    assert store.insert(LAYER, complaint("last")).version == 4


def test_the_lead_is_passed_on_whoever_leaves() -> None:
    line = intake._Line()
    first, second, third, fourth = writes = [intake._Write(lambda _: None, 0.0) for _ in range(4)]
    for write in writes:
        line.join(write)
    assert [write.leads for write in writes] == [True, False, False, False]
    assert not line.give_up(first)
    assert line.give_up(second)
    assert not line.give_up(second)
    line.leave(first)
    assert third.leads and third.woken.acquire(timeout=0)
    # It was about to lead when it was interrupted.
    line.leave(third)
    assert fourth.leads and fourth.woken.acquire(timeout=0)
    line.leave(fourth)
    assert line.take() is None
    line.join(late := intake._Write(lambda _: None, 0.0))
    assert late.leads


def test_who_waits_too_long_is_told_and_nothing_of_it_is_written(store: GeoPackageStore) -> None:
    held, over = threading.Event(), threading.Event()

    def hold(transaction: Transaction) -> None:
        held.set()
        assert over.wait(PATIENCE_S)

    with GeoPackageStore(store.path, busy_timeout_s=0.2) as hasty:
        leader = Caller(lambda: hasty._intake.share(hold))
        held.wait()
        try:
            with pytest.raises(StoreBusy, match="Try again later"):
                hasty.insert(LAYER, complaint("hasty"))
        finally:
            over.set()
        assert leader.answer() is None
        assert hasty.insert(LAYER, complaint("later")).inserted == 1
    assert codes(store) == ["a", "b", "later"]


def test_who_may_not_write_is_told_one_by_one(store: GeoPackageStore) -> None:
    with GeoPackageStore(store.path, read_only=True) as read_only:
        callers = [Caller(lambda: read_only.insert(LAYER, complaint("x"))) for _ in range(8)]
        assert {type(caller.answer()) for caller in callers} == {StoreReadOnly}
    assert codes(store) == ["a", "b"]


def test_a_store_that_was_closed_says_so(store: GeoPackageStore) -> None:
    other = open_store(store.url)
    other.close()
    callers = [Caller(lambda: other.insert(LAYER, complaint("x"))) for _ in range(4)]
    assert {type(caller.answer()) for caller in callers} == {ValueError}


def test_many_features_are_written_alone(store: GeoPackageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[Any] = []
    share = store._intake.share

    def counted(act: Callable[[Transaction], Any]) -> Any:
        shared.append(act)
        return share(act)

    monkeypatch.setattr(store._intake, "share", counted)
    many = [f"m{k:04}" for k in range(1000)]
    assert store.upsert(LAYER, points(many)).inserted == 1000
    assert store.delete(LAYER, many) == 1000
    assert shared == []
    assert store.upsert(LAYER, points(many[:2])).inserted == 2
    assert store.delete(LAYER, many[:2]) == 2
    assert len(shared) == 2


def test_a_child_forked_while_threads_wait_for_their_turn_writes(store: GeoPackageStore) -> None:
    assert ask(store_workers.fork_while_threads_wait, store.url) == [0, ["parent 0", "parent 1", "parent 2"]]
    assert codes(store) == ["a", "b", "child", "parent 0", "parent 1", "parent 2"]


def test_a_feature_costs_the_same_however_it_is_written(store: GeoPackageStore) -> None:
    """What one feature and a frame of many do must not differ: boxes, extent, changes and history."""
    shape = shapely.box(114.1, 22.4, 114.2, 22.6)
    one = Feature("one", shape, {"name": "x"})
    assert store.insert("communities", one).inserted == 1
    assert (
        store.update("communities", Feature("one", shapely.box(113, 22, 113.5, 22.1), {"name": "y"})).updated
        == 1
    )
    with store._database.reading() as connection:
        box = connection.execute("SELECT minx, maxx, miny, maxy FROM rtree_communities_geom").get
        extent = connection.execute(
            "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = 'communities'"
        ).get
    assert box == pytest.approx((113, 113.5, 22, 22.1), abs=1e-5)
    assert extent == (113, 22, 114.2, 22.6)
    assert store.read("communities", bbox=(113, 22, 113.1, 22.05)).index.tolist() == ["one"]
