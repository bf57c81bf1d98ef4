"""The pages' words: none missing, none left over, none said twice, both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layers.text import LANGUAGES, Text
from webmap import (
    words_compare,
    words_conditions,
    words_facts,
    words_field,
    words_upload,
    words_wall,
    words_what_if,
)
from webmap.words import DESK, WORDS, words

WEBMAP = Path(__file__).parents[2] / "webmap"
SCRIPTS = WEBMAP / "static" / "js"
ALL = [*SCRIPTS.rglob("*.js"), *WEBMAP.glob("templates/*.html"), *WEBMAP.glob("*.py")]
CODE = "\n".join(path.read_text("utf-8") for path in ALL if not path.match("words*.py"))
PARTS = {
    "page": WORDS,
    "compare": words_compare.WORDS,
    "conditions": words_conditions.WORDS,
    "facts": words_facts.WORDS,
    "what_if": words_what_if.WORDS,
}
# Which scripts and templates a face consists of, and what they may say.
FACES: dict[str, tuple[list[Path], dict[str, Text]]] = {
    "desk": (
        [
            *(path for path in SCRIPTS.glob("*.js") if not path.name.startswith("upload")),
            *SCRIPTS.glob("map/*.js"),
        ],
        DESK,
    ),
    "data": ([*SCRIPTS.glob("upload*.js")], WORDS | words_upload.WORDS),
    "field": ([*SCRIPTS.glob("field/*.js"), WEBMAP / "templates" / "field.html"], words_field.WORDS),
    "wall": ([*SCRIPTS.glob("wall/*.js"), WEBMAP / "templates" / "wall.html"], words_wall.WORDS),
}
ASKED = re.compile(r'\b[tw]\("(\w+)"')
ASKED_IN_TEMPLATES = re.compile(r"\{\{ *[fw]\.(\w+)")


@pytest.mark.parametrize("face", FACES)
def test_every_word_that_a_face_asks_for_exists(face: str) -> None:
    paths, known = FACES[face]
    asked = {
        word
        for path in paths
        for word in (ASKED if path.suffix == ".js" else ASKED_IN_TEMPLATES).findall(path.read_text("utf-8"))
    }
    assert asked - set(known) == set()
    assert len(asked) > 20


def test_no_part_of_the_page_takes_a_word_of_another() -> None:
    keys = [key for table in PARTS.values() for key in table]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []
    assert len(keys) == len(DESK)


@pytest.mark.parametrize("name", [*PARTS, "upload", "field", "wall"])
def test_no_word_is_left_over(name: str) -> None:
    others = {"upload": words_upload.WORDS, "field": words_field.WORDS, "wall": words_wall.WORDS}
    table = (PARTS | others)[name]
    made = set(re.findall(r"`(\w+_)\$\{", CODE)) | set(re.findall(r'"(\w+_)" ~', CODE))
    ends = set(re.findall(r"\}(_\w+)`", CODE))
    left_over = [
        key
        for key in table
        if not re.search(rf'["\'.]{key}\b', CODE)
        and not key.startswith(tuple(made))
        and not key.endswith(tuple(ends))
    ]
    assert left_over == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_of_one_language(language: str) -> None:
    chosen = words(language)  # type: ignore[arg-type]
    assert chosen.keys() == DESK.keys()
    assert (chosen["print"] == "打印") == (language == "zh")
