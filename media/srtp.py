"""SRTP in place on preallocated buffers: pylibsrtp's own calls without its copies.

``pylibsrtp.Session`` copies every packet twice and raises plain ``ValueError`` above 1500 bytes. Here the caller
owns the buffer, and a failure is a number.
"""

from typing import Any

from pylibsrtp._binding import ffi, lib

CAPACITY = 2048
"""Bytes of a packet buffer: more than any packet plus its trailer."""
MAX_PACKET = 1500
TRAILER = 16 + 4
"""Most bytes protection adds: GCM tag and SRTCP index."""

protect_rtp = lib.srtp_protect
protect_rtcp = lib.srtp_protect_rtcp
unprotect_rtp = lib.srtp_unprotect
unprotect_rtcp = lib.srtp_unprotect_rtcp

REPLAYED = (9, 10)
"""libsrtp's codes for a repeated or too old packet; any other non-zero code is a failed authentication."""


class Buffer:
    """One packet in memory shared with libsrtp: ``data`` for Python, ``pointer`` and ``length`` for the library."""

    __slots__ = ("data", "length", "pointer", "view")

    def __init__(self) -> None:
        self.data = bytearray(CAPACITY)
        self.view = memoryview(self.data)
        self.pointer: Any = pointer(self.data)
        self.length: Any = length()


def pointer(data: bytearray) -> Any:
    """Where ``data`` lies, for libsrtp; a number of bytes can be added. ``data`` must not be resized."""
    return ffi.from_buffer(data)


def length() -> Any:
    """A length that libsrtp reads and writes."""
    return ffi.new("int *")


def handle(session: Any) -> Any:
    """Return libsrtp's own handle of a ``pylibsrtp.Session``; the session must be kept alive beside it."""
    return session._srtp[0]
