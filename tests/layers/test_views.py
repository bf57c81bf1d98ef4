"""Views: page, API, download and offline map show the same rows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from geo.crs import points_from_metric
from layers import views
from layers.cards import Card
from layers.definitions import DEFINITIONS
from layers.headlines import QUESTION_DEFINITIONS
from layers.problems import BadParameter, NotFound
from layers.queries import QUESTIONS, default_period
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.summary import summary
from layers.text import LANGUAGES, Language
from layers.views import View, ViewQuery, unit_frame
from layers.visitors import WHOLE_DISTRICT
from tests.district import GUARDED_TEXT, small_district

UNITS = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")


EVERYTHING = Sight(aggregates="full", area=WHOLE_DISTRICT, floating="all")


def asked(snapshot: Snapshot, **params: str) -> ViewQuery:
    return ViewQuery.from_params(params, snapshot, EVERYTHING)


def view(snapshot: Snapshot, query: ViewQuery) -> View:
    return views.view(snapshot, query, EVERYTHING)


def card(snapshot: Snapshot, unit: str, unit_id: str, query: ViewQuery) -> Card:
    return views.card(snapshot, unit, unit_id, query, EVERYTHING)


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
        ViewQuery.from_params(params, snapshot, EVERYTHING)


def test_a_query_survives_its_own_parameters(snapshot: Snapshot) -> None:
    first = asked(snapshot, question="hotspots", unit="h3:9", subdistrict="S1", to="2019-06-30")
    params = {name: value for name, value in first.as_dict().items() if value is not None}
    assert ViewQuery.from_params(params, snapshot, EVERYTHING) == first


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


def changed(standards: Standards, **layers: Any) -> Snapshot:
    """Return the small district with some of its layers passed through a function."""
    district, frames = small_district()
    for name, change in layers.items():
        frames[name] = change(frames[name])
    return Snapshot(1, district, standards, frames)


def no_rows(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[:0]


def nobody_counted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(residents=pd.array([pd.NA] * len(frame), dtype="Int64"))


def strip_of(data: dict[str, Any]) -> dict[str, str]:
    return {item["title"]: item["value_text"] for item in data["strip"]}


def test_a_community_without_buildings_is_classed_by_its_own_walk(standards: Standards) -> None:
    made = changed(standards, buildings=no_rows)
    query = asked(made, question="gap", unit="communities", kind="day_care")
    shown = view(made, query)
    x, y = made.points("communities")
    doors = np.column_stack(made.doors("facilities"))[
        (made.frame("facilities")["kind"] == "day_care").to_numpy()
    ]
    walk = 1.3 * np.hypot(x[:, None] - doors[:, 0], y[:, None] - doors[:, 1]).min(axis=1)
    expected = [f"gap-{sum(metres > limit for limit in (300, 500, 800, 1000))}" for metres in walk]
    expected[5], expected[9] = "unknown", "uninhabited"  # C06 of unknown residents, C10 of none
    assert list(shown.answer.table["class"]) == expected
    assert len(set(expected)) > 4
    for code in ("C01", "C06", "C07"):
        made_card = card(made, "communities", code, query).as_dict("en")
        day_care = made_card["distances"][0]
        assert day_care["access_m"] == pytest.approx(walk[int(code[1:]) - 1], abs=0.05)
        assert day_care["covered"] == (day_care["access_m"] <= 300)
        assert "day-care" in made_card["reason"][0]["text"]
    # The columns that `wangge analyse` shares stay null without buildings.
    assert shown.answer.table["access_day_care_m"].isna().all()


def test_communities_of_unknown_residents_are_not_called_uninhabited(standards: Standards) -> None:
    made = changed(standards, buildings=no_rows, communities=nobody_counted)
    data = view(made, asked(made, question="gap", unit="communities")).as_dict("en")
    assert "uninhabited" not in data["rows"]["class"]
    assert "Residents unknown" not in strip_of(data)
    assert data["headlines"]["gap"]["definition"] == "coverage_buildings"


def test_a_walk_of_exactly_the_limit_is_within_it_everywhere(standards: Standards) -> None:
    made = changed(standards, buildings=no_rows)
    facilities = made.frame("facilities").iloc[[0]].copy()
    facilities[["entrance_lon", "entrance_lat"]] = np.nan
    x, y = made.points("communities")
    place = points_from_metric(x[:1] + 300 / 1.3, y[:1], made.district.metric_crs)
    facilities = facilities.set_geometry(gpd.GeoSeries.from_xy(*place, index=facilities.index, crs=4490))
    made = changed(standards, buildings=no_rows, facilities=lambda _: facilities)
    query = asked(made, question="gap", unit="communities", kind="day_care")
    day_care = card(made, "communities", "C01", query).as_dict("zh")["distances"][0]
    assert (day_care["access_m"], day_care["covered"], day_care["covered_share"]) == (300.0, True, 1.0)
    assert view(made, query).answer.table["class"].iloc[0] == "gap-0"


def test_the_strip_counts_communities_as_the_summary_does(snapshot: Snapshot) -> None:
    found = summary(snapshot)
    beside = found["urban_villages"]["double_none"]
    for unit in UNITS:
        data = view(snapshot, asked(snapshot, question="double_none", unit=unit)).as_dict("en")
        counted = strip_of(data)
        assert counted["Communities"] == str(found["communities"] + found["urban_villages"]["count"])
        assert counted["Double-none, villages incl."] == str(found["double_none"]["count"] + beside["count"])
        assert counted["Cannot tell, villages incl."] == str(
            found["double_none"]["unknown"] + beside["unknown"]
        )
    old = asked(snapshot, question="double_none", unit="subdistricts", community_kind="garden_estate")
    assert strip_of(view(snapshot, old).as_dict("en"))["Double-none"] == "0"


def test_every_figure_has_its_definition(snapshot: Snapshot, standards: Standards) -> None:
    for made in (snapshot, changed(standards, communities=nobody_counted)):
        for question in QUESTIONS:
            data = view(made, asked(made, question=question, unit="subdistricts")).as_dict("zh")
            assert data["question"]["definition"] == QUESTION_DEFINITIONS[question]
            named = [item["definition"] for item in (*data["strip"], *data["three_ways"])]
            named += [data["list"]["column"]["definition"], data["question"]["definition"]]
            named += [item["definition"] for item in data["headlines"].values()]
            assert set(named) - {None} <= set(DEFINITIONS)


def test_a_contract_that_still_runs_has_not_ended(standards: Standards) -> None:
    made = changed(standards, communities=lambda frame: frame.assign(contract_end=pd.Timestamp("2020-06-30")))
    made_card = card(made, "communities", "C07", asked(made)).as_dict("en")
    said = " ".join(part["text"] for part in made_card["reason"])
    assert "No property manager, verified 2019-11-15." in said
    assert "ended" not in said


def test_without_an_as_of_date_the_period_is_said_in_words(standards: Standards) -> None:
    district, frames = small_district()
    made = Snapshot(1, replace(district, as_of=None), standards, frames)
    for params, zh, en in (
        ({}, "全部日期", "all dates"),
        ({"from": "2019-01-01"}, "2019-01-01 起", "from 2019-01-01"),
        ({"to": "2019-06-30"}, "截至 2019-06-30", "up to 2019-06-30"),
    ):
        shown = view(made, asked(made, question="hotspots", **params))
        assert zh in shown.as_dict("zh")["headlines"]["hotspots"]["basis"]
        assert en in shown.as_dict("en")["headlines"]["hotspots"]["basis"]


def test_near_residents_with_a_far_mean_are_not_said_to_be_far(standards: Standards) -> None:
    """C01's only building is near; those of C06, whose residents are unknown, pull the unweighted mean up."""
    made = changed(
        standards,
        communities=lambda frame: frame.loc[["C01", "C06"]],
        buildings=lambda frame: frame[(frame["community"] == "C06") | (frame.index == "C01-B5")],
    )
    shown = card(made, "subdistricts", "S1", asked(made, question="gap", kind="day_care"))
    share, _, walk = shown.coverage("day_care")
    assert share == 1
    assert walk > 300
    said = shown.as_dict("en")["reason"][0]["text"]
    assert said == "All known residents are within 300 m of a day-care for the elderly."


def test_the_kind_shown_first_is_one_that_the_district_has(standards: Standards, snapshot: Snapshot) -> None:
    assert asked(snapshot).kind == "day_care"
    district, frames = small_district()
    for kinds, shown in ((["library"], "library"), ([], "day_care")):
        kept = frames["facilities"][frames["facilities"]["kind"].isin(kinds)]
        other = Snapshot(1, district, standards, {**frames, "facilities": kept})
        assert asked(other).kind == shown
