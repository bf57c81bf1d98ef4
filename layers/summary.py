"""The district's figures under stable names: what the summary command, the API and the wall say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from layers.areas import features_in_area
from layers.coverage import built_up_area, kind_coverage
from layers.figures import figure
from layers.indicators import SEATS, is_double_none, is_mediation_eligible, is_published, management_class
from layers.places import places
from layers.schema import LAYERS
from layers.text import Text
from layers.visitors import WHOLE_DISTRICT

if TYPE_CHECKING:
    from layers.sight import Sight
    from layers.snapshot import Snapshot
    from layers.visitors import Area


def summary(snapshot: Snapshot) -> dict[str, Any]:
    """Return the district's figures.

    They depend on the stored data alone. Published figures are over the communities that are not urban
    villages; those stand beside them under ``urban_villages``. They are of the whole district: to somebody
    in particular `summary_for` gives them.
    """
    return snapshot.derived(("summary",), lambda: _summary(snapshot))


def summary_for(snapshot: Snapshot, sight: Sight) -> dict[str, Any]:
    """Return the district's figures to those who may see the whole of it.

    Raises
    ------
    NotSignedIn, Forbidden
        `sight` does not hold the whole district, or only what is public of it.
    """
    if sight.aggregates != "full":
        raise sight.refusal(
            Text(
                "全区的数字只给看得到全区的人；您看得到的数字在地图页和 /api/view。",
                "The district's figures are for those who may see the whole of it; yours are on the map page and "
                "at /api/view.",
            ),
            needs="full",
        )
    return summary(snapshot)


def community_figures(
    snapshot: Snapshot, part: Area = WHOLE_DISTRICT
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of a part's communities: the published ones, and its urban villages."""
    communities = snapshot.frame("communities")[features_in_area(snapshot, "communities", part)]
    published = is_published(communities)
    return _communities(communities[published]), _communities(communities[~published])


def _summary(snapshot: Snapshot) -> dict[str, Any]:
    district = snapshot.district
    communities = snapshot.frame("communities")
    published = communities[is_published(communities)]
    villages = communities[~is_published(communities)]
    residents = published["residents"]
    return {
        "district": {
            "name": district.name,
            "as_of": None if district.as_of is None else district.as_of.isoformat(),
            "metric_crs": district.metric_crs,
            "invented": district.invented,
        },
        "layers": {name: snapshot.count(name) for name in LAYERS},
        **_communities(published),
        "residents": _total(residents),
        "residents_known": _known(residents),
        "floating_residents": _total(published["floating_residents"]),
        "property_staff": _total(published["property_staff"]),
        "property_staff_known": _known(published["property_staff"]),
        "property_staff_per_1000_residents": _per_1000(published),
        "mediation": mediation_figures(snapshot),
        "coverage": {
            kind: kind_coverage(snapshot, kind).as_dict() for kind in snapshot.standards.facility_kinds
        },
        "urban_villages": {
            "count": len(villages),
            **_communities(villages),
            "residents": _total(villages["residents"]),
            "residents_known": _known(villages["residents"]),
        },
        "management_cells": _management_cells(snapshot),
        "built_up_area_km2": _square_km(built_up_area(snapshot)),
        "complaints": _complaints(snapshot),
        "pilot_disputes": _pilot_disputes(snapshot),
    }


def _communities(communities: pd.DataFrame) -> dict[str, Any]:
    classes = management_class(communities)
    seats = communities[list(SEATS)].to_numpy(dtype=object)
    filled, open_seats = (seats == "yes").sum(axis=1), ~np.isin(seats, ("yes", "no")).all(axis=1)
    return {
        "communities": len(communities),
        "double_none": figure(is_double_none(communities)).as_dict(),
        "without_property_management": figure(communities["property_management"], value="no").as_dict(),
        "owners_committee": figure(communities["owners_committee"]).as_dict(),
        "management_classes": {
            name: int((classes == name).sum())
            for name in ("double_none", "no_manager", "no_committee", "complete", "unknown")
        },
        "organisation_coverage": figure(communities["party_branch"]).as_dict(),
        "work_coverage": figure(communities["party_work"]).as_dict(),
        "four_in_one": {
            **{str(n): int((~open_seats & (filled == n)).sum()) for n in range(5)},
            "unknown": int(open_seats.sum()),
        },
    }


def _total(values: pd.Series) -> int | None:
    """Return the sum of the known values, or None where none is known."""
    return None if values.isna().all() else int(values.sum())


def _known(values: pd.Series) -> dict[str, int]:
    return {"count": int(values.notna().sum()), "of": len(values), "unknown": int(values.isna().sum())}


def _per_1000(communities: pd.DataFrame) -> dict[str, Any]:
    """Return staff per 1,000 residents with its base: the communities of which both are known."""
    residents, staff = communities["residents"], communities["property_staff"]
    known = residents.notna() & staff.notna()
    people, employed = int(residents[known].sum()), int(staff[known].sum())
    return {
        "rate": None if people == 0 else round(1000 * employed / people, 2),
        "staff": employed,
        "residents": people,
        **_known(residents * staff),
    }


def mediation_figures(snapshot: Snapshot) -> dict[str, Any]:
    """Return which communities are due a mediation room by their households, and which of them have one."""
    communities, rooms = snapshot.frame("communities"), snapshot.frame("mediation_rooms")
    room_of = places(snapshot, "mediation_rooms")["community"].to_numpy()
    has_room = np.isin(np.arange(len(communities)), room_of)
    published = is_published(communities)
    eligible = is_mediation_eligible(communities, households=snapshot.standards.mediation_households)
    yes = (eligible == "yes") & published
    return {
        "households_at_least": snapshot.standards.mediation_households,
        "rooms": len(rooms),
        "rooms_without_community": int((room_of < 0).sum()),
        "rooms_without_mediators": int((rooms["mediators"] == 0).sum()),
        "mediators": _total(rooms["mediators"]),
        "eligible": int(yes.sum()),
        "served": int((yes & has_room).sum()),
        "missing": int((yes & ~has_room).sum()),
        "cannot_tell": int(((eligible == "unknown") & published).sum()),
    }


def _square_km(area: Any) -> float | None:
    return None if area is None else round(float(area.area) / 1e6, 4)


def _management_cells(snapshot: Snapshot) -> dict[str, Any]:
    count = len(snapshot.frame("management_cells"))
    # Where there are cells, they are the built-up area.
    return {"count": count, "area_km2": _square_km(built_up_area(snapshot)) if count else None}


def _complaints(snapshot: Snapshot) -> dict[str, Any]:
    complaints = snapshot.frame("complaints")
    first, last = complaints["opened"].min(), complaints["opened"].max()
    groups = complaints["demand_group"].fillna("unmapped").value_counts()
    return {
        "count": len(complaints),
        "from": None if pd.isna(first) else first.date().isoformat(),
        "to": None if pd.isna(last) else last.date().isoformat(),
        "demand_groups": {
            code.id: int(groups.get(code.id, 0)) for code in snapshot.standards.code_lists["demand_groups"]
        },
    }


def _pilot_disputes(snapshot: Snapshot) -> dict[str, Any]:
    """Compare disputes in the pilot communities over the two years; the same communities in both."""
    from geo.rates import relative_change

    standards, complaints = snapshot.standards, snapshot.frame("complaints")
    pilot = (snapshot.frame("communities")["pilot"] == "yes").to_numpy()
    community = places(snapshot, "complaints")["community"].to_numpy()
    disputes = standards.spellings(standards.dispute_category)
    # Many complaints, few categories: each spelling is looked at once.
    category, spellings = complaints["category"].array.factorize()
    is_dispute = pd.Index(spellings).str.strip().str.casefold().isin(disputes)
    chosen = np.append(is_dispute, False)[category] & np.append(pilot, False)[community]
    years = complaints["opened"].to_numpy()[chosen].astype("datetime64[Y]").astype(np.int64) + 1970
    before, after = (int((years == year).sum()) for year in standards.dispute_years)
    change, low, high = relative_change(before, after)
    return {
        "communities": int(pilot.sum()),
        "before": {"year": standards.dispute_years[0], "count": before},
        "after": {"year": standards.dispute_years[1], "count": after},
        "change": None if np.isnan(change) else round(float(change), 4),
        "interval_95": None if np.isnan(low) else [round(float(low), 4), round(float(high), 4)],
    }
