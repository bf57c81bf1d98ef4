"""The wall's scenes: which there are, which of them an installation shows, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layers.problems import BadParameter
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

SCENES = ("gap", "double_none", "hotspots", "linkages")
"""The three questions, each with its map, and the six linkages."""


def scenes_of(chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the scenes that a wall shows in turn: those chosen, or all of them.

    Raises
    ------
    BadParameter
        There is no such scene.
    """
    unknown = [name for name in chosen if name not in SCENES]
    if unknown:
        raise BadParameter(
            Text("大屏没有这些场景：{u}。", "The wall has no such scenes: {u}.").format(
                u=joined([both(name) for name in unknown])
            ),
            Text("安装设置 wall.scenes 可用：{k}。", "In the installation's wall.scenes use {k}.").format(
                k=joined([both(name) for name in SCENES])
            ),
        )
    return tuple(chosen) or SCENES
