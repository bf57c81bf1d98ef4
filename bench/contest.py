"""Contenders at one task, side by side: each in a process of its own, in turn, again and again."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.harness import Limits, TooMuch, resident_bytes
from bench.worker import Absent, Given

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv-bench" / "bin" / "python"
"""The environment of the peers; where it has not been made they are looked for in this one."""

Say = Callable[[str], None]
_POLL_S = 0.05
_TERSE = {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": str(os.cpu_count())}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way of doing a task.

    Attributes
    ----------
    name : str
    task : str
        ``module:function`` that makes a `bench.worker.Task` of what is given.
    ours : bool
        Whether it runs in Wangge's environment, and is what the others are compared with.
    """

    name: str
    task: str
    ours: bool = False


@dataclass
class Runs:
    """What a contender did: seconds of each run, or why there are none."""

    name: str
    ours: bool = False
    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    problem: str = ""

    @property
    def median_s(self) -> float:
        """The median of its runs."""
        return median(self.seconds)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often contenders run.

    Attributes
    ----------
    rounds : int
        Most measured runs of each.
    budget_s : float
        A contender that has run so long is not run again.
    warm_s : float
        A first run that takes less is not counted.
    """

    rounds: int = 7
    budget_s: float = 8.0
    warm_s: float = 10.0
    limits: Limits = field(default_factory=Limits)


class Crashed(Exception):
    """A contender's process ended by itself; the text is the last it said."""


class Process:
    """A `bench.worker`, ours or the peers'."""

    def __init__(self, limits: Limits, *, ours: bool) -> None:
        python = sys.executable if ours or not PEERS.exists() else str(PEERS)
        self._name, self._limits = "", limits
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [python, "-m", "bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=ROOT,
            env=os.environ | _TERSE,
        )

    def prepare(self, contender: Contender, given: Given) -> None:
        """Make a contender's task of what is given; the one before is dropped."""
        self._name = contender.name
        module, _, function = contender.task.partition(":")
        told = {name: str(value) if value else value for name, value in asdict(given).items()}
        self.tell({"do": "prepare", "module": module, "function": function, "given": told})

    def tell(self, told: dict[str, Any]) -> dict[str, Any]:
        """Tell the process what to do and return what it answers.

        Raises
        ------
        Absent
            The contender is not here.
        RuntimeError
            It failed.
        Crashed
        TooMuch
            It took longer or more memory than it may.
        """
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
        deadline = time.monotonic() + self._limits.seconds
        while not select.select([process.stdout], [], [], _POLL_S)[0]:
            if time.monotonic() > deadline:
                raise TooMuch(f"over {self._limits.seconds / 60:g} minutes")
            if resident_bytes(process.pid) > self._limits.memory_bytes:
                raise TooMuch(f"over {self._limits.memory_bytes / 2**30:g} GB")
        line = process.stdout.readline()
        if not line:
            self._said.seek(0)
            last = self._said.read().decode(errors="replace").strip().splitlines()[-1:]
            raise Crashed(f"crashed ({self._process.wait()}): {''.join(last)}")
        answer: dict[str, Any] = json.loads(line)
        if "absent" in answer:
            raise Absent(answer["absent"])
        if "failed" in answer:
            raise RuntimeError(f"{self._name}: {answer['failed']}")
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            assert pipe is not None
            pipe.close()


Check = Callable[[Any, Any], str]
"""Given our answer and a peer's, says what is wrong with the peer's, or nothing."""


class _Ring:
    """The contenders of one task who are still in it, and what they did."""

    def __init__(self, contenders: Sequence[Contender], pace: Pace, say: Say, work: Path) -> None:
        self.found = {contender.name: Runs(contender.name, contender.ours) for contender in contenders}
        self.files = {contender.name: work / f"{number}.npy" for number, contender in enumerate(contenders)}
        self.processes: dict[str, Process] = {}
        self._pace, self._say = pace, say

    def enter(self, contender: Contender, given: Given) -> None:
        """Let a contender prepare itself; whoever is not here or takes too much is out."""
        self.processes[contender.name] = Process(self._pace.limits, ours=contender.ours)
        try:
            own = self.files[contender.name].with_suffix("")
            own.mkdir()
            self.processes[contender.name].prepare(contender, replace(given, work=own))
        except (Absent, Crashed, TooMuch) as problem:
            self._out(contender.name, problem)

    def turn(self, number: int) -> None:
        """Let each run once; who begins changes."""
        names = list(self.processes)
        shift = number % max(1, len(names))
        for name in names[shift:] + names[:shift]:
            if sum(self.found[name].seconds) <= self._pace.budget_s:
                try:
                    self._run(name, first=number == 0)
                except (Absent, Crashed, TooMuch) as problem:
                    self._out(name, problem)

    def _run(self, name: str, *, first: bool) -> None:
        runs, process = self.found[name], self.processes[name]
        once = process.tell({"do": "run"})
        if first:
            process.tell({"do": "answer", "file": str(self.files[name])})
            if once["seconds"] < self._pace.warm_s and self._pace.rounds:
                return
        runs.seconds.append(once["seconds"])
        runs.cpu_s.append(once["cpu_s"])
        runs.peak_bytes = max(runs.peak_bytes, once["peak_bytes"])

    def _out(self, name: str, problem: Exception) -> None:
        if self.found[name].ours and isinstance(problem, Absent | Crashed):
            raise RuntimeError(f"{name}: {problem}") from problem
        self.found[name].problem = str(problem) or type(problem).__name__
        self._say(f"  {name}: {self.found[name].problem}")
        self.processes.pop(name).close()

    def close(self) -> None:
        """End all processes."""
        for process in self.processes.values():
            process.close()


def contest(
    contenders: Sequence[Contender],
    given: Callable[[Contender], Given],
    *,
    pace: Pace,
    check: Check,
    say: Say = lambda _: None,
) -> list[Runs]:
    """Let contenders do a task in turn, compare what they answer, and return how long they took.

    Raises
    ------
    RuntimeError
        Two contenders answer otherwise than each other, or one fails.
    """
    with tempfile.TemporaryDirectory() as work, closing(_Ring(contenders, pace, say, Path(work))) as ring:
        for contender in contenders:
            ring.enter(contender, given(contender))
        for number in range(pace.rounds + 1):
            ring.turn(number)
        compare({name: np.load(ring.files[name]) for name in ring.processes}, ring.found, check)
        for runs in ring.found.values():
            if runs.seconds:
                say(f"  {runs.name}: {runs.median_s:.4g} s ({len(runs.seconds)} runs)")
        return list(ring.found.values())


def compare(answers: dict[str, Any], found: dict[str, Runs], check: Check) -> None:
    """Raise `RuntimeError` where somebody answers otherwise than ours, or where ours is not there than the first."""
    first = next((name for name in answers if found[name].ours), next(iter(answers), ""))
    problems = {name: check(answers[first], answer) for name, answer in answers.items() if name != first}
    wrong = [f"{name}: {problem}" for name, problem in problems.items() if problem]
    if wrong:
        raise RuntimeError(f"not the answer of {first}: " + "; ".join(wrong))


def equal(ours: Any, theirs: Any) -> str:
    """Whole numbers are the same."""
    if ours.shape != theirs.shape:
        return f"shape {theirs.shape}, not {ours.shape}"
    apart = int((ours != theirs).sum())
    return f"{apart} of {ours.size} differ" if apart else ""


def within(most: float) -> Check:
    """Return a check that numbers differ by no more than `most`; NaN equals NaN."""

    def check(ours: Any, theirs: Any) -> str:
        if ours.shape != theirs.shape:
            return f"shape {theirs.shape}, not {ours.shape}"
        if (np.isnan(ours) != np.isnan(theirs)).any():
            return "unknown in other places"
        apart = np.nanmax(np.abs(ours - theirs), initial=0.0)
        return f"off by {apart:.3g}" if apart > most else ""

    return check
