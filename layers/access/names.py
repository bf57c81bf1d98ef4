"""Names and other texts that people and browsers hand in: made fit to be kept and compared."""

from __future__ import annotations

import re
import unicodedata

from layers.problems import BadParameter
from layers.text import Text

MOST_TEXT_CHARACTERS = 120
MOST_NAME_CHARACTERS = 40

_NAME = re.compile(r"[^\W_](?:[\w.@ -]*[\w])?")
# Ends of lines, and marks that make one text look like another.
_UNSEEN = ("Cc", "Cf", "Zl", "Zp")
_ID = re.compile(r"[0-9a-f]{12}")


def clean(text: str, most: int = MOST_TEXT_CHARACTERS) -> str:
    """Return `text` in one line of at most `most` characters, with nothing that a database refuses."""
    kept = text[:most].encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if unicodedata.category(letter) in _UNSEEN else letter for letter in kept)


def name_key(name: str) -> str:
    """Return what makes two names the same one: upper and lower case, full and half width."""
    shown = unicodedata.normalize("NFKC", clean(name)).strip()
    return unicodedata.normalize("NFKC", shown.casefold())[:MOST_TEXT_CHARACTERS]


def account_name(given: str) -> str:
    """Return the name of an account as it is kept and shown.

    Raises
    ------
    BadParameter
        It is empty, too long, or holds what a name cannot.
    """
    name = unicodedata.normalize("NFKC", given).strip()
    if not 1 <= len(name) <= MOST_NAME_CHARACTERS or not _NAME.fullmatch(name) or _ID.fullmatch(name):
        raise BadParameter(
            Text("用户名“{n}”不可用。", "The name {n!r} cannot be used.").format(n=clean(name)),
            Text(
                "请用 1 至 {m} 个字：汉字、字母、数字，中间可有 . _ @ - 和空格（不可是 12 位十六进制数字）。",
                "Use 1 to {m} letters and digits, with . _ @ - and spaces between (and not 12 hexadecimal digits).",
            ).format(m=MOST_NAME_CHARACTERS),
        )
    return name


def title_of(given: str) -> str:
    """Return the title of an account, device or key as it is kept."""
    return clean(unicodedata.normalize("NFC", given)).strip()
