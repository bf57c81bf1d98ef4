"""What is shown, to take away: the rows of a view as a table, and the view as one offline map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Blueprint, Response

from layers.exports import INVENTED as INVENTED_NOTE
from layers.exports import frame_bytes
from layers.text import Language, Text
from layers.views import ViewQuery, view
from webmap.operations import current_snapshot, operation
from webmap.params import choice
from webmap.view_parameters import VIEW_PARAMETERS

if TYPE_CHECKING:
    from layers.store import District

MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "gpkg": "application/geopackage+sqlite3",
}
HTML = "text/html"

INVENTED = Text("虚构演示数据", "invented demonstration data")
_FORBIDDEN = re.compile(r'[\\/:*?"<>|\s\x00-\x1f]+')

downloads = Blueprint("downloads", __name__)


def file_name(district: District, query: ViewQuery, language: Language, ending: str) -> str:
    """Return a name that says what is in the file: district, question, unit, as-of date."""
    name = (district.name_en if language == "en" else None) or district.name
    parts = [name, query.question, query.unit]
    parts += [query.kind] if query.question == "gap" else []
    parts += [query.subdistrict] if query.subdistrict else []
    parts += [query.community_kind] if query.community_kind else []
    parts += [district.as_of.isoformat()] if district.as_of else []
    parts += [INVENTED.to(language)] if district.invented else []
    return _FORBIDDEN.sub("-", "_".join(parts)) + "." + ending


def _attachment(body: bytes, media_type: str, name: str) -> Response:
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
    snapshot = current_snapshot()
    query = ViewQuery.from_params(asked, snapshot)
    name = file_name(snapshot.district, query, lang, format)
    body = frame_bytes(
        view(snapshot, query).frame(lang),
        format,
        title=query.question,
        note=INVENTED_NOTE if snapshot.district.invented else None,
        drop_geometry=True,
    )
    return _attachment(body, MEDIA_TYPES[format], name)


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
    snapshot = current_snapshot()
    query = ViewQuery.from_params(asked, snapshot)
    from webmap.offline_map import render

    body = render(view(snapshot, query), lang).encode()
    return _attachment(body, HTML, file_name(snapshot.district, query, lang, "html"))
