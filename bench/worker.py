"""A process that does one contender's task whenever it is told to: ``python -m bench.worker MODULE FUNCTION``.

It runs in the environment of its contender, is told what to do by lines of JSON, and answers with one line each.
Nothing but the standard library, numpy and the contender's own libraries is imported.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


class Absent(Exception):
    """A contender that is not here, or that the task is not for; the text says why."""


@dataclass(frozen=True)
class Given:
    """What a task is given.

    Attributes
    ----------
    shapes : Path
        Folder of `bench.inputs.Inputs.shapes`.
    points : Path, optional
        Folder of `bench.inputs.Inputs.points`.
    frames : Path, optional
        File of `bench.district.Districts.frames`.
    store : Path, optional
        File of `bench.district.Districts.store`, to be copied before it is written to.
    work : Path, optional
        A folder of the contender's own, removed in the end.
    url : str
        A database with PostGIS, the contender's own.
    """

    shapes: Path
    points: Path | None = None
    frames: Path | None = None
    store: Path | None = None
    work: Path | None = None
    url: str = ""

    def array(self, name: str) -> Any:
        """Return an array of the points, or of the shapes."""
        folder = self.shapes if (self.shapes / f"{name}.npy").exists() else self.points
        assert folder is not None
        return np.load(folder / f"{name}.npy")


@dataclass(frozen=True)
class Task:
    """What is measured, and how its result is made comparable (which is not).

    Attributes
    ----------
    run : callable
        Does the work; called again and again.
    answer : callable
        Brings what `run` returned to an array that is the same for all contenders.
    before : callable, optional
        Makes ready for each run.
    """

    run: Callable[[], Any]
    answer: Callable[[Any], Any] = np.asarray
    before: Callable[[], None] | None = None


class Worker:
    """Answers what it is told."""

    def __init__(self) -> None:
        self._task: Task | None = None
        self._result: Any = None

    def do(self, told: dict[str, Any]) -> dict[str, Any]:
        """Do one thing and say how it went."""
        try:
            return self._do(told)
        except (Absent, ImportError) as error:
            return {"absent": str(error)}
        except Exception:
            return {"failed": traceback.format_exc()}

    def _do(self, told: dict[str, Any]) -> dict[str, Any]:
        if told["do"] == "prepare":
            given: dict[str, Any] = {
                name: Path(value) if value and name != "url" else value
                for name, value in told["given"].items()
            }
            self._task = getattr(import_module(told["module"]), told["function"])(Given(**given))
            gc.collect()
            gc.freeze()
            return {}
        assert self._task is not None
        if told["do"] == "answer":
            np.save(told["file"], np.asarray(self._task.answer(self._result)))
            return {}
        self._result = None
        if self._task.before is not None:
            self._task.before()
        gc.collect()
        _forget_peak()
        cpu, start = time.process_time(), time.perf_counter()
        self._result = self._task.run()
        return {
            "seconds": time.perf_counter() - start,
            "cpu_s": time.process_time() - cpu,
            "peak_bytes": _peak_bytes(),
        }


def _forget_peak() -> None:
    """Let the kernel measure the most memory anew; where it may not, the peak of the whole process counts."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int:
    said = Path("/proc/self/status").read_text()
    return int(said.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> None:
    worker = Worker()
    # Libraries that print must not be taken for answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(worker.do(json.loads(line))) + "\n")


if __name__ == "__main__":
    # Of this module as tasks import it: its exceptions are theirs.
    import_module("bench.worker").main()
