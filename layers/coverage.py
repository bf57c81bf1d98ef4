"""How far services reach, three ways: by residents, by buildings, by area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo import coverage
from layers.areas import features_in_area
from layers.dwellings import dwellings, facility_positions, is_covered
from layers.figures import Figure
from layers.indicators import is_published
from layers.visitors import WHOLE_DISTRICT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot
    from layers.visitors import Area


@dataclass(frozen=True)
class KindCoverage:
    """Coverage of one facility kind; every figure names what is unknown.

    Attributes
    ----------
    residents : Figure
        Residents within the limit, of the known residents of the published communities; `unknown` is 0
        here, because nobody knows how many people live in `communities_unknown`.
    communities_unknown : int
        Published communities whose residents are unknown.
    buildings : Figure
        All buildings of the district.
    area_covered_m2, area_m2 : float, optional
        Of the built-up area: the union of the management cells, or of the communities, or the outline.
    is_told : bool
        Whether any facilities are on record. Where there are some, and none of the kind, everybody is beyond its
        limit; where there are none at all, nobody knows.
    """

    kind: str
    facilities: int
    limit_m: float
    detour_factor: float
    residents: Figure
    communities_unknown: int
    buildings: Figure
    area_covered_m2: float | None
    area_m2: float | None
    is_told: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the coverage under its stable names."""
        share = (
            None
            if not self.area_m2 or self.area_covered_m2 is None or not self.is_told
            else self.area_covered_m2 / self.area_m2
        )
        residents, buildings = self._counted(self.residents), self._counted(self.buildings)
        return {
            "facilities": self.facilities,
            "limit_m": self.limit_m,
            "method": f"straight line x {self.detour_factor:g}",
            "residents_share": residents["rate"],
            "residents": {**residents, "communities_unknown": self.communities_unknown},
            "buildings_share": buildings["rate"],
            "buildings": buildings,
            "area_share": share,
            "area_m2": None
            if self.area_m2 is None or not self.is_told
            else {"covered": self.area_covered_m2, "of": self.area_m2},
        }

    def _counted(self, figure: Figure) -> dict[str, Any]:
        told = figure.as_dict()
        return told if self.is_told else {**told, "unknown": figure.of, "rate": None}


def kind_coverage(
    snapshot: Snapshot, kind: str, part: Area = WHOLE_DISTRICT, *, limit_m: float | None = None
) -> KindCoverage:
    """Return the coverage of facility kind `kind`, in the whole district or in a part of it.

    Of a part its buildings count, and its communities of which no building is known; facilities count
    wherever they stand. The limit is the standard's where none is given. What another one gives is not
    kept: there is no end of limits.
    """
    standard_m = snapshot.standards.limits[kind].limit_m
    if limit_m is None or limit_m == standard_m:
        return snapshot.derived(
            ("coverage", kind, part),
            lambda: _kind_coverage(snapshot, kind, part, standard_m),
            scheme=None if part == WHOLE_DISTRICT else part.kind,
        )
    return _kind_coverage(snapshot, kind, part, limit_m)


def _kind_coverage(snapshot: Snapshot, kind: str, part: Area, limit_m: float) -> KindCoverage:
    residents, communities_unknown, buildings = counted_coverage(snapshot, kind, part, limit_m=limit_m)
    detour, area = snapshot.standards.detour_factor, _built_up_part(snapshot, part)
    reached = total = None
    if area is not None:
        of_kind = facility_positions(snapshot, kind)
        x, y = snapshot.doors("facilities")
        reached, total = coverage.covered_area_m2(area, x[of_kind], y[of_kind], radius_m=limit_m / detour)
        reached, total = round(float(reached), 1), round(float(total), 1)
    return KindCoverage(
        kind=kind,
        facilities=len(facility_positions(snapshot, kind)),
        limit_m=limit_m,
        detour_factor=detour,
        residents=residents,
        communities_unknown=communities_unknown,
        buildings=buildings,
        area_covered_m2=reached,
        area_m2=total,
        is_told=snapshot.count("facilities") > 0,
    )


def counted_coverage(
    snapshot: Snapshot, kind: str, part: Area = WHOLE_DISTRICT, *, limit_m: float
) -> tuple[Figure, int, Figure]:
    """Return residents, communities of unknown residents and buildings of `KindCoverage`: all but the area."""
    homes, covered = dwellings(snapshot), is_covered(snapshot, kind, limit_m=limit_m)
    of_part = features_in_area(snapshot, "communities", part)
    bare = homes.community[~homes.is_building]
    here = np.concatenate([features_in_area(snapshot, "buildings", part), of_part[bare]])
    counted = here & homes.published & np.isfinite(homes.residents)
    within = float(homes.residents[counted & covered].sum())
    unknown = _residents_unknown(snapshot) & of_part
    is_building = here & homes.is_building
    located = np.isfinite(homes.x) & is_building
    return (
        Figure(round(within), round(float(homes.residents[counted].sum())), 0),
        int(unknown.sum()),
        Figure(
            int((covered & located).sum()),
            int(is_building.sum()),
            int((is_building & ~located).sum()),
        ),
    )


def _residents_unknown(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Tell of which published communities the residents are unknown."""

    def make() -> NDArray[np.bool_]:
        communities = snapshot.frame("communities")
        return np.asarray(communities["residents"].isna().to_numpy() & is_published(communities))

    return snapshot.derived(("residents unknown",), make)


def _built_up_part(snapshot: Snapshot, part: Area) -> Any:
    """Return what of the built-up area lies in a part of the district, or None where none is known."""
    if part == WHOLE_DISTRICT:
        return built_up_area(snapshot)

    def cut() -> Any:
        area = built_up_area(snapshot)
        if area is None:
            return None
        pieces = shapely.get_parts(shapely.intersection(area, area_shape(snapshot, part)))
        return shapely.union_all(pieces[shapely.get_dimensions(pieces) == 2])

    # There may be as many areas as accounts: those asked for last are kept, as of units of their kind.
    return snapshot.derived(("built_up_area", part), cut, scheme=part.kind)


def area_shape(snapshot: Snapshot, part: Area) -> Any:
    """Return the ground of a part of the district, in metres; empty where there is none."""
    if not part.codes:
        return shapely.Polygon()
    chosen = np.flatnonzero(features_in_area(snapshot, part.kind, part))
    return shapely.union_all(snapshot.metric(part.kind, chosen))


def built_up_area(snapshot: Snapshot) -> Any:
    """Return the area that coverage by area speaks of, in metres, or None where none is known.

    The union of the management cells, which tile the built-up area; without them that of the
    communities' polygons; without those the outline.
    """

    def union() -> Any:
        for layer in ("management_cells", "communities"):
            shapes = snapshot.metric(layer)
            polygons = shapes[shapely.get_dimensions(shapes) == 2] if len(shapes) else shapes
            if len(polygons):
                return _joined(polygons)
        return snapshot.outline()

    return snapshot.derived(("built_up_area",), union)


def _joined(polygons: NDArray[np.object_]) -> Any:
    """Return the union of polygons: of what tiles the ground by dropping shared edges, which is much sooner."""
    try:
        union = shapely.coverage_union_all(polygons)
    except shapely.GEOSException:
        return shapely.union_all(polygons)
    # Of what overlaps it is not valid, or smaller than what it was made of.
    tiled = shapely.is_valid(union) and np.isclose(
        shapely.area(union), shapely.area(polygons).sum(), rtol=1e-9
    )
    return union if tiled else shapely.union_all(polygons)
