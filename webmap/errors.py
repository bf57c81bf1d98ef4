"""Every error a request can end in: one table from exception to status, one shape for all.

The API answers ``{"error": {"status", "title", "detail", "remedy", …}}``, with what else there is to say of
some: "parameter", "problems", "conflicts" (both sides), "codes", "readiness". Pages answer a page, tiles a
line of text. What nobody foresaw is logged with a reference and answered without a detail.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from layers import problems
from layers.edits import conflict_as_dict
from layers.problems import Conflict
from layers.text import LANGUAGES, Language, Text
from webmap.health import NotReady, Readiness
from webmap.identity import address_of, source
from webmap.params import BadQuery
from webmap.words import words

if TYPE_CHECKING:
    from webmap.guarded import Wanted

STATUSES: tuple[tuple[type[problems.WanggeError], HTTPStatus], ...] = (
    (problems.BadParameter, HTTPStatus.BAD_REQUEST),
    (problems.NotFound, HTTPStatus.NOT_FOUND),
    (problems.NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (problems.Forbidden, HTTPStatus.FORBIDDEN),
    (problems.TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    (problems.ValidationError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (problems.StoreBusy, HTTPStatus.SERVICE_UNAVAILABLE),
    (problems.StoreFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (problems.StoreReadOnly, HTTPStatus.CONFLICT),
    (problems.StoreExists, HTTPStatus.CONFLICT),
    (problems.StoreConflict, HTTPStatus.CONFLICT),
    (problems.FeaturesExist, HTTPStatus.CONFLICT),
    (problems.StoreMissing, HTTPStatus.SERVICE_UNAVAILABLE),
    (problems.StoreAway, HTTPStatus.SERVICE_UNAVAILABLE),
    (problems.StoreOutdated, HTTPStatus.SERVICE_UNAVAILABLE),
    (problems.StoreNewer, HTTPStatus.SERVICE_UNAVAILABLE),
    (problems.StoreUnusable, HTTPStatus.SERVICE_UNAVAILABLE),
    (problems.WanggeError, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first class that an exception is an instance of gives its status."""

RETRY_AFTER_S = 5
"""Seconds after which asking again makes sense where the store is busy or away."""

_TITLES: dict[int, Text] = {
    400: Text("请求有误", "The request is not right"),
    401: Text("需要登录", "Sign in first"),
    403: Text("没有权限", "Not allowed"),
    404: Text("没有找到", "Not found"),
    405: Text("不支持此方法", "The method is not supported here"),
    406: Text("给不出所要的格式", "That format cannot be given"),
    409: Text("与现有数据冲突", "In conflict with what is there"),
    413: Text("请求过大", "The request is too large"),
    414: Text("网址过长", "The address is too long"),
    422: Text("数据有误", "The data are not right"),
    429: Text("请求过于频繁", "Too many requests"),
    500: Text("服务内部出错", "Something went wrong inside"),
    503: Text("暂时无法提供", "Not available for the moment"),
    507: Text("磁盘已满", "The disk is full"),
}
_DETAILS: dict[int, Text] = {
    404: Text("这个地址没有内容。", "There is nothing at this address."),
    405: Text("这个地址不接受 {method} 请求。", "This address does not take {method} requests."),
    500: Text("出错已记入日志。", "The error has been logged."),
}


@dataclass(frozen=True)
class Failure:
    """What is said of an error; `detail` and `remedy` are in both languages until it is answered."""

    status: int
    detail: Text
    remedy: Text | None = None
    parameter: str | None = None
    problems: tuple[problems.Problem, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    codes: tuple[str, ...] = ()
    readiness: Readiness | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> Text:
        """The status in words."""
        return _TITLES.get(self.status, Text("请求未能完成", "The request could not be answered"))

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the error as the API shows it."""
        said: dict[str, Any] = {
            "status": self.status,
            "title": self.title.to(language),
            "detail": self.detail.to(language),
            "remedy": None if self.remedy is None else self.remedy.to(language),
        }
        if self.parameter is not None:
            said["parameter"] = self.parameter
        if self.problems:
            said["problems"] = [problem.as_dict(language) for problem in self.problems]
        if self.conflicts:
            said["conflicts"] = [conflict_as_dict(one) for one in self.conflicts]
        if self.codes:
            said["codes"] = list(self.codes)
        if self.readiness is not None:
            said["readiness"] = self.readiness.as_dict(language)
        return {"error": said}


def failure_of(error: Exception) -> Failure:
    """Return what is said of `error`; nothing of an unforeseen one is."""
    if isinstance(error, problems.WanggeError):
        return _known_failure(error)
    if isinstance(error, HTTPException) and error.code is not None:
        return _http_failure(error, error.code)
    return Failure(500, _DETAILS[500])


def _known_failure(error: problems.WanggeError) -> Failure:
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    return Failure(
        status=status.value,
        detail=error.message,
        remedy=error.remedy,
        parameter=error.parameter if isinstance(error, BadQuery) else None,
        problems=error.problems if isinstance(error, problems.ValidationError) else (),
        conflicts=error.conflicts if isinstance(error, problems.StoreConflict) else (),
        codes=error.codes if isinstance(error, problems.FeaturesExist) else (),
        readiness=error.readiness if isinstance(error, NotReady) else None,
        headers=_headers_of(error, status),
    )


def _headers_of(error: problems.WanggeError, status: HTTPStatus) -> tuple[tuple[str, str], ...]:
    if isinstance(error, problems.TooMany):
        return (("Retry-After", str(error.retry_after_s)),)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return (("Retry-After", str(RETRY_AFTER_S)),)
    # RFC 9110 asks for a challenge; a scheme that browsers know would open their own window.
    return (("WWW-Authenticate", "Bearer"),) if status is HTTPStatus.UNAUTHORIZED else ()


def _http_failure(error: HTTPException, status: int) -> Failure:
    """Take the status and headers of werkzeug's error (the methods a 405 allows), not its English page."""
    kept = ("allow", "retry-after", "content-range", "location")
    headers = tuple((name, value) for name, value in error.get_headers() if name.lower() in kept)
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "?"
    detail = _DETAILS.get(status, Text("无法处理（{phrase}）。", "{phrase}."))
    return Failure(status, detail.format(method=request.method, phrase=phrase), headers=headers)


def request_language() -> Language:
    """Return the language that the request asks for, Chinese where it asks for none that there is."""
    asked = request.args.get("lang")
    return next((language for language in LANGUAGES if language == asked), "zh")


def answer(failure: Failure) -> Response:
    """Answer in the form that the address speaks: JSON, a line of text, or a page."""
    language = request_language()
    area = request.path.split("/")[1]
    if area in ("api", "healthz", "readyz"):
        response = jsonify(failure.as_dict(language))
    elif area in ("tiles", "static"):
        response = Response(_line(failure, language), mimetype="text/plain")
    else:
        response = _page(failure, language)
    response.status_code = failure.status
    response.headers.extend(failure.headers)
    response.cache_control.no_store = True
    return response


def _line(failure: Failure, language: Language) -> str:
    """Return a failure as one line: its status, what is wrong and what helps."""
    told = [failure.detail, *([failure.remedy] if failure.remedy else [])]
    return f"{failure.status} {' '.join(text.to(language) for text in told)}\n"


def _page(failure: Failure, language: Language) -> Response:
    """Return the error's page, or a line of text where the page itself is what fails."""
    try:
        page = render_template(
            "error.html", failure=failure, language=language, way_on=_way_on(failure), w=words(language)
        )
    except Exception:
        current_app.logger.exception("the error page failed")
        return Response(_line(failure, language), mimetype="text/plain")
    return Response(page, mimetype="text/html")


def _way_on(failure: Failure) -> tuple[str, Text] | None:
    """Return where who is refused may go instead: to sign in, or to choose a password first."""
    if failure.status == 401 and current_app.extensions["wangge"].access is not None:
        back = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return f"/sign-in?{urlencode({'next': back, 'lang': request_language()})}", Text("登录", "Sign in")
    who = g.get("visitor")
    if failure.status == 403 and who is not None and who.via == "session" and who.scopes is not None:
        return f"/account?lang={request_language()}", Text("先设置密码", "First choose a password")
    return None


def _foreseen(error: Exception) -> Response:
    if isinstance(error, problems.Forbidden):
        _record_refusal()
    return answer(failure_of(error))


def _record_refusal() -> None:
    """Record that somebody who is known asked for what is not theirs; they are refused in any case.

    Of tiles, which a map asks for by the hundred, and of the same within a minute there is no entry: the log
    would be full of them.
    """
    shared, who = current_app.extensions["wangge"], g.get("visitor")
    if who is None or who.via == "nobody" or request.path.startswith("/tiles/"):
        return
    if not shared.refusals.is_first(source(who, request), request.endpoint or ""):
        return
    wanted: Wanted | None = g.get("wanted")
    try:
        shared.record(
            who,
            "refused",
            what=f"{request.method} {request.path}",
            layer=wanted.layer if wanted else "",
            fields=wanted.fields if wanted else (),
            purpose=wanted.purpose if wanted else "",
            origin=address_of(request),
            outcome="refused",
        )
    except problems.WanggeError as error:
        current_app.logger.warning("a refusal was not recorded: %s", error)


def _unforeseen(error: Exception) -> Response:
    reference = secrets.token_hex(4)
    current_app.logger.error("request failed, reference %s: %s", reference, request.path, exc_info=error)
    told = Text("日志编号 {reference}。", "Its reference in the log is {reference}.").format(
        reference=reference
    )
    return answer(Failure(500, _DETAILS[500], told))


def register(app: Flask) -> None:
    """Answer every error of `app` by this module, unforeseen ones too, in tests as in service."""
    app.register_error_handler(problems.WanggeError, _foreseen)
    app.register_error_handler(HTTPException, _foreseen)
    app.register_error_handler(Exception, _unforeseen)
