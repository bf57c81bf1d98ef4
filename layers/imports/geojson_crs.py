"""The CRS that a GeoJSON file names: by the member ``crs`` of GeoJSON 2008, which RFC 7946 has no more.

It may stand before or after the features, be spelt in any way that JSON allows, and be repeated in each feature or
geometry (as PostGIS writes it). Whoever writes one means it, so none is passed over: one that cannot be followed
is an error, or else positions would be taken for WGS 84 that are something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from layers.imports.raw import damaged
from layers.problems import ValidationError
from layers.text import Text

WGS84 = "EPSG:4326"
"""What RFC 7946 says that all GeoJSON is in."""

_REGISTERED = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:(EPSG|ESRI|OGC):(?:[\w.]*:)?|https?://www\.opengis\.net/def/crs/(EPSG|OGC)/[\w.]+/)(\w+)",
    re.IGNORECASE,
)
_SHOWN = 120


class _Geometry(Struct):
    crs: Raw | UnsetType = UNSET
    geometries: list[_Geometry | None] | UnsetType | None = UNSET


class _Feature(_Geometry):
    geometry: _Geometry | UnsetType | None = UNSET


class _Top(_Feature):
    features: list[_Feature] | UnsetType = UNSET


def geojson_crs(path: Path) -> tuple[str | None, bool]:
    """Return the CRS that a file is in, and whether it says so itself; None where it says that it is in none.

    Raises
    ------
    ValidationError
        It is no JSON; or it names its CRS by a link, in a way that is not understood, or more than one.
    """
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        found = [
            json.loads(one) for one in set(map(bytes, _members(msgspec.json.decode(content, type=_Top))))
        ]
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = _leniently(path, content)
    named = {_name(path, one) for one in found}
    if not named:
        return WGS84, False
    if len(named) > 1:
        told = ", ".join(sorted(one or "null" for one in named))
        raise _not_followed(
            path, Text("注明了不止一个坐标系：{c}", "names more than one CRS: {c}").format(c=told)
        )
    [name] = named
    return name, name is not None


def _members(top: _Top) -> Iterator[Raw]:
    """Yield each ``crs`` there is; nothing else of the file was made into objects."""
    waiting: list[Any] = [top, *(top.features or ())]
    while waiting:
        holder = waiting.pop()
        if not isinstance(holder, _Geometry):
            continue
        if isinstance(holder.crs, Raw):
            yield holder.crs
        if isinstance(holder, _Feature):
            waiting.append(holder.geometry)
        waiting += holder.geometries or ()


def _leniently(path: Path, content: bytes) -> list[Any]:
    """Return each ``crs`` of a file that is not strictly JSON but read by GDAL all the same, such as with NaN."""
    try:
        top = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(path, "geojson", error) from error
    found: list[Any] = []
    waiting = [top, *_listed(top, "features")]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict):
            found += [holder["crs"]] if "crs" in holder else []
            waiting += [holder.get("geometry"), *_listed(holder, "geometries")]
    return found


def _listed(holder: Any, name: str) -> list[Any]:
    """Return the list that is a member of an object, an empty one where there is none."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def _name(path: Path, member: Any) -> str | None:
    """Return the CRS that a member names, None for null."""
    if member is None:
        return None
    kind, given = (member.get("type"), member.get("properties")) if isinstance(member, dict) else (None, None)
    said, given = str(kind).lower(), given if isinstance(given, dict) else {}
    name = given.get("name") if said == "name" else given.get("code") if said == "epsg" else None
    if said == "epsg" and isinstance(name, int | str) and str(name).isdecimal():
        return f"EPSG:{name}"
    if said == "name" and isinstance(name, str) and name.strip():
        found = _REGISTERED.fullmatch(name.strip())
        return f"{(found[1] or found[2]).upper()}:{found[3]}" if found else name.strip()
    shown = json.dumps(member, ensure_ascii=False)[:_SHOWN]
    if said in ("link", "url"):
        raise _not_followed(
            path,
            Text(
                "用链接注明坐标系，而本程序不去别处取：{c}",
                "names its CRS by a link, which is not followed: {c}",
            ).format(c=shown),
        )
    raise _not_followed(
        path,
        Text("注明坐标系的写法看不懂：{c}", "names its CRS in a way that is not understood: {c}").format(
            c=shown
        ),
    )


def _not_followed(path: Path, what: Text) -> ValidationError:
    return ValidationError(
        Text(
            '{name} {what}。请在导出它的软件中另存为 WGS 84 的 GeoJSON，或把 crs 写成 {{"type": "name", "properties": '
            '{{"name": "EPSG:编号"}}}} 的形式。',
            '{name} {what}. Export it again as GeoJSON in WGS 84, or write its crs like {{"type": "name", "properties": '
            '{{"name": "EPSG:number"}}}}.',
        ).format(name=path.name, what=what)
    )
