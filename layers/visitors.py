"""Who asks, and the part of the district that they answer for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from layers.schema import LAYERS

AreaKind = Literal["none", "district", "subdistricts", "neighbourhoods", "communities", "management_cells"]
AREA_KINDS: tuple[AreaKind, ...] = get_args(AreaKind)


@dataclass(frozen=True)
class Area:
    """The part of the district that somebody answers for.

    Attributes
    ----------
    kind : AreaKind
        ``district`` is all of it, ``none`` nothing; else the layer that `codes` are of.
    """

    kind: AreaKind
    codes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.kind not in AREA_KINDS or bool(self.codes) != (self.kind in LAYERS):
            raise ValueError(f"{self.kind!r} with {len(self.codes)} codes is no area")

    def __str__(self) -> str:
        return self.kind if not self.codes else f"{self.kind}:{','.join(sorted(self.codes))}"


NO_AREA = Area("none")
WHOLE_DISTRICT = Area("district")


@dataclass(frozen=True)
class Visitor:
    """Who asks.

    Attributes
    ----------
    role : str
        An id of ``roles.json``.
    area : Area
    account : str, optional
        The id of the account that answers for what is done; None for residents and walls.
    name : str
        What is written into logs and the history of features.
    via : str
        ``nobody``, ``session``, ``key``, ``device`` or ``operator``: how the visitor is known.
    scopes : frozenset of str, optional
        At most these actions: what a key or device is for. None for all that the role may.
    means : str
        The id of the key or device by which the visitor is known, for the audit log.
    """

    role: str
    area: Area = NO_AREA
    account: str | None = None
    name: str = ""
    via: str = "nobody"
    scopes: frozenset[str] | None = None
    means: str = ""

    @property
    def policy_class(self) -> tuple[str, Area, frozenset[str] | None]:
        """What the policy looks at: visitors of one class see the same, so answers may be kept by it."""
        return self.role, self.area, self.scopes


RESIDENT = Visitor("resident")
"""Anybody who has not signed in."""


def operator(name: str) -> Visitor:
    """Return the visitor that the command line acts as: whoever may read the store's file."""
    return Visitor("operator", WHOLE_DISTRICT, name=name, via="operator")
