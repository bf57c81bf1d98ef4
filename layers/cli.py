"""What every command shares: the context that app.py fills, options, output and errors in words."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from unicodedata import east_asian_width

import click

from layers.bilingual import Command, Group, Option, language_here
from layers.problems import Problem, StoreConflict, ValidationError, WanggeError
from layers.store import (
    Authorship,
    Clock,
    Progress,
    Store,
    StoreSettings,
    no_progress,
    open_store,
    shown_url,
    utc_now,
)
from layers.text import Language, Text, both

if TYPE_CHECKING:
    from layers.access.access import Access
    from layers.auditing import Deed
    from layers.installation import Installation
    from layers.policy import Policy
    from layers.standards import Standards
    from layers.visitors import Visitor

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
    settings : StoreSettings
        How stores are reached.
    operator : str
        Who answers for what is written: the name of the account.
    web : mapping of str to str
        The settings of the web service, as they were given; `serve` reads and checks them.
    installation_file : Path, optional
        What this installation sets; None where everything is as shipped.
    clock : Clock
        Tells sign-ins, entries of the audit log and retention the time.
    """

    store_url: str
    language: Language
    data_folder: Path
    settings: StoreSettings = field(default_factory=StoreSettings)
    operator: str = ""
    web: Mapping[str, str] = field(default_factory=dict)
    installation_file: Path | None = None
    clock: Clock = utc_now
    _standards: Standards | None = field(default=None, repr=False)
    _policy: Policy | None = field(default=None, repr=False)
    _installation: Installation | None = field(default=None, repr=False)

    @property
    def installation(self) -> Installation:
        """What this installation sets, read on first use."""
        if self._installation is None:
            from layers.installation import AS_SHIPPED, read_installation

            file = self.installation_file
            self._installation = AS_SHIPPED if file is None else read_installation(file)
        return self._installation

    @property
    def standards(self) -> Standards:
        """The standards, read on first use."""
        if self._standards is None:
            from layers.standards import read_standards

            self._standards = read_standards(self.data_folder, rules=self.installation.standards)
        return self._standards

    @property
    def policy(self) -> Policy:
        """Who may see and do what, read on first use."""
        if self._policy is None:
            from layers.policy import read_policy

            self._policy = read_policy(self.data_folder)
        return self._policy

    @property
    def visitor(self) -> Visitor:
        """Who runs the command: the machine's operator."""
        from layers.visitors import operator

        return operator(self.operator)

    def renewed(self) -> Context:
        """Return the context as it was given, with installation, standards and policy to be read anew."""
        return replace(self, _standards=None, _policy=None, _installation=None)

    def open_store(self, *, read_only: bool = False) -> Store:
        """Open the chosen store."""
        return open_store(self.store_url, read_only=read_only, settings=self.settings)

    def open_access(self, url: str | None = None, *, made: bool = False) -> Access:
        """Open the accounts and the audit log of the chosen store, or of the one at `url`.

        Parameters
        ----------
        made : bool
            They must be there already: somebody who looks must not find an empty log in the place of a lost one.
        """
        from layers.access.access import open_access

        def opened(*, read_only: bool = False) -> Access:
            return open_access(
                url or self.store_url,
                policy=self.policy,
                settings=self.settings,
                clock=self.clock,
                read_only=read_only,
            )

        if made:
            opened(read_only=True).close()
        return opened()

    def audited(self, action: str, *, url: str | None = None, **said: Any) -> AbstractContextManager[Deed]:
        """Do something that the audit log is to tell, within ``with``; see `layers.auditing`.

        Parameters
        ----------
        action : str
            As the log calls it, such as ``export``.
        url : str, optional
            Of the store whose log it is; the chosen one by default.
        said
            What is known of it before it begins: the attributes of `layers.auditing.Deed`.
        """
        from layers.auditing import Deed, audited

        return audited(Deed(action=action, visitor=self.visitor, **said), lambda: self.open_access(url))

    @property
    def shown_store(self) -> str:
        """The chosen store's URL, without a password."""
        return shown_url(self.store_url)

    def author(self, *, note: str = "", effective: date | None = None) -> Authorship:
        """Return who writes, why and from when it holds."""
        return Authorship(who=self.operator, note=note, effective=effective)

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


def print_table(context: Context, heads: Sequence[Text], rows: Sequence[Sequence[Text]]) -> None:
    """Print rows under their heads, each column as wide as its widest cell; empty columns are left out."""
    cells = [[cell.to(context.language) for cell in row] for row in (heads, *rows)]
    shown = [at for at in range(len(heads)) if not rows or any(row[at] for row in cells[1:])]
    widths = {at: max(_width(row[at]) for row in cells) for at in shown}
    for row in cells:
        line = "  ".join(row[at] + " " * (widths[at] - _width(row[at])) for at in shown)
        click.echo(line.rstrip())


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: Chinese characters take two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def shown_moment(moment: datetime | None) -> Text:
    """Return a moment in this machine's time zone, to the second; a dash for none."""
    return both("-" if moment is None else moment.astimezone().isoformat(" ", "seconds"))


def iso(moment: datetime | None) -> str | None:
    """Return a moment for JSON."""
    return None if moment is None else moment.isoformat()


def print_error(error: WanggeError, language: Language) -> None:
    """Print what is wrong, where and what to do, the first problems one per line."""
    click.echo(error.sentence(language), err=True)
    if isinstance(error, ValidationError):
        for line in _kinds_of(error.problems, language) if len(error.problems) > SHOWN_PROBLEMS else ():
            click.echo(line, err=True)
        for problem in error.problems[:SHOWN_PROBLEMS]:
            click.echo(f"  {problem.sentence(language)}", err=True)
        _say_more(len(error.problems) - SHOWN_PROBLEMS, language)
    if isinstance(error, StoreConflict):
        from layers.edits import conflict_words

        for conflict in error.conflicts[:SHOWN_PROBLEMS]:
            click.echo(f"  {conflict_words(conflict).to(language)}", err=True)
        _say_more(len(error.conflicts) - SHOWN_PROBLEMS, language)


def _say_more(more: int, language: Language) -> None:
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


def group(name: str, zh: str, en: str) -> Group:
    """Return an empty group of commands called `name`, with help in both languages."""
    return Group(name=name, words=Text(zh, en))


def option(*names: str, zh: str, en: str, **settings: Any) -> Callable[[Any], Any]:
    """Declare an option with help in both languages."""
    return click.option(*names, cls=Option, words=Text(zh, en), **settings)


json_option = option("--json", "as_json", is_flag=True, zh="输出 JSON", en="Print JSON.")
"""Declare the option that prints JSON; the command gets it as `as_json`."""


def day_option(name: str, *, zh: str, en: str, parameter: str | None = None) -> Callable[[Any], Any]:
    """Declare an option that takes a day, YYYY-MM-DD."""
    names = (name,) if parameter is None else (name, parameter)
    return option(*names, zh=zh, en=en, type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD")


@dataclass(frozen=True)
class State:
    """Which state of a store is asked for: the present one, that of a day, or that of a version."""

    on: date | None = None
    version: int | None = None

    def __bool__(self) -> bool:
        return self != State()

    @property
    def words(self) -> Text:
        """The past state in words."""
        if self.on is not None:
            return Text("{d} 当日的情况（按现有资料）", "what held on {d}, by all that is known now").format(
                d=self.on
            )
        return Text("第 {v} 版当时的记录", "as the store stood at version {v}").format(v=self.version)

    @property
    def note(self) -> str | None:
        """What files of a past state say in every row."""
        return f"{self.words.zh} / {self.words.en}" if self else None

    def as_dict(self) -> dict[str, Any]:
        """Return the past state for JSON."""
        return {"version": self.version} if self.on is None else {"on": self.on.isoformat()}


PRESENT = State()


def state_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Declare ``--on`` and ``--version``; the command gets them as `state`."""

    @wraps(function)
    def run(*arguments: Any, on: datetime | None, version: int | None, **given: Any) -> Any:
        if on is not None and version is not None:
            told = Text("--on 与 --version 只能给一个。", "Give --on or --version, not both.")
            raise click.UsageError(told.to(language_here()))
        state = State(None if on is None else on.date(), version)
        return function(*arguments, state=state, **given)

    by_version = option(
        "--version",
        type=click.IntRange(min=0),
        metavar="N",
        zh="存储在第 N 版时的记录",
        en="The store as it stood at version N.",
    )
    by_day = day_option(
        "--on",
        zh="按现有资料，这一天的情况（事后更正仍有效）",
        en="What held on this day by all that is known now; later corrections count.",
    )
    declared: Callable[..., Any] = by_day(by_version(run))
    return declared
