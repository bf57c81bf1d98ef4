"""The wall by itself: it shows what is written, outlives the server and the network, turns its scenes, and does not grow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from layers.standards import Standards
from layers.store import Authorship, Store, backup_store, create_store
from tests.browser.conftest import NO_WEBGL, Open, drawn, serving
from tests.browser.test_wall import SCREEN, filled, show
from tests.conftest import OPTIONS
from tests.district import small_district
from tests.visitors import app_for
from tests.webmap.access import OPERATOR, people
from webmap.server import Server, listen
from webmap.settings import Settings

pytestmark = pytest.mark.browser

WITHIN_MS = 10_000
ASKS_MS = 5_000
DOWN_MS = 30_000
TURNS = 120


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 's.gpkg'}", district, layers=frames) as made:
        yield made


@contextmanager
def running(store: Store, standards: Standards, port: int) -> Iterator[int]:
    """Serve the wall at a port; 0 is a free one."""
    (listener,) = listen("127.0.0.1", port, 1)
    server = Server(app_for(store, standards, SCREEN), listener, threads=8, settings=Settings())
    server.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.stop()
        listener.close()


def count_of(page: Page, question: str) -> Any:
    return page.locator(f'[data-question="{question}"] .wall-value strong')


def screen(open_page: Open, address: str, *, clock: bool = False) -> Page:
    """Open the wall; with `clock` the test may let time pass."""
    page = open_page("about:blank", width=1920, height=1080)
    page.watch.expected = "Failed to"  # type: ignore[attr-defined]
    if clock:
        page.clock.install()
    page.goto(address)
    filled(page)
    return page


def soon(page: Page, there: Callable[[], bool]) -> None:
    """Let five seconds after five seconds pass until something is there."""
    for _ in range(60):
        if there():
            return
        page.clock.fast_forward(ASKS_MS)
        page.wait_for_timeout(500)
    raise AssertionError("it does not come")


def at_its_place(store: Store, other: Path) -> None:
    """Put another file at the place of an open store, as a restore does."""
    path = Path(store.url.partition(":")[2])
    for file in path.parent.glob(path.name + "*"):
        file.unlink()
    other.rename(path)


def test_a_change_in_the_store_is_on_the_wall_within_ten_seconds(
    store: Store, standards: Standards, open_page: Open
) -> None:
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=3600&scene=double_none")
        expect(count_of(page, "double_none")).to_have_text("3")
        expect(page.locator("#legend")).to_contain_text("双无 3 个")
        store.delete("communities", ["C07"], by=Authorship(who="test"))
        expect(count_of(page, "double_none")).to_have_text("2", timeout=WITHIN_MS)
        expect(page.locator("#legend")).to_contain_text("双无 2 个", timeout=WITHIN_MS)


def test_it_comes_back_by_itself_after_a_server_restart_of_half_a_minute(
    store: Store, standards: Standards, open_page: Open
) -> None:
    with running(store, standards, 0) as port:
        page = screen(open_page, f"http://127.0.0.1:{port}/wall?seconds=3600&scene=double_none", clock=True)
    page.clock.fast_forward(ASKS_MS)
    expect(page.locator("#wall")).to_have_attribute("data-state", "waiting")
    expect(page.locator("#stale")).to_be_hidden()
    expect(count_of(page, "double_none")).to_have_text("3")
    store.delete("communities", ["C07"])
    for _ in range(DOWN_MS // ASKS_MS):
        with page.expect_event("requestfailed", lambda request: "/api/wall" in request.url):
            page.clock.fast_forward(ASKS_MS)
    expect(page.locator("#wall")).to_have_attribute("data-state", "waiting")
    with running(store, standards, port):
        page.clock.fast_forward(ASKS_MS)
        expect(page.locator("#wall")).to_have_attribute("data-state", "fresh", timeout=WITHIN_MS)
        expect(count_of(page, "double_none")).to_have_text("2", timeout=WITHIN_MS)


def test_a_minute_without_an_answer_is_said_and_goes_by_itself(
    store: Store, standards: Standards, open_page: Open
) -> None:
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=20", clock=True)
        banner, lamp = page.locator("#stale"), page.locator("#wall")
        for question in ("double_none", "gap"):
            show(page, question)
            expect(page.locator("#legend")).to_be_visible()
        page.keyboard.press("Space")
        page.context.set_offline(True)
        page.clock.fast_forward(6_000)
        expect(lamp).to_have_attribute("data-state", "waiting")
        expect(banner).to_be_hidden()
        scene = lamp.get_attribute("data-scene")
        page.clock.fast_forward(70_000)
        expect(lamp).to_have_attribute("data-state", "stale")
        expect(banner).to_contain_text("数据已 1 分没有更新")
        expect(banner).to_contain_text("正在重连")
        expect(page.locator("#clock-label")).to_have_text("画面停在")
        page.clock.fast_forward("25:00:00")
        expect(banner).to_contain_text("1 天 1 小时")
        assert lamp.get_attribute("data-scene") == scene, "without answers the picture stands still"
        show(page, "linkages")
        show(page, "gap")
        expect(page.locator("#map-message")).to_be_hidden()
        show(page, "double_none")
        expect(page.locator("#map-message")).to_have_text("连上以后再画这张图")
        expect(page.locator("#legend")).to_be_hidden()
        page.keyboard.press("Space")
        scene = "double_none"
        page.context.set_offline(False)
        page.clock.fast_forward(6_000)
        expect(lamp).to_have_attribute("data-state", "fresh")
        expect(banner).to_be_hidden()
        expect(page.locator("#map-message")).to_be_hidden()
        expect(page.locator("#legend")).to_contain_text("双无 3 个")
        page.clock.fast_forward(21_000)
        expect(lamp).not_to_have_attribute("data-scene", str(scene))


def test_a_service_that_cannot_read_the_store_is_no_fresh_answer(
    store: Store, standards: Standards, open_page: Open
) -> None:
    with serving(app_for(store, standards, SCREEN)) as address:
        page = open_page("about:blank", width=1920, height=1080)

        def late(route: Any) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, headers={**answer.headers, "wangge-age": "300"})

        page.route("**/api/wall*", late)
        page.goto(f"{address}/wall")
        expect(page.locator("#stale")).to_contain_text("数据已 5 分没有更新")
        expect(page.locator("#stale")).to_contain_text("读不到最新的数据")
        page.unroute_all(behavior="wait")
        expect(page.locator("#stale")).to_be_hidden()


@pytest.mark.parametrize("status", [503, 403], ids=["busy for a moment", "given up"])
def test_tiles_that_failed_come_once_and_the_map_is_not_drawn_anew(
    store: Store, standards: Standards, open_page: Open, status: int
) -> None:
    asked: dict[str, int] = {}
    polls: list[str] = []

    def fail_at_first(route: Any) -> None:
        url = route.request.url
        asked[url] = asked.get(url, 0) + 1
        if asked[url] == 1:
            route.fulfill(status=status, body="")
        else:
            route.continue_()

    with serving(app_for(store, standards, SCREEN)) as address:
        page = open_page("about:blank", width=1280, height=720, webgl=True)
        page.watch.expected = f"{status}"  # type: ignore[attr-defined]
        page.route("**/tiles/communities/**", fail_at_first)
        page.on("request", lambda request: polls.append(request.url) if "/api/wall" in request.url else None)
        page.clock.install()
        page.goto(f"{address}/wall?seconds=3600&scene=gap")
        drawn(page)
        seen = len(polls)
        for _ in range(600):
            if len(polls) > seen + 2:
                break
            page.clock.fast_forward(ASKS_MS)
            page.wait_for_timeout(100)
        assert len(polls) > seen + 2
        drawn(page)
        page.unroute_all(behavior="wait")
        # MapLibre's errors have a name that its build makes up.
        page.watch.complaints.clear()  # type: ignore[attr-defined]
        # Once in vain, then once more: by trying again, or when the server has answered.
        assert asked and max(asked.values()) == 2
        expect(page.locator("#map-message")).to_be_hidden()


def test_scenes_turn_pause_at_a_touch_and_go_on(store: Store, standards: Standards, open_page: Open) -> None:
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=20", clock=True)
        wall = page.locator("#wall")
        for scene in ("double_none", "hotspots", "linkages"):
            page.clock.fast_forward(20_100)
            expect(wall).to_have_attribute("data-scene", scene)
            expect(page.locator("#position [aria-current]")).to_have_attribute("data-go", scene)
        told = set()
        for linkage in ("organisation", "mechanism", "governance", "information", "results", "stars"):
            expect(page.locator("[data-linkage][data-current]")).to_have_attribute("data-linkage", linkage)
            told.add(page.locator("#definition").inner_text())
            page.clock.fast_forward(6_700)
        assert len(told) == 6, "each definition in turn"
        expect(wall).to_have_attribute("data-scene", "gap")
        page.mouse.click(1200, 500)
        expect(page.locator("#paused")).to_be_visible()
        page.clock.fast_forward(60_000)
        expect(wall).to_have_attribute("data-scene", "gap")
        page.clock.fast_forward(61_000)
        expect(page.locator("#paused")).to_be_hidden()
        page.clock.fast_forward(20_100)
        expect(wall).to_have_attribute("data-scene", "double_none")
        page.locator('[data-question="hotspots"]').click()
        expect(wall).to_have_attribute("data-scene", "hotspots")
        expect(page.locator("#paused")).to_be_visible()


def test_the_keyboard_does_what_a_touch_does(store: Store, standards: Standards, open_page: Open) -> None:
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=3600")
        wall = page.locator("#wall")
        for key, scene in (
            ("ArrowRight", "double_none"),
            ("ArrowLeft", "gap"),
            ("ArrowLeft", "linkages"),
            ("3", "hotspots"),
        ):
            page.keyboard.press(key)
            expect(wall).to_have_attribute("data-scene", scene)
        page.keyboard.press("Space")
        expect(page.locator("#paused")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.locator('#position [data-go="gap"]')).to_be_focused()
        page.keyboard.press("Enter")
        expect(wall).to_have_attribute("data-scene", "gap")


def test_on_three_screens_questions_turn_and_linkages_are_told_beside_them(
    store: Store, standards: Standards, open_page: Open
) -> None:
    with serving(app_for(store, standards, SCREEN)) as address:
        page = open_page("about:blank", width=5760, height=1080)
        page.clock.install()
        page.goto(f"{address}/wall?seconds=20")
        filled(page)
        seen, told = [], set()
        wall = page.locator("#wall")
        for _ in range(6):
            seen.append(wall.get_attribute("data-scene"))
            told.add(page.locator("#linkage-definition").inner_text())
            page.clock.fast_forward(20_100)
            expect(wall).not_to_have_attribute("data-scene", seen[-1] or "")
        assert seen == ["gap", "double_none", "hotspots"] * 2
        assert len(told) > 1
        expect(page.locator("#linkages")).to_be_visible()
        expect(page.locator('#position [data-go="linkages"]')).to_be_hidden()


def test_hundreds_of_scenes_leave_nothing_behind(store: Store, standards: Standards, open_page: Open) -> None:
    """Time runs 40 times as fast as it would have to: 120 scenes with 480 questions, and a write now and then."""
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=20", clock=True)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")

        def held() -> dict[str, float]:
            devtools.send("HeapProfiler.collectGarbage")
            metrics = devtools.send("Performance.getMetrics")["metrics"]
            return {one["name"]: one["value"] for one in metrics}

        def turn(times: int) -> None:
            for n in range(times):
                if n % 20 == 0:
                    frame = store.read("communities", codes=["C01"])
                    frame["households"] = 300 + n
                    store.update("communities", frame)
                for _ in range(4):
                    page.clock.fast_forward(ASKS_MS)
                page.evaluate("new Promise(requestAnimationFrame)")

        turn(40)
        before = held()
        turn(TURNS)
        after = held()
        expect(page.locator("#wall")).to_have_attribute("data-state", "fresh")
    assert after["Nodes"] <= before["Nodes"] + 50, (before["Nodes"], after["Nodes"])
    assert after["JSEventListeners"] <= before["JSEventListeners"] + 10
    grown = after["JSHeapUsedSize"] - before["JSHeapUsedSize"]
    assert grown < 1.5e6, f"{grown / 1e6:.1f} MB more after {TURNS} scenes"


def test_a_revoked_screen_is_emptied_and_says_what_to_do(
    store: Store, standards: Standards, tmp_path: Path, open_page: Open
) -> None:
    with people(store, standards, tmp_path) as who, serving(who.app) as address:
        device, code = who.access.add_device("wall", "大厅", by=OPERATOR)
        page = open_page(f"{address}/enrol", width=1920, height=1080)
        # Tiles asked for between the two are refused, and the engine without WebGL 2 takes a refusal for a tile.
        page.watch.expected = "401|Unimplemented type"  # type: ignore[attr-defined]
        page.locator("input[name=code]").fill(code)
        page.locator("main button[type=submit], form button").last.click()
        page.wait_for_load_state()
        page.goto(f"{address}/wall?seconds=3600")
        filled(page)
        drawn(page)
        who.access.revoke_device(device.id, by=OPERATOR)
        expect(page.locator("#closed")).to_be_visible()
        expect(page.locator("#closed")).to_contain_text("没有登记，或已被撤销")
        assert "929" not in page.locator("#wall").inner_text()
        assert page.locator(".wall-value, .wall-number, #legend li").count() == 0
        # Nor does a key bring anything back.
        page.keyboard.press("4")
        assert page.locator("#definition, #linkage-definition").all_text_contents() == ["", ""]
        page.locator(".wall-enrol").click()
        page.wait_for_url("**/enrol")


def test_after_a_power_cut_the_screen_is_still_enrolled(
    store: Store, standards: Standards, tmp_path: Path, browser: Browser, chromium: str | None
) -> None:
    with people(store, standards, tmp_path) as who, serving(who.app) as address:
        _, code = who.access.add_device("wall", "大厅", by=OPERATOR)

        def boot() -> Any:
            context = browser.browser_type.launch_persistent_context(
                tmp_path / "profile",
                executable_path=chromium,
                args=list(OPTIONS),
                viewport={"width": 1920, "height": 1080},
            )
            context.add_init_script(NO_WEBGL)
            return context

        context = boot()
        page = context.new_page()
        page.goto(f"{address}/enrol")
        page.locator("input[name=code]").fill(code)
        page.locator("main button[type=submit], form button").last.click()
        page.wait_for_load_state()
        page.goto(f"{address}/wall")
        filled(page)
        context.close()
        context = boot()
        page = context.new_page()
        page.goto(f"{address}/wall")
        filled(page)
        expect(count_of(page, "double_none")).to_have_text("3")
        context.close()


def test_a_renewed_service_renews_the_page(store: Store, standards: Standards, open_page: Open) -> None:
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=3600", clock=True)
        page.evaluate("document.documentElement.dataset.old = 'yes'")

        def renewed(route: Any) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, headers={**answer.headers, "wangge-page": "other"})

        page.route("**/api/wall*", renewed)
        page.clock.fast_forward(70_000)
        expect(page.locator("html")).not_to_have_attribute("data-old", "yes")
        page.unroute_all(behavior="wait")
        filled(page)


def test_a_scene_without_its_layers_keeps_the_others(
    store: Store, standards: Standards, open_page: Open
) -> None:
    store.delete("complaints", list(store.read("complaints").index))
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=3600")
        expect(page.locator("#legend")).to_be_visible()
        show(page, "hotspots")
        expect(page.locator("#map-message")).to_have_text("先导入所需的图层")
        expect(page.locator("#legend")).to_be_hidden()
        show(page, "gap")
        expect(page.locator("#map-message")).to_be_hidden()
        expect(page.locator("#legend")).to_be_visible()


def test_a_restored_store_and_a_renamed_district_are_shown_by_themselves(
    store: Store, standards: Standards, tmp_path: Path, open_page: Open
) -> None:
    backup, other = tmp_path / "backup.gpkg", tmp_path / "other.gpkg"
    backup_store(store, backup)
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=3600&scene=double_none", clock=True)
        store.delete("communities", ["C07"])
        page.clock.fast_forward(6_000)
        expect(count_of(page, "double_none")).to_have_text("2", timeout=WITHIN_MS)
        at_its_place(store, backup)
        soon(page, lambda: count_of(page, "double_none").inner_text() == "3")
        expect(page.locator("#legend")).to_contain_text("双无 3 个")
        district, frames = small_district()
        renamed = dataclasses.replace(district, name="某新区")
        with create_store(f"gpkg:{other}", renamed, layers=frames) as new:
            new.delete("communities", ["C01"])
        at_its_place(store, other)
        page.clock.fast_forward(70_000)
        soon(page, lambda: page.locator(".wall-district").inner_text() == "某新区")
        filled(page)


def test_a_screen_that_slept_or_whose_clock_was_set_goes_on_by_itself(
    store: Store, standards: Standards, open_page: Open
) -> None:
    with serving(app_for(store, standards, SCREEN)) as address:
        page = screen(open_page, f"{address}/wall?seconds=20&scene=double_none", clock=True)
        wall = page.locator("#wall")
        store.delete("communities", ["C07"])
        page.clock.fast_forward("08:00:00")
        expect(wall).to_have_attribute("data-state", "fresh", timeout=WITHIN_MS)
        expect(page.locator("#stale")).to_be_hidden()
        expect(count_of(page, "double_none")).to_have_text("2", timeout=WITHIN_MS)
        for moment in ("2001-01-01T00:00:00", "2031-01-01T00:00:00"):
            page.clock.set_system_time(moment)
            page.clock.fast_forward(6_000)
            expect(wall).to_have_attribute("data-state", "fresh")
            expect(page.locator("#stale")).to_be_hidden()
            assert page.locator("#time").inner_text() != "00:00", "the clock is the server's"
            scene = wall.get_attribute("data-scene")
            page.clock.fast_forward(20_100)
            expect(wall).not_to_have_attribute("data-scene", str(scene))
