"""Every question by everybody: what comes back is what the pinned table lets out, no more and no less."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask

from tests.security.asking import VISITORS
from tests.security.walk import Question, questions
from tests.security.walking import Walk

ALL = questions()


THOROUGH = ("nobody", "staff of S2", "wall")
"""They are asked everything here; of the others each a quarter, another one each. ``make fuzz`` asks all everything."""


def asked_of(name: str) -> list[Question]:
    return ALL if name in THOROUGH else ALL[[*VISITORS].index(name) % 4 :: 4]


@pytest.mark.parametrize("name", VISITORS)
def test_nothing_leaks_and_nothing_is_withheld(app: Flask, name: str) -> None:
    assert Walk(app).differences(name, asked_of(name)) == []


def test_every_route_is_asked(app: Flask, record_property: Callable[[str, object], None]) -> None:
    known = {question.endpoint for question in ALL}
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == known
    counted = Counter(question.kind for question in ALL)
    number = sum(len(asked_of(name)) for name in VISITORS)
    record_property("combinations", number)
    sys.stdout.write(f"{number} of {len(ALL)} questions x {len(VISITORS)} visitors; {dict(counted)}\n")
