"""What is known in part is told as such: never the known part as the whole, never unknown as few or as none."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.analysis import analyse
from layers.queries import ViewQuery
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.summary import mediation_figures, summary
from layers.text import Language
from layers.views import card, view
from layers.wall import wall
from tests.district import METRIC_CRS, ORIGIN, small_district

FULL = Sight(aggregates="full", floating="all")


def seen(snapshot: Snapshot, language: Language = "en", **params: str) -> dict[str, Any]:
    return view(snapshot, ViewQuery.from_params(params, snapshot, FULL), FULL).as_dict(language)


def told(
    snapshot: Snapshot, unit: str, code: str, language: Language = "en", **params: str
) -> dict[str, Any]:
    query = ViewQuery.from_params({"unit": unit, **params}, snapshot, FULL)
    return card(snapshot, unit, code, query, FULL).as_dict(language)


def reason_of(shown: dict[str, Any], fact: str) -> str:
    return next(str(part["text"]) for part in shown["reason"] if part["fact"] == fact)


def residents_of(shown: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in shown["figures"] if one["id"] == "residents")


def test_residents_known_in_part_are_at_least_those_on_cards_lists_and_in_files(snapshot: Snapshot) -> None:
    part, whole = (residents_of(told(snapshot, "neighbourhoods", code)) for code in ("S1N2", "S2N1"))
    assert (part["value_text"], part["unknown"]) == ("≥ 1,720", "8 of 24 dwellings")
    assert (whole["value_text"], whole["unknown"]) == ("2,190", None)
    shown = residents_of(told(snapshot, "neighbourhoods", "S1N2", "zh"))
    assert shown["unknown"] == "24 处住处中 8 处人数不明"
    assert "at least 650 residents" in reason_of(told(snapshot, "neighbourhoods", "S1N2"), "coverage")
    rows = seen(snapshot, unit="neighbourhoods")["rows"]
    values = dict(zip(rows["id"], rows["value_text"], strict=True))
    assert values["S1N2"] == "≥ 650" and values["S2N1"] == "2,190"
    query = ViewQuery.from_params({"unit": "neighbourhoods"}, snapshot, FULL)
    frame = view(snapshot, query, FULL).frame("en").set_index("Unit")
    of = [frame[name]["S1N2"] for name in ("Residents", "Dwellings", "Dwellings of unknown residents")]
    assert [round(float(item), 6) for item in of] == [1720, 24, 8]


@pytest.mark.parametrize("unit", ["square:100", "neighbourhoods", "communities"])
@pytest.mark.parametrize("question", ["gap", "double_none", "hotspots"])
def test_residents_over_the_map_are_at_least_those_where_some_are_unknown(
    snapshot: Snapshot, question: str, unit: str
) -> None:
    def over(**params: str) -> dict[str, str]:
        shown = seen(snapshot, "en", question=question, unit=unit, **params)["strip"]
        return {one["title"]: one["value_text"] for one in shown}

    residents = over()["All residents"]
    assert residents.startswith("≥ ") and residents.removeprefix("≥ ").replace(",", "").isdigit()
    whole = over(subdistrict="S2")
    assert not whole.get("All residents", whole.get("Residents", "")).startswith("≥")
    if unit == "neighbourhoods":
        assert over(where="residents:1")["Residents"].startswith("≥ ")
    if question == "gap":
        beyond = [text for title, text in over().items() if title.startswith("Beyond")]
        assert beyond and all(text.startswith("≥ ") for text in beyond)


def test_the_public_is_not_told_how_many_dwellings_are_of_unknown_residents(snapshot: Snapshot) -> None:
    public = Sight(aggregates="public", signed_in=False)
    query = ViewQuery.from_params({"unit": "communities"}, snapshot, public)
    frame = view(snapshot, query, public).frame("en")
    assert not [name for name in frame.columns if "wellings" in name]
    shown = card(snapshot, "communities", "C06", query, public).as_dict("en")
    assert [one["unknown"] for one in shown["figures"] if one["unknown"] is not None] == []


def test_unknown_is_not_told_as_too_few(snapshot: Snapshot) -> None:
    """Of C06 nobody knows the residents; in C10 live none."""
    shown = seen(snapshot, question="hotspots", unit="communities")
    classes = dict(zip(shown["rows"]["id"], shown["rows"]["class"], strict=True))
    assert (classes["C06"], classes["C10"]) == ("unknown", "masked")
    headline = shown["headlines"]["hotspots"]
    assert "of 10 units (1 under 20 residents, 1 unknown left out)" in headline["basis"]
    assert headline["figure"]["unknown"] == 2
    assert {one["id"]: one["count"] for one in shown["legend"]["classes"]}["unknown"] == 1
    words: dict[Language, tuple[str, str]] = {
        "en": ("too few residents", "residents unknown"),
        "zh": ("居民太少", "人口不明"),
    }
    for language, (few, unknown) in words.items():
        text = {
            code: reason_of(told(snapshot, "communities", code, language, question="hotspots"), "hotspots")
            for code in ("C06", "C10")
        }
        assert few in text["C10"] and unknown not in text["C10"]
        assert unknown in text["C06"] and few not in text["C06"]


def test_a_rate_of_which_a_little_is_unknown_is_told_as_at_most(standards: Standards) -> None:
    """One of 25 dwellings is of unknown residents: a home in no community beside three communities."""
    district, frames = small_district()
    whole = Snapshot(1, district, standards, frames)
    sentence = reason_of(told(whole, "neighbourhoods", "S2N1", question="hotspots"), "hotspots")
    buildings = frames["buildings"]
    one = buildings.loc[["C08-B1"]].assign(community=None, use="residential")
    one.index = pd.Index(["X1"], name=buildings.index.name)
    beside = shapely.transform(shapely.box(1584, 300, 1596, 310), lambda xy: xy + ORIGIN)
    moved = one.set_geometry(gpd.GeoSeries([beside], index=one.index, crs=METRIC_CRS).to_crs("EPSG:4490"))
    frames["buildings"] = pd.concat([buildings, moved]).sort_index()
    made = Snapshot(1, district, standards, frames)
    shown = told(made, "neighbourhoods", "S2N1", question="hotspots")
    assert residents_of(shown)["unknown"] == "1 of 25 dwellings"
    assert "at most" not in sentence and "at most" in reason_of(shown, "hotspots")
    assert "偏高" in reason_of(told(made, "neighbourhoods", "S2N1", "zh", question="hotspots"), "hotspots")


@pytest.mark.parametrize("unit", ["square:100", "neighbourhoods", "communities"])
def test_conditions_leave_open_what_is_not_compared(snapshot: Snapshot, unit: str) -> None:
    shown = seen(snapshot, question="hotspots", unit=unit)
    unknown = {
        code
        for code, name in zip(shown["rows"]["id"], shown["rows"]["class"], strict=True)
        if name == "unknown"
    }
    assert unknown
    for where in ("hot:90", "!hot:90", "cold:99", "class:hotspots:none", "!class:hotspots:masked"):
        met = seen(snapshot, question="hotspots", unit=unit, where=where)
        assert met["conditions"]["unknown"] == len(unknown), where
        open_cases = met["rows"]["id"][met["conditions"]["matches"] :]
        assert set(open_cases) == unknown, where
    met = seen(snapshot, question="hotspots", unit=unit, where="class:hotspots:unknown")
    assert set(met["rows"]["id"]) == unknown and met["conditions"]["unknown"] == 0


def test_the_wall_says_what_is_not_compared(snapshot: Snapshot) -> None:
    words: dict[Language, str] = {"en": "left out", "zh": "不比"}
    for language, said in words.items():
        shown = str(wall(snapshot, FULL, None, language))
        assert said in shown and "masked" not in shown and "遮蔽" not in shown


def _management(frames: dict[str, Any], facts: dict[str, str]) -> dict[str, Any]:
    """Return frames in which both facts of each community are as given, the others both yes."""
    communities = frames["communities"]
    both = pd.Series([facts.get(str(code), "yes") for code in communities.index], index=communities.index)
    changed = communities.assign(property_management=both, owners_committee=both)
    return {**frames, "communities": changed.astype({"property_management": "object"})}


@pytest.mark.parametrize(
    ("facts", "name", "text"),
    [
        ({"C01": "no"}, "dn-3", "1 / 3"),
        ({"C01": "no", "C02": "unknown"}, "dn-3", "1 (+1?) / 3"),
        ({"C02": "unknown"}, "unknown", "0 (+1?) / 3"),
        ({}, "dn-0", "0 / 3"),
    ],
)
def test_a_share_that_no_unknown_can_change_has_its_class(
    standards: Standards, facts: dict[str, str], name: str, text: str
) -> None:
    district, frames = small_district()
    made = Snapshot(1, district, standards, _management(frames, facts))
    rows = seen(made, question="double_none", unit="neighbourhoods")["rows"]
    at = rows["id"].index("S1N1")
    assert (rows["class"][at], rows["value_text"][at]) == (name, text)


def test_a_class_that_the_unknown_could_change_is_left_open(standards: Standards) -> None:
    """Of 6 communities 1 is double-none and 2 are unknown: from 17 % to 50 %, of which the classes differ."""
    district, frames = small_district()
    made = Snapshot(
        1, district, standards, _management(frames, {"C01": "no", "C02": "unknown", "C03": "unknown"})
    )
    for unit in ("subdistricts", "square:1000"):
        shown = seen(made, question="double_none", unit=unit)
        rows = shown["rows"]
        assert rows["class"].count("open") == 1, unit
        at = rows["class"].index("open")
        assert rows["value_text"][at].startswith("1 (+2?) / ")
        legend = {one["id"]: one for one in shown["legend"]["classes"]}
        assert legend["open"]["token"] == "hatch" and legend["open"]["count"] == 1
        assert shown["list"]["count"] == 1 and "open" in shown["list"]["listed"]
        for where, answer in (
            ("class:double_none:dn-2", "unknown"),
            ("!class:double_none:dn-3", "unknown"),
            ("class:double_none:dn-0", "no"),
            ("class:double_none:open", "yes"),
            ("double_none", "yes"),
        ):
            card_of = told(made, unit, rows["id"][at], question="double_none", where=where)
            assert [one["answer"] for one in card_of["conditions"]] == [answer], (unit, where)


@pytest.mark.parametrize(
    ("residents", "basis"),
    [
        ({}, "all residents unknown"),
        (dict.fromkeys(["C01", "C02"], 0), "no residents in 2 communities; 9 more of unknown residents"),
        ({f"C{n:02}": 0 for n in range(1, 13)}, "no residents in 11 communities"),
    ],
)
def test_nobody_known_is_not_nothing_known(
    standards: Standards, residents: dict[str, int], basis: str
) -> None:
    """Where buildings are counted it is said why: nothing is known of residents, or that there are none."""
    district, frames = small_district()
    communities = frames["communities"]
    people = pd.array([residents.get(str(code)) for code in communities.index], dtype="Int64")
    made = Snapshot(1, district, standards, {**frames, "communities": communities.assign(residents=people)})
    said = seen(made)["headlines"]["gap"]["basis"]
    assert said.endswith(f" buildings; {basis}")
    assert ("居民都不明" in seen(made, "zh")["headlines"]["gap"]["basis"]) == (not residents)


def test_communities_of_unknown_residents_are_no_share_of_residents(snapshot: Snapshot) -> None:
    ways = {one["id"]: one for one in seen(snapshot)["three_ways"]}
    assert ways["residents"]["unknown_share"] is None
    assert ways["residents"]["unknown_text"] == "1 communities"
    assert ways["buildings"]["unknown_text"] is None  # all have a place
    assert ways["area"]["unknown_text"] is None
    public = Sight(aggregates="public", signed_in=False)
    shown = view(snapshot, ViewQuery.from_params({}, snapshot, public), public).as_dict("en")
    assert [one["unknown_text"] for one in shown["three_ways"]] == [None, None, None]


def test_the_walls_mediation_counts_what_cannot_be_told(snapshot: Snapshot) -> None:
    shown = wall(snapshot, FULL, None, "en")
    figures = [one for linkage in shown["linkages"] for one in linkage["figures"]]
    found = next(one for one in figures if one["id"] == "mediation")
    of = mediation_figures(snapshot)
    assert of["cannot_tell"] == 1
    assert found["figure"] == {"count": 3, "of": 6, "unknown": 1, "rate": 0.5}
    assert found["figure"]["of"] - found["figure"]["count"] - found["figure"]["unknown"] == of["missing"]
    assert found["basis"].startswith("3 of 6")


@pytest.mark.parametrize("unit", ["square:100", "communities", "subdistricts"])
def test_without_facilities_all_ways_say_the_same(standards: Standards, unit: str) -> None:
    """Of no facility on record nothing is known; of a kind of which there is none beside others, all are beyond."""
    district, frames = small_district()
    facilities = frames["facilities"]
    for kept, known in ((facilities.iloc[:0], False), (facilities[facilities["kind"] == "library"], True)):
        made = Snapshot(1, district, standards, {**frames, "facilities": kept})
        covered = summary(made)["coverage"]["day_care"]
        shares = [covered[f"{name}_share"] for name in ("residents", "buildings", "area")]
        assert shares == [0.0, 0.0, 0.0] if known else shares == [None, None, None]
        for name in ("residents", "buildings"):
            assert covered[name]["unknown"] == (0 if known else covered[name]["of"])
        table = analyse(made, unit)
        people = table["residents"] > 0
        share = table.loc[people, "coverage_day_care_residents_share"]
        assert (share == 0).all() if known else share.isna().all()
        shown = seen(made, unit=unit, kind="day_care")
        assert shown["headlines"]["gap"]["needs"] == ([] if known else ["facilities"])
        lived_in = set(table.loc[people, "cell"])
        rows = zip(*(shown["rows"][name] for name in ("id", "class", "value")), strict=True)
        told_of = {(name, value is None) for code, name, value in rows if code in lived_in}
        assert told_of == {("gap-4", False)} if known else told_of == {("unknown", True)}
        for where in ("gap:day_care:300", "class:gap:day_care:300:gap-4"):
            met = seen(made, unit=unit, where=where)
            found = met["rows"]["id"][: met["conditions"]["matches"]]
            open_cases = met["rows"]["id"][met["conditions"]["matches"] :]
            assert lived_in <= set(found if known else open_cases), where
        for code in list(lived_in)[:2]:
            parts = told(made, unit, code, kind="day_care")["reason"]
            assert [part["text"] for part in parts if part["fact"] == "coverage"] == (
                ["The district has no day-care for the elderly."] if known else []
            )


def test_figures_over_the_map_say_where_urban_villages_are_among_them(snapshot: Snapshot) -> None:
    """Headlines leave them out: C12 has 4,200 residents beyond the limit, and its manager is unknown."""
    for question, title in (
        ("gap", "Beyond 300 m"),
        ("double_none", "Double-none"),
        ("double_none", "Cannot tell"),
    ):
        for subdistrict, mark in (("", ", villages incl."), ("S1", "")):
            shown = seen(snapshot, question=question, unit="square:100", subdistrict=subdistrict)
            titles = [one["title"] for one in shown["strip"]]
            assert f"{title}{mark}" in titles, (question, subdistrict, titles)
    chinese = seen(snapshot, "zh", question="double_none", unit="communities")["strip"]
    assert "双无，含城中村" in [one["title"] for one in chinese]
    shown = seen(snapshot, unit="square:100")["legend"]
    assert shown["subtitle"] == "By each unit's mean walk; bars: residents"
    shown = seen(snapshot, "zh", unit="square:100")["legend"]
    assert shown["subtitle"] == "按单元平均步行距离；柱高为各档居民数"
