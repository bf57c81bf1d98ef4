"""Set up the peers: ``.venv/bin/python -m bench.setup``. What cannot be had is told, and the benchmark says that it is absent."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".venv-bench"
LOCK = ROOT / "bench" / "requirements.txt"
NODE = ROOT / "bench" / "node"
PROGRAMS = {"wrk": "wrk", "nginx": "nginx-light"}
"""Programs, and the Debian packages that have them."""
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def main() -> None:
    steps: dict[str, Callable[[], None]] = {
        "Python packages (bench/requirements.txt)": _python,
        "tileserver-gl-light (npm, compiles SQLite for a minute)": _node,
        "nginx and wrk (Debian)": _programs,
    }
    for title, step in steps.items():
        try:
            step()
        except (OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or str(error)
            last = str(told).strip().splitlines()[-1:] or [""]
            print(f"{title}: cannot be had, and will be reported as absent: {last[0]}", file=sys.stderr)


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    subprocess.run(command, check=True, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _done(stamp: Path, *made_from: Path) -> str | None:
    """Return the checksum to be stamped, or None where the step is done."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in made_from)).hexdigest()
    return None if stamp.exists() and stamp.read_text() == digest else digest


def _python() -> None:
    stamp = PLACE / "set-up"
    digest = _done(stamp, LOCK)
    if digest is None:
        return
    uv = Path(sys.executable).with_name("uv")
    python = PLACE / "bin" / "python"
    if not python.exists():
        _run(uv, "venv", "--quiet", "--python", sys.executable, PLACE)
    _run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, LOCK)
    stamp.write_text(digest)


def _node() -> None:
    place = PLACE / "npm"
    stamp = place / "set-up"
    files = [NODE / name for name in ("package.json", "package-lock.json")]
    digest = _done(stamp, *files)
    if digest is None:
        return
    place.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, place)
    # One package needs its own script, which compiles it; no other runs.
    _run("npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", cwd=place)
    _run("npm", "rebuild", "sqlite3", cwd=place)
    stamp.write_text(digest)


def _programs() -> None:
    missing = [package for name, package in PROGRAMS.items() if shutil.which(name, path=_PATH) is None]
    if missing:
        if os.geteuid() != 0:
            raise OSError(f"install {' and '.join(missing)} as root")
        _run("apt-get", "install", "--yes", "--no-install-recommends", *missing)


if __name__ == "__main__":
    main()
