"""Every question that can be put to the service, and what the pinned table says of the answer."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from layers.schema import LAYERS
from tests.district import COMPLAINTS
from tests.security.asking import VISITORS
from tests.security.oracle import GUARDS, Asked, figures, guarded, may, reach, refused, shown, visible
from tests.security.paper import BUILDING_CODES, COMMUNITY_CODES, NUMBERS, TEXTS, Mark, belongs, marks_in
from webmap.tile_layers import TILE_LAYERS

if TYPE_CHECKING:
    from layers.visitors import Visitor

_SHARE = re.compile(r'"floating_residents","title":"[^"]*","value_text":"([^"]*)"')
AREA_UNITS = ("communities", "neighbourhoods", "subdistricts")
UNITS = (*AREA_UNITS, "management", "square:100", "square:400", "h3:10", "h3:8")
QUESTIONS = ("gap", "double_none", "hotspots")
FORMATS = ("csv", "xlsx", "gpkg")
PUBLIC = {
    "gap": ("communities",),
    "double_none": AREA_UNITS,
    "hotspots": ("neighbourhoods", "subdistricts"),
}
"""Over which units anybody may have a question answered: nothing about people, complaints of larger areas."""
TILES = ((0, 0, 0), (14, 13386, 7138), (14, 13385, 7138), (16, 53544, 28554))

CODES: dict[str, tuple[str, ...]] = {
    "subdistricts": ("S1", "S2"),
    "neighbourhoods": ("S1N1", "S1N2", "S2N1", "S2N2"),
    "communities": COMMUNITY_CODES,
    "buildings": (*BUILDING_CODES, "B90", "B91", "B92", "B93"),
    "management_cells": tuple(f"G0{number + 1}" for number in range(8)),
    "mediation_rooms": ("M1", "M2", "M3"),
    "facilities": tuple(f"F0{number + 1}" for number in range(9)),
    "complaints": tuple(
        f"{community}-{number + 1:03d}" for community, count in COMPLAINTS.items() for number in range(count)
    ),
    "backdrop": ("G1",),
}
MARKED = {
    **{layer: set(names) for layer, names in TEXTS.items()},
    "communities": {*TEXTS["communities"], *NUMBERS},
    "complaints": {*TEXTS["complaints"], "code"},
}


@dataclass(frozen=True)
class Question:
    """One request and what it is about.

    Attributes
    ----------
    kind : str
        How the answer is judged: the name of a method of `Judge`.
    about : dict
        The layer, unit or code that is asked for.
    """

    endpoint: str
    kind: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    asked: Asked = field(default_factory=Asked)
    method: str = "GET"

    def __str__(self) -> str:
        return self.path + ("?" + "&".join(f"{k}={v}" for k, v in self.query.items()) if self.query else "")


def questions(*, full: bool = False) -> list[Question]:
    """Return all of them; without `full` fewer views, cards and files, of every kind some."""
    return [
        *_descriptions(),
        *_rows(),
        *_single(),
        *_tiles(),
        *_views(full),
        *_cards(full),
        *_files(full),
        *_field(),
        *_written(),
        *_compared(),
        *_supposed(),
    ]


def _descriptions() -> Iterator[Question]:
    told = {
        "api.start": "/api",
        "me.who_asks": "/api/me",
        "api.district": "/api/district", "api.layers": "/api/layers", "api.definitions": "/api/definitions",
        "openapi.document": "/api/openapi.json",
    }  # fmt: skip
    public = {"api.health": "/healthz", "api.readiness": "/readyz", "static": "/static/css/base.css"}
    for endpoint, path in public.items():
        yield Question(endpoint, "public", path)
    for endpoint, path in told.items():
        yield Question(endpoint, "description", path)
    yield Question("security.security_txt", "unset", "/.well-known/security.txt")
    for language in ("zh", "en"):
        yield Question("pages.planner", "view_as_such", "/", {"lang": language})
        yield Question("api.district_summary", "summary", "/api/summary", {"lang": language})


def _ways(layer: str) -> Iterator[tuple[dict[str, str], Asked]]:
    names = guarded(layer)
    for size in range(len(names) + 1):
        for fields in itertools.combinations(names, size):
            asked = {"with": ",".join(fields)} if fields else {}
            yield asked, Asked("api", fields)
            yield asked | {"purpose": "case 17"}, Asked("api", fields, purpose=True)


def _rows() -> Iterator[Question]:
    everything = {"limit": "1000"}
    for layer in LAYERS:
        path, about = f"/api/layers/{layer}/features", {"layer": layer}
        endpoint = "features.layer_features"
        for query, asked in _ways(layer):
            yield Question(endpoint, "rows", path, everything | query, about, asked)
        for narrowed in ({"bbox": "113,22,115,23"}, {"after": "0"}):
            yield Question(endpoint, "rows", path, everything | narrowed, about)
        for subdistrict in ("S1", "S2"):
            yield Question(endpoint, "some_rows", path, everything | {"subdistrict": subdistrict}, about)
        yield Question(endpoint, "some_rows", path, {"limit": "1"}, about)
        near = {"layer": layer, "lon": "114.1342", "lat": "22.549", "limit": "100"}
        for query, asked in _ways(layer):
            yield Question("features.nearby", "near", "/api/nearby", near | query, about, asked)
    for sought in ("C0", "C03-001", "CANARY-complaints-text", "CANARY", "9104003", "物业", "街道"):
        yield Question("api.find", "search", "/api/search", {"q": sought, "limit": "50"})


def _single() -> Iterator[Question]:
    for layer, codes in CODES.items():
        few = codes if layer == "communities" else codes[:: max(1, len(codes) // 8)]
        for code in (*few, "NONE"):
            for query, asked in _ways(layer):
                path = f"/api/layers/{layer}/features/{code}"
                about = {"layer": layer, "code": code}
                yield Question("features.layer_feature", "one", path, query, about, asked)


def _tiles() -> Iterator[Question]:
    for name in (*TILE_LAYERS, "square-50", "h3-8"):
        for place in TILES:
            about = {"layer": name.removesuffix("-label")}
            yield Question("tiles.tile", "tile", "/tiles/{}/{}/{}/{}.mvt".format(name, *place), {}, about)


def _views(full: bool) -> Iterator[Question]:
    for question, unit in itertools.product(QUESTIONS, UNITS):
        for narrowed in _narrowings(question, unit, full):
            query = {"question": question, "unit": unit} | narrowed
            yield Question("api.question_view", "view", "/api/view", query, {"unit": unit} | narrowed)


def _narrowings(question: str, unit: str, full: bool) -> Iterator[dict[str, str]]:
    yield {}
    few = (("gap", "communities"), ("hotspots", "management"))
    if full or (question, unit) in few:
        yield {"subdistrict": "S1"}
        yield {"subdistrict": "S2", "lang": "en"}
        yield {"community_kind": "old_estate"}
        yield {"from": "2018-03-01", "to": "2018-03-31"}
        yield {"kind": "library"}
        yield {"limit_m": "700"}


def _cards(full: bool) -> Iterator[Question]:
    layer_of = {"management": "management_cells"}
    for unit in (*AREA_UNITS, "management"):
        for number, code in enumerate((*CODES[layer_of.get(unit, unit)], "NONE")):
            for question in QUESTIONS if full else QUESTIONS[number % 3 :][:1]:
                about = {"unit": unit, "code": code}
                path = f"/api/units/{unit}/{code}"
                yield Question("api.unit_card", "card", path, {"question": question}, about)
    for chosen in ({"from": "2018-03-01", "to": "2018-03-31"}, {"limit_m": "700"}):
        about = {"unit": "communities", "code": "C01"} | chosen
        yield Question("api.unit_card", "card", "/api/units/communities/C01", chosen, about)


def _files(full: bool) -> Iterator[Question]:
    units = ("communities", "management", *(("neighbourhoods", "square:400") if full else ()))
    for question, unit in itertools.product(QUESTIONS, units):
        query, about = {"question": question, "unit": unit}, {"unit": unit}
        for ending in FORMATS:
            yield Question("downloads.download", "file", "/download", query | {"format": ending}, about)
        if full or (question, unit) == ("gap", "communities"):
            yield Question("downloads.offline_map", "file", "/export-map", query, about)
            limit = {"limit_m": "700"}
            yield Question("downloads.download", "file", "/download", query | limit, about | limit)
            yield Question("downloads.offline_map", "file", "/export-map", query | limit, about | limit)


def _field() -> Iterator[Question]:
    yield Question("field_api.my_field", "my_field", "/api/field")
    yield Question("field_api.field_tasks", "tasks", "/api/field/tasks")
    yield Question("field_api.field_package", "no_package", "/api/field/package")
    for holder in ("0" * 12, "planner00000"):
        yield Question("field_api.field_status", "description", "/api/field/status", {"holder": holder})

    yield Question("field.page", "my_field", "/field")
    for name, path in (
        ("map_worker", "map-worker.mjs"),
        ("manifest", "manifest.webmanifest"),
        ("service_worker", "sw.js"),
    ):
        yield Question(f"field.{name}", "description", f"/field/{path}")


def _written() -> Iterator[Question]:
    """Ask for what may be corrected, and what was; and try to write without the page's token."""
    for layer in ("communities", "facilities", "mediation_rooms"):
        for code in (*CODES[layer], "NONE"):
            about = {"layer": layer, "code": code}
            yield Question("facts.feature_facts", "facts", f"/api/facts/{layer}/{code}", {}, about)
            yield Question("facts.feature_history", "history", f"/api/history/{layer}/{code}", {}, about)
    yield Question("saved.list_saved", "unset_own", "/api/saved")
    yield Question("saved.get_saved", "unset_own", "/api/saved/0123456789ab")
    for endpoint, method, path in (
        ("facts.write_fact", "POST", "/api/facts"),
        ("saved.add_saved", "POST", "/api/saved"),
        ("saved.change_saved", "PUT", "/api/saved/0123456789ab"),
        ("saved.remove_saved", "DELETE", "/api/saved/0123456789ab"),
    ):
        yield Question(endpoint, "without_token", path, method=method)
    yield Question("branding.logo", "unset", "/logo")


def _compared() -> Iterator[Question]:
    yield Question(
        "pages.compare", "view_as_such", "/compare", {"question": "double_none", "unit": "subdistricts"}
    )
    for left, right in itertools.permutations(QUESTIONS, 2):
        for unit in UNITS:
            query = {"left": left, "right": right, "unit": unit}
            yield Question("api_compare.comparison", "comparison", "/api/compare", query, {"unit": unit})


def _supposed() -> Iterator[Question]:
    steps = "add:day_care:114.137861:22.545487"
    some = {"unit": "communities"}
    yield Question("what_if.what_if", "supposed", "/api/what-if", some | {"steps": steps}, some)
    for code in ("C01", "C08"):
        path = f"/api/what-if/units/communities/{code}"
        yield Question("what_if.what_if_card", "supposed", path, {"steps": steps}, some)
    for name, path in (
        ("what_if_compare", "/api/what-if/compare"),
        ("what_if_download", "/what-if/download"),
        ("what_if_sheet", "/what-if/sheet"),
    ):
        kind = "supposed_file" if name == "what_if_download" else "supposed"
        yield Question(f"what_if.{name}", kind, path, {"scenarios": f"A={steps}"}, some)
    yield Question("wall_page.page", "on_a_wall", "/wall")
    for language in ("zh", "en"):
        yield Question("api_wall.wall", "on_a_wall", "/api/wall", {"lang": language}, some)


@dataclass(frozen=True)
class Judge:
    """What may come back to one visitor, by the table alone.

    Each method takes the question and returns the statuses that are right, the marks that must be there, and
    those that may be there.
    """

    visitor: Visitor

    def of(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Return what is expected of the answer."""
        found: tuple[Collection[int], set[Mark], set[Mark]] = getattr(self, question.kind)(question)
        return found

    @property
    def denied(self) -> frozenset[int]:
        """The status of a refusal: who has not signed in is asked to."""
        return frozenset({401 if self.visitor.via == "nobody" else 403})

    def _refused(self) -> tuple[Collection[int], set[Mark], set[Mark]]:
        return self.denied, set(), set()

    def description(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what describes the service: no value of any feature."""
        return ((200,), set(), set()) if may(self.visitor, "describe") else self._refused()

    def public(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what is the same for everybody, and what a supervisor asks."""
        return (200,), set(), set()

    def unset(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what the operator has not set."""
        return ((404,), set(), set()) if may(self.visitor, "describe") else self._refused()

    def view_as_such(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what tells figures of the district but of no single community."""
        return ((200,), set(), set()) if figures(self.visitor) != "none" else self._refused()

    def summary(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge the figures of the whole district: for those who may see them all."""
        if figures(self.visitor) != "full":
            return self._refused()
        return self._figures("full", question)

    def marks(self, layer: str, codes: Collection[str], asked: Asked) -> set[Mark]:
        """Return the marks of features that may be told."""
        return {
            (layer, name, code)
            for name in MARKED.get(layer, ())
            for code in codes
            if shown(self.visitor, layer, name, code, asked)
        }

    def rows(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge all features of a layer: everything that is theirs, and nothing else."""
        layer, asked = question.about["layer"], question.asked
        if refused(self.visitor, layer, asked):
            return self._refused()
        if not asked.purpose and any(GUARDS[layer, name] == "text" for name in asked.fields):
            return (400,), set(), set()
        marks = self.marks(layer, CODES[layer], asked)
        return (200,), marks, marks

    def some_rows(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge a part of the features."""
        statuses, _, most = self.rows(question)
        return statuses, set(), most

    def near(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge the features around a place: at most theirs."""
        statuses, _, most = self.rows(question)
        return statuses, set(), most

    def one(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge one feature: another area's is not there, as one that does not exist."""
        layer, code = question.about["layer"], question.about["code"]
        statuses, _, _ = self.rows(question)
        if statuses != (200,):
            return statuses, set(), set()
        if code == "NONE" or not visible(self.visitor, layer, code):
            return (404,), set(), set()
        marks = self.marks(layer, (code,), question.asked)
        return (200,), marks, marks

    def search(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what is found by name: of features whose rows are theirs."""
        if not may(self.visitor, "read"):
            return self._refused()
        most = {
            mark for layer in LAYERS for mark in self.marks(layer, CODES[layer], Asked()) if mark[1] == "code"
        }
        return (200,), set(), most

    def tile(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge a tile: of layers what may be read, of cells their shapes."""
        if not may(self.visitor, "view"):
            return self._refused()
        layer = question.about["layer"]
        if layer not in LAYERS:
            given, nowhere = figures(self.visitor), self.visitor.area.kind == "none"
            seen = given == "full" or (given == "area" and not nowhere)
            return ((200, 204), set(), set()) if seen else self._refused()
        if reach(self.visitor, layer, "open", way="tile") == "none":
            return self._refused()
        return (200, 204), set(), self.marks(layer, CODES[layer], Asked("tile"))

    def view(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge a view: single communities' counts only where their figures are theirs."""
        return self._figures(figures(self.visitor), question)

    def units(self, unit: str) -> set[str] | None:
        """Return which units of a scheme are theirs, None where the drawing does not say."""
        layer = {"management": "management_cells"}.get(unit, unit)
        if layer not in CODES:
            return None
        everything = figures(self.visitor) != "area"
        return {code for code in CODES[layer] if everything or belongs(layer, code, self.visitor.area)}

    def card(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge a card: as a view, but of one unit."""
        statuses, _, most = self._figures(figures(self.visitor), question)
        if 200 in statuses:
            code, unit = question.about["code"], question.about["unit"]
            layer = {"management": "management_cells"}.get(unit, unit)
            area = figures(self.visitor) == "area"
            if code == "NONE" or (area and not belongs(layer, code, self.visitor.area)):
                statuses = (404,) if code == "NONE" else (404, *self.denied)
                most = set()
            elif unit == "communities":
                most = {mark for mark in most if mark[2] == code}
        return statuses, set(), most

    def my_field(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what tells of one's area without a word of what is in it."""
        return ((200,), set(), set()) if may(self.visitor, "verify") else self._refused()

    def tasks(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what is to be verified: of communities of one's own area."""
        if not may(self.visitor, "verify"):
            return self._refused()
        theirs = [code for code in COMMUNITY_CODES if belongs("communities", code, self.visitor.area)]
        return (200,), set(), self.marks("communities", theirs, Asked())

    def no_package(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge packages where there are no accounts: there are none; `tests.webmap.test_api_field` opens them."""
        return ((404,), set(), set()) if may(self.visitor, "package") else self._refused()

    def facts(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what may be corrected of one feature: what of it may be read."""
        statuses, _, most = self.one(question)
        return statuses, set(), most

    def history(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge who changed what of one feature: for people who are known, of what they may read."""
        if self.visitor.via == "nobody":
            return self._refused()
        return self.facts(question)

    def unset_own(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what people keep, where there are no accounts: there is nothing."""
        return ((404, *self.denied), set(), set()) if may(self.visitor, "own") else self._refused()

    def without_token(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge a change that another site could have sent: refused to everybody, whoever they are."""
        return (400, 401, 403, 404, 415), set(), set()

    def comparison(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge two views crossed: both have to be theirs."""
        sides = [replace(question, query={"question": question.query[side]}) for side in ("left", "right")]
        statuses, _, most = max((self.view(side) for side in sides), key=lambda told: max(told[0]))
        return statuses, set(), most

    def supposed(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what if: for planners, of figures that they may see all."""
        if not may(self.visitor, "plan") or figures(self.visitor) != "full":
            return self._refused()
        return self._figures("full", question)

    def supposed_file(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what if, taken away."""
        return self.supposed(question) if figures(self.visitor, "take") == "full" else self._refused()

    def on_a_wall(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge what walls show: figures of the district, and no single community's people."""
        if not may(self.visitor, "wall"):
            return self._refused()
        statuses, _, _ = self._figures(figures(self.visitor), question)
        return statuses, set(), set()

    def file(self, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        """Judge a file of a view."""
        return self._figures(figures(self.visitor, "take"), question)

    def _figures(self, given: str, question: Question) -> tuple[Collection[int], set[Mark], set[Mark]]:
        about, asked = question.about, question.query.get("question", "")
        public = about.get("unit") in PUBLIC.get(asked, ()) and not {"from", "limit_m"} & about.keys()
        if given == "none" or (given == "public" and not public):
            return self._refused()
        theirs = [
            code
            for code in COMMUNITY_CODES
            if given in ("full", "public") or belongs("communities", code, self.visitor.area)
        ]
        counted = () if given == "public" else ("households", "residents")
        told = ("property_company", "residents_source")
        most: set[Mark] = {("communities", name, code) for name in (*counted, *told) for code in theirs}
        floating = reach(self.visitor, "communities", "floating")
        most |= {
            ("communities", "floating_residents", code)
            for code in theirs
            if floating == "all" or (floating == "area" and belongs("communities", code, self.visitor.area))
        }
        return (200,), set(), most


def marks_of(question: Question, status: int, text: str, besides: str = "") -> set[Mark]:
    """Return the marks in an answer; a share of floating residents is as good as their number.

    A refusal may say again which code was asked for. `besides` is what headers and the log say.
    """
    found = {*marks_in(text), *marks_in(besides)}
    share = _SHARE.search(text) if question.about.get("unit") == "communities" else None
    if share and "code" in question.about and "%" in share[1]:
        found.add(("communities", "floating_residents", question.about["code"]))
    return found - marks_in(unquote(str(question))) if status >= 400 else found


__all__ = ["VISITORS", "Judge", "Question", "marks_of", "questions"]
