"""Where complaints concentrate: Gi* over units, on the rate where residents are known, else on counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from geo import hotspots

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from layers.standards import Standards

Basis = Literal["rate", "count"]


def hotspot_table(
    complaints: NDArray[np.int64],
    residents: NDArray[np.float64],
    neighbours: sparse.csr_array,
    *,
    standards: Standards,
    basis: Basis | None = None,
    permutations: bool = True,
) -> pd.DataFrame:
    """Return Getis-Ord Gi* per unit.

    On a rate, units with fewer residents than the mask (or unknown ones) take no part: they are no one's
    neighbour, their z and p are unknown and their class is ``masked``. Rates are per 1,000 residents,
    smoothed by global empirical Bayes (Marshall 1991).

    Parameters
    ----------
    complaints : int array, one per unit
    residents : float array, one per unit
        NaN where unknown.
    neighbours : sparse array, units x units
        Binary, symmetric, without the diagonal.
    basis : {"rate", "count"}, optional
        What is compared; by itself the rate where any residents are known, else the count.
    permutations : bool
        Whether to compute `hotspot_p_sim`; without it the column is unknown.

    Returns
    -------
    DataFrame
        `hotspot_basis`, `hotspot_z`, `hotspot_p` (two-sided, analytic), `hotspot_p_sim` (the smaller
        tail), `hotspot_class` (by Benjamini-Hochberg on `hotspot_p`).
    """
    basis = basis or ("rate" if np.nansum(residents) > 0 else "count")
    values, masked = complaints.astype(np.float64), np.zeros(len(complaints), dtype=bool)
    if basis == "rate":
        masked = ~(np.nan_to_num(residents) >= standards.hotspot_mask_residents)
        values[~masked] = 1000 * hotspots.empirical_bayes_rates(values[~masked], residents[~masked])
        values[masked] = np.nan
    z, p_sim = hotspots.getis_ord_gi_star(values, neighbours), np.full(len(values), np.nan)
    if permutations:
        p_sim = hotspots.permutation_p(
            values,
            neighbours,
            permutations=standards.hotspot_permutations,
            seed=standards.hotspot_seed,
        )
    p = hotspots.two_sided_p(z)
    return pd.DataFrame(
        {
            "hotspot_basis": basis,
            "hotspot_z": z,
            "hotspot_p": p,
            "hotspot_p_sim": p_sim,
            "hotspot_class": hotspots.hotspot_classes(z, hotspots.benjamini_hochberg(p), masked=masked),
        }
    )
