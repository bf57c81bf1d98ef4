"""Facts about the demonstration district's communities, drawn so that the published totals come out exactly.

The totals are those of the source for 929 communities; the 42 urban villages have theirs on top. Who
has what follows from kind and place: what is old and near the market is less often managed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.demo_names import community_names, company_names
from data.demo_zones import COMMUNITIES, VILLAGES, waves

AS_OF = date(2019, 12, 31)

RESIDENTS = 1_150_000
PROPERTY_STAFF = 12_740
WITHOUT_MANAGEMENT = 145
DOUBLE_NONE = 118
OWNERS_COMMITTEES = 186
COVERED = 920
PILOTS = 8
LARGE_HOUSEHOLDS = 300
LARGE_MANAGED = 424
LARGE_OTHERS = 17

_UNKNOWN_MANAGEMENT = 15
_UNKNOWN_COMMITTEE = {"no": 9, "yes": 14, "unknown": 4}
_DEFINITION = "管理人口（户籍与非户籍）"
_SOURCE = "演示数据"
_COUNTED_ON = np.datetime64("2019-11-30")
_COMPANIES = 64

_FLAT_M2 = {"old_estate": 66.0, "garden_estate": 92.0, "other": 74.0, "urban_village": 48.0}
_PERSONS = {"old_estate": 2.7, "garden_estate": 2.75, "other": 2.9, "urban_village": 2.3}
_UNMANAGED = {"old_estate": 7.0, "garden_estate": 0.12, "other": 2.4}
_COMMITTEE = {"old_estate": 0.7, "garden_estate": 2.2, "other": 0.6}


def amounts(total: int, weights: NDArray[np.float64], *, least: int = 0) -> NDArray[np.int64]:
    """Share `total` out by weight in whole numbers of at least `least`, by largest remainder."""
    exact = (total - least * len(weights)) * weights / weights.sum()
    shares: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    short = total - least * len(weights) - int(shares.sum())
    shares[np.argsort(shares - exact, kind="stable")[:short]] += 1
    shares += least
    return shares


def draw(weights: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `count` places without replacement, likelier the larger their weight; weight 0 is never drawn."""
    with np.errstate(divide="ignore"):
        key = np.log(rng.random(len(weights))) / weights
    return np.sort(np.argsort(-key, kind="stable")[:count])


def days(first: date, last: date, count: int, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """Return random days between two days, both inclusive."""
    span = (last - first).days + 1
    return np.datetime64(first, "D") + rng.integers(0, span, count).astype("timedelta64[D]")


def where_known(known: NDArray[np.bool_], values: NDArray[Any]) -> pd.Series[Any]:
    """Return the values as a series that is unknown where `known` is false."""
    return pd.Series(values).where(known)


@dataclass(frozen=True)
class _Drawn:
    """What the facts hang on, for the 929 and then the 42."""

    kind: NDArray[np.object_]
    at: NDArray[np.float64]
    floor_area_m2: NDArray[np.float64]


def describe(
    kind: NDArray[np.object_],
    at: NDArray[np.float64],
    floor_area_m2: NDArray[np.float64],
    syllables: dict[str, list[list[str]]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the facts of the communities, the 929 first; names of columns as in the layer.

    Parameters
    ----------
    kind : ndarray of str, shape (971,)
    at : ndarray of float, shape (971, 2)
        Where each lies, in metres.
    floor_area_m2 : ndarray of float, shape (971,)
        Floor area for living.
    syllables : dict
        What names are made of, Chinese and English.
    """
    drawn = _Drawn(kind, at, np.maximum(floor_area_m2, 500.0))
    names = community_names(syllables, kind.tolist(), rng)
    table: dict[str, Any] = {
        "name": [name for name, _ in names],
        "name_en": [name for _, name in names],
        "kind": _forget(kind, 9, rng),
    }
    management = _management(drawn, rng)
    households = _households(drawn, management, rng)
    table |= _people(drawn, households, rng)
    table |= _managed(drawn, management, rng)
    table |= _committees(drawn, management, rng)
    table |= _party(households, rng)
    frame = pd.DataFrame(table)
    frame["pilot"] = _pilots(frame, households)
    _date_facts(frame, rng)
    return frame


def _forget(values: NDArray[Any], count: int, rng: np.random.Generator) -> pd.Series[Any]:
    """Return the values as a series in which `count` of the 929 are unknown."""
    series = pd.Series(values).astype(object)
    series[rng.choice(COMMUNITIES, count, replace=False)] = None
    return series


def _management(drawn: _Drawn, rng: np.random.Generator) -> NDArray[np.object_]:
    main = drawn.kind[:COMMUNITIES]
    weights = np.array([_UNMANAGED[kind] for kind in main])
    weights *= np.exp(0.9 * waves(drawn.at[:COMMUNITIES], 520.0, rng))
    weights *= np.exp(-drawn.floor_area_m2[:COMMUNITIES] / 40_000.0)
    fact = np.full(len(drawn.kind), "yes", dtype=object)
    lacking = draw(weights, WITHOUT_MANAGEMENT, rng)
    fact[lacking] = "no"
    weights[lacking] = 0.0
    fact[draw(weights, _UNKNOWN_MANAGEMENT, rng)] = "unknown"
    fact[COMMUNITIES:] = rng.permutation(np.repeat(["yes", "no", "unknown"], (24, 15, 3)))
    return fact


def _households(
    drawn: _Drawn, management: NDArray[np.object_], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return households by floor area, bent so that the wanted number is large enough for a mediation room."""
    flats = drawn.floor_area_m2 / np.array([_FLAT_M2[kind] for kind in drawn.kind])
    flats *= rng.lognormal(0.0, 0.12, len(flats))
    main = np.arange(len(flats)) < COMMUNITIES
    for group, large in ((management == "yes", LARGE_MANAGED), (management != "yes", LARGE_OTHERS)):
        mine = np.flatnonzero(main & group)
        ordered = np.sort(flats[mine])[::-1]
        edge = np.sqrt(ordered[large - 1] * ordered[large])
        flats[mine] = LARGE_HOUSEHOLDS * flats[mine] / edge
        households = np.maximum(np.rint(flats[mine]), 24.0)
        order = np.argsort(-flats[mine], kind="stable")
        households[order[:large]] = np.maximum(households[order[:large]], LARGE_HOUSEHOLDS)
        households[order[large:]] = np.minimum(households[order[large:]], LARGE_HOUSEHOLDS - 1)
        flats[mine] = households
    made: NDArray[np.int64] = np.maximum(np.rint(flats), 20.0).astype(np.int64)
    return made


def _people(drawn: _Drawn, households: NDArray[np.int64], rng: np.random.Generator) -> dict[str, Any]:
    persons = households * np.array([_PERSONS[kind] for kind in drawn.kind])
    persons *= rng.lognormal(0.0, 0.1, len(persons))
    known = np.ones(len(persons), dtype=bool)
    known[rng.choice(COMMUNITIES, 10, replace=False)] = False
    known[COMMUNITIES + rng.choice(VILLAGES, 2, replace=False)] = False
    counted = np.flatnonzero(known[:COMMUNITIES])
    scale = RESIDENTS / persons[counted].sum()
    residents = np.rint(persons * np.where(np.arange(len(persons)) < COMMUNITIES, scale, 1.0)).astype(
        np.int64
    )
    residents[counted] = amounts(RESIDENTS, persons[counted], least=10)
    usual = np.select(
        [drawn.kind == "urban_village", drawn.kind == "other", drawn.kind == "old_estate"],
        [0.86, 0.7, 0.62],
        0.55,
    )
    share = np.clip(usual + rng.normal(0.0, 0.09, len(usual)), 0.12, 0.94)
    split = known.copy()
    split[rng.choice(COMMUNITIES, 22, replace=False)] = False
    small = np.flatnonzero(households[:COMMUNITIES] < LARGE_HOUSEHOLDS)
    counted_flats = np.ones(len(persons), dtype=bool)
    counted_flats[rng.choice(small, 12, replace=False)] = False
    return {
        "households": where_known(counted_flats, households).astype("Int64"),
        "residents": where_known(known, residents).astype("Int64"),
        "floating_residents": where_known(split, np.rint(residents * share)).astype("Int64"),
        "residents_definition": where_known(known, np.full(len(known), _DEFINITION, dtype=object)),
        "residents_source": where_known(known, np.full(len(known), _SOURCE, dtype=object)),
        "residents_date": where_known(known, np.full(len(known), _COUNTED_ON)),
    }


def _managed(drawn: _Drawn, management: NDArray[np.object_], rng: np.random.Generator) -> dict[str, Any]:
    """Return company, contract and staff; where the manager has left, the old contract's dates stay."""
    count = len(management)
    managed, gone = management == "yes", (management == "no") & (rng.random(count) < 0.55)
    popularity = 1.0 / np.arange(1, _COMPANIES + 1) ** 0.7
    companies = np.array(company_names(_COMPANIES), dtype=object)
    company = companies[rng.choice(_COMPANIES, count, p=popularity / popularity.sum())]
    years = rng.choice((2, 3, 3, 5), count)
    start = days(date(2015, 6, 1), date(2019, 10, 31), count, rng)
    start[gone] = days(date(2012, 1, 1), date(2014, 11, 30), int(gone.sum()), rng)
    end = start + (years * 365).astype("timedelta64[D]")
    as_of = np.datetime64(AS_OF, "D")
    term = (years * 365).astype("timedelta64[D]")
    renewed = managed & (end < as_of - 10) & (rng.random(count) < 0.93)
    extended = managed & (end >= as_of - 10) & (end < as_of + 120) & (rng.random(count) < 0.6)
    start[renewed] += term[renewed]
    end[renewed | extended] += term[renewed | extended]
    known = (managed & (rng.random(count) > 0.03)) | gone
    staff = np.zeros(count, dtype=np.int64)
    counted = management != "unknown"
    counted[rng.choice(np.flatnonzero(managed), 14, replace=False)] = False
    manned = np.flatnonzero(managed & counted & (np.arange(count) < COMMUNITIES))
    effort = drawn.floor_area_m2**0.8 * np.where(drawn.kind == "garden_estate", 1.5, 1.0)
    staff[manned] = amounts(PROPERTY_STAFF, effort[manned], least=2)
    villages = np.flatnonzero(managed & (np.arange(count) >= COMMUNITIES))
    staff[villages] = rng.integers(3, 16, len(villages))
    return {
        "property_management": management,
        "property_company": where_known(managed & (rng.random(count) > 0.02), company),
        "contract_start": where_known(known, start),
        "contract_end": where_known(known, end),
        "property_staff": where_known(counted, staff).astype("Int64"),
    }


def _committees(drawn: _Drawn, management: NDArray[np.object_], rng: np.random.Generator) -> dict[str, Any]:
    count = len(management)
    fact = np.full(count, "no", dtype=object)
    main = np.arange(count) < COMMUNITIES
    for state, unknown in _UNKNOWN_COMMITTEE.items():
        fact[rng.choice(np.flatnonzero(main & (management == state)), unknown, replace=False)] = "unknown"
    lacking = main & (management == "no") & (fact == "no")
    organised = int(lacking.sum()) - DOUBLE_NONE
    fact[rng.choice(np.flatnonzero(lacking), organised, replace=False)] = "yes"
    weights = np.array([_COMMITTEE.get(kind, 0.0) for kind in drawn.kind])
    weights[(management != "yes") | (fact != "no") | ~main] = 0.0
    fact[draw(weights, OWNERS_COMMITTEES - organised, rng)] = "yes"
    fact[COMMUNITIES + rng.choice(VILLAGES, 4, replace=False)] = ["yes", "unknown", "unknown", "unknown"]
    start = days(date(2014, 9, 1), date(2019, 9, 30), count, rng)
    end = start + (rng.choice((3, 5), count) * 365).astype("timedelta64[D]")
    known = (fact == "yes") & (rng.random(count) > 0.05)
    return {
        "owners_committee": fact,
        "committee_term_start": where_known(known, start),
        "committee_term_end": where_known(known, end),
    }


def _party(households: NDArray[np.int64], rng: np.random.Generator) -> dict[str, Any]:
    """Return residents' groups, branches and work; branch and work are each missing in nine of the 929."""
    count = len(households)
    branch, work = np.full(count, "yes", dtype=object), np.full(count, "yes", dtype=object)
    small = draw(1.0 / households[:COMMUNITIES], 14, rng)
    for fact, places in ((branch, small[:9]), (work, small[5:])):
        fact[places] = rng.permutation(np.repeat(["no", "unknown"], (6, 3)))
    branch[COMMUNITIES + rng.choice(VILLAGES, 3, replace=False)] = ["no", "no", "unknown"]
    chance = rng.random(count)
    alone = np.clip(households / 900.0, 0.1, 0.92)
    mode = np.where(
        chance < alone, "stand_alone", np.where(chance < alone + (1 - alone) * 0.6, "joint", "attached")
    )
    group = rng.choice(("yes", "no", "unknown"), count, p=(0.63, 0.31, 0.06)).astype(object)
    return {
        "residents_group": group,
        "party_branch": branch,
        "party_branch_mode": where_known((branch == "yes") & (rng.random(count) > 0.02), mode),
        "party_work": work,
    }


def _pilots(frame: pd.DataFrame, households: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the eight pilots: large managed communities, as far down the list as not to be the very largest."""
    fit = (frame["property_management"] == "yes") & (frame["owners_committee"] == "yes")
    fit &= frame["households"].notna() & frame["residents"].notna() & (frame.index < COMMUNITIES)
    order = frame.index[fit][np.argsort(-households[fit], kind="stable")]
    pilot = np.full(len(frame), "no", dtype=object)
    pilot[order[4 : 4 + 3 * PILOTS : 3]] = "yes"
    return pilot


def _date_facts(frame: pd.DataFrame, rng: np.random.Generator) -> None:
    """Say on which day each fact was verified: none if unknown, and none before it came about."""
    gone = frame["property_management"] == "no"
    came = {
        "property_management": frame["contract_end"].where(gone, frame["contract_start"]),
        "owners_committee": frame["committee_term_start"],
    }
    for fact in (
        "property_management",
        "owners_committee",
        "residents_group",
        "party_branch",
        "party_work",
        "pilot",
    ):
        verified = pd.Series(days(date(2018, 9, 1), date(2019, 12, 20), len(frame), rng)).astype(
            "datetime64[s]"
        )
        if fact in came:
            verified = verified.mask(came[fact] > verified, came[fact] + pd.Timedelta(days=9))
        frame[f"{fact}_date"] = verified.where(frame[fact] != "unknown")
