"""Workbooks: the cells of one sheet as text."""

from __future__ import annotations

import datetime as dt
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np
import pandas as pd

from layers.imports.raw import Source, check_width, choose, damaged, headings
from layers.problems import ValidationError
from layers.sheets import plain
from layers.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

# A spreadsheet keeps 15 digits of a number; what is longer has lost its end already.
_SPREADSHEET_DIGITS = 1e15

_MOST_ROWS = 1_048_576
"""Of any sheet, in every program."""

Cells = list[str | None]


def read_xlsx(path: Path, *, sheet: str | None) -> Source:
    """Read one sheet of a workbook; the first row with content is the heading.

    Parameters
    ----------
    sheet : str, optional
        Needed where several sheets have content.

    Raises
    ------
    ValidationError
        The workbook is damaged or protected, or several sheets have content and none is chosen.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    unreadable = (
        InvalidFileException, zipfile.BadZipFile, ParseError, zlib.error,
        OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, OverflowError,
    )  # fmt: skip
    try:
        with warnings.catch_warnings():
            # openpyxl warns of decorations that it does not keep.
            warnings.simplefilter("ignore")
            book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
            try:
                found = {ws.title: ws for ws in book.worksheets if sheet == ws.title or _has_content(ws)}
                chosen = choose(path, list(found), sheet, what=Text("有内容的工作表", "sheet with content"))
                return _table(path, _records(found[chosen]))
            finally:
                book.close()
    except unreadable as error:
        raise damaged(path, "xlsx", error) from error


def _has_content(worksheet: Any) -> bool:
    return any(True for _ in _records(worksheet))


def _records(worksheet: Any) -> Iterable[tuple[int, Cells]]:
    """Yield the row number and the cells of every row that is not empty."""
    worksheet.reset_dimensions()  # some programs write wrong ones
    for row, values in enumerate(worksheet.iter_rows(values_only=True), start=1):
        if (
            row > _MOST_ROWS
        ):  # a number that is written into the file: the rows before it would be made up one by one
            raise ValueError(f"row {row}")
        cells = [_text(value) for value in values]
        if any(cell is not None and cell.strip() for cell in cells):
            yield row, cells


def _table(path: Path, records: Iterable[tuple[int, Cells]]) -> Source:
    everything = list(records)
    if not everything:
        raise ValidationError(Text("{name} 是空表。", "{name} is an empty sheet.").format(name=path.name))
    width = max(len(cells) for _, cells in everything)
    padded = [cells + [None] * (width - len(cells)) for _, cells in everything]
    heading, *body = padded
    columns = [[cells[at] for cells in body] for at in range(width)]
    names, kept, told = headings([cell or "" for cell in heading], is_empty=lambda at: not any(columns[at]))
    check_width(path, len(names))
    return Source(
        kind="xlsx",
        columns=pd.DataFrame(
            {name: pd.array(columns[at], dtype="str") for name, at in zip(names, kept, strict=True)},
            index=pd.RangeIndex(len(body)),
        ),
        rows=np.array([row for row, _ in everything[1:]], dtype=np.int64),
        warnings=told,
    )


def _text(value: object) -> str | None:
    """Return a cell as text: whole numbers without a point, dates in ISO form, a day without its midnight."""
    if value is None:
        return None
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _SPREADSHEET_DIGITS:
        return str(int(value))
    if isinstance(value, int | float) and abs(value) >= _SPREADSHEET_DIGITS:
        return f"{value:.14E}"
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time(0)
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)
