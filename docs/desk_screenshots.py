"""Make the pictures of the desk in docs/screenshots/desk: each question, everything that opens, and every state.

Run it from anywhere: ``.venv/bin/python docs/desk_screenshots.py``, with names of pictures for those alone.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs.pictures import NOW, PATIENCE_MS, ROOT, Districts, keep, launched, screen, serving, stands
from geo.datum import convert_datum
from layers.imports.jobs import Workshop
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Visitor
from tests.visitors import app_for
from tests.webmap.access import PASSWORD, People, people
from webmap import upload

DESK, SMALL = (1440, 900), (1024, 768)
A4_PX, MARGIN_PX = (1046, 718), 38
PORT = 8765
"""The address is on the printed sheet."""
PLANNER = Visitor("planner", WHOLE_DISTRICT, account="0" * 12, name="规划甲", via="session")
PLANNERS = ("规划甲", "规划乙")
CONDITIONS = "/?question=double_none&unit=communities&where=double_none~gap:day_care:300~floating:50"
SUPPOSED = "what_if=add:day_care:114.1265:22.5565;add:shared_mediation_room:114.1225:22.5550"
PAIR = "/compare?question=gap&right=double_none"
COMMUNITY = "XQ0014"
NOBODY_ASKED = "window.prints = 0; window.print = () => { window.prints += 1; };"

Steps = Callable[[Page], None]


def rows(page: Page) -> None:
    """Wait for the list and the map."""
    expect(page.locator(".row, .crossing td button").first).to_be_visible()
    stands(page)


def first_row(page: Page) -> None:
    """Choose the worst unit, and look at it from a little farther away."""
    rows(page)
    page.locator(".row").first.click()
    expect(page.locator("#card h2")).to_be_visible()
    page.locator(".map-tools button").nth(1).click()


def first_match(page: Page) -> None:
    """Choose who meets all conditions, and look at the neighbours."""
    rows(page)
    page.locator(".row").nth(4).click()
    expect(page.locator("#card h2")).to_be_visible()
    page.locator(".map-tools button").nth(1).click()


def worst_cell(page: Page) -> None:
    """Mark what both questions find."""
    rows(page)
    page.get_by_role("button", name=re.compile("在两图上标出|Mark on both")).click()


def no_match(page: Page) -> None:
    """Wait for the sentence that names what emptied the list."""
    expect(page.locator(".no-match")).to_be_visible()


def add_condition(page: Page) -> None:
    """Open the form of another condition."""
    rows(page)
    page.locator(".add-condition").click()
    expect(page.locator(".condition-form:visible")).to_be_visible()


def supposed(page: Page) -> None:
    """Wait for what would change."""
    rows(page)
    expect(page.locator(".what-if-figures tbody tr").first).to_be_visible()


def search(page: Page) -> None:
    """Look for something by a part of its name."""
    rows(page)
    page.locator("#search-text").fill("雅麓")
    expect(page.locator("#search-results li").first).to_be_visible()


def away(page: Page) -> None:
    """Ask another question of a server that has gone."""
    rows(page)
    page.route("**/api/view*", lambda route: route.abort())
    page.locator(".question[data-question=double_none] .question-title label").click()
    expect(page.get_by_role("button", name="重试").first).to_be_visible()


def never(page: Page) -> None:
    """Wait for an answer that does not come."""
    expect(page.locator(".map-box[data-first]")).to_be_visible()
    page.wait_for_timeout(1500)


def empty(page: Page) -> None:
    """Wait for what says which layer answers what."""
    expect(page.locator("#empty, #crossing").first).to_be_visible()
    page.wait_for_timeout(1500)


def keys(page: Page) -> None:
    """Open the list of keys."""
    rows(page)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def on_paper(page: Page) -> None:
    """Show what the printer is given."""
    rows(page)
    page.get_by_role("button", name="打印").click()
    page.get_by_role("button", name="A4 横向").click()
    for _ in range(PATIENCE_MS // 100):
        if page.evaluate("window.prints === 1"):
            break
        page.wait_for_timeout(100)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size({"width": A4_PX[0], "height": A4_PX[1]})
    page.emulate_media(media="print")
    page.wait_for_timeout(1500)


@dataclass(frozen=True)
class Picture:
    """One picture: where the page stands, how large the screen is, who looks, what is done before."""

    name: str
    address: str
    steps: Steps = rows
    size: tuple[int, int] = DESK
    who: str = "planner"
    routes: tuple[str, ...] = field(default=())


PICTURES = (
    Picture("gap", "/"),
    Picture("gap-1024", "/", size=SMALL),
    Picture("gap-dark", "/?theme=dark&unit=h3:10"),
    Picture("double-none", "/?question=double_none", first_row),
    Picture("double-none-1024", "/?question=double_none", first_row, SMALL),
    Picture("double-none-dark", "/?question=double_none&theme=dark&map=15/22.553/114.112"),
    Picture("hotspots", "/?question=hotspots", first_row),
    Picture("hotspots-1024", "/?question=hotspots", first_row, SMALL),
    Picture("hotspots-en", "/?question=hotspots&unit=h3:10&lang=en"),
    Picture("conditions", CONDITIONS, first_match),
    Picture("conditions-1024", CONDITIONS, first_match, SMALL),
    Picture("conditions-add", CONDITIONS, add_condition),
    Picture("no-match", "/?question=double_none&where=double_none~residents:20000", no_match),
    Picture("compare", PAIR, worst_cell),
    Picture("compare-1024", PAIR, worst_cell, SMALL),
    Picture("compare-swipe", f"{PAIR}&how=swipe&at=42"),
    Picture("compare-dark-en", "/compare?question=gap&right=hotspots&unit=communities&theme=dark&lang=en"),
    Picture("what-if", f"/?unit=communities&{SUPPOSED}&map=14.5/22.5545/114.1300", supposed),
    Picture("what-if-1024", f"/?unit=communities&{SUPPOSED}&map=14.5/22.5545/114.1300", supposed, SMALL),
    Picture("search", "/?question=double_none", search),
    Picture("keys", "/", keys),
    Picture("error", "/", away),
    Picture("loading", "/", never, routes=("**/api/view*",)),
    Picture("resident", "/?question=double_none", first_row, who="resident"),
    Picture("resident-1024", "/", rows, SMALL, who="resident"),
    Picture("new-district", "/", empty, who="nobody yet"),
    Picture("new-district-1024", "/", empty, SMALL, who="nobody yet"),
    Picture("sheet", "/?question=double_none&theme=dark", on_paper),
    Picture("sheet-compare", PAIR, on_paper),
)


def looked_at(browser: Browser, districts: Districts, wanted: set[str]) -> None:
    """Take the pictures for which nothing is written."""
    with (
        districts.copy("looked-at") as (store, _),
        districts.bare() as bare,
        serving(app_for(store, districts.standards, PLANNER), PORT) as planner,
        serving(app_for(store, districts.standards, RESIDENT)) as resident,
        serving(app_for(bare, districts.standards, PLANNER)) as new,
    ):
        at = {"planner": planner, "resident": resident, "nobody yet": new}
        for one in PICTURES:
            if wanted and one.name not in wanted:
                continue
            with screen(browser, one.size, touch=one.size == SMALL) as page:
                page.add_init_script(NOBODY_ASKED)
                for pattern in one.routes:
                    page.route(pattern, lambda route: None)
                page.goto(at[one.who] + one.address, wait_until="commit" if one.routes else "load")
                one.steps(page)
                if one.steps not in (never, empty, on_paper):
                    stands(page)
                keep(page, f"desk/{one.name}", margin=MARGIN_PX if one.steps is on_paper else 0)
                page.unroute_all(behavior="ignoreErrors")


@contextmanager
def accounts(districts: Districts, name: str) -> Iterator[tuple[People, str]]:
    """Serve a copy of the district to people with accounts."""
    with (
        districts.copy(name) as (store, path),
        people(store, districts.standards, path.parent) as who,
        serving(who.app) as address,
    ):
        who.clock.now = NOW
        upload.register_at(who.app, Workshop(store_url=f"gpkg:{path}", data_folder=ROOT / "data"))
        for one in PLANNERS:
            who.add(one, "planner")
        yield who, address


def sign_in(page: Page, address: str, name: str, to: str) -> None:
    """Sign in and go on to a page."""
    page.goto(f"{address}/sign-in")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.locator(".me")).to_contain_text(name)
    page.goto(address + to)


def recorded(page: Page, address: str, name: str) -> None:
    """Open the record of a community."""
    sign_in(page, address, name, f"/?question=double_none&select={COMMUNITY}")
    expect(page.locator("#card h2")).to_be_visible()
    stands(page)
    page.get_by_role("button", name="改正事实").click()
    expect(page.locator(".record-form")).to_be_visible()


def says(page: Page, households: str, source: str) -> None:
    """Fill the form in: a committee has been elected, and one counted anew."""
    page.locator("[data-field=owners_committee] [data-answer=yes]").click()
    page.locator("[name=households]").fill(households)
    # The server proposes the day by its own clock.
    page.locator("[name=as_of]").fill(f"{NOW:%Y-%m-%d}")
    page.locator("[name=source]").fill(source)
    page.locator("[data-field=owners_committee]").evaluate("node => node.scrollIntoView({ block: 'center' })")


def save(page: Page) -> None:
    """Hand in what the form says."""
    page.locator(".record").get_by_role("button", name="保存", exact=True).click()


def written(browser: Browser, districts: Districts) -> None:
    """Take a fact that is corrected, what two said of it, its history; and conditions that are saved."""
    with (
        accounts(districts, "written") as (_, address),
        screen(browser, DESK) as one,
        screen(browser, SMALL, touch=True) as other,
    ):
        sign_in_page = f"{address}/sign-in"
        one.goto(sign_in_page)
        keep(one, "desk/sign-in")
        recorded(other, address, PLANNERS[1])
        recorded(one, address, PLANNERS[0])
        says(one, "312", "备案回执 2026-114")
        keep(one, "desk/correct")
        save(one)
        expect(one.locator(".record-message")).to_contain_text("已保存")
        one.locator(".record-tabs").get_by_role("button", name="历史").click()
        expect(one.locator(".history li").first).to_be_visible()
        stands(one)
        keep(one, "desk/history")
        says(other, "320", "现场查看")
        other.locator("[data-field=owners_committee] [data-answer=unknown]").click()
        keep(other, "desk/correct-1024")
        save(other)
        expect(other.locator(".conflict tbody tr").first).to_be_visible()
        keep(other, "desk/conflict-1024")
        one.goto(address + CONDITIONS)
        rows(one)
        one.get_by_label("给这组条件起名").fill("双无缺照料")
        one.get_by_label("同事也可用").check()
        one.get_by_role("button", name="保存", exact=True).click()
        expect(one.locator("#toast")).to_contain_text("已保存")
        expect(one.locator("#toast")).to_be_hidden()
        one.get_by_role("button", name="打开保存的条件").click()
        expect(one.locator(".saved-row").first).to_be_visible()
        keep(one, "desk/conditions-saved")


def hotline(frames: dict[str, gpd.GeoDataFrame], *, wrong_rows: bool = False) -> bytes:
    """Return new complaints as a table whose coordinates are in GCJ-02."""
    old = frames["complaints"].iloc[:60_000:150]
    old = old[~old.geometry.is_empty & old.geometry.notna()]
    lon, lat = convert_datum(old.geometry.x, old.geometry.y, source="cgcs2000", target="gcj02")
    rows = [
        f"RX-{number:05},{one.category},2026-10-{1 + number % 28:02},{one.subdistrict},{x:.6f},{y:.6f}"
        for number, (one, x, y) in enumerate(zip(old.itertuples(), lon, lat, strict=True), 1)
    ]
    if wrong_rows:
        rows[3] = rows[3].replace("2026-10-", "2026-13-")
        rows[17] = re.sub(",4403030[0-9]+,", ",440399001,", rows[17])
        rows[40] = ",".join([*rows[40].split(",")[:4], "", ""])
    return "\n".join(["code,category,opened,subdistrict,lng,lat", *rows, ""]).encode()


def send(page: Page, name: str, content: bytes, datum: str) -> None:
    """Choose a file and what it is, and have it checked."""
    page.set_input_files("#f-file", files=[FilePayload(name=name, mimeType="text/csv", buffer=content)])
    page.select_option("#f-layer", "complaints")
    page.select_option("#f-datum", datum)
    page.get_by_role("button", name="上传并检查").click()


def uploaded(browser: Browser, districts: Districts) -> None:
    """Take a file on its way into the store, with all that may stop it."""
    frames = districts.made[1]
    with (
        accounts(districts, "uploaded") as (who, address),
        screen(browser, DESK) as page,
        screen(browser, DESK) as other,
    ):
        who.add("区领导", "leader")
        sign_in(other, address, "区领导", "/data")
        expect(other.get_by_role("heading", name="没有权限")).to_be_visible()
        keep(other, "desk/no-permission")
        sign_in(page, address, PLANNERS[0], "/data")
        expect(page.locator("#f-file")).to_be_attached()
        keep(page, "desk/upload-choose")
        send(page, "热线工单.csv", hotline(frames), "wgs84")
        expect(page.get_by_role("alert").filter(has_text="坐标基准不对，已拦下")).to_be_visible()
        keep(page, "desk/upload-wrong-datum")
        page.goto(f"{address}/data")
        send(page, "热线工单-十月.csv", hotline(frames, wrong_rows=True), "gcj02")
        problems = page.get_by_role("heading", name=re.compile("^问题"))
        expect(problems).to_be_visible()
        problems.evaluate("node => node.scrollIntoView({ block: 'center' })")
        keep(page, "desk/upload-problems")
        page.goto(f"{address}/data")
        send(page, "热线工单.csv", hotline(frames), "gcj02")
        expect(page.locator(".statement")).to_be_visible()
        page.wait_for_timeout(500)
        keep(page, "desk/upload-preview")
        page.set_viewport_size({"width": SMALL[0], "height": SMALL[1]})
        keep(page, "desk/upload-preview-1024")
        page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
        page.get_by_role("button", name="导入", exact=True).click()
        expect(page.get_by_role("heading", name="已导入 热线工单.csv")).to_be_visible()
        keep(page, "desk/upload-done")


def take(browser: Browser, districts: Districts, wanted: set[str] | None = None) -> None:
    """Take all pictures of the desk, or some of them."""
    wanted = wanted or set()
    if not wanted or wanted & {one.name for one in PICTURES}:
        looked_at(browser, districts, wanted)
    if not wanted or "written" in wanted:
        written(browser, districts)
    if not wanted or "uploaded" in wanted:
        uploaded(browser, districts)


def main() -> None:
    """Take them alone; `written` and `uploaded` are names of what is taken together."""
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launched(playwright)
        take(browser, Districts(Path(folder)), set(sys.argv[1:]))
        browser.close()


if __name__ == "__main__":
    main()
