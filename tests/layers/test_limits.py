"""A limit that is tried: the same figures as a standard that says so would give, and everything says that it is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import views
from layers.limits import Limit, limit_range_m
from layers.problems import BadParameter, Forbidden, NotSignedIn
from layers.queries import ViewQuery
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import CoverageLimit, Standards
from layers.text import LANGUAGES, Language, Text
from layers.visitors import Area
from tests.district import small_district
from webmap.downloads import file_name

UNITS = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")
EVERYTHING = Sight(aggregates="full", floating="all")
EAST = Sight(aggregates="area", area=Area("subdistricts", frozenset({"S2"})), floating="area")
PUBLIC = Sight(aggregates="public", signed_in=False)
STANDARD = CoverageLimit("day_care", 300.0, Text("出处", "source"), False)


def shown(snapshot: Snapshot, sight: Sight = EVERYTHING, **params: str) -> views.View:
    return views.view(snapshot, ViewQuery.from_params(params, snapshot, sight), sight)


def with_standard(standards: Standards, kind: str, limit_m: float, *, bare: bool = False) -> Snapshot:
    """Return the small district under a standard with another limit; `bare` without any known residents."""
    limits = {**standards.limits, kind: replace(standards.limits[kind], limit_m=limit_m)}
    district, frames = small_district()
    if bare:
        frames["communities"]["residents"] = pd.array([None] * len(frames["communities"]), dtype="Int64")
    return Snapshot(1, district, replace(standards, limits=limits), frames)


def figures(view: views.View) -> dict[str, Any]:
    """Return what a view tells in numbers, without words about the limit."""
    said = view.as_dict("zh")
    return {
        "headline": {name: said["headlines"]["gap"][name] for name in ("value", "figure", "value_text")},
        "ways": said["three_ways"],
        "classes": [(item["id"], item["count"], item["residents"]) for item in said["legend"]["classes"]],
        "bounds": [item["title"] for item in said["legend"]["classes"]],
        "strip": [item["value_text"] for item in said["strip"]],
        "count": said["list"]["count"],
        "rows": said["rows"],
    }


@pytest.mark.parametrize("bare", [False, True], ids=["residents", "buildings"])
@pytest.mark.parametrize(("kind", "limits"), [("day_care", (350, 500, 1000)), ("library", (300, 3000))])
def test_a_chosen_limit_gives_what_a_standard_with_it_gives(
    standards: Standards, kind: str, limits: tuple[int, ...], bare: bool
) -> None:
    own = with_standard(standards, kind, standards.limits[kind].limit_m, bare=bare)
    for limit_m in limits:
        changed = with_standard(standards, kind, float(limit_m), bare=bare)
        for unit, sight in product(UNITS, (EVERYTHING, EAST)):
            chosen = shown(own, sight, unit=unit, kind=kind, limit_m=str(limit_m))
            assert figures(chosen) == figures(shown(changed, sight, unit=unit, kind=kind))


def test_cards_compare_with_the_chosen_limit(standards: Standards, snapshot: Snapshot) -> None:
    changed = with_standard(standards, "day_care", 700.0)
    for unit in ("communities", "square:100"):
        for unit_id in shown(snapshot, unit=unit).as_dict("zh")["rows"]["id"]:
            cards = []
            for district, params in ((snapshot, {"limit_m": "700"}), (changed, {})):
                query = ViewQuery.from_params({"unit": unit, **params}, district, EVERYTHING)
                cards.append(views.card(district, unit, unit_id, query, EVERYTHING).as_dict("en"))
            chosen, standard = cards
            marks = [row.pop("limit_chosen") for row in chosen["distances"]]
            assert marks == [row["kind"] == "day_care" for row in chosen["distances"]]
            assert not any(row.pop("limit_chosen") for row in standard["distances"])
            said = [part for part in chosen["reason"] if part["text"] != "(limit chosen, standard 300 m.)"]
            assert said == standard["reason"] and len(said) == len(chosen["reason"]) - 1
            assert chosen | {"reason": said} == standard


def told(view: views.View, language: Language) -> list[str]:
    """Return the words of a view that speak of the limit."""
    said = view.as_dict(language)
    return [
        said["headlines"]["gap"]["label"],
        said["question"]["method"],
        said["limit"]["source"],
        said["list"]["column"]["title"],
        *(item["title"] for item in said["strip"] if item["tone"] == "gap"),
        said["legend"]["subtitle"] + said["legend"]["classes"][0]["title"] + " m",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_says_that_a_limit_is_chosen(snapshot: Snapshot, language: Language) -> None:
    mark = {"zh": "自选", "en": "chosen"}[language]
    for unit in UNITS:
        plain, view = shown(snapshot, unit=unit), shown(snapshot, unit=unit, limit_m="500")
        words = told(view, language)
        assert len(words) == 6 and all(mark in text and "500 m" in text for text in words)
        assert not any(mark in text for text in told(plain, language))
        said = view.as_dict(language)
        assert said["query"]["limit_m"] == 500
        limit = {name: said["limit"][name] for name in ("metres", "standard", "chosen")}
        assert limit == {"metres": 500, "standard": 300, "chosen": True}
        assert "300 m" in said["legend"]["subtitle"] and "300 m" in said["question"]["method"]
        frame = view.frame(language)
        assert said["list"]["column"]["title"] in frame.columns
        assert [name for name in frame.columns if name.startswith("coverage_")] == [
            "coverage_day_care_500m_residents_share"
        ]
        assert "_day_care_500m_" in file_name(view, language, "csv")


def test_the_standard_s_own_limit_is_no_choice(snapshot: Snapshot) -> None:
    plain, same = shown(snapshot), shown(snapshot, limit_m="300")
    assert same.query == plain.query and same.query.limit_m is None
    assert same.as_dict("en") == plain.as_dict("en")
    assert shown(snapshot, kind="library", limit_m="1000").query.limit_m is None
    assert shown(snapshot, kind="library", limit_m="300").query.limit_m == 300


@pytest.mark.parametrize(
    "given", ["0", "99", "1001", "-500", "500.5", "5e2", "五百", "５００", "0x1f4", "nan", "9" * 200]
)
def test_a_limit_out_of_range_is_refused_in_words(snapshot: Snapshot, given: str) -> None:
    with pytest.raises(BadParameter) as refused:
        shown(snapshot, limit_m=given)
    said, remedy = refused.value.message, refused.value.remedy
    assert remedy is not None
    assert "limit_m" in said.zh and "limit_m" in said.en
    assert "100 到 1000" in remedy.zh and "100 to 1000" in remedy.en and "300" in remedy.en


def test_the_public_has_the_standard_s_limit_only(snapshot: Snapshot) -> None:
    for sight, refusal in ((PUBLIC, NotSignedIn), (replace(PUBLIC, signed_in=True), Forbidden)):
        for question, unit in (
            ("gap", "communities"),
            ("double_none", "subdistricts"),
            ("hotspots", "neighbourhoods"),
        ):
            with pytest.raises(refusal, match="no other limit can be chosen"):
                shown(snapshot, sight, question=question, unit=unit, limit_m="500")
        assert shown(snapshot, sight, limit_m="300").query.limit_m is None


def test_limits_leave_nothing_behind(snapshot: Snapshot) -> None:
    for unit in ("square:100", "communities"):
        shown(snapshot, unit=unit, limit_m="350").as_dict("zh")
    kept = set(snapshot._derived)
    for limit_m in range(360, 560):
        for unit in ("square:100", "communities"):
            view = shown(snapshot, unit=unit, limit_m=str(limit_m))
            view.as_dict("zh")
    assert set(snapshot._derived) == kept


def test_a_greater_limit_puts_no_unit_into_a_farther_class(snapshot: Snapshot) -> None:
    for unit in UNITS:
        before = None
        for limit_m in range(100, 1001, 50):
            table = shown(snapshot, unit=unit, limit_m=str(limit_m)).answer.table
            level = table["class"].str.extract(r"gap-(\d)", expand=False).astype(float).to_numpy()
            assert before is None or not (level > before).any()
            before = level


@given(st.floats(1.0, 5000.0), st.floats(0.0, 3000.0))
def test_class_bounds_rise_and_never_fall_as_the_limit_grows(limit_m: float, more: float) -> None:
    bounds = Limit(limit_m, STANDARD).breaks_m
    assert len(bounds) == 4 and bounds[0] == limit_m
    assert bounds[1] >= 1.2 * limit_m and all(np.diff(bounds) > 0)
    assert all(
        one <= other for one, other in zip(bounds, Limit(limit_m + more, STANDARD).breaks_m, strict=True)
    )


def test_class_bounds_of_the_standard_s_limits() -> None:
    expected = {300.0: (500, 800, 1000), 500.0: (800, 1000, 1500), 1000.0: (1500, 2000, 3000)}
    assert {limit: Limit(limit, STANDARD).breaks_m[1:] for limit in expected} == expected


@given(st.floats(1.0, 20_000.0))
def test_every_kind_may_try_its_own_limit_and_the_walk_circles(standard_m: float) -> None:
    least, most = limit_range_m(standard_m)
    assert 0 <= least <= standard_m <= most + 0.5 and most >= 1000
    assert least <= 300
