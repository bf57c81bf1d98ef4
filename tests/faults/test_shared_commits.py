"""What befalls a commit that several share: they are all told, nothing of it is there in part, nothing answered is lost."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

from layers.problems import StoreFull, StoreReadOnly
from layers.store import open_store
from layers.stores.geopackage.files import beside
from layers.stores.geopackage.store import GeoPackageStore
from layers.stores.kinds import path_of
from tests.faults import deaths
from tests.faults.deaths import SHARED, together
from tests.faults.kinds import GeoPackages, made, sound
from tests.faults.states import WARM, assert_written, state
from tests.faults.system_calls import give_up_privileges, no_room_from
from tests.faults.test_crash_points import result
from tests.faults.work import Task


def assert_all_written(url: str, kind: GeoPackages) -> None:
    with sound(kind, url) as store:
        for task in SHARED:
            assert_written(store, task)


def test_a_shared_commit_finds_no_room_at_any_point_of_the_log(geopackages: GeoPackages) -> None:
    url = made(geopackages)
    log = beside(path_of(url))[0]
    with GeoPackageStore(path_of(url)) as store:
        for frames in count():
            WARM.run(store)
            before = state(store)
            full = no_room_from(deaths.end_of_log(log) + frames * deaths.FRAME_BYTES)
            answers = together(store, SHARED, full)
            assert state(store)["changes"][: len(before["changes"])] == before["changes"]
            if not any(isinstance(answer, Exception) for answer in answers):
                break
            assert [type(answer) for answer in answers] == [StoreFull] * len(SHARED)
            assert state(store) == before
        assert frames >= 3
    assert_all_written(url, geopackages)


def test_a_process_dies_at_any_write_of_a_shared_commit(geopackages: GeoPackages) -> None:
    url = made(geopackages)
    with open_store(url) as store:
        WARM.run(store)
        before = state(store)
        for step in count(0, 3):
            code, answers = result(deaths.die_at_shared_write, url, WARM, step)
            if answers is not None:
                break
            assert code == -31  # SIGSYS: the kernel's own kill
            assert state(store) == before
    assert step >= 8
    assert_all_written(url, geopackages)


def test_a_process_dies_when_a_shared_commit_is_to_be_put_on_the_disk(geopackages: GeoPackages) -> None:
    url = made(geopackages)
    code, _ = result(deaths.die_at_shared_sync, url, WARM)
    assert code == -31
    assert_all_written(url, geopackages)


def test_all_who_may_not_write_are_told(geopackages: GeoPackages) -> None:
    url = made(geopackages)
    path = path_of(url)
    with GeoPackageStore(path) as store:
        WARM.run(store)
        before = state(store)
        path.chmod(0o444)

        def run(task: Task) -> Any:
            give_up_privileges()
            return task.run(store)

        callers = [deaths.Caller(partial(run, task)) for task in SHARED]
        assert [type(caller.answer()) for caller in callers] == [StoreReadOnly] * len(SHARED)
        assert state(store) == before
        path.chmod(0o644)
        together(store, SHARED)
    assert_all_written(url, geopackages)
