"""Days and times of day as people and programs write them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.imports.dates import day_order, parse_clock, parse_day, parse_time
from layers.imports.findings import Fault

FIRST_OF_MARCH = dt.date(2019, 3, 1)

days = st.dates(min_value=dt.date(1900, 1, 1), max_value=dt.date(2100, 12, 31))


@pytest.mark.parametrize(
    "text",
    [
        "2019-03-01",
        "2019-3-1",
        "2019/3/1",
        "2019/03/01",
        "2019.3.1",
        "2019年3月1日",
        "2019年03月01号",
        "2019年3月1",
        "20190301",
    ],
)
def test_ways_to_write_a_day(text: str) -> None:
    assert parse_day(text) == FIRST_OF_MARCH


@given(days)
def test_a_day_survives_every_unambiguous_way_of_writing_it(day: dt.date) -> None:
    y, m, d = day.year, day.month, day.day
    for text in (
        day.isoformat(),
        f"{y}/{m}/{d}",
        f"{y}.{m:02}.{d:02}",
        f"{y}年{m}月{d}日",
        f"{y}{m:02}{d:02}",
    ):
        assert parse_day(text) == day


@given(days)
def test_a_day_with_the_year_last_is_read_in_the_order_of_its_column(day: dt.date) -> None:
    month_first, day_first = f"{day.month}/{day.day}/{day.year}", f"{day.day:02}/{day.month:02}/{day.year}"
    assert parse_day(month_first, "month_first") == day
    assert parse_day(day_first, "day_first") == day


@given(st.lists(days, min_size=1), st.booleans())
def test_a_column_never_decides_for_the_wrong_order(column: list[dt.date], is_day_first: bool) -> None:
    texts = [f"{d.day}/{d.month}/{d.year}" if is_day_first else f"{d.month}/{d.day}/{d.year}" for d in column]
    told = any(d.day > 12 for d in column)
    assert day_order(texts) == (("day_first" if is_day_first else "month_first") if told else "undecided")


def test_order_of_a_column() -> None:
    assert day_order(["4/12/2016", "4/13/2016"]) == "month_first"
    assert day_order(["12.4.2016", "13.4.2016"]) == "day_first"
    assert day_order(["13/4/2016", "4/13/2016"]) == "contradictory"
    assert day_order(["4/12/2016", "2016-13-45", "45/9/2016", "9/45/2016", "x"]) == "undecided"


@pytest.mark.parametrize("order", ["undecided", "contradictory"])
def test_a_day_whose_order_is_not_known_is_refused_but_for_equal_numbers(order: str) -> None:
    fault = parse_day("4/12/2016", order)  # type: ignore[arg-type]
    assert isinstance(fault, Fault)
    assert "2019-03-01" in fault.remedy.en
    assert parse_day("5/5/2016", order) == dt.date(2016, 5, 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2019-02-29", "no such day"),
        ("2019-13-01", "no such day"),
        ("20191301", "no such day"),
        ("1899-12-31", "between 1900 and 2100"),
        ("2101-01-01", "between 1900 and 2100"),
        ("0000-01-01", "no such day"),
        ("2019-03", "not a date"),
        ("March 1", "not a date"),
        ("３月１日", "not a date"),
        ("2019-03/01", "not a date"),
        ("1/3/19", "not a date"),
        ("", "not a date"),
    ],
)
def test_days_that_are_refused(text: str, said: str) -> None:
    fault = parse_day(text)
    assert isinstance(fault, Fault)
    assert said in fault.message.en


def test_the_number_of_a_day_in_a_spreadsheet_is_recognised_but_not_taken() -> None:
    fault = parse_day("43525")
    assert isinstance(fault, Fault)
    assert "2019-03-01" in fault.remedy.en


@given(st.text())
def test_any_text_is_a_day_or_a_fault(text: str) -> None:
    assert isinstance(parse_day(text), dt.date | Fault)
    assert isinstance(parse_time(text), str | Fault)
    assert day_order([text]) in ("undecided", "day_first", "month_first")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("7:54", "07:54:00"),
        ("07:54:09", "07:54:09"),
        ("07:54:09.999", "07:54:09"),
        ("7:54 PM", "19:54:00"),
        ("12:00 am", "00:00:00"),
        ("12:30 p.m.", "12:30:00"),
        ("07:54:09+08:00", "07:54:09"),
        ("07:54+0800", "07:54:00"),
        ("23:59", "23:59:00"),
    ],
)
def test_times(text: str, time: str) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    "text", ["24:00", "7:60", "7", "13:00 PM", "0:10 AM", "seven", "07:54:60", "07:54+15:00", "07:54+08:60"]
)
def test_times_that_are_refused(text: str) -> None:
    assert isinstance(parse_time(text), Fault)


@pytest.mark.parametrize("text", ["16:30Z", "16:30 UTC", "00:30+09:00", "07:54:09-05"])
def test_a_time_elsewhere_does_not_stand_by_itself(text: str) -> None:
    fault = parse_time(text)
    assert isinstance(fault, Fault)
    assert "one column" in fault.remedy.en
    assert parse_clock(text) == f"{text[:5]}:{text[6:8] if text[5] == ':' else '00'}"


@given(st.times())
def test_a_time_survives(time: dt.time) -> None:
    assert parse_time(time.isoformat()) == time.isoformat(timespec="seconds")
