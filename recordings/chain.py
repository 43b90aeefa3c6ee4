"""The chain: signed, hash-linked records, one per line. Pure: values in, values out.

    line = canonical JSON (RFC 8785) · TAB · base64(Ed25519 signature) · LF

The signature is over ``yuanjian/chain/1\\n`` + JSON; ``prev`` is the SHA-256 of the whole previous line. ``genesis`` is
signed by the site key, everything after it by the key of the take it belongs to, which the take's own record names and
the site key certifies.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recordings.canonical import canonical, instant, parse_instant
from recordings.keys import decode, decode_key, is_signed

DOMAIN = b"yuanjian/chain/1\n"
TAKE_DOMAIN = b"yuanjian/take/1\n"
PROFILE = "Ed25519+SHA-256+AES-256-GCM"
FIRST = "0" * 64
MAX_LINE = 1 << 20


def sha256(data: bytes | bytearray | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Merkle:
    """The root of RFC 6962 section 2.1 over lines added one after the other, in memory of the tree's height."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, line: bytes) -> None:
        size, node = 1, hashlib.sha256(b"\0" + line).digest()
        while self._peaks and self._peaks[-1][0] == size:
            node = hashlib.sha256(b"\1" + self._peaks.pop()[1] + node).digest()
            size *= 2
        self._peaks.append((size, node))

    def root(self) -> str:
        if not self._peaks:
            return sha256(b"")
        node = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            node = hashlib.sha256(b"\1" + left + node).digest()
        return node.hex()


@dataclass(slots=True)
class Writing:
    """The growing end of a chain: makes the next line of it."""

    recording: str
    number: int = 0
    head: str = FIRST
    tree: Merkle = field(default_factory=Merkle)

    def line(
        self, kind: str, key: Ed25519PrivateKey, take: int, at: datetime, ms: int, members: Mapping[str, Any]
    ) -> bytes:
        """Return the next line and count it in. ``at`` is wall time, ``ms`` media time, both of this instant."""
        body = self.body(kind, take, at, ms, members)
        return self.add(encode_line(body, key.sign(DOMAIN + body)))

    def body(self, kind: str, take: int, at: datetime, ms: int, members: Mapping[str, Any]) -> bytes:
        """The JSON of the next line, for a signer elsewhere."""
        common = {
            "v": 1,
            "profile": PROFILE,
            "recording": self.recording,
            "n": self.number,
            "type": kind,
            "take": take,
            "at": instant(at),
            "ms": ms,
            "prev": self.head,
        }
        return canonical({**members, **common})

    def add(self, line: bytes) -> bytes:
        self.tree.add(line)
        self.head = sha256(line)
        self.number += 1
        return line


def encode_line(body: bytes, signature: bytes) -> bytes:
    return body + b"\t" + base64.b64encode(signature) + b"\n"


def certificate(recording: str, take: int, key: bytes) -> bytes:
    """The message by which the site key certifies a take's public key."""
    return TAKE_DOMAIN + canonical({"recording": recording, "take": take, "key": b64(key)})


@dataclass(frozen=True, slots=True)
class Line:
    """One line as found. ``cause`` is empty when it is what it was when signed, and in its place."""

    index: int
    raw: bytes
    body: Mapping[str, Any]
    """Empty when the line cannot be read or its signature does not fit: then nothing it says is believed."""
    cause: str
    """``line-unreadable``, ``line-altered``, ``line-foreign`` (no key for it), ``line-moved`` or ``lines-missing``
    (signed, but not in its place, or lines before it are gone), or empty."""

    @property
    def is_signed(self) -> bool:
        return bool(self.body)


@dataclass(frozen=True, slots=True)
class Walk:
    """Everything a chain file says, line by line."""

    lines: tuple[Line, ...]
    tail: bytes
    """What follows the last line feed: a line torn while it was written."""
    sites: tuple[bytes, ...]
    """Public halves of the site keys that certified what is here."""

    def signed(self, kind: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Bodies of the lines that can be believed, in order."""
        return (line.body for line in self.lines if line.body and kind in (None, line.body["type"]))


def walk(raw: bytes) -> Walk:
    """Read a chain. Never raises: what is wrong is said line by line."""
    *pieces, tail = raw.split(b"\n")
    walker = _Walker()
    lines = tuple(walker.take_line(index, piece + b"\n") for index, piece in enumerate(pieces))
    return Walk(lines, tail, tuple(walker.sites))


class _Walker:
    """Follows keys and links from line to line."""

    def __init__(self) -> None:
        self.sites: list[bytes] = []
        self._recording: str | None = None
        self._key = b""
        self._take = 0
        self._next = 0
        self._prev = FIRST
        self._doubt = False
        """Whether the previous line failed, so that a link to what it was cannot be checked here."""

    def take_line(self, index: int, raw: bytes) -> Line:
        parsed = parse_line(raw)
        if parsed is None:
            return self._failed(index, raw, "line-unreadable")
        body, signature, text = parsed
        cause = self._check_signature(body, signature, DOMAIN + text)
        if cause:
            return self._failed(index, raw, cause)
        cause = self._place(body)
        self._next, self._prev, self._doubt = body["n"] + 1, sha256(raw), False
        return Line(index, raw, body, cause)

    def _place(self, body: Mapping[str, Any]) -> str:
        """After a failed line nothing tells how many it was, so only a step back is a finding of its own."""
        if body["n"] < self._next:
            return "line-moved"
        if self._doubt:
            return ""
        if body["n"] > self._next:
            return "lines-missing"
        return "" if body["prev"] == self._prev else "line-moved"

    def _failed(self, index: int, raw: bytes, cause: str) -> Line:
        self._next, self._prev, self._doubt = self._next + 1, sha256(raw), True
        return Line(index, raw, {}, cause)

    def _check_signature(self, body: Mapping[str, Any], signature: bytes, message: bytes) -> str:
        if self._recording not in (None, body["recording"]):
            return "line-foreign"
        if body["type"] == "genesis":
            site = decode_key(body.get("site"))
            if not is_signed(site, signature, message):
                return "line-altered"
            self._trust(body, site)
            return ""
        if body["type"] == "take":
            return self._check_take(body, signature, message)
        if not self._key or body["take"] != self._take:
            return "line-foreign"
        return "" if is_signed(self._key, signature, message) else "line-altered"

    def _check_take(self, body: Mapping[str, Any], signature: bytes, message: bytes) -> str:
        key, site = decode_key(body.get("key")), decode_key(body.get("site"))
        said = certificate(body["recording"], body["take"], key)
        if not (is_signed(site, decode(body.get("cert")), said) and is_signed(key, signature, message)):
            return "line-altered"
        if body["take"] <= self._take:
            return "line-foreign"
        self._trust(body, site)
        self._key, self._take = key, body["take"]
        return ""

    def _trust(self, body: Mapping[str, Any], site: bytes) -> None:
        self._recording = body["recording"]
        if site not in self.sites:
            self.sites.append(site)


_SHAPE: Mapping[str, type] = {
    "v": int,
    "profile": str,
    "recording": str,
    "n": int,
    "type": str,
    "take": int,
    "at": str,
    "ms": int,
    "prev": str,
}


def parse_line(raw: bytes) -> tuple[dict[str, Any], bytes, bytes] | None:
    """Return body, signature and the signed text of one line, or ``None`` when it is not one."""
    if len(raw) > MAX_LINE or not raw.endswith(b"\n"):
        return None
    text, tab, coded = raw[:-1].partition(b"\t")
    try:
        signature = base64.b64decode(coded, validate=True)
        body = json.loads(text)
        if not tab or b64(signature).encode() != coded or canonical(body) != text:
            return None
    except (ValueError, RecursionError, binascii.Error, AttributeError):
        return None
    if not isinstance(body, dict) or any(type(body.get(name)) is not kind for name, kind in _SHAPE.items()):
        return None
    if (body["v"], body["profile"]) != (1, PROFILE) or not _has_members(body):
        return None
    return body, signature, text


_MEMBERS: Mapping[str, Mapping[str, str]] = {
    "genesis": {"session": "text", "kind": "text", "policy": "text", "keys": "text", "site": "text"},
    "take": {"key": "text", "cert": "text", "site": "text", "boot": "text", "mono_ns": "digits", "utc_ns": "digits"},
    "track": {"event": "text", "track": "count"},
    "frame": {
        "segment": "count",
        "frame": "count",
        "offset": "count",
        "length": "count",
        "stored": "text",
        "plain": "text",
        "from_ms": "count",
        "to_ms": "count",
        "packets": "count",
        "tracks": "object",
    },
    "gap": {"from_ms": "count", "to_ms": "count", "cause": "text"},
    "log": {"number": "count", "entry_at": "text", "public": "object", "private": "object", "stored": "text"},
    "timestamp": {"of": "count", "digest": "text", "token": "text"},
    "recovered": {"last_n": "count", "last_ms": "count", "aside": "list"},
    "close": {"reason": "text", "root": "text", "frames": "count", "duration_ms": "count", "gaps": "count"},
}
_IS: Mapping[str, Callable[[object], bool]] = {
    "text": lambda value: isinstance(value, str),
    "digits": lambda value: isinstance(value, str) and len(value) < 24 and value.isascii() and value.isdigit(),
    "count": lambda value: type(value) is int and value >= 0,
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
}


def _has_members(body: Mapping[str, Any]) -> bool:
    """Whether a record has what its type requires, so that readers need not ask again."""
    members = _MEMBERS.get(body["type"])
    try:
        parse_instant(body["at"])
    except ValueError:
        return False
    return (
        members is not None
        and min(body["n"], body["take"], body["ms"]) >= 0
        and all(_IS[kind](body.get(name)) for name, kind in members.items())
    )
