"""The texts of a row read as one value: a Python object for each of them would take as long as the rest of the reading.

SQLite strings a row's texts together, with the one character between them that no store keeps; Arrow takes
those of many rows apart.
"""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from layers.stores.geopackage import tables
from layers.stores.geopackage.blobs import USUAL_WKB, wkbs_inside
from layers.stores.rows import COLUMN_TYPES, Damaged, Row, value_fields

if TYPE_CHECKING:
    import pyarrow as pa

    from layers.schema import Layer

_UNKNOWN = b"\xff\xff"
"""What stands for a text that is not there: UTF-8 has no such byte."""


class Unlike(Exception):
    """Something is not as Wangge writes it: a text holds what stands between texts, or a header is another."""


class Way(NamedTuple):
    """A way to read a layer.

    Attributes
    ----------
    select : str
        The query for all of it.
    columns_of : callable
        Returns code, WKB, then the fields in order of some of the rows that the query finds. Raises
        `Unlike`, and `Damaged` where something in the geometry column is no geometry or a text not UTF-8.
    """

    select: str
    columns_of: Callable[[Sequence[Row]], tuple[Sequence[Any] | pa.Array, ...]]


def plain(layer: Layer) -> Way:
    """Return the way that any texts can go, one value each."""

    def columns_of(rows: Sequence[Row]) -> tuple[Sequence[Any], ...]:
        codes, blobs, *values = zip(*rows, strict=True)
        return (codes, wkbs_inside(blobs), *values)

    return Way(tables.select(layer), columns_of)


@cache
def packed(layer: Layer) -> Way:
    """Return the quick way, with texts as Arrow has them."""
    texts, others, places = ["code"], list[str](), list[tuple[bool, int]]()
    for field in value_fields(layer):
        is_text = COLUMN_TYPES[field.type] == "text"
        mine = texts if is_text else others
        places.append((is_text, len(mine)))
        mine.append(f"""ifnull("{field.name}", x'{_UNKNOWN.hex()}')""" if is_text else f'"{field.name}"')

    def columns_of(rows: Sequence[Row]) -> tuple[Sequence[Any] | pa.Array, ...]:
        strung, wkb, *values = zip(*rows, strict=True)
        if not all(wkb):
            raise Unlike
        columns = _apart(strung, len(texts))
        found = [columns[at] if is_text else values[at] for is_text, at in places]
        return (columns[0], wkb, *found)

    # As bytes, for Arrow: Python would make characters of them.
    wanted = [
        f"CAST(concat_ws(char(0), {', '.join(texts)}) AS BLOB)",
        USUAL_WKB,
        *others,
    ]
    return Way(f'SELECT {", ".join(wanted)} FROM "{layer.name}"', columns_of)


def _apart(strung: Sequence[bytes], texts: int) -> list[pa.Array]:
    """Return the columns of rows of so many texts each."""
    import pyarrow as pa

    data = b"\0".join((*strung, b""))
    characters = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(characters == 0)
    if len(ends) != len(strung) * texts:
        raise Unlike
    # What stands between is a text too, the second of each two, so that nothing need be moved.
    bounds = np.zeros(2 * len(ends) + 1, dtype=np.int64)
    bounds[1::2] = ends
    bounds[2::2] = ends + 1
    starts = bounds[:-1:2]
    unknown = (
        (ends - starts == len(_UNKNOWN))
        & (characters[starts] == _UNKNOWN[0])
        & (characters[ends - 1] == _UNKNOWN[1])
    )
    each = pa.LargeStringArray.from_buffers(2 * len(ends), pa.py_buffer(bounds), pa.py_buffer(data))
    columns = []
    for number in range(texts):
        at = np.arange(number, len(ends), texts)
        columns.append(each.take(pa.array(2 * at, mask=unknown[at])))
    try:
        for column in columns:
            column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise Damaged(f"a text: {error}") from error
    return columns
