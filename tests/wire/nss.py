"""A certificate authority that a Chromium trusts: in the NSS database of a home directory, as a person would import it.

Debian's ``certutil`` is not needed: the library that Chromium reads the database with writes it too.
"""

import ctypes
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

LIBRARY = "libnss3.so"
_TRUSTED = b"C,,"
"""Trusted to issue certificates of TLS servers, as ``certutil -t C,,`` says it."""


class _Item(ctypes.Structure):
    _fields_ = (("type", ctypes.c_uint), ("data", ctypes.c_char_p), ("length", ctypes.c_uint))


def trust(home: Path, authority: x509.Certificate) -> None:
    """Have browsers whose ``HOME`` is ``home`` trust what ``authority`` certifies."""
    certificate = authority.public_bytes(Encoding.DER)
    directory = home / ".pki" / "nssdb"
    directory.mkdir(parents=True)
    nss = ctypes.CDLL(LIBRARY)
    for name in ("PK11_GetInternalKeySlot", "CERT_GetDefaultCertDB", "CERT_NewTempCertificate"):
        getattr(nss, name).restype = ctypes.c_void_p
    _done(nss.NSS_InitReadWrite(f"sql:{directory}".encode()))
    try:
        slot = ctypes.c_void_p(nss.PK11_GetInternalKeySlot())
        database = ctypes.c_void_p(nss.CERT_GetDefaultCertDB())
        _done(nss.PK11_InitPin(slot, None, b""))
        item = _Item(0, certificate, len(certificate))
        made = ctypes.c_void_p(nss.CERT_NewTempCertificate(database, ctypes.byref(item), None, 0, 1))
        assert made, "the NSS library cannot read the certificate"
        _done(nss.PK11_ImportCert(slot, made, 0, b"test authority", 0))
        wanted = (ctypes.c_uint * 3)()
        _done(nss.CERT_DecodeTrustString(wanted, _TRUSTED))
        _done(nss.CERT_ChangeCertTrust(database, made, wanted))
        nss.CERT_DestroyCertificate(made)
        nss.PK11_FreeSlot(slot)
    finally:
        nss.NSS_Shutdown()


def _done(status: int) -> None:
    assert status == 0, "the NSS library refused"
