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
USERNAME, MESSAGE_INTEGRITY, XOR_MAPPED_ADDRESS, USE_CANDIDATE, FINGERPRINT = 0x0006, 0x0008, 0x0020, 0x0025, 0x8028
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
class Check:
    """A Binding request that is well formed; not yet authenticated."""

    local_ufrag: str
    remote_ufrag: str
    nominated: bool
    transaction: bytes
    covered: bytes
    """What MESSAGE-INTEGRITY is made over."""
    integrity: bytes

    def authentic(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY was made with our ``password`` for this peer (RFC 8489 9.1)."""
        return hmac.compare_digest(self.integrity, hmac.digest(password.encode(), self.covered, "sha1"))


def parse_check(data: bytes) -> Check | None:
    """Return the connectivity check in ``data``, or None for anything else, however malformed.

    Attributes behind MESSAGE-INTEGRITY are nobody's word and not read (RFC 8489 14.5).
    """
    if len(data) < _HEADER.size:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or cookie != COOKIE or length != len(data) - _HEADER.size:
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
            return _check(username, nominated, transaction, covered, value)
        at += 4 + (size + 3 & ~3)
    return None


def _check(username: bytes, nominated: bool, transaction: bytes, covered: bytes, integrity: bytes) -> Check | None:
    local, colon, remote = username.decode("ascii", "replace").partition(":")
    if not colon or ":" in remote:
        return None
    return Check(local, remote, nominated, transaction, covered, integrity)


def parse_answer(data: bytes) -> stun.Message | None:
    """Return the Binding success response in ``data``; not yet authenticated. None for anything else."""
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error, IndexError):
        return None
    answer = message.message_method == stun.Method.BINDING and message.message_class == stun.Class.RESPONSE
    return message if answer and "MESSAGE-INTEGRITY" in message.attributes else None


def request(transaction: bytes, local_ufrag: str, remote_ufrag: str, remote_password: str) -> bytes:
    """Return a connectivity check of ours (RFC 8445 7.2.2); we are always controlled."""
    message = stun.Message(
        message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST, transaction_id=transaction
    )
    message.attributes["USERNAME"] = f"{remote_ufrag}:{local_ufrag}"
    message.attributes["PRIORITY"] = HOST_PRIORITY
    message.attributes["ICE-CONTROLLED"] = 0
    message.add_message_integrity(remote_password.encode())
    return bytes(message)


def success(check: Check, source: tuple[str, int], password: str) -> bytes:
    """Return the success response to ``check`` that came from ``source`` (RFC 8489 6.3.1.1)."""
    body = _mapped(source, check.transaction)
    signed = _HEADER.pack(BINDING_SUCCESS, len(body) + _INTEGRITY, COOKIE, check.transaction) + body
    integrity = _ATTRIBUTE.pack(MESSAGE_INTEGRITY, 20) + hmac.digest(password.encode(), signed, "sha1")
    whole = _HEADER.pack(BINDING_SUCCESS, len(body) + _INTEGRITY + 8, COOKIE, check.transaction) + body + integrity
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
