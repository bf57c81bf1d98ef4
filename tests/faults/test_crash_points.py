"""A writer dies at a chosen point, at each there is: its write is whole or not there, and the store sound."""

from __future__ import annotations

import shutil
from contextlib import suppress
from itertools import count
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from layers.store import open_store
from layers.stores.geopackage.files import beside
from layers.stores.kinds import path_of
from tests.faults import deaths
from tests.faults.fleet import call
from tests.faults.kinds import GeoPackages, Kind, made, sound
from tests.faults.states import TASKS, WARM, assert_written, state


def result(act: Any, *arguments: Any) -> tuple[int | None, Any]:
    """Let a process act, and return its exit code and its last answer, None where it died before."""
    process, answer = call(act, *arguments)
    said = None
    with suppress(EOFError):
        while True:
            said = answer.recv()
    _end(process)
    return process.exitcode, said


def _end(process: BaseProcess) -> None:
    process.join(60)
    assert process.exitcode is not None


@pytest.mark.parametrize("name", TASKS)
def test_a_writer_dies_before_any_step_of_its_transaction(kind: Kind, name: str) -> None:
    task, url = TASKS[name], made(kind)
    with open_store(url) as store:
        before = state(store)
        for step in count():
            code, answer = result(deaths.die_before_step, url, task, step)
            if answer is not None:
                break
            assert code == -9
            assert state(store) == before
    assert step >= 3
    with sound(kind, url) as store:
        assert_written(store, task)
        assert len(state(store)["changes"]) == len(before["changes"]) + 1


@pytest.mark.parametrize("name", ["insert", "update", "delete", "bulk update"])
def test_a_writer_dies_at_any_write_to_the_log(geopackages: GeoPackages, name: str) -> None:
    task, url = TASKS[name], made(geopackages)
    with open_store(url) as store:
        WARM.run(store)
        before = state(store)
        steps = count() if "bulk" not in name else count(0, 37)
        for step in steps:
            code, answer = result(deaths.die_at_write, url, WARM, task, step)
            if answer is not None:
                break
            assert code == -31  # SIGSYS: the kernel's own kill
            assert state(store) == before
    assert step >= 8
    with sound(geopackages, url) as store:
        assert_written(store, task)


@pytest.mark.parametrize("name", TASKS)
def test_a_writer_dies_when_its_log_is_to_be_put_on_the_disk(geopackages: GeoPackages, name: str) -> None:
    """All of the write is in the log then: the machine did not die, so the next to come finds it whole."""
    task, url = TASKS[name], made(geopackages)
    code, _ = result(deaths.die_at_sync, url, WARM, task)
    assert code == -31
    with sound(geopackages, url) as store:
        assert_written(store, task)


def test_a_process_dies_at_any_page_that_goes_from_the_log_into_the_file(geopackages: GeoPackages) -> None:
    url = made(geopackages)
    path = path_of(url)
    log = beside(path)[0]
    code, _ = result(deaths.write_and_die, url, [TASKS[name] for name in ("insert", "update", "delete")])
    assert code == -9
    pages = sorted({page for page, _ in deaths.frames_of_log(log)})
    assert len(pages) > 8

    def copied() -> str:
        other = geopackages.new_url()
        for file in (path, log):
            shutil.copy(file, str(file).replace(str(path), str(path_of(other))))
        return other

    with open_store(copied()) as store:
        held = state(store)
    assert len(held["changes"]) == 5
    for page in pages:
        other = copied()
        code, _ = result(deaths.die_at_page, other, page)
        assert code == -31
        with open_store(other) as store:
            assert state(store) == held
            assert store.verify() == []
    geopackages.assert_sound(other, thoroughly=True)
