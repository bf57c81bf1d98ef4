"""The store: one promise kept by every kind, chosen by URL.

A store holds one district: its description, its layers, and a version that moves with every write.
Frames go in and out in EPSG:4490, indexed by `code`, with the columns and types of `layers.schema`
(see `layers.frames`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from layers.epochs import Epoch, new_epoch
from layers.text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    from shapely.geometry.base import BaseGeometry

    from layers.amending import Amend, Amended, Key
    from layers.feature import Feature
    from layers.stores.contents import Contents

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done and how much there is."""

Clock = Callable[[], datetime]
"""Returns the present moment, with its time zone."""


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
    epoch : Epoch
        What tells the store's versions from another's; equal districts may be of different ones.
    """

    name: str
    metric_crs: str
    name_en: str | None = None
    as_of: date | None = None
    outline: BaseGeometry | None = None
    invented: bool = False
    epoch: Epoch = field(default=Epoch(), compare=False)


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """What the operator may set of how a store is reached.

    Attributes
    ----------
    pool_size : int
        Most connections that one process holds to a database server.
    connect_timeout_s, pool_wait_s : float
        How long to wait for the server, and for a connection that others hold.
    statement_timeout_s : float
        After which the server gives up one statement; 0 is never.
    write_wait_s : float
        How long a write waits for its turn while others write.
    """

    pool_size: int = 8
    connect_timeout_s: float = 5.0
    pool_wait_s: float = 10.0
    statement_timeout_s: float = 120.0
    write_wait_s: float = 30.0


def utc_now() -> datetime:
    """Return the present moment; a store takes another clock where a test needs one."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Authorship:
    """Who writes, why, and from when it holds.

    Attributes
    ----------
    who : str
        The person or program that answers for the write.
    note : str
        Why, or how (such as "datum guard overridden").
    effective : date, optional
        The day from which the written values hold: a new fact. Without it the write is a correction:
        what it replaces was never right.
    """

    who: str = ""
    note: str = ""
    effective: date | None = None


NOBODY = Authorship()


@dataclass(frozen=True)
class Change:
    """One committed write: the version it made, and the codes it touched in one layer, in order.

    `at` is what the writer's clock said, and None where it was not recorded; the order of writes is that of
    versions, whatever clocks say.
    """

    version: int
    layer: str
    codes: tuple[str, ...]
    by: Authorship = NOBODY
    at: datetime | None = field(default=None, compare=False)

    @property
    def mark(self) -> Mark:
        """What is kept of it to know it by."""
        return Mark(self.version, self.layer, len(self.codes), self.by, self.at)


@dataclass(frozen=True)
class Mark:
    """What tells a write from another that made the same version of another store.

    `count` is the number of codes that it touched.
    """

    version: int
    layer: str
    count: int
    by: Authorship
    at: datetime | None


@dataclass(frozen=True, kw_only=True)
class PastWrite:
    """A write that a new store is to remember, as if it had been made there.

    Attributes
    ----------
    layer : str
    replaced : mapping of code to Feature or None
        What stood there before the write; None where it inserted the feature.
    note : str
    effective : date, optional
        As `Authorship` has them.
    """

    layer: str
    replaced: Mapping[str, Feature | None]
    note: str = ""
    effective: date | None = None


EditKind = Literal["insert", "update", "delete"]


@dataclass(frozen=True)
class Edit:
    """What one write did to one feature.

    Attributes
    ----------
    fields : mapping of str to (before, after)
        The fields that differ, ``geometry`` among them, in the layer's order; None is unknown, days are
        ISO texts. All fields that have a value, for an insert or a delete.
    erased : tuple of str
        Fields that it touched and of which nothing is known any more: it erased them, or what it replaced
        has been erased since.
    """

    version: int
    kind: EditKind
    fields: Mapping[str, tuple[Any, Any]]
    by: Authorship = NOBODY
    at: datetime | None = field(default=None, compare=False)
    erased: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """What one write did; `version` is the store's version after it."""

    version: int
    inserted: int
    updated: int
    unchanged: int


@dataclass(frozen=True)
class Erased:
    """What an erasure did.

    Attributes
    ----------
    version : int
        The store's version after it.
    present, past : int
        Features that are there, and features deleted earlier, of which something was erased.
    remains : Text, optional
        Where traces may be left until somebody clears them away, and how.
    """

    version: int
    present: int
    past: int
    remains: Text | None = None


FaultId = Literal[
    "pages",
    "unreadable",
    "schema",
    "index",
    "count",
    "geometry",
    "value",
    "versions",
    "changes",
    "history",
]


@dataclass(frozen=True)
class Fault:
    """Something that a store finds wrong with itself; `layer` is None where it concerns the whole.

    `remedy` is what to do about it, where that is more than what goes for all faults of this id.
    """

    id: FaultId
    layer: str | None
    message: Text
    codes: tuple[str, ...] = ()
    remedy: Text | None = None


class Store(ABC):
    """One district's layers, kept.

    Every method may raise `StoreUnusable`, `StoreAway` or `StoreBusy`; the writing ones also
    `StoreReadOnly` and `StoreFull`. A write is one transaction: acknowledged means on disk, and after any
    error nothing of it is there, save that a server lost in the moment of the commit may have kept it.

    A writing method takes `based_on`, the version that its author had seen. Where somebody has since
    touched a feature that the write would change, and left it otherwise than the write would have it,
    `StoreConflict` shows both sides and nothing is written. Without it the last write wins.

    `features` is a frame that `layers.frames.conform` has made, or one `Feature`, which costs much less to
    write than a frame of one row and does the same. What is not as it must be is a `ValueError`.
    """

    url: str
    """As given, without a password: fit to be shown."""

    @abstractmethod
    def district(self) -> District:
        """Return what the store says of itself."""

    @abstractmethod
    def version(self) -> int:
        """Return the number of the last committed write; cheap enough to ask per request."""

    @abstractmethod
    def epoch(self) -> Epoch:
        """Return what tells the store's versions from those of another store, or of a backup restored in its place."""

    @abstractmethod
    def ready(self) -> int:
        """Make sure that the store is still one for this program, and return its version.

        Raises
        ------
        StoreOutdated, StoreUnusable, StoreMissing
            Since it was opened, a backup of an older program was put there, or a newer one migrated it.
        """

    @abstractmethod
    def wait(self, *, since: int, timeout_s: float) -> int:
        """Wait until the version is another than `since`, and return it; after `timeout_s` the same.

        Whoever committed it, in whatever process, it is seen within half a second. One thread at a time
        may wait.
        """

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
        version: int | None = None,
        on: date | None = None,
    ) -> gpd.GeoDataFrame:
        """Return features ordered by code, all or those asked for.

        Parameters
        ----------
        codes : sequence of str, optional
            Only these; those that do not exist are left out.
        bbox : (west, south, east, north), optional
            Only those whose bounding box meets it, edges included; degrees of EPSG:4490.
        version : int, optional
            As the store stood at this version: what was on record then.
        on : date, optional
            What held on this day, by all that is known now: facts that took effect later are undone,
            corrections are kept. Not together with `version`.

        Raises
        ------
        NotFound
            No such layer, a version that has not been, or one from before history was kept.
        """

    @abstractmethod
    def insert(
        self,
        layer: str,
        features: gpd.GeoDataFrame | Feature,
        *,
        by: Authorship = NOBODY,
        progress: Progress = no_progress,
    ) -> Written:
        """Insert `features`; `FeaturesExist` where a code is there."""

    @abstractmethod
    def update(
        self,
        layer: str,
        features: gpd.GeoDataFrame | Feature,
        *,
        by: Authorship = NOBODY,
        based_on: int | None = None,
        progress: Progress = no_progress,
    ) -> Written:
        """Write `features` over those with their codes; `NotFound` where one is not there.

        With `based_on`, one that somebody has deleted since is a conflict.
        """

    @abstractmethod
    def upsert(
        self,
        layer: str,
        features: gpd.GeoDataFrame | Feature,
        *,
        by: Authorship = NOBODY,
        based_on: int | None = None,
        progress: Progress = no_progress,
    ) -> Written:
        """Insert `features`, or update those whose code exists.

        Features that are there with equal content are not touched; a write that changes nothing makes no
        version.
        """

    @abstractmethod
    def delete(
        self, layer: str, codes: Sequence[str], *, by: Authorship = NOBODY, based_on: int | None = None
    ) -> int:
        """Delete features by code and return how many there were."""

    @abstractmethod
    def amend(
        self,
        layer: str,
        code: str,
        amend: Amend,
        *,
        key: Key | None = None,
        by: Authorship = NOBODY,
        based_on: int | None = None,
        epoch: str | None = None,
        follows: Sequence[str] = (),
    ) -> Amended:
        """Write what `amend` makes of one feature as it is found, fields of which it says nothing left as they are.

        Parameters
        ----------
        amend : callable
            Told what is there and, since `based_on`, what was done to it; returns what to write. It decides what
            is a conflict, and raises it.
        key : Key, optional
            Kept in the same transaction, for good: the request comes again, and gets the first outcome.
        based_on : int, optional
            The version that the request's author had seen.
        epoch : str, optional
            The epoch of that version. Where it is another than the store's nothing is known of what was seen.
        follows : sequence of str
            Keys of requests that the same client made before this one.

        Raises
        ------
        KeyReused
            The key was used before, for another request.
        """

    @abstractmethod
    def outcome(self, key: Key) -> Amended | None:
        """Return what came of the request with this key, None where it has never been done.

        Raises
        ------
        KeyReused
            The key was used for another request.
        """

    @abstractmethod
    def holding(self, layer: str, field: str) -> gpd.GeoDataFrame:
        """Return every feature of which a value of `field` is kept, now or of the past, by code.

        As it is now, or as it last was where it has been deleted.
        """

    @abstractmethod
    def erase(self, layer: str, field: str, codes: Sequence[str], *, by: Authorship = NOBODY) -> Erased:
        """Take the values of `field` away for good: from the features with `codes`, and from all of their past.

        One transaction and, where features that are there are concerned, one version: `changes` names them and
        `history` says that the field was erased, and not what it was. Of features deleted earlier just the past is
        cleared. Whatever is no longer reachable is cleared out of the store's own files as well, as far as it can be:
        `Erased.remains` says what is left to do. Doing it again, with no codes too, finishes what was interrupted.

        Raises
        ------
        ValueError
            The layer has no such field, every feature must have one, or `by` has an effective day: what is
            erased is no new fact.
        """

    @abstractmethod
    def changes(self, *, since: int) -> list[Change]:
        """Return the writes after version `since`, oldest first."""

    @abstractmethod
    def mark(self, version: int) -> Mark | None:
        """Return the mark of the write that made `version`, without its codes; None where there is none."""

    @abstractmethod
    def history(self, layer: str, code: str) -> list[Edit]:
        """Return what was done to one feature, oldest first; empty where it has never been."""

    @abstractmethod
    def history_since(self) -> int:
        """Return the version from which on history is kept: 0, but for stores from before it was."""

    @abstractmethod
    def verify(self) -> list[Fault]:
        """Return what is wrong with the store itself: its file, its indexes, its counts, its history."""

    @abstractmethod
    def contents(self) -> AbstractContextManager[Contents]:
        """Open everything the store holds, of one version, to be read once in the order of the fields."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the store holds; closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(
    url: str, *, read_only: bool = False, settings: StoreSettings | None = None, clock: Clock = utc_now
) -> Store:
    """Open the store at `url`: ``gpkg:PATH`` or ``postgresql://…``.

    Raises
    ------
    BadParameter, StoreMissing, StoreOutdated, StoreUnusable, StoreAway
    """
    from layers.stores.kinds import kind_of

    return kind_of(url).open_at(url, read_only=read_only, settings=settings or StoreSettings(), clock=clock)


def create_store(
    url: str,
    district: District,
    *,
    layers: Mapping[str, gpd.GeoDataFrame] | None = None,
    past: Sequence[PastWrite] = (),
    by: Authorship = NOBODY,
    settings: StoreSettings | None = None,
    clock: Clock = utc_now,
    progress: Progress = no_progress,
) -> Store:
    """Create the store at `url`, with rows where `layers` gives them, whole or not at all.

    Parameters
    ----------
    past : sequence of PastWrite
        What has brought `layers` about, oldest first; written by `by`, as all of them.

    Raises
    ------
    BadParameter, StoreExists, StoreFull, StoreUnusable, StoreAway
    """
    from layers.stores.kinds import kind_of
    from layers.stores.past import contents_with_past

    settings = settings or StoreSettings()
    kind = kind_of(url)
    contents = contents_with_past(district, layers or {}, past, by=by, at=clock())
    kind.create_at(url, contents, settings=settings, progress=progress)
    return kind.open_at(url, read_only=False, settings=settings, clock=clock)


def copy_store(
    source: Store, url: str, *, settings: StoreSettings | None = None, progress: Progress = no_progress
) -> None:
    """Make the store at `url` equal to `source`: every value, geometry and version; or nothing.

    The target is created; one that is there and has never had a row is taken as well. It begins an epoch of its own:
    what either of them is written next gets the same version.

    Raises
    ------
    BadParameter, StoreExists, StoreFull, StoreUnusable, StoreAway
    """
    from layers.stores.kinds import kind_of

    settings = settings or StoreSettings()
    kind = kind_of(url)
    kind.check_free(url, settings=settings, unless_empty=True)
    with source.contents() as found:
        contents = replace(found, district=replace(found.district, epoch=new_epoch(utc_now())))
        kind.create_at(url, contents, settings=settings, progress=progress, over_empty=True)


def backup_store(
    source: Store, file: Path, *, settings: StoreSettings | None = None, progress: Progress = no_progress
) -> None:
    """Write all of `source`, its epoch too, into one GeoPackage that only its owner may read, or nothing.

    Raises
    ------
    StoreExists, StoreFull, StoreUnusable, StoreAway
    """
    from layers.stores.geopackage import store as geopackage

    with source.contents() as contents:
        geopackage.create_at(
            f"gpkg:{file}", contents, settings=settings or StoreSettings(), progress=progress, mode=0o600
        )


def migrate_store(url: str, *, settings: StoreSettings | None = None) -> tuple[int, int]:
    """Bring the store at `url` to this program's schema, whole or not at all; return the schemas before and after.

    Raises
    ------
    BadParameter, StoreMissing, StoreUnusable, StoreReadOnly, StoreBusy, StoreFull, StoreAway
    """
    from layers.stores.kinds import kind_of

    return kind_of(url).migrate_at(url, settings=settings or StoreSettings())


def check_free(url: str, *, settings: StoreSettings | None = None) -> None:
    """Raise `StoreExists` where there is a store at `url` already: before work is done in vain."""
    from layers.stores.kinds import kind_of

    kind_of(url).check_free(url, settings=settings or StoreSettings())


def shown_url(url: str) -> str:
    """Return a store's URL without its password."""
    from layers.stores.kinds import kind_of

    return kind_of(url).shown(url)
