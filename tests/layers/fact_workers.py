"""What other processes do to facts, each a function that is run in one of its own."""

from __future__ import annotations

import os
import signal
from datetime import date
from pathlib import Path
from typing import Any

from layers.fact_request import read_request
from layers.facts import write_facts
from layers.loading import load
from layers.standards import read_standards
from layers.store import open_store
from tests.visitors import PLANNER, POLICY


def die_after_writing(url: str, body: dict[str, Any], today: date) -> None:
    """Write what a request asks, and be killed before anybody is answered."""
    standards = read_standards(Path(__file__).parents[2] / "data")
    with open_store(url) as store:
        request, problems = read_request(body, today=today)
        write_facts(
            request,
            problems,
            store=store,
            snapshot=load(store, standards),
            policy=POLICY,
            visitor=PLANNER,
            standards=standards,
            today=today,
        )
        os.kill(os.getpid(), signal.SIGKILL)
