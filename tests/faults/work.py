"""What writers write while they are being killed, and the book they keep of it.

What a feature holds follows from its code and a stamp: the book needs no values, and whoever reads it knows
them all the same.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from layers.frames import conform
from layers.schema import LAYERS
from layers.store import Authorship, District, Store, Written
from layers.stores.rows import Row, rows_of

SINGLES, BULK = "mediation_rooms", "complaints"
"""The layers that are written one feature at a time, and many at once."""

HOT = tuple(f"共用-{k}" for k in range(6))
"""Features that all writers fight over."""

SETS = ("A", "B", "C")
SET_ROWS = 1200
"""Sets of features that are only ever written whole: enough rows for the stores' bulk load."""

MADE = "made"
"""The note of the writes that made the store."""

PLACE = District(name="故障区", name_en="Fault District", metric_crs="EPSG:4547", as_of=date(2019, 12, 31))

_BLOCK = 64

Kind = Literal["insert", "update", "upsert", "delete"]


@dataclass(frozen=True)
class Task:
    """One write, as its author has it in mind; `id` goes into the store as the write's note.

    Attributes
    ----------
    codes : tuple of str
        Of single features; empty where the task is about the set `whole`.
    """

    id: str
    do: Kind
    codes: tuple[str, ...] = ()
    whole: str | None = None
    stamp: int = 0
    based_on: int | None = None
    effective: str | None = None

    @property
    def layer(self) -> str:
        """The layer it writes."""
        return BULK if self.whole else SINGLES

    @property
    def touches(self) -> tuple[str, ...]:
        """The codes it is about, in order."""
        return codes_of_set(self.whole) if self.whole else self.codes

    @property
    def by(self) -> Authorship:
        """Who writes; the note tells this write from all others."""
        day = None if self.effective is None else date.fromisoformat(self.effective)
        return Authorship(who=self.id.partition(".")[0], note=self.id, effective=day)

    def run(self, store: Store) -> dict[str, Any]:
        """Write, and return what the store acknowledged."""
        if self.do == "delete":
            return {"deleted": store.delete(self.layer, self.touches, by=self.by, based_on=self.based_on)}
        frame = features(self.layer, self.touches, self.stamp)
        if self.do == "insert":
            written = store.insert(self.layer, frame, by=self.by)
        else:
            write = store.update if self.do == "update" else store.upsert
            written = write(self.layer, frame, by=self.by, based_on=self.based_on)
        return _acknowledged(written)

    def again(self, name: str) -> Task:
        """Return the task as one retries it who does not know whether it was done."""
        do: Kind = "delete" if self.do == "delete" else "upsert"
        return Task(name, do, self.codes, self.whole, self.stamp, None, self.effective)


def _acknowledged(written: Written) -> dict[str, Any]:
    return asdict(written)


@lru_cache
def codes_of_set(name: str) -> tuple[str, ...]:
    """Return the codes of a set, in order."""
    return tuple(f"{name}-{k:04}" for k in range(SET_ROWS))


def features(layer: str, codes: Sequence[str], stamp: int) -> gpd.GeoDataFrame:
    """Return the features that `stamp` makes of `codes`."""
    if layer == BULK:
        return _many(codes, stamp)
    number, at = divmod(stamp, _BLOCK)
    frame = _block(number).iloc[[at] * len(codes)]
    return frame.set_axis(pd.Index(list(codes), dtype="str", name="code"))


def rows(layer: str, codes: Sequence[str], stamp: int) -> dict[str, Row]:
    """Return the same as rows by code."""
    if layer == BULK:
        made = rows_of(_many(codes, stamp), LAYERS[layer]).records
        return {row[0]: row for row in made}
    number, at = divmod(stamp, _BLOCK)
    return {code: (code, *_block_rows(number)[at][1:]) for code in codes}


def first_frames() -> dict[str, gpd.GeoDataFrame]:
    """Return what the store is made with."""
    return {SINGLES: features(SINGLES, HOT, 0), BULK: features(BULK, codes_of_set(SETS[0]), 0)}


def _many(codes: Sequence[str], stamp: int) -> gpd.GeoDataFrame:
    n = len(codes)
    at = np.arange(n)
    frame = gpd.GeoDataFrame(
        {
            "code": list(codes),
            "category": np.where(at % 3 == stamp % 3, "lift_fault", "rubbish"),
            "opened": np.datetime64("2015-01-01", "s") + ((at * 7 + stamp) % 1800).astype("timedelta64[D]"),
            "opened_time": [None if (k + stamp) % 4 else f"{k % 24:02}:30" for k in range(n)],
            "channel": generation(stamp),
            "text": [f"三楼漏水 “{code}”, 第 {stamp} 次" for code in codes],
        },
        geometry=shapely.points(114 + at / 7e4 + (stamp % 997) / 1e6, 22.5 + (at % 40) / 3e3),
        crs="EPSG:4490",
    )
    return conform(frame, LAYERS[BULK])


def generation(stamp: int) -> str:
    """Return what every feature of a set says of the write that wrote it last."""
    return f"generation {stamp}"


@lru_cache(64)
def _block(number: int) -> gpd.GeoDataFrame:
    """Return what a block of stamps makes of a single feature: frames are dear to make one by one."""
    columns = [_room(stamp) for stamp in range(number * _BLOCK, (number + 1) * _BLOCK)]
    shapes = [column.pop("geometry") for column in columns]
    return conform(gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4490"), LAYERS[SINGLES])


@lru_cache
def _block_rows(number: int) -> list[Row]:
    return rows_of(_block(number), LAYERS[SINGLES]).records


def _room(stamp: int) -> dict[str, Any]:
    """Vary each field with the stamp in a rhythm of its own, so that writes change some and leave some."""
    x, y = 114 + (stamp % 1000) / 7e3, 22.5 + (stamp // 3 % 1000) / 9e3
    side = 1e-3 + (stamp % 3) / 1e5
    box, far = (shapely.box(x + d, y, x + d + side, y + side) for d in (0.0, 0.01))
    return {
        "code": f"{stamp:016}",
        "name": f"调解室 {stamp // 4}\t'“”\\",
        "name_en": None if stamp % 2 else f"Room {stamp // 2}",
        "community": f"C{stamp % 7}",
        "mediators": None if stamp % 6 == 5 else stamp,
        "shared": ("yes", "no", "unknown")[stamp % 3],
        "opened": date(2000, 1, 1) + timedelta(days=stamp % 7000),
        "entrance_lon": None if stamp % 5 else x / 3,
        "entrance_lat": None if stamp % 5 else y / 3,
        "geometry": (shapely.Point(x, y), box, shapely.MultiPolygon([box, far]))[stamp // 4 % 3],
    }


# What is held, in a number that follows every write


def mark(row: Row) -> int:
    """Return a number that stands for a row, whole."""
    return int.from_bytes(blake2b(repr(row).encode(), digest_size=12).digest())


def digest(found: Iterator[Row] | Sequence[Row]) -> str:
    """Return what stands for a set of rows; the sum lets a single row go in and out."""
    return shown(sum(map(mark, found)))


def shown(total: int) -> str:
    """Return a sum of marks as text."""
    return f"{total % 2**96:024x}"


def digest_of(frame: gpd.GeoDataFrame, layer: str) -> str:
    """Return what stands for a frame."""
    return digest(rows_of(frame, LAYERS[layer]).records)


# The book


class Book:
    """An append-only file of JSON lines, each on the disk before the next thing is done."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_DSYNC, 0o644)
        size = os.fstat(self._file).st_size
        # Who wrote here before may have been killed within a line.
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def note(self, **entry: Any) -> None:
        """Write one line."""
        os.write(self._file, json.dumps(entry, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Return the lines of a book that were written to the end."""
    for line in path.read_bytes().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # its writer was killed within it


def task_of(entry: dict[str, Any]) -> Task:
    """Return the task that a line of the book intends."""
    said = dict(entry["intent"])
    return Task(**said | {"codes": tuple(said["codes"])})


def open_ends(path: Path) -> list[Task]:
    """Return what was intended last and never heard of again: at most one task."""
    last: Task | None = None
    for entry in entries(path):
        last = task_of(entry) if "intent" in entry else None
    return [] if last is None else [last]


class Plans:
    """Draws the tasks of one writer, who knows which features of its own are there."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self._name = name
        self._chance = chance
        self._count = 0
        self._own: list[str] = []
        self._stamp = chance.randrange(10**6) * _BLOCK

    def next_id(self) -> str:
        """Return an id that no task has had."""
        self._count += 1
        return f"{self._name}/{self._count}"

    def draw(self, seen: int) -> Task:
        """Return the next task; `seen` is a version that the writer has seen."""
        chance, name = self._chance, self.next_id()
        stamp = self._stamp = self._stamp + 1
        based_on = seen if chance.random() < 0.5 else None
        effective = None
        if chance.random() < 0.3:
            effective = (date(2019, 1, 1) + timedelta(days=chance.randrange(700))).isoformat()
        drawn = chance.random()
        if drawn < 0.05:
            do: Kind = "delete" if chance.random() < 0.15 else "upsert"
            return Task(name, do, (), chance.choice(SETS), stamp, based_on, effective)
        if drawn < 0.35:
            do = "delete" if chance.random() < 0.1 else "upsert"
            return Task(name, do, (chance.choice(HOT),), None, stamp, based_on, effective)
        if drawn < 0.70 or not self._own:
            return Task(name, "insert", (name,), None, stamp, None, effective)
        code = chance.choice(self._own)
        do = "delete" if drawn < 0.80 else "update"
        return Task(name, do, (code,), None, stamp, based_on, effective)

    def done(self, task: Task) -> None:
        """Take note of what was acknowledged."""
        if task.do == "insert":
            self._own += task.codes
        elif task.do == "delete":
            self._own = [code for code in self._own if code not in task.codes]
