"""What the pages with forms share: their frame, their language, where they lead, and what was typed."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Flask, Response, make_response, render_template, request

from layers.civil_time import CHINA
from layers.problems import NotSignedIn, WanggeError
from layers.text import Text, both
from webmap.errors import failure_of, request_language
from webmap.gate import policy, visitor
from webmap.operations import service
from webmap.words_account import NOTICES, account_words

if TYPE_CHECKING:
    from layers.access.access import Access
    from layers.access.model import Key

STYLES = ("tokens", "base", "account")
_MOST_NEXT = 2000


def access() -> Access:
    """Return accounts, sessions and the audit log; every page about them is one of a service that has them."""
    found = service().access
    if found is None:
        raise LookupError("this service was made without access to accounts")
    return found


def account_id() -> str:
    """Return the account of who asks; `NotSignedIn` where it is none."""
    who = visitor()
    if who.account is None or who.via != "session":
        raise NotSignedIn(
            Text("这里需要用账号登录。", "Sign in with an account for this."),
            Text("请先登录。", "Sign in first."),
        )
    return who.account


def keys_of(account: str) -> list[Key]:
    """Return the keys that an account answers for."""
    every = access().keys()
    return [key for key in every if key.account_id == account]


def typed(name: str, most: int = 200) -> str:
    """Return what was typed into a field, at most `most` characters of it."""
    return request.form.get(name, "")[:most]


def link(path: str, **query: str | int | None) -> str:
    """Return the address of a page of ours, in the language of this one."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    if request_language() != "zh":
        given["lang"] = request_language()
    return f"{path}?{urlencode(given)}" if given else path


def local_path(given: str) -> str:
    """Return `given` where it is an address on this service, else the map's: links lead nowhere else."""
    plain = given.isprintable() and "\\" not in given and len(given) <= _MOST_NEXT
    ok = plain and given.startswith("/") and not given.startswith("//")
    return unicodedata.normalize("NFC", given) if ok else link("/")


def page(
    template: str,
    *,
    error: WanggeError | None = None,
    status: int = 200,
    styles: tuple[str, ...] = STYLES,
    **values: Any,
) -> Response:
    """Return a page; with `error` said on it, and its status."""
    language = request_language()
    headers: tuple[tuple[str, str], ...] = ()
    if error is not None:
        failure = failure_of(error)
        status, headers = failure.status, failure.headers
    who = visitor()
    body = render_template(
        template,
        language=language,
        w=account_words(language),
        styles=styles,
        error=None if error is None else error.sentence(language),
        notice=NOTICES[request.args["done"]].to(language) if request.args.get("done") in NOTICES else None,
        who=who,
        role=_role_title(who.role).to(language),
        may={action: policy().may(who, action) for action in ("own", "accounts", "audit", "import")},
        **values,
    )
    response = make_response(body, status)
    response.headers.extend(headers)
    response.cache_control.no_store = True
    return response


def _role_title(role: str) -> Text:
    found = policy().rules.roles.get(role)
    return both(role) if found is None else found.title


def lead(where: str) -> Response:
    """Lead the browser to an address, by GET."""
    return Response(status=303, headers={"Location": where})


def go(path: str, **query: str | int | None) -> Response:
    """Lead the browser to a page of ours, by GET."""
    return lead(link(path, **query))


def moment(at: datetime | None) -> str:
    """Return a moment as it is read in China."""
    return "" if at is None else at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


_BROWSERS = (
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_words(agent: str) -> str:
    """Return in short what a browser says of itself: its name and its system, as far as they are known."""
    found = [next((name for mark, name in names if mark in agent), "") for names in (_BROWSERS, _SYSTEMS)]
    return " · ".join(part for part in found if part) or agent[:40] or "?"


def other_language() -> str:
    """Return the address of this page in the other language; of a form that was refused, the page's own."""
    query = {name: value for name, value in request.args.items() if name != "lang"}
    if request_language() == "zh":
        query["lang"] = "en"
    return f"{request.path}?{urlencode(query)}" if query else request.path


def register(app: Flask) -> None:
    """Give templates what they need for links and moments."""
    app.jinja_env.globals |= {
        "link": link,
        "moment": moment,
        "other_language": other_language,
        "browser_words": browser_words,
    }
