"""What every kind of store asks of its own records: that versions follow each other and lead to what is there."""

from __future__ import annotations

from collections.abc import Iterable

from layers.schema import Layer
from layers.store import EditKind, Fault
from layers.text import Text

SHOWN_CODES = 20


def version_faults(version: int, versions: Iterable[int]) -> list[Fault]:
    """Return what is wrong with the numbers of the changes.

    Parameters
    ----------
    version : int
        The store's own, which its last change must have.
    versions : iterable of int
        Those of all changes, ascending.
    """
    expected = 1
    gaps = []
    for number in versions:
        if number != expected:
            gaps.append(str(expected) if number == expected + 1 else f"{expected}-{number - 1}")
        expected = number + 1
    found = []
    if gaps:
        message = Text("缺少第 {gaps} 版的更改记录。", "The changes of versions {gaps} are missing.")
        found.append(Fault("versions", None, message.format(gaps=", ".join(gaps))))
    if version != expected - 1:
        message = Text(
            "存储为第 {version} 版，而最后一次更改为第 {last} 版。",
            "The store is at version {version}, its last change at version {last}.",
        )
        found.append(Fault("versions", None, message.format(version=version, last=expected - 1)))
    return found


def history_faults(
    layer: Layer, present: Iterable[str], undos: Iterable[tuple[str, EditKind]], *, from_nothing: bool
) -> list[Fault]:
    """Return where the changes and the history of a layer do not lead to what is there; see `implied_codes`."""
    wrong = implied_codes(present, undos, from_nothing=from_nothing)
    if not wrong:
        return []
    message = Text(
        "{n} 个{layer}的历史记录与现状不符。", "The history of {n} of {layer} does not lead to what is there."
    ).format(n=len(wrong), layer=layer.title)
    return [Fault("history", layer.name, message, wrong[:SHOWN_CODES])]


def implied_codes(
    present: Iterable[str], undos: Iterable[tuple[str, EditKind]], *, from_nothing: bool
) -> tuple[str, ...]:
    """Return the codes whose being there, now or once, is not what changes and history imply.

    Parameters
    ----------
    present : iterable of str
        The codes that are there.
    undos : iterable of (code, kind), newest first
        What the writes did to each feature they touched, as far back as history is kept.
    from_nothing : bool
        History goes back to before the first write, when nothing was there.
    """
    there = set(present)
    wrong = set()
    for code, kind in undos:
        if (code in there) == (kind == "delete"):
            wrong.add(code)
        if kind == "insert":
            there.discard(code)
        else:
            there.add(code)
    return tuple(sorted(wrong | there if from_nothing else wrong))
