"""Invented names of the demonstration district: communities and property companies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SUFFIXES: dict[str, tuple[tuple[str, str], ...]] = {
    "garden_estate": (
        ("苑", "Court"),
        ("庭", "Terrace"),
        ("园", "Gardens"),
        ("轩", "House"),
        ("台", "Heights"),
    ),
    "old_estate": (("坊", "Mews"), ("里", "Lane"), ("大院", "Yard"), ("新舍", "Estate")),
    "other": (("居", "Place"), ("楼", "Building"), ("阁", "Lodge")),
    "urban_village": (("村", "Village"), ("围", "Walled Village")),
}
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_NUMBERS = "一二三四五六七八九十"


def community_names(
    syllables: dict[str, list[list[str]]], kinds: Sequence[str], rng: np.random.Generator
) -> list[tuple[str, str]]:
    """Return a Chinese and an English name for each community, all different, fitting its kind."""
    stems = [
        (first + second, (first_en + second_en).capitalize())
        for first, first_en in syllables["first"]
        for second, second_en in syllables["second"]
    ]
    chosen = rng.permutation(len(stems))[: len(kinds)]
    names = []
    for stem, kind in zip(chosen.tolist(), kinds, strict=True):
        suffix, suffix_en = _SUFFIXES[kind][int(rng.integers(len(_SUFFIXES[kind])))]
        names.append((stems[stem][0] + suffix, f"{stems[stem][1]} {suffix_en}"))
    return names


def company_names(count: int) -> list[str]:
    """Return clearly invented property companies, numbered as in a form: 甲一, 甲二 and so on."""
    return [f"{_STEMS[k // 10]}{_NUMBERS[k % 10]}物业服务公司" for k in range(count)]
