"""Processes that do one thing each and say how long it took.

Each is forked from a server that has imported the libraries and done nothing else, does its work once with
a few rows, and then once more with the clock running.
"""

from __future__ import annotations

import gc
import hashlib
import pickle
import resource
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench import data
from bench.contender import LAYER, Contender, Writer
from bench.geopackage import PlainApsw, Pyogrio
from bench.postgis import Adbc, Geopandas, PlainPsycopg
from bench.wangge import Wangge, WanggeImport
from layers.frames import conform
from layers.stores.rows import rows_of

if TYPE_CHECKING:
    import geopandas as gpd

LOADING: list[Contender] = [
    Wangge("GeoPackage"),
    WanggeImport("GeoPackage"),
    Pyogrio(arrow=True),
    Pyogrio(arrow=False),
    PlainApsw(),
    Wangge("PostGIS"),
    WanggeImport("PostGIS"),
    Geopandas(),
    Adbc(),
    PlainPsycopg(),
]
WRITING: list[Writer] = [
    Wangge("GeoPackage"),
    PlainApsw(),
    PlainApsw(features=True),
    Wangge("GeoPackage", frames=True),
    PlainApsw(frames=True),
    Wangge("PostGIS"),
    PlainPsycopg(),
    Wangge("PostGIS", frames=True),
    PlainPsycopg(frames=True),
    PlainPsycopg(counter=False),
]

WARM_ROWS = 300
_POLL_S = 0.2

Result = TypeVar("Result")


class TooMuch(Exception):
    """A contender took more time or memory than it may; the text says which."""


@dataclass(frozen=True)
class Failed:
    """What a process answers that could not do its work: errors of some libraries cannot be sent."""

    trace: str


@dataclass(frozen=True)
class Limits:
    """What one measurement may take."""

    seconds: float = 600.0
    memory_bytes: int = 8 * 2**30


@dataclass(frozen=True)
class Once:
    """One measurement.

    Attributes
    ----------
    seconds : list of float
        One, or one for each box.
    cpu_s : float
        Of the process that was measured; a database server's is not among it.
    peak_bytes : int
        Most memory that the process held at a time, what it was given among it.
    """

    seconds: list[float]
    cpu_s: float
    peak_bytes: int


def contexts() -> Any:
    """Return the context that new processes come from."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["bench.preload"])
    return context


# In the parent


def in_process(work: Callable[[], Result], limits: Limits) -> Result:
    """Return what `work` returns in a process of its own.

    Raises
    ------
    TooMuch
    """
    context = contexts()
    answers, tells = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(work, tells))
    process.start()
    tells.close()
    deadline = time.monotonic() + limits.seconds
    try:
        while not answers.poll(_POLL_S):
            if time.monotonic() > deadline:
                raise TooMuch(f"over {limits.seconds / 60:g} minutes")
            if resident_bytes(process.pid) > limits.memory_bytes:
                raise TooMuch(f"over {limits.memory_bytes / 2**30:g} GB")
        answer = answers.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process ended with {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
    if isinstance(answer, Failed):
        raise RuntimeError(answer.trace)
    result: Result = answer
    return result


def resident_bytes(process: int) -> int:
    """Return how much memory a process holds now; 0 where it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * resource.getpagesize()


def write_together(
    writer: int, target: str, parts: list[Path], *, seconds: float, threads: int = 1
) -> list[list[tuple[float, float]]]:
    """Let one process for each of `parts` (frames of new features) commit them one by one for some seconds.

    Each process has so many threads, that take their features from the same part and share what is open.

    Returns
    -------
    list of list of (start, end)
        One list for each process: when each write began and was acknowledged, on one clock.
    """
    context = contexts()
    start = context.Barrier(len(parts))
    pipes = []
    for part in parts:
        answers, tells = context.Pipe(duplex=False)
        work = partial(_write, writer, target, part, start, seconds, threads)
        context.Process(target=_tell, args=(work, tells)).start()
        tells.close()
        pipes.append(answers)
    found: dict[Connection, Any] = {}
    while len(found) < len(pipes):
        for answers in wait([pipe for pipe in pipes if pipe not in found]):
            assert isinstance(answers, Connection)
            found[answers] = answers.recv()
            if isinstance(found[answers], Failed):
                raise RuntimeError(found[answers].trace)
    return [found[pipe] for pipe in pipes]


# In a process of their own


def _tell(work: Callable[[], Any], tells: Connection) -> None:
    try:
        answer = work()
    except Exception:
        answer = Failed(traceback.format_exc())
    tells.send(answer)


def save(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Keep a frame for `load`."""
    path.write_bytes(pickle.dumps(frame, protocol=5))


def _saved(path: Path) -> gpd.GeoDataFrame:
    frame: gpd.GeoDataFrame = pickle.loads(path.read_bytes())
    return frame


def _timed(work: Callable[[], Any]) -> Once:
    gc.collect()
    _forget_peak()
    cpu, start = time.process_time(), time.perf_counter()
    kept = work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    del kept
    return Once([seconds], cpu, _peak_bytes())


def load(contender: int, rows: Path, target: str, warm: str) -> Once:
    """Measure how long it takes to load the frame at `rows` into `target`."""
    chosen = LOADING[contender]
    frame = _saved(rows)
    for frame_now, target_now in ((frame.iloc[:WARM_ROWS], warm), (frame, target)):
        chosen.before_load(target_now)
        once = _timed(partial(chosen.load, frame_now, target_now))
    return once


def read(contender: int, target: str, warm: str) -> Once:
    """Measure how long it takes to read all of `target`."""
    chosen = LOADING[contender]
    with chosen.opened(warm) as opened:
        opened.all()
    with chosen.opened(target) as opened:
        return _timed(opened.all)


def find(contender: int, target: str, boxes: list[data.Box]) -> Once:
    """Measure how long it takes to read what meets each of `boxes`."""
    laps: list[float] = []
    with LOADING[contender].opened(target) as opened:

        def each() -> None:
            for box in boxes:
                start = time.perf_counter()
                opened.box(box)
                laps.append(time.perf_counter() - start)

        each()
        laps.clear()
        once = _timed(each)
    return Once(laps, once.cpu_s, once.peak_bytes)


def digests(contender: int, target: str, boxes: list[data.Box]) -> tuple[str, list[str]]:
    """Return what says whether two contenders read the same: all of it, and what meets each of `boxes`."""
    with LOADING[contender].opened(target) as opened:
        return _digest(opened.all()), [_digest(opened.box(box)) for box in boxes]


def _digest(frame: gpd.GeoDataFrame) -> str:
    """Return a hash of the rows in the order of their codes, brought to the types and shapes of the layer."""
    assert frame.crs == "EPSG:4490"
    rows = rows_of(conform(frame, LAYER), LAYER)
    digest = hashlib.sha256()
    for record in rows.records:
        digest.update(repr(record).encode())
    return f"{len(rows.records)} rows {digest.hexdigest()[:16]}"


def prepare(writer: int, target: str, rows: Path) -> None:
    """Make a table to be written to, with the frame at `rows`."""
    WRITING[writer].prepare(target, _saved(rows))


def written(writer: int, target: str) -> tuple[int, int]:
    """Return the number of features at `target` and of versions recorded."""
    return WRITING[writer].written(target)


def _write(
    writer: int, target: str, part: Path, start: Barrier, seconds: float, threads: int
) -> list[tuple[float, float]]:
    chosen = WRITING[writer]
    features = chosen.features(_saved(part))
    laps: list[tuple[float, float]] = []
    with chosen.writer(target) as write:
        write(features.pop())
        gc.collect()
        start.wait()
        end = time.perf_counter() + seconds

        def some() -> None:
            while features and (began := time.perf_counter()) < end:
                write(features.pop())
                laps.append((began, time.perf_counter()))

        if threads == 1:
            some()
        else:
            with ThreadPoolExecutor(threads) as callers:
                for caller in [callers.submit(some) for _ in range(threads)]:
                    caller.result()
    return laps


def _forget_peak() -> None:
    """Let the kernel measure the most memory anew; where it may not, the peak of the whole process counts."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int:
    said = Path("/proc/self/status").read_text()
    return int(said.partition("VmHWM:")[2].split()[0]) * 1024
