"""What the planner takes away: tables, and a map that opens without a network."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl
import pyogrio
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Open, saved

pytestmark = pytest.mark.browser


def taken(page: Page, name: str, folder: Path) -> Path:
    page.get_by_role("button", name="下载").click()
    return saved(page, page.get_by_role("link", name=name).click, folder)


def test_tables_hold_exactly_the_rows_of_the_view(small: str, open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"{small}/?question=double_none&community_kind=old_estate")
    expect(page.locator(".row").first).to_be_visible()
    names = page.locator(".name-text").all_inner_texts()

    written = taken(page, "CSV", tmp_path).read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    rows = [row for row in csv.DictReader(io.StringIO(written.decode("utf-8-sig"))) if row["名称"]]
    assert [row["名称"] for row in rows] == names

    sheet = openpyxl.load_workbook(taken(page, "Excel", tmp_path)).worksheets[0]
    cells = [str(cell) for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None]
    assert [cell for cell in cells if cell in names] == names

    frame = pyogrio.read_dataframe(taken(page, "GeoPackage", tmp_path))
    assert list(frame["名称"]) == names
    assert frame.geometry.notna().all()


@pytest.mark.parametrize("question", ["gap", "double_none", "hotspots"])
def test_the_offline_map_opens_from_a_file_and_asks_nobody(
    small: str, open_page: Open, browser: Browser, tmp_path: Path, question: str
) -> None:
    page = open_page(f"{small}/?question={question}")
    expect(page.locator(".row").first).to_be_visible()
    first = page.locator(".name-text").first.inner_text()
    file = taken(page, "离线地图", tmp_path)

    context = browser.new_context(offline=True)
    asked: list[str] = []
    complaints: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.as_uri())
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".invented")).to_contain_text("Invented demonstration data")
    expect(page.locator("aside")).to_contain_text("数据截至 2019-12-31")
    expect(page.locator("path.unit").first).to_be_attached()
    expect(page.locator(".label")).to_have_count(2)
    page.locator("button[data-id]").first.click()
    expect(page.locator(".leaflet-popup strong")).to_have_text(first)
    assert asked == [file.as_uri()]
    assert complaints == []
    context.close()

    # And what it might ask, the browser would refuse.
    assert "content=\"default-src 'none';" in file.read_text("utf-8")


def test_hostile_names_stay_text(small: str, open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"{small}/?question=double_none&select=C10")
    expect(page.locator("#card h2")).to_have_text("甲&乙“<园>”")
    file = taken(page, "离线地图", tmp_path)
    assert "<园>" not in file.read_text("utf-8")
