"""What if on the page: a place is dropped, dragged, typed, closed, undone, saved, compared, taken away and printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from playwright.sync_api import Locator, Page, Request, expect

from layers.frames import conform
from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import create_store
from layers.visitors import WHOLE_DISTRICT, Visitor
from tests.browser.conftest import Open, drawn, saved, serving
from tests.browser.test_hands_and_ears import serious
from tests.browser.test_sign_in import sign_in
from tests.district import small_district
from tests.visitors import app_for
from tests.webmap.access import People, people

pytestmark = pytest.mark.browser

IN_C08 = (114.137861, 22.545487)
STEP = f"add:day_care:{IN_C08[0]}:{IN_C08[1]}"
LEADER = Visitor("leader", WHOLE_DISTRICT, account="1" * 12, name="leader", via="session")


@pytest.fixture(scope="session")
def with_room(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a district that really has the places that the tests suppose."""
    district, frames = small_district()
    point = [shapely.Point(IN_C08)]
    for layer, row in (
        ("facilities", {"code": "F90", "kind": "day_care"}),
        ("mediation_rooms", {"code": "M9", "shared": "yes"}),
    ):
        frame = conform(gpd.GeoDataFrame([row], geometry=point, crs="EPSG:4490"), LAYERS[layer])
        frames[layer] = gpd.GeoDataFrame(pd.concat([frames[layer], frame]).sort_index())
    url = f"gpkg:{tmp_path_factory.mktemp('what_if') / 'real.gpkg'}"
    with (
        create_store(url, district, layers=frames) as store,
        serving(app_for(store, standards)) as address,
    ):
        yield address


def start(page: Page) -> None:
    expect(page.locator(".row").first).to_be_visible()
    page.get_by_role("button", name="假设推演").click()
    expect(page.locator("#what-if-title")).to_be_focused()


def type_place(page: Page, lon: float, lat: float) -> None:
    if not page.locator("[data-key=lon]").is_visible():
        page.get_by_text("输入经纬度").click()
    page.locator("[data-key=lon]").fill(str(lon))
    page.locator("[data-key=lat]").fill(str(lat))
    page.locator("[data-key=lat]").press("Enter")


def residents(page: Page) -> Locator:
    return page.locator(".what-if-figures tbody tr").first


def headline(page: Page) -> str:
    return page.locator(".question.open .headline .value").inner_text()


def steps_in(page: Page) -> list[str]:
    given = parse_qs(urlsplit(page.url).query).get("what_if", [""])[0]
    return given.split(";") if given else []


def test_a_dropped_room_says_what_a_store_says_that_has_it(
    small: str, with_room: str, open_page: Open
) -> None:
    page = open_page(f"{small}/?unit=communities&select=C08")
    before = page.locator(".question.open .headline .value")
    expect(before).to_be_visible()
    facts = headline(page)
    start(page)
    type_place(page, *IN_C08)
    expect(residents(page)).to_be_visible()
    page.get_by_label("增设什么").select_option("shared_mediation_room")
    type_place(page, *IN_C08)
    expect(page.locator(".what-if-due")).to_be_visible()
    expect(page.locator("#card")).to_contain_text("假设：")
    real = open_page(f"{with_room}/?unit=communities&select=C08")
    expect(real.locator("#card .card-figure").first).to_be_visible()
    assert headline(page) == headline(real) != facts
    for part in (".ways", "#card .distances", "#card .card-figures", "#card .reason"):
        expect(page.locator(part)).to_have_text(real.locator(part).inner_text(), use_inner_text=True)
    values = page.locator(".strip strong").all_inner_texts()
    assert values == real.locator(".strip strong").all_inner_texts()
    asked = "/api/what-if?unit=communities&steps="
    body = page.request.get(f"{small}{asked}{';'.join(steps_in(page))}").json()["view"]["rows"]
    assert body == real.request.get(f"{with_room}/api/view?unit=communities").json()["rows"]


def test_a_click_on_the_map_places_and_dragging_asks_one_at_a_time(small: str, open_page: Open) -> None:
    page = open_page(small, webgl=True)
    start(page)
    drawn(page)
    asked: list[str] = []
    on_the_way: list[int] = [0]

    def count(request: Request, more: int) -> None:
        if "/api/what-if?" in request.url:
            on_the_way.append(on_the_way[-1] + more)
            if more > 0:
                asked.append(request.url)

    page.on("request", lambda request: count(request, 1))
    for ended in ("requestfinished", "requestfailed"):
        page.on(ended, lambda request: count(request, -1))
    tiles: list[str] = []
    page.get_by_role("button", name="在图上点位置").click()
    box = page.locator("#map").bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(*middle)
    expect(residents(page)).to_be_visible()
    expect(page.locator("#card")).to_be_hidden()
    expect(page.locator(".supposed")).to_be_focused()
    expect(page.locator(".what-if-keys")).to_contain_text("更多居民被覆盖")
    drawn(page)
    page.on("request", lambda request: tiles.append(request.url) if "/tiles/" in request.url else None)
    placed = steps_in(page)
    page.mouse.move(*middle)
    page.mouse.down()
    for at in range(1, 40):
        page.mouse.move(middle[0] - 3 * at, middle[1])
    page.mouse.up()
    # The newest place is asked for in the end, however many on the way were, and one at a time: its question goes out
    # when the one before has come back, so the page may still tell of an earlier place when the button is let go.
    for _ in range(600):
        moved = steps_in(page)
        if moved != placed and parse_qs(urlsplit(asked[-1]).query)["steps"] == moved:
            break
        page.wait_for_timeout(50)
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.locator("#live")).to_contain_text("假设下覆盖居民")
    assert parse_qs(urlsplit(asked[-1]).query)["steps"] == moved != placed
    assert len(moved) == len(placed) == 1 and max(on_the_way) == 1
    assert tiles == [], "no tile is fetched: classes are states of what is drawn"
    page.get_by_role("button", name="撤销").click()
    expect(page).to_have_url(re.compile(re.escape(placed[0].split(":")[2])))
    assert steps_in(page) == placed


def test_the_keyboard_places_moves_and_undoes(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?lang=en")
    expect(page.locator(".row").first).to_be_visible()
    page.get_by_role("button", name="What if").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#what-if-title")).to_be_focused()
    page.get_by_role("button", name="Choose the place on the map").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#map")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-key=place]")).to_have_attribute("aria-pressed", "false")
    page.locator("[data-key=place]").press("Enter")
    page.locator("#map").press("Enter")
    mark = page.locator(".supposed")
    expect(mark).to_be_focused()
    expect(mark).to_have_attribute("aria-label", re.compile("Step 1: Add: Day-care"))
    _, _, lon, lat = steps_in(page)[0].split(":")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.locator("#live")).to_contain_text("If so, Residents covered")
    expect(mark).to_be_focused()
    _, _, east, north = steps_in(page)[0].split(":")
    assert (float(east) - float(lon)) * 102_800 == pytest.approx(10, abs=0.3)
    assert (float(north) - float(lat)) * 111_320 == pytest.approx(100, abs=0.3)
    page.locator("[data-key=undo]").press("Enter")
    page.locator("[data-key=undo]").press("Enter")
    expect(page.locator("[data-key=undo]")).to_be_enabled()
    assert steps_in(page)[0].split(":")[2:] == [lon, lat]
    page.locator("[data-key=undo]").press("Enter")
    expect(page.locator(".supposed")).to_have_count(0)
    assert steps_in(page) == []
    page.locator(".what-if-bar").get_by_role("button", name="End", exact=True).press("Enter")
    expect(page.get_by_role("button", name="What if")).to_be_focused()


def test_what_is_there_is_closed_from_a_list_and_moved_from_the_map(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?unit=communities")
    start(page)
    page.get_by_role("button", name="移动或关闭现有的").click()
    listed = page.locator(".what-if-existing li")
    expect(listed).to_have_count(2)
    closing = listed.filter(has_text="F01号设施")
    closing.get_by_role("button", name="关闭").click()
    expect(page.locator(".what-if-list")).to_contain_text("关闭老年人日间照料“F01号设施”")
    expect(page.locator(".supposed.crossed")).to_have_count(1)
    expect(residents(page).locator(".fewer")).to_contain_text("−")
    page.get_by_role("button", name="移动或关闭现有的").click()
    page.locator(".what-if-existing li").filter(has_text="F02").get_by_role("button", name="移动").click()
    page.locator("#map").press("Enter")
    expect(page.locator(".what-if-list li")).to_have_count(2)
    assert [one.split(":")[0] for one in steps_in(page)] == ["close", "move"]
    expect(page.locator(".what-if-list li").nth(1)).to_contain_text("m。")
    page.get_by_role("button", name="去掉第 1 步").click()
    expect(page.locator(".what-if-list li")).to_have_count(1)
    assert steps_in(page)[0].startswith("move:facilities:F02:")


def test_it_cannot_be_taken_for_a_fact(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?unit=communities&what_if={STEP}&base=999&scenario=南片")
    bar = page.locator(".what-if-bar")
    expect(bar).to_contain_text("假设")
    expect(bar).to_contain_text("南片")
    expect(bar).to_contain_text("方案作于第 999 版数据")
    expect(page.locator(".strip")).to_contain_text("假设：全区")
    expect(page.locator(".question.open .label")).to_contain_text("假设：")
    expect(page.locator("#list-title")).to_contain_text("假设：")
    expect(page.locator("#legend")).to_contain_text("假设：")
    # What would be taken away from the list would be the present.
    expect(page.locator(".list-head .icon-button")).to_be_hidden()
    page.emulate_media(media="print")
    expect(bar).to_be_visible()
    expect(page.locator("#what-if")).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="结束推演").first.click()
    expect(bar).to_be_hidden()
    expect(page.locator("#list-title")).to_have_text("先看这里")
    assert steps_in(page) == []


def test_a_wrong_place_is_told_in_words_and_what_is_there_stays(small: str, open_page: Open) -> None:
    page = open_page(small)
    page.watch.expected = "400"  # type: ignore[attr-defined]
    start(page)
    type_place(page, 22.5, 80.0)
    expect(page.locator("#what-if .trouble")).to_contain_text("位置不在本区：第 1 步")
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("#what-if .trouble")).to_have_count(0)
    expect(page.locator(".row").first).to_be_visible()


def test_scenarios_are_compared_and_taken_away(small: str, open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"{small}/?unit=communities&what_if={STEP}&scenario=甲")
    expect(residents(page)).to_be_visible()
    page.watch.expected = "404"  # type: ignore[attr-defined]  # nobody has an account here: nothing is saved
    page.get_by_role("button", name="方案", exact=True).click()
    page.get_by_role("button", name="+ 新方案").click()
    expect(page.get_by_label("方案名称")).to_have_value("方案 2")
    page.get_by_label("方案名称").fill("乙=|;")
    page.get_by_label("方案名称").press("Tab")
    page.get_by_role("button", name="移动或关闭现有的").click()
    page.locator(".what-if-existing li").first.get_by_role("button", name="关闭").click()
    expect(residents(page)).to_be_visible()
    page.get_by_role("button", name="对比方案").click()
    dialog = page.get_by_role("dialog", name="对比方案")
    expect(dialog.locator("thead tr").first.locator("th")).to_have_text(["指标", "现状", "甲", "乙=|;"])
    row = dialog.locator("[data-row=residents] td")
    now, first, second = (text.split("（")[0] for text in row.all_inner_texts())
    assert float(second[:-1]) < float(now[:-1]) < float(first[:-1])
    file = saved(page, dialog.get_by_role("link", name="比较表 CSV").click, tmp_path)
    assert "假设" in file.name and "2 乙=|;" in file.read_text("utf-8-sig")
    file = saved(page, dialog.get_by_role("link", name="设施与小区 GeoJSON").click, tmp_path)
    assert len(json.loads(file.read_text("utf-8"))["features"]) > 2
    with page.context.expect_page() as opened:
        dialog.get_by_role("link", name="打印用的页").click()
    sheet = opened.value
    expect(sheet.locator("h1")).to_contain_text("假设方案比较")
    expect(sheet.locator(".what-if-band")).to_contain_text("不是事实")
    dialog.get_by_label("甲").uncheck()
    expect(dialog.locator("thead tr").first.locator("th")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.fixture
def led(standards: Standards, tmp_path: Path) -> Iterator[str]:
    """Return the address of the small district as leaders see it."""
    district, frames = small_district()
    with (
        create_store(f"gpkg:{tmp_path / 'store.gpkg'}", district, layers=frames) as store,
        serving(app_for(store, standards, LEADER)) as address,
    ):
        yield address


def test_who_may_not_plan_is_not_offered_it(led: str, open_page: Open) -> None:
    page = open_page(f"{led}/?what_if={STEP}")
    expect(page.locator(".row").first).to_be_visible()
    expect(page.get_by_role("button", name="假设推演")).to_have_count(0)
    expect(page.locator("#list-title")).to_have_text("先看这里")


def test_fingers_find_everything(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?what_if={STEP}", width=1024, height=768, has_touch=True, is_mobile=True)
    expect(residents(page)).to_be_visible()
    for control in page.locator("#what-if button:visible, #what-if input:visible, .supposed > span").all():
        box = control.bounding_box()
        assert box and box["height"] >= 44, control


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everybody_can_read_it(small: str, open_page: Open, language: str) -> None:
    asked = (
        f"{STEP};close:facilities:F01;close:facilities:F77;add:shared_mediation_room:{IN_C08[0]}:{IN_C08[1]}"
    )
    page = open_page(f"{small}/?lang={language}&what_if={asked}&base=1")
    expect(residents(page)).to_be_visible()
    expect(page.locator(".what-if-list .idle")).to_have_count(1)
    assert serious(page) == []
    page.locator("[data-key=compare]").click()
    expect(page.locator(".what-if-compared table")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.goto(f"{small}/what-if/sheet?lang={language}&scenarios=A={STEP}")
    assert serious(page) == []


@pytest.fixture
def there(standards: Standards, tmp_path: Path) -> Iterator[tuple[People, str]]:
    district, frames = small_district()
    with (
        create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store,
        people(store, standards, tmp_path) as found,
        serving(found.app) as address,
    ):
        yield found, address


def test_scenarios_are_saved_shared_and_not_overwritten(there: tuple[People, str], open_page: Open) -> None:
    who, address = there
    for name in ("zhang", "li"):
        who.add(name, "planner")
    mine = open_page(address)
    sign_in(mine, address, "zhang")
    start(mine)
    type_place(mine, *IN_C08)
    expect(residents(mine)).to_be_visible()
    mine.get_by_label("方案名称").fill("南片照料")
    mine.locator("[data-key=save]").click()
    expect(mine.locator("#toast")).to_have_text("已保存“南片照料”")
    expect(mine.locator("[data-key=save]")).to_be_disabled()
    mine.get_by_label("与本区规划人员共享").check()
    expect(mine.locator("#live > *", has_text="已保存")).to_have_count(2)

    theirs = open_page(address)
    theirs.watch.expected = "409"  # type: ignore[attr-defined]
    sign_in(theirs, address, "li")
    start(theirs)
    theirs.get_by_role("button", name="方案", exact=True).click()
    theirs.get_by_role("button", name="南片照料 · zhang").click()
    expect(residents(theirs)).to_be_visible()
    assert steps_in(theirs) == steps_in(mine)
    for page, lon in ((mine, 114.1385), (theirs, 114.1372)):
        type_place(page, lon, IN_C08[1])
        expect(page.locator(".what-if-list li")).to_have_count(2)
    mine.locator("[data-key=save]").click()
    expect(mine.locator("[data-key=save]")).to_be_disabled()
    theirs.locator("[data-key=save]").click()
    expect(theirs.locator("#toast")).to_contain_text("“南片照料”已被 zhang 改过，没有保存")
    theirs.locator("[data-key=save]").click()
    expect(theirs.locator("#toast")).to_contain_text("已保存")
    # What a colleague has changed since is not deleted unseen.
    mine.watch.expected = "409"  # type: ignore[attr-defined]
    mine.get_by_role("button", name="删除这个方案").click()
    expect(mine.locator("#toast")).to_contain_text("与现有数据冲突")


def test_scenarios_in_hand_outlive_a_reload_and_no_sign_out(
    there: tuple[People, str], open_page: Open
) -> None:
    who, address = there
    for name in ("wang", "zhao"):
        who.add(name, "planner")
    page = open_page(address)
    sign_in(page, address, "wang")
    start(page)
    type_place(page, *IN_C08)
    expect(page.locator(".what-if-list li")).to_have_count(1)
    page.get_by_role("button", name="方案", exact=True).click()
    page.get_by_role("button", name="+ 新方案").click()
    type_place(page, 114.1372, IN_C08[1])
    expect(page.locator(".what-if-list li")).to_have_count(1)
    page.reload()
    expect(page.get_by_label("方案名称")).to_have_value("方案 2")
    page.get_by_role("button", name="方案", exact=True).click()
    drafts = page.locator(".menu:popover-open .menu-item")
    expect(drafts).to_have_text(["方案 1 · 未保存", "方案 2 · 未保存", "+ 新方案"])
    drafts.first.click()
    expect(page.locator(".what-if-list li")).to_have_count(1)
    kept = "JSON.stringify(Object.entries(sessionStorage))"
    assert "add:" in page.evaluate(kept)
    page.get_by_role("button", name="退出").click()
    expect(page.locator("a.sign-in")).to_be_visible()
    assert "wangge-drafts" not in page.evaluate(kept)
    sign_in(page, address, "zhao")
    start(page)
    page.get_by_role("button", name="方案", exact=True).click()
    expect(drafts.last).to_have_text("+ 新方案")
    expect(page.get_by_role("button", name="方案 2")).to_have_count(0)


def test_a_scenario_in_hand_that_a_colleague_has_changed_or_deleted_is_opened_as_it_is_now(
    there: tuple[People, str], open_page: Open
) -> None:
    who, address = there
    for name in ("zhou", "wu"):
        who.add(name, "planner")
    mine = open_page(address)
    sign_in(mine, address, "zhou")
    start(mine)
    type_place(mine, *IN_C08)
    mine.get_by_label("方案名称").fill("北片照料")
    mine.locator("[data-key=save]").click()
    expect(mine.locator("[data-key=save]")).to_be_disabled()
    mine.get_by_label("与本区规划人员共享").check()
    expect(mine.locator("#live > *", has_text="已保存")).to_have_count(2)

    theirs = open_page(address)
    theirs.watch.expected = "404"  # type: ignore[attr-defined]
    menu = theirs.get_by_role("button", name="方案", exact=True)
    drafts = theirs.locator(".menu:popover-open .menu-item")
    sign_in(theirs, address, "wu")
    start(theirs)
    menu.click()
    theirs.get_by_role("button", name="北片照料 · zhou").click()
    expect(theirs.locator(".what-if-list li")).to_have_count(1)
    theirs.goto(address)
    type_place(mine, 114.1385, IN_C08[1])
    expect(mine.locator(".what-if-list li")).to_have_count(2)
    mine.locator("[data-key=save]").click()
    expect(mine.locator("[data-key=save]")).to_be_disabled()
    start(theirs)
    expect(theirs.locator(".what-if-list li")).to_have_count(2)
    assert steps_in(theirs) == steps_in(mine)
    with mine.expect_response(lambda answer: answer.request.method == "DELETE"):
        mine.get_by_role("button", name="删除这个方案").click()
    menu.click()
    drafts.filter(has_text="北片照料").click()
    expect(theirs.locator("[data-key=save]")).to_be_enabled()
    menu.click()
    expect(drafts.filter(has_text="北片照料")).to_have_text("北片照料 · 未保存")


@pytest.mark.parametrize("path", ["/compare", "/account"])
def test_scenarios_in_hand_are_let_go_wherever_one_signs_out(
    there: tuple[People, str], open_page: Open, path: str
) -> None:
    who, address = there
    who.add("zheng", "planner")
    page = open_page(address)
    sign_in(page, address, "zheng")
    start(page)
    type_place(page, *IN_C08)
    expect(page.locator(".what-if-list li")).to_have_count(1)
    page.goto(f"{address}{path}")
    kept = "Object.keys(sessionStorage).join()"
    assert "wangge-drafts" in page.evaluate(kept)
    # Wherever the service leads afterwards, which may be the desk: it clears what others have left.
    page.evaluate(
        "document.querySelector('form[action^=\"/sign-out\"]').addEventListener('submit', (e) => e.preventDefault())"
    )
    page.get_by_role("button", name="退出", exact=True).click()
    assert "wangge-drafts" not in page.evaluate(kept)
