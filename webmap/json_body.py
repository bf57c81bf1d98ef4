"""The JSON object that a request sends, read in one place, refused in words."""

from __future__ import annotations

import json
import math
from typing import Any

from flask import request

from layers.problems import BadParameter
from layers.text import Text

DEEPEST = 32
_JSON = "application/json"


def json_body() -> dict[str, Any]:
    """Return the object that this request sends.

    Raises
    ------
    BadParameter
        The body is no JSON object in UTF-8, says a name twice, or is nested too deeply.
    """
    if request.mimetype != _JSON:
        raise _refused(Text("它不是 JSON。", "It is not JSON."))
    try:
        found = json.loads(
            request.get_data().decode(),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        json.dumps(found, ensure_ascii=False).encode()  # half a character could not be written down
    except (ValueError, RecursionError) as error:
        raise _refused(Text("读不懂：{e}", "It cannot be read: {e}").format(e=error)) from error
    if not isinstance(found, dict):
        raise _refused(Text("它不是一个对象。", "It is no object."))
    if _depth(found) > DEEPEST:
        raise _refused(Text("嵌套超过 {n} 层。", "It is nested more than {n} levels deep.").format(n=DEEPEST))
    return found


def _refused(why: Text) -> BadParameter:
    return BadParameter(
        Text("请求的正文不对。{w}", "The request's body is not right. {w}").format(w=why),
        Text(
            "请以 application/json 发送一个 UTF-8 的 JSON 对象。",
            "Send one JSON object in UTF-8 as application/json.",
        ),
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is there twice")
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise ValueError(f"{digits} is too large")
    return found


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth
