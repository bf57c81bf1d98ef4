"""The documentation is true: the reference pages are what the code says, and links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import app
from docs import reference

ROOT = Path(__file__).parent.parent

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = (ROOT / "docs" / name).read_text("utf-8")
    assert written == reference.PAGES[name](), "run: python docs/reference.py"


def test_every_setting_that_is_read_is_described() -> None:
    text = (ROOT / "app.py").read_text("utf-8")
    assert set(re.findall(r'environment\.get\(\s*"(\w+)"', text)) <= set(app.SETTINGS)
    names = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert set(app.SETTINGS) <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in app.COMMANDS:
        assert f"wangge {name}" in readme, name


def test_the_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for name in re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text("utf-8")):
        assert name in targets, name
