"""What is wrong, row by row, collected until everything has been looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from layers.problems import Problem
from layers.text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHOWN = 60


class Fault(NamedTuple):
    """Why a value is not taken, and what would be."""

    message: Text
    remedy: Text


@dataclass
class Findings:
    """Problems of the records of one source.

    Attributes
    ----------
    rows : ndarray of int
        The row of each record, as `Problem.row` wants it.
    problems : list of Problem
    bad : ndarray of bool
        Records with at least one problem.
    """

    rows: NDArray[np.int64]
    problems: list[Problem] = field(default_factory=list)
    bad: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.bad = np.zeros(len(self.rows), dtype=bool)

    def add(self, at: int, name: str | None, value: object, fault: Fault) -> None:
        """Note `fault` for the record at position `at`."""
        shown = None if value is None else str(value)
        if shown is not None and len(shown) > _SHOWN:
            shown = shown[:_SHOWN] + "…"
        self.bad[at] = True
        self.problems.append(
            Problem(fault.message, fault.remedy, row=int(self.rows[at]), field=name, value=shown)
        )

    def add_all(self, where: NDArray[np.bool_] | Iterable[int], name: str | None, fault: Fault) -> None:
        """Note the same fault for every record where `where` holds."""
        positions = np.flatnonzero(where) if isinstance(where, np.ndarray) and where.dtype == bool else where
        for at in positions:
            self.add(int(at), name, None, fault)
