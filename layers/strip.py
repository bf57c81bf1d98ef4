"""The figures over the map: they follow the filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layers.headlines import area_title
from layers.indicators import URBAN_VILLAGE, is_double_none
from layers.limits import limit_of
from layers.published import complaints_text, published_complaints
from layers.text import Language, Text, both
from layers.units import units
from layers.wording import at_least, large, number

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from layers.queries import ViewQuery
    from layers.questions import Answer
    from layers.sight import Sight
    from layers.snapshot import Snapshot

Item = tuple[Text, Text, str | None, str | None]
"""Title, value, tone and definition of one figure."""


def _communities_in(snapshot: Snapshot, query: ViewQuery, table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which communities lie in the rows of a view and are of the kind that the filter names."""
    chosen = np.isin(units(snapshot, query.unit).of_community, table.index.to_numpy())
    if query.community_kind is not None:
        chosen &= (snapshot.frame("communities")["kind"] == query.community_kind).to_numpy()
    return np.asarray(chosen, dtype=bool)


def strip(
    snapshot: Snapshot,
    query: ViewQuery,
    sight: Sight,
    answered: Answer,
    table: pd.DataFrame,
    language: Language,
) -> list[dict[str, Any]]:
    """Return the figures over the map; they follow the filter."""
    where = place_title(snapshot, query, sight)
    here = _communities_in(snapshot, query, table)
    items: list[Item] = [
        (where, both(""), None, None),
        (Text("小区", "Communities"), number(int(here.sum())), None, "communities"),
        (_buildings_title(query), number(int(table["buildings"].sum())), None, "buildings"),
    ]
    if not sight.is_public:
        people = table["residents"].to_numpy()
        residents = float(np.nansum(people)) if np.isfinite(people).any() else None
        told = at_least(large(residents)) if is_known_in_part(table) else large(residents)
        villages = (snapshot.frame("communities")["kind"] == URBAN_VILLAGE).any()
        title = Text("全部居民", "All residents") if villages else Text("居民", "Residents")
        items.append((title, told, None, "residents"))
    if query.question == "double_none":
        answers = is_double_none(snapshot.frame("communities"))[here]
        count, open_cases = int((answers == "yes").sum()), int((answers == "unknown").sum())
        titles = (Text("双无", "Double-none"), Text("不能判断", "Cannot tell"))
        first, second = (_of_all(snapshot, title, here) for title in titles)
        items += [
            (first, number(count), "double-none", "double_none"),
            (second, number(open_cases), None, "double_none"),
        ]
    elif sight.is_public:
        items += _public_items(snapshot, query, sight, table)
    else:
        items += _items(snapshot, query, answered, table, here)
    return as_dicts(items, language)


def is_known_in_part(table: pd.DataFrame) -> bool:
    """Whether of some dwellings in the rows of a view it is unknown how many live there."""
    return bool(table["residents"].isna().any() or (table["dwellings_unknown"] > 0).any())


def _of_all(snapshot: Snapshot, title: Text, here: NDArray[np.bool_]) -> Text:
    """Return the title of a figure over all communities, which the headlines tell without the urban villages."""
    if not (snapshot.frame("communities")["kind"][here] == URBAN_VILLAGE).any():
        return title
    return Text("{t}，含城中村", "{t}, villages incl.").format(t=title)


def as_dicts(items: list[Item], language: Language) -> list[dict[str, Any]]:
    """Return figures for JSON."""
    return [
        {
            "title": title.to(language),
            "value_text": value.to(language),
            "tone": tone,
            "definition": definition,
        }
        for title, value, tone, definition in items
    ]


def place_title(snapshot: Snapshot, query: ViewQuery, sight: Sight) -> Text:
    """Return which part of the district, and which kind of community, a view is of."""
    where = area_title(snapshot, sight)
    if query.subdistrict is not None:
        name = both(str(snapshot.frame("subdistricts").loc[query.subdistrict, "name"]))
        where = name if sight.is_whole else Text("{w} · {k}", "{w} · {k}").format(w=where, k=name)
    if query.community_kind is not None:
        kind = snapshot.standards.title("community_kinds", query.community_kind)
        where = Text("{w} · {k}", "{w} · {k}").format(w=where, k=kind)
    return where


def _items(
    snapshot: Snapshot,
    query: ViewQuery,
    answered: Answer,
    table: pd.DataFrame,
    here: NDArray[np.bool_],
) -> list[Item]:
    if query.question == "hotspots":
        hot = int(table["class"].isin(["hot_99", "hot_95", "hot_90"]).sum())
        return [
            (Text("诉求", "Complaints"), number(int(table["complaints"].sum())), None, "complaints"),
            (Text("热点", "Hot"), number(hot), "hot", "hotspots"),
        ]
    beyond, title = large(float(table["value"].sum(skipna=True))), _beyond_title(snapshot, query)
    if answered.basis == "residents":
        title = _of_all(snapshot, title, here)
        beyond = at_least(beyond) if is_known_in_part(table) else beyond
    items: list[Item] = [(title, beyond, "gap", answered.definition)]
    if answered.basis == "residents":
        unknown = Text("{n} 处", "{n} units").format(n=number(int((table["class"] == "unknown").sum())))
        items.append((Text("人口不明", "Residents unknown"), unknown, None, "residents"))
    return items


def _public_items(snapshot: Snapshot, query: ViewQuery, sight: Sight, table: pd.DataFrame) -> list[Item]:
    """Return figures of open facts, and complaints of a whole that is published as such."""
    if query.question == "gap":
        far = table["class"].isin([f"gap-{n}" for n in range(1, 5)])
        beyond = Text("{n} 个小区", "{n} communities").format(n=number(int(far.sum())))
        return [(_beyond_title(snapshot, query), beyond, "gap", "access")]
    if query.community_kind is not None:
        return []
    published = published_complaints(snapshot, sight)
    count = published.district
    if query.subdistrict is not None:
        count = float(published.subdistricts[snapshot.frame("subdistricts").index.get_loc(query.subdistrict)])
    return [(Text("诉求", "Complaints"), complaints_text(count), None, "complaints")]


def _buildings_title(query: ViewQuery) -> Text:
    """Return what buildings are counted: communities leave some out, which stand in none."""
    if query.unit == "communities":
        return Text("小区内楼栋", "Buildings in communities")
    return Text("楼栋", "Buildings")


def _beyond_title(snapshot: Snapshot, query: ViewQuery) -> Text:
    limit = limit_of(snapshot, query)
    return Text("{l:g} m 以外{c}", "Beyond {l:g} m{c}").format(l=limit.metres, c=limit.mark)
