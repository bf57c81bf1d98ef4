"""Guarded fields over HTTP: asked for by name, in the audit log before they leave, kept by nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from flask import Response, g, request

from layers.problems import Forbidden
from layers.text import Text
from webmap.gate import policy, visitor
from webmap.identity import address_of
from webmap.operations import service
from webmap.params import BadQuery, Parameter, text

if TYPE_CHECKING:
    from layers.access.model import Outcome
    from layers.policy import Seen
    from layers.visitors import Visitor


class Record(Protocol):
    """Writes an entry of the audit log, durably, before it returns."""

    def __call__(
        self,
        who: Visitor,
        action: str,
        *,
        what: str = "",
        layer: str = "",
        codes: Sequence[str] = (),
        count: int | None = None,
        fields: Sequence[str] = (),
        purpose: str = "",
        origin: str = "",
        outcome: Outcome = "done",
    ) -> object:
        """Record that `who` did something."""


def unrecorded(who: Visitor, action: str, **_: object) -> None:
    """Record nothing: for a service in which nobody can sign in, where nothing guarded is told."""


PARAMETERS: tuple[Parameter, ...] = (
    text(
        "with",
        Text(
            "还要的受保护字段，用逗号分隔；每次取用都记入审计日志",
            "Guarded fields to give as well, separated by commas; each such answer goes into the audit log",
        ),
    ),
    text(
        "purpose",
        Text(
            "这些字段的用途；有的字段必须说明", "What these fields are needed for; some are not given without"
        ),
    ),
)


@dataclass(frozen=True)
class Wanted:
    """Guarded fields of a layer that a request asks for, and what for."""

    layer: str
    fields: tuple[str, ...]
    purpose: str

    def seen(self) -> Seen:
        """Return what may leave; of a refusal is noted what was asked for, for `webmap.errors` records it."""
        try:
            return policy().seen(
                visitor(), self.layer, way_out="api", asked=self.fields, purpose=self.purpose
            )
        except Forbidden:
            g.wanted = self
            raise

    def release(self, response: Response, codes: Sequence[str]) -> Response:
        """Return the answer, which tells the fields of the features with these codes: recorded first."""
        if self.fields:
            service().record(
                visitor(),
                "view_guarded",
                what=request.path,
                layer=self.layer,
                codes=codes,
                count=len(codes),
                fields=self.fields,
                purpose=self.purpose,
                origin=address_of(request),
                outcome="done",
            )
            response.cache_control.private = response.cache_control.no_store = True
        return response


def wanted(layer: str, given: Mapping[str, str | None]) -> Wanted:
    """Return what the parameters `PARAMETERS` of a request ask for."""
    named = (given["with"] or "").split(",") if given["with"] else []
    fields = tuple(dict.fromkeys(name.strip() for name in named))
    if "" in fields:
        raise BadQuery(
            "with",
            Text("字段名之间只用一个逗号。", "There is a comma too many between the names of fields."),
            Text("例如 floating_residents。", "Such as floating_residents."),
        )
    return Wanted(layer, fields, (given["purpose"] or "").strip())
