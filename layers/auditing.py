"""What a command leaves in the audit log: one entry, of which it says what it did; see `layers.cli.Context.audited`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from layers.problems import BadParameter, Forbidden, NotSignedIn, StoreMissing, StoreUnusable, WanggeError
from layers.text import Text

if TYPE_CHECKING:
    from layers.access.access import Access
    from layers.access.model import Outcome
    from layers.visitors import Visitor

ORIGIN = "command"

_NOT_DONE = Text(
    "审计日志无法写入，因此没有执行：{why}", "The audit log cannot be written, so nothing was done: {why}"
)
_NOT_TOLD = Text(
    "已经执行，但没能记入审计日志：{why}", "It was done, but could not be written to the audit log: {why}"
)


@dataclass(kw_only=True)
class Deed:
    """What a command does, as the audit log is to tell it; the command fills in what it finds out on the way.

    Attributes
    ----------
    guarded : bool
        Guarded data are concerned: what is refused or fails is told as well.
    made : bool
        The log is there only after the deed, which makes the store that it belongs to.
    needed : bool
        Set to False where nothing was changed in the end.
    origin : str
        Where it is done from.
    """

    action: str
    what: str = ""
    layer: str = ""
    codes: Sequence[str] = ()
    count: int | None = None
    fields: Sequence[str] = ()
    purpose: str = ""
    guarded: bool = False
    made: bool = False
    needed: bool = True
    origin: str = ORIGIN
    visitor: Visitor
    _log: Access | None = field(default=None, repr=False)
    _told: bool = False

    def leaving(self) -> None:
        """Write the entry now, before data leave: without it they must not.

        Raises
        ------
        StoreUnusable
            It cannot be written.
        """
        self._write("done", _NOT_DONE)
        self._told = True

    def open(self, log: Access) -> None:
        """Let `log` take the entry."""
        self._log = log

    def end(self) -> None:
        """Write the entry, where that has not been done."""
        if self.needed and not self._told:
            self._write("done", _NOT_TOLD)

    def fail(self, error: BaseException) -> None:
        """Tell what came to nothing, where guarded data are concerned or it was said that they leave."""
        if self._log is not None and (self.guarded or self.fields or self._told):
            refused = isinstance(error, NotSignedIn | Forbidden | BadParameter)
            # The error itself is what the operator must see.
            with suppress(WanggeError):
                self._write("refused" if refused else "failed", _NOT_TOLD)

    def _write(self, outcome: Outcome, otherwise: Text) -> None:
        assert self._log is not None
        try:
            self._log.record(
                self.visitor,
                self.action,
                what=self.what,
                layer=self.layer,
                codes=self.codes,
                count=self.count,
                fields=self.fields,
                purpose=self.purpose,
                origin=self.origin,
                outcome=outcome,
            )
        except WanggeError as error:
            raise _unwritable(otherwise, error) from error


@contextmanager
def audited(deed: Deed, open_log: Callable[[], Access]) -> Iterator[Deed]:
    """Let a command do `deed`, and write it to the log that `open_log` opens; without the log it is not done.

    Raises
    ------
    StoreUnusable
        The log cannot be opened or written.
    """
    with ExitStack() as stack:
        if not deed.made:
            deed.open(stack.enter_context(_opened(open_log, _NOT_DONE)))
        try:
            yield deed
        except BaseException as error:
            deed.fail(error)
            raise
        if deed.made:
            deed.open(stack.enter_context(_opened(open_log, _NOT_TOLD)))
        deed.end()


def _opened(open_log: Callable[[], Access], otherwise: Text) -> Access:
    try:
        return open_log()
    except StoreMissing:
        raise
    except WanggeError as error:
        raise _unwritable(otherwise, error) from error


def _unwritable(told: Text, error: WanggeError) -> StoreUnusable:
    why = Text(error.sentence("zh"), error.sentence("en"))
    return StoreUnusable(told.format(why=why))
