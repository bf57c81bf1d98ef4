"""Every regular expression of the program, given what makes bad ones take for ever."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webmap.served import described

ROOT = Path(__file__).parents[2]
ROOMS = ("geo", "layers", "webmap", "data")
FUNCTIONS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
PATIENCE_S = 120

TRIAL = """
import json, re, sys

PUMPS = ["a", "A", "0", "1", " ", "\\t", "\\n", ".", "-", "+", "_", ",", ":", "/", "\\\\", "%", "(", "[", "<", '"', "'", "@",
         "=", "街", "号", "０", "\\u3000", "a ", "0,", "0.", "a-", "a:", "a1", "-0", "ab", "\\\\'", "街道", "0 0", "::"]
HEADS = ["", "0", "-", "square-", "<"]
TAILS = ["", "!", "\\n"]
for number, pattern in enumerate(json.load(sys.stdin)):
    compiled = re.compile(pattern)
    print(number, flush=True)
    for pump in PUMPS:
        for head in HEADS:
            for tail in TAILS:
                text = head + pump * (600 // len(pump)) + tail
                compiled.match(text), compiled.fullmatch(text)
            compiled.search(head + pump * (600 // len(pump)) + tail)
print("done")
"""


def patterns() -> Iterator[tuple[str, str]]:
    """Yield where each pattern stands, and the pattern."""
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr in FUNCTIONS
            ):
                if path.name == "params.py" and ast.unparse(node.args[0]) == "pattern":
                    continue  # what endpoints give it is in the API's description, see `declared`
                yield f"{path.relative_to(ROOT)}:{node.lineno}", _written(path, node.args[0])


def _written(path: Path, node: ast.expr) -> str:
    """Return the pattern, if need be by the name that its module has for it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(piece) for piece in node.values)
    if isinstance(node, ast.Name):
        module = importlib.import_module(str(path.relative_to(ROOT).with_suffix("")).replace("/", "."))
        found = getattr(module, node.id)
    else:
        found = ast.literal_eval(node)
    return found.decode("ascii") if isinstance(found, bytes) else str(found)


def _part(piece: ast.expr) -> str:
    """Return a piece of a pattern put together; text that is escaped stands for itself."""
    if isinstance(piece, ast.Constant):
        return str(piece.value)
    assert isinstance(piece, ast.FormattedValue) and ast.unparse(piece.value).startswith("re.escape(")
    return "name"


def declared() -> set[str]:
    """Return the patterns that the API's description tells clients to check by."""
    found = set()
    operations = (one for methods in described()["paths"].values() for one in methods.values())
    for operation in operations:
        for parameter in operation["parameters"]:
            if "pattern" in parameter["schema"]:
                found.add(parameter["schema"]["pattern"])
    return found


def took_too_long(tried: list[str]) -> str:
    """Return the pattern that did not come to an end, "" where all did."""
    child = subprocess.Popen(
        [sys.executable, "-c", TRIAL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        said, _ = child.communicate(json.dumps(tried), timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        said, _ = child.communicate()
    lines = said.split()
    return "" if lines and lines[-1] == "done" else tried[int(lines[-1])]


def test_no_pattern_takes_for_ever() -> None:
    written = dict(patterns())
    assert len(written) > 20
    tried = sorted({*written.values(), *declared()})
    assert took_too_long(tried) == ""


def test_a_pattern_that_takes_for_ever_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.security.test_attacks_patterns.PATIENCE_S", 3)
    assert took_too_long(["a", "(a+)+$", "b"]) == "(a+)+$"
