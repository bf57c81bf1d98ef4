"""All that was measured, as one page: the table of ratios, growth, every contender's figures, and how it was measured."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import apsw
import pyogrio
import shapely

from bench.contest import PEERS, ROOT
from bench.harness import Limits
from bench.verdicts import Part, table

ORDER = ("kernels", "indicators", "tiles", "intake", "startup", "memory", "faces", "policy", "stores")
_OURS = (
    "numpy",
    "scipy",
    "pandas",
    "geopandas",
    "pyarrow",
    "psycopg",
    "adbc-driver-postgresql",
    "sqlalchemy",
    "geoalchemy2",
)
_PEERS = (
    "duckdb",
    "sedonadb",
    "geopandas",
    "shapely",
    "pandas",
    "polars",
    "esda",
    "libpysal",
    "tipg",
    "flask",
    "gunicorn",
    "uvicorn",
)
_HOW = """\
Made by `make bench`; `make bench QUICK=--quick` takes a third of the time, `.venv/bin/python -m bench tiles intake` measures
some parts anew and leaves the others as they were. Nothing is downloaded but the peers, which are pinned in
`bench/requirements.txt` and `bench/node/package-lock.json` and live in an environment of their own (`.venv-bench`); nginx and wrk
are Debian's. The machine should have nothing else to do: compare ratios, and only those of one part.

- **Data**: the demonstration district (`data/demo.py`, ×1), and copies of it laid side by side (×10, ×30;
  `bench/district.py`). Points stand near doors, as complaints do; 600 irregular cells a copy have 100 corners each and neither
  gaps nor overlaps (`bench/inputs.py`). All of it is the same each time.
- **Contenders take turns**, each in a process of its own that stays, in one run on one machine; who begins a round changes.
  The first run of each is not counted where it is quick; then up to {rounds} are, until a contender has used
  {budget:g} s. Ratios are of medians; fastest and slowest stand beside them. All contenders may use all processors.
- **Every answer is compared** with ours: counts must be equal, distances agree to 1e-6 m, areas to 1e-3 m², z to 1e-9; chances
  of permutations, which are drawn, to 0.02 on average. Another answer ends the run. Edge rules differ (binning is half-open,
  `ST_Intersects` has the edge twice), but no point of the data lies on an edge.
- **What is ready before the clock runs**: rows in memory in the form that each works on (numpy arrays, our rings of
  coordinates and raster of cells, shapely arrays and trees, frames, in-memory tables of DuckDB and SedonaDB, unlogged, indexed
  and analysed tables of PostGIS with 2 GB of shared buffers). Answers are fetched within the time. *Cold*: ours makes
  what it keeps of cells, facilities or shapes within the time; a peer that keeps nothing is the same in both.
- **Peers are asked in the quickest way known**: PostGIS by LATERAL from the cells and with parallel plans, DuckDB for the nearest
  by arithmetic over all pairs (it has no such join), SedonaDB by `ST_KNN`, shapely by `query_nearest` of points, buildings
  within one square are never cut. A peer over {minutes:g} minutes or {memory:g} GB is reported so; one that is not here, too.
- **One new complaint**: `RunningGiStar` takes it, and z and classes of all cells follow; compared with counting all points anew,
  both ours. *In the store*: it has been written there, and the snapshot of before is brought up to date, as `wangge serve`
  does; compared with a snapshot that has kept everything but what follows from complaints.
- **All indicators**: `summary`, `analyse` on 100 m cells with 999 permutations, and the views of all questions and kinds of
  facility, on a snapshot that has only rows; beside it one query of PostGIS that finds the nearest room of each building.
- **Pages**: Chromium without a window, graphics in software, 1024 × 768, its processor slowed down fourfold; the planner's page
  with all buildings of a district on the screen and the tablet's page of a grid worker. Taps are on rows and tasks; what counts
  is the longest until the next picture.
- **Tiles**: `wangge serve` with its defaults, a session for each of hundreds of people who ask in turn (deciding whether
  they may is part of it), 8 connections of wrk on the same machine. Tiles are all of the pyramid from zoom 12 to 17 that
  hold something, each as often as any other: communities at 12, buildings from 13 on. *Uncached*: nobody keeps a tile
  (Wangge's memory for tiles is set to nothing, `bench/without_cache.py`), and everybody has been asked for all once, so that
  shapes are prepared as the peers' tables are. ST_AsMVT and tipg have an indexed, clustered EPSG:3857 table, and send
  tiles uncompressed, where Wangge compresses them. *Just started* is Wangge asked for each tile once, preparing what it
  needs. *Cached*: every tile was asked for before; nginx and tileserver-gl-light have the same bytes as files and
  as MBTiles. Before, some tiles are decoded: all servers show all buildings at zooms where none leaves any out.
- **Intake**: new buildings in transactions of their own, each durable (`synchronous` FULL), for some seconds; plain SQL is a
  loop that writes the same rows, their index of geometries and a row of changes, made beforehand, by processes of their own. Each
  acknowledged write is looked for afterwards.
- **Start**: from the command to the first tile of somebody signed in, beside `python -c "import geopandas"`, in turn.
- **Memory**: resident memory of the largest worker, what it shares with others among it, after all questions and some
  hundred tiles.
"""


def save(folder: Path, name: str, part: Part) -> None:
    """Keep what a part says."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(asdict(part), ensure_ascii=False, indent=1), "utf-8")


def saved(folder: Path) -> Iterator[Part]:
    """Yield what is kept of each part, in the order of the page."""
    for name in ORDER:
        file = folder / f"{name}.json"
        if file.exists():
            yield Part(**json.loads(file.read_text("utf-8")))


def page(parts: list[Part], *, place: Path, rounds: int, budget_s: float, server: str) -> str:
    """Return the page in Markdown; files were made in `place`."""
    limits = Limits()
    how = _HOW.format(
        rounds=rounds, budget=budget_s, minutes=limits.seconds / 60, memory=limits.memory_bytes / 2**30
    )
    lines = ["# Benchmarks", "", "## Targets", ""]
    lines += table(
        ["work", "Wangge", "peer", "ratio", "target", ""],
        [row for part in parts for row in part.targets],
        numbers=6,
    )
    lines += ["", "## Growth", "", "What is looked at, and the time or memory it takes, as multiples.", ""]
    lines += table(
        ["work", "from, to", "Wangge", "looked at ×", "cost ×", "than linear"],
        [row for part in parts for row in part.growth],
        numbers=2,
    )
    lines += ["", "## How it was measured", "", how, f"{_machine(place)} {_versions(server)}", ""]
    lines += [f"- {part.conditions}" for part in parts if part.conditions]
    lines += [""]
    return "\n".join(lines) + "\n" + "\n".join(part.section for part in parts if part.section)


def conditions(name: str, began: datetime, loads: list[float]) -> str:
    """Say when a part was measured, and how busy the machine was."""
    minutes = (datetime.now(UTC) - began).total_seconds() / 60
    return (
        f"{name}: {began:%Y-%m-%d %H:%M} UTC, {minutes:.0f} minutes; load average over a minute "
        f"{min(loads):.1f} before it, {max(loads):.1f} at most (its own work among it)."
    )


def _machine(place: Path) -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    files = max((len(at), kind) for at, kind in mounts if place.resolve().is_relative_to(at))[1]
    return (
        f"{processor}, {os.cpu_count()} processors, {memory_gb:.0f} GB, {platform.system()} "
        f"{platform.release().partition('-')[0]}, files on {files}."
    )


def _versions(server: str) -> str:
    ours = ", ".join(f"{name} {version(name)}" for name in _OURS)
    return (
        f"Wangge: Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()} (apsw), GDAL "
        f"{pyogrio.__gdal_version_string__} (pyogrio {version('pyogrio')}), GEOS {shapely.geos_version_string} "
        f"(shapely {version('shapely')}), {ours}. Peers: {_peers()}; {server}."
    )


def _peers() -> str:
    """Return the versions of what is in the peers' environment, and of the programs beside it."""
    code = (
        "import sys\nfrom importlib.metadata import PackageNotFoundError, version\n"
        "for name in sys.argv[1:]:\n    try:\n        print(name, version(name))\n"
        "    except PackageNotFoundError:\n        print(name, 'absent')"
    )
    found = "absent"
    if PEERS.exists():
        done = subprocess.run([PEERS, "-c", code, *_PEERS], capture_output=True, text=True)
        found = ", ".join(done.stdout.strip().splitlines())
    return f"{found}, {', '.join(_programs())}"


def _programs() -> Iterator[str]:
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    for name, command in (("nginx", [nginx, "-v"]), ("wrk", ["wrk", "-v"]), ("node", ["node", "--version"])):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError:
            yield f"{name} absent"
            continue
        number = re.search(r"[0-9]+(\.[0-9]+)+", done.stdout + done.stderr)
        yield f"{name} {number.group() if number else 'of an unknown version'}"
    package = ROOT / ".venv-bench" / "npm" / "node_modules" / "tileserver-gl-light" / "package.json"
    yield "tileserver-gl-light " + (
        json.loads(package.read_text())["version"] if package.exists() else "absent"
    )
