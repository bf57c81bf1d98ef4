"""The small district with a mark in every value, and who it belongs to, read off the squared paper.

Every text that an importer could fill says ``CANARY-layer-field-code``; every number that people are counted
by occurs once in the district. So whatever leaves tells where it came from. Which area a feature belongs to
is computed here from the drawing in `tests.district`, not by `layers.areas`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.district import BUILDINGS_PER_COMMUNITY, COMMUNITIES, corner_of, place_of, small_district

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.store import District
    from layers.visitors import Area

TEXTS = {
    "communities": ("property_company", "residents_source", "residents_definition"),
    "complaints": ("category", "channel", "text"),
    "management_cells": ("scheme",),
}
"""Text fields that are no code list and no name."""

NUMBERS = {"households": 8_203_001, "residents": 9_104_003, "floating_residents": 7_305_007}
"""Per counted field of communities the first of its numbers; the others follow in steps of 1,013."""

_TEXT = re.compile(r"CANARY-([a-z]+(?:_[a-z]+)*)-([a-z]+(?:_[a-z]+)*)-([A-Za-z0-9]+(?:-[A-Z0-9]+)*)")
_NUMBER = re.compile(r"(?<![\d.])\d{7}(?!\d)")
_SEPARATED = re.compile(r"(?<![\d.,])\d,\d{3},\d{3}(?!\d)")
_COMPLAINT = re.compile(r"\bC\d\d-\d{3}\b")

Mark = tuple[str, str, str]
"""Layer, field and code of the feature that a value belongs to."""


def marked_district() -> tuple[District, dict[str, gpd.GeoDataFrame]]:
    """Return the district and its frames."""
    district, frames = small_district()
    for layer, names in TEXTS.items():
        for name in names:
            frame = frames[layer]
            frame[name] = [f"CANARY-{layer}-{name}-{code}" for code in frame.index]
    communities = frames["communities"]
    for name, first in NUMBERS.items():
        communities[name] = [first + 1013 * row for row in range(len(communities))]
        communities[name] = communities[name].astype("Int64")
    return district, frames


def number_of(name: str, code: str) -> int:
    """Return the number of one community."""
    return NUMBERS[name] + 1013 * (int(code[1:]) - 1)


@lru_cache(maxsize=1)
def _numbers() -> dict[str, Mark]:
    return {
        str(number_of(name, code)): ("communities", name, code)
        for name in NUMBERS
        for code, *_ in COMMUNITIES
    }


@lru_cache(maxsize=4096)
def marks_in(text: str) -> frozenset[Mark]:
    """Return the marks that a decoded answer holds, the codes of complaints among them."""
    found: set[Mark] = {(layer, field, code) for layer, field, code in _TEXT.findall(text)}
    for digits in (*_NUMBER.findall(text), *(each.replace(",", "") for each in _SEPARATED.findall(text))):
        if digits in _numbers():
            found.add(_numbers()[digits])
    return frozenset(found | {("complaints", "code", code) for code in _COMPLAINT.findall(text)})


def belongs(layer: str, code: str, area: Area) -> bool:
    """Whether a feature belongs to an area, by where it is drawn and what it says of itself."""
    if not area.codes:
        return area.kind == "district"
    return any(_belongs(layer, code, area.kind, wanted) for wanted in area.codes)


def _belongs(layer: str, code: str, kind: str, wanted: str) -> bool:
    if layer == kind:
        return code == wanted
    if kind == "management_cells":
        return _in_cell(layer, code, wanted)
    subdistrict, neighbourhood, community = _parents(layer, code)
    return (
        wanted
        == {"subdistricts": subdistrict, "neighbourhoods": neighbourhood, "communities": community}[kind]
    )


def _parents(layer: str, code: str) -> tuple[str | None, str | None, str | None]:
    if layer == "subdistricts":
        return code, None, None
    if layer == "neighbourhoods":
        return code[:2], code, None
    if layer == "management_cells":
        column, row = (int(code[1:]) - 1) % 4, (int(code[1:]) - 1) // 4
        return f"S{column // 2 + 1}", f"S{column // 2 + 1}N{row + 1}", None
    community = {"M1": "C01", "M2": "C05", "M3": "C09"}.get(code, code[:3])
    return (*place_of(community), community)


def _in_cell(layer: str, code: str, cell: str) -> bool:
    number = int(cell[1:]) - 1
    if not 0 <= number < 8 or layer in ("subdistricts", "neighbourhoods"):
        return False  # they are larger than any cell
    west, south = 400 * (number % 4), 600 * (number // 4)
    if layer == "communities":
        x, y = corner_of(code)
        if code == "C11":
            return west <= x + 120 <= west + 400 and south <= y + 280 <= south + 600
        return x < west + 400 and x + 240 > west and y < south + 600 and y + 560 > south
    if layer == "complaints":
        x, y = corner_of(code[:3])
        k = int(code[4:]) - 1
        x, y = x + 10 + (k * 53) % 220, y + 10 + (k * 97) % 540
        return west <= x < west + 400 and south <= y < south + 600
    raise ValueError(f"{layer} in cells is not drawn here")


COMMUNITY_CODES = tuple(code for code, *_ in COMMUNITIES)
BUILDING_CODES = tuple(f"{code}-B{k + 1}" for code in COMMUNITY_CODES for k in range(BUILDINGS_PER_COMMUNITY))
