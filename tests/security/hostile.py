"""A district in which every text is an attack on whoever shows it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from layers.schema import LAYERS
from tests.district import small_district

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.store import District

HIT = "window.hit=(window.hit||0)+1"
ATTACKS = (
    f'<img src=x onerror="{HIT}">',
    f'"><svg onload="{HIT}">',
    f"'><script>{HIT}</script>",
    f"</script><script>{HIT}</script>",
    f"</title></style></textarea><iframe srcdoc='<script>parent.{HIT}</script>'></iframe>",
    f'" autofocus onfocus="{HIT}" x="',
    f"javascript:{HIT}//<a href='javascript:{HIT}'>a</a>",
    f"${{{HIT}}}{{{{constructor.constructor('{HIT}')()}}}}<!--",
    f"\\u003cimg src=x onerror={HIT}\\u003e\u2028{HIT}//",
    f"=1+1<details open ontoggle={HIT}>",
    f"@SUM(1)<math><mtext></p><style><img src=x onerror={HIT}>",
    f"+1-1<form action=http://evil.example><button formaction='javascript:{HIT}'>",
)


def attack(number: int) -> str:
    return ATTACKS[number % len(ATTACKS)]


def hostile_district() -> tuple[District, dict[str, gpd.GeoDataFrame]]:
    """Return the small district with attacks for names, texts and some codes."""
    district, frames = small_district()
    number = 0
    for name, layer in LAYERS.items():
        frame = frames[name]
        for field in layer.fields:
            closed = field.codes or field.parent or field.type != "text" or field.name == "code"
            if not closed:
                frame[field.name] = [attack(number + row) for row in range(len(frame))]
                number += 1
    for name in ("facilities", "mediation_rooms", "backdrop"):
        frame = frames[name]
        frame.index = [f"{code}{attack(row)}" for row, code in enumerate(frame.index)]
        frame.index.name = "code"
        frames[name] = frame.sort_index()
    return dataclasses.replace(district, name=attack(0), name_en=attack(1)), frames
