"""Dates and times of day as people and programs write them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Literal

from layers.civil_time import CHINA
from layers.imports.findings import Fault
from layers.text import Text

DayOrder = Literal["day_first", "month_first", "undecided", "contradictory"]

YEARS = (1900, 2100)

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_CHINESE = re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})[日号]?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_SERIAL = re.compile(r"[0-9]{5}(\.0*)?")
_TIME = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]*)?)?\s*([AaPp]\.?[Mm]\.?)?"
    r"(?:\s*(?:([Zz]|UTC|GMT)|([+-])([0-9]{2}):?([0-9]{2})?))?"
)

_SERIAL_ORIGIN = dt.date(1899, 12, 30)

_WRITE_ISO = Text("请写成 2019-03-01 的形式。", "Write it like 2019-03-01.")
_NOT_A_DATE = Fault(Text("不是日期。", "This is not a date."), _WRITE_ISO)
_NOT_A_TIME = Fault(
    Text("不是时刻。", "This is not a time of day."), Text("请写成 07:54 的形式。", "Write it like 07:54.")
)
_ELSEWHERE = Fault(
    Text(
        "这是别处时区的时刻，单凭它不知道是哪一天。",
        "This is a time elsewhere: by itself it does not say of which day.",
    ),
    Text(
        "请把日期和时刻写在同一列，如 2018-12-31T16:30:00Z，或写成北京时间。",
        "Write day and time in one column, such as 2018-12-31T16:30:00Z, or write the time in China.",
    ),
)
_CHINA_M = int(CHINA.utcoffset(None).total_seconds()) // 60
_LARGEST_OFFSET_M = 14 * 60
_ORDER_FAULTS: dict[DayOrder, Fault] = {
    "undecided": Fault(
        Text(
            "无法判断日和月哪个在前：整列没有一个日期能说明。",
            "Day and month cannot be told apart: no date of the whole column shows which comes first.",
        ),
        _WRITE_ISO,
    ),
    "contradictory": Fault(
        Text(
            "同一列中有的日期月在前，有的日在前，无法判断。",
            "Some dates of this column have the month first and others the day, so it cannot be told.",
        ),
        _WRITE_ISO,
    ),
}


def day_order(days: Iterable[str]) -> DayOrder:
    """Tell whether the dates that end in the year have the day or the month first, from the whole column.

    Parameters
    ----------
    days : iterable of str
        The column's distinct texts, without times of day; those in other forms have no say.
    """
    day_first = month_first = False
    for text in days:
        found = _YEAR_LAST.fullmatch(text)
        if found:
            first, second = int(found[1]), int(found[3])
            day_first |= 12 < first <= 31 and second <= 12
            month_first |= 12 < second <= 31 and first <= 12
    if day_first and month_first:
        return "contradictory"
    return "day_first" if day_first else "month_first" if month_first else "undecided"


def parse_day(text: str, order: DayOrder = "undecided") -> dt.date | Fault:
    """Read one day.

    Understood are 2019-03-01, 2019/3/1, 2019.3.1, 2019年3月1日, 20190301, and dates that end in the year, such
    as 3/1/2019, in the given `order`. Years run from 1900 to 2100.
    """
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        return _day(int(found[1]), int(found[3]), int(found[4]))
    found = _CHINESE.fullmatch(text) or _COMPACT.fullmatch(text)
    if found:
        return _day(int(found[1]), int(found[2]), int(found[3]))
    found = _YEAR_LAST.fullmatch(text)
    if found:
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        if order in _ORDER_FAULTS and first != second:
            return _ORDER_FAULTS[order]
        return _day(year, second, first) if order == "day_first" else _day(year, first, second)
    if _SERIAL.fullmatch(text):
        guess = _SERIAL_ORIGIN + dt.timedelta(days=int(float(text)))
        return Fault(
            Text("这是电子表格的日期序号。", "This looks like a spreadsheet's number for a day."),
            Text(
                "若是指 {guess}，请把该列设为日期格式。", "If it means {guess}, format the column as dates."
            ).format(guess=guess.isoformat()),
        )
    return _NOT_A_DATE


def _day(year: int, month: int, day: int) -> dt.date | Fault:
    try:
        made = dt.date(year, month, day)
    except ValueError:
        return Fault(Text("没有这一天。", "There is no such day."), _WRITE_ISO)
    if not YEARS[0] <= year <= YEARS[1]:
        return Fault(
            Text("年份不在 {a} 至 {b} 之间。", "The year is not between {a} and {b}.").format(
                a=YEARS[0], b=YEARS[1]
            ),
            Text("请改正年份。", "Correct the year."),
        )
    return made


def parse_time(text: str) -> str | Fault:
    """Read a time of day that stands by itself as HH:MM:SS; a fraction of a second is left out.

    One with an offset from UTC that is not China's is refused: it may be of the day before or after.
    """
    found = _TIME.fullmatch(text)
    if found and _offset_m(found) not in (None, _CHINA_M):
        return _ELSEWHERE if _offset_is_possible(found) else _NOT_A_TIME
    return parse_clock(text)


def parse_clock(text: str) -> str | Fault:
    """Read a time of day as HH:MM:SS, as its clock shows it, whatever the offset from UTC."""
    found = _TIME.fullmatch(text)
    if not found or not _offset_is_possible(found):
        return _NOT_A_TIME
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            return _NOT_A_TIME
        hour = hour % 12 + (12 if found[4][0] in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return _NOT_A_TIME
    return f"{hour:02d}:{minute:02d}:{second:02d}"


def minutes_to_china(text: str) -> int:
    """Return how many minutes later it is in China than a time of day says; 0 where it names no offset."""
    found = _TIME.fullmatch(text)
    offset_m = None if found is None else _offset_m(found)
    return 0 if offset_m is None else _CHINA_M - offset_m


def _offset_m(found: re.Match[str]) -> int | None:
    """Return the minutes by which a time is ahead of UTC, None where it does not say."""
    if found[5]:
        return 0
    if not found[6]:
        return None
    minutes = 60 * int(found[7]) + int(found[8] or 0)
    return -minutes if found[6] == "-" else minutes


def _offset_is_possible(found: re.Match[str]) -> bool:
    return abs(_offset_m(found) or 0) <= _LARGEST_OFFSET_M and int(found[8] or 0) < 60
