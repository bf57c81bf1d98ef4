"""What uploads need of files: names that lead nowhere, notes that are read whole, and somebody who sweeps."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from layers.problems import BadParameter
from layers.text import Text

LOGGER = logging.getLogger("wangge")

_MOST_NAME = 100
_SWEEP_S = 60.0


class Sweeper:
    """Sweeps every minute, in a thread of its own."""

    def __init__(self, sweep: Callable[[], object]) -> None:
        self._sweep = sweep
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wangge-uploads", daemon=True)

    def start(self) -> None:
        """Sweep now, and then every minute."""
        self._thread.start()

    def stop(self) -> None:
        """Sweep no longer."""
        self._stopped.set()

    def _run(self) -> None:
        while True:
            try:
                self._sweep()
            except OSError as error:
                LOGGER.warning("uploads cannot be swept: %s", error)
            if self._stopped.wait(_SWEEP_S):
                return


def file_name(given: str) -> str:
    """Return the name of a file without its folder, fit to be one here; `BadParameter` where it is none."""
    name = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2].strip()
    name = "".join(sign for sign in name if sign.isprintable()).lstrip(".")
    stem, dot, ending = name.rpartition(".")
    name = f"{stem[: _MOST_NAME - len(ending)]}{dot}{ending}" if dot else name[:_MOST_NAME]
    if not name or len(name.encode()) > 3 * _MOST_NAME or len(ending) > 12:
        raise BadParameter(
            Text("文件没有名称，或名称过长。", "The file has no name, or one too long."),
            Text("请先给它起一个带扩展名的名称。", "Give it a name with its extension first."),
        )
    return name


def read_json(path: Path) -> dict[str, Any] | None:
    """Return what `write_json` wrote, None where nothing was."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON that its readers see whole or not at all, for this user only."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
