"""The kinds of store as the fault tests meet them: made, and looked into without Wangge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

import apsw

from layers.store import Authorship, Store, create_store, open_store
from layers.stores.geopackage.connection import prepare
from layers.stores.kinds import path_of
from tests.faults.work import MADE, PLACE, first_frames


class Kind(Protocol):
    """A kind of store."""

    name: str

    def new_url(self) -> str:
        """Return the URL of a place where no store is yet."""

    def assert_sound(self, url: str, *, thoroughly: bool = False) -> None:
        """Assert, by the database's own means, that the store is whole."""


@dataclass
class GeoPackages:
    """GeoPackages in a folder."""

    folder: Path
    validate: Callable[[Path], None]
    name: str = "GeoPackage"
    _numbers: Iterator[int] = field(default_factory=count)

    def new_url(self) -> str:
        """Return the URL of a file that is not there."""
        return f"gpkg:{self.folder / f'district {next(self._numbers)}.gpkg'}"

    def assert_sound(self, url: str, *, thoroughly: bool = False) -> None:
        """Assert that SQLite finds nothing wrong, and GDAL's validator neither."""
        path = path_of(url)
        with closing(apsw.Connection(str(path))) as connection:
            prepare(connection)
            assert connection.execute("PRAGMA integrity_check").get == "ok"
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if thoroughly:
            self.validate(path)


def made(kind: Kind) -> str:
    """Return the URL of a new store with the features that writers begin with."""
    url = kind.new_url()
    create_store(url, PLACE, layers=first_frames(), by=Authorship(note=MADE)).close()
    return url


@contextmanager
def sound(kind: Kind, url: str, *, thoroughly: bool = False) -> Iterator[Store]:
    """Open a store that must have come through whatever was done to it."""
    with open_store(url) as store:
        faults = [fault.message.en for fault in store.verify()]
        assert faults == []
        yield store
    kind.assert_sound(url, thoroughly=thoroughly)
