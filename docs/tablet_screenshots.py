"""Make the pictures of the tablet in docs/screenshots/tablet: every view and state, lying in light and upright in sun.

Run it from anywhere: ``.venv/bin/python docs/tablet_screenshots.py``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs.pictures import NOW, PATIENCE_MS, Districts, keep, launched, screen, serving, stands
from layers.store import Store
from layers.visitors import Area
from tests.webmap.access import OPERATOR, PASSWORD, People, people

NEIGHBOURHOOD = "440303001002"
WORKERS = ("网格员甲", "网格员乙")
LOOKS = {"1024": ((1024, 768), "light"), "800-sun": ((800, 1280), "sun")}
PLAIN_HTTP = """
Object.defineProperty(globalThis, "isSecureContext", { value: false });
Object.defineProperty(navigator, "serviceWorker", { value: undefined });
Object.defineProperty(crypto, "subtle", { value: undefined });
Object.defineProperty(crypto, "randomUUID", { value: undefined });
"""


class Field:
    """A service with two grid workers of one neighbourhood's cells."""

    def __init__(self, store: Store, who: People, address: str, place: tuple[float, float]) -> None:
        self.store, self.who, self.address, self.place = store, who, address, place


@contextmanager
def a_field(districts: Districts, name: str) -> Iterator[Field]:
    """Serve a copy of the district to its grid workers."""
    frames = districts.made[1]
    cells = frames["management_cells"]
    codes = cells.index[cells["neighbourhood"] == NEIGHBOURHOOD]
    middle = frames["neighbourhoods"].geometry[NEIGHBOURHOOD].representative_point()
    with (
        districts.copy(name) as (store, path),
        people(store, districts.standards, path.parent) as who,
        serving(who.app) as address,
    ):
        who.clock.now = NOW
        for worker in WORKERS:
            area = Area("management_cells", frozenset(codes))
            _, code = who.access.add_account(worker, "grid_worker", area, by=OPERATOR)
            done = who.access.sign_in(worker, code, address="192.0.2.1", agent="")
            who.access.sign_out(who.access.change_password(worker, "", PASSWORD, session=done.token))
        yield Field(store, who, address, (middle.x, middle.y))


def sign_in(page: Page, field: Field, name: str = WORKERS[0]) -> None:
    """Sign in and come to the tablet's page, whose service worker is there."""
    page.goto(f"{field.address}/sign-in?next=/field")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/field")
    expect(page.locator("#task-rows .row").first).to_be_visible()


def kept(page: Page) -> None:
    """Wait until the page would start without a network."""
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller !== null")


def view(page: Page, name: str) -> None:
    """Go to one of the views."""
    page.locator(f".tab[data-view={name}]").click()
    expect(page.locator(".field")).to_have_attribute("data-view", name)


def take_along(page: Page) -> None:
    """Fetch the area package."""
    view(page, "package")
    page.locator("#package").get_by_role("button", name="带走").click()
    expect(page.locator("#package")).to_contain_text("签名有效")


def fill(page: Page, number: int, answer: str, note: str = "") -> None:
    """Open a task and say what was seen, without recording it."""
    view(page, "grid")
    page.locator("#task-rows .row").nth(number).locator("button").click()
    page.locator("#verify .answers .choice").filter(has_text=answer).first.click()
    if note:
        page.get_by_label("备注").fill(note)


def record(page: Page) -> None:
    """Press the button at the thumb."""
    page.locator("#verify").get_by_role("button", name="记下这一项").click()
    expect(page.locator(".field")).to_have_attribute("data-view", "grid")


def a_day(browser: Browser, districts: Districts, look: str) -> None:
    """Take what a grid worker sees in a day: the area, a verification, a time without network, a conflict."""
    size, theme = LOOKS[look]
    with a_field(districts, f"day-{look}") as field, screen(browser, size, touch=True, theme=theme) as page:
        context = page.context
        context.grant_permissions(["geolocation"])
        lon, lat = field.place
        context.set_geolocation({"latitude": lat, "longitude": lon, "accuracy": 12})
        sign_in(page, field)
        kept(page)
        stands(page)
        page.locator("#locate").click()
        expect(page.locator("#me-said")).to_contain_text("误差约")
        stands(page)
        keep(page, f"tablet/grid-{look}")
        fill(page, 0, "无", "门口没有公示栏，问了三户")
        stands(page)
        keep(page, f"tablet/verify-{look}")
        record(page)
        expect(page.locator(".tab[data-view=outbox] .badge")).to_be_hidden()
        take_along(page)
        keep(page, f"tablet/package-{look}")
        context.set_offline(True)
        page.locator("#link").click()
        expect(page.locator("#banner")).to_contain_text("没有网络")
        for number, answer in enumerate(("有", "不明", "无")):
            fill(page, number, answer)
            record(page)
        view(page, "outbox")
        expect(page.locator("#outbox-list .rows > li").first).to_be_visible()
        keep(page, f"tablet/outbox-offline-{look}")
        with screen(browser, size, touch=True) as other:
            sign_in(other, field, WORKERS[1])
            fill(other, 0, "无", "组长已经搬走，没有新选")
            other.locator("#verify").get_by_text("公示栏").click()
            record(other)
            expect(other.locator(".tab[data-view=outbox] .badge")).to_be_hidden()
        context.set_offline(False)
        page.locator("#link").click()
        page.get_by_role("button", name="看冲突").click()
        expect(page.locator("#conflict .side").first).to_be_visible()
        keep(page, f"tablet/conflict-{look}")


def wiped(browser: Browser, districts: Districts, look: str) -> None:
    """Take a tablet that was revoked, at its next contact."""
    size, theme = LOOKS[look]
    with a_field(districts, f"wiped-{look}") as field, screen(browser, size, touch=True, theme=theme) as page:
        access = field.who.access
        account = next(one for one in access.accounts() if one.name == WORKERS[0])
        device, code = access.add_device("tablet", "平板一", account=account.id, by=OPERATOR)
        page.goto(f"{field.address}/enrol?code={code}")
        page.get_by_role("button", name="登记").click()
        page.wait_for_url(f"{field.address}/field")
        expect(page.locator("#task-rows .row").first).to_be_visible()
        kept(page)
        take_along(page)
        page.context.set_offline(True)
        page.locator("#link").click()
        fill(page, 0, "不明")
        record(page)
        access.revoke_device(device.id, by=OPERATOR)
        page.context.set_offline(False)
        page.locator("#link").click()
        expect(page.locator("#banner")).to_contain_text("离线包已清除")
        page.wait_for_timeout(500)
        keep(page, f"tablet/wiped-{look}")


def plain_http(browser: Browser, districts: Districts, look: str) -> None:
    """Take what is said where the service speaks plain http."""
    size, theme = LOOKS[look]
    with a_field(districts, f"http-{look}") as field, screen(browser, size, touch=True, theme=theme) as page:
        page.context.add_init_script(PLAIN_HTTP)
        sign_in(page, field)
        expect(page.locator("#banner")).to_contain_text("这里是 http")
        stands(page)
        keep(page, f"tablet/plain-http-{look}")


def take(browser: Browser, districts: Districts) -> None:
    """Take all pictures of the tablet."""
    for look in LOOKS:
        a_day(browser, districts, look)
        wiped(browser, districts, look)
        plain_http(browser, districts, look)


def main() -> None:
    """Take them alone."""
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launched(playwright)
        take(browser, Districts(Path(folder)))
        browser.close()


if __name__ == "__main__":
    main()
