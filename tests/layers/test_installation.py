"""An installation's settings: what is right is taken, and everything that is wrong is told at once."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest

from app import make_context
from layers.installation import AS_SHIPPED, MOST_LOGO_BYTES, BaseMap, Installation, read_installation
from layers.problems import ValidationError
from layers.text import Text

ROOT = Path(__file__).parents[2]


def png(width: int = 32, height: int = 16, *, more: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(3 * width)) * height)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + bytes(more) + chunk(b"IEND", b"")
    )


def webp(kind: bytes, head: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", 10) + head.ljust(10, b"\0")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def reading(folder: Path, text: str) -> Installation:
    file = folder / "installation.toml"
    file.write_text(text, "utf-8")
    return read_installation(file)


def faults(folder: Path, text: str) -> dict[str | None, str]:
    """Return what is wrong, by key."""
    with pytest.raises(ValidationError) as caught:
        reading(folder, text)
    return {one.field: one.sentence("en") for one in caught.value.problems}


def test_without_a_file_everything_is_as_shipped() -> None:
    context = make_context({})
    assert context.installation is AS_SHIPPED
    assert AS_SHIPPED.base_map is None
    assert (AS_SHIPPED.map_datum, AS_SHIPPED.upload_mib, AS_SHIPPED.scenes) == ("wgs84", 200, ())


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png())
    (tmp_path / "limits.json").write_text("{}")
    found = reading(
        tmp_path,
        """
        title = { zh = "罗湖一张图", en = "Luohu on one map" }
        logo = "logo.png"
        standards = "limits.json"
        [wall]
        scenes = ["questions", "linkages"]
        seconds = 30
        [map]
        datum = "gcj02"
        [map.base]
        url = "https://tiles.example:8443/{z}/{x}/{y}.png?key=abc"
        attribution = "某某测绘院"
        max_zoom = 17
        [upload]
        most_mib = 50
        folder = "waiting"
        """,
    )
    assert found.logo is not None
    assert (found.logo.mimetype, found.logo.width, found.logo.height) == ("image/png", 32, 16)
    assert found == Installation(
        title=Text("罗湖一张图", "Luohu on one map"),
        logo=found.logo,
        standards=tmp_path / "limits.json",
        scenes=("questions", "linkages"),
        scene_seconds=30,
        map_datum="gcj02",
        base_map=BaseMap("https://tiles.example:8443/{z}/{x}/{y}.png?key=abc", "某某测绘院", 17),
        upload_mib=50,
        upload_folder=tmp_path / "waiting",
    )
    assert found.base_map is not None
    assert found.base_map.origin == "https://tiles.example:8443"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    told = faults(
        tmp_path,
        """
        title = ""
        logo = "logo.svg"
        standards = "nowhere.json"
        colour = "red"
        [wall]
        scenes = ["a", "a"]
        seconds = 1
        [map]
        datum = "bd09"
        zoom = 3
        base = { url = "javascript:{z}{x}{y}" }
        [upload]
        most_mib = 0
        """,
    )
    assert set(told) == {
        *("title", "logo", "standards", "colour", "wall.scenes", "wall.seconds"),
        *("map.datum", "map.zoom", "map.base", "upload.most_mib"),
    }
    assert "PNG or WebP" in told["logo"]
    assert "There is no such setting" in told["colour"]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://10.0.0.5/tiles/{z}/{x}/{y}", "http://10.0.0.5/tiles/{z}/{x}/{y}"),
        (
            "https://wmts.example/img_w/wmts?SERVICE=WMTS&TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol}",
            "https://wmts.example/img_w/wmts?SERVICE=WMTS&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}",
        ),
        (
            "https://wmts.example/l/{TileMatrix}/{TileRow}/{TileCol}.png",
            "https://wmts.example/l/{z}/{y}/{x}.png",
        ),
    ],
)
def test_addresses_of_tiles(tmp_path: Path, url: str, kept: str) -> None:
    found = reading(tmp_path, f'[map.base]\nurl = "{url}"')
    assert found.base_map is not None
    assert found.base_map.url == kept


@pytest.mark.parametrize(
    "url",
    [
        "https://tiles.example/{z}/{x}.png",
        "https://{s}.tiles.example/{z}/{x}/{y}.png",
        "https://tiles.example/{z}/{x}/{y}/{y}.png",
        "https://user:word@tiles.example/{z}/{x}/{y}.png",
        "https://tiles.example/{z}/{x}/{-y}.png",
        "ftp://tiles.example/{z}/{x}/{y}.png",
        "//tiles.example/{z}/{x}/{y}.png",
        "https://tiles.example; script-src *;/{z}/{x}/{y}.png",
        "https://tiles.example/{z}/{x}/{y}.png; script-src *",
        "https://tiles.example/{z}/{x}/{y}.png#a",
        "https://*.example/{z}/{x}/{y}.png",
        "https://[::1/{z}/{x}/{y}.png",
        "https:///{z}/{x}/{y}.png",
    ],
)
def test_addresses_that_are_none(tmp_path: Path, url: str) -> None:
    assert set(faults(tmp_path, f"[map.base]\nurl = '{url}'")) == {"map.base"}


@pytest.mark.parametrize(
    ("kind", "head", "size"),
    [
        (b"VP8X", bytes(4) + (299).to_bytes(3, "little") + (99).to_bytes(3, "little"), (300, 100)),
        (b"VP8L", b"\x2f" + (299 | 99 << 14).to_bytes(4, "little"), (300, 100)),
        (
            b"VP8 ",
            bytes(3) + b"\x9d\x01\x2a" + (300).to_bytes(2, "little") + (100).to_bytes(2, "little"),
            (300, 100),
        ),
    ],
)
def test_logos_in_webp(tmp_path: Path, kind: bytes, head: bytes, size: tuple[int, int]) -> None:
    (tmp_path / "logo.webp").write_bytes(webp(kind, head))
    found = reading(tmp_path, 'logo = "logo.webp"').logo
    assert found is not None
    assert (found.mimetype, (found.width, found.height)) == ("image/webp", size)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(60),
        png()[:20],
        png(3000, 10),
        png(0, 10),
        png(more=MOST_LOGO_BYTES),
        b"<svg><script>alert(1)</script></svg>",
        webp(b"VP8L", b"\0" * 10),
    ],
)
def test_logos_that_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "logo.png").write_bytes(content)
    assert set(faults(tmp_path, 'logo = "logo.png"')) == {"logo"}


@pytest.mark.parametrize("text", ["title = ", "\x00", "title = 1\ntitle = 2"])
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValidationError, match="WANGGE_INSTALLATION"):
        reading(tmp_path, text)
    with pytest.raises(ValidationError, match="WANGGE_INSTALLATION"):
        read_installation(tmp_path / "nowhere.toml")


# Standards


def test_the_installation_chooses_the_standards_of_everything(tmp_path: Path) -> None:
    rules = json.loads((ROOT / "data" / "standards.json").read_text("utf-8"))
    rules["mediation"]["households"] = 123
    (tmp_path / "limits.json").write_text(json.dumps(rules), "utf-8")
    file = tmp_path / "installation.toml"
    file.write_text('standards = "limits.json"')
    chosen = make_context({"WANGGE_INSTALLATION": str(file)})
    assert chosen.standards.mediation_households == 123
    assert make_context({}).standards.mediation_households != 123
    # Changed while the service runs, they hold from its renewal on.
    rules["mediation"]["households"] = 124
    (tmp_path / "limits.json").write_text(json.dumps(rules), "utf-8")
    assert chosen.standards.mediation_households == 123
    assert chosen.renewed().standards.mediation_households == 124


def test_standards_that_lack_something_are_refused(tmp_path: Path) -> None:
    (tmp_path / "limits.json").write_text('{"coverage": {}}')
    file = tmp_path / "installation.toml"
    file.write_text('standards = "limits.json"')
    with pytest.raises(ValidationError, match=r"limits\.json cannot be used"):
        _ = make_context({"WANGGE_INSTALLATION": str(file)}).standards


def test_one_place_reads_the_standards() -> None:
    named = {
        path.relative_to(ROOT).as_posix()
        for room in ("geo", "layers", "webmap", "data")
        for path in (ROOT / room).rglob("*.py")
        if '"standards.json"' in path.read_text("utf-8")
    }
    assert named == {"layers/standards.py"}
