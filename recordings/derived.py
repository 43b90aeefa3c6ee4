"""Derived files: stored encrypted in chunks that can be read in any order, each with a signed sidecar.

Layout of a file: 72-byte header, then chunks of 65 536 bytes of content, each stored as 12 bytes of nonce, ciphertext
and 16 bytes of tag. Header, big-endian: magic ``YJD1`` · 16 bytes of SHA-256(recording id) · 16 random bytes of salt ·
content length (8 bytes) · nonce (12) … tag; the tag authenticates everything before it. Key = HKDF-SHA256(data key,
salt, ``yuanjian/derived/1\\n`` + recording tag); associated data of a chunk = its index (8 bytes) + salt.
"""

import base64
import hashlib
import os
import struct
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recordings.canonical import canonical, parsed
from recordings.filesystem import Disk
from recordings.frames import derive, recording_tag
from recordings.keys import SiteKeys, is_signed

MAGIC = b"YJD1"
CHUNK = 64 * 1024
_SLOT = CHUNK + 28
_HEAD = struct.Struct(">4s16s16sQ")
HEADER = _HEAD.size + 28
_CACHED = 64
DOMAIN = b"yuanjian/derived/1\n"
PROTECTED = "protected-"
"""How the name of a composed file begins that hides somebody's face and voice."""


class DerivedError(Exception):
    """A derived file cannot be opened: ``derived-malformed``, ``derived-foreign``, ``derived-altered``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _cipher(data_key: bytes, salt: bytes, tag: bytes) -> AESGCM:
    return AESGCM(derive(data_key, salt, DOMAIN + tag))


class SealedReader:
    """Random access to the content of one derived file. Not shared between threads."""

    def __init__(self, path: Path, data_key: bytes, recording: str) -> None:
        """Raises ``DerivedError`` and ``OSError``."""
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            header = os.pread(self._fd, HEADER, 0)
            if len(header) != HEADER:
                raise DerivedError("derived-malformed")
            magic, tag, self._salt, self.length = _HEAD.unpack_from(header)
            if magic != MAGIC or tag != recording_tag(recording):
                raise DerivedError("derived-foreign")
            self._cipher = _cipher(data_key, self._salt, tag)
            self._cipher.decrypt(header[_HEAD.size : _HEAD.size + 12], header[-16:], header[: _HEAD.size])
        except InvalidTag:
            os.close(self._fd)
            raise DerivedError("derived-altered") from None
        except DerivedError:
            os.close(self._fd)
            raise
        self._last: tuple[int, bytes] = (-1, b"")

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``. Raises ``DerivedError`` when a chunk was altered."""
        end = min(self.length, offset + max(0, length))
        parts = []
        while offset < end:
            index, start = divmod(offset, CHUNK)
            part = self._chunk(index)[start : start + end - offset]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def chunks(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the content of a range in pieces of at most one chunk."""
        end = self.length if length is None else min(self.length, offset + length)
        while offset < end:
            part = self.read(offset, min(CHUNK - offset % CHUNK, end - offset))
            yield part
            offset += len(part)

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> "SealedReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _chunk(self, index: int) -> bytes:
        if self._last[0] != index:
            plain = _open_chunk(self._cipher, self._salt, index, os.pread(self._fd, _SLOT, HEADER + index * _SLOT))
            if len(plain) != min(CHUNK, self.length - index * CHUNK):
                raise DerivedError("derived-altered")
            self._last = (index, plain)
        return self._last[1]


def _seal_chunk(cipher: AESGCM, salt: bytes, index: int, plain: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + cipher.encrypt(nonce, plain, index.to_bytes(8, "big") + salt)


def _open_chunk(cipher: AESGCM, salt: bytes, index: int, stored: bytes) -> bytes:
    try:
        return cipher.decrypt(stored[:12], stored[12:], index.to_bytes(8, "big") + salt)
    except (InvalidTag, ValueError):
        raise DerivedError("derived-altered") from None


class SealedWriter:
    """A file to write in any order, as muxers do; nothing of it is ever on disk in clear.

    A chunk that is written again gets a new nonce. Memory is bounded by the chunks kept open.
    """

    def __init__(self, disk: Disk, path: Path, data_key: bytes, recording: str) -> None:
        self._disk = disk
        self._tag = recording_tag(recording)
        self._salt = os.urandom(16)
        self._cipher = _cipher(data_key, self._salt, self._tag)
        self._cache: OrderedDict[int, bytearray] = OrderedDict()
        self._stored: set[int] = set()
        self._at = 0
        self.length = 0
        self._fd = disk.open_random(path)

    # What a muxer calls

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while view:
            index, start = divmod(self._at, CHUNK)
            chunk = self._chunk(index)
            part = view[: CHUNK - start]
            if len(chunk) < start:
                chunk.extend(bytes(start - len(chunk)))
            chunk[start : start + len(part)] = part
            self._at += len(part)
            self.length = max(self.length, self._at)
            view = view[len(part) :]
        return len(data)

    def read(self, size: int = -1) -> bytes:
        end = self.length if size < 0 else min(self.length, self._at + size)
        parts = []
        while self._at < end:
            index, start = divmod(self._at, CHUNK)
            chunk = bytes(self._chunk(index)[start : start + end - self._at])
            if not chunk:
                break
            parts.append(chunk)
            self._at += len(chunk)
        return b"".join(parts)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self.length)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def finish(self) -> tuple[str, str]:
        """Make everything durable and close; return the SHA-256 of the content and of the file as stored."""
        for index in list(self._cache):
            self._store(index, bytes(self._cache.pop(index)))
        head = _HEAD.pack(MAGIC, self._tag, self._salt, self.length)
        nonce = os.urandom(12)
        head += nonce + self._cipher.encrypt(nonce, b"", head)
        self._disk.write_at(self._fd, 0, head)
        self._disk.sync(self._fd)
        digests = self._digests(head)
        self.discard()
        return digests

    def discard(self) -> None:
        """Close without finishing; what was written cannot be opened."""
        if self._fd >= 0:
            self._disk.close(self._fd)
            self._fd = -1

    def _digests(self, head: bytes) -> tuple[str, str]:
        plain, stored = hashlib.sha256(), hashlib.sha256(head)
        for index in range((self.length + CHUNK - 1) // CHUNK):
            slot = os.pread(self._fd, _SLOT, HEADER + index * _SLOT)
            stored.update(slot)
            plain.update(_open_chunk(self._cipher, self._salt, index, slot))
        return plain.hexdigest(), stored.hexdigest()

    def _chunk(self, index: int) -> bytearray:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        while len(self._cache) >= _CACHED:
            old, data = self._cache.popitem(last=False)
            self._store(old, bytes(data))
        chunk = bytearray()
        if index in self._stored:
            slot = os.pread(self._fd, _SLOT, HEADER + index * _SLOT)
            chunk = bytearray(_open_chunk(self._cipher, self._salt, index, slot))
        self._cache[index] = chunk
        return chunk

    def _store(self, index: int, plain: bytes) -> None:
        """All chunks but the last are whole: a muxer that skipped ahead left zeros."""
        if (index + 1) * CHUNK <= self.length:
            plain = plain.ljust(CHUNK, b"\0")
        self._disk.write_at(self._fd, HEADER + index * _SLOT, _seal_chunk(self._cipher, self._salt, index, plain))
        self._stored.add(index)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What is signed about a derived file."""

    file: str
    kind: str
    """``participant`` or ``composed``."""
    media_type: str
    endpoint: str
    publication: str
    role: str
    part: int
    start_ms: int
    """Media time at which the file's own time zero lies."""
    duration_ms: int
    length: int
    content_sha256: str
    stored_sha256: str
    recording: str
    chain: str
    """SHA-256 of the last line of the chain it was made from."""
    frames: int
    """How many signed frames it was made from: fewer than the chain names when some could not be opened."""
    made_by: str
    made_at: str
    remarks: Sequence[str]
    sources: Sequence[str] = ()
    """SHA-256 of the content of each participant's file it was composed of, in order; none for those files."""

    def to_json(self) -> dict[str, Any]:
        lists = {"remarks": list(self.remarks), "sources": list(self.sources)}
        return {name: getattr(self, name) for name in self.__slots__} | {"v": 1} | lists


def sign_sidecar(sidecar: Sidecar, site: SiteKeys) -> bytes:
    """One line as in the chain: canonical JSON, TAB, base64 of the site's signature, LF."""
    text = canonical(sidecar.to_json() | {"site": base64.b64encode(site.public()).decode()})
    return text + b"\t" + base64.b64encode(site.sign(DOMAIN + text)) + b"\n"


def read_sidecar(raw: bytes) -> Sidecar | None:
    """Return what a sidecar says when its own signature fits, else ``None``. Whose key it is, the caller checks."""
    body = sidecar_body(raw)
    if body is None or Path(name := str(body.get("file"))).name != name:
        return None
    try:
        values = {name: body[name] for name in Sidecar.__slots__ if name != "sources"}
        lists = {"remarks": tuple(body["remarks"]), "sources": tuple(body.get("sources", ()))}
        return Sidecar(**values | lists)
    except (KeyError, TypeError):
        return None


def sidecar_body(raw: bytes) -> Mapping[str, Any] | None:
    """The signed body of a sidecar with the ``site`` key it names, or ``None``."""
    text, _, coded = raw.rstrip(b"\n").partition(b"\t")
    try:
        body = parsed(text)
        site, signature = base64.b64decode(str(body["site"])), base64.b64decode(coded, validate=True)
    except (ValueError, KeyError, TypeError):
        return None
    return body if is_signed(site, signature, DOMAIN + text) else None


def sidecars(directory: Path) -> list[Sidecar]:
    """The derived files of a recording that have a fitting sidecar, in order of name."""
    if not directory.is_dir():
        return []
    found = (read_sidecar(path.read_bytes()) for path in sorted(directory.glob("*.json")) if path.is_file())
    return [item for item in found if item is not None and (directory / item.file).is_file()]


def sources_of(made: Iterable[Sidecar]) -> tuple[str, ...]:
    """What ``Sidecar.sources`` says of a film composed of these participants' files."""
    return tuple(sorted(item.content_sha256 for item in made if item.kind == "participant"))


def outdated(made: Sequence[Sidecar]) -> frozenset[str]:
    """Names of composed films whose participants' files have been made anew since. Films that do not say what they
    were composed of are not among them."""
    now = sources_of(made)
    return frozenset(item.file for item in made if item.sources and tuple(item.sources) != now)
