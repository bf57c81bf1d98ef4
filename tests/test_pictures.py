"""The pictures in the documentation: each is shown, small enough, and whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "screenshots"
PICTURES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
MOST_BYTES = 300_000
LEAST_PX = 700


def test_every_picture_is_shown_and_none_is_left_over() -> None:
    shown = set()
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"!\[[^]]+\]\(([^)]+)\)", page.read_text("utf-8")):
            shown.add((page.parent / target).resolve())
    assert {path.resolve() for path in PICTURES} == shown


def test_the_readme_shows_each_face() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for face in ("desk", "tablet", "wall"):
        assert f"](docs/screenshots/{face}/" in readme


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_picture_is_small_and_whole(path: Path) -> None:
    assert path.suffix == ".webp"
    assert path.stat().st_size < MOST_BYTES
    with Image.open(path) as picture:
        picture.load()
        assert min(picture.size) >= LEAST_PX or picture.width >= 2 * LEAST_PX
