"""An endpoint's contract, stated at the endpoint: parameters, summary, answer.

`operation` reads the parameters for the view function and keeps the contract on it, where the OpenAPI
document finds it: an endpoint cannot take what it does not describe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import current_app, request
from flask.typing import ResponseReturnValue

from layers.snapshot import Snapshot
from layers.text import Text
from webmap.params import Parameter, read

if TYPE_CHECKING:
    from layers.rules import Action
    from webmap import Service

View = Callable[..., ResponseReturnValue]

JSON = "application/json"
GEOJSON = "application/geo+json"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What the OpenAPI document says of an endpoint.

    Attributes
    ----------
    id : str
        Stable name; the recorded example answers are filed under it.
    tag : str
    summary : Text
    parameters : tuple of Parameter
    answers : dict of str to str or None
        Per media type of a 200 answer the name of its schema in `webmap.schemas`, None for bytes.
    statuses : tuple of int
        Further statuses without content, such as 204.
    errors : tuple of int
        Statuses of errors that the endpoint itself can end in.
    action : Action
        What the visitor must be allowed to do.
    body : str or None
        The name of the schema in `webmap.schemas` of the JSON that is sent; the endpoint reads it by `webmap.json_body`.
    """

    id: str
    tag: str
    summary: Text
    parameters: tuple[Parameter, ...]
    answers: dict[str, str | None]
    statuses: tuple[int, ...]
    errors: tuple[int, ...]
    action: Action
    body: str | None = None


def operation(
    *parameters: Parameter,
    action: Action,
    tag: str,
    summary: Text,
    answers: dict[str, str | None],
    statuses: tuple[int, ...] = (),
    errors: tuple[int, ...] = (400, 401, 403, 404, 405, 429, 500, 503),
    body: str | None = None,
) -> Callable[[View], View]:
    """Describe an endpoint and have its parameters read; the view gets them as keywords."""

    def describe(view: View) -> View:
        @wraps(view)
        def run(**path: str) -> ResponseReturnValue:
            query = {name: request.args.getlist(name) for name in request.args}
            return view(**read(parameters, query, path))

        run.action = action  # type: ignore[attr-defined]
        run.operation = Operation(  # type: ignore[attr-defined]
            id=view.__name__,
            tag=tag,
            summary=summary,
            parameters=parameters,
            answers=answers,
            statuses=statuses,
            errors=errors,
            action=action,
            body=body,
        )
        return run

    return describe


def operation_of(view: Any) -> Operation | None:
    """Return the contract that `operation` left on a view function."""
    return getattr(view, "operation", None)


def service() -> Service:
    """Return what the endpoints share."""
    shared: Service = current_app.extensions["wangge"]
    return shared


def current_snapshot() -> Snapshot:
    """Return the district's newest version, for this request."""
    return service().snapshots.current()
