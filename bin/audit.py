#!/usr/bin/env python3
"""Look whether the libraries are sound: ``python bin/audit.py [--offline]``, with the environment's Python.

Offline it compares what is installed with the locks and with what each package brought, and looks at licences. With
a network it asks the public databases of known weaknesses as well; where they cannot be reached it says so. It ends
with 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from layers.text import Language, Text, both  # noqa: E402  (needs the path above; itself only the standard library)

RUN, TEST = "requirements.lock", "requirements-test.lock"
LOCKS = (RUN, TEST, "requirements-node.lock")
NOT_LOCKED = {"wangge", "pip"}
"""Ourselves, and what Python's own environments bring."""

PIP_AUDIT = "pip-audit==2.10.1"

ACCEPTED = re.compile(
    r"\b(MIT|MIT-CMU|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|LGPL|Lesser General Public|MPL|"
    r"Mozilla Public|Zope Public|Unlicense|Zlib|HPND|CC0|Public Domain|any-OSI)\b",
    re.IGNORECASE,
)
"""Licences under which a library may be used by a service that its source accompanies."""

_ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)(.*?)(?=^[a-z0-9]|\Z)", re.MULTILINE | re.DOTALL)
_TIMEOUT_S = 300


def name_of(text: str) -> str:
    """Return a package's name as locks write it."""
    return re.sub(r"[-_.]+", "-", text).lower()


def locked(text: str) -> dict[str, str]:
    """Return the version of every package in a lock."""
    return {name_of(name): version for name, version, _ in _ENTRY.findall(text)}


def without_hash(text: str) -> Iterator[Text]:
    """Yield what a lock does not pin by a hash."""
    for name, version, rest in _ENTRY.findall(text):
        if "--hash=sha256:" not in rest:
            yield Text(f"{name} {version} 没有哈希。", f"{name} {version} has no hash.")


def without_integrity(lock: Mapping[str, Any]) -> Iterator[Text]:
    """Yield what a lock of npm does not pin by a hash."""
    for place, package in lock["packages"].items():
        if place and not str(package.get("integrity", "")).startswith("sha512-"):
            yield Text(f"{place} 没有哈希。", f"{place} has no hash.")


def not_as_locked(installed: Mapping[str, str], locks: Mapping[str, str]) -> Iterator[Text]:
    """Yield what is installed in another version than is locked, or is not locked."""
    for name, version in sorted(installed.items()):
        wanted = locks.get(name)
        if wanted is None and name not in NOT_LOCKED:
            yield Text(f"{name} {version} 不在锁文件中。", f"{name} {version} is in no lock.")
        elif wanted not in (None, version):
            yield Text(
                f"{name} 装的是 {version}，锁定的是 {wanted}。",
                f"{name} is {version}, but {wanted} is locked.",
            )


def changed_files(package: Distribution) -> Iterator[Text]:
    """Yield the files of an installed package that are not as it brought them."""
    for file in package.files or ():
        if file.hash is None:
            continue
        try:
            found = hashlib.new(file.hash.mode, Path(str(file.locate())).read_bytes()).digest()
        except OSError:
            yield Text(f"{file} 缺失。", f"{file} is missing.")
            continue
        if base64.urlsafe_b64encode(found).decode().rstrip("=") != file.hash.value:
            yield Text(f"{file} 已被改动。", f"{file} has been changed.")


def licence_of(package: Distribution) -> str:
    """Return the licence that a package declares, in its own words; empty where it declares none."""
    said = package.metadata
    classified = [
        one.rpartition("::")[2].strip() for one in said.get_all("Classifier") or () if "License" in one
    ]
    declared = [
        *(said.get_all("License-Expression") or ()),
        "; ".join(classified),
        *(said.get_all("License") or ()),
    ]
    return next((one.strip().splitlines()[0] for one in declared if one.strip()), "")


def bad_licences(licences: Mapping[str, str]) -> Iterator[Text]:
    """Yield the packages whose licence is not among those accepted."""
    for name, licence in sorted(licences.items()):
        if not ACCEPTED.search(licence):
            shown = licence or "-"
            yield Text(
                f"{name} 的许可未列入接受范围：{shown}", f"{name}: licence not among those accepted: {shown}"
            )


def weaknesses_of_pip(said: str) -> list[str] | None:
    """Return the weaknesses that pip-audit's JSON names; None where it is none."""
    try:
        packages = json.loads(said)["dependencies"]
        return [
            f"{one['name']} {one['version']}: {found['id']}"
            for one in packages
            for found in one.get("vulns", ())
        ]
    except (ValueError, KeyError, TypeError):
        return None


def weaknesses_of_npm(said: str) -> list[str] | None:
    """Return the weaknesses that npm's JSON names; None where it is none."""
    try:
        found: Mapping[str, Any] = json.loads(said)["vulnerabilities"]
        return [f"{name}: {one['severity']}" for name, one in sorted(found.items())]
    except (ValueError, KeyError, TypeError):
        return None


def asked(command: list[str]) -> tuple[str, str]:
    """Run a command and return what it printed, on both ways; nothing where it could not be run."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return done.stdout, done.stderr


def looked_at_here() -> Iterator[tuple[Text, list[Text]]]:
    """Yield what can be looked at without a network, and what is wrong."""
    for lock in LOCKS:
        yield both(lock), list(without_hash((ROOT / lock).read_text("utf-8")))
    front_end = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    yield both("package-lock.json"), list(without_integrity(front_end))
    here = {name_of(one.metadata["Name"]): one for one in distributions()}
    run, test = (locked((ROOT / lock).read_text("utf-8")) for lock in (RUN, TEST))
    versions = {name: one.version for name, one in here.items()}
    yield Text("已安装的版本", "installed versions"), list(not_as_locked(versions, {**test, **run}))
    files = [
        fault for name, one in sorted(here.items()) if name not in NOT_LOCKED for fault in changed_files(one)
    ]
    yield Text("已安装的文件", "installed files"), files
    licences = {name: licence_of(here[name]) for name in run if name in here}
    licences |= {
        place.removeprefix("node_modules/"): str(one.get("license", ""))
        for place, one in front_end["packages"].items()
        if place
    }
    yield Text("许可", "licences"), list(bad_licences(licences))


def asked_of_others() -> Iterator[tuple[Text, list[Text] | None, str]]:
    """Yield what the public databases were asked, what they know, and why they could not be asked."""
    uv = str(ROOT / ".venv" / "bin" / "uv")
    for lock in (RUN, TEST):
        command = [uv, "tool", "run", PIP_AUDIT, "--requirement", lock, "--require-hashes", "--disable-pip"]
        said, why = asked([*command, "--format", "json", "--progress-spinner", "off"])
        found = weaknesses_of_pip(said)
        yield both(f"pip-audit {lock}"), None if found is None else list(map(both, found)), why
    said, why = asked(["npm", "audit", "--package-lock-only", "--json"])
    found = weaknesses_of_npm(said)
    yield both("npm audit"), None if found is None else list(map(both, found)), why


def main(arguments: list[str] | None = None) -> int:
    """Look, print, and return 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--offline", action="store_true", help="ask nobody else")
    offline: bool = parser.parse_args(arguments).offline
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    language: Language = "zh" if locale.lower().startswith("zh") else "en"
    sound = True
    for what, faults in looked_at_here():
        sound &= _say(what, faults, language)
    changed, _ = asked(["git", "log", "-1", "--format=%cs", "--", *LOCKS, "package-lock.json"])
    if changed:
        told = Text("锁文件最后改于 {d}", "the locks were last changed on {d}").format(d=changed.strip())
        print(f"-- {told.to(language)}")
    for what, found, why in () if offline else asked_of_others():
        if found is None:
            told = Text("{w}：无法查询（{y}）", "{w}: could not be asked ({y})")
            lines = why.strip().splitlines() or ["-"]
            reason = next((line for line in lines if "error" in line.lower()), lines[0])
            print(f"-- {told.format(w=what, y=reason).to(language)}")
        else:
            sound &= _say(what, found, language)
    if offline:
        print(
            Text("-- 已知漏洞：未查询（--offline）", "-- known weaknesses: not asked for (--offline)").to(
                language
            )
        )
    return 0 if sound else 1


def _say(what: Text, faults: Iterable[Text], language: Language) -> bool:
    told = [fault.to(language) for fault in faults]
    print(f"{'!!' if told else 'ok'} {what.to(language)}")
    for line in told:
        print(f"   {line}")
    return not told


if __name__ == "__main__":
    sys.exit(main())
