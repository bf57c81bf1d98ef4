"""What somebody sees does not depend on what they may not see: two districts that differ only there look the same.

This asks no table and no mark: whatever would tell of guarded values elsewhere, if only by a total, a rank or a
count, makes an answer differ between the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from layers.standards import Standards
from layers.store import create_store
from tests.district import one_epoch
from tests.security.conftest import UNHURRIED, asked_by
from tests.security.paper import marked_district
from tests.security.walk import questions
from tests.security.walking import WHO
from tests.visitors import POLICY
from webmap import create_app

if TYPE_CHECKING:
    import geopandas as gpd

WEST = (
    "worker of G01",
    "worker of G02 and G06",
    "staff of S1N1",
    "staff of C02",
    "staff of S1",
    "key to take",
)
"""They see what is in the west and nothing guarded of the east."""

COMPARED = ("downloads.download", "hotspots")
"""z and p of a hot spot compare a unit with all others of the district: there they depend on them by definition."""

ASKED = [
    question
    for question in questions()
    if question.kind not in ("public", "unset", "tile")
    and question.query.get("format") != "xlsx"
    and (question.endpoint, question.query.get("question")) != COMPARED
]


def changed_in_the_east(frames: dict[str, gpd.GeoDataFrame]) -> dict[str, gpd.GeoDataFrame]:
    """Return frames with other people and other complaints in the east, and not one change in the west."""
    communities, complaints = frames["communities"].copy(), frames["complaints"]
    east = communities["subdistrict"] == "S2"
    for name in ("households", "residents", "floating_residents"):
        communities.loc[east, name] = communities.loc[east, name] // 7 + 11
    kept = (complaints["subdistrict"] == "S1") | (complaints.index.str[-1].isin(list("13579")))
    fewer = complaints[kept].copy()
    there = fewer["subdistrict"] == "S2"
    fewer.loc[there, "demand_group"] = "safety"
    fewer.loc[there, "text"] = "other"
    return {**frames, "communities": communities, "complaints": fewer}


MOMENT = re.compile(rb'"at":"[^"]*"')
"""The two districts were written one after the other, and a history says when."""


@pytest.fixture(scope="module")
def both(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Flask]]:
    district, frames = marked_district()
    with ExitStack() as stack:
        apps = []
        for number, each in enumerate((frames, changed_in_the_east(frames))):
            url = f"gpkg:{tmp_path_factory.mktemp('two') / f'{number}.gpkg'}"
            with one_epoch():
                store = stack.enter_context(create_store(url, district, layers=each))
            apps.append(create_app(store, standards, POLICY, visitors=asked_by, settings=UNHURRIED))
        yield apps[0], apps[1]


def differing(both: tuple[Flask, Flask], name: str) -> list[str]:
    found = []
    clients = [app.test_client() for app in both]
    for question in ASKED[[*WEST, "planner"].index(name) % 4 :: 4]:
        bodies = [
            client.get(question.path, query_string=question.query, headers={WHO: name}) for client in clients
        ]
        html = bodies[0].mimetype == "text/html"  # with a nonce of its own each
        said = [MOMENT.sub(b"", body.data) for body in bodies]
        if bodies[0].status_code != bodies[1].status_code or (not html and said[0] != said[1]):
            found.append(str(question))
    return found


@pytest.mark.parametrize("name", WEST)
def test_nothing_guarded_elsewhere_shows(both: tuple[Flask, Flask], name: str) -> None:
    assert differing(both, name) == []


def test_to_those_who_may_see_it_it_does_show(both: tuple[Flask, Flask]) -> None:
    assert len(differing(both, "planner")) > 8
