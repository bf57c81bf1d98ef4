"""Puts questions to a service as one visitor after another, and notes where an answer is not as it should be."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from werkzeug.test import TestResponse

from tests.security.asking import VISITORS
from tests.security.reading import headers_of, of_bytes
from tests.security.walk import Judge, Question, marks_of

WHO = "X-Test-Visitor"


class Log(logging.Handler):
    """Keeps what was logged, with the errors behind it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def taken(self) -> str:
        taken, self.lines = "\n".join(self.lines), []
        return taken


@contextmanager
def logged() -> Iterator[Log]:
    """Keep all that is logged meanwhile."""
    log = Log()
    logging.getLogger().addHandler(log)
    try:
        yield log
    finally:
        logging.getLogger().removeHandler(log)


@dataclass
class Walk:
    """Asks a service that takes the visitor's name from a header."""

    app: Flask
    asked: int = 0

    def differences(self, name: str, questions: Iterable[Question]) -> list[str]:
        """Return what is wrong with the answers to one visitor."""
        found = []
        client, judge = self.app.test_client(), Judge(VISITORS[name])
        with logged() as log:
            for question in questions:
                response = client.open(
                    question.path, method=question.method, query_string=question.query, headers={WHO: name}
                )
                found += [f"{question}: {wrong}" for wrong in self.wrong(judge, question, response, log)]
                response.close()
                self.asked += 1
        return found

    def wrong(self, judge: Judge, question: Question, response: TestResponse, log: Log) -> Iterator[str]:
        """Yield what is wrong with one answer."""
        statuses, least, most = judge.of(question)
        besides = headers_of(response) + log.taken()
        text = of_bytes(response.data, response.mimetype or "")
        marks = marks_of(question, response.status_code, text, besides)
        if response.status_code not in statuses:
            yield f"{response.status_code} instead of {sorted(statuses)}"
        elif least - marks:
            yield f"lacks {sorted(least - marks)[:3]}"
        if marks - most:
            yield f"leaks {sorted(marks - most)[:3]}"
        if question.kind == "view" and response.status_code == 200:
            yield from self.wrong_units(judge, question, response)

    @staticmethod
    def wrong_units(judge: Judge, question: Question, response: TestResponse) -> Iterator[str]:
        """Yield units of a view that are missing, or not theirs; a filter may leave some out."""
        theirs = judge.units(question.about["unit"])
        if theirs is None:
            return
        units = set(response.get_json()["rows"]["id"])
        if units - theirs:
            yield f"tells of {sorted(units - theirs)[:3]}"
        elif units != theirs and not {"subdistrict", "community_kind"} & question.query.keys():
            yield f"does not tell of {sorted(theirs - units)[:3]}"
