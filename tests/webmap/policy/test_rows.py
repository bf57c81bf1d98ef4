"""Feature by feature: what leaves is what the policy gives to whoever asks, and nothing tells of the rest."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from layers.policy import Policy
from layers.rules import ACTIONS
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Store, create_store
from layers.visitors import RESIDENT
from tests.district import METRIC_CRS
from tests.visitors import POLICY, app_for
from tests.webmap.decoding import decoded
from tests.webmap.policy.asking import (
    DISTRICT,
    EAST,
    FRAMES,
    NORTH,
    OF_AN_AREA,
    PLACE,
    SOUTH,
    VISITORS,
    WEST,
    Client,
    theirs,
)

# ---- every way in


def test_every_endpoint_declares_what_it_takes(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        assert getattr(app.view_functions[rule.endpoint], "action", None) in ACTIONS, rule.endpoint


# ---- rows


@pytest.mark.parametrize("name", OF_AN_AREA)
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_hold_the_rows_of_the_area_and_count_no_others(
    ask: Client, snapshot: Snapshot, name: str, limit: int
) -> None:
    expected = theirs(snapshot, name, "complaints")
    found: list[str] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        body = ask.json(name, "/api/layers/complaints/features", **query)
        assert body["numberMatched"] == len(expected)
        found += [feature["id"] for feature in body["features"]]
        links = {link["rel"]: link["href"] for link in body["links"]}
        if "next" not in links or (limit == 1 and len(found) == 3):
            break
        query = {"limit": limit, "after": found[-1]}
    assert found == expected[: len(found)]
    assert ("next" in links) == (len(found) < len(expected))


@given(
    name=st.sampled_from(OF_AN_AREA),
    x=st.tuples(st.floats(WEST, EAST), st.floats(WEST, EAST)).map(sorted),
    y=st.tuples(st.floats(SOUTH, NORTH), st.floats(SOUTH, NORTH)).map(sorted),
    after=st.none() | st.sampled_from(list(FRAMES["complaints"].index)),
    subdistrict=st.none() | st.sampled_from(["S1", "S2"]),
)
def test_no_filter_tells_of_rows_elsewhere(
    ask: Client,
    snapshot: Snapshot,
    name: str,
    x: list[float],
    y: list[float],
    after: str | None,
    subdistrict: str | None,
) -> None:
    """The answer is the one that a district would give which has no other complaints."""
    frame = FRAMES["complaints"].loc[theirs(snapshot, name, "complaints")]
    box: list[Any] = [round(value, 7) for value in (x[0], y[0], x[1], y[1])]
    matched = frame.index[frame.intersects(shapely.box(*box))]
    if subdistrict is not None:
        matched = matched[frame.loc[matched, "subdistrict"] == subdistrict]
    query: dict[str, Any] = {"bbox": ",".join(f"{value:.7f}" for value in box), "limit": 1000}
    query |= {"after": after} if after else {}
    query |= {"subdistrict": subdistrict} if subdistrict else {}
    found = ask.json(name, "/api/layers/complaints/features", **query)
    assert found["numberMatched"] == len(matched)
    assert [feature["id"] for feature in found["features"]] == [c for c in matched if not after or c > after]


@pytest.mark.parametrize("name", OF_AN_AREA)
def test_a_feature_elsewhere_is_as_one_that_does_not_exist(
    ask: Client, snapshot: Snapshot, name: str
) -> None:
    own = set(theirs(snapshot, name, "complaints"))
    for code in list(FRAMES["complaints"].index)[::5]:
        response = ask.get(name, f"/api/layers/complaints/features/{code}")
        assert response.status_code == (200 if code in own else 404)
        if code not in own:
            never = ask.get(name, f"/api/layers/complaints/features/{code}X")
            assert never.get_json() == json.loads(response.text.replace(code, f"{code}X"))


@given(
    name=st.sampled_from(OF_AN_AREA),
    lon=st.floats(WEST - 0.1, EAST + 0.1),
    lat=st.floats(SOUTH - 0.1, NORTH + 0.1),
    limit=st.integers(1, 100),
)
def test_nearby_measures_the_rows_of_the_area_alone(
    ask: Client, snapshot: Snapshot, name: str, lon: float, lat: float, limit: int
) -> None:
    own = FRAMES["complaints"].loc[theirs(snapshot, name, "complaints")].to_crs(METRIC_CRS)
    here = gpd.GeoSeries.from_xy([round(lon, 6)], [round(lat, 6)], crs="EPSG:4490").to_crs(METRIC_CRS)[0]
    body = ask.json(name, "/api/nearby", layer="complaints", lon=f"{lon:.6f}", lat=f"{lat:.6f}", limit=limit)
    found = [feature["properties"]["distance_m"] for feature in body["features"]]
    assert found == pytest.approx(sorted(own.distance(here))[:limit], abs=0.006)
    assert {feature["id"] for feature in body["features"]} <= set(own.index)


def test_a_place_near_hidden_rows_alone_is_as_far_away_as_any(tmp_path: Path, standards: Standards) -> None:
    far: Any = FRAMES["complaints"].iloc[:1].copy()
    far["geometry"] = [shapely.Point(119.0, 24.0)]
    with create_store(f"gpkg:{tmp_path}/far.gpkg", DISTRICT, layers=FRAMES | {"complaints": far}) as store:
        for name, status in (("planner", 200), ("west", 400)):
            client = app_for(store, standards, VISITORS[name]).test_client()
            response = client.get("/api/nearby?layer=complaints&lon=119.0&lat=24.0")
            assert response.status_code == status, name


def test_a_field_that_nothing_was_decided_for_is_in_no_answer(
    small_store: Store, standards: Standards
) -> None:
    gone = {("facilities", "name"), ("facilities", "opened"), ("communities", "residents_source")}
    fields = {at: rule for at, rule in POLICY.rules.fields.items() if at not in gone}
    policy = Policy(dataclasses.replace(POLICY.rules, fields=fields))
    client = app_for(small_store, standards, policy=policy).test_client()
    for path in (
        "/api/layers/facilities/features",
        "/api/layers/facilities/features/F01",
        "/api/nearby?layer=facilities&lon=114.13&lat=22.55",
        "/api/search?q=F0",
    ):
        body = client.get(path).get_data(as_text=True)
        assert "F01" in body and "号设施" not in body and "2017-09-01" not in body and "opened" not in body, (
            path
        )
    assert "虚构" not in client.get("/api/layers/communities/features").text
    assert client.get("/api/search?q=号设施").get_json() == []
    listed = {layer["name"]: layer["fields"] for layer in client.get("/api/layers").get_json()}
    assert not gone & {(layer, field["name"]) for layer, shown in listed.items() for field in shown}
    shown = decoded(client.get("/tiles/facilities/{}/{}/{}.mvt".format(*PLACE)).data)
    assert shown and all(set(feature["properties"]) == {"id", "kind"} for feature in shown)


@pytest.mark.parametrize("name", VISITORS)
def test_layers_that_may_not_be_read_are_refused_everywhere(ask: Client, name: str) -> None:
    visitor = VISITORS[name]
    status = 401 if visitor is RESIDENT else 403
    for layer in LAYERS:
        expected = 200 if POLICY.offered(visitor, layer, way_out="api").rows != "none" else status
        code = FRAMES[layer].index[0]
        single = ask.get(name, f"/api/layers/{layer}/features/{code}").status_code
        nearby = ask.get(name, "/api/nearby", layer=layer, lon="114.13", lat="22.55")
        assert ask.get(name, f"/api/layers/{layer}/features").status_code == expected
        assert nearby.status_code == expected
        assert single == expected or (layer == "complaints" and single == 404)
        assert ask.get(name, f"/api/layers/{layer}/features/none").status_code in (status, 404)


def test_counts_of_people_are_told_of_the_own_communities_and_left_out_of_others(ask: Client) -> None:
    found = ask.json("west", "/api/layers/communities/features")["features"]
    for feature in found:
        own = feature["properties"]["subdistrict"] == "S1"
        assert ("residents" in feature["properties"]) == ("households" in feature["properties"]) == own
        assert "floating_residents" not in feature["properties"]
    assert not [
        f
        for f in ask.json("nobody", "/api/layers/communities/features")["features"]
        if {"residents", "households"} & f["properties"].keys()
    ]


# ---- what is said to be there


@pytest.mark.parametrize("name", VISITORS)
def test_the_layers_are_those_of_the_visitor(ask: Client, snapshot: Snapshot, name: str) -> None:
    visitor = VISITORS[name]
    listed = {layer["name"]: layer for layer in ask.json(name, "/api/layers")}
    for layer in LAYERS:
        offered = POLICY.offered(visitor, layer, way_out="api")
        if offered.rows == "none":
            assert layer not in listed
            continue
        told = listed[layer]
        assert told["rows"] == offered.rows
        assert told["count"] == len(FRAMES[layer] if offered.rows == "all" else theirs(snapshot, name, layer))
        assert [field["name"] for field in told["fields"]] == [o.field.name for o in offered.fields]
        for field in told["fields"]:
            if not field["asked"]:
                continue
            query: dict[str, Any] = {"with": field["name"]} | (
                {"purpose": "to know"} if field["purpose"] else {}
            )
            assert ask.get(name, f"/api/layers/{layer}/features", **query).status_code == 200


def test_guarded_fields_are_marked(ask: Client) -> None:
    listed = {layer["name"]: layer for layer in ask.json("worker", "/api/layers")}
    text = next(field for field in listed["complaints"]["fields"] if field["name"] == "text")
    assert (text["rows"], text["asked"], text["purpose"]) == ("area", True, True)
    floating = {field["name"]: field for field in listed["communities"]["fields"]}["floating_residents"]
    assert (floating["rows"], floating["asked"], floating["purpose"]) == ("area", True, False)
    nobody = {field["name"] for layer in ask.json("nobody", "/api/layers") for field in layer["fields"]}
    assert not nobody & {"text", "floating_residents", "residents", "category"}


def test_search_finds_what_may_be_read(ask: Client) -> None:
    for name in VISITORS:
        response = ask.get(name, "/api/search", q="C0", limit="50")
        if not POLICY.may(VISITORS[name], "read"):
            assert response.status_code == 403
        else:
            assert {hit["layer"] for hit in response.get_json()} == {"communities", "buildings"}
            assert ask.json(name, "/api/search", q="C03-001") == []
