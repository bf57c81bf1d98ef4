"""Nothing that a page says is written past the tables of words, in which each sentence has both languages."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from string import Formatter

import pytest

WEBMAP = Path(__file__).parents[2] / "webmap"
HAN = re.compile(r"[\u3400-\u9fff]")
WORD = re.compile(r"[A-Za-z]{2,}")
COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
# What stands in this block is a class of the frame.
WIDTH = re.compile(r"\{% block width %\}\w*")
UNSEEN = re.compile(r"<(script|style|svg)\b.*?</\1>", re.DOTALL)
SAID = re.compile(r'\b(?:aria-label|title|placeholder|alt|content)="([^"]*)"')
# Which language a link leads to is said in that language, in both; a district that is made up says so in both.
NAMES_OF_LANGUAGES = {"中", "中文", "English"}
# Chinese counts in ten thousands: said nowhere else, and not in English.
NUMBERS = {"${(value / 10000).toFixed(1)} 万"}
# What names of subdistricts end with, which labels leave out.
ENDINGS = {"街道"}
IN_BOTH = {"Invented demonstration data"}
MACHINE = re.compile(
    r"default-src|width=device-width|initial-scale|viewport-fit|light dark|only|noindex|#|^\s*$"
)

SCRIPTS = sorted(path for path in WEBMAP.glob("static/**/*.js") if "vendor" not in path.parts)
TEMPLATES = sorted(WEBMAP.glob("templates/**/*.html"))
MODULES = sorted(WEBMAP.glob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(WEBMAP))


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_scripts_take_their_sentences_from_the_words(path: Path) -> None:
    code = COMMENT.sub("", path.read_text("utf-8"))
    literals = [
        one or other or third
        for one, other, third in re.findall(r'"([^"\n]*)"|\'([^\'\n]*)\'|`([^`]*)`', code)
    ]
    assert [text for text in literals if HAN.search(text) and text not in NAMES_OF_LANGUAGES | NUMBERS] == []
    # A sentence in English has words with spaces between them; names of classes, paths and keys do not look like it.
    assert [text for text in literals if re.search(r"^[A-Z][a-z]+ [a-z]+ [a-z ]+[.!?]?$", text)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_templates_take_their_sentences_from_the_words(path: Path) -> None:
    text = UNSEEN.sub("", WIDTH.sub("", path.read_text("utf-8")))
    text = JINJA.sub("", text)
    said = [line.strip() for line in re.sub(r"<[^>]*>", "\n", text).splitlines()]
    said += [value for value in SAID.findall(text) if not MACHINE.search(value)]
    left = [line for line in said if HAN.search(line) or WORD.search(line)]
    assert [line for line in left if line not in IN_BOTH | NAMES_OF_LANGUAGES] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_templates_write_no_sentence_in_an_expression(path: Path) -> None:
    quoted = [
        one or other
        for expression in JINJA.findall(path.read_text("utf-8"))
        for one, other in re.findall(r"\"([^\"]*)\"|'([^']*)'", expression)
    ]
    assert [text for text in quoted if HAN.search(text) and text not in NAMES_OF_LANGUAGES] == []


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_modules_write_chinese_as_one_of_two_languages(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    paired = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and in_both_languages(node)
        for part in ast.walk(node)
    }
    alone = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and HAN.search(node.value)
        and id(node) not in paired | docstrings(tree)
    ]
    assert set(alone) <= ENDINGS


def in_both_languages(call: ast.Call) -> bool:
    """Return whether a call states Chinese and English: a `Text`, or a command's words, whose English is its docstring."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    return name in ("Text", "command", "group") or "zh" in {keyword.arg for keyword in call.keywords}


def docstrings(tree: ast.AST) -> set[int]:
    """Return the docstrings; those of commands are their help, in both languages (tests/test_command_line.py)."""
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in MODULES if path.stem.startswith("words")))
def test_every_word_has_both_languages(name: str) -> None:
    table = importlib.import_module(f"webmap.{name}").WORDS
    assert len(table) > 3
    for key, text in table.items():
        assert text.zh.strip() and text.en.strip(), key
        assert places(text.zh) == places(text.en), key
        assert not HAN.search(text.en), key


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}
