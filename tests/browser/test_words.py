"""The page's words: none missing, none left over, both languages with the same places to fill."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from layers.text import LANGUAGES, Text
from webmap.words import WORDS, words

WEBMAP = Path(__file__).parents[2] / "webmap"
SOURCES = [*WEBMAP.glob("static/js/**/*.js"), *WEBMAP.glob("templates/*.html"), *WEBMAP.glob("*.py")]
CODE = "\n".join(path.read_text("utf-8") for path in SOURCES if path.name != "words.py")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize(("key", "text"), WORDS.items())
def test_both_languages_fill_the_same_places(key: str, text: Text) -> None:
    assert text.zh and text.en
    assert places(text.zh) == places(text.en)


def test_every_word_that_the_page_asks_for_exists() -> None:
    asked = set(re.findall(r'\bt\("(\w+)"', CODE)) | set(re.findall(r"\bw\.(\w+)", CODE))
    assert asked <= set(WORDS)
    assert len(asked) > 50


def test_no_word_is_left_over() -> None:
    made = set(re.findall(r"`(\w+_)\$\{", CODE)) | set(re.findall(r'"(\w+_)" ~', CODE))
    ends = set(re.findall(r"\}(_\w+)`", CODE))
    left_over = [
        key
        for key in WORDS
        if not re.search(rf'["\'.]{key}\b', CODE)
        and not key.startswith(tuple(made))
        and not key.endswith(tuple(ends))
    ]
    assert left_over == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_of_one_language(language: str) -> None:
    chosen = words(language)  # type: ignore[arg-type]
    assert chosen.keys() == WORDS.keys()
    assert (chosen["print"] == "打印") == (language == "zh")
