"""The API of comparing two questions: the cross-table of their answers over the same units."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from layers import crossing
from layers.sight import sight_of
from layers.text import Language, Text
from webmap.gate import policy, visitor
from webmap.operations import JSON, current_snapshot, operation
from webmap.params import Parameter, text
from webmap.view_parameters import VIEW_PARAMETERS

COMPARE_PARAMETERS: tuple[Parameter, ...] = (
    text("left", Text("左边的问题", "Question on the left"), blank=True, examples=("gap",)),
    text("right", Text("右边的问题", "Question on the right"), blank=True, examples=("hotspots",)),
    *(parameter for parameter in VIEW_PARAMETERS if parameter.name != "question"),
)

compare = Blueprint("api_compare", __name__)


@compare.get("/api/compare")
@operation(
    *COMPARE_PARAMETERS,
    action="view",
    tag="views",
    summary=Text(
        "两个问题在相同单元上的交叉表：每格的单元数、居民数和占比；答案与 /api/view 相同；有条件时只数符合的",
        "Two questions crossed over the same units: units, residents and shares per cell, from the answers of "
        "/api/view; under conditions of those that meet them",
    ),
    answers={JSON: "Comparison"},
)
def comparison(*, lang: Language, **asked: str | None) -> Response:
    """Return the cross-table of two views."""
    snapshot, sight = current_snapshot(), sight_of(policy(), visitor())
    left, right = crossing.queries(asked, snapshot, sight)

    def make() -> dict[str, Any]:
        return crossing.crossing(snapshot, left, right, sight).as_dict(lang)

    if left.limit_m is not None or left.where:  # of these there is no end: they leave nothing behind
        return jsonify(make())
    return jsonify(snapshot.derived(("compare", "json", left, right, sight, lang), make, scheme=left.unit))
