"""What came of a run of the stores: the tables, the targets, and how it was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from statistics import median

import numpy as np

from bench.contender import FROM_FEATURES
from bench.harness import WARM_ROWS
from bench.run import OPERATIONS, Plan, Results, Series, Writes

MOST_TIMES = 1.3
LEAST_SHARE = 0.8
TAIL_TIMES = 10

_HOW = """\
The stores beside other ways of keeping the same buildings.

- **Data**: an invented district (`bench/data.py`), the same each time: buildings of 4 to 12 corners, some
  with a courtyard or a second part, ten fields filled in part. ×1 is {small:,} buildings, the largest here
  {large:,}.
- **Each measurement** is a process of its own, forked from one that has the libraries imported, which first
  does the same with {warm} rows. Contenders take turns, and each begins a round once; before each, what the
  one before has left is written to disk. The clock runs from the frame in memory to the data on disk, or from
  the call to the frame in memory. Everything read was written just before: files are in the page cache, and
  so is what the server reads.
- **The same work**: every contender ends with the same rows, an index on the geometry, and is durable
  (`synchronous` FULL with a write-ahead log or a rollback journal, `fsync` and `synchronous_commit` on);
  plain SQL also makes Wangge's indexes on `code` and the parents, pyogrio none of them, geopandas one on
  `code`. Before anything is read for time, all contenders are checked to read the same rows, from all of the
  table and from boxes. Connections are open where a program would have them open; pyogrio opens the file
  each time.
- **Wangge** goes through `create_store`, `Store.read`, `Store.upsert` and, for single writes, `Store.insert`: it
  checks what it is given, keeps versions and history, and makes all nine layers. *Into an empty store* is the way
  of `wangge import`.
- **Boxes** hold 576 buildings each; the figure is the median over {boxes} boxes.
- **Committed single writes**: new buildings, one in each transaction, into a table of {stock:,}, for
  {seconds:g} s by processes that start together. A plain loop inserts the feature with its entry in the index
  of geometries, the row in the table of changes and the next version, as durably; its rows and WKB are made
  beforehand. Wangge is given a `Feature` with a geometry and values, of which it makes both within the time
  measured; it also finds out whether the code is there, in PostGIS indexes the codes of each change and announces
  the version, and in GeoPackage takes turns in the order of arrival, where the plain loop's writers wait for seconds.
  *From features* the plain loop, too, is given features and makes rows and WKB within the time: what it takes more than
  the loop that is given rows is not the store's. One write each leaves both files with the same rows; a test compares
  every table. *From frames* both are given frames of one row. *Without a version counter* writers do not wait for each other;
  it is not comparable, for Wangge's versions follow one another without gaps, and shows what that costs.
- **min** and **median** are of {repeats} repeats, of reads from {small:,} buildings of {reads}; **×** is Wangge's
  median over that contender's (of writes: writes per second), so that below 1 is faster for the first tables.
  **CPU** is of the measured process, without a database server; **memory** is its peak, the frame included. A
  contender that takes more than {minutes:g} minutes or {memory:g} GB is reported so.
"""


def section(plan: Plan, results: Results) -> str:
    """Return what came of it in Markdown."""
    how = _HOW.format(
        small=min(plan.sizes),
        large=max(plan.sizes),
        warm=WARM_ROWS,
        boxes=plan.boxes,
        stock=plan.stock,
        seconds=plan.seconds,
        repeats=plan.repeats,
        reads=max(plan.reads, plan.repeats),
        minutes=plan.limits.seconds / 60,
        memory=plan.limits.memory_bytes / 2**30,
    )
    parts = [
        "## The stores",
        "",
        how,
        _conditions(results),
        "",
        "### Targets of the stores",
        "",
        *_table(["target", "measured", ""], _targets(results)),
    ]
    for (kind, rows), some in groupby(results.series, key=lambda s: (s.kind, s.rows)):
        parts += ["", f"### {kind}, {rows:,} buildings", ""]
        header = ["", "contender", "min s", "median s", "×", "CPU s", "memory MB"]
        parts += _table(header, _series(list(some)))
    parts += ["", "### Committed single writes", ""]
    header = [
        "",
        "writers",
        "contender",
        "writes/s, best",
        "median",
        "×",
        "median ms",
        "p99 ms",
        "longest ms",
    ]
    parts += _table(header, _writes(results.writes))
    return "\n".join(parts) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    left = [":--" if name in ("", "contender", "target", "measured") else "--:" for name in header]
    return ["| " + " | ".join(cells) + " |" for cells in (header, left, *rows)]


def _conditions(results: Results) -> str:
    loads = results.loads
    return (
        "Load average over a minute before each measurement: "
        f"{min(loads):.1f} to {max(loads):.1f}, median {median(loads):.1f} (the contenders' own work among it); "
        f"`fdatasync` of 32 KB took {median(results.flushes_s) * 1000:.2f} ms (median). {results.server}."
    )


def _series(series: list[Series]) -> Iterator[list[str]]:
    for operation in OPERATIONS:
        some = [mine for mine in series if mine.operation == operation]
        ours = some[0]
        for mine in some:
            first = operation if mine is ours else ""
            if not mine.laps:
                yield [first, mine.name, mine.problem or "not measured", "", "", "", ""]
                continue
            yield [
                first,
                mine.name,
                f"{min(mine.laps):.3g}",
                f"{median(mine.laps):.3g}",
                "" if mine is ours else _times(ours, mine),
                f"{median(once.cpu_s for once in mine.onces):.3g}",
                f"{max(once.peak_bytes for once in mine.onces) / 2**20:.0f}",
            ]


def _times(ours: Series, peer: Series) -> str:
    return f"{median(ours.laps) / median(peer.laps):.2f}" if ours.laps else ""


def _writes(writes: list[Writes]) -> Iterator[list[str]]:
    for (kind, writers), group in groupby(writes, key=lambda w: (w.kind, w.writers)):
        some = list(group)
        ours = some[0]
        for mine in some:
            middle, tail, longest = np.percentile(np.concatenate(mine.seconds), [50, 99, 100]) * 1000
            yield [
                kind if mine is ours else "",
                str(writers) if mine is ours else "",
                mine.name,
                f"{max(mine.rates):.0f}",
                f"{median(mine.rates):.0f}",
                "" if mine is ours else f"{median(ours.rates) / median(mine.rates):.2f}",
                f"{middle:.2f}",
                f"{tail:.1f}",
                f"{longest:.0f}",
            ]


def _targets(results: Results) -> Iterator[list[str]]:
    for (kind, rows), group in groupby(results.series, key=lambda s: (s.kind, s.rows)):
        series = list(group)
        for operation in OPERATIONS[:2]:
            ours, *others = [mine for mine in series if mine.operation == operation and mine.laps]
            peers = [peer for peer in others if not peer.name.startswith(ours.name)]
            best = min(peers, key=lambda peer: median(peer.laps))
            times = median(ours.laps) / median(best.laps)
            yield [
                f"{kind}, {rows:,}: {operation} at most {MOST_TIMES} × the best",
                f"{times:.2f} × {best.name}",
                _verdict(times <= MOST_TIMES),
            ]
    for (kind, writers), some in groupby(results.writes, key=lambda w: (w.kind, w.writers)):
        ours_writing, plain, *more = some
        share = median(ours_writing.rates) / median(plain.rates)
        fair = [median(ours_writing.rates) / median(w.rates) for w in more if w.name == FROM_FEATURES]
        yield [
            f"{kind}: committed single writes, {writers} at once, at least {LEAST_SHARE} × the plain loop",
            f"{share:.2f} ×" + "".join(f" ({times:.2f} × the loop given features)" for times in fair),
            _verdict(share >= LEAST_SHARE),
        ]
        if kind == "GeoPackage" and writers > 1:
            middle, tail = np.percentile(np.concatenate(ours_writing.seconds), [50, 99])
            yield [
                f"{kind}: p99 of {writers} writers under {TAIL_TIMES} × the median",
                f"{tail / middle:.1f} ×",
                _verdict(tail < TAIL_TIMES * middle),
            ]


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"
