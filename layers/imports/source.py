"""Reading a source file as it is: text columns, geometry, the CRS it names, and where each row stands.

Nothing is interpreted here. Every attribute becomes text, whatever type the file gives it, so that one set of
rules (`layers.imports.values`) reads all formats alike.
"""

from __future__ import annotations

from pathlib import Path

from layers.imports.raw import KIND_NAMES, Kind, Source, choose
from layers.problems import ValidationError
from layers.text import Text

_BY_NAME: dict[str, Kind] = {
    ".gpkg": "geopackage",
    ".geojson": "geojson",
    ".json": "geojson",
    ".shp": "shapefile",
    ".fgb": "flatgeobuf",
    ".parquet": "geoparquet",
    ".geoparquet": "geoparquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}

_KNOWN = Text(
    "可导入 GeoPackage、GeoJSON、Shapefile（可为 zip）、FlatGeobuf、GeoParquet、CSV（可为 .gz）和 XLSX。",
    "GeoPackage, GeoJSON, Shapefile (also zipped), FlatGeobuf, GeoParquet, CSV (also .gz) and XLSX can be imported.",
)

_BEGINNING = 4096


def read_source(path: Path, *, source_layer: str | None = None) -> Source:
    """Read `path`, whose kind is decided by its content and must agree with its name.

    Parameters
    ----------
    path : Path
    source_layer : str, optional
        Layer of a GeoPackage, sheet of a workbook, or shapefile of a zip that holds several.

    Raises
    ------
    ValidationError
        The file is not there, empty, not of its kind, damaged or unsafe to unpack; or it holds several
        layers and none is chosen.
    """
    kind = kind_of(path)
    if kind in ("csv", "geoparquet"):
        choose(path, [path.stem], source_layer, what=Text("图层", "layer"))
    if kind == "csv":
        from layers.imports.csv_table import read_csv

        return read_csv(path)
    if kind == "xlsx":
        from layers.imports.xlsx_table import read_xlsx

        return read_xlsx(path, sheet=source_layer)
    if kind == "geoparquet":
        from layers.imports.vector import read_parquet

        return read_parquet(path)
    from layers.imports.vector import read_vector

    if kind == "shapefile" and _begins(path, 2) == b"PK":
        from layers.imports.archives import shapefile_of

        with shapefile_of(path, name=source_layer) as unpacked:
            return read_vector(unpacked, kind, source_layer=None)
    return read_vector(path, kind, source_layer=source_layer)


def kind_of(path: Path) -> Kind:
    """Tell what `path` is by its content; `ValidationError` where its name promises something else."""
    if not path.is_file():
        raise ValidationError(Text("没有文件 {path}。", "There is no file {path}.").format(path=path))
    beginning = _begins(path, _BEGINNING)
    if not beginning:
        raise ValidationError(Text("{name} 是空文件。", "{name} is an empty file.").format(name=path.name))
    promised = _promised(path)
    found = _content_kind(path, beginning, promised)
    if found is None:
        raise _not_readable(path, beginning, promised)
    if promised is not None and found != promised:
        raise ValidationError(
            Text(
                "{name} 的名称是 {promised}，内容却是 {found}。请改正扩展名。",
                "{name} is named as {promised}, but its content is {found}. Correct its extension.",
            ).format(name=path.name, promised=KIND_NAMES[promised], found=KIND_NAMES[found])
        )
    return found


def _promised(path: Path) -> Kind | None:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        suffix = Path(path.stem).suffix.lower() or ".csv"
    return _BY_NAME.get(suffix)


def _begins(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise ValidationError(
            Text("无法读取 {name}：{why}。", "{name} cannot be read: {why}.").format(
                name=path.name, why=error.strerror or error
            )
        ) from error


_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"SQLite format 3\x00", "geopackage"),
    (b"PAR1", "geoparquet"),
    (b"fgb\x03fgb", "flatgeobuf"),
    (b"\x00\x00\x27\x0a", "shapefile"),
    (b"\x1f\x8b", "csv"),
)


def _content_kind(path: Path, beginning: bytes, promised: Kind | None) -> Kind | None:
    for magic, kind in _MAGIC:
        if beginning.startswith(magic):
            return kind
    if beginning.startswith(b"PK"):
        from layers.imports.archives import kind_of_zip

        return kind_of_zip(path)
    if _is_text(beginning):
        looks_like_json = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
        if looks_like_json:
            return "geojson"
        return "csv" if promised == "csv" else None
    return None


def _is_text(beginning: bytes) -> bool:
    return beginning.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" not in beginning


_HINTS: dict[str, Text] = {
    ".dbf": Text("请给出同名的 .shp 文件。", "Give the .shp file of the same name."),
    ".shx": Text("请给出同名的 .shp 文件。", "Give the .shp file of the same name."),
    ".prj": Text("请给出同名的 .shp 文件。", "Give the .shp file of the same name."),
}


_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


def _not_readable(path: Path, beginning: bytes, promised: Kind | None) -> ValidationError:
    if beginning.startswith(_OLD_OFFICE):
        return ValidationError(
            Text(
                "{name} 是旧式或加密的 Excel 文件。请在表格程序中另存为不带密码的 .xlsx。",
                "{name} is a workbook of the old kind, or one with a password. Save it as .xlsx without a password.",
            ).format(name=path.name)
        )
    if promised is not None:
        return ValidationError(
            Text(
                "{name} 不是 {kind} 文件：内容与名称不符，或文件已损坏。",
                "{name} is no {kind} file: its content does not match its name, or it is damaged.",
            ).format(name=path.name, kind=KIND_NAMES[promised])
        )
    hint = _HINTS.get(path.suffix.lower(), _KNOWN)
    return ValidationError(
        Text("不认识 {name} 的文件类型。{hint}", "{name} is of a type that is not known. {hint}").format(
            name=path.name, hint=hint
        )
    )
