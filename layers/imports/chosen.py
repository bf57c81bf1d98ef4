"""What somebody chooses in the browser: the options of ``wangge import`` as JSON, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from layers.imports.options import ImportOptions
from layers.problems import BadParameter
from layers.schema import LAYERS
from layers.text import Text, both

_PLAIN = ("source_layer", "crs", "datum", "lon", "lat", "wkt")
_MOST_LETTERS, _MOST_ENTRIES = 500, 500


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is chosen for an upload.

    Attributes
    ----------
    layer : str
        The layer that it is for.
    options : ImportOptions
        Without a place for rejects: that is the server's to choose.
    set_aside : bool
        Take the good rows although others have problems.
    effective : date, optional
        The day from which the content holds; see `layers.store.Authorship`.
    note : str
        Why it is imported.
    """

    layer: str
    options: ImportOptions = field(default_factory=ImportOptions)
    set_aside: bool = False
    effective: date | None = None
    note: str = ""


def read_chosen(given: Mapping[str, Any], *, layer: str) -> Chosen:
    """Read what is chosen; keys that are not there are not chosen.

    Raises
    ------
    BadParameter
        Names the first key that is unknown or has a wrong value.
    """
    known = {"layer", "columns", "constants", "values", "only", "set_aside", "effective", "note", *_PLAIN}
    unknown = sorted(set(given) - known)
    if unknown:
        raise _wrong(unknown[0], Text("可用：{k}。", "There are {k}.").format(k=", ".join(sorted(known))))
    plain: dict[str, Any] = {name: _line(name, given.get(name)) or None for name in _PLAIN}
    return Chosen(
        layer=_layer(given.get("layer", layer)),
        options=ImportOptions(
            **plain,
            columns=_table("columns", given.get("columns")),
            constants=_table("constants", given.get("constants")),
            values={
                _line("values", name): _table("values", pairs)
                for name, pairs in _entries("values", given.get("values")).items()
            },
            only={
                _line("only", name): tuple(_line("only", one) for one in _list("only", several))
                for name, several in _entries("only", given.get("only")).items()
            },
        ),
        set_aside=_flag("set_aside", given.get("set_aside", False)),
        effective=_day(given.get("effective")),
        note=_line("note", given.get("note")),
    )


def _layer(value: Any) -> str:
    if not isinstance(value, str) or value not in LAYERS:
        raise _wrong("layer", Text("可用：{k}。", "There are {k}.").format(k=", ".join(LAYERS)))
    return value


def _line(name: str, value: Any) -> str:
    text = "" if value is None else value
    if not isinstance(text, str) or len(text) > _MOST_LETTERS or "\0" in text:
        raise _wrong(
            name,
            Text("应为文字，最多 {n} 字。", "It must be a text of at most {n} letters.").format(
                n=_MOST_LETTERS
            ),
        )
    return text.strip()


def _entries(name: str, value: Any) -> dict[str, Any]:
    entries = {} if value is None else value
    if not isinstance(entries, dict) or len(entries) > _MOST_ENTRIES:
        raise _wrong(name, Text("应为一组名称和值。", "It must be names with their values."))
    return entries


def _table(name: str, value: Any) -> dict[str, str]:
    return {_line(name, key): _line(name, one) for key, one in _entries(name, value).items()}


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST_ENTRIES:
        raise _wrong(name, Text("应为值的列表。", "It must be a list of values."))
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, both("true / false"))
    return value


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except (TypeError, ValueError):
        raise _wrong(
            "effective", Text("应为 2024-05-01 这样的日期。", "It must be a day such as 2024-05-01.")
        ) from None


def _wrong(name: str, remedy: Text) -> BadParameter:
    return BadParameter(Text("{n} 的写法不对。", "{n} is not as it should be.").format(n=name), remedy)
