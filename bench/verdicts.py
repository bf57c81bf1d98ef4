"""Targets and growth as rows of tables: what was measured, what it was meant to be, whether it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.faces import MOST_TAP_S, Face
from bench.kernels import Outcome
from bench.service import Memory, Start
from bench.tiles import Results as TileResults

MOST_GROWTH = 1.25
"""Measured growth may be so many times what is looked at: what a round differs from another by."""
_MB = 2**20


@dataclass(frozen=True)
class Target:
    """One row of the table of targets."""

    work: str
    ours: str
    peer: str
    ratio: str
    wanted: str
    met: bool | None

    def cells(self) -> list[str]:
        """Return the row."""
        verdict = {True: "met", False: "**missed**", None: "not measured"}[self.met]
        return [self.work, self.ours, self.peer, self.ratio, self.wanted, verdict]


@dataclass(frozen=True)
class Growth:
    """One row of the table of growth: how much more is looked at, and how much longer it takes."""

    work: str
    size: str
    ours: str
    looked_at: float
    cost: float

    def cells(self) -> list[str]:
        """Return the row."""
        fine = self.cost <= MOST_GROWTH * self.looked_at
        return [
            self.work,
            self.size,
            self.ours,
            f"{self.looked_at:.3g}",
            f"{self.cost:.3g}",
            "no more" if fine else "**more**",
        ]


@dataclass
class Part:
    """What one part of the benchmark says: rows of the two tables, and a section of its own."""

    targets: list[list[str]] = field(default_factory=list)
    growth: list[list[str]] = field(default_factory=list)
    section: str = ""
    conditions: str = ""
    failed: bool = False


def seconds(value: float) -> str:
    """Write a time for people."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> list[str]:
    """Return a table in Markdown; columns from `numbers` on are set to the right."""
    left = [":--" if at < numbers or not numbers else "--:" for at in range(len(header))]
    return ["| " + " | ".join(cells) + " |" for cells in (header, left, *rows)]


def size_of(copies: int, points: int) -> str:
    """Name a size for people."""
    return f"×{copies}" + (f", {points:,} points" if points else "")


# Kernels and indicators


def kernel_targets(outcomes: Sequence[Outcome]) -> Iterator[Target]:
    """Yield a row for each case that has a target."""
    for outcome in outcomes:
        case, (ours, *others) = outcome.case, outcome.runs
        if not case.target:
            continue
        work = f"{case.work} ({size_of(case.copies, case.points)})"
        peers = [run for run in others if run.seconds and case.only in ("", run.name)]
        wanted = f"{case.target:g} × {case.only or 'the best peer'}"
        if not peers or not ours.seconds:
            why = ours.problem or "; ".join(f"{run.name}: {run.problem}" for run in others) or "no peer"
            yield Target(work, seconds(ours.median_s) if ours.seconds else "", "", why, wanted, None)
            continue
        best = min(peers, key=lambda run: run.median_s)
        times = best.median_s / ours.median_s
        yield Target(
            work,
            seconds(ours.median_s),
            f"{best.name} {seconds(best.median_s)}",
            f"{times:.3g} ×",
            wanted,
            times >= case.target,
        )


def kernel_growth(outcomes: Sequence[Outcome]) -> Iterator[Growth]:
    """Yield how ours grew with points, and with the district."""
    by_work: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.runs[0].seconds:
            by_work.setdefault(outcome.case.work, []).append(outcome)
    for work, some in by_work.items():
        first = {True: _base(some, by_points=True), False: _base(some, by_points=False)}
        for outcome in some:
            case, ours = outcome.case, outcome.runs[0].median_s
            # Points are looked at where they are counted; where z follows from sums, only cells are.
            counts = bool(case.points) and case.counts_points
            by_points = bool(case.points) and case.copies == 1
            base = first[by_points]
            if base is None or base is outcome:
                continue
            looked_at = 1.0
            if by_points and counts:
                looked_at = case.points / base.case.points
            elif not by_points and not counts:
                looked_at = case.copies / base.case.copies
            name = f"{size_of(base.case.copies, base.case.points)} to {size_of(case.copies, case.points)}"
            yield Growth(work, name, seconds(ours), looked_at, ours / base.runs[0].median_s)


def _base(some: Sequence[Outcome], *, by_points: bool) -> Outcome | None:
    """Return what growth is counted from: the fewest points, or the smallest district with as many as the others."""
    ones = [one for one in some if one.case.copies == 1]
    if by_points:
        return min(ones, key=lambda one: one.case.points, default=None)
    more = {one.case.points for one in some if one.case.copies > 1}
    return next((one for one in ones if one.case.points in more), None)


def kernel_section(title: str, outcomes: Sequence[Outcome]) -> str:
    """Return every contender's times."""
    header = ["", "size", "contender", "median", "fastest", "slowest", "runs", "×", "memory MB"]
    rows = []
    for outcome in outcomes:
        case = outcome.case
        ours = outcome.runs[0]
        for run in outcome.runs:
            first = run is ours
            place = [case.work if first else "", size_of(case.copies, case.points) if first else "", run.name]
            if not run.seconds:
                rows.append(
                    [
                        *place,
                        run.problem.replace("|", "/").replace("\n", " ")[:160] or "not measured",
                        *[""] * 5,
                    ]
                )
                continue
            rows.append(
                [
                    *place,
                    seconds(run.median_s),
                    seconds(min(run.seconds)),
                    seconds(max(run.seconds)),
                    str(len(run.seconds)),
                    "" if first or not ours.seconds else f"{run.median_s / ours.median_s:.3g}",
                    f"{run.peak_bytes / _MB:.0f}",
                ]
            )
    return "\n".join([f"## {title}", "", *table(header, rows, numbers=3)]) + "\n"


# Tiles


def tile_targets(results: TileResults) -> Iterator[Target]:
    """Yield the rows of tiles."""
    if results.uncached:
        ours, *others = results.uncached[0].served
        for peer, most in zip(others, (10, 25), strict=True):
            yield _rate("tile, uncached, zooms 12-17 over HTTP", ours, peer, most)
    if results.cached:
        ours, by_nginx, by_node = results.cached
        yield _rate("tile, cached, over HTTP", ours, by_nginx, 0.3)
        yield _rate("tile, cached, over HTTP", ours, by_node, 5)
        if ours.loads:
            spread = sorted(load.p99_s / load.p50_s for load in ours.loads)
            middle = spread[len(spread) // 2]
            times = sorted(ours.loads, key=lambda load: load.p99_s)[len(spread) // 2]
            yield Target(
                "tile, cached: p99 to p50",
                f"{seconds(times.p99_s)} to {seconds(times.p50_s)}",
                "",
                f"{middle:.3g} ×",
                "under 10 ×",
                middle < 10,
            )


def _rate(work: str, ours: object, peer: object, most: float) -> Target:
    from bench.serving import Served

    assert isinstance(ours, Served) and isinstance(peer, Served)
    wanted = f"{most:g} × {peer.name}"
    if not ours.loads or not peer.loads:
        return Target(work, "", "", ours.problem or f"{peer.name}: {peer.problem}"[:160], wanted, None)
    times = ours.rate / peer.rate
    return Target(
        work, f"{ours.rate:.0f}/s", f"{peer.name} {peer.rate:.0f}/s", f"{times:.3g} ×", wanted, times >= most
    )


def tile_growth(results: TileResults) -> Iterator[Growth]:
    """Yield how the time of one tile grew with the district: it is not looked at."""
    base, *others = [one for one in results.uncached if one.served[0].loads]
    for one in others:
        first, now = base.served[0].rate, one.served[0].rate
        size = f"{size_of(base.copies, 0)} to {size_of(one.copies, 0)}"
        yield Growth("tile, uncached (one of them)", size, seconds(1 / now), 1.0, first / now)


def tile_section(results: TileResults) -> str:
    """Return every server's rates."""
    header = ["", "size", "server", "tiles/s", "slowest", "fastest", "p50 ms", "p99 ms", "longest ms"]
    rows = []
    kinds = [
        ("made anew", f"×{one.copies}, {one.tiles} tiles", [*one.served, one.started])
        for one in results.uncached
    ]
    for kind, size, some in [*kinds, ("ready", "×1", results.cached)]:
        for at, served in enumerate(some):
            place = [kind if not at else "", size if not at else "", served.name]
            if not served.loads:
                rows.append([*place, served.problem.replace("|", "/").replace("\n", " ")[:160], *[""] * 5])
                continue
            middle = sorted(served.loads, key=lambda load: load.rate)[len(served.loads) // 2]
            rows.append(
                [
                    *place,
                    f"{served.rate:.0f}",
                    f"{min(load.rate for load in served.loads):.0f}",
                    f"{max(load.rate for load in served.loads):.0f}",
                    *(f"{value * 1e3:.2f}" for value in (middle.p50_s, middle.p99_s, middle.longest_s)),
                ]
            )
    return "\n".join(["## Tiles over HTTP", "", *table(header, rows, numbers=3)]) + "\n"


# The service


def face_rows(found: Sequence[Face]) -> tuple[list[Target], list[Growth]]:
    """Return the rows of the pages."""
    first = {one.name: one for one in reversed(found)}
    targets = [
        Target(
            f"{one.name}: the slowest tap ({size_of(one.copies, 0)})",
            seconds(one.worst_s),
            "",
            f"{one.worst_s / MOST_TAP_S:.2f} of the limit",
            f"{MOST_TAP_S * 1e3:.0f} ms",
            one.worst_s <= MOST_TAP_S,
        )
        for one in found
    ]
    growth = [
        Growth(
            f"{one.name}: the slowest tap",
            f"{size_of(first[one.name].copies, 0)} to {size_of(one.copies, 0)}",
            seconds(one.worst_s),
            1.0,
            one.worst_s / first[one.name].worst_s,
        )
        for one in found
        if one is not first[one.name]
    ]
    return targets, growth


def start_rows(starts: Sequence[Start]) -> tuple[list[Target], list[Growth]]:
    """Return the rows of starting."""
    from statistics import median

    first = starts[0]
    targets = [
        Target(
            "`wangge serve` to the first tile",
            seconds(median(first.tile_s)),
            f"`import geopandas` {seconds(median(first.geopandas_s))}",
            f"{first.times:.3g} ×",
            "under 2 ×",
            first.times < 2,
        )
    ]
    growth = [
        Growth(
            "`wangge serve` to the first tile",
            f"{size_of(first.copies, 0)} to {size_of(one.copies, 0)}",
            seconds(median(one.tile_s)),
            one.copies / first.copies,
            median(one.tile_s) / median(first.tile_s),
        )
        for one in starts[1:]
    ]
    return targets, growth


def memory_rows(held: Sequence[Memory]) -> tuple[list[Target], list[Growth]]:
    """Return the rows of memory."""
    most = {1: 250, 30: 900}
    targets = [
        Target(
            f"memory of a worker, ×{one.copies}",
            f"{one.worker_bytes / _MB:.0f} MB",
            "",
            f"{one.own_bytes / _MB:.0f} MB with its part of what is shared",
            f"under {most[one.copies]} MB",
            one.worker_bytes < most[one.copies] * _MB,
        )
        for one in held
        if one.copies in most
    ]
    first = held[0]
    growth = [
        Growth(
            "memory of a worker",
            f"{size_of(first.copies, 0)} to {size_of(one.copies, 0)}",
            f"{one.worker_bytes / _MB:.0f} MB",
            one.copies / first.copies,
            one.worker_bytes / first.worker_bytes,
        )
        for one in held[1:]
    ]
    return targets, growth
