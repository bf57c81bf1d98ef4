"""Passwords: which ones are good enough, and how they are kept.

Length alone is asked for, and that nobody guesses them soon (NIST SP 800-63B, 3.1.1): no composition rules,
no expiry. They are kept as argon2id of the parameters that RFC 9106 gives for little memory (64 MiB).
"""

from __future__ import annotations

import base64
import secrets
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layers.access.model import WeakPassword
from layers.text import Text

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST_CHARACTERS, MOST_CHARACTERS = 8, 128
LEAST_GUESSES = 100_000_000
"""What eight characters of pure chance take; the estimate is zxcvbn's."""

_MOST_WEIGHED_CHARACTERS = 72
_MOST_TYPED_CHARACTERS = 1024
# What everybody here would try first, beside the lists that zxcvbn brings.
_WORDS = [
    "wangge",
    "网格",
    "wanggeyuan",
    "网格员",
    "admin",
    "administrator",
    "guanliyuan",
    "管理员",
    "mima",
    "密码",
    "shequ",
    "社区",
    "jiedao",
    "街道",
    "xiaoqu",
    "小区",
    "woaini",
    "我爱你",
    "gongzuo",
    "工作",
    "zhengfu",
    "政府",
    "zhongguo",
    "中国",
]
# zxcvbn keeps the words of the person in a list that all calls share.
_weighing = threading.Lock()
# Each takes 64 MiB: many at once would take all memory there is.
_hashing = threading.BoundedSemaphore(4)


def normal(password: str) -> str:
    """Return a password as it counts, on whatever keyboard it was typed."""
    return unicodedata.normalize("NFKC", password)


def check_strength(password: str, words: Sequence[str] = ()) -> None:
    """Raise `WeakPassword` unless a password is good enough.

    Parameters
    ----------
    words : sequence of str
        What belongs to the person or the district, and is guessed first.
    """
    counted = normal(password)
    if len(counted) < LEAST_CHARACTERS:
        raise _weak(Text("只有 {n} 个字符", "it has only {n} characters").format(n=len(counted)))
    if len(counted) > MOST_CHARACTERS:
        raise _weak(Text("有 {n} 个字符，太长", "it has {n} characters").format(n=len(counted)))
    known = {part for word in (*words, *_WORDS) for part in _parts(word)}
    from zxcvbn import zxcvbn

    with _weighing:
        found = zxcvbn(counted[:_MOST_WEIGHED_CHARACTERS], user_inputs=sorted(known))
    if found["guesses"] < LEAST_GUESSES:
        raise _weak(_reason(found["sequence"]))


class Passwords:
    """Hashes passwords and compares them.

    Parameters
    ----------
    hasher : PasswordHasher, optional
        The library's own defaults if none is given; tests give one that costs less.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        if hasher is None:
            from argon2 import PasswordHasher

            hasher = PasswordHasher()
        self.hasher = hasher
        # Nothing matches it, and to find that out takes as long as for any other.
        self._nobodys = (
            f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
            f"${_chance(hasher.salt_len)}${_chance(hasher.hash_len)}"
        )

    def hashed(self, password: str) -> str:
        """Return what is kept of a password."""
        with _hashing:
            return self.hasher.hash(normal(password).encode("utf-8", "replace"))

    def matches(self, kept: str | None, password: str) -> bool:
        """Tell whether a password is the one of which `kept` is kept.

        Without one, and whatever was typed, it takes the same time to say no.
        """
        from argon2.exceptions import InvalidHashError, VerifyMismatchError

        typed = normal(password[:_MOST_TYPED_CHARACTERS]).encode("utf-8", "replace")
        try:
            with _hashing:
                self.hasher.verify(kept or self._nobodys, typed)
        except (VerifyMismatchError, InvalidHashError):
            return False
        return kept is not None

    def outdated(self, kept: str) -> bool:
        """Tell whether a hash was made with other parameters than are used now."""
        return self.hasher.check_needs_rehash(kept)


def _chance(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")


def _parts(word: str) -> set[str]:
    """Return a text as a whole and its words, as zxcvbn compares them."""
    lower = normal(word).casefold()
    return {part for part in (lower, lower.replace(" ", ""), *lower.split()) if len(part) > 1}


def _weak(reason: Text) -> WeakPassword:
    return WeakPassword(
        Text("密码不可用：{r}。", "This password cannot be used: {r}.").format(r=reason),
        Text(
            "请用 {a} 至 {b} 个字符；几个不相干的词连在一起就很好，不要求大小写和符号。",
            "Use {a} to {b} characters; a few unrelated words make a good one, capitals and symbols are not asked for.",
        ).format(a=LEAST_CHARACTERS, b=MOST_CHARACTERS),
    )


_REASONS = {
    "user_inputs": Text(
        "含有您的姓名、本区或本系统的名称等容易想到的词",
        "it is made of words that are tried first, such as your name, the district's or this service's",
    ),
    "passwords": Text("与常见密码相同或相近", "it is, or resembles, a password that many people use"),
    "spatial": Text("是键盘上相邻的键", "it follows the keys of the keyboard"),
    "repeat": Text("是重复的字符或片段", "it repeats itself"),
    "sequence": Text("是连续的字符", "it is a sequence such as abc or 6543"),
    "date": Text("是日期或年份", "it is a date or a year"),
    "regex": Text("是日期或年份", "it is a date or a year"),
    "bruteforce": Text("太短，很快就能试出来", "so few characters are soon tried out"),
}
_WORD = Text("是常见的词或人名", "it is a common word or name")


def _reason(sequence: Sequence[Mapping[str, Any]]) -> Text:
    """Return why a password is easily guessed: what its longest part is that is no chance."""

    def weight(match: Mapping[str, Any]) -> tuple[bool, int]:
        return match["pattern"] != "bruteforce", len(match["token"])

    longest = max(sequence, key=weight)
    kind = longest["dictionary_name"] if longest["pattern"] == "dictionary" else longest["pattern"]
    return _REASONS.get(kind, _WORD)
