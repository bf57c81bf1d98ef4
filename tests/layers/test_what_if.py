"""What if: what a scenario says is what a store says that really has these rows, and nothing is written."""

from __future__ import annotations

from datetime import date
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from geo import crs
from layers.dwellings import dwellings
from layers.fact_request import read_request
from layers.facts import write_facts
from layers.frames import conform
from layers.indicators import is_double_none
from layers.loading import load
from layers.places import places
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import District, Store, create_store
from layers.summary import summary
from layers.what_if import ROOM, SHARED_ROOM, Scenario, Step, hypothesis
from layers.what_if_answer import WhatIf
from layers.what_if_compare import Comparison
from layers.what_if_reach import Reach, difference, reach, units_changed
from tests.district import METRIC_CRS, ORIGIN, small_district
from tests.layers.supposing import (
    IN_C07,
    IN_C08,
    STEPS,
    UNITS,
    add,
    answers,
    at,
    close,
    move,
    query_of,
    supposed,
)
from tests.visitors import PLANNER, POLICY


def written(store: Store, layer: str, **row: Any) -> None:
    """Write a row as somebody does who really opens or moves a place."""
    point = row.pop("at")
    frame = gpd.GeoDataFrame([row], geometry=[shapely.Point(point)], crs="EPSG:4490")
    store.upsert(layer, conform(frame, LAYERS[layer]))


def test_a_supposed_room_is_a_room_that_is_there(store: Store, standards: Standards) -> None:
    """Acceptance: all numbers of a what-if equal those of a store that has the room."""
    present = load(store, standards)
    before = answers(present, *UNITS)
    given_ = supposed(present, add(SHARED_ROOM, *IN_C08), add("day_care", *IN_C08), add(ROOM, *IN_C07))
    found = answers(given_, *UNITS)
    written(store, "mediation_rooms", code="M8", shared="yes", at=at(*IN_C08))
    written(store, "facilities", code="F90", kind="day_care", at=at(*IN_C08))
    written(store, "mediation_rooms", code="M9", shared="no", at=at(*IN_C07))
    real = load(store, standards)
    assert found == answers(real, *UNITS)
    assert found != before and before == answers(present, *UNITS)
    for kind in (ROOM, "day_care"):
        assert same_reach(reach(given_, kind), reach(real, kind))


def test_what_is_moved_and_closed_is_gone_from_where_it_was(store: Store, standards: Standards) -> None:
    present = load(store, standards)
    steps = (
        move("facilities", "F08", 1400.0, 900.0),
        move("mediation_rooms", "M1", *IN_C08),
        move("facilities", "F01", *IN_C07),  # whose door is known where it stands
        close("facilities", "F02"),
        close("mediation_rooms", "M3"),
    )
    found = answers(supposed(present, *steps), "square:200", "communities", "subdistricts")
    rooms, facilities = present.frame("mediation_rooms"), present.frame("facilities")
    moved = facilities.loc[["F08"]]
    written(store, "facilities", code="F08", kind="library", name=moved["name"].iloc[0], at=at(1400.0, 900.0))
    written(store, "mediation_rooms", code="M1", shared="yes", mediators=3, at=at(*IN_C08))
    assert rooms.loc["M1", "community"] == "C01"
    written(store, "facilities", code="F01", kind="day_care", at=at(*IN_C07))
    store.delete("facilities", ["F02"])
    store.delete("mediation_rooms", ["M3"])
    assert found == answers(load(store, standards), "square:200", "communities", "subdistricts")


def with_odd_rooms() -> tuple[District, dict[str, gpd.GeoDataFrame]]:
    """Return the small district with rooms that are recorded elsewhere than where they lie.

    M4 is that of C11, which is a point alone; M5 stands in C08 and is recorded for C01; of M6 nothing is recorded.
    """
    district, frames = small_district()
    rooms = frames["mediation_rooms"]
    point: Any = frames["communities"].geometry["C11"]
    rows = [
        {"code": "M4", "community": "C11", "neighbourhood": "S2N2", "subdistrict": "S2", "shared": "no"},
        {"code": "M5", "community": "C01", "neighbourhood": "S1N1", "subdistrict": "S1", "shared": "yes"},
        {"code": "M6", "shared": "unknown"},
    ]
    shapes = [shapely.Point(point.x + 1e-4, point.y), shapely.Point(at(*IN_C08)), shapely.Point(at(*IN_C07))]
    known = [
        {name: value for name, value in row.items() if name in rooms.columns or name == "code"}
        for row in rows
    ]
    more = conform(gpd.GeoDataFrame(known, geometry=shapes, crs="EPSG:4490"), LAYERS["mediation_rooms"])
    return district, frames | {"mediation_rooms": pd.concat([rooms, more])}


ON_RECORD = [("facilities", "F05")] + [("mediation_rooms", f"M{n}") for n in range(1, 7)]
NEAR = st.tuples(st.integers(-60, 60), st.integers(-60, 60))
ANYWHERE = st.tuples(st.integers(5, 1595), st.integers(5, 1195))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(what=st.sampled_from(ON_RECORD), goes=st.lists(st.one_of(NEAR, ANYWHERE), min_size=1, max_size=2))
@example(what=("mediation_rooms", "M4"), goes=[(5, 0)])
@example(what=("mediation_rooms", "M5"), goes=[(9, 9)])
@example(what=("facilities", "F01"), goes=[(0, 0)])
def test_a_supposed_move_is_a_move_that_is_written(
    standards: Standards, what: tuple[str, str], goes: list[tuple[int, int]]
) -> None:
    """Whatever is on record of the place, and wherever it goes: also a few metres, across no border."""
    layer, code = what
    district, frames = with_odd_rooms()
    with (
        TemporaryDirectory() as folder,
        create_store(f"gpkg:{folder}/real.gpkg", district, layers=frames) as store,
    ):
        present = load(store, standards)
        x, y = (float(values[present.frame(layer).index.get_loc(code)]) for values in present.points(layer))
        steps = []
        for go in goes:
            near = max(map(abs, go)) <= 60
            x, y = (x + go[0], y + go[1]) if near else (go[0] + ORIGIN[0], go[1] + ORIGIN[1])
            x, y = min(max(x, ORIGIN[0] + 5), ORIGIN[0] + 1595), min(max(y, ORIGIN[1] + 5), ORIGIN[1] + 1195)
            steps.append(move(layer, code, x - ORIGIN[0], y - ORIGIN[1]))
            moved_by_hand(store, standards, steps[-1])
        said, real = supposed(present, *steps), load(store, standards)
        for part in ("mediation", "coverage"):
            assert summary(said)[part] == summary(real)[part]
        for kind in (ROOM, "community_service_station"):
            assert same_reach(reach(said, kind), reach(real, kind))
        parents = [one.name for one in LAYERS[layer].parents]
        assert said.frame(layer).loc[[code], parents].equals(real.frame(layer).loc[[code], parents])


def moved_by_hand(store: Store, standards: Standards, step: Step) -> None:
    """Move a place as a planner does who knows that it stands there."""
    assert step.at is not None
    today = date(2025, 6, 30)
    body = {"key": str(uuid4()), "based_on": store.version(), "epoch": store.epoch().id, "source": "现场查看",
            "as_of": today.isoformat(), "layer": step.layer, "code": step.code,
            "values": {"place": {"lon": step.at[0], "lat": step.at[1]}}}  # fmt: skip
    request, problems = read_request(body, today=today)
    snapshot = load(store, standards)
    write_facts(request, problems, store=store, snapshot=snapshot, policy=POLICY, visitor=PLANNER,
                standards=standards, today=today)  # fmt: skip


def test_nothing_stored_changes_and_little_is_kept(store: Store, standards: Standards) -> None:
    present = load(store, standards)
    version, rows = store.version(), present.rows["facilities"].frame().copy()
    query = query_of(present, question="gap", kind="day_care")
    for x in range(20, 1600, 40):
        given_ = hypothesis(present, Scenario((add("day_care", x, 300.0),)), unit=query.unit)
        WhatIf(given_, query).as_dict("zh")
    kept: Any = present.derived(("what if",), lambda: None)
    assert len(kept._made) == 3
    assert store.version() == version
    assert_geodataframe_equal(present.rows["facilities"].frame(), rows)
    store.delete("facilities", ["F09"])
    later = load(store, standards, before=present)
    assert later.derived(("what if",), lambda: None) is None


def same_reach(one: Reach, other: Reach) -> bool:
    return (
        (one.residents, one.buildings, one.communities)
        == (other.residents, other.buildings, other.communities)
        and bool((one.covered == other.covered).all() and (one.within == other.within).all())
        and bool(np.allclose(one.walk_m, other.walk_m, equal_nan=True))
    )


def naive_points(snapshot: Snapshot, steps: list[Step]) -> dict[str, dict[str, Any]]:
    """Return kind, door and what else counts of every place after the steps, one by one."""
    found: dict[str, dict[str, Any]] = {}
    plots = snapshot.metric("communities")

    def within(x: float, y: float) -> list[int]:
        return [i for i, plot in enumerate(plots) if shapely.intersects_xy(plot, x, y)]

    for layer in ("facilities", "mediation_rooms"):
        x, y = snapshot.doors(layer)
        of = places(snapshot, layer)["community"].to_numpy()
        for n, (code, row) in enumerate(snapshot.frame(layer).iterrows()):
            kind = row["kind"] if layer == "facilities" else ROOM
            at_x, at_y = (values[n] for values in snapshot.points(layer))
            found[f"{layer}/{code}"] = {
                "kind": kind, "x": x[n], "y": y[n], "shared": row.get("shared"), "community": int(of[n]),
                "recorded": isinstance(row.get("community"), str), "inside": within(at_x, at_y),
            }  # fmt: skip
    for n, step in enumerate(steps):
        key = f"{step.layer}/{step.code}"
        if step.action == "close":
            found.pop(key, None)
            continue
        if step.action == "move" and key not in found:
            continue
        assert step.at is not None
        (x,), (y,) = crs.points_to_metric([step.at[0]], [step.at[1]], METRIC_CRS)
        inside = within(x, y)
        put = found[key].copy() if step.action == "move" else {"kind": step.kind, "shared": "no"}
        if not (put.get("recorded") and put["inside"] == inside):
            put |= {"community": inside[0] if inside else -1, "recorded": bool(inside)}
        if put["kind"] == SHARED_ROOM:
            put |= {"kind": ROOM, "shared": "yes"}
        put |= {"x": x, "y": y, "inside": inside}
        found[key if step.action == "move" else f"new/{n}"] = put
    return found


def naive_covered(snapshot: Snapshot, found: dict[str, dict[str, Any]], kind: str) -> list[str]:
    """Return yes, no or unknown per dwelling by looking at each place from each dwelling."""
    homes = dwellings(snapshot)
    limit = 300.0 if kind == ROOM else snapshot.standards.limits[kind].limit_m
    told = []
    for x, y, community in zip(homes.x, homes.y, homes.community, strict=True):
        answer = "no"
        for place in found.values():
            if place["kind"] != kind:
                continue
            near = float(np.hypot(place["x"] - x, place["y"] - y)) * 1.3 <= limit + 1e-6
            if kind != ROOM:
                answer = "yes" if near else answer
            elif (place["community"] == community >= 0) or (near and place["shared"] == "yes"):
                answer = "yes"
            elif near and place["shared"] == "unknown" and answer == "no":
                answer = "unknown"
        told.append(answer)
    return told


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=6), kind=st.sampled_from(["day_care", "library", ROOM]))
def test_who_is_covered_is_what_looking_at_each_place_says(
    snapshot: Snapshot, steps: list[Step], kind: str
) -> None:
    given_ = hypothesis(snapshot, Scenario(tuple(steps)), unit="communities")
    after, before = reach(given_.supposed, kind), reach(snapshot, kind)
    told = naive_covered(snapshot, naive_points(snapshot, steps), kind)
    assert after.covered.tolist() == [one == "yes" for one in told]
    if kind == ROOM:
        assert after.unknown.tolist() == [one == "unknown" for one in told]
    homes, found = dwellings(snapshot), difference(snapshot, before, after)
    for community in range(snapshot.count("communities")):
        of = homes.community == community
        sure, people = ~before.unknown & ~after.unknown, np.nan_to_num(homes.residents)
        more = people[of & sure & after.covered & ~before.covered].sum()
        fewer = people[of & sure & before.covered & ~after.covered].sum()
        assert found.open_residents[community] == pytest.approx(
            people[of & (before.unknown != after.unknown)].sum()
        )
        assert found.residents[community] == pytest.approx(more - fewer)
        assert (found.change[community] == "") == bool(
            (after.covered == before.covered)[of].all()
            and (after.unknown == before.unknown)[of].all()
            and before.within[community] == after.within[community]
        )
    sides = list(zip(before.within[found.published], after.within[found.published], strict=True))
    assert found.count("gained") == sides.count(("no", "yes"))
    assert found.count("lost") == sides.count(("yes", "no"))
    assert found.count("open") >= sum(one != other and "unknown" in (one, other) for one, other in sides)
    double_none = is_double_none(snapshot.frame("communities"))[found.order] == "yes"
    assert double_none.tolist() == sorted(double_none.tolist(), reverse=True)
    gained, lost, unsure = units_changed(snapshot, "communities", before, after)
    codes = snapshot.frame("communities").index
    assert set(gained) >= {codes[int(i)] for i in np.flatnonzero(found.residents > 0)}
    assert set(lost) >= {codes[int(i)] for i in np.flatnonzero(found.residents < 0)}
    assert not set(unsure) & {*gained, *lost}
    assert {*gained, *lost, *unsure} >= {codes[int(i)] for i in np.flatnonzero(found.open_residents > 0)}


def test_what_nobody_can_tell_is_no_loss(standards: Standards) -> None:
    """A shared room closes beside one of which it is unknown whether it is shared: who is near may go there, or not."""
    district, frames = small_district()
    rooms = frames["mediation_rooms"].assign(entrance_lon=np.nan, entrance_lat=np.nan)
    rooms.loc[["M1", "M2"], "shared"] = ["yes", "unknown"]
    places_ = [shapely.Point(at(400.0, 300.0)), shapely.Point(at(405.0, 300.0)), *rooms.geometry.iloc[2:]]
    snapshot = Snapshot(
        1, district, standards, frames | {"mediation_rooms": rooms.set_geometry(places_, crs=4490)}
    )
    given_ = hypothesis(snapshot, Scenario((close("mediation_rooms", "M1"),)), unit="communities")
    query = query_of(snapshot, question="gap", unit="communities")
    told = WhatIf(given_, query).as_dict("zh")
    (result,) = told["results"]
    of = {one["code"]: one for one in result["communities"]}
    assert (of["C02"]["change"], of["C02"]["within_before"], of["C02"]["within_after"]) == (
        "open",
        "yes",
        "unknown",
    )
    assert (of["C02"]["residents"], of["C02"]["open_residents"]) == (0, 671)
    assert (of["C01"]["change"], of["C01"]["within_after"]) == ("lost", "no")
    assert result["changes"]["lost"]["communities"] == 1 and result["changes"]["open"]["communities"] >= 1
    assert told["units"]["open"] == ["C02", "C03"] and told["units"]["lost"] == ["C01"]
    people = result["figures"][0]
    assert people["unknown_change"] == people["after"]["unknown"] - people["before"]["unknown"] > 0
    assert people["unknown_change_text"] == f"+{people['unknown_change']:,}"
    # What is told of both sides: it opens, and the same stand on the other side.
    again = hypothesis(given_.supposed, Scenario((add(SHARED_ROOM, 400.0, 300.0),)), unit="communities")
    back = difference(given_.supposed, reach(given_.supposed, ROOM), reach(again.supposed, ROOM))
    assert back.change[snapshot.frame("communities").index.get_loc("C02")] == "open"
    beside = Comparison(snapshot, query, {"甲": given_.scenario})
    rows = {row["id"]: row["values"] for row in beside.as_dict("zh")["kinds"][0]["rows"]}
    assert rows["lost"] == [0, 1] and rows["open"][1] >= 1 and rows["residents_open"][1] >= 671
    features = beside.features_frame("en").set_index("Code")
    assert features.loc["C02", "Change"] == "cannot tell on one side"
    assert features.loc["C02", "Residents of whom one side cannot be told"] == 671
