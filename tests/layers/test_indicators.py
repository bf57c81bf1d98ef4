"""The rules about communities: every combination of yes, no and unknown."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.figures import Figure, figure
from layers.indicators import (
    MANAGEMENT_CLASSES,
    SEATS,
    is_double_none,
    is_mediation_eligible,
    is_published,
    management_class,
    seats,
)

FACTS = ("yes", "no", "unknown")


def managed(manager: str, committee: str) -> pd.DataFrame:
    return pd.DataFrame({"property_management": [manager], "owners_committee": [committee]})


@pytest.mark.parametrize(
    ("manager", "committee", "answer", "of_class"),
    [
        ("no", "no", "yes", "double_none"),
        ("no", "yes", "no", "no_manager"),
        ("yes", "no", "no", "no_committee"),
        ("yes", "yes", "no", "complete"),
        ("no", "unknown", "unknown", "unknown"),
        ("unknown", "no", "unknown", "unknown"),
        ("unknown", "unknown", "unknown", "unknown"),
        # One yes decides that it is not double-none, though its class stays open.
        ("yes", "unknown", "no", "unknown"),
        ("unknown", "yes", "no", "unknown"),
    ],
)
def test_two_facts_decide_what_they_can(manager: str, committee: str, answer: str, of_class: str) -> None:
    community = managed(manager, committee)
    assert is_double_none(community)[0] == answer
    assert management_class(community)[0] == of_class


def test_every_pair_of_facts_has_a_class() -> None:
    for manager, committee in product(FACTS, FACTS):
        assert management_class(managed(manager, committee))[0] in MANAGEMENT_CLASSES


@pytest.mark.parametrize(
    ("households", "answer"), [(299, "no"), (300, "yes"), (301, "yes"), (pd.NA, "unknown"), (0, "no")]
)
def test_a_mediation_room_is_due_from_300_households(households: Any, answer: str) -> None:
    community = pd.DataFrame({"households": pd.array([households], dtype="Int64")})
    assert is_mediation_eligible(community, households=300)[0] == answer


def test_urban_villages_stand_beside_and_an_unknown_kind_does_not() -> None:
    kinds = pd.DataFrame({"kind": pd.array(["garden_estate", "urban_village", None], dtype="str")})
    assert is_published(kinds).tolist() == [True, False, True]


@given(st.lists(st.sampled_from(FACTS), min_size=4, max_size=4))
def test_the_seats_are_filled_missing_or_unknown(facts: list[str]) -> None:
    row = seats(pd.DataFrame([dict(zip(SEATS, facts, strict=True))], index=["C1"])).loc["C1"]
    missing = [name for name in str(row["missing"]).split(",") if name]
    unknown = [name for name in str(row["unknown"]).split(",") if name]
    assert row["filled"] + len(missing) + len(unknown) == 4
    assert missing == [seat for seat, fact in zip(SEATS, facts, strict=True) if fact == "no"]
    assert row["glyph"] == "".join({"yes": "1", "no": "0", "unknown": "?"}[fact] for fact in facts)


@given(st.lists(st.sampled_from(FACTS)))
def test_unknown_is_counted_in_the_denominator(facts: list[str]) -> None:
    found = figure(np.array(facts, dtype=object))
    assert found == Figure(facts.count("yes"), len(facts), facts.count("unknown"))
    assert found.rate == (None if not facts else facts.count("yes") / len(facts))
