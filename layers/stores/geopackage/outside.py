"""Triggers that make versions of other programs' edits, such as QGIS' and GDAL's.

They stay in the file and call nothing but SQLite's own functions, so that they go off in every program.
Wangge's connections fire no triggers (see `layers.stores.geopackage.connection.prepare`): it records its
own writes itself, once for all that a write touches. A trigger knows only of its row: an edit of many rows
by another program makes as many versions. A changed code is a feature deleted and another inserted.

``INSERT OR REPLACE`` does not tell triggers what it replaces; `verify` finds what is lost that way.
"""

# ruff: noqa: S608 - names of tables and columns come from the schema

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from layers.schema import Field, Layer
from layers.stores.rows import COLUMN_TYPES, value_fields

NOTE = "QGIS 或其他程序 / QGIS or another program"

# Bytes of the envelope by the low digit of the geometry's flags, which is twice its kind, and one more
# where numbers are little-endian; SQLite has no arithmetic on bytes.
_ENVELOPES = "00003232484848486464"


def triggers(layer: Layer) -> dict[str, str]:
    """Return the triggers on the layer's table by name."""
    name, fields = layer.name, value_fields(layer)
    old, new = (_listed([f'{row}."{field.name}"' for field in fields]) for row in ("OLD", "NEW"))
    moved = f"{_wkb('OLD')}\n  IS NOT {_wkb('NEW')}"
    recoded = "json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code))"
    parts = {
        "insert": ("INSERT", "", _change(name, "json_array(NEW.code)")),
        "update": (
            "UPDATE",
            f"WHEN OLD.code = NEW.code AND ({moved}\n  OR ({old})\n  IS NOT ({new}))\n",
            _change(name, "json_array(NEW.code)") + _replaced(fields),
        ),
        "recode": ("UPDATE", "WHEN OLD.code != NEW.code\n", _change(name, recoded) + _gone(fields)),
        "delete": ("DELETE", "", _change(name, "json_array(OLD.code)") + _gone(fields)),
    }
    return {
        f"wangge_{name}_{part}": f'CREATE TRIGGER "wangge_{name}_{part}" AFTER {event} ON "{name}"\n'
        f"{condition}BEGIN\n{body}END"
        for part, (event, condition, body) in parts.items()
    }


def _listed(parts: Sequence[str]) -> str:
    return textwrap.fill(", ".join(parts), 100, subsequent_indent="    ")


def _change(layer: str, codes: str) -> str:
    return (
        "  INSERT INTO wangge_changes (version, layer, codes, note, at)\n"
        f"  SELECT coalesce(max(version), 0) + 1, '{layer}', {codes},\n"
        f"    '{NOTE}', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;\n"
    )


def _replaced(fields: Sequence[Field]) -> str:
    """Remember what an update changed of a feature."""
    values = " ||\n    ".join(
        f"""iif(OLD."{f.name}" IS NOT NEW."{f.name}", ',"{f.name}":' || {_json(f)}, '')""" for f in fields
    )
    wkb = f"iif({_wkb('OLD')}\n    IS NOT {_wkb('NEW')},\n    {_wkb('OLD')}, NULL)"
    # Each value brings a comma: the first is cut off.
    return _history(0, wkb, f"'{{' || substr(\n    {values}, 2) || '}}'")


def _gone(fields: Sequence[Field]) -> str:
    """Remember the whole of a feature."""
    values = " ||\n    ',".join(f""""{f.name}":' || {_json(f)}""" for f in fields)
    return _history(1, _wkb("OLD"), f"'{{{values} || '}}'")


def _history(deleted: int, wkb: str, before: str) -> str:
    return (
        "  INSERT INTO wangge_history (version, code, deleted, wkb, before)\n"
        f"  SELECT max(version), OLD.code, {deleted},\n    {wkb},\n    {before}\n  FROM wangge_changes;\n"
    )


def _json(field: Field) -> str:
    """Return a value as `layers.stores.history.history_row` writes it.

    SQLite's own JSON keeps 15 digits of a number, in newer programs 17, which are one too few where its
    arithmetic is coarse: with 20 of them what is read is what was there.
    """
    value = f'OLD."{field.name}"'
    if COLUMN_TYPES[field.type] != "number":
        return f"json_quote({value})"
    number = f"replace(printf('%!.20g', {value}), 'Inf', 'Infinity')"
    return f"iif(typeof({value}) = 'real',\n    {number}, json_quote({value}))"


def _wkb(row: str) -> str:
    """Return the geometry without its header; `layers.stores.geopackage.blobs` does the same."""
    kind = f"substr(hex(substr({row}.geom, 4, 1)), 2)"
    return f"substr({row}.geom, 9 + substr('{_ENVELOPES}', 1 + 2 * {kind}, 2))"
