"""All contenders that are here at work on a few rows: they must answer the same. Nothing is measured."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import kernels
from bench.contest import Contender, Process, Runs, Say, compare
from bench.district import Districts
from bench.harness import Limits
from bench.inputs import Inputs
from bench.kernels import DATABASE, Case, Outcome
from bench.server import Server
from bench.worker import Absent, Given
from tests.district import small_district


def small(folder: Path, server: Server, say: Say, *, copies: int = 1) -> list[Outcome]:
    """Let every contender answer once, of a small district laid so many times; all peers share a process.

    Raises
    ------
    RuntimeError
        One answers otherwise than ours, or fails. One that is absent is told of in what is returned.
    """
    inputs = Inputs(Districts(folder, small_district()))
    made = []
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours, peers = (stack.enter_context(closing(Process(Limits(), ours=which))) for which in (True, False))
        for case in kernels.small(copies):
            given = inputs.given(case.copies, case.points)
            with server.databases() as new:
                runs = [
                    _answer(
                        ours if contender.ours else peers,
                        contender,
                        replace(given, url=new()) if contender.task.startswith(DATABASE) else given,
                        work / f"{number}.npy",
                    )
                    for number, contender in enumerate(case.contenders)
                ]
            _compare(case, runs, work)
            say(f"{case.work}: {', '.join(f'{run.name} {run.problem}'.strip() for run in runs)}")
            made.append(Outcome(case, runs))
    return made


def _answer(process: Process, contender: Contender, given: Given, file: Path) -> Runs:
    runs = Runs(contender.name, contender.ours)
    try:
        own = file.with_suffix("")
        own.mkdir(exist_ok=True)
        process.prepare(contender, replace(given, work=own))
        runs.seconds.append(process.tell({"do": "run"})["seconds"])
    except Absent as problem:
        runs.problem = str(problem)
    else:
        process.tell({"do": "answer", "file": str(file)})
    return runs


def _compare(case: Case, runs: list[Runs], work: Path) -> None:
    answers = {run.name: np.load(work / f"{number}.npy") for number, run in enumerate(runs) if run.seconds}
    compare(answers, {run.name: run for run in runs}, case.check)
