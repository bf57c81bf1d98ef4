"""The API about the district as a whole: what there is, views of it, cards, search."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from layers.areas import features_in_area
from layers.definitions import DEFINITIONS
from layers.policy import Offer, Offered
from layers.schema import LAYERS
from layers.search import SEARCHED, search
from layers.sight import sight_of
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.summary import summary_for
from layers.text import Language, Text
from layers.views import COLUMNS, ViewQuery, card, view
from webmap.district import describe
from webmap.gate import policy, visitor
from webmap.health import NotReady
from webmap.operations import JSON, current_snapshot, operation, service
from webmap.params import LANGUAGE, several, text, whole
from webmap.responses import WrittenJSON
from webmap.view_parameters import UNIT_EXAMPLES, VIEW_PARAMETERS

MOST_FOUND = 50
_LINKS = (
    "/api/openapi.json",
    "/api/district",
    "/api/layers",
    "/api/summary",
    "/api/definitions",
    "/api/view",
    "/api/search",
    "/api/nearby",
)

api = Blueprint("api", __name__)


@api.get("/healthz")
@operation(
    action="describe",
    tag="service",
    summary=Text("服务进程是否在运行；不访问存储", "Whether the process is alive; the store is not asked"),
    answers={JSON: "Health"},
    errors=(400, 405, 500),
)
def health() -> Response:
    """Answer as long as the process does."""
    return jsonify({"status": "ok"})


@api.get("/readyz")
@operation(
    LANGUAGE,
    action="describe",
    tag="service",
    summary=Text(
        "能否提供服务：存储可达、结构一致、数据已读入；不能则为 503，并说明是哪一部分",
        "Whether the service can do its work: store reachable, schema current, data read; else 503, saying which "
        "part fails",
    ),
    answers={JSON: "Readiness"},
    errors=(400, 405, 500, 503),
)
def readiness(*, lang: Language) -> Response:
    """Ask the store, for a moment."""
    found = service().probe.readiness()
    if not found.ready:
        raise NotReady(found)
    response = jsonify(found.as_dict(lang))
    response.cache_control.no_store = True
    return response


@api.get("/api")
@operation(
    action="describe",
    tag="service",
    summary=Text("入口", "Where to start"),
    answers={JSON: "Links"},
    errors=(400, 401, 405, 429, 500),
)
def start() -> Response:
    """Return the addresses to start from."""
    return jsonify({"links": [{"rel": path.rsplit("/", 1)[1], "href": path} for path in _LINKS]})


@api.get("/api/district")
@operation(
    LANGUAGE,
    action="describe",
    tag="district",
    summary=Text(
        "本区：名称、范围、有哪些数据和选项", "The district: name, extent, what there is to choose from"
    ),
    answers={JSON: "District"},
)
def district(*, lang: Language) -> Response:
    """Return what the district has."""
    return jsonify(describe(current_snapshot(), policy(), visitor(), lang))


@api.get("/api/layers")
@operation(
    LANGUAGE,
    action="describe",
    tag="layers",
    summary=Text(
        "您能看的图层及其字段；受保护字段标有 asked（须点名）和 purpose（须说明用途）",
        "The layers and fields that you may see; guarded fields are marked asked (by name) and purpose (stated)",
    ),
    answers={JSON: "Layers"},
)
def layers(*, lang: Language) -> Response:
    """Return the layers with the fields that the visitor may have."""
    snapshot = current_snapshot()
    offered = [policy().offered(visitor(), layer, way_out="api") for layer in LAYERS]
    return jsonify(
        [
            {
                "name": one.layer.name,
                "title": one.layer.title.to(lang),
                "geometry": list(one.layer.geometry),
                "rows": one.rows,
                "count": _count(snapshot, one),
                "fields": [_field(offer, snapshot.standards, lang) for offer in one.fields],
            }
            for one in offered
            if one.rows != "none"
        ]
    )


def _count(snapshot: Snapshot, offered: Offered) -> int:
    if offered.rows == "all":
        return snapshot.count(offered.layer.name)
    return int(features_in_area(snapshot, offered.layer.name, visitor().area).sum())


def _field(offer: Offer, standards: Standards, language: Language) -> dict[str, Any]:
    field = offer.field
    codes = None
    if field.codes is not None:
        codes = [{"id": c.id, "title": c.title.to(language)} for c in standards.code_lists[field.codes]]
    return {
        "name": field.name,
        "type": field.type,
        "title": field.title.to(language),
        "unit": None if field.unit is None else field.unit.to(language),
        "codes": codes,
        "parent": field.parent,
        "required": field.required,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "rows": offer.rows,
        "asked": offer.asked,
        "purpose": offer.purpose,
    }


@api.get("/api/summary")
@operation(
    LANGUAGE,
    action="view",
    tag="district",
    summary=Text(
        "全区的数字，与命令 summary 相同", "The district's figures, the same as the command summary prints"
    ),
    answers={JSON: "Summary"},
)
def district_summary(*, lang: Language) -> Response:
    """Return the district's figures."""
    return jsonify(summary_for(current_snapshot(), sight_of(policy(), visitor())))


@api.get("/api/definitions")
@operation(
    LANGUAGE,
    action="describe",
    tag="district",
    summary=Text("每个数字的定义、单位和来源", "Definition, unit and source of every figure"),
    answers={JSON: "Definitions"},
)
def definitions(*, lang: Language) -> Response:
    """Return the definitions."""
    return jsonify({name: definition.as_dict(lang) for name, definition in DEFINITIONS.items()})


@api.get("/api/view")
@operation(
    *VIEW_PARAMETERS,
    several(
        "columns",
        Text(
            "每行只要这些列，用逗号相连；默认全部",
            "Only these columns of the rows, parted by commas; all by default",
        ),
        COLUMNS,
    ),
    action="view",
    tag="views",
    summary=Text("一个问题在各单元上的答案，最差的在前", "A question answered per unit, worst first"),
    answers={JSON: "View"},
)
def question_view(*, lang: Language, columns: tuple[str, ...], **asked: str | None) -> Response:
    """Return a view."""
    snapshot, sight = current_snapshot(), sight_of(policy(), visitor())
    query = ViewQuery.from_params(asked, snapshot, sight)

    def make() -> dict[str, Any]:
        return view(snapshot, query, sight).as_dict(lang, columns)

    # Any number of limits and conditions may be asked: they leave nothing behind.
    if query.limit_m is not None or query.where:
        return jsonify(make())
    kept = snapshot.derived(
        ("view", "json", query, sight, lang, columns),
        lambda: WrittenJSON.of(make()),
        scheme=query.unit,
        size_of=WrittenJSON.size_of,
    )
    return kept.response()


@api.get("/api/units/<unit>/<path:id>")
@operation(
    text("unit", Text("统计单元", "Unit"), where="path", examples=UNIT_EXAMPLES),
    text("id", Text("单元编号或编码", "Id of the cell or code"), where="path"),
    *(parameter for parameter in VIEW_PARAMETERS if parameter.name != "unit"),
    action="view",
    tag="views",
    summary=Text(
        "一个单元的卡片：事实、数字、距离、一句理由",
        "One unit's card: facts, figures, distances, one sentence of reason",
    ),
    answers={JSON: "Card"},
)
def unit_card(*, lang: Language, unit: str, id: str, **asked: str | None) -> Response:  # noqa: A002  (its name in the URL)
    """Return a unit's card as the view's question sees it."""
    snapshot, sight = current_snapshot(), sight_of(policy(), visitor())
    query = ViewQuery.from_params(asked | {"unit": unit}, snapshot, sight)
    return jsonify(card(snapshot, unit, id, query, sight).as_dict(lang))


@api.get("/api/search")
@operation(
    text("q", Text("名称或编码的一部分", "Part of a name or code"), required=True),
    whole("limit", Text("最多多少条", "At most so many"), minimum=1, maximum=MOST_FOUND, default=10),
    LANGUAGE,
    action="read",
    tag="views",
    summary=Text("按名称或编码查找", "Find by name or code"),
    answers={JSON: "Hits"},
)
def find(*, q: str, limit: int, lang: Language) -> Response:
    """Return what is found."""
    asking = visitor()
    seen = {
        layer: policy().seen(asking, layer, way_out="api")
        for layer in SEARCHED
        if policy().offered(asking, layer, way_out="api").rows != "none"
    }
    return jsonify(search(current_snapshot(), q, limit=limit, language=lang, seen=seen, area=asking.area))
