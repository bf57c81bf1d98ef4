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
        request, problems = read_request({"epoch": store.epoch().id} | body, today=today)
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


def serve_facts(url: str, folder: str, answers: Any, *, dies: bool) -> None:
    """Serve a store to the people of `folder` until told to stop, or be killed after a write, before it is answered."""
    from tests.webmap.access import people
    from webmap import api_facts
    from webmap.server import Server, listen
    from webmap.settings import Settings

    if dies:
        api_facts._wait_for = lambda version: os.kill(os.getpid(), signal.SIGKILL)
    standards = read_standards(Path(__file__).parents[2] / "data")
    with open_store(url) as store, people(store, standards, Path(folder)) as there:
        (listener,) = listen("127.0.0.1", 0, 1)
        server = Server(there.app, listener, threads=4, settings=Settings())
        server.start()
        answers.send(listener.getsockname()[1])
        answers.recv()
        server.stop()
