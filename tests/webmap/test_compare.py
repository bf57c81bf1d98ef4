"""Comparing two questions over the API: the answers of ``/api/view``, crossed."""

from __future__ import annotations

from itertools import permutations

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from layers.queries import QUESTIONS
from layers.standards import Standards
from layers.store import Store
from layers.text import LANGUAGES
from layers.visitors import RESIDENT, Area, Visitor
from tests.visitors import app_for
from webmap.schemas import SCHEMAS


def test_a_comparison_under_conditions_has_the_shape_it_is_told_to_have(client: FlaskClient) -> None:
    told = client.get("/api/compare?where=double_none~!kind:old_estate").get_json()
    Draft202012Validator(SCHEMAS["Comparison"]).validate(told)
    assert told["conditions"]["title"] == "符合全部 2 个条件"
    assert client.get("/api/compare?where=nonsense").status_code == 400


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("pair", tuple(permutations(QUESTIONS, 2)))
def test_the_api_answers_with_what_api_view_says(
    client: FlaskClient, pair: tuple[str, str], lang: str
) -> None:
    shared = {"unit": "communities", "lang": lang}
    told = client.get("/api/compare", query_string={"left": pair[0], "right": pair[1], **shared}).get_json()
    Draft202012Validator(SCHEMAS["Comparison"]).validate(told)
    for side, question in zip(("left", "right"), pair, strict=True):
        legend = client.get("/api/view", query_string={"question": question, **shared}).get_json()["legend"]
        counts = {one["id"]: one["count"] for one in legend["classes"]}
        for at, group in enumerate(told[side]["groups"]):
            across = [row[at] for row in told["cells"]] if side == "left" else told["cells"][at]
            assert sum(cell["units"] for cell in across) == sum(counts[name] for name in group["classes"])


def test_the_api_keeps_to_the_sight_of_whoever_asks(small_store: Store, standards: Standards) -> None:
    public = app_for(small_store, standards, RESIDENT).test_client()
    told = public.get("/api/compare?left=gap&right=double_none")
    assert told.status_code == 200
    assert told.get_json()["residents_told"] is False
    refused = public.get("/api/compare?left=gap&right=hotspots&unit=square:100&lang=en")
    assert refused.status_code == 401
    assert public.get("/api/compare?left=gap&right=double_none&limit_m=500").status_code == 401
    assert public.get("/api/compare?left=gap&right=double_none&where=double_none").status_code == 401
    west = Visitor(
        "subdistrict_staff", Area("subdistricts", frozenset({"S1"})), account="1" * 12, via="session"
    )
    theirs = app_for(small_store, standards, west).test_client()
    counted = theirs.get("/api/compare?left=gap&right=double_none&where=double_none").get_json()
    seen = theirs.get("/api/view?unit=communities&where=double_none").get_json()["conditions"]
    assert 0 < counted["total"]["units"] == seen["matches"] < counted["conditions"]["of"] == seen["of"] == 6
    assert public.get("/api/compare?left=gap&right=gap").status_code == 400
