"""What a view may tell of each unit, and its numbers as JSON has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "id",
    "name",
    "place",
    "class",
    "value",
    "value_text",
    "residents",
    "complaints",
    "seats",
    "suppressed",
    "months",
    "lon",
    "lat",
)
"""In this order."""


def json_numbers(values: pd.Series) -> list[float | int | None]:
    """Return numbers to three places for JSON: whole ones without a point, unknown ones as None."""
    found = np.round(values.to_numpy(dtype=float, na_value=np.nan), 3)
    told = np.isfinite(found)
    found = np.where(told, found, 0.0)
    whole = found == np.floor(found)
    columns = zip(told.tolist(), whole.tolist(), found.tolist(), strict=True)
    return [None if not known else int(item) if is_whole else item for known, is_whole, item in columns]
