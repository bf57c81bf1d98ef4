from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.text import Text
from webmap.params import LANGUAGE, BadQuery, Parameter, bounding_box, choice, number, read, text, whole

WHAT = Text("某物", "a thing")
LIMIT = whole("limit", WHAT, minimum=1, maximum=1000, default=100)
LON = number("lon", WHAT, minimum=-180, maximum=180)
BBOX = bounding_box()
CODE = text("code", WHAT, where="path")
NAME = text("q", WHAT)
KIND = text("kind", WHAT, blank=True)
FORMAT = choice("format", WHAT, ("csv", "xlsx"), default="csv")
ALL = (LIMIT, LON, BBOX, CODE, NAME, KIND, FORMAT, LANGUAGE)


@pytest.mark.parametrize(
    ("parameter", "given_text", "value"),
    [
        (LIMIT, "1", 1),
        (LIMIT, "1000", 1000),
        (LIMIT, "007", 7),
        (LON, "114.13", 114.13),
        (LON, "-180", -180.0),
        (LON, "+1.", 1.0),
        (BBOX, "114.0,22.5,114.2,22.6", (114.0, 22.5, 114.2, 22.6)),
        (BBOX, "114,22,114,22", (114.0, 22.0, 114.0, 22.0)),
        (CODE, "甲/1", "甲/1"),
        (KIND, "", None),
        (FORMAT, "xlsx", "xlsx"),
    ],
)
def test_values_are_read(parameter: Parameter, given_text: str, value: Any) -> None:
    assert parameter.parse(given_text) == value


@pytest.mark.parametrize(
    ("parameter", "given_text"),
    [
        *(
            (LIMIT, text)
            for text in ("0", "1001", "-1", "1.0", "1e3", "", " 1", "１０", "٣", "9" * 40, "NaN")
        ),
        *(
            (LON, text)
            for text in ("nan", "inf", "-inf", "1e2", "180.0001", "１１４", "", "1_0", "0x1", "9" * 400)
        ),
        *(
            (BBOX, text)
            for text in (
                "",
                "1,2,3",
                "1,2,3,4,5",
                "114.2,22.5,114.0,22.6",  # west of the antimeridian and on
                "114.0,22.6,114.2,22.5",
                "0,0,181,1",
                "0,-91,1,1",
                "nan,0,1,1",
                "0,0,inf,1",
                "0, 0, 1, 1",
            )
        ),
        *((CODE, text) for text in ("", "   ", "a\x00b", "a\nb", "\ufffd", "x" * 201)),
        (NAME, ""),
        (FORMAT, "CSV"),
        (FORMAT, ""),
        (LANGUAGE, "fr"),
    ],
)
def test_what_is_out_of_range_is_refused_in_words(parameter: Parameter, given_text: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parameter.parse(given_text)
    assert caught.value.parameter == parameter.name
    for language in ("zh", "en"):
        assert parameter.name in caught.value.sentence(language)


def test_a_box_across_the_antimeridian_is_refused_by_its_name() -> None:
    with pytest.raises(BadQuery, match="180° meridian"):
        BBOX.parse("179,0,-179,1")


@given(st.sampled_from(ALL), st.text(max_size=300))
def test_no_text_breaks_a_parameter(parameter: Parameter, given_text: str) -> None:
    try:
        parameter.parse(given_text)
    except BadQuery as error:
        assert error.parameter == parameter.name


@given(st.integers(1, 1000))
def test_every_number_within_the_range_is_taken(value: int) -> None:
    assert LIMIT.parse(str(value)) == value


def test_a_request_is_read_with_its_defaults() -> None:
    read_values = read((LIMIT, CODE, FORMAT), {}, {"code": "A"})
    assert read_values == {"limit": 100, "code": "A", "format": "csv"}


@pytest.mark.parametrize(
    ("query", "parameter", "says"),
    [
        ({"limit": ["1", "1"]}, "limit", "more than once"),
        ({"limits": ["1"]}, "limits", "It takes limit, lon."),
        ({"code": ["B"]}, "code", "no parameter code"),
        ({}, "lon", "is missing"),
    ],
)
def test_a_request_that_says_too_much_or_too_little_is_refused(
    query: dict[str, list[str]], parameter: str, says: str
) -> None:
    with pytest.raises(BadQuery, match=says) as caught:
        read((LIMIT, LON, CODE), query, {"code": "A"})
    assert caught.value.parameter == parameter
