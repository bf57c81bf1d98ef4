"""click in two languages: help, headings and usage errors follow the context's language."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from layers.text import Text

if TYPE_CHECKING:
    from layers.text import Language

_USAGE = Text("用法：", "Usage: ")
_OPTIONS = Text("选项", "Options")
_COMMANDS = Text("命令", "Commands")
_HELP = Text("显示本说明并退出", "Show this message and exit.")
_EXTRAS = (("[required]", "[必填]"), ("[default: ", "[默认："), ("; required]", "；必填]"))


def language_here(context: click.Context | None = None) -> Language:
    """Return the language of the running command, English where none runs."""
    context = context or click.get_current_context(silent=True)
    language: Language = context.obj.language if context is not None and context.obj is not None else "en"
    return language


class Command(click.Command):
    """A command whose help is a `Text`."""

    def __init__(self, *args: Any, words: Text, **settings: Any) -> None:
        self.words = words
        super().__init__(*args, **{**settings, "help": words.en})

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help in the context's language."""
        self.help = self.words.to(language_here(ctx))
        super().format_help(ctx, formatter)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage line."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=_USAGE.to(language_here(ctx)))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options; a group's commands follow."""
        records = [record for item in self.get_params(ctx) if (record := item.get_help_record(ctx))]
        with formatter.section(_OPTIONS.to(language_here(ctx))):
            formatter.write_dl(records)

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Return the names of the help option, the same however the command is reached."""
        return ["-h", "--help"]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return the help option, explained in the context's language."""
        found = super().get_help_option(ctx)
        if found is not None:
            found.help = _HELP.to(language_here(ctx))
        return found

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first paragraph for the list of commands."""
        return self.words.to(language_here()).split("\n\n")[0]


class Option(click.Option):
    """An option whose help is a `Text`."""

    def __init__(self, *args: Any, words: Text, **settings: Any) -> None:
        self.words = words
        super().__init__(*args, **{**settings, "help": words.en})

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option's line of help in the context's language."""
        language = language_here(ctx)
        self.help = self.words.to(language)
        record = super().get_help_record(ctx)
        if record is None or language == "en":
            return record
        names, told = record
        for english, chinese in _EXTRAS:
            told = told.replace(english, chinese)
        return names, told


class Group(Command, click.Group):
    """A group of commands; it says in the context's language what was wrong with the usage."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options and the commands."""
        Command.format_options(self, ctx, formatter)
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section(_COMMANDS.to(language_here(ctx))):
            formatter.write_dl([(name, item.get_short_help_str()) for name, item in named if item])

    def run(self, arguments: Sequence[str] | None, *, context: object, language: Language) -> NoReturn:
        """Run a command and leave with its exit code: 2 where the usage was wrong, said in `language`."""
        try:
            code = self.main(arguments, prog_name=self.name, standalone_mode=False, obj=context)
        except click.UsageError as error:
            _refuse(error, language)
        except click.Abort:
            raise SystemExit(1) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of a pipe has seen enough
                raise SystemExit(1) from None
            raise
        raise SystemExit(code if isinstance(code, int) else 0)


def _refuse(error: click.UsageError, language: Language) -> NoReturn:
    if error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        hint = Text("`{p} --help` 有说明。", "`{p} --help` says more.").format(p=error.ctx.command_path)
        click.echo(hint.to(language), err=True)
    click.echo(_told(error).to(language), err=True)
    raise SystemExit(2)


def _told(error: click.UsageError) -> Text:
    """Return what is wrong with the usage; what click says beyond its kinds stays as click says it."""
    english = error.format_message()
    if isinstance(error, click.MissingParameter):
        shown = error.param.get_error_hint(error.ctx) if error.param is not None and error.ctx else ""
        return Text(f"缺少参数 {shown}。", english)
    if isinstance(error, click.NoSuchOption):
        return Text(f"没有选项 {error.option_name}。", english)
    if isinstance(error, click.exceptions.NoSuchCommand):
        return Text(f"没有命令 {error.command_name}。", english)
    if isinstance(error, click.BadParameter):
        shown = error.param.get_error_hint(error.ctx) if error.param is not None and error.ctx else ""
        return Text(f"{shown} 的值不对：{error.message}", english)
    return Text(f"用法不对：{english}", english)
