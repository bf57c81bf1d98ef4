"""The kernels beside their peers: what is measured, on how much, and what it is meant to reach."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bench.contest import Check, Contender, Pace, Runs, Say, contest, equal, within
from bench.inputs import Inputs
from bench.server import Server
from bench.worker import Given

OURS = "bench.tasks.ours"
ARRAYS, ENGINES, DATABASE = "bench.tasks.arrays", "bench.tasks.engines", "bench.tasks.database"


def _ours(task: str) -> Contender:
    return Contender(name="Wangge", task=f"{OURS}:{task}", ours=True)


def _peers(task: str, *modules: str) -> tuple[Contender, ...]:
    known = {
        "DuckDB": (ENGINES, "duckdb"),
        "SedonaDB": (ENGINES, "sedona"),
        "PostGIS": (DATABASE, "postgis"),
        "pandas": (ARRAYS, "pandas"),
        "polars": (ARRAYS, "polars"),
        "geopandas": (ARRAYS, "geopandas"),
        "shapely": (ARRAYS, "shapely"),
        "esda": (ARRAYS, "esda"),
    }
    return tuple(Contender(name=name, task=f"{known[name][0]}:{known[name][1]}_{task}") for name in modules)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One comparison.

    Attributes
    ----------
    work : str
        What is done, as the table says it; cases of one work are one row's growth.
    contenders : tuple of Contender
        Ours first.
    copies, points : int
        How large the district is, and how many points there are; 0 where none are needed.
    target : float
        How many times as fast as the best peer it is meant to be; 0 where nothing is meant.
    only : str
        The peer that the target speaks of, where it is not the best.
    counts_points : bool
        Whether each point is looked at within the time.
    """

    work: str
    contenders: tuple[Contender, ...]
    copies: int = 1
    points: int = 0
    target: float = 0.0
    only: str = ""
    counts_points: bool = True
    check: Check = field(default=equal)


_MILLION = 1_000_000
_GROUPING = ("DuckDB", "SedonaDB", "polars", "pandas", "PostGIS")
_JOINING = ("SedonaDB", "DuckDB", "shapely", "geopandas", "PostGIS")
_QUICK = ("SedonaDB", "DuckDB")


def _of(work: str, ours: str, theirs: str, **options: Any) -> Any:
    def case(peers: Sequence[str], copies: int = 1, millions: int = 0, target: float = 0.0) -> Case:
        return Case(
            work=work,
            contenders=(_ours(ours), *_peers(theirs, *peers)),
            copies=copies,
            points=millions * _MILLION,
            target=target,
            **options,
        )

    return case


def _alike(ours: Any, theirs: Any) -> str:
    """Compare z to 1e-9, and chances of permutations, which are drawn, on the whole."""
    problem = within(1e-9)(ours[0], theirs[0])
    apart = float(np.nanmean(np.abs(ours[1] - theirs[1])))
    return problem or (f"chances {apart:.3f} apart" if apart > 0.02 else "")


squares = _of("counts per square cell and category", "counts_in_squares", "squares")
days = _of("cell x day", "counts_by_day", "days", only="DuckDB")
warm = _of("counts per irregular cell, warm", "counts_in_irregular", "irregular")
cold = _of("counts per irregular cell, cold", "counts_in_irregular_cold", "irregular")
near = _of("nearest room, warm", "nearest", "nearest", only="shapely", check=within(1e-6))
area = _of("building area per cell", "area_in_squares", "area", check=within(1e-3))
area_cold = _of("building area per cell, from shapely", "area_in_squares_cold", "area", check=within(1e-3))
z = _of("Gi*: z", "hotspots", "z", counts_points=False, check=within(1e-9))
permuted = _of(
    "Gi*: z and 999 permutations", "hotspots_permuted", "permuted", counts_points=False, check=_alike
)


def near_cold(copies: int, target: float) -> Case:
    """Return the comparison with both trees made within the time."""
    peer = Contender(name="shapely", task=f"{ARRAYS}:shapely_nearest_cold")
    return Case(
        work="nearest room, cold",
        contenders=(_ours("nearest_cold"), peer),
        copies=copies,
        target=target,
        check=within(1e-6),
    )


def one_more(millions: int, copies: int = 1, target: float = 0.0) -> Case:
    """Return the comparison of one point more with all from the points; both are ours."""
    whole = Contender(name="Wangge, from the points", task=f"{OURS}:classes_from_points")
    return Case(
        work="one new complaint to z and classes",
        contenders=(_ours("classes_after_one"), replace(whole, ours=True)),
        copies=copies,
        points=millions * _MILLION,
        target=target,
        counts_points=False,
        check=within(1e-6),
    )


def one_followed(copies: int, target: float = 0.0) -> Case:
    """Return the comparison of one complaint more in the store with all counted anew; both are ours."""
    return Case(
        work="one new complaint in the store to z and classes",
        contenders=(
            Contender(name="Wangge", task="bench.tasks.following:followed", ours=True),
            Contender(
                name="Wangge, from all complaints", task="bench.tasks.following:counted_anew", ours=True
            ),
        ),
        copies=copies,
        target=target,
        counts_points=False,
        check=within(1e-6),
    )


def together(copies: int, target: float) -> Case:
    """Return all indicators beside one query of a database; their answers are different things."""
    return Case(
        work="all indicators, from loaded rows",
        contenders=(
            _ours("indicators"),
            Contender(name="PostGIS, one query for the nearest room", task=f"{DATABASE}:postgis_nearest"),
        ),
        copies=copies,
        target=target,
        check=lambda ours, theirs: "",
    )


def cases(*, quick: bool) -> list[Case]:
    """Return what is compared; `quick` leaves out the largest and the slowest."""
    some = [
        squares(_GROUPING, millions=1),
        squares(_GROUPING, millions=10, target=3),
        squares(_QUICK, copies=10, millions=10),
        squares(_QUICK, copies=30, millions=10),
        days(_GROUPING, millions=1),
        days(_GROUPING, millions=10, target=5),
        warm(_JOINING, millions=1),
        warm(_QUICK[:1], millions=10, target=20) if quick else warm(_JOINING, millions=10, target=20),
        cold(_QUICK[:1], millions=10, target=8),
        warm(_QUICK[:1], copies=30, millions=10, target=10),
        cold(_QUICK[:1], copies=30, millions=10, target=3),
        near(("shapely", "SedonaDB", "geopandas", "DuckDB", "PostGIS"), target=5),
        near(("shapely", "SedonaDB"), copies=10),
        near(("shapely", "SedonaDB"), copies=30, target=5),
        near_cold(1, 1.5),
        near_cold(10, 0),
        near_cold(30, 1.5),
        area(("shapely", "PostGIS", "SedonaDB", "DuckDB", "geopandas"), target=20),
        area(("shapely", "PostGIS"), copies=10),
        area_cold(("shapely",)),
        z(("esda",), millions=1, target=100),
        z((), copies=10, millions=1),
        z((), copies=30, millions=1),
        permuted(("esda",), millions=1, target=30),
        one_more(1),
        one_more(10, target=100),
        one_more(10, copies=10),
        one_more(10, copies=30),
        one_followed(1),
        one_followed(10),
        *([] if quick else [one_followed(30, 100)]),
    ]
    if quick:
        return some
    return [
        *some,
        squares(_QUICK, millions=50),
        days(_QUICK, copies=10, millions=10),
        warm(_QUICK[:1], copies=10, millions=10),
        warm(_QUICK, millions=50),
        area(("shapely", "PostGIS"), copies=30),
        permuted((), copies=10, millions=1),
    ]


def small(copies: int) -> list[Case]:
    """Return the comparisons of a small district: whether all answer the same."""
    everywhere = ("DuckDB", "SedonaDB", "PostGIS")
    few = {"points": 3000, "copies": copies}
    made = [
        squares((*everywhere, "polars", "pandas")),
        days((*everywhere, "polars", "pandas")),
        warm((*everywhere, "shapely", "geopandas")),
        cold(()),
        near((*everywhere, "shapely", "geopandas")),
        area((*everywhere, "shapely", "geopandas")),
        area_cold(()),
        permuted(("esda",)),
        one_more(0),
        one_followed(copies),
        together(copies, 0.0),
    ]
    return [replace(case, **few) for case in made]


@dataclass
class Outcome:
    """What came of one case."""

    case: Case
    runs: list[Runs]
    failed: bool = False


def measure(
    chosen: Sequence[Case], inputs: Inputs, *, pace: Pace, say: Say, server: Server | None = None
) -> list[Outcome]:
    """Run the cases, one after the other; where answers differ or a contender fails, its outcome says so."""
    made = []
    for case in chosen:
        say(f"{case.work}: x{case.copies}" + (f", {case.points:,} points" if case.points else ""))
        given = inputs.given(case.copies, case.points)
        with server.databases() if server else nullcontext(lambda: "") as new:
            try:
                made.append(Outcome(case, _contest(case, given, new, pace, say)))
            except RuntimeError as error:
                # The other cases are worth having.
                problem = str(error).strip().splitlines()[-1]
                say(f"  FAILED: {error}")
                made.append(Outcome(case, [Runs("Wangge", True, problem=f"failed: {problem}")], failed=True))
    return made


def _contest(case: Case, given: Given, new: Any, pace: Pace, say: Say) -> list[Runs]:
    def of(contender: Contender) -> Given:
        return replace(given, url=new() if contender.task.startswith(DATABASE) else "")

    return contest(case.contenders, of, pace=pace, check=case.check, say=say)
