"""Shares read alike, whether the server or the page writes them."""

from __future__ import annotations

from layers.wording import percent
from tests.browser.conftest import Open

SHARES = [0.0, 1 / 1_150_000, 0.0003, 0.0006, 0.12345, 0.5, 0.9994, 0.9996, 1_149_999 / 1_150_000, 1.0]


def test_the_page_writes_shares_as_the_server_does(open_page: Open, small: str) -> None:
    page = open_page(small)
    written = page.evaluate(
        """async (shares) => {
          const { percent } = await import("/static/js/words.js");
          return shares.map(percent);
        }""",
        SHARES,
    )
    assert written == [percent(share).en for share in SHARES]
