"""Feature by feature, tile by tile: what leaves is what the policy gives to whoever asks, and nothing tells of the rest."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from flask import Flask, Request
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from layers.areas import features_in_area, units_in_area
from layers.policy import Policy
from layers.problems import StoreBusy
from layers.rules import ACTIONS
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Store, create_store
from layers.text import Text
from layers.units import units
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.district import GUARDED_TEXT, METRIC_CRS, small_district
from tests.visitors import PLANNER, POLICY, UNLIMITED, app_for
from tests.webmap.decoding import decoded
from webmap import create_app
from webmap.limits import Counts
from webmap.settings import Settings
from webmap.tile_cache import TileCache
from webmap.tile_layers import Drawn, drawn_for

DISTRICT, FRAMES = small_district()
WHO = "X-Test-Visitor"
WEST, SOUTH, EAST, NORTH = 114.126, 22.543, 114.142, 22.555
PLACE = (14, 13386, 7138)


def somebody(role: str, area: Area, **more: Any) -> Visitor:
    return Visitor(role, area, account=role, name=role, via="session", **more)


def part(kind: Any, *codes: str) -> Area:
    return Area(kind, frozenset(codes))


VISITORS = {
    "nobody": RESIDENT,
    "worker": somebody("grid_worker", part("management_cells", "G01", "G07")),
    "colleague": somebody("grid_worker", part("management_cells", "G07", "G01")),
    "other worker": somebody("grid_worker", part("management_cells", "G02")),
    "community": somebody("community_staff", part("communities", "C03", "C11")),
    "neighbourhood": somebody("community_staff", part("neighbourhoods", "S2N1")),
    "west": somebody("subdistrict_staff", part("subdistricts", "S1")),
    "nowhere": somebody("subdistrict_staff", part("subdistricts", "gone")),
    "planner": PLANNER,
    "leader": somebody("leader", WHOLE_DISTRICT),
    "administrator": somebody("administrator", WHOLE_DISTRICT),
    "auditor": somebody("auditor", Area("none")),
    "wall": Visitor(
        "wall", WHOLE_DISTRICT, name="wall", via="device", scopes=frozenset({"describe", "view", "wall"})
    ),
}
OF_AN_AREA = ("worker", "other worker", "community", "neighbourhood", "west", "nowhere")


class Log:
    """An audit log that may fail."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.fails = False

    def __call__(self, who: Visitor, action: str, **more: Any) -> None:
        if self.fails:
            raise StoreBusy(Text("忙", "The log is busy."))
        self.entries.append({"who": who, "action": action} | more)


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture
def entries(app: Flask, log: Log) -> Iterator[list[dict[str, Any]]]:
    log.entries.clear()
    app.extensions["wangge"].refusals.counts = Counts()  # without what was refused in an earlier test
    yield log.entries
    log.fails = False


@pytest.fixture(scope="module")
def app(small_store: Store, standards: Standards, log: Log) -> Flask:
    def who(request: Request) -> Visitor:
        return VISITORS[request.headers[WHO]]

    settings = Settings(requests_a_minute=UNLIMITED, tiles_a_minute=UNLIMITED)
    return create_app(small_store, standards, POLICY, visitors=who, record=log, settings=settings)


@pytest.fixture(scope="module")
def snapshot(app: Flask) -> Snapshot:
    found: Snapshot = app.extensions["wangge"].snapshots.current()
    return found


class Client:
    """Asks as different visitors."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def get(self, name: str, path: str, *, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self._client.get(path, query_string=query, headers={WHO: name} | (headers or {}))

    def json(self, name: str, path: str, **query: Any) -> Any:
        response = self.get(name, path, **query)
        assert response.status_code == 200, (name, path, query, response.data)
        return response.get_json(force=True)

    def codes(self, name: str, layer: str, **query: Any) -> list[str]:
        found = self.json(name, f"/api/layers/{layer}/features", **({"limit": 1000} | query))
        return [feature["id"] for feature in found["features"]]


@pytest.fixture(scope="module")
def ask(app: Flask) -> Client:
    return Client(app.test_client())


def theirs(snapshot: Snapshot, name: str, layer: str) -> list[str]:
    frame = snapshot.frame(layer)
    return list(frame.index[features_in_area(snapshot, layer, VISITORS[name].area)])


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


# ---- guarded fields


ASKING: list[tuple[str, dict[str, Any]]] = [
    ("/api/layers/complaints/features", {"limit": "5"}),
    ("/api/layers/complaints/features/C03-001", {}),
    ("/api/nearby", {"layer": "complaints", "lon": "114.13", "lat": "22.55"}),
]


@pytest.mark.parametrize(("path", "query"), ASKING)
def test_a_guarded_field_is_recorded_before_it_leaves(
    ask: Client, entries: list[dict[str, Any]], path: str, query: dict[str, Any]
) -> None:
    asked = query | {"with": "text", "purpose": " 办理案件 "}
    response = ask.get("west", path, **asked, headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    body = json.loads(gzip.decompress(response.data) if response.content_encoding else response.data)
    features = body.get("features", [body])
    assert features and all("text" in feature["properties"] for feature in features)
    assert entries == [
        {
            "who": VISITORS["west"],
            "action": "view_guarded",
            "what": path,
            "layer": "complaints",
            "codes": [feature["id"] for feature in features],
            "count": len(features),
            "fields": ("text",),
            "purpose": "办理案件",
            "origin": "127.0.0.1",
            "outcome": "done",
        }
    ]
    assert "no-store" in response.headers["Cache-Control"] and "ETag" not in response.headers
    entries.clear()
    plain = ask.get("west", path, **query)
    assert entries == [] and "no-store" not in plain.headers["Cache-Control"]
    assert GUARDED_TEXT not in plain.text and '"text"' not in plain.text


@pytest.mark.parametrize(("path", "query"), ASKING)
def test_what_cannot_be_recorded_does_not_leave(
    ask: Client, log: Log, entries: list[dict[str, Any]], path: str, query: dict[str, Any]
) -> None:
    log.fails = True
    asked = query | {"with": "text", "purpose": "办理案件"}
    response = ask.get("west", path, **asked)
    assert response.status_code == 503
    assert GUARDED_TEXT not in response.text and "C03" not in response.text
    assert entries == []


def test_only_rows_of_which_the_field_is_told_are_recorded(
    ask: Client, entries: list[dict[str, Any]]
) -> None:
    body = ask.json("west", "/api/layers/communities/features", **{"with": "floating_residents"})
    told = [f["id"] for f in body["features"] if "floating_residents" in f["properties"]]
    assert told == [f"C0{n}" for n in range(1, 7)] and len(body["features"]) == 12
    assert [(entry["codes"], entry["count"], entry["fields"]) for entry in entries] == [
        (told, 6, ("floating_residents",))
    ]
    ask.json("nowhere", "/api/layers/communities/features", **{"with": "floating_residents"})
    assert (entries[1]["codes"], entries[1]["count"]) == ([], 0)


def test_a_refusal_of_a_guarded_field_is_recorded_of_those_who_are_known(
    ask: Client, entries: list[dict[str, Any]]
) -> None:
    query: dict[str, Any] = {"with": "floating_residents", "purpose": "to know"}
    assert ask.get("leader", "/api/layers/communities/features", **query).status_code == 403
    assert [(entry["action"], entry["outcome"], entry["fields"]) for entry in entries] == [
        ("refused", "refused", ("floating_residents",))
    ]
    assert ask.get("nobody", "/api/layers/communities/features", **query).status_code == 401
    assert ask.get("leader", "/api/layers/complaints/features").status_code == 403
    assert len(entries) == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"with": "text"}, 400),
        ({"with": "text", "purpose": "   "}, 400),
        ({"with": "text,,text", "purpose": "x"}, 400),
        ({"with": "", "purpose": "x"}, 400),
        ({"with": ",", "purpose": "x"}, 400),
        ({"with": "nothing", "purpose": "x"}, 400),
        ({"with": "code", "purpose": "x"}, 400),
        ({"with": "text", "purpose": "x" * 201}, 400),
        ({"with": "text,text", "purpose": "x"}, 200),
        ({"purpose": "x"}, 200),
    ],
)
def test_how_guarded_fields_are_asked_for(
    ask: Client, entries: list[dict[str, Any]], query: dict[str, Any], status: int
) -> None:
    assert ask.get("west", "/api/layers/complaints/features", **query).status_code == status
    assert len(entries) == (status == 200 and "with" in query)


# ---- tiles


def tile(ask: Client, name: str, layer: str, place: tuple[int, int, int] = PLACE) -> Any:
    return ask.get(name, "/tiles/{}/{}/{}/{}.mvt".format(layer, *place))


def ids(response: Any) -> set[str]:
    assert response.status_code in (200, 204), response.data
    return {feature["properties"]["id"] for feature in decoded(response.data)} if response.data else set()


@pytest.mark.parametrize("name", VISITORS)
def test_a_layer_is_in_tiles_for_those_who_may_read_it(ask: Client, name: str) -> None:
    visitor = VISITORS[name]
    for layer in (*LAYERS, "communities-label", "backdrop-label"):
        offered = POLICY.offered(visitor, layer.removesuffix("-label"), way_out="tile")
        response = tile(ask, name, layer)
        if offered.rows == "none" or not POLICY.may(visitor, "view"):
            assert response.status_code == (401 if visitor is RESIDENT else 403)
        else:
            assert response.status_code in (200, 204)


@pytest.mark.parametrize("zoom", [14, 16])
@pytest.mark.parametrize("name", OF_AN_AREA)
def test_tiles_hold_the_complaints_of_the_area(ask: Client, snapshot: Snapshot, name: str, zoom: int) -> None:
    own = set(theirs(snapshot, name, "complaints"))
    found = set()
    for x in range(PLACE[1] << (zoom - 14), (PLACE[1] + 1) << (zoom - 14)):
        for y in range(PLACE[2] << (zoom - 14), (PLACE[2] + 1) << (zoom - 14)):
            found |= ids(tile(ask, name, "complaints", (zoom, x, y)))
    assert found <= own
    if zoom == 16:
        shown = set()
        for x in range(PLACE[1] << 2, (PLACE[1] + 1) << 2):
            for y in range(PLACE[2] << 2, (PLACE[2] + 1) << 2):
                shown |= ids(tile(ask, "planner", "complaints", (16, x, y)))
        assert found == own & shown


@pytest.mark.parametrize("name", OF_AN_AREA)
@pytest.mark.parametrize(("layer", "scheme"), [("square-100", "square:100"), ("management", "management")])
def test_tiles_of_cells_hold_those_of_the_area(
    ask: Client, snapshot: Snapshot, name: str, layer: str, scheme: str
) -> None:
    found = units(snapshot, scheme)
    own = set(found.ids[units_in_area(snapshot, scheme, VISITORS[name].area)])
    assert ids(tile(ask, name, layer)) == own & ids(tile(ask, "planner", layer))


@pytest.mark.parametrize("layer", ["management", "square-100", "h3-10", "square-50"])
def test_cells_are_for_those_who_may_see_their_figures(ask: Client, layer: str) -> None:
    for name in ("planner", "leader", "administrator", "wall"):
        assert ids(tile(ask, name, layer))
    assert tile(ask, "nobody", layer).status_code == 401
    assert tile(ask, "auditor", layer).status_code == 403
    assert tile(ask, "nobody", "square-7").status_code == 404


def test_what_is_left_out_of_a_tile_leaves_no_trace(standards: Standards) -> None:
    """Of two complaints in one pixel the first is drawn; to whom that is hidden, the second."""
    frames = dict(FRAMES)
    complaints: Any = FRAMES["complaints"].loc[["C01-001", "C01-002"]].copy()
    complaints["geometry"] = [complaints.geometry.iloc[0]] * 2
    complaints["subdistrict"] = ["S1", "S2"]
    frames["complaints"] = complaints
    at = Snapshot(1, DISTRICT, standards, frames)
    cache = TileCache(10**6)

    def shown(area: Area | None) -> set[str]:
        body = cache.tile(at, Drawn("complaints", (), area), *PLACE).body
        return {f["properties"]["id"] for f in decoded(body)} if body else set()

    assert shown(None) == {"C01-001"}
    assert shown(part("subdistricts", "S1")) == {"C01-001"}
    assert shown(part("subdistricts", "S2")) == {"C01-002"}
    assert shown(part("subdistricts", "S1", "S2")) == {"C01-001"}
    assert shown(part("subdistricts", "gone")) == set()


def test_those_who_see_the_same_share_tiles(ask: Client, snapshot: Snapshot) -> None:
    cache = TileCache(10**6)

    def kept(name: str, layer: str) -> object:
        return cache.tile(snapshot, drawn_for(POLICY, VISITORS[name], layer), *PLACE)

    for layer in ("communities", "buildings", "facilities"):
        assert len({id(kept(name, layer)) for name in ("nobody", "worker", "west", "planner", "leader")}) == 1
    assert kept("worker", "complaints") is kept("colleague", "complaints")
    assert kept("worker", "complaints") is not kept("planner", "complaints")
    everywhere = somebody("subdistrict_staff", part("subdistricts", "S1", "S2"))
    drawn = drawn_for(POLICY, everywhere, "complaints")
    assert drawn.area is not None and cache.tile(snapshot, drawn, *PLACE) is kept("planner", "complaints")


def test_those_who_may_see_other_fields_have_other_tiles(snapshot: Snapshot) -> None:
    cache = TileCache(10**6)
    for fields in (("name",), ("kind",), ("name", "kind")):
        body = cache.tile(snapshot, Drawn("facilities", fields), *PLACE).body
        assert {name for feature in decoded(body) for name in feature["properties"]} == {
            "id",
            *fields,
        }


def test_a_tile_held_by_another_is_not_taken_for_ones_own(ask: Client) -> None:
    address = "/tiles/complaints/{}/{}/{}.mvt".format(*PLACE)
    tags = {name: ask.get(name, address).headers["ETag"] for name in ("planner", "worker", "west", "nowhere")}
    assert len(set(tags.values())) == 4
    for name, own in tags.items():
        for other in tags.values():
            response = ask.get(name, address, headers={"If-None-Match": other})
            assert (response.status_code == 304) == (own == other)
    assert ask.get("nobody", address, headers={"If-None-Match": tags["planner"]}).status_code == 401
    response = ask.get("worker", address)
    assert "cookie" in response.vary and "authorization" in response.vary
    assert response.cache_control.private


def test_a_thousand_areas_are_bounded_and_leave_the_shared_tiles_alone(snapshot: Snapshot) -> None:
    cache = TileCache(40_000)
    everything = Drawn("complaints", ("opened",))
    shared = cache.tile(snapshot, everything, *PLACE)
    communities = list(FRAMES["communities"].index)
    for number in range(1000):
        area = part("communities", communities[number % 12], f"gone{number}")
        cache.tile(snapshot, Drawn("complaints", ("opened",), area), *PLACE)
        assert cache.kept_bytes <= 40_000
    assert cache.tile(snapshot, everything, *PLACE) is shared
    assert 0 < cache.kept_rows <= 200_000


def test_a_boundary_that_moves_is_in_the_next_tile(standards: Standards) -> None:
    """Also where no complaint changed."""
    before = Snapshot(1, DISTRICT, standards, FRAMES)
    wide: Any = FRAMES["management_cells"].copy()
    wide.loc["G01", "geometry"] = shapely.union_all(list(wide.geometry[["G01", "G02"]]))
    after = Snapshot(
        2, DISTRICT, standards, FRAMES | {"management_cells": wide.drop(index="G02")}, before=before
    )
    cache, drawn = TileCache(10**6), Drawn("complaints", (), part("management_cells", "G01"))
    was, now = (
        {f["properties"]["id"] for f in decoded(cache.tile(at, drawn, *PLACE).body)} for at in (before, after)
    )
    assert was < now
