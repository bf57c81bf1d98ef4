"""What holds on which day: last days, days to come, days of a period, days of China."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from layers import views
from layers.checks.run import check
from layers.queries import ViewQuery
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.verify_tasks import doubts_of_community
from layers.visitors import WHOLE_DISTRICT
from tests.district import AS_OF, small_district

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
