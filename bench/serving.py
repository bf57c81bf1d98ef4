"""A load generator (wrk) and the processes it asks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from bench.contest import ROOT
from bench.harness import resident_bytes

SCRIPT = Path(__file__).with_name("wrk.lua")
CONNECTIONS = 8
_START_S = 120.0
_STOP_S = 20.0
_PAUSE_S = 0.01

Asked = tuple[str, str]
"""A path, and the cookie of who asks."""


class NotServed(Exception):
    """A server that cannot be measured; the text says why."""


@dataclass(frozen=True)
class Load:
    """What came of one run of the load generator; latencies in seconds."""

    seconds: float
    requests: int
    bytes: int
    p50_s: float
    p99_s: float
    longest_s: float

    @property
    def rate(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds


@dataclass
class Served:
    """The runs of one server, or why there are none."""

    name: str
    loads: list[Load] = field(default_factory=list)
    problem: str = ""

    @property
    def rate(self) -> float:
        """The median of its rates."""
        return median(load.rate for load in self.loads)


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def fetch(
    port: int, path: str, cookie: str = "", *, timeout_s: float = 60.0
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of one answer."""
    headers = {"Accept-Encoding": "gzip", "Cookie": cookie}
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=timeout_s) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except HTTPError as error:
        with error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


@contextmanager
def running(
    command: Sequence[str | Path],
    port: int,
    asked: Asked,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block; it begins when the server answers `asked` with 200.

    Raises
    ------
    NotServed
        It is not installed, ends, or does not answer within two minutes.
    """
    if shutil.which(str(command[0])) is None:
        raise NotServed(f"{Path(command[0]).name} is not installed")
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=cwd,
            env=os.environ | (env or {}),
            start_new_session=True,
        )
        try:
            _wait(process, port, asked, said)
            yield process
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, asked: Asked, said: Any) -> None:
    deadline, last = time.monotonic() + _START_S, ""
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status, _, body = fetch(port, *asked)
            if status == 200:
                return
            last = f"answers {status}: {body[:200].decode(errors='replace')}"
        except (OSError, URLError) as error:
            last = str(error)
        time.sleep(_PAUSE_S)
    said.seek(0)
    told = said.read().decode(errors="replace").strip()[-600:]
    raise NotServed(f"does not serve ({last}): {told}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(process: int) -> list[int]:
    """Return the process and all that descend from it."""
    found = [process]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def memory_bytes(process: int) -> dict[int, int]:
    """Return the resident memory of a process and of each that descends from it."""
    return {one: resident_bytes(one) for one in family(process)}


def load(port: int, asked: Sequence[Asked], work: Path, *, seconds: float, most: int = 0) -> Load:
    """Ask a server for everything in `asked`, in turn, for so long or so often, over 8 connections.

    Raises
    ------
    NotServed
        wrk is not installed, or an answer was neither a tile nor that there is none.
    """
    if shutil.which("wrk") is None:
        raise NotServed("wrk is not installed")
    requests = work / "requests"
    requests.write_text("".join(f"{path}\t{cookie}\n" for path, cookie in asked), "utf-8")
    done = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{max(1, round(seconds))}s",
            "--timeout",
            "60s",
            "-s",
            SCRIPT,
            f"http://127.0.0.1:{port}",
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"BENCH_REQUESTS": str(requests), "BENCH_MOST": str(most)},
    )
    if "BENCH " not in done.stdout:
        raise RuntimeError(f"wrk: {done.stdout} {done.stderr}")
    said = json.loads(done.stdout.partition("BENCH ")[2])
    if said["failed"] or said["other"] or (not most and said["refused"] > 0.5 * said["requests"]):
        raise NotServed(f"{said['refused']} answers are errors, {said['failed']} are missing")
    return Load(
        **{name: said[name] for name in ("seconds", "requests", "bytes", "p50_s", "p99_s", "longest_s")}
    )
