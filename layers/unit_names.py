"""What a unit is called: its own name, or that of the community most of its residents live in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layers.dwellings import dwellings
from layers.text import Language, Text, both
from layers.units import units
from layers.wording import known, name_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot


@dataclass(frozen=True)
class UnitNames:
    """Names of the units of one scheme, written where they are asked for: a province has many cells.

    Attributes
    ----------
    community : int array
        The community itself, or the cell's main community; -1 where there is none, and for areas.
    """

    community: NDArray[np.int64]
    _name: Callable[[int], Text]
    _place: Callable[[int], Text]

    def names(self, order: NDArray[np.int64], language: Language) -> list[str]:
        """Return the names of the units at `order`."""
        return [self._name(position).to(language) for position in order.tolist()]

    def places(self, order: NDArray[np.int64], language: Language) -> list[str]:
        """Return where the units at `order` lie: subdistrict and kind, or cell id."""
        return [self._place(position).to(language) for position in order.tolist()]


def unit_names(snapshot: Snapshot, scheme: str) -> UnitNames:
    """Return the names of the units of `scheme`."""
    return snapshot.derived(("names", scheme), lambda: _unit_names(snapshot, scheme), scheme=scheme)


def _unit_names(snapshot: Snapshot, scheme: str) -> UnitNames:
    found = units(snapshot, scheme)
    communities = _titles(snapshot.frame("communities"))
    subdistricts = _titles(snapshot.frame("subdistricts"))
    kinds = snapshot.frame("communities")["kind"].to_numpy(dtype=object)
    standards = snapshot.standards  # and not the snapshot: what is kept here may outlive it
    own = (
        communities if scheme == "communities" else () if found.is_cells else _titles(snapshot.frame(scheme))
    )
    label = cell_labels(found.ids) if found.is_cells else str
    main = np.full(len(found), -1, dtype=np.int64)
    if scheme == "communities":
        main = np.arange(len(found), dtype=np.int64)
    elif found.is_cells:
        main = main_community(snapshot, scheme)

    def name(unit: int) -> Text:
        if own:
            return own[unit]
        at = main[unit]
        return communities[at] if at >= 0 else Text("格 {id}", "Cell {id}").format(id=label(unit))

    def place(unit: int) -> Text:
        parts = []
        if found.subdistrict[unit] >= 0 and scheme != "subdistricts":
            parts.append(subdistricts[found.subdistrict[unit]])
        if scheme == "communities" and known(kinds[unit]):
            parts.append(standards.title("community_kinds", str(kinds[unit])))
        if found.is_cells and main[unit] >= 0:
            parts.append(both(label(unit)))
        return Text(" · ".join(part.zh for part in parts), " · ".join(part.en for part in parts))

    return UnitNames(main, name, place)


def cell_labels(ids: NDArray[np.object_]) -> Callable[[int], str]:
    """Return what writes how cells are called on screen: squares by column and row within the district."""
    squares = [re.fullmatch(r"E(-?\d+)N(-?\d+)", str(item)) for item in ids]
    if not len(ids) or not all(squares):
        return lambda unit: str(ids[unit])
    column, row = np.array([match.groups() for match in squares if match], dtype=np.int64).T.copy()
    column -= column.min()
    row -= row.min()
    return lambda unit: f"{column[unit]:03d}-{row[unit]:03d}"


def _titles(frame: pd.DataFrame) -> tuple[Text, ...]:
    rows = frame[["name", "name_en"]].to_dict("records")
    return tuple(name_of(row, str(code)) for code, row in zip(frame.index, rows, strict=True))  # type: ignore[arg-type]


def main_community(snapshot: Snapshot, scheme: str) -> NDArray[np.int64]:
    """Return the community with most residents in each unit; by buildings where residents are unknown."""
    found, homes = units(snapshot, scheme), dwellings(snapshot)
    here = (found.of_dwelling >= 0) & (homes.community >= 0)
    unit, community = found.of_dwelling[here], homes.community[here]
    weight = np.nan_to_num(homes.residents[here]) + 1e-6
    n = max(len(snapshot.frame("communities")), 1)
    pairs, which = np.unique(unit * n + community, return_inverse=True)
    total = np.bincount(which, weights=weight, minlength=len(pairs))
    main = np.full(len(found), -1, dtype=np.int64)
    order = np.lexsort((-(pairs % n), total))
    main[pairs[order] // n] = pairs[order] % n
    return main
