"""Cells that cover a district, square, hexagonal (H3) or irregular, behind one interface.

All cells live in a metric CRS. Every position belongs to at most one cell, by a stated edge rule:

square
    Origin at multiples of the size in the metric CRS, half-open: the west and the south edge belong.
H3
    H3's own assignment of a position (lon, lat of EPSG:4490 taken as WGS 84) to a cell.
irregular
    A boundary position belongs to the cell that comes first.
"""

import re
from typing import Literal

from geo.hexagons import COARSEST_H3, FINEST_H3, h3_cells
from geo.polygon_cells import polygon_cells
from geo.squares import square_cells
from geo.tessellation import MOST_CELLS, Cells

__all__ = ["MOST_CELLS", "Cells", "Scheme", "h3_cells", "parse_scheme", "polygon_cells", "square_cells"]

Scheme = tuple[Literal["square"], float] | tuple[Literal["h3"], int] | tuple[Literal["management"]]


def parse_scheme(text: str) -> Scheme:
    """Read the name of a kind of cells.

    Parameters
    ----------
    text : str
        "square:100" (metres), "h3:10" (resolution) or "management".

    Returns
    -------
    tuple
        ("square", 100.0), ("h3", 10) or ("management",).

    Raises
    ------
    ValueError
        If it is none of these; the message lists what is allowed.
    """
    name, colon, value = text.strip().partition(":")
    if name == "management" and not colon:
        return ("management",)
    if name == "square" and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) and float(value) > 0.0:
        return ("square", float(value))
    if name == "h3" and re.fullmatch(r"[0-9]+", value) and COARSEST_H3 <= int(value) <= FINEST_H3:
        return ("h3", int(value))
    raise ValueError(
        f"cells {text!r} are not known; give square:SIZE with a size in metres above 0 (square:100), "
        f"h3:RESOLUTION from {COARSEST_H3} to {FINEST_H3} (h3:10), or management"
    )
