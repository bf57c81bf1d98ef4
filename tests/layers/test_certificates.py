"""`wangge cert`: what an own authority vouches for, by a handshake; and that nothing is overwritten or half-made."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import app
from layers import certificates
from layers.certificates import CA, CA_KEY, SERVER, SERVER_KEY, hosts_of, look, make, renew
from layers.cli import Context
from layers.problems import BadParameter, StoreExists, ValidationError
from layers.text import Language

NOW = datetime.now(UTC).replace(microsecond=0)  # as certificates have it
FILES = {CA, CA_KEY, SERVER, SERVER_KEY}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certificates"


def run(*arguments: str | Path, language: Language = "en", now: datetime = NOW) -> Result:
    context = Context(
        store_url="gpkg:nowhere.gpkg", language=language, data_folder=app.DATA_FOLDER, clock=lambda: now
    )
    return CliRunner().invoke(app.wangge, ["cert", *map(str, arguments)], obj=context)


def handshake(folder: Path, host: str, *, certificate: str = SERVER) -> None:
    """Meet the server as a tablet that trusts this authority alone; raises what the tablet would say."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / certificate, folder / SERVER_KEY, password="")
    trusting = ssl.create_default_context(cafile=str(folder / CA))
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            serving.wrap_socket(there, server_side=True).close()
        except OSError:
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        trusting.wrap_socket(here, server_hostname=host).close()
    finally:
        here.close()
        thread.join()


@pytest.mark.parametrize("host", ["map.example", "10.0.0.5", "fd00::5"])
def test_a_tablet_that_trusts_the_authority_meets_the_server(folder: Path, host: str) -> None:
    make(folder, hosts_of(["map.example", "10.0.0.5", "fd00::5"]), now=NOW)
    handshake(folder, host)


@pytest.mark.parametrize("host", ["map.example", "10.0.0.5", "fd00::5"])
def test_a_name_or_an_address_alone_is_enough(folder: Path, host: str) -> None:
    make(folder, hosts_of([host]), now=NOW)
    handshake(folder, host)


@pytest.mark.parametrize("host", ["other.example", "10.0.0.6"])
def test_the_server_is_nobody_else(folder: Path, host: str) -> None:
    make(folder, hosts_of(["map.example", "10.0.0.5"]), now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(folder, host)


@pytest.mark.parametrize(
    ("hosts", "other"),
    [
        (["map.example"], "bank.example"),
        (["map.example"], "10.0.0.5"),
        (["10.0.0.5"], "bank.example"),
        (["10.0.0.5"], "10.0.0.6"),
    ],
)
def test_who_steals_the_authority_cannot_pass_for_others(folder: Path, hosts: list[str], other: str) -> None:
    make(folder, hosts_of(hosts), now=NOW)
    ca = x509.load_pem_x509_certificate((folder / CA).read_bytes())
    ca_key = load_pem_private_key((folder / CA_KEY).read_bytes(), None)
    key = load_pem_private_key((folder / SERVER_KEY).read_bytes(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    (host,) = hosts_of([other])
    name = x509.DNSName(host) if isinstance(host, str) else x509.IPAddress(host)
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    (folder / "forged.pem").write_bytes(certificates._pem(forged))
    with pytest.raises(ssl.SSLCertVerificationError, match=r"permitted subtree|excluded subtree"):
        handshake(folder, other, certificate="forged.pem")


def test_only_the_owner_may_read_the_files(folder: Path) -> None:
    make(folder, hosts_of(["map.example"]), now=NOW)
    assert {file.name for file in folder.iterdir()} == FILES
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_nothing_is_ever_overwritten(folder: Path) -> None:
    folder.mkdir()
    make(folder, hosts_of(["map.example"]), now=NOW)  # an empty folder will do
    before = {file: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(StoreExists):
        make(folder, hosts_of(["map.example"]), now=NOW)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before
    with pytest.raises(StoreExists):
        make(folder / CA, hosts_of(["map.example"]), now=NOW)


def test_a_failure_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    write = certificates._write

    def fail_at_the_third(file: Path, content: bytes) -> None:
        written.append(file)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        write(file, content)

    monkeypatch.setattr(certificates, "_write", fail_at_the_third)
    with pytest.raises(BadParameter, match="No space left"):
        make(folder, hosts_of(["map.example"]), now=NOW)
    assert list(folder.parent.iterdir()) == []


def test_a_renewed_certificate_takes_the_place_of_the_old_one(folder: Path) -> None:
    made = make(folder, hosts_of(["map.example", "10.0.0.5"]), now=NOW - timedelta(days=390))
    kept = {name: (folder / name).read_bytes() for name in FILES - {SERVER}}
    renewed = renew(folder, now=NOW, days=100)
    assert renewed.hosts == made.hosts == ("map.example", "10.0.0.5")
    assert renewed.server_until - NOW == pytest.approx(timedelta(days=100), abs=timedelta(seconds=1))
    assert renewed.fingerprint == made.fingerprint
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert {file.name for file in folder.iterdir()} == FILES
    handshake(folder, "map.example")


def test_an_ended_certificate_is_not_taken_until_it_is_renewed(folder: Path) -> None:
    make(folder, hosts_of(["map.example"]), now=NOW - timedelta(days=400))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(folder, "map.example")
    renew(folder, now=NOW)
    handshake(folder, "map.example")


def test_an_authority_near_its_end_vouches_for_nobody(folder: Path) -> None:
    make(folder, hosts_of(["map.example"]), now=NOW - timedelta(days=certificates.CA_DAYS - 100))
    renew(folder, now=NOW, days=99)
    with pytest.raises(BadParameter, match="ends on"):
        renew(folder, now=NOW, days=101)


def test_renewing_needs_the_authoritys_key(folder: Path) -> None:
    make(folder, hosts_of(["map.example"]), now=NOW)
    before = (folder / SERVER).read_bytes()
    (folder / CA_KEY).unlink()
    with pytest.raises(BadParameter, match="put it back"):
        renew(folder, now=NOW)
    assert (folder / SERVER).read_bytes() == before
    assert look(folder).hosts == ("map.example",)
    make(folder / "other", hosts_of(["map.example"]), now=NOW)
    (folder / CA_KEY).write_bytes((folder / "other" / CA_KEY).read_bytes())
    with pytest.raises(BadParameter, match="not the key of"):
        renew(folder, now=NOW)
    assert (folder / SERVER).read_bytes() == before
    (folder / SERVER).write_bytes(b"-----BEGIN CERTIFICATE-----\nx\n")
    with pytest.raises(BadParameter, match="cannot be read"):
        look(folder)


def test_host_names_are_read_or_refused_all_at_once() -> None:
    assert hosts_of(["MAP.example", "例子.测试", "[fd00::5]", "10.0.0.5", "map.example"]) == (
        "map.example",
        "xn--fsqu00a.xn--0zwm56d",
        ip_address("fd00::5"),
        ip_address("10.0.0.5"),
    )
    wrong = ["https://map.example", "a..b", "", "*.example", "10.0.0.256", "-a.example", "a b", "map:8443"]
    with pytest.raises(ValidationError) as caught:
        hosts_of([*wrong, "map.example"])
    assert [problem.value for problem in caught.value.problems] == wrong


def test_the_command_says_what_to_install_and_how_to_serve(folder: Path) -> None:
    done = run("make", "--host", "map.example", "--host", "10.0.0.5", "--folder", folder)
    assert done.exit_code == 0, done.output
    assert look(folder).fingerprint in done.output
    assert f"--certificate {folder}/server.pem --key {folder}/server-key.pem" in done.output
    assert "WANGGE_ADDRESS=https://map.example:8443" in done.output
    assert f"{NOW + timedelta(days=397):%Y-%m-%d}" in done.output
    again = run("make", "--host", "map.example", "--folder", folder)
    assert again.exit_code == 1
    assert "wangge cert renew" in again.output
    chinese = run("show", "--folder", folder, language="zh")
    assert "CA 指纹" in chinese.output
    assert "Authority" not in chinese.output


def test_the_command_warns_before_the_end(folder: Path) -> None:
    run("make", "--host", "map.example", "--folder", folder, "--days", "100")
    assert "ends in" not in run("show", "--folder", folder, now=NOW + timedelta(days=69)).output
    assert "ends in 29 days" in run("show", "--folder", folder, now=NOW + timedelta(days=71)).output
    assert "has ended" in run("show", "--folder", folder, now=NOW + timedelta(days=101)).output
    renewed = run("renew", "--folder", folder, now=NOW + timedelta(days=101))
    assert renewed.exit_code == 0
    assert "SIGHUP" in renewed.output


def test_a_folder_without_certificates_is_named(folder: Path) -> None:
    for command in ("show", "renew"):
        done = run(command, "--folder", folder)
        assert done.exit_code == 1
        assert "wangge cert make" in done.output
    assert run("make", "--host", "a b", "--folder", folder).exit_code == 1
    assert not folder.exists()
