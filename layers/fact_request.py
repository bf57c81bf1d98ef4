"""A request to write facts, as it comes in JSON: all that is wrong with its frame at once."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from layers.epochs import PATTERN
from layers.imports.dates import YEARS
from layers.problems import Problem, ValidationError
from layers.text import Text

MOST_SOURCE, MOST_NOTE, MOST_FOLLOWED = 100, 500, 50
_SHOWN = 60
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_IN_NOTE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MEMBERS = (
    "key", "layer", "code", "based_on", "epoch", "values", "as_of", "source", "note", "correction", "follows",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FactRequest:
    """What somebody wants to be written of one feature, as it was sent.

    Attributes
    ----------
    key : str
        A UUID that the client has given this request and no other.
    based_on : int
        The version that its author had seen.
    epoch : str
        Of the store that the version is of; empty where the request does not say: then nothing is known of what
        its author had seen.
    values : mapping of field name to anything
        Only what is to change; None is unknown.
    as_of : date
        The day on which it was seen.
    source, note : str
        From where it is known, and what else there is to say.
    correction : bool
        What is on record was never right; else it is so since `as_of`.
    follows : tuple of str
        Keys of requests that the same client made before this one.
    """

    key: str
    layer: str
    code: str
    based_on: int
    values: Mapping[str, Any]
    as_of: date
    source: str
    epoch: str = ""
    note: str = ""
    correction: bool = False
    follows: tuple[str, ...] = ()


@dataclass
class Problems:
    """What is found wrong, until all of it has been looked at."""

    found: list[Problem] = field(default_factory=list)

    def add(self, name: str, value: Any, message: Text, remedy: Text) -> None:
        """Note what is wrong with a field, and what to do about it."""
        shown = None if value is None else str(value)
        if shown is not None and len(shown) > _SHOWN:
            shown = shown[:_SHOWN] + "…"
        self.found.append(Problem(message, remedy, field=name, value=shown))

    def raise_any(self) -> None:
        """Raise `ValidationError` where something is wrong."""
        if self.found:
            raise refused(self.found)


def refused(problems: list[Problem]) -> ValidationError:
    """Return the error that lists what is wrong."""
    told = Text("有 {n} 处不对，没有保存。", "{n} things are not right; nothing was saved.")
    if len(problems) == 1:
        told = Text("有一处不对，没有保存。", "One thing is not right; nothing was saved.")
    return ValidationError(told.format(n=len(problems)), problems)


def read_request(body: Any, *, today: date) -> tuple[FactRequest, Problems]:
    """Read a request as it came in JSON, apart from its values, and what is wrong with it so far.

    Raises
    ------
    ValidationError
        It does not even say of what it speaks.
    """
    problems = Problems()
    if not isinstance(body, dict):
        body = {}
    for name in sorted(body.keys() - set(_MEMBERS), key=str):
        known = Text("、".join(_MEMBERS), ", ".join(_MEMBERS))
        problems.add(
            str(name),
            None,
            Text("没有这一项。", "There is no such member."),
            Text("可用：{k}。", "There are {k}.").format(k=known),
        )
    request = FactRequest(
        key=_key(body.get("key"), problems),
        layer=_text(body, "layer", problems),
        code=_text(body, "code", problems),
        based_on=_version(body.get("based_on"), problems),
        epoch=_epoch(body.get("epoch"), problems),
        values=_values(body.get("values"), problems),
        as_of=_day_seen(body.get("as_of"), today, problems),
        source=_line(body.get("source"), problems),
        note=_note(body.get("note"), problems),
        correction=_yes_no(body.get("correction"), problems),
        follows=_follows(body.get("follows"), problems),
    )
    if not (request.layer and request.code and request.values):
        problems.raise_any()
    return request, problems


def _key(given: Any, problems: Problems) -> str:
    try:
        key = uuid.UUID(given)
        if str(key) == given:
            return str(given)
    except (ValueError, AttributeError, TypeError):
        pass
    problems.add(
        "key",
        given,
        Text("不是 UUID。", "This is not a UUID."),
        Text("请为每次改动新取一个 UUID（小写）。", "Give each edit a UUID of its own, in lower case."),
    )
    return ""


def _text(body: Mapping[str, Any], name: str, problems: Problems) -> str:
    given = body.get(name)
    if isinstance(given, str) and given and not CONTROL.search(given):
        return given
    problems.add(
        name, given, Text("缺少或不是文字。", "This is missing, or no text."), Text("请写明。", "Give it.")
    )
    return ""


def _version(given: Any, problems: Problems) -> int:
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 2**53:
        return given
    problems.add(
        "based_on",
        given,
        Text("不是版本号。", "This is no version."),
        Text("请写取得该要素时所给的版本。", "Give the version that came with the feature."),
    )
    return 0


def _epoch(given: Any, problems: Problems) -> str:
    if given is None or (isinstance(given, str) and re.fullmatch(PATTERN, given)):
        return given or ""
    problems.add(
        "epoch",
        given,
        Text("不是存储的历史标识（epoch）。", "This is no epoch."),
        Text("请写取得该要素时所给的 epoch。", "Give the epoch that came with the feature."),
    )
    return ""


def _values(given: Any, problems: Problems) -> Mapping[str, Any]:
    if isinstance(given, dict) and given:
        return given
    problems.add(
        "values",
        None,
        Text("没有要改的字段。", "There is nothing to change."),
        Text("请至少写一个字段。", "Give at least one field."),
    )
    return {}


def _day_seen(given: Any, today: date, problems: Problems) -> date:
    day = iso_day(given)
    if day is not None and day <= today:
        return day
    message = Text("不是日期。", "This is not a date.")
    if day is not None:
        message = Text("晚于今天（{t}）。", "This is after today ({t}).").format(t=today)
    problems.add(
        "as_of",
        given,
        message,
        Text("请写看到的那天，如 {t}。", "Give the day on which it was seen, such as {t}.").format(t=today),
    )
    return today


def iso_day(given: Any) -> date | None:
    """Return the day that an ISO text says, None where it says none."""
    if not isinstance(given, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given):
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        return None
    return day if YEARS[0] <= day.year <= YEARS[1] else None


def _line(given: Any, problems: Problems) -> str:
    line = given.strip() if isinstance(given, str) else ""
    if 0 < len(line) <= MOST_SOURCE and not CONTROL.search(line):
        return line
    problems.add(
        "source",
        given,
        Text("没有来源，或来源写得不对。", "The source is missing, or not written as it must be."),
        Text(
            "请用一行、1 至 {n} 个字写明从何得知。", "Say in one line of 1 to {n} characters how it is known."
        ).format(n=MOST_SOURCE),
    )
    return ""


def _note(given: Any, problems: Problems) -> str:
    if given is None:
        return ""
    if isinstance(given, str) and len(given) <= MOST_NOTE and not _IN_NOTE.search(given):
        return given.strip()
    problems.add(
        "note",
        given,
        Text("备注过长或含有控制字符。", "The note is too long, or holds control characters."),
        Text("最多 {n} 个字。", "At most {n} characters.").format(n=MOST_NOTE),
    )
    return ""


def _yes_no(given: Any, problems: Problems) -> bool:
    if given is None or isinstance(given, bool):
        return bool(given)
    problems.add(
        "correction",
        given,
        Text("不是 true 或 false。", "This is neither true nor false."),
        Text("原记录有误写 true，否则写 false。", "Write true where the record was never right, else false."),
    )
    return False


def _follows(given: Any, problems: Problems) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, list) and len(given) <= MOST_FOLLOWED and all(isinstance(one, str) for one in given):
        return tuple(given)
    problems.add(
        "follows",
        None,
        Text("不是键的列表。", "This is no list of keys."),
        Text("最多 {n} 个。", "At most {n}.").format(n=MOST_FOLLOWED),
    )
    return ()
