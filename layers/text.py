"""A sentence in the two languages of the interface, Chinese first."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Text(NamedTuple):
    """A text that a person reads, in Chinese and in English.

    Both stand side by side in the code, so that neither can be forgotten when the other changes.
    """

    zh: str
    en: str

    def to(self, language: Language) -> str:
        """Return the text in `language`."""
        return self.zh if language == "zh" else self.en

    def format(self, **values: Any) -> Text:
        """Fill the ``{named}`` places; a `Text` among the values is filled in its own language."""
        zh = {key: value.zh if isinstance(value, Text) else value for key, value in values.items()}
        en = {key: value.en if isinstance(value, Text) else value for key, value in values.items()}
        return Text(self.zh.format(**zh), self.en.format(**en))


def both(text: str) -> Text:
    """Return a text that reads the same in both languages: a name, a code, a number."""
    return Text(text, text)


def joined(texts: list[Text], *, last: Text | None = None) -> Text:
    """Join texts as a list is written: 、 in Chinese, commas in English."""
    if last is not None and len(texts) > 1:
        head = joined(texts[:-1])
        return Text(head.zh + last.zh + texts[-1].zh, head.en + last.en + texts[-1].en)
    return Text("、".join(text.zh for text in texts), ", ".join(text.en for text in texts))
