"""What every command shares: the context that app.py fills, options, output and errors in words."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from layers.bilingual import Command, Option
from layers.problems import Problem, ValidationError, WanggeError
from layers.store import Progress, Store, no_progress, open_store
from layers.text import Language, Text

if TYPE_CHECKING:
    from layers.standards import Standards

SHOWN_PROBLEMS = 20


@dataclass
class Context:
    """What app.py hands to the commands.

    Attributes
    ----------
    store_url : str
        From ``--store``, else the setting WANGGE_STORE, else the default.
    language : Language
        Of everything the command says.
    data_folder : Path
        Where the standards and code lists are.
    """

    store_url: str
    language: Language
    data_folder: Path
    _standards: Standards | None = field(default=None, repr=False)

    @property
    def standards(self) -> Standards:
        """The standards, read on first use."""
        if self._standards is None:
            from layers.standards import read_standards

            self._standards = read_standards(self.data_folder)
        return self._standards

    def open_store(self, *, read_only: bool = False) -> Store:
        """Open the chosen store."""
        return open_store(self.store_url, read_only=read_only)

    def say(self, text: Text, *, error: bool = False) -> None:
        """Print one line, to standard error where `error`."""
        click.echo(text.to(self.language), err=error)

    def progress(self) -> Progress:
        """Return a progress callback: a bar on a terminal, else silence."""
        return terminal_progress(sys.stderr) if sys.stderr.isatty() else no_progress


pass_context = click.make_pass_decorator(Context)


def terminal_progress(stream: IO[str]) -> Progress:
    """Return a callback that draws one bar per step on `stream`."""
    width = 24

    def show(what: str, done: int, total: int) -> None:
        share = done / total if total else 1.0
        filled = round(share * width)
        stream.write(f"\r\033[K{'█' * filled}{'░' * (width - filled)} {share:4.0%} {what}")
        if done >= total:
            stream.write("\n")
        stream.flush()

    return show


def print_json(data: Any) -> None:
    """Print `data` as JSON: UTF-8, keys in the order given, so that equal data print equal bytes."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False))


def print_error(error: WanggeError, language: Language) -> None:
    """Print what is wrong, where and what to do, the first problems one per line."""
    click.echo(error.sentence(language), err=True)
    if isinstance(error, ValidationError):
        for line in _kinds_of(error.problems, language) if len(error.problems) > SHOWN_PROBLEMS else ():
            click.echo(line, err=True)
        for problem in error.problems[:SHOWN_PROBLEMS]:
            click.echo(f"  {problem.sentence(language)}", err=True)
        more = len(error.problems) - SHOWN_PROBLEMS
        if more > 0:
            text = Text("  ……还有 {more} 处。", "  … and {more} more.").format(more=more)
            click.echo(text.to(language), err=True)


def _kinds_of(problems: Sequence[Problem], language: Language) -> Iterator[str]:
    """Count problems by field and message, so that a rare one is not hidden behind many."""
    kinds = Counter((problem.field, problem.message.to(language)) for problem in problems)
    first = {(problem.field, problem.message.to(language)): problem.row for problem in reversed(problems)}
    shown = Text("  {n} × {w}（首见第 {r} 行）", "  {n} × {w} (first in row {r})")
    for kind, count in kinds.most_common(SHOWN_PROBLEMS):
        field, message = kind
        told = message if field is None else f"{field}: {message}"
        yield shown.format(n=count, w=told, r=first[kind]).to(language)


@contextmanager
def errors_in_words(language: Language) -> Iterator[None]:
    """Turn a `WanggeError` into its sentences and exit code 1."""
    try:
        yield
    except WanggeError as error:
        print_error(error, language)
        raise SystemExit(1) from error


def command(name: str, zh: str, en: str) -> Callable[[Callable[..., Any]], Command]:
    """Decorate a function as the command `name`, with help in both languages."""
    return click.command(name, cls=Command, words=Text(zh, en))


def option(*names: str, zh: str, en: str, **settings: Any) -> Callable[[Any], Any]:
    """Declare an option with help in both languages."""
    return click.option(*names, cls=Option, words=Text(zh, en), **settings)


def day_option(name: str, *, zh: str, en: str, parameter: str | None = None) -> Callable[[Any], Any]:
    """Declare an option that takes a day, YYYY-MM-DD."""
    names = (name,) if parameter is None else (name, parameter)
    return option(*names, zh=zh, en=en, type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD")
