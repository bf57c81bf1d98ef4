"""What the coordinates are declared to be in: by the file, by --crs or by --datum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from geo import crs as geocrs
from geo import datum as geodatum
from layers.imports.raw import KIND_NAMES, Source
from layers.problems import BadParameter, ValidationError
from layers.text import Text

if TYPE_CHECKING:
    import numpy as np
    import pyproj
    from numpy.typing import NDArray

    from layers.imports.options import ImportOptions

DATUM_NAMES: dict[geodatum.Datum, str] = {
    "wgs84": "WGS 84",
    "cgcs2000": "CGCS2000",
    "gcj02": "GCJ-02",
    "bd09": "BD-09",
}

OBFUSCATED: tuple[geodatum.Datum, ...] = ("gcj02", "bd09")

_ONE_FRAME = Text(
    "WGS 84 与 CGCS2000 相差不到 1 米，按同一框架处理。",
    "WGS 84 and CGCS2000 are less than 1 m apart and are taken as one frame.",
)
_OTHER_FRAME = Text(
    "{crs} 与 CGCS2000 不是同一框架，转换可能有数米误差。",
    "{crs} is of another frame than CGCS2000; the conversion may be off by metres.",
)


@dataclass(frozen=True)
class Declared:
    """What the coordinates are said to be in.

    Attributes
    ----------
    crs : pyproj.CRS
        Of the frame that is left when the obfuscation of GCJ-02 or BD-09 is taken away.
    datum : Datum or None
        For degrees in the frame of China's maps; None for projected coordinates and other frames.
    name : str
        As people call it.
    notes : tuple of Text
        What the choice entails, for the report.
    """

    crs: pyproj.CRS
    datum: geodatum.Datum | None
    name: str
    notes: tuple[Text, ...] = ()

    def to_stored(self, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
        """Bring geometries (x before y) to EPSG:4490."""
        if self.datum in OBFUSCATED:
            return geodatum.convert_geometries(shapes, source=self.datum, target="cgcs2000")
        return geocrs.to_stored(shapes, self.crs)


def check_declaration(options: ImportOptions) -> None:
    """Raise `BadParameter` where --crs and --datum are unknown or contradict each other, or --lon lacks --lat."""
    if (options.lon is None) != (options.lat is None):
        raise BadParameter(
            Text("--lon 与 --lat 只给了一个。", "Only one of --lon and --lat is given."),
            Text("请两个都给。", "Give both."),
        )
    if options.datum is not None and options.datum not in geodatum.DATUMS:
        raise BadParameter(
            Text("不认识基准 {d}。", "The datum {d} is not known.").format(d=options.datum),
            Text("可用：{known}。", "There are {known}.").format(known=", ".join(geodatum.DATUMS)),
        )
    if options.crs is None:
        return
    parsed = _parsed(options.crs)
    if options.datum is None:
        return
    if options.datum in OBFUSCATED or geocrs.frame_family(parsed) != "cgcs2000":
        raise BadParameter(
            Text(
                "--crs {crs} 与 --datum {datum} 相互矛盾。",
                "--crs {crs} and --datum {datum} contradict each other.",
            ).format(crs=options.crs, datum=options.datum),
            Text("请只给一个。", "Give one of them."),
        )


def declare(source: Source, options: ImportOptions) -> Declared:
    """Settle what the coordinates of `source` are in, from the file and the options.

    Raises
    ------
    ValidationError
        Nothing says it; the file and the options contradict each other; or the frame is Beijing 1954, Xian
        1980 or another that cannot be converted without a declared transformation.
    BadParameter
        See `check_declaration`.
    """
    check_declaration(options)
    datum = cast("geodatum.Datum | None", options.datum)
    of_file = None if source.crs is None else _parsed_of_file(source.crs)
    of_option = None if options.crs is None else _parsed(options.crs)
    if of_file is not None and geocrs.frame_family(of_file) == "refused" and of_option is not None:
        of_file = None  # --crs declares the transformation that the file leaves out
    if of_option is not None and of_file is not None and source.names_crs and not _same(of_option, of_file):
        raise ValidationError(
            Text(
                "文件自称坐标系为 {file}，--crs 却说是 {option}。请核实；若文件有误，请先在 GIS 中改正其坐标系。",
                "The file says its CRS is {file}, but --crs says {option}. Find out which is right; "
                "if it is the file that errs, correct its CRS in a GIS first.",
            ).format(file=_name(of_file), option=_name(of_option))
        )
    crs = of_option if of_option is not None else of_file
    if crs is None and datum is None:
        raise _undeclared(source)
    if crs is not None and geocrs.frame_family(crs) == "refused":
        raise _refused(crs)
    if datum is None:
        assert crs is not None
        return _by_crs(crs)
    if crs is None:
        return _by_datum(datum)
    return _by_both(crs, datum)


def _by_crs(crs: pyproj.CRS) -> Declared:
    name = _name(crs)
    if geocrs.frame_family(crs) == "modern":
        return Declared(crs, None, name, (_OTHER_FRAME.format(crs=name),))
    names: dict[str, geodatum.Datum] = {"EPSG:4326": "wgs84", "OGC:CRS84": "wgs84", "EPSG:4490": "cgcs2000"}
    datum = names.get(name, "wgs84") if crs.is_geographic else None
    notes = () if datum == "cgcs2000" or "CGCS2000" in crs.name else (_ONE_FRAME,)
    return Declared(crs, datum, DATUM_NAMES[names[name]] if name in names else name, notes)


def _by_datum(datum: geodatum.Datum) -> Declared:
    crs = _parsed("EPSG:4326" if datum == "wgs84" else "EPSG:4490")
    return Declared(crs, datum, DATUM_NAMES[datum], (_ONE_FRAME,) if datum == "wgs84" else ())


def _by_both(crs: pyproj.CRS, datum: geodatum.Datum) -> Declared:
    if datum in OBFUSCATED and not crs.is_geographic:
        raise ValidationError(
            Text(
                "{datum} 的坐标须是经纬度（度），而文件是投影坐标 {crs}。请先导出为经纬度，或去掉 --datum。",
                "{datum} coordinates are degrees, but the file's are projected ({crs}). Export it as longitude and "
                "latitude first, or leave out --datum.",
            ).format(datum=DATUM_NAMES[datum], crs=_name(crs))
        )
    if geocrs.frame_family(crs) != "cgcs2000":
        raise ValidationError(
            Text(
                "文件自称坐标系为 {crs}，与 --datum {datum} 矛盾。",
                "The file says its CRS is {crs}, which contradicts --datum {datum}.",
            ).format(crs=_name(crs), datum=datum)
        )
    return _by_datum(datum) if crs.is_geographic else _by_crs(crs)


def _undeclared(source: Source) -> ValidationError:
    return ValidationError(
        Text(
            "没有说明坐标属于哪个基准或坐标系（{kind} 自身未注明）。"
            "请用 --datum wgs84|cgcs2000|gcj02|bd09，或 --crs EPSG:n 说明。",
            "Nothing says what the coordinates are in (this {kind} names no CRS). "
            "Declare it with --datum wgs84|cgcs2000|gcj02|bd09, or with --crs EPSG:n.",
        ).format(kind=KIND_NAMES[source.kind])
    )


def _refused(crs: pyproj.CRS) -> ValidationError:
    return ValidationError(
        Text(
            "坐标系 {crs} 属于 1954 北京、1980 西安等需要转换参数的框架，没有参数会偏差数十米以上，因此不导入。"
            "请由测绘部门转换为 CGCS2000，或用带 +towgs84 参数的 --crs。",
            "{crs} is in a frame such as Beijing 1954 or Xian 1980, which is off by tens of metres or more without its "
            "transformation, so it is not imported. Have it converted to CGCS2000, or declare the transformation: "
            "--crs with +towgs84.",
        ).format(crs=_name(crs))
    )


def _parsed(text: str) -> pyproj.CRS:
    try:
        return geocrs.parse_crs(text)
    except ValueError as error:
        raise BadParameter(
            Text("不认识坐标系 {crs}。", "The CRS {crs} is not known.").format(crs=text[:80]),
            Text("请写成 EPSG:4490 的形式。", "Write it like EPSG:4490."),
        ) from error


def _parsed_of_file(text: str) -> pyproj.CRS:
    try:
        return geocrs.parse_crs(text)
    except ValueError as error:
        raise ValidationError(
            Text(
                "文件注明的坐标系无法识别：{crs}。请在导出它的软件中换成有 EPSG 编号的坐标系再导出。",
                "The CRS that the file names is not known: {crs}. Export it again in a CRS that has an EPSG number.",
            ).format(crs=text[:80])
        ) from error


def _name(crs: pyproj.CRS) -> str:
    authority = crs.to_authority()
    return f"{authority[0]}:{authority[1]}" if authority else str(crs.name)


def _same(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    # The order in which a registry lists the axes says nothing about files, which are x before y.
    return one.equals(other, ignore_axis_order=True)
