"""The site's own certificate authority."""

import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from core.clock import FakeClock
from core.tls import LEAF_LIFE, ensure, server_context


def test_server_certificate_is_trusted_through_the_authority(tmp_path: Path, clock: FakeClock) -> None:
    """The server's certificate names its addresses and verifies against the authority's."""
    made = ensure(tmp_path, ("192.0.2.7", "localhost"), clock.now())
    leaf = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    leaf.verify_directly_issued_by(authority)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    assert isinstance(server_context(made.certificate, made.key), ssl.SSLContext)


def test_keys_are_readable_by_their_owner_only(tmp_path: Path, clock: FakeClock) -> None:
    """Both private keys have mode 0600."""
    ensure(tmp_path, ("localhost",), clock.now())
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")} == {0o600}


def test_certificate_is_kept_until_it_nears_its_end(tmp_path: Path, clock: FakeClock) -> None:
    """A second start changes nothing; near expiry, or for another address, a new certificate is made."""
    first = ensure(tmp_path, ("localhost",), clock.now()).certificate.read_bytes()
    assert ensure(tmp_path, ("localhost",), clock.now()).certificate.read_bytes() == first
    clock.advance((LEAF_LIFE - timedelta(days=10)).total_seconds())
    second = ensure(tmp_path, ("localhost",), clock.now()).certificate.read_bytes()
    assert second != first
    assert ensure(tmp_path, ("192.0.2.7",), clock.now()).certificate.read_bytes() != second
