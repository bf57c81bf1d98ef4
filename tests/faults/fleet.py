"""Writers and readers in processes of their own, and how they are killed."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.faults import report, workers
from tests.faults.system_calls import Rule
from tests.faults.work import entries

# Children start from a process that has imported everything: a fresh start each would take seconds.
PROCESSES = multiprocessing.get_context("forkserver")
_IMPORTED = [
    "tests.faults.workers",
    "tests.faults.deaths",
    "tests.layers.store_workers",
    "app",
    "layers.imports.command",
    "layers.imports.run",
    "layers.commands",
]
_NUMBERS = count()

_GENEROUS_S = 60.0


@dataclass
class Worker:
    """A process and its books."""

    name: str
    books: list[Path]
    orders: Connection
    process: BaseProcess
    read: Counter[Path] = field(default_factory=Counter)


@dataclass
class Fleet:
    """Writers and readers at one store, for as long as they are needed.

    Parameters
    ----------
    folder : Path
        Where the books are kept, one per writer and reader, whoever comes and goes under its name.
    threads : int
        How many write in each process of a writer.
    """

    url: str
    folder: Path
    writers: int = 8
    readers: int = 2
    threads: int = 1
    seed: int = 20191231
    latencies_ms: list[float] = field(default_factory=lambda: [20.0])
    done: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    recoveries: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._births: Counter[str] = Counter()
        self._workers: dict[str, Worker] = {}

    def __enter__(self) -> Self:
        PROCESSES.set_forkserver_preload(_IMPORTED)
        for k in range(self.writers):
            self._start(f"w{k}")
        for k in range(self.readers):
            self._start(f"r{k}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers.values():
            worker.process.kill()
            worker.process.join()

    @property
    def books(self) -> tuple[list[Path], list[Path]]:
        """The books of writers and of readers."""
        made = sorted(self.folder.glob("*.book"))
        return [book for book in made if book.name[0] == "w"], [book for book in made if book.name[0] == "r"]

    def kill_any(self) -> None:
        """Kill a writer at a moment drawn from how long writes take: before, within or after any step."""
        self.wait_for_progress(writes=report.WRITES_BETWEEN)
        victim = self._some_writer()
        self._wait_for_a_moment()
        victim.process.kill()
        self._bury(victim, "writer, any moment")

    def kill(self, how: str, act: Callable[[], None]) -> None:
        """Kill something else at such a moment, and wait until the writers get on again."""
        self.wait_for_progress(writes=report.WRITES_BETWEEN)
        self._wait_for_a_moment()
        act()
        self.kills[how] += 1
        # Answers may be under way that were given before.
        self._read_books()
        self.wait_for_progress(writes=self.writers + 1)
        self.recoveries += 1

    def _wait_for_a_moment(self) -> None:
        time.sleep(self.chance.choice(self.latencies_ms) / 1000 * self.chance.uniform(0, 1.2))

    def kill_in_commit(self) -> None:
        """Have a writer die within its next commit, or right after it."""
        victim = self._some_writer()
        victim.orders.send(workers.DIE_IN_COMMIT)
        self._bury(victim, "writer, in its commit")

    def wait_for_progress(self, *, writes: int = 1) -> None:
        """Wait until some more writes have been acknowledged; nobody may have ended by itself."""
        due, deadline = self.done + writes, time.monotonic() + _GENEROUS_S
        while True:
            self._read_books()
            if self.done >= due:
                return
            self.check_alive()
            assert time.monotonic() < deadline, "the writers do not get on"
            time.sleep(0.002)

    def check_alive(self) -> None:
        """Assert that nobody has ended by itself."""
        for worker in self._workers.values():
            if not worker.process.is_alive():
                said = [list(entries(book))[-1:] for book in worker.books]
                raise AssertionError(f"{worker.name} ended with {worker.process.exitcode}: {said}")

    def finish(self) -> None:
        """Let everybody finish what is begun, and end."""
        for worker in self._workers.values():
            worker.orders.send(workers.STOP)
        for worker in self._workers.values():
            worker.process.join(_GENEROUS_S)
            assert worker.process.exitcode == 0, f"{worker.name} ended with {worker.process.exitcode}"
        self._read_books()

    def _start(self, name: str) -> None:
        self._births[name] += 1
        born = self._births[name]
        writes = name[0] == "w"
        parts = [f"{name}-{k}" for k in range(self.threads)] if writes and self.threads > 1 else [name]
        names, books = [f"{part}.{born}" for part in parts], [self.folder / f"{part}.book" for part in parts]
        ours, theirs = PROCESSES.Pipe()
        act: Any = workers.write_for_ever if writes else workers.read_for_ever
        kept = [str(book) for book in books]
        given = (names, kept) if writes else (names[0], kept[0])
        process = PROCESSES.Process(target=act, args=(self.url, *given, theirs))
        process.start()
        theirs.close()
        before = self._workers.get(name)
        self._workers[name] = Worker(name, books, ours, process, before.read if before else Counter())

    def _some_writer(self) -> Worker:
        return self._workers[f"w{self.chance.randrange(self.writers)}"]

    def _bury(self, victim: Worker, how: str) -> None:
        victim.process.join(_GENEROUS_S)
        assert victim.process.exitcode == -9, f"{victim.name} ended with {victim.process.exitcode}"
        victim.orders.close()
        self.kills[how] += 1
        self._start(victim.name)

    def _read_books(self) -> None:
        for worker in self._workers.values():
            for book in worker.books if worker.name[0] == "w" else ():
                if book.exists():
                    self._read_on(worker, book)
        del self.latencies_ms[:-200]

    def _read_on(self, worker: Worker, book: Path) -> None:
        with book.open("rb") as file:
            file.seek(worker.read[book])
            text = file.read()
        # Up to the last whole line: the rest will be read with its end.
        text = text[: text.rfind(b"\n") + 1]
        worker.read[book] += len(text)
        for line in text.splitlines():
            _, found, after = line.partition(b'"ms": ')
            if found:
                self.done += 1
                self.latencies_ms.append(float(after.split(b",")[0].split(b"}")[0]))


def call(act: Any, *arguments: Any) -> tuple[BaseProcess, Connection]:
    """Start `act` in a process of its own, with a connection as its last argument, and return both."""
    PROCESSES.set_forkserver_preload(_IMPORTED)
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=act, args=(*arguments, theirs))
    process.start()
    theirs.close()
    return process, ours


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    code: int | None
    said: str


@dataclass
class Command:
    """A command of `wangge` that is under way."""

    process: BaseProcess
    output: Path

    def outcome(self) -> Outcome:
        """Wait for its end."""
        self.process.join(10 * _GENEROUS_S)
        return Outcome(self.process.exitcode, self.output.read_text("utf-8"))


def begin(folder: Path, *arguments: object, plain: bool = False, rules: tuple[Rule, ...] = ()) -> Command:
    """Begin a command; `folder` takes what it prints."""
    output = folder / f"output-{next(_NUMBERS)}"
    process, answer = call(workers.command, [str(item) for item in arguments], str(output), plain, rules)
    assert answer.recv() == "begun"
    return Command(process, output)


def run(folder: Path, *arguments: object, plain: bool = False, rules: tuple[Rule, ...] = ()) -> Outcome:
    """Run a command to its end."""
    return begin(folder, *arguments, plain=plain, rules=rules).outcome()
