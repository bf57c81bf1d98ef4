"""Where people live, and how far they walk: residents spread to buildings, distances to facilities.

A dwelling is a building, or a community of which no building is known, standing for itself at its own
point. Residents of a community are spread over its buildings by floor area, or by area where floors
are unknown (`geo.spread_residents`); buildings known to be for something else than living
take none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geo.coverage import is_covered as within_limit
from geo.coverage import walking_access_m
from geo.nearest import nearest_distances
from geo.population import spread_residents
from layers.indicators import is_published
from layers.places import places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot

NOT_LIVED_IN = ("commercial", "public", "industrial")
"""Building uses that take no residents."""
NO_HOMES = (*NOT_LIVED_IN, "other")
"""Uses of buildings in no community in which nobody is taken to live: pump houses stand there, not a community's rest."""


@dataclass(frozen=True)
class Dwellings:
    """Places where people live: the buildings in frame order, then communities without buildings.

    Attributes
    ----------
    x, y : float arrays
        Door in metres of the metric CRS: the entrance where known, else a point on the surface.
    point_x, point_y : float arrays
        Point on the surface, by which a dwelling is counted in a cell.
    residents : float array
        NaN where the community's residents are unknown, and of homes in no community, of which nobody knows how
        many live there; 0 in buildings that are not lived in.
    community : int array
        Position in the communities' frame, -1 for none.
    is_building : bool array
    lived_in : bool array
        Whether people live there, or could: buildings that take residents of their community, and of those in no
        community all that are no `NO_HOMES`.
    published : bool array
        Whether the community is among those that the published figures speak of.
    basis : object array, one per community
        How its residents were spread: floor_area, area, equal, no_buildings or unknown.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    point_x: NDArray[np.float64]
    point_y: NDArray[np.float64]
    residents: NDArray[np.float64]
    community: NDArray[np.int64]
    is_building: NDArray[np.bool_]
    lived_in: NDArray[np.bool_]
    published: NDArray[np.bool_]
    basis: NDArray[np.object_]


def dwellings(snapshot: Snapshot) -> Dwellings:
    """Return where the snapshot's residents live."""
    return snapshot.derived(("dwellings",), lambda: _dwellings(snapshot))


def _dwellings(snapshot: Snapshot) -> Dwellings:
    buildings, communities = snapshot.frame("buildings"), snapshot.frame("communities")
    community = places(snapshot, "buildings")["community"].to_numpy()
    residents = communities["residents"].to_numpy(dtype="float64", na_value=np.nan)
    area = snapshot.area_m2("buildings")
    floors = buildings["floors"].to_numpy(dtype="float64", na_value=np.nan)
    floor_area = buildings["floor_area_m2"].to_numpy(dtype="float64")
    floor_area = np.where(np.isfinite(floor_area), floor_area, area * floors)
    # As an array: of a column numpy asks what pandas answers by making all codes objects, and keeping them.
    home = np.where(buildings["use"].isin(NOT_LIVED_IN).to_numpy(), -1, community)
    lived_in = np.where(community < 0, ~buildings["use"].isin(NO_HOMES).to_numpy(), home >= 0)
    shared, basis = spread_residents(
        residents=residents, community_of_building=home, floor_area_m2=floor_area, area_m2=area
    )
    bare = np.flatnonzero(np.asarray(basis == "no_buildings") | ~np.isin(np.arange(len(communities)), home))
    (x, y), (px, py) = snapshot.doors("buildings"), snapshot.points("buildings")
    cx, cy = snapshot.points("communities")
    published = is_published(communities)
    of = np.concatenate([community, bare])
    return Dwellings(
        x=np.concatenate([x, cx[bare]]),
        y=np.concatenate([y, cy[bare]]),
        point_x=np.concatenate([px, cx[bare]]),
        point_y=np.concatenate([py, cy[bare]]),
        residents=np.concatenate([np.where(lived_in & (community < 0), np.nan, shared), residents[bare]]),
        community=of.astype(np.int64),
        is_building=np.arange(len(of)) < len(buildings),
        lived_in=np.concatenate([lived_in, np.ones(len(bare), dtype=bool)]),
        published=np.concatenate([published, [False]])[of],
        basis=basis,
    )


def distances(snapshot: Snapshot, kind: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return straight metres from each dwelling's door to the nearest facility of `kind`.

    Returns
    -------
    distance_m : float array
        inf where there is no facility of the kind.
    facility : int array
        Position in the facilities' frame, -1 for none.
    """
    return snapshot.derived(("distances", kind), lambda: _distances(snapshot, kind))


def _distances(snapshot: Snapshot, kind: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    homes = dwellings(snapshot)
    of_kind = facility_positions(snapshot, kind)
    x, y = snapshot.doors("facilities")
    distance_m, found = nearest_distances(homes.x, homes.y, x[of_kind], y[of_kind])
    if not len(of_kind):
        return distance_m, found
    return distance_m, np.where(found >= 0, of_kind[found], -1)


def facility_positions(snapshot: Snapshot, kind: str) -> NDArray[np.int64]:
    """Return where the facilities of `kind` stand in the facilities' frame."""

    def make() -> NDArray[np.int64]:
        kinds = snapshot.frame("facilities")["kind"].to_numpy(dtype=object)
        return np.flatnonzero(kinds == kind).astype(np.int64)

    return snapshot.derived(("facilities of kind", kind), make)


def access_m(snapshot: Snapshot, kind: str) -> NDArray[np.float64]:
    """Return walking metres per dwelling: straight metres times the declared detour factor."""
    straight, _ = distances(snapshot, kind)
    return walking_access_m(straight, detour_factor=snapshot.standards.detour_factor)


def is_covered(snapshot: Snapshot, kind: str, *, limit_m: float | None = None) -> NDArray[np.bool_]:
    """Whether each dwelling is within a limit for `kind`, inclusive; the standard's where none is given."""
    standard_m = snapshot.standards.limits[kind].limit_m
    return within_limit(access_m(snapshot, kind), standard_m if limit_m is None else limit_m)
