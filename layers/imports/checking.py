"""Every check of an import, none of which writes: values, parents, positions, codes and the datum guard."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from layers.fact_rules import days_past
from layers.imports import evidence, guard, parents, placing, records
from layers.imports.findings import Fault, Findings
from layers.imports.values import parse_column, parse_dates, trimmed
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from layers.imports.declaring import Declared
    from layers.imports.evidence import Ground
    from layers.imports.mapping import Mapping
    from layers.imports.raw import Source
    from layers.schema import Field, Layer
    from layers.standards import Standards

_REQUIRED = Fault(
    Text("必填，却没有值。", "This is required, but empty."),
    Text("请补上，或用 --rejects 把该行另存。", "Fill it in, or set the row aside with --rejects."),
)
_HALF_POSITION = Fault(
    Text("只有经度或只有纬度。", "Only one of longitude and latitude is given."),
    Text("请两个都给或都留空。", "Give both or neither."),
)


@dataclass
class Checked:
    """What an import found out about every record of its source.

    Attributes
    ----------
    values : dict of str to Series
        Per field of the layer that the source fills, derived ones too.
    shapes : ndarray of shapely geometries
        EPSG:4490; None where there is none that can be used.
    codes_made : int
        Records that brought no code and were given one.
    """

    values: dict[str, pd.Series]
    shapes: NDArray[np.object_]
    findings: Findings
    verdict: guard.Verdict
    repairs: Counter[str]
    codes_made: int


def check(
    source: Source,
    layer: Layer,
    mapping: Mapping,
    declared: Declared,
    ground: Ground,
    standards: Standards,
    today: date,
) -> Checked:
    """Check all records of `source`, as of `today`; exact duplicates are gone already."""
    findings = Findings(source.rows)
    repairs = Counter(source.repairs)
    if source.geometry is None:
        raw, closed = placing.table_shapes(source.columns, mapping, findings)
        repairs += closed
    else:
        raw = source.geometry
    usable = placing.raw_faults(raw, findings, noted=findings.bad.copy())
    values = _values(source, layer, mapping, ground, standards, findings)
    _refuse_to_come(source, layer, mapping, values, findings, today)
    verdict = _judged(raw, usable, layer, values, declared, ground, table=source.geometry is None)
    shapes, usable = placing.stored_shapes(raw, declared, usable, findings)
    shapes, mended = placing.fit_for_layer(shapes, layer, usable, findings)
    _note_outside(shapes, ground, findings, name=None)
    _place_entrances(values, layer, declared, ground, findings)
    made = _codes(source, layer, values, mapping, findings)
    return Checked(values, shapes, findings, verdict, repairs + mended, made)


def _values(
    source: Source, layer: Layer, mapping: Mapping, ground: Ground, standards: Standards, findings: Findings
) -> dict[str, pd.Series]:
    values: dict[str, pd.Series] = {}
    for field in layer.fields:
        if not mapping.fills(field.name):
            continue
        texts, heading = _texts(source, field, mapping)
        if field.required and field.name != "code":
            findings.add_all(texts.isna().to_numpy(), heading, _REQUIRED)
        companion = f"{field.name}_time"
        if field.parent is not None:
            frame = ground.layer(field.parent)
            values[field.name] = parents.resolve_parents(texts, field, frame, findings, heading=heading)
        elif field.type == "date" and companion in layer.field_names and not mapping.fills(companion):
            values[field.name], values[companion] = parse_dates(texts, findings, heading=heading)
        else:
            values[field.name] = parse_column(texts, field, standards, findings, heading=heading)
    if "demand_group" in layer.field_names and "category" in values:
        group_of = {one: standards.demand_group(one) for one in values["category"].dropna().unique()}
        groups = values["category"].map(group_of)
        given = values.get("demand_group")
        values["demand_group"] = groups if given is None else given.fillna(groups)
    return values


def _refuse_to_come(
    source: Source,
    layer: Layer,
    mapping: Mapping,
    values: dict[str, pd.Series],
    findings: Findings,
    today: date,
) -> None:
    """Note the days that cannot have come yet: what they speak of would count at once."""
    fault = Fault(
        Text("晚于今天（{t}）。", "This is after today ({t}).").format(t=today),
        Text(
            "请核对日期；还没有发生的，到那一天再导入。",
            "Check the day; what has not come yet is imported when it has.",
        ),
    )
    for name in sorted(days_past(layer) & values.keys()):
        texts, heading = _texts(source, layer.field(name), mapping)
        for at in np.flatnonzero(values[name].to_numpy() > np.datetime64(today)):
            findings.add(int(at), heading, texts.iloc[at], fault)


def _texts(source: Source, field: Field, mapping: Mapping) -> tuple[pd.Series, str]:
    """Return the trimmed and translated texts of a field, and what problems call them."""
    if field.name in mapping.constants:
        column = pd.Series(mapping.constants[field.name], index=source.columns.index, dtype="str")
        heading = field.name
    else:
        heading = mapping.columns[field.name]
        column = source.columns[heading]
    texts = trimmed(column)
    translations = mapping.values.get(field.name)
    if translations:
        texts = trimmed(texts.fillna("").replace(translations))
    return texts, heading


def _judged(
    raw: NDArray[np.object_],
    usable: NDArray[np.bool_],
    layer: Layer,
    values: dict[str, pd.Series],
    declared: Declared,
    ground: Ground,
    *,
    table: bool,
) -> guard.Verdict:
    at = evidence.sample(usable)
    readings = evidence.readings_of(raw[at], declared, table=table)
    named = {field.name: values[field.name].iloc[at] for field in layer.parents if field.name in values}
    pieces = evidence.evidence_for(layer, named, ground, count=len(at))
    points = bool((shapely.get_type_id(raw[at]) == 0).all())
    noun = Text("点", "points") if points else Text("要素", "features")
    if len(at) < usable.sum():
        noun = Text("抽查的{n}", "sampled {n}").format(n=noun)
    return guard.judge(readings, pieces, noun=noun)


def _note_outside(
    shapes: NDArray[np.object_], ground: Ground, findings: Findings, *, name: str | None
) -> None:
    outline = ground.district.outline
    where = (
        Text("区界", "outline")
        if outline is not None
        else Text(f"{ground.district.metric_crs} 的适用范围", f"area of use of {ground.district.metric_crs}")
    )
    fault = Fault(
        Text("位置在本区之外（{where}）。", "It lies outside the district ({where}).").format(where=where),
        Text("请核对坐标，或去掉该行。", "Check the coordinates, or leave the row out."),
    )
    findings.add_all(placing.outside(shapes, outline=outline, area=ground.area), name, fault)


def _place_entrances(
    values: dict[str, pd.Series], layer: Layer, declared: Declared, ground: Ground, findings: Findings
) -> None:
    """Bring second positions to EPSG:4490, read in what the geometry is declared to be in."""
    pair = [field.name for field in layer.fields if field.type in ("x", "y")]
    if not pair or not any(name in values for name in pair):
        return
    nothing = pd.Series(np.nan, index=pd.RangeIndex(len(findings.rows)))
    x, y = (values.get(name, nothing).to_numpy(dtype=float) for name in pair)
    label = ", ".join(pair)
    findings.add_all(np.isnan(x) != np.isnan(y), label, _HALF_POSITION)
    known = ~(np.isnan(x) | np.isnan(y))
    raw = np.full(len(x), None, dtype=object)
    raw[known] = shapely.points(x[known], y[known])
    shapes, _ = placing.stored_shapes(raw, declared, known, findings)
    _note_outside(shapes, ground, findings, name=label)
    values[pair[0]], values[pair[1]] = pd.Series(shapely.get_x(shapes)), pd.Series(shapely.get_y(shapes))


def _codes(
    source: Source, layer: Layer, values: dict[str, pd.Series], mapping: Mapping, findings: Findings
) -> int:
    """Fill in codes where there are none, note those that several records share, and return how many were made."""
    if "code" in values:
        codes = values["code"]
        texts, heading = _texts(source, layer.field("code"), mapping)
        missing = texts.isna().to_numpy()
    else:
        codes = pd.Series(None, index=source.columns.index, dtype="str")
        heading, missing = "code", np.ones(len(codes), dtype=bool)
    filled = codes.to_numpy(dtype=object)
    filled[missing] = records.made_codes(source, layer.name[0].upper(), missing)
    values["code"] = pd.Series(filled, index=source.columns.index, dtype="str")
    shared = values["code"].duplicated(keep=False).to_numpy() & values["code"].notna().to_numpy()
    for code, at in pd.Series(np.flatnonzero(shared)).groupby(filled[shared]):
        rows = source.rows[at.to_numpy()]
        fault = Fault(
            Text(
                "{n} 行用了同一编码，内容却不同（第 {rows} 行）。",
                "{n} rows share this code but differ (rows {rows}).",
            ).format(n=len(rows), rows=joined([both(str(row)) for row in rows[:5]])),
            Text(
                "请给每行各自的编码，或只留正确的一行。",
                "Give each its own code, or keep the right one only.",
            ),
        )
        for one in at:
            findings.add(int(one), heading, code, fault)
    return int(missing.sum())
