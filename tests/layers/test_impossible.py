"""Numbers that cannot be, and shares that rounding would make all or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import views
from layers.checks.run import check
from layers.queries import ViewQuery
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.visitors import WHOLE_DISTRICT
from layers.wording import percent
from tests.district import small_district

EVERYTHING = Sight(aggregates="full", area=WHOLE_DISTRICT, floating="all")


def with_floating(standards: Standards, code: str, floating: int) -> Snapshot:
    district, frames = small_district()
    communities = frames["communities"].copy()
    communities.loc[code, "floating_residents"] = floating
    return Snapshot(1, district, standards, dict(frames, communities=communities))


def asked(snapshot: Snapshot, **params: str) -> ViewQuery:
    return ViewQuery.from_params({"unit": "communities", **params}, snapshot, EVERYTHING)


def floating_on_card(snapshot: Snapshot, code: str) -> str:
    shown = views.card(snapshot, "communities", code, asked(snapshot), EVERYTHING).as_dict("en")
    return next(str(one["value_text"]) for one in shown["figures"] if one["id"] == "floating_residents")


@pytest.mark.parametrize(
    ("floating", "said", "unknown"),
    [
        (260, "90–100%", 2),
        (261, "more than residents: an error on record", 3),
        (1000, "more than residents", 3),
    ],
)
def test_more_floating_residents_than_residents_are_said_to_be_an_error(
    standards: Standards, floating: int, said: str, unknown: int
) -> None:
    snapshot = with_floating(standards, "C08", floating)
    assert floating_on_card(snapshot, "C08").startswith(said)
    found: dict[str, Any] = {one.id: one for one in check(snapshot)}
    assert ("floating_over_residents" in found) == (floating > 260)
    if floating > 260:
        assert found["floating_over_residents"].codes == ("C08",)
        assert str(floating) not in str(found["floating_over_residents"].as_dict("en"))
    shown = views.view(snapshot, asked(snapshot, question="double_none", where="floating:90"), EVERYTHING)
    (condition,) = shown.as_dict("en")["conditions"]["items"]
    assert condition["unknown"] == unknown, "C06, C10 without residents, and what cannot be"


def test_a_share_that_is_not_all_or_nothing_never_reads_so() -> None:
    written = {0.0: "0.0%", 0.0003: "<0.1%", 0.0006: "0.1%", 1149999 / 1150000: ">99.9%", 1.0: "100.0%"}
    assert {share: percent(share).en for share in written} == written


@given(st.floats(0, 1))
def test_only_all_reads_100_and_only_nothing_0(share: float) -> None:
    text = percent(share).zh
    assert (text == "100.0%") == (share == 1)
    assert (text == "0.0%") == (share == 0)
    assert text[0] in "<>" or abs(float(text[:-1]) - 100 * share) <= 0.0501
