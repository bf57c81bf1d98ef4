"""Records before they are understood: which are meant, which are the same, and what identifies one without a code."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from layers.imports.raw import Source
from layers.imports.values import trimmed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CODE_DIGITS = 16


def taken(source: Source, keep: NDArray[np.bool_]) -> Source:
    """Return the records of `source` for which `keep` holds."""
    if keep.all():
        return source
    return replace(
        source,
        columns=source.columns[keep].reset_index(drop=True),
        rows=source.rows[keep],
        geometry=None if source.geometry is None else source.geometry[keep],
    )


def meant(source: Source, only: dict[str, tuple[str, ...]]) -> NDArray[np.bool_]:
    """Say which records hold one of the wanted values in each column of `only`; an empty value is a missing one."""
    keep = np.ones(len(source.rows), dtype=bool)
    for column, values in only.items():
        texts = trimmed(source.columns[column]).fillna("")
        keep &= texts.isin(values).to_numpy(dtype=bool)
    return keep


def first_of_each(source: Source) -> NDArray[np.bool_]:
    """Say which records are not an exact duplicate (every column and the geometry) of an earlier one."""
    frame = source.columns
    if source.geometry is not None:
        frame = frame.assign(**{_free_name(frame): shapely.to_wkb(source.geometry)})
    return ~frame.duplicated().to_numpy(dtype=bool)


def _free_name(frame: pd.DataFrame) -> str:
    name = "geometry"
    while name in frame.columns:
        name += "_"
    return name


def made_codes(source: Source, prefix: str, which: NDArray[np.bool_]) -> list[str]:
    """Return a code for each record of `which`, the same whenever its source columns and geometry are the same.

    Columns count by name and not by place. The code is `prefix` and the first 16 hexadecimal digits of SHA-256.
    """
    frame = source.columns[which]
    names = sorted(frame.columns)
    # A missing value is told from an empty one by the sign before it.
    parts = [("=" + frame[name]).astype(object).where(frame[name].notna(), "").tolist() for name in names]
    heads = [f"{name}\x1f" for name in names]
    shapes = [b""] * len(frame) if source.geometry is None else list(shapely.to_wkb(source.geometry[which]))
    codes = []
    for shape, *values in zip(shapes, *parts, strict=True):
        text = "\x1e".join(head + value for head, value in zip(heads, values, strict=True))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass") + b"\x1d" + (shape or b""))
        codes.append(prefix + digest.hexdigest()[:_CODE_DIGITS])
    return codes
