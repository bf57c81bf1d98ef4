"""`make audit` finds what is not pinned, not as locked, changed since or under another licence, and what others know."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import sys
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bin_audit", ROOT / "bin" / "audit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bin_audit"] = module
    spec.loader.exec_module(module)
    return module


def told(faults: Any) -> list[str]:
    return [fault.en for fault in faults]


def test_every_lock_pins_by_hash(audit: ModuleType) -> None:
    for lock in audit.LOCKS:
        text = (ROOT / lock).read_text("utf-8")
        assert audit.locked(text)
        assert told(audit.without_hash(text)) == []
    made_up = "a==1 ; python_version > '3' \\\n    --hash=sha256:00\nb==2\nc==3 \\\n    --hash=md5:00\n    # via a\n"
    assert told(audit.without_hash(made_up)) == ["b 2 has no hash.", "c 3 has no hash."]
    assert audit.locked(made_up) == {"a": "1", "b": "2", "c": "3"}
    front_end = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    assert told(audit.without_integrity(front_end)) == []
    place = next(place for place in front_end["packages"] if place)
    del front_end["packages"][place]["integrity"]
    assert told(audit.without_integrity(front_end)) == [f"{place} has no hash."]


def test_what_is_installed_is_compared_with_what_is_locked(audit: ModuleType) -> None:
    installed = {"a": "1", "b": "2", "c": "3", "wangge": "0.1", "pip": "23"}
    assert told(audit.not_as_locked(installed, {"a": "1", "b": "2.1", "d": "4"})) == [
        "b is 2, but 2.1 is locked.",
        "c 3 is in no lock.",
    ]
    assert (
        audit.locked("Zope.Interface==7.0 \\\n    --hash=sha256:00\n") == {}
    )  # locks write names in small letters
    assert audit.name_of("Zope.Interface_x") == "zope-interface-x"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a folder with an installed package of one module."""
    (tmp_path / "thing.py").write_text("x = 1\n")
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).decode().rstrip("=")
    (info / "RECORD").write_text(f"thing.py,sha256={digest},6\nthing-1.0.dist-info/METADATA,,\n")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: thing\nVersion: 1.0\nLicense-Expression: MIT\n"
    )
    return info


def test_files_are_as_their_package_brought_them(audit: ModuleType, package: Path) -> None:
    assert told(audit.changed_files(Distribution.at(package))) == []
    (package.parent / "thing.py").write_text("x = 2\n")
    assert told(audit.changed_files(Distribution.at(package))) == ["thing.py has been changed."]
    (package.parent / "thing.py").unlink()
    assert told(audit.changed_files(Distribution.at(package))) == ["thing.py is missing."]


@pytest.mark.parametrize(
    ("declared", "licence", "good"),
    [
        ("License-Expression: MIT", "MIT", True),
        ("License-Expression: Apache-2.0 OR BSD-3-Clause", "Apache-2.0 OR BSD-3-Clause", True),
        ("Classifier: License :: OSI Approved :: BSD License", "BSD License", True),
        ("License: LGPL-3.0-only", "LGPL-3.0-only", True),
        ("License: AGPL-3.0-or-later", "AGPL-3.0-or-later", False),
        ("License: GPL-3.0", "GPL-3.0", False),
        ("License: Proprietary", "Proprietary", False),
        ("Summary: none", "", False),
    ],
)
def test_licences_are_those_accepted(
    audit: ModuleType, package: Path, declared: str, licence: str, good: bool
) -> None:
    (package / "METADATA").write_text(f"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n{declared}\n")
    found = audit.licence_of(Distribution.at(package))
    assert found == licence
    assert (told(audit.bad_licences({"thing": found})) == []) == good


def test_what_others_know_is_read_and_nothing_else_is_taken_for_it(audit: ModuleType) -> None:
    pip = {
        "dependencies": [
            {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1"}]},
            {"name": "b", "version": "2"},
        ]
    }
    assert audit.weaknesses_of_pip(json.dumps(pip)) == ["a 1: PYSEC-1"]
    assert audit.weaknesses_of_npm(json.dumps({"vulnerabilities": {"c": {"severity": "high"}}})) == [
        "c: high"
    ]
    for said in ("", "no network", "{}", "[]", json.dumps({"message": "failed"})):
        assert audit.weaknesses_of_pip(said) is None
        assert audit.weaknesses_of_npm(said) is None
    assert audit.asked(["no such program"])[0] == ""


@pytest.mark.parametrize(("pip", "code"), [(None, 0), ([], 0), (["a 1: PYSEC-1"], 1)])
def test_what_could_not_be_asked_is_said_and_is_no_failure(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pip: Any,
    code: int,
) -> None:
    faults = None if pip is None else [audit.both(one) for one in pip]
    monkeypatch.setattr(audit, "looked_at_here", lambda: iter(()))
    monkeypatch.setattr(
        audit, "asked_of_others", lambda: iter([(audit.both("pip-audit"), faults, "no network")])
    )
    monkeypatch.setenv("LC_ALL", "C")
    assert audit.main([]) == code
    said = capsys.readouterr().out
    assert ("could not be asked (no network)" in said) == (pip is None)
    assert ("a 1: PYSEC-1" in said) == (code == 1)
    assert audit.main(["--offline"]) == 0
    assert "not asked for" in capsys.readouterr().out
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    audit.main(["--offline"])
    assert "未查询" in capsys.readouterr().out
