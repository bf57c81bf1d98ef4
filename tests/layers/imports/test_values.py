"""From text to values: every type, and the remedy for what is not understood."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.civil_time import CHINA
from layers.imports.findings import Fault, Findings
from layers.imports.values import (
    parse_column,
    parse_dates,
    parse_fact,
    parse_integer,
    parse_number,
    parse_text,
    parser_of,
    trimmed,
)
from layers.schema import LAYERS, Field
from layers.standards import Standards
from layers.text import both

ALL_FIELDS = [field for layer in LAYERS.values() for field in layer.fields]
# One field of each kind that is read in its own way.
KINDS = list(
    {(field.type, field.codes, field.parent is None, field.minimum): field for field in ALL_FIELDS}.values()
)


def column(
    texts: list[str | None], field: Field, standards: Standards
) -> tuple[pd.Series, list[tuple[int | None, str | None, str]]]:
    findings = Findings(np.arange(2, len(texts) + 2))
    values = parse_column(trimmed(pd.Series(texts, dtype="str")), field, standards, findings, heading="h")
    return values, [(p.row, p.value, p.message.en + " " + p.remedy.en) for p in findings.problems]


def test_empty_and_na_are_unknown_in_every_field(standards: Standards) -> None:
    for field in ALL_FIELDS:
        values, problems = column(["", " ", "　", "NA", " NA ", None], field, standards)
        assert problems == []
        assert values.isna().all()


@pytest.mark.parametrize("text", ["n/a", "null", "-", "无数据", "na"])
def test_nothing_else_is_unknown(text: str, standards: Standards) -> None:
    _, problems = column([text], LAYERS["communities"].field("households"), standards)
    assert [(row, value) for row, value, _ in problems] == [(2, text)]


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("12", 12), ("12.0", 12), ("12.", 12), ("+7", 7), ("-3", -3), ("0012", 12)]
)
def test_integers(text: str, value: int) -> None:
    assert parse_integer(text) == value


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("3005户", "3005"),
        ("３００", "300"),
        ("1,234", "1234"),
        ("12 户", "12"),
        ("1'234'567", "1234567"),
        ("３００５户", "3005"),
    ],
)
def test_the_remedy_of_a_number_is_the_corrected_number(text: str, corrected: str) -> None:
    fault = parse_integer(text)
    assert isinstance(fault, Fault)
    assert fault.remedy.en == f"Write just {corrected}."
    assert corrected in fault.remedy.zh
    assert parse_integer(corrected) == int(corrected)


@pytest.mark.parametrize(
    "text", ["12万", "3k", "300余户", "300-400", "1 200", "1,2", "3/4", "114°07'12\"", "0x10", "1e400", "50%"]
)
def test_no_number_is_suggested_where_it_would_be_another(text: str) -> None:
    for parse in (parse_integer, parse_number):
        fault = parse(text)
        assert isinstance(fault, Fault)
        assert "just" not in fault.remedy.en


def test_a_unit_does_not_keep_a_number_from_being_suggested() -> None:
    for text in ("86.5㎡", "86.5 m²", "86.5平方米"):
        fault = parse_number(text)
        assert isinstance(fault, Fault)
        assert fault.remedy.en == "Write just 86.5."


@pytest.mark.parametrize("text", ["约300", "12.5", "1e3", "x", "--", "三百", "9" * 30, "9007199254740993"])
def test_integers_that_are_refused(text: str) -> None:
    assert isinstance(parse_integer(text), Fault)


@given(st.integers(-(2**53), 2**53))
def test_an_integer_survives(value: int) -> None:
    assert parse_integer(str(value)) == value
    assert parse_integer(f"{value}.0") == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives(value: float) -> None:
    assert parse_number(repr(value)) == value


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999", "1_000", "0x10", "1,5", "٣", "½"])
def test_numbers_that_are_refused(text: str) -> None:
    assert isinstance(parse_number(text), Fault)


@given(st.text())
def test_any_text_is_a_value_or_a_fault_for_every_field(standards: Standards, text: str) -> None:
    for field in KINDS:
        if field.type != "date":
            value = parser_of(field, standards)(text)
            if field.type in ("integer", "number", "x", "y"):
                assert isinstance(value, Fault) or math.isfinite(value)
            else:
                assert isinstance(value, str | Fault)


@given(st.lists(st.none() | st.text(), max_size=5))
@settings(max_examples=30)
def test_any_column_is_read_and_every_value_that_is_lost_is_a_problem(
    standards: Standards, texts: list[str | None]
) -> None:
    for field in KINDS:
        values, problems = column(texts, field, standards)
        lost = trimmed(pd.Series(texts, dtype="str")).notna() & values.isna()
        assert {row for row, *_ in problems} == set(np.flatnonzero(lost) + 2)


def test_ranges_come_from_the_schema(standards: Standards) -> None:
    floors = LAYERS["buildings"].field("floors")
    values, problems = column(["1", "200", "0", "201"], floors, standards)
    assert values.dropna().tolist() == [1, 200]
    assert [(row, value) for row, value, _ in problems] == [(4, "0"), (5, "201")]
    assert "between 1 and 200" in problems[0][2]
    _, problems = column(["-1"], LAYERS["communities"].field("households"), standards)
    assert "less than 0" in problems[0][2]
    _, problems = column(["6"], Field(name="n", type="number", title=both("n"), maximum=5), standards)
    assert "more than 5" in problems[0][2]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["yes", "Yes", "Y", "是", "有", "true", "TRUE", "1", "1.0", "１"], "yes"),
        (["no", "N", "否", "无", "没有", "false", "0"], "no"),
        (["unknown", "Unknown", "未知", "不详"], "unknown"),
    ],
)
def test_facts(words: list[str], value: str) -> None:
    assert {parse_fact(word) for word in words} == {value}


def test_a_fact_that_is_not_understood_says_what_is() -> None:
    fault = parse_fact("maybe")
    assert isinstance(fault, Fault)
    assert "yes/no" in fault.remedy.en
    assert "是/否" in fault.remedy.zh


def test_codes_are_known_by_id_title_and_alias(standards: Standards) -> None:
    kind = LAYERS["facilities"].field("kind")
    texts = [
        "day_care",
        "Day Care",
        "老年人日间照料",
        "日间照料",
        "DAY-CARE FOR THE ELDERLY",
        "图书馆",
        "health centre",
    ]
    values, problems = column(list(texts), kind, standards)
    assert problems == []
    assert values.tolist() == ["day_care"] * 5 + ["library", "health_centre"]
    values, _ = column(["城中村小区"], LAYERS["communities"].field("kind"), standards)
    assert values.tolist() == ["urban_village"]


def test_an_unknown_kind_lists_the_kinds_and_the_option(standards: Standards) -> None:
    _, problems = column(["library", "restaurant"], LAYERS["facilities"].field("kind"), standards)
    [(row, value, said)] = problems
    assert (row, value) == (3, "restaurant")
    assert "--map-value kind:restaurant=" in said
    assert all(kind in said for kind in standards.facility_kinds)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1fb", "\x7f", "a\x85b", "caf\ufffd"])
def test_control_characters_are_refused(text: str, standards: Standards) -> None:
    _, problems = column([text], LAYERS["communities"].field("name"), standards)
    assert [row for row, *_ in problems] == [2]


def test_text_is_trimmed_and_its_line_breaks_are_blanks(standards: Standards) -> None:
    values, problems = column(["  绿景\r\n花园\t二期 "], LAYERS["communities"].field("name"), standards)
    assert (values.tolist(), problems) == (["绿景 花园 二期"], [])


def test_signs_of_a_spreadsheets_errors_are_refused(standards: Standards) -> None:
    _, problems = column(["#N/A", "#REF!", "#12"], LAYERS["communities"].field("name"), standards)
    assert [row for row, *_ in problems] == [2, 3]


def test_codes_that_a_spreadsheet_has_cut_are_refused(standards: Standards) -> None:
    texts: list[str | None] = ["4.40303E+11", "4.4030300100100E+14", "440303001", "E12", "1e2"]
    for name in ("code", "subdistrict"):
        field = LAYERS["communities"].field(name)
        _, faults = column(texts, field, standards)
        assert [row for row, *_ in faults] == [2, 3]
    assert parse_text("4.40303E+11") == "4.40303E+11"


def dates(texts: list[str]) -> tuple[pd.Series, pd.Series, list[tuple[int | None, str | None]]]:
    findings = Findings(np.arange(2, len(texts) + 2))
    day, time = parse_dates(trimmed(pd.Series(texts, dtype="str")), findings, heading="h")
    return day, time, [(p.row, p.value) for p in findings.problems]


def test_dates_keep_their_time_of_day() -> None:
    day, time, problems = dates(
        [
            "2019-03-01T07:54:00+08:00",
            "2019/3/1 7:54",
            "2019年3月1日 7:54",
            "2019年3月1日7:54",
            "20190301",
            "NA",
        ]
    )
    assert problems == []
    assert day.dropna().unique().tolist() == [pd.Timestamp("2019-03-01")]
    assert time.tolist()[:4] == ["07:54:00"] * 4
    assert time.isna().tolist() == [False] * 4 + [True] * 2


def test_one_moment_is_of_one_day_however_it_is_written() -> None:
    day, time, problems = dates(
        [
            "2018-12-31T16:30:00Z",
            "2019-01-01T00:30:00+08:00",
            "2018-12-31 11:30 -05:00",
            "2018年12月31日 16:30 UTC",
            "2019-01-01T01:30:00.5+0900",
            "2019-01-01T00:30:00",
        ]
    )
    assert problems == []
    assert day.unique().tolist() == [pd.Timestamp("2019-01-01")]
    assert time.unique().tolist() == ["00:30:00"]


@given(
    seconds=st.integers(-600_000_000, 3_700_000_000),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_is_told_by_the_clock_of_china(seconds: int, minutes: int) -> None:
    written = datetime.fromtimestamp(seconds, UTC).astimezone(timezone(timedelta(minutes=minutes)))
    day, time, problems = dates([written.isoformat(), "2019-01-01T07:54"])
    assert problems == []
    here = written.astimezone(CHINA)
    assert (day[0].date(), time[0]) == (here.date(), f"{here:%H:%M:%S}")


def test_a_column_of_midnights_elsewhere_is_a_column_of_days() -> None:
    for texts in (
        ["2018-01-15T00:00:00Z", "2018-01-16T00:00:00Z"],  # days, as programs write them
        ["2018-01-14T16:00:00Z", "2018-01-15T16:00:00Z"],  # midnights of China
        ["2018-01-15T00:00:00+09:00", "2018-01-16T00:00:00+09:00"],
    ):
        day, time, _ = dates(texts)
        assert day.tolist() == [pd.Timestamp("2018-01-15"), pd.Timestamp("2018-01-16")]
        assert time.isna().all()


def test_a_column_of_midnights_is_a_column_of_days() -> None:
    _, time, _ = dates(["2018-01-15 00:00:00.0", "2018-01-16 00:00:00.0"])
    assert time.isna().all()
    _, time, _ = dates(["2018-01-15 00:00:00", "2018-01-16 00:01:00"])
    assert time.tolist() == ["00:00:00", "00:01:00"]


def test_the_whole_column_decides_the_order_of_slashed_dates() -> None:
    day, time, problems = dates(["4/5/2016 7:54", "4/13/2016 8:15 PM"])
    assert problems == []
    assert day.tolist() == [pd.Timestamp("2016-04-05"), pd.Timestamp("2016-04-13")]
    assert time.tolist() == ["07:54:00", "20:15:00"]
    day, _, problems = dates(["4/5/2016", "13/4/2016"])
    assert (day.tolist(), problems) == ([pd.Timestamp("2016-05-04"), pd.Timestamp("2016-04-13")], [])


def test_an_undecidable_or_contradictory_column_is_refused_row_by_row() -> None:
    assert dates(["4/5/2016", "2016-04-05"])[2] == [(2, "4/5/2016")]
    assert dates(["4/13/2016", "13/4/2016", "1/2/2016"])[2] == [
        (2, "4/13/2016"),
        (3, "13/4/2016"),
        (4, "1/2/2016"),
    ]


def test_one_problem_for_a_row_whose_day_and_time_are_both_wrong() -> None:
    assert dates(["2019-02-30 99:99", "2019-02-01 99:99", "x"])[2] == [
        (2, "2019-02-30 99:99"),
        (3, "2019-02-01 99:99"),
        (4, "x"),
    ]


def test_a_long_value_is_shown_cut() -> None:
    findings = Findings(np.array([2]))
    findings.add(0, "h", "x" * 1000, Fault(both("m"), both("r")))
    assert len(findings.problems[0].value or "") < 100
