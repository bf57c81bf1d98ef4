"""What is said of a scenario, and of several beside the present."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely

from layers import views
from layers.problems import BadParameter
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.what_if import ROOM, SHARED_ROOM, Scenario, hypothesis
from layers.what_if_answer import WhatIf, kind_result, supposed_view
from layers.what_if_compare import Comparison, named_from_text
from layers.what_if_reach import difference, reach, units_changed
from tests.district import small_district
from tests.layers.supposing import EVERYTHING, IN_C07, IN_C08, add, at, close, move, query_of, supposed


def test_stale_scenarios_and_places_that_are_gone_are_said(snapshot: Snapshot) -> None:
    query = query_of(snapshot, question="gap", kind="day_care")
    steps = (
        close("facilities", "F77"),
        close("facilities", "F01"),
        move("facilities", "F01", *IN_C08),
        add("day_care", *IN_C08),
    )
    given_ = hypothesis(snapshot, Scenario(steps), unit=query.unit)
    told = WhatIf(given_, query, base=0).as_dict("zh")
    assert [one["status"] for one in told["steps"]] == ["gone", "done", "closed", "done"]
    assert told["steps"][0]["note"] == "本区现在没有这一处，这一步不起作用。"
    assert told["steps"][2]["note"] == "前面的步骤已把它关闭，这一步不起作用。"
    assert told["stale"] and "第 0 版" in told["note"] and "第 1 版" in told["note"]
    assert not WhatIf(given_, query, base=1).as_dict("en")["stale"]
    only_gone = hypothesis(snapshot, Scenario(steps[:1]), unit=query.unit)
    assert only_gone.supposed is snapshot and WhatIf(only_gone, query).as_dict("en")["results"] == []


def test_the_answer_names_who_gains_double_none_first(snapshot: Snapshot) -> None:
    query = query_of(snapshot, question="gap", kind="day_care", unit="communities")
    given_ = hypothesis(snapshot, Scenario((add("day_care", *IN_C08),)), unit=query.unit)
    told = WhatIf(given_, query).as_dict("zh")
    assert told["shown"] == "day_care" and told["steps"][0]["title"].startswith("增设")
    (result,) = told["results"]
    assert result["communities"][0]["double_none"] == "yes"
    gained = [one for one in result["communities"] if one["change"] == "gained"]
    published = [one for one in gained if one["published"]]
    assert "C08" in {one["code"] for one in gained}
    assert result["changes"]["gained"]["communities"] == len(published)
    people = result["figures"][0]
    assert people["change"] == people["after"]["count"] - people["before"]["count"] > 0
    assert people["after"] == kind_result(given_, query, "day_care").found.after.residents.as_dict()
    view = views.view(given_.supposed, query, EVERYTHING).as_dict("zh")
    beyond = view["headlines"]["gap"]["figure"]
    assert people["after"]["count"] == beyond["of"] - beyond["count"]
    assert "C08" in told["units"]["gained"] and told["units"]["lost"] == []


def test_a_chosen_limit_holds_for_its_own_kind_alone(snapshot: Snapshot) -> None:
    query = query_of(snapshot, question="gap", kind="day_care", limit_m="800")
    steps = (add("day_care", *IN_C08), add("library", *IN_C08))
    told = WhatIf(hypothesis(snapshot, Scenario(steps), unit=query.unit), query).as_dict("zh")
    assert {one["kind"]: (one["limit_m"], one["limit_chosen"]) for one in told["results"]} == {
        "day_care": (800.0, True),
        "library": (1000.0, False),
    }
    assert [one["radius_m"] for one in told["steps"]] == [round(800 / 1.3, 1), round(1000 / 1.3, 1)]


def test_rooms_serve_by_membership_and_shared_ones_around(snapshot: Snapshot) -> None:
    query = query_of(snapshot, question="gap")
    own = hypothesis(snapshot, Scenario((add(ROOM, *IN_C08),)), unit=query.unit)
    (result,) = WhatIf(own, query).as_dict("zh")["results"]
    assert [one["code"] for one in result["communities"] if one["change"] == "gained"] == ["C08"]
    shared = hypothesis(snapshot, Scenario((add(SHARED_ROOM, *IN_C08),)), unit=query.unit)
    more = WhatIf(shared, query).as_dict("zh")["results"][0]
    assert more["figures"][0]["change"] > result["figures"][0]["change"]
    # C02 has 300 households and is due a room; C08 has 96 and is not.
    due = hypothesis(snapshot, Scenario((add(ROOM, 400.0, 300.0),)), unit=query.unit)
    told = WhatIf(due, query).as_dict("zh")
    mediation = told["results"][0]["mediation"]
    assert mediation["after"]["served"] == mediation["before"]["served"] + 1
    assert mediation["after"]["missing"] == mediation["before"]["missing"] - 1
    assert result["mediation"]["after"] == result["mediation"]["before"]
    assert told["steps"][0]["note"] == "属于望湖居。"
    street = hypothesis(snapshot, Scenario((add(ROOM, 797.0, 590.0),)), unit=query.unit)
    told = WhatIf(street, query).as_dict("zh")
    assert "不在任何小区内" in told["steps"][0]["note"]
    assert told["results"][0]["communities"] == []


def test_without_any_place_nobody_is_covered_and_nothing_unknown(snapshot: Snapshot) -> None:
    steps = tuple(close("facilities", code) for code in ("F01", "F02"))
    none = reach(supposed(snapshot, *steps), "day_care")
    assert none.residents.count == 0 and set(none.within) == {"no"}
    first = supposed(snapshot, *steps, add("day_care", *IN_C08))
    assert reach(first, "day_care").residents.count > 0


def test_what_is_supposed_is_marked(snapshot: Snapshot) -> None:
    query = query_of(snapshot, question="gap", kind="day_care")
    given_ = hypothesis(snapshot, Scenario((add("day_care", *IN_C08),)), unit=query.unit)
    marked = supposed_view(given_, query, EVERYTHING, "zh")
    for text in (
        marked["strip"][0]["title"],
        marked["headlines"]["gap"]["label"],
        marked["list"]["title"],
        marked["legend"]["title"],
    ):
        assert text.startswith("假设：")
    assert not marked["headlines"]["hotspots"]["label"].startswith("假设")


# Beside each other


def compared(snapshot: Snapshot) -> Comparison:
    named = {
        "甲": Scenario((add("day_care", *IN_C08),)),
        "乙": Scenario((add("day_care", *IN_C07), close("facilities", "F01"), close("facilities", "F77"))),
        "=1+1": Scenario((add(SHARED_ROOM, *IN_C08),)),
    }
    return Comparison(snapshot, query_of(snapshot, question="gap", kind="day_care"), named)


def test_scenarios_stand_beside_the_present(snapshot: Snapshot) -> None:
    told = compared(snapshot).as_dict("zh")
    assert [one["name"] for one in told["columns"]] == ["现状", "甲", "乙", "=1+1"]
    assert [one["steps"] for one in told["columns"]] == [0, 1, 3, 1]
    assert [one["idle"] for one in told["columns"]] == [0, 0, 1, 0]
    kinds = {one["kind"]: {row["id"]: row["values"] for row in one["rows"]} for one in told["kinds"]}
    assert list(kinds) == ["day_care", ROOM]
    now = reach(snapshot, "day_care")
    for n, scenario in enumerate(compared(snapshot).named.values(), 1):
        after = reach(supposed(snapshot, *scenario.steps), "day_care")
        assert kinds["day_care"]["residents"][n] == after.residents.count
        found = difference(snapshot, now, after)
        assert kinds["day_care"]["double_none_gained"][n] == found.count("gained", double_none=True)
        assert kinds["day_care"]["lost"][n] == found.count("lost")
    assert kinds["day_care"]["residents"][0] == kinds["day_care"]["residents"][3] == now.residents.count
    assert "served" in kinds[ROOM] and "served" not in kinds["day_care"]
    assert all(len(row["texts"]) == len(told["columns"]) for kind in told["kinds"] for row in kind["rows"])


def test_scenarios_are_taken_away_as_table_and_as_features(snapshot: Snapshot) -> None:
    found = compared(snapshot)
    table = found.table_frame("zh")
    assert list(table.columns[:7]) == ["种类", "限值（m）", "指标", "现状", "1 甲", "2 乙", "3 =1+1"]
    features = found.features_frame("en")
    placed = features[features["What"] == "Place"]
    assert placed["Scenario"].tolist() == ["甲", "乙", "乙", "乙", "=1+1"]
    assert shapely.get_x(placed.geometry.iloc[0]) == pytest.approx(at(*IN_C08)[0], abs=1e-7)
    changed = features[features["What"] == "Community"]
    assert {"C08", "C07"} <= set(changed["Code"]) and "F77" in set(placed["Code"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=add:day_care:114.1:22.5",
        "A=close:facilities:F1|A=close:facilities:F2",
        "|".join(f"{n}=" for n in range(7)),
    ],
)
def test_scenarios_to_compare_are_checked(standards: Standards, text: str) -> None:
    with pytest.raises(BadParameter):
        named_from_text(text, standards)


def test_residents_that_nobody_knows_are_counted_in_places(standards: Standards) -> None:
    district, frames = small_district()
    frames["communities"] = frames["communities"].assign(
        residents=frames["communities"]["residents"].where(frames["communities"].index != "C08")
    )
    snapshot = Snapshot(1, replace(district), standards, frames)
    after = reach(supposed(snapshot, add("day_care", *IN_C08)), "day_care")
    found = difference(snapshot, reach(snapshot, "day_care"), after)
    c08 = snapshot.frame("communities").index.get_loc("C08")
    assert found.change[c08] == "gained" and found.residents[c08] == 0 and found.buildings[c08] > 0
    assert "C08" in units_changed(snapshot, "communities", found.before, found.after)[0]
