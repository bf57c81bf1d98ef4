"""Where complaints concentrate: Gi* over units, on the rate where residents are known, else on counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from geo import hotspots
from geo.significance import CLASSES, class_codes, two_sided_p

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from layers.standards import Standards

Basis = Literal["rate", "count"]

MOST_UNKNOWN = 0.1
"""Residents of a unit are known well enough for a rate if so much of its dwellings, or less, are of unknown number.

If as many live in those as in the others, the rate is too high by a ninth at most.
"""


def comparable_residents(
    residents: NDArray[np.float64],
    *,
    dwellings: NDArray[np.int64],
    unknown: NDArray[np.int64],
    standards: Standards,
) -> NDArray[np.float64]:
    """Return the residents by which units are compared: NaN where they are not known well enough.

    That is where more than `MOST_UNKNOWN` of the dwellings are of unknown number, or where some are and too few
    residents are known to tell whether there are as many as a comparison needs.

    Parameters
    ----------
    residents : float array, one per unit
        Those that are known, NaN where none are.
    dwellings, unknown : int arrays, one per unit
        How many dwellings there are, and those of them whose residents are unknown.
    """
    too_few_known = (unknown > 0) & (residents < standards.hotspot_mask_residents)
    return np.where((unknown > MOST_UNKNOWN * dwellings) | too_few_known, np.nan, residents)


_MASKED, _UNKNOWN = np.int8(CLASSES.index("masked")), np.int8(CLASSES.index("unknown"))


@dataclass(frozen=True, eq=False)
class Hotspots:
    """What comparing units by their complaints gave.

    Attributes
    ----------
    basis : {"rate", "count"}
    z : float array, one per unit
        NaN of units that took no part.
    codes : int8 array, one per unit
        Positions of their classes in `geo.significance.CLASSES`.
    """

    basis: Basis
    z: NDArray[np.float64]
    codes: NDArray[np.int8]

    @property
    def nbytes(self) -> int:
        """Bytes that z and classes take."""
        return self.z.nbytes + self.codes.nbytes


class Comparison:
    """Units to be compared by their complaints: what follows from residents and neighbours, and from no complaint.

    On a rate, units with fewer residents than the mask and units whose residents are unknown take no part: they
    are no one's neighbour, their z and p are unknown and their class is ``masked`` or ``unknown``. Rates are per
    1,000 residents, smoothed by global empirical Bayes (Marshall 1991).

    Parameters
    ----------
    residents : float array, one per unit
        NaN where unknown: of `comparable_residents`.
    neighbours : sparse array, units x units
        Binary, symmetric, without the diagonal.

    Attributes
    ----------
    basis : {"rate", "count"}
        What is compared: the rate where any residents are known, else the count.
    """

    def __init__(
        self,
        residents: NDArray[np.float64],
        neighbours: sparse.csr_array,
        *,
        standards: Standards,
    ) -> None:
        self.basis: Basis = "rate" if np.nansum(residents) > 0 else "count"
        self._at: NDArray[np.intp] | None = None
        if self.basis == "rate":
            # Without residents there is no rate, even where nobody is masked.
            least = max(standards.hotspot_mask_residents, np.finfo(np.float64).tiny)
            self._at = np.flatnonzero(np.nan_to_num(residents) >= least)
            self._apart = np.where(np.isnan(residents), _UNKNOWN, _MASKED)
            self._residents = residents[self._at]
            neighbours = neighbours[self._at][:, self._at]
        self._cells = hotspots.GiStar(neighbours)

    def of(self, complaints: NDArray[np.int64]) -> Hotspots:
        """Compare the units by these complaints, one number per unit."""
        z = self._cells.z(self._values(complaints))
        codes = class_codes(z)
        if self._at is None:
            return Hotspots(self.basis, z, codes)
        of_all = self._apart.copy()
        of_all[self._at] = codes
        return Hotspots(self.basis, self._put_back(z), of_all)

    def permuted(self, complaints: NDArray[np.int64], *, standards: Standards) -> NDArray[np.float64]:
        """Return the smaller tail of each unit by permutation; NaN of units that take no part."""
        found = hotspots.permutation_p(
            self._values(complaints),
            self._cells.neighbours,
            permutations=standards.hotspot_permutations,
            seed=standards.hotspot_seed,
        )
        return self._put_back(found)

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes."""
        linked = self._cells.neighbours
        return int(linked.data.nbytes + linked.indices.nbytes + 4 * linked.indptr.nbytes)

    def _values(self, complaints: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what is compared, of the units that take part."""
        if self._at is None:
            return complaints.astype(np.float64)
        return 1000 * hotspots.empirical_bayes_rates(complaints[self._at], self._residents)

    def _put_back(self, found: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._at is None:
            return found
        of_all = np.full(len(self._apart), np.nan)
        of_all[self._at] = found
        return of_all


def hotspot_table(
    complaints: NDArray[np.int64],
    residents: NDArray[np.float64],
    neighbours: sparse.csr_array,
    *,
    standards: Standards,
) -> pd.DataFrame:
    """Return Getis-Ord Gi* per unit, with permutations and in words; parameters as of `Comparison`.

    Returns
    -------
    DataFrame
        `hotspot_basis`, `hotspot_z`, `hotspot_p` (two-sided, analytic), `hotspot_p_sim` (the smaller
        tail), `hotspot_class` (by Benjamini-Hochberg on `hotspot_p`).
    """
    compared = Comparison(residents, neighbours, standards=standards)
    found = compared.of(complaints)
    return pd.DataFrame(
        {
            "hotspot_basis": found.basis,
            "hotspot_z": found.z,
            "hotspot_p": two_sided_p(found.z),
            "hotspot_p_sim": compared.permuted(complaints, standards=standards),
            "hotspot_class": np.array(CLASSES)[found.codes],
        }
    )
