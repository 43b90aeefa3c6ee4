"""Connectivity checks, the only STUN an ICE-lite agent answers (RFC 8445 2.5, RFC 8489).

Read and written here and not by aioice: a browser checks each of its ways every few seconds for as long as it is
there, and that was most of what a silent endpoint cost.
"""

import hmac
import socket
import struct
import zlib
from dataclasses import dataclass

BINDING_REQUEST, BINDING_SUCCESS = 0x0001, 0x0101
COOKIE = 0x2112A442
USERNAME, MESSAGE_INTEGRITY, XOR_MAPPED_ADDRESS, FINGERPRINT = 0x0006, 0x0008, 0x0020, 0x8028
PRIORITY, USE_CANDIDATE, ICE_CONTROLLED = 0x0024, 0x0025, 0x8029
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_ADDRESS = struct.Struct("!HHBBH")
_WORD = struct.Struct("!I")
_INTEGRITY = 24
"""Bytes of the MESSAGE-INTEGRITY attribute; FINGERPRINT takes 8."""
_FINGERPRINT_XOR = 0x5354554E

HOST_PRIORITY = 126 << 24 | 65_535 << 8 | 255
"""Of the only candidate of its component (RFC 8445 5.1.2.1)."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A message with MESSAGE-INTEGRITY that is well formed; not yet authenticated."""

    username: bytes
    nominated: bool
    transaction: bytes
    covered: bytes
    """What MESSAGE-INTEGRITY is made over."""
    integrity: bytes

    def authentic(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY was made with ``password`` (RFC 8489 9.1)."""
        return hmac.compare_digest(self.integrity, hmac.digest(password.encode(), self.covered, "sha1"))


@dataclass(frozen=True, slots=True)
class Check(Signed):
    """A Binding request to us."""

    local_ufrag: str
    remote_ufrag: str


def parse_check(data: bytes) -> Check | None:
    """Return the connectivity check in ``data``, or None for anything else, however malformed."""
    signed = _signed(BINDING_REQUEST, data)
    if signed is None:
        return None
    local, colon, remote = signed.username.decode("ascii", "replace").partition(":")
    if not colon or ":" in remote:
        return None
    return Check(signed.username, signed.nominated, signed.transaction, signed.covered, signed.integrity, local, remote)


def parse_answer(data: bytes) -> Signed | None:
    """Return the Binding success response in ``data``, or None for anything else, however malformed."""
    return _signed(BINDING_SUCCESS, data)


def _signed(expected: int, data: bytes) -> Signed | None:
    """Read a message of one kind. Attributes behind MESSAGE-INTEGRITY are nobody's word (RFC 8489 14.5)."""
    if len(data) < _HEADER.size:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != expected or cookie != COOKIE or length != len(data) - _HEADER.size:
        return None
    username, nominated, at = b"", False, _HEADER.size
    while at + 4 <= len(data):
        name, size = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + 4 : at + 4 + size]
        if name == USERNAME:
            username = value
        elif name == USE_CANDIDATE:
            nominated = True
        elif name == MESSAGE_INTEGRITY:
            covered = _HEADER.pack(kind, at - _HEADER.size + _INTEGRITY, cookie, transaction) + data[_HEADER.size : at]
            return Signed(username, nominated, transaction, covered, value)
        at += 4 + (size + 3 & ~3)
    return None


def success(check: Check, source: tuple[str, int], password: str) -> bytes:
    """Return the success response to ``check`` that came from ``source`` (RFC 8489 6.3.1.1)."""
    return _sign(BINDING_SUCCESS, check.transaction, _mapped(source, check.transaction), password)


def request(transaction: bytes, local_ufrag: str, remote_ufrag: str, password: str) -> bytes:
    """Return a connectivity check of ours (RFC 8445 7.2.2) under their ``password``; we are always controlled."""
    name = f"{remote_ufrag}:{local_ufrag}".encode()
    body = _ATTRIBUTE.pack(USERNAME, len(name)) + name + bytes(-len(name) % 4)
    body += _ATTRIBUTE.pack(PRIORITY, 4) + _WORD.pack(HOST_PRIORITY)
    body += _ATTRIBUTE.pack(ICE_CONTROLLED, 8) + bytes(8)
    return _sign(BINDING_REQUEST, transaction, body, password)


def _sign(kind: int, transaction: bytes, body: bytes, password: str) -> bytes:
    """The message with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 14.5, 14.7)."""
    signed = _HEADER.pack(kind, len(body) + _INTEGRITY, COOKIE, transaction) + body
    integrity = _ATTRIBUTE.pack(MESSAGE_INTEGRITY, 20) + hmac.digest(password.encode(), signed, "sha1")
    whole = _HEADER.pack(kind, len(body) + _INTEGRITY + 8, COOKIE, transaction) + body + integrity
    return whole + _ATTRIBUTE.pack(FINGERPRINT, 4) + _WORD.pack(zlib.crc32(whole) ^ _FINGERPRINT_XOR)


def _mapped(source: tuple[str, int], transaction: bytes) -> bytes:
    """XOR-MAPPED-ADDRESS (RFC 8489 14.2)."""
    host, port = source[0].partition("%")[0], source[1]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = socket.inet_pton(family, host)
    mask = int.from_bytes((_WORD.pack(COOKIE) + transaction)[: len(address)], "big")
    hidden = (int.from_bytes(address, "big") ^ mask).to_bytes(len(address), "big")
    number = 2 if family == socket.AF_INET6 else 1
    return _ADDRESS.pack(XOR_MAPPED_ADDRESS, 4 + len(address), 0, number, port ^ COOKIE >> 16) + hidden
