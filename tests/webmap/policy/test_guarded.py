"""Guarded fields leave where they are asked for by name, and are recorded before."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.district import GUARDED_TEXT
from tests.webmap.policy.asking import VISITORS, Client, Log

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
