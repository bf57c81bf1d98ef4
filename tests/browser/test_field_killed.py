"""A tablet whose battery dies: the browser is killed from outside, and what was recorded is there and arrives once."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, expect

from layers.standards import Standards
from tests.browser.conftest import NO_WEBGL, PATIENCE_MS
from tests.browser.test_field import TABLET, a_field, all_sent, shell_is_kept, sign_in, take_along, verify
from tests.conftest import OPTIONS

pytestmark = pytest.mark.browser


def started(browser: Browser, chromium: str | None, profile: Path) -> BrowserContext:
    """Start a browser of its own that keeps its profile."""
    context = browser.browser_type.launch_persistent_context(
        str(profile),
        executable_path=chromium,
        args=list(OPTIONS),
        viewport=TABLET,
        locale="zh-CN",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(NO_WEBGL)
    return context


def kill(profile: Path) -> None:
    """Kill the browser that was started with this profile; it cannot put anything away."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if f"--user-data-dir={profile}".encode() in words and not any(b"--type=" in one for one in words):
                found.append(int(process.name))
    assert len(found) == 1
    os.kill(found[0], signal.SIGKILL)


def test_what_was_recorded_outlives_a_killed_browser(
    browser: Browser, chromium: str | None, standards: Standards, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    with a_field(standards, tmp_path) as field:
        context = started(browser, chromium, profile)
        page = context.new_page()
        sign_in(page, field, "worker")
        shell_is_kept(page)
        take_along(page)
        cookies = context.cookies()
        context.set_offline(True)
        page.locator("#link").click()
        for number in range(3):
            verify(page, number, "不明")
        kill(profile)
        with suppress(Error):
            context.close()
        context = started(browser, chromium, profile)
        context.set_offline(True)
        page = context.new_page()
        page.goto(f"{field.address}/field")
        expect(page.locator(".tab[data-view=outbox] .badge")).to_have_text("3")
        expect(page.locator("#task-rows .row").first).to_be_visible()
        assert field.edits() == []
        # A session ends with its browser: somebody signs in again.
        context.add_cookies(cookies)  # type: ignore[arg-type]
        context.set_offline(False)
        page.locator("#link").click()
        all_sent(page)
        assert len(field.edits()) == 3
        context.close()
