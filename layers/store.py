"""The store: one promise kept by every kind, chosen by URL.

A store holds one district: its description, its layers, and a version that moves with every write.
Frames go in and out in EPSG:4490, indexed by `code`, with the columns and types of `layers.schema`
(see `layers.frames`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from layers.problems import BadParameter, StoreExists
from layers.text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    from shapely.geometry.base import BaseGeometry

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done and how much there is."""


def no_progress(what: str, done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, kw_only=True)
class District:
    """What a store says of itself.

    Attributes
    ----------
    metric_crs : str
        Projected CRS in metres in which everything is measured, such as ``EPSG:4547``.
    as_of : date, optional
        The day the data speak of; nothing derived reads the clock.
    outline : polygon in EPSG:4490, optional
    invented : bool
        Demonstration data: every page, export and print says so.
    """

    name: str
    metric_crs: str
    name_en: str | None = None
    as_of: date | None = None
    outline: BaseGeometry | None = None
    invented: bool = False


@dataclass(frozen=True)
class Change:
    """One committed write: the version it made, and the codes it touched in one layer."""

    version: int
    layer: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What one write did; `version` is the store's version after it."""

    version: int
    inserted: int
    updated: int
    unchanged: int


class Store(ABC):
    """One district's layers, kept.

    Every method may raise `StoreUnusable` or `StoreBusy`; the writing ones also `StoreReadOnly` and
    `StoreFull`. A write is one transaction: acknowledged means on disk, and after any error nothing
    of it is there.
    """

    url: str

    @abstractmethod
    def district(self) -> District:
        """Return what the store says of itself."""

    @abstractmethod
    def version(self) -> int:
        """Return the number of the last committed write; cheap enough to ask per request."""

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Return the number of features per layer, for every layer."""

    @abstractmethod
    def read(
        self,
        layer: str,
        *,
        codes: Sequence[str] | None = None,
        bbox: tuple[float, float, float, float] | None = None,
    ) -> gpd.GeoDataFrame:
        """Return features ordered by code, all or those asked for.

        Parameters
        ----------
        codes : sequence of str, optional
            Only these; those that do not exist are left out.
        bbox : (west, south, east, north), optional
            Only those whose bounding box meets it, edges included; degrees of EPSG:4490.
        """

    @abstractmethod
    def upsert(
        self, layer: str, frame: gpd.GeoDataFrame, *, note: str = "", progress: Progress = no_progress
    ) -> Written:
        """Insert the features of `frame`, or update those whose code exists.

        `frame` has been conformed by `layers.frames.conform`. Features that are there with equal
        content are not touched; a write that changes nothing makes no version. `note` (who or what
        wrote, such as "datum guard overridden") is kept with the version.
        """

    @abstractmethod
    def delete(self, layer: str, codes: Sequence[str], *, note: str = "") -> int:
        """Delete features by code and return how many there were."""

    @abstractmethod
    def changes(self, *, since: int) -> list[Change]:
        """Return the writes after version `since`, oldest first."""

    @abstractmethod
    def notes(self) -> list[tuple[int, str, str]]:
        """Return (version, layer, note) of every write that carries a note, oldest first."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the store holds; closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(url: str, *, read_only: bool = False) -> Store:
    """Open the store at `url` (``gpkg:PATH``).

    Raises
    ------
    BadParameter, StoreMissing, StoreUnusable
    """
    from layers.stores import geopackage

    return geopackage.GeoPackageStore(_path(url), read_only=read_only)


def create_store(
    url: str,
    district: District,
    *,
    layers: Mapping[str, gpd.GeoDataFrame] | None = None,
    progress: Progress = no_progress,
) -> Store:
    """Create the store at `url`, with rows where `layers` gives them, whole or not at all.

    Raises
    ------
    BadParameter, StoreExists, StoreFull, StoreUnusable
    """
    from layers.stores import geopackage

    return geopackage.create(_path(url), district, layers=layers or {}, progress=progress)


def check_free(url: str) -> None:
    """Raise `StoreExists` where there is a store at `url` already: before work is done in vain."""
    path = Path(_path(url))
    if path.exists():
        raise StoreExists(
            Text("{p} 已经存在，不会覆盖。", "{p} exists already and is not overwritten.").format(p=path),
            Text("请换一个地址，或先移走它。", "Choose another store, or move it away first."),
        )


def _path(url: str) -> str:
    kind, _, path = url.partition(":")
    if kind != "gpkg" or not path:
        raise BadParameter(
            Text("不认识存储地址 {url}。", "The store URL {url} is not understood.").format(url=url),
            Text(
                "请用 gpkg:文件路径，例如 gpkg:var/luohu.gpkg。",
                "Use gpkg:PATH, such as gpkg:var/luohu.gpkg.",
            ),
        )
    return path
