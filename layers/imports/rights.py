"""Who may fill which fields: said of what a file's columns mean, before any of its rows is looked at."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from layers.problems import Problem, ValidationError
from layers.text import Text

if TYPE_CHECKING:
    from layers.imports.mapping import Mapping
    from layers.schema import Layer


class NotToBeFilled(ValidationError):
    """Columns fill fields that are not for whoever imports.

    Attributes
    ----------
    fields : tuple of str
        In the layer's order.
    """

    def __init__(self, message: Text, problems: list[Problem], *, fields: tuple[str, ...]) -> None:
        super().__init__(message, problems)
        self.fields = fields


def check_rights(layer: Layer, mapping: Mapping, fillable: Collection[str]) -> None:
    """Raise `NotToBeFilled` where `mapping` fills other fields than `fillable`, and name all of them.

    Nothing is left out silently: who imports says that a column is not to be taken.
    """
    refused = [one for one in layer.fields if mapping.fills(one.name) and one.name not in fillable]
    if not refused:
        return
    problems = [
        Problem(
            Text("您不可以写入{t}。", "You may not write: {t}.").format(t=one.title),
            Text(
                "请不取这一列，或请本机操作员导入。",
                "Leave this column out, or have the machine's operator import it.",
            ),
            field=one.name,
            value=mapping.columns.get(one.name, mapping.constants.get(one.name)),
        )
        for one in refused
    ]
    raise NotToBeFilled(
        Text("有些列不归您写入。", "Some columns are not yours to write."),
        problems,
        fields=tuple(one.name for one in refused),
    )
