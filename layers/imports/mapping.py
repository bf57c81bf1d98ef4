"""Which source column fills which field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from layers.problems import Problem, ValidationError
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from layers.imports.options import ImportOptions
    from layers.schema import Field, Layer

CODE_HEADINGS = ("code", "编号", "编码")
"""The only headings that map to `code` by themselves: a wrong code would overwrite other features."""

POSITION_HEADINGS = (
    ("经度", "纬度"),
    ("lng", "lat"),
    ("lon", "lat"),
    ("long", "lat"),
    ("longitude", "latitude"),
    ("x", "y"),
)
WKT_HEADINGS = ("wkt", "geometry", "geom", "thegeom", "几何")


@dataclass(frozen=True)
class Mapping:
    """What fills each field.

    Attributes
    ----------
    columns : dict of str to str
        Field to source column.
    constants : dict of str to str
        Field to the value it has in every row.
    values : dict of str to dict of str to str
        Per field, text of the source to text of its meaning.
    automatic : frozenset of str
        Fields that were mapped by their heading alone.
    lon, lat, wkt : str or None
        Where a table's positions stand.
    unused : tuple of str
        Source columns that fill nothing.
    notes : tuple of Text
        What could not be mapped by itself, and why.
    """

    columns: dict[str, str]
    constants: dict[str, str]
    values: dict[str, dict[str, str]]
    automatic: frozenset[str] = frozenset()
    lon: str | None = None
    lat: str | None = None
    wkt: str | None = None
    unused: tuple[str, ...] = ()
    notes: tuple[Text, ...] = field(default=())

    def fills(self, name: str) -> bool:
        """Whether the source says anything about the field `name`."""
        return name in self.columns or name in self.constants


def heading_key(heading: str) -> str:
    """Return a heading without case, blanks, underscores and hyphens."""
    return re.sub(r"[\s_\-]+", "", heading.casefold())


def make_mapping(
    layer: Layer, headings: Sequence[str], options: ImportOptions, *, has_geometry: bool
) -> Mapping:
    """Map source columns to the fields of `layer`: as told, and else by their headings.

    Parameters
    ----------
    headings : sequence of str
        The source's columns.
    has_geometry : bool
        The source has geometry of its own and needs no position columns.

    Raises
    ------
    ValidationError
        Unknown fields or columns are named, a field is given twice, a required field is filled by nothing,
        or a table's positions cannot be found; all of it is listed.
    """
    problems = [
        *_unknown_fields(layer, options),
        *_unknown_columns(headings, options),
        *_contradictions(options, has_geometry=has_geometry),
    ]
    lon, lat, wkt = (None, None, None) if has_geometry else _position(headings, options, problems)
    columns = {name: column for name, column in options.columns.items() if column}
    found, notes = _by_heading(layer, [h for h in headings if h not in (lon, lat, wkt)])
    automatic = {
        name: column
        for name, column in found.items()
        if name not in options.columns and name not in options.constants
    }
    columns |= automatic
    constants = dict(options.constants)
    filled = ("code", *columns, *constants)
    problems += [
        _nothing_fills(one, headings) for one in layer.fields if one.required and one.name not in filled
    ]
    if problems:
        raise ValidationError(
            Text("无法确定各列的含义。", "What the columns mean cannot be settled."), problems
        )
    used = {lon, lat, wkt, *columns.values(), *options.only}
    return Mapping(
        columns={one.name: columns[one.name] for one in layer.fields if one.name in columns},
        constants=constants,
        values=options.values,
        automatic=frozenset(automatic),
        lon=lon,
        lat=lat,
        wkt=wkt,
        unused=tuple(heading for heading in headings if heading not in used),
        notes=tuple(note for name, note in notes.items() if name not in columns and name not in constants),
    )


def _by_heading(layer: Layer, headings: Sequence[str]) -> tuple[dict[str, str], dict[str, Text]]:
    """Return the one column whose heading names each field, and notes on fields with several."""
    wanted: dict[str, list[str]] = {}
    for heading in headings:
        fields = [one.name for one in layer.fields if _names(one, heading)]
        if len(fields) == 1:
            wanted.setdefault(fields[0], []).append(heading)
    found = {name: columns[0] for name, columns in wanted.items() if len(columns) == 1}
    notes = {
        name: Text(
            "{columns} 都像是 {name}，因此都没有采用。请用 --map {name}=列名 选定。",
            "{columns} could all be {name}, so none is taken. Choose with --map {name}=COLUMN.",
        ).format(columns=_listed(columns), name=name)
        for name, columns in wanted.items()
        if len(columns) > 1
    }
    return found, notes


def _names(one: Field, heading: str) -> bool:
    if one.name == "code":
        return heading.strip().casefold() in CODE_HEADINGS
    return heading_key(heading) in {heading_key(text) for text in (one.name, *one.title, *one.aliases)}


def _position(
    headings: Sequence[str], options: ImportOptions, problems: list[Problem]
) -> tuple[str | None, str | None, str | None]:
    if options.wkt is not None:
        return None, None, options.wkt
    if options.lon is not None and options.lat is not None:
        return options.lon, options.lat, None
    keys: dict[str, list[str]] = {}
    for heading in headings:
        keys.setdefault(heading_key(heading), []).append(heading)
    pairs = [(keys[a][0], keys[b][0]) for a, b in POSITION_HEADINGS if a in keys and b in keys]
    shapes = [keys[key][0] for key in WKT_HEADINGS if key in keys]
    if len(pairs) + len(shapes) == 1:
        return (*pairs[0], None) if pairs else (None, None, shapes[0])
    seen = _listed(list(headings))
    if pairs or shapes:
        message = Text("不止一组列像是坐标。", "More than one set of columns could be the position.")
    else:
        message = Text("没有找到坐标列。", "No columns with the position are found.")
    problems.append(
        Problem(
            message,
            Text(
                "请用 --lon 和 --lat（或 --wkt）指明；现有列：{seen}。",
                "Name them with --lon and --lat (or --wkt); the columns are {seen}.",
            ).format(seen=seen),
        )
    )
    return None, None, None


def _unknown_fields(layer: Layer, options: ImportOptions) -> list[Problem]:
    named = [
        *((name, "--map") for name in options.columns),
        *((name, "--set") for name in options.constants),
        *((name, "--map-value") for name in options.values),
    ]
    return [
        Problem(
            Text("{layer} 没有字段 {name}。", "{layer} have no field {name}.").format(
                layer=layer.title, name=name
            ),
            Text("{guess}可用字段：{known}。", "{guess}Its fields are {known}.").format(
                guess=did_you_mean(name, layer.field_names), known=_listed(list(layer.field_names))
            ),
            field=option,
            value=name,
        )
        for name, option in named
        if name not in layer.field_names
    ]


def _unknown_columns(headings: Sequence[str], options: ImportOptions) -> list[Problem]:
    named = [
        *((column, "--map") for column in options.columns.values() if column),
        *((column, "--only") for column in options.only),
        *(
            (column, option)
            for column, option in ((options.lon, "--lon"), (options.lat, "--lat"), (options.wkt, "--wkt"))
            if column is not None
        ),
    ]
    return [
        Problem(
            Text("源文件没有名为 {column} 的列。", "The source has no column {column}.").format(
                column=column
            ),
            Text("{guess}现有列：{known}。", "{guess}Its columns are {known}.").format(
                guess=did_you_mean(column, headings), known=_listed(list(headings))
            ),
            field=option,
            value=column,
        )
        for column, option in named
        if column not in headings
    ]


def _contradictions(options: ImportOptions, *, has_geometry: bool) -> list[Problem]:
    problems = [
        Problem(
            Text("同一字段既有 --map 又有 --set。", "One field has both --map and --set."),
            Text("请只留一个。", "Leave one of them out."),
            field=name,
        )
        for name in options.constants
        if options.columns.get(name)
    ]
    if has_geometry and (options.lon or options.lat or options.wkt):
        problems.append(
            Problem(
                Text("文件自带几何，不需要坐标列。", "The file has geometry of its own."),
                Text("请去掉 --lon、--lat 和 --wkt。", "Leave out --lon, --lat and --wkt."),
            )
        )
    return problems


def _nothing_fills(one: Field, headings: Sequence[str]) -> Problem:
    return Problem(
        Text(
            "必填字段 {name}（{title}）没有来源。", "Nothing fills the required field {name} ({title})."
        ).format(name=one.name, title=one.title),
        Text(
            "请用 --map {name}=列名 或 --set {name}=值；现有列：{seen}。",
            "Use --map {name}=COLUMN or --set {name}=VALUE; the columns are {seen}.",
        ).format(name=one.name, seen=_listed(list(headings))),
        field=one.name,
    )


def did_you_mean(word: str, known: Sequence[str]) -> Text:
    """Return a sentence that offers the closest spelling, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return Text("是否指 {c}？", "Did you mean {c}? ").format(c=close[0]) if close else both("")


def _listed(names: list[str]) -> Text:
    return joined([both(name) for name in names])
