"""What can go wrong, said so that a clerk knows where and what to do.

Every exception a person may see is a `WanggeError`; the command line prints it and exits with 1,
and webmap's one table gives it an HTTP status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from layers.text import Language, Text


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input.

    Attributes
    ----------
    message : Text
        What is wrong.
    remedy : Text
        What to do about it.
    row : int, optional
        The row as the source's own program shows it: 2 is the first row under a header,
        and for files without a header line 1 is the first feature.
    field, value : str, optional
        The field or source column, and the value found there.
    """

    message: Text
    remedy: Text
    row: int | None = None
    field: str | None = None
    value: str | None = None

    def sentence(self, language: Language) -> str:
        """Return the problem as one line."""
        where = [] if self.row is None else [f"第 {self.row} 行" if language == "zh" else f"row {self.row}"]
        if self.field is not None:
            where.append(self.field if self.value is None else f"{self.field} = {self.value!r}")
        lead = (("，" if language == "zh" else ", ").join(where)) + ("：" if language == "zh" else ": ")
        gap = "" if language == "zh" else " "
        return (lead if where else "") + self.message.to(language) + gap + self.remedy.to(language)

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the problem for JSON and the reject report."""
        return {
            "row": self.row,
            "field": self.field,
            "value": self.value,
            "message": self.message.to(language),
            "remedy": self.remedy.to(language),
        }


class WanggeError(Exception):
    """Something that a person can understand and put right."""

    def __init__(self, message: Text, remedy: Text | None = None) -> None:
        super().__init__(message.en if remedy is None else f"{message.en} {remedy.en}")
        self.message = message
        self.remedy = remedy

    def sentence(self, language: Language) -> str:
        """Return message and remedy as one paragraph."""
        if self.remedy is None:
            return self.message.to(language)
        gap = "" if language == "zh" else " "
        return self.message.to(language) + gap + self.remedy.to(language)


class ValidationError(WanggeError):
    """The input is wrong in one or more places; all of them are listed.

    Attributes
    ----------
    problems : tuple of Problem
        Every problem found, in the order of the source.
    """

    def __init__(self, message: Text, problems: list[Problem] | tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class BadParameter(WanggeError):
    """An option, a setting or a query parameter is out of its range."""


class NotFound(WanggeError):
    """There is no such layer, feature, unit or page."""


class StoreExists(WanggeError):
    """A store is already there and is not overwritten."""


class NotSignedIn(WanggeError):
    """Nobody in particular asks, and this is not for everybody."""


class Forbidden(WanggeError):
    """Who asks is known, and may not."""


class TooMany(WanggeError):
    """Too many attempts in too short a time.

    Attributes
    ----------
    retry_after_s : int
        Seconds after which it is worth trying again.
    """

    def __init__(self, message: Text, remedy: Text | None = None, *, retry_after_s: int) -> None:
        super().__init__(message, remedy)
        self.retry_after_s = retry_after_s


class StoreMissing(WanggeError):
    """There is no store at the given URL."""


class StoreUnusable(WanggeError):
    """The store is corrupt, of another kind, newer than this program or cannot be opened."""


class StoreReadOnly(WanggeError):
    """The store may be read but not written."""


class StoreBusy(WanggeError):
    """Another process holds the store for writing; trying again later will work."""


class StoreFull(WanggeError):
    """The disk is full; nothing of the write was kept."""


class StoreOutdated(StoreUnusable):
    """The store was made by an older program: `wangge migrate` brings it up to date."""


class StoreNewer(StoreUnusable):
    """The store was made or migrated by a newer program."""


class StoreAway(WanggeError):
    """The database server does not answer, or was lost; trying again later will work."""


class FeaturesExist(WanggeError):
    """Features that were to be inserted are there already.

    Attributes
    ----------
    codes : tuple of str
    """

    def __init__(self, message: Text, remedy: Text | None = None, *, codes: tuple[str, ...] = ()) -> None:
        super().__init__(message, remedy)
        self.codes = codes


@dataclass(frozen=True)
class Conflict:
    """One field of a feature that two people have changed from the same state.

    Attributes
    ----------
    field : str, optional
        ``geometry`` among them; None where one side deleted the feature.
    base, mine, theirs
        The value both had seen, the one that was to be written, and the one that is there.
    version, who, at
        Their last write to the feature.
    """

    code: str
    field: str | None
    base: Any
    mine: Any
    theirs: Any
    version: int
    who: str
    at: datetime | None


class StoreConflict(WanggeError):
    """Somebody has changed since what was to be written; nothing was.

    Attributes
    ----------
    conflicts : tuple of Conflict
        Ordered by code, then by field as the layer has them.
    """

    def __init__(self, message: Text, remedy: Text, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(message, remedy)
        self.conflicts = conflicts
