"""A new store with a past: the rows of today, and the dated writes that brought them about.

The past is given from its end: what each write replaced. Walking back from today's rows gives what
`layers.stores.base` would have kept, had the writes been made one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from layers.schema import LAYERS, layer_named
from layers.store import Authorship, District, PastWrite
from layers.stores.contents import Contents, HistoryRow, change_row, contents_of_frames
from layers.stores.history import history_row
from layers.stores.rows import Row, rows_of
from layers.stores.singles import rows_of_feature

if TYPE_CHECKING:
    import geopandas as gpd

_Pairs = dict[str, tuple[Row | None, Row | None]]


def contents_with_past(
    district: District,
    frames: Mapping[str, gpd.GeoDataFrame],
    past: Sequence[PastWrite],
    *,
    by: Authorship,
    at: datetime,
) -> Contents:
    """Return what a new store holds whose layers were loaded as they were before `past`, and then written to.

    Raises
    ------
    ValueError
        A write of the past replaced nothing, or with what was there already.
    """
    contents = contents_of_frames(district, frames, by=by, at=at)
    rows = {
        name: {row[0]: row for row in rows_of(frames[name], layer_named(name)).records}
        for name in {write.layer for write in past}
    }
    taken_back = [_take_back(write, rows[write.layer]) for write in reversed(past)][::-1]
    codes = {name: sorted(rows.get(name, frame.index)) for name, frame in frames.items()}
    loaded = [name for name in LAYERS if codes.get(name)]
    changes = [change_row(version, name, codes[name], by, at) for version, name in enumerate(loaded, 1)]
    history: list[HistoryRow] = []
    for version, (write, pairs) in enumerate(zip(past, taken_back, strict=True), len(loaded) + 1):
        author = replace(by, note=write.note, effective=write.effective)
        changes.append(change_row(version, write.layer, sorted(pairs), author, at))
        history += [
            history_row(version, before, after, layer_named(write.layer))
            for _, (before, after) in sorted(pairs.items())
            if before is not None
        ]
    return replace(contents, changes=changes, history=history)


def _take_back(write: PastWrite, rows: dict[str, Row]) -> _Pairs:
    """Take a write back in `rows`; return each feature's row before and after it, None where there was none."""
    pairs: _Pairs = {}
    for code, feature in write.replaced.items():
        before = None if feature is None else rows_of_feature(feature, layer_named(write.layer)).records[0]
        after = rows.pop(code, None)
        if before == after or (before is not None and before[0] != code):
            raise ValueError(f"a past write replaces nothing of {write.layer} {code}")
        if before is not None:
            rows[code] = before
        pairs[code] = before, after
    return pairs
