"""Periods of days: what lies within them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from layers.problems import BadParameter
from layers.text import Text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Period = tuple[date | None, date | None]
"""First and last day, both inclusive, None for open."""


def year_before(day: date) -> date:
    """Return the same day of the year before; the 28th of February for the 29th."""
    ends_february = day.month == 2 and day.day == 29
    return day.replace(year=day.year - 1, day=28) if ends_february else day.replace(year=day.year - 1)


def year_to(day: date) -> tuple[date, date]:
    """Return the twelve months that end on a day: no day twice, whichever Februaries are long."""
    after = year_before(day) + timedelta(days=1)
    is_leap_day = after.month == 2 and after.day == 29
    return after + timedelta(days=is_leap_day), day


def period_words(period: Period) -> Text:
    """Return a period in words."""
    first, last = period
    if first is None and last is None:
        return Text("全部日期", "all dates")
    if last is None:
        return Text("{a} 起", "from {a}").format(a=first)
    if first is None:
        return Text("截至 {b}", "up to {b}").format(b=last)
    return Text("{a} 至 {b}", "{a} to {b}").format(a=first, b=last)


def check_period(period: Period) -> None:
    """Raise `BadParameter` where a period ends before it begins."""
    first, last = period
    if first is not None and last is not None and last < first:
        raise BadParameter(
            Text(
                "时段的止日 {last} 早于起日 {first}。",
                "The period ends on {last}, before it begins on {first}.",
            ).format(first=first, last=last),
            Text("请对调两个日期。", "Exchange the two dates."),
        )


def within(days: pd.Series, period: Period) -> NDArray[np.bool_]:
    """Whether each day lies within the period; an unknown one only where it is open on both sides."""
    found, known = np.ones(len(days), dtype=bool), days.to_numpy()
    first, last = period
    if first is not None:
        found &= known >= np.datetime64(first)
    if last is not None:
        found &= known <= np.datetime64(last)
    return found
