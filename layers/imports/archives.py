"""Packed files, unpacked with care: they come from outside and may be made to do harm."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from layers.problems import ValidationError
from layers.text import Text

if TYPE_CHECKING:
    from layers.imports.raw import Kind

MAX_UNPACKED_BYTES = 4 * 1024**3
MAX_RATIO = 200
"""No table or shapefile packs better than this; checked where there is enough to judge by."""
RATIO_FROM_BYTES = 20 * 1024**2

UNPACKED = "wangge-"
"""How the temporary folders begin that archives are unpacked in."""

_SPARE_BYTES = 256 * 1024**2
_SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def too_big(name: str) -> ValidationError:
    """Return the error for a file that unpacks to more than any real one."""
    return ValidationError(
        Text(
            "{name} 解压后异常庞大（超过 {ratio} 倍或 {gib} GiB），疑为压缩炸弹，未解压。请先自行解压并检查。",
            "{name} unpacks to an implausible size (more than {ratio} times its own, or {gib} GiB), like a zip bomb; "
            "it was not unpacked. Unpack and check it yourself first.",
        ).format(name=name, ratio=MAX_RATIO, gib=MAX_UNPACKED_BYTES // 1024**3)
    )


def check_size(name: str, *, packed: int, unpacked: int) -> None:
    """Raise `ValidationError` where `unpacked` bytes cannot honestly come from `packed` ones."""
    if unpacked > MAX_UNPACKED_BYTES or (unpacked > RATIO_FROM_BYTES and unpacked > MAX_RATIO * packed):
        raise too_big(name)


def kind_of_zip(path: Path) -> Kind | None:
    """Tell a workbook from a zipped shapefile; None for any other archive. Unsafe archives raise."""
    members = _safe_members(path)
    names = {member.filename for member in members}
    if "xl/workbook.xml" in names:
        return "xlsx"
    if _shapefiles(members):
        return "shapefile"
    if path.suffix.lower() == ".zip":
        raise ValidationError(
            Text(
                "{name} 中没有 Shapefile。其他格式请先解压。",
                "{name} holds no shapefile. Unpack other formats first.",
            ).format(name=path.name)
        )
    return None


@contextmanager
def shapefile_of(path: Path, *, name: str | None) -> Iterator[Path]:
    """Unpack one shapefile into a temporary folder and yield the path of its ``.shp``.

    Parameters
    ----------
    name : str, optional
        Which one, where the archive holds several: its name without ``.shp``.

    Raises
    ------
    ValidationError
        The archive is damaged or unsafe, or holds several shapefiles and none is chosen.
    """
    from layers.imports.raw import choose, damaged

    members = _safe_members(path)
    stems = _shapefiles(members)
    short = {PurePosixPath(stem).name: stem for stem in stems}
    wanted = short.get(name, name) if name is not None else None
    stem = choose(path, stems, wanted, what=Text("Shapefile", "shapefile"))
    parts = [
        (member, inner.suffix.lower())
        for member in members
        if (inner := PurePosixPath(member.filename)).suffix.lower() in _SHAPEFILE_PARTS
        and str(inner.with_suffix("")) == stem
    ]
    with tempfile.TemporaryDirectory(prefix=UNPACKED) as folder:
        _check_room(path, Path(folder), sum(member.file_size for member, _ in parts))
        try:
            with zipfile.ZipFile(path) as archive:
                for member, part in parts:
                    # The name inside the archive never becomes a path here.
                    _copy(archive, member, Path(folder, f"source{part}"))
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            EOFError,
            OSError,
            RuntimeError,
            ValueError,
        ) as error:
            raise damaged(path, "shapefile", error) from error
        yield Path(folder, "source.shp")


def _check_room(path: Path, folder: Path, needed: int) -> None:
    """Raise `ValidationError` where unpacking would fill the disk: the store may be on it."""
    if shutil.disk_usage(folder).free < needed + _SPARE_BYTES:
        raise ValidationError(
            Text(
                "磁盘上放不下 {name} 解压后的 {mib:,} MiB。请先腾出空间。",
                "There is no room on the disk for the {mib:,} MiB that {name} unpacks to. Make room first.",
            ).format(name=path.name, mib=-(-needed // 2**20))
        )


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    with archive.open(member) as packed, target.open("wb") as out:
        # zipfile stops at the size the directory declares, which was checked.
        while chunk := packed.read(1 << 20):
            out.write(chunk)


def _shapefiles(members: list[zipfile.ZipInfo]) -> list[str]:
    return [
        str(PurePosixPath(member.filename).with_suffix(""))
        for member in members
        if member.filename.lower().endswith(".shp") and not member.filename.startswith("__MACOSX/")
    ]


def _safe_members(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValidationError(
            Text("{name} 是损坏的压缩文件。", "{name} is a damaged archive.").format(name=path.name)
        ) from error
    check_size(path.name, packed=path.stat().st_size, unpacked=sum(member.file_size for member in members))
    for member in members:
        _check_member(path, member)
    return members


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    inner = member.filename.replace("\\", "/")
    parts = PurePosixPath(inner)
    if parts.is_absolute() or ".." in parts.parts or (len(inner) > 1 and inner[1] == ":"):
        raise ValidationError(
            Text(
                "{name} 中的文件名 {inner} 指向压缩包之外，已拒绝。",
                "{name} holds a file named {inner}, which points outside the archive; it is refused.",
            ).format(name=path.name, inner=inner)
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValidationError(
            Text(
                "{name} 中的 {inner} 是链接而非文件，已拒绝。",
                "{name} holds {inner}, which is a link and not a file; it is refused.",
            ).format(name=path.name, inner=inner)
        )
    if member.flag_bits & 0x1:
        raise ValidationError(
            Text(
                "{name} 设有密码。请解压后再导入。",
                "{name} is protected by a password. Unpack it and import what is inside.",
            ).format(name=path.name)
        )
