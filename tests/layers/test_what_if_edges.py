"""What if at its edges: a move to where a place stands, and a district of which no facility is on record."""

from __future__ import annotations

import geopandas as gpd
import pytest

from layers.queries import ViewQuery
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.what_if import Scenario, Step, hypothesis
from layers.what_if_answer import WhatIf
from tests.district import small_district

FULL = Sight(aggregates="full", floating="all")


def place_of(facilities: gpd.GeoDataFrame, code: str) -> tuple[float, float]:
    at = facilities.loc[[code]].geometry.to_crs("EPSG:4490")
    return round(float(at.x.iloc[0]), 7), round(float(at.y.iloc[0]), 7)


@pytest.mark.parametrize("code", ["F01", "F05"])
def test_what_is_moved_to_where_it_stands_keeps_its_door(snapshot: Snapshot, code: str) -> None:
    there, at = snapshot.frame("facilities").loc[[code]], place_of(snapshot.frame("facilities"), code)
    step = Step("move", layer="facilities", code=code, at=at)
    given = hypothesis(snapshot, Scenario((step,)), unit="communities")
    assert [one.status for one in given.steps] == ["done"]
    assert given.supposed.frame("facilities").loc[[code]].equals(there)
    away = Step("move", layer="facilities", code=code, at=(at[0] + 1e-6, at[1]))
    moved = hypothesis(snapshot, Scenario((away,)), unit="communities").supposed.frame("facilities")
    assert moved["entrance_lon"].isna()[code], "where the door was is not where it is now"


def test_the_first_facility_on_record_starts_from_what_nobody_knows(standards: Standards) -> None:
    district, frames = small_district()
    frames["facilities"] = frames["facilities"].iloc[:0]
    bare = Snapshot(1, district, standards, frames)
    query = ViewQuery.from_params({"question": "gap", "kind": "day_care"}, bare, FULL)
    step = Step("add", kind="day_care", at=place_of(small_district()[1]["facilities"], "F01"))
    found = WhatIf(hypothesis(bare, Scenario((step,)), unit=query.unit), query).as_dict("en")["results"][0]
    for one in found["figures"]:
        before, after = one["before"], one["after"]
        assert (before["count"], before["unknown"], before["rate"]) == (0, before["of"], None)
        assert after["rate"] is not None and after["count"] > 0
        assert (one["before_text"], one["change_text"], one["change"]) == ("unknown", "unknown", None)
        assert one["unknown_change"] < 0
    changes = {name: one["communities"] for name, one in found["changes"].items() if one["communities"]}
    assert set(changes) == {"open"}, "what can be told on one side alone is neither gained nor lost"


def test_closing_the_only_facility_on_record_is_a_loss(standards: Standards) -> None:
    district, frames = small_district()
    facilities = frames["facilities"]
    frames["facilities"] = facilities[facilities["kind"] == "day_care"].iloc[:1]
    one = Snapshot(1, district, standards, frames)
    query = ViewQuery.from_params({"question": "gap", "kind": "day_care"}, one, FULL)
    step = Step("close", layer="facilities", code=str(one.frame("facilities").index[0]))
    found = WhatIf(hypothesis(one, Scenario((step,)), unit=query.unit), query).as_dict("en")["results"][0]
    for figure in found["figures"]:
        assert figure["before"]["count"] > 0 == figure["after"]["count"]
        assert figure["change"] == -figure["before"]["count"]
    changes = {name: of["communities"] for name, of in found["changes"].items() if of["communities"]}
    assert changes["lost"] and set(changes) <= {"lost", "farther"}
