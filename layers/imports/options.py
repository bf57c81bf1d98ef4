"""What the clerk says about a file: on the command line, or once and for all in a small mapping file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layers.problems import BadParameter, ValidationError
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from datetime import date

    from layers.store import Store


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How to read a file.

    Attributes
    ----------
    source_layer : str, optional
        Layer, sheet or shapefile, where the file holds several.
    crs, datum : str, optional
        What the coordinates are in; tables must be told, other files say it themselves.
    lon, lat, wkt : str, optional
        Columns of a table that hold the position.
    columns : dict of str to str
        Field to source column; an empty column keeps the field from being filled by itself.
    values : dict of str to dict of str to str
        Per field, what stands in the source to what it means.
    constants : dict of str to str
        Fields that have one value in every row.
    only : dict of str to tuple of str
        Rows are taken where the column holds one of the values; other rows are left out.
    dry_run : bool
        Check everything, write nothing.
    rejects : Path, optional
        Take the good rows and write those with problems to this file.
    force : bool
        Import although the datum guard objects; it is recorded.
    """

    source_layer: str | None = None
    crs: str | None = None
    datum: str | None = None
    lon: str | None = None
    lat: str | None = None
    wkt: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dry_run: bool = False
    rejects: Path | None = None
    force: bool = False


def check_effective(effective: date | None, today: date) -> None:
    """Raise `BadParameter` where content is to hold from a day that has not come: everything would at once."""
    if effective is not None and effective > today:
        raise BadParameter(
            Text(
                "起效日 {d} 晚于今天（{t}）：所写的会马上算作成立。",
                "The day from which it holds, {d}, is after today ({t}): what is written would hold at once.",
            ).format(d=effective, t=today),
            Text("请到那一天再导入。", "Import it when that day has come."),
        )


_PLAIN = {
    "source-layer": "source_layer",
    "crs": "crs",
    "datum": "datum",
    "lon": "lon",
    "lat": "lat",
    "wkt": "wkt",
}
_TABLES = {"map": "columns", "values": "values", "set": "constants", "only": "only"}


def read_mapping_file(path: Path) -> dict[str, Any]:
    """Read a mapping file (TOML) into the attributes of `ImportOptions` that it sets.

    Its keys are the options' names: ``source-layer``, ``crs``, ``datum``, ``lon``, ``lat`` and ``wkt``, and the
    tables ``[map]``, ``[values.FIELD]``, ``[set]`` and ``[only]``.

    Raises
    ------
    ValidationError
        It is not there, not TOML, or has another key or a value of another type.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValidationError(
            Text(
                "无法读取映射文件 {name}：{why}。中文键须加引号。",
                "The mapping file {name} cannot be read: {why}. Keys in Chinese are written in quotes.",
            ).format(name=path.name, why=getattr(error, "strerror", None) or error)
        ) from error
    known = {**_PLAIN, **_TABLES}
    unknown = [key for key in data if key not in known]
    if unknown:
        raise ValidationError(
            Text(
                "映射文件 {name} 中有不认识的键 {keys}；可用：{known}。",
                "The mapping file {name} has unknown keys {keys}; there are {known}.",
            ).format(name=path.name, keys=_listed(unknown), known=_listed(list(known)))
        )
    return {known[key]: _checked(path, key, value) for key, value in data.items()}


def _checked(path: Path, key: str, value: Any) -> Any:
    if key in _PLAIN and isinstance(value, str):
        return value
    if key == "only" and isinstance(value, dict):
        wanted = {name: tuple(v) if isinstance(v, list) else (v,) for name, v in value.items()}
        if all(_is_scalar(one) for several in wanted.values() for one in several):
            return {name: tuple(_text(one) for one in several) for name, several in wanted.items()}
    elif key == "values" and isinstance(value, dict) and all(_is_flat(pairs) for pairs in value.values()):
        return {name: {k: _text(v) for k, v in pairs.items()} for name, pairs in value.items()}
    elif key in ("map", "set") and _is_flat(value):
        return {name: _text(v) for name, v in value.items()}
    raise ValidationError(
        Text(
            "映射文件 {name} 中 {key} 的写法不对。",
            "In the mapping file {name}, {key} is not written as it should be.",
        ).format(name=path.name, key=key)
    )


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _is_flat(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_scalar(one) for one in value.values())


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(names: list[str]) -> Text:
    return joined([both(name) for name in names])


def pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    """Read ``name=value`` pairs; `BadParameter` where there is no ``=`` or one name comes twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise _misspelt(option, text, "FIELD=…")
        if name.strip() in found:
            raise BadParameter(
                Text("{option} 给了 {name} 两次。", "{option} gives {name} twice.").format(
                    option=option, name=name.strip()
                )
            )
        found[name.strip()] = value.strip()
    return found


def value_pairs(texts: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Read ``field:from=to``; the last ``=`` divides, so that the source's value may hold one."""
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, colon, rest = text.partition(":")
        source, equals, target = rest.rpartition("=")
        if not colon or not equals or not name.strip():
            raise _misspelt("--map-value", text, "FIELD:FROM=TO")
        found.setdefault(name.strip(), {})[source.strip()] = target.strip()
    return found


def only_pairs(texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read ``column=value``; a column named twice takes rows with either value."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise _misspelt("--only", text, "COLUMN=VALUE")
        found[name.strip()] = (*found.get(name.strip(), ()), value.strip())
    return found


def _misspelt(option: str, text: str, form: str) -> BadParameter:
    return BadParameter(
        Text("{option} {text} 写法不对。", "{option} {text} is not understood.").format(
            option=option, text=text
        ),
        Text("应写作 {form}。", "Write {form}.").format(form=form),
    )


def merged(from_file: Mapping[str, Any], given: Mapping[str, Any]) -> ImportOptions:
    """Combine a mapping file with what is said on the command line, which wins key by key."""
    both_of: dict[str, Any] = dict(from_file)
    for name, value in given.items():
        if isinstance(value, dict):
            both_of[name] = {**both_of.get(name, {}), **value}
        elif value is not None:
            both_of[name] = value
    return ImportOptions(**both_of)


def check_files(store: Store, path: Path, options: ImportOptions) -> None:
    """Refuse the store's own file as a source, and both as a place for rejects."""
    live = Path(store.url.partition(":")[2])
    if path.exists() and live.exists() and path.samefile(live):
        raise ValidationError(
            Text(
                "{name} 就是当前的存储文件，不能导入自身。",
                "{name} is the store itself; it cannot be imported into itself.",
            ).format(name=path.name)
        )
    rejects = options.rejects
    if rejects is None:
        return
    if not rejects.absolute().parent.is_dir() or (rejects.exists() and not rejects.is_file()):
        raise ValidationError(
            Text(
                "无法写入 {path}：文件夹不存在，或它不是普通文件。",
                "{path} cannot be written: there is no such folder, or it is no ordinary file.",
            ).format(path=rejects)
        )
    if any(rejects.exists() and one.exists() and rejects.samefile(one) for one in (path, live)):
        raise ValidationError(
            Text("--rejects 不能覆盖源文件或存储文件。", "--rejects cannot replace the source or the store.")
        )
