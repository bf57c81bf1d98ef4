"""The table in ``docs/asvs.md`` names files and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "asvs.md").read_text("utf-8").splitlines()
    if re.match(r"\| \d", line)
]


def test_every_file_and_test_that_is_named_exists() -> None:
    assert len(ROWS) > 70
    missing = []
    for row in ROWS:
        for name in re.findall(r"`((?:\w+/)[\w./-]+|[\w-]+\.lock)(?:::(\w+))?`", " ".join(row)):
            path, test = ROOT / name[0], name[1]
            if not path.is_file() or (test and f"def {test}(" not in path.read_text("utf-8")):
                missing.append("::".join(filter(None, name)))
    assert missing == []


def test_every_row_says_whether_it_is_met_where_and_how_it_is_tested() -> None:
    for number, what, met, where, tested in ROWS:
        assert what and met in ("yes", "partly", "no") and len(where) > 5, number
        assert tested.startswith("`tests/"), number


def test_no_requirement_stands_twice() -> None:
    numbers = [
        number for row in ROWS for number in re.findall(r"\d+\.\d+\.\d+(?: to \d+\.\d+\.\d+)?", row[0])
    ]
    assert len(numbers) == len(set(numbers))
