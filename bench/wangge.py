"""Wangge itself, through the functions that its commands and its web service call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.contender import (
    LAYER,
    Contender,
    Opened,
    StoreKind,
    Writer,
    single_features,
    whole_features,
)
from bench.data import DISTRICT
from layers.store import create_store, open_store

if TYPE_CHECKING:
    import geopandas as gpd


class Wangge(Contender, Writer):
    """The store of a URL."""

    name = "Wangge"

    def __init__(self, kind: StoreKind, *, frames: bool = False) -> None:
        self.kind = kind
        self._frames = frames
        if frames:
            self.name = "Wangge from frames"

    def url(self, target: str) -> str:
        return f"gpkg:{target}" if self.kind == "GeoPackage" else target

    def load(self, frame: gpd.GeoDataFrame, target: str) -> None:
        create_store(self.url(target), DISTRICT, layers={LAYER.name: frame}).close()

    @contextmanager
    def opened(self, target: str) -> Iterator[Opened]:
        with open_store(self.url(target)) as store:
            yield Opened(all=lambda: store.read(LAYER.name), box=lambda box: store.read(LAYER.name, bbox=box))

    def prepare(self, target: str, frame: gpd.GeoDataFrame) -> None:
        self.load(frame, target)

    def features(self, frame: gpd.GeoDataFrame) -> list[Any]:
        if self._frames:
            return list(single_features(frame))
        return whole_features(frame)

    @contextmanager
    def writer(self, target: str) -> Iterator[Callable[[Any], None]]:
        with open_store(self.url(target)) as store:
            yield lambda feature: _one(store.insert(LAYER.name, feature).inserted)

    def written(self, target: str) -> tuple[int, int]:
        with open_store(self.url(target)) as store:
            return store.counts()[LAYER.name], store.version()


class WanggeImport(Wangge):
    """The way of `wangge import`: into a store that is there."""

    name = "Wangge, into an empty store"
    only_loads = True

    def before_load(self, target: str) -> None:
        create_store(self.url(target), DISTRICT).close()

    def load(self, frame: gpd.GeoDataFrame, target: str) -> None:
        with open_store(self.url(target)) as store:
            store.upsert(LAYER.name, frame)


def _one(inserted: int) -> None:
    assert inserted == 1
