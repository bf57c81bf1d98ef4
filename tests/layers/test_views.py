"""Views: page, API, download and offline map show the same rows."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from layers.problems import BadParameter, NotFound
from layers.queries import QUESTIONS, default_period
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.text import LANGUAGES, Language
from layers.views import ViewQuery, card, search, unit_frame, view
from tests.district import GUARDED_TEXT, small_district

UNITS = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")


def asked(snapshot: Snapshot, **params: str) -> ViewQuery:
    return ViewQuery.from_params(params, snapshot)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_view_is_whole(snapshot: Snapshot, question: str, unit: str, language: Language) -> None:
    shown = view(snapshot, asked(snapshot, question=question, unit=unit))
    data = shown.as_dict(language)
    json.dumps(data, allow_nan=False)
    rows = data["rows"]
    assert {len(column) for column in rows.values()} == {len(unit_frame(snapshot, unit))}
    classes = {item["id"] for item in data["legend"]["classes"]}
    assert set(rows["class"]) <= classes
    assert sum(item["count"] for item in data["legend"]["classes"]) == len(rows["id"])
    assert set(rows["id"]) == set(unit_frame(snapshot, unit).index)
    assert len(shown.frame(language)) == len(rows["id"])
    made = card(snapshot, unit, rows["id"][0], shown.query).as_dict(language)
    json.dumps(made, allow_nan=False)
    assert made["reason"]
    text = json.dumps([data, made], ensure_ascii=False)
    assert "nan" not in text.replace("finance", "")
    assert GUARDED_TEXT not in text


def test_the_worst_come_first(snapshot: Snapshot) -> None:
    rows = view(snapshot, asked(snapshot, question="gap", unit="communities")).as_dict("en")["rows"]
    uncovered = [value for value in rows["value"] if value is not None]
    assert uncovered == sorted(uncovered, reverse=True)
    rows = view(snapshot, asked(snapshot, question="double_none")).as_dict("en")["rows"]
    order = {"double_none": 0, "unknown": 1, "no_manager": 2, "no_committee": 3, "complete": 4}
    ranks = [order[item] for item in rows["class"]]
    assert ranks == sorted(ranks)


def test_the_list_counts_what_it_lists(snapshot: Snapshot) -> None:
    data = view(snapshot, asked(snapshot, question="double_none")).as_dict("zh")
    assert data["list"]["count"] == data["rows"]["class"].count("double_none") == 3


def test_filters_leave_just_what_they_name(snapshot: Snapshot) -> None:
    west = view(snapshot, asked(snapshot, question="double_none", subdistrict="S1")).as_dict("zh")["rows"][
        "id"
    ]
    assert sorted(west) == ["C01", "C02", "C03", "C04", "C05", "C06"]
    old = view(snapshot, asked(snapshot, question="double_none", community_kind="old_estate")).as_dict("zh")[
        "rows"
    ]["id"]
    assert sorted(old) == ["C03", "C04", "C06", "C07", "C08"]
    cells = view(snapshot, asked(snapshot, subdistrict="S2", unit="square:100")).as_dict("zh")["rows"]["lon"]
    assert min(cells) > 114.13


def test_unknown_residents_are_a_class_of_their_own(snapshot: Snapshot) -> None:
    rows = view(snapshot, asked(snapshot, question="gap", unit="communities")).as_dict("zh")["rows"]
    by_id = dict(zip(rows["id"], rows["class"], strict=True))
    assert by_id["C06"] == "unknown"
    assert by_id["C10"] == "uninhabited"
    assert rows["value"][rows["id"].index("C06")] is None


def test_without_any_residents_buildings_are_counted(standards: Standards) -> None:
    district, frames = small_district()
    nobody = pd.array([pd.NA] * len(frames["communities"]), dtype="Int64")
    frames["communities"] = frames["communities"].assign(residents=nobody)
    data = view(made := Snapshot(1, district, standards, frames), asked(made, unit="square:100")).as_dict(
        "en"
    )
    assert data["question"]["basis"] == "buildings"
    assert "unknown" not in data["rows"]["class"]
    assert "buildings" in data["headlines"]["gap"]["label"]


def test_an_empty_district_says_what_it_needs(standards: Standards) -> None:
    district, frames = small_district()
    empty = Snapshot(0, district, standards, {name: frame.iloc[:0] for name, frame in frames.items()})
    for question in QUESTIONS:
        for unit in UNITS:
            data = view(empty, asked(empty, question=question, unit=unit)).as_dict("en")
            assert data["headlines"][question]["needs"]
            assert data["headlines"][question]["figure"] is None
    assert data["headlines"]["hotspots"]["label"] == "Needs Complaints"


def test_the_default_period_is_the_year_up_to_the_as_of_date(snapshot: Snapshot) -> None:
    assert default_period(snapshot) == (date(2019, 1, 1), date(2019, 12, 31))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"question": "why"}, "question"),
        ({"kind": "pub"}, "Use one of community_service_station"),
        ({"unit": "square:1"}, "Use square:100"),
        ({"subdistrict": "S9"}, "S1, S2"),
        ({"community_kind": "castle"}, "garden_estate"),
        ({"from": "2019-02-30"}, "no day"),
        ({"from": "31/12/2019"}, "2019-12-31"),
        ({"from": "２０１９-01-01"}, "no day"),
        ({"from": "0001-01-01"}, "no day"),
        ({"from": "2019-12-31", "to": "2019-01-01"}, "before it begins"),
    ],
)
def test_a_parameter_out_of_range_is_refused_in_words(
    snapshot: Snapshot, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadParameter, match=said):
        ViewQuery.from_params(params, snapshot)


def test_a_query_survives_its_own_parameters(snapshot: Snapshot) -> None:
    first = asked(snapshot, question="hotspots", unit="h3:9", subdistrict="S1", to="2019-06-30")
    params = {name: value for name, value in first.as_dict().items() if value is not None}
    assert ViewQuery.from_params(params, snapshot) == first


def test_months_end_with_the_period(snapshot: Snapshot) -> None:
    shown = view(snapshot, asked(snapshot, question="hotspots", unit="subdistricts"))
    months = np.array(shown.as_dict("zh")["rows"]["months"])
    opened = snapshot.frame("complaints")["opened"]
    assert months.sum() == ((opened > "2018-12-31") & (opened <= "2019-12-31")).sum()
    assert months[:, 11].sum() == (opened >= "2019-12-01").sum()


def test_a_card_says_why(snapshot: Snapshot) -> None:
    query = asked(snapshot, kind="day_care")
    made = card(snapshot, "communities", "C04", query).as_dict("en")
    said = " ".join(part["text"] for part in made["reason"])
    assert "The property contract ended on 2019-03-31, with no successor." in said
    assert [seat["value"] for seat in made["seats"]] == ["no", "yes", "no", "yes"]
    double = card(snapshot, "communities", "C07", query).as_dict("en")
    assert double["tag"] == {"text": "Double-none", "tone": "double-none"}
    assert "No day-care for the elderly within 300 m" in " ".join(part["text"] for part in double["reason"])
    assert {part["fact"] for part in double["reason"]} >= {"coverage", "double_none", "hotspots"}
    with pytest.raises(NotFound):
        card(snapshot, "communities", "C99", query)


def test_search_finds_names_codes_and_english(snapshot: Snapshot) -> None:
    assert search(snapshot, "竹园", limit=5, language="zh")[0]["id"] == "C06"
    assert search(snapshot, "c06", limit=5, language="zh")[0]["name"] == "竹园小区"
    assert search(snapshot, "JADE", limit=5, language="en")[0]["name"] == "Jade Court"
    assert search(snapshot, "   ", limit=5, language="zh") == []
    assert search(snapshot, "%_'\"\\", limit=5, language="zh") == []
    assert len(search(snapshot, "0", limit=3, language="zh")) == 3
