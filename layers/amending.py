"""Amending one feature: what is there, what others did meanwhile, what a request wants of it, exactly once.

A client gives each of its requests a key of its own. The store keeps the key in the transaction that does what
the request asks, so that the request, come again by whatever way, is answered and not done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from layers.epochs import Epoch
from layers.problems import WanggeError

if TYPE_CHECKING:
    from layers.store import Edit

GEOMETRY = "geometry"


@dataclass(frozen=True)
class Key:
    """What a client calls one request of its own.

    Attributes
    ----------
    id : str
        Chosen by the client, once for each request and for no other: a UUID.
    digest : str
        A hash of all that the request says and of who says it, by which another request is told from this one.
    former : tuple of str
        The hashes by which programs of before would have kept the same request.
    """

    id: str
    digest: str
    former: tuple[str, ...] = ()


class KeyReused(WanggeError):
    """A key was used before, for another request."""


@dataclass(frozen=True)
class Found:
    """A feature as somebody who is about to amend it finds it, with the turn to write.

    Attributes
    ----------
    version : int
        The store's.
    values : mapping of field to value, optional
        What is known, ``geometry`` among it, days as ISO texts; None where there is no such feature.
    base_known : bool
        The store knows the version that the request is based on. Where it does not (a backup has been restored),
        nothing is known of what happened since.
    restored : Epoch, optional
        The store's epoch, where the request is based on another one.
    since : tuple of Edit
        What was done to it after that version, oldest first.
    own : frozenset of int
        The versions among them that the same client made, and therefore knows.
    """

    version: int
    values: Mapping[str, Any] | None
    base_known: bool = True
    restored: Epoch | None = None
    since: tuple[Edit, ...] = ()
    own: frozenset[int] = frozenset()


Amend = Callable[[Found], Mapping[str, Any]]
"""Returns what is to be written: fields with their values, days as ISO texts, None for unknown.

It may be called again, in another thread, and the last time counts; what it raises undoes the request, and its
key is not used up.
"""


@dataclass(frozen=True)
class Amended:
    """What came of a request.

    Attributes
    ----------
    version : int
        In which it was written; the store's own where nothing was to be written.
    fields : tuple of str
        What differed and was written, in the layer's order.
    again : bool
        The key was known: this is the outcome of the first time.
    epoch : Epoch
        The store's, of the transaction that gave the version.
    """

    version: int
    fields: tuple[str, ...]
    again: bool = False
    epoch: Epoch = field(default=Epoch(), compare=False)
