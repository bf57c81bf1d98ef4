"""The planner's desk as a whole: what is seen at once, what a new district says, and what helps on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, drawn

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("question", ["gap", "double_none", "hotspots"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_three_questions_stand_above_the_filters(
    small: str, open_page: Open, lang: str, question: str
) -> None:
    page = open_page(f"{small}/?question={question}&lang={lang}", width=1440, height=900)
    drawn(page)
    panel = page.locator(".filters").bounding_box()
    last = page.locator(".question[data-question=hotspots]").bounding_box()
    assert panel and last
    assert last["y"] + last["height"] <= panel["y"] + 1
    scrolled = page.locator("#questions").evaluate("node => node.scrollHeight - node.clientHeight")
    assert scrolled <= 0
    # How it is counted is one click away, and stays open from one question to the next.
    page.locator(".method summary").click()
    expect(page.locator(".method p").last).to_be_visible()
    other = "gap" if question != "gap" else "hotspots"
    page.locator(f".question[data-question={other}] label").first.click()
    expect(page.locator(".method p").last).to_be_visible()
