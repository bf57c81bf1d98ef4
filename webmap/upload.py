"""Files uploaded in the browser: received, checked, shown, and imported when their sender says so.

The same code as of ``wangge import`` does it, in a process of its own (`layers.imports.jobs`); here is who may, whose
file it is, and what the page is told.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, jsonify, request, send_file

from layers.imports.chosen import read_chosen
from layers.imports.uploads import Uploads
from layers.problems import BadParameter, NotFound, NotSignedIn, StoreConflict
from layers.schema import LAYERS
from layers.text import Language, Text
from webmap import csrf, sheet
from webmap.errors import request_language
from webmap.forms import STYLES, page
from webmap.gate import allow, policy, visitor
from webmap.identity import address_of
from webmap.json_body import json_body
from webmap.operations import JSON, current_snapshot, operation
from webmap.params import LANGUAGE, choice, text
from webmap.words import words
from webmap.words_upload import in_the_form, upload_words

if TYPE_CHECKING:
    from layers.imports.jobs import Workshop
    from layers.imports.uploads import About, State
    from layers.installation import Installation

uploading = Blueprint("uploading", __name__)

_ERRORS = (400, 401, 403, 404, 405, 409, 413, 429, 500, 503, 507)
_ID = text("id", Text("上传的编号", "The upload's id"), where="path", examples=("0" * 32,))
_REPORTS = ("rejects", "problems")


@dataclass(frozen=True)
class Desk:
    """Where uploads wait, and what imports them; it is ``app.extensions["wangge.uploads"]``."""

    uploads: Uploads
    workshop: Workshop


def desk_for(workshop: Workshop | None, installation: Installation) -> Desk | None:
    """Return the desk of a service, None where files cannot be uploaded: nobody said where they are to wait."""
    if workshop is None:
        return None
    root = installation.upload_folder
    if root is None:
        if not workshop.store_url.startswith("gpkg:"):
            return None
        file = Path(workshop.store_url.partition(":")[2]).absolute()
        root = file.with_name(f"{file.name}.uploads")
    return Desk(Uploads(root, most_bytes=installation.upload_mib * 2**20), workshop)


def _desk() -> Desk:
    found: Desk | None = current_app.extensions.get("wangge.uploads")
    if found is None:
        raise NotFound(
            Text("这里没有开通上传。", "Files cannot be uploaded here."),
            Text(
                "请管理员在安装设置中给出 upload.folder，或在服务器上用 wangge import 导入。",
                "The operator sets upload.folder in the installation's settings, or imports by `wangge import`.",
            ),
        )
    return found


def _owner() -> str:
    account = visitor().account
    if account is None:
        raise NotSignedIn(
            Text("上传需要用账号登录。", "Sign in with an account to upload files."),
            Text("请先登录。", "Sign in first."),
        )
    return account


@uploading.get("/data")
@allow("import")
def data_page() -> Response:
    """Show the page, which asks for everything else."""
    from webmap.maps import as_json

    language, snapshot = request_language(), current_snapshot()
    district = snapshot.district
    outline, boundaries = sheet.outline(snapshot), sheet.boundaries(snapshot)
    desk: Desk | None = current_app.extensions.get("wangge.uploads")
    told = {
        "language": language,
        "csrf": csrf.token(),
        "words": words(language) | upload_words(language),
        "district": {"sight": None, "as_of": None if district.as_of is None else district.as_of.isoformat()},
        "layers": [
            _layer(name, fillable, language)
            for name in LAYERS
            if (fillable := policy().fillable(visitor(), name))
        ],
        "outline": None if outline is None else outline.__geo_interface__,
        "boundaries": None if boundaries is None else boundaries.__geo_interface__,
        "most_mib": 0 if desk is None else desk.uploads.most_bytes // 2**20,
    }
    return page(
        "data.html",
        styles=(*STYLES, "upload"),
        u=upload_words(language),
        open=desk is not None,
        data=as_json(told),
    )


def _layer(name: str, fillable: frozenset[str], language: Language) -> dict[str, Any]:
    layer = LAYERS[name]
    return {
        "id": name,
        "title": layer.title.to(language),
        "fields": [
            {
                "id": one.name,
                "title": one.title.to(language),
                "required": one.required,
                "locked": one.name not in fillable,
            }
            for one in layer.fields
        ],
    }


@uploading.get("/api/uploads")
@operation(
    LANGUAGE,
    action="import",
    tag="uploads",
    summary=Text("自己上传的、还没过期的文件", "One's own uploads that have not been erased yet"),
    answers={JSON: "Uploads"},
    errors=_ERRORS,
)
def list_uploads(*, lang: Language) -> Response:
    """Return one's own uploads, the newest first."""
    return _listed(_desk().uploads, lang)


def _listed(uploads: Uploads, lang: Language) -> Response:
    found = [(about, uploads.root / about.id) for about in uploads.all(_owner())]
    listed = [_as_dict(about, uploads.state(folder), lang) for about, folder in found]
    return _private({"uploads": [one | {"check": None} for one in listed if one["left_s"] > 0]})


@uploading.post("/api/uploads")
@operation(
    text("name", Text("文件名，带扩展名", "The file's name with its extension"), required=True),
    choice("layer", Text("导入到哪个图层", "The layer that it is for"), tuple(LAYERS), required=True),
    LANGUAGE,
    action="import",
    tag="uploads",
    summary=Text(
        "上传一个文件（正文就是文件内容），随后检查，不写入图层",
        "Upload a file (the body is its content), to be checked; nothing is imported",
    ),
    answers={JSON: "Upload"},
    errors=_ERRORS,
)
def upload(*, name: str, layer: str, lang: Language) -> Response:
    """Receive a file as it comes."""
    policy().require_import(visitor(), layer)
    desk, length = _desk(), request.content_length
    about = desk.uploads.receive(_owner(), name, layer, _reader(length), length)
    _, folder = desk.uploads.one(about.id, about.owner)
    return _private(_as_dict(about, desk.uploads.state(folder), lang))


def _reader(length: int | None) -> Callable[[int], bytes]:
    """Return what reads the request's body, and no further than it said that it goes."""
    stream, left = request.environ["wsgi.input"], length or 0

    def read(most: int) -> bytes:
        nonlocal left
        chunk: bytes = stream.read(min(most, left)) if left else b""
        left -= len(chunk)
        return chunk

    return read


@uploading.get("/api/uploads/<id>")
@operation(
    _ID,
    LANGUAGE,
    action="import",
    tag="uploads",
    summary=Text(
        "一个上传的文件：进度、检查结果、导入结果", "An upload: progress, what was found, what was done"
    ),
    answers={JSON: "Upload"},
    errors=_ERRORS,
)
def get_upload(*, id: str, lang: Language) -> Response:  # noqa: A002  (its name in the URL)
    """Return where an upload is."""
    uploads = _desk().uploads
    about, folder = uploads.one(id, _owner())
    return _private(_as_dict(about, uploads.state(folder), lang))


@uploading.post("/api/uploads/<id>/check")
@operation(
    _ID,
    LANGUAGE,
    action="import",
    tag="uploads",
    summary=Text("按所选的方式检查，不写入图层", "Check it as is chosen; nothing is imported"),
    answers={JSON: "Upload"},
    errors=_ERRORS,
    body="UploadOptions",
)
def check_upload(*, id: str, lang: Language) -> Response:  # noqa: A002
    """Start checking an upload with the options that are sent."""
    options = json_body()
    desk = _desk()
    about, folder = desk.uploads.one(id, _owner())
    policy().require_import(visitor(), read_chosen(options, layer=about.layer).layer)
    with desk.uploads.working(folder) as lock:
        state = desk.uploads.state_of(folder, working=False)
        if state.status == "done":
            raise _done_already()
        job = {"kind": "check", "number": secrets.token_hex(8), "options": options}
        _start(desk, about, folder, job, lock, lang)
    return _private(_as_dict(about, desk.uploads.state(folder), lang))


@uploading.post("/api/uploads/<id>/import")
@operation(
    _ID,
    LANGUAGE,
    action="import",
    tag="uploads",
    summary=Text(
        "导入检查过的内容；重复确认只导入一次", "Import what was checked; once, however often it is confirmed"
    ),
    answers={JSON: "Upload"},
    errors=_ERRORS,
    body="UploadConfirmation",
)
def import_upload(*, id: str, lang: Language) -> Response:  # noqa: A002
    """Start the import of what was checked: `number` says which check was agreed to."""
    number = json_body().get("number")
    desk = _desk()
    about, folder = desk.uploads.one(id, _owner())
    state = desk.uploads.state(folder)
    under_way = state.status == "working" and state.job.get("kind") == "import"
    if state.status != "done" and not under_way:
        with desk.uploads.working(folder) as lock:
            state = desk.uploads.state_of(folder, working=False)
            if state.status != "done":
                _start(desk, about, folder, _agreed(state, number), lock, lang)
    return _private(_as_dict(about, desk.uploads.state(folder), lang))


def _agreed(state: State, number: object) -> dict[str, Any]:
    """Return the job that imports what was checked; what was agreed to must be that."""
    check = state.check
    if check is None or "error" in check or check["number"] != number:
        raise StoreConflict(
            Text("检查的结果已经变了。", "What was found has changed."),
            Text("请看过新的结果再确认。", "Look at what is found now, and confirm that."),
            (),
        )
    options = state.job["options"]
    if not (check["whole"] or (check["partly"] and options.get("set_aside"))):
        raise BadParameter(
            Text("检查没有通过，不能导入。", "It did not pass the check and cannot be imported."),
            Text("请照检查结果改正后再传。", "Correct what was found and upload it again."),
        )
    seen = {"version": check["version"], "epoch": check.get("epoch", "")}
    return {"kind": "import", "number": number, "options": options, **seen}


def _start(desk: Desk, about: About, folder: Path, job: dict[str, Any], lock: int, lang: Language) -> None:
    desk.workshop.start(
        about, folder, job, lock=lock, visitor=visitor(), origin=address_of(request), language=lang
    )


def _done_already() -> BadParameter:
    return BadParameter(
        Text("这个文件已经导入。", "This file has been imported."),
        Text("要再导入请重新上传。", "Upload it again to import it again."),
    )


@uploading.post("/api/uploads/<id>/erase")
@operation(
    _ID,
    LANGUAGE,
    action="import",
    tag="uploads",
    summary=Text("删除上传的文件；已导入的内容不变", "Erase an upload; what was imported stays"),
    answers={JSON: "Uploads"},
    errors=_ERRORS,
)
def erase_upload(*, id: str, lang: Language) -> Response:  # noqa: A002
    """Erase an upload, and return those that are left."""
    uploads = _desk().uploads
    _, folder = uploads.one(id, _owner())
    uploads.erase(folder)
    return _listed(uploads, lang)


@uploading.get("/api/uploads/<id>/<report>.csv")
@operation(
    _ID,
    text(
        "report",
        Text(
            "rejects 是有问题的行，problems 是全部问题",
            "rejects: the rows with problems; problems: all that is wrong",
        ),
        where="path",
        examples=_REPORTS,
    ),
    LANGUAGE,
    action="import",
    tag="uploads",
    summary=Text(
        "有问题的行（改好后可再导入），或全部问题", "Rows with problems, to be corrected; or all problems"
    ),
    answers={"text/csv": None},
    errors=_ERRORS,
)
def upload_report(*, id: str, report: str, lang: Language) -> Response:  # noqa: A002
    """Return what has to be corrected, as a table."""
    about, folder = _desk().uploads.one(id, _owner())
    file = folder / f"{report}.csv"
    if report not in _REPORTS or not file.is_file():
        raise NotFound(
            Text("这个文件没有这份表。", "There is no such table of this file."),
            Text("请先检查它。", "Check it first."),
        )
    stem = about.name.rpartition(".")[0] or about.name
    name = f"{stem}-{report}.csv"
    # It may be as large as the file was: it goes out part by part, and stays whole though it be erased meanwhile.
    response = send_file(file, mimetype="text/csv", as_attachment=True, download_name=name, conditional=False)
    response.cache_control.no_store = True
    return response


def _private(said: dict[str, Any]) -> Response:
    response = jsonify(said)
    response.cache_control.no_store = True
    return response


def _as_dict(about: About, state: State, language: Language) -> dict[str, Any]:
    """Return an upload as its page shows it, in one language, with the names that things have there."""
    chosen = state.job.get("options", {})
    return {
        "id": about.id,
        "name": about.name,
        "layer": chosen.get("layer", about.layer),
        "size": about.size,
        "status": state.status,
        "job": state.job.get("kind"),
        "options": chosen,
        "progress": state.progress or None,
        "check": None if state.check is None else in_the_form(_in(state.check, language), language),
        "result": None if state.result is None else in_the_form(_in(state.result, language), language),
        "left_s": int(state.left_s),
    }


def _in(said: dict[str, Any], language: Language) -> dict[str, Any]:
    """Return what was said in both languages in one."""
    return {
        name: value[language] if isinstance(value, dict) and set(value) == {"zh", "en"} else value
        for name, value in said.items()
    } | ({"kinds": [_kind(one, language) for one in said["kinds"]]} if "kinds" in said else {})


def _kind(one: dict[str, Any], language: Language) -> dict[str, Any]:
    return {"field": one["field"], "message": one[language], "count": one["count"], "row": one["row"]}


def register_at(app: Any, workshop: Workshop | None) -> None:
    """Let `app` take uploads, where there is something that imports them."""
    app.extensions["wangge.uploads"] = desk_for(workshop, app.extensions["wangge"].settings.installation)


def sweeping(app: Any) -> Callable[[], int]:
    """Return what erases the uploads of `app` that are too old."""
    desk: Desk | None = app.extensions.get("wangge.uploads")
    return (lambda: 0) if desk is None else desk.uploads.sweep
