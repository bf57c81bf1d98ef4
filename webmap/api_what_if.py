"""What if: scenarios answered over the present facts, compared, and taken away. Nothing here writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, render_template, request

from layers.epochs import PATTERN as EPOCH
from layers.exports import INVENTED, frame_bytes
from layers.problems import BadParameter
from layers.sight import sight_of
from layers.text import Language, Text
from layers.views import ViewQuery, card
from layers.what_if import MOST_CHARACTERS, Scenario, hypothesis
from layers.what_if_answer import IF, NOT_A_FACT, WhatIf, supposed_card, supposed_view
from layers.what_if_compare import MOST_CHARACTERS as MOST_COMPARED
from layers.what_if_compare import Comparison, named_from_text
from webmap.downloads import INVENTED as INVENTED_IN_NAMES
from webmap.downloads import MEDIA_TYPES, attachment
from webmap.gate import policy, visitor
from webmap.identity import address_of
from webmap.operations import GEOJSON, JSON, current_snapshot, operation, service
from webmap.params import Parameter, choice, text, whole
from webmap.view_parameters import UNIT_EXAMPLES, VIEW_PARAMETERS
from webmap.words import words

if TYPE_CHECKING:
    from layers.sight import Sight
    from layers.snapshot import Snapshot

HTML = "text/html"
_TYPES = MEDIA_TYPES | {"geojson": GEOJSON}
_TABLES = ("csv", "xlsx")
_FORBIDDEN = re.compile(r'[\\/:*?"<>|\s\x00-\x1f]+')
_MOST_NAMED = 40

what_ifs = Blueprint("what_if", __name__)

_SCENARIO: Parameter = text(
    "steps",
    Text(
        "假设的步骤：add:种类:经度:纬度、move:图层:编码:经度:纬度、close:图层:编码，分号相隔；种类可为 mediation_room、"
        "shared_mediation_room",
        "Steps: add:KIND:LON:LAT, move:LAYER:CODE:LON:LAT, close:LAYER:CODE, with semicolons between; KIND may be "
        "mediation_room or shared_mediation_room",
    ),
    most=MOST_CHARACTERS,
    examples=("add:day_care:114.13:22.55",),
)
_SCENARIOS: Parameter = text(
    "scenarios",
    Text("要比较的方案：名称=步骤|名称=步骤", "Scenarios to compare: NAME=STEPS|NAME=STEPS"),
    most=MOST_COMPARED,
    required=True,
    examples=("A=add:day_care:114.13:22.55",),
)


def saved_scenario(content: dict[str, Any]) -> dict[str, Any]:
    """Return a scenario as it is kept: its steps in their one spelling, and the version it was made over.

    Raises
    ------
    BadParameter
    """
    steps, base, epoch = (content.get(name) for name in ("steps", "base", "epoch"))
    if (
        content.keys() - {"epoch"} != {"steps", "base"}
        or not isinstance(steps, str)
        or type(base) not in (int, type(None))
        or not (epoch is None or (isinstance(epoch, str) and re.fullmatch(EPOCH, epoch)))
    ):
        raise BadParameter(
            Text("假设方案的内容不对。", "The content of the scenario is not right."),
            Text(
                "它由 steps（步骤，文字）、base（整数或 null）和 epoch（可缺）组成。",
                "It is made of steps (text), base (a whole number or null) and, where there is one, epoch.",
            ),
        )
    kept = {"steps": Scenario.from_text(steps, service().standards).as_text(), "base": base}
    return kept if epoch is None else kept | {"epoch": epoch}


def _seen(snapshot: Snapshot, asked: dict[str, Any], action: str = "view") -> tuple[ViewQuery, Sight]:
    """Return what is asked and what may be seen: scenarios are for those who plan and see all figures.

    Figures of many scenarios, taken from each other, would say where single people live.
    """
    policy().require(visitor(), "plan")
    sight = sight_of(policy(), visitor(), "take" if action == "take" else "view")
    if sight.aggregates != "full":
        raise sight.refusal(
            Text(
                "假设推演要能看全区的全部数字。", "To ask what if one must see all figures of the district."
            ),
            needs="full",
        )
    return ViewQuery.from_params(asked, snapshot, sight), sight


@what_ifs.get("/api/what-if")
@operation(
    _SCENARIO,
    whole(
        "base",
        Text("方案作于第几版数据", "Version of the facts that the scenario was made over"),
        minimum=0,
        maximum=999_999_999,
    ),
    text(
        "epoch",
        Text("该版本属于存储的哪一段历史", "Epoch of the store that this version is of"),
        pattern=f"^{EPOCH}$",
    ),
    text(
        "shown",
        Text("图上显示哪一种的变化", "Of which kind the map shows the changes"),
        blank=True,
        pattern=r"^[a-z0-9_]*$",
    ),
    *VIEW_PARAMETERS,
    action="plan",
    tag="views",
    summary=Text(
        "假设增设、移动、关闭设施或调解室：覆盖与现状相比的变化，连同假设下的视图；不写入任何数据",
        "What if facilities or mediation rooms were added, moved or closed: what changes against the present, and the "
        "view as it would be; nothing is written",
    ),
    answers={JSON: "WhatIf"},
)
def what_if(
    *,
    lang: Language,
    steps: str | None,
    base: int | None,
    epoch: str | None,
    shown: str | None,
    **asked: str | None,
) -> Response:
    """Return what a scenario changes."""
    snapshot = current_snapshot()
    query, sight = _seen(snapshot, asked)
    scenario = Scenario.from_text(steps or "", snapshot.standards)
    given = hypothesis(snapshot, scenario, unit=query.unit)
    told = WhatIf(given, query, shown=shown, base=base, epoch=epoch).as_dict(lang)
    return jsonify(told | {"view": supposed_view(given, query, sight, lang)})


@what_ifs.get("/api/what-if/units/<unit>/<path:id>")
@operation(
    text("unit", Text("统计单元", "Unit"), where="path", examples=UNIT_EXAMPLES),
    text("id", Text("单元编号或编码", "Id of the cell or code"), where="path"),
    _SCENARIO,
    *(parameter for parameter in VIEW_PARAMETERS if parameter.name != "unit"),
    action="plan",
    tag="views",
    summary=Text("假设下一个单元的卡片", "One unit's card as it would be"),
    answers={JSON: "Card"},
)
def what_if_card(
    *,
    lang: Language,
    unit: str,
    id: str,  # noqa: A002  (its name in the URL)
    steps: str | None,
    **asked: str | None,
) -> Response:
    """Return a unit's card as it would be."""
    snapshot = current_snapshot()
    query, sight = _seen(snapshot, asked | {"unit": unit})
    scenario = Scenario.from_text(steps or "", snapshot.standards)
    given = hypothesis(snapshot, scenario, unit=query.unit)
    return jsonify(supposed_card(card(given.supposed, unit, id, query, sight).as_dict(lang), lang))


@what_ifs.get("/api/what-if/compare")
@operation(
    _SCENARIOS,
    *VIEW_PARAMETERS,
    action="plan",
    tag="views",
    summary=Text("几个假设方案与现状并列比较", "Several scenarios beside each other and the present"),
    answers={JSON: "WhatIfComparison"},
)
def what_if_compare(*, lang: Language, scenarios: str, **asked: str | None) -> Response:
    """Return the table."""
    snapshot = current_snapshot()
    return jsonify(_compared(snapshot, scenarios, asked).as_dict(lang))


def _compared(
    snapshot: Snapshot, scenarios: str, asked: dict[str, str | None], action: str = "view"
) -> Comparison:
    query, _ = _seen(snapshot, asked, action)
    return Comparison(snapshot, query, named_from_text(scenarios, snapshot.standards))


@what_ifs.get("/what-if/download")
@operation(
    _SCENARIOS,
    *VIEW_PARAMETERS,
    choice("format", Text("格式", "Format"), tuple(_TYPES), default="csv"),
    action="take",
    tag="downloads",
    summary=Text(
        "假设方案存成文件：CSV、XLSX 为比较表，GeoJSON、GPKG 为各方案的设施和覆盖有变化的小区",
        "Scenarios as a file: CSV and XLSX the table, GeoJSON and GPKG the places and the communities that they change",
    ),
    answers=dict.fromkeys(_TYPES.values()),
)
def what_if_download(*, lang: Language, scenarios: str, format: str, **asked: str | None) -> Response:  # noqa: A002
    """Return scenarios as a file."""
    snapshot = current_snapshot()
    found = _compared(snapshot, scenarios, asked, "take")
    table = format in _TABLES
    rows = found.table_frame(lang) if table else found.features_frame(lang)
    note = NOT_A_FACT.to(lang) + (f" {INVENTED}" if snapshot.district.invented else "")
    body = frame_bytes(rows, format, title="what_if", note=note, drop_geometry=table)
    response = attachment(body, _TYPES[format], _file_name(found, lang, format))
    what = f"{request.path} {format}: {', '.join(found.named)}"
    service().record(visitor(), "export", what=what, count=len(rows), origin=address_of(request))
    return response


def _file_name(found: Comparison, language: Language, ending: str) -> str:
    """Return a name that says what is in the file: district, that it is supposed, the scenarios, the as-of date."""
    district, (first, *more) = found.present.district, found.named
    parts = [_district_name(found.present, language), IF.to(language), first[:_MOST_NAMED]]
    parts += [f"+{len(more)}"] if more else []
    parts += [district.as_of.isoformat()] if district.as_of else []
    parts += [INVENTED_IN_NAMES.to(language)] if district.invented else []
    return _FORBIDDEN.sub("-", "_".join(parts)) + "." + ending


def _district_name(snapshot: Snapshot, language: Language) -> str:
    district = snapshot.district
    return (district.name_en if language == "en" else None) or district.name


@what_ifs.get("/what-if/sheet")
@operation(
    _SCENARIOS,
    *VIEW_PARAMETERS,
    action="plan",
    tag="downloads",
    summary=Text("假设方案的比较页，供打印", "Scenarios beside each other as a page to print"),
    answers={HTML: None},
)
def what_if_sheet(*, lang: Language, scenarios: str, **asked: str | None) -> str:
    """Return the page to print."""
    snapshot = current_snapshot()
    found = _compared(snapshot, scenarios, asked)
    return render_template(
        "what_if_sheet.html",
        w=words(lang),
        language=lang,
        district=snapshot.district,
        district_name=_district_name(snapshot, lang),
        not_a_fact=NOT_A_FACT.to(lang),
        told=found.as_dict(lang),
        listed=found.sheet(lang),
    )
