"""Which passwords are good enough, and what is said of the others."""

from __future__ import annotations

import threading
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.access.model import WeakPassword
from layers.access.passwords import Passwords, check_strength
from tests.access.support import CHEAP

WORDS = ("zhang.wei", "张伟", "罗湖区", "Luohu District")


@pytest.mark.parametrize(
    ("password", "zh", "en"),
    [
        ("", "0 个字符", "0 characters"),
        ("kX7#pQ2", "7 个字符", "7 characters"),
        ("x" * 129, "129 个字符", "129 characters"),
        ("password", "常见密码", "many people use"),
        ("P@ssw0rd", "常见密码", "many people use"),
        ("5201314520", "常见密码", "many people use"),
        ("woaini1314", "容易想到", "tried first"),
        ("qwertyuiop", "常见密码", "many people use"),
        ("tgbnhyujm", "键盘", "keyboard"),
        ("aaaaaaaaaaaaaaaaaaaa", "重复", "repeats"),
        ("网格网格网格网格网格", "重复", "repeats"),
        ("abcdefghijk", "连续", "sequence"),
        ("1985.12.03", "日期", "date"),
        ("zhang.wei1", "姓名", "your name"),
        ("luohu2026", "姓名", "your name"),
        ("wangge123", "姓名", "your name"),
        ("罗湖区一二三四五", "姓名", "your name"),
        ("administrator", "姓名", "your name"),
        ("breakfast", "常见的词", "common word"),
    ],
)
def test_a_weak_password_is_told_why(password: str, zh: str, en: str) -> None:
    with pytest.raises(WeakPassword) as caught:
        check_strength(password, WORDS)
    assert zh in caught.value.sentence("zh")
    assert en in caught.value.sentence("en")
    assert "8 至 128" in caught.value.sentence("zh")
    assert len(password) < 8 or password == "password" or password not in caught.value.sentence("en")


@pytest.mark.parametrize(
    "password",
    [
        "kX7#pQ2m",
        "correct horse battery",
        "八仙过海各显神通不求人",
        "violet tractor seven",
        "x9$Lq!vT2&mWz7(Kp" + "ábcÐ3fgħ1jķ" * 10,
        "龙🐉跳🌊飞🔥舞💧云☁️",
    ],
)
def test_long_and_unguessed_is_enough(password: str) -> None:
    check_strength(password, WORDS)


def test_what_counts_is_the_normal_form() -> None:
    wide = "ｐａｓｓｗｏｒｄ"
    with pytest.raises(WeakPassword, match="many people use"):
        check_strength(wide)
    with pytest.raises(WeakPassword, match="7 characters"):
        check_strength("e\u0301" * 7)  # 14 code points as typed


def test_the_words_of_one_are_not_those_of_another() -> None:
    """Many at once: what is weak for one because of the name is not weak for all."""
    password = "mxyzptlkqq77"
    wrong: list[str] = []

    def weigh(words: tuple[str, ...], weak: bool) -> None:
        for _ in range(20):
            try:
                check_strength(password, words)
            except WeakPassword:
                found = True
            else:
                found = False
            if found is not weak:
                wrong.append(str(words))

    threads = [
        threading.Thread(target=weigh, args=(("mxyzptlkqq",), True) if n % 2 else (("other",), False))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@given(password=st.text(min_size=1, max_size=40), other=st.text(max_size=40))
def test_a_password_matches_itself_in_any_form_and_nothing_else(password: str, other: str) -> None:
    passwords = Passwords(CHEAP)
    kept = passwords.hashed(password)
    assert passwords.matches(kept, normalize("NFD", password))
    if normalize("NFKC", other) != normalize("NFKC", password):
        assert not passwords.matches(kept, other)
    assert not passwords.matches(None, password)
    assert not passwords.matches("damaged", password)
