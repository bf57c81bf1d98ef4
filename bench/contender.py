"""What each contender does for its user: the same work, said once."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely

from geo.crs import STORED_CRS
from layers.feature import Feature
from layers.schema import LAYERS
from layers.stores.rows import COLUMN_TYPES, value_fields

if TYPE_CHECKING:
    import geopandas as gpd

    from bench.data import Box

StoreKind = Literal["GeoPackage", "PostGIS"]

LAYER = LAYERS["buildings"]
FIELDS = [field.name for field in value_fields(LAYER)]
PARENTS = [field.name for field in LAYER.parents]
SRID = 4490
FROM_FEATURES = "plain SQL from features"
MOMENT = "2026-01-01T00:00:00.000000Z"


@dataclass(frozen=True)
class Opened:
    """What reads from one target.

    Attributes
    ----------
    all : callable
        Returns all of the table as a frame in EPSG:4490.
    box : callable
        Returns the rows that meet a box.
    """

    all: Callable[[], gpd.GeoDataFrame]
    box: Callable[[Box], gpd.GeoDataFrame]


class Contender(ABC):
    """One way of keeping buildings in one kind of store; a `target` is a path or a URL."""

    name: str
    kind: StoreKind
    only_loads = False

    def before_load(self, target: str) -> None:  # noqa: B027 - most have nothing to do
        """Do what goes before a load and is not measured."""

    @abstractmethod
    def load(self, frame: gpd.GeoDataFrame, target: str) -> None:
        """Make a new table of all of `frame`, durable, with an R-tree or GiST index on the geometry."""

    @abstractmethod
    def opened(self, target: str) -> AbstractContextManager[Opened]:
        """Give what reads, with whatever can be held open held open, as a running program has it."""


class Writer(ABC):
    """One way of committing single features, each in a durable transaction of its own."""

    name: str
    kind: StoreKind

    @abstractmethod
    def prepare(self, target: str, frame: gpd.GeoDataFrame) -> None:
        """Make a table with the rows of `frame`, to be written to."""

    @abstractmethod
    def features(self, frame: gpd.GeoDataFrame) -> list[Any]:
        """Return each row of `frame` in the form that `writer` takes."""

    @contextmanager
    @abstractmethod
    def writer(self, target: str) -> Iterator[Callable[[Any], None]]:
        """Give what inserts one feature and commits."""

    @abstractmethod
    def written(self, target: str) -> tuple[int, int]:
        """Return the number of features there and of versions recorded."""


def plain_rows(frame: gpd.GeoDataFrame, packed: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return (code, geometry, value, …) per row, as a loop of plain SQL needs them."""
    columns = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in FIELDS]
    return list(zip(frame.index.tolist(), packed, *columns, strict=True))


def plain_row(frame: gpd.GeoDataFrame, packed: Sequence[bytes]) -> tuple[Any, ...]:
    """Return what `plain_rows` does of the one row of `frame`, the quick way."""
    row = frame.iloc[0]
    values = [None if pd.isna(row[name]) else row[name] for name in FIELDS]
    return (frame.index[0], packed[0], *values)


def single_features(frame: gpd.GeoDataFrame) -> list[gpd.GeoDataFrame]:
    """Return a frame of each row."""
    return [frame.iloc[at : at + 1] for at in range(len(frame))]


def whole_features(frame: gpd.GeoDataFrame) -> list[Feature]:
    """Return a feature of each row."""
    return [
        Feature(code, shape, dict(zip(FIELDS, values, strict=True)))
        for code, shape, *values in plain_rows(frame, frame.geometry.tolist())
    ]


def plain_frame(rows: Sequence[Any], wkb_at: int = 0) -> gpd.GeoDataFrame:
    """Return the frame of (code, geometry, value, …) rows; WKB starts at byte `wkb_at` of the geometry."""
    import geopandas as gpd

    codes, packed, *values = zip(*rows, strict=True)
    columns: dict[str, Any] = dict(zip(FIELDS, values, strict=True))
    for name in FIELDS:
        kind = {"text": "str", "integer": "Int64", "number": "float64"}[COLUMN_TYPES[LAYER.field(name).type]]
        columns[name] = pd.array(list(columns[name]), dtype=kind)  # type: ignore[call-overload]
    shapes = shapely.from_wkb(np.array([wkb[wkb_at:] for wkb in packed], dtype=object))
    index = pd.Index(list(codes), dtype="str", name="code")
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=STORED_CRS, index=index)


def codes_json(code: str) -> str:
    """Return the codes that a write of one feature touched, as the table of changes keeps them."""
    return json.dumps([code], ensure_ascii=False, separators=(",", ":"))
