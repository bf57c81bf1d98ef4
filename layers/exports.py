"""Frames to files: what may leave by export, in the formats that offices and desktop programs open.

Every format is made in memory and then put in place by one rename, so that whoever reads the file sees
the old one or the new one, and a full disk leaves the old one. It also keeps GDAL away from the disk:
GDAL carries a SQLite of its own, which must never touch a store that this process has open.

Equal frames give equal bytes in .gpkg, .parquet, .geojson, .fgb and .csv.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import shapely

from layers.problems import BadParameter, StoreFull
from layers.shapefiles import shapefiles
from layers.sheets import RISKY, shielded
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from datetime import date

    import geopandas as gpd

    from layers.policy import Seen
    from layers.store import District, Store

INVENTED = "虚构演示数据 / invented demonstration data"
"""The note in every row that leaves a demonstration district."""

NOTE = "note"

_SHEET_ROWS, _CELL_CHARACTERS = 1_048_575, 32_767
_TOO_LONG = "过长，单元格容不下 / too long for a cell"
_NO_CLOCK = "1970-01-01T00:00:00.000Z"


def export_layer(
    store: Store,
    seen: Seen,
    path: str | Path,
    *,
    on: date | None = None,
    version: int | None = None,
    note: str | None = None,
    leaving: Callable[[list[str]], None] = lambda _: None,
) -> int:
    """Write what may leave of a layer to `path`, in the format of its ending.

    Parameters
    ----------
    seen : Seen
        All features of its layer are written, with these fields.
    on, version : date or int, optional
        Of a past state; see `Store.read`.
    note : str, optional
        Stands in every row.
    leaving : callable
        Called with the codes just before the file is put in place: where it raises, nothing is.

    Returns
    -------
    int
        The number of features written.

    Raises
    ------
    NotFound, BadParameter, StoreFull
    """
    check_target(path)
    layer = seen.layer
    fields = [field.name for field in seen.fields if field.name != "code"]
    frame = store.read(layer.name, on=on, version=version)[[*fields, "geometry"]]
    content = frame_bytes(frame, format_of(path), title=layer.name, note=note_of(store.district(), note))
    leaving(frame.index.tolist())
    write_bytes(path, content)
    return len(frame)


def note_of(district: District, note: str | None = None) -> str | None:
    """Return what every row that leaves `district` says: that it is invented, and `note`."""
    return "; ".join(filter(None, (INVENTED if district.invented else None, note))) or None


def write_frame(
    frame: gpd.GeoDataFrame,
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word that pandas and geopandas use
    title: str = "",
    note: str | None = None,
    drop_geometry: bool = False,
) -> None:
    """Write `frame` to `path`, replacing what is there in one step.

    Parameters
    ----------
    frame : GeoDataFrame in EPSG:4490
        A named index becomes the first column.
    format : str, optional
        One of `FORMATS`; by default that of the path's ending.
    title : str
        Name of the layer or sheet inside the file; by default the file's own.
    note : str, optional
        Stands in every row, in the column ``note``.
    drop_geometry : bool
        Leave the geometry out of .csv and .xlsx, where it would be WKT.

    Raises
    ------
    BadParameter, StoreFull
    """
    path = Path(path)
    chosen = format_of(path) if format is None else format
    title = title or path.name.partition(".")[0]
    check_target(path, format=chosen)
    write_bytes(path, frame_bytes(frame, chosen, title=title, note=note, drop_geometry=drop_geometry))


def frame_bytes(
    frame: gpd.GeoDataFrame,
    format: str,  # noqa: A002
    *,
    title: str = "",
    note: str | None = None,
    drop_geometry: bool = False,
) -> bytes:
    """Return `frame` as the content of a file; the parameters are those of `write_frame`.

    Raises
    ------
    BadParameter
        When the format is none of `FORMATS`, or cannot hold the frame.
    """
    if format not in FORMATS:
        raise _unknown(both(format))
    plain = _plain(frame, note)
    if drop_geometry and format in ("csv", "xlsx"):
        return FORMATS[format](pd.DataFrame(plain.drop(columns="geometry")), title)
    return FORMATS[format](plain, title)


def table_bytes(table: pd.DataFrame, format: str, *, title: str = "") -> bytes:  # noqa: A002
    """Return a table without geometry as the content of a file, ``csv`` or ``xlsx``; no text becomes a formula."""
    return {"csv": _csv, "xlsx": _xlsx}[format](table, title)


def format_of(path: str | Path) -> str:
    """Return the format that the ending of `path` stands for.

    Raises
    ------
    BadParameter
        Names the endings that are allowed.
    """
    name = Path(path).name.lower()
    for ending in FORMATS:
        if name.endswith("." + ending):
            return ending
    raise _unknown(both(Path(path).name))


def check_target(path: str | Path, *, format: str | None = None) -> None:  # noqa: A002
    """Refuse, before anything is computed, a path that could not be written in the end.

    Raises
    ------
    BadParameter
        When the ending is unknown, the folder is missing or may not be written, or a folder or a
        Wangge store is there.
    """
    if format is None:
        format_of(path)
    path = Path(path).resolve()
    folder = path.parent
    if not folder.is_dir():
        raise _refused(
            path, Text("文件夹 {folder} 不存在", "there is no folder {folder}").format(folder=folder)
        )
    if not os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise _refused(path, Text("没有写入该文件夹的权限", "its folder may not be written"))
    if path.is_dir():
        raise _refused(path, Text("它是一个文件夹", "it is a folder"))
    _refuse_store(path)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Put `content` at `path`: on disk when this returns, and in one step for whoever reads.

    Raises
    ------
    BadParameter
        When the place cannot be written, or a Wangge store is there.
    StoreFull
    """
    path = Path(path).resolve()
    _refuse_store(path)
    partial = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        try:
            with partial.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(
                Text(
                    "写入 {path} 时磁盘已满，未写入任何内容。",
                    "The disk is full: nothing was written to {path}.",
                ).format(path=path),
                Text("请腾出空间后重试。", "Make room and try again."),
            ) from error
        raise _refused(path, both(error.strerror or str(error))) from error


def _refuse_store(path: Path) -> None:
    from layers.stores.geopackage.store import is_store

    if is_store(path):
        raise _refused(path, Text("那里是一个网格存储", "a Wangge store is there"))


def _refused(path: Path, why: Text) -> BadParameter:
    return BadParameter(
        Text("无法写入 {path}：{why}。", "{path} cannot be written: {why}.").format(path=path, why=why),
        Text("请换一个路径。", "Give another path."),
    )


def _unknown(what: Text) -> BadParameter:
    known = joined([both("." + ending) for ending in FORMATS])
    return BadParameter(
        Text("{what} 的格式无法识别。", "The format of {what} is not known.").format(what=what),
        Text("可用的扩展名：{known}。", "The endings are {known}.").format(known=known),
    )


def _plain(frame: gpd.GeoDataFrame, note: str | None) -> gpd.GeoDataFrame:
    """Return the frame with its index as a column, days as days, texts as texts and geometry last."""
    import pyarrow as pa

    plain = frame.reset_index(drop=frame.index.name is None)
    if plain.geometry.name != "geometry":
        plain = plain.rename_geometry("geometry")
    for name in _fields(plain):
        values = plain[name]
        if isinstance(values.dtype, pd.CategoricalDtype) or values.dtype == object:
            plain[name] = values.astype("str")
        elif pd.api.types.is_datetime64_dtype(values.dtype):
            plain[name] = values.astype(pd.ArrowDtype(pa.date32()))
    if note is not None:
        plain[NOTE] = pd.Series(note, index=plain.index, dtype="str")
    return plain[[*_fields(plain), "geometry"]]


def _fields(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if name != "geometry"]


def _gdal(frame: gpd.GeoDataFrame, driver: str, title: str, **options: Any) -> bytes:
    import pyogrio

    # GDAL stamps GeoPackages with the time; the setting holds for the process, where only exports use it.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _NO_CLOCK})
    target = BytesIO()
    layer = re.sub(r"\W+", "_", title).strip("_") or "features"
    pyogrio.write_dataframe(frame, target, driver=driver, layer=layer, use_arrow=True, **options)
    return target.getvalue()


def _gpkg(frame: gpd.GeoDataFrame, title: str) -> bytes:
    return _gdal(frame, "GPKG", title, layer_options={"GEOMETRY_NAME": "geom"})


def _fgb(frame: gpd.GeoDataFrame, title: str) -> bytes:
    return _gdal(frame, "FlatGeobuf", title)


def _geojson(frame: gpd.GeoDataFrame, title: str) -> bytes:
    # RFC 7946 knows only WGS 84, which is the frame of EPSG:4490 to within a metre.
    named = frame.set_crs("EPSG:4326", allow_override=True)
    return _gdal(named, "GeoJSON", title, layer_options={"RFC7946": "YES", "COORDINATE_PRECISION": "15"})


def _parquet(frame: gpd.GeoDataFrame, title: str) -> bytes:
    target = BytesIO()
    frame.to_parquet(target, index=False)
    return target.getvalue()


def _csv(frame: pd.DataFrame, title: str) -> bytes:
    # RFC 4180's line ends: with others, a lone carriage return in a text would go unquoted.
    return _for_sheets(frame).to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def _for_sheets(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with geometry as WKT, and no text that a spreadsheet would take for a formula."""
    sheet = pd.DataFrame({name: frame[name] for name in frame.columns})
    for name in sheet.columns:
        if sheet[name].dtype == "geometry":
            sheet[name] = pd.Series(shapely.to_wkt(frame[name], rounding_precision=-1), dtype="str")
        elif sheet[name].dtype == "str" or sheet[name].dtype == object:
            texts = sheet[name].astype("str")
            risky = texts.str.contains(RISKY, regex=True, na=False)
            sheet[name] = texts.where(~risky, "'" + texts)
    return sheet.rename(columns=lambda name: shielded(str(name)))


def _xlsx(frame: pd.DataFrame, title: str) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if len(frame) > _SHEET_ROWS:
        raise BadParameter(
            Text(
                "Excel 工作表最多 {most} 行，此处有 {n} 行。", "A sheet holds {most} rows; there are {n}."
            ).format(most=_SHEET_ROWS, n=len(frame)),
            Text("请导出为 .csv 或 .gpkg。", "Export to .csv or .gpkg."),
        )

    def cell(value: Any) -> Any:
        if value is None or value is pd.NA or value != value:
            return None
        if not isinstance(value, str):
            return value
        return _TOO_LONG if len(value) > _CELL_CHARACTERS else ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)

    sheet = _for_sheets(frame)
    book = Workbook(write_only=True)
    page = book.create_sheet(re.sub(r"[\[\]:*?/\\]+", " ", title).strip(" '")[:31] or "Sheet1")
    page.append([cell(str(name)) for name in sheet.columns])
    for row in zip(*(sheet[name].astype(object) for name in sheet.columns), strict=True):
        page.append([cell(value) for value in row])
    target = BytesIO()
    book.save(target)
    return target.getvalue()


FORMATS: dict[str, Callable[[Any, str], bytes]] = {
    "gpkg": _gpkg,
    "parquet": _parquet,
    "geojson": _geojson,
    "csv": _csv,
    "xlsx": _xlsx,
    "fgb": _fgb,
    "shp.zip": shapefiles,
}
"""The formats by ending; each maker takes the frame and its title."""
