"""The rows that were not taken, to be corrected and imported again."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from layers.problems import Problem, ValidationError
from layers.sheets import shielded
from layers.text import Language, Text

if TYPE_CHECKING:
    from layers.imports.findings import Findings
    from layers.imports.raw import Source


def write_rejects(path: Path, source: Source, findings: Findings, *, language: Language) -> None:
    """Write every row with problems: its number, its columns as they came, and what is wrong.

    CSV in UTF-8 with a byte-order mark. The file is replaced whole or not at all; it is written, with its
    heading only, where there are no rejects, too.

    Raises
    ------
    ValidationError
        The file cannot be written.
    """
    names = list(source.columns.columns)
    row_heading, problem_heading = _free("row", names), _free("problems", names)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8-sig", newline="", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            try:
                writer = csv.writer(file)
                writer.writerow([row_heading, *map(shielded, names), problem_heading])
                writer.writerows(_rows(source, findings, len(names), language))
                file.flush()
                os.fsync(file.fileno())
                # A temporary file is its owner's only; the rejects are as open as any file.
                umask = os.umask(0)
                os.umask(umask)
                temporary.chmod(0o666 & ~umask)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise ValidationError(
            Text("无法写入 {path}：{why}。", "{path} cannot be written: {why}.").format(
                path=path, why=error.strerror or error
            )
        ) from error


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name = f"_{name}"
    return name


def _rows(source: Source, findings: Findings, width: int, language: Language) -> Iterator[list[str]]:
    said: dict[int | None, list[Problem]] = {}
    for problem in findings.problems:
        said.setdefault(problem.row, []).append(problem)
    lines: list[tuple[int, list[str]]] = []
    for at in np.flatnonzero(findings.bad):
        row = int(source.rows[at])
        cells = source.columns.iloc[at].fillna("").tolist()
        lines.append((row, [*cells, _told(said[row], language)]))
    for broken in source.broken:
        # What stands beyond the last heading stays with the last value, so that nothing is lost.
        kept = [*broken.cells[: width - 1], ",".join(broken.cells[width - 1 :])] if width else []
        cells = [*kept, *[""] * (width - len(kept))]
        lines.append((broken.problem.row or 0, [*cells, _told([broken.problem], language)]))
    for row, line in sorted(lines, key=lambda one: one[0]):
        # What somebody else wrote into a file is opened here to be corrected: none of it must become a formula.
        yield [str(row), *map(shielded, line)]


def _told(problems: list[Problem], language: Language) -> str:
    sentences = []
    for problem in problems:
        gap = "" if language == "zh" else " "
        lead = f"{problem.field}: " if problem.field else ""
        sentences.append(f"{lead}{problem.message.to(language)}{gap}{problem.remedy.to(language)}")
    return " | ".join(sentences)
