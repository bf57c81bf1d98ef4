"""CSV and XLSX as they come: encodings, delimiters, quotes, broken rows, typed cells."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from layers.imports import archives
from layers.imports.encoding import encoding_of
from layers.imports.raw import Source, headings
from layers.imports.source import read_source
from layers.problems import ValidationError
from layers.schema import LAYERS, Layer
from tests.layers.imports.conftest import refused

CsvOf = Callable[..., Path]


def cells(source: Source) -> list[list[str | None]]:
    frame = source.columns
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_encodings(csv_of: CsvOf, encoding: str) -> None:
    source = read_source(csv_of("编号,名称,经度,纬度", "A1,绿景花园,114.1,22.5", encoding=encoding))
    assert list(source.columns.columns) == ["编号", "名称", "经度", "纬度"]
    assert cells(source) == [["A1", "绿景花园", "114.1", "22.5"]]
    assert source.rows.tolist() == [2]


def test_a_character_cut_in_utf8_stays_utf8_and_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    rows = [f"A{i},绿景花园第{i}期" for i in range(50)]
    data = "\n".join(["code,name", *rows]).encode()
    path.write_bytes(data.replace("第25期".encode(), "第25期".encode()[:-1]))
    source = read_source(path)
    assert source.columns["name"][25] == "绿景花园第25\ufffd"
    assert source.columns["name"][26] == "绿景花园第26期"


def test_bytes_in_no_encoding_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.csv"
    path.write_bytes(b"a,b\n" + bytes([0xFF, 0x80, 0x81, 0xFE]) * 20)
    assert "neither UTF-8 nor GB18030" in str(refused(lambda: read_source(path)))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 7))
def test_utf8_in_any_pieces_is_utf8(text: str, size: int) -> None:
    data = text.encode()
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        expected = "utf-8-sig"
        if "\ufffd" not in text:
            assert encoding_of(pieces) == expected


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_chinese_headings_in_gb18030_are_not_taken_for_damaged_utf8(layer: Layer) -> None:
    text = ",".join(field.title.zh for field in layer.fields)
    assert encoding_of([text.encode("gb18030")]) == "gb18030"
    assert encoding_of([text.encode()]) == "utf-8-sig"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(csv_of: CsvOf, delimiter: str) -> None:
    source = read_source(csv_of(delimiter.join(["code", '"a, b; c"', "d"]), delimiter.join(["1", "2", "3"])))
    assert cells(source) == [["1", "2", "3"]]


def test_quotes_and_line_breaks_within_a_value(csv_of: CsvOf) -> None:
    source = read_source(csv_of("code,text", '1,"two', 'lines, ""quoted"""', "2,x"))
    assert cells(source) == [["1", 'two\nlines, "quoted"'], ["2", "x"]]
    assert source.rows.tolist() == [2, 3]


def test_empty_rows_keep_the_numbers_of_the_others(csv_of: CsvOf) -> None:
    source = read_source(csv_of("", "code,a", "", "1,x", ",", "2,y", ""))
    assert source.rows.tolist() == [4, 6]
    assert cells(source) == [["1", "x"], ["2", "y"]]


def test_broken_rows_are_told_and_the_others_read(csv_of: CsvOf) -> None:
    source = read_source(csv_of("code,a,b", "1,x,y", "2,x", "3,x,y,z", "4,x,y,,", '5,"x"x,y', "6,x,y"))
    assert source.columns["code"].tolist() == ["1", "4", "6"]
    assert source.rows.tolist() == [2, 5, 7]
    assert [(one.problem.row, one.cells[:1]) for one in source.broken] == [
        (3, ("2",)),
        (4, ("3",)),
        (6, ("5",)),
    ]
    assert "2 values under 3 headings" in source.broken[0].problem.message.en


@pytest.mark.parametrize("last", ['4,"x"', "4,x"])
def test_an_open_quote_costs_its_own_row_and_no_other(csv_of: CsvOf, last: str) -> None:
    source = read_source(csv_of("code,a", "1,x", '2,"x', "3,x", last, '5,"two', 'lines"', "6,x"))
    assert cells(source) == [["1", "x"], ["3", "x"], ["4", "x"], ["5", "two\nlines"], ["6", "x"]]
    assert source.rows.tolist() == [2, 4, 5, 6, 7]
    assert [(one.problem.row, one.cells) for one in source.broken] == [(3, ("2", '"x'))]


def test_an_open_quote_at_the_end_of_a_long_file_costs_its_own_row(csv_of: CsvOf) -> None:
    source = read_source(csv_of("code,a", *(f"{n},x" for n in range(500)), '500,"x', "501,x"))
    assert source.columns["code"].tolist() == [*map(str, range(500)), "501"]
    assert [one.problem.row for one in source.broken] == [502]


def test_headings(csv_of: CsvOf) -> None:
    source = read_source(csv_of(" code ,name,name,,", "1,x,y,,z"))
    assert list(source.columns.columns) == ["code", "name", "name (2)", "column 5"]
    assert ["Two columns are headed name" in warning.en for warning in source.warnings] == [True]


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "b", "", " a "]), max_size=9))
def test_headings_are_distinct_and_take_the_first_free_number(raw: list[str]) -> None:
    expected: list[str] = []
    for at, heading in enumerate(raw):
        name = heading.strip() or f"column {at + 1}"
        free = (f"{name} ({n})" for n in range(2, 99) if f"{name} ({n})" not in expected)
        expected.append(next(free) if name in expected else name)
    assert headings(raw, is_empty=lambda _: False)[0] == expected


def test_a_row_of_headings_all_alike_is_soon_read() -> None:
    """Tried one after the other from the first, they would take hours."""
    names, kept, _ = headings(["a"] * 20_000, is_empty=lambda _: False)
    assert (len(set(names)), len(kept), names[-1]) == (20_000, 20_000, "a (20000)")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b",,\n,,\n"])
def test_a_file_without_heading_is_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)
    assert "empty" in str(refused(lambda: read_source(path)))


def test_packed_with_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("编号,a\n1,x\n".encode("gb18030")))
    assert list(read_source(path).columns.columns) == ["编号", "a"]


@pytest.mark.parametrize("cut", [5, 12, -4])
def test_a_cut_gzip_file_is_damaged(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"code,a\n" + b"1,x\n" * 1000)[:cut])
    assert "cannot be read as CSV" in str(refused(lambda: read_source(path)))


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"code,a\n" + b"0" * (archives.RATIO_FROM_BYTES + 1)))
    assert "zip bomb" in str(refused(lambda: read_source(path)))


def test_a_table_that_packs_well_is_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"code,a\n" + b"1,x\n" * 200_000))
    assert len(read_source(path).rows) == 200_000


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_cells_of_a_workbook_become_text(tmp_path: Path) -> None:
    day, moment = (pd.Timestamp(text).to_pydatetime() for text in ("2019-03-01", "2019-03-01 07:54"))
    row: list[object] = [440303001001, 12.0, 1.5, True, day, moment, dt.time(7, 54), " x ", None]
    path = workbook(tmp_path / "a.xlsx", {"s": [list("abcdefghi"), row]})
    assert cells(read_source(path)) == [
        ["440303001001", "12", "1.5", "true", "2019-03-01", "2019-03-01 07:54:00", "07:54:00", " x ", None]
    ]


def test_a_code_that_the_workbook_has_cut_shows_it(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"s": [["code"], [44030300100100112345]]})
    assert cells(read_source(path)) == [["4.40303001001001E+19"]]


def test_rows_of_a_workbook_keep_their_numbers(tmp_path: Path) -> None:
    rows: list[list[object]] = [[None], ["code", None, "a"], ["1"], [None, " "], ["2", "y", "x"]]
    source = read_source(workbook(tmp_path / "a.xlsx", {"s": rows}))
    assert source.rows.tolist() == [3, 5]
    assert list(source.columns.columns) == ["code", "column 2", "a"]


def test_sheets_with_content_must_be_chosen(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"一": [["code"], ["1"]], "空": [], "二": [["code"], ["2"]]})
    said = str(refused(lambda: read_source(path)))
    assert "一, 二" in said
    assert "--source-layer" in said
    assert cells(read_source(path, source_layer="二")) == [["2"]]
    assert "named 三" in str(refused(lambda: read_source(path, source_layer="三")))
    one = workbook(tmp_path / "b.xlsx", {"一": [["code"], ["1"]], "空": []})
    assert cells(read_source(one)) == [["1"]]


def test_an_empty_workbook(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="holds no sheet with content"):
        read_source(workbook(tmp_path / "a.xlsx", {"一": []}))


def test_a_damaged_workbook(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"一": [["code"], ["1"]]})
    data = path.read_bytes()
    at = data.index(b"xl/worksheets")
    path.write_bytes(data[: at + 30] + b"\x00" * 40 + data[at + 70 :])
    with pytest.raises(ValidationError, match=r"cannot be read as XLSX|damaged archive"):
        read_source(path)


def test_csv_and_xlsx_of_the_same_table_are_read_alike(tmp_path: Path, csv_of: CsvOf) -> None:
    rows: list[list[object]] = [["code", "n", "day"], ["A", 3005, dt.date(2019, 3, 1)], ["B", 1.25, None]]
    text = io.StringIO()
    for row in rows:
        text.write(",".join("" if one is None else str(one) for one in row) + "\n")
    left = read_source(workbook(tmp_path / "a.xlsx", {"s": rows}))
    right = read_source(csv_of(*text.getvalue().splitlines()))
    assert left.columns.fillna("").equals(right.columns.fillna(""))
    assert left.rows.tolist() == right.rows.tolist()
