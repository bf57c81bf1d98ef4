"""What holds on which day: last days, days to come, days of a period, days of China."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import views
from layers.checks.run import check
from layers.civil_time import day_in_china
from layers.indicators import SEATS
from layers.linkages import period_before
from layers.periods import year_to
from layers.queries import ViewQuery, default_period
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.units import units
from layers.verify_tasks import LAYERS_ASKED, doubts_of_community, tasks
from layers.visitors import WHOLE_DISTRICT, Visitor
from tests.district import AS_OF, small_district
from tests.visitors import POLICY

EVERYTHING = Sight(aggregates="full", area=WHOLE_DISTRICT, floating="all")


def changed(
    standards: Standards, layer: str, values: dict[str, Any], *, as_of: date | None = AS_OF
) -> Snapshot:
    """Return the small district as of a day, with fields of one community or of all rows of a layer changed."""
    district, frames = small_district()
    frame = frames[layer].copy()
    for name, value in values.items():
        frame[name] = value
    return Snapshot(1, replace(district, as_of=as_of), standards, dict(frames, **{layer: frame}))


def card_of(snapshot: Snapshot, code: str, **params: str) -> dict[str, Any]:
    query = ViewQuery.from_params({"unit": "communities", **params}, snapshot, EVERYTHING)
    return views.card(snapshot, "communities", code, query, EVERYTHING).as_dict("en")


def square_of(snapshot: Snapshot, **params: str) -> dict[str, Any]:
    query = ViewQuery.from_params({"unit": "square:100", **params}, snapshot, EVERYTHING)
    code = str(units(snapshot, "square:100").ids[0])
    return views.card(snapshot, "square:100", code, query, EVERYTHING).as_dict("en")


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_card_tasks_and_checks_agree_on_a_contracts_last_day(standards: Standards, days: int) -> None:
    end = AS_OF + timedelta(days=days)
    snapshot = changed(standards, "communities", {"contract_end": pd.Timestamp(end)})
    said = " ".join(part["text"] for part in card_of(snapshot, "C03")["reason"])
    assert (f"ended on {end}" in said) == (days < 0)
    without = {"property_management": "no", "contract_start": None, "contract_end": end}
    (doubt,) = doubts_of_community("C03", without, AS_OF, standards.verification)
    assert doubt.kind == ("undated" if days < 0 else "contradicts")
    managed = without | {"property_management": "yes"}
    (doubt,) = doubts_of_community("C03", managed, AS_OF, standards.verification)
    assert doubt.kind == ("ended" if days < 0 else "undated")
    kinds = {finding.id for finding in check(snapshot)}
    assert ("contract_ended" in kinds, "contract_runs" in kinds) == (days < 0, days >= 0)


def test_without_an_as_of_day_no_contract_is_said_to_have_ended(standards: Standards) -> None:
    ends = {"contract_end": pd.Timestamp("2099-12-31")}
    said = card_of(changed(standards, "communities", ends, as_of=None), "C03")["reason"]
    assert not any("ended on" in part["text"] for part in said)
    assert any("No property manager" in part["text"] for part in said)


@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)))
def test_a_year_to_a_day_and_the_year_before_leave_out_no_day_and_share_none(day: date) -> None:
    first, last = year_to(day)
    assert last == day and 365 <= (last - first).days + 1 <= 366
    assert (first.month, first.day) == ((day + timedelta(days=1)).month, (day + timedelta(days=1)).day) or (
        (day.month, day.day) == (2, 28) and (first.month, first.day) == (3, 1)
    )
    earlier = year_to(first - timedelta(days=1))
    assert earlier[1] + timedelta(days=1) == first


@pytest.mark.parametrize(
    ("as_of", "first"),
    [
        ("2021-02-28", "2020-03-01"),
        ("2020-02-28", "2019-03-01"),
        ("2020-02-29", "2019-03-01"),
        ("2019-12-31", "2019-01-01"),
    ],
)
def test_the_default_period_has_no_thirteenth_month(standards: Standards, as_of: str, first: str) -> None:
    snapshot = changed(standards, "communities", {}, as_of=date.fromisoformat(as_of))
    assert default_period(snapshot) == (date.fromisoformat(first), date.fromisoformat(as_of))


def test_the_year_before_a_february_is_whole(standards: Standards) -> None:
    opened = {"opened": pd.to_datetime(["2019-02-01", "2020-02-29"] * 90)}
    snapshot = changed(standards, "complaints", opened, as_of=date(2021, 2, 28))
    assert period_before(snapshot, default_period(snapshot)) == (date(2019, 3, 1), date(2020, 2, 29))


def test_a_count_of_a_period_is_dated_by_the_period(snapshot: Snapshot) -> None:
    chosen = {"from": "2018-03-01", "to": "2018-05-31"}
    for card in (card_of(snapshot, "C01", **chosen), square_of(snapshot, **chosen)):
        dates = {figure["id"]: figure["date"] for figure in card["figures"]}
        assert dates["complaints"] == "2018-03-01 to 2018-05-31"
        assert dates["buildings"] == "2019-12-31"
    assert card_of(snapshot, "C01", **{"from": "2018-03-01"})["figures"][3]["date"] == "from 2018-03-01"


TODAY = AS_OF + timedelta(days=100)
LATER = pd.Timestamp(TODAY + timedelta(days=1))


@pytest.mark.parametrize(
    ("layer", "field"),
    [
        ("complaints", "opened"),
        ("complaints", "closed"),
        ("facilities", "opened"),
        ("mediation_rooms", "opened"),
        ("communities", "owners_committee_date"),
        ("communities", "residents_date"),
    ],
)
def test_days_that_have_not_come_are_faults_and_those_after_the_as_of_day_notes(
    standards: Standards, layer: str, field: str
) -> None:
    def found(day: pd.Timestamp) -> dict[str, bool]:
        some = {field: [day, *[pd.NaT] * (len(small_district()[1][layer]) - 1)]}
        findings = check(changed(standards, layer, some), today=TODAY)
        return {
            one.id: one.fault
            for one in findings
            if one.id in ("after_today", "after_as_of")
            and one.cases[0].details == {"field": field, "value": day.date().isoformat()}
        }

    assert found(LATER) == {"after_today": True}
    assert found(pd.Timestamp(TODAY)) == {"after_as_of": False}
    assert found(pd.Timestamp(AS_OF)) == {}


def test_contracts_and_terms_may_run_into_days_to_come(snapshot: Snapshot) -> None:
    kinds = ("after_today", "after_as_of")
    found = [one for one in check(snapshot, today=AS_OF) if one.id in kinds]
    fields = {str(case.details["field"]) for one in found for case in one.cases}
    assert fields == {"closed"}, "complaints of the last days were closed after them"


def test_verified_on_a_day_to_come_is_verified_on_no_day(standards: Standards) -> None:
    def kinds(day: date) -> list[str]:
        row = {"property_management": "unknown", "property_management_date": day}
        row |= {"residents_group": "yes", "residents_group_date": day}
        rules = standards.verification
        return [doubt.kind for doubt in doubts_of_community("C", row, AS_OF, rules, today=TODAY)]

    assert kinds(date(2091, 1, 1)) == ["undated", "unknown"]
    assert kinds(TODAY + timedelta(days=1)) == ["undated", "unknown"]
    assert kinds(TODAY) == [], "somebody has answered today, after the day that the data speak of"


def test_tasks_take_no_day_to_come_for_an_answer(standards: Standards) -> None:
    dated = {"owners_committee_date": pd.Timestamp(2091, 1, 1)}
    snapshot = changed(standards, "communities", dated)
    staff = Visitor("grid_worker", WHOLE_DISTRICT, account="0" * 12, via="session")
    seen = {layer: POLICY.seen(staff, layer, way_out="api") for layer in LAYERS_ASKED}
    verifiable = dict.fromkeys(LAYERS_ASKED, SEATS)
    listed = tasks(snapshot, seen, verifiable, WHOLE_DISTRICT, TODAY, most=500).listed
    kinds = {one["code"]: one["why"]["kind"] for one in listed if one["field"] == "owners_committee"}
    assert len(kinds) == len(snapshot.frame("communities"))
    assert kinds["C06"] == "unknown" and kinds["C01"] == "undated"


def test_a_day_begins_when_it_begins_in_china() -> None:
    assert day_in_china(datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)) == date(2026, 12, 31)
    assert day_in_china(datetime(2026, 12, 31, 16, 0, tzinfo=UTC)) == date(2027, 1, 1)
