"""No cell of any sheet that leaves is a formula, whatever somebody wrote into whatever field; and back."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import app
from layers import sheets
from layers.cli import Context
from layers.exports import frame_bytes, table_bytes
from layers.frames import conform
from layers.imports.csv_table import read_csv
from layers.imports.xlsx_table import read_xlsx
from layers.schema import LAYERS
from layers.store import create_store, open_store
from tests.district import small_district

STARTS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋x",
    "－x",
    "＠x",
    "'=1",
    "''@x",
)


def cells_of(content: bytes, ending: str) -> list[str]:
    """Return every cell of a sheet, as it stands there."""
    if ending == "csv":
        return [
            cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) for cell in row
        ]
    page = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    found = [cell for row in page.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in found if cell.data_type == "f"]
    return [str(cell.value) for cell in found if cell.value is not None]


def formulas(cells: list[str]) -> list[str]:
    """Return the cells that a spreadsheet may take for a formula; plain numbers are none."""
    numbers = [cell for cell in cells if cell.lstrip("+-").replace(".", "", 1).isdecimal()]
    return [cell for cell in cells if cell[:1] in "=+-@\t\r\n＝＋－＠" and cell and cell not in numbers]


@given(text=st.text(st.sampled_from("'=+-@\t\r\n＝＋－＠a1. 网"), max_size=6))
def test_what_was_shielded_is_read_as_it_was(text: str) -> None:
    shown = sheets.shielded(text)
    assert sheets.plain(shown) == text
    assert formulas([shown]) == []


@pytest.mark.parametrize("text", ["-5", "+86", "-114.25", "0", "13800000000", "", "a=1", "网格"])
def test_plain_numbers_and_other_texts_stay(text: str) -> None:
    assert sheets.shielded(text) == text


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("name", LAYERS)
def test_no_text_field_of_any_layer_becomes_a_formula(name: str, ending: str) -> None:
    layer = LAYERS[name]
    shape = shapely.box(114, 22, 114.1, 22.1) if "polygon" in layer.geometry else shapely.Point(114, 22)
    texts = {field.name: list(STARTS) for field in layer.fields if field.type in ("text", "time")}
    rows = gpd.GeoDataFrame(texts, geometry=[shape] * len(STARTS), crs="EPSG:4490")
    frame = conform(rows, layer)
    content = frame_bytes(frame, ending, title=STARTS[0], note=STARTS[0])
    cells = cells_of(content, ending)
    assert formulas(cells) == []
    assert sum(cell.startswith("'") for cell in cells) >= len(STARTS) * len(texts)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_plain_table_is_shielded_whatever_its_types(ending: str) -> None:
    values = list(STARTS)
    table = pd.DataFrame(
        {
            "=head": pd.Series(values, dtype="str"),
            "objects": pd.Series(values, dtype=object),
            "number": range(len(values)),
        }
    )
    assert formulas(cells_of(table_bytes(table, ending), ending)) == []


def test_what_is_exported_is_imported_as_it_was(tmp_path: Path) -> None:
    texts = [text for text in STARTS if not text.startswith(("\t", "\r", "\n"))]
    table = pd.DataFrame(
        {
            "code": pd.Series([str(n) for n in range(len(texts))], dtype="str"),
            "text": pd.Series(texts, dtype="str"),
        }
    )
    for ending, read in (("csv", read_csv), ("xlsx", lambda path: read_xlsx(path, sheet=None))):
        file = tmp_path / f"t.{ending}"
        file.write_bytes(table_bytes(table, ending))
        assert read(file).columns["text"].tolist() == texts


def test_rows_set_aside_by_an_import_hold_no_formula_and_are_read_again(tmp_path: Path) -> None:
    district, frames = small_district()
    url = f"gpkg:{tmp_path / 'small.gpkg'}"
    create_store(url, district, layers=frames).close()
    place = shapely.Point(frames["complaints"].geometry.iloc[0].coords[0])
    texts = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1;=2", "-楼下噪音", "＝1"]
    file, rejects = tmp_path / "c.csv", tmp_path / "r.csv"
    heads = ["code", "opened", "category", "lon", "lat", "text", "=note"]

    def write(day: str, name: Path) -> None:
        with name.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(heads)
            for number, text in enumerate(["fine", *texts]):
                opened = "2020-01-01" if number == 0 else day
                writer.writerow([f"Z{number}", opened, "x", f"+{place.x:.7f}", f"{place.y:.7f}", text, "@x"])

    write("no day", file)
    context = Context(store_url=url, language="en", data_folder=app.DATA_FOLDER)
    command = ["import", "complaints", str(file), "--datum", "wgs84", "--rejects", str(rejects)]
    done = CliRunner().invoke(app.wangge, command, obj=context)
    assert done.exit_code == 0, done.output
    cells = cells_of(rejects.read_bytes(), "csv")
    assert formulas(cells) == []
    assert f"+{place.x:.7f}" in cells  # a number stays one
    corrected = rejects.read_text("utf-8-sig").replace("no day", "2020-01-02")
    again = tmp_path / "again.csv"
    again.write_text(corrected, "utf-8", newline="")
    command = ["import", "complaints", str(again), "--datum", "wgs84"]
    done = CliRunner().invoke(app.wangge, command, obj=context)
    assert done.exit_code == 0, done.output
    with open_store(url) as store:
        stored = store.read("complaints", codes=[f"Z{n}" for n in range(1, 6)])
    assert stored.text.tolist() == texts
