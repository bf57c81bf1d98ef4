"""Single writes of every sort, and all that a store holds, for tests that look at one write at a time."""

from __future__ import annotations

from typing import Any

from layers.store import Store
from tests.faults.work import BULK, HOT, SETS, SINGLES, Task, rows

WARM = Task("w0/warm", "upsert", (HOT[5],), None, 1)
TASKS = {
    "insert": Task("w0/insert", "insert", ("new",), None, 9),
    "update": Task("w0/update", "update", (HOT[0],), None, 10, None, "2019-05-01"),
    "delete": Task("w0/delete", "delete", (HOT[1],)),
    "bulk update": Task("w0/bulk", "upsert", (), SETS[0], 11),
    "bulk insert": Task("w0/bulk", "insert", (), SETS[1], 12),
    "bulk delete": Task("w0/bulk", "delete", (), SETS[0]),
}

State = dict[str, Any]


def state(store: Store) -> State:
    """Return all that a store holds."""
    with store.contents() as contents:
        layers = {
            name: [row for chunk in contents.layers[name] for row in chunk.records]
            for name in (SINGLES, BULK)
        }
        return {**layers, "changes": list(contents.changes), "history": list(contents.history)}


def assert_written(store: Store, task: Task) -> None:
    """Assert that the features of a task are there as it has them."""
    held = {row[0]: row for row in state(store)[task.layer] if row[0] in task.touches}
    assert held == ({} if task.do == "delete" else rows(task.layer, task.touches, task.stamp))
