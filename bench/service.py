"""The service as a whole: from its start to the first tile, and what its processes hold in memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.error import URLError

from bench.contest import Say
from bench.district import Districts
from bench.serving import Asked, NotServed, family, fetch, free_port
from bench.tile_servers import path, wangge
from bench.tiles import cookies, pyramid, ready
from layers.queries import QUESTIONS

_PEOPLE = 20
_PAUSE_S = 0.002
_MOST_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured of the service."""

    sizes: tuple[int, ...] = (1, 10, 30)
    rounds: int = 5
    tiles: int = 300
    times: int = 12
    """How often each question is asked, so that it reaches every worker."""


@dataclass
class Start:
    """Seconds to the first tile, and of the interpreter that imports geopandas, each round."""

    copies: int
    tile_s: list[float] = field(default_factory=list)
    geopandas_s: list[float] = field(default_factory=list)

    @property
    def times(self) -> float:
        """How many times as long the first tile takes."""
        return median(self.tile_s) / median(self.geopandas_s)


@dataclass
class Memory:
    """What the processes of the service hold after everything was asked; bytes."""

    copies: int
    processes: int
    worker_bytes: int
    """Resident memory of the largest, with what it shares with others."""
    own_bytes: int
    """Of the largest its own, and its part of what is shared."""
    together_bytes: int


def starts(plan: Plan, districts: Districts, say: Say) -> list[Start]:
    """Start the service on a store that is there, in turn with an interpreter that imports geopandas."""
    made = []
    for copies in plan.sizes:
        start = Start(copies)
        made.append(start)
        with a_store(districts, copies) as (store, asked):
            for _ in range(plan.rounds + 1):
                began = time.perf_counter()
                subprocess.run([sys.executable, "-c", "import geopandas"], check=True)
                start.geopandas_s.append(time.perf_counter() - began)
                start.tile_s.append(_first_tile(store, asked[0]))
        # The first of each finds files that are not in memory yet.
        del start.geopandas_s[0], start.tile_s[0]
        say(
            f"first tile x{copies}: {median(start.tile_s):.2f} s, import geopandas {median(start.geopandas_s):.2f} s"
        )
    return made


def _first_tile(store: Path, asked: Asked) -> float:
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("wangge")),
        "serve",
        "--store",
        f"gpkg:{store}",
        "--port",
        str(port),
    ]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while time.perf_counter() - began < _MOST_S and process.poll() is None:
            try:
                status, _, _ = fetch(port, *asked)
            except (OSError, URLError):
                time.sleep(_PAUSE_S)
                continue
            if status == 200:
                return time.perf_counter() - began
            time.sleep(_PAUSE_S)
    finally:
        process.terminate()
        process.wait()
    raise NotServed("Wangge gives no tile within two minutes")


def memory(plan: Plan, districts: Districts, say: Say) -> list[Memory]:
    """Ask all questions and many tiles of each worker, and look at what the processes hold."""
    made = []
    for copies in plan.sizes:
        with (
            a_store(districts, copies, plan.tiles) as (store, asked),
            wangge(store, ("/healthz", "")) as (port, process),
        ):
            ready(port)
            for at in range(plan.times):
                for question in QUESTIONS:
                    _must(port, (f"/api/view?question={question}&unit=square:100", asked[at % len(asked)][1]))
            for one in asked:
                _must(port, one)
            held = {one: _held(one) for one in family(process)}
            largest = max(held, key=lambda one: held[one][0])
            made.append(Memory(copies, len(held), *held[largest], sum(own for _, own in held.values())))
        last = made[-1]
        say(
            f"memory x{copies}: {last.worker_bytes / 2**20:.0f} MB, together {last.together_bytes / 2**20:.0f} MB"
        )
    return made


def _must(port: int, asked: Asked) -> None:
    status, _, body = fetch(port, *asked, timeout_s=300.0)  # the first question of a large district
    if status not in (200, 204):
        raise RuntimeError(f"{asked[0]} answers {status}: {body[:300].decode(errors='replace')}")


def _held(process: int) -> tuple[int, int]:
    """Return a process's resident bytes, and its proportional share."""
    found = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split()[:2]
        found[name] = int(value) * 1024
    return found["Rss:"], found["Pss:"]


@contextmanager
def a_store(districts: Districts, copies: int, tiles: int = 50) -> Iterator[tuple[Path, list[Asked]]]:
    """Give a store in which people have signed in, and what they ask for."""
    with tempfile.TemporaryDirectory(dir=districts.folder) as work:
        store = Path(work) / "district.gpkg"
        shutil.copyfile(districts.store(copies), store)
        chosen = [tile for tile in pyramid(districts.given(copies)[1], tiles * 2) if tile[1] > 13][:tiles]
        yield store, list(zip(map(path, chosen), cookies(store, _PEOPLE, len(chosen)), strict=True))
