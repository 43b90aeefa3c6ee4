"""A frame: one second of a segment, encrypted under a key used once.

Layout, big-endian: magic ``YJF1`` · 16 bytes of SHA-256(recording id) · take · segment · frame · flags · length of
what follows the header · 16 random bytes of salt; then AES-256-GCM ciphertext and tag. The 56-byte header is the
associated data. Key = HKDF-SHA256(data key, salt, ``yuanjian/frame/1\\n`` + header), nonce twelve zero bytes: the salt
is fresh for every write, so no key ever meets two plaintexts.
"""

import hashlib
import os
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"YJF1"
HEADER = struct.Struct(">4s16sIIIII16s")
TAG = 16
AROUND = HEADER.size + TAG
"""Bytes of a frame beside what it holds."""
LAST = 1
"""Flag: no frame follows in this segment."""

Data = bytes | bytearray | memoryview
_INFO = b"yuanjian/frame/1\n"
_NONCE = bytes(12)


class FrameError(Exception):
    """A frame cannot be opened; ``code`` is ``frame-malformed``, ``frame-foreign`` or ``frame-altered``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a frame says of itself before it is opened."""

    recording: bytes
    take: int
    segment: int
    frame: int
    flags: int
    length: int
    salt: bytes

    def pack(self) -> bytes:
        return HEADER.pack(
            MAGIC, self.recording, self.take, self.segment, self.frame, self.flags, self.length, self.salt
        )


def recording_tag(recording: str) -> bytes:
    """The sixteen bytes that bind a frame to its recording."""
    return hashlib.sha256(recording.encode()).digest()[:16]


def derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) to 32 bytes."""
    return HKDF(SHA256(), 32, salt, info).derive(key)


def seal(key: bytes, recording: bytes, take: int, segment: int, frame: int, flags: int, data: Data) -> bytearray:
    """Return header and ciphertext of one frame. ``recording`` is ``recording_tag``'s."""
    stored = bytearray(len(data) + AROUND)
    seal_into(stored, key, recording, take, segment, frame, flags, data)
    return stored


def seal_into(
    stored: bytearray, key: bytes, recording: bytes, take: int, segment: int, frame: int, flags: int, data: Data
) -> int:
    """Put what ``seal`` returns at the beginning of ``stored``, which is large enough; return its length."""
    header = FrameHeader(recording, take, segment, frame, flags, len(data) + TAG, os.urandom(16)).pack()
    length = len(data) + AROUND
    stored[: HEADER.size] = header
    with memoryview(stored) as whole, whole[HEADER.size : length] as body:
        AESGCM(derive(key, header[-16:], _INFO + header)).encrypt_into(_NONCE, data, header, body)
    return length


def read_header(stored: bytes) -> FrameHeader:
    """Return the header at the start of ``stored``. Raises ``FrameError``."""
    if len(stored) < HEADER.size:
        raise FrameError("frame-malformed")
    magic, *fields = HEADER.unpack_from(stored)
    if magic != MAGIC:
        raise FrameError("frame-malformed")
    return FrameHeader(*fields)


def open_frame(key: bytes, recording: bytes, stored: bytes) -> bytes:
    """Return what one whole stored frame holds. Raises ``FrameError``."""
    header = read_header(stored)
    if header.recording != recording:
        raise FrameError("frame-foreign")
    if len(stored) != HEADER.size + header.length:
        raise FrameError("frame-malformed")
    packed = stored[: HEADER.size]
    try:
        return AESGCM(derive(key, header.salt, _INFO + packed)).decrypt(_NONCE, stored[HEADER.size :], packed)
    except InvalidTag:
        raise FrameError("frame-altered") from None
