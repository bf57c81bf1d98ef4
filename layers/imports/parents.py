"""Labels that point to a parent: its code, or a name that only one parent bears."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from layers.imports.findings import Fault, Findings
from layers.imports.mapping import did_you_mean
from layers.schema import LAYERS, Field, Layer
from layers.text import Text, both, joined

if TYPE_CHECKING:
    import geopandas as gpd


def resolve_parents(
    labels: pd.Series, field: Field, frame: gpd.GeoDataFrame, findings: Findings, *, heading: str
) -> pd.Series:
    """Turn labels into the codes of the parents they name.

    Parameters
    ----------
    labels : Series of str
        Trimmed; missing where no parent is named.
    field : Field
        A field with `parent`.
    frame : GeoDataFrame
        The parent layer as stored, indexed by code, with ``name`` and ``name_en`` if it has them.
    heading : str
        What the problems call the column.

    Returns
    -------
    Series of str
        Missing where a label names none, or more than one, which is noted in `findings`.
    """
    parent = LAYERS[str(field.parent)]
    names = _codes_by_name(frame)
    positions, distinct = pd.factorize(labels)
    found: dict[str, str | Fault] = {
        str(label): _resolve(str(label), parent, field, frame, names) for label in distinct
    }
    faults = np.array([isinstance(found[str(label)], Fault) for label in distinct] + [False])
    for at in np.flatnonzero(faults[positions]):
        label = str(labels.iloc[at])
        findings.add(int(at), heading, label, cast("Fault", found[label]))
    codes = {label: code for label, code in found.items() if isinstance(code, str)}
    return labels.map(codes).astype("str")


def _codes_by_name(frame: gpd.GeoDataFrame) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for column in ("name", "name_en"):
        if column in frame.columns:
            known = frame[column].dropna()
            for code, name in zip(known.index, known, strict=True):
                codes = names.setdefault(str(name).strip(), [])
                if code not in codes:
                    codes.append(str(code))
    return names


def _resolve(
    label: str, parent: Layer, field: Field, frame: gpd.GeoDataFrame, names: dict[str, list[str]]
) -> str | Fault:
    if label in frame.index:
        return label
    codes = names.get(label, [])
    if len(codes) == 1:
        return codes[0]
    if codes:
        return Fault(
            Text("有 {n} 个{one}都叫这个名称。", "{n} {many} bear this name.").format(
                n=len(codes), one=parent.one, many=Text(parent.title.zh, parent.title.en.lower())
            ),
            Text("请改用编码：{codes}。", "Give the code instead: {codes}.").format(
                codes=joined([both(code) for code in codes[:5]])
            ),
        )
    if frame.empty:
        return Fault(
            Text("尚无任何{one}。", "There are no {many} yet.").format(
                one=parent.one, many=Text(parent.title.zh, parent.title.en.lower())
            ),
            Text(
                "请先导入 {layer}，或用 --map {name}= 不采用该列。",
                "Import {layer} first, or leave the column out with --map {name}=.",
            ).format(layer=parent.name, name=field.name),
        )
    return Fault(
        Text("没有这个{one}。", "There is no such {one}.").format(one=parent.one),
        Text(
            "{guess}请改正，或用 --map-value {name}:{label}=… 说明。",
            "{guess}Correct it, or translate it with --map-value {name}:{label}=….",
        ).format(guess=did_you_mean(label, [*names, *map(str, frame.index)]), name=field.name, label=label),
    )
