"""The server commits and cannot say so any more: the writer is told that it is not known, never that it failed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from layers.store import StoreSettings
from tests.faults import workers
from tests.faults.fleet import call
from tests.faults.kinds import PostGIS, made, sound
from tests.faults.states import TASKS, assert_written
from tests.postgres import Cluster

# A backend whose commit is on the disk, and that waits before it says so.
_IN_COMMIT = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@contextmanager
def mute(cluster: Cluster) -> Iterator[None]:
    """Let the server commit and then wait for a standby that never comes."""
    cluster.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    cluster.execute("SELECT pg_reload_conf()")
    yield
    cluster.execute("ALTER SYSTEM RESET synchronous_standby_names")
    cluster.execute("SELECT pg_reload_conf()")


def end_connection(cluster: Cluster, process: int) -> None:
    cluster.execute(f"SELECT pg_terminate_backend({process})")


def kill_process(cluster: Cluster, process: int) -> None:
    os.kill(process, signal.SIGKILL)


def stop_at_once(cluster: Cluster, process: int) -> None:
    cluster.stop("immediate")


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("insert", end_connection),
        ("update", kill_process),
        ("bulk insert", stop_at_once),
    ],
)
def test_a_commit_whose_answer_is_lost(
    own_databases: PostGIS, name: str, end: Callable[[Cluster, int], None]
) -> None:
    cluster, task, url = own_databases.cluster, TASKS[name], made(own_databases)
    with mute(cluster):
        process, answer = call(workers.write_once, url, task, StoreSettings())
        assert answer.recv() == "ready"
        answer.send("go")
        deadline = time.monotonic() + 60
        while not (waiting := cluster.execute(_IN_COMMIT)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        end(cluster, waiting[0][0])
        outcome, _, _ = answer.recv()
        process.join()
        if not cluster.running:
            cluster.start()
        wait_until_back(cluster)
    assert outcome["kind"] == "StoreAway"
    assert "it is not known whether this write was kept" in outcome["said"][0]
    assert "不能确定本次写入是否已保存" in outcome["said"][1]
    with sound(own_databases, url) as store:
        assert_written(store, task)


def wait_until_back(cluster: Cluster) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            cluster.execute("SELECT 1")
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
