"""What a unit is called: its own name, or that of the community most of its residents live in."""

from __future__ import annotations

import re
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
    from layers.units import Units


@dataclass(frozen=True)
class UnitNames:
    """Names of the units of one scheme.

    Attributes
    ----------
    community : int array
        The community itself, or the cell's main community; -1 where there is none, and for areas.
    """

    community: NDArray[np.int64]
    _names: tuple[Text, ...]
    _places: tuple[Text, ...]

    def names(self, order: NDArray[np.int64], language: Language) -> list[str]:
        """Return the names of the units at `order`."""
        return [self._names[position].to(language) for position in order]

    def places(self, order: NDArray[np.int64], language: Language) -> list[str]:
        """Return where the units at `order` lie: subdistrict and kind, or cell id."""
        return [self._places[position].to(language) for position in order]


def unit_names(snapshot: Snapshot, scheme: str) -> UnitNames:
    """Return the names of the units of `scheme`."""
    return snapshot.derived(("names", scheme), lambda: _unit_names(snapshot, scheme), scheme=scheme)


def _unit_names(snapshot: Snapshot, scheme: str) -> UnitNames:
    found = units(snapshot, scheme)
    communities = _titles(snapshot.frame("communities"))
    subdistricts = _titles(snapshot.frame("subdistricts"))
    main = np.full(len(found), -1, dtype=np.int64)
    labels: list[str] = []
    if scheme == "communities":
        main = np.arange(len(found), dtype=np.int64)
        names = communities
    elif found.is_cells:
        main = main_community(snapshot, scheme)
        labels = cell_labels(found)
        cell = Text("格 {id}", "Cell {id}")
        names = tuple(
            communities[at] if at >= 0 else cell.format(id=labels[unit]) for unit, at in enumerate(main)
        )
    else:
        names = _titles(snapshot.frame(scheme))
    kinds = snapshot.frame("communities")["kind"].to_numpy(dtype=object)
    places = []
    for unit, at in enumerate(found.subdistrict):
        parts = []
        if at >= 0 and scheme != "subdistricts":
            parts.append(subdistricts[at])
        if scheme == "communities" and known(kinds[unit]):
            parts.append(snapshot.standards.title("community_kinds", str(kinds[unit])))
        if found.is_cells and main[unit] >= 0:
            parts.append(both(labels[unit]))
        places.append(Text(" · ".join(part.zh for part in parts), " · ".join(part.en for part in parts)))
    return UnitNames(main, names, tuple(places))


def cell_labels(found: Units) -> list[str]:
    """Return what cells are called on screen: squares by column and row within the district."""
    squares = [re.fullmatch(r"E(-?\d+)N(-?\d+)", str(item)) for item in found.ids]
    if not len(found) or not all(squares):
        return [str(item) for item in found.ids]
    column, row = np.array([match.groups() for match in squares if match], dtype=np.int64).T
    spots = zip(column - column.min(), row - row.min(), strict=True)
    return [f"{x:03d}-{y:03d}" for x, y in spots]


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
