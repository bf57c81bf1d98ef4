"""What a view says of its conditions: how many units are left after each, and the figures of those that meet all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layers.areas import units_in_area
from layers.condition_text import conditions_text
from layers.condition_words import title, token, words
from layers.conditions import YES
from layers.strip import Item, as_dicts, is_known_in_part, place_title
from layers.text import Language, Text, both
from layers.units import unit_title
from layers.wording import at_least, large, number, percent

if TYPE_CHECKING:
    from layers.conditions import Filtered
    from layers.questions import Answer
    from layers.views import View

TONES = {"double-none": "double-none", "hot+3": "hot"}
"""Colours of matching units that figures have as well."""


def conditions_as_dict(shown: View, found: Filtered, language: Language) -> dict[str, Any]:
    """Return the conditions of a view with the counts after each of them, for JSON."""
    snapshot, query = shown.snapshot, shown.query
    counts = found.met.counts(found.of)
    items = []
    for condition, (matches, unknown) in zip(query.where, counts, strict=True):
        about, asked = words(snapshot, query, condition)
        items.append(
            {
                "text": str(condition),
                "kind": condition.kind,
                "negated": condition.negated,
                "about": about.to(language),
                "asked": asked.to(language),
                "title": title(snapshot, query, condition).to(language),
                "matches": matches,
                "unknown": unknown,
            }
        )
    # Where none is left, the condition after which the last one was gone.
    emptied_by = next((at for at, (matches, _) in enumerate(counts) if not matches), None)
    return {
        "where": conditions_text(query.where),
        "items": items,
        "of": len(found.of),
        "matches": counts[-1][0],
        "unknown": counts[-1][1],
        "rest": len(found.rest),
        "emptied_by": emptied_by,
        "token": token(query.where),
        "title": heading(len(items)).to(language),
    }


def heading(number_of: int) -> Text:
    """Return what the units that meet so many conditions are called."""
    if number_of == 1:
        return Text("符合条件", "Condition met")
    return Text("符合全部 {n} 个条件", "All {n} conditions met").format(n=number_of)


def subtitle(found: Filtered) -> Text:
    """Return how many meet the conditions, and of how many that cannot be told."""
    return Text("{m} 个符合，{u} 个不能判断", "{m} match, {u} cannot be told").format(
        m=number(found.matches), u=number(len(found.of) - found.matches - len(found.rest))
    )


def filtered_strip(
    shown: View, found: Filtered, answered: Answer, language: Language
) -> list[dict[str, Any]]:
    """Return the figures over the map of the units that meet all conditions."""
    snapshot, query, sight = shown.snapshot, shown.query, shown.sight
    table = answered.table.iloc[found.of[found.met.verdicts[found.of] == YES]]
    open_cases = len(found.of) - found.matches - len(found.rest)
    tone = TONES.get(token(query.where))
    what = unit_title(query.unit)
    where = heading(len(query.where))
    if not sight.is_whole or query.subdistrict is not None or query.community_kind is not None:
        where = Text("{h} · {w}", "{h} · {w}").format(h=where, w=place_title(snapshot, query, sight))
    items: list[Item] = [
        (where, both(""), None, None),
        (Text(what.zh, what.en[:1].upper() + what.en[1:]), number(len(table)), tone, "conditions"),
        (Text("不能判断", "Cannot tell"), number(open_cases), None, "conditions"),
        (Text("楼栋", "Buildings"), number(int(table["buildings"].sum())), None, "buildings"),
    ]
    people, everybody = table["residents"].to_numpy(), answered.table["residents"].to_numpy()
    everybody = everybody[units_in_area(snapshot, query.unit, sight.area)]
    if np.isfinite(everybody).any():
        here, total = float(np.nansum(people)), float(np.nansum(everybody))
        told = at_least(large(here)) if is_known_in_part(table) else large(here)
        items.append((Text("居民", "Residents"), told, None, "residents"))
        unknown = int(np.isnan(people).sum())
        if unknown:
            items.append((Text("人口不明", "Residents unknown"), number(unknown), None, "residents"))
        whole = (
            Text("占全区居民", "Of all residents") if sight.is_whole else Text("占您区域居民", "Of your area")
        )
        items.append((whole, percent(here / total if total else None), None, "conditions_share"))
    else:
        whole = Text("占全部单元", "Of all units")
        share = len(table) / len(everybody) if len(everybody) else None
        items.append((whole, percent(share), None, "conditions_share"))
    return as_dicts(items, language)
