"""Texts in sheets: none that a spreadsheet would take for a formula, and back.

A text that begins like a formula gets an apostrophe, by which spreadsheets know a text; so does one that begins
with apostrophes and then like a formula, so that `plain` gives back just what `shielded` was given.
"""

from __future__ import annotations

import re

# Full-width signs begin formulas in Chinese and Japanese spreadsheets; control characters hide what follows them.
_STARTS = "=+\\-@\\t\\r\\n＝＋－＠"
RISKY = f"^'*[{_STARTS}]"
"""What is shielded, as a pattern."""

SHIELDED = f"^'('*[{_STARTS}])"
"""What has been, as a pattern: without the apostrophe it begins with the first group."""

_RISKY = re.compile(RISKY)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def shielded(text: str) -> str:
    """Return a text as it is written into a sheet; a plain number, which is no formula, as it is."""
    return f"'{text}" if _RISKY.match(text) and not _NUMBER.fullmatch(text) else text


def plain(text: str) -> str:
    """Return what `shielded` was given."""
    return re.sub(SHIELDED, r"\1", text)
