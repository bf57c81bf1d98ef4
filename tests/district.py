"""A small invented district that fits on a sheet of paper; every test that needs one shares it.

It is drawn on squared paper in metres: the origin is at (513000, 2494000) of EPSG:4547, the sheet is
1,600 m wide and 1,200 m high. Two subdistricts stand side by side, each with two neighbourhoods, one
above the other, each with three communities in a row::

    +--------------------+--------------------+ 1200
    |  S1N2              |  S2N2              |
    |  C04   C05   C06   |  C10   C11*  C12   |      * C11 is only a point,
    +--------------------+--------------------+ 600    C12 is an urban village
    |  S1N1              |  S2N1              |
    |  C01   C02   C03   |  C07   C08   C09   |
    +--------------------+--------------------+ 0
    0                   800                 1600

Facilities stand in the west, complaints in the east, and some facts are not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import geopandas as gpd
import pytest
import shapely

from layers.epochs import Epoch
from layers.frames import conform
from layers.schema import LAYERS
from layers.store import District

METRIC_CRS = "EPSG:4547"
ORIGIN = (513_000.0, 2_494_000.0)
AS_OF = date(2019, 12, 31)
BUILDINGS_PER_COMMUNITY = 8

Y, N, U = "yes", "no", "unknown"

# code, name, English name, kind, households, residents, manager, contract end, committee, group, branch, mode
COMMUNITIES: tuple[tuple[Any, ...], ...] = (
    (
        "C01",
        "绿景花园",
        "Greenview Garden",
        "garden_estate",
        320,
        900,
        Y,
        "2021-06-30",
        Y,
        Y,
        Y,
        "stand_alone",
    ),
    ("C02", "望湖居", "Lakeview Court", "garden_estate", 300, 810, Y, "2020-03-31", N, Y, Y, "joint"),
    ("C03", "东站宿舍", "East Station Dormitory", "old_estate", 299, 760, N, None, N, Y, Y, "attached"),
    ("C04", "新村大院", "New Village Compound", "old_estate", 180, 520, N, "2019-03-31", Y, N, Y, "attached"),
    ("C05", "锦绣苑", "Brocade Court", "garden_estate", 410, 1200, Y, "2022-12-31", Y, Y, Y, "stand_alone"),
    ("C06", "竹园小区", "Bamboo Estate", "old_estate", None, None, U, None, U, U, Y, "joint"),
    ("C07", "和平里", "Peace Lane", "old_estate", 150, 430, N, None, N, N, N, None),
    ("C08", "粮食局宿舍", "Grain Bureau Dormitory", "old_estate", 96, 260, N, None, N, N, Y, "attached"),
    ("C09", "翡翠华庭", "Jade Court", "garden_estate", 520, 1500, Y, "2020-01-31", N, Y, Y, "stand_alone"),
    ("C10", "甲&乙“<园>”", "A&B <Yard>", "other", 60, 0, N, None, U, N, U, None),
    ("C11", "水库新居", "Reservoir Homes", "garden_estate", 350, 980, Y, "2021-12-31", U, Y, Y, "joint"),
    ("C12", "上坪村", "Upper Terrace Village", "urban_village", 900, 4200, U, None, N, N, Y, "stand_alone"),
)

# code, kind, x, y, entrance x, entrance y
FACILITIES: tuple[tuple[Any, ...], ...] = (
    ("F01", "day_care", 150, 250, 150, 290),
    ("F02", "day_care", 420, 880, None, None),
    ("F03", "community_service_station", 250, 100, None, None),
    ("F04", "community_service_station", 650, 900, None, None),
    ("F05", "community_service_station", 1000, 300, 1010, 310),
    ("F06", "health_station", 300, 600, None, None),
    ("F07", "health_station", 1200, 620, None, None),
    ("F08", "library", 790, 590, None, None),
    ("F09", "cultural_station", 80, 1100, None, None),
)

# How many complaints each community has; the ones without manager and committee have most.
COMPLAINTS = {
    "C01": 4, "C02": 6, "C03": 30, "C04": 12, "C05": 5, "C06": 9,
    "C07": 36, "C08": 40, "C09": 10, "C10": 2, "C11": 6, "C12": 20,
}  # fmt: skip
CATEGORIES = ("property_dispute", "rubbish", "lift_fault", "elderly_care", "宠物")
GROUPS = ("management", "environment", "safety", "public_service", "unmapped")
GUARDED_TEXT = "三楼漏水，请联系住户甲"


def small_district(*, outline: bool = True) -> tuple[District, dict[str, gpd.GeoDataFrame]]:
    """Return the district and the conformed frame of each of its layers."""
    district = District(
        name="样板区",
        name_en="Sample District",
        metric_crs=METRIC_CRS,
        as_of=AS_OF,
        outline=_stored([shapely.box(0, 0, 1600, 1200)])[0] if outline else None,
        invented=True,
    )
    rows = {
        "subdistricts": _subdistricts(),
        "neighbourhoods": _neighbourhoods(),
        "communities": _communities(),
        "buildings": _buildings(),
        "management_cells": _management_cells(),
        "mediation_rooms": _mediation_rooms(),
        "facilities": _facilities(),
        "complaints": _complaints(),
        "backdrop": [
            {"code": "G1", "kind": "green", "name": "北山", "geometry": shapely.box(0, 1150, 1600, 1200)}
        ],
    }
    return district, {name: _frame(name, rows[name]) for name in LAYERS}


def place_of(community: str) -> tuple[str, str]:
    """Return the codes of the subdistrict and neighbourhood that a community lies in."""
    index = int(community[1:]) - 1
    subdistrict = f"S{index // 6 + 1}"
    return subdistrict, f"{subdistrict}N{index % 6 // 3 + 1}"


def corner_of(community: str) -> tuple[float, float]:
    """Return the south-west corner of a community's plot of 240 m by 560 m on the sheet."""
    index = int(community[1:]) - 1
    return 20.0 + 800 * (index // 6) + 260 * (index % 3), 20.0 + 600 * (index % 6 // 3)


def _stored(shapes: list[Any]) -> Any:
    """Take shapes from the sheet to EPSG:4490."""
    moved = shapely.transform(shapes, lambda xy: xy + ORIGIN)
    return gpd.GeoSeries(moved, crs=METRIC_CRS).to_crs("EPSG:4490").to_numpy()


def _frame(name: str, rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    shapes = _stored([row.pop("geometry") for row in rows])
    for row in rows:
        x, y = row.pop("entrance", (None, None))
        if x is not None:
            entrance = _stored([shapely.Point(x, y)])[0]
            row["entrance_lon"], row["entrance_lat"] = entrance.x, entrance.y
    return conform(gpd.GeoDataFrame(rows, geometry=shapes, crs="EPSG:4490"), LAYERS[name]).sort_index()


def _subdistricts() -> list[dict[str, Any]]:
    return [
        {"code": "S1", "name": "西街道", "name_en": "West", "geometry": shapely.box(0, 0, 800, 1200)},
        {"code": "S2", "name": "东街道", "name_en": "East", "geometry": shapely.box(800, 0, 1600, 1200)},
    ]


def _neighbourhoods() -> list[dict[str, Any]]:
    return [
        {
            "code": f"S{s + 1}N{n + 1}",
            "name": f"{'西东'[s]}{'南北'[n]}社区",
            "name_en": f"{('West', 'East')[s]} {('South', 'North')[n]}",
            "subdistrict": f"S{s + 1}",
            "geometry": shapely.box(800 * s, 600 * n, 800 * s + 800, 600 * n + 600),
        }
        for s in (0, 1)
        for n in (0, 1)
    ]


def _plot(community: str) -> Any:
    x, y = corner_of(community)
    return shapely.box(x, y, x + 240, y + 560)


def _communities() -> list[dict[str, Any]]:
    rows = []
    for (
        code,
        name,
        name_en,
        kind,
        households,
        residents,
        manager,
        end,
        committee,
        group,
        branch,
        mode,
    ) in COMMUNITIES:
        subdistrict, neighbourhood = place_of(code)
        known = residents is not None
        rows.append(
            {
                "code": code,
                "name": name,
                "name_en": name_en,
                "subdistrict": subdistrict,
                "neighbourhood": neighbourhood,
                "kind": kind,
                "households": households,
                "residents": residents,
                "floating_residents": residents // 2 if known else None,
                "residents_definition": "常住人口" if known else None,
                "residents_source": "虚构" if known else None,
                "residents_date": AS_OF if known else None,
                "property_management": manager,
                "property_management_date": None if manager == U else date(2019, 11, 15),
                "property_company": f"{name}物业" if manager == Y else None,
                "contract_start": None if end is None else date(2016, 4, 1),
                "contract_end": end,
                "property_staff": 12 if manager == Y else None,
                "owners_committee": committee,
                "owners_committee_date": None if committee == U else date(2019, 10, 1),
                "committee_term_start": date(2017, 5, 1) if committee == Y else None,
                "committee_term_end": date(2020, 4, 30) if committee == Y else None,
                "residents_group": group,
                "party_branch": branch,
                "party_branch_mode": mode,
                "party_work": Y if branch != N else N,
                "pilot": Y if code in ("C03", "C08") else N,
                "geometry": _plot(code).centroid if code == "C11" else _plot(code),
            }
        )
    return rows


def _buildings() -> list[dict[str, Any]]:
    rows = []
    for code, *_ in COMMUNITIES:
        subdistrict, neighbourhood = place_of(code)
        x, y = corner_of(code)
        for k in range(BUILDINGS_PER_COMMUNITY):
            west, south = x + 20 + 110 * (k % 2), y + 20 + 130 * (k // 2)
            known = code not in ("C06", "C12")  # floors are unknown there
            rows.append(
                {
                    "code": f"{code}-B{k + 1}",
                    "name": f"{k + 1}栋",
                    "subdistrict": subdistrict,
                    "neighbourhood": neighbourhood,
                    "community": code,
                    "use": "mixed" if k == 0 else "residential",
                    "floors": 6 + k if known else None,
                    "floor_area_m2": 90.0 * 40 * (6 + k) if known else None,
                    "entrance": (west + 45, south) if k % 2 else (None, None),
                    "geometry": shapely.box(west, south, west + 90, south + 40),
                }
            )
    # Four small ones on the streets belong to no community; one has a hole and one a hostile name.
    shells: list[Any] = [shapely.box(790, y, 805, y + 12) for y in (100, 400, 700, 1000)]
    shells[0] = shells[0].difference(shapely.box(795, 104, 800, 108))
    rows += [
        {"code": f"B9{k}", "name": "<img src=x>&座" if k == 1 else None, "use": "other", "geometry": shell}
        for k, shell in enumerate(shells)
    ]
    return rows


def _management_cells() -> list[dict[str, Any]]:
    return [
        {
            "code": f"G{4 * row + column + 1:02d}",
            "scheme": "sample",
            "name": f"第{4 * row + column + 1}网格",
            "subdistrict": f"S{column // 2 + 1}",
            "neighbourhood": f"S{column // 2 + 1}N{row + 1}",
            "geometry": shapely.box(400 * column, 600 * row, 400 * column + 400, 600 * row + 600),
        }
        for row in (0, 1)
        for column in range(4)
    ]


def _mediation_rooms() -> list[dict[str, Any]]:
    rows = []
    for k, code in enumerate(("C01", "C05", "C09")):
        subdistrict, neighbourhood = place_of(code)
        x, y = corner_of(code)
        rows.append(
            {
                "code": f"M{k + 1}",
                "name": f"调解室{k + 1}",
                "subdistrict": subdistrict,
                "neighbourhood": neighbourhood,
                "community": code,
                "mediators": (3, 2, None)[k],
                "shared": (Y, N, U)[k],
                "opened": date(2018, 5, 4),
                "geometry": shapely.Point(x + 120, y + 10),
            }
        )
    return rows


def _facilities() -> list[dict[str, Any]]:
    return [
        {
            "code": code,
            "name": f"{code}号设施",
            "kind": kind,
            "subdistrict": "S1" if x < 800 else "S2",
            "opened": date(2017, 9, 1),
            "entrance": (entrance_x, entrance_y),
            "geometry": shapely.box(x - 15, y - 40, x + 15, y) if kind == "library" else shapely.Point(x, y),
        }
        for code, kind, x, y, entrance_x, entrance_y in FACILITIES
    ]


def _complaints() -> list[dict[str, Any]]:
    rows = []
    for community, count in COMPLAINTS.items():
        subdistrict, neighbourhood = place_of(community)
        x, y = corner_of(community)
        for k in range(count):
            opened = date(2018, 1, 5) + timedelta(days=(k * 37 + int(community[1:]) * 11) % 720)
            rows.append(
                {
                    "code": f"{community}-{k + 1:03d}",
                    "category": CATEGORIES[k % 5],
                    "demand_group": GROUPS[k % 5],
                    "opened": opened,
                    "opened_time": f"{8 + k % 10:02d}:30",
                    "closed": None if k % 4 == 0 else opened + timedelta(days=3 + k % 9),
                    "subdistrict": subdistrict,
                    "neighbourhood": neighbourhood,
                    "community": community,
                    "channel": "12345",
                    "text": GUARDED_TEXT if k == 0 else None,
                    "geometry": shapely.Point(x + 10 + (k * 53) % 220, y + 10 + (k * 97) % 540),
                }
            )
    return rows


@contextmanager
def one_epoch() -> Iterator[None]:
    """Let the stores that are made have one epoch, so that all else about them can be compared."""
    epoch = Epoch("e" * 16, datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("layers.stores.contents.new_epoch", lambda at: epoch)
        yield
