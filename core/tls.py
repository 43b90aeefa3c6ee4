"""A certificate authority of the site's own, made at first start, for use on a LAN without a public name."""

import ipaddress
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.errors import OperatorError

CA_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)
"""Browsers refuse certificates that live longer."""


@dataclass(frozen=True)
class Certificates:
    """Files of the site's own authority and of the certificate it gave the server."""

    authority: Path
    certificate: Path
    key: Path


def lan_address() -> str:
    """The address of this machine that others on the LAN reach, or loopback when it has no route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: no packet is sent by connecting a datagram socket
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def ensure(directory: Path, names: Sequence[str], now: datetime) -> Certificates:
    """Return the certificates, making what is missing, expired within 30 days, or made for other names."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = Certificates(directory / "ca.crt", directory / "server.crt", directory / "server.key")
    authority_key_file = directory / "ca.key"
    if not (found.authority.exists() and authority_key_file.exists()):
        _make_authority(found.authority, authority_key_file, now)
    if not _fits(found.certificate, names, now) or not found.key.exists():
        _make_leaf(found, authority_key_file, names, now)
    return found


def renew(directory: Path, now: datetime, *, authority: bool) -> datetime:
    """Make a new server key and certificate for the same names, with ``authority`` under a new authority as well.

    Returns until when the certificate lasts. Raises ``OperatorError`` where this site never made any.
    """
    files = Certificates(directory / "ca.crt", directory / "server.crt", directory / "server.key")
    key_file = directory / "ca.key"
    if not (files.certificate.exists() and key_file.exists()):
        raise OperatorError(f"{directory} holds no certificates of our own: yuanjian serve --lan makes them")
    parsed = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    alternative = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = [str(name.value) for name in alternative]
    if authority:
        _make_authority(files.authority, key_file, now)
    _make_leaf(files, key_file, names, now)
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).not_valid_after_utc


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with the given files."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def _fits(certificate: Path, names: Sequence[str], now: datetime) -> bool:
    if not certificate.exists():
        return False
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    alternative = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(alternative) == set(_general_names(names)) and parsed.not_valid_after_utc > now + timedelta(days=30)


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _builder(subject: str, issuer: str, now: datetime, life: timedelta) -> x509.CertificateBuilder:
    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + life)
    )


_AUTHORITY = "Yuanjian site authority"


def _make_authority(certificate: Path, key_file: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    made = (
        _builder(_AUTHORITY, _AUTHORITY, now, CA_LIFE)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _make_leaf(files: Certificates, authority_key_file: Path, names: Sequence[str], now: datetime) -> None:
    authority_key = serialization.load_pem_private_key(authority_key_file.read_bytes(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        _builder(names[0], _AUTHORITY, now, LEAF_LIFE)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write_key(files.key, key)
    files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
