"""The installation's own name and logo in the head of every page."""

from __future__ import annotations

from hashlib import sha256

from flask import Blueprint, Flask, Response, request, url_for

from layers.problems import NotFound
from layers.text import Language, Text
from webmap.gate import allow
from webmap.operations import service

branding = Blueprint("branding", __name__)

_DIGITS = 12


@branding.get("/logo")
@allow("describe")
def logo() -> Response:
    """Return the installation's logo."""
    found = service().settings.installation.logo
    if found is None:
        raise NotFound(
            Text("没有设置标志。", "No logo has been set."),
            Text(
                "管理员可在安装设置中设置 logo。", "The operator sets `logo` in the installation's settings."
            ),
        )
    response = Response(found.content, mimetype=found.mimetype)
    response.set_etag(_hash(found.content))
    response.make_conditional(request)
    return response


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()[:_DIGITS]


def service_title(language: Language) -> str:
    """Return what the service is called here, "" where it is called by its own name."""
    title = service().settings.installation.title
    return "" if title is None else title.to(language)


def logo_address() -> str:
    """Return the address of the installation's logo, "" where ours stands."""
    found = service().settings.installation.logo
    return "" if found is None else url_for("branding.logo", v=_hash(found.content))


def register(app: Flask) -> None:
    """Give templates the installation's name and logo."""
    app.jinja_env.globals |= {"service_title": service_title, "logo_address": logo_address}
    app.register_blueprint(branding)
