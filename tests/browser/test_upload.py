"""Importing a file in the browser, from choosing it to the result, and everything that stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from layers.installation import Installation
from layers.standards import Standards
from layers.store import Store
from tests.browser.conftest import Open, saved, serving
from tests.webmap.access import PASSWORD, People
from tests.webmap.uploading import complaints, service

Visit = Callable[..., Page]


@contextmanager
def desk(folder: Path, standards: Standards, **settings: Any) -> Iterator[tuple[Store, People, str]]:
    with service(folder, standards, **settings) as (store, persons), serving(persons.app) as address:
        yield store, persons, address


@pytest.fixture
def served(tmp_path: Path, standards: Standards) -> Iterator[tuple[Store, People, str]]:
    with desk(tmp_path, standards) as made:
        yield made


def sign_in(open_page: Open, persons: People, address: str, *, role: str = "planner", **options: Any) -> Page:
    persons.add(role, role)
    page = open_page(f"{address}/sign-in", **options)
    page.fill("[name=name]", role)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{address}/*")
    return page


def give(page: Page, name: str, content: bytes) -> None:
    page.set_input_files("#f-file", files=[FilePayload(name=name, mimeType="text/csv", buffer=content)])


def choose(page: Page, name: str, content: bytes, *, datum: str = "") -> None:
    give(page, name, content)
    page.select_option("#f-layer", "complaints")
    page.select_option("#f-datum", datum)
    page.get_by_role("button", name="上传并检查").click()


def test_a_file_in_the_wrong_datum_is_stopped_in_words_and_imported_in_the_right_one(
    open_page: Open, served: tuple[Store, People, str]
) -> None:
    store, persons, address = served
    page = sign_in(open_page, persons, address)
    page.goto(f"{address}/data")
    choose(page, "诉求.csv", complaints("gcj02"), datum="wgs84")
    stopped = page.get_by_role("alert").filter(has_text="坐标基准不对，已拦下")
    expect(stopped).to_contain_text("GCJ-02 相符：90 个点中有 90 个落在所标注的街道内，按 WGS 84 只有")
    expect(stopped).to_contain_text("没有写入任何内容")
    expect(page.get_by_role("button", name="导入", exact=True)).to_have_count(0)
    assert store.counts()["complaints"] == 0
    # A reload loses nothing: where it stands is on the server.
    page.reload()
    stopped.get_by_role("button", name="改按 GCJ-02 检查").click()
    expect(page.locator(".statement")).to_have_text(
        "将在“诉求”中新增 90 条、更新 0 条，0 条没有变化。作为一次写入，要么全部完成，要么完全没有。"
    )
    expect(page.locator("canvas.where")).to_be_visible()
    page.get_by_role("button", name="导入", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="新增 90 条")).to_be_visible()
    assert store.counts()["complaints"] == 90
    assert store.changes(since=0)[-1].by.who == "planner"
    # The other page of the service shows it.
    expect(page.get_by_role("link", name="在地图上看")).to_have_attribute("href", "/")


def test_rows_with_problems_are_listed_downloaded_and_set_aside(
    open_page: Open, served: tuple[Store, People, str], tmp_path: Path
) -> None:
    store, persons, address = served
    bad = ("X1,noise,2019-13-01,S1,114.1285,22.5455", "=cmd(),noise,2019-01-01,S9,114.1285,22.5455")
    page = sign_in(open_page, persons, address)
    page.goto(f"{address}/data")
    choose(page, "诉求.csv", complaints(count=20, more=bad), datum="wgs84")
    expect(page.get_by_role("heading", name="问题（2 处）")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="2019-13-01")
    expect(row).to_contain_text("opened")
    table = saved(page, page.get_by_role("link", name="下载有问题的行").click, tmp_path)
    assert "'=cmd()" in table.read_text("utf-8-sig")
    expect(page.get_by_text("检查没有通过，还不能导入")).to_be_visible()
    page.get_by_label("把有问题的行放在一边").check()
    expect(page.get_by_text("有问题的 2 行不导入")).to_be_visible()
    page.get_by_role("button", name="导入", exact=True).click()
    expect(page.get_by_role("heading", name="已导入 诉求.csv")).to_be_focused()
    assert "X1" not in store.read("complaints").index


def test_columns_that_are_not_known_are_chosen_from_the_first_rows(
    open_page: Open, served: tuple[Store, People, str]
) -> None:
    store, persons, address = served
    page = sign_in(open_page, persons, address)
    page.goto(f"{address}/data?lang=en")
    content = b"no,was,tag,x1,y1\nN1,noise,2019-01-01,114.1285,22.5455\n"
    give(page, "a.csv", content)
    page.select_option("#f-layer", "complaints")
    page.select_option("#f-datum", "cgcs2000")
    page.get_by_role("button", name="Upload and check").click()
    expect(
        page.get_by_role("alert").filter(has_text="What the columns mean cannot be settled")
    ).to_be_visible()
    for field, column in (("Code", "no"), ("Category", "was"), ("Opened", "tag")):
        page.get_by_role("row", name=field).get_by_role("combobox").first.select_option(f":{column}")
    page.select_option("#f-set-lon", "x1")
    page.select_option("#f-set-lat", "y1")
    page.get_by_role("button", name="Check again with these settings").click()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="a.csv has been imported")).to_be_visible()
    assert list(store.read("complaints").index) == ["N1"]


def test_columns_that_are_not_theirs_are_named_and_left_out(
    open_page: Open, served: tuple[Store, People, str]
) -> None:
    store, persons, address = served
    page = sign_in(open_page, persons, address)
    page.goto(f"{address}/data")
    head, *rows = complaints(count=5).decode().split()
    content = "\n".join([f"{head},诉求内容", *(f"{row},楼上漏水" for row in rows), ""])
    choose(page, "诉求.csv", content.encode(), datum="wgs84")
    refused = page.get_by_role("alert").filter(has_text="有些列不归您写入")
    expect(refused).to_contain_text("text = 诉求内容: 您不可以写入诉求内容。")
    expect(page.get_by_role("row").filter(has_text="不归您写入，不取")).to_have_count(1)
    refused.get_by_role("button", name="不取这些列，重新检查").click()
    expect(page.locator(".statement")).to_contain_text("新增 5 条")
    # The form with all settings leaves them out as well.
    page.locator("details.settings summary").click()
    held: list[Route] = []
    page.route("**/check", lambda route: held.append(route))
    page.get_by_role("button", name="按改后的设置重新检查").click()
    # The check before is not what is imported, however soon somebody presses.
    expect(page.get_by_role("button", name="导入", exact=True)).to_be_disabled()
    held[0].continue_()
    page.get_by_role("button", name="导入", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="新增 5 条")).to_be_visible()
    assert store.read("complaints")["text"].isna().all()


def test_who_may_not_is_told_so(open_page: Open, served: tuple[Store, People, str]) -> None:
    _, persons, address = served
    page = sign_in(open_page, persons, address, role="leader")
    page.watch.expected = "403"  # type: ignore[attr-defined]
    page.goto(f"{address}/data")
    expect(page.get_by_role("heading", name="没有权限")).to_be_visible()
    expect(page.locator("#upload")).to_have_count(0)


def test_what_is_too_large_or_missing_is_said_before_it_is_sent(
    open_page: Open, tmp_path: Path, standards: Standards
) -> None:
    with desk(tmp_path, standards, installation=Installation(upload_mib=1)) as (_, persons, address):
        page = sign_in(open_page, persons, address, width=1024, height=768, has_touch=True)
        page.goto(f"{address}/data")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method))
        send = page.get_by_role("button", name="上传并检查")
        send.click()
        alert = page.locator("form [role=alert]")
        expect(alert).to_have_text("请先选择文件。")
        choose(page, "big.csv", bytes(2**20 + 1))
        expect(alert).to_contain_text("超过 1 MiB")
        expect(alert).to_contain_text("请分成几份")
        assert "POST" not in sent
        # Fingers find everything, and nothing is wider than the screen.
        for control in (send, page.locator(".drop"), page.locator("#f-layer")):
            box = control.bounding_box()
            assert box is not None
            assert box["height"] >= 48
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
