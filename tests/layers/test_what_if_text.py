"""Scenarios as text: understood, or refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.problems import BadParameter
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.what_if import MOST_STEPS, Scenario, Step, hypothesis
from layers.what_if_compare import named_as_text, named_from_text
from tests.layers.supposing import IN_C08, STEPS, add


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=6))
def test_a_scenario_is_its_text(standards_once: Standards, steps: list[Step]) -> None:
    scenario = Scenario(tuple(steps))
    assert Scenario.from_text(scenario.as_text(), standards_once) == scenario
    named = {"甲 | =;:%": scenario, "B": Scenario()}
    assert named_from_text(named_as_text(named), standards_once) == named


@pytest.fixture(scope="session")
def standards_once(standards: Standards) -> Standards:
    return standards


def test_codes_may_hold_anything(standards: Standards) -> None:
    step = Step("close", layer="facilities", code="A:1;2|3=%~甲/é")
    assert Scenario.from_text(Scenario((step,)).as_text(), standards).steps == (step,)


@pytest.mark.parametrize(
    "text",
    [
        "add:day_care:114.1",
        "add:palace:114.1:22.5",
        "add:day_care:114.1:22.5:3",
        "add:day_care:1e2:22.5",
        "add:day_care:114.1:nan",
        "add:day_care:181:22.5",
        "move:buildings:B1:114.1:22.5",
        "move:facilities:F01",
        "close:facilities:F%00",
        "close:facilities:",
        "open:facilities:F01",
        "a" * 5000,
        ";".join(["close:facilities:F01"] * (MOST_STEPS + 1)),
    ],
)
def test_what_is_not_understood_is_refused_in_words(standards: Standards, text: str) -> None:
    with pytest.raises(BadParameter):
        Scenario.from_text(text, standards)


PIECES = st.lists(
    st.sampled_from(["add", "close", "facilities", "day_care", "%00", "%FF", "114", ":", ";", "|", "="])
)


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(st.text(max_size=60), PIECES.map("".join)))
def test_whatever_is_sent_is_understood_or_refused(standards_once: Standards, text: str) -> None:
    for read in (Scenario.from_text, named_from_text):
        try:
            read(text, standards_once)
        except BadParameter as error:
            assert error.message.zh and error.remedy is not None


def test_names_and_codes_hold_no_control_characters(standards: Standards) -> None:
    for wrong in ("close:facilities:F%00", "close:facilities:%FF", "close:facilities:%0A"):
        with pytest.raises(BadParameter):
            Scenario.from_text(wrong, standards)
        with pytest.raises(BadParameter):
            named_from_text(f"{wrong[-3:]}=close:facilities:F1", standards)
    assert "甲　乙" in named_from_text("甲　乙=close:facilities:F1", standards)


def test_all_that_is_wrong_is_said_at_once(standards: Standards) -> None:
    with pytest.raises(BadParameter) as caught:
        Scenario.from_text("nonsense;close:facilities:F01;add:palace:1:2", standards)
    assert "第 1 步" in caught.value.message.zh and "第 3 步" in caught.value.message.zh
    assert "第 2 步" not in caught.value.message.zh


def test_a_place_outside_of_the_district_is_refused(snapshot: Snapshot) -> None:
    swapped = Step("add", kind="day_care", at=(22.55, 83.1))
    with pytest.raises(BadParameter) as caught:
        hypothesis(snapshot, Scenario((add("day_care", *IN_C08), swapped)), unit="communities")
    assert "第 2 步" in caught.value.message.zh and "第 1 步" not in caught.value.message.zh
