"""Parameters of requests: each described once, read in one place, refused in words.

The description that a request is read by is the one that the OpenAPI document shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from layers.problems import BadParameter
from layers.text import LANGUAGES, Text, both, joined

MAX_TEXT = 200

_WHOLE = re.compile(r"[0-9]{1,16}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{0,20})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffd]")


class BadQuery(BadParameter):
    """A request's parameter is wrong.

    Attributes
    ----------
    parameter : str
        Its name.
    """

    def __init__(self, parameter: str, message: Text, remedy: Text | None = None) -> None:
        super().__init__(message, remedy)
        self.parameter = parameter


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of an endpoint.

    Attributes
    ----------
    name : str
        In the URL.
    schema : dict
        JSON schema, as OpenAPI shows it.
    parse : callable
        From the text in the URL to the value; raises `BadQuery` or `NotFound`.
    default : Any
        Value where the parameter is not given.
    """

    name: str
    description: Text
    schema: Mapping[str, Any]
    parse: Callable[[str], Any]
    where: Literal["query", "path"] = "query"
    required: bool = False
    default: Any = None


def _refused(name: str, value: str, remedy: Text) -> BadQuery:
    shown = value if len(value) <= 60 else value[:60] + "…"
    return BadQuery(
        name,
        Text(
            "参数 {name} 的值“{value}”不对。", "The value “{value}” of the parameter {name} is not right."
        ).format(name=name, value=shown),
        remedy,
    )


def whole(
    name: str,
    description: Text,
    *,
    minimum: int,
    maximum: int,
    default: int | None = None,
    where: Any = "query",
) -> Parameter:
    """Describe a whole number from `minimum` to `maximum`, in ASCII digits."""
    remedy = Text("请给 {low} 到 {high} 的整数。", "Give a whole number from {low} to {high}.").format(
        low=minimum, high=maximum
    )

    def parse(value: str) -> int:
        if not _WHOLE.fullmatch(value) or not minimum <= int(value) <= maximum:
            raise _refused(name, value, remedy)
        return int(value)

    schema: dict[str, Any] = {"type": "integer", "minimum": minimum, "maximum": maximum}
    if default is not None:
        schema["default"] = default
    return Parameter(
        name=name,
        description=description,
        schema=schema,
        parse=parse,
        where=where,
        required=where == "path",
        default=default,
    )


def number(name: str, description: Text, *, minimum: float, maximum: float) -> Parameter:
    """Describe a required decimal number from `minimum` to `maximum`."""
    remedy = Text("请给 {low} 到 {high} 的数。", "Give a number from {low} to {high}.").format(
        low=f"{minimum:g}", high=f"{maximum:g}"
    )

    def parse(value: str) -> float:
        if not _NUMBER.fullmatch(value) or not minimum <= float(value) <= maximum:
            raise _refused(name, value, remedy)
        return float(value)

    return Parameter(
        name=name,
        description=description,
        schema={"type": "number", "minimum": minimum, "maximum": maximum},
        parse=parse,
        required=True,
    )


def choice(
    name: str, description: Text, values: Sequence[str], *, default: str | None = None, required: bool = False
) -> Parameter:
    """Describe one of a closed list of words."""
    remedy = Text("可选：{values}。", "Choose one of {values}.").format(
        values=joined([both(value) for value in values])
    )

    def parse(value: str) -> str:
        if value not in values:
            raise _refused(name, value, remedy)
        return value

    schema: dict[str, Any] = {"type": "string", "enum": list(values)}
    if default is not None:
        schema["default"] = default
    return Parameter(
        name=name,
        description=description,
        schema=schema,
        parse=parse,
        required=required,
        default=default,
    )


def several(name: str, description: Text, values: Sequence[str]) -> Parameter:
    """Describe some of a closed list of words, parted by commas; all of them where it is not given."""
    remedy = Text("可选其中几个，用逗号相连：{values}。", "Give some of {values}, parted by commas.").format(
        values=joined([both(value) for value in values])
    )

    def parse(value: str) -> tuple[str, ...]:
        wanted = value.split(",")
        if not set(wanted) <= set(values):
            raise _refused(name, value, remedy)
        return tuple(one for one in values if one in wanted)

    one = "|".join(map(re.escape, values))
    schema = {"type": "string", "pattern": f"^({one})(,({one}))*$"}
    return Parameter(name=name, description=description, schema=schema, parse=parse, default=tuple(values))


def text(
    name: str,
    description: Text,
    *,
    where: Literal["query", "path"] = "query",
    required: bool = False,
    blank: bool = False,
    pattern: str | None = None,
    most: int = MAX_TEXT,
    examples: Sequence[str] = (),
) -> Parameter:
    """Describe free text or a code: at most `most` characters, no control characters, of a `pattern` where one is given.

    With `blank`, an empty value is as good as none: forms send them.
    """
    remedy = Text(
        "请给 1 到 {most} 个字符，不含控制字符。", "Give 1 to {most} characters without control characters."
    ).format(most=most)
    shape = Text("请按这个样式：{p}", "Write it like this: {p}").format(p=pattern)

    def parse(value: str) -> str | None:
        if blank and not value:
            return None
        if not value.strip() or len(value) > most or _CONTROL.search(value):
            raise _refused(name, value, remedy)
        if pattern is not None and not re.search(pattern, value):
            raise _refused(name, value, shape)
        return value

    schema: dict[str, Any] = {"type": "string", "minLength": 0 if blank else 1, "maxLength": most}
    schema |= {"pattern": pattern} if pattern else {}
    schema |= {"examples": list(examples)} if examples else {}
    return Parameter(
        name=name,
        description=description,
        schema=schema,
        parse=parse,
        where=where,
        required=required or where == "path",
    )


def bounding_box(name: str = "bbox") -> Parameter:
    """Describe an optional box ``west,south,east,north`` in degrees of EPSG:4490."""
    remedy = Text(
        "请给“西,南,东,北”四个经纬度，西小于东，南小于北。",
        "Give four numbers west,south,east,north in degrees, west below east and south below north.",
    )
    across = Text(
        "西边的经度大于东边：跨 180° 经线的范围不受理，请分成两个。",
        "West lies east of east: a box across the 180° meridian is not taken; ask for two.",
    )

    def parse(value: str) -> tuple[float, float, float, float]:
        parts = value.split(",")
        if len(parts) != 4 or not all(_NUMBER.fullmatch(part) for part in parts):
            raise _refused(name, value, remedy)
        west, south, east, north = (float(part) for part in parts)
        if not all(-180 <= x <= 180 for x in (west, east)) or not all(-90 <= y <= 90 for y in (south, north)):
            raise _refused(name, value, remedy)
        if west > east:
            raise _refused(name, value, across)
        if south > north:
            raise _refused(name, value, remedy)
        return west, south, east, north

    return Parameter(
        name=name,
        description=Text(
            "范围：西,南,东,北（度，EPSG:4490）", "Box: west,south,east,north (degrees, EPSG:4490)"
        ),
        schema={"type": "string", "pattern": r"^-?\d+(\.\d+)?(,-?\d+(\.\d+)?){3}$"},
        parse=parse,
    )


LANGUAGE = choice("lang", Text("文字的语言", "Language of the texts"), LANGUAGES, default="zh")


def read(
    parameters: Sequence[Parameter], query: Mapping[str, Sequence[str]], path: Mapping[str, str]
) -> dict[str, Any]:
    """Read a request.

    Parameters
    ----------
    parameters : sequence of Parameter
        All that the endpoint takes.
    query : mapping of str to sequence of str
        The query's values per name; a name given twice and a name that is not described are refused.
    path : mapping of str to str
        The variable parts of the path.

    Returns
    -------
    dict
        Values by name.

    Raises
    ------
    BadQuery, NotFound
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    known = Text("可用：{known}。", "It takes {known}.").format(
        known=joined([both(p.name) for p in parameters if p.where == "query"]) or both("–")
    )
    for name, values in query.items():
        shown = name[:60]
        if name not in by_name or by_name[name].where != "query":
            raise BadQuery(
                shown, Text("没有参数 {name}。", "There is no parameter {name}.").format(name=shown), known
            )
        if len(values) > 1:
            raise BadQuery(
                shown,
                Text("参数 {name} 给了不止一次。", "The parameter {name} is given more than once.").format(
                    name=shown
                ),
                Text("请只给一次。", "Give it once."),
            )
    values_read = {}
    for parameter in parameters:
        given = (
            path.get(parameter.name)
            if parameter.where == "path"
            else next(iter(query.get(parameter.name, ())), None)
        )
        if given is None and parameter.required:
            raise BadQuery(
                parameter.name,
                Text("缺少参数 {name}（{what}）。", "The parameter {name} ({what}) is missing.").format(
                    name=parameter.name, what=parameter.description
                ),
            )
        values_read[parameter.name] = parameter.default if given is None else parameter.parse(given)
    return values_read
