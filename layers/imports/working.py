"""The process that checks or imports an upload; see `layers.imports.jobs`."""

from __future__ import annotations

import csv
import errno
import fcntl
import os
import resource
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layers.epochs import another_epoch
from layers.imports.archives import UNPACKED
from layers.imports.chosen import Chosen, read_chosen
from layers.imports.jobs import MOST_AT_ONCE, MOST_MEMORY_BYTES, MOST_SECONDS
from layers.imports.options import check_effective
from layers.imports.rights import NotToBeFilled
from layers.imports.upload_files import write_json
from layers.imports.uploads import NO_ROOM, file_of
from layers.problems import Problem, StoreConflict, StoreFull, ValidationError, WanggeError
from layers.sheets import shielded
from layers.store import Authorship, StoreSettings, open_store
from layers.text import LANGUAGES, Language, Text
from layers.visitors import Area, Visitor

if TYPE_CHECKING:
    from layers.imports.raw import Source
    from layers.imports.report import ImportReport
    from layers.imports.run import Examined
    from layers.policy import Policy
    from layers.standards import Standards
    from layers.store import Change, Store

MOST_SHOWN = 200
"""Problems that are told by themselves; all of them are in the file of problems."""

MOST_POINTS = 2000
_FIRST_ROWS = 8
_CELL_LETTERS = 80
_MOST_LETTERS = 2000
_TELL_S = 0.3


def work(given: dict[str, Any]) -> None:
    """Do the job that is given, within its bounds, and write what comes of it."""
    _bound()
    folder, job = Path(given["folder"]), given["job"]
    # What is unpacked lies with the upload, and goes with it; a process that was killed has left its own.
    tempfile.tempdir = str(folder)
    for left in folder.glob(f"{UNPACKED}*"):
        shutil.rmtree(left, ignore_errors=True)
    act: Callable[[dict[str, Any], Path], dict[str, Any]] = _import if job["kind"] == "import" else _check
    name = "result.json" if job["kind"] == "import" else "check.json"
    with _turn(folder.parent):
        try:
            outcome = act(given, folder)
        except WanggeError as error:
            outcome = {"error": told(error)}
        except MemoryError:
            outcome = {"error": told(ValidationError(_TOO_MUCH))}
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            outcome = {"error": told(StoreFull(*NO_ROOM))}
    write_json(folder / name, {"number": job["number"], **_cut(outcome)})


def _cut(said: Any) -> Any:
    """Return what is told with no text longer than a page shows: a file may hold one as long as itself."""
    if isinstance(said, dict):
        return {_cut(name): _cut(value) for name, value in said.items()}
    if isinstance(said, list):
        return [_cut(one) for one in said]
    return f"{said[:_MOST_LETTERS]}…" if isinstance(said, str) and len(said) > _MOST_LETTERS else said


_TOO_MUCH = Text(
    "处理这个文件要用的内存太多。请分成几份，或请管理员在服务器上用 wangge import 导入。",
    "This file takes too much memory. Divide it, or have the operator import it on the server by `wangge import`.",
)


def _bound() -> None:
    """Bound memory and time; who answers requests comes first."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(MOST_SECONDS)
    os.nice(5)


@contextmanager
def _turn(root: Path) -> Iterator[None]:
    """Wait until fewer than `MOST_AT_ONCE` processes are at work."""
    while True:
        for number in range(MOST_AT_ONCE):
            slot = os.open(root / f"slot-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(slot)
                continue
            try:
                yield
            finally:
                os.close(slot)
            return
        time.sleep(_TELL_S)


class _Progress:
    """Tells how far the work is, not too often."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "progress.json"
        self._last = ("", 0.0)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell it."""
        now = time.monotonic()
        if what != self._last[0] or now - self._last[1] > _TELL_S:
            self._last = (what, now)
            with suppress(OSError):
                write_json(self._file, {"what": what, "done": done, "total": total})


def told(error: WanggeError) -> dict[str, Any]:
    """Return an error in both languages, with the first of its problems."""
    problems = error.problems if isinstance(error, ValidationError) else ()
    said: dict[str, Any] = {
        language: {
            "message": error.sentence(language),
            "problems": [one.as_dict(language) for one in problems[:MOST_SHOWN]],
        }
        for language in LANGUAGES
    }
    if isinstance(error, StoreConflict):
        from layers.edits import conflict_words

        for language in LANGUAGES:
            said[language]["conflicts"] = [
                conflict_words(one).to(language) for one in error.conflicts[:MOST_SHOWN]
            ]
    return said


@dataclass(frozen=True)
class _Given:
    """What a job is done with."""

    store: Store
    standards: Standards
    path: Path
    chosen: Chosen
    policy: Policy
    visitor: Visitor
    fillable: frozenset[str]


def _opened(given: dict[str, Any], folder: Path) -> _Given:
    from layers.policy import read_policy
    from layers.standards import read_standards

    path = file_of(folder, given["about"]["name"])
    if path is None:
        raise ValidationError(Text("文件已删除。请重新上传。", "The file has been erased. Upload it again."))
    chosen = read_chosen(given["job"]["options"], layer=given["about"]["layer"])
    rules = given["rules"]
    standards = read_standards(Path(given["data_folder"]), rules=None if rules is None else Path(rules))
    policy, visitor = read_policy(Path(given["data_folder"])), _visitor(given["visitor"])
    # Somebody's rights may have changed since the file was sent.
    fillable = policy.require_import(visitor, chosen.layer)
    reads = given["job"]["kind"] == "check"
    store = open_store(given["store_url"], read_only=reads, settings=StoreSettings(**given["settings"]))
    return _Given(store, standards, path, chosen, policy, visitor, fillable)


def _check(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Find out what an import would do; every problem goes into the files that can be downloaded."""
    from layers.imports.rejects import write_rejects
    from layers.imports.run import examine

    language: Language = given["language"]
    came: dict[str, Any] = {}
    for name in ("result.json", "rejects.csv", "problems.csv"):
        (folder / name).unlink(missing_ok=True)
    tools, today = _opened(given, folder), date.fromisoformat(given["today"])
    with tools.store as store:
        try:
            check_effective(tools.chosen.effective, today)
            # Before the version: where the store is restored meanwhile what was found is not its own.
            epoch = store.epoch().id
            examined = examine(
                store,
                tools.standards,
                tools.chosen.layer,
                tools.path,
                replace(tools.chosen.options, dry_run=True),
                today=today,
                fillable=tools.fillable,
                language=language,
                progress=_Progress(folder),
                came=lambda source: came.update(_shown(source)),
            )
        except WanggeError as error:
            locked = list(error.fields) if isinstance(error, NotToBeFilled) else []
            return {"error": told(error), "source": came or None, "locked": locked}
        write_rejects(folder / "rejects.csv", examined.source, examined.checked.findings, language=language)
        _write_problems(folder / "problems.csv", examined.report.problems, language)
        return {"source": came, "version": examined.version, "epoch": epoch, **_found_out(store, examined)}


def _shown(source: Source) -> dict[str, Any]:
    """Return a source's headings and first rows."""
    from pandas import isna

    first = source.columns.head(_FIRST_ROWS).astype(object)
    return {
        "kind": source.kind,
        "geometry": source.geometry is not None,
        "crs": source.crs,
        "rows": len(source.rows) + len(source.broken),
        "headings": list(source.columns.columns),
        "numbers": [int(row) for row in source.rows[:_FIRST_ROWS]],
        "first": [
            [None if isna(value) else str(value)[:_CELL_LETTERS] for value in row]
            for row in first.itertuples(index=False)
        ],
    }


def _found_out(store: Store, examined: Examined) -> dict[str, Any]:
    """Return what the report says, what storing would do, and where the records are."""
    from layers.stores.rows import difference, rows_of

    report, refused = examined.report, examined.report.verdict.status == "refused"
    if report.taken and not refused:
        rows = rows_of(examined.frame(store), examined.layer)
        stored = examined.ground.layer(examined.layer.name)
        there = stored.loc[stored.index.isin([record[0] for record in rows.records])]
        new, changed = difference(rows, rows_of(there, examined.layer).records)
        report.inserted, report.updated = len(new), len(changed)
        report.unchanged = len(rows.records) - len(new) - len(changed)
    return {
        "report": {language: _report(report, language) for language in LANGUAGES},
        "problems": len(report.problems),
        "kinds": _kinds(report.problems),
        "refused": refused,
        "remedy": {language: report.verdict.remedy.to(language) for language in LANGUAGES},
        "whole": not refused and not report.problems,
        "partly": not refused and bool(report.taken),
        **_points(examined),
    }


def _report(report: ImportReport, language: Language) -> dict[str, Any]:
    said = report.as_dict(language)
    return {**said, "problems": said["problems"][:MOST_SHOWN]}


def _kinds(problems: list[Problem]) -> list[dict[str, Any]]:
    """Count problems by field and message, the most frequent first."""
    kinds = Counter((one.field, one.message) for one in problems)
    first = {(one.field, one.message): one.row for one in reversed(problems)}
    return [
        {"field": field, "zh": message.zh, "en": message.en, "count": count, "row": first[field, message]}
        for (field, message), count in kinds.most_common(MOST_SHOWN)
    ]


def _points(examined: Examined) -> dict[str, Any]:
    """Return how many records have positions, and those of some, evenly taken: enough to see where they fall."""
    import numpy as np
    import shapely

    shapes = examined.checked.shapes
    shapes = shapes[~shapely.is_missing(shapes)]
    placed = len(shapes)
    if len(shapes) > MOST_POINTS:
        shapes = shapes[np.linspace(0, len(shapes) - 1, MOST_POINTS).astype(int)]
    at = shapely.get_coordinates(shapely.centroid(shapes))
    points = [[round(float(x), 6), round(float(y), 6)] for x, y in at if np.isfinite(x) and np.isfinite(y)]
    return {"placed": placed, "points": points}


def _write_problems(path: Path, problems: list[Problem], language: Language) -> None:
    heads = Text("行,字段,值,问题,怎么办", "row,field,value,problem,remedy").to(language).split(",")
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8-sig", newline=""
    ) as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        for one in problems:
            texts = (one.field or "", one.value or "", one.message.to(language), one.remedy.to(language))
            writer.writerow([one.row or "", *map(shielded, texts)])


def _refuse_another_epoch(store: Store, checked: str) -> None:
    """Refuse to write what was compared with another store, or with this one before it was restored."""
    present = store.epoch()
    if not present.matches(checked):
        raise StoreConflict(
            another_epoch(checked, present),
            Text("请重新检查这个文件，再确认。", "Check the file again, then confirm."),
            (),
        )


def _import(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Import what was checked, just once: what a process that died had committed is not written again."""
    from layers.access.access import open_access
    from layers.auditing import Deed, audited
    from layers.imports.run import import_file

    about, job, language = given["about"], given["job"], given["language"]
    tools = _opened(given, folder)
    store, chosen, visitor, mark = tools.store, tools.chosen, tools.visitor, f"[upload {about['id']}]"
    options = replace(chosen.options, rejects=folder / "rejects.csv" if chosen.set_aside else None)

    def open_log() -> Any:
        return open_access(
            given["store_url"], policy=tools.policy, settings=StoreSettings(**given["settings"])
        )

    deed = Deed(
        action="change",
        what=f"upload {about['name']}",
        layer=chosen.layer,
        visitor=visitor,
        origin=given["origin"],
    )
    with store, audited(deed, open_log):
        before = _committed(store, job["version"], mark)
        if before is not None:
            deed.codes = before.codes
            return {"version": before.version, "again": True, "layer": chosen.layer}
        _refuse_another_epoch(store, job.get("epoch", ""))
        report = import_file(
            store,
            tools.standards,
            chosen.layer,
            tools.path,
            options,
            today=date.fromisoformat(given["today"]),
            fillable=tools.fillable,
            by=Authorship(who=visitor.name, note=f"{chosen.note} {mark}".strip(), effective=chosen.effective),
            based_on=job["version"],
            language=language,
            progress=_Progress(folder),
        )
        deed.needed = report.version is not None
        if report.version is not None:
            written = store.changes(since=report.version - 1)
            deed.codes = next(one.codes for one in written if one.version == report.version)
    shutil.rmtree(folder / "file", ignore_errors=True)
    said = {one: _report(report, one) for one in LANGUAGES}
    return {"version": report.version, "again": False, "report": said, "layer": chosen.layer}


def _committed(store: Store, since: int, mark: str) -> Change | None:
    """Return the write that this very upload has made already."""
    return next((one for one in store.changes(since=since) if mark in one.by.note), None)


def _visitor(given: dict[str, Any]) -> Visitor:
    area, scopes = given["area"], given["scopes"]
    return Visitor(
        **{
            **given,
            "area": Area(area["kind"], frozenset(area["codes"])),
            "scopes": None if scopes is None else frozenset(scopes),
        }
    )
