"""Many who write at once: acknowledged writes of single features into a GeoPackage, each durable."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from bench import data, harness
from bench.contest import Say
from bench.harness import WRITING, Limits
from bench.run import flush_s

OURS, PLAIN = "Wangge", "plain SQL (apsw)"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured of intake.

    Attributes
    ----------
    callers : tuple of (name of the writer, processes, threads of each)
        Ours, of which the target speaks, and the direct writers that it is compared with, come first.
    stocks : tuple of int
        Features that are there already.
    """

    callers: tuple[tuple[str, int, int], ...] = (
        (OURS, 1, 64),
        (PLAIN, 8, 1),
        (OURS, 8, 8),
        (PLAIN, 1, 1),
        (OURS, 1, 1),
    )
    stocks: tuple[int, ...] = (data.DISTRICT_BUILDINGS, 10 * data.DISTRICT_BUILDINGS)
    rounds: int = 5
    seconds: float = 2.0
    most_a_second: int = 25_000


@dataclass
class Intake:
    """What one kind of callers did, one entry for each round."""

    stock: int
    name: str
    processes: int
    threads: int
    rates: list[float] = field(default_factory=list)
    p50_s: list[float] = field(default_factory=list)
    p99_s: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median of acknowledged writes in a second."""
        return median(self.rates)


@dataclass
class Results:
    """All that was measured of intake."""

    intakes: list[Intake]
    flushes_s: list[float]


def measure(plan: Plan, folder: Path, say: Say) -> Results:
    """Measure all that is planned; in turn, each into a table of its own.

    Raises
    ------
    RuntimeError
        A write that was acknowledged is not there.
    """
    numbers = {
        chosen.name: at for at, chosen in reversed(list(enumerate(WRITING))) if chosen.kind == "GeoPackage"
    }
    results = Results([], [])
    for stock in plan.stocks:
        say(f"writes into {stock:,} features")
        work = folder / "intake"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        most = max(1, round(plan.most_a_second * plan.seconds))
        everything = data.buildings(stock + most)
        harness.save(everything.iloc[:stock], work / "stock")
        intakes = [Intake(stock, *caller) for caller in plan.callers]
        results.intakes += intakes
        targets = {}
        for name in dict.fromkeys(one.name for one in intakes):
            targets[name] = str(work / f"{numbers[name]}.gpkg")
            prepare = partial(harness.prepare, numbers[name], targets[name], work / "stock")
            harness.in_process(prepare, Limits())
        for turn in range(plan.rounds):
            for at, one in enumerate(intakes):
                parts = []
                for process in range(one.processes):
                    new = everything.iloc[stock + process :: one.processes].copy()
                    new.index = new.index + f"r{turn}c{at}"
                    new.index.name = "code"
                    parts.append(work / f"part{process}")
                    harness.save(new, parts[-1])
                results.flushes_s.append(flush_s(work / "flush"))
                _run(one, numbers[one.name], targets[one.name], parts, plan.seconds)
                say(
                    f"  {one.name}, {one.processes} x {one.threads}: {one.rates[-1]:.0f}/s, p99 {one.p99_s[-1] * 1e3:.1f} ms"
                )
        shutil.rmtree(work)
    return results


def _run(one: Intake, writer: int, target: str, parts: list[Path], seconds: float) -> None:
    before = harness.in_process(partial(harness.written, writer, target), Limits())
    each = harness.write_together(writer, target, parts, seconds=seconds, threads=one.threads)
    after = harness.in_process(partial(harness.written, writer, target), Limits())
    laps = np.array([lap for laps in each for lap in laps])
    done = len(laps) + one.processes  # and each process's first, which is not measured
    if (after[0] - before[0], after[1] - before[1]) != (done, done):
        raise RuntimeError(f"{one.name}: {done} writes acknowledged, {before} became {after}")
    one.rates.append(len(laps) / float(laps[:, 1].max() - laps[:, 0].min()))
    middle, tail = np.percentile(laps[:, 1] - laps[:, 0], [50, 99])
    one.p50_s.append(float(middle))
    one.p99_s.append(float(tail))
