"""Make the pictures of all three faces in docs/screenshots, from the demonstration district and always the same.

Run it from anywhere: ``.venv/bin/python docs/screenshots.py``. Each face has its own script, which takes some of them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs import desk_screenshots, tablet_screenshots, wall_screenshots
from docs.pictures import PATIENCE_MS, Districts, launched


def main() -> None:
    """Take all pictures."""
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser, districts = launched(playwright), Districts(Path(folder))
        desk_screenshots.take(browser, districts)
        tablet_screenshots.take(browser, districts)
        browser.close()
    wall_screenshots.main()


if __name__ == "__main__":
    main()
