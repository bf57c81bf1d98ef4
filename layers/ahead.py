"""What many ask first, made before somebody waits for it.

A snapshot keeps what follows from it once somebody has asked. Of a large district that takes a while: this asks in
nobody's name, so that whoever comes first after a start does not wait for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from layers.areas import feature_belonging
from layers.places import PARENT_LAYERS, places
from layers.problems import WanggeError
from layers.queries import QUESTIONS, ViewQuery
from layers.sight import Sight
from layers.views import view

if TYPE_CHECKING:
    from layers.snapshot import Snapshot

_SIGHT = Sight(aggregates="full", floating="all")
_OF_A_CELL = ("communities", "buildings", "mediation_rooms", "facilities", "complaints")
"""What a grid worker is told figures of."""


def make_ahead(snapshot: Snapshot) -> Iterator[None]:
    """Make what pages ask for first, one part after the other; whoever takes the parts may stop between them.

    The answers themselves are not kept: what they are made of is, and it is the same for all who ask. What takes a
    moment and much memory, as what cards and the wall tell besides, waits until somebody asks.
    """
    for question in QUESTIONS:
        _answer(snapshot, {"question": question})
        yield
    _answer(snapshot, {"question": "hotspots", "unit": "communities"})  # as grid workers are told of them
    yield
    for layer in _OF_A_CELL:
        feature_belonging(snapshot, layer, "management_cells")
        yield
    for layer in (*PARENT_LAYERS.values(), "mediation_rooms"):
        places(snapshot, layer)
    yield


def _answer(snapshot: Snapshot, asked: Mapping[str, str]) -> None:
    """Answer a question, with what is chosen where nobody chooses."""
    try:
        query = ViewQuery.from_params(asked, snapshot, _SIGHT)
        view(snapshot, query, _SIGHT).as_dict("zh")
    except WanggeError:
        return  # what cannot be answered yet is said to whoever asks
