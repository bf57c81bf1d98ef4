"""What tiles tell of a layer's features, as they have it: keys, and a table of values that features point into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from webmap.tile_encoding import value_messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from webmap.tile_geometry import Integers

_NONE, _OWN = -1, -2


@dataclass(frozen=True, eq=False)
class Texts:
    """The code of every feature, and what is told besides.

    Attributes
    ----------
    codes : Index of str
        Different for every feature.
    names : tuple of str
        Of what is told besides.
    values : object array of bytes
        Of each different text that is told besides, what stands in a tile; None at the end, where -1 points to.
    columns : int32 array of shape (number of features, number of names)
        Positions in `values`, -1 where nothing is known.
    twins : dict of int to int
        Of those features whose code is among the texts as well: which of `values` it is.
    """

    codes: pd.Index[str]
    names: tuple[str, ...]
    values: NDArray[np.object_]
    columns: NDArray[np.int32]
    twins: Mapping[int, int]

    def codes_of(self, rows: NDArray[np.int32]) -> NDArray[np.object_]:
        """Return the codes of some features as they stand in a tile."""
        made = np.empty(len(rows), dtype=object)
        made[:] = value_messages(self.codes[rows].tolist())
        return made

    def told(self, rows: NDArray[np.int32]) -> NDArray[np.object_]:
        """Return what is told of some features besides their codes, shape (len(rows), len(names)); None is not known."""
        return self.values[self.columns[rows]]

    def table(
        self, rows: NDArray[np.int32], codes: NDArray[np.object_]
    ) -> tuple[tuple[str, ...], Integers, NDArray[np.object_]]:
        """Return what a tile of some features tells.

        Parameters
        ----------
        rows : int array
        codes : object array of bytes
            Theirs, as `codes_of` makes them.

        Returns
        -------
        keys : tuple of str
        values : int array of shape (len(rows), len(keys))
            Positions in the table, -1 for none.
        table : object array of bytes
            Each of them pointed to, none twice.
        """
        held = np.full((len(rows), 1 + len(self.names)), _OWN, dtype=np.int64)
        held[:, 1:] = self.columns[rows]
        if self.twins:
            held[:, 0] = [self.twins.get(row, _OWN) for row in rows.tolist()]
        flat = held.ravel()
        chosen = np.arange(len(flat))
        shared = np.flatnonzero(flat >= 0)
        seen = np.empty(len(self.values), dtype=np.int64)
        seen[flat[shared[::-1]]] = shared[::-1]  # of those that point to one value, the first
        chosen[shared] = seen[flat[shared]]
        listed = (chosen == np.arange(len(flat))) & (flat != _NONE)
        messages = np.empty(len(flat), dtype=object)
        messages[:: held.shape[1]] = codes
        shared = np.flatnonzero(listed & (flat >= 0))
        messages[shared] = self.values[flat[shared]]
        number = np.where(flat == _NONE, -1, (np.cumsum(listed) - 1)[chosen]).reshape(held.shape)
        used = np.flatnonzero((number >= 0).any(axis=0))
        keys = ("id", *self.names)
        return tuple(keys[at] for at in used.tolist()), number[:, used], messages[listed]


def texts_of(codes: pd.Index[str], columns: Mapping[str, pd.Series]) -> Texts:
    """Return what is told of features: their codes, and columns of texts and days in their order."""
    positions: dict[str, int] = {}
    told = np.full((len(codes), len(columns)), _NONE, dtype=np.int32)
    for number, column in enumerate(columns.values()):
        of_row, different = pd.factorize(column)
        of_text = np.array([positions.setdefault(_text(one), len(positions)) for one in different] + [_NONE])
        told[:, number] = of_text[of_row]
    values = np.full(len(positions) + 1, None, dtype=object)
    values[:-1] = value_messages(positions)
    both = np.flatnonzero(codes.isin(list(positions)))
    twins = {int(row): positions[code] for row, code in zip(both, codes[both], strict=True)}
    return Texts(codes, tuple(columns), values, told, twins)


def _text(value: Any) -> str:
    return value.strftime("%Y-%m-%d") if isinstance(value, datetime) else str(value)
