"""One run: every contender in turn, again and again, and what came of it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Protocol
from urllib.parse import unquote, urlsplit

from bench import data, harness
from bench.contender import StoreKind
from bench.harness import LOADING, WRITING, Limits, Once, TooMuch
from tests.postgres import Cluster

Say = Callable[[str], None]
OPERATIONS = ("bulk load", "read all", "read a box")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured, and how often.

    Attributes
    ----------
    sizes : tuple of int
        Buildings in the district.
    seconds : float
        How long writers write, each time.
    stock : int
        Buildings that are there when the writers begin.
    reads : int
        How often the smallest district is read: that takes so little time that two or three times tell little.
    settle : bool
        Have what a measurement leaves written to disk before the next.
    """

    sizes: tuple[int, ...] = (data.DISTRICT_BUILDINGS, 30 * data.DISTRICT_BUILDINGS)
    repeats: int = 5
    reads: int = 9
    boxes: int = 50
    writers: tuple[int, ...] = (1, 8)
    seconds: float = 4.0
    stock: int = data.DISTRICT_BUILDINGS
    settle: bool = True
    limits: Limits = field(default_factory=Limits)


@dataclass
class Series:
    """The measurements of one contender at one thing; `problem` says why there are no more."""

    kind: StoreKind
    rows: int
    operation: str
    name: str
    onces: list[Once] = field(default_factory=list)
    problem: str | None = None

    @property
    def laps(self) -> list[float]:
        """Seconds of each repeat; of many boxes the median."""
        return [median(once.seconds) for once in self.onces]


@dataclass
class Writes:
    """What one number of writers did: per repeat, how long each write took and how long all together wrote."""

    kind: StoreKind
    writers: int
    name: str
    seconds: list[list[float]] = field(default_factory=list)
    span_s: list[float] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Writes per second of each repeat."""
        return [len(laps) / span for laps, span in zip(self.seconds, self.span_s, strict=True)]


@dataclass
class Results:
    """All that was measured."""

    series: list[Series] = field(default_factory=list)
    writes: list[Writes] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    """The machine's load average over a minute, before each measurement."""
    flushes_s: list[float] = field(default_factory=list)
    """How long the disk takes to keep 32 KB for good: what a committed write cannot do without."""
    server: str = ""
    """What the database server says of itself."""


class Places(Protocol):
    """Where the targets of one kind of store are made."""

    def new(self) -> str:
        """Return a target at which there is nothing."""

    def drop(self, target: str) -> None:
        """Remove it."""


class Files:
    """GeoPackages in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()

    def new(self) -> str:
        return str(self._folder / f"{next(self._numbers)}.gpkg")

    def drop(self, target: str) -> None:
        path = Path(target)
        for left in self._folder.glob(f"*{path.name}*"):
            left.unlink()


class Databases:
    """Databases of a server."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def new(self) -> str:
        return self._cluster.url(self._cluster.new_database())

    def drop(self, target: str) -> None:
        self._cluster.drop(unquote(urlsplit(target).path[1:]))


def run(plan: Plan, folder: Path, say: Say, *, cluster: Cluster | None = None) -> Results:
    """Measure all that is planned; files are made in `folder`, and a database server where none is given.

    Raises
    ------
    RuntimeError
        Contenders do not read the same rows, or a write is not there.
    """
    results = Results()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        cluster = cluster or stack.enter_context(Cluster(fsync=True))
        results.server = _version_of(cluster)
        places: dict[StoreKind, Places] = {"GeoPackage": Files(work), "PostGIS": Databases(cluster)}
        for rows in plan.sizes:
            frame = data.buildings(rows)
            harness.save(frame, work / "frame")
            for kind, place in places.items():
                _bulk(plan, kind, rows, work / "frame", place, results, say)
        for kind, place in places.items():
            _writes(plan, kind, work, place, results, say)
    return results


def _version_of(cluster: Cluster) -> str:
    name = cluster.new_database()
    query = (
        "SELECT current_setting('server_version'), current_setting('shared_buffers'), postgis_lib_version()"
    )
    ((server, buffers, postgis),) = cluster.execute(query, name)
    cluster.drop(name)
    return f"PostgreSQL {server.split()[0]} with {buffers} of shared buffers, PostGIS {postgis}"


def _bulk(
    plan: Plan, kind: StoreKind, rows: int, frame: Path, place: Places, results: Results, say: Say
) -> None:
    boxes = data.boxes(rows, plan.boxes)
    series = {
        (operation, number): Series(kind, rows, operation, chosen.name)
        for operation in OPERATIONS
        for number, chosen in enumerate(LOADING)
        if chosen.kind == kind and not (chosen.only_loads and operation != "bulk load")
    }
    results.series += series.values()
    with _targets(place) as (targets, warm):

        def loaded(number: int) -> Once:
            if number in targets:
                place.drop(targets.pop(number))
            target, few = place.new(), place.new()
            once = harness.in_process(partial(harness.load, number, frame, target, few), plan.limits)
            targets[number] = target
            if warm.setdefault(number, few) != few:
                place.drop(few)
            return once

        def read(number: int) -> Once:
            return harness.in_process(
                partial(harness.read, number, targets[number], warm[number]), plan.limits
            )

        def found(number: int) -> Once:
            return harness.in_process(partial(harness.find, number, targets[number], boxes), plan.limits)

        _in_turn(plan, "bulk load", series, loaded, results, say)
        _check_alike(plan, series, targets, boxes)
        _in_turn(plan, "read all", series, read, results, say)
        _in_turn(plan, "read a box", series, found, results, say)


@contextmanager
def _targets(place: Places) -> Iterator[tuple[dict[int, str], dict[int, str]]]:
    """Give two tables of targets by contender, and remove them all in the end."""
    targets: dict[int, str] = {}
    warm: dict[int, str] = {}
    try:
        yield targets, warm
    finally:
        for target in (*targets.values(), *warm.values()):
            place.drop(target)


def _in_turn(
    plan: Plan,
    operation: str,
    series: dict[tuple[str, int], Series],
    measure: Callable[[int], Once],
    results: Results,
    say: Say,
) -> None:
    """Measure all contenders once, then all once more, and so on; one that took too much is left out."""
    numbers = [number for of, number in series if of == operation]
    is_quick = operation != "bulk load" and series[operation, numbers[0]].rows == min(plan.sizes)
    for repeat in range(max(plan.reads, plan.repeats) if is_quick else plan.repeats):
        shift = repeat % len(numbers)
        for number in numbers[shift:] + numbers[:shift]:
            mine = series[operation, number]
            if any(series[of, at].problem for of, at in series if at == number):
                continue
            _ready(plan, results)
            try:
                once = measure(number)
            except TooMuch as problem:
                mine.problem = str(problem)
                say(f"{mine.kind} {mine.rows:,} {operation}: {mine.name}: {problem}")
                continue
            mine.onces.append(once)
            say(
                f"{mine.kind} {mine.rows:,} {operation}: {mine.name}: {mine.laps[-1]:.4g} s (CPU {once.cpu_s:.3g} s)"
            )


def _ready(plan: Plan, results: Results) -> None:
    if plan.settle:
        os.sync()
    results.loads.append(os.getloadavg()[0])


def flush_s(file: Path) -> float:
    """Return how long it takes to have 32 KB written to disk, in a file that is there; the median of some."""
    file.write_bytes(bytes(2**20))
    handle = os.open(file, os.O_RDWR)
    laps = []
    try:
        os.fsync(handle)
        for number in range(30):
            os.pwrite(handle, b"x" * 2**15, number * 2**15)
            start = time.perf_counter()
            os.fdatasync(handle)
            laps.append(time.perf_counter() - start)
    finally:
        os.close(handle)
    return median(laps)


def _check_alike(
    plan: Plan, series: dict[tuple[str, int], Series], targets: dict[int, str], boxes: list[data.Box]
) -> None:
    """Raise where contenders do not read the same: a comparison would be worth nothing."""
    found: dict[str, object] = {}
    for (operation, number), mine in series.items():
        if operation == "read all" and number in targets:
            with suppress(TooMuch):
                found[mine.name] = harness.in_process(
                    partial(harness.digests, number, targets[number], boxes[:5]), plan.limits
                )
    answers = list(found.values())
    if any(answer != answers[0] for answer in answers):
        raise RuntimeError(f"contenders do not read the same rows: {found}")


def _writes(plan: Plan, kind: StoreKind, work: Path, place: Places, results: Results, say: Say) -> None:
    numbers = [number for number, chosen in enumerate(WRITING) if chosen.kind == kind]
    most = max(plan.writers)
    stock, more = work / "stock", round(plan.seconds * 2500)
    everything = data.buildings(plan.stock + most * more)
    harness.save(everything.iloc[: plan.stock], stock)
    series = {(w, n): Writes(kind, w, WRITING[n].name) for w in plan.writers for n in numbers}
    results.writes += series.values()
    with _targets(place) as (targets, _):
        for number in numbers:
            targets[number] = place.new()
            harness.in_process(partial(harness.prepare, number, targets[number], stock), plan.limits)
        before = {
            n: harness.in_process(partial(harness.written, n, targets[n]), plan.limits) for n in numbers
        }
        done = dict.fromkeys(numbers, 0)
        for writers in plan.writers:
            for repeat in range(plan.repeats):
                parts = []
                for writer in range(writers):
                    new = everything.iloc[plan.stock + writer * more :][:more].copy()
                    new.index = [f"{code}w{writers}r{repeat}" for code in new.index]
                    new.index.name = "code"
                    parts.append(work / f"part{writer}")
                    harness.save(new, parts[-1])
                shift = repeat % len(numbers)
                for number in numbers[shift:] + numbers[:shift]:
                    _ready(plan, results)
                    results.flushes_s.append(flush_s(work / "flush"))
                    each = harness.write_together(number, targets[number], parts, seconds=plan.seconds)
                    laps = [lap for writer_laps in each for lap in writer_laps]
                    mine = series[writers, number]
                    mine.seconds.append([end - start for start, end in laps])
                    mine.span_s.append(max(end for _, end in laps) - min(start for start, _ in laps))
                    done[number] += len(laps) + writers  # and each writer's first, which is not measured
                    say(f"{kind} {writers} writers: {mine.name}: {mine.rates[-1]:.0f} writes/s")
        for number in numbers:
            after = harness.in_process(partial(harness.written, number, targets[number]), plan.limits)
            if tuple(a - b for a, b in zip(after, before[number], strict=True)) != (done[number],) * 2:
                raise RuntimeError(
                    f"{WRITING[number].name}: {done[number]} writes, {before[number]} to {after}"
                )
