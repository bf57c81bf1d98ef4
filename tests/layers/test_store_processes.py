"""Several processes at one store: they see each other's writes, and survive each other's deaths."""

from __future__ import annotations

import fcntl
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import apsw
import pytest

from layers.problems import StoreMissing, StoreReadOnly
from layers.schema import LAYERS
from layers.store import create_store, open_store
from layers.stores.geopackage import ddl, turns
from tests.layers import store_workers
from tests.layers.permissions import open_folder, unprivileged
from tests.layers.store_contract import PLACE, points
from tests.processes import PROCESSES

KILLS = 20
WRITERS = 3
PATIENCE_S = 3600.0


@contextmanager
def started(work: Callable[..., None], *arguments: Any) -> Iterator[BaseProcess]:
    """Run `work` in a process of its own, which is gone afterwards."""
    process = PROCESSES.Process(target=work, args=arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def ask(work: Callable[..., None], *arguments: Any) -> Any:
    """Return what `work` sends back from a process of its own."""
    ours, theirs = PROCESSES.Pipe()
    with started(work, *arguments, theirs) as process:
        theirs.close()
        answer = ours.recv()
        process.join()
        assert process.exitcode == 0
    return answer


def assert_sound(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        assert connection.pragma("integrity_check") == "ok"
        triggers = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"
        assert connection.execute(triggers).get == sum(len(ddl.triggers(layer)) for layer in LAYERS.values())
        for name in LAYERS:
            boxes = f'SELECT fid FROM "{name}" EXCEPT SELECT id FROM "rtree_{name}_geom"'
            assert connection.execute(boxes).fetchall() == []
            spare = f'SELECT id FROM "rtree_{name}_geom" EXCEPT SELECT fid FROM "{name}"'
            assert connection.execute(spare).fetchall() == []


def torn_writes(codes: list[str]) -> list[str]:
    """Return the writes of which only a part is among `codes`."""
    found = Counter(code.rpartition("-")[0] for code in codes)
    return [
        write
        for write, count in found.items()
        if count != len(store_workers.codes_of("", int(write.rpartition("-")[2])))
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "store.gpkg"
    create_store(f"gpkg:{made}", PLACE).close()
    return made


def test_another_process_sees_a_write_at_once(path: Path) -> None:
    with open_store(f"gpkg:{path}") as store:
        store.upsert("complaints", points(["ours"]))
        assert ask(store_workers.summary, store.url) == (1, ["ours"])
        ours, theirs = PROCESSES.Pipe()
        with started(store_workers.obey, store.url, theirs) as process:
            assert ours.recv() == 1
            for k in range(5):
                ours.send([f"theirs{k}"])
                assert ours.recv() == store.version() == k + 2
                assert f"theirs{k}" in store.read("complaints").index
            ours.send(None)
            assert ours.recv() == "closed"
            process.join()
        assert store.upsert("complaints", points(["last"])).version == 7
    assert_sound(path)


def test_a_store_lives_through_a_fork(path: Path) -> None:
    assert ask(store_workers.fork_and_write, f"gpkg:{path}") == 0
    written = {"child": 10, "other": 10, "own": 10, "parent": 5}
    codes = sorted(["before", *(f"{name}{k}" for name, count in written.items() for k in range(count))])
    assert ask(store_workers.summary, f"gpkg:{path}") == (36, codes)
    assert_sound(path)


def test_a_daemon_goes_on_after_its_parent(path: Path) -> None:
    ours, theirs = PROCESSES.Pipe()
    with started(store_workers.become_a_daemon, f"gpkg:{path}", theirs):
        assert ours.recv() == "alone"
        with open_store(f"gpkg:{path}") as store:
            assert store.upsert("complaints", points(["third"])).version == 2
            ours.send(["daemon"])
            assert ours.recv() == 3
    with open_store(f"gpkg:{path}") as store:
        assert store.read("complaints").index.tolist() == ["before", "daemon", "third"]
        assert store.verify() == []


def test_a_child_forked_while_its_parent_writes_is_told_what_to_do(path: Path) -> None:
    told, codes = ask(store_workers.fork_while_a_thread_writes, f"gpkg:{path}")
    assert len(told) == 3
    assert all("only after the fork" in sentence and str(path) in sentence for sentence in told), told
    assert codes == ["thread"]
    assert_sound(path)


def test_a_child_forked_within_a_write_does_not_end_it(path: Path) -> None:
    told, name = ask(store_workers.fork_within_a_write, f"gpkg:{path}")
    assert ["only after the fork" in sentence for sentence in told] == [True]
    assert name == "ours"
    assert_sound(path)


def test_nothing_acknowledged_is_lost_when_writers_are_killed(path: Path, tmp_path: Path) -> None:
    """Kill writers at any moment; what they were told was written is there, and no write is there in part."""
    chance = random.Random(20191231)
    log = tmp_path / "acknowledged"
    log.touch()
    url = f"gpkg:{path}"
    names = iter(f"w{k}" for k in range(WRITERS + KILLS))

    def start() -> BaseProcess:
        process = PROCESSES.Process(target=store_workers.write_for_ever, args=(url, next(names), str(log)))
        process.start()
        return process

    writers = [start() for _ in range(WRITERS)]
    versions = [0]
    try:
        with open_store(url, read_only=True) as reader:
            for _ in range(KILLS):
                before = log.stat().st_size
                while log.stat().st_size == before:  # somebody gets on with it
                    time.sleep(0.005)
                    assert all(writer.is_alive() for writer in writers)
                time.sleep(chance.uniform(0, 0.06))
                victim = writers.pop(chance.randrange(WRITERS))
                victim.kill()
                victim.join()
                writers.append(start())
                versions.append(reader.version())
                assert torn_writes(reader.read("complaints").index.tolist()) == []
    finally:
        for writer in writers:
            writer.kill()
            writer.join()
    assert versions == sorted(versions)
    assert_sound(path)
    acknowledged = [line.split() for line in log.read_text().splitlines()]
    with open_store(url) as store:
        there = set(store.read("complaints").index)
        changes = store.changes(since=0)
    lost = [
        code
        for name, step in acknowledged
        for code in store_workers.codes_of(name, int(step))
        if code not in there
    ]
    assert lost == []
    assert torn_writes(sorted(there)) == []
    assert len({name for name, _ in acknowledged}) > WRITERS
    assert [change.version for change in changes] == list(range(1, len(changes) + 1))
    assert len(changes) >= len(acknowledged)
    assert sorted(code for change in changes for code in change.codes) == sorted(there)
    assert {len(change.codes) for change in changes} == {1, store_workers.BULK}


def in_line_since(path: Path, moment_ns: int) -> bool:
    """Tell whether somebody has taken a place in the line since `moment_ns`; we ourselves must have none."""
    with turns.lock_path(path).open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, turns.GATE - moment_ns, moment_ns)
        except (BlockingIOError, PermissionError):
            return True
        return False


@pytest.mark.parametrize("leaves", [None, "killed", "gives up"])
def test_writers_are_served_in_the_order_they_came(path: Path, tmp_path: Path, leaves: str | None) -> None:
    log = tmp_path / "log"
    log.touch()
    ours, theirs = PROCESSES.Pipe()
    with ExitStack() as line:
        line.enter_context(started(store_workers.stand_in_line, str(path), "A", str(log), PATIENCE_S, theirs))
        while log.read_text() != "A":
            time.sleep(0.01)
        waiting: dict[str, BaseProcess] = {}
        for name in "BCDE":
            since = time.monotonic_ns()
            timeout_s = 0.5 if (name, leaves) == ("C", "gives up") else PATIENCE_S
            work = (store_workers.stand_in_line, str(path), name, str(log), timeout_s, None)
            waiting[name] = line.enter_context(started(*work))
            while not in_line_since(path, since) and waiting[name].is_alive():
                time.sleep(0.01)
        if leaves == "killed":
            waiting["C"].kill()
        if leaves is not None:
            waiting["C"].join()
        ours.send("go on")
        for process in waiting.values():
            process.join(PATIENCE_S / 60)
            assert process.exitcode is not None
    assert log.read_text() == {None: "ABCDE", "killed": "ABDE", "gives up": "AcBDE"}[leaves]


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.05, 0.1])
def test_a_creation_that_is_killed_leaves_nothing(tmp_path: Path, delay_s: float) -> None:
    path = tmp_path / "store.gpkg"
    ours, theirs = PROCESSES.Pipe()
    with started(store_workers.create_slowly, f"gpkg:{path}", theirs) as process:
        assert ours.recv() == "going"
        time.sleep(delay_s)
        process.kill()
        process.join()
    if not path.exists():
        with pytest.raises(StoreMissing):
            open_store(f"gpkg:{path}")
        create_store(f"gpkg:{path}", PLACE, layers={"complaints": points(["a"])}).close()
    assert [file.name for file in tmp_path.iterdir()] == ["store.gpkg"]
    assert_sound(path)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


def test_who_may_only_read_sees_what_another_user_writes(shared_folder: Path) -> None:
    """A reader without permissions takes a store at rest as immutable, and must notice when it is not."""
    path = shared_folder / "store.gpkg"
    create_store(f"gpkg:{path}", PLACE).close()

    @contextmanager
    def barred() -> Iterator[None]:
        path.chmod(0o444)
        shared_folder.chmod(0o555)
        with unprivileged():
            yield
        shared_folder.chmod(0o755)
        path.chmod(0o644)

    ours, theirs = PROCESSES.Pipe()
    with barred():
        reader = open_store(f"gpkg:{path}")
        assert reader.version() == 0
    with started(store_workers.obey, f"gpkg:{path}", theirs) as process:
        assert ours.recv() == 0
        for version in (1, 2):
            ours.send([str(version)])
            assert ours.recv() == version
            with barred():
                assert reader.version() == version
                assert len(reader.read("complaints")) == version
                with pytest.raises(StoreReadOnly):
                    reader.delete("complaints", ["1"])
        ours.send(None)
        assert ours.recv() == "closed"
        process.join()
    with barred():
        assert reader.version() == 2
        reader.close()
    assert_sound(path)
