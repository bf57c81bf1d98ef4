"""Scenarios beside each other and the present: a table, and what they change as features to take away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
import shapely

from geo import crs
from layers.problems import BadParameter
from layers.summary import mediation_figures
from layers.text import Language, Text, both
from layers.what_if import CONTROL, ROOM, Hypothesis, Scenario, hypothesis
from layers.what_if_answer import (
    KindResult,
    figures,
    kind_result,
    kind_title,
    open_double_none,
    result_as_dict,
    signed,
    step_as_dict,
)
from layers.wording import number, percent

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.queries import ViewQuery
    from layers.snapshot import Snapshot
    from layers.standards import Standards

MOST_SCENARIOS, MOST_NAME, MOST_CHARACTERS = 6, 80, 6000

PRESENT = Text("现状", "Present")
_CHANGES = {
    "gained": Text("新覆盖", "comes within"),
    "lost": Text("失去覆盖", "falls out"),
    "open": Text("前后有一方不能判断", "cannot tell on one side"),
    "nearer": Text("部分新覆盖", "partly comes within"),
    "farther": Text("部分失去覆盖", "partly falls out"),
}


def named_from_text(text: str, standards: Standards) -> dict[str, Scenario]:
    """Read named scenarios, such as ``A=add:library:114.13:22.55|B=close:facilities:F01``; names are percent-encoded.

    Raises
    ------
    BadParameter
        There are too many, a name is missing, too long or there twice, or a scenario is not understood.
    """
    parts = [part for part in text.split("|") if part]
    found: dict[str, Scenario] = {}
    for part in parts:
        written, divided, steps = part.partition("=")
        name = unquote(written).strip()
        if not divided or not name or len(name) > MOST_NAME or CONTROL.search(name) or name in found:
            parts = []
            break
        found[name] = Scenario.from_text(steps, standards)
    if not 1 <= len(parts) <= MOST_SCENARIOS or len(text) > MOST_CHARACTERS:
        raise BadParameter(
            Text("要比较的方案看不懂。", "The scenarios to compare are not understood."),
            Text(
                "请写成 名称=步骤|名称=步骤，1 到 {n} 个，名称不重复、不超过 {m} 个字符。",
                "Write NAME=STEPS|NAME=STEPS, 1 to {n} of them, each of its own name of at most {m} characters.",
            ).format(n=MOST_SCENARIOS, m=MOST_NAME),
        )
    return found


def named_as_text(named: dict[str, Scenario]) -> str:
    """Return named scenarios as they stand in an address."""
    return "|".join(f"{quote(name, safe='')}={scenario.as_text()}" for name, scenario in named.items())


@dataclass(frozen=True)
class Comparison:
    """Scenarios over one present, for the kinds that any of them is about."""

    present: Snapshot
    query: ViewQuery
    named: dict[str, Scenario]

    @cached_property
    def hypotheses(self) -> dict[str, Hypothesis]:
        """Each scenario applied."""
        return {
            name: hypothesis(self.present, scenario, unit=self.query.unit)
            for name, scenario in self.named.items()
        }

    @cached_property
    def results(self) -> dict[str, list[KindResult]]:
        """What each scenario changes, per kind in the standard's order, scenarios as named."""
        about = {kind for given in self.hypotheses.values() for kind in given.kinds}
        kinds = [kind for kind in (*self.present.standards.facility_kinds, ROOM) if kind in about]
        return {
            kind: [kind_result(given, self.query, kind) for given in self.hypotheses.values()]
            for kind in kinds
        }

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the table for JSON: columns, and per kind its rows with a value and a text for each column."""
        return {
            "version": self.present.version,
            "as_of": None if self.present.district.as_of is None else self.present.district.as_of.isoformat(),
            "columns": [
                {"name": PRESENT.to(language), "scenario": "", "steps": 0, "idle": 0},
                *(
                    {
                        "name": name,
                        "scenario": given.scenario.as_text(),
                        "steps": len(given.steps),
                        "idle": sum(one.status != "done" for one in given.steps),
                    }
                    for name, given in self.hypotheses.items()
                ),
            ],
            "kinds": [
                {
                    "kind": kind,
                    "title": kind_title(self.present, kind).to(language),
                    "limit_m": found[0].limit_m,
                    "rows": [
                        {
                            "id": row.id,
                            "title": row.title.to(language),
                            "values": row.values,
                            "texts": [text.to(language) for text in row.texts],
                        }
                        for row in self._rows(kind, found)
                    ],
                }
                for kind, found in self.results.items()
            ],
        }

    def _rows(self, kind: str, found: list[KindResult]) -> list[_Row]:
        present, everyone = self.present, [found[0].found.before, *(one.found.after for one in found)]
        rows = []
        for at, (name, title, _, _) in enumerate(figures(everyone[0], everyone[0])):
            shares = [figures(one, one)[at][3] for one in everyone]
            rows.append(
                _Row(
                    name,
                    title,
                    [share.count for share in shares],
                    [
                        Text("{p}（{c} / {o}）", "{p} ({c} / {o})").format(
                            p=percent(share.rate), c=number(share.count), o=number(share.of)
                        )
                        for share in shares
                    ],
                )
            )
        unknown = [figures(one, one)[2][3].unknown for one in everyone]
        rows.append(
            _counted("communities_unknown", Text("不能判断的小区", "Communities: cannot tell"), unknown)
        )
        people = [round(float(one.found.residents.sum())) for one in found]
        rows.append(
            _Row(
                "residents_change",
                Text("居民增减（含城中村）", "Residents more or fewer (urban villages included)"),
                [0, *people],
                [both("–"), *(both(signed(one)) for one in people)],
            )
        )
        unsure = [round(float(one.found.open_residents.sum())) for one in found]
        rows.append(_counted("residents_open", _OPEN_RESIDENTS, [0, *unsure]))
        for change, title in (
            ("gained", Text("新覆盖小区", "Communities gained")),
            ("lost", Text("失去覆盖小区", "Communities lost")),
            ("open", Text("前后有一方不能判断的小区", "Communities of which one side cannot be told")),
        ):
            rows.append(_counted(change, title, [0, *(one.found.count(change) for one in found)]))
            of_them = [0, *(one.found.count(change, double_none=True) for one in found)]
            rows.append(
                _counted(
                    f"double_none_{change}",
                    Text("双无{t}", "Double-none {t}").format(t=Text(title.zh, title.en.lower())),
                    of_them,
                )
            )
        rows.append(
            _counted(
                "double_none_beyond",
                Text("仍够不到的双无小区", "Double-none still out of reach"),
                [open_double_none(present, one) for one in everyone],
            )
        )
        if kind == ROOM:
            rows += self._due()
        return rows

    def _due(self) -> list[_Row]:
        told = [
            mediation_figures(one)
            for one in (self.present, *(given.supposed for given in self.hypotheses.values()))
        ]
        titles = {
            "served": Text("应设且已设", "Due and there"),
            "missing": Text("应设未设", "Due and missing"),
        }
        return [_counted(name, title, [one[name] for one in told]) for name, title in titles.items()]

    def sheet(self, language: Language) -> list[dict[str, Any]]:
        """Return each scenario with its steps, and the communities that it changes, for the page to print."""
        return [
            {
                "name": name,
                "steps": [step_as_dict(given, n, one, language) for n, one in enumerate(given.steps, 1)],
                "results": [
                    result_as_dict(given, kind_result(given, self.query, kind), language)
                    for kind in given.kinds
                ],
            }
            for name, given in self.hypotheses.items()
        ]

    def table_frame(self, language: Language) -> gpd.GeoDataFrame:
        """Return the table as a file has it: a row per kind and figure, a column per scenario, the present first."""
        import geopandas as gpd

        told = self.as_dict(language)
        rows: list[dict[str, Any]] = []
        for kind in told["kinds"]:
            for row in kind["rows"]:
                head = {
                    Text("种类", "Kind").to(language): kind["title"],
                    Text("限值（m）", "Limit (m)").to(language): kind["limit_m"],
                    Text("指标", "Figure").to(language): row["title"],
                }
                values = zip(told["columns"], row["texts"], strict=True)
                # Numbered, so that no name given to a scenario is another column's, or a formula.
                rows.append(
                    head
                    | {
                        f"{n} {column['name']}" if n else column["name"]: text
                        for n, (column, text) in enumerate(values)
                    }
                )
        return gpd.GeoDataFrame(rows, geometry=np.full(len(rows), None, dtype=object), crs=crs.STORED_CRS)

    def features_frame(self, language: Language) -> gpd.GeoDataFrame:
        """Return the places of the scenarios and the communities that they change, one feature each."""
        import geopandas as gpd

        rows: list[dict[str, Any]] = []
        shapes: list[Any] = []
        for name, given in self.hypotheses.items():
            for row, shape in (*_places(given, language), *self._communities(given, language)):
                rows.append({Text("方案", "Scenario").to(language): name} | row)
                shapes.append(shape)
        return gpd.GeoDataFrame(rows, geometry=shapes, crs=crs.STORED_CRS)

    def _communities(self, given: Hypothesis, language: Language) -> list[tuple[dict[str, Any], Any]]:
        frame, made = self.present.frame("communities"), []
        geometries: Any = frame.geometry.array
        for kind in given.kinds:
            found = kind_result(given, self.query, kind).found
            shapes = np.asarray(geometries[found.order], dtype=object)
            for at, shape in zip(found.order.tolist(), shapes, strict=True):
                change = _CHANGES[str(found.change[at])].to(language)
                row = _feature(
                    Text("小区", "Community").to(language),
                    change,
                    kind_title(self.present, kind).to(language),
                    str(frame.index[at]),
                    str(frame["name"].iloc[at]),
                    language,
                )
                row[_RESIDENTS.to(language)] = round(float(found.residents[at]))
                row[_OPEN_RESIDENTS.to(language)] = round(float(found.open_residents[at]))
                row[_DOUBLE_NONE.to(language)] = str(found.double_none[at])
                made.append((row, shape))
        return made


_RESIDENTS = Text("居民增减", "Residents more or fewer")
_OPEN_RESIDENTS = Text("前后有一方不能判断的居民", "Residents of whom one side cannot be told")
_DOUBLE_NONE = Text("双无", "Double-none")


def _places(given: Hypothesis, language: Language) -> list[tuple[dict[str, Any], Any]]:
    made = []
    for n, one in enumerate(given.steps, 1):
        told = step_as_dict(given, n, one, language)
        at = one.before if one.step.at is None else one.step.at
        kind = kind_title(given.present, one.kind).to(language) if one.kind else ""
        row = _feature(
            Text("设施", "Place").to(language),
            told["title"],
            kind,
            told["code"] or "",
            one.name or "",
            language,
        )
        if one.status != "done":
            row[Text("变化", "Change").to(language)] = f"{told['title']} ({told['note']})"
        for title in (_RESIDENTS, _OPEN_RESIDENTS, _DOUBLE_NONE):
            row[title.to(language)] = None
        made.append((row, None if at is None else shapely.Point(at)))
    return made


def _feature(what: str, change: str, kind: str, code: str, name: str, language: Language) -> dict[str, Any]:
    titles = (
        Text("要素", "What"),
        Text("变化", "Change"),
        Text("种类", "Kind"),
        Text("编码", "Code"),
        Text("名称", "Name"),
    )
    return {
        title.to(language): value
        for title, value in zip(titles, (what, change, kind, code, name), strict=True)
    }


@dataclass(frozen=True)
class _Row:
    id: str
    title: Text
    values: list[int]
    texts: list[Text]


def _counted(name: str, title: Text, values: list[int]) -> _Row:
    return _Row(name, title, values, [number(value) for value in values])
