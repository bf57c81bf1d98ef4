"""How far the places of a kind reach, per dwelling and community, and what differs between two snapshots.

Facilities by the rule of the gap question (`layers.coverage`, `layers.dwellings`). A mediation room serves the
community that it belongs to, whatever the distance; one that is shared also serves whoever walks no farther than the
standard says (data/standards.json). Whether a room is shared may be unknown: then that of its neighbours is, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geo.coverage import is_covered as within_limit
from geo.coverage import walking_access_m, weighted_mean_by
from geo.nearest import nearest_distances
from layers.analysis import reach_m
from layers.coverage import counted_coverage
from layers.dwellings import dwellings, facility_positions, is_covered
from layers.figures import Figure, Untold
from layers.indicators import is_double_none, is_published
from layers.places import places
from layers.units import units
from layers.what_if import ROOM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot

CHANGES = ("gained", "lost", "open", "nearer", "farther")
"""Of a community: it comes within the limit, falls out of it, it cannot be told of one side alone, or some of its
buildings come within or fall out and it stays as it is."""
_SEVERITY = {name: at for at, name in enumerate((*CHANGES, ""))}


@dataclass(frozen=True)
class Reach:
    """How far one kind reaches.

    Attributes
    ----------
    covered, unknown : bool arrays, one per dwelling (`layers.dwellings`)
    within : object array, one per community
        yes, no or unknown: whether the mean walk of its residents is within the limit, as the gap question
        classes it; of mediation rooms also yes where it has one of its own.
    walk_m : float array, one per community
        That mean walk; NaN where it is not known or there is nothing to walk to.
    residents, buildings, communities : Figure
        Of the published communities' known residents, of all buildings, of the published communities.
    communities_unknown : int
        Published communities whose residents are unknown.
    """

    limit_m: float
    covered: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    within: NDArray[np.object_]
    walk_m: NDArray[np.float64]
    residents: Figure
    buildings: Figure
    communities: Figure
    communities_unknown: int


def reach(
    snapshot: Snapshot, kind: str, *, limit_m: float | None = None, recorded: bool | None = None
) -> Reach:
    """Return how far `kind` reaches: a kind of facility, or `layers.what_if.ROOM`.

    The limit is the standard's where none is given; what another one gives is not kept. Of facilities nothing is
    known unless some are `recorded`: in the snapshot, or for a supposition in the present that it starts from.
    """
    recorded = bool(snapshot.count("facilities")) if recorded is None else recorded
    if kind == ROOM:
        return snapshot.derived(("room reach",), lambda: _rooms(snapshot))
    standard_m = snapshot.standards.limits[kind].limit_m
    if limit_m is None or limit_m == standard_m:
        return snapshot.derived(
            ("reach of kind", kind, recorded), lambda: _facilities(snapshot, kind, standard_m, recorded)
        )
    return _facilities(snapshot, kind, limit_m, recorded)


def _facilities(snapshot: Snapshot, kind: str, limit_m: float, recorded: bool) -> Reach:
    homes = dwellings(snapshot)
    residents, communities_unknown, buildings = counted_coverage(snapshot, kind, limit_m=limit_m)
    _, walk_m = reach_m(snapshot, units(snapshot, "communities"), kind)
    within = np.where(within_limit(walk_m, limit_m), "yes", "no").astype(object)
    unknown, counted = ~np.isfinite(homes.x), Figure
    if len(facility_positions(snapshot, kind)):
        within[np.isnan(walk_m)] = "unknown"
    elif not recorded:  # nobody is known to be out of reach of what nobody has recorded
        within[:], unknown[:], counted = "unknown", True, Untold
        residents, buildings = (Untold(0, one.of, one.of) for one in (residents, buildings))
    return Reach(
        limit_m=limit_m,
        covered=is_covered(snapshot, kind, limit_m=limit_m),
        unknown=unknown,
        within=within,
        walk_m=walk_m,
        residents=residents,
        buildings=buildings,
        communities=_communities(snapshot, within, counted),
        communities_unknown=communities_unknown,
    )


def _rooms(snapshot: Snapshot) -> Reach:
    homes, limit_m = dwellings(snapshot), snapshot.standards.mediation_shared_m
    room_of = places(snapshot, "mediation_rooms")["community"].to_numpy()
    has_room = np.isin(np.arange(snapshot.count("communities")), room_of)
    shared = snapshot.frame("mediation_rooms")["shared"].to_numpy(dtype=object)
    to_shared_m = _walk_to_rooms(snapshot, shared == "yes")
    to_perhaps_m = _walk_to_rooms(snapshot, shared != "no")
    own = np.append(has_room, False)[homes.community]
    covered = own | within_limit(to_shared_m, limit_m)
    unknown = ~covered & (within_limit(to_perhaps_m, limit_m) | ~np.isfinite(homes.x))
    walk_m = _mean_by_community(snapshot, to_shared_m)
    perhaps = within_limit(_mean_by_community(snapshot, to_perhaps_m), limit_m)
    within = np.select([has_room | within_limit(walk_m, limit_m), perhaps], ["yes", "unknown"], "no").astype(
        object
    )
    counted = homes.published & np.isfinite(homes.residents)
    unpeopled = snapshot.frame("communities")["residents"].isna().to_numpy()
    return Reach(
        limit_m=limit_m,
        covered=covered,
        unknown=unknown,
        within=within,
        walk_m=walk_m,
        residents=Figure(
            *(round(float(homes.residents[counted & of].sum())) for of in (covered, counted, unknown))
        ),
        buildings=Figure(
            int((covered & homes.is_building).sum()),
            int(homes.is_building.sum()),
            int((unknown & homes.is_building).sum()),
        ),
        communities=_communities(snapshot, within),
        communities_unknown=int((unpeopled & is_published(snapshot.frame("communities"))).sum()),
    )


def _walk_to_rooms(snapshot: Snapshot, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return walking metres from each dwelling to the nearest of some mediation rooms; infinite without any."""
    homes, (x, y) = dwellings(snapshot), snapshot.doors("mediation_rooms")
    straight_m, _ = nearest_distances(homes.x, homes.y, x[chosen], y[chosen])
    return walking_access_m(straight_m, detour_factor=snapshot.standards.detour_factor)


def _mean_by_community(snapshot: Snapshot, walk_m: NDArray[np.float64]) -> NDArray[np.float64]:
    homes = dwellings(snapshot)
    of = np.flatnonzero((homes.community >= 0) & np.isfinite(walk_m))
    return weighted_mean_by(
        homes.community[of], walk_m[of], homes.residents[of], snapshot.count("communities")
    )


def _communities(snapshot: Snapshot, within: NDArray[np.object_], counted: type[Figure] = Figure) -> Figure:
    among = within[is_published(snapshot.frame("communities"))]
    return counted(int((among == "yes").sum()), len(among), int((among == "unknown").sum()))


@dataclass(frozen=True)
class Difference:
    """What differs for one kind between the present and what is supposed.

    Attributes
    ----------
    change : object array, one per community
        One of `CHANGES`, or "" where no dwelling of it is covered otherwise than before. Where it cannot be told
        whether it is within, before or after, it is open: nobody knows whether it gains or loses.
    residents, buildings : float and int arrays, one per community
        By how many more of its known residents and of its buildings are covered; fewer are negative. Of both sides
        it is known.
    open_residents : float array, one per community
        Its known residents of whom it cannot be told on one side alone whether they are covered.
    double_none : object array, one per community
        yes, no or unknown.
    published : bool array, one per community
        Whether it is among those that the published figures speak of.
    order : int array
        Positions of the communities that change: double-none first, then by change, then the most residents.
    """

    before: Reach
    after: Reach
    change: NDArray[np.object_]
    residents: NDArray[np.float64]
    buildings: NDArray[np.int64]
    open_residents: NDArray[np.float64]
    double_none: NDArray[np.object_]
    published: NDArray[np.bool_]
    order: NDArray[np.int64]

    def count(self, change: str, *, double_none: bool = False, published: bool = True) -> int:
        """Return how many published communities (else urban villages), or double-none ones of them, change so."""
        found = (self.change == change) & (self.published == published)
        return int((found & (self.double_none == "yes") if double_none else found).sum())


def difference(present: Snapshot, before: Reach, after: Reach) -> Difference:
    """Return what differs; both are of the same dwellings and communities, which no step touches."""
    homes, n = dwellings(present), present.count("communities")
    turned, opened = _turned(before, after)
    moved = np.flatnonzero((turned != 0) & (homes.community >= 0))
    unsure = np.flatnonzero(opened & (homes.community >= 0))
    open_residents: NDArray[np.float64] = np.bincount(
        homes.community[unsure], weights=np.nan_to_num(homes.residents[unsure]), minlength=n
    ).astype(np.float64)
    group, sign = homes.community[moved], turned[moved]
    people = np.nan_to_num(homes.residents[moved]) * sign
    residents: NDArray[np.float64] = np.bincount(group, weights=people, minlength=n).astype(np.float64)
    built = moved[homes.is_building[moved]]
    buildings = np.bincount(homes.community[built], weights=turned[built], minlength=n).astype(np.int64)
    dwellings_more = np.bincount(group, weights=sign, minlength=n)
    more = (residents > 0) | ((residents == 0) & (dwellings_more > 0))
    touched = np.isin(np.arange(n), group)
    change = np.select(
        [
            (before.within == "no") & (after.within == "yes"),
            (before.within == "yes") & (after.within == "no"),
            before.within != after.within,
            touched & more,
            touched,
            np.isin(np.arange(n), homes.community[unsure]),
        ],
        (*CHANGES, "open"),
        "",
    ).astype(object)
    communities = present.frame("communities")
    double_none = is_double_none(communities)
    severity = np.array([_SEVERITY[one] for one in change.tolist()])
    order = np.lexsort((np.arange(n), -open_residents, -np.abs(residents), severity, double_none != "yes"))
    return Difference(
        before=before,
        after=after,
        change=change,
        residents=residents,
        buildings=buildings,
        open_residents=open_residents,
        double_none=double_none,
        published=is_published(communities),
        order=order[change[order] != ""],
    )


def _turned(before: Reach, after: Reach) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return which dwellings are covered (1) or no longer (-1), and of which it cannot be told on one side alone."""
    known = ~(before.unknown | after.unknown)
    turned = np.where(known, after.covered.astype(np.int64) - before.covered, 0)
    return turned, before.unknown != after.unknown


def units_changed(
    present: Snapshot, unit: str, before: Reach, after: Reach
) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_]]:
    """Return the ids of the units in which more, and in which fewer, residents are covered than before, and of others.

    The others hold residents of whom it cannot be told on one side alone. Where the residents of those concerned are
    unknown, dwellings count.
    """
    homes, found = dwellings(present), units(present, unit)
    turned, opened = _turned(before, after)
    moved = np.flatnonzero((turned != 0) & (found.of_dwelling >= 0))
    group, sign = found.of_dwelling[moved], turned[moved]
    people = np.bincount(group, weights=np.nan_to_num(homes.residents[moved]) * sign, minlength=len(found))
    places_ = np.bincount(group, weights=sign, minlength=len(found))
    net = np.where(people != 0, people, places_)
    unsure = np.isin(np.arange(len(found)), found.of_dwelling[opened]) & (net == 0)
    return found.ids[net > 0], found.ids[net < 0], found.ids[unsure]
