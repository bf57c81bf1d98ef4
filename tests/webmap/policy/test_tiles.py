"""Tile by tile: what is drawn is what the policy gives to whoever asks, and who sees the same shares them."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from layers.areas import units_in_area
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.units import units
from layers.visitors import RESIDENT, Area
from tests.visitors import POLICY
from tests.webmap.decoding import decoded
from tests.webmap.policy.asking import (
    DISTRICT,
    FRAMES,
    OF_AN_AREA,
    PLACE,
    VISITORS,
    Client,
    part,
    somebody,
    theirs,
)
from webmap.tile_cache import TileCache
from webmap.tile_layers import Drawn, drawn_for


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
