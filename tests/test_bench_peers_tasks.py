"""Tasks for the tests of `bench.contest`: what contenders do, and what may go wrong with them."""

from __future__ import annotations

import os
import time

import numpy as np

from bench.worker import Absent, Given, Task


def three(given: Given) -> Task:
    return Task(lambda: [3])


def three_as_well(given: Given) -> Task:
    return Task(lambda: "xxx", lambda found: [len(found)])


def four(given: Given) -> Task:
    return Task(lambda: [4])


def slow(given: Given) -> Task:
    def wait() -> list[int]:
        time.sleep(0.1)
        return [3]

    return Task(wait)


def absent(given: Given) -> Task:
    raise Absent("never heard of")


def crashes(given: Given) -> Task:
    return Task(lambda: os._exit(7))


def too_large(given: Given) -> Task:
    def hold() -> list[int]:
        held = np.ones(10**8)
        time.sleep(60)
        return [len(held)]

    return Task(hold)


def stuck(given: Given) -> Task:
    return Task(lambda: time.sleep(60))


def fails(given: Given) -> Task:
    return Task(lambda: 1 // 0)
