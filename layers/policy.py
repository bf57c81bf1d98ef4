"""Who sees what, on every way out: the one place that decides.

Page, API, tile, export, wall and command line all ask here. Accounts do not exist yet, so the answer
depends on the way out and the field alone: guarded fields leave on none.
"""

from __future__ import annotations

from typing import Literal, get_args

from layers.schema import LAYERS, Field, Layer

WayOut = Literal["page", "api", "tile", "export", "wall", "command"]
WAYS_OUT: tuple[WayOut, ...] = get_args(WayOut)


def visible_fields(layer: Layer, *, way_out: WayOut) -> tuple[Field, ...]:
    """Return the fields of `layer` that may leave by `way_out`, in the layer's order."""
    if way_out not in WAYS_OUT:
        raise ValueError(f"{way_out!r} is no way out; they are {', '.join(WAYS_OUT)}")
    return tuple(field for field in layer.fields if not field.guarded)


def may_leave(field_name: str, *, way_out: WayOut) -> bool:
    """Whether values of a field may leave by `way_out`, where its layer is not known: in all that have it."""
    return all(
        field in visible_fields(layer, way_out=way_out)
        for layer in LAYERS.values()
        for field in layer.fields
        if field.name == field_name
    )
