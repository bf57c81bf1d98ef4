"""How numbers, shares and days are written in the two languages."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from layers.text import Text, both

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.standards import Standards

NOT_KNOWN = Text("不明", "unknown")
NOT_SHOWN = Text("不显示", "not shown")
"""Stands for what the role of whoever asks is not told."""


def number(value: float | None) -> Text:
    """Return a whole number with thousands separators; NaN and None are unknown."""
    return NOT_KNOWN if value is None or pd.isna(value) else both(f"{round(value):,}")


def numbers(values: NDArray[Any], *, at_least: NDArray[np.bool_] | None = None) -> tuple[Text, ...]:
    """Return `number` of each value; most of a district's cells share few of them, so each is written once.

    Parameters
    ----------
    values : float array
        NaN is unknown.
    at_least : bool array, optional
        Which values are known in part, and so written as the least that there is.
    """
    rounded, at = np.unique(np.round(np.asarray(values, dtype=float)), return_inverse=True)
    written = [number(value) for value in rounded.tolist()]
    if at_least is None:
        return tuple(written[position] for position in at.tolist())
    least = [least_number(value) for value in rounded.tolist()]
    return tuple(
        (least if part else written)[position]
        for position, part in zip(at.tolist(), at_least.tolist(), strict=True)
    )


def ratios(count: NDArray[np.int64], unknown: NDArray[np.int64], of: NDArray[np.int64]) -> tuple[Text, ...]:
    """Write so many, and perhaps so many more, of so many; most units share few of them, so each is written once."""
    shares, at = np.unique(np.stack((count, unknown, of)), axis=1, return_inverse=True)
    written = [both(f"{c} (+{u}?) / {n}" if u else f"{c} / {n}") for c, u, n in shares.T.tolist()]
    return tuple(written[position] for position in at.ravel().tolist())


def least_number(value: float | None) -> Text:
    """Return a whole number of which only a part is known: there is at least so much."""
    return at_least(number(value))


def at_least(written: Text) -> Text:
    """Return how a number is written of which only a part is known; one that is not known at all stays so."""
    return written if written is NOT_KNOWN else Text("≥ {n}", "≥ {n}").format(n=written)


def large(value: float | None) -> Text:
    """Return a number as headlines write it: 115.0 万 in Chinese from ten thousand on, 1,150,000 in English."""
    if value is None or pd.isna(value):
        return NOT_KNOWN
    return Text(f"{value / 1e4:.1f} 万" if value >= 1e4 else f"{round(value):,}", f"{round(value):,}")


def percent(share: float | None) -> Text:
    """Return a share with one decimal; NaN and None are unknown.

    What is not all never reads 100.0%, and what is not nothing never 0.0%.
    """
    if share is None or pd.isna(share):
        return NOT_KNOWN
    written = f"{100 * share:.1f}%"
    if written == "100.0%" and share < 1:
        return both(">99.9%")
    return both("<0.1%" if written == "0.0%" and share > 0 else written)


def metres(value: float | None) -> Text:
    """Return whole metres; infinity is no facility at all."""
    if value is None or pd.isna(value):
        return NOT_KNOWN
    return Text("全区没有", "none in the district") if value == float("inf") else both(f"{round(value):,} m")


def day(value: Any) -> str | None:
    """Return an ISO day, or None where unknown."""
    if value is None or pd.isna(value):
        return None
    return value.isoformat()[:10] if isinstance(value, date) else str(value)[:10]


def known(value: Any) -> bool:
    """Whether a cell of a frame holds something."""
    return value is not None and not pd.isna(value) and value != ""


def name_of(row: pd.Series, code: str) -> Text:
    """Return a feature's name, its English one where there is one, else its code."""
    zh = str(row["name"]) if known(row.get("name")) else code
    return Text(zh, str(row["name_en"]) if known(row.get("name_en")) else zh)


def short_kind(standards: Standards, kind: str) -> Text:
    """Return the short title of a facility kind."""
    return next(code.short for code in standards.code_lists["facility_kinds"] if code.id == kind)
