"""What is due to be erased by the rules of ``data/fields.json``, as of a day, and erasing it.

Days are those of this machine's calendar: what a law says of keeping counts from today, not from the day that a
district's data speak of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from layers.schema import LAYERS, Field, Layer

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.rules import Retention, Rules
    from layers.store import Store

AUDIT = ("audit", "at")


@dataclass(frozen=True)
class Held:
    """What a store keeps of a field that is not kept for ever.

    Attributes
    ----------
    rule : Retention
    days : Series of datetime64 by code
        When each feature's values are due; missing where none of the rule's dates is known.
    today : date
    """

    layer: Layer
    field: Field
    rule: Retention
    days: pd.Series[Any]
    today: date

    @property
    def due(self) -> list[str]:
        """The codes of which the values are due, in order."""
        return sorted(self.days.index[self.days <= pd.Timestamp(self.today)])

    @property
    def undated(self) -> int:
        """Of how many features it is not known when they are due: their values stay."""
        return int(self.days.isna().sum())

    @property
    def by_day(self) -> dict[date, int]:
        """How many are due, by the day since which they are."""
        return self._counted(self.days <= pd.Timestamp(self.today))

    @property
    def later(self) -> dict[date, int]:
        """How many will be due, by day."""
        return self._counted(self.days > pd.Timestamp(self.today))

    def _counted(self, chosen: pd.Series[bool]) -> dict[date, int]:
        counts = self.days[chosen].value_counts().sort_index()
        return {
            day.date(): int(count) for day, count in zip(pd.DatetimeIndex(counts.index), counts, strict=True)
        }


def held(store: Store, rules: Rules, today: date) -> Iterator[Held]:
    """Yield what a store keeps of each field that is to be erased some day, present and past."""
    for (name, field), rule in rules.fields.items():
        if rule.retention.after:
            layer = LAYERS[name]
            days = due_days(store.holding(name, field), rule.retention)
            yield Held(layer, layer.field(field), rule.retention, days, today)


def due_days(frame: gpd.GeoDataFrame, rule: Retention) -> pd.Series[Any]:
    """Return when the values of each feature are due, by its first date that is known."""
    days = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[s]")
    for field, count in rule.after:
        days = days.fillna(frame[field] + pd.Timedelta(days=count))
    return days


def audit_before(rules: Rules, now: datetime) -> datetime:
    """Return the moment before which entries of the audit log are due."""
    [(_, days)] = rules.access[AUDIT].retention.after
    return now - timedelta(days=days)
