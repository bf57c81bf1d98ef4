"""Tables as text: CSV, plain or packed with gzip.

The file is read record by record, so that one bad row in a million is told by its number and costs nothing
but itself, and held as Arrow text, which takes little more memory than the file.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from layers.imports.archives import MAX_RATIO, MAX_UNPACKED_BYTES, RATIO_FROM_BYTES, too_big
from layers.imports.encoding import encoding_of
from layers.imports.raw import Broken, Source, check_width, damaged, headings
from layers.problems import Problem, ValidationError
from layers.sheets import SHIELDED
from layers.text import Text

_DELIMITERS = ",;\t|"
_BATCH = 20_000
_CHUNK_BYTES = 1 << 20
_MAX_VALUE = 64 * 1024**2
"""Longest value in characters: polygons as WKT may be long."""
_SHOWN = 60


def read_csv(path: Path) -> Source:
    """Read a CSV file: UTF-8, UTF-16 or GB18030; comma, semicolon, tab or bar; every value as text.

    Records with too few or too many values, or with a quotation mark that does not close, are reported as
    `Broken`; empty records are left out. Such a mark costs the line it stands in: those it swallowed are read
    again as records of their own. A record's row is the number a spreadsheet shows for it.

    Raises
    ------
    ValidationError
        The file is in no known encoding, damaged, implausibly large when unpacked, or has no heading.
    """
    try:
        with _bytes(path) as raw:
            encoding = encoding_of(iter(lambda: raw.read(_CHUNK_BYTES), b""))
        if encoding is None:
            raise ValidationError(
                Text(
                    "{name} 既不是 UTF-8 也不是 GB18030。请在表格程序中另存为 UTF-8 的 CSV。",
                    "{name} is neither UTF-8 nor GB18030. Save it as CSV in UTF-8.",
                ).format(name=path.name)
            )
        with _bytes(path) as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as text:
            return _read(path, text)
    except (gzip.BadGzipFile, EOFError, zlib.error, OSError, UnicodeError) as error:
        raise damaged(path, "csv", error) from error


class _Limited(io.RawIOBase):
    """An unpacked stream that stops where no honest file would still go on."""

    def __init__(self, stream: gzip.GzipFile, *, name: str, packed: int) -> None:
        self._stream, self._name = stream, name
        self._limit = min(MAX_UNPACKED_BYTES, max(RATIO_FROM_BYTES, MAX_RATIO * packed))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._limit -= len(data)
        if self._limit < 0:
            raise too_big(self._name)
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _bytes(path: Path) -> Iterator[io.BufferedReader]:
    with path.open("rb") as file:
        if file.peek(2)[:2] != b"\x1f\x8b":
            yield file
            return
        with gzip.GzipFile(fileobj=file) as packed:
            limited = _Limited(packed, name=path.name, packed=path.stat().st_size)
            yield io.BufferedReader(limited, _CHUNK_BYTES)


class _Lines:
    """The lines of a text; those of a record that breaks can be read again, all but its first."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._record: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._record.append(line)
        return line

    def start_record(self) -> None:
        self._record.clear()

    def take_back(self) -> str:
        """Return the record's first line, and give the others back to be read again."""
        first, *others = self._record
        self._again.extendleft(reversed(others))
        return first


@dataclass
class _Table:
    """The table as it grows, in batches of columns."""

    width: int
    batches: list[list[pa.Array]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    _pending: list[list[str]] = field(default_factory=list)

    def add(self, row: int, record: list[str]) -> None:
        self.rows.append(row)
        self._pending.append(record)
        if len(self._pending) == _BATCH:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            self.batches.append(
                [pa.array(values, pa.large_string()) for values in zip(*self._pending, strict=True)]
            )
            self._pending.clear()

    def column(self, position: int) -> pa.ChunkedArray:
        values = pa.chunked_array([batch[position] for batch in self.batches], pa.large_string())
        if pc.any(pc.starts_with(values, "'")).as_py():  # what a sheet of ours kept from being a formula
            values = pc.replace_substring_regex(values, pattern=SHIELDED, replacement="\\1")
        return values


def _read(path: Path, text: IO[str]) -> Source:
    blank = [text.readline()]
    while blank[-1] and not blank[-1].strip():
        blank.append(text.readline())
    delimiter = _delimiter(blank[-1])
    lines = _Lines(chain(blank, text))
    before = csv.field_size_limit(_MAX_VALUE)
    try:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        heading, row = _heading(path, reader)
        check_width(path, len(heading))
        table = _Table(width=len(heading))
        _records(lines, reader, table, row, delimiter=delimiter)
    finally:
        csv.field_size_limit(before)
    table.flush()
    columns = [table.column(position) for position in range(len(heading))]
    names, kept, warnings = headings(heading, is_empty=lambda at: not any(columns[at].unique().to_pylist()))
    return Source(
        kind="csv",
        columns=pd.DataFrame(
            {name: pd.array(columns[at], dtype="str") for name, at in zip(names, kept, strict=True)},
            index=pd.RangeIndex(len(table.rows)),
        ),
        rows=np.array(table.rows, dtype=np.int64),
        broken=table.broken,
        warnings=warnings,
    )


def _delimiter(heading_line: str) -> str:
    outside = "".join(heading_line.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _heading(path: Path, reader: Iterator[list[str]]) -> tuple[list[str], int]:
    """Return the first record that is not empty, and its row."""
    try:
        for row, record in enumerate(reader, start=1):
            if any(value.strip() for value in record):
                return record, row
    except csv.Error as error:
        raise damaged(path, "csv", error) from error
    raise ValidationError(Text("{name} 是空文件。", "{name} is an empty file.").format(name=path.name))


def _records(lines: _Lines, reader: Iterator[list[str]], table: _Table, row: int, *, delimiter: str) -> None:
    while True:
        row += 1
        lines.start_record()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = lines.take_back().rstrip("\r\n").split(delimiter)
            table.broken.append(Broken(tuple(cells), _bad_quotes(row)))
            continue
        if len(record) > table.width and not any(value.strip() for value in record[table.width :]):
            del record[table.width :]
        if not any(value.strip() for value in record):
            continue
        if len(record) == table.width:
            table.add(row, record)
        else:
            table.broken.append(Broken(tuple(record), _wrong_width(row, record, table.width)))


def _bad_quotes(row: int) -> Problem:
    return Problem(
        Text("引号没有正确闭合。", "A quotation mark does not close where it should."),
        Text(
            "请检查该行的引号；值中的引号须写两次。",
            'Check the quotes of this row; one inside a value is written twice ("").',
        ),
        row=row,
    )


def _wrong_width(row: int, record: list[str], width: int) -> Problem:
    shown = ",".join(record)
    return Problem(
        Text(
            "该行有 {n} 个值，表头却有 {width} 列。", "The row has {n} values under {width} headings."
        ).format(n=len(record), width=width),
        Text(
            "请补齐或删去值；含分隔符的值须加引号。",
            "Complete it, or put quotes around a value that holds the delimiter.",
        ),
        row=row,
        value=shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…",
    )
