"""People and their accounts in a real browser: the newcomer's way to the map, signing in and out, every page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from layers.standards import Standards
from layers.store import create_store
from tests.browser.conftest import Open, serving
from tests.browser.test_hands_and_ears import serious
from tests.district import small_district
from tests.webmap.access import PASSWORD, People, people

pytestmark = pytest.mark.browser

SIZES = ((1024, 768), (1280, 720), (360, 740))
TARGET_PX = 44


@pytest.fixture
def there(standards: Standards, tmp_path: Path) -> Iterator[tuple[People, str]]:
    district, frames = small_district()
    with (
        create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store,
        people(store, standards, tmp_path) as found,
        serving(found.app) as address,
    ):
        yield found, address


def good(page: Page) -> None:
    """Look whether a page can be used by all, on a desk, a tablet and a telephone."""
    assert serious(page) == []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        across = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        assert across[0] <= across[1], (page.url, width)
        low = page.locator("main :is(button, a.button, select, input:not([type=hidden], .vh))").evaluate_all(
            """(nodes, least) => nodes.filter((node) => node.checkVisibility())
              .map((node) => [(node.closest("label") ?? node).getBoundingClientRect().height, node.outerHTML])
              .filter(([height]) => height < least)""",
            TARGET_PX,
        )
        assert low == [], (page.url, width)


def sign_in(page: Page, address: str, name: str, password: str = PASSWORD) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()


def choose(page: Page, password: str) -> None:
    page.get_by_label("新密码").fill(password)
    page.get_by_label("再输一次").fill(password)
    page.get_by_role("button", name="保存").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_newcomer_is_on_the_map_in_one_step_and_sets_up_an_account(
    there: tuple[People, str], open_page: Open, scripts: bool
) -> None:
    who, address = there
    page = open_page(f"{address}/start?code={who.access.make_start_link()}", java_script_enabled=scripts)
    assert page.url == f"{address}/", "no secret stays in the address"
    if scripts:
        expect(page.locator(".row").first).to_be_visible()
        assert serious(page) == []
        assert page.evaluate("document.cookie") == "", "no script reads a cookie"
    expect(page.locator(".set-up")).to_contain_text("请设置用户名和密码")
    page.get_by_role("link", name="现在设置").click()
    if scripts:
        good(page)
    page.watch.expected = "400"  # type: ignore[attr-defined]
    page.get_by_label("用户名").fill("王芳")
    choose(page, "12345678")
    expect(page.get_by_role("alert")).to_contain_text("密码不可用")
    expect(page.get_by_label("用户名")).to_have_value("王芳")
    choose(page, PASSWORD)
    expect(page.get_by_role("status")).to_contain_text("设置完毕")
    page.get_by_role("link", name="地图").click()
    expect(page.locator(".me")).to_contain_text("王芳")
    expect(page.locator(".set-up")).to_have_count(0)
    page.locator(".me").get_by_role("button", name="退出").click()
    expect(page.locator(".me")).to_have_count(0)
    assert not [cookie for cookie in page.context.cookies() if cookie.get("name") == "wangge"]


def test_signing_in_from_the_map_comes_back_to_the_view(there: tuple[People, str], open_page: Open) -> None:
    who, address = there
    who.add("lin", "planner")
    page = open_page(f"{address}/?question=double_none&unit=communities")
    expect(page.locator("#list-title")).to_have_text("双无小区")
    page.locator(".sign-in").click()
    page.watch.expected = "401"  # type: ignore[attr-defined]
    page.get_by_label("用户名").fill("lin")
    page.get_by_label("密码").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("登录失败")
    expect(page.get_by_label("密码")).to_be_focused()
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".me")).to_contain_text("lin")
    expect(page.locator("#list-title")).to_have_text("双无小区")
    assert "question=double_none" in page.url
    page.locator(".me").get_by_role("button", name="退出").click()
    expect(page.locator(".sign-in")).to_be_visible()
    page.go_back()
    expect(page.locator(".sign-in")).to_be_visible()
    expect(page.locator(".me")).to_have_count(0)


def test_a_second_factor_by_hand(there: tuple[People, str], open_page: Open) -> None:
    who, address = there
    who.add("lin", "planner")
    page = open_page(f"{address}/sign-in")
    good(page)
    sign_in(page, address, "lin")
    page.goto(f"{address}/account")
    good(page)
    page.get_by_role("region", name="两步验证").get_by_label("现密码").fill(PASSWORD)
    page.get_by_role("button", name="启用两步验证").click()
    expect(page.get_by_role("img", name="二维码").locator("svg")).to_be_visible()
    good(page)
    totp = pyotp.TOTP(page.locator(".secret code").inner_text().replace(" ", ""))
    page.get_by_label("验证器现在显示的 6 位数字").fill(totp.at(who.clock.now))
    page.get_by_role("button", name="确认启用").click()
    expect(page.locator(".codes li")).to_have_count(10)
    good(page)
    page.get_by_role("button", name="退出").click()
    who.clock.pass_by(minutes=2)
    sign_in(page, address, "lin")
    good(page)
    page.get_by_label("验证码").fill(totp.at(who.clock.now))
    page.get_by_role("button", name="继续").click()
    page.locator(".me").get_by_role("link").click()
    expect(page.locator("#second-title")).to_contain_text("已启用")
    good(page)


def test_an_administrator_brings_people_and_a_wall_in(there: tuple[People, str], open_page: Open) -> None:
    who, address = there
    who.add("root", "administrator")
    page = open_page(f"{address}/sign-in")
    sign_in(page, address, "root")
    page.goto(f"{address}/accounts")
    page.get_by_label("用户名").fill("li.ming")
    page.get_by_label("角色").select_option(label="街道工作人员")
    page.get_by_label("范围").fill("西街道")
    page.get_by_role("button", name="添加").click()
    code = page.locator(".secret code").inner_text()
    good(page)
    page.get_by_role("link", name="全部账号").click()
    good(page)
    page.get_by_role("link", name="管理 li.ming").click()
    good(page)
    page.goto(f"{address}/devices")
    page.get_by_label("名称").fill("大厅")
    page.get_by_role("button", name="添加").click()
    good(page)
    enrolment = page.locator(".secret code").inner_text()
    page.goto(f"{address}/devices?lang=en")
    good(page)
    page.goto(f"{address}/keys")
    good(page)

    person = open_page(f"{address}/sign-in")
    sign_in(person, address, "li.ming", code)
    expect(person.get_by_role("heading", level=1)).to_have_text("先设置密码")
    good(person)
    choose(person, PASSWORD)
    expect(person.get_by_role("status")).to_contain_text("密码已修改")

    wall = open_page(enrolment)
    good(wall)
    wall.get_by_role("button", name="登记").click()
    expect(wall.locator("#wall .wall-value strong").first).to_be_visible()
    assert wall.url == f"{address}/wall"


def test_an_auditor_reads_and_verifies_the_log(
    there: tuple[People, str], open_page: Open, tmp_path: Path
) -> None:
    who, address = there
    who.add("eve", "auditor")
    page = open_page("about:blank", color_scheme="dark")
    page.watch.expected = "401"  # type: ignore[attr-defined]
    page.goto(f"{address}/audit")
    assert serious(page) == []
    page.get_by_role("link", name="登录").click()
    page.get_by_label("用户名").fill("eve")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("审计日志")
    good(page)
    page.get_by_label("动作").select_option(label="登录")
    page.get_by_role("button", name="筛选").click()
    expect(page.locator("tbody tr").first).to_contain_text("eve")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下载 CSV").click()
    waiting.value.save_as(tmp_path / "log.csv")
    assert "eve" in (tmp_path / "log.csv").read_text("utf-8-sig")
    page.get_by_role("button", name="检查完整性").click()
    expect(page.get_by_role("status")).to_contain_text("日志完整")


def test_another_site_cannot_make_a_browser_sign_out(there: tuple[People, str], open_page: Open) -> None:
    who, address = there
    who.add("lin", "planner")
    page = open_page(f"{address}/sign-in")
    sign_in(page, address, "lin")
    expect(page.locator(".me")).to_contain_text("lin")
    elsewhere = address.replace("127.0.0.1", "localhost")
    page.watch.expected = "403"  # type: ignore[attr-defined]
    page.route(
        f"{elsewhere}/evil",
        lambda route: route.fulfill(body=EVIL.format(address=address), content_type="text/html"),
    )
    page.goto(f"{elsewhere}/evil")
    page.get_by_role("button").click()
    expect(page.locator(".failure-status")).to_have_text("403")
    page.watch.hosts.clear()  # type: ignore[attr-defined]
    page.goto(f"{address}/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("我的账号")


EVIL = '<form method="post" action="{address}/sign-out"><button>free tickets</button></form>'
