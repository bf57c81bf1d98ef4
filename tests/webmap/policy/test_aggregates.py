"""Everybody gets the figures that are theirs."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from layers.queries import PUBLIC_UNITS, QUESTIONS
from layers.standards import Standards
from layers.store import Store
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.visitors import PLANNER, POLICY
from webmap import create_app

UNITS = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")


def somebody(role: str, area: Area = WHOLE_DISTRICT) -> Visitor:
    return Visitor(role, area, account="1" * 12, name=role, via="session")


EAST = somebody("subdistrict_staff", Area("subdistricts", frozenset({"S2"})))
WORKER = somebody("grid_worker", Area("management_cells", frozenset({"G03", "G04"})))
NEAR = somebody("community_staff", Area("neighbourhoods", frozenset({"S1N2"})))
LEADER = somebody("leader")


def visitors_app(store: Store, standards: Standards, current: list[Visitor]) -> Flask:
    return create_app(store, standards, POLICY, visitors=lambda _: current[0])


@pytest.fixture
def ask(small_store: Store, standards: Standards) -> Callable[..., Any]:
    """Return a function that asks one service as a visitor; what it keeps of one must not reach another."""
    current = [PLANNER]
    client = visitors_app(small_store, standards, current).test_client()

    def asked(visitor: Visitor, address: str, **query: str) -> Any:
        current[0] = visitor
        return client.get(address, query_string=query)

    return asked


@pytest.mark.parametrize("visitor", [EAST, WORKER, NEAR])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_units_of_an_area_have_the_numbers_that_everybody_sees(
    ask: Callable[..., Any], visitor: Visitor, unit: str, question: str
) -> None:
    query = {"question": question, "unit": unit, "lang": "en"}
    whole, part = (ask(who, "/api/view", **query).get_json() for who in (PLANNER, visitor))
    for name, column in part["rows"].items():
        everywhere = dict(zip(whole["rows"]["id"], whole["rows"][name], strict=True))
        assert column == [everywhere[code] for code in part["rows"]["id"]]
    assert len(part["rows"]["id"]) < len(whole["rows"]["id"])
    assert sum(item["count"] for item in part["legend"]["classes"]) == len(part["rows"]["id"])
    assert part["sight"] == {"aggregates": "area", "title": part["strip"][0]["title"]}
    assert part["sight"]["title"].startswith("Your area: ")
    assert all(item["basis"].startswith("Your area (") for item in part["headlines"].values())
    outside = next(code for code in whole["rows"]["id"] if code not in part["rows"]["id"])
    del query["unit"]
    missing, nowhere = (ask(visitor, f"/api/units/{unit}/{code}", **query) for code in (outside, "nowhere"))
    assert missing.status_code == nowhere.status_code == 404
    assert missing.text.replace(outside, "nowhere") == nowhere.text
    for code in part["rows"]["id"][:2]:
        cards_of_both = [
            ask(who, f"/api/units/{unit}/{code}", **query).get_json() for who in (PLANNER, visitor)
        ]
        assert cards_of_both[0] == cards_of_both[1]


def test_the_figures_of_an_area_are_over_the_area(ask: Callable[..., Any]) -> None:
    said = ask(EAST, "/api/view", question="double_none", lang="en").get_json()
    assert said["headlines"]["double_none"]["figure"] == {"count": 2, "of": 5, "unknown": 1, "rate": 0.4}
    assert {item["title"]: item["value_text"] for item in said["strip"]}["All residents"] == "7,370"
    gap = said["headlines"]["gap"]["figure"]
    whole = ask(PLANNER, "/api/view", question="double_none", lang="en").get_json()["headlines"]["gap"][
        "figure"
    ]
    west = somebody("subdistrict_staff", Area("subdistricts", frozenset({"S1"})))
    other = ask(west, "/api/view", question="double_none").get_json()["headlines"]["gap"]["figure"]
    assert gap["of"] + other["of"] == whole["of"] and gap["count"] + other["count"] == whole["count"]
    both = somebody("subdistrict_staff", Area("subdistricts", frozenset({"S1", "S2"})))
    together = ask(both, "/api/view", question="double_none", lang="en").get_json()
    assert together["headlines"]["gap"]["figure"] == whole
    assert [way["share"] for way in together["three_ways"]] == pytest.approx(
        [way["share"] for way in ask(PLANNER, "/api/view").get_json()["three_ways"]]
    )
    assert together["sight"]["title"] == "Your area: West, East"


def test_an_area_that_is_no_longer_there_holds_nothing(ask: Callable[..., Any]) -> None:
    lost = somebody("grid_worker", Area("management_cells", frozenset({"G99"})))
    for question in QUESTIONS:
        said = ask(lost, "/api/view", question=question, lang="en").get_json()
        assert said["rows"]["id"] == [] and said["sight"]["title"] == "Your area"
    assert ask(lost, "/").status_code == 200
    assert ask(lost, "/api/district").get_json()["sight"]["bbox"] is None


def test_what_one_visitor_was_answered_is_not_what_another_gets(ask: Callable[..., Any]) -> None:
    query = {"question": "hotspots", "unit": "neighbourhoods"}
    first = {who: ask(who, "/api/view", **query).get_json() for who in (PLANNER, EAST, RESIDENT, NEAR)}
    again = {who: ask(who, "/api/view", **query).get_json() for who in (RESIDENT, NEAR, PLANNER, EAST)}
    assert all(first[who] == again[who] for who in first)
    assert len({json.dumps(answer) for answer in first.values()}) == len(first)


@pytest.mark.parametrize(
    ("visitor", "status"), [(PLANNER, 200), (LEADER, 200), (EAST, 403), (WORKER, 403), (RESIDENT, 401)]
)
def test_the_districts_figures_are_for_those_who_see_the_district(
    ask: Callable[..., Any], visitor: Visitor, status: int
) -> None:
    response = ask(visitor, "/api/summary", lang="en")
    assert response.status_code == status
    if status != 200:
        assert "map page" in response.get_json()["error"]["detail"]


@pytest.mark.parametrize(
    ("visitor", "shown"),
    [
        (PLANNER, "50–60%"),
        (EAST, "50–60%"),
        (LEADER, "not shown"),
        (somebody("administrator"), "not shown"),
        (Visitor("wall", WHOLE_DISTRICT, via="device", scopes=frozenset({"describe", "view"})), "not shown"),
    ],
)
def test_the_share_of_floating_residents_is_for_those_whose_rules_give_it(
    ask: Callable[..., Any], visitor: Visitor, shown: str
) -> None:
    card = ask(visitor, "/api/units/communities/C07", lang="en").get_json()
    floating = next(item for item in card["figures"] if item["id"] == "floating_residents")
    assert (floating["value_text"], floating["withheld"]) == (shown, shown == "not shown")
    assert floating["suppressed"] is False


def test_leaders_see_all_figures(ask: Callable[..., Any]) -> None:
    for question in QUESTIONS:
        assert (
            ask(LEADER, "/api/view", question=question).get_json()
            == ask(PLANNER, "/api/view", question=question).get_json()
        )


def test_what_is_taken_away_is_what_is_seen(ask: Callable[..., Any]) -> None:
    for address in ("/download", "/export-map"):
        assert ask(RESIDENT, address).status_code == 401
        assert ask(WORKER, address).status_code == 403
        assert ask(LEADER, address).status_code == 200
    rows = ask(EAST, "/download", question="double_none").text.splitlines()[1:]
    assert len(rows) == 6 and all(row.startswith(("C07", "C08", "C09", "C10", "C11", "C12")) for row in rows)
    assert "_S2_double_none_" in ask(EAST, "/download", question="double_none").headers["Content-Disposition"]
    drawn = ask(EAST, "/export-map", question="double_none").text
    assert "和平里" in drawn and "绿景花园" not in drawn


def test_the_district_says_what_may_be_asked(ask: Callable[..., Any]) -> None:
    planner, resident, worker, auditor = (
        ask(who, "/api/district").get_json()
        for who in (PLANNER, RESIDENT, WORKER, somebody("auditor", Area("none")))
    )
    assert [unit["id"] for unit in planner["units"]] == list(UNITS)
    for unit in resident["units"]:
        assert unit["questions"] == [one for one in QUESTIONS if unit["id"] in PUBLIC_UNITS[one]]
    assert resident["counts"]["complaints"] is None and resident["complaints"] == {"from": None, "to": None}
    assert resident["sight"]["period"] is False and resident["sight"]["signed_in"] is False
    assert [unit["id"] for unit in worker["units"]] == ["square:100", "h3:10", "management", "communities"]
    assert 0 < worker["counts"]["complaints"] < planner["counts"]["complaints"]
    assert worker["sight"]["subdistricts"] == ["S2"]
    assert auditor["units"] == [] and auditor["sight"] is None


def test_every_unit_that_is_offered_has_some_in_the_area(ask: Callable[..., Any]) -> None:
    for who in (EAST, WORKER, NEAR, somebody("community_staff", Area("communities", frozenset({"C05"})))):
        offered = [unit["id"] for unit in ask(who, "/api/district").get_json()["units"]]
        for unit in UNITS:
            assert bool(ask(who, "/api/view", unit=unit).get_json()["rows"]["id"]) == (unit in offered)


def test_a_question_beyond_what_is_public_is_refused_in_words(ask: Callable[..., Any]) -> None:
    said = ask(RESIDENT, "/api/view", unit="square:100", lang="en").get_json()["error"]
    assert "over communities it is" in said["detail"] and "Sign in" in said["remedy"]
    days = ask(RESIDENT, "/api/view", question="hotspots", **{"from": "2019-03-01"}, lang="en").get_json()
    assert "default period" in days["error"]["detail"]
    default = {"from": "2019-01-01", "to": "2019-12-31"}
    assert ask(RESIDENT, "/api/view", question="hotspots", **default).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/view", "/api/units/communities/C07", "/download", "/export-map"])
def test_the_public_can_choose_no_limit(ask: Callable[..., Any], path: str) -> None:
    assert ask(RESIDENT, path, limit_m="500").status_code == 401
    if path.startswith("/api"):
        assert ask(RESIDENT, path, limit_m="300").get_json() == ask(RESIDENT, path).get_json()
        said = ask(RESIDENT, path, limit_m="500", lang="en").get_json()["error"]
        assert "no other limit can be chosen" in said["detail"] and "Sign in" in said["remedy"]
    assert ask(EAST, path, limit_m="500").status_code == 200
    assert ask(RESIDENT, "/api/district").get_json()["sight"]["limit"] is False
    assert ask(EAST, "/api/district").get_json()["sight"]["limit"] is True


UNSIGHTED = {
    "layers.summary": {"summary", "community_figures"},
    "layers.questions": {"full_answer"},
    "layers.analysis": {"analyse", "unit_table", "unit_hotspots", "coverage_table", "reach_m"},
    "layers.coverage": {"kind_coverage"},
    "layers.hotspots": {"Comparison", "hotspot_table"},
    "layers.cards": {"Card"},
    "layers.views": {"monthly_complaints"},
    "layers.units": {"units"},
}
"""What makes figures without asking who they are for."""


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[3] / "webmap").glob("*.py")), ids=lambda path: path.name
)
def test_the_web_service_makes_no_figures_past_the_policy(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not {alias.name for alias in node.names} & UNSIGHTED.get(node.module or "", set())
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & UNSIGHTED.keys()
