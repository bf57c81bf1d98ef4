"""Whoever is refused a question, figures or a tile is told which roles may: as the rules have them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layers.problems import Forbidden
from layers.standards import Standards
from layers.store import Store
from layers.visitors import WHOLE_DISTRICT, Area, Visitor
from tests.visitors import POLICY, app_for
from webmap.tile_layers import drawn_for

AREA_OR_MORE = {
    "grid_worker",
    "community_staff",
    "subdistrict_staff",
    "planner",
    "leader",
    "administrator",
    "operator",
}
FULL = {"planner", "leader", "administrator", "operator"}
PEOPLE = {role.id for role in POLICY.rules.roles.values() if role.account}


def somebody(role: str, area: Area = WHOLE_DISTRICT) -> Visitor:
    return Visitor(role, area, account="1" * 12, name=role, via="session")


RESIDENT = somebody("resident")
WEST = somebody("subdistrict_staff", Area("subdistricts", frozenset({"S1"})))


def told_of(remedy: str) -> set[str]:
    told = remedy.partition("可以的角色：")[2].partition("；")[0]
    return {role.id for role in POLICY.rules.roles.values() if role.title.zh in told}


@pytest.mark.parametrize(
    ("visitor", "address", "may"),
    [
        (RESIDENT, "/api/view?question=gap&unit=square:100", AREA_OR_MORE),
        (RESIDENT, "/api/view?question=hotspots&from=2019-06-01", AREA_OR_MORE),
        (RESIDENT, "/api/view?question=gap&limit_m=800", AREA_OR_MORE),
        (RESIDENT, "/api/view?unit=communities&where=double_none", AREA_OR_MORE),
        (RESIDENT, "/api/summary", FULL),
        (WEST, "/api/summary", FULL),
        (
            somebody("leader"),
            "/api/view?unit=communities&where=floating:10",
            {"grid_worker", "community_staff", "subdistrict_staff", "planner", "operator"},
        ),
    ],
)
def test_a_refusal_says_which_roles_may(
    small_store: Store, standards: Standards, visitor: Visitor, address: str, may: set[str]
) -> None:
    answer = app_for(small_store, standards, visitor).test_client().get(address)
    assert answer.status_code == 403
    assert told_of(answer.get_json()["error"]["remedy"]) == may & PEOPLE


def test_a_refused_tile_s_error_says_it() -> None:
    with pytest.raises(Forbidden) as caught:
        drawn_for(POLICY, RESIDENT, "square-100")
    assert caught.value.remedy and told_of(caught.value.remedy.zh) == AREA_OR_MORE & PEOPLE


def test_a_stranger_is_told_to_sign_in(small_store: Store, standards: Standards) -> None:
    client = app_for(small_store, standards, replace(RESIDENT, via="nobody", account=None)).test_client()
    answer = client.get("/api/summary?lang=en")
    assert (answer.status_code, answer.get_json()["error"]["remedy"]) == (401, "Sign in first.")
