"""`wangge serve` as several processes: killed, renewed and stopped under load, with TLS, with one limit for all."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from layers.store import create_store, open_store
from tests.district import small_district
from webmap.site import Site

APP = Path(__file__).parents[2] / "app.py"
PATIENCE_S = 60
T = TypeVar("T")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    district, frames = small_district()
    create_store(f"gpkg:{tmp_path / 's.gpkg'}", district, layers=frames).close()
    return tmp_path / "s.gpkg"


class Service:
    """A service in processes of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    def workers(self) -> set[int]:
        """Return the processes of its workers."""
        pid = self.process.pid
        return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def wait_for_workers(self, *, without: set[int], number: int = 2) -> set[int]:
        """Return the workers when there are so many again and none of the old ones."""
        return waited(
            lambda: there if len(there := self.workers()) == number and not there & without else None
        )

    def get(self, path: str = "/healthz", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()


def waited(look: Callable[[], T | None]) -> T:
    """Return what `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@contextmanager
def serving(store: Path, *arguments: str, **settings: str) -> Iterator[Service]:
    command = [sys.executable, str(APP), "serve", "--port", "0", "--workers", "2", *arguments]
    environment = os.environ | {"WANGGE_STORE": f"gpkg:{store}", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    with subprocess.Popen(
        command, env=environment | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stderr
        try:
            line = process.stdout.readline()
            found = re.search(r"https?://[^:]+:(\d+)", line)
            assert found, line + process.stderr.read()
            yield Service(process, int(found[1]))
        finally:
            process.kill()


class Load:
    """Clients that ask without a pause: some by a new connection each time, some by one that they keep."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.answers: Counter[str] = Counter()
        self._enough = threading.Event()
        self.clients = [threading.Thread(target=self._ask, args=(at % 2 == 0,)) for at in range(4)]

    def __enter__(self) -> Load:
        for client in self.clients:
            client.start()
        self.wait_for(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for client in self.clients:
            client.join(PATIENCE_S)

    def wait_for(self, more: int) -> None:
        """Wait until so many more were answered."""
        enough = self.answers["200"] + more
        waited(lambda: self.answers["200"] >= enough or None)

    def _ask(self, keeps: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=PATIENCE_S)
        while not self._enough.is_set():
            try:
                connection.request("GET", "/static/css/base.css" if keeps else "/healthz")
                response = connection.getresponse()
                response.read()
                self.answers[str(response.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[type(error).__name__] += 1
                connection.close()
            if not keeps:
                connection.close()
            time.sleep(0.005)
        connection.close()


def test_a_worker_that_is_killed_is_replaced_and_the_others_answer(store: Path) -> None:
    with serving(store) as service:
        before = service.workers()
        assert len(before) == 2
        with Load(service) as load:
            for victim in before:
                there = service.workers()
                os.kill(victim, signal.SIGKILL)
                load.wait_for(20)
                service.wait_for_workers(without={victim})
                assert len(service.workers() & there) >= 1, "the others live on"
                load.wait_for(20)
        # Refused is who knocks in the moment in which the others take over what was dealt to the dead.
        cut_off = {"ConnectionResetError", "ConnectionRefusedError", "RemoteDisconnected", "IncompleteRead"}
        lost = {name: number for name, number in load.answers.items() if name != "200"}
        assert set(lost) <= cut_off, "what the dead had in hand is lost, and nothing else"
        most = len(before) * len(load.clients) * 2
        assert sum(lost.values()) <= most, (
            "each client loses a request by the death, and one by what waited there"
        )
        assert not service.workers() & before


def test_workers_are_renewed_under_load_and_nothing_is_dropped(store: Path) -> None:
    with serving(store) as service:
        with Load(service) as load:
            for _ in range(2):
                before = service.workers()
                service.process.send_signal(signal.SIGHUP)
                service.wait_for_workers(without=before)
                load.wait_for(20)
        assert set(load.answers) == {"200"}, load.answers
        service.process.terminate()
        assert service.process.wait(PATIENCE_S) == 0
        assert service.process.stderr and service.process.stderr.read() == ""


def test_requests_under_way_are_finished_when_it_is_stopped(store: Path) -> None:
    with (
        serving(store, "--workers", "1") as service,
        socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as client,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", service.port, PATIENCE_S)) as other,
    ):
        body = b"name=nobody&password=x"
        head = f"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        client.sendall(head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body[:5])
        time.sleep(0.5)  # it has been taken by the worker
        assert last_answer(other) is None
        service.process.terminate()
        assert waited(lambda: last_answer(other)) == "close", "the worker knows that it is stopping"
        waited(lambda: is_refused(service.port) or None)
        client.sendall(body[5:])
        answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 403") and b"connection: close" in answer.lower(), answer[:300]
        assert service.process.wait(PATIENCE_S) == 0


def last_answer(connection: http.client.HTTPConnection) -> str | None:
    """Return "close" where a kept connection ends, or is told that it does, None where it goes on."""
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return "close"
    told: str | None = response.headers["Connection"]
    return told


def is_refused(port: int) -> bool:
    """Whether nobody answers new connections any more."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as client:
            client.settimeout(1)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return not client.recv(100)
    except OSError:
        return True


def test_without_their_parent_workers_end(store: Path) -> None:
    with serving(store) as service:
        workers = service.workers()
        service.process.kill()
        service.process.wait(PATIENCE_S)
        waited(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers) or None)


def test_all_workers_have_one_limit(store: Path) -> None:
    with serving(store) as service:
        statuses = Counter(service.get("/api/me", Authorization="Bearer wgk_x")[0] for _ in range(50))
        assert statuses == {401: 30, 429: 20}
        before = service.workers()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_workers(without=before)
        assert service.get("/api/me", Authorization="Bearer wgk_x")[0] == 429, "renewed ones go on counting"


def test_a_new_worker_has_what_was_written_since(store: Path) -> None:
    with serving(store) as service:
        with open_store(f"gpkg:{store}") as writing:
            writing.delete("complaints", ["C01-001"])
            version = writing.version()
        for victim in service.workers():
            os.kill(victim, signal.SIGKILL)
            service.wait_for_workers(without={victim})
        waited(
            lambda: (
                all(json.loads(service.get("/api/district")[1])["version"] == version for _ in range(8))
                or None
            )
        )


def test_a_second_service_at_the_same_port_is_refused(store: Path) -> None:
    with serving(store) as service:
        command = [sys.executable, str(APP), "serve", "--port", str(service.port)]
        environment = os.environ | {"WANGGE_STORE": f"gpkg:{store}", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 1 and f"Port {service.port} is in use." in done.stderr
        assert service.get()[0] == 200


# TLS


def made_certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    certificate_file, key_file = folder / "map.pem", folder / "map.key"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file


def told_over_tls(port: int, certificate: Path) -> http.client.HTTPMessage:
    trusted = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPSConnection("localhost", port, context=trusted, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", "/sign-in")
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        return response.headers


def test_it_speaks_tls_and_takes_a_new_certificate_when_it_is_renewed(store: Path, tmp_path: Path) -> None:
    first = made_certificate(tmp_path / "first")
    with serving(store, "--certificate", str(first[0]), "--key", str(first[1])) as service:
        told = told_over_tls(service.port, first[0])
        assert "Strict-Transport-Security" in told and "__Host-" in told["Set-Cookie"]
        before = service.workers()
        second = made_certificate(tmp_path / "second")
        for old, new in zip(first, second, strict=True):
            old.write_bytes(new.read_bytes())
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_workers(without=before)
        told_over_tls(service.port, second[0])
        first[1].write_text("no key")
        service.process.send_signal(signal.SIGHUP)
        assert service.process.stderr
        assert "WANGGE_CERTIFICATE" in service.process.stderr.readline()
        told_over_tls(service.port, second[0])


@pytest.mark.parametrize("what", ["no key", "no file", "another's key", "nonsense"])
def test_a_certificate_that_cannot_be_used_is_said_in_words(store: Path, tmp_path: Path, what: str) -> None:
    certificate, key = made_certificate(tmp_path / "one")
    if what == "no file":
        key = tmp_path / "none.key"
    elif what == "another's key":
        key = made_certificate(tmp_path / "other")[1]
    elif what == "nonsense":
        certificate.write_text("nonsense")
    environment = {"WANGGE_CERTIFICATE": str(certificate), "WANGGE_KEY": "" if what == "no key" else str(key)}
    done = subprocess.run(
        [sys.executable, str(APP), "serve", "--port", "0"],
        env=os.environ | environment | {"WANGGE_STORE": f"gpkg:{store}", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert "WANGGE_KEY" in done.stderr or "WANGGE_CERTIFICATE" in done.stderr


# Workers that do something simple

SCRIPT = """
import os, sys, time
sys.path.insert(0, {root!r})
from webmap import workers
kind, folder = sys.argv[1], sys.argv[2]
def count(name):
    with open(f"{{folder}}/{{name}}", "a") as file:
        file.write("x")
    return os.path.getsize(f"{{folder}}/{{name}}")
def work(life):
    with open(f"{{folder}}/pid", "w") as file:
        file.write(str(os.getpid()))
    began = count("began")
    if kind == "never" or (kind == "later not" and began > 2):
        sys.exit(3)
    life.ready()
    life.wait()
    count("ended")
def no_room():
    os.fork = fork
    raise BlockingIOError("no room")
def renew():
    count("renewed")
    if kind == "no renewal":
        raise ValueError("nothing to read")
def begun():
    if kind == "no room":
        os.fork = no_room
    print("begun", flush=True)
fork, workers._LONGEST_PAUSE_S = os.fork, 0.2
sys.exit(workers.Workers(2, work, renew=renew, begun=begun).run())
"""


@contextmanager
def working(kind: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    script = SCRIPT.format(root=str(APP.parent))
    with subprocess.Popen(
        [sys.executable, "-c", script, kind, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def counted(folder: Path, name: str) -> int:
    return (folder / name).stat().st_size if (folder / name).exists() else 0


def test_where_the_first_ones_cannot_begin_all_ends(tmp_path: Path) -> None:
    with working("never", tmp_path) as process:
        assert process.wait(PATIENCE_S) == 1
        assert process.stdout and process.stdout.read() == ""
        assert counted(tmp_path, "began") in (1, 2)  # the second may be told to stop before it begins


def test_where_there_is_no_room_for_a_worker_it_is_tried_again(tmp_path: Path) -> None:
    with working("no room", tmp_path) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        waited(lambda: counted(tmp_path, "began") == 3 or None)
        process.send_signal(signal.SIGHUP)
        waited(lambda: counted(tmp_path, "began") >= 5 or None)
        waited(lambda: counted(tmp_path, "ended") == 2 or None)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert counted(tmp_path, "ended") == 4
        assert process.stderr and "no worker can be started now" in process.stderr.read()


def test_a_place_may_be_missed_more_than_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        site = object.__new__(Site)
        site._listeners = [listener]
        site.miss(0)
        site.miss(0)
        listener.listen()
        socket.create_connection(listener.getsockname()).close()


@pytest.mark.parametrize(
    ("kind", "said"), [("no renewal", "nothing to read"), ("later not", "old ones go on")]
)
def test_where_new_ones_cannot_begin_the_old_go_on(tmp_path: Path, kind: str, said: str) -> None:
    with working(kind, tmp_path) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGHUP)
        waited(lambda: counted(tmp_path, "began") >= (3 if kind == "later not" else 2) or None)
        waited(lambda: counted(tmp_path, "renewed") == 1 or None)
        time.sleep(0.5)
        assert counted(tmp_path, "ended") == 0
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert counted(tmp_path, "ended") == 2
        assert process.stderr and said in process.stderr.read()


def test_who_dies_again_and_again_is_replaced_with_pauses(tmp_path: Path) -> None:
    with working("later not", tmp_path) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        victim = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        os.kill(victim, signal.SIGKILL)
        waited(lambda: counted(tmp_path, "began") >= 4 or None)
        assert process.poll() is None
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert counted(tmp_path, "ended") == 1, "the other one has been at work all the time"
