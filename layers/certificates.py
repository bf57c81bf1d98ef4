"""An own certificate authority and a server's certificate of it, for networks that no public authority serves.

Tablets work without a network only over https, and browsers take certificates only of authorities that they trust. Where
there is no other, `make` makes one that can vouch for the given names and for nothing else (RFC 5280, name
constraints), so that whoever steals its key cannot pass for others.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from layers.problems import BadParameter, Problem, StoreExists, ValidationError, WanggeError
from layers.text import Text, both

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import (
        Certificate,
        CertificateBuilder,
        GeneralName,
        KeyUsage,
        Name,
        NameConstraints,
    )

CA, CA_KEY, SERVER, SERVER_KEY = "ca.pem", "ca-key.pem", "server.pem", "server-key.pem"
CA_DAYS = 3650
SERVER_DAYS = 397
"""What browsers accept of public authorities; of an own one some take longer, none less."""
MOST_SERVER_DAYS = 825
"""Longer ones are refused by iPadOS, whoever vouches for them."""
SOON_DAYS = 30
_EARLIER = timedelta(hours=1)
"""Tablets' clocks may be slow."""
_MOST_CN = 64
_NOBODY = "invalid"
"""A name that nobody can have (RFC 6761)."""

Host = str | IPv4Address | IPv6Address


@dataclass(frozen=True)
class Certificates:
    """What there is in a folder.

    Attributes
    ----------
    hosts : tuple of str
        Names and addresses that the server may have.
    ca_until, server_until : datetime
    fingerprint : str
        SHA-256 of the authority's certificate, in pairs of hexadecimal digits: tablets show it as well.
    """

    folder: Path
    hosts: tuple[str, ...]
    ca_until: datetime
    server_until: datetime
    fingerprint: str


def hosts_of(names: Sequence[str]) -> tuple[Host, ...]:
    """Read host names and IP addresses.

    Raises
    ------
    ValidationError
        Names every one that is neither.
    """
    found: list[Host] = []
    problems = []
    for name in names:
        try:
            found.append(_host(name.strip()))
        except ValueError:
            problems.append(
                Problem(
                    Text("既不是主机名，也不是 IP 地址。", "This is neither a host name nor an IP address."),
                    Text(
                        "写成 map.example 或 10.0.0.5，不带 https:// 和端口。",
                        "Write map.example or 10.0.0.5, without https:// and port.",
                    ),
                    field="--host",
                    value=name,
                )
            )
    if problems or not found:
        raise ValidationError(Text("主机名有误。", "The host names are not right."), problems)
    return tuple(dict.fromkeys(found))


def _host(name: str) -> Host:
    try:
        return ip_address(name.strip("[]"))
    except ValueError:
        plain = name.encode("idna").decode("ascii").lower()
    labels = plain.split(".")
    if not all(label and label.strip("-") == label for label in labels) or labels[-1].isdigit():
        raise ValueError(name)
    if not plain.replace("-", "").replace(".", "").isalnum() or len(plain) > 253:
        raise ValueError(name)
    return plain


def make(folder: Path, hosts: Sequence[Host], *, now: datetime, days: int = SERVER_DAYS) -> Certificates:
    """Make an authority and a server's certificate in a new folder, all or nothing; only its owner may read it.

    Raises
    ------
    StoreExists
        There is something in the folder already: it is never overwritten.
    BadParameter
        The folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreExists(
            Text("{f} 里已有文件，不会覆盖。", "There are files in {f}, which are not overwritten.").format(
                f=folder
            ),
            Text(
                "续期用 wangge cert renew；要另建一套，请用 --folder 给出新文件夹。",
                "Renew by `wangge cert renew`, or give a new folder by --folder.",
            ),
        )
    ca_key, server_key = _new_key(), _new_key()
    ca = _authority(ca_key, hosts, now)
    server = _server(server_key, hosts, ca, ca_key, now=now, days=days)
    contents = {
        CA: _pem(ca),
        CA_KEY: _key_pem(ca_key),
        SERVER: _pem(server),
        SERVER_KEY: _key_pem(server_key),
    }
    try:
        _write_folder(folder, contents)
    except OSError as error:
        raise _not_written(folder, error) from error
    return look(folder)


def renew(folder: Path, *, now: datetime, days: int = SERVER_DAYS) -> Certificates:
    """Give the server's key a new certificate of the same names, in the place of the old one.

    Raises
    ------
    BadParameter
        There is no authority with its own key in the folder, or its time runs out before.
    """
    from cryptography.x509.oid import ExtensionOID

    ca, server = _read(folder, CA), _read(folder, SERVER)
    ca_key, key = _read_key(folder, CA_KEY), _read_key(folder, SERVER_KEY)
    if ca_key.public_key() != ca.public_key():
        raise BadParameter(
            Text("{k} 不是 {c} 的私钥。", "{k} is not the key of {c}.").format(
                k=folder / CA_KEY, c=folder / CA
            ),
            Text("请放回与它一起建立的私钥。", "Put the key back that was made with it."),
        )
    if now + timedelta(days=days) > ca.not_valid_after_utc:
        raise BadParameter(
            Text(
                "内部 CA 到 {d} 为止，来不及再签 {n} 天。",
                "The authority itself ends on {d}: it cannot vouch for {n} days more.",
            ).format(d=f"{ca.not_valid_after_utc:%Y-%m-%d}", n=days),
            Text(
                "请用 wangge cert make --folder 另建一套，并在平板上换装。",
                "Make new ones by `wangge cert make --folder` and install them on the tablets.",
            ),
        )
    names = server.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    made = _server(key, [one.value for one in names], ca, ca_key, now=now, days=days)  # type: ignore[attr-defined]
    partial = folder / f".{SERVER}.new"
    try:
        partial.unlink(missing_ok=True)
        _write(partial, _pem(made))
        partial.replace(folder / SERVER)
    except OSError as error:
        raise _not_written(folder, error) from error
    return look(folder)


def look(folder: Path) -> Certificates:
    """Return what certificates there are in a folder; `BadParameter` where there are none."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtensionOID

    ca, server = _read(folder, CA), _read(folder, SERVER)
    names = server.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    return Certificates(
        folder=folder,
        hosts=tuple(str(one.value) for one in names),  # type: ignore[attr-defined]
        ca_until=ca.not_valid_after_utc,
        server_until=server.not_valid_after_utc,
        fingerprint=":".join(f"{byte:02X}" for byte in ca.fingerprint(SHA256())),
    )


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _general(host: Host) -> GeneralName:
    from cryptography import x509

    return x509.DNSName(host) if isinstance(host, str) else x509.IPAddress(host)


def _authority(key: EllipticCurvePrivateKey, hosts: Sequence[Host], now: datetime) -> Certificate:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    title = f"Wangge CA {now:%Y-%m-%d} ({hosts[0]})"[:_MOST_CN]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    made = _begun(name, name, key, now, CA_DAYS)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(_usage(signs=True), critical=True)
    made = made.add_extension(_constraints(hosts), critical=True)
    return _signed(made, key)


def _constraints(hosts: Sequence[Host]) -> NameConstraints:
    """Return what the authority may vouch for: these names and addresses, and nothing else of either kind."""
    from cryptography import x509

    names = [host for host in hosts if isinstance(host, str)]
    addresses = [host for host in hosts if not isinstance(host, str)]
    permitted: list[GeneralName] = [x509.DNSName(name) for name in names or [_NOBODY]]
    permitted += [x509.IPAddress(ip_network(address)) for address in addresses]
    everywhere = [x509.IPAddress(ip_network(text)) for text in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints(permitted, None if addresses else everywhere)


def _server(
    key: EllipticCurvePrivateKey,
    hosts: Sequence[Host],
    ca: Certificate,
    ca_key: EllipticCurvePrivateKey,
    *,
    now: datetime,
    days: int,
) -> Certificate:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    # No host name: where there is none among the names, OpenSSL holds one that looks like it against the constraints.
    title = f"Wangge ({hosts[0]})"[:_MOST_CN]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    made = _begun(name, ca.subject, key, now, days)
    made = made.add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(_usage(signs=False), critical=True)
    made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    whose = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return _signed(made.add_extension(whose, critical=False), ca_key)


def _begun(
    name: Name, issuer: Name, key: EllipticCurvePrivateKey, now: datetime, days: int
) -> CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - _EARLIER)
        .not_valid_after(now.astimezone(UTC) + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(made: CertificateBuilder, key: EllipticCurvePrivateKey) -> Certificate:
    from cryptography.hazmat.primitives.hashes import SHA256

    return made.sign(key, SHA256())


def _pem(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(folder: Path, name: str) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate((folder / name).read_bytes())
    except (OSError, ValueError) as error:
        raise _not_read(folder / name) from error


def _read_key(folder: Path, name: str) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key((folder / name).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise _not_read(folder / name) from error
    if not isinstance(found, EllipticCurvePrivateKey):
        raise _not_read(folder / name)
    return found


def _not_read(file: Path) -> WanggeError:
    return BadParameter(
        Text("读不出 {f}。", "{f} cannot be read.").format(f=file),
        Text(
            "请用 --folder 给出 wangge cert make 建立的文件夹；私钥若另存他处，请先放回。",
            "Give by --folder the folder that `wangge cert make` has made; where a key is kept elsewhere, put it back.",
        ),
    )


def _not_written(folder: Path, error: OSError) -> WanggeError:
    return BadParameter(
        Text("无法写入 {f}：{w}。", "{f} cannot be written: {w}.").format(
            f=folder, w=both(error.strerror or str(error))
        ),
        Text("请用 --folder 给出可写的位置。", "Give by --folder a place that can be written."),
    )


def _write_folder(folder: Path, contents: dict[str, bytes]) -> None:
    """Put files into a new folder, or into one that is empty, all at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # mode 0700
    try:
        for name, content in contents.items():
            _write(partial / name, content)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write(file: Path, content: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
