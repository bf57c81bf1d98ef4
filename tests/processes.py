"""Processes of tests: forked from a server that has imported what they need, which else takes longer than their work."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

from layers.imports.jobs import Workshop

PROCESSES = multiprocessing.get_context("forkserver")
# One server forks the processes of all modules.
PROCESSES.set_forkserver_preload(["tests.preloaded"])


@dataclass(frozen=True, kw_only=True)
class ForkedWorkshop(Workshop):
    """A workshop whose processes do not begin with importing libraries; all else is as in the real one."""

    def begin(self, given: dict[str, Any], lock: int) -> int:
        process = PROCESSES.Process(target=_work, args=(json.dumps(given), DupFd(lock)))
        process.start()
        assert process.pid is not None
        return process.pid


def _work(given: str, lock: Any) -> None:
    from layers.imports.working import work

    # Held until this process ends, however it does.
    lock.detach()
    os.setsid()
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    work(json.loads(given))
