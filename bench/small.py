"""All contenders that are here at work on a few rows: they must answer the same. Nothing is measured."""

from __future__ import annotations

from pathlib import Path

from bench import kernels
from bench.contest import Pace, Say
from bench.district import Districts
from bench.inputs import Inputs
from bench.kernels import Outcome
from bench.server import Server
from tests.district import small_district

PACE = Pace(rounds=0)


def small(folder: Path, server: Server, say: Say, *, copies: int = 2) -> list[Outcome]:
    """Let every contender answer once, of a small district laid so many times.

    Raises
    ------
    RuntimeError
        One answers otherwise than ours, or fails. One that is absent is told of in what is returned.
    """
    inputs = Inputs(Districts(folder, small_district()))
    chosen = kernels.small(copies)
    return kernels.measure(chosen, inputs, pace=PACE, say=say, server=server)
