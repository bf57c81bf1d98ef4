"""What is done with an upload: checking it and importing it, each in a process of its own.

A file from outside is read there and nowhere else: with bounds on memory and time, and with nothing to lose where a
library gives up on it. What comes out is written into the upload's folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layers.civil_time import day_in_china
from layers.imports.upload_files import write_json
from layers.store import Clock, StoreSettings, utc_now

if TYPE_CHECKING:
    from layers.imports.uploads import About
    from layers.text import Language
    from layers.visitors import Visitor

MOST_MEMORY_BYTES = 3 * 2**30
MOST_SECONDS = 1800
"""Bounds of one process: its memory, and the time from its start to its end."""

MOST_AT_ONCE = 2
"""Processes at work at a time, whoever started them; others wait."""

_START = (
    "import json, sys; given = json.loads(sys.stdin.readline()); sys.path[:] = given['path']; "
    "from layers.imports.working import work; work(given)"
)


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What a process needs to import into the store.

    Attributes
    ----------
    store_url : str
        With whatever it takes to open the store for writing.
    settings : StoreSettings
    data_folder : Path
        Where standards, code lists and rules are.
    rules : Path, optional
        The installation's own standards.
    clock : Clock
        Tells which day it is: nothing is imported of a later one.
    """

    store_url: str = field(repr=False)
    settings: StoreSettings = field(default_factory=StoreSettings)
    data_folder: Path
    rules: Path | None = None
    clock: Clock = utc_now

    def start(
        self,
        about: About,
        folder: Path,
        job: dict[str, Any],
        *,
        lock: int,
        visitor: Visitor,
        origin: str,
        language: Language,
    ) -> int:
        """Start a job on an upload, and return the id of its process, which holds the upload's lock until it ends.

        Parameters
        ----------
        job : dict
            Its ``kind`` (check or import), ``number``, and ``options`` as `layers.imports.chosen` reads them; an
            import also has the ``version`` that was checked, and its ``epoch``.
        lock : int
            The descriptor of the upload's lock.
        origin : str
            Where who starts it is, for the audit log.
        """
        # Else what an earlier attempt came to would stand for this one, should it be killed.
        (folder / "result.json").unlink(missing_ok=True)
        write_json(folder / "job.json", job)
        given = {
            "path": sys.path,
            "folder": str(folder.absolute()),
            "about": asdict(about),
            "job": job,
            "store_url": self.store_url,
            "settings": asdict(self.settings),
            "data_folder": str(self.data_folder.absolute()),
            "rules": None if self.rules is None else str(self.rules.absolute()),
            "today": day_in_china(self.clock()).isoformat(),
            "language": language,
            "origin": origin,
            "visitor": {
                **asdict(visitor),
                "area": {"kind": visitor.area.kind, "codes": sorted(visitor.area.codes)},
                "scopes": None if visitor.scopes is None else sorted(visitor.scopes),
            },
        }
        return self.begin(given, lock)

    def begin(self, given: dict[str, Any], lock: int) -> int:
        """Begin a process that works at what is `given` and keeps the lock open, and return its id."""
        process = subprocess.Popen(  # noqa: S603  (this program itself)
            [sys.executable, "-X", "utf8", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
            text=True,
        )
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write(json.dumps(given) + "\n")
        threading.Thread(target=process.wait, name="wangge-import", daemon=True).start()
        return process.pid
