"""Days as they begin and end where the districts are, whatever the machine's own time zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
"""China has one time zone, and no summer time."""


def day_in_china(moment: datetime) -> date:
    """Return the day that a moment is in."""
    return moment.astimezone(CHINA).date()
