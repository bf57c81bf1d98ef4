"""The head's navigation leads to the pages that there are, and that whoever asks may open."""

from __future__ import annotations

import re

import pytest

from layers.standards import Standards
from layers.store import Store
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.visitors import PLANNER, app_for
from webmap.gate import allow
from webmap.nav import PAGES

CELL = Area("management_cells", frozenset({"M1"}))


def member(role: str, area: Area = WHOLE_DISTRICT) -> Visitor:
    return Visitor(role, area, account="0" * 12, name=role, via="session")


@pytest.mark.parametrize(
    ("visitor", "expected"),
    [
        (RESIDENT, ["nav_desk", "nav_compare"]),
        (PLANNER, ["nav_desk", "nav_compare"]),
        (member("leader"), ["nav_desk", "nav_compare", "nav_wall"]),
        (member("grid_worker", CELL), ["nav_desk", "nav_compare", "nav_field"]),
    ],
    ids=["resident", "planner", "leader", "grid_worker"],
)
def test_everybody_is_led_where_they_may_go(
    small_store: Store, standards: Standards, visitor: Visitor, expected: list[str]
) -> None:
    client = app_for(small_store, standards, visitor).test_client()
    page = client.get("/compare").get_data(as_text=True)
    shown = re.findall(r'data-nav="(\w+)"', page)
    assert shown == expected
    assert re.findall(r'data-nav="(\w+)" aria-current="page"', page) == ["nav_compare"]
    for name in shown:
        assert client.get(PAGES[name]).status_code == 200, name


def test_a_page_of_a_part_that_is_there_is_led_to(small_store: Store, standards: Standards) -> None:
    for visitor, led in ((PLANNER, True), (member("leader"), False), (RESIDENT, False)):
        app = app_for(small_store, standards, visitor)
        app.add_url_rule("/data", "data", allow("import")(lambda: ""))
        page = app.test_client().get("/").get_data(as_text=True)
        assert ('data-nav="nav_data"' in page) == led, visitor.role


def test_links_keep_the_language(small_store: Store, standards: Standards) -> None:
    page = app_for(small_store, standards).test_client().get("/?lang=en").get_data(as_text=True)
    assert 'href="/compare?lang=en"' in page
