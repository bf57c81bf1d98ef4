"""The comparisons with the peers answer alike, and what is said of them follows from what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from bench import contest as contests
from bench import kernels, page
from bench.__main__ import main
from bench.contest import Contender, Pace, Runs, contest, equal, within
from bench.district import Districts, laid
from bench.harness import Limits
from bench.inputs import irregular
from bench.intake import PLAIN
from bench.intake import Plan as IntakePlan
from bench.intake import measure as take_in
from bench.kernels import Outcome
from bench.parts import PARTS
from bench.server import Server
from bench.service import Memory, Start
from bench.serving import Load, Served
from bench.small import small
from bench.tasks.ours import CRS
from bench.tiles import Results as Tiles
from bench.tiles import Uncached, pyramid
from bench.verdicts import (
    Part,
    kernel_growth,
    kernel_section,
    kernel_targets,
    memory_rows,
    start_rows,
    tile_growth,
    tile_section,
    tile_targets,
)
from bench.worker import Given
from geo import crs
from layers.schema import LAYERS
from tests.district import small_district
from tests.postgres import Cluster

HERE = "tests.test_bench_peers_tasks"
NOTHING = Given(Path())


@pytest.fixture(scope="module")
def outcomes(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """Return what comes of all contenders at work on a few rows; it raises where one answers otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        # Those of this environment only, as where no other has been made.
        patch.setattr(contests, "PEERS", Path("nowhere"))
        return small(tmp_path_factory.mktemp("bench"), Server(postgres), print)


def test_every_contender_answers_or_is_said_to_be_absent(outcomes: list[Outcome]) -> None:
    answered = {run.name for outcome in outcomes for run in outcome.runs if run.seconds}
    absent = {run.name for outcome in outcomes for run in outcome.runs if run.problem}
    assert {"Wangge", "geopandas", "shapely", "pandas", "esda", "PostGIS"} <= answered
    assert absent <= {"DuckDB", "SedonaDB", "polars"}
    text = kernel_section("Kernels", outcomes)
    for name in absent:
        assert f"| {name} | No module named" in text
    assert len([outcome for outcome in outcomes if outcome.runs[0].seconds]) == len(outcomes)


def contender(task: str, *, ours: bool = False) -> Contender:
    return Contender(name=task, task=f"{HERE}:{task}", ours=ours)


def ask(*tasks: str, pace: Pace | None = None) -> dict[str, Runs]:
    first, *others = tasks
    some = [contender(first, ours=True), *map(contender, others)]
    found = contest(some, lambda _: NOTHING, pace=pace or Pace(rounds=2), check=equal)
    return {runs.name: runs for runs in found}


def test_contenders_run_in_turn_and_the_first_run_does_not_count() -> None:
    found = ask("three", "three_as_well")
    assert [len(runs.seconds) for runs in found.values()] == [2, 2]
    assert all(runs.peak_bytes > 0 and not runs.problem for runs in found.values())


def test_who_has_used_its_time_runs_no_more_and_a_slow_first_run_counts() -> None:
    found = ask("three", "slow", pace=Pace(rounds=5, budget_s=0.05, warm_s=0.02))
    assert len(found["slow"].seconds) == 1 and len(found["three"].seconds) == 5


def test_another_answer_ends_the_run() -> None:
    with pytest.raises(RuntimeError, match=r"not the answer of three: four: 1 of 1 differ"):
        ask("three", "four")


def test_what_a_peer_cannot_do_is_told_and_what_we_cannot_ends_the_run() -> None:
    limits = Limits(memory_bytes=600 * 2**20)
    found = ask("three", "absent", "crashes", "too_large", pace=Pace(rounds=1, limits=limits))
    problems = {name: runs.problem for name, runs in found.items()}
    assert problems["three"] == "" and "never heard of" in problems["absent"]
    assert problems["crashes"].startswith("crashed (7)") and problems["too_large"].startswith("over 0.58")
    found = ask("three", "stuck", pace=Pace(rounds=1, limits=Limits(seconds=12.0)))
    assert found["stuck"].problem == "over 0.2 minutes" and not found["three"].problem
    with pytest.raises(RuntimeError, match="crashes: crashed"):
        ask("crashes", "three")
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        ask("three", "fails")


def test_checks_see_differences() -> None:
    assert equal(np.array([1, 2]), np.array([1, 2])) == ""
    assert equal(np.array([1, 2]), np.array([1, 3])) == "1 of 2 differ"
    assert "shape" in equal(np.array([1]), np.array([1, 2])) and "shape" in within(1)(np.ones(1), np.ones(2))
    near = within(1e-3)
    assert near(np.array([1.0, np.nan]), np.array([1.0005, np.nan])) == ""
    assert near(np.array([1.0]), np.array([1.002])).startswith("off by 0.002")
    assert near(np.array([1.0]), np.array([np.nan])) == "unknown in other places"


# Data


def test_copies_have_codes_of_their_own_and_stand_apart() -> None:
    district, frames = small_district()
    larger, copies = laid((district, frames), 3)
    assert laid((district, frames), 1) == (district, frames)
    parts = crs.to_metric(np.array([larger.outline], dtype=object), CRS)[0]
    once = crs.to_metric(np.array([district.outline], dtype=object), CRS)[0]
    assert len(parts.geoms) == 3 and parts.area == pytest.approx(3 * once.area, rel=1e-6)
    for name, layer in LAYERS.items():
        assert len(copies[name]) == 3 * len(frames[name]) and copies[name].index.is_unique
        for field in layer.parents:
            assert field.parent is not None
            values = copies[name][field.name].dropna()
            known = frames[name][field.name].dropna()
            assert len(values) == 3 * len(known)
            if known.isin(frames[field.parent].index).all():
                assert values.isin(copies[field.parent].index).all()
    lon = copies["buildings"]["entrance_lon"]
    assert lon.notna().sum() == 3 * frames["buildings"]["entrance_lon"].notna().sum()


def test_what_is_made_of_a_district_is_kept(tmp_path: Path) -> None:
    districts = Districts(tmp_path, small_district())
    store = districts.store(2)
    made = store.stat().st_mtime_ns
    assert districts.store(2).stat().st_mtime_ns == made
    assert Districts(tmp_path, small_district()).store(2) == store
    assert len(districts.given(2)[1]["communities"]) == 24


@pytest.mark.parametrize("copies", [1, 3])
def test_irregular_cells_have_neither_gaps_nor_overlaps(copies: int) -> None:
    box = shapely.box(500_000, 2_490_000, 512_000, 2_499_000)
    cells = irregular(box, copies)
    assert len(cells) == pytest.approx(600 * copies, rel=0.04)
    assert shapely.is_valid(cells).all() and shapely.coverage_is_valid(cells)
    assert set(shapely.get_num_coordinates(cells).tolist()) == {101}
    assert shapely.area(cells).sum() == pytest.approx(shapely.area(shapely.union_all(cells)), rel=1e-9)
    assert shapely.union_all(cells).contains(box)


def test_the_pyramid_holds_every_tile_with_something(tmp_path: Path) -> None:
    _, frames = small_district()
    tiles = pyramid(frames, 10_000)
    assert {tile[1] for tile in tiles} == set(range(12, 18)) and len(set(tiles)) == len(tiles)
    assert {tile[0] for tile in tiles if tile[1] == 12} == {"communities"}
    assert {tile[0] for tile in tiles if tile[1] > 12} == {"buildings"}
    for layer, zoom, x, y in tiles:
        above = ("communities" if zoom == 13 else layer, zoom - 1, x // 2, y // 2)
        assert zoom == 12 or zoom == 13 or above in tiles
    assert len(pyramid(frames, 5)) == 5 and pyramid(frames, 5) == tiles[:5]


def test_every_acknowledged_write_is_counted(tmp_path: Path) -> None:
    plan = IntakePlan(
        callers=(("Wangge", 1, 4), (PLAIN, 2, 1)), stocks=(60,), rounds=1, seconds=0.2, most_a_second=5000
    )
    results = take_in(plan, tmp_path, print)
    assert [(one.name, one.processes, one.threads) for one in results.intakes] == list(plan.callers)
    assert all(one.rate > 0 and 0 < one.p50_s[0] <= one.p99_s[0] for one in results.intakes)
    assert not (tmp_path / "intake").exists()


# What is said


def outcome(
    copies: int, points: int, target: float, *seconds: float, only: str = "", counts: bool = True
) -> Outcome:
    case = kernels.Case(
        work="counting",
        contenders=(),
        copies=copies,
        points=points,
        target=target,
        only=only,
        counts_points=counts,
    )
    names = ("Wangge", "quick", "slow")
    return Outcome(
        case, [Runs(name, name == "Wangge", [lap]) for name, lap in zip(names, seconds, strict=False)]
    )


def test_targets_are_of_the_best_peer_or_of_the_one_named() -> None:
    rows = [
        target.cells()
        for target in kernel_targets(
            [
                outcome(1, 0, 3, 1.0, 3.0, 9.0),
                outcome(1, 0, 3.1, 1.0, 3.0, 9.0),
                outcome(1, 0, 9, 1.0, 3.0, 9.0, only="slow"),
            ]
        )
    ]
    assert [row[3] for row in rows] == ["3 ×", "3 ×", "9 ×"]
    assert [row[5] for row in rows] == ["met", "**missed**", "met"]
    (lonely,) = kernel_targets([outcome(1, 0, 3, 1.0)])
    assert lonely.cells()[5] == "not measured"


def test_growth_is_of_what_is_looked_at() -> None:
    grown = [
        row.cells()
        for row in kernel_growth(
            [
                outcome(1, 1_000_000, 0, 1.0),
                outcome(1, 10_000_000, 0, 13.0),
                outcome(30, 10_000_000, 0, 15.0),
            ]
        )
    ]
    assert [row[1:] for row in grown] == [
        ["×1, 1,000,000 points to ×1, 10,000,000 points", "13 s", "10", "13", "**more**"],
        ["×1, 10,000,000 points to ×30, 10,000,000 points", "15 s", "1", "1.15", "no more"],
    ]
    (cells,) = kernel_growth([outcome(1, 5, 0, 1.0, counts=False), outcome(10, 5, 0, 9.0, counts=False)])
    assert (cells.looked_at, cells.cost) == (10, 9)


def served(name: str, *rates: float, p99_s: float = 0.002) -> Served:
    return Served(name, [Load(1.0, round(rate), 10, 0.001, p99_s, 1.0) for rate in rates])


def test_rates_of_tiles_are_compared() -> None:
    results = Tiles(
        uncached=[
            Uncached(
                1,
                700,
                [
                    served("Wangge", 3000, 9000, 4000),
                    served("flask", 401),
                    Served("tipg", problem="is\naway|"),
                ],
                served("Wangge, just started", 900),
            ),
            Uncached(
                10,
                6000,
                [served("Wangge", 2000), served("flask", 300), Served("tipg")],
                served("Wangge", 800),
            ),
        ],
        cached=[served("Wangge", 9000, p99_s=0.0101), served("nginx", 30_000), served("node", 1000)],
        average_bytes=3000.0,
    )
    rows = [target.cells() for target in tile_targets(results)]
    assert [row[3] for row in rows] == ["9.98 ×", "tipg: is\naway|", "0.3 ×", "9 ×", "10.1 ×"]
    assert [row[5] for row in rows] == ["**missed**", "not measured", "met", "met", "**missed**"]
    assert [row.cost for row in tile_growth(results)] == [2.0]
    text = tile_section(results)
    assert "| tipg | is away/ |" in text and "| Wangge | 4000 | 3000 | 9000 | 1.00 | 2.00 | 1000.00 |" in text


def test_verdicts_of_the_service() -> None:
    targets, growth = start_rows([Start(1, [3.0, 3.9], [2.0, 2.0]), Start(30, [300.0], [2.0])])
    assert [one.cells()[3:] for one in targets] == [["1.73 ×", "under 2 ×", "met"]]
    assert growth[0].cells()[-1] == "**more**"
    held = [
        Memory(copies, 3, mega * 2**20, 2**20, 2**20) for copies, mega in ((1, 249), (10, 500), (30, 901))
    ]
    targets, growth = memory_rows(held)
    assert [one.met for one in targets] == [True, False] and len(growth) == 2


def test_the_page_is_made_of_the_parts_that_are_kept(tmp_path: Path) -> None:
    part = Part(
        targets=[["counting", "1 s", "quick 3 s", "3 ×", "3 ×", "met"]],
        section="## Kernels\n",
        conditions="then",
    )
    page.save(tmp_path, "kernels", part)
    page.save(tmp_path, "memory", replace(part, targets=[], section="## Memory\n", conditions=""))
    kept = list(page.saved(tmp_path))
    assert kept[0] == part
    text = page.page(kept, place=tmp_path, rounds=7, budget_s=8.0, server="PostgreSQL")
    assert "| counting | 1 s | quick 3 s | 3 × | 3 × | met |" in text and text.index(
        "## Kernels"
    ) < text.index("## Memory")
    assert str(tmp_path) not in text and str(Path.home()) not in text and "{" not in text
    assert set(page.ORDER) == set(PARTS)
    assert json.loads((tmp_path / "kernels.json").read_text())["conditions"] == "then"


def test_the_command_says_what_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "--help"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "--quick" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["bench", "nothing"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "kernels" in capsys.readouterr().err
