"""What reading gives: text columns, geometry, the CRS that is named, and where each row stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from layers.problems import Problem, ValidationError
from layers.text import Text, both, joined

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Kind = Literal["geopackage", "geojson", "shapefile", "flatgeobuf", "geoparquet", "csv", "xlsx"]

KIND_NAMES: dict[Kind, str] = {
    "geopackage": "GeoPackage",
    "geojson": "GeoJSON",
    "shapefile": "Shapefile",
    "flatgeobuf": "FlatGeobuf",
    "geoparquet": "GeoParquet",
    "csv": "CSV",
    "xlsx": "XLSX",
}

MOST_COLUMNS = 1000


@dataclass(frozen=True)
class Broken:
    """A row whose values cannot be told apart: what could be read of it, and what is wrong."""

    cells: tuple[str, ...]
    problem: Problem


@dataclass(frozen=True)
class Source:
    """What a file holds.

    Attributes
    ----------
    columns : DataFrame of str
        The attributes as text, just as they stand; missing where the file has no value.
    rows : ndarray of int
        Row of each record as the file's own program shows it: 2 is the first under a header line,
        1 the first feature of a file without one.
    geometry : ndarray of shapely geometries or None
        None for tables (CSV, XLSX); in the source's own coordinates, without heights. A geometry that is
        missing or cannot be read is None.
    crs : str or None
        The CRS that the file names, or WGS 84 for GeoJSON that names none.
    names_crs : bool
        False where `crs` is only the format's default.
    broken : list of Broken
        Records that are in no column, because they have too few or too many values.
    repairs : Counter of str
        Lossless repairs that reading itself made: ``unclosed_rings``.
    warnings : list of Text
    """

    kind: Kind
    columns: pd.DataFrame
    rows: NDArray[np.int64]
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None
    names_crs: bool = False
    broken: list[Broken] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)
    warnings: list[Text] = field(default_factory=list)


def damaged(path: Path, kind: Kind, why: object) -> ValidationError:
    """Return the error for a file that its reader gives up on; `why` is a `Text` or the reader's own word."""
    # Where the file lies here is nothing to whoever sent it.
    words = str(why).replace(f"{path.absolute().parent}/", "").replace(f"{path.parent}/", "").split()
    told = why if isinstance(why, Text) else both(" ".join(words).rstrip("."))
    return ValidationError(
        Text(
            "{name} 无法作为 {kind} 读取：{why}。请检查文件是否完整。",
            "{name} cannot be read as {kind}: {why}. Check that the file is whole.",
        ).format(name=path.name, kind=KIND_NAMES[kind], why=told)
    )


def choose(path: Path, names: list[str], wanted: str | None, *, what: Text) -> str:
    """Return the layer, sheet or shapefile to read; `ValidationError` lists them where none is chosen."""
    listed = joined([both(name) for name in names])
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names:
        return str(wanted)
    if not names:
        message = Text("{file} 中没有{what}。", "{file} holds no {what}.")
    elif wanted is None:
        message = Text(
            "{file} 中有多个{what}：{listed}。请用 --source-layer 选一个。",
            "{file} holds more than one {what}: {listed}. Choose with --source-layer.",
        )
    else:
        message = Text(
            "{file} 中没有名为 {wanted} 的{what}；有：{listed}。",
            "{file} holds no {what} named {wanted}; there is {listed}.",
        )
    raise ValidationError(message.format(file=path.name, what=what, listed=listed, wanted=wanted))


def check_width(path: Path, columns: int) -> None:
    """Raise `ValidationError` where there are more columns than any table has: each is asked about by itself."""
    if columns > MOST_COLUMNS:
        raise ValidationError(
            Text(
                "{name} 有 {n:,} 列，最多 {most:,} 列。请检查分隔符，或只留需要的列。",
                "{name} has {n:,} columns, and may have {most:,}. Check the delimiter, or keep the columns that are needed.",
            ).format(name=path.name, n=columns, most=MOST_COLUMNS)
        )


def headings(raw: list[str], *, is_empty: Callable[[int], bool]) -> tuple[list[str], list[int], list[Text]]:
    """Return distinct column names, the positions they stand at, and what had to be renamed.

    A column without heading and without values is left out; one without heading gets ``column N``; of two with
    one heading the later gets a number.

    Parameters
    ----------
    raw : list of str
    is_empty : callable
        Says whether the column at a position has no values at all.
    """
    names: dict[str, None] = {}
    kept: list[int] = []
    warnings: list[Text] = []
    tried: Counter[str] = Counter()
    for position, heading in enumerate(raw):
        name = " ".join(heading.split())
        if not name:
            if is_empty(position):
                continue
            name = f"column {position + 1}"
        if name in names:
            # Thousands of columns may be headed alike: a number that was taken once is not tried again.
            numbers = range(tried[name] + 2, len(raw) + 2)
            tried[name] = next(n for n in numbers if f"{name} ({n})" not in names) - 1
            again = f"{name} ({tried[name] + 1})"
            warnings.append(
                Text(
                    "有两列都叫“{name}”；后一列在此称为“{again}”。",
                    "Two columns are headed {name}; the later one is called {again} here.",
                ).format(name=name, again=again)
            )
            name = again
        names[name] = None
        kept.append(position)
    return list(names), kept, warnings
