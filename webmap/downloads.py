"""What is shown, to take away: the rows of a view as a table, and the view as one offline map."""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import Blueprint, Response, request

from layers.condition_text import conditions_text
from layers.exports import INVENTED as INVENTED_NOTE
from layers.exports import frame_bytes
from layers.sight import sight_of
from layers.text import Language, Text
from layers.views import View, ViewQuery, view
from webmap.district import rows_seen
from webmap.gate import policy, visitor
from webmap.identity import address_of
from webmap.operations import current_snapshot, operation, service
from webmap.params import choice
from webmap.view_parameters import VIEW_PARAMETERS

MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "gpkg": "application/geopackage+sqlite3",
}
HTML = "text/html"

INVENTED = Text("虚构演示数据", "invented demonstration data")
MOST_CODES = 3
"""So many parts of an area are in a file's name."""
MOST_CONDITIONS_IN_NAME = 60
"""So many characters of conditions."""
_FORBIDDEN = re.compile(r'[\\/:*?"<>|\s\x00-\x1f]+')

downloads = Blueprint("downloads", __name__)


def file_name(shown: View, language: Language, ending: str) -> str:
    """Return a name that says what is in the file: district, area, question, unit, as-of date."""
    district, query, area = shown.snapshot.district, shown.query, shown.sight.area
    name = (district.name_en if language == "en" else None) or district.name
    parts = [name, *sorted(area.codes)[:MOST_CODES], query.question, query.unit]
    parts += [query.kind] if query.question == "gap" else []
    parts += [f"{query.limit_m}m"] if query.question == "gap" and query.limit_m else []
    parts += [query.subdistrict] if query.subdistrict else []
    parts += [query.community_kind] if query.community_kind else []
    parts += [conditions_text(query.where)[:MOST_CONDITIONS_IN_NAME]] if query.where else []
    parts += [district.as_of.isoformat()] if district.as_of else []
    parts += [INVENTED.to(language)] if district.invented else []
    return _FORBIDDEN.sub("-", "_".join(parts)) + "." + ending


def attachment(body: bytes, media_type: str, name: str) -> Response:
    """Return a file under its name; programs that know only ASCII get what is left of it."""
    response = Response(body, mimetype=media_type)
    plain = name.encode("ascii", "ignore").decode("ascii").strip("_-")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    return response


@downloads.get("/download")
@operation(
    *VIEW_PARAMETERS,
    choice("format", Text("格式", "Format"), tuple(MEDIA_TYPES), default="csv"),
    action="take",
    tag="downloads",
    summary=Text("一个视图的全部行（CSV 为带 BOM 的 UTF-8）", "All rows of a view (CSV in UTF-8 with BOM)"),
    answers=dict.fromkeys(MEDIA_TYPES.values()),
)
def download(*, lang: Language, format: str, **asked: str | None) -> Response:  # noqa: A002  (its name in the URL)
    """Return the rows of the view as a file."""
    shown = _taken(asked)
    name = file_name(shown, lang, format)
    rows = shown.frame(lang)
    body = frame_bytes(
        rows,
        format,
        title=shown.query.question,
        note=INVENTED_NOTE if shown.snapshot.district.invented else None,
        drop_geometry=True,
    )
    return _released(attachment(body, MEDIA_TYPES[format], name), count=len(rows))


@downloads.get("/export-map")
@operation(
    *VIEW_PARAMETERS,
    action="take",
    tag="downloads",
    summary=Text(
        "一个视图的离线地图：一个自足的 HTML 文件", "A view as an offline map: one self-contained HTML file"
    ),
    answers={HTML: None},
)
def offline_map(*, lang: Language, **asked: str | None) -> Response:
    """Return the view as an offline map."""
    from webmap.offline_map import render

    shown = _taken(asked)
    with_facilities = rows_seen(policy(), visitor(), "facilities", way_out="export") == "all"
    body = render(shown, lang, with_facilities=with_facilities).encode()
    return _released(attachment(body, HTML, file_name(shown, lang, "html")), count=len(shown.table))


def _released(response: Response, *, count: int) -> Response:
    """Return a file with so many rows of a view, once it is in the audit log that it was taken."""
    what = request.full_path.rstrip("?")
    service().record(visitor(), "export", what=what, count=count, origin=address_of(request))
    return response


def _taken(asked: dict[str, str | None]) -> View:
    """Return the view that is asked for, as far as it may be taken away."""
    snapshot, sight = current_snapshot(), sight_of(policy(), visitor(), "take")
    return view(snapshot, ViewQuery.from_params(asked, snapshot, sight), sight)
