"""What one installation sets of the product: its name and logo, its wall, its limits, what its map is drawn in.

It stands in one small file (TOML) that the operator names by the setting ``WANGGE_INSTALLATION``; without it
everything is as shipped. `docs/operations.md` tells of every key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from layers.problems import Problem, ValidationError
from layers.text import Text, both

MapDatum = Literal["wgs84", "gcj02"]
"""What the display map is drawn in; WGS 84 and CGCS2000 are one frame."""
MAP_DATUMS: tuple[MapDatum, ...] = get_args(MapDatum)

MOST_LOGO_BYTES = 256 * 1024
MOST_LOGO_PX = 2000
MOST_UPLOAD_MIB = 4096
MOST_ZOOM = 22

_TILE_MATRIX = {"{TileMatrix}": "{z}", "{TileCol}": "{x}", "{TileRow}": "{y}"}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.ASCII)
_PLACE = re.compile(r"\{[^{}]*\}?")
_SCENE = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)


@dataclass(frozen=True)
class Logo:
    """A picture that stands in the place of ours.

    Attributes
    ----------
    content : bytes
        PNG or WebP: pictures of other kinds may carry scripts or links.
    mimetype : str
    width, height : int
        Pixels.
    """

    content: bytes = field(repr=False)
    mimetype: str
    width: int
    height: int


@dataclass(frozen=True)
class BaseMap:
    """Raster tiles of the operator's own, drawn under our layers.

    Attributes
    ----------
    url : str
        With ``{z}``, ``{x}`` and ``{y}``, in the tiling of web maps (EPSG:3857, rows from the north).
    attribution : str
        What its owner wants to be said; it stands on the map.
    max_zoom : int
        The finest zoom that there are tiles of.
    """

    url: str
    attribution: str = ""
    max_zoom: int = 18

    @property
    def origin(self) -> str:
        """The one origin outside that browsers may then ask, as a content security policy names it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What an installation sets.

    Attributes
    ----------
    title : Text, optional
        What the service is called here; None for our own name.
    logo : Logo, optional
    standards : Path, optional
        The limits that hold here, a file like ``data/standards.json``; None for those that are shipped.
    scenes : tuple of str
        The wall's scenes in their order; empty for all of them.
    scene_seconds : int
        How long each is shown.
    map_datum : {"wgs84", "gcj02"}
        What the display map is drawn in. Stored data, answers and exports do not depend on it.
    base_map : BaseMap, optional
        None, as shipped: nothing is asked of any other machine.
    upload_mib : int
        How large a file may be uploaded.
    upload_folder : Path, optional
        Where uploads wait; None for beside the store's file.
    """

    title: Text | None = None
    logo: Logo | None = None
    standards: Path | None = None
    scenes: tuple[str, ...] = ()
    scene_seconds: int = 20
    map_datum: MapDatum = "wgs84"
    base_map: BaseMap | None = None
    upload_mib: int = 200
    upload_folder: Path | None = None


AS_SHIPPED = Installation()


def read_installation(file: Path) -> Installation:
    """Read an installation's file; paths in it are relative to it.

    Raises
    ------
    ValidationError
        It cannot be read, or names every key that is unknown or has a wrong value.
    """
    try:
        data = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValidationError(
            Text(
                "无法读取安装设置 {file}：{why}。请检查 WANGGE_INSTALLATION 和文件的写法。",
                "The installation's settings {file} cannot be read: {why}. Check WANGGE_INSTALLATION and the file.",
            ).format(file=file, why=getattr(error, "strerror", None) or error)
        ) from error
    reader = _Reader(data, file.absolute().parent)
    installation = Installation(**reader.read())
    if reader.problems:
        raise ValidationError(
            Text("安装设置 {file} 有误。", "The installation's settings {file} are not right.").format(
                file=file
            ),
            reader.problems,
        )
    return installation


class _Wrong(Exception):
    """A value is not right: what is, in words."""

    def __init__(self, remedy: Text) -> None:
        super().__init__(remedy.en)
        self.remedy = remedy


class _Reader:
    """Reads the keys one by one, and notes what is wrong with each."""

    def __init__(self, data: Mapping[str, Any], folder: Path) -> None:
        self.problems: list[Problem] = []
        self._data = data
        self._folder = folder

    def read(self) -> dict[str, Any]:
        """Return the attributes that the file sets."""
        keys: dict[str, tuple[str, Callable[[Any], Any]]] = {
            "title": ("title", _title),
            "logo": ("logo", lambda value: _logo(self._path(value))),
            "standards": ("standards", self._file),
            "wall.scenes": ("scenes", _scenes),
            "wall.seconds": ("scene_seconds", lambda value: _whole(value, 5, 3600)),
            "map.datum": ("map_datum", _datum),
            "map.base": ("base_map", self._base_map),
            "upload.most_mib": ("upload_mib", lambda value: _whole(value, 1, MOST_UPLOAD_MIB)),
            "upload.folder": ("upload_folder", self._path),
        }
        found = {}
        for name, value in self._values({name.partition(".")[0] for name in keys if "." in name}):
            if name not in keys:
                self._note(name, None, Text("可用：{k}。", "There are {k}.").format(k=", ".join(keys)))
                continue
            attribute, read = keys[name]
            try:
                found[attribute] = read(value)
            except _Wrong as wrong:
                self._note(name, value, wrong.remedy)
        return found

    def _values(self, tables: set[str]) -> list[tuple[str, Any]]:
        flat: list[tuple[str, Any]] = []
        for name, value in self._data.items():
            if name in tables and isinstance(value, dict):
                flat += [(f"{name}.{inner}", one) for inner, one in value.items()]
            else:
                flat.append((name, value))
        return flat

    def _note(self, name: str, value: Any, remedy: Text) -> None:
        message = (
            Text("没有这一项设置。", "There is no such setting.")
            if value is None
            else Text("设置的值不对。", "This setting has a wrong value.")
        )
        shown = None if value is None else str(value)[:80]
        self.problems.append(Problem(message, remedy, field=name, value=shown))

    def _path(self, value: Any) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise _Wrong(Text("应为路径。", "It must be a path."))
        return self._folder / value

    def _file(self, value: Any) -> Path:
        path = self._path(value)
        if not path.is_file():
            raise _Wrong(Text("没有文件 {p}。", "There is no file {p}.").format(p=path))
        return path

    def _base_map(self, value: Any) -> BaseMap:
        known = {"url", "attribution", "max_zoom"}
        if not isinstance(value, dict) or not set(value) <= known or "url" not in value:
            raise _Wrong(
                Text(
                    "应有 url，可有 attribution 和 max_zoom。",
                    "It has url and may have attribution and max_zoom.",
                )
            )
        attribution = value.get("attribution", "")
        if not isinstance(attribution, str) or not attribution.isprintable():
            raise _Wrong(Text("attribution 应为一行文字。", "attribution must be one line of text."))
        return BaseMap(_tiles_url(value["url"]), attribution, _whole(value.get("max_zoom", 18), 1, MOST_ZOOM))


def _title(value: Any) -> Text:
    given = {"zh": value, "en": value} if isinstance(value, str) else value
    if (
        not isinstance(given, dict)
        or set(given) != {"zh", "en"}
        or not all(
            isinstance(one, str) and 0 < len(one.strip()) <= 40 and one.isprintable()
            for one in given.values()
        )
    ):
        raise _Wrong(
            Text(
                '应为一行文字，或 {{ zh = "…", en = "…" }}，各不超过 40 字。',
                'It must be a line of text, or {{ zh = "…", en = "…" }}, each of at most 40 characters.',
            ).format()
        )
    return Text(given["zh"].strip(), given["en"].strip())


def _whole(value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _Wrong(
            Text("应为 {a} 至 {b} 的整数。", "It must be a whole number from {a} to {b}.").format(
                a=least, b=most
            )
        )
    return value


def _scenes(value: Any) -> tuple[str, ...]:
    ok = (
        isinstance(value, list)
        and value
        and all(isinstance(one, str) and _SCENE.fullmatch(one) for one in value)
    )
    if not ok or len(set(value)) < len(value):
        raise _Wrong(Text("应为场景名的列表，不重复。", "It must be a list of scenes' names, each once."))
    return tuple(value)


def _datum(value: Any) -> MapDatum:
    for datum in MAP_DATUMS:
        if value == datum:
            return datum
    raise _Wrong(both(" / ".join(MAP_DATUMS)))


def _tiles_url(value: Any) -> str:
    remedy = Text(
        "应为一台主机的瓦片网址，带 {{z}}、{{x}}、{{y}}（WMTS 用 {{TileMatrix}}、{{TileCol}}、{{TileRow}}），"
        "如 https://tiles.example/{{z}}/{{x}}/{{y}}.png。",
        "It must be the address of tiles at one host with {{z}}, {{x}} and {{y}} (of WMTS {{TileMatrix}}, {{TileCol}} "
        "and {{TileRow}}), such as https://tiles.example/{{z}}/{{x}}/{{y}}.png.",
    ).format()
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > 2000:
        raise _Wrong(remedy)
    url = value
    for name, ours in _TILE_MATRIX.items():
        url = url.replace(name, ours)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _Wrong(remedy) from None
    asked = f"{parts.path}?{parts.query}"
    if (
        parts.scheme not in ("http", "https")
        or not _HOST.fullmatch(parts.netloc)
        or parts.fragment
        or sorted(_PLACE.findall(asked)) != ["{x}", "{y}", "{z}"]
        or any(sign in url for sign in " \"'<>\\;,`")
    ):
        raise _Wrong(remedy)
    return url


def _logo(path: Path) -> Logo:
    remedy = Text(
        "应为 PNG 或 WebP 图片，不超过 {kib} KiB、边长不超过 {px} 像素。",
        "It must be a PNG or WebP picture of at most {kib} KiB, no side over {px} pixels.",
    ).format(kib=MOST_LOGO_BYTES // 1024, px=MOST_LOGO_PX)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_LOGO_BYTES + 1)
    except OSError as error:
        raise _Wrong(Text("读不出 {p}。", "{p} cannot be read.").format(p=path)) from error
    mimetype, (width, height) = "image/png", _png_size(content)
    if not width:
        mimetype, (width, height) = "image/webp", _webp_size(content)
    if len(content) > MOST_LOGO_BYTES or not (0 < width <= MOST_LOGO_PX and 0 < height <= MOST_LOGO_PX):
        raise _Wrong(remedy)
    return Logo(content, mimetype, width, height)


def _png_size(content: bytes) -> tuple[int, int]:
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or content[12:16] != b"IHDR" or len(content) < 24:
        return 0, 0
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _webp_size(content: bytes) -> tuple[int, int]:
    """Return width and height by the header of one of the three kinds of WebP (RFC 9649)."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return 0, 0
    kind, head = content[12:16], content[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L" and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and head[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    return 0, 0
