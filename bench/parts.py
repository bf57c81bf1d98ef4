"""The parts of the benchmark: each measures something and says what came of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bench import data, faces, intake, kernels, policy, report, run, service, tiles
from bench.contest import Pace, Say
from bench.district import Districts
from bench.inputs import Inputs
from bench.page import conditions
from bench.server import Server
from bench.verdicts import (
    Growth,
    Part,
    Target,
    face_rows,
    kernel_growth,
    kernel_section,
    kernel_targets,
    memory_rows,
    size_of,
    start_rows,
    table,
    tile_growth,
    tile_section,
    tile_targets,
)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all parts work with.

    Attributes
    ----------
    quick : bool
        Leave out the largest and the slowest.
    """

    folder: Path
    districts: Districts
    server: Server
    say: Say
    quick: bool = False
    pace: Pace = field(default_factory=Pace)


def _kernels(bench: Bench) -> Part:
    chosen = kernels.cases(quick=bench.quick)
    outcomes = kernels.measure(
        chosen, Inputs(bench.districts), pace=bench.pace, say=bench.say, server=bench.server
    )
    return _of_outcomes("Kernels", outcomes)


def _indicators(bench: Bench) -> Part:
    sizes = (1, 10) if bench.quick else (1, 10, 30)
    chosen = [kernels.together(copies, target=1.0 if copies == 1 else 0.0) for copies in sizes]
    outcomes = kernels.measure(
        chosen, Inputs(bench.districts), pace=bench.pace, say=bench.say, server=bench.server
    )
    return _of_outcomes("Indicators", outcomes)


def _of_outcomes(title: str, outcomes: list[kernels.Outcome]) -> Part:
    return Part(
        targets=[target.cells() for target in kernel_targets(outcomes)],
        growth=[growth.cells() for growth in kernel_growth(outcomes)],
        section=kernel_section(title, outcomes),
        failed=any(outcome.failed for outcome in outcomes),
    )


def _tiles(bench: Bench) -> Part:
    plan = tiles.Plan(sizes=(1, 10), rounds=2, seconds=4) if bench.quick else tiles.Plan()
    results = tiles.measure(plan, bench.districts, bench.server, bench.say)
    section = tile_section(results)
    return Part(
        targets=[target.cells() for target in tile_targets(results)],
        growth=[growth.cells() for growth in tile_growth(results)],
        section=f"{section}\nCompressed, tiles have {results.average_bytes:,.0f} bytes on average.\n",
    )


def _intake(bench: Bench) -> Part:
    plan = intake.Plan(rounds=3, stocks=(data.DISTRICT_BUILDINGS,)) if bench.quick else intake.Plan()
    results = intake.measure(plan, bench.folder, bench.say)
    ours, plain = results.intakes[:2]
    times = ours.rate / plain.rate
    target = Target(
        "writes acknowledged, 64 concurrent callers",
        f"{ours.rate:.0f}/s",
        f"{plain.processes} direct writers {plain.rate:.0f}/s",
        f"{times:.3g} ×",
        "2 × direct writers",
        times >= 2,
    )
    growth = []
    for more in results.intakes[len(plan.callers) :: len(plan.callers)]:
        size = f"{ours.stock:,} to {more.stock:,} features there"
        growth.append(
            Growth(
                "one acknowledged write, 64 callers", size, f"{more.rate:.0f}/s", 1.0, ours.rate / more.rate
            )
        )
    rows = [
        [
            f"{one.stock:,}",
            f"{one.name}, {one.processes} × {one.threads}",
            f"{one.rate:.0f}",
            f"{min(one.rates):.0f}",
            f"{max(one.rates):.0f}",
            f"{sorted(one.p50_s)[len(one.p50_s) // 2] * 1e3:.2f}",
            f"{sorted(one.p99_s)[len(one.p99_s) // 2] * 1e3:.1f}",
        ]
        for one in results.intakes
    ]
    header = [
        "features there",
        "who, processes × threads",
        "writes/s",
        "slowest",
        "fastest",
        "p50 ms",
        "p99 ms",
    ]
    flush = sorted(results.flushes_s)[len(results.flushes_s) // 2]
    lines = [
        "## Intake",
        "",
        *table(header, rows, numbers=2),
        "",
        f"`fdatasync` of 32 KB took {flush * 1e3:.2f} ms (median).",
    ]
    return Part(
        targets=[target.cells()], growth=[one.cells() for one in growth], section="\n".join(lines) + "\n"
    )


def _service_plan(bench: Bench) -> service.Plan:
    return service.Plan(sizes=(1, 10), rounds=3) if bench.quick else service.Plan()


def _startup(bench: Bench) -> Part:
    targets, growth = start_rows(service.starts(_service_plan(bench), bench.districts, bench.say))
    return Part(targets=[one.cells() for one in targets], growth=[one.cells() for one in growth])


def _memory(bench: Bench) -> Part:
    # Of 30 copies the target speaks.
    plan = replace(_service_plan(bench), sizes=(1, 30) if bench.quick else (1, 10, 30))
    held = service.memory(plan, bench.districts, bench.say)
    targets, growth = memory_rows(held)
    header = ["size", "processes", "largest, resident MB", "its part MB", "together MB"]
    sizes = [(one.worker_bytes, one.own_bytes, one.together_bytes) for one in held]
    rows = [
        [f"×{one.copies}", str(one.processes), *(f"{value / 2**20:.0f}" for value in some)]
        for one, some in zip(held, sizes, strict=True)
    ]
    lines = ["## Memory of the service", "", *table(header, rows, numbers=1)]
    return Part(
        targets=[one.cells() for one in targets],
        growth=[one.cells() for one in growth],
        section="\n".join(lines) + "\n",
    )


def _faces(bench: Bench) -> Part:
    plan = faces.Plan(sizes=(1,)) if bench.quick else faces.Plan()
    found = faces.measure(plan, bench.districts, bench.say)
    targets, growth = face_rows(found)
    header = ["page", "size", "first rows s", "taps", "worst ms", "page's own ms", "median ms", "shift"]
    rows = [
        [
            one.name,
            size_of(one.copies, 0),
            f"{one.first_s:.1f}",
            str(len(one.interactions)),
            f"{one.worst_s * 1e3:.0f}",
            f"{one.page_s * 1e3:.0f}",
            f"{one.middle_s * 1e3:.0f}",
            f"{one.shift:.3f}",
        ]
        for one in found
    ]
    each = [
        [one.name, size_of(one.copies, 0), kind, f"{whole * 1e3:.0f}", f"{own * 1e3:.0f}"]
        for one in found
        for kind, (whole, own) in one.by_name().items()
    ]
    lines = ["## Pages", "", faces.HOW, "", *table(header, rows, numbers=2)]
    lines += ["", *table(["page", "size", "interaction", "worst ms", "page's own ms"], each, numbers=3)]
    return Part(
        targets=[one.cells() for one in targets],
        growth=[one.cells() for one in growth],
        section="\n".join(lines) + "\n",
    )


def _policy(bench: Bench) -> Part:
    bench.say("the policy")
    plan = policy.Plan(requests=5000) if bench.quick else policy.Plan()
    with tempfile.TemporaryDirectory(dir=bench.folder) as made:
        return Part(section=policy.section(policy.measure(plan, Path(made))))


def _stores(bench: Bench) -> Part:
    plan = run.Plan(repeats=2, seconds=2.0)
    if bench.quick:
        plan = replace(plan, sizes=(data.DISTRICT_BUILDINGS,), repeats=3)
    results = run.run(plan, bench.folder, bench.say)
    return Part(section=report.section(plan, results))


PARTS: dict[str, Callable[[Bench], Part]] = {
    "kernels": _kernels,
    "indicators": _indicators,
    "tiles": _tiles,
    "intake": _intake,
    "startup": _startup,
    "memory": _memory,
    "faces": _faces,
    "policy": _policy,
    "stores": _stores,
}


def measure(name: str, bench: Bench) -> Part:
    """Measure one part, and note when, and how busy the machine was."""
    began, loads = datetime.now(UTC), [os.getloadavg()[0]]

    def say(line: str) -> None:
        loads.append(os.getloadavg()[0])
        bench.say(line)

    part = PARTS[name](replace(bench, say=say))
    return replace(part, conditions=conditions(name, began, loads))
