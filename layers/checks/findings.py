"""What a check finds: a kind, the features or places concerned, and what was measured there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.crs import points_from_metric
from layers.checks.kinds import KINDS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from layers.checks.kinds import Kind
    from layers.snapshot import Snapshot
    from layers.text import Language


@dataclass(frozen=True)
class Case:
    """One place where something was found.

    Attributes
    ----------
    codes : tuple of str
        Features concerned: one; a pair that overlaps; a group that is there twice; a gap's neighbours.
    details : mapping of str to number or text
        What was measured: ``area_m2``, ``distance_m``, ``lon`` and ``lat`` (EPSG:4490), shares from 0 to 1,
        days as ISO texts.
    """

    codes: tuple[str, ...]
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """Everything of one kind that was found in a layer; `layer` is None where it concerns the whole store."""

    kind: Kind
    layer: str | None
    cases: tuple[Case, ...]

    @property
    def id(self) -> str:
        """Name of the kind."""
        return self.kind.id

    @property
    def fault(self) -> bool:
        """Whether something contradicts itself, and is not only unknown or noteworthy."""
        return self.kind.fault

    @property
    def codes(self) -> tuple[str, ...]:
        """Every feature concerned, once, in the order of the cases."""
        return tuple(dict.fromkeys(code for case in self.cases for code in case.codes))

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the finding for JSON; `details` has one entry per case, and none where nothing was measured."""
        measured = any(case.details for case in self.cases)
        return {
            "id": self.id,
            "layer": self.layer,
            "fault": self.fault,
            "count": len(self.cases),
            "message": self.kind.message.to(language),
            "remedy": self.kind.remedy.to(language),
            "codes": list(self.codes),
            "details": [{"codes": list(case.codes), **case.details} for case in self.cases]
            if measured
            else [],
        }


Details = Mapping[str, Sequence[Any]]
"""Per name what was measured in each case, in the order of the cases; None is left out."""


def cases(codes: Sequence[tuple[str, ...]], details: Details) -> tuple[Case, ...]:
    """Put together codes and details, each case's at one place in all of them."""
    return tuple(
        Case(one, {name: values[k] for name, values in details.items() if values[k] is not None})
        for k, one in enumerate(codes)
    )


def of_rows(
    snapshot: Snapshot, kind: str, layer: str, rows: ArrayLike, details: Details | None = None
) -> Finding:
    """Make the finding of one case per row.

    Parameters
    ----------
    rows : array_like of bool, or of int
        Which rows of the layer's frame; positions may be in any order, which is kept.
    details : mapping, optional
        Per chosen row, in the same order.
    """
    codes = snapshot.frame(layer).index.to_numpy(dtype=object)[np.asarray(rows)]
    return Finding(KINDS[kind], layer, cases([(str(code),) for code in codes], details or {}))


def rounded(values: ArrayLike, decimals: int) -> list[float | None]:
    """Return plain rounded numbers for details, None for what is not finite."""
    array = np.asarray(values, dtype=np.float64)
    return [round(float(value), decimals) if np.isfinite(value) else None for value in array]


def degrees(snapshot: Snapshot, x: ArrayLike, y: ArrayLike) -> Details:
    """Return `lon` and `lat` (EPSG:4490, to a decimetre) of positions in metres, for details."""
    lon, lat = points_from_metric(x, y, snapshot.district.metric_crs)
    return {"lon": rounded(lon, 6), "lat": rounded(lat, 6)}


def worst_first(rows: NDArray[np.int64], measure: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order rows by what was measured of them (to a decimetre), the largest first, equal ones as they come."""
    order = np.argsort(-np.round(np.where(np.isfinite(measure), measure, np.inf), 1), kind="stable")
    return rows[order]
