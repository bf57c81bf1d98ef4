"""From the text of a column to the values of a field.

Each value that is not understood is a problem with its row, and with the value that would have been taken. Empty
values and ``NA`` are unknown. Distinct texts are looked at once, so that a column costs what its variety costs.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from layers.imports.dates import day_order, minutes_to_china, parse_clock, parse_day, parse_time
from layers.imports.findings import Fault, Findings
from layers.imports.mapping import heading_key
from layers.text import Text, joined

if TYPE_CHECKING:
    from layers.schema import Field
    from layers.standards import Code, Standards

UNKNOWN = ("", "NA")
"""What stands for unknown in any column."""

YES = ("yes", "y", "true", "t", "1", "1.0", "是", "有")
NO = ("no", "n", "false", "f", "0", "0.0", "否", "无", "没有")
NOT_KNOWN = ("unknown", "未知", "不详", "不明")

_INTEGER = re.compile(r"[+-]?[0-9]+(\.0*)?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}([,'][0-9]{3})+(\.[0-9]+)?")
_LEADING_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_UNIT = re.compile(r"\s*(m2|(?!.*[十百千万亿余多]|[kw]$)[^\W\d_]*)", re.IGNORECASE)
"""What may follow a number without changing it, unlike 12万, 300余户, 300-400, 1e3 or 114°07'."""
_CUT_NUMBER = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]{2,}")
_SPREADSHEET_ERROR = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_NOT_PLAIN = "[\x00-\x1f\x7f-\x9f\ufffd]|^#|[eE][+]?[0-9]+$"
_LARGEST = 2**53
_MAX_DIGITS = 30

Parse = Callable[[str], Any]


def trimmed(texts: pd.Series) -> pd.Series:
    """Return texts without blanks around them; empty ones and ``NA`` are missing."""
    stripped = texts.astype("str").str.strip()
    return stripped.mask(stripped.isin(UNKNOWN))


def parse_column(
    texts: pd.Series, field: Field, standards: Standards, findings: Findings, *, heading: str
) -> pd.Series:
    """Read trimmed texts as values of `field`; what is not understood is missing and noted in `findings`.

    Parameters
    ----------
    texts : Series of str
        From `trimmed`, one per record of `findings`.
    heading : str
        What the problems call the column.

    Returns
    -------
    Series
        Integers and numbers as float64 or Int64, days as datetime64[s], all else as text.
    """
    if field.type == "date":
        return parse_dates(texts, findings, heading=heading)[0]
    parse = parser_of(field, standards)
    looked_at = texts
    if field.type == "text" and field.codes is None:
        # Nearly all texts are plain, and nearly all are distinct: only the others are worth a closer look.
        looked_at = texts.where(texts.str.contains(_NOT_PLAIN, regex=True, na=False))
    values, faults = _by_distinct(looked_at, parse)
    for at, fault in faults.items():
        findings.add(at, heading, texts.iloc[at], fault)
    if looked_at is not texts:
        return texts.where(looked_at.isna(), values).astype("str")
    if field.type == "integer":
        return values.astype("Int64")
    return values.astype("float64" if field.type in ("number", "x", "y") else "str")


def parser_of(field: Field, standards: Standards) -> Parse:
    """Return the function that reads one trimmed text as a value of `field`, or returns a `Fault`."""
    if field.codes is not None:
        codes = standards.code_lists[field.codes]
        spellings = _spellings(codes)
        return lambda text: _code(text, field, codes, spellings)
    if field.type == "fact":
        return parse_fact
    if field.type == "time":
        return parse_time
    if field.type in ("x", "y"):
        return parse_number
    if field.type in ("integer", "number"):
        parse = parse_integer if field.type == "integer" else parse_number
        return lambda text: _in_range(parse(text), field)
    identifies = field.name == "code" or field.parent is not None
    return lambda text: parse_text(text, identifies=identifies)


def _by_distinct(texts: pd.Series, parse: Parse) -> tuple[pd.Series, dict[int, Fault]]:
    """Return the parsed values, and the faults by position."""
    codes, distinct = pd.factorize(texts)
    parsed = np.array([None] * (len(distinct) + 1), dtype=object)  # the last stands for missing, code -1
    parsed[:-1] = [parse(text) for text in distinct]
    faulty = np.array([isinstance(value, Fault) for value in parsed])
    faults = {int(at): parsed[codes[at]] for at in np.flatnonzero(faulty[codes])}
    parsed[faulty] = None
    return pd.Series(parsed[codes], index=texts.index, dtype=object), faults


def parse_dates(texts: pd.Series, findings: Findings, *, heading: str) -> tuple[pd.Series, pd.Series]:
    """Read days, and the times of day that stand with them.

    Returns
    -------
    days : Series of datetime64[s]
    times : Series of str
        HH:MM:SS; all missing where the whole column says midnight, here or there, which is how programs write a
        mere day.

    Notes
    -----
    What names an offset from UTC (``Z``, ``+09:00``) is a moment: it is told by the clock of China, and may be of
    another day there than it was written with. What names none is taken as written.
    """
    parts = pc.extract_regex(
        pa.array(texts, pa.large_string(), from_pandas=True),
        # 2019-03-01T07:54, 2019年3月1日 07:54, 3/1/2019 7:54 AM
        r"(?s)^(?P<day>[^\sT日号]*[日号]?)(?:T|\s)*(?P<time>.*)$",
    )
    day = pd.Series(pd.array(pc.struct_field(parts, "day"), dtype="str"), index=texts.index)
    time = pd.Series(pd.array(pc.struct_field(parts, "time"), dtype="str"), index=texts.index)
    day, time = day.mask(texts.isna()), time.mask(time == "")
    order = day_order(day.dropna().unique())
    days, day_faults = _by_distinct(day, lambda text: parse_day(text, order))
    times, time_faults = _by_distinct(time, parse_clock)
    for at, fault in sorted({**time_faults, **day_faults}.items()):
        findings.add(at, heading, texts.iloc[at], fault)
    days, times = pd.to_datetime(days).astype("datetime64[s]"), times.astype("str")
    if not _are_mere_days(times):
        days, times = _in_china(days, times, time)
    if _are_mere_days(times):
        times = times.mask(times.notna())
    return days, times


def _are_mere_days(times: pd.Series) -> bool:
    return bool((times.dropna() == "00:00:00").all())


def _in_china(days: pd.Series, times: pd.Series, written: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return days and times by the clock of China, of those written with an offset from UTC."""
    later, _ = _by_distinct(written, minutes_to_china)
    moved = times.notna() & days.notna() & (later.fillna(0) != 0)
    if not moved.any():
        return days, times
    clock = pd.to_timedelta(times[moved]) + pd.to_timedelta(later[moved].astype("int64"), unit="min")
    moment = (days[moved] + clock).astype("datetime64[s]")
    days, times = days.copy(), times.copy()
    days[moved], times[moved] = moment.dt.normalize(), moment.dt.strftime("%H:%M:%S")
    return days, times


def parse_integer(text: str) -> int | Fault:
    """Read a whole number in ASCII digits; ``12.0`` is 12."""
    if not _INTEGER.fullmatch(text):
        return _number_fault(text, whole=True)
    digits = text.partition(".")[0]
    value = int(digits) if len(digits) < _MAX_DIGITS else _LARGEST + 1
    if abs(value) > _LARGEST:
        return Fault(Text("数值过大。", "The number is too large."), Text("请核对。", "Check it."))
    return value


def parse_number(text: str) -> float | Fault:
    """Read a decimal number in ASCII digits."""
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return _number_fault(text, whole=False)
    return float(text)


def _number_fault(text: str, *, whole: bool) -> Fault:
    message = (
        Text("不是整数。", "This is not a whole number.")
        if whole
        else Text("不是数值。", "This is not a number.")
    )
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _GROUPED.match(plain) or _LEADING_NUMBER.match(plain)
    number = re.sub("[,']", "", found[0]) if found else ""
    rest = plain[found.end() :] if found else ""
    if number and _UNIT.fullmatch(rest) and (not whole or _INTEGER.fullmatch(number)):
        return Fault(message, Text("请只写 {n}。", "Write just {n}.").format(n=number))
    example = "3005" if whole else "12.5"
    return Fault(
        message,
        Text(
            "请用半角数字书写，如 {n}，未知则留空。",
            "Write digits such as {n}, or nothing where it is unknown.",
        ).format(n=example),
    )


def _in_range(value: float | Fault, field: Field) -> float | Fault:
    if isinstance(value, Fault):
        return value
    low, high = field.minimum, field.maximum
    if (low is None or value >= low) and (high is None or value <= high):
        return value
    if high is None:
        message = Text("小于 {low}。", "This is less than {low}.")
    elif low is None:
        message = Text("大于 {high}。", "This is more than {high}.")
    else:
        message = Text("不在 {low} 至 {high} 之间。", "This is not between {low} and {high}.")
    return Fault(
        message.format(low=_plain(low), high=_plain(high)),
        Text("请改正，未知则留空。", "Correct it, or leave it empty where it is unknown."),
    )


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def parse_fact(text: str) -> str | Fault:
    """Read yes, no or unknown."""
    word = unicodedata.normalize("NFKC", text).casefold()
    for value, words in (("yes", YES), ("no", NO), ("unknown", NOT_KNOWN)):
        if word in words:
            return value
    return Fault(
        Text("不是“是”“否”或“未知”。", "This is not yes, no or unknown."),
        Text(
            "请写 是/否、有/无、yes/no 或 1/0，未知则留空；也可用 --map-value 说明。",
            "Write yes/no, 是/否, 有/无 or 1/0, nothing where it is unknown, or translate it with --map-value.",
        ),
    )


def parse_text(text: str, *, identifies: bool = False) -> str | Fault:
    """Read a text: line breaks and tabs become blanks; control characters are refused.

    Parameters
    ----------
    identifies : bool
        The text is a code or points to a parent: a long number that a spreadsheet has cut to
        ``4.40303E+11`` is refused.
    """
    if _CONTROL.search(text):
        return Fault(
            Text(
                "含有控制字符或无法读出的字符。",
                "This holds control characters, or some that could not be read.",
            ),
            Text("请重新输入该值，或改正文件编码。", "Type it again, or correct the file's encoding."),
        )
    if _SPREADSHEET_ERROR.fullmatch(text):
        return Fault(
            Text("这是电子表格的出错标记。", "This is a spreadsheet's sign of an error."),
            Text("请改正公式，未知则留空。", "Correct the formula, or leave it empty where it is unknown."),
        )
    if identifies and _CUT_NUMBER.fullmatch(text):
        return Fault(
            Text("这是被电子表格截断的长编号。", "This is a long number that a spreadsheet has cut."),
            Text(
                "请把该列设为文本格式并重新填写编码。", "Format the column as text and enter the codes again."
            ),
        )
    return re.sub(r"[\t\r\n]+", " ", text)


def _spellings(codes: tuple[Code, ...]) -> dict[str, str]:
    return {
        heading_key(spelling): code.id
        for code in reversed(codes)
        for spelling in (*code.aliases, *code.short, *code.title, code.id)
    }


def _code(text: str, field: Field, codes: tuple[Code, ...], spellings: dict[str, str]) -> str | Fault:
    found = spellings.get(heading_key(text))
    if found is not None:
        return found
    return Fault(
        Text("不认识的{title}。", "This {title} is not known.").format(
            title=Text(field.title.zh, field.title.en.lower())
        ),
        Text(
            "可用：{known}。可用 --map-value {name}:{text}=… 说明它指哪一种。",
            "There are {known}. Say which it is with --map-value {name}:{text}=….",
        ).format(
            known=joined([Text(f"{code.title.zh}（{code.id}）", code.id) for code in codes]),
            name=field.name,
            text=text,
        ),
    )
